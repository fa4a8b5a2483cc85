package acceptance

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
	"martlet/push/pushtest"
)

const mailboxDoors = "[imap]\nlisten = \"127.0.0.1:0\"\n[imaps]\nlisten = \"127.0.0.1:0\"\n"

// program runs a program of Debian's, in an empty home, and returns what it
// says and whether all went well.
func (h *house) program(name string, args ...string) (string, bool) {
	h.t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		h.t.Skip(name + " is not installed")
	}
	cmd := exec.CommandContext(h.t.Context(), path, args...)
	cmd.Env = append(os.Environ(), "HOME="+h.Dir, "FETCHMAILHOME="+h.Dir)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// reader is a mail program's connection to [imaps].
type reader struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (h *house) reader() *reader {
	h.t.Helper()
	conn, err := tls.Dial("tcp", h.doors["imaps"], &tls.Config{InsecureSkipVerify: true}) // self-signed
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		h.t.Fatal(err)
	}
	r := &reader{h.t, conn, bufio.NewReader(conn)}
	r.line()
	r.do("LOGIN " + robin + ` "` + password + `"`)
	return r
}

func (r *reader) line() string {
	r.t.Helper()
	s, err := r.in.ReadString('\n')
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimSuffix(s, "\r\n")
}

// until reads to a line that holds a text, and returns it.
func (r *reader) until(text string) string {
	r.t.Helper()
	for {
		if s := r.line(); strings.Contains(s, text) {
			return s
		}
	}
}

func (r *reader) send(s string) {
	r.t.Helper()
	if _, err := r.conn.Write([]byte(s + "\r\n")); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reader) do(command string) {
	r.t.Helper()
	r.send("a " + command)
	if s := r.until("a "); !strings.HasPrefix(s, "a OK") {
		for !strings.HasPrefix(s, "a ") {
			s = r.until("a ")
		}
		if !strings.HasPrefix(s, "a OK") {
			r.t.Fatalf("%s: %s", command, s)
		}
	}
}

// woken waits for the answer of a Ping, which must name a folder.
func (h *house) woken(answer <-chan string) {
	h.t.Helper()
	if got := <-answer; !strings.HasPrefix(got, "Changes [") {
		h.t.Fatalf("the Ping was answered with %s", got)
	}
}

// A phone and a mail program see each other's changes as they happen: what one
// reads wakes the other.
func TestAPhoneAndAMailProgramWakeEachOther(t *testing.T) {
	h := newHouse(t, mailboxDoors)
	p, inbox := h.settled("BOTH", eas.V161)
	h.deliver(letter("one", "First."))
	h.sync(p, inbox, phone.SyncOptions{})
	r := h.reader()
	r.do("SELECT INBOX")

	answer := h.pinging(t.Context(), p, inbox)
	h.held(1)
	r.do(`STORE 1 +FLAGS (\Seen)`)
	h.woken(answer)
	if got := h.sync(p, inbox, phone.SyncOptions{}); len(got.Changed) != 1 || got.Changed[0].Email.Read == nil || !*got.Changed[0].Email.Read {
		t.Errorf("the phone was told %+v", got)
	}

	r.send("i IDLE")
	r.until("+ ")
	h.deliver(letter("two", "Second."))
	r.until("* 2 EXISTS")
	var second string
	for _, m := range h.sync(p, inbox, phone.SyncOptions{}).Added {
		second = m.ServerID
	}
	h.sync(p, inbox, phone.SyncOptions{Commands: []eas.SyncCommand{phone.MarkRead(second, true)}})
	r.until(`* 2 FETCH (UID 2 FLAGS (\Seen))`)
	h.sync(p, inbox, phone.SyncOptions{Permanent: true, Commands: []eas.SyncCommand{phone.Delete(second)}})
	r.until("* 2 EXPUNGE")
	r.send("DONE")
	r.until("i OK")

	answer = h.pinging(t.Context(), p, inbox)
	h.held(1)
	r.do(`STORE 1 +FLAGS.SILENT (\Deleted)`)
	r.do("EXPUNGE")
	h.woken(answer)
	if got := h.sync(p, inbox, phone.SyncOptions{}); len(got.Deleted) != 1 {
		t.Errorf("the phone was told %+v", got)
	}
	h.fsck()
}

func TestCurlReadsTheMailbox(t *testing.T) {
	h := newHouse(t, mailboxDoors)
	h.deliver(letter("tides", "High water at noon."))
	auth := []string{"-s", "-S", "-k", "-u", robin + ":" + password}
	curl := func(args ...string) string {
		t.Helper()
		out, ok := h.program("curl", append(auth[:len(auth):len(auth)], args...)...)
		if !ok {
			t.Fatalf("curl %v: %s", args, out)
		}
		return out
	}
	imaps, plain := "imaps://"+h.doors["imaps"], "imap://"+h.doors["imap"]
	if out := curl(imaps + "/INBOX;MAILINDEX=1"); !strings.Contains(out, "High water at noon.") || !strings.Contains(out, "Subject: tides") {
		t.Errorf("read %q", out)
	}
	if out := curl("--ssl-reqd", plain+"/INBOX;UID=1;SECTION=TEXT"); !strings.Contains(out, "High water") || strings.Contains(out, "Subject") {
		t.Errorf("read %q", out)
	}
	if out := curl(imaps+"/", "-X", `LIST "" "*"`); !strings.Contains(out, `"Sent Items"`) {
		t.Errorf("listed %q", out)
	}
	file := filepath.Join(t.TempDir(), "draft.eml")
	if err := os.WriteFile(file, []byte(letter("draft", "Not yet.")), 0o600); err != nil {
		t.Fatal(err)
	}
	curl("-T", file, imaps+"/Drafts")
	if out := curl(imaps + "/Drafts?SUBJECT%20draft"); !strings.Contains(out, "* SEARCH 1") {
		t.Errorf("found %q", out)
	}
	if out, ok := h.program("curl", append(auth, plain+"/INBOX;MAILINDEX=1")...); ok {
		t.Errorf("a password passed in the clear: %q", out)
	}
}

// mbsync keeps a Maildir and the mailbox the same, in both directions, and a
// phone sees what it does.
func TestMbsyncKeepsAMaildir(t *testing.T) {
	h := newHouse(t, mailboxDoors)
	p, inbox := h.settled("MBSYNC", eas.V161)
	for i := range 5 {
		h.deliver(letter(fmt.Sprint("letter ", i), "Text."))
	}
	maildir := filepath.Join(t.TempDir(), "mail")
	_, port, _ := net.SplitHostPort(h.doors["imaps"])
	rc := filepath.Join(h.Dir, "mbsyncrc")
	text := fmt.Sprintf("IMAPAccount house\nHost localhost\nPort %s\nUser %s\nPass %q\nSSLType IMAPS\nCertificateFile %s\nAuthMechs PLAIN\n\n"+
		"IMAPStore far\nAccount house\n\nMaildirStore near\nPath %s/\nInbox %s/INBOX\nSubFolders Verbatim\n\n"+
		"Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nRemove None\nExpunge Both\nSyncState *\n",
		port, robin, password, filepath.Join(h.Dir, "data", "tls", "self-signed.crt"), maildir, maildir)
	if err := errors.Join(os.WriteFile(rc, []byte(text), 0o600), os.Mkdir(maildir, 0o700)); err != nil {
		t.Fatal(err)
	}
	mbsync := func() {
		t.Helper()
		if out, ok := h.program("mbsync", "-c", rc, "all"); !ok {
			t.Fatalf("mbsync: %s", out)
		}
	}
	local := func(folder, pattern string) []string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(maildir, folder, "*", pattern))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	mbsync()
	if got := local("INBOX", "*,U=*"); len(got) != 5 {
		t.Fatalf("%d messages in the Maildir", len(got))
	}
	if b, err := os.ReadFile(local("INBOX", "*,U=1:*")[0]); err != nil || !bytes.Contains(b, []byte("letter 0")) {
		t.Errorf("the Maildir has %q, %v", b, err)
	}

	// Here one is read and flagged, one deleted, one written; there one is read.
	rename := func(uid int, flags string) {
		t.Helper()
		from := local("INBOX", fmt.Sprintf("*,U=%d:*", uid))[0]
		base, _, _ := strings.Cut(filepath.Base(from), ":")
		if err := os.Rename(from, filepath.Join(maildir, "INBOX", "cur", base+":2,"+flags)); err != nil {
			t.Fatal(err)
		}
	}
	rename(1, "FS")
	rename(2, "ST")
	if err := os.WriteFile(filepath.Join(maildir, "INBOX", "new", "1.here"), []byte("Subject: from here\n\nNew.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.sync(p, inbox, phone.SyncOptions{})
	for _, it := range p.View(inbox) {
		if it.Subject == "letter 2" {
			h.sync(p, inbox, phone.SyncOptions{Commands: []eas.SyncCommand{phone.MarkRead(it.ServerID, true)}})
		}
	}
	answer := h.pinging(t.Context(), p, inbox)
	h.held(1)
	mbsync()
	h.woken(answer)
	h.sync(p, inbox, phone.SyncOptions{})
	var view []string
	for _, subject := range []string{"letter 0", "letter 1", "letter 2", "letter 3", "letter 4", "from here"} {
		for _, it := range p.View(inbox) {
			if it.Subject == subject {
				view = append(view, fmt.Sprintf("%s %t %d", subject, it.Read, it.Flag))
			}
		}
	}
	if got, want := strings.Join(view, "; "), "letter 0 true 2; letter 2 true 0; letter 3 false 0; letter 4 false 0; from here false 0"; got != want {
		t.Errorf("the phone has %s\nwant %s", got, want)
	}
	if got := local("INBOX", "*,U=3:2,*S*"); len(got) != 1 {
		t.Error("what the phone has read is not read in the Maildir")
	}
	mbsync() // nothing is left to do
	h.fsck()
}

func TestFetchmailTakesTheMail(t *testing.T) {
	h := newHouse(t, mailboxDoors)
	for i := range 3 {
		h.deliver(letter(fmt.Sprint("letter ", i), "Text."))
	}
	host, port, _ := net.SplitHostPort(h.doors["imaps"])
	spool, rc := filepath.Join(h.Dir, "spool"), filepath.Join(h.Dir, "fetchmailrc")
	text := fmt.Sprintf("poll %s protocol IMAP service %s user %q password %q ssl sslcertck sslcertfile %q sslcommonname \"localhost\" mda \"cat >> %s\" fetchall nokeep\n",
		host, port, robin, password, filepath.Join(h.Dir, "data", "tls", "self-signed.crt"), spool)
	if err := os.WriteFile(rc, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, ok := h.program("fetchmail", "-f", rc, "--pidfile", filepath.Join(h.Dir, "fetchmail.pid"), "-N"); !ok {
		t.Fatalf("fetchmail: %s", out)
	}
	got, err := os.ReadFile(spool)
	if err != nil || bytes.Count(got, []byte("Subject: letter ")) != 3 {
		t.Errorf("fetched %q, %v", got, err)
	}
	r := h.reader()
	r.send("s STATUS INBOX (MESSAGES)")
	if s := r.until("MESSAGES"); !strings.Contains(s, "MESSAGES 0") {
		t.Errorf("left: %s", s)
	}
}

// A site with Apple's certificate: an iPhone that reads over IMAP registers, and
// is woken through Apple's push service.
func TestAppleMailIsWokenOverIMAP(t *testing.T) {
	const topic = "com.apple.mail.XServer.5f1e0c7a-0000-4000-8000-00000000abcd"
	service, err := pushtest.NewAPNs()
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	cert, key, err := service.NewCertificate(topic, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	h := newHouse(t, mailboxDoors+fmt.Sprintf("[push]\napns_server = %q\nroots = %q\n[[push.apns]]\nname = \"applemail\"\ntopic = %q\ncert = %q\ncert_key = %q\n",
		service.HostURL(), file("roots.pem", service.RootsPEM()), topic, file("cert.pem", cert), file("key.pem", key)))
	token := service.Install(topic)
	r := h.reader()
	r.send("x XAPPLEPUSHSERVICE aps-version 2 aps-account-id 0715A26B-CA09-4730-A419-793000CA982E aps-device-token " + token +
		" aps-subtopic com.apple.mobilemail mailboxes (INBOX Notes)")
	if got := r.until("XAPPLEPUSHSERVICE"); got != `* XAPPLEPUSHSERVICE aps-version "2" aps-topic "`+topic+`"` {
		t.Errorf("heard %q", got)
	}
	r.until("x OK")
	h.deliver(letter("a secret", "For Robin alone."))
	d, err := service.Wait(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(d.Payload, []byte(`"account-id":"0715A26B-CA09-4730-A419-793000CA982E"`)) || bytes.Contains(d.Payload, []byte("secret")) {
		t.Errorf("the device got %s", d.Payload)
	}
}

// imaplib is what Python's programs read mail with.
const imaplib = `
import imaplib, ssl, sys
host, port, user, password = sys.argv[1:5]
context = ssl.create_default_context(cafile=sys.argv[5])
context.check_hostname = False
m = imaplib.IMAP4_SSL(host, int(port), ssl_context=context)
assert m.PROTOCOL_VERSION == 'IMAP4REV1', m.PROTOCOL_VERSION
m.login(user, password)
assert 'MOVE' in m.capability()[1][0].decode()
kind, data = m.select('INBOX')
assert kind == 'OK' and data == [b'2'], data
kind, data = m.search(None, 'SUBJECT', '"two"')
assert data == [b'2'], data
kind, data = m.fetch('2', '(FLAGS BODY[HEADER.FIELDS (SUBJECT)])')
assert b'Subject: two' in data[0][1], data
kind, data = m.store('1:2', '+FLAGS', r'(\Flagged)')
assert len(data) == 2, data
assert m.create('"Sch&APY-n"')[0] == 'OK'
assert m.append('"Sch&APY-n"', r'(\Seen)', '"21-Nov-2026 22:23:24 +0100"', b'Subject: three\r\n\r\nbody\r\n')[0] == 'OK'
kind, data = m.status('"Sch&APY-n"', '(MESSAGES UNSEEN)')
assert data == [b'"Sch&APY-n" (MESSAGES 1 UNSEEN 0)'], data
assert m.uid('COPY', '1', '"Sch&APY-n"')[0] == 'OK'
m.store('1', '+FLAGS', r'\Deleted')
kind, data = m.expunge()
assert data == [b'1'], data
assert m.close()[0] == 'OK'
assert m.logout()[0] == 'BYE'
`

func TestPythonsImaplibReadsTheMailbox(t *testing.T) {
	h := newHouse(t, mailboxDoors)
	h.deliver(letter("one", "First."))
	h.deliver(letter("two", "Second."))
	host, port, _ := net.SplitHostPort(h.doors["imaps"])
	if out, ok := h.program("python3", "-c", imaplib, host, port, robin, password, filepath.Join(h.Dir, "data", "tls", "self-signed.crt")); !ok {
		t.Errorf("imaplib: %s", out)
	}
}
