package announce

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// synced is what a Sync leaves: the phone has been sent everything up to it.
func (h *house) synced(it mail.Item) {
	h.Helper()
	h.update(func(tx *store.Tx) error {
		return h.devices.SaveCollection(tx, device.ID{Account: h.alice, Device: "phone"}, device.Collection{
			Folder: uint32(it.Folder), Class: 1,
			Pending: device.Generation{Key: 1, Cursor: uint64(it.ModSeq), Top: uint32(it.ID)},
		})
	})
}

func TestADeviceThatHoldsARequestIsNotPushedNorAfterwards(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.held["phone"] = true
	it := h.deliver(letter{})
	h.nothing(id)
	h.held["phone"] = false // it has its answer, and fetches
	h.synced(it)
	h.nothing(id)
	h.now = h.now.Add(time.Hour)
	h.nothing(id)
	h.deliver(letter{subject: "Later"})
	h.says(id, "[alert | Carol | Later | Text 2. | 2]")
}

func TestADeviceThatIsFetchingIsNotPushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &Book{}
		r := Registration{Account: 7, Device: "phone"}
		b.Answered(7, "phone")
		for at := range 30 {
			if got, want := b.holds(&r), at < 10; got != want {
				t.Errorf("after %d s: %t", at, got)
			}
			b.Answered(uint64(at), "other")
			time.Sleep(time.Second)
		}
		if n := len(b.answers.now) + len(b.answers.before); n > 21 {
			t.Errorf("%d are remembered", n)
		}
		if b.holds(&Registration{Account: 8, Device: "phone"}) || b.holds(&Registration{Account: 7}) {
			t.Error("another is taken for it")
		}
		b.Ask(func(uint64, string) bool { return true })
		if !b.holds(&r) {
			t.Error("nobody asks who holds")
		}
	})
}

func TestAnAnswerThatDidNotArriveIsPushedAfterAll(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.held["phone"] = true
	h.deliver(letter{})
	all, later := h.told(id)
	if len(all) != 0 || !later.Equal(h.now.Add(fetchTime)) {
		t.Fatalf("%s, later %v", spell(all), later.Sub(h.now))
	}
	h.now = h.now.Add(10 * time.Minute)
	if all, later := h.told(id); len(all) != 0 || later.Sub(h.now) != 5*time.Minute {
		t.Fatalf("held again: %s, later %v", spell(all), later.Sub(h.now))
	}
	h.held["phone"] = false
	h.says(id, "[alert | Carol | Subject 1 | Text 1. | 1]")
}

func TestWhatAPingIsNotAskedForIsPushedBesideIt(t *testing.T) {
	h := newHouse(t)
	lists := h.makeFolder("Lists")
	inbox := h.folder(mail.RoleInbox)
	id := h.phone(func(r *Registration) { r.Folders = []mail.FolderID{inbox, lists} }).ID
	h.update(func(tx *store.Tx) error {
		return h.devices.Save(tx, device.Device{
			ID:          device.ID{Account: h.alice, Device: "phone"},
			PingFolders: []device.PingFolder{{ID: strconv.Itoa(int(inbox)), Class: "Email"}},
		})
	})
	h.held["phone"] = true
	h.synced(h.deliver(letter{}))
	h.deliver(letter{folder: lists, subject: "List"})
	h.says(id, "[alert | Carol | List | Text 2. | 2]")
	h.nothing(id)
}

func TestWhatADeviceHasSyncedIsNotPushed(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.synced(h.deliver(letter{}))
	h.deliver(letter{subject: "Newer"})
	h.says(id, "[alert | Carol | Newer | Text 2. | 2]")
}
