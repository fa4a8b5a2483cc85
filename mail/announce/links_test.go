package announce

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/push"
)

// What is revoked is gone with the next plan, before anybody swept: what waits is
// not told, and what is on the screen is taken back.
func TestARevokeCountsWithTheNextPlan(t *testing.T) {
	d := newDesk(t)
	link := d.share(d.mine(), d.inbox(), whole)
	granted := true
	asked := 0
	d.refresh = func(_ context.Context, a directory.AccountID) error {
		asked++
		if a != d.alice {
			t.Errorf("the links of %d are asked for", a)
		}
		if !granted && link != 0 {
			d.unshare(d.mine(), link)
			link = 0
		}
		return nil
	}
	d.reopenBook()
	id := d.phone(toAll).ID
	d.deliver(letter{box: d.bob, subject: "Seen"})
	alert := d.says(id, "[alert | Carol | Seen | Text 1. | 0]")[0]
	d.deliver(letter{box: d.bob, subject: "Not to be seen"})
	granted = false
	n := d.only(id)
	if !n.Withdrawn || n.Collapse != alert.Collapse {
		t.Errorf("%s", spell([]*push.Notification{n}))
	}
	d.deliver(letter{box: d.bob})
	d.nothing(id)
	if p := d.plan(id); len(p.Elsewhere) != 0 {
		t.Errorf("it still waits in %v", p.Elsewhere)
	}
	before := asked
	d.deliver(letter{})
	d.only(id)
	if asked != before {
		t.Error("who has no links asks what was granted")
	}
	if st := d.standing(id); len(st.Marks) != 0 {
		t.Errorf("marks are left: %v", st.Marks)
	}
}

// What waits for the morning is not told in the morning when it was revoked.
func TestWhatWaitsIsNotToldAfterARevoke(t *testing.T) {
	d := newDesk(t)
	link := d.share(d.mine(), d.inbox(), whole)
	id := d.phone(toAll, quietNow(d.house)).ID
	d.deliver(letter{box: d.bob, subject: "Secret"})
	d.nothing(id)
	d.unshare(d.mine(), link)
	d.now = d.now.Add(2 * time.Hour)
	d.nothing(id)
}

// Not to know what was granted is no reason to tell.
func TestNothingIsToldWhileRightsAreNotKnown(t *testing.T) {
	d := newDesk(t)
	d.share(d.mine(), d.inbox(), whole)
	d.refresh = func(context.Context, directory.AccountID) error { return os.ErrDeadlineExceeded }
	d.reopenBook()
	id := d.phone(toAll).ID
	d.deliver(letter{box: d.bob})
	if p, err := d.book.Plan(d.ctx(), id, push.Ask{Now: d.now}); err == nil {
		t.Errorf("%+v", p)
	}
}

func TestAPlanSaysWhereElseToWait(t *testing.T) {
	d := newDesk(t)
	team := d.make("Team", mail.ClassEmail)
	id := d.phone(toAll).ID
	if p := d.plan(id); p.Elsewhere != nil {
		t.Errorf("without links it waits in %v", p.Elsewhere)
	}
	d.share(d.mine(), d.inbox(), mail.MayRead)
	d.share(d.mine(), team, mail.MayRead)
	p := d.plan(id)
	want := []push.Topic{{Mailbox: uint64(d.bob), Folders: push.FoldersOf(uint32(d.inbox()), uint32(team))}}
	if fmt.Sprint(p.Elsewhere) != fmt.Sprint(want) {
		t.Errorf("it waits in %v, want %v", p.Elsewhere, want)
	}
	var subs []push.Topic
	for s, err := range d.book.Subscriptions(d.ctx()) {
		d.must(err)
		subs = s.Elsewhere
	}
	if fmt.Sprint(subs) != fmt.Sprint(want) {
		t.Errorf("at the start it waits in %v, want %v", subs, want)
	}
	if got := d.plan(d.phone(toAll, mode(push.Badge), of("badge", 1)).ID).Elsewhere; got != nil {
		t.Errorf("a badge of all folders, in which others' are not counted, waits in %v", got)
	}
	calendar := d.share(d.mine(), d.make("Plans", mail.ClassCalendar), mail.MayRead)
	if got := d.plan(d.phone(toFolders(calendar), mode(push.Badge), of("badge", 1)).ID).Elsewhere; got != nil {
		t.Errorf("a badge, of which no event is a part, waits in %v", got)
	}
}

func TestAfterACrashWhatCameIntoASharedFolderIsToldOnce(t *testing.T) {
	d := newDesk(t)
	d.share(d.mine(), d.inbox(), whole)
	id := d.phone(toAll).ID
	if got := d.crash().behind(); len(got) != 0 {
		t.Errorf("behind before anything happened: %v", got)
	}
	d.deliver(letter{box: d.bob, subject: "One"})
	p := d.plan(id)
	after := d.crash()
	if got := after.behind(); len(got) != 1 || got[0] != id {
		t.Errorf("behind: %v", got)
	}
	again := after.says(id, "[alert | Carol | One | Text 1. | 0]")
	if again[0].Collapse != p.Notification.Collapse {
		t.Error("it does not take its own place")
	}
	after.nothing(id)
	d.settle(id, &p, push.Outcome{Result: push.Accepted})
	after = d.crash()
	if got := after.behind(); len(got) != 0 {
		t.Errorf("behind after it was told: %v", got)
	}
	after.nothing(id)
	after.check()
}

// A link that was made while nobody followed has to be begun.
func TestALinkOfATimeWithoutUsIsBegun(t *testing.T) {
	d := newDesk(t)
	id := d.phone(toAll).ID
	for range 30 { // Bob's log is far ahead of Alice's
		d.deliver(letter{box: d.bob})
	}
	link := d.share(d.mine(), d.inbox(), whole)
	begin := func(what string, told string) {
		t.Helper()
		if got := d.crash().behind(); len(got) != 1 {
			t.Errorf("%s: behind %v", what, got)
		}
		all, _ := d.told(id)
		if spell(all) != told {
			t.Errorf("%s: told %s", what, spell(all))
		}
		if got := d.crash().behind(); len(got) != 0 {
			t.Errorf("%s: behind once that was looked at: %v", what, got)
		}
	}
	begin("a new link", "")
	d.deliver(letter{box: d.bob, subject: "News"})
	begin("news", "[alert | Carol | News | Text 31. | 0]")
	d.unshare(d.mine(), link)
	begin("a revoke", "[alert withdrawn |  |  |  | 0]")
	link = d.share(d.mine(), d.inbox(), whole)
	begin("another link", "")
	d.unshare(d.mine(), link)
	d.share(d.mine(), d.make("Team", mail.ClassEmail), whole)
	begin("one for another", "")
}

// What there is no room for is not watched, and the user's own goes first.
func TestMarksAreBounded(t *testing.T) {
	d := newDesk(t)
	for i := range maxMarks + 5 {
		d.share(d.mine(), d.make(fmt.Sprint("Team ", i), mail.ClassEmail), mail.MayRead)
	}
	id := d.phone(toEvery, mode(push.Silent)).ID
	if n := len(d.standing(id).Marks); n != maxMarks {
		t.Errorf("%d marks", n)
	}
	d.write(d.mine(), d.role(d.mine(), mail.RoleCalendar), 0, event("Own"))
	d.only(id)
	d.deliver(letter{})
	d.only(id)
}

// Who watches nothing of others pays nothing for what others share.
func TestFoldersOfOthersCostNothingToWhoDoesNotWatchThem(t *testing.T) {
	reads := func(links int) int {
		d := newDesk(t)
		id := d.phone().ID
		for i := range links {
			d.share(d.mine(), d.make(fmt.Sprint("Team ", i), mail.ClassEmail), mail.MayRead)
		}
		d.deliver(letter{})
		return d.reads(id)
	}
	if none, many := reads(0), reads(20); none != many {
		t.Errorf("%d rows are read without links, %d with", none, many)
	}
}

// A plan costs what changed in shared folders, not what is in them.
func TestReadingASharedFolderCostsWhatChanged(t *testing.T) {
	reads := func(full bool) int {
		d := newDesk(t)
		if full {
			for range 200 {
				d.deliver(letter{box: d.bob, flags: mail.FlagSeen})
			}
		}
		d.share(d.mine(), d.inbox(), whole)
		id := d.phone(toAll).ID
		d.deliver(letter{box: d.bob})
		return d.reads(id)
	}
	if empty, full := reads(false), reads(true); empty != full {
		t.Errorf("%d rows are read of an empty folder, %d of a full one", empty, full)
	}
}

// The real notifier hears of a folder that is shared while it runs, and of what
// comes there, and hears nothing more when it is not shared any more.
func TestTheNotifierFollowsWhatIsShared(t *testing.T) {
	d := newDesk(t)
	d.phone(mode(push.Silent), toEvery, func(r *Registration) { r.Kind, r.Token = push.FCM, "a-registration-token" })
	asked := make(chan string, 100)
	book := &watched{Book: d.book, planned: make(chan push.Plan, 100)}
	n := push.NewNotifier(push.NotifierConfig{
		Hub: d.hub, Book: book, Senders: map[push.Kind]push.Sender{push.FCM: teller(asked)},
		Limits: push.Limits{Gather: time.Microsecond, Interval: time.Millisecond, Drain: time.Millisecond},
	})
	d.book.Tell(n.Follow, n.Forget)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	defer func() { cancel(); d.must(<-ended) }()

	calendar := d.make("Team", mail.ClassCalendar)
	for d.hub.Waiting() == 0 {
		runtime.Gosched()
	}
	link := d.share(d.mine(), calendar, mail.MayRead)
	for len((<-book.planned).Elsewhere) == 0 {
	}
	<-book.planned // once more, now that it waits there
	d.write(d.bob, calendar, 0, event("Standup"))
	if got := <-asked; got != "silent" {
		t.Errorf("told %s", got)
	}
	d.unshare(d.mine(), link)
	for len((<-book.planned).Elsewhere) != 0 {
	}
	for d.hub.Waiting() != 1 {
		runtime.Gosched()
	}
	d.write(d.bob, calendar, 0, event("Retro"))
	d.write(d.mine(), d.role(d.mine(), mail.RoleCalendar), 0, event("Own"))
	<-asked
	if len(asked) != 0 {
		t.Errorf("told %s", <-asked)
	}
}

func TestALinkWithoutLeaveToReadIsNotWatched(t *testing.T) {
	d := newDesk(t)
	link := d.share(d.mine(), d.inbox(), mail.MayWrite)
	for i, folders := range []func(*Registration){toAll, toFolders(link), toEvery} {
		id := d.phone(folders, mode(push.Silent), of(fmt.Sprint(i), i)).ID
		d.deliver(letter{box: d.bob})
		d.nothing(id)
	}
}
