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
	"martlet/store"
)

// desk is Bob's mailbox, of which Alice and Carol are shown folders.
type desk struct {
	*house
	bob, carol mail.MailboxID
}

func newDesk(tb testing.TB) *desk {
	d := &desk{house: newHouse(tb), carol: 4711}
	d.bob = mail.MailboxOf(d.house.bob)
	d.must(d.boxes.Create(d.ctx(), d.bob))
	d.must(d.boxes.Create(d.ctx(), d.carol))
	return d
}

func (d *desk) role(box mail.MailboxID, r mail.Role) mail.FolderID {
	d.Helper()
	var f mail.Folder
	d.update(func(tx *store.Tx) (err error) {
		f, err = d.boxes.FolderByRole(tx, box, r)
		return err
	})
	return f.ID
}

func (d *desk) inbox() mail.FolderID { return d.role(d.bob, mail.RoleInbox) }

// make makes a folder of Bob's.
func (d *desk) make(name string, c mail.Class) mail.FolderID {
	d.Helper()
	var f mail.Folder
	d.update(func(tx *store.Tx) (err error) {
		f, err = d.boxes.CreateFolder(tx, d.bob, 0, name, c)
		return err
	})
	return f.ID
}

// share shows somebody a folder of Bob's.
func (d *desk) share(to mail.MailboxID, f mail.FolderID, r mail.Rights) mail.FolderID {
	d.Helper()
	var link mail.Folder
	d.update(func(tx *store.Tx) (err error) {
		link, err = d.boxes.CreateLink(tx, to, 0, fmt.Sprintf("Bob: %d", f), mail.Link{Box: d.bob, Folder: f, Rights: r})
		return err
	})
	return link.ID
}

func (d *desk) unshare(from mail.MailboxID, link mail.FolderID) {
	d.Helper()
	d.update(func(tx *store.Tx) error { return d.boxes.DropLink(tx, from, link) })
}

func (d *desk) mine() mail.MailboxID { return mail.MailboxOf(d.alice) }

// whole is all rights but a delegate's.
const whole = mail.MayRead | mail.MayWrite | mail.MaySee

// toFolders is a registration that names folders.
func toFolders(f ...mail.FolderID) func(*Registration) {
	return func(r *Registration) { r.Folders = f }
}

func toAll(r *Registration) { r.All = true }

func toEvery(r *Registration) { r.All, r.Every = true, true }

// of is a device's own registration.
func of(device string, n int) func(*Registration) {
	return func(r *Registration) { r.Device, r.Token = device, token(n) }
}

func TestMailThatComesIntoASharedFolderIsAnnounced(t *testing.T) {
	d := newDesk(t)
	link := d.share(d.mine(), d.inbox(), whole)
	all := d.phone(toAll).ID
	named := d.phone(toFolders(link), of("other", 1)).ID
	inbox := d.phone(of("third", 2)).ID
	it := d.deliver(letter{box: d.bob, subject: "To Bob"})
	// Their unread messages are in the badge of who asks for them.
	d.says(all, "[alert | Carol | To Bob | Text 1. | 0]")
	n := d.says(named, "[alert | Carol | To Bob | Text 1. | 1]")[0]
	if want := serverID(mail.Place{Folder: link, Item: it.ID}); n.Message != want {
		t.Errorf("the message is %s, want %s as the user's phone calls it", n.Message, want)
	}
	d.nothing(inbox)

	d.deliver(letter{subject: "Own"})
	d.says(all, "[alert | Carol | Own | Text 2. | 1]")
	d.nothing(named)
	d.says(inbox, "[alert | Carol | Own | Text 2. | 1]")
}

func TestWhoPutAMessageIntoASharedFolderIsNotTold(t *testing.T) {
	d := newDesk(t)
	mine := d.share(d.mine(), d.inbox(), whole)
	carols := d.share(d.carol, d.inbox(), whole)
	id := d.phone(toAll).ID
	bobs := d.phone(toAll, of("bob", 1), func(r *Registration) { r.Account = d.house.bob }).ID
	d.deliver(letter{folder: mine, own: true})
	d.nothing(id)
	d.says(bobs, "[alert | Carol | Subject 1 | Text 1. | 1]")
	d.deliver(letter{box: d.carol, folder: carols, own: true, subject: "Posted"})
	d.says(id, "[alert | Carol | Posted | Text 2. | 0]")
	d.says(bobs, "[alert | Carol | Posted | Text 2. | 2]")
	d.deliver(letter{box: d.bob, own: true, subject: "Migrated"})
	d.nothing(id)
	d.says(bobs, "[badge |  |  |  | 3]")
}

func TestWhatIsFiledInASharedFolderIsNewsOnce(t *testing.T) {
	d := newDesk(t)
	team := d.make("Team", mail.ClassEmail)
	d.share(d.mine(), d.inbox(), whole)
	d.share(d.mine(), team, whole)
	archive := d.make("Archive", mail.ClassEmail)
	id := d.phone(toAll).ID
	it := d.deliver(letter{box: d.bob, subject: "Ships"})
	alert := d.says(id, "[alert | Carol | Ships | Text 1. | 0]")[0]

	it = d.moveIn(d.bob, it, team)
	n := d.only(id)
	if !n.Withdrawn || n.Collapse != alert.Collapse {
		t.Errorf("%s", spell([]*push.Notification{n}))
	}
	it = d.moveIn(d.bob, it, archive)
	d.nothing(id)
	d.moveIn(d.bob, it, team)
	d.says(id, "[alert | Carol | Ships | Text 1. | 0]")

	// What is moved twice between two looks has come once.
	it = d.deliver(letter{box: d.bob, subject: "Boats"})
	d.moveIn(d.bob, d.moveIn(d.bob, it, archive), team)
	d.says(id, "[alert | Carol | Boats | Text 2. | 0]")
}

// A message has one state for all who may open it.
func TestAnAlertGoesWhenAnybodyHasReadIt(t *testing.T) {
	d := newDesk(t)
	d.share(d.mine(), d.inbox(), whole)
	id := d.phone(toAll).ID
	it := d.deliver(letter{box: d.bob})
	alert := d.only(id)
	d.seeIn(d.bob, it)
	if n := d.only(id); !n.Withdrawn || n.Collapse != alert.Collapse {
		t.Errorf("%s", spell([]*push.Notification{n}))
	}
	d.nothing(id)
}

func TestWhatWasThereBeforeItWasSharedIsNoNews(t *testing.T) {
	d := newDesk(t)
	secret := d.make("Secret", mail.ClassEmail)
	d.share(d.mine(), d.inbox(), whole)
	id := d.phone(toAll).ID
	d.deliver(letter{box: d.bob, folder: secret})
	d.deliver(letter{box: d.bob})
	d.only(id)
	d.deliver(letter{box: d.bob, folder: secret})
	d.share(d.mine(), secret, whole)
	d.nothing(id)
	d.deliver(letter{box: d.bob, folder: secret, subject: "Since"})
	d.says(id, "[alert | Carol | Since | Text 4. | 0]")
}

// Two mailboxes count for themselves.
func TestMessagesOfTwoMailboxesAreNotTakenForEachOther(t *testing.T) {
	d := newDesk(t)
	d.share(d.mine(), d.inbox(), whole)
	id := d.phone(toAll, mode(push.Silent)).ID
	mine, theirs := d.deliver(letter{}), d.deliver(letter{box: d.bob})
	if mine.Object != theirs.Object || mine.ID != theirs.ID {
		t.Fatalf("the test wants the same numbers: %d and %d, %d and %d", mine.Object, theirs.Object, mine.ID, theirs.ID)
	}
	p := d.plan(id)
	if n := len(p.Note.(*note).act.entries); n != 2 {
		t.Errorf("%d messages are told", n)
	}
	d.settle(id, &p, push.Outcome{Result: push.Accepted})
	d.seeIn(d.bob, theirs)
	d.nothing(id) // the other one is still unread
	d.see(mine)
	if n := d.only(id); !n.Withdrawn {
		t.Errorf("%s", spell([]*push.Notification{n}))
	}
}

func TestWhatIsNoNewsInASharedFolder(t *testing.T) {
	d := newDesk(t)
	sent, junk := d.role(d.bob, mail.RoleSent), d.role(d.bob, mail.RoleJunk)
	links := []mail.FolderID{d.share(d.mine(), sent, whole), d.share(d.mine(), junk, whole)}
	d.share(d.mine(), d.inbox(), whole)
	all, named := d.phone(toAll, mode(push.Silent)).ID, d.phone(toFolders(links...), mode(push.Silent), of("other", 1)).ID
	for _, l := range []letter{
		{folder: sent}, {flags: mail.FlagSeen}, {flags: mail.FlagDraft}, {at: d.now.Add(-alertLife - time.Minute)},
	} {
		l.box = d.bob
		d.deliver(l)
	}
	d.nothing(all)
	d.nothing(named)
	d.deliver(letter{box: d.bob, folder: junk})
	d.nothing(all)
	d.only(named) // they asked for it
}

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

func TestAppleMailIsWokenForSharedFolders(t *testing.T) {
	d := newDesk(t)
	link := d.share(d.mine(), d.inbox(), whole)
	id := d.phone(mode(push.AppleMail), func(r *Registration) {
		r.AppleAccount, r.Folders, r.AppleMailboxes = "account", []mail.FolderID{link, d.folder(mail.RoleInbox)}, []string{"Other/Inbox", "INBOX"}
	}).ID
	d.deliver(letter{box: d.bob})
	if n := d.only(id); !n.High || fmt.Sprint(n.AppleMailboxes) != "[Other/Inbox]" {
		t.Errorf("%+v", n)
	}
	d.deliver(letter{})
	if n := d.only(id); !n.High || fmt.Sprint(n.AppleMailboxes) != "[INBOX]" {
		t.Errorf("%+v", n)
	}
	d.nothing(id)
	// It is a program for mail.
	calendar := d.role(d.mine(), mail.RoleCalendar)
	_, err := d.book.Change(d.ctx(), d.alice, id, func(r *Registration) error {
		r.Folders, r.AppleMailboxes = append(r.Folders, calendar), append(r.AppleMailboxes, "Calendar")
		return nil
	})
	d.must(err)
	d.write(d.mine(), calendar, 0, event("Standup"))
	d.nothing(id)
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

// Whoever takes a message out of a folder of somebody else's, or puts one there,
// knows of it; the others do not.
func TestWhatIsMovedBetweenMailboxesIsNewsToOthersOnly(t *testing.T) {
	d := newDesk(t)
	link := d.share(d.mine(), d.inbox(), whole)
	id := d.phone(toAll).ID
	bobs := d.phone(toAll, of("bob", 1), func(r *Registration) { r.Account = d.house.bob }).ID
	it := d.deliver(letter{box: d.bob, subject: "Ships"})
	d.only(id)
	d.only(bobs)
	it.Folder = link
	it = d.move(it, d.folder(mail.RoleInbox))
	for _, who := range []uint64{id, bobs} {
		for _, n := range d.toldAll(who) {
			if !n.Withdrawn && n.Mode == push.Alert {
				t.Errorf("%d is told %s", who, spell([]*push.Notification{n}))
			}
		}
	}
	d.move(it, link)
	for _, n := range d.toldAll(id) {
		if n.Mode == push.Alert {
			t.Errorf("Alice is told %s", spell([]*push.Notification{n}))
		}
	}
	d.says(bobs, "[alert | Carol | Ships | Text 1. | 1]")
}

func (h *house) toldAll(id uint64) []*push.Notification {
	h.Helper()
	all, _ := h.told(id)
	return all
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

// watched is the book, and shows what it plans.
type watched struct {
	*Book
	planned chan push.Plan
}

func (b *watched) Plan(ctx context.Context, id uint64, ask push.Ask) (push.Plan, error) {
	p, err := b.Book.Plan(ctx, id, ask)
	b.planned <- p
	return p, err
}

// teller says what it was to send.
type teller chan string

func (c teller) Send(_ context.Context, _ push.Target, n *push.Notification) push.Outcome {
	c <- n.Mode.String()
	return push.Outcome{Result: push.Accepted, Status: 200}
}

// What comes with a date to come, as a post may, is no younger than others.
func TestADateToComeMakesNoNewsYounger(t *testing.T) {
	d := newDesk(t)
	carols := d.share(d.carol, d.inbox(), whole)
	d.syncs(d.share(d.mine(), d.inbox(), whole))
	id := d.phone(toAll).ID
	d.deliver(letter{box: d.carol, folder: carols, own: true, at: d.now.Add(80 * 365 * 24 * time.Hour)})
	if n := d.plan(id).Notification; n == nil || n.Expires.After(d.now.Add(alertLife)) {
		t.Fatalf("%+v", n)
	}
	d.held["phone"] = true
	d.nothing(id)
	d.now = d.now.Add(time.Hour)
	if p := d.plan(id); p.Notification != nil || p.Later.Before(d.now.Add(25*time.Minute)) {
		t.Errorf("looked at again %v, an hour after it came: %v", p.Later, d.now)
	}
	d.held["phone"] = false
	d.now = d.now.Add(alertLife)
	d.nothing(id)
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

// A phone that holds a request synchronises its own folders, mostly. It hears
// nothing of the others.
func TestAHeldRequestHearsOfTheSharedFoldersThatThePhoneSynchronises(t *testing.T) {
	d := newDesk(t)
	link := d.share(d.mine(), d.inbox(), whole)
	id := d.phone(toAll).ID
	d.held["phone"] = true
	d.deliver(letter{})
	d.nothing(id)
	it := d.deliver(letter{box: d.bob, subject: "Theirs"})
	alert := d.says(id, "[alert | Carol | Theirs | Text 2. | 1]")[0]
	d.seeIn(d.bob, it)
	if n := d.only(id); !n.Withdrawn || n.Collapse != alert.Collapse {
		t.Errorf("%s", spell([]*push.Notification{n}))
	}
	d.syncs(link)
	d.deliver(letter{box: d.bob})
	d.nothing(id)
}

// The newest of several mailboxes is the one that a summary tells first.
func TestMessagesOfSeveralMailboxesAreToldInOrderOfTime(t *testing.T) {
	d := newDesk(t)
	d.share(d.mine(), d.inbox(), whole)
	id := d.phone(toAll).ID
	d.deliver(letter{box: d.bob, subject: "First", at: d.now.Add(-3 * time.Minute)})
	d.deliver(letter{subject: "Third", at: d.now.Add(-time.Minute)})
	d.deliver(letter{box: d.bob, subject: "Second", at: d.now.Add(-2 * time.Minute)})
	n := d.only(id)
	if n.Title != "3 new messages" || n.Body != "Third: Text 2." {
		t.Errorf("%s", spell([]*push.Notification{n}))
	}
}
