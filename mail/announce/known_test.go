package announce

import (
	"fmt"
	"testing"
	"time"

	"martlet/mail"
	"martlet/push"
	"martlet/store"
	"martlet/sync/device"
)

// syncs has Alice's phone synchronise a folder, and have all of it.
func (h *house) syncs(f mail.FolderID) {
	h.Helper()
	h.update(func(tx *store.Tx) error {
		folder, err := h.boxes.Folder(tx, mail.MailboxOf(h.alice), f)
		if err != nil {
			return err
		}
		last, err := h.boxes.LastItem(tx, mail.MailboxOf(h.alice), f)
		if err != nil {
			return err
		}
		id := device.ID{Account: h.alice, Device: "phone"}
		if _, err := h.devices.Load(tx, id); err != nil {
			if err := h.devices.Save(tx, device.Device{ID: id}); err != nil {
				return err
			}
		}
		return h.devices.SaveCollection(tx, id, device.Collection{
			Folder: uint32(f), Class: uint8(folder.Class),
			Confirmed: device.Generation{Key: 1, Cursor: uint64(folder.Highest), Top: uint32(last)},
		})
	})
}

// wrote notes that the phone made a change itself.
func (h *house) wrote(f mail.FolderID, it mail.Item, added bool) {
	h.Helper()
	h.update(func(tx *store.Tx) error {
		id := device.ID{Account: h.alice, Device: "phone"}
		c, err := h.devices.Collection(tx, id, uint32(f))
		if err != nil {
			return err
		}
		c.Own = append(c.Own, device.OwnWrite{Item: uint32(it.ID), ModSeq: uint64(it.ModSeq), Added: added})
		return h.devices.SaveCollection(tx, id, c)
	})
}

func TestAPhoneIsNotWokenForWhatItWroteOrWasSent(t *testing.T) {
	d := newDesk(t)
	theirs := d.make("Team", mail.ClassCalendar)
	link := d.share(d.mine(), theirs, whole)
	for _, f := range []mail.FolderID{d.role(d.mine(), mail.RoleCalendar), link} {
		d.syncs(f)
		id := d.phone(mode(push.Silent), toFolders(f)).ID
		other := d.phone(mode(push.Silent), toFolders(f), of("tablet", 9)).ID
		it := d.write(d.mine(), f, 0, event(fmt.Sprint("Mine ", f)))
		d.wrote(f, it, true)
		d.nothing(id)
		d.says(other, silentWake) // the user's other device has to fetch it
		d.write(d.mine(), f, 0, event(fmt.Sprint("Another's ", f)))
		d.syncs(f) // it was faster
		d.nothing(id)
		d.write(d.mine(), f, it.ID, event(fmt.Sprint("Mine ", f), "LOCATION:Here"))
		d.says(id, silentWake)
		d.nothing(id)
	}
}

// Another's change of an item comes behind the device's own.
func TestAChangeOfWhatThePhoneWroteWakesIt(t *testing.T) {
	h := newHouse(t)
	box, calendar := mail.MailboxOf(h.alice), h.folder(mail.RoleCalendar)
	h.syncs(calendar)
	id := h.phone(mode(push.Silent), toFolders(calendar)).ID
	it := h.write(box, calendar, 0, event("Standup"))
	h.wrote(calendar, it, true)
	h.nothing(id)
	h.write(box, calendar, it.ID, event("Standup", "LOCATION:Elsewhere"))
	h.says(id, silentWake)
}

// What the answer on its way says, the phone has been sent.
func TestAPhoneIsNotWokenForWhatIsOnItsWay(t *testing.T) {
	h := newHouse(t)
	box, calendar := mail.MailboxOf(h.alice), h.folder(mail.RoleCalendar)
	h.syncs(calendar)
	id := h.phone(mode(push.Silent), toFolders(calendar)).ID
	it := h.write(box, calendar, 0, event("Standup"))
	h.update(func(tx *store.Tx) error {
		c, err := h.devices.Collection(tx, device.ID{Account: h.alice, Device: "phone"}, uint32(calendar))
		if err != nil {
			return err
		}
		c.Pending = device.Generation{Key: 2, Cursor: uint64(it.ModSeq), Top: uint32(it.ID)}
		return h.devices.SaveCollection(tx, device.ID{Account: h.alice, Device: "phone"}, c)
	})
	h.nothing(id)
}

// A phone that writes much has its own changes read once.
func TestWhatAPhoneWroteIsReadOnce(t *testing.T) {
	h := newHouse(t)
	box, calendar := mail.MailboxOf(h.alice), h.folder(mail.RoleCalendar)
	h.syncs(calendar)
	id := h.phone(mode(push.Silent), toFolders(calendar)).ID
	few := h.reads(id)
	for i := range manyRead {
		h.wrote(calendar, h.write(box, calendar, 0, event(fmt.Sprint("Event ", i))), true)
	}
	h.nothing(id)
	if n := h.reads(id); n > few {
		t.Errorf("%d rows are read, before it wrote %d", n, few)
	}
	// So it is when somebody else's change behind them has to wait.
	h.held["phone"] = true
	for i := range manyRead {
		h.wrote(calendar, h.write(box, calendar, 0, event(fmt.Sprint("Event ", manyRead+i))), true)
	}
	h.write(box, calendar, 0, event("Another's"))
	h.nothing(id)
	if n := h.reads(id); n > few+manyRead/2 {
		t.Errorf("%d rows are read while a change waits, before %d", n, few)
	}
}

// The Cursor of a device may be beyond what it was given: arrivals come last.
func TestAnArrivalThatADeviceWasNotSentWakesIt(t *testing.T) {
	h := newHouse(t)
	calendar := h.folder(mail.RoleCalendar)
	h.syncs(calendar)
	id := h.phone(mode(push.Silent), toFolders(calendar)).ID
	it := h.write(mail.MailboxOf(h.alice), calendar, 0, event("Standup"))
	h.update(func(tx *store.Tx) error {
		c, err := h.devices.Collection(tx, device.ID{Account: h.alice, Device: "phone"}, uint32(calendar))
		if err != nil {
			return err
		}
		c.Confirmed.Cursor = uint64(it.ModSeq)
		return h.devices.SaveCollection(tx, device.ID{Account: h.alice, Device: "phone"}, c)
	})
	h.says(id, silentWake)
}

// A phone that holds a request fetches what changed in what it synchronises, and
// nothing of what it does not.
func TestAHeldRequestHearsOfTheCalendarsThatThePhoneSynchronises(t *testing.T) {
	h := newHouse(t)
	box, calendar := mail.MailboxOf(h.alice), h.folder(mail.RoleCalendar)
	id := h.phone(mode(push.Silent), toFolders(calendar)).ID
	h.held["phone"] = true
	h.write(box, calendar, 0, event("Before"))
	h.says(id, silentWake) // it synchronises no calendar
	h.syncs(calendar)
	h.write(box, calendar, 0, event("Standup"))
	all, later := h.told(id)
	if len(all) != 0 || later.Before(h.now.Add(fetchTime)) {
		t.Fatalf("told %s, later %v", spell(all), later)
	}
	// The longer it waits, the rarer it is looked at, and that costs no writes.
	h.now = h.now.Add(time.Hour)
	p := h.plan(id)
	if p.Notification != nil || p.Later.Before(h.now.Add(25*time.Minute)) || p.Mark != 0 {
		t.Errorf("%+v", p)
	}
	h.held["phone"] = false
	h.says(id, silentWake)
	h.nothing(id)
	h.held["phone"] = true
	h.write(box, calendar, 0, event("Retro"))
	if p := h.plan(id); !p.Later.Equal(h.now.Add(fetchTime)) {
		t.Errorf("what came now is looked at again %v, it is %v", p.Later, h.now)
	}
}

// A Ping that asks for the Inbox says nothing of a calendar, though the phone has
// it.
func TestAPingForOtherFoldersDoesNotHearOfACalendar(t *testing.T) {
	h := newHouse(t)
	box, calendar := mail.MailboxOf(h.alice), h.folder(mail.RoleCalendar)
	id := h.phone(mode(push.Silent), toFolders(calendar)).ID
	h.update(func(tx *store.Tx) error {
		return h.devices.Save(tx, device.Device{
			ID:          device.ID{Account: h.alice, Device: "phone"},
			PingFolders: []device.PingFolder{{ID: fmt.Sprint(h.folder(mail.RoleInbox)), Class: "Email"}},
		})
	})
	h.syncs(calendar)
	h.held["phone"] = true
	h.write(box, calendar, 0, event("Standup"))
	h.says(id, silentWake)
}
