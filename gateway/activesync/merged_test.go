package activesync_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/share"
	"martlet/store"
)

// colleague is somebody who shares a folder with the house's account.
type colleague struct {
	t      testing.TB
	h      *house
	box    mail.MailboxID
	folder mail.FolderID
	class  mail.Class
}

func (h *house) colleague(t testing.TB, login, name string, role mail.Role, rights mail.Rights) *colleague {
	t.Helper()
	a, err := h.directory.AddUser(context.Background(), directory.Account{Login: login, Name: name, ActiveSync: true}, testPassword)
	if err != nil {
		t.Fatal(err)
	}
	c := &colleague{t: t, h: h, box: mail.MailboxOf(a.ID)}
	h.update(t, func(tx *store.Tx) error {
		f, err := h.mailboxes.FolderByRole(tx, c.box, role)
		c.folder, c.class = f.ID, f.Class
		return err
	})
	c.grant(rights)
	return c
}

func (c *colleague) grant(rights mail.Rights) {
	c.t.Helper()
	to := share.Principal{Account: c.h.account.ID}
	err := c.h.shares.Grant(context.Background(), share.Grant{Box: c.box, Folder: c.folder, To: to, Rights: rights})
	if rights == 0 {
		err = c.h.shares.Revoke(context.Background(), c.box, c.folder, to)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// write puts an event with a subject into the folder.
func (c *colleague) write(subject string) mail.Item {
	c.t.Helper()
	raw := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:" + subject + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20261201T090000Z\r\n" +
		"DTEND:20261201T100000Z\r\nSUMMARY:" + subject + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	if c.class == mail.ClassContacts {
		raw = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:" + subject + "\r\nFN:" + subject + "\r\nN:" + subject + ";;;;\r\nEND:VCARD\r\n"
	}
	return c.put(raw)
}

// put puts an object into the folder.
func (c *colleague) put(raw string) mail.Item {
	c.t.Helper()
	body, err := c.h.mailboxes.PrepareObject(context.Background(), c.class, []byte(raw))
	if err != nil {
		c.t.Fatal(err)
	}
	var it mail.Item
	c.h.update(c.t, func(tx *store.Tx) (err error) {
		it, err = c.h.mailboxes.Append(tx, c.box, c.folder, mail.NewItem{Class: c.class, Body: body})
		return err
	})
	return it
}

// oneCalendar is a phone with one calendar.
func oneCalendar(t testing.TB, h *house, version, collection string) *collector {
	t.Helper()
	c := &collector{phone: newPhone(t, h, "samsung1", version), collection: collection,
		options: `<Options><BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference></Options>`}
	c.kind = "SamsungDevice"
	c.provision()
	c.folderSync()
	c.restart("")
	return c
}

func subjectList(doc string) string { return strings.Join(elements(doc, "Subject"), ",") }

func TestAPhoneWithOneCalendarGetsWhatIsSharedAmongItsOwn(t *testing.T) {
	for _, version := range []string{"12.1", "14.1", "16.1"} {
		t.Run(version, func(t *testing.T) {
			h := build(t)
			bob := h.colleague(t, "bob@example.org", "Bob Birch", mail.RoleCalendar, mail.MayRead|mail.MayWrite|mail.MaySee)
			bob.write("Lunch")
			p := oneCalendar(t, h, version, "7")
			if doc := p.send("FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`); strings.Contains(doc, "Bob") {
				t.Errorf("the shared calendar stands beside the phone's own:\n%s", doc)
			}
			k := kinds()[0]
			doc := p.do("")
			if got := subjectList(doc); got != "Bob Birch: Lunch" {
				t.Fatalf("got %q:\n%s", got, doc)
			}
			shared := element(inner(doc, "Add"), "ServerId")
			if strings.HasPrefix(shared, "7:") {
				t.Errorf("the shared event is %s", shared)
			}

			if own := p.add("own", k.data(version, "Mine")); !strings.HasPrefix(own, "7:") {
				t.Errorf("the phone's own event is %s", own)
			}

			// The user changes it; its owner has it without the mark.
			p.do(changeItem(shared, strings.Replace(k.data(version, "Bob Birch: Late lunch"), "090000", "080000", 1)))
			if all := h.keptIn(t, bob.box, bob.folder); len(all) != 1 || !strings.Contains(all[0].raw, "SUMMARY:Late lunch\r\n") {
				t.Errorf("the owner has %+v", all)
			}
			if doc := p.do(""); subjectList(doc) != "" {
				t.Errorf("the phone is told of its own change:\n%s", doc)
			}

			// A lost answer is repeated.
			bob.write("Tea")
			first := p.again("")
			if second := p.do(""); subjectList(first) != "Bob Birch: Tea" || subjectList(second) != subjectList(first) {
				t.Errorf("first %q, then %q", subjectList(first), subjectList(second))
			}

			// Somebody else shares, too: it comes with the next request.
			eve := h.colleague(t, "eve@example.org", "Eve Elm", mail.RoleCalendar, mail.MayRead)
			eve.write("Yoga")
			p.folderSync()
			p.do("")
			if got := subjectList(p.do("")); got != "Eve Elm: Yoga" {
				t.Errorf("what is shared later: %q", got)
			}

			// And no longer: the phone has to begin anew, without it.
			eve.grant(0)
			p.folderSync()
			if doc := p.again(""); element(doc, "Status") != "3" {
				t.Errorf("what is not shared any more:\n%s", doc)
			}
			p.restart("")
			if got := subjectList(p.do("")); strings.Contains(got, "Yoga") || !strings.Contains(got, "Mine") || !strings.Contains(got, "Bob Birch: Late lunch") {
				t.Errorf("anew it has %q", got)
			}
		})
	}
}

func TestAPhoneWithOneAddressBookIsWokenForSharedContacts(t *testing.T) {
	h := build(t)
	bob := h.colleague(t, "bob@example.org", "Bob Birch", mail.RoleContacts, mail.MayRead)
	bob.write("Carol")
	p := oneCalendar(t, h, "14.1", "8")
	if got := element(p.do(""), "FileAs"); got != "Carol (Bob Birch)" {
		t.Errorf("got %q", got)
	}
	p.do("")
	bob.write("Dave")
	doc := p.send("Ping", `<Ping xmlns="Ping"><HeartbeatInterval>60</HeartbeatInterval><Folders><Folder><Id>8</Id><Class>Contacts</Class></Folder></Folders></Ping>`)
	if element(doc, "Status") != "2" || element(doc, "Folder") != "8" || strings.Count(doc, "<Folder>") != 1 {
		t.Errorf("the Ping says\n%s", doc)
	}
	for n := range 2*5 + 3 { // more than a key has room for
		h.colleague(t, fmt.Sprintf("user%d@example.org", n), fmt.Sprintf("User %d", n), mail.RoleContacts, mail.MayRead).write(fmt.Sprint("Friend ", n))
	}
	p.folderSync()
	for range 4 {
		doc := p.do("")
		if len(p.key) > 64 || element(doc, "Status") != "" && element(doc, "Status") != "1" {
			t.Fatalf("key %q:\n%s", p.key, doc)
		}
	}
}

// A phone that knows several calendars has them side by side.
func TestOtherPhonesHaveSharedFoldersBesideTheirOwn(t *testing.T) {
	h := build(t)
	bob := h.colleague(t, "bob@example.org", "Bob Birch", mail.RoleCalendar, mail.MayRead)
	bob.write("Lunch")
	p := newPhone(t, h, "iphone1", "16.1")
	p.provision()
	doc := p.send("FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`)
	if !strings.Contains(doc, "Bob Birch") {
		t.Errorf("the hierarchy is\n%s", doc)
	}
	if doc := p.sync(element(p.sync("0", "7", ""), "SyncKey"), "7", ""); strings.Contains(doc, "Lunch") {
		t.Errorf("the phone's own calendar has\n%s", doc)
	}
}

// Samsung and Windows Phone have one calendar and one address book, whatever is
// shared with their user; tasks and notes of others stand beside their own.
func TestAPhoneWithOneCalendarHasOneInItsHierarchy(t *testing.T) {
	for _, c := range []client{samsung, windowsPhone} {
		h := build(t)
		for _, role := range []mail.Role{mail.RoleCalendar, mail.RoleContacts, mail.RoleTasks} {
			h.colleague(t, fmt.Sprintf("user%d@example.org", role), "Bob Birch", role, mail.MayRead)
		}
		p := c.as(t, h)
		p.provision()
		doc := p.send("FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`)
		types := strings.Join(elements(doc, "Type"), " ") + " "
		for kind, want := range map[string]int{"8": 1, "9": 1, "13": 0, "14": 0, "15": 1} {
			if got := strings.Count(" "+types, " "+kind+" "); got != want {
				t.Errorf("%s: %d folders of type %s:\n%s", c.kind, got, kind, doc)
			}
		}
	}
}
