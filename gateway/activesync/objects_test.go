package activesync_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// kind is a class of objects as phones write it.
type kind struct {
	name, collection string
	role             mail.Role
	class            mail.Class
	title            string // the element that names an item
	from             string // the first version that has the class
}

func kinds() []kind {
	return []kind{
		{"Calendar", "7", mail.RoleCalendar, mail.ClassCalendar, "Subject", "2.5"},
		{"Contacts", "8", mail.RoleContacts, mail.ClassContacts, "FileAs", "2.5"},
		{"Tasks", "9", mail.RoleTasks, mail.ClassTasks, "Subject", "2.5"},
		{"Notes", "10", mail.RoleNotes, mail.ClassNotes, "Subject", "14.0"},
	}
}

// knows tells whether a version has the class.
func (k *kind) knows(version string) bool { return versionAt(version, k.from) }

// versionAt tells whether a version is another or later.
func versionAt(version, first string) bool {
	order := []string{"2.5", "12.0", "12.1", "14.0", "14.1", "16.0", "16.1"}
	return slices.Index(order, version) >= slices.Index(order, first)
}

// data is an item of the kind as a phone of a version writes it.
func (k *kind) data(version, title string) string {
	body := func(namespace string) string {
		if version == "2.5" {
			return `<Body xmlns="` + namespace + `">about ` + title + `</Body>`
		}
		return `<Body xmlns="AirSyncBase"><Type>1</Type><Data>about ` + title + `</Data></Body>`
	}
	switch k.class {
	case mail.ClassCalendar:
		s := `<StartTime xmlns="Calendar">20261201T090000Z</StartTime><Subject xmlns="Calendar">` + title + `</Subject><EndTime xmlns="Calendar">20261201T100000Z</EndTime>` +
			`<BusyStatus xmlns="Calendar">2</BusyStatus><AllDayEvent xmlns="Calendar">0</AllDayEvent><Reminder xmlns="Calendar">15</Reminder>`
		if !versionAt(version, "16.0") {
			s = `<DtStamp xmlns="Calendar">20261101T080000Z</DtStamp><UID xmlns="Calendar">` + strings.ToUpper(fmt.Sprintf("%x", title)) + `</UID><Sensitivity xmlns="Calendar">0</Sensitivity><MeetingStatus xmlns="Calendar">0</MeetingStatus>` + s
		}
		return s + body("Calendar")
	case mail.ClassContacts:
		return `<FileAs xmlns="Contacts">` + title + `</FileAs><FirstName xmlns="Contacts">Eve</FirstName><LastName xmlns="Contacts">` + title + `</LastName>` +
			`<JobTitle xmlns="Contacts">Pilot</JobTitle><MobilePhoneNumber xmlns="Contacts">+49 30 1234</MobilePhoneNumber><Email1Address xmlns="Contacts">eve@example.net</Email1Address><Categories xmlns="Contacts"><Category>Blue</Category></Categories>` + body("Contacts")
	case mail.ClassTasks:
		return `<Subject xmlns="Tasks">` + title + `</Subject><Importance xmlns="Tasks">1</Importance><Complete xmlns="Tasks">0</Complete>` +
			`<UtcDueDate xmlns="Tasks">2026-12-24T00:00:00.000Z</UtcDueDate><DueDate xmlns="Tasks">2026-12-24T00:00:00.000Z</DueDate>` + body("Tasks")
	}
	return `<Subject xmlns="Notes">` + title + `</Subject><MessageClass xmlns="Notes">IPM.StickyNote</MessageClass>` + body("Notes")
}

// collector is a phone that syncs one collection.
type collector struct {
	*phone
	collection string
	key        string
	options    string // with each request
}

func newCollector(t testing.TB, h *house, device, version, collection string) *collector {
	t.Helper()
	c := &collector{phone: newPhone(t, h, device, version), collection: collection}
	if version != "2.5" {
		c.options = `<Options><BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference></Options>`
	}
	c.provision()
	c.restart("")
	return c
}

// restart begins a new state, as a phone does that has lost its own.
func (c *collector) restart(rest string) {
	c.t.Helper()
	c.key = element(c.sync("0", c.collection, rest), "SyncKey")
}

// do sends commands, none for the server's changes alone, and goes on with the
// answer's key.
func (c *collector) do(commands string) string {
	c.t.Helper()
	doc := c.again(commands)
	if key := element(doc, "SyncKey"); key != "" {
		c.key = key
	}
	return doc
}

// again sends commands whose answer gets lost.
func (c *collector) again(commands string) string {
	c.t.Helper()
	if commands != "" {
		commands = "<Commands>" + commands + "</Commands>"
	}
	return c.sync(c.key, c.collection, c.options+commands)
}

// add adds an item and returns its id.
func (c *collector) add(clientID, data string) string {
	c.t.Helper()
	doc := c.do(addItem(clientID, data))
	if element(inner(doc, "Responses"), "Status") != "1" {
		c.t.Fatalf("not added:\n%s\n%s", doc, c.house.log)
	}
	return element(inner(doc, "Responses"), "ServerId")
}

func addItem(id, data string) string {
	return `<Add><ClientId>` + id + `</ClientId><ApplicationData>` + data + `</ApplicationData></Add>`
}

func changeItem(id, data string) string {
	return `<Change><ServerId>` + id + `</ServerId><ApplicationData>` + data + `</ApplicationData></Change>`
}

func deleteItem(id string) string { return `<Delete><ServerId>` + id + `</ServerId></Delete>` }

// inner is what stands in an element's first occurrence.
func inner(doc, name string) string {
	m := regexp.MustCompile(`(?s)<` + name + `(?: xmlns="[^"]*")?>(.*?)</` + name + `>`).FindStringSubmatch(doc)
	if m == nil {
		return ""
	}
	return m[1]
}

// kept are the items of a folder with their bytes, in the order of their numbers.
func (h *house) kept(t testing.TB, role mail.Role) []written {
	t.Helper()
	return h.keptIn(t, h.box, h.folder(t, role))
}

func (h *house) keptIn(t testing.TB, box mail.MailboxID, folder mail.FolderID) (all []written) {
	t.Helper()
	err := h.store.View(context.Background(), func(tx *store.Tx) error {
		all = all[:0]
		for it, err := range h.mailboxes.Items(tx, box, folder, 0) {
			if err != nil {
				return err
			}
			all = append(all, written{Item: it})
		}
		return nil
	})
	for i := range all {
		var raw []byte
		if err == nil {
			raw, err = h.blobs.Read(context.Background(), all[i].Blob)
		}
		all[i].raw = string(raw)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Each class at each version that has it: what one phone adds, changes and
// deletes, another one sees (MS-ASCMD_R748, R749, R867, R2152).
func TestEveryClassGoesBothWaysAtEveryVersion(t *testing.T) {
	for _, k := range kinds() {
		for _, version := range []string{"2.5", "12.0", "12.1", "14.0", "14.1", "16.0", "16.1"} {
			if !k.knows(version) {
				continue
			}
			t.Run(k.name+"_"+strings.ReplaceAll(version, ".", ""), func(t *testing.T) {
				h := build(t)
				one, two := newCollector(t, h, "one", version, k.collection), newCollector(t, h, "two", version, k.collection)
				id := one.add("1", k.data(version, "first"))
				if id != k.collection+":1" {
					t.Errorf("ServerId %q", id)
				}
				got := two.do("")
				if element(got, k.title) != "first" || !strings.Contains(got, "about first") || element(inner(got, "Add"), "ServerId") != id {
					t.Fatalf("added:\n%s\n%s", got, h.log)
				}
				if doc := one.do(""); strings.Contains(doc, "<Commands>") {
					t.Errorf("the phone is told of its own item:\n%s", doc)
				}
				if doc := two.do(changeItem(id, k.data(version, "second"))); strings.Contains(doc, "<Responses>") || strings.Contains(doc, "<Commands>") {
					t.Errorf("a change that went well is answered:\n%s", doc)
				}
				got = one.do("")
				if element(inner(got, "Change"), k.title) != "second" || !strings.Contains(got, "about second") {
					t.Fatalf("changed:\n%s\n%s", got, h.log)
				}
				if k.class == mail.ClassNotes { // the schema of a Fetch in a Sync has no notes
					one.options = ""
				} else if got := one.do(`<Fetch><ServerId>` + id + `</ServerId></Fetch>`); element(inner(got, "Fetch"), k.title) != "second" {
					t.Errorf("fetched:\n%s", got)
				}
				if doc := one.do(deleteItem(id)); strings.Contains(doc, "<Responses>") {
					t.Errorf("deleted:\n%s", doc)
				}
				if got := two.do(""); element(inner(got, "Delete"), "ServerId") != id {
					t.Errorf("the other phone is told:\n%s", got)
				}
				if n := len(h.kept(t, k.role)) + len(h.kept(t, mail.RoleDeletedItems)); n != 0 {
					t.Errorf("%d items are left: one of another class cannot be shown in Deleted Items", n)
				}
			})
		}
	}
}

// An item is one, however often a phone says so: the answer is lost, or the phone
// loses its state and begins again.
func TestAnObjectIsNotMultiplied(t *testing.T) {
	for _, k := range kinds() {
		for _, version := range []string{"2.5", "14.1", "16.1"} {
			if !k.knows(version) {
				continue
			}
			t.Run(k.name+"_"+strings.ReplaceAll(version, ".", ""), func(t *testing.T) {
				h := build(t)
				p := newCollector(t, h, "phone", version, k.collection)
				add := addItem("1", k.data(version, "a"))
				first := element(inner(p.again(add), "Responses"), "ServerId")
				for range 3 {
					if id := element(inner(p.again(add), "Responses"), "ServerId"); id != first || id == "" {
						t.Errorf("ServerId %q and %q", first, id)
					}
				}
				for range 3 {
					p.restart("")
					if id := element(inner(p.do(add), "Responses"), "ServerId"); id != first {
						t.Errorf("with its state lost: ServerId %q and %q", first, id)
					}
				}
				if n := len(h.kept(t, k.role)); n != 1 {
					t.Errorf("%d items", n)
				}
				if k.class == mail.ClassCalendar {
					return // the UID says that it is the same
				}
				other := newCollector(t, h, "other", version, k.collection)
				if one, two := other.add("1", k.data(version, "a")), other.add("1", k.data(version, "a")); one == first || one == two {
					t.Errorf("items that are added twice on purpose are one: %s, %s, %s", first, one, two)
				}
			})
		}
	}
}

// A change whose answer is lost is made once (MS-ASCMD_R6234).
func TestARepeatedChangeOfAnObjectIsMadeOnce(t *testing.T) {
	for _, k := range kinds() {
		h := build(t)
		p := newCollector(t, h, "phone", "16.1", k.collection)
		id := p.add("1", k.data("16.1", "a"))
		for range 3 {
			p.again(changeItem(id, k.data("16.1", "b")))
		}
		modseq := h.kept(t, k.role)[0].ModSeq
		p.do(changeItem(id, k.data("16.1", "b")))
		if got := h.kept(t, k.role)[0]; got.ModSeq != modseq || !strings.Contains(got.raw, "b") {
			t.Errorf("%s: changed again, to\n%s", k.name, got.raw)
		}
	}
}

// MS-ASCMD_R2064, R2065, R2069: who wins when both sides have changed an item.
func TestAnObjectChangedElsewhere(t *testing.T) {
	for _, k := range kinds() {
		for _, version := range []string{"12.1", "14.1", "16.1"} {
			if !k.knows(version) {
				continue
			}
			for _, clientWins := range []bool{false, true} {
				h := build(t)
				one, two := newCollector(t, h, "one", version, k.collection), newCollector(t, h, "two", version, k.collection)
				if clientWins {
					one.options = strings.Replace(one.options, "</Options>", "<Conflict>0</Conflict></Options>", 1)
				}
				id := one.add("1", k.data(version, "a"))
				two.do("")
				two.do(changeItem(id, k.data(version, "b")))
				doc := one.do(changeItem(id, k.data(version, "c")))
				got := h.kept(t, k.role)[0].raw
				status := element(inner(doc, "Responses"), "Status")
				switch {
				case clientWins && (status != "" || !strings.Contains(got, "about c")):
					t.Errorf("%s %s: the client's change is\n%s\n%s", k.name, version, doc, got)
				case !clientWins && (status != "7" || element(inner(doc, "Commands"), k.title) != "b" || !strings.Contains(got, "about b")):
					t.Errorf("%s %s: the server's change is\n%s\n%s", k.name, version, doc, got)
				}
			}
		}
	}
}

// MS-ASCMD_R4446: what is not there cannot be changed, but is deleted as wanted.
func TestAnObjectThatIsNotThere(t *testing.T) {
	for _, k := range kinds() {
		h := build(t)
		p := newCollector(t, h, "phone", "16.1", k.collection)
		doc := p.do(changeItem(k.collection+":99", k.data("16.1", "a")) + deleteItem(k.collection+":98") + changeItem("1:1", k.data("16.1", "a")) + `<Fetch><ServerId>` + k.collection + `:97</ServerId></Fetch>`)
		if got := fmt.Sprint(elements(inner(doc, "Responses"), "Status")); got != "[8 8 8]" {
			t.Errorf("%s: %s\n%s", k.name, got, doc)
		}
	}
}

// MS-ASCMD_R4439: what is no item of the class is refused, and what else the
// request holds is done.
func TestABadObjectIsRefusedAlone(t *testing.T) {
	bad := map[string]string{"Calendar": "StartTime", "Contacts": "Birthday", "Tasks": "DueDate", "Notes": "LastModifiedDate"}
	for _, k := range kinds() {
		h := build(t)
		p := newCollector(t, h, "phone", "14.1", k.collection)
		other := `<To xmlns="Email">a@example.org</To>`
		doc := p.do(addItem("1", `<`+bad[k.name]+` xmlns="`+k.name+`">soon</`+bad[k.name]+`>`) + addItem("2", k.data("14.1", "good")) + `<Add><Class>Email</Class><ClientId>3</ClientId><ApplicationData>` + other + `</ApplicationData></Add>`)
		if got := fmt.Sprint(elements(inner(doc, "Responses"), "Status")); got != "[6 1 6]" {
			t.Errorf("%s: %s\n%s", k.name, got, doc)
		}
		if n := len(h.kept(t, k.role)); n != 1 {
			t.Errorf("%s: %d items", k.name, n)
		}
	}
}

// One item that cannot be shown must not keep the others from the phone, and
// comes when it can.
func TestABrokenObjectDoesNotBlockTheFolder(t *testing.T) {
	for _, k := range kinds() {
		h := build(t)
		p := newCollector(t, h, "phone", "16.1", k.collection)
		p.add("1", k.data("16.1", "one"))
		folder := h.folder(t, k.role)
		ref, err := h.blobs.Put(context.Background(), []byte("not an object"))
		if err != nil {
			t.Fatal(err)
		}
		var broken mail.Item
		h.update(t, func(tx *store.Tx) (err error) {
			broken, err = h.mailboxes.Append(tx, h.box, folder, mail.NewItem{Class: k.class, Body: mail.Body{Blob: ref}})
			return err
		})
		p.add("3", k.data("16.1", "three"))
		two := newCollector(t, h, "two", "16.1", k.collection)
		if got := elements(two.do(""), k.title); len(got) != 2 || !slices.Contains(got, "one") || !slices.Contains(got, "three") {
			t.Errorf("%s: got %v", k.name, got)
		}
		if doc := two.do(""); strings.Contains(doc, "<Commands>") {
			t.Errorf("%s: and then\n%s", k.name, doc)
		}
		good := h.kept(t, k.role)[0]
		body, err := h.mailboxes.PrepareObject(context.Background(), k.class, []byte(strings.ReplaceAll(good.raw, "one", "two")))
		if err != nil {
			t.Fatal(err)
		}
		h.update(t, func(tx *store.Tx) error {
			_, err := h.mailboxes.ReplaceBody(tx, h.box, folder, broken.ID, body, nil)
			return err
		})
		if got := element(inner(two.do(""), "Add"), k.title); got != "two" {
			t.Errorf("%s: mended, it is %q", k.name, got)
		}
	}
}
