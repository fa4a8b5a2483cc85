package activesync_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/share"
	"martlet/store"
)

// couple is a house with Anna's phone and Bob's.
type couple struct {
	*house
	bob       directory.Account
	anna, his *phone
}

// newCouple has the links kept up to date in the background, as a server does.
func newCouple(t *testing.T, version string) *couple {
	t.Helper()
	c := &couple{house: build(t)}
	var err error
	c.bob, err = c.directory.AddUser(t.Context(), directory.Account{Login: "bob@example.org", Name: "Bob Birch", ActiveSync: true}, testPassword)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := c.shares.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		report := func(p store.Problem) { t.Errorf("%s %s: %s", p.Table, p.Key, p.Text) }
		if err := errors.Join(c.shares.Settle(context.Background()), c.shares.Check(context.Background(), report)); err != nil {
			t.Error(err)
		}
	})
	c.anna = newPhone(t, c.house, "annas", version)
	c.anna.ready()
	c.his = newPhone(t, c.house, "bobs", version)
	c.his.login = "bob@example.org"
	c.his.ready()
	return c
}

func (c *couple) grant(t *testing.T, f mail.FolderID, r mail.Rights) {
	t.Helper()
	err := c.shares.Grant(t.Context(), share.Grant{Box: c.box, Folder: f, To: share.Principal{Account: c.bob.ID}, Rights: r})
	if err != nil {
		t.Fatal(err)
	}
}

// folderChanges asks what has happened to the folders.
func (p *phone) folderChanges(key string) string {
	p.t.Helper()
	return p.send("FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>`+key+`</SyncKey></FolderSync>`)
}

func pingFolder(id, class string) string {
	return `<Ping xmlns="Ping"><HeartbeatInterval>480</HeartbeatInterval><Folders><Folder><Id>` + id + `</Id><Class>` + class + `</Class></Folder></Folders></Ping>`
}

// collect is a phone's state of one folder.
func (p *phone) collect(id string) *collector {
	p.t.Helper()
	c := &collector{phone: p, collection: id, options: `<Options><BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference></Options>`}
	c.restart("")
	return c
}

// An owner grants, the other's held phone is told, fetches the calendar, writes
// into it; what one does is pushed to the other; what is revoked is gone.
func TestASharedCalendarFromGrantToRevoke(t *testing.T) {
	for _, version := range []string{"14.1", "16.1"} {
		t.Run(version, func(t *testing.T) {
			c := newCouple(t, version)
			k := kinds()[0]
			hers := c.anna.collect("7")
			hers.add("1", k.data(version, "before"))

			hierarchy := c.his.folderSync()
			held := c.his.later("Ping", pingFolder("1", "Email"))
			waitHeld(t, c.server, 1)
			c.grant(t, c.folder(t, mail.RoleCalendar), mail.MayWrite)
			if doc := <-held; element(doc, "Status") != "7" {
				t.Fatalf("told of the grant:\n%s", doc)
			}
			doc := c.his.folderChanges(hierarchy)
			hierarchy = element(doc, "SyncKey")
			shared := element(inner(doc, "Add"), "ServerId")
			if element(doc, "DisplayName") != "Anna Ash: Calendar" || element(doc, "Type") != "13" || shared == "" {
				t.Fatalf("the hierarchy:\n%s", doc)
			}
			his := c.his.collect(shared)
			if doc := his.do(""); element(inner(doc, "Commands"), "Subject") != "before" {
				t.Fatalf("what was there:\n%s", doc)
			}

			// She adds; he is told.
			held = c.his.later("Ping", pingFolder(shared, "Calendar"))
			waitHeld(t, c.server, 1)
			added := hers.add("2", k.data(version, "hers"))
			if doc := <-held; element(doc, "Status") != "2" || element(doc, "Folder") != shared {
				t.Fatalf("told of her event:\n%s", doc)
			}
			doc = his.do("")
			id := element(inner(doc, "Add"), "ServerId")
			if element(inner(doc, "Commands"), "Subject") != "hers" || id == "" {
				t.Fatalf("her event:\n%s", doc)
			}

			// He changes; she is told, and his own phone is not.
			held = c.anna.later("Ping", pingFolder("7", "Calendar"))
			waitHeld(t, c.server, 1)
			his.do(changeItem(id, k.data(version, "his")))
			if doc := <-held; element(doc, "Status") != "2" {
				t.Fatalf("told of his change:\n%s", doc)
			}
			doc = hers.do("")
			if element(inner(doc, "Change"), "ServerId") != added || element(inner(doc, "Commands"), "Subject") != "his" {
				t.Fatalf("his change:\n%s", doc)
			}
			c.wroteIt(t, added)
			held = c.his.later("Ping", "")
			waitHeld(t, c.server, 1)

			// What is revoked is gone, also from under a held Ping.
			err := c.shares.Revoke(t.Context(), c.box, c.folder(t, mail.RoleCalendar), share.Principal{Account: c.bob.ID})
			if err != nil {
				t.Fatal(err)
			}
			if doc := his.do(""); strings.Contains(doc, "<Subject") {
				t.Errorf("synced after the revoke:\n%s", doc)
			}
			if doc := <-held; element(doc, "Status") != "7" {
				t.Errorf("told of the revoke:\n%s", doc)
			}
			if doc := c.his.folderChanges(hierarchy); element(inner(doc, "Delete"), "ServerId") != shared {
				t.Errorf("the hierarchy after the revoke:\n%s", doc)
			}
		})
	}
}

// wroteIt looks whether Bob stands beside what he changed.
func (c *couple) wroteIt(t *testing.T, serverID string) {
	t.Helper()
	box := mail.MailboxOf(c.bob.ID)
	f := c.folder(t, mail.RoleCalendar)
	found := false
	err := c.store.View(t.Context(), func(tx *store.Tx) error {
		for it, err := range c.mailboxes.Items(tx, c.box, f, 0) {
			if err != nil {
				return err
			}
			found = found || it.By == box
		}
		return nil
	})
	if err != nil || !found {
		t.Errorf("nobody knows that Bob changed %s: %v", serverID, err)
	}
}

// A Sync that waits for a folder of another is answered as one for one's own.
func TestASyncWaitsForTheFolderOfAnother(t *testing.T) {
	c := newCouple(t, "16.1")
	c.grant(t, c.folder(t, mail.RoleTasks), mail.MayRead)
	hierarchy := c.his.folderSync()
	if hierarchy == "" {
		t.Fatal("no key")
	}
	id := c.linkID(t)
	his := c.his.collect(id)
	his.do("")
	held := c.his.later("Sync", `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>`+his.key+`</SyncKey><CollectionId>`+id+`</CollectionId></Collection></Collections><Wait>10</Wait></Sync>`)
	waitHeld(t, c.server, 1)
	c.anna.collect("9").add("1", kinds()[2].data("16.1", "to do"))
	if doc := <-held; element(inner(doc, "Add"), "Subject") != "to do" {
		t.Errorf("got\n%s", doc)
	}
}

// linkID is the server id of Bob's only link.
func (c *couple) linkID(t *testing.T) string {
	t.Helper()
	var id mail.FolderID
	err := c.store.View(t.Context(), func(tx *store.Tx) error {
		links, err := c.mailboxes.Links(tx, mail.MailboxOf(c.bob.ID))
		if len(links) == 1 {
			id = links[0].ID
		}
		return err
	})
	if err != nil || id == 0 {
		t.Fatalf("no link: %v", err)
	}
	return folderText(id)
}

func folderText(id mail.FolderID) string {
	text := ""
	for n := uint32(id); n > 0; n /= 10 {
		text = string(rune('0'+n%10)) + text
	}
	return text
}

// Who may only read changes nothing, and is told how it is.
func TestAFolderThatMayOnlyBeReadIsNotWritten(t *testing.T) {
	c := newCouple(t, "16.1")
	k := kinds()[0]
	hers := c.anna.collect("7")
	hers.add("1", k.data("16.1", "hers"))
	c.grant(t, c.folder(t, mail.RoleCalendar), mail.MayRead)
	c.his.folderSync()
	his := c.his.collect(c.linkID(t))
	doc := his.do("")
	id := element(inner(doc, "Add"), "ServerId")
	for _, command := range []string{
		addItem("1", k.data("16.1", "his")), changeItem(id, `<Subject xmlns="Calendar">his</Subject>`), `<Delete><ServerId>` + id + `</ServerId></Delete>`,
	} {
		his.do(command)
	}
	if doc := hers.do(""); strings.Contains(doc, "<Commands>") {
		t.Errorf("her calendar was changed:\n%s", doc)
	}
}

// Others see when, and not what for.
func TestAPrivateEventIsABusyTimeToOthers(t *testing.T) {
	for rights, want := range map[mail.Rights]bool{mail.MayRead: false, mail.MayWrite: false, mail.MayRead | mail.MaySee: true, mail.MayDelegate: true} {
		c := newCouple(t, "16.1")
		k := kinds()[0]
		c.anna.collect("7").add("1", k.data("16.1", "operation")+`<Sensitivity xmlns="Calendar">2</Sensitivity>`)
		c.grant(t, c.folder(t, mail.RoleCalendar), rights)
		c.his.folderSync()
		doc := c.his.collect(c.linkID(t)).do("")
		if !strings.Contains(doc, "20261201T090000Z") || strings.Contains(doc, "operation") != want {
			t.Errorf("rights %d see\n%s", rights, doc)
		}
	}
}

// A delegate sends on behalf of the owner; what others write as the owner is sent
// as their own (MS-ASCMD_R448).
func TestADelegateSendsOnBehalfByPhone(t *testing.T) {
	c := newCouple(t, "16.1")
	for i, step := range []struct {
		rights       mail.Rights
		from, sender string
	}{
		{mail.MayWrite, "bob@example.org", ""},
		{mail.MayDelegate, "anna@example.org", "bob@example.org"},
		{mail.MayRead, "bob@example.org", ""},
	} {
		c.grant(t, c.folder(t, mail.RoleCalendar), step.rights)
		subject := fmt.Sprint("for her ", i)
		raw := "From: anna@example.org\r\nTo: anna@example.org\r\nSubject: " + subject + "\r\n\r\nHello\r\n"
		if doc := c.his.send("SendMail", `<SendMail xmlns="ComposeMail"><ClientId>`+subject+`</ClientId>`+opaque(raw)+`</SendMail>`); doc != "" {
			t.Errorf("%d: %s", step.rights, doc)
		}
		_, got := c.last(t, mail.RoleInbox)
		if from, sender := addressIn(got, "From"), addressIn(got, "Sender"); from != step.from || sender != step.sender || !strings.Contains(got, subject) {
			t.Errorf("rights %d: From %q, Sender %q", step.rights, from, sender)
		}
	}
}

// What is another's is not renamed, deleted or built upon.
func TestTheFolderOfAnotherStaysAsItIs(t *testing.T) {
	c := newCouple(t, "16.1")
	c.grant(t, c.folder(t, mail.RoleCalendar), mail.MayDelegate)
	key := c.his.folderSync()
	id := c.linkID(t)
	for command, request := range map[string]string{
		"FolderDelete": `<FolderDelete xmlns="FolderHierarchy"><SyncKey>` + key + `</SyncKey><ServerId>` + id + `</ServerId></FolderDelete>`,
		"FolderUpdate": `<FolderUpdate xmlns="FolderHierarchy"><SyncKey>` + key + `</SyncKey><ServerId>` + id + `</ServerId><ParentId>0</ParentId><DisplayName>Mine</DisplayName></FolderUpdate>`,
		"FolderCreate": `<FolderCreate xmlns="FolderHierarchy"><SyncKey>` + key + `</SyncKey><ParentId>` + id + `</ParentId><DisplayName>Below</DisplayName><Type>13</Type></FolderCreate>`,
	} {
		if status := element(c.his.send(command, request), "Status"); status != "3" && status != "2" && status != "5" {
			t.Errorf("%s: status %q", command, status)
		}
	}
	if c.linkID(t) != id {
		t.Error("the link is another")
	}
	if doc := c.his.folderChanges(key); strings.Contains(doc, "<Add>") || strings.Contains(doc, "<Delete>") || strings.Contains(doc, "<Update>") {
		t.Errorf("the hierarchy has changed:\n%s", doc)
	}
}
