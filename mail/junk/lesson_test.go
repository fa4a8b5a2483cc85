package junk

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"martlet/mail"
	"martlet/mail/filter"
	"martlet/store"
)

// known is what an owner knows of a word.
func (h *house) known(o owner, t token) (c counts, ok bool) {
	h.tb.Helper()
	err := h.store.View(context.Background(), func(tx *store.Tx) error {
		s, err := h.state(tx, o, h.today())
		if err != nil {
			return err
		}
		im, err := h.image(tx, o, s.Generation)
		if err != nil {
			return err
		}
		c, ok = im.find(o, t, h.today())
		return nil
	})
	if err != nil {
		h.tb.Fatal(err)
	}
	return c, ok
}

func note(n int) []byte {
	return fmt.Appendf(nil, "From: a@example.net\r\nSubject: note %d\r\n\r\nmarmalade %d\r\n", n, n)
}

// marmalade is what user 0 knows of the word in each note.
func (h *house) marmalade() string {
	c, _ := h.known(ownerOf(h.users[0]), hash(kindWord, []byte("marmalade")))
	return fmt.Sprintf("%.4g junk %.4g good", c.junk, c.good)
}

func TestWhatAUserDoesTeaches(t *testing.T) {
	for name, tc := range map[string]struct {
		options Options
		do      func(h *house)
		want    string
	}{
		"moves to Junk": {do: func(h *house) {
			h.move(0, h.deliver(0, mail.RoleInbox, note(1)), mail.RoleJunk)
		}, want: "1 junk 0 good"},
		"moves out of Junk": {do: func(h *house) {
			h.move(0, h.deliver(0, mail.RoleJunk, note(1)), mail.RoleInbox)
		}, want: "0 junk 1 good"},
		"moves to Junk and back at once": {do: func(h *house) {
			h.move(0, h.move(0, h.deliver(0, mail.RoleInbox, note(1)), mail.RoleJunk), mail.RoleInbox)
		}, want: "0 junk 1 good"},
		"moves to Junk and back later": {do: func(h *house) {
			it := h.move(0, h.deliver(0, mail.RoleInbox, note(1)), mail.RoleJunk)
			h.settle()
			h.move(0, it, mail.RoleInbox)
		}, want: "0 junk 1 good"},
		"changes their mind often": {do: func(h *house) {
			it := h.deliver(0, mail.RoleInbox, note(1))
			for range 5 {
				it = h.move(0, it, mail.RoleJunk)
				h.settle()
				it = h.move(0, it, mail.RoleInbox)
				it = h.move(0, it, mail.RoleJunk)
			}
		}, want: "1 junk 0 good"},
		"empties Junk into the trash": {do: func(h *house) {
			h.move(0, h.deliver(0, mail.RoleJunk, note(1)), mail.RoleDeletedItems)
		}, want: "0 junk 0 good"},
		"throws away what they called junk": {do: func(h *house) {
			it := h.move(0, h.deliver(0, mail.RoleInbox, note(1)), mail.RoleJunk)
			h.settle()
			h.move(0, it, mail.RoleDeletedItems)
		}, want: "1 junk 0 good"},
		"throws away, then calls it junk": {do: func(h *house) {
			h.move(0, h.move(0, h.deliver(0, mail.RoleInbox, note(1)), mail.RoleDeletedItems), mail.RoleJunk)
		}, want: "1 junk 0 good"},
		"deletes in Junk": {do: func(h *house) {
			it := h.deliver(0, mail.RoleJunk, note(1))
			h.update(func(tx *store.Tx) error {
				_, err := h.mailboxes.Delete(tx, mail.MailboxOf(h.users[0]), it.Folder, it.ID)
				return err
			})
		}, want: "0 junk 0 good"},
		"calls it junk and deletes it before it is read": {do: func(h *house) {
			it := h.move(0, h.deliver(0, mail.RoleInbox, note(1)), mail.RoleJunk)
			h.update(func(tx *store.Tx) error {
				_, err := h.mailboxes.Delete(tx, mail.MailboxOf(h.users[0]), it.Folder, it.ID)
				return err
			})
		}, want: "1 junk 0 good"},
		"puts a message of their own into Junk": {do: func(h *house) {
			h.put(0, mail.RoleJunk, note(1), true)
		}, want: "1 junk 0 good"},
		"copies out of Junk": {do: func(h *house) {
			it, box := h.deliver(0, mail.RoleJunk, note(1)), mail.MailboxOf(h.users[0])
			inbox := h.folder(box, mail.RoleInbox)
			h.update(func(tx *store.Tx) error {
				_, err := h.mailboxes.Append(tx, box, inbox, mail.NewItem{Class: mail.ClassEmail, Body: mail.Body{Blob: it.Blob}, Object: it.Object, Copied: it.Folder})
				return err
			})
		}, want: "0 junk 1 good"},
		"marks $Junk": {do: func(h *house) {
			h.mark(0, h.deliver(0, mail.RoleInbox, note(1)), "work", "$Junk")
		}, want: "1 junk 0 good"},
		"marks $Junk and takes it back": {do: func(h *house) {
			it := h.deliver(0, mail.RoleInbox, note(1))
			h.mark(0, it, "$Junk")
			h.settle()
			h.mark(0, it)
		}, want: "0 junk 0 good"},
		"marks $Junk, then $NotJunk": {do: func(h *house) {
			it := h.deliver(0, mail.RoleInbox, note(1))
			h.mark(0, it, "$Junk")
			h.mark(0, it, "$NotJunk")
		}, want: "0 junk 1 good"},
		"marks in the old way": {do: func(h *house) {
			h.mark(0, h.deliver(0, mail.RoleInbox, note(1)), "NonJunk")
		}, want: "0 junk 1 good"},
		"marks something else": {do: func(h *house) {
			h.mark(0, h.deliver(0, mail.RoleInbox, note(1)), "later")
		}, want: "0 junk 0 good"},
		"marks and moves: once": {do: func(h *house) {
			it := h.deliver(0, mail.RoleInbox, note(1))
			h.mark(0, it, "$Junk")
			h.settle()
			h.move(0, it, mail.RoleJunk)
		}, want: "1 junk 0 good"},
		"answers": {do: func(h *house) {
			h.answer(h.deliver(0, mail.RoleInbox, note(1)))
		}, want: "0 junk 1 good"},
		"answers, then calls it junk": {do: func(h *house) {
			it := h.deliver(0, mail.RoleInbox, note(1))
			h.answer(it)
			h.settle()
			h.move(0, it, mail.RoleJunk)
		}, want: "1 junk 0 good"},
		"calls it junk, then answers": {do: func(h *house) {
			it := h.deliver(0, mail.RoleInbox, note(1))
			h.mark(0, it, "$Junk")
			h.settle()
			h.answer(it)
		}, want: "1 junk 0 good"},
		"answers, and only decisions count": {options: Options{Decided: true}, do: func(h *house) {
			h.answer(h.deliver(0, mail.RoleInbox, note(1)))
		}, want: "0 junk 0 good"},
		"has the same message twice": {do: func(h *house) {
			h.move(0, h.deliver(0, mail.RoleInbox, note(1)), mail.RoleJunk)
			h.settle()
			h.move(0, h.deliver(0, mail.RoleInbox, note(1)), mail.RoleJunk)
		}, want: "1 junk 0 good"},
		"has what the filter filed": {do: func(h *house) {
			h.deliver(0, mail.RoleJunk, note(1))
			h.deliver(0, mail.RoleInbox, note(2))
		}, want: "0 junk 0 good"},
		"moves a draft": {do: func(h *house) {
			h.move(0, h.deliver(0, mail.RoleDrafts, note(1)), mail.RoleJunk)
		}, want: "0 junk 0 good"},
		"moves two": {do: func(h *house) {
			h.move(0, h.deliver(0, mail.RoleInbox, note(1)), mail.RoleJunk)
			h.move(0, h.deliver(0, mail.RoleInbox, note(2)), mail.RoleJunk)
		}, want: "2 junk 0 good"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, 1, tc.options)
			tc.do(h)
			h.settle()
			if got := h.marmalade(); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
			if got, want := h.learnt(0), tc.want+" 0 waiting"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if got, want := h.learnt(-1), tc.want+" 0 waiting"; got != want {
				t.Errorf("of all %s, want %s", got, want)
			}
		})
	}
}

func (h *house) answer(it mail.Item) {
	h.tb.Helper()
	h.update(func(tx *store.Tx) error {
		_, err := h.mailboxes.UpdateItem(tx, mail.MailboxOf(h.users[0]), it.Folder, it.ID, func(it *mail.Item) { it.Flags |= mail.FlagAnswered })
		return err
	})
}

func TestALessonIsLearnedOnceAfterACrash(t *testing.T) {
	h := newHouse(t, 1, Options{})
	h.move(0, h.deliver(0, mail.RoleInbox, note(1)), mail.RoleJunk)
	if got := h.learnt(0); got != "0 junk 0 good 1 waiting" {
		t.Error(got)
	}
	h.again()
	h.settle()
	h.again()
	h.settle()
	if got := h.learnt(0) + ", " + h.marmalade(); got != "1 junk 0 good 0 waiting, 1 junk 0 good" {
		t.Error(got)
	}
}

// The hook is part of the move: a move that is undone teaches nothing.
func TestAMoveThatFailsTeachesNothing(t *testing.T) {
	h := newHouse(t, 1, Options{})
	it := h.deliver(0, mail.RoleInbox, note(1))
	box := mail.MailboxOf(h.users[0])
	junk := h.folder(box, mail.RoleJunk)
	fail := fmt.Errorf("no")
	err := h.store.Update(t.Context(), func(tx *store.Tx) error {
		if _, err := h.mailboxes.Move(tx, box, it.Folder, it.ID, junk); err != nil {
			return err
		}
		return fail
	})
	if err != fail {
		t.Fatal(err)
	}
	h.settle()
	if got := h.learnt(0); got != "0 junk 0 good 0 waiting" {
		t.Error(got)
	}
}

func TestRunIsWokenByAMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 1, Options{})
		it := h.deliver(0, mail.RoleInbox, note(1))
		h.move(0, h.deliver(0, mail.RoleInbox, note(2)), mail.RoleJunk) // before it runs
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Run(ctx) }()
		synctest.Wait()
		if got := h.learnt(0); got != "1 junk 0 good 0 waiting" {
			t.Error(got)
		}
		h.move(0, it, mail.RoleJunk)
		synctest.Wait()
		if got := h.learnt(0); got != "2 junk 0 good 0 waiting" {
			t.Error(got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestOnlySoManyLessonsWait(t *testing.T) {
	h := newHouse(t, 1, Options{})
	box := mail.MailboxOf(h.users[0])
	h.update(func(tx *store.Tx) error {
		s, err := h.tables.states.Get(tx, owner(box))
		s.Pending = maxPending
		if err != nil && err != store.ErrNotFound {
			return err
		}
		return h.tables.states.Set(tx, owner(box), s)
	})
	h.move(0, h.deliver(0, mail.RoleInbox, note(1)), mail.RoleJunk)
	h.update(func(tx *store.Tx) error {
		for _, err := range h.tables.lessons.Scan(tx, store.TableRange[letterKey]{}) {
			t.Error("one more waits", err)
		}
		return h.tables.states.Delete(tx, owner(box))
	})
}

func TestForgetLeavesNothingOfTheUser(t *testing.T) {
	h, c := newHouse(t, 2, Options{}), newCorpus(11)
	h.school(0, c, 25, false)
	h.school(1, c, 10, false)
	h.move(0, h.deliver(0, mail.RoleInbox, note(1)), mail.RoleJunk)
	shared := h.of(0).InJunk
	if err := h.Forget(t.Context(), h.users[0]); err != nil {
		t.Fatal(err)
	}
	s := h.of(0)
	if s.Junk != 0 || s.Good != 0 || s.Words != 0 || s.Learned != 0 || s.Pending != 0 || s.InJunk != shared {
		t.Errorf("%+v", s)
	}
	if found := h.scan(c.letter(true), filter.Auth{}, "", 0); found.Opinions != nil {
		t.Errorf("%+v", found)
	}
	if h.of(1).Good != 10 || h.of(-1).Good != 35 {
		t.Errorf("others forgot: %+v", h.of(-1))
	}
	h.teach(0, c.letter(true), true)
	if got := h.learnt(0); got != "1 junk 0 good 0 waiting" {
		t.Error(got)
	}
}

func TestTheFilterLearnsByItselfOnlyIfToldAndSure(t *testing.T) {
	h, c := newHouse(t, 3, Options{}), newCorpus(12)
	letter := func(junk bool) []byte {
		from, ip := "firm1.example", "192.0.2.7"
		if junk {
			from, ip = "bad.example", "198.51.100.7"
		}
		return append(fmt.Appendf(nil, "Received: from x ([%s])\r\n\tby %s with ESMTP id 1; Sun, 1 Mar 2026 12:00:00 +0000\r\nAuthentication-Results: %s; spf=pass smtp.mailfrom=%s; dmarc=pass header.from=%s\r\nFrom: <a@%s>\r\n",
			ip, hostname, hostname, from, from, from), c.rest(junk)...)
	}
	for i := range 90 {
		h.teach(i%2, letter(true), true)
		h.teach(i%2, letter(false), false)
	}
	before := h.of(0)
	h.deliver(0, mail.RoleInbox, letter(false))
	h.settle()
	if h.of(0).Good != before.Good {
		t.Error("it learned without being told to")
	}
	h.SetOptions(Options{AutoLearn: true})
	for range 6 {
		h.deliver(0, mail.RoleInbox, letter(true)) // somebody wanted it there
	}
	h.settle()
	if s := h.of(0); s.Good != before.Good || s.Junk != before.Junk {
		t.Errorf("it learned of what it does not believe: before %+v, after %+v", before, s)
	}
	for range 6 {
		h.deliver(0, mail.RoleInbox, letter(false))
		h.deliver(0, mail.RoleJunk, letter(true))
	}
	h.settle()
	s := h.of(0)
	if s.Good < before.Good+1 || s.Good > before.Good+3 || s.Junk < before.Junk+1 || s.Junk > before.Junk+3 || s.InGood != before.InGood {
		t.Errorf("before %+v, after %+v", before, s)
	}
}

// pupil notes what it is told.
type pupil struct{ told []string }

func (p *pupil) Learn(_ context.Context, raw []byte, junk bool) error {
	p.told = append(p.told, fmt.Sprintf("%d bytes %t", len(raw), junk))
	return fmt.Errorf("it is down")
}

func TestOtherProgramsLearnWhatUsersDecide(t *testing.T) {
	h := newHouse(t, 1, Options{})
	p := &pupil{}
	h.Tell(p)
	it := h.move(0, h.deliver(0, mail.RoleInbox, note(1)), mail.RoleJunk)
	h.answer(h.deliver(0, mail.RoleInbox, note(2)))
	h.settle()
	h.move(0, it, mail.RoleInbox)
	h.settle()
	want := fmt.Sprintf("[%d bytes true %d bytes false]", len(note(1)), len(note(1)))
	if got := fmt.Sprint(p.told); got != want {
		t.Errorf("told %s, want %s", got, want)
	}
}
