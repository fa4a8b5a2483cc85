package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"martlet/directory"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestAServerThatCannotListenLeavesNothingOpen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := Config{StorePath: filepath.Join(t.TempDir(), "data"), HTTP: []string{"127.0.0.1:0"}, SMTP: []string{taken.Addr().String()}}
	if _, err := startServer(t.Context(), c, quiet()); err == nil || !strings.Contains(err.Error(), "[smtp] listen") {
		t.Fatalf("a port that is taken: %v", err)
	}
	c.SMTP = nil // the store and the other port are free again
	s, err := startServer(t.Context(), c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := startServer(t.Context(), c, quiet()); err == nil || !strings.Contains(err.Error(), "is in use: another server or command") {
		t.Errorf("a second server on the same store: %v", err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestEveryDoorOpens(t *testing.T) {
	dir := t.TempDir()
	free := []string{"127.0.0.1:0"}
	c := Config{
		Hostname: "mail.example.org", StorePath: filepath.Join(dir, "data"), HashCost: directory.HashCost{Memory: 16, Time: 1, Threads: 1},
		HTTP: append(free, "[::1]:0"), HTTPS: free, SMTP: free, Submission: free, Submissions: free, LMTP: []string{"unix:" + filepath.Join(dir, "l.sock")},
	}
	s, err := startServer(t.Context(), c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	insecure := &tls.Config{InsecureSkipVerify: true} // self-signed
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: insecure}}
	for _, url := range []string{"http://" + s.Addr("http"), "http://" + s.addresses["http"][1].String(), "https://" + s.Addr("https")} {
		resp, err := client.Post(url+"/Microsoft-Server-ActiveSync", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s answers %s", url, resp.Status)
		}
	}
	greets := func(conn net.Conn, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		b := make([]byte, 200)
		n, err := conn.Read(b)
		if err != nil || !bytes.HasPrefix(b[:n], []byte("220 mail.example.org ")) {
			t.Errorf("%q, %v", b[:n], err)
		}
	}
	greets(net.Dial("tcp", s.Addr("smtp")))
	greets(net.Dial("tcp", s.Addr("submission")))
	greets(tls.Dial("tcp", s.Addr("submissions"), insecure))
	greets(net.Dial("unix", filepath.Join(dir, "l.sock")))
	client.CloseIdleConnections()
	for range 2 {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if _, err := net.Dial("tcp", s.Addr("smtp")); err == nil {
		t.Error("a closed server still listens")
	}
}

func TestASelfSignedCertificateIsKeptUntilItIsNoGood(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	now := time.Now()
	serial := func(host string, at time.Time) string {
		t.Helper()
		p, err := selfSigned(dir, host, at)
		if err != nil {
			t.Fatal(err)
		}
		c, err := tls.LoadX509KeyPair(p.cert, p.key)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
		if !c.Leaf.NotAfter.After(at) {
			t.Error("the certificate has ended")
		}
		return c.Leaf.SerialNumber.String()
	}
	first := serial("mail.example.org", now)
	if serial("mail.example.org", now.AddDate(1, 0, 0)) != first {
		t.Error("a good certificate was replaced")
	}
	if serial("mx.example.org", now) == first {
		t.Error("a certificate for another name was kept")
	}
	second := serial("mx.example.org", now)
	if serial("mx.example.org", now.Add(selfSignedLife)) == second {
		t.Error("a certificate that has ended was kept")
	}
	if info, err := os.Stat(filepath.Join(dir, "self-signed.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v, %v", info.Mode(), err)
	}
}

func TestARenewedCertificateIsTaken(t *testing.T) {
	dir := t.TempDir()
	p, err := selfSigned(dir, "mail.example.org", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p.log = quiet()
	first, err := p.load()
	if err != nil {
		t.Fatal(err)
	}
	later := func() {
		p.checked = p.checked.Add(-2 * recheck)
		p.stamp = p.stamp.Add(-time.Second) // as if the file were older
	}
	if err := os.WriteFile(p.cert, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	later()
	if c, err := p.load(); err != nil || c != first {
		t.Errorf("half-written files turn clients away: %v", err)
	}
	if err := makeSelfSigned(p, []string{"mail.example.org"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if c, err := p.load(); err != nil || c != first {
		t.Errorf("the file is read at every handshake: %v", err)
	}
	later()
	if c, err := p.load(); err != nil || c == first {
		t.Errorf("the new certificate is not taken: %v", err)
	}
}

func TestTheServiceManagerHearsThatWeAreReady(t *testing.T) {
	name := filepath.Join(t.TempDir(), "n")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", name)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- serve(ctx, Config{StorePath: filepath.Join(t.TempDir(), "data"), HTTP: []string{"127.0.0.1:0"}}, launch{log: quiet()})
	}()
	said := func() string {
		b := make([]byte, 100)
		n, err := l.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	if got := said(); got != "READY=1" {
		t.Errorf("said %q", got)
	}
	cancel()
	if got := said(); got != "STOPPING=1" {
		t.Errorf("said %q", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestTheJournalGetsNoSecondTime(t *testing.T) {
	for stream, want := range map[string]bool{"": true, "8:1": false} {
		t.Setenv("JOURNAL_STREAM", stream)
		var b bytes.Buffer
		log, _ := newLogger(&b, &Config{})
		log.Info("hello")
		if got := strings.Contains(b.String(), "time="); got != want {
			t.Errorf("with JOURNAL_STREAM=%q: %s", stream, b.String())
		}
	}
}

func TestHeldPhonesLeaveFilesForTheRest(t *testing.T) {
	for files, want := range map[int]int{1: 1, 1024: 512, 4096: 3584, 20_000: 19_000, 1 << 20: 1<<20 - 2048} {
		if got := heldPhones(files); got != want {
			t.Errorf("%d files allow %d phones, want %d", files, got, want)
		}
	}
}

func TestGeneratedPasswordsDifferAndCanBeTyped(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		p := generatePassword()
		if seen[p] || len(p) != 23 || strings.ContainsAny(p, "0O1lI ") {
			t.Errorf("%q", p)
		}
		seen[p] = true
	}
}

func TestErrorsLoseOurPackagesNames(t *testing.T) {
	for in, want := range map[string]string{
		"admin: directory: no such account: x": "no such account: x",
		"dir.toml:3: user.login: bad":          "dir.toml:3: user.login: bad",
		"open x: no such file":                 "open x: no such file",
		"store":                                "store",
	} {
		if got := plainError(errorText(in)); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

type errorText string

func (e errorText) Error() string { return string(e) }
