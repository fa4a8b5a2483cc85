package pop3_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"martlet/push"
	"martlet/store"
)

func message(subject, body string) string {
	return "From: bob@example.com\r\nSubject: " + subject + "\r\n\r\n" + body
}

func TestAFetchFromGreetingToGoodbye(t *testing.T) {
	h := newHouse(t)
	first, second := message("one", "Hello.\r\n"), message("two", ".\r\n..a\r\nend")
	ids := h.deliver(first, second, message("three", "x\r\n"))
	w := h.login()
	sizes := len(first) + len(second) + len(message("three", "x\r\n"))
	w.say("STAT", fmt.Sprintf(`\+OK 3 %d`, sizes))
	if got := w.many("LIST"); len(got) != 3 || got[1] != "2 "+strconv.Itoa(len(second)) {
		t.Errorf("LIST: %q", got)
	}
	w.say("LIST 2", `\+OK 2 `+strconv.Itoa(len(second)))
	if got := strings.Join(w.many("RETR 1"), "\r\n") + "\r\n"; got != first {
		t.Errorf("the first: %q", got)
	}
	if got := strings.Join(w.many("RETR 2"), "\r\n"); got != second {
		t.Errorf("the second: %q", got)
	}
	if got := w.many("TOP 2 1"); !slices.Equal(got, []string{"From: bob@example.com", "Subject: two", "", "."}) {
		t.Errorf("TOP: %q", got)
	}
	if got := w.many("TOP 1 0"); !slices.Equal(got, []string{"From: bob@example.com", "Subject: one", ""}) {
		t.Errorf("TOP: %q", got)
	}
	w.say("DELE 1", `\+OK .*`)
	for _, command := range []string{"DELE 1", "RETR 1", "LIST 1", "UIDL 1", "TOP 1 1", "RETR 4", "RETR 0", "RETR 99999999999999999999"} {
		w.say(command, `-ERR No such message`)
	}
	if got := w.many("LIST"); len(got) != 2 || !strings.HasPrefix(got[0], "2 ") {
		t.Errorf("LIST: %q", got)
	}
	if got := h.left(); !slices.Equal(got, ids) {
		t.Errorf("gone before QUIT: %v", got)
	}
	w.say("QUIT", `\+OK .*`, "")
	if got := h.left(); !slices.Equal(got, ids[1:]) {
		t.Errorf("left: %v", got)
	}
}

func TestUniqueNumbersStay(t *testing.T) {
	h := newHouse(t)
	h.deliver(message("one", ""), message("two", ""))
	w := h.login()
	before := w.many("UIDL")
	w.say("DELE 1", `\+OK .*`)
	w.say("QUIT", `\+OK .*`)
	h.deliver(message("three", ""))
	w = h.login()
	after := w.many("UIDL")
	if len(before) != 2 || len(after) != 2 || before[1][2:] != after[0][2:] || after[1] == before[0] || after[1] == before[1] {
		t.Errorf("before: %q, after: %q", before, after)
	}
	w.say("UIDL 1", `\+OK `+after[0])
}

// Nothing is deleted by a session that has not said QUIT.
func TestWhatIsMarkedStaysWithoutQuit(t *testing.T) {
	h := newHouse(t)
	ids := h.deliver(message("one", ""), message("two", ""))
	w := h.login()
	w.say("DELE 1", `\+OK .*`)
	w.say("RSET", `\+OK 2 messages, .*`)
	w.say("DELE 2", `\+OK .*`)
	w.conn.Close()
	h.eventually(func() bool { return h.free() })
	if got := h.left(); !slices.Equal(got, ids) {
		t.Errorf("left: %v", got)
	}
}

// free tells whether a session can have the inbox.
func (h *house) free() bool {
	w := h.dial(true)
	defer w.conn.Close()
	w.say("USER alice@example.org", `\+OK .*`)
	w.send("PASS " + password + "\r\n")
	return strings.HasPrefix(w.line(), "+OK")
}

func (h *house) eventually(f func() bool) {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); {
		if time.Now().After(end) {
			h.t.Fatal("it never comes true")
		}
	}
}

func TestOneSessionHasTheInbox(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	other := h.dial(true)
	other.say("USER alice@example.org", `\+OK .*`)
	other.say("PASS "+password, `-ERR \[IN-USE\] .*`)
	w.say("QUIT", `\+OK .*`, "")
	h.eventually(func() bool {
		other.say("USER alice@example.org", `\+OK .*`)
		other.send("PASS " + password + "\r\n")
		return strings.HasPrefix(other.line(), "+OK")
	})
}

// What another program deletes meanwhile is gone, and what arrives is for the
// next session.
func TestASessionIsASnapshot(t *testing.T) {
	h := newHouse(t)
	ids := h.deliver(message("one", ""), message("two", ""), message("three", ""))
	w := h.login()
	check(t, h.store.Update(t.Context(), func(tx *store.Tx) error {
		_, err := h.mailboxes.Delete(tx, h.alice, h.inbox, ids[1])
		return err
	}))
	h.deliver(message("four", ""))
	w.say("STAT", `\+OK 3 .*`)
	w.say("RETR 2", `-ERR The message is gone`)
	w.say("DELE 2", `\+OK .*`)
	w.say("DELE 3", `\+OK .*`)
	w.say("QUIT", `\+OK .*`)
	if got := h.left(); len(got) != 2 || got[0] != ids[0] {
		t.Errorf("left: %v", got)
	}
}

// bell counts wakes.
type bell struct{ c chan struct{} }

func (b *bell) Wake() {
	select {
	case b.c <- struct{}{}:
	default:
	}
}

func TestWhatIsDeletedIsInTheLogAndWakes(t *testing.T) {
	h := newHouse(t)
	ids := h.deliver(message("one", ""), message("two", ""))
	b, waiter := &bell{make(chan struct{}, 1)}, &push.Waiter{}
	h.hub.Add(waiter, b, uint64(h.alice), push.FoldersOf(uint32(h.inbox)))
	defer h.hub.Remove(waiter)
	w := h.login()
	w.say("DELE 1", `\+OK .*`)
	w.say("DELE 2", `\+OK .*`)
	w.say("QUIT", `\+OK .*`)
	select {
	case <-b.c:
	case <-time.After(20 * time.Second):
		t.Fatal("nobody is woken")
	}
	gone := 0
	check(t, h.store.View(t.Context(), func(tx *store.Tx) error {
		gone = 0
		for c, err := range h.mailboxes.Changes(tx, h.alice, h.inbox, 0) {
			if err != nil {
				return err
			}
			if slices.Contains(ids, c.Item) {
				gone++
			}
		}
		return nil
	}))
	if gone != 2 {
		t.Errorf("%d in the log", gone)
	}
}

// A CR or LF that stands alone must not let the sender of a message end it, and
// speak for the server.
func TestAMessageCannotEndItself(t *testing.T) {
	h := newHouse(t)
	forged := "a\n.\n+OK forged\n"
	for _, raw := range []string{
		message("x", forged), message("x", strings.ReplaceAll(forged, "\n", "\r")), message("x", "a\r\n.\r\n+OK forged\r\n"),
		message("x", "a\r\n.\n+OK forged"), message("x", "a\r\r\n.\r\r\n"), "\n.\n\n.\r\n", ".", "", "\r", message("x", "a\n"),
	} {
		ids := h.deliver(raw)
		w := h.login()
		w.send("RETR 1\r\nNOOP\r\n")
		var lines []string
		w.want(`\+OK \d+ octets`)
		for line := w.line(); line != "."; line = w.line() {
			lines = append(lines, strings.TrimPrefix(line, "."))
		}
		w.want(`\+OK Nothing done`)
		want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(raw)
		if got := strings.Join(lines, "\n"); got != strings.TrimSuffix(want, "\n") {
			t.Errorf("%q came as %q", raw, got)
		}
		w.say("DELE 1", `\+OK .*`)
		w.say("QUIT", `\+OK .*`)
		if slices.Contains(h.left(), ids[0]) {
			t.Errorf("%q stays", raw)
		}
		h.eventually(h.free)
	}
}

func TestALargeMessageComesWhole(t *testing.T) {
	h := newHouse(t)
	body := strings.Repeat(".0123456789012345678901234567890123456789\r\n", 20_000)
	h.deliver(message("large", body))
	w := h.login()
	if got := strings.Join(w.many("RETR 1"), "\r\n") + "\r\n"; got != message("large", body) {
		t.Errorf("%d bytes came, of %d", len(got), len(message("large", body)))
	}
	if got := w.many("TOP 1 3"); len(got) != 6 {
		t.Errorf("TOP: %d lines", len(got))
	}
}

func TestNobodyLogsInInTheClear(t *testing.T) {
	h := newHouse(t)
	w := h.dial(false)
	for _, command := range []string{"USER alice@example.org", "PASS " + password, "AUTH PLAIN", "AUTH"} {
		w.say(command, `-ERR Use STLS first`)
	}
	for _, line := range w.many("CAPA") {
		if strings.HasPrefix(line, "SASL") || line == "USER" {
			t.Errorf("offered in the clear: %s", line)
		}
	}
	w.say("STLS", `\+OK .*`)
	w.upgrade(h)
	w.say("STLS", `-ERR TLS is on`)
	if got := w.many("CAPA"); !slices.Contains(got, "SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN") || !slices.Contains(got, "USER") || slices.Contains(got, "STLS") {
		t.Errorf("capabilities: %q", got)
	}
	w.say("AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAGNvcnJlY3QgaG9yc2U=", `\+OK 0 messages, 0 octets`)
}

// Commands that somebody put behind STLS do not run.
func TestNothingMayFollowSTLS(t *testing.T) {
	h := newHouse(t)
	w := h.dial(false)
	w.send("STLS\r\nUSER alice@example.org\r\n")
	w.want(`-ERR Nothing may follow.*`)
	w.want("")
}

func TestMechanisms(t *testing.T) {
	h := newHouse(t)
	w := h.dial(true)
	if got := w.many("AUTH"); !slices.Contains(got, "PLAIN") || slices.Contains(got, "EXTERNAL") {
		t.Errorf("AUTH lists %q", got)
	}
	w.say("AUTH CRAM-MD5", `-ERR Mechanism not known`)
	w.say("AUTH PLAIN !", `-ERR Not what.*`)
	w.say("AUTH PLAIN", `\+ `)
	w.say("*", `-ERR Cancelled`)
	w.say("AUTH LOGIN", `\+ VXNlcm5hbWU6`)
	w.say("YWxpY2VAZXhhbXBsZS5vcmc=", `\+ UGFzc3dvcmQ6`)
	w.say("d3Jvbmc=", `-ERR \[AUTH\] .*`)
	w.say("AUTH PLAIN", `\+ `)
	w.say("AGFsaWNlQGV4YW1wbGUub3JnAGNvcnJlY3QgaG9yc2U=", `\+OK .*`)
	w.say("AUTH PLAIN", `-ERR Not now`)
}

func TestLogins(t *testing.T) {
	h := newHouse(t)
	for login, want := range map[string]string{
		"carol@example.org":  `-ERR \[AUTH\] .*`,
		"nobody@example.org": `-ERR \[AUTH\] .*`,
		"dora@example.org":   `-ERR \[SYS/PERM\] .*`,
	} {
		w := h.dial(true)
		w.say("USER "+login, `\+OK .*`)
		w.say("PASS "+password, want)
		w.say("PASS "+password, `-ERR USER comes first`)
	}
	w := h.dial(true)
	w.say("UTF8", `\+OK .*`)
	w.say("USER käthe@example.org", `\+OK .*`)
	w.say("PASS grüne Wiese", `\+OK .*`)
	w.say("UTF8", `-ERR Not now`)
}

func TestLanguages(t *testing.T) {
	h := newHouse(t)
	w := h.dial(true)
	if got := w.many("LANG"); !slices.Equal(got, []string{"en English"}) {
		t.Errorf("LANG: %q", got)
	}
	w.say("LANG EN", `\+OK en .*`)
	w.say("LANG *", `\+OK en .*`)
	w.say("LANG tlh", `-ERR .*`)
}

func TestSillyClientsAreLetGo(t *testing.T) {
	h := newHouse(t)
	w := h.dial(true)
	w.send(strings.Repeat("FROB\r\n", 19))
	for range 19 {
		w.want(`-ERR Command not known`)
	}
	w.say("FROB", `-ERR Command not known`, `-ERR Too many errors`, "")

	w = h.dial(false)
	w.say("GET / HTTP/1.1", `-ERR This is not that protocol`, "")
	w = h.dial(false)
	w.say("CAPA\nQUIT", `-ERR Lines end in CRLF.*`, "")
	w = h.dial(false)
	w.say(strings.Repeat("x", 5000), `-ERR Line too long`)
}

// Pipelined commands are all answered, in order.
func TestPipelining(t *testing.T) {
	h := newHouse(t)
	h.deliver(message("one", "a\r\n"))
	w := h.dial(true)
	w.send("USER alice@example.org\r\nPASS " + password + "\r\nSTAT\r\nDELE 1\r\nSTAT\r\nQUIT\r\n")
	for _, want := range []string{`\+OK And.*`, `\+OK 1 messages.*`, `\+OK 1 .*`, `\+OK Message 1.*`, `\+OK 0 0`, `\+OK mail.*`, ""} {
		w.want(want)
	}
}

func TestShutdownTellsIdleSessions(t *testing.T) {
	h := newHouse(t)
	ids := h.deliver(message("one", ""))
	w := h.login()
	w.say("DELE 1", `\+OK .*`)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	check(t, h.server.Shutdown(ctx))
	w.want(`-ERR \[SYS/TEMP\] Shutting down`)
	w.want("")
	if got := h.left(); !slices.Equal(got, ids) {
		t.Errorf("left: %v", got)
	}
}

// Whatever a client says in whichever state, the server answers in lines, deletes
// nothing without DELE and QUIT, and is there for the next one.
func FuzzSession(f *testing.F) {
	f.Add(uint8(0), []byte("CAPA\r\nAUTH\r\nUSER a\r\nPASS b\r\nQUIT\r\n"))
	f.Add(uint8(1), []byte("STAT\r\nLIST\r\nUIDL 1\r\nTOP 1 1\r\nRETR 1\r\nRSET\r\nNOOP\r\n"))
	f.Add(uint8(2), []byte("AUTH SCRAM-SHA-256 biwsbj1hbGljZUBleGFtcGxlLm9yZyxyPWFiYw==\r\nabc\r\n"))
	f.Add(uint8(1), []byte("TOP 1 -1\r\nTOP 1\r\nRETR \r\nRETR x\r\nLIST 0\r\n"))
	h := newHouse(f)
	ids := h.deliver(message("one", "a\n.\nb"), message("two", ".\r\n"))
	f.Fuzz(func(t *testing.T, state uint8, input []byte) {
		h.t = t
		conn, err := net.Dial("tcp", h.plain)
		check(t, err)
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		w := &wire{t, conn, bufio.NewReader(conn)}
		w.line()
		if state%3 > 0 {
			w.say("STLS", `\+OK .*`)
			w.upgrade(h)
		}
		if state%3 == 1 {
			w.say("AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAGNvcnJlY3QgaG9yc2U=", `\+OK \d .*|-ERR \[IN-USE\].*`)
		}
		if _, err := w.conn.Write(input); err == nil {
			_, _ = w.conn.Write([]byte("\r\nRSET\r\nQUIT\r\n"))
		}
		for {
			s, err := w.in.ReadString('\n')
			if err != nil {
				break
			}
			if !strings.HasSuffix(s, "\r\n") || strings.Contains(s[:len(s)-2], "\r") {
				t.Fatalf("not a line: %q", s)
			}
		}
		w.conn.Close()
		upper := strings.ToUpper(string(input))
		if got := h.left(); !slices.Equal(got, ids) {
			if !strings.Contains(upper, "DELE") || !strings.Contains(upper, "QUIT") {
				t.Fatalf("%q deletes: %v", input, got)
			}
			ids = append(got, h.deliver(message("again", ""))...)
		}
	})
}
