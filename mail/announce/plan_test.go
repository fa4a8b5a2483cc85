package announce

import (
	"errors"
	"testing"
	"time"

	"martlet/mail"
	"martlet/push"
	"martlet/store"
	"martlet/sync/device"
)

func TestANewRegistrationHearsNothingOfOldMail(t *testing.T) {
	h := newHouse(t)
	h.deliver(letter{})
	id := h.phone().ID
	h.nothing(id)
	h.deliver(letter{subject: "New"})
	h.says(id, "[alert | Carol | New | Text 2. | 2]")
	h.nothing(id)
}

func TestAnAlertSaysSenderSubjectAndPreviewAsFarAsAllowed(t *testing.T) {
	for _, c := range []struct {
		asked, most Detail
		want        string
	}{
		{DetailPreview, DetailPreview, "[alert | Carol | Lunch | At noon. | 1]"},
		{DetailSubject, DetailPreview, "[alert | Carol | Lunch |  | 1]"},
		{DetailSender, DetailPreview, "[alert | Carol |  |  | 1]"},
		{DetailNone, DetailPreview, "[alert | New message |  |  | 1]"},
		{DetailPreview, DetailSender, "[alert | Carol |  |  | 1]"},
	} {
		h := newHouse(t)
		h.detail = c.most
		h.reopenBook()
		id := h.phone(func(r *Registration) { r.Detail = c.asked }).ID
		h.deliver(letter{subject: "Lunch", text: "At noon.\r\n<https://example.net/x>"})
		h.says(id, c.want)
	}
}

func TestPreviewsHaveNeitherLinksNorControlCharacters(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.deliver(letter{from: "\"Ca\u202erol\" <carol@example.net>", subject: "A\u2066 b", text: "Look <https://example.net/track?u=1> here [image: logo] now"})
	h.says(id, "[alert | Carol | A b | Look here now | 1]")
}

func TestMessagesOfAConversationAreOneAlert(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.deliver(letter{subject: "Plan", text: "First."})
	first := h.only(id)
	h.deliver(letter{from: "Dave <dave@example.net>", subject: "Re: Plan", text: "Second.", reply: true})
	h.deliver(letter{subject: "Re: Plan", text: "Third.", reply: true})
	second := h.says(id, "[alert | 3 new messages | Carol, Dave | Re: Plan: Third. | 3]")[0]
	if first.Collapse != second.Collapse || first.Thread != second.Thread {
		t.Error("the second does not take the place of the first")
	}
	h.deliver(letter{subject: "Other"})
	if other := h.only(id); other.Collapse == first.Collapse || other.Thread == first.Thread {
		t.Error("another conversation takes its place")
	}
}

func TestManyConversationsAreOneSummary(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.deliver(letter{})
	h.deliver(letter{from: "Dave <dave@example.net>"})
	h.says(id, "[alert | Carol | Subject 1 | Text 1. | 2][alert | Dave | Subject 2 | Text 2. | 2]")
	for range 3 {
		h.deliver(letter{})
	}
	sum := h.says(id, "[alert | 3 new messages | Carol | Subject 5: Text 5. | 5]")[0]
	for range 5 {
		h.deliver(letter{from: "Dave <dave@example.net>"})
	}
	again := h.says(id, "[alert | 8 new messages | Dave | Subject 10: Text 10. | 10]")[0]
	if again.Collapse != sum.Collapse {
		t.Error("the second summary does not take the place of the first")
	}
}

func TestAFloodIsCountedInBoundedSpace(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	for range maxWaiting + 40 {
		h.deliver(letter{})
	}
	if n := h.only(id); n.Title != "104 new messages" {
		t.Errorf("%s", n.Title)
	}
	h.nothing(id)
}

func TestWhatTheUserDoesIsNoNews(t *testing.T) {
	h := newHouse(t)
	lists := h.makeFolder("Lists")
	known := h.deliver(letter{folder: lists})
	id := h.phone(func(r *Registration) { r.Folders = []mail.FolderID{h.folder(mail.RoleInbox), h.folder(mail.RoleSent)} }).ID
	h.deliver(letter{folder: h.folder(mail.RoleSent)})
	h.deliver(letter{folder: h.folder(mail.RoleDrafts), flags: mail.FlagDraft})
	h.move(known, h.folder(mail.RoleInbox))
	unknown := h.deliver(letter{folder: lists}) // the watcher was not woken
	h.move(unknown, h.folder(mail.RoleInbox))
	for _, n := range first(h.told(id)) {
		if n.Mode != push.Badge {
			t.Errorf("told: %s", spell([]*push.Notification{n}))
		}
	}
}

func first(all []*push.Notification, _ time.Time) []*push.Notification { return all }

func TestMailThatIsFiledBeforeItIsToldIsNotTold(t *testing.T) {
	h := newHouse(t)
	lists := h.makeFolder("Lists")
	id := h.phone(func(r *Registration) { r.Folders = []mail.FolderID{h.folder(mail.RoleInbox), lists} }).ID
	filed, seen, gone := h.deliver(letter{}), h.deliver(letter{}), h.deliver(letter{})
	h.deliver(letter{subject: "Stays"})
	h.move(filed, lists)
	h.see(seen)
	h.delete(gone)
	h.says(id, "[alert | Carol | Stays | Text 4. | 2]")
}

func TestACopyIsNoNews(t *testing.T) {
	h := newHouse(t)
	lists := h.makeFolder("Lists")
	id := h.phone(func(r *Registration) { r.Folders = []mail.FolderID{h.folder(mail.RoleInbox), lists} }).ID
	copied := func(it mail.Item) {
		h.update(func(tx *store.Tx) error {
			_, err := h.boxes.Append(tx, mail.MailboxOf(h.alice), lists, mail.NewItem{
				Class: it.Class, Received: it.Received, Body: mail.Body{Blob: it.Blob}, Object: it.Object, Thread: it.Thread,
			})
			return err
		})
	}
	it := h.deliver(letter{})
	copied(it)
	h.says(id, "[alert | Carol | Subject 1 | Text 1. | 2]")
	copied(it)
	h.says(id, "[badge |  |  |  | 3]")
}

func TestAShortMessageIsNoNews(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	body, err := h.boxes.Prepare(h.ctx(), []byte("From: \"Carol\" [MOBILE:+15550100]\r\n\r\nHere.\r\n"))
	h.must(err)
	h.update(func(tx *store.Tx) error {
		_, err := h.boxes.Append(tx, mail.MailboxOf(h.alice), h.folder(mail.RoleInbox),
			mail.NewItem{Class: mail.ClassSMS, Received: h.now.UnixMilli(), Body: body})
		return err
	})
	h.says(id, "[badge |  |  |  | 1]")
}

func TestMarkingAsUnreadIsNoNews(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	it := h.deliver(letter{flags: mail.FlagSeen})
	h.nothing(id)
	h.unsee(it)
	h.says(id, "[badge |  |  |  | 1]")
}

func TestImportedMailIsNoNews(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.deliver(letter{at: h.now.Add(-72 * time.Hour)})
	h.says(id, "[badge |  |  |  | 1]")
}

func TestMailSeenElsewhereWithdrawsItsAlert(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	a := h.deliver(letter{})
	alert := h.only(id)
	b := h.deliver(letter{})
	h.only(id)
	h.see(a)
	w := h.only(id)
	if !w.Withdrawn || w.Collapse != alert.Collapse || w.Unread == nil || *w.Unread != 1 {
		t.Errorf("%s %s, the alert was %s", spell([]*push.Notification{w}), w.Collapse, alert.Collapse)
	}
	h.delete(b)
	h.says(id, "[alert withdrawn |  |  |  | 0]")
	h.nothing(id)
}

func TestASummaryIsWithdrawnWhenAllOfItIsSeen(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	a, b, c := h.deliver(letter{}), h.deliver(letter{}), h.deliver(letter{})
	sum := h.only(id)
	h.see(a, b)
	h.says(id, "[badge |  |  |  | 1]")
	h.see(c)
	if w := h.only(id); !w.Withdrawn || w.Collapse != sum.Collapse {
		t.Errorf("%s", spell([]*push.Notification{w}))
	}
}

func TestSeveralAlertsAreWithdrawnOneAfterAnother(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	var items []mail.Item
	for range 5 {
		items = append(items, h.deliver(letter{}))
		h.only(id)
	}
	h.see(items...)
	p := h.plan(id)
	if p.Notification == nil || !p.Notification.Withdrawn || !p.More {
		t.Fatalf("%+v", p)
	}
	all, _ := h.told(id)
	seen := map[string]bool{}
	for _, n := range all {
		if !n.Withdrawn || *n.Unread != 0 {
			t.Errorf("%s", spell(all))
		}
		seen[n.Collapse] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d withdrawn", len(seen))
	}
}

func TestANewAlertDoesNotKeepAnotherOnTheScreen(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	a := h.deliver(letter{})
	h.only(id)
	h.see(a)
	h.deliver(letter{})
	h.says(id, "[alert | Carol | Subject 2 | Text 2. | 1][alert withdrawn |  |  |  | 1]")
}

func TestABadgeFollowsTheCounter(t *testing.T) {
	h := newHouse(t)
	id := h.phone(mode(push.Badge)).ID
	a := h.deliver(letter{})
	h.deliver(letter{})
	h.says(id, "[badge |  |  |  | 2]")
	h.see(a)
	first := h.says(id, "[badge |  |  |  | 1]")[0]
	h.deliver(letter{flags: mail.FlagSeen})
	h.nothing(id)
	h.deliver(letter{})
	if second := h.only(id); second.Collapse != first.Collapse {
		t.Error("badges do not replace each other")
	}
}

func TestASilentWakeSaysNothingAndKeepsApplesBudget(t *testing.T) {
	h := newHouse(t)
	id := h.phone(mode(push.Silent)).ID
	for i := range backgroundBurst {
		h.deliver(letter{})
		if n := h.only(id); n.Mode != push.Silent || n.High || n.Title+n.Subtitle+n.Body+n.Message != "" || n.Unread != nil {
			t.Fatalf("%d: %s", i, spell([]*push.Notification{n}))
		}
	}
	h.deliver(letter{})
	all, later := h.told(id)
	if len(all) != 0 || !later.Equal(h.now.Add(backgroundEvery)) {
		t.Fatalf("%s, later %v", spell(all), later.Sub(h.now))
	}
	h.now = later
	h.only(id)
	h.nothing(id)
}

func TestOthersHaveNoSuchBudget(t *testing.T) {
	h := newHouse(t)
	id := h.phone(mode(push.Silent), func(r *Registration) { r.Kind, r.Token = push.FCM, "a:registration-token" }).ID
	for range 10 {
		h.deliver(letter{})
		h.only(id)
	}
}

func TestWhoMayNotReadIsNotTold(t *testing.T) {
	block := func(access device.Access, wipe device.Wipe) func(*house) {
		return func(h *house) {
			h.update(func(tx *store.Tx) error {
				return h.devices.Save(tx, device.Device{ID: device.ID{Account: h.alice, Device: "phone"}, Access: access, Wipe: wipe})
			})
		}
	}
	for name, c := range map[string]struct{ bar, allow func(*house) }{
		"disabled": {
			func(h *house) { h.must(h.directory.SetDisabled(h.ctx(), h.alice, true)) },
			func(h *house) { h.must(h.directory.SetDisabled(h.ctx(), h.alice, false)) },
		},
		"elsewhere": {
			func(h *house) { h.must(h.directory.SetServer(h.ctx(), h.alice, "https://other.example.org")) },
			func(h *house) { h.must(h.directory.SetServer(h.ctx(), h.alice, "")) },
		},
		"may not synchronise": {
			func(h *house) { h.mayNotSync(true) },
			func(h *house) { h.mayNotSync(false) },
		},
		"blocked":     {block(device.AccessBlocked, 0), block(0, 0)},
		"quarantined": {block(device.AccessQuarantined, 0), block(0, 0)},
		"wiped":       {block(0, device.WipePending), block(0, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			id := h.phone().ID
			h.must(h.book.Test(h.ctx(), h.alice, id))
			c.bar(h)
			h.deliver(letter{})
			h.nothing(id)
			if err := h.book.Test(h.ctx(), h.alice, id); !errors.Is(err, ErrBarred) {
				t.Errorf("a test: %v", err)
			}
			h.nothing(id)
			c.allow(h)
			if got := spell(first(h.told(id))); got != "[badge |  |  |  | 1]" {
				t.Errorf("afterwards: %s", got)
			}
			h.deliver(letter{subject: "After"})
			h.says(id, "[alert | Carol | After | Text 2. | 2]")
		})
	}
}

func TestAnExpiredRegistrationIsRemoved(t *testing.T) {
	h := newHouse(t)
	r := h.phone(func(r *Registration) { r.Expires = h.now.Add(time.Hour) })
	h.deliver(letter{})
	_, err := h.book.Plan(h.ctx(), r.ID, push.Ask{Now: h.now.Add(time.Hour)})
	if !errors.Is(err, push.ErrForgotten) {
		t.Errorf("%v", err)
	}
	if _, err := h.book.Load(h.ctx(), h.alice, r.ID); !errors.Is(err, ErrNoRegistration) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestNewsTooOldIsNotTold(t *testing.T) {
	h := newHouse(t)
	id := h.phone().ID
	h.deliver(letter{})
	p := h.plan(id)
	if want := h.now.Add(alertLife); !p.Notification.Expires.Equal(want) {
		t.Errorf("expires %v, want %v", p.Notification.Expires, want)
	}
	h.now = h.now.Add(time.Hour)
	if again := h.plan(id); !again.Notification.Expires.Equal(p.Notification.Expires) || again.Notification.Collapse != p.Notification.Collapse {
		t.Error("an hour later it is younger, or another")
	}
	h.now = h.now.Add(alertLife)
	h.says(id, "[badge |  |  |  | 1]")
}

func TestATestIsShownAtOnceInEveryMode(t *testing.T) {
	for m, want := range map[push.Mode]string{
		push.Silent: "[silent |  |  | ]",
		push.Badge:  "[badge high |  |  |  | 0]",
		push.Alert:  "[alert high | Test |  | This device is woken when there is mail. | 0]",
	} {
		h := newHouse(t)
		id := h.phone(mode(m), quietNow(h)).ID
		h.must(h.book.Test(h.ctx(), h.alice, id))
		h.says(id, want)
		out, err := h.book.Outcomes(h.ctx(), h.alice, id, 0)
		h.must(err)
		if len(out) != 1 || !out[0].Test || out[0].Result != push.Accepted || out[0].Status != 200 {
			t.Errorf("%+v", out)
		}
		h.nothing(id)
	}
}

func quietNow(h *house) func(*Registration) {
	return func(r *Registration) {
		now := h.now.Hour()*60 + h.now.Minute()
		r.Quiet = Quiet{Start: (now + minutes - 60) % minutes, End: (now + 60) % minutes, Zone: "UTC"}
	}
}
