package mailbox

import (
	"errors"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
)

func (h *house) usage(box mail.MailboxID) (u mail.Usage) {
	h.tb.Helper()
	h.view(func(tx *store.Tx) (err error) {
		u, err = h.Usage(tx, box)
		return err
	})
	return u
}

func TestWhatAMailboxHoldsIsCounted(t *testing.T) {
	h := newHouse(t)
	if u := h.usage(1); u != (mail.Usage{}) {
		t.Errorf("a mailbox that was never used: %+v", u)
	}
	inbox, junk := h.role(1, mail.RoleInbox), h.role(1, mail.RoleJunk)
	sub := h.create(1, 0, "Sub")
	first, second := h.letter(1), h.letter(20)
	a := h.deliver(1, inbox, first.item(1))
	h.deliver(1, sub, second.item(2))
	h.deliver(1, sub, first.item(3)) // one blob, two items: both count
	one, two := uint64(first.ref.Size), uint64(second.ref.Size)
	if u := h.usage(1); u != (mail.Usage{Bytes: 2*one + two, Items: 3}) {
		t.Errorf("three messages: %+v", u)
	}
	h.update(func(tx *store.Tx) error {
		_, err := h.Move(tx, 1, inbox, a.ID, junk)
		return err
	})
	if u := h.usage(1); u != (mail.Usage{Bytes: 2*one + two, Items: 3}) {
		t.Errorf("after a move: %+v", u)
	}
	h.update(func(tx *store.Tx) error { return h.DeleteFolder(tx, 1, sub) })
	if u := h.usage(1); u != (mail.Usage{Bytes: one, Items: 1}) {
		t.Errorf("after a folder was deleted: %+v", u)
	}
	if err := h.Remove(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if u := h.usage(1); u != (mail.Usage{}) {
		t.Errorf("after the mailbox was removed: %+v", u)
	}
	h.update(func(tx *store.Tx) error { return h.Ensure(tx, 1) })
	if u := h.usage(1); u != (mail.Usage{}) {
		t.Errorf("made anew: %+v", u)
	}
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestRecipientsAndWhatOthersShareCountForNobody(t *testing.T) {
	h := newHouse(t)
	cal := h.role(1, mail.RoleCalendar)
	link := h.linked(cal, mail.MayRead|mail.MayWrite)
	before := h.usage(2)
	body := h.event("a", 3)
	h.deliver(2, link, mail.NewItem{Class: mail.ClassCalendar, Body: body})
	h.update(func(tx *store.Tx) error {
		return h.NoteRecipients(tx, 1, []Recipient{{Address: "b@example.org", Card: mail.Body{Blob: h.card("b").Blob}}}, time.Now())
	})
	if u := h.usage(2); u != before {
		t.Errorf("who shares: %+v", u)
	}
	if u := h.usage(1); u != (mail.Usage{Bytes: uint64(body.Blob.Size), Items: 1}) {
		t.Errorf("the owner: %+v", u)
	}
}

// A mailbox of an earlier version is counted when it is next changed, and told
// rightly before.
func TestAMailboxWithoutCountersIsCountedOnce(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	l := h.letter(1)
	it := h.deliver(1, inbox, l.item(1))
	forget := func() {
		h.update(func(tx *store.Tx) error {
			st, err := stateTable.Get(tx, 1)
			st.Counted, st.Used = false, mail.Usage{}
			return orSet(err, stateTable.Set(tx, 1, st))
		})
	}
	size := uint64(l.ref.Size)
	for name, change := range map[string]func(tx *store.Tx) error{
		"another message": func(tx *store.Tx) error {
			_, err := h.Append(tx, 1, inbox, l.item(2))
			return err
		},
		"flags": func(tx *store.Tx) error {
			_, err := h.UpdateItem(tx, 1, inbox, it.ID, func(it *mail.Item) { it.Flags ^= mail.FlagSeen })
			return err
		},
		"a folder": func(tx *store.Tx) error {
			_, err := h.CreateFolder(tx, 1, 0, "New", mail.ClassEmail)
			return err
		},
	} {
		before := h.usage(1)
		forget()
		if u := h.usage(1); u != before {
			t.Errorf("%s: told %+v, holds %+v", name, u, before)
		}
		h.update(change)
		h.clean()
		u := h.usage(1)
		if want := uint64(h.folder(1, inbox).Items); u.Items != want || u.Bytes != want*size {
			t.Errorf("%s: %+v", name, u)
		}
		h.view(func(tx *store.Tx) error {
			if st, err := stateTable.Get(tx, 1); err != nil || !st.Counted {
				t.Errorf("%s: not counted, %v", name, err)
			}
			return nil
		})
	}
}

func TestCountersThatAreWrongAreReported(t *testing.T) {
	h := newHouse(t)
	h.deliver(1, h.role(1, mail.RoleInbox), h.letter(1).item(1))
	for _, by := range []mail.Usage{{Bytes: 1}, {Items: 1}} {
		edit := func(sign uint64) {
			h.update(func(tx *store.Tx) error {
				st, err := stateTable.Get(tx, 1)
				st.Used.Bytes += sign * by.Bytes
				st.Used.Items += sign * by.Items
				return orSet(err, stateTable.Set(tx, 1, st))
			})
		}
		edit(1)
		n := 0
		if err := h.Check(t.Context(), func(store.Problem) { n++ }); err != nil || n == 0 {
			t.Errorf("%+v: %d problems, %v", by, n, err)
		}
		edit(^uint64(0))
	}
}

func TestThereIsRoomUpToTheLimit(t *testing.T) {
	h := newHouse(t)
	inbox, cal := h.role(1, mail.RoleInbox), h.role(1, mail.RoleCalendar)
	link := h.linked(cal, mail.MayRead|mail.MayWrite)
	l := h.letter(1)
	size := l.ref.Size
	h.deliver(1, inbox, l.item(1))
	limits := mail.Limits{}
	h.limits = func(_ *store.Tx, box mail.MailboxID) (mail.Limits, error) {
		if box != 1 {
			return mail.Limits{}, nil
		}
		return limits, nil
	}
	for _, c := range []struct {
		name   string
		limits mail.Limits
		box    mail.MailboxID
		folder mail.FolderID
		bytes  int64
		items  int
		want   error
	}{
		{"no limit", mail.Limits{}, 1, inbox, 1 << 40, 1, nil},
		{"exactly", mail.Limits{Bytes: uint64(2 * size), Items: 2}, 1, inbox, size, 1, nil},
		{"a byte too much", mail.Limits{Bytes: uint64(2*size - 1)}, 1, inbox, size, 1, mail.ErrOverQuota},
		{"an item too much", mail.Limits{Items: 1}, 1, inbox, 0, 1, mail.ErrOverQuota},
		{"a body that shrinks", mail.Limits{Items: 1, Bytes: 1}, 1, inbox, -5, 0, nil},
		{"through a link it is the owner's", mail.Limits{Bytes: uint64(size)}, 2, link, 1, 1, mail.ErrOverQuota},
		{"no folder", mail.Limits{Bytes: 1}, 1, 9999, 1, 1, mail.ErrNoFolder},
	} {
		limits = c.limits
		h.view(func(tx *store.Tx) error {
			if err := h.Room(tx, c.box, c.folder, c.bytes, c.items); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
			return nil
		})
	}
	limits = mail.Limits{Bytes: uint64(size)}
	h.view(func(tx *store.Tx) error {
		if full, err := h.Full(tx, 1); err != nil || !full {
			t.Errorf("at its limit: %t, %v", full, err)
		}
		return nil
	})
	// What was taken is delivered all the same.
	h.deliver(1, inbox, l.item(2))
}

func TestThatAMailboxHasGrownIsToldOnceACommit(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	l, grown := h.letter(1), 0
	h.Connect(Hooks{Grown: func(box mail.MailboxID) {
		if box == 1 {
			grown++
		}
	}})
	var it mail.Item
	h.update(func(tx *store.Tx) (err error) {
		for i := range int64(3) {
			if it, err = h.Append(tx, 1, inbox, l.item(i+1)); err != nil {
				return err
			}
		}
		return nil
	})
	if grown != 1 {
		t.Errorf("told %d times", grown)
	}
	h.update(func(tx *store.Tx) error {
		_, err := h.Delete(tx, 1, inbox, it.ID)
		return err
	})
	if grown != 1 {
		t.Error("told of what shrinks")
	}
}
