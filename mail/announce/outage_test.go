package announce

import (
	"strconv"
	"testing"
	"time"

	"martlet/mail"
	"martlet/push"
	"martlet/push/seal"
	"martlet/store"
	"martlet/sync/device"
)

// What Apple lets pass in the background is shared by wakes and by what takes a
// sealed alert back.
func TestSealedWithdrawalsKeepToTheBudget(t *testing.T) {
	h := newHouse(t)
	_, public, err := seal.GenerateKey()
	h.must(err)
	id := h.phone(mode(push.Sealed), func(r *Registration) { r.SealKey = public }).ID
	gone := 0
	for range backgroundBurst + 2 {
		it := h.deliver(letter{})
		h.only(id)
		h.see(it)
		all, later := h.told(id)
		gone += len(all)
		if len(all) == 0 && later.IsZero() {
			t.Error("nobody asks when there is one again")
		}
	}
	if gone != backgroundBurst {
		t.Errorf("%d at once, want %d", gone, backgroundBurst)
	}
	h.now = h.now.Add(backgroundEvery)
	if all, _ := h.told(id); len(all) != 1 || !all[0].Withdrawn {
		t.Errorf("later: %s", spell(all))
	}
}

// A withdrawal that cannot be sent is not younger the next time.
func TestAWithdrawalEndsTwoDaysAfterItWasSeen(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	it := h.deliver(letter{})
	h.only(id)
	h.see(it)
	p := h.plan(id)
	h.must(h.book.Settle(h.ctx(), id, &p, push.Outcome{Result: push.Retry}, true))
	first := p.Notification.Expires
	h.now = h.now.Add(time.Hour)
	again := h.plan(id)
	if n := again.Notification; n == nil || !n.Withdrawn || n.Expires.Sub(first) > time.Minute {
		t.Errorf("first it ended %v, an hour later %+v", first, n)
	}
}

// What was seen while the device held a request, the device has seen to itself.
func TestWhatIsSeenBesideAHeldRequestIsNotTakenBackLater(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	it := h.deliver(letter{})
	h.only(id)
	h.held["phone"] = true
	h.see(it)
	h.nothing(id)
	h.held["phone"] = false
	h.nothing(id)
}

// The Ping says nothing of other folders, so what was pushed beside it is taken
// back beside it.
func TestWhatAPingIsNotAskedForIsTakenBackBesideIt(t *testing.T) {
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
	it := h.deliver(letter{folder: lists})
	alert := h.only(id)
	h.see(it)
	n := h.only(id)
	if !n.Withdrawn || n.Collapse != alert.Collapse || n.Unread == nil || *n.Unread != 0 {
		t.Errorf("%s", spell([]*push.Notification{n}))
	}
	h.nothing(id)
}

// A target that was replaced while the former was told has seen nothing of it.
func TestANewTargetIsToldWhatTheFormerWasToldMeanwhile(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.deliver(letter{subject: "Under way"})
	p := h.plan(id)
	h.phone(func(r *Registration) { r.Token = token(5) })
	h.settle(id, &p, push.Outcome{Result: push.Accepted, Status: 200})
	h.says(id, "[alert | Carol | Under way | Text 1. | 1]")
}

// What the former target shows is not on the new one's screen.
func TestANewTargetIsNotToldToTakeBackWhatItDoesNotShow(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	it := h.deliver(letter{})
	h.only(id)
	h.phone(func(r *Registration) { r.Token = token(5) })
	h.see(it)
	h.says(id, "[badge |  |  |  | 0]")
}

// Google keeps what is not urgent from a phone that dozes.
func TestAlertsForAndroidAreUrgent(t *testing.T) {
	h := newHouse(t)
	id := h.phone(func(r *Registration) { r.Kind = push.FCM }).ID
	h.deliver(letter{})
	h.says(id, "[alert high | Carol | Subject 1 | Text 1. | 1]")
}

// Nobody knows how long what waits in the night will take to replace the alert,
// nor whether it will.
func TestAnAlertThatIsSeenGoesThoughAReplyWaitsForTheMorning(t *testing.T) {
	for _, replySeen := range []bool{false, true} {
		h := newHouse(t)
		r := h.phone()
		a := h.deliver(letter{subject: "Ships"})
		alert := h.only(r.ID)
		_, err := h.book.Change(h.ctx(), h.alice, r.ID, func(r *Registration) error { quietNow(h)(r); return nil })
		h.must(err)
		b := h.deliver(letter{subject: "Re: Ships", reply: true})
		h.says(r.ID, "[badge |  |  |  | 2]")
		h.see(a)
		if replySeen {
			h.see(b)
		}
		n := h.only(r.ID)
		if !n.Withdrawn || n.Collapse != alert.Collapse {
			t.Errorf("reply seen %t: %s", replySeen, spell([]*push.Notification{n}))
		}
		h.now = h.now.Add(2 * time.Hour)
		want := "[alert | Carol | Re: Ships | Text 2. | 1]"
		if replySeen {
			want = ""
		}
		h.says(r.ID, want)
	}
}

func TestAFailedWithdrawalIsNotThatOfANewTarget(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	it := h.deliver(letter{})
	h.only(id)
	h.see(it)
	p := h.plan(id)
	h.phone(func(r *Registration) { r.Token = token(5) })
	h.must(h.book.Settle(h.ctx(), id, &p, push.Outcome{Result: push.Retry}, true))
	h.says(id, "[badge |  |  |  | 0]")
}
