package acceptance

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"
)

const loginDoors = allDoors + "[imaps]\nlisten = \"127.0.0.1:0\"\n[pop3s]\nlisten = \"127.0.0.1:0\"\n"

// dialect is how a protocol wraps SASL.
type dialect struct {
	door             string
	hello            string // what is said first, or ""
	start            string // begins the command
	challenge, taken string // how lines of the server begin
}

// A library's SCRAM client logs in at every door, the channel bound or not, and
// is sure that it speaks with the server that knows its password.
func TestSCRAMAtEveryDoor(t *testing.T) {
	h := newHouse(t, loginDoors)
	for _, d := range []dialect{
		{"submissions", "EHLO client.example", "AUTH ", "334 ", "235"},
		{"imaps", "", "a AUTHENTICATE ", "+ ", "a OK"},
		{"pop3s", "", "AUTH ", "+ ", "+OK"},
	} {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"} {
			t.Run(d.door+" "+mechanism, func(t *testing.T) {
				if got := h.scram(t, d, mechanism, password, false); !strings.HasPrefix(got, d.taken) {
					t.Errorf("answered %q", got)
				}
				if got := h.scram(t, d, mechanism, "wrong", true); strings.HasPrefix(got, d.taken) {
					t.Errorf("a wrong password is answered %q", got)
				}
			})
		}
	}
}

// scram runs the exchange and returns the last line.
func (h *house) scram(t *testing.T, d dialect, mechanism, password string, wrong bool) string {
	t.Helper()
	conn, err := tls.Dial("tcp", h.doors[d.door], &tls.Config{InsecureSkipVerify: true}) // self-signed
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	in := bufio.NewReader(conn)
	line := func() string {
		s, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimRight(s, "\r\n")
	}
	line()
	if d.hello != "" {
		fmt.Fprintf(conn, "%s\r\n", d.hello)
		for s := line(); len(s) > 3 && s[3] == '-'; s = line() {
		}
	}
	c, err := scram.SHA256.NewClient(robin, password, "")
	if err != nil {
		t.Fatal(err)
	}
	talk := c.NewConversation()
	if strings.HasSuffix(mechanism, "-PLUS") {
		state := conn.ConnectionState()
		data, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
		if err != nil {
			t.Fatal(err)
		}
		talk = c.NewConversationWithChannelBinding(scram.ChannelBinding{Type: scram.ChannelBindingTLSExporter, Data: data})
	}
	said, err := talk.Step("")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "%s%s %s\r\n", d.start, mechanism, base64.StdEncoding.EncodeToString([]byte(said)))
	for {
		got := line()
		text, is := strings.CutPrefix(got, d.challenge)
		if !is {
			if !wrong && !talk.Valid() {
				t.Errorf("the client does not believe the server, which said %q", got)
			}
			return got
		}
		challenge, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		if said, err = talk.Step(string(challenge)); err != nil {
			t.Fatalf("%q: %v", challenge, err)
		}
		fmt.Fprintf(conn, "%s\r\n", base64.StdEncoding.EncodeToString([]byte(said)))
	}
}

// mbsync with Cyrus SASL's SCRAM, and Python's imaplib with PLAIN.
func TestMailProgramsLogInWithMechanisms(t *testing.T) {
	h := newHouse(t, loginDoors)
	h.deliver(letter("tides", "High water at noon."))
	t.Run("imaplib", func(t *testing.T) {
		script := filepath.Join(t.TempDir(), "imap.py")
		text := `
import imaplib, ssl, sys
host, port = sys.argv[1].rsplit(":", 1)
def dial():
    return imaplib.IMAP4_SSL(host, int(port), ssl_context=ssl._create_unverified_context())
m = dial()
assert "AUTH=SCRAM-SHA-256" in m.capabilities and "SASL-IR" in m.capabilities, m.capabilities
m.authenticate("PLAIN", lambda _: ("\0" + sys.argv[2] + "\0" + sys.argv[3]).encode())
assert m.select("INBOX")[1] == [b"1"]
m.logout()
m = dial()
answers = iter([sys.argv[2].encode(), sys.argv[3].encode()])
m.authenticate("LOGIN", lambda _: next(answers))
m.logout()
m = dial()
m.login(sys.argv[2], sys.argv[3])
m.logout()
m = dial()
try:
    m.authenticate("PLAIN", lambda _: ("\0" + sys.argv[2] + "\0wrong").encode())
    raise SystemExit("let in")
except m.error:
    pass
`
		if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, ok := h.program("python3", script, h.doors["imaps"], robin, password); !ok {
			t.Fatalf("imaplib: %s", out)
		}
	})
	t.Run("mbsync with SCRAM", func(t *testing.T) {
		if found, _ := filepath.Glob("/usr/lib/*/sasl2/libscram.so"); len(found) == 0 {
			t.Skip("Cyrus SASL has no SCRAM here (Debian's libsasl2-modules)")
		}
		maildir, rc := filepath.Join(t.TempDir(), "mail"), filepath.Join(t.TempDir(), "mbsyncrc")
		_, port, _ := net.SplitHostPort(h.doors["imaps"])
		text := fmt.Sprintf("IMAPAccount house\nHost localhost\nPort %s\nUser %s\nPass %q\nSSLType IMAPS\nCertificateFile %s\nAuthMechs SCRAM-SHA-256\n\n"+
			"IMAPStore far\nAccount house\n\nMaildirStore near\nPath %s/\nInbox %s/INBOX\n\nChannel all\nFar :far:\nNear :near:\nCreate Near\n",
			port, robin, password, filepath.Join(h.Dir, "data", "tls", "self-signed.crt"), maildir, maildir)
		if err := os.WriteFile(rc, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(maildir, 0o700); err != nil {
			t.Fatal(err)
		}
		if out, ok := h.program("mbsync", "-c", rc, "all"); !ok {
			t.Fatalf("mbsync: %s", out)
		}
		if got, _ := filepath.Glob(filepath.Join(maildir, "INBOX", "new", "*")); len(got) != 1 {
			t.Errorf("%d messages in the Maildir", len(got))
		}
	})
	t.Run("swaks picks one", func(t *testing.T) {
		if out, ok := swaks(t, with([]string{"--server", h.doors["submission"], "-tls", "--auth", "--auth-user", robin, "--auth-password", password, "--from", robin}, "any")...); !ok {
			t.Errorf("not taken:\n%s", out)
		}
	})
}
