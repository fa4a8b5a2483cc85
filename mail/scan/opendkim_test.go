package scan

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"martlet/mail"
)

// opendkim is a real milter: it is told a message of ours and signs it.
func TestOpendkimSignsThroughTheMilterProtocol(t *testing.T) {
	program, err := exec.LookPath("opendkim")
	if err != nil {
		t.Skip("opendkim is not installed")
	}
	dir := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private := filepath.Join(dir, "key.pem")
	if err := os.WriteFile(private, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	none := filepath.Join(dir, "opendkim.conf")
	if err := os.WriteFile(none, []byte("Mode s\nInternalHosts 127.0.0.1\nCanonicalization relaxed/simple\nRequireSafeKeys no\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "-f", "-x", none, "-d", "example.org", "-s", "sel", "-k", private, "-p", "inet:"+port+"@127.0.0.1")
	var said strings.Builder
	command.Stderr = &said
	if err := command.Start(); err != nil {
		t.Skipf("opendkim does not start: %v", err)
	}
	defer command.Wait()
	defer command.Process.Kill()
	f := NewMilter(MilterConfig{Address: "127.0.0.1:" + port, Hostname: "mx.example.org"})
	until := time.Now().Add(10 * time.Second)
	for f.Ping(t.Context()) != nil {
		if time.Now().After(until) {
			t.Skipf("opendkim does not answer: %s", said.String())
		}
	}
	m := asked("From: anna@example.org\r\nTo: b@example.com\r\nDate: Sun, 1 Mar 2026 12:00:00 +0000\r\nSubject: a subject\r\n that is folded\r\n\r\nHello\r\n" + strings.Repeat("a line of text\r\n", 10_000))
	m.Auth.Submission = true
	m.Env.From = "anna@example.org"
	m.Client = &mail.Client{Helo: "phone", Account: 1, Login: "anna@example.org"}
	found, err := f.Scan(t.Context(), m)
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	head, rest, _ := strings.Cut(string(found.Raw), "From: anna")
	if !strings.HasPrefix(head, "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=example.org; s=sel;") || "From: anna"+rest != string(m.Raw) {
		t.Fatalf("signed: %q", head)
	}
	verify(t, found.Raw, &key.PublicKey)
}
