package activesync_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// MS-ASCMD_R5906, R5907, R5909, R5911, R5912, R4548, R4551, R4552: what a Change
// leaves out is kept where the client does not support it, and gone where it
// does. What it supports is said with the first key, and never after.
func TestWhatAClientDoesNotSupportIsKept(t *testing.T) {
	k := kinds()[1]
	const name, phone, job = `<LastName xmlns="Contacts"/>`, `<MobilePhoneNumber xmlns="Contacts"/>`, `<JobTitle xmlns="Contacts"/>`
	for _, version := range []string{"2.5", "12.1", "14.1"} {
		for _, c := range []struct {
			supported        string
			keepsJob, keepsM bool
		}{
			{"", false, false},
			{"<Supported/>", true, true},
			{"<Supported>" + name + phone + "</Supported>", true, false},
			{"<Supported>" + name + phone + job + "</Supported>", false, false},
		} {
			h := build(t)
			p := newCollector(t, h, "phone", version, "8")
			p.restart(c.supported)
			id := p.add("1", k.data(version, "a"))
			p.do("") // other requests lie between
			p.options = strings.Replace(p.options, "<Type>1<", "<Type>2<", 1)
			p.do("")
			p.sync(p.key, "8", "<Options/>") // EAS-4-TbSync does; it says nothing of what is supported
			doc := p.sync(p.key, "8", "<Supported>"+name+"</Supported><Commands>"+changeItem(id, `<FileAs xmlns="Contacts">b</FileAs><LastName xmlns="Contacts">b</LastName>`)+"</Commands>")
			raw := h.kept(t, mail.RoleContacts)[0].raw
			if keeps := strings.Contains(raw, "Pilot"); keeps != c.keepsJob {
				t.Errorf("%s %q keeps the job: %t\n%s\n%s", version, c.supported, keeps, doc, raw)
			}
			if keeps := strings.Contains(raw, "1234"); keeps != c.keepsM {
				t.Errorf("%s %q keeps the number: %t\n%s", version, c.supported, keeps, raw)
			}
		}
	}
}

// other is another user with a mailbox.
func (h *house) other(t testing.TB, login string) directory.Account {
	t.Helper()
	a, err := h.directory.AddUser(context.Background(), directory.Account{Login: login, Name: "Bob Birch", ActiveSync: true}, testPassword)
	if err != nil {
		t.Fatal(err)
	}
	h.update(t, func(tx *store.Tx) error { return h.mailboxes.Ensure(tx, mail.MailboxOf(a.ID)) })
	return a
}

// share puts a link to another's default folder into the user's mailbox.
func (h *house) share(t testing.TB, from directory.Account, role mail.Role, rights mail.Rights) mail.Folder {
	t.Helper()
	var link mail.Folder
	h.update(t, func(tx *store.Tx) error {
		f, err := h.mailboxes.FolderByRole(tx, mail.MailboxOf(from.ID), role)
		if err == nil {
			link, err = h.mailboxes.CreateLink(tx, h.box, 0, "Bob: "+f.Name, mail.Link{Box: mail.MailboxOf(from.ID), Folder: f.ID, Rights: rights})
		}
		return err
	})
	return link
}

// What is shared for reading is shown and not written: the phone is told of a
// conflict, and has the item back as it is, however often it tries.
func TestASharedFolderThatMayOnlyBeReadIsRestored(t *testing.T) {
	for _, k := range kinds() {
		h := build(t)
		bob := h.other(t, "bob@example.org")
		link := h.share(t, bob, k.role, mail.MayRead|mail.MaySee)
		owner := newCollector(t, h, "bobs", "16.1", k.collection)
		owner.login, owner.key = "bob@example.org", ""
		owner.provision()
		owner.restart("")
		owner.add("1", k.data("16.1", "his"))
		reader := newCollector(t, h, "reader", "16.1", fmt.Sprint(link.ID))
		doc := reader.do("")
		id := element(inner(doc, "Add"), "ServerId")
		if id != fmt.Sprintf("%d:1", link.ID) || element(doc, k.title) != "his" {
			t.Fatalf("%s: shown:\n%s\n%s", k.name, doc, h.log)
		}
		for range 2 {
			doc = reader.again(changeItem(id, k.data("16.1", "mine")))
			if element(inner(doc, "Responses"), "Status") != "7" || element(inner(doc, "Commands"), k.title) != "his" || !strings.Contains(doc, "<Change>") {
				t.Errorf("%s: changed:\n%s", k.name, doc)
			}
		}
		reader.do(changeItem(id, k.data("16.1", "mine")))
		doc = reader.do(deleteItem(id))
		if element(inner(doc, "Responses"), "Status") != "7" || element(inner(inner(doc, "Commands"), "Add"), k.title) != "his" {
			t.Errorf("%s: deleted:\n%s", k.name, doc)
		}
		doc = reader.do(addItem("9", k.data("16.1", "mine")))
		if element(inner(doc, "Responses"), "Status") != "6" || strings.Contains(doc, "<Commands>") {
			t.Errorf("%s: added:\n%s", k.name, doc)
		}
		if doc := reader.do(""); strings.Contains(doc, "<Commands>") {
			t.Errorf("%s: and then:\n%s", k.name, doc)
		}
		if all := h.keptIn(t, mail.MailboxOf(bob.ID), h.folder(t, k.role)); len(all) != 1 || !strings.Contains(all[0].raw, "his") {
			t.Errorf("%s: %d items", k.name, len(all))
		}
		move := reader.send("MoveItems", `<MoveItems xmlns="Move"><Move><SrcMsgId>`+id+`</SrcMsgId><SrcFldId>`+fmt.Sprint(link.ID)+`</SrcFldId><DstFldId>`+k.collection+`</DstFldId></Move></MoveItems>`)
		if element(move, "Status") != "1" {
			t.Errorf("%s: moved away:\n%s", k.name, move)
		}
		empty := reader.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><EmptyFolderContents><CollectionId xmlns="AirSync">`+fmt.Sprint(link.ID)+`</CollectionId></EmptyFolderContents></ItemOperations>`)
		if element(inner(empty, "EmptyFolderContents"), "Status") != "3" && element(inner(empty, "Response"), "Status") == "1" {
			t.Errorf("%s: emptied:\n%s", k.name, empty)
		}
	}
}

// What is shared for writing is written by both, and private items are blank to
// who may not see them, who does not change them either.
func TestASharedFolderIsWrittenByBoth(t *testing.T) {
	k := kinds()[0]
	h := build(t)
	bob := h.other(t, "bob@example.org")
	link := h.share(t, bob, k.role, mail.MayRead|mail.MayWrite)
	owner := newCollector(t, h, "bobs", "14.1", k.collection)
	owner.login = "bob@example.org"
	owner.provision()
	owner.restart("")
	owner.add("1", k.data("14.1", "open"))
	secret := owner.add("2", strings.Replace(k.data("14.1", "secret"), `<Sensitivity xmlns="Calendar">0<`, `<Sensitivity xmlns="Calendar">2<`, 1))
	writer := newCollector(t, h, "writer", "14.1", fmt.Sprint(link.ID))
	doc := writer.do("")
	if got := elements(doc, "Subject"); len(got) != 2 || slices.Contains(got, "secret") || !slices.Contains(got, "open") || strings.Contains(doc, "about secret") {
		t.Errorf("shown:\n%s", doc)
	}
	_, number, _ := strings.Cut(secret, ":")
	doc = writer.do(changeItem(fmt.Sprintf("%d:%s", link.ID, number), k.data("14.1", "mine")))
	if element(inner(doc, "Responses"), "Status") != "7" || strings.Contains(doc, "about secret") {
		t.Errorf("a private event is changed:\n%s", doc)
	}
	id := fmt.Sprintf("%d:1", link.ID)
	if doc := writer.do(changeItem(id, strings.Replace(k.data("14.1", "open"), ">open<", ">changed<", 1))); strings.Contains(doc, "<Responses>") {
		t.Errorf("changed:\n%s", doc)
	}
	if doc := owner.do(""); element(inner(doc, "Change"), "Subject") != "changed" {
		t.Errorf("the owner is told:\n%s", doc)
	}
	writer.add("7", k.data("14.1", "new"))
	if doc := owner.do(""); element(inner(doc, "Add"), "Subject") != "new" {
		t.Errorf("the owner is told of the new one:\n%s", doc)
	}
	fetched := writer.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><CollectionId xmlns="AirSync">`+fmt.Sprint(link.ID)+`</CollectionId><ServerId xmlns="AirSync">`+fmt.Sprintf("%d:%s", link.ID, number)+`</ServerId></Fetch></ItemOperations>`)
	if strings.Contains(fetched, "secret") || !strings.Contains(fetched, "StartTime") {
		t.Errorf("fetched:\n%s", fetched)
	}
	found := writer.send("Search", `<Search xmlns="Search"><Store><Name>Mailbox</Name><Query><And><Class xmlns="AirSync">Calendar</Class><FreeText>about</FreeText></And></Query></Store></Search>`)
	if strings.Contains(found, "secret") || element(found, "Total") != "2" {
		t.Errorf("found:\n%s", found)
	}
}

// MS-ASCAL_R534, R535, MS-ASCMD_R919: a search finds what is no message, by its
// words, its class and its folder.
func TestASearchFindsObjects(t *testing.T) {
	h := build(t)
	h.deliver(t, 1, "Subject: wren\r\n\r\nabout the harbour\r\n", 0)
	for _, k := range kinds() {
		p := newCollector(t, h, "writer", "16.1", k.collection)
		p.add("1", k.data("16.1", "harbour"))
		p.add("2", k.data("16.1", "tower"))
	}
	search := func(version, conditions string) string {
		t.Helper()
		p := newPhone(t, h, "search"+strings.ReplaceAll(version, ".", ""), version)
		p.provision()
		return p.send("Search", `<Search xmlns="Search"><Store><Name>Mailbox</Name><Query><And>`+conditions+`</And></Query><Options><Range>0-9</Range></Options></Store></Search>`)
	}
	for _, k := range kinds() {
		for _, version := range []string{"12.1", "14.1", "16.1"} {
			if !k.knows(version) {
				continue
			}
			doc := search(version, `<Class xmlns="AirSync">`+k.name+`</Class><FreeText>harbour</FreeText>`)
			if element(doc, k.title) != "harbour" || element(doc, "Total") != "1" || element(inner(doc, "Result"), "Class") != k.name {
				t.Errorf("%s %s:\n%s\n%s", version, k.name, doc, h.log)
			}
			long := element(doc, "LongId")
			fetched := newPhone(t, h, "search"+strings.ReplaceAll(version, ".", ""), version)
			fetched.provision()
			if doc := fetched.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><LongId xmlns="Search">`+long+`</LongId></Fetch></ItemOperations>`); element(doc, k.title) != "harbour" {
				t.Errorf("%s %s by its LongId %s:\n%s", version, k.name, long, doc)
			}
		}
		if doc := search("16.1", `<CollectionId xmlns="AirSync">`+k.collection+`</CollectionId><FreeText>about tow*</FreeText>`); element(doc, k.title) != "tower" || element(doc, "Total") != "1" {
			t.Errorf("in the folder of %s:\n%s", k.name, doc)
		}
	}
	for conditions, want := range map[string]string{
		`<FreeText>harbour</FreeText>`:                                              "5",
		`<Class xmlns="AirSync">Email</Class><FreeText>harbour</FreeText>`:          "1",
		`<FreeText>"about harbour"</FreeText>`:                                      "4",
		`<FreeText>subject:harbour</FreeText>`:                                      "4",
		`<Class xmlns="AirSync">Contacts</Class><FreeText>pilot</FreeText>`:         "2",
		`<Class xmlns="AirSync">Contacts</Class><FreeText>49301234</FreeText>`:      "2",
		`<Class xmlns="AirSync">Contacts</Class><FreeText>category:red</FreeText>`:  "0",
		`<Class xmlns="AirSync">Contacts</Class><FreeText>category:blue</FreeText>`: "2",
		`<Class xmlns="AirSync">Notes</Class><FreeText>pilot</FreeText>`:            "0",
	} {
		if doc := search("16.1", conditions); element(doc, "Total") != want {
			t.Errorf("%s: %s, want %s\n%s", conditions, element(doc, "Total"), want, doc)
		}
	}
}

// MoveItems, GetItemEstimate, FolderCreate and EmptyFolderContents know the classes.
func TestObjectsAreMovedCountedAndEmptied(t *testing.T) {
	types := map[string]string{"Calendar": "13", "Contacts": "14", "Tasks": "15", "Notes": "17"}
	for _, k := range kinds() {
		h := build(t)
		p := newCollector(t, h, "phone", "14.1", k.collection)
		created := p.send("FolderCreate", `<FolderCreate xmlns="FolderHierarchy"><SyncKey>`+p.folderSync()+`</SyncKey><ParentId>0</ParentId><DisplayName>more</DisplayName><Type>`+types[k.name]+`</Type></FolderCreate>`)
		more := element(created, "ServerId")
		id := p.add("1", k.data("14.1", "a"))
		other := newCollector(t, h, "other", "14.1", more)
		estimate := other.send("GetItemEstimate", `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection><SyncKey xmlns="AirSync">`+other.key+`</SyncKey><CollectionId>`+more+`</CollectionId></Collection></Collections></GetItemEstimate>`)
		if element(estimate, "Estimate") != "0" {
			t.Errorf("%s: estimate:\n%s", k.name, estimate)
		}
		move := func(id, from, to string) string {
			return p.send("MoveItems", `<MoveItems xmlns="Move"><Move><SrcMsgId>`+id+`</SrcMsgId><SrcFldId>`+from+`</SrcFldId><DstFldId>`+to+`</DstFldId></Move></MoveItems>`)
		}
		if doc := move(id, k.collection, "1"); element(doc, "Status") != "2" { // into the inbox
			t.Errorf("%s: moved into the inbox:\n%s", k.name, doc)
		}
		if doc := move(id, k.collection, "4"); element(doc, "Status") != "2" {
			t.Errorf("%s: moved into Deleted Items:\n%s", k.name, doc)
		}
		doc := move(id, k.collection, more)
		if element(doc, "Status") != "3" || element(doc, "DstMsgId") != more+":2" {
			t.Errorf("%s: moved:\n%s", k.name, doc)
		}
		if doc := p.do(""); element(inner(doc, "Delete"), "ServerId") != id {
			t.Errorf("%s: the folder it left:\n%s", k.name, doc)
		}
		estimate = other.send("GetItemEstimate", `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection><SyncKey xmlns="AirSync">`+other.key+`</SyncKey><CollectionId>`+more+`</CollectionId></Collection></Collections></GetItemEstimate>`)
		if element(estimate, "Estimate") != "1" {
			t.Errorf("%s: estimate:\n%s", k.name, estimate)
		}
		if doc := other.do(""); element(inner(doc, "Add"), k.title) != "a" {
			t.Errorf("%s: the folder it came to:\n%s", k.name, doc)
		}
		empty := p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><EmptyFolderContents><CollectionId xmlns="AirSync">`+more+`</CollectionId></EmptyFolderContents></ItemOperations>`)
		if got := fmt.Sprint(elements(empty, "Status")); got != "[1 1]" {
			t.Errorf("%s: emptied: %s\n%s", k.name, got, empty)
		}
		if doc := other.do(""); !strings.Contains(doc, "<Delete>") {
			t.Errorf("%s: and then\n%s", k.name, doc)
		}
	}
}

// MS-ASCMD_R3065, R5878: a filter leaves out what is over, never what is to come
// nor what recurs without end; of tasks it leaves out what is done.
func TestFiltersOfEventsAndTasks(t *testing.T) {
	h := build(t)
	k := kinds()[0]
	w := newCollector(t, h, "writer", "14.1", "7")
	at := func(title, year, rest string) string {
		return strings.ReplaceAll(k.data("14.1", title), ">2026120", ">"+year+"120") + rest
	}
	w.add("1", at("past", "2019", ""))
	w.add("2", at("future", "2126", ""))
	w.add("3", at("endless", "2018", `<Recurrence xmlns="Calendar"><Type>1</Type><Interval>1</Interval><DayOfWeek>4</DayOfWeek></Recurrence>`))
	w.add("4", at("ended", "2018", `<Recurrence xmlns="Calendar"><Type>1</Type><Occurrences>3</Occurrences><Interval>1</Interval><DayOfWeek>4</DayOfWeek></Recurrence>`))
	tasks := newCollector(t, h, "tasks", "14.1", "9")
	task := kinds()[2]
	tasks.add("1", task.data("14.1", "open"))
	done := tasks.add("2", strings.Replace(task.data("14.1", "done"), ">0</Complete>", ">1</Complete><DateCompleted xmlns=\"Tasks\">2019-01-01T00:00:00.000Z</DateCompleted>", 1))
	for _, c := range []struct{ collection, filter, want string }{
		{"7", "", "[ended endless future past]"},
		{"7", "0", "[ended endless future past]"},
		{"7", "4", "[endless future]"},
		{"7", "7", "[endless future]"},
		{"9", "0", "[done open]"},
		{"9", "8", "[open]"},
	} {
		p := newCollector(t, h, "p"+c.collection+c.filter, "14.1", c.collection)
		if c.filter != "" {
			p.options = strings.Replace(p.options, "<Options>", "<Options><FilterType>"+c.filter+"</FilterType>", 1)
		}
		got := elements(p.do(""), "Subject")
		slices.Sort(got)
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s with filter %q: %v, want %s", c.collection, c.filter, got, c.want)
		}
	}
	// What is done leaves the phone, and what is not done any more comes.
	p := newCollector(t, h, "moving", "14.1", "9")
	p.options = strings.Replace(p.options, "<Options>", "<Options><FilterType>8</FilterType>", 1)
	p.do("")
	tasks.do(changeItem(done, task.data("14.1", "reopened")))
	if doc := p.do(""); element(inner(doc, "Add"), "Subject") != "reopened" {
		t.Errorf("opened again:\n%s", doc)
	}
}

// Outlook on the desktop goes on with what it has moved, and wants a Change of it.
func TestOutlookGoesOnWithTheObjectsThatItMoves(t *testing.T) {
	h := build(t)
	k := kinds()[1]
	p := newCollector(t, h, "outlook", "14.0", "8")
	p.kind = "WindowsOutlook15"
	p.restart("")
	created := p.send("FolderCreate", `<FolderCreate xmlns="FolderHierarchy"><SyncKey>`+p.folderSync()+`</SyncKey><ParentId>0</ParentId><DisplayName>more</DisplayName><Type>14</Type></FolderCreate>`)
	more := element(created, "ServerId")
	id := p.add("1", k.data("14.0", "a"))
	other := &collector{phone: p.phone, collection: more, options: p.options}
	other.restart("")
	p.send("MoveItems", `<MoveItems xmlns="Move"><Move><SrcMsgId>`+id+`</SrcMsgId><SrcFldId>8</SrcFldId><DstFldId>`+more+`</DstFldId></Move></MoveItems>`)
	if doc := p.do(""); strings.Contains(doc, "<Delete>") {
		t.Errorf("the folder it left:\n%s", doc)
	}
	if doc := other.do(""); element(inner(doc, "Change"), "FileAs") != "a" || strings.Contains(doc, "<Add>") {
		t.Errorf("the folder it came to:\n%s", doc)
	}
}

// A Ping and a Sync that wait are answered when another phone adds or changes an
// item of any class, and not when the phone itself does.
func TestHeldRequestsAreWokenByObjects(t *testing.T) {
	for _, k := range kinds() {
		h := build(t)
		holder := newCollector(t, h, "holder", "14.1", k.collection)
		writer := newCollector(t, h, "writer", "14.1", k.collection)
		holder.folderSync()
		holder.do("")
		own := holder.add("1", k.data("14.1", "own"))
		ping := `<Ping xmlns="Ping"><HeartbeatInterval>480</HeartbeatInterval><Folders><Folder><Id>` + k.collection + `</Id><Class>` + k.name + `</Class></Folder></Folders></Ping>`
		c := holder.later("Ping", ping)
		waitHeld(t, h.server, 1)
		writer.add("2", k.data("14.1", "a"))
		if doc := <-c; element(doc, "Status") != "2" || element(inner(doc, "Folders"), "Folder") != k.collection {
			t.Errorf("%s: %s", k.name, doc)
		}
		if got := element(holder.do(""), k.title); got != "a" {
			t.Errorf("%s: then %q", k.name, got)
		}
		writer.do("")
		c = holder.later("Sync", `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>`+holder.key+`</SyncKey><CollectionId>`+k.collection+`</CollectionId>`+holder.options+`</Collection></Collections><Wait>8</Wait></Sync>`)
		waitHeld(t, h.server, 1)
		writer.do(changeItem(own, k.data("14.1", "changed")))
		if doc := <-c; element(inner(doc, "Change"), k.title) != "changed" {
			t.Errorf("%s: %s", k.name, doc)
		}
	}
}

// Mail that may only be read stays as it is, too.
func TestASharedInboxThatMayOnlyBeReadIsRestored(t *testing.T) {
	h := build(t)
	bob := h.other(t, "bob@example.org")
	link := h.share(t, bob, mail.RoleInbox, mail.MayRead)
	body, err := h.mailboxes.Prepare(context.Background(), []byte("Subject: his\r\n\r\nx\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	h.update(t, func(tx *store.Tx) error {
		_, err := h.mailboxes.Append(tx, mail.MailboxOf(bob.ID), h.folder(t, mail.RoleInbox), mail.NewItem{Class: mail.ClassEmail, Body: body})
		return err
	})
	p := newCollector(t, h, "reader", "16.1", fmt.Sprint(link.ID))
	id := element(inner(p.do(""), "Add"), "ServerId")
	doc := p.do(changeItem(id, `<Read xmlns="Email">1</Read>`))
	if element(inner(doc, "Responses"), "Status") != "7" || element(inner(inner(doc, "Commands"), "Change"), "Read") != "0" {
		t.Errorf("read:\n%s", doc)
	}
	doc = p.do(deleteItem(id))
	if element(inner(doc, "Responses"), "Status") != "7" || element(inner(inner(doc, "Commands"), "Add"), "Subject") != "his" {
		t.Errorf("deleted:\n%s", doc)
	}
	if doc := p.do(""); strings.Contains(doc, "<Commands>") {
		t.Errorf("and then:\n%s", doc)
	}
}

// What is confidential is no less private than what is called so, and neither is
// found, changed or deleted by who may not see it; nor is a series of which one
// occurrence is private, whose phones send all of it.
func TestWhatIsConfidentialIsHiddenLikeWhatIsPrivate(t *testing.T) {
	for _, class := range []string{"PRIVATE", "CONFIDENTIAL", "PERSONAL", "X-SECRET"} {
		h := build(t)
		bob := h.colleague(t, "bob@example.org", "Bob Birch", mail.RoleCalendar, mail.MayRead|mail.MayWrite)
		event := func(uid string, lines ...string) string {
			return "BEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\nDTEND:20261201T100000Z\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\n"
		}
		bob.put("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + event("a", "DTSTART:20261201T090000Z", "SUMMARY:merger talks", "CLASS:"+class) + "END:VCALENDAR\r\n")
		bob.put("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + event("b", "DTSTART:20261201T090000Z", "SUMMARY:standup", "RRULE:FREQ=DAILY;COUNT=3") +
			event("b", "RECURRENCE-ID:20261202T090000Z", "DTSTART:20261201T090000Z", "SUMMARY:merger talks", "CLASS:"+class) + "END:VCALENDAR\r\n")
		before := h.keptIn(t, bob.box, bob.folder)
		var link mail.Folder
		p := newPhone(t, h, "phone", "14.1")
		p.provision()
		p.folderSync()
		if err := h.store.View(context.Background(), func(tx *store.Tx) error {
			all, err := h.mailboxes.Folders(tx, h.box)
			for _, f := range all {
				if !f.Link.IsZero() && f.Class == mail.ClassCalendar {
					link = f
				}
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		c := newCollector(t, h, "phone", "14.1", fmt.Sprint(link.ID))
		doc := c.do("")
		if strings.Contains(doc, "merger") || len(elements(doc, "ServerId")) != 2 {
			t.Errorf("%s: shown:\n%s", class, doc)
		}
		if found := c.send("Search", `<Search xmlns="Search"><Store><Name>Mailbox</Name><Query><And><Class xmlns="AirSync">Calendar</Class><FreeText>merger</FreeText></And></Query></Store></Search>`); element(found, "Total") != "0" {
			t.Errorf("%s: found:\n%s", class, found)
		}
		for n := range before {
			id := fmt.Sprintf("%d:%d", link.ID, before[n].ID)
			for _, command := range []string{changeItem(id, `<Subject xmlns="Calendar">Private</Subject>`), deleteItem(id)} {
				if doc := c.do(command); element(inner(doc, "Responses"), "Status") != "7" || strings.Contains(doc, "merger") {
					t.Errorf("%s: %s:\n%s", class, command, doc)
				}
			}
		}
		for n, after := range h.keptIn(t, bob.box, bob.folder) {
			if after.raw != before[n].raw {
				t.Errorf("%s: changed to\n%s", class, after.raw)
			}
		}
	}
}
