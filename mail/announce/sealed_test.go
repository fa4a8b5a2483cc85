package announce

import (
	"strings"
	"testing"

	"martlet/mail"
	"martlet/push"
	"martlet/push/seal"
)

func TestASealedAlertShowsNothingOutside(t *testing.T) {
	h := newHouse(t)
	private, public, err := seal.GenerateKey()
	h.must(err)
	id := h.phone(mode(push.Sealed), func(r *Registration) { r.SealKey, r.Name = public, "work" }).ID
	it := h.deliver(letter{subject: "Secret", text: "Hidden."})
	n := h.only(id)
	if n.Title+n.Subtitle+n.Body+n.Thread+n.Message+n.Account != "" || n.Unread != nil || n.Mode != push.Sealed {
		t.Errorf("%+v", n)
	}
	c, err := seal.Open(private, nil, n.Envelope)
	h.must(err)
	if c.Sender != "Carol" || c.Subject != "Secret" || c.Preview != "Hidden." || *c.Unread != 1 || c.Account != "work" ||
		c.Message != serverID(mail.Place{Folder: it.Folder, Item: it.ID}) || c.Thread == "" {
		t.Errorf("%+v", c)
	}
	h.see(it)
	w := h.only(id)
	if !w.Withdrawn || w.Collapse != n.Collapse || w.Unread != nil || len(w.Envelope) != 0 {
		t.Errorf("%+v", w)
	}
	h.must(h.book.Test(h.ctx(), h.alice, id))
	if c, err := seal.Open(private, nil, h.only(id).Envelope); err != nil || c.Sender != "Test" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestTheAccountsNameIsGivenBack(t *testing.T) {
	h := newHouse(t)
	id := h.phone(func(r *Registration) { r.Name = "work" }).ID
	it := h.deliver(letter{})
	if n := h.only(id); n.Account != "work" || n.Message != serverID(mail.Place{Folder: it.Folder, Item: it.ID}) {
		t.Errorf("%+v", n)
	}
}

func TestWhatServicesSeeIsOpaqueAndDiffersForEachDevice(t *testing.T) {
	h := newHouse(t)
	a := h.phone().ID
	b := h.phone(func(r *Registration) { r.Device, r.Token = "tablet", token(1) }).ID
	h.deliver(letter{})
	n, m := h.only(a), h.only(b)
	if n.Collapse == m.Collapse || n.Thread == m.Thread {
		t.Error("two devices of one account are told apart by nothing")
	}
	for _, s := range []string{n.Collapse, n.Thread} {
		if len(s) == 0 || len(s) > 32 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("%q", s)
		}
	}
}

// applePhone is Apple's Mail app with the Inbox and another mailbox.
func (h *house) applePhone(lists mail.FolderID) uint64 {
	return h.phone(mode(push.AppleMail), func(r *Registration) {
		r.AppleAccount = "0715A26B-CA09-4730-A419-793000CA982E"
		r.Folders = []mail.FolderID{lists, h.folder(mail.RoleInbox)}
		r.AppleMailboxes = []string{"Lists", "INBOX"}
	}).ID
}

func TestApplesMailIsToldWhichMailboxesChanged(t *testing.T) {
	h := newHouse(t)
	lists := h.makeFolder("Lists")
	id := h.applePhone(lists)
	h.nothing(id)
	it := h.deliver(letter{})
	n := h.only(id)
	if n.Mode != push.AppleMail || !n.High || n.AppleAccount == "" || strings.Join(n.AppleMailboxes, ",") != "INBOX" {
		t.Errorf("%+v", n)
	}
	h.deliver(letter{})
	h.deliver(letter{folder: lists})
	if n := h.only(id); strings.Join(n.AppleMailboxes, ",") != "Lists,INBOX" {
		t.Errorf("%+v", n)
	}
	h.see(it)
	if n := h.only(id); n.High || strings.Join(n.AppleMailboxes, ",") != "INBOX" {
		t.Errorf("%+v", n)
	}
	h.deliver(letter{folder: h.folder(mail.RoleSent)})
	h.nothing(id)
}

func TestApplesMailHearsOfFlagsWithinTheBudget(t *testing.T) {
	h := newHouse(t)
	id := h.applePhone(h.makeFolder("Lists"))
	it := h.deliver(letter{})
	h.only(id)
	for i := range backgroundBurst {
		if i%2 == 0 {
			h.see(it)
		} else {
			h.unsee(it)
		}
		if n := h.only(id); n.High {
			t.Errorf("%+v", n)
		}
	}
	h.unsee(it)
	all, later := h.told(id)
	if len(all) != 0 || !later.After(h.now) {
		t.Fatalf("%s, later %v", spell(all), later)
	}
	h.deliver(letter{}) // is told at once
	h.only(id)
	h.nothing(id)
}

func TestApplesMailHearsAfterAFailureOfAllThatChanged(t *testing.T) {
	h := newHouse(t)
	lists := h.makeFolder("Lists")
	id := h.applePhone(lists)
	h.deliver(letter{folder: lists})
	p := h.plan(id)
	h.must(h.book.Settle(h.ctx(), id, &p, push.Outcome{Result: push.Retry}, true))
	h.deliver(letter{})
	if n := h.only(id); strings.Join(n.AppleMailboxes, ",") != "Lists,INBOX" || !n.High {
		t.Errorf("%+v", n)
	}
}
