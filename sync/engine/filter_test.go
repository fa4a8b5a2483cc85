package engine_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/engine"
)

// MS-ASCMD_R2987, R3064: only what lies in the window, and SoftDelete for what
// leaves it.
func TestTheWindowMovesWithTheDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		ids := h.deliver(h.inbox, 100*time.Hour, 30*time.Hour, time.Hour)
		req := request(h.inbox, h.sync(h.inbox, engine.NewKey).Key)
		req.Filter = 2 // three days
		res := h.send(phone, req)
		expect(t, res, adds(ids[2], ids[1]))
		time.Sleep(48 * time.Hour)
		if got := h.changed(h.inbox); len(got) != 0 {
			t.Errorf("a day that passes wakes the phone for %v", got)
		}
		req.Key = res.Key
		res = h.send(phone, req)
		expect(t, res, []change{{engine.SoftDeleted, ids[1]}})
		req.Key, req.Filter = res.Key, 0
		res = h.send(phone, req)
		expect(t, res, adds(ids[1], ids[0]))
		req.Key, req.Filter = res.Key, 1
		res = h.send(phone, req)
		expect(t, res, []change{{engine.SoftDeleted, ids[0]}, {engine.SoftDeleted, ids[1]}, {engine.SoftDeleted, ids[2]}})
	})
}

func TestWhatLiesOutsideTheWindowIsNotTold(t *testing.T) {
	h := open(t)
	key := h.settleAs(phone, func() engine.Request { r := request(h.inbox, engine.NewKey); r.Filter = 1; return r }())
	old := h.deliver(h.inbox, 1000*time.Hour)[0]
	h.edit(h.inbox, old, read)
	if got := h.changed(h.inbox); len(got) != 0 {
		t.Errorf("Ping says that %v changed", got)
	}
	req := request(h.inbox, key)
	req.Filter = 1
	if res := h.send(phone, req); !res.Unchanged {
		t.Errorf("told of %v", told(res))
	}
}

func TestAFilterForMailDoesNotTouchContacts(t *testing.T) {
	h := open(t)
	var contacts mail.Folder
	h.update(func(tx *store.Tx) (err error) {
		if contacts, err = h.boxes.FolderByRole(tx, box, mail.RoleContacts); err != nil {
			return err
		}
		_, err = h.boxes.Append(tx, box, contacts.ID, mail.NewItem{Class: mail.ClassContacts, Received: 1})
		return err
	})
	req := request(contacts.ID, h.sync(contacts.ID, engine.NewKey).Key)
	req.Filter = 5
	if res := h.send(phone, req); len(res.Changes) != 1 {
		t.Errorf("%d contacts", len(res.Changes))
	}
}

// Changes that do not concern a device must not be read again and again.
func TestChangesOutsideTheWindowAreLeftBehind(t *testing.T) {
	h := open(t)
	req := request(h.inbox, engine.NewKey)
	req.Filter = 1
	req.Key = h.settleAs(phone, req)
	req.GetChanges = true
	h.deliver(h.inbox, slices.Repeat([]time.Duration{1000 * time.Hour}, 600)...)
	if got := h.changed(h.inbox); len(got) != 0 {
		t.Fatal(got)
	}
	*h.rows = counting{Mailboxes: h.boxes}
	h.changed(h.inbox)
	if res := h.send(phone, req); !res.Unchanged {
		t.Fatal(told(res))
	}
	if n := h.rows.log + h.rows.items; n > 10 {
		t.Errorf("%d rows are read again", n)
	}
}
