package mailbox

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// threaded is a message with the headers that say where it belongs.
func (h *house) threaded(headers ...string) mail.NewItem {
	h.tb.Helper()
	raw := "From: a@example.org\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\nText.\r\n"
	body, err := h.Prepare(context.Background(), []byte(raw))
	if err != nil {
		h.tb.Fatal(err)
	}
	return mail.NewItem{Class: mail.ClassEmail, Body: body}
}

func (h *house) thread(box mail.MailboxID, t mail.ThreadID) []mail.Place {
	h.tb.Helper()
	var places []mail.Place
	h.view(func(tx *store.Tx) error {
		for p, err := range h.Thread(tx, box, t) {
			if err != nil {
				return err
			}
			places = append(places, p)
		}
		return nil
	})
	return places
}

func outlook(guid byte, replies int) string {
	index := append([]byte{1, 0xdd, 0x5b, 1, 2, 3}, slices.Repeat([]byte{guid}, 16)...)
	return "Thread-Index: " + base64.StdEncoding.EncodeToString(append(index, make([]byte, 5*replies)...))
}

func TestMessagesOfAConversationHaveOneThread(t *testing.T) {
	var guid mail.ThreadID
	copy(guid[:], slices.Repeat([]byte{7}, 16))
	for _, tc := range []struct {
		name     string
		messages [][]string
		together bool
		want     mail.ThreadID
	}{
		{"a reply by its references", [][]string{
			{"Message-ID: <a@x>"}, {"Message-ID: <b@x>", "References: <a@x>"}}, true, mail.ThreadID{}},
		{"a reply that says only what it answers", [][]string{
			{"Message-ID: <b@x>", "References: <a@x>"}, {"Message-ID: <c@x>", "In-Reply-To: <b@x>"}}, true, mail.ThreadID{}},
		{"a reply before its original", [][]string{
			{"Message-ID: <b@x>", "References: <a@x>"}, {"Message-ID: <a@x>"}}, true, mail.ThreadID{}},
		{"a reply before an original by Outlook", [][]string{
			{"Message-ID: <b@x>", "In-Reply-To: <a@x>"}, {"Message-ID: <a@x>", outlook(7, 0)}}, true, mail.ThreadID{}},
		{"replies without the original", [][]string{
			{"Message-ID: <b@x>", "References: <a@x>"}, {"Message-ID: <c@x>", "References: <a@x> <b@x>"}}, true, mail.ThreadID{}},
		{"references that lost the root", [][]string{
			{"Message-ID: <b@x>", "References: <a@x>"}, {"Message-ID: <d@x>", "References: <b@x> <c@x>"}}, true, mail.ThreadID{}},
		{"Outlook's own", [][]string{
			{"Message-ID: <a@x>", outlook(7, 0)}, {"Message-ID: <b@x>", outlook(7, 1)}}, true, guid},
		{"an answer to Outlook that has no index", [][]string{
			{"Message-ID: <a@x>", outlook(7, 0)}, {"Message-ID: <b@x>", "In-Reply-To: <a@x>"}}, true, guid},
		{"the same message twice", [][]string{{"Message-ID: <a@x>"}, {"Message-ID: <a@x>", "Subject: sent"}}, true, mail.ThreadID{}},
		{"one topic and nothing else", [][]string{{"Subject: Lunch"}, {"Subject: Re: lunch"}}, true, mail.ThreadID{}},
		{"one topic, and names that differ", [][]string{
			{"Message-ID: <a@x>", "Subject: Lunch"}, {"Message-ID: <b@x>", "Subject: Lunch"}}, false, mail.ThreadID{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t)
			inbox, sent := h.role(1, mail.RoleInbox), h.role(1, mail.RoleSent)
			first := h.deliver(1, inbox, h.threaded(tc.messages[0]...))
			second := h.deliver(1, sent, h.threaded(tc.messages[1]...))
			if first.Thread.IsZero() || (first.Thread == second.Thread) != tc.together {
				t.Errorf("threads %x and %x, together should be %t", first.Thread, second.Thread, tc.together)
			}
			if !tc.want.IsZero() && first.Thread != tc.want {
				t.Errorf("the thread is %x, want %x", first.Thread, tc.want)
			}
			if want := []mail.Place{{Folder: inbox, Item: first.ID}, {Folder: sent, Item: second.ID}}; tc.together && !slices.Equal(h.thread(1, first.Thread), want) {
				t.Errorf("the conversation is at %v, want %v", h.thread(1, first.Thread), want)
			}
		})
	}
}

func TestMessagesThatSayNothingAreAlone(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	first := h.deliver(1, inbox, h.threaded("To: b@example.org"))
	second := h.deliver(1, inbox, h.threaded("To: c@example.org"))
	if first.Thread.IsZero() || second.Thread.IsZero() || first.Thread == second.Thread {
		t.Errorf("they have the threads %x and %x", first.Thread, second.Thread)
	}
}

// MS-ASCON_R305, R306: who answers adds a level to the index of what he answers.
func TestARepliesIndexGrows(t *testing.T) {
	h := newHouse(t)
	inbox, sent := h.role(1, mail.RoleInbox), h.role(1, mail.RoleSent)
	first := h.deliver(1, inbox, h.threaded("Message-ID: <a@x>", "Date: Mon, 23 Nov 2026 10:00:00 +0000"))
	reply := h.deliver(1, sent, h.threaded("Message-ID: <b@x>", "In-Reply-To: <a@x>", "Date: Mon, 23 Nov 2026 11:00:00 +0000"))
	again := h.deliver(1, inbox, h.threaded("Message-ID: <c@x>", "In-Reply-To: <b@x>", "Date: Mon, 23 Nov 2026 12:00:00 +0000"))
	copied := h.deliver(1, inbox, h.threaded("Message-ID: <b@x>", "In-Reply-To: <a@x>", "Date: Mon, 23 Nov 2026 11:00:00 +0000"))
	if len(first.Index) != 5 || !bytes.HasPrefix(reply.Index, first.Index) || len(reply.Index) != 10 ||
		!bytes.HasPrefix(again.Index, reply.Index) || len(again.Index) != 15 || !bytes.Equal(copied.Index, reply.Index) {
		t.Errorf("the indexes are %x, %x, %x and %x", first.Index, reply.Index, again.Index, copied.Index)
	}
}

func TestAThreadIsKeptOverMovesAndNewBodies(t *testing.T) {
	h := newHouse(t)
	inbox, bin := h.role(1, mail.RoleInbox), h.role(1, mail.RoleDeletedItems)
	it := h.deliver(1, inbox, h.threaded("Message-ID: <a@x>"))
	thread := it.Thread
	other := h.threaded("Message-ID: <b@x>", "References: <z@x>")
	h.update(func(tx *store.Tx) (err error) {
		if it, err = h.Move(tx, 1, inbox, it.ID, bin); err != nil {
			return err
		}
		it, err = h.ReplaceBody(tx, 1, bin, it.ID, other.Body, nil)
		return err
	})
	if it.Thread != thread {
		t.Errorf("the thread was %x, is %x", thread, it.Thread)
	}
	want := []mail.Place{{Folder: bin, Item: it.ID}}
	if got := h.thread(1, thread); !slices.Equal(got, want) {
		t.Errorf("the conversation is at %v, want %v", got, want)
	}
	h.view(func(tx *store.Tx) error {
		for id, want := range map[string][]mail.Place{"a@x": nil, "b@x": want} {
			if got, err := h.Message(tx, 1, id); err != nil || !slices.Equal(got, want) {
				t.Errorf("the message %s is at %v, want %v, %v", id, got, want, err)
			}
		}
		return nil
	})
	h.update(func(tx *store.Tx) error {
		_, err := h.Delete(tx, 1, bin, it.ID)
		return err
	})
	if got := h.thread(1, thread); len(got) != 0 {
		t.Errorf("after the deletion it is at %v", got)
	}
}

func TestWhatIsInADeletedFolderIsInNoThread(t *testing.T) {
	h := newHouse(t)
	var f mail.Folder
	h.update(func(tx *store.Tx) (err error) {
		f, err = h.CreateFolder(tx, 1, 0, "a folder", mail.ClassEmail)
		return err
	})
	it := h.deliver(1, f.ID, h.threaded("Message-ID: <a@x>"))
	h.update(func(tx *store.Tx) error { return h.DeleteFolder(tx, 1, f.ID) })
	if got := h.thread(1, it.Thread); len(got) != 0 {
		t.Errorf("it is at %v", got)
	}
	h.clean()
	if err := h.Sweep(context.Background()); err != nil {
		t.Error(err)
	}
}

// A sender may use one Message-ID for any number of messages: they cost no more
// than others, and all can go again.
func TestAMessageIDMayBeUsedOften(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	var ids []mail.ItemID
	for i := range 2*maxPlaces + 3 {
		ids = append(ids, h.deliver(1, inbox, h.threaded("Message-ID: <a@x>", fmt.Sprint("Subject: ", i))).ID)
	}
	h.view(func(tx *store.Tx) error {
		got, err := h.Message(tx, 1, "a@x")
		if err != nil || len(got) != maxPlaces {
			t.Errorf("%d places are known, want %d, %v", len(got), maxPlaces, err)
		}
		return nil
	})
	h.update(func(tx *store.Tx) error {
		for _, id := range ids {
			if _, err := h.Delete(tx, 1, inbox, id); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestMailOfAConversationGoesToItsFolder(t *testing.T) {
	h := newHouse(t)
	inbox, bin := h.role(1, mail.RoleInbox), h.role(1, mail.RoleDeletedItems)
	it := h.deliver(1, inbox, h.threaded("Message-ID: <a@x>"))
	divert := func(n mail.NewItem) (f mail.FolderID) {
		h.view(func(tx *store.Tx) (err error) {
			f, err = h.Divert(tx, 1, inbox, n.Body)
			return err
		})
		return f
	}
	reply, stranger := h.threaded("Message-ID: <b@x>", "References: <a@x>"), h.threaded("Message-ID: <c@x>")
	if f := divert(reply); f != inbox {
		t.Errorf("without a rule the reply goes to %d", f)
	}
	h.update(func(tx *store.Tx) error { return h.SetThreadFolder(tx, 1, it.Thread, bin) })
	if f := divert(reply); f != bin {
		t.Errorf("the reply goes to %d, want %d", f, bin)
	}
	if f := divert(stranger); f != inbox {
		t.Errorf("another message goes to %d", f)
	}
	h.update(func(tx *store.Tx) error {
		if err := h.SetThreadFolder(tx, 1, mail.ThreadID{1}, bin); !errors.Is(err, mail.ErrNoItem) {
			t.Errorf("a rule for a conversation that is not there: %v", err)
		}
		if err := h.SetThreadFolder(tx, 1, it.Thread, 999); !errors.Is(err, mail.ErrNoFolder) {
			t.Errorf("a rule with a folder that is not there: %v", err)
		}
		return h.SetThreadFolder(tx, 1, it.Thread, 0)
	})
	if f := divert(reply); f != inbox {
		t.Errorf("without the rule the reply goes to %d", f)
	}
	h.update(func(tx *store.Tx) error { return h.SetThreadFolder(tx, 1, it.Thread, bin) })
	if err := errors.Join(h.Remove(context.Background(), 1), h.Sweep(context.Background())); err != nil {
		t.Error(err)
	}
}

// Items of a store from before there were conversations get theirs, and their
// ModSeqs stay, so that no client hears of it.
func TestOldItemsGetTheirThreads(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	var want []mail.Item
	for i := range fillChunk + 3 {
		want = append(want, h.deliver(1, inbox, h.threaded(fmt.Sprintf("Message-ID: <%d@x>", i), fmt.Sprintf("References: <%d@x>", i%7))))
	}
	h.update(func(tx *store.Tx) error {
		for _, it := range want {
			if err := h.leaveThread(tx, 1, &it); err != nil {
				return err
			}
			it.Thread, it.Message = mail.ThreadID{}, 0
			if err := itemTable.Set(tx, itemKey{1, inbox, it.ID}, it); err != nil {
				return err
			}
		}
		st, err := stateTable.Get(tx, 1)
		if err != nil {
			return err
		}
		st.Threaded = false
		return stateTable.Set(tx, 1, st)
	})
	h.clean()
	for range 2 {
		if err := h.FillThreads(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	h.view(func(tx *store.Tx) error {
		for _, it := range want {
			got, err := h.Item(tx, 1, inbox, it.ID)
			if err != nil {
				return err
			}
			if got.Thread != it.Thread || got.Message != it.Message || got.ModSeq != it.ModSeq {
				t.Fatalf("item %d: %+v, want %+v", it.ID, got, it)
			}
		}
		return nil
	})
}

func TestThreadInGoesBothWays(t *testing.T) {
	h := newHouse(t)
	inbox := h.role(1, mail.RoleInbox)
	var items []mail.ItemID
	var thread mail.ThreadID
	for i := range 5 {
		it := h.deliver(1, inbox, h.threaded(fmt.Sprintf("Message-ID: <%d@x>", i), "References: <root@x>"))
		items, thread = append(items, it.ID), it.Thread
	}
	walk := func(from, to mail.ItemID, down bool) (got []mail.ItemID) {
		h.view(func(tx *store.Tx) error {
			for p, err := range h.ThreadIn(tx, 1, inbox, thread, from, to, down) {
				if err != nil {
					return err
				}
				got = append(got, p.Item)
			}
			return nil
		})
		return got
	}
	if got := walk(0, 0, false); !slices.Equal(got, items) {
		t.Errorf("up: %v, want %v", got, items)
	}
	if got, want := walk(items[1], items[4], true), []mail.ItemID{items[3], items[2], items[1]}; !slices.Equal(got, want) {
		t.Errorf("down: %v, want %v", got, want)
	}
}
