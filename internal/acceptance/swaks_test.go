package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

const allDoors = "[https]\nlisten = \"127.0.0.1:0\"\nhttp2 = true\n[submission]\nlisten = \"127.0.0.1:0\"\n[submissions]\nlisten = \"127.0.0.1:0\"\n[lmtp]\nlisten = \"unix:lmtp.sock\"\n"

// swaks runs swaks and returns its transcript and whether the mail was taken.
func swaks(t *testing.T, args ...string) (string, bool) {
	t.Helper()
	path, err := exec.LookPath("swaks")
	if err != nil {
		t.Skip("swaks is not installed")
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	return string(out), err == nil
}

// swaks, which many administrators try a mail server with, delivers through
// every door, and a phone gets all of it.
func TestSwaksDeliversAndThePhoneGetsIt(t *testing.T) {
	h := newHouse(t, allDoors)
	h.Run("secret\n", "user", "add", "wren@acceptance.example", "--password-stdin", "--alias", "w@acceptance.example")
	file := filepath.Join(t.TempDir(), "tide.csv")
	if err := os.WriteFile(file, []byte("high,low\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	auth := []string{"--auth-user", "wren@acceptance.example", "--auth-password", "secret", "--from", "w@acceptance.example"}
	stranger := []string{"--from", "stranger@elsewhere.example"}
	lmtp := filepath.Join(h.Dir, "lmtp.sock")
	taken := map[string][]string{
		"plain":              append([]string{"--server", h.doors["smtp"]}, stranger...),
		"pipelined":          append([]string{"--server", h.doors["smtp"], "--pipeline"}, stranger...),
		"STARTTLS":           append([]string{"--server", h.doors["smtp"], "-tls"}, stranger...),
		"with a file":        append([]string{"--server", h.doors["smtp"], "--attach", "@" + file}, stranger...),
		"plus address":       append([]string{"--server", h.doors["smtp"], "--to", "robin+tides@acceptance.example"}, stranger...),
		"AUTH PLAIN":         append([]string{"--server", h.doors["submission"], "-tls", "--auth", "PLAIN"}, auth...),
		"AUTH LOGIN":         append([]string{"--server", h.doors["submission"], "-tls", "--auth", "LOGIN"}, auth...),
		"TLS from the start": append([]string{"--server", h.doors["submissions"], "--tls-on-connect", "--auth", "PLAIN"}, auth...),
		"LMTP":               append([]string{"--socket", lmtp, "--protocol", "LMTP"}, stranger...),
	}
	for name, args := range taken {
		if out, ok := swaks(t, with(args, name)...); !ok {
			t.Errorf("%s: not taken:\n%s", name, out)
		}
	}
	refused := map[string][]string{
		"unknown user":        append([]string{"--server", h.doors["smtp"], "--to", "nobody@acceptance.example"}, stranger...),
		"relay":               append([]string{"--server", h.doors["smtp"], "--to", "victim@elsewhere.example"}, stranger...),
		"submission unasked":  append([]string{"--server", h.doors["submission"]}, stranger...),
		"AUTH without TLS":    append([]string{"--server", h.doors["submission"], "--auth", "PLAIN"}, auth...),
		"a wrong password":    append([]string{"--server", h.doors["submission"], "-tls", "--auth", "PLAIN"}, append(auth[:3:3], "wrong", "--from", "w@acceptance.example")...),
		"another's address":   append([]string{"--server", h.doors["submission"], "-tls", "--auth", "PLAIN"}, append(auth[:4:4], "--from", robin)...),
		"AUTH on the MX door": append([]string{"--server", h.doors["smtp"], "-tls", "--auth", "PLAIN"}, auth...),
	}
	for name, args := range refused {
		if out, ok := swaks(t, with(args, name)...); ok {
			t.Errorf("%s: taken:\n%s", name, out)
		}
	}

	p, inbox := h.settled("SWAKS", eas.V161)
	got := map[string]phone.Item{}
	h.sync(p, inbox, phone.SyncOptions{})
	for _, it := range p.View(inbox) {
		got[it.Subject] = it
	}
	for name := range taken {
		if it, ok := got["by swaks: "+name]; !ok {
			t.Errorf("the phone lacks what came %s", name)
		} else if want := strings.Count(name, "file"); it.Files != want {
			t.Errorf("%s: %d files, want %d", name, it.Files, want)
		}
	}
	if len(got) != len(taken) {
		t.Errorf("%d messages came, want %d", len(got), len(taken))
	}
}

func with(args []string, name string) []string {
	base := []string{"--helo", "swaks.elsewhere.example", "--h-Subject", "by swaks: " + name, "--timeout", "20"}
	if !strings.Contains(strings.Join(args, " "), "--to ") {
		base = append(base, "--to", robin)
	}
	return append(base, args...)
}

// smtp-source of Postfix delivers many messages in parallel sessions.
func TestSMTPSourceDelivers(t *testing.T) {
	path, err := exec.LookPath("smtp-source")
	if err != nil {
		t.Skip("smtp-source (Debian's postfix) is not installed")
	}
	h := newHouse(t, "")
	out, err := exec.CommandContext(t.Context(), path, "-s", "10", "-m", "500", "-l", "5000", "-f", "a@b.example", "-t", robin, h.SMTP).CombinedOutput()
	if err != nil {
		t.Fatalf("smtp-source: %v\n%s", err, out)
	}
	p, inbox := h.settled("SOURCE", eas.V161)
	if n := h.sync(p, inbox, phone.SyncOptions{}).Adds; n != 500 {
		t.Errorf("%d messages came, want 500", n)
	}
}
