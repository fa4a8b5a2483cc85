package activesync_test

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/protocol/wbxml"
	"martlet/store"
)

// searchIn is a Search of one store; rest stands after the Name.
func searchIn(name, rest string) string {
	return `<Search xmlns="Search"><Store><Name>` + name + `</Name>` + rest + `</Store></Search>`
}

// searchMail is a Search of the mailbox with conditions and options.
func searchMail(conditions, options string) string {
	return searchIn("Mailbox", `<Query><And>`+conditions+`</And></Query><Options>`+options+`</Options>`)
}

// statuses are those of a whole answer, in its order.
func statuses(doc string) string { return strings.Join(elements(doc, "Status"), " ") }

// The status of what is wrong stands in the store, whatever the version
// (MS-ASCMD_R4321, R4325).
func TestSearchesThatAreWrong(t *testing.T) {
	h := build(t)
	h.publish(t, "shelf/a.txt", "a", time.Now())
	const text = `<FreeText>x</FreeText>`
	link := func(s string) string {
		return searchIn("DocumentLibrary", `<Query><EqualTo><LinkId xmlns="DocumentLibrary"/><Value>`+s+`</Value></EqualTo></Query>`)
	}
	date := func(name, value string) string {
		return `<` + name + `><DateReceived xmlns="Email"/><Value>` + value + `</Value></` + name + `>`
	}
	const newer = "new" // since 14.0 only; before it is status 2
	for _, tt := range []struct{ name, request, want, since string }{
		{"no store", `<Search xmlns="Search"/>`, "1 2", ""},
		{"no query", searchIn("Mailbox", ""), "1 2", ""},
		{"unknown store", searchIn("Attic", `<Query>x</Query>`), "1 2", ""},
		{"text for the mailbox", searchIn("Mailbox", `<Query>x</Query>`), "1 2", ""},
		{"no condition", searchMail("", ""), "1 2", ""},
		{"empty text", searchMail(`<FreeText> </FreeText>`, ""), "1 2", ""},
		{"an element of a message", searchMail(text+`<To xmlns="Email">a@example.org</To>`, ""), "1 2", ""}, // MS-ASCMD_R4329
		{"unknown class", searchMail(text+`<Class xmlns="AirSync">Stamps</Class>`, ""), "1 2", ""},          // MS-ASCMD_R920
		{"notes", searchMail(text+`<Class xmlns="AirSync">Notes</Class>`, ""), "1 1", newer},                // MS-ASCMD_R6288
		{"messages of telephones", searchMail(text+`<Class xmlns="AirSync">SMS</Class>`, ""), "1 1", newer},
		{"appointments", searchMail(text+`<Class xmlns="AirSync">Calendar</Class>`, ""), "1 1", ""},
		{"contacts", searchMail(text+`<Class xmlns="AirSync">Contacts</Class>`, ""), "1 1", ""},
		{"tasks", searchMail(text+`<Class xmlns="AirSync">Tasks</Class>`, ""), "1 1", ""},
		{"mail", searchMail(text+`<Class xmlns="AirSync">Email</Class>`, ""), "1 1", ""},
		{"a conversation", searchMail(`<ConversationId>0123456789abcdef</ConversationId>`, ""), "1 1", newer},
		{"a conversation in words", searchMail(`<ConversationId>{2F6A1C70-0000-4000-8000-000000000001}</ConversationId>`, ""), "1 1", newer},
		{"no conversation", searchMail(`<ConversationId>x</ConversationId>`, ""), "1 2", ""},
		{"no date", searchMail(date("GreaterThan", "yesterday"), ""), "1 2", ""},
		{"a date of nothing", searchMail(`<LessThan><Value>2026-01-01T00:00:00.000Z</Value></LessThan>`, ""), "1 2", ""},
		{"two dates", searchMail(date("LessThan", "2026-01-01T00:00:00.000Z")+date("LessThan", "2026-02-01T00:00:00.000Z"), ""), "1 2", ""}, // MS-ASCMD_R3212
		{"a link in the mailbox", searchMail(`<EqualTo><LinkId xmlns="DocumentLibrary"/><Value>x</Value></EqualTo>`, ""), "1 2", ""},
		{"missing folder", searchMail(text+`<CollectionId xmlns="AirSync">99</CollectionId>`, ""), "1 11", ""}, // MS-ASCMD_R4358
		{"no folder", searchMail(text+`<CollectionId xmlns="AirSync">inbox</CollectionId>`, ""), "1 11", ""},
		{"range", searchMail(text, `<Range>all</Range>`), "1 2", ""},
		{"range backwards", searchMail(text, `<Range>9-0</Range>`), "1 2", ""},
		{"range too wide", searchMail(text, `<Range>0-100</Range>`), "1 12", ""},                                                                                           // MS-ASCMD_R3736
		{"range past the end", searchMail(text, `<Range>5-9</Range>`), "1 12", ""},                                                                                         // MS-ASCMD_R4361
		{"ranges", searchMail(text, `<Range>0-9</Range><Range>0-9</Range>`), "1 1", ""},                                                                                    // MS-ASCMD_R3723
		{"DeepTraversal twice", searchMail(text, `<DeepTraversal/><DeepTraversal/>`), "1 1", ""},                                                                           // MS-ASCMD_R2143
		{"RebuildResults twice", searchMail(text, `<RebuildResults/><RebuildResults/>`), "1 1", ""},                                                                        // MS-ASCMD_R3747
		{"MIMESupport twice", searchMail(text, strings.Repeat(`<MIMESupport xmlns="AirSync">2</MIMESupport>`, 2)), "1 1", ""},                                              // MS-ASCMD_R3374
		{"two stores", strings.Replace(searchMail(text, ""), `</Search>`, `<Store><Name>Mailbox</Name><Query><And>`+text+`</And></Query></Store></Search>`, 1), "1 1", ""}, // MS-ASCMD_R4535
		{"two conversations", searchMail(strings.Repeat(`<ConversationId>0123456789abcdef</ConversationId>`, 2), ""), "1 2", ""},                                           // MS-ASCMD_R5815
		{"MIMESupport", searchMail(text, `<MIMESupport xmlns="AirSync">3</MIMESupport>`), "1 2", ""},
		{"body of no type", searchMail(text, `<BodyPreference xmlns="AirSyncBase"><Type>9</Type></BodyPreference>`), "1 2", ""},
		{"body of a word", searchMail(text, `<BodyPreference xmlns="AirSyncBase"><Type>x</Type></BodyPreference>`), "1 2", ""},                  // MS-ASAIRS_R10033
		{"body of two types", searchMail(text, `<BodyPreference xmlns="AirSyncBase"><Type>1</Type><Type>2</Type></BodyPreference>`), "1 2", ""}, // MS-ASAIRS_R10034
		{"body twice of a type", searchMail(text, strings.Repeat(`<BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference>`, 2)), "1 2", ""},
		{"size before type", searchMail(text, `<BodyPreference xmlns="AirSyncBase"><TruncationSize>9</TruncationSize><Type>1</Type></BodyPreference>`), "1 2", ""}, // MS-ASAIRS_R10035
		{"type without body", searchMail(text, `<Type xmlns="AirSyncBase">1</Type>`), "1 2", ""},                                                                   // MS-ASAIRS_R10036
		{"body part without conversation", searchMail(text, `<BodyPartPreference xmlns="AirSyncBase"><Type>2</Type></BodyPartPreference>`), "1 2", ""},             // MS-ASCMD_R5568
		{"a picture of a message", searchMail(text, `<Picture/>`), "1 2", ""},
		// Conditions outside of the one And.
		{"two And", searchIn("Mailbox", `<Query><And>`+text+`</And><And>`+text+`</And></Query>`), "1 8", ""}, // MS-ASCMD_R772
		{"And in And", searchMail(`<And>`+text+`</And>`, ""), "1 8", ""},
		{"Or", searchIn("Mailbox", `<Query><Or>`+text+text+`</Or></Query>`), "1 8", ""}, // MS-ASCMD_R3105
		{"FreeText alone", searchIn("Mailbox", `<Query>`+text+`</Query>`), "1 8", ""},
		{"Class alone", searchIn("Mailbox", `<Query><Class xmlns="AirSync">Email</Class></Query>`), "1 8", ""},                       // MS-ASCMD_R923
		{"CollectionId alone", searchIn("Mailbox", `<Query><CollectionId xmlns="AirSync">1</CollectionId></Query>`), "1 8", ""},      // MS-ASCMD_R2032
		{"ConversationId alone", searchIn("Mailbox", `<Query><ConversationId>0123456789abcdef</ConversationId></Query>`), "1 8", ""}, // MS-ASCMD_R2086
		{"GreaterThan alone", searchIn("Mailbox", `<Query>`+date("GreaterThan", "2026-01-01T00:00:00.000Z")+`</Query>`), "1 8", ""},  // MS-ASCMD_R3143
		{"LessThan alone", searchIn("Mailbox", `<Query>`+date("LessThan", "2026-01-01T00:00:00.000Z")+`</Query>`), "1 8", ""},        // MS-ASCMD_R3220
		// The address list.
		{"nobody", searchIn("GAL", `<Query> </Query>`), "1 2", ""},
		{"conditions for people", searchIn("GAL", `<Query><And>`+text+`</And></Query>`), "1 8", ""},
		{"people by range", searchIn("GAL", `<Query>anna</Query><Options><Range>x-y</Range></Options>`), "1 2", ""},
		{"people past the end", searchIn("GAL", `<Query>anna</Query><Options><Range>1-2</Range></Options>`), "1 12", ""},
		{"pictures", searchIn("GAL", `<Query>anna</Query><Options><Picture/></Options>`), "1 1 173", "14.1"},
		// Documents.
		{"document without link", searchIn("DocumentLibrary", `<Query><EqualTo><Value>x</Value></EqualTo></Query>`), "1 2", ""}, // MS-ASDOC_R85
		{"document without comparison", searchIn("DocumentLibrary", `<Query>x</Query>`), "1 2", ""},
		{"document by text", searchIn("DocumentLibrary", `<Query><And>`+text+`</And></Query>`), "1 2", ""},
		{"bad link", link(`files\shelf`), "1 4", ""},
		{"no share", link(`\\files`), "1 4", ""},
		{"up and out", link(`\\files\shelf\..\store`), "1 4", ""},
		{"not for Anna", link(`\\files\board`), "1 14", ""},
		{"unknown share", link(`\\files\nothing`), "1 6", ""}, // MS-ASCMD_R4342
		{"missing file", link(`\\files\shelf\b.txt`), "1 6", ""},
		{"SharePoint", link(`http://files/shelf`), "1 13", ""},
		{"another server", link(`\\elsewhere\shelf`), "1 13", ""},
		{"wrong password", strings.Replace(link(`\\files\shelf`), `</Store>`, `<Options><UserName>anna</UserName><Password>no</Password></Options></Store>`, 1), "1 5", ""},
		{"right, but not on the board", strings.Replace(link(`\\files\board`), `</Store>`, `<Options><UserName>anna</UserName><Password>käse &amp; brot</Password></Options></Store>`, 1), "1 5", ""}, // MS-ASCMD_R4339
	} {
		for _, version := range []string{"12.0", "12.1", "14.0", "14.1", "16.1"} {
			t.Run(tt.name+" "+version, func(t *testing.T) {
				p := newPhone(t, h, "v"+version, version)
				p.provision()
				want := tt.want
				if tt.since == newer && version < "14" || tt.since == "14.1" && version < "14.1" {
					want = "1 2"
				}
				if doc := p.send("Search", tt.request); statuses(doc) != want {
					t.Errorf("statuses %s, want %s\n%s", statuses(doc), want, doc)
				}
			})
		}
	}
	p := newPhone(t, h, "ancient", "2.5")
	p.provision()
	for _, request := range []string{searchMail(text, ""), link(`\\files\shelf`)} {
		if doc := p.send("Search", request); statuses(doc) != "1 2" {
			t.Errorf("2.5 knows the address list only:\n%s", doc)
		}
	}
}

// MS-ASCMD_R2031, R2146, R5856.
func TestSearchGoesIntoSubfoldersWhenItShall(t *testing.T) {
	h := build(t)
	var sub mail.FolderID
	h.update(t, func(tx *store.Tx) error {
		for _, name := range []string{"Sub", "Below"} {
			parent := max(sub, 1)
			f, err := h.mailboxes.CreateFolder(tx, h.box, parent, name, mail.ClassEmail)
			if err != nil {
				return err
			}
			sub = f.ID
		}
		return nil
	})
	h.deliver(t, 1, "Subject: needle above\r\n\r\nx", 1000)
	h.deliver(t, sub, "Subject: needle below\r\n\r\nx", 2000)
	h.update(t, func(tx *store.Tx) error {
		f, err := h.mailboxes.CreateFolder(tx, h.box, 3, "Kept", mail.ClassEmail)
		sub = f.ID
		return err
	})
	h.deliver(t, sub, "Subject: needle kept\r\n\r\nx", 3000)
	p := newPhone(t, h, "samsung", "14.1")
	p.provision()
	const needle = `<FreeText>needle</FreeText>`
	inbox := `<CollectionId xmlns="AirSync">1</CollectionId>`
	for _, tt := range []struct {
		conditions, options string
		want                []string
	}{
		{needle + inbox, "", []string{"needle above"}},
		{needle + inbox, "<DeepTraversal/>", []string{"needle below", "needle above"}},
		{needle + inbox + `<CollectionId xmlns="AirSync">3</CollectionId>`, "", []string{"needle above"}},
		{needle + inbox + `<CollectionId xmlns="AirSync">3</CollectionId>`, "<DeepTraversal/>", []string{"needle kept", "needle below", "needle above"}},
		{needle + `<CollectionId xmlns="AirSync">2</CollectionId>`, "<DeepTraversal/>", nil},
		{needle, "", []string{"needle kept", "needle below", "needle above"}},
		{needle + `<CollectionId xmlns="AirSync">0</CollectionId>`, "", []string{"needle kept", "needle below", "needle above"}},
	} {
		doc := p.send("Search", searchMail(tt.conditions, tt.options))
		if got := elements(doc, "Subject"); !slices.Equal(got, tt.want) {
			t.Errorf("%s %s: %q, want %q", tt.conditions, tt.options, got, tt.want)
		}
	}
}

// MS-ASCMD_R3739, R3756, R3757: the pages of one search are of one list, which
// is made anew by another query, by RebuildResults and by the first page.
func TestPagesOfASearchAgree(t *testing.T) {
	h := build(t)
	for i := range 6 {
		h.deliver(t, 1, fmt.Sprintf("Subject: needle %d\r\n\r\nx", i), int64(i+1)*1000)
	}
	p := newPhone(t, h, "samsung", "14.1")
	p.provision()
	page := func(text, rng, options string) (subjects []string, doc string) {
		doc = p.send("Search", searchMail(`<FreeText>`+text+`</FreeText>`, options+`<Range>`+rng+`</Range>`))
		return elements(doc, "Subject"), doc
	}
	want := func(what string, got []string, numbers ...int) {
		t.Helper()
		var all []string
		for _, n := range numbers {
			all = append(all, fmt.Sprintf("needle %d", n))
		}
		if !slices.Equal(got, all) {
			t.Errorf("%s: %q, want %q", what, got, all)
		}
	}
	got, _ := page("needle", "0-1", "")
	want("first page", got, 5, 4)
	h.deliver(t, 1, "Subject: needle 6\r\n\r\nx", 7000)
	got, _ = page("needle", "2-3", "")
	want("second page, with new mail", got, 3, 2)
	h.update(t, func(tx *store.Tx) error {
		if _, err := h.mailboxes.Delete(tx, h.box, 1, 2); err != nil { // needle 1
			return err
		}
		_, err := h.mailboxes.Move(tx, h.box, 1, 1, 2) // needle 0
		return err
	})
	got, doc := page("needle", "4-5", "")
	want("third page, one gone and one moved", got, 0)
	if element(doc, "Range") != "4-4" || element(doc, "Total") != "6" || !strings.Contains(doc, `<CollectionId xmlns="AirSync">2</CollectionId>`) {
		t.Errorf("third page:\n%s", doc)
	}
	got, _ = page("needle", "1-2", "<RebuildResults/>")
	want("rebuilt", got, 5, 4)
	got, _ = page("needl", "0-0", "")
	want("another query", got, 6)
	got, _ = page("needle", "1-1", "")
	want("the first query again", got, 5)
}

// A LongId finds its item wherever it went, and nobody else's.
func TestLongIDsFollowTheirItems(t *testing.T) {
	h := build(t)
	it := h.deliver(t, 1, "Subject: needle\r\n\r\nfound", 1000)
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	id := element(p.send("Search", searchMail(`<FreeText>needle</FreeText>`, "")), "LongId")
	fetch := func(id string) string {
		return p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><LongId xmlns="Search">`+id+`</LongId></Fetch></ItemOperations>`)
	}
	place := mail.Place{Folder: 1, Item: it.ID}
	for _, to := range []mail.FolderID{2, 3, 1, 4} {
		h.update(t, func(tx *store.Tx) error {
			moved, err := h.mailboxes.Move(tx, h.box, place.Folder, place.Item, to)
			place = mail.Place{Folder: to, Item: moved.ID}
			return err
		})
		if doc := fetch(id); statuses(doc) != "1 1" || element(doc, "Subject") != "needle" || element(doc, "LongId") != id || strings.Contains(doc, "CollectionId") {
			t.Fatalf("after a move to %d:\n%s", to, doc)
		}
	}
	h.update(t, func(tx *store.Tx) error {
		_, err := h.mailboxes.Delete(tx, h.box, place.Folder, place.Item)
		return err
	})
	for _, bad := range []string{id, "", "1", "1:1", "1:1:0", "1:1:01", "0:1:1", "1:1:x", "99:1:1", "1:1:99999999999999999999", strings.Repeat("1", 300)} {
		want := "1 6"
		if bad == "" { // names nothing
			want = "1 2"
		}
		if doc := fetch(bad); statuses(doc) != want {
			t.Errorf("%q:\n%s", bad, doc)
		}
	}
}

// Content of documents comes in parts when the client wants it (MS-ASDOC_R106,
// R120).
func TestDocumentsInParts(t *testing.T) {
	h := build(t)
	h.publish(t, "shelf/a.txt", "hello documents", time.Now())
	p := newPhone(t, h, "samsung", "14.1")
	p.provision()
	p.header.Set("MS-ASAcceptMultiPart", "T")
	body, err := fromXML(`<ItemOperations xmlns="ItemOperations"><Fetch><Store>DocumentLibrary</Store><LinkId xmlns="DocumentLibrary">\\files\shelf\a.txt</LinkId><Options><Range>6-99</Range></Options></Fetch></ItemOperations>`)
	if err != nil {
		t.Fatal(err)
	}
	a := p.post("ItemOperations", "application/vnd.ms-sync.wbxml", body)
	if a.header.Get("Content-Type") != "application/vnd.ms-sync.multipart" || !strings.HasSuffix(string(a.body), "documents") {
		t.Fatalf("HTTP %d %s: %q", a.status, a.header.Get("Content-Type"), a.body)
	}
	word := func(i int) int { return int(binary.LittleEndian.Uint32(a.body[4*i:])) }
	doc := wbxml.Dump(a.body[word(1) : word(1)+word(2)])
	_, properties, _ := strings.Cut(doc, "<Properties>")
	properties, _, _ = strings.Cut(properties, "</Properties>")
	if word(0) != 2 || element(properties, "Part") != "1" || element(properties, "Version") == "" { // MS-ASCMD_R5366, R5919
		t.Errorf("%d parts:\n%s", word(0), doc)
	}
}

// The statuses of Fetch that documents have (MS-ASCMD 2.2.3.177.8).
func TestDocumentsThatCannotBeFetched(t *testing.T) {
	h := build(t)
	h.publish(t, "shelf/a.txt", "a", time.Now())
	for _, version := range []string{"12.1", "14.1", "16.1"} {
		p := newPhone(t, h, "v"+version, version)
		p.provision()
		for link, want := range map[string]string{
			`\\files\shelf\a.txt`:     "1",
			``:                        "2",
			`a.txt`:                   "4", // MS-ASCMD_R4156
			`\\files\shelf\..\a.txt`:  "4",
			`http://files/a.txt`:      "5",
			`\\elsewhere\shelf\a.txt`: "5",
			`\\files\shelf`:           "6", // MS-ASCMD_R4158
			`\\files\shelf\b.txt`:     "6",
			`\\files\shelf\.x`:        "6",
			`\\files\board\x`:         "18",
		} {
			doc := p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>DocumentLibrary</Store><LinkId xmlns="DocumentLibrary">`+link+`</LinkId></Fetch></ItemOperations>`)
			if statuses(doc) != "1 "+want {
				t.Errorf("%s %q: %s, want %s", version, link, statuses(doc), want)
			}
		}
	}
}

// Whoever guesses another's password in a request's body waits as at the door.
func TestPasswordsForDocumentsCannotBeGuessed(t *testing.T) {
	h := build(t)
	h.apply(t, "[[user]]\nlogin='carla@example.org'\npassword='on the board'\n[[group]]\naddress='board@example.org'\nmembers=['carla@example.org']\n")
	h.publish(t, "board/a.txt", "a", time.Now())
	p := newPhone(t, h, "samsung", "14.1")
	p.provision()
	try := func(password string) string {
		t.Helper()
		return statuses(p.send("Search", searchIn("DocumentLibrary", `<Query><EqualTo><LinkId xmlns="DocumentLibrary"/><Value>\\files\board</Value></EqualTo></Query>
			<Options><UserName>carla</UserName><Password>`+password+`</Password></Options>`)))
	}
	for i := range 40 {
		if got := try(fmt.Sprint("guess ", i)); got != "1 5" {
			t.Fatalf("guess %d: %s", i, got)
		}
	}
	if got := try("on the board"); got != "1 5" {
		t.Errorf("the right one after too many: %s", got)
	}
	if got := try(strings.Repeat("x", 101)); got != "1 5" { // MS-ASCMD_R3582
		t.Errorf("a password of 101 characters: %s", got)
	}
	if doc := p.send("Search", searchIn("GAL", "<Query>anna</Query>")); statuses(doc) != "1 1" {
		t.Errorf("the phone itself is let in:\n%s", doc)
	}
}

// A conversation is found by the id that its messages show, in all folders
// (MS-ASCMD 2.2.3.35.2), and with it what is new in each (MS-ASCMD_R5568).
func TestAConversationIsFoundByItsID(t *testing.T) {
	h := build(t)
	h.deliver(t, 1, "Message-ID: <a@example.net>\r\nSubject: Roof\r\n\r\nfirst", 1000)
	h.deliver(t, 3, "Message-ID: <b@example.net>\r\nIn-Reply-To: <a@example.net>\r\nReferences: <a@example.net>\r\nSubject: Re: Roof\r\n\r\nsecond", 2000)
	h.deliver(t, 1, "Message-ID: <c@example.net>\r\nSubject: Cellar\r\n\r\nthird", 3000)
	for _, version := range []string{"14.0", "14.1", "16.1"} {
		p := newPhone(t, h, "v"+version, version)
		p.provision()
		id := element(p.send("Search", searchMail(`<FreeText>first</FreeText>`, "")), "ConversationId")
		options, opening := "", `<ConversationId>`
		if version != "14.0" {
			opening = `<ConversationId encoding="base64">` // as the bytes that they are
			options = `<BodyPartPreference xmlns="AirSyncBase"><Type>2</Type></BodyPartPreference>`
		}
		doc := p.send("Search", searchMail(opening+id+`</ConversationId>`, options))
		if got := elements(doc, "Subject"); !slices.Equal(got, []string{"Re: Roof", "Roof"}) {
			t.Errorf("%s: %q\n%s", version, got, doc)
		}
		if version != "14.0" && strings.Count(doc, "<BodyPart ") != 2 { // MS-ASCON_R235
			t.Errorf("%s: no parts of bodies:\n%s", version, doc)
		}
		if doc := p.send("Search", searchMail(opening+id+`</ConversationId>`, "")); strings.Contains(doc, "<BodyPart ") { // MS-ASCON_R339
			t.Errorf("%s: parts of bodies that nobody wanted:\n%s", version, doc)
		}
	}
}

// MS-ASCMD_R922, R6288: without a class all are searched that the version has.
func TestShortMessagesAreFoundSince140(t *testing.T) {
	h := build(t)
	h.deliver(t, 1, "Subject: needle in mail\r\n\r\nx", 1000)
	body, err := h.mailboxes.Prepare(t.Context(), []byte("From: <tel:+491701234567>\r\nSubject: needle in a short message\r\n\r\nneedle"))
	if err != nil {
		t.Fatal(err)
	}
	h.update(t, func(tx *store.Tx) error {
		_, err := h.mailboxes.Append(tx, h.box, 1, mail.NewItem{Class: mail.ClassSMS, Received: 2000, Body: body})
		return err
	})
	for _, tt := range []struct {
		version, conditions string
		want                []string
	}{
		{"12.1", "", []string{"Email"}},
		{"12.1", `<Class xmlns="AirSync">Email</Class>`, []string{"Email"}},
		{"14.1", "", []string{"SMS", "Email"}},
		{"14.1", `<Class xmlns="AirSync">SMS</Class>`, []string{"SMS"}},
		{"14.1", `<Class xmlns="AirSync">Email</Class>`, []string{"Email"}},
		{"16.1", `<Class xmlns="AirSync">Email</Class><Class xmlns="AirSync">SMS</Class>`, []string{"SMS", "Email"}},
		{"16.1", `<Class xmlns="AirSync">Tasks</Class>`, nil},
	} {
		p := newPhone(t, h, "v"+tt.version, tt.version)
		p.provision()
		doc := p.send("Search", searchMail(tt.conditions+`<FreeText>needle</FreeText>`, ""))
		if got := elements(doc, "Class"); !slices.Equal(got, tt.want) {
			t.Errorf("%s %s: %q\n%s", tt.version, tt.conditions, got, doc)
		}
	}
	p := newPhone(t, h, "find", "16.1")
	p.provision()
	if doc := p.send("Find", findIn(guid+"1", "MailBoxSearchCriterion", "<FreeText>needle</FreeText>", "")); !slices.Equal(elements(doc, "Class"), []string{"Email"}) {
		t.Errorf("Find is for mail:\n%s", doc)
	}
}

// BenchmarkSearchPages is the first and the fourth page of a search with 1,000
// hits, rendered without bodies.
func BenchmarkSearchPages(b *testing.B) {
	h := build(b)
	for i := range 1000 {
		h.deliver(b, 1, fmt.Sprintf("From: a%d@example.net\r\nSubject: needle %d\r\n\r\nSome words of text.", i, i), int64(i+1)*1000)
	}
	p := newPhone(b, h, "samsung", "14.1")
	p.provision()
	for name, rng := range map[string]string{"first": "0-24", "fourth": "75-99"} {
		request, err := fromXML(searchMail(`<FreeText>needle</FreeText>`, `<Range>`+rng+`</Range>`))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if resp := h.do(p.request(http.MethodPost, "Search", request)); resp.StatusCode != http.StatusOK {
					b.Fatal(resp.StatusCode)
				}
			}
		})
	}
}
