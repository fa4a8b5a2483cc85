package imap_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/mail/imap"
)

// RFC 9051 2.3.1.1: UIDNEXT changes when something comes into the mailbox, also
// when it is gone by now, and never otherwise.
func TestUIDNextIsTheMailboxsOwn(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	next := func(want string) {
		t.Helper()
		if got := w.ok("STATUS Drafts (UIDNEXT)")[0]; got != "* STATUS \"Drafts\" (UIDNEXT "+want+")" {
			t.Errorf("heard %q, want UIDNEXT %s", got, want)
		}
		if got := w.ok("EXAMINE Drafts"); !slices.Contains(got, "* OK [UIDNEXT "+want+"] No UID is less") {
			t.Errorf("heard %q, want UIDNEXT %s", got, want)
		}
	}
	next("1")
	h.deliver(letter, time.Now()) // to the Inbox
	next("1")
	h.deliverTo(h.folder(mail.RoleDrafts).ID, letter, time.Now())
	next("3")
	h.deliver(letter, time.Now())
	next("3")
	w.ok("SELECT Drafts")
	w.ok(`STORE 1 +FLAGS (\Deleted)`)
	w.ok("EXPUNGE")
	next("3")
}

// Whoever deletes the mailbox that he has selected stays, without one.
func TestDeletingTheSelectedMailboxLeavesIt(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	w.ok("CREATE Work")
	w.ok("SELECT Work")
	if got := w.ok("DELETE Work"); len(got) != 1 {
		t.Errorf("heard %q", got)
	}
	if got := w.do("k", "FETCH 1 FLAGS"); got[0] != "k BAD Not now" {
		t.Errorf("heard %q", got)
	}
	w.ok("SELECT INBOX")
}

// A session that is open when its account is disabled reads nothing any more,
// whether it waits or asks.
func TestADisabledAccountReadsNothingMore(t *testing.T) {
	h := newHouse(t)
	h.fill()
	idle, w := h.login(), h.login()
	idle.ok("SELECT INBOX")
	idle.idle()
	w.ok("SELECT INBOX")
	a, err := h.directory.AccountByLogin(context.Background(), alice)
	check(t, err)
	check(t, h.directory.SetDisabled(context.Background(), a.ID, true))
	h.deliver(letter, time.Now())
	const gone = "* BYE The account is not served here any more"
	idle.hears(gone)
	if got := w.do("k", "FETCH 1 BODY[]"); got[0] != gone {
		t.Errorf("heard %q", got)
	}
}

// A name too long for the store's keys cannot be kept, which is no fault of the
// server's.
func TestTheNameOfASubscriptionIsBounded(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	name := strings.Repeat(strings.Repeat("x", 200)+"/", 7) + "x"
	w.ok("CREATE " + name)
	for _, command := range []string{"SUBSCRIBE ", "UNSUBSCRIBE "} {
		if got := w.do("k", command+name); got[0] != "k NO [LIMIT] More than the mailbox can hold" {
			t.Errorf("heard %q", got)
		}
	}
}

// A client that announces a large message and sends it slowly, or not at all,
// keeps nobody else from putting one here.
func TestAnAnnouncedMessageTakesNoRoom(t *testing.T) {
	h := newHouse(t, func(_ *house, c *imap.Config) { c.MaxMessageBytes = 40 << 20 })
	slow, w := h.login(), h.login()
	slow.send("s APPEND INBOX {41943040}\r\n")
	slow.hears("+ Ready")
	slow.send("Subject: large\r\n\r\n")
	if got := w.do("k", "APPEND INBOX {14+}\r\nSubject: x\r\n\r\n"); !strings.HasPrefix(got[0], "k OK [APPENDUID") {
		t.Errorf("heard %q", got)
	}
}
