package mailbox

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// card makes the body of a contact.
func (h *house) card(name string) mail.Body {
	h.tb.Helper()
	b, err := h.PrepareObject(context.Background(), mail.ClassContacts,
		[]byte("BEGIN:VCARD\r\nVERSION:4.0\r\nUID:"+name+"\r\nFN:"+name+"\r\nEND:VCARD\r\n"))
	if err != nil {
		h.tb.Fatal(err)
	}
	return b
}

// event makes the body of an event on a day of January 2027.
func (h *house) event(uid string, day int) mail.Body {
	h.tb.Helper()
	on := "202701" + strconv.Itoa(100 + day)[1:]
	b, err := h.PrepareObject(context.Background(), mail.ClassCalendar, []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:"+uid+
		"\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:"+on+"T100000Z\r\nDTEND:"+on+"T110000Z\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	if err != nil {
		h.tb.Fatal(err)
	}
	return b
}

// linked is a link of mailbox 2 to a folder of mailbox 1.
func (h *house) linked(f mail.FolderID, rights mail.Rights) mail.FolderID {
	h.tb.Helper()
	var link mail.Folder
	h.update(func(tx *store.Tx) (err error) {
		if err := h.Ensure(tx, 2); err != nil {
			return err
		}
		link, err = h.CreateLink(tx, 2, 0, "Anna: Calendar", mail.Link{Box: 1, Folder: f, Rights: rights})
		return err
	})
	return link.ID
}

func TestALinkShowsAndChangesTheOtherFolder(t *testing.T) {
	h := newHouse(t)
	cal := h.role(1, mail.RoleCalendar)
	first := h.deliver(1, cal, mail.NewItem{Class: mail.ClassCalendar, Body: h.event("a", 3)})
	link := h.linked(cal, mail.MayRead|mail.MayWrite)
	w := h.hub.Watch(1, uint32(cal))
	defer w.Close()

	second := h.deliver(2, link, mail.NewItem{Class: mail.ClassCalendar, Body: h.event("b", 4), Name: "b.ics"})
	if second.Folder != link || second.By != 2 {
		t.Errorf("written through the link: %+v", second)
	}
	select {
	case <-w.C():
	default:
		t.Error("who waits for the folder was not woken")
	}
	if own := h.folder(1, cal); own.Items != 2 || own.Highest != second.ModSeq {
		t.Errorf("the folder is %+v", own)
	}
	if f := h.folder(2, link); f.Items != 2 || f.Highest != second.ModSeq || f.Class != mail.ClassCalendar || f.Name != "Anna: Calendar" {
		t.Errorf("the link is %+v", f)
	}
	changes := h.changes(2, link, first.ModSeq)
	if len(changes) != 1 || changes[0].Item != second.ID {
		t.Errorf("the log through the link: %+v", changes)
	}
	five, six := h.event("a", 5), h.event("a", 6)
	h.update(func(tx *store.Tx) error {
		if id, err := h.ByName(tx, 2, link, "b.ics"); err != nil || id != second.ID {
			t.Errorf("by name: %d, %v", id, err)
		}
		it, err := h.ReplaceBody(tx, 2, link, first.ID, five, nil)
		if err == nil && (it.By != 2 || it.Received == first.Received || it.Folder != link) {
			t.Errorf("changed: %+v", it)
		}
		return err
	})
	h.update(func(tx *store.Tx) error { // the owner again
		it, err := h.ReplaceBody(tx, 1, cal, first.ID, six, nil)
		if err == nil && it.By != 0 {
			t.Errorf("changed by its owner: %+v", it)
		}
		return err
	})
	h.update(func(tx *store.Tx) error { return h.DropLink(tx, 2, link) })
	h.view(func(tx *store.Tx) error {
		if _, err := h.Item(tx, 2, link, first.ID); !errors.Is(err, mail.ErrNoItem) {
			t.Errorf("through a link that is gone: %v", err)
		}
		if _, err := h.Item(tx, 1, cal, first.ID); err != nil {
			t.Error(err)
		}
		return nil
	})
}

func TestAFolderThatMayOnlyBeReadIsNotWritten(t *testing.T) {
	h := newHouse(t)
	cal := h.role(1, mail.RoleCalendar)
	it := h.deliver(1, cal, mail.NewItem{Class: mail.ClassCalendar, Body: h.event("a", 3)})
	link, own := h.linked(cal, mail.MayRead), h.role(2, mail.RoleCalendar)
	mine := h.deliver(2, own, mail.NewItem{Class: mail.ClassCalendar, Body: h.event("m", 3)})
	other := h.event("b", 4)
	for name, write := range map[string]func(tx *store.Tx) error{
		"append": func(tx *store.Tx) error {
			_, err := h.Append(tx, 2, link, mail.NewItem{Class: mail.ClassCalendar, Body: other})
			return err
		},
		"replace": func(tx *store.Tx) error { _, err := h.ReplaceBody(tx, 2, link, it.ID, other, nil); return err },
		"update": func(tx *store.Tx) error {
			_, err := h.UpdateItem(tx, 2, link, it.ID, func(x *mail.Item) { x.Flags = mail.FlagSeen })
			return err
		},
		"delete":    func(tx *store.Tx) error { _, err := h.Delete(tx, 2, link, it.ID); return err },
		"move away": func(tx *store.Tx) error { _, err := h.Move(tx, 2, link, it.ID, own); return err },
		"move into": func(tx *store.Tx) error { _, err := h.Move(tx, 2, own, mine.ID, link); return err },
	} {
		if err := h.store.Update(context.Background(), write); !errors.Is(err, mail.ErrReadOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.Empty(context.Background(), 2, link, false); !errors.Is(err, mail.ErrReadOnly) {
		t.Errorf("empty: %v", err)
	}
	for name, change := range map[string]func(tx *store.Tx) error{
		"delete folder": func(tx *store.Tx) error { return h.DeleteFolder(tx, 2, link) },
		"rename":        func(tx *store.Tx) error { _, err := h.UpdateFolder(tx, 2, link, 0, "Mine"); return err },
	} {
		if err := h.store.Update(context.Background(), change); !errors.Is(err, mail.ErrSystemFolder) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestItemsMoveBetweenMailboxes(t *testing.T) {
	h := newHouse(t)
	cal := h.role(1, mail.RoleCalendar)
	link, own := h.linked(cal, mail.MayRead|mail.MayWrite), h.role(2, mail.RoleCalendar)
	it := h.deliver(2, own, mail.NewItem{Class: mail.ClassCalendar, Body: h.event("a", 3), Name: "a.ics"})
	var moved mail.Item
	h.update(func(tx *store.Tx) (err error) {
		moved, err = h.Move(tx, 2, own, it.ID, link)
		return err
	})
	if moved.Folder != link || moved.Name != "a.ics" || moved.UID != it.UID || moved.Received != it.Received {
		t.Errorf("moved: %+v", moved)
	}
	h.view(func(tx *store.Tx) error {
		places, err := h.ByUID(tx, 1, mail.ClassCalendar, "a")
		if err != nil || !slices.Equal(places, []mail.Place{{Folder: cal, Item: moved.ID}}) {
			t.Errorf("by UID: %v, %v", places, err)
		}
		if places, err := h.ByUID(tx, 2, mail.ClassCalendar, "a"); err != nil || len(places) != 0 {
			t.Errorf("where it was: %v, %v", places, err)
		}
		return nil
	})
	inbox, letters := h.role(2, mail.RoleInbox), h.role(1, mail.RoleInbox)
	var shared mail.Folder
	h.update(func(tx *store.Tx) (err error) {
		shared, err = h.CreateLink(tx, 2, 0, "Anna: Inbox", mail.Link{Box: 1, Folder: letters, Rights: mail.MayRead | mail.MayWrite})
		return err
	})
	letter := h.deliver(2, inbox, h.letter(1).item(7))
	h.update(func(tx *store.Tx) error {
		got, err := h.Move(tx, 2, inbox, letter.ID, shared.ID)
		if err == nil && got.Received != 7 {
			t.Errorf("the letter is %+v", got)
		}
		return err
	})
}

func TestNamesAreUniqueInTheirFolder(t *testing.T) {
	h := newHouse(t)
	f := h.role(1, mail.RoleContacts)
	a := h.deliver(1, f, mail.NewItem{Class: mail.ClassContacts, Body: h.card("a"), Name: "a.vcf"})
	b := h.deliver(1, f, mail.NewItem{Class: mail.ClassContacts, Body: h.card("b")})
	if b.Name == "" || b.Name == a.Name {
		t.Errorf("the name made is %q", b.Name)
	}
	c := h.card("c")
	err := h.store.Update(context.Background(), func(tx *store.Tx) error {
		_, err := h.Append(tx, 1, f, mail.NewItem{Class: mail.ClassContacts, Body: c, Name: "a.vcf"})
		return err
	})
	if !errors.Is(err, mail.ErrNameTaken) {
		t.Errorf("a second a.vcf: %v", err)
	}
	var gone mail.Change
	h.update(func(tx *store.Tx) (err error) {
		gone, err = h.Delete(tx, 1, f, a.ID)
		return err
	})
	if gone.Name != "a.vcf" {
		t.Errorf("the tombstone is %+v", gone)
	}
	again := h.deliver(1, f, mail.NewItem{Class: mail.ClassContacts, Body: c, Name: "a.vcf"})
	h.view(func(tx *store.Tx) error {
		if id, err := h.ByName(tx, 1, f, "a.vcf"); err != nil || id != again.ID {
			t.Errorf("by name: %d, %v", id, err)
		}
		return nil
	})
}

func TestAnEventRemembersWhereItWas(t *testing.T) {
	h := newHouse(t)
	f := h.role(1, mail.RoleCalendar)
	it := h.deliver(1, f, mail.NewItem{Class: mail.ClassCalendar, Body: h.event("a", 1)})
	at := []int64{it.Received}
	when := []mail.ModSeq{it.ModSeq}
	for day := 2; day < 8+mail.MaxEarlier; day++ {
		body := h.event("a", day)
		h.update(func(tx *store.Tx) (err error) {
			it, err = h.ReplaceBody(tx, 1, f, it.ID, body, nil)
			return err
		})
		at, when = append(at, it.Received), append(when, it.ModSeq)
	}
	if len(it.Was) != mail.MaxEarlier {
		t.Fatalf("remembers %d places", len(it.Was))
	}
	c := h.changes(1, f, 0)[0]
	for i := len(at) - mail.MaxEarlier - 1; i < len(at); i++ {
		if it.PositionAt(when[i]).Received != at[i] || c.PositionAt(when[i]).Received != at[i] {
			t.Errorf("at %d it was at %d, says %d and %d", when[i], at[i], it.PositionAt(when[i]).Received, c.PositionAt(when[i]).Received)
		}
	}
	var order []mail.ItemID
	h.view(func(tx *store.Tx) error {
		for p, err := range h.Between(tx, 1, f, at[len(at)-1], mail.EndOfTime) {
			if err != nil {
				return err
			}
			order = append(order, p.Item)
		}
		return nil
	})
	if !slices.Equal(order, []mail.ItemID{it.ID}) {
		t.Errorf("by date: %v", order)
	}
}

// A repeated move is answered by where the item went, in the words of who asks.
func TestATombstoneBehindALinkNamesTheLinkThatTheItemWentTo(t *testing.T) {
	h := newHouse(t)
	cal := h.role(1, mail.RoleCalendar)
	var second, far mail.Folder
	h.update(func(tx *store.Tx) (err error) {
		if second, err = h.CreateFolder(tx, 1, 0, "Team", mail.ClassCalendar); err == nil {
			far, err = h.CreateFolder(tx, 1, 0, "Far", mail.ClassCalendar)
		}
		return err
	})
	from := h.linked(cal, mail.MayRead|mail.MayWrite)
	var to mail.Folder
	h.update(func(tx *store.Tx) (err error) {
		to, err = h.CreateLink(tx, 2, 0, "Anna: Team", mail.Link{Box: 1, Folder: second.ID, Rights: mail.MayRead | mail.MayWrite})
		return err
	})
	a := h.deliver(1, cal, mail.NewItem{Class: mail.ClassCalendar, Body: h.event("a", 3)})
	b := h.deliver(1, cal, mail.NewItem{Class: mail.ClassCalendar, Body: h.event("b", 3)})
	h.update(func(tx *store.Tx) error {
		moved, err := h.Move(tx, 2, from, a.ID, to.ID)
		if err != nil {
			return err
		}
		gone, err := h.Tombstone(tx, 2, from, a.ID)
		if err != nil || gone.MovedTo != (mail.Place{Folder: to.ID, Item: moved.ID}) {
			t.Errorf("it went to %+v, %v; the item is %d in %d", gone.MovedTo, err, moved.ID, to.ID)
		}
		if _, err := h.Move(tx, 1, cal, b.ID, far.ID); err != nil {
			return err
		}
		if gone, err := h.Tombstone(tx, 2, from, b.ID); err != nil || gone.MovedTo != (mail.Place{}) {
			t.Errorf("where nobody else sees it, it went to %+v, %v", gone.MovedTo, err)
		}
		return nil
	})
}

// A conversation goes to another's folder whole, however long it is; nobody sends
// one where nothing may be written.
func TestALongConversationMovesToTheFolderOfAnother(t *testing.T) {
	h := newHouse(t)
	link := h.linkedMail(mail.MayRead | mail.MayWrite)
	inbox := h.role(2, mail.RoleInbox)
	thread := mail.ThreadID{7}
	for range moveChunk {
		h.deliver(2, inbox, mail.NewItem{Class: mail.ClassEmail, Thread: thread})
	}
	if err := h.MoveThread(context.Background(), 2, thread, link); err != nil {
		t.Fatal(err)
	}
	if n := h.folder(2, link).Items; n != moveChunk || h.folder(2, inbox).Items != 0 {
		t.Errorf("%d are there, %d stayed", n, h.folder(2, inbox).Items)
	}
	h.update(func(tx *store.Tx) error {
		if f, err := h.ThreadFolder(tx, 2, thread); err != nil || f != link {
			t.Errorf("its folder is %d, %v", f, err)
		}
		if _, err := h.UpdateLink(tx, 2, link, 0, "Anna: Inbox", mail.MayRead); err != nil {
			return err
		}
		if f, err := h.ThreadFolder(tx, 2, thread); err != nil || f != 0 {
			t.Errorf("where nothing may be written any more: %d, %v", f, err)
		}
		return nil
	})
	h.deliver(2, inbox, mail.NewItem{Class: mail.ClassEmail, Thread: thread})
	if err := h.MoveThread(context.Background(), 2, thread, link); !errors.Is(err, mail.ErrReadOnly) {
		t.Errorf("where nothing may be written: %v", err)
	}
}

// linkedMail is a link of mailbox 2 to the inbox of mailbox 1.
func (h *house) linkedMail(rights mail.Rights) mail.FolderID {
	h.tb.Helper()
	inbox := h.role(1, mail.RoleInbox)
	var link mail.Folder
	h.update(func(tx *store.Tx) (err error) {
		if err := h.Ensure(tx, 2); err != nil {
			return err
		}
		link, err = h.CreateLink(tx, 2, 0, "Anna: Inbox", mail.Link{Box: 1, Folder: inbox, Rights: rights})
		return err
	})
	return link.ID
}

// private makes an event private or confidential.
func (h *house) private(uid, class string) mail.Body {
	h.tb.Helper()
	b, err := h.PrepareObject(context.Background(), mail.ClassCalendar, []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:"+uid+
		"\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20270101T100000Z\r\nCLASS:"+class+"\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	if err != nil {
		h.tb.Fatal(err)
	}
	return b
}

// Who may not see what is private neither changes it nor takes it away.
func TestWhatIsPrivateIsLeftAloneByWhoMayNotSeeIt(t *testing.T) {
	for rights, may := range map[mail.Rights]bool{mail.MayRead | mail.MayWrite: false, mail.MayRead | mail.MayWrite | mail.MaySee: true} {
		for _, class := range []string{"PRIVATE", "CONFIDENTIAL"} {
			h := newHouse(t)
			cal := h.role(1, mail.RoleCalendar)
			link, own := h.linked(cal, rights), h.role(2, mail.RoleCalendar)
			it := h.deliver(1, cal, mail.NewItem{Class: mail.ClassCalendar, Body: h.private("a", class)})
			other := h.event("a", 4)
			for name, write := range map[string]func(tx *store.Tx) error{
				"replace": func(tx *store.Tx) error { _, err := h.ReplaceBody(tx, 2, link, it.ID, other, nil); return err },
				"delete":  func(tx *store.Tx) error { _, err := h.Delete(tx, 2, link, it.ID); return err },
				"move":    func(tx *store.Tx) error { _, err := h.Move(tx, 2, link, it.ID, own); return err },
			} {
				back := errors.New("undo")
				err := h.store.Update(context.Background(), func(tx *store.Tx) error { return errors.Join(write(tx), back) })
				if errors.Is(err, mail.ErrReadOnly) == may {
					t.Errorf("%s, rights %d, %s: %v", class, rights, name, err)
				}
			}
			for day := range emptyChunk + 2 {
				h.deliver(1, cal, mail.NewItem{Class: mail.ClassCalendar, Body: h.event("b"+strconv.Itoa(day), 1+day%28)})
			}
			if _, err := h.Empty(context.Background(), 2, link, false); err != nil {
				t.Fatal(err)
			}
			if n := h.folder(1, cal).Items; n != 1 && !may || n != 0 && may {
				t.Errorf("%s, rights %d: %d are left", class, rights, n)
			}
		}
	}
}

// Where an item went in another mailbox is told to who can open it there.
func TestATombstoneTellsOfAnotherMailboxWhoCanOpenIt(t *testing.T) {
	h := newHouse(t)
	cal := h.role(1, mail.RoleCalendar)
	link, own := h.linked(cal, mail.MayRead|mail.MayWrite), h.role(2, mail.RoleCalendar)
	it := h.deliver(2, own, mail.NewItem{Class: mail.ClassCalendar, Body: h.event("a", 3)})
	went := func(box mail.MailboxID, f mail.FolderID, id mail.ItemID, want mail.Place) {
		t.Helper()
		h.view(func(tx *store.Tx) error {
			if gone, err := h.Tombstone(tx, box, f, id); err != nil || gone.MovedTo != want || gone.Away != (mail.Away{}) {
				t.Errorf("to mailbox %d it went to %+v, %+v, %v", box, gone.MovedTo, gone.Away, err)
			}
			return nil
		})
	}
	var there, back mail.Item
	h.update(func(tx *store.Tx) (err error) { there, err = h.Move(tx, 2, own, it.ID, link); return err })
	went(2, own, it.ID, mail.Place{Folder: link, Item: there.ID})
	h.update(func(tx *store.Tx) (err error) { back, err = h.Move(tx, 2, link, there.ID, own); return err })
	went(2, link, there.ID, mail.Place{Folder: own, Item: back.ID})
	went(1, cal, there.ID, mail.Place{}) // his calendar is not hers to open
	h.update(func(tx *store.Tx) error { return h.DropLink(tx, 2, link) })
	went(2, own, it.ID, mail.Place{})
}
