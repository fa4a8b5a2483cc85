package acceptance

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

const fetchDoors = mailboxDoors + "[pop3]\nlisten = \"127.0.0.1:0\"\n[pop3s]\nlisten = \"127.0.0.1:0\"\n"

// A program that fetches mail and deletes it wakes a phone, from which it goes
// too.
func TestFetchmailTakesTheMailByPOP3(t *testing.T) {
	h := newHouse(t, fetchDoors)
	p, inbox := h.settled("POP3", eas.V161)
	for i := range 3 {
		h.deliver(letter(fmt.Sprint("letter ", i), ".\r\n..Text."))
	}
	h.sync(p, inbox, phone.SyncOptions{})
	answer := h.pinging(t.Context(), p, inbox)
	h.held(1)
	host, port, _ := net.SplitHostPort(h.doors["pop3s"])
	spool, rc := filepath.Join(h.Dir, "spool"), filepath.Join(h.Dir, "fetchmailrc")
	text := fmt.Sprintf("poll %s protocol POP3 service %s uidl user %q password %q ssl sslcertck sslcertfile %q sslcommonname \"localhost\" mda \"cat >> %s\" fetchall nokeep\n",
		host, port, robin, password, filepath.Join(h.Dir, "data", "tls", "self-signed.crt"), spool)
	if err := os.WriteFile(rc, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, ok := h.program("fetchmail", "-f", rc, "--pidfile", filepath.Join(h.Dir, "fetchmail.pid"), "-N"); !ok {
		t.Fatalf("fetchmail: %s", out)
	}
	got, err := os.ReadFile(spool)
	if err != nil || bytes.Count(got, []byte("Subject: letter ")) != 3 || bytes.Count(got, []byte("\n.\n..Text.")) != 3 {
		t.Errorf("fetched %q, %v", got, err)
	}
	h.woken(answer)
	if got := h.sync(p, inbox, phone.SyncOptions{}); len(got.Deleted) != 3 {
		t.Errorf("the phone was told %+v", got)
	}
	h.fsck()
}

func TestCurlFetchesByPOP3(t *testing.T) {
	h := newHouse(t, fetchDoors)
	h.deliver(letter("tides", "High water at noon."))
	curl := func(args ...string) (string, bool) {
		return h.program("curl", append([]string{"-s", "-S", "-k", "-u", robin + ":" + password}, args...)...)
	}
	pops, plain := "pop3s://"+h.doors["pop3s"], "pop3://"+h.doors["pop3"]
	for _, args := range [][]string{
		{pops + "/1"}, {"--ssl-reqd", plain + "/1"}, {"--login-options", "AUTH=PLAIN", pops + "/1"},
		{"--login-options", "AUTH=LOGIN", pops + "/1"}, {"--login-options", "AUTH=*", pops + "/1"},
		{"-X", "TOP 1 100", pops},
	} {
		if out, ok := curl(args...); !ok || !strings.Contains(out, "High water at noon.") {
			t.Errorf("%v: read %q", args, out)
		}
	}
	if out, ok := curl(pops); !ok || !strings.HasPrefix(out, "1 ") {
		t.Errorf("listed %q", out)
	}
	if out, ok := curl(plain + "/1"); ok {
		t.Errorf("a password passed in the clear: %q", out)
	}
	if out, ok := curl("-u", robin+":wrong", pops+"/1"); ok {
		t.Errorf("a wrong password: %q", out)
	}
}

// poplib is Python's.
func TestPythonFetchesByPOP3(t *testing.T) {
	h := newHouse(t, fetchDoors)
	h.Run("grüne Wiese\n", "user", "add", "wren@acceptance.example", "--password-stdin")
	for i := range 2 {
		h.deliver(letter(fmt.Sprint("letter ", i), "Text."))
	}
	script := filepath.Join(t.TempDir(), "pop.py")
	text := `
import poplib, ssl, sys
host, port = sys.argv[1].rsplit(":", 1)
context = ssl._create_unverified_context()
p = poplib.POP3(host, int(port))
assert "STLS" in p.capa() and "SASL" not in p.capa(), p.capa()
p.stls(context)
capa = p.capa()
assert "SCRAM-SHA-256" in capa["SASL"] and capa["EXPIRE"] == ["NEVER"] and "PIPELINING" in capa, capa
try:
    p.user(sys.argv[2]); p.pass_("wrong")
    raise SystemExit("let in")
except poplib.error_proto as e:
    assert b"[AUTH]" in e.args[0], e
p.user(sys.argv[2]); p.pass_(sys.argv[3])
assert p.stat()[0] == 2, p.stat()
uids = p.uidl()[1]
assert len(uids) == 2 and uids[0].split()[1] == p.uidl(1).split()[2], uids
size = int(p.list(1).split()[2])
lines = p.retr(1)[1]
assert b"Subject: letter 0" in lines and sum(len(l) + 2 for l in lines) == size, (lines, size)
assert lines[:3] == p.top(1, 0)[1][:3]
p.dele(1); p.rset(); p.dele(2); p.noop()
p.quit()
p = poplib.POP3_SSL(sys.argv[4].rsplit(":", 1)[0], int(sys.argv[4].rsplit(":", 1)[1]), context=context)
p.utf8()
p.user(sys.argv[2]); p.pass_(sys.argv[3])
assert p.uidl()[1] == uids[:1], p.uidl()
p.quit()
`
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, ok := h.program("python3", script, h.doors["pop3"], robin, password, h.doors["pop3s"]); !ok {
		t.Fatalf("poplib: %s", out)
	}
	h.fsck()
}
