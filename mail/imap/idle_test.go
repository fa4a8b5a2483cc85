package imap_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
)

const letter = "From: bob@example.org\nTo: alice@example.org\nSubject: hello\n\nHello.\n"

// idle begins IDLE and returns when the server waits.
func (w *wire) idle() {
	w.t.Helper()
	w.send("i IDLE\r\n")
	for s := w.line(); !strings.HasPrefix(s, "+"); s = w.line() {
		if s == "" || strings.HasPrefix(s, "i ") {
			w.t.Fatalf("no idling: %q", s)
		}
	}
}

// hears reads a line that must be this one.
func (w *wire) hears(want string) {
	w.t.Helper()
	if got := w.line(); got != want {
		w.t.Fatalf("heard %q, want %q", got, want)
	}
}

func TestMailThatArrivesWakesIdle(t *testing.T) {
	h := newHouse(t)
	h.fill()
	w := h.login()
	w.ok("SELECT INBOX")
	w.idle()
	it := h.deliver(letter, time.Now())
	w.hears("* 4 EXISTS")
	h.edit(it.ID, func(it *mail.Item) { it.Flags |= mail.FlagSeen })
	w.hears(`* 4 FETCH (UID 4 FLAGS (\Seen))`)
	h.remove(2)
	w.hears("* 2 EXPUNGE")
	w.send("DONE\r\n")
	w.hears("i OK IDLE completed")
	if got := h.hub.Waiting(); got != 0 {
		t.Errorf("%d wait in the hub after IDLE", got)
	}
}

// What happens between two commands is told when IDLE begins.
func TestIdleTellsWhatHappenedBefore(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	w.ok("SELECT INBOX")
	h.deliver(letter, time.Now())
	w.idle()
	w.hears("* 1 EXISTS")
}

func TestIdleIsNotWokenByAnotherFolder(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	w.ok("SELECT Drafts")
	w.idle()
	h.deliver(letter, time.Now())
	h.deliverTo(h.folder(mail.RoleDrafts).ID, letter, time.Now())
	w.hears("* 1 EXISTS")
	w.send("DONE\r\n")
	w.hears("i OK IDLE completed")
}

// One that is woken by a storm tells all of it.
func TestIdleLosesNothingInAStorm(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	w.ok("SELECT INBOX")
	w.idle()
	const n = 60
	go func() {
		for range n {
			h.deliver(letter, time.Now())
		}
	}()
	for want := fmt.Sprintf("* %d EXISTS", n); w.line() != want; {
	}
	w.send("DONE\r\n")
	w.hears("i OK IDLE completed")
}

func TestIdleTakesNothingButDone(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	w.ok("SELECT INBOX")
	w.idle()
	w.send("z NOOP\r\n")
	w.hears("i BAD DONE was expected")
	w.idle()
	w.send("done\r\n")
	w.hears("i OK IDLE completed")
}

// DONE that comes in two pieces, with a wake between them, is still DONE.
func TestAWakeInTheMiddleOfDone(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	w.ok("SELECT INBOX")
	w.idle()
	w.send("DO")
	h.deliver(letter, time.Now())
	w.hears("* 1 EXISTS")
	w.send("NE\r\n")
	w.hears("i OK IDLE completed")
}

func TestIdleEndsWhenTheMailboxIsDeleted(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	w.ok("CREATE Work")
	w.ok("SELECT Work")
	w.idle()
	check(t, h.store.Update(context.Background(), func(tx *store.Tx) error {
		folders, err := h.mailboxes.Folders(tx, h.box)
		for _, f := range folders {
			if f.Name == "Work" {
				err = h.mailboxes.DeleteFolder(tx, h.box, f.ID)
			}
		}
		return err
	}))
	w.hears("* BYE The selected mailbox is gone")
}

func TestShutdownTellsIdleClientsToGo(t *testing.T) {
	h := newHouse(t)
	w, other := h.login(), h.login()
	w.ok("SELECT INBOX")
	w.idle()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	check(t, h.server.Shutdown(ctx))
	w.hears("* BYE Shutting down")
	other.hears("* BYE Shutting down")
}

// Two sessions and a phone see each other's changes, and nobody is told of his
// own twice.
func TestSessionsSeeEachOther(t *testing.T) {
	h := newHouse(t)
	h.fill()
	one, two := h.login(), h.login()
	one.ok("SELECT INBOX")
	two.ok("SELECT INBOX")
	two.idle()
	if got := one.ok(`STORE 1 +FLAGS.SILENT (\Seen)`); len(got) != 1 {
		t.Errorf("told of what was to be silent: %q", got)
	}
	two.hears(`* 1 FETCH (UID 1 FLAGS (\Seen))`)
	one.ok("NOOP")
	h.edit(1, func(it *mail.Item) { it.FollowUp = mail.FollowUp{Status: mail.FollowUpActive} })
	two.hears(`* 1 FETCH (UID 1 FLAGS (\Seen \Flagged))`)
	if got := one.ok("NOOP"); got[0] != `* 1 FETCH (UID 1 FLAGS (\Seen \Flagged))` {
		t.Errorf("heard %q", got)
	}
	one.ok(`STORE 2 +FLAGS.SILENT (\Deleted)`)
	two.hears(`* 2 FETCH (UID 2 FLAGS (\Deleted))`)
	if got := one.ok("EXPUNGE"); got[0] != "* 2 EXPUNGE" {
		t.Errorf("heard %q", got)
	}
	two.hears("* 2 EXPUNGE")
}

// RFC 9051 7.5.1: numbers must not change under commands that use them.
func TestNumbersStayDuringCommandsThatUseThem(t *testing.T) {
	h := newHouse(t)
	h.fill()
	w := h.login()
	w.ok("SELECT INBOX")
	h.remove(1)
	if got := w.do("k", "FETCH 2 UID"); len(got) != 2 || got[0] != "* 2 FETCH (UID 2)" {
		t.Errorf("heard %q", got)
	}
	if got := w.do("k", "FETCH 1:2 UID"); !strings.HasPrefix(got[len(got)-1], "k NO [EXPUNGEISSUED]") {
		t.Errorf("heard %q", got)
	}
	if got := w.do("k", `STORE 3 +FLAGS (\Seen)`); len(got) != 2 {
		t.Errorf("heard %q", got)
	}
	if got := w.do("k", "SEARCH ALL"); len(got) != 2 {
		t.Errorf("heard %q", got)
	}
	if got := w.do("k", "UID FETCH 3 UID"); len(got) != 3 || got[0] != "* 3 FETCH (UID 3)" || got[1] != "* 1 EXPUNGE" {
		t.Errorf("heard %q", got)
	}
}

// parked waits until all sessions have no goroutine.
func (h *house) parked() {
	h.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); ; <-tick.C {
		if all, parked := h.server.Sessions(); all == parked {
			return
		}
		if time.Now().After(end) {
			h.t.Fatal("a session is not parked")
		}
	}
}

func TestAParkedSessionIsWokenAndSpokenTo(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	w.ok("SELECT INBOX")
	h.parked() // between commands
	w.idle()
	for n := 1; n <= 3; n++ {
		h.parked()
		h.deliver(letter, time.Now())
		w.hears(fmt.Sprintf("* %d EXISTS", n))
	}
	h.parked()
	w.send("DO")
	h.parked()
	w.send("NE\r\n")
	w.hears("i OK IDLE completed")
	h.parked()
	w.ok("NOOP")
	h.parked()
	if got := h.hub.Waiting(); got != 0 {
		t.Errorf("%d wait in the hub", got)
	}
}

func TestShutdownTellsParkedSessions(t *testing.T) {
	h := newHouse(t)
	w, idle := h.login(), h.login()
	w.ok("SELECT INBOX")
	idle.ok("SELECT INBOX")
	idle.idle()
	h.parked()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := h.server.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	w.hears("* BYE Shutting down")
	idle.hears("* BYE Shutting down")
	if got := h.hub.Waiting(); got != 0 {
		t.Errorf("%d wait in the hub", got)
	}
}

// A program that hangs up while it is parked leaves nothing behind.
func TestAParkedSessionThatHangsUpIsForgotten(t *testing.T) {
	h := newHouse(t)
	w := h.login()
	w.ok("SELECT INBOX")
	w.idle()
	h.parked()
	w.conn.Close()
	for end := time.Now().Add(30 * time.Second); ; {
		if all, _ := h.server.Sessions(); all == 0 && h.hub.Waiting() == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("it is still there")
		}
	}
}
