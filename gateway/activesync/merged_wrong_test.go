package activesync_test

import (
	"fmt"
	"strings"
	"testing"

	"martlet/mail"
)

// What is not shared any more is taken from a phone with one calendar however it
// asks: by a Ping, which leads to a Sync, and by a request that says nothing.
func TestAPhoneWithOneCalendarLosesWhatIsRevokedHoweverItAsks(t *testing.T) {
	const ping = `<Ping xmlns="Ping"><HeartbeatInterval>60</HeartbeatInterval><Folders><Folder><Id>7</Id><Class>Calendar</Class></Folder></Folders></Ping>`
	for name, others := range map[string]bool{"the only one": false, "one of two": true} {
		t.Run(name, func(t *testing.T) {
			h := build(t)
			bob := h.colleague(t, "bob@example.org", "Bob Birch", mail.RoleCalendar, mail.MayRead)
			bob.write("Lunch")
			if others {
				h.colleague(t, "eve@example.org", "Eve Elm", mail.RoleCalendar, mail.MayRead).write("Yoga")
			}
			p := oneCalendar(t, h, "14.1", "7")
			p.do("")
			p.do("")
			hierarchy := p.folderSync()
			bob.grant(0)
			if doc := p.pinging(ping); element(doc, "Status") != "7" {
				t.Errorf("the Ping says\n%s", doc)
			}
			hierarchy = element(p.folderChanges(hierarchy), "SyncKey")
			if doc := p.pinging(ping); element(doc, "Status") != "2" || element(doc, "Folder") != "7" {
				t.Errorf("the Ping behind the FolderSync says\n%s", doc)
			}
			if doc := p.send("Sync", ""); element(doc, "Status") != "3" {
				t.Errorf("the empty Sync says\n%s", doc)
			}
			if doc := p.again(""); element(doc, "Status") != "3" {
				t.Errorf("the Sync says\n%s", doc)
			}
			p.restart("")
			if got, want := subjectList(p.do("")), map[bool]string{true: "Eve Elm: Yoga"}[others]; got != want {
				t.Errorf("anew it has %q", got)
			}

			// What is granted again comes behind a Ping, too.
			p.do("")
			bob.grant(mail.MayRead)
			if doc := p.pinging(ping); element(doc, "Status") != "7" {
				t.Errorf("the Ping says\n%s", doc)
			}
			p.folderChanges(hierarchy)
			if doc := p.pinging(ping); element(doc, "Status") != "2" || element(doc, "Folder") != "7" {
				t.Errorf("the Ping behind the FolderSync says\n%s", doc)
			}
			if got := subjectList(p.do("") + p.do("")); got != "Bob Birch: Lunch" {
				t.Errorf("then it gets %q", got)
			}
			p.do("")
			held := p.later("Ping", ping)
			waitHeld(t, h.server, 1)
			bob.write("Tea")
			if doc := <-held; element(doc, "Status") != "2" {
				t.Errorf("the Ping at rest says\n%s", doc)
			}
		})
	}
}

// What is shared later is synchronised as the phone wants its own: with the same
// options, and with the same elements that it keeps (MS-ASCMD 2.2.3.179).
func TestWhatIsSharedLaterIsSynchronisedLikeTheOwn(t *testing.T) {
	h := build(t)
	p := &collector{phone: newPhone(t, h, "samsung1", "14.1"), collection: "8"}
	p.kind = "SamsungDevice"
	p.provision()
	p.folderSync()
	h.colleague(t, "eve@example.org", "Eve Elm", mail.RoleContacts, mail.MayRead)
	p.restart(`<Supported><FirstName xmlns="Contacts"/><LastName xmlns="Contacts"/><FileAs xmlns="Contacts"/></Supported>`)
	p.sync(p.key, "8", `<Options><BodyPreference xmlns="AirSyncBase"><Type>1</Type><TruncationSize>3</TruncationSize></BodyPreference></Options>`)
	p.do("")
	bob := h.colleague(t, "bob@example.org", "Bob Birch", mail.RoleContacts, mail.MayWrite)
	bob.put(crlf("BEGIN:VCARD\nVERSION:3.0\nUID:c\nFN:Carol\nN:Carol;;;;\nTITLE:Pilot\nNOTE:remember\nEND:VCARD\n"))
	p.folderSync()
	doc := p.do("") + p.do("")
	id := element(inner(doc, "Add"), "ServerId")
	if !strings.Contains(doc, "<Data>rem</Data>") || id == "" {
		t.Fatalf("it has\n%s", doc)
	}
	p.do(changeItem(id, `<LastName xmlns="Contacts">Cole</LastName><FirstName xmlns="Contacts">Carol</FirstName><FileAs xmlns="Contacts">Cole</FileAs>`))
	all := h.keptIn(t, bob.box, bob.folder)
	if len(all) != 1 || !strings.Contains(all[0].raw, "Cole") || !strings.Contains(all[0].raw, "TITLE:Pilot") {
		t.Errorf("the owner has %+v", all)
	}
}

// An answer holds no more changes than the phone has asked for, of however many
// folders they are (MS-ASCMD 2.2.3.199), and all come in the end.
func TestTheWindowIsOfAllFoldersOfACollection(t *testing.T) {
	h := build(t)
	for _, name := range []string{"bob", "eve", "dan"} {
		c := h.colleague(t, name+"@example.org", name, mail.RoleCalendar, mail.MayRead)
		for n := range 3 {
			c.write(fmt.Sprint(name, n))
		}
	}
	p := oneCalendar(t, h, "14.1", "7")
	p.options = `<WindowSize>2</WindowSize>` + p.options
	got := map[string]bool{}
	for range 12 {
		doc := p.do("")
		n := strings.Count(doc, "<Add>")
		if n > 2 {
			t.Fatalf("%d changes in a window of 2", n)
		}
		for _, id := range elements(doc, "ServerId") {
			if got[id] {
				t.Errorf("%s came twice", id)
			}
			got[id] = true
		}
		if n == 0 && strings.Contains(doc, "MoreAvailable") {
			t.Errorf("more is said to be there, and nothing comes:\n%s", doc)
		}
		if !strings.Contains(doc, "MoreAvailable") && n == 0 {
			break
		}
	}
	if len(got) != 9 {
		t.Errorf("%d came", len(got))
	}
}

// GetItemEstimate counts by the filter that it names (MS-ASCMD_R2970).
func TestAnEstimateOfSeveralFoldersIsByItsOwnFilter(t *testing.T) {
	h := build(t)
	bob := h.colleague(t, "bob@example.org", "Bob Birch", mail.RoleCalendar, mail.MayRead)
	p := oneCalendar(t, h, "14.1", "7")
	p.options = `<Options><FilterType>4</FilterType></Options>`
	p.do("")
	p.do("")
	bob.addOld("2020")
	doc := p.send("GetItemEstimate", `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection><SyncKey xmlns="AirSync">`+p.key+
		`</SyncKey><CollectionId>7</CollectionId></Collection></Collections></GetItemEstimate>`)
	if got := element(doc, "Estimate"); got != "1" {
		t.Errorf("the estimate is\n%s", doc)
	}
}

// Whatever names an item of another by the phone's own folder and its id finds it.
func TestAPhoneWithOneCalendarNamesWhatIsSharedByItsOwnFolder(t *testing.T) {
	h := build(t)
	bob := h.colleague(t, "bob@example.org", "Bob Birch", mail.RoleCalendar, mail.MayWrite)
	bob.write("Lunch")
	p := oneCalendar(t, h, "14.1", "7")
	id := element(inner(p.do(""), "Add"), "ServerId")
	doc := p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><CollectionId xmlns="AirSync">7</CollectionId><ServerId xmlns="AirSync">`+
		id+`</ServerId></Fetch></ItemOperations>`)
	if subjectList(doc) != "Bob Birch: Lunch" {
		t.Errorf("fetched:\n%s", doc)
	}
	if a := p.smartXML("SmartForward", `<ClientId>1</ClientId><Source><FolderId>7</FolderId><ItemId>`+id+`</ItemId></Source>`+opaque(mine)); a.xml != "" {
		t.Errorf("sent on: %s", a.xml)
	}
	// What names no folder of the collection is answered, not passed over.
	stranger := strings.Replace(id, strings.Split(id, ":")[0], "9", 1)
	doc = p.do(changeItem(stranger, `<Subject xmlns="Calendar">x</Subject>`) + `<Fetch><ServerId>` + stranger + `</ServerId></Fetch>`)
	if got := strings.Join(elements(inner(doc, "Responses"), "Status"), ","); got != "8,8" {
		t.Errorf("what is nowhere:\n%s", doc)
	}
	doc = p.send("MoveItems", `<MoveItems xmlns="Move"><Move><SrcMsgId>`+id+`</SrcMsgId><SrcFldId>7</SrcFldId><DstFldId>7</DstFldId></Move></MoveItems>`)
	if element(doc, "Status") != "3" || len(h.kept(t, mail.RoleCalendar)) != 1 {
		t.Errorf("moved among its own:\n%s", doc)
	}
}

// addOld puts an event of a year long gone into the folder.
func (c *colleague) addOld(year string) {
	c.put(crlf("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:old\nDTSTAMP:20260101T000000Z\nDTSTART:" +
		year + "0101T090000Z\nDTEND:" + year + "0101T100000Z\nSUMMARY:old\nEND:VEVENT\nEND:VCALENDAR\n"))
}
