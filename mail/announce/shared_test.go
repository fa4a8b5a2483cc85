package announce

import (
	"fmt"
	"testing"
	"time"

	"martlet/mail"
	"martlet/push"
	"martlet/store"
)

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

// A public folder is nobody's.
func TestAPostInAPublicFolderIsToldToAllButItsAuthor(t *testing.T) {
	d := newDesk(t)
	const public mail.MailboxID = 9999
	bobs := d.phone(toAll, of("bob", 1), func(r *Registration) { r.Account = d.house.bob }).ID
	id := d.phone(toAll).ID
	links := map[mail.MailboxID]mail.FolderID{}
	d.update(func(tx *store.Tx) error {
		if err := d.boxes.CreateBare(tx, public); err != nil {
			return err
		}
		f, err := d.boxes.CreateFolder(tx, public, 0, "News", mail.ClassEmail)
		if err != nil {
			return err
		}
		for _, box := range []mail.MailboxID{d.mine(), d.bob} {
			link, err := d.boxes.CreateLink(tx, box, 0, "Public: News", mail.Link{Box: public, Folder: f.ID, Rights: mail.MayRead | mail.MayWrite})
			if err != nil {
				return err
			}
			links[box] = link.ID
		}
		return nil
	})
	d.nothing(id)
	d.nothing(bobs)
	d.deliver(letter{box: d.bob, folder: links[d.bob], own: true, subject: "Cake"})
	d.says(id, "[alert | Carol | Cake | Text 1. | 0]")
	d.nothing(bobs)
	d.deliver(letter{folder: links[d.mine()], own: true, subject: "Thanks"})
	d.nothing(id)
	d.says(bobs, "[alert | Carol | Thanks | Text 2. | 0]")
}
