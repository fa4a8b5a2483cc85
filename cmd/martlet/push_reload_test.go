package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail/announce"
	"martlet/push"
	"martlet/push/pushtest"
)

// An app whose key Apple does not know is woken as soon as the right one is
// configured, without a restart.
func TestAKeyIsMendedWhileTheServerRuns(t *testing.T) {
	apple, err := pushtest.NewAPNs()
	if err != nil {
		t.Fatal(err)
	}
	defer apple.Close()
	other, err := pushtest.NewAPNs()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	roots := file("roots.pem", apple.RootsPEM())
	configured := func(name string, a *pushtest.APNs, more string) string {
		key, err := a.NewKey("ABCDE12345", "org.example.mail")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("[push]\napns_server = %q\nroots = %q\n%s[[push.apns]]\nname = \"ios\"\ntopic = \"org.example.mail\"\nkey_file = %q\nkey_id = %q\nteam_id = \"ABCDE12345\"\n",
			apple.HostURL(), roots, more, file(name, key.P8), key.KeyID)
	}
	r := newReloadable(t, configured("wrong.p8", other, ""))
	ctx := t.Context()
	err = r.directory.AddDomain(ctx, directory.Domain{Name: "example.org"})
	var ada directory.Account
	if err == nil {
		ada, err = r.directory.AddUser(ctx, directory.Account{Login: "ada@example.org", ActiveSync: true}, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	reg, _, err := r.apps.Add(ctx, announce.Registration{
		Account: ada.ID, Kind: push.APNs, App: "ios", Device: "phone", Token: apple.Install("org.example.mail"), Mode: push.Alert,
	})
	if err != nil {
		t.Fatal(err)
	}
	try := func() push.Result {
		o, _, err := r.push.door.Try(ctx, &reg)
		if err != nil || o == nil {
			t.Fatal(o, err)
		}
		return o.Result
	}
	if got := try(); got != push.BadApp {
		t.Errorf("with a key of somebody else: %v", got)
	}
	r.write(configured("right.p8", apple, "detail = \"none\"\n"))
	done, err := r.reload(ctx)
	if err != nil || !slices.Equal(done.Changed, []string{"push"}) || !slices.Equal(done.Restart, []string{"push.detail"}) {
		t.Errorf("%+v, %v", done, err)
	}
	if got := try(); got != push.Accepted {
		t.Errorf("with the right key: %v", got)
	}
	if done, err = r.reload(ctx); err != nil || len(done.Changed) != 0 || len(done.Restart) != 1 {
		t.Errorf("nothing else was changed: %+v, %v", done, err)
	}
	r.write("[push.webpush]\nsubject = \"nobody\"\n")
	if _, err := r.reload(ctx); err == nil {
		t.Error("a wrong section is taken")
	}
	if got := try(); got != push.Accepted {
		t.Errorf("after a wrong one: %v", got)
	}
}

// IMAP offers to wake Apple's Mail app as soon as the certificate is configured,
// and no longer than it is.
func TestAppleMailIsOfferedAsItIsConfigured(t *testing.T) {
	apple, err := pushtest.NewAPNs()
	if err != nil {
		t.Fatal(err)
	}
	defer apple.Close()
	const topic = appleMailTopic + "8ae2b2a7-0000-4000-8000-000000000001"
	cert, key, err := apple.NewCertificate(topic, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{"cert.pem": cert, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const without = "[imap]\nlisten = \"127.0.0.1:0\"\n"
	with := without + fmt.Sprintf("[[push.apns]]\nname = \"mail\"\ntopic = %q\ncert = %q\ncert_key = %q\n", topic, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	r := newReloadable(t, without)
	offered := func() bool {
		t.Helper()
		conn, err := net.Dial("tcp", r.Addr("imap"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		greeting, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(greeting, "XAPPLEPUSHSERVICE")
	}
	for _, step := range []struct {
		text string
		want bool
	}{{without, false}, {with, true}, {without, false}} {
		r.write(step.text)
		if _, err := r.reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if offered() != step.want {
			t.Errorf("offered: %v, with\n%s", !step.want, step.text)
		}
	}
}
