package activesync_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"html"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/protocol/wbxml"
)

// fixture returns a message that mail/message keeps for its own tests.
func mailFixture(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "mail", "message", "testdata", name+".eml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// firstSync syncs the inbox with options and returns the answer that brings its
// items.
func (p *phone) firstSync(options string) string {
	p.t.Helper()
	class := ""
	if p.version < "14" && p.version != "12.1" {
		class = "<Class>Email</Class>"
	}
	request := func(key, rest string) string {
		return `<Sync xmlns="AirSync"><Collections><Collection>` + class + `<SyncKey>` + key + `</SyncKey><CollectionId>1</CollectionId>` + rest + `</Collection></Collections></Sync>`
	}
	key := element(p.send("Sync", request("0", "")), "SyncKey")
	return p.send("Sync", request(key, "<GetChanges/><Options>"+options+"</Options>"))
}

// unescaped is an element's text as it was sent.
func unescaped(doc, name string) string { return html.UnescapeString(element(doc, name)) }

// S/MIME goes through as it came, by Sync (MS-ASCMD 2.2.3.110.3,
// MS-ASAIRS_R307), by ItemOperations (MS-ASCMD_R3360 to R3368) and by Search
// (R3383, R3384, R3388).
func TestSignedAndEncryptedMessagesAreNotTouched(t *testing.T) {
	for name, class := range map[string]string{"signed": "IPM.Note.SMIME.MultipartSigned", "encrypted": "IPM.Note.SMIME"} {
		h := build(t)
		raw := mailFixture(t, name)
		h.deliver(t, h.folder(t, mail.RoleInbox), raw, 0)
		for _, version := range []string{"2.5", "12.0", "12.1", "14.0", "14.1", "16.0", "16.1"} {
			for _, support := range []string{"1", "2"} {
				p := newPhone(t, h, name+strings.ReplaceAll(version, ".", "")+support, version)
				p.provision()
				options, data := `<MIMESupport>`+support+`</MIMESupport>`, "MIMEData"
				if version != "2.5" {
					options += `<BodyPreference xmlns="AirSyncBase"><Type>4</Type></BodyPreference>`
					data = "Data"
				}
				doc := p.firstSync(options)
				if got := unescaped(doc, data); got != raw || element(doc, "MessageClass") != class {
					t.Errorf("%s, %s, MIMESupport %s: class %s, %d bytes of %d:\n%.300q", name, version, support, element(doc, "MessageClass"), len(got), len(raw), got)
				}
				if version == "2.5" {
					continue
				}
				foreign := strings.Replace(options, "<MIMESupport>", `<MIMESupport xmlns="AirSync">`, 1)
				for command, doc := range map[string]string{
					"Sync":           doc, // MS-ASCMD_R3408 to R3410
					"ItemOperations": p.bring("ItemOperations", "", foreign),
					"Search":         p.send("Search", searchMail(`<FreeText>`+name+`</FreeText>`, foreign)),
				} {
					in := map[bool]string{true: "<ApplicationData>", false: "<Properties>"}[command == "Sync"]
					if body := bodyIn(doc, in); element(body, "Type") != "4" || element(body, "EstimatedDataSize") != fmt.Sprint(len(raw)) || unescaped(body, "Data") != raw {
						t.Errorf("%s, %s, MIMESupport %s, %s:\n%s", name, version, support, command, doc)
					}
				}
				cut := p.firstSync(strings.Replace(options, "</Type>", "</Type><TruncationSize>64</TruncationSize>", 1))
				if body := bodyIn(cut, "<ApplicationData>"); element(body, "Type") != "4" || element(body, "EstimatedDataSize") != fmt.Sprint(len(raw)) || element(body, "Truncated") != "1" || unescaped(body, "Data") != raw[:64] { // MS-ASCMD_R3409
					t.Errorf("%s, %s, MIMESupport %s, truncated:\n%s", name, version, support, cut)
				}
			}
		}
	}
}

// bodyIn is what stands in the first Body within an element.
func bodyIn(doc, opening string) string {
	_, within, _ := strings.Cut(doc, opening)
	_, body, _ := strings.Cut(within, "<Body ")
	body, _, _ = strings.Cut(body, "</Body>")
	return body
}

// A client that does not take S/MIME reads the text of what is signed, and the
// signature is a file.
func TestASignedMessageIsReadableWithoutMIME(t *testing.T) {
	h := build(t)
	h.deliver(t, h.folder(t, mail.RoleInbox), mailFixture(t, "signed"), 0)
	for _, version := range []string{"12.1", "14.1", "16.1"} {
		for _, kind := range []string{"1", "2"} {
			p := newPhone(t, h, "plain"+strings.ReplaceAll(version, ".", "")+kind, version)
			p.provision()
			doc := p.firstSync(`<MIMESupport>0</MIMESupport><BodyPreference xmlns="AirSyncBase"><Type>` + kind + `</Type></BodyPreference>`)
			if !strings.Contains(element(doc, "Data"), "Signed words.") || element(doc, "DisplayName") != "smime.p7s" || element(doc, "Type") != kind {
				t.Errorf("%s, type %s:\n%s", version, kind, doc)
			}
		}
	}
}

// What stands in a winmail.dat is fetched like any attachment.
func TestAttachmentsOfAWinmailAreFetched(t *testing.T) {
	h := build(t)
	h.deliver(t, h.folder(t, mail.RoleInbox), mailFixture(t, "winmail-outlook"), 0)
	for _, version := range []string{"2.5", "12.1", "14.1", "16.1"} {
		p := newPhone(t, h, "w"+strings.ReplaceAll(version, ".", ""), version)
		p.provision()
		options := `<BodyPreference xmlns="AirSyncBase"><Type>2</Type></BodyPreference>`
		reference := "FileReference"
		if version == "2.5" {
			options, reference = "", "AttName"
		}
		doc := p.firstSync(options)
		names, references := elements(doc, "DisplayName"), elements(doc, reference)
		if fmt.Sprint(names) != "[picture.png Übersicht.txt Inner.eml]" || len(references) != 3 {
			t.Fatalf("%s: %q, %q in\n%s", version, names, references, doc)
		}
		for i, want := range []string{"\x89PNG", "content of the file", "Subject: Inner"} {
			var got string
			if version == "2.5" {
				a := p.post("GetAttachment", "", nil, "AttachmentName", references[i])
				got = string(a.body)
				if a.status != http.StatusOK {
					t.Errorf("%s: HTTP %d", names[i], a.status)
				}
			} else {
				answer := p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><FileReference xmlns="AirSyncBase">`+references[i]+`</FileReference></Fetch></ItemOperations>`)
				b, err := base64.StdEncoding.DecodeString(element(answer, "Data"))
				if err != nil {
					t.Fatal(err)
				}
				got = string(b)
			}
			if !strings.Contains(got, want) {
				t.Errorf("%s, %s: %q", version, names[i], got)
			}
		}
		mime := `<MIMESupport>2</MIMESupport><BodyPreference xmlns="AirSyncBase"><Type>4</Type></BodyPreference>`
		data := "Data"
		if version == "2.5" {
			mime, data = `<MIMESupport>2</MIMESupport>`, "MIMEData"
		}
		p = newPhone(t, h, "m"+strings.ReplaceAll(version, ".", ""), version)
		p.provision()
		if got := unescaped(p.firstSync(mime), data); strings.Contains(got, "winmail.dat") || !strings.Contains(got, "Content-ID: <pic>") || !strings.Contains(got, "multipart/alternative") {
			t.Errorf("%s, as MIME:\n%s", version, got)
		}
		if version != "2.5" && unescaped(doc, "Data") != `<p>Hello <img src="cid:pic"></p>` {
			t.Errorf("%s: %q", version, unescaped(doc, "Data"))
		}
	}
}

// MS-ASAIRS_R176, R244, R405: in a multipart answer a body has a Part, never
// Data, even an empty one; elsewhere it has none.
func TestAnEmptyBodyIsAPart(t *testing.T) {
	h := build(t)
	h.deliver(t, h.folder(t, mail.RoleInbox), "Subject: nothing\r\n\r\n", 0)
	fetch := `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><CollectionId xmlns="AirSync">1</CollectionId><ServerId xmlns="AirSync">1:1</ServerId><Options><BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference></Options></Fetch></ItemOperations>`
	for _, version := range []string{"12.1", "14.0", "14.1", "16.0", "16.1"} {
		p := newPhone(t, h, "e"+strings.ReplaceAll(version, ".", ""), version)
		p.provision()
		if doc := p.send("ItemOperations", fetch); strings.Contains(doc, "<Part") {
			t.Errorf("%s: a Part in an answer of one part:\n%s", version, doc)
		}
		p.header.Set("MS-ASAcceptMultiPart", "T")
		body, err := fromXML(fetch)
		if err != nil {
			t.Fatal(err)
		}
		a := p.post("ItemOperations", "application/vnd.ms-sync.wbxml", body)
		word := func(i int) int { return int(binary.LittleEndian.Uint32(a.body[4*i:])) }
		doc := wbxml.Dump(a.body[word(1) : word(1)+word(2)])
		if word(0) != 2 || word(4) != 0 || element(doc, "Part") != "1" || strings.Contains(doc, "<Data") {
			t.Errorf("%s: %d parts, the second of %d bytes:\n%s", version, word(0), word(4), doc)
		}
	}
}

// Of a flag's elements that stand twice the last one counts, and no status is
// returned: MS-ASEMAIL_R581, R634, R697, R706, R746, R761, R777, R858, R869.
func TestAFlagsElementMayStandTwice(t *testing.T) {
	const dates = `<StartDate xmlns="Tasks">2026-11-24T08:00:00.000Z</StartDate><DueDate xmlns="Tasks">2026-11-25T08:00:00.000Z</DueDate><UtcStartDate xmlns="Tasks">2026-11-24T08:00:00.000Z</UtcStartDate><UtcDueDate xmlns="Tasks">2026-11-25T08:00:00.000Z</UtcDueDate>`
	const rest = `<ReminderSet xmlns="Tasks">1</ReminderSet><ReminderTime xmlns="Tasks">2026-11-24T08:00:00.000Z</ReminderTime><OrdinalDate xmlns="Tasks">2026-11-24T08:00:00.000Z</OrdinalDate><SubOrdinalDate xmlns="Tasks">5</SubOrdinalDate>`
	for name, twice := range map[string]string{
		"Status": `<Status>2</Status>`, "StartDate": `<StartDate xmlns="Tasks">2026-11-24T09:00:00.000Z</StartDate>`, "DueDate": `<DueDate xmlns="Tasks">2026-11-26T08:00:00.000Z</DueDate>`,
		"UtcStartDate": `<UtcStartDate xmlns="Tasks">2026-11-24T09:00:00.000Z</UtcStartDate>`, "UtcDueDate": `<UtcDueDate xmlns="Tasks">2026-11-26T08:00:00.000Z</UtcDueDate>`,
		"ReminderSet": `<ReminderSet xmlns="Tasks">1</ReminderSet>`, "ReminderTime": `<ReminderTime xmlns="Tasks">2026-11-24T09:00:00.000Z</ReminderTime>`,
		"OrdinalDate": `<OrdinalDate xmlns="Tasks">2026-11-24T09:00:00.000Z</OrdinalDate>`, "SubOrdinalDate": `<SubOrdinalDate xmlns="Tasks">6</SubOrdinalDate>`,
	} {
		h := build(t)
		h.deliver(t, h.folder(t, mail.RoleInbox), plainMail, 0)
		p := newPhone(t, h, "flag", "14.1")
		p.provision()
		key := element(p.firstSync(""), "SyncKey")
		doc := p.sync(key, "1", `<GetChanges>0</GetChanges><Commands><Change><ServerId>1:1</ServerId><ApplicationData><Flag xmlns="Email"><Status>2</Status><FlagType>Flag for follow up</FlagType>`+dates+rest+twice+`</Flag></ApplicationData></Change></Commands>`)
		if strings.Contains(doc, "<Responses>") || element(doc, "Status") != "1" {
			t.Errorf("%s twice:\n%s", name, doc)
		}
	}
}

// What is wrong with an element of AirSyncBase in a change is a status 6 of its
// command: one that stands twice (MS-ASAIRS_R10037), one that is not of its type
// (R10014), one out of its place (R10039) or order (R10038).
func TestWrongElementsOfAChangeAreRefused(t *testing.T) {
	h := build(t)
	h.deliver(t, h.folder(t, mail.RoleInbox), plainMail, 0)
	for _, version := range []string{"12.1", "14.1", "16.1"} {
		p := newPhone(t, h, "wrong"+strings.ReplaceAll(version, ".", ""), version)
		p.provision()
		key := element(p.firstSync(""), "SyncKey")
		for name, data := range map[string]string{
			"twice":        `<Read xmlns="Email">1</Read><Read xmlns="Email">0</Read>`,
			"body twice":   `<Body xmlns="AirSyncBase"><Type>1</Type></Body><Body xmlns="AirSyncBase"><Type>1</Type></Body>`,
			"no boolean":   `<Read xmlns="Email">2</Read>`, // MS-ASEMAIL_R643
			"type":         `<Body xmlns="AirSyncBase"><Type>one</Type></Body>`,
			"order":        `<Body xmlns="AirSyncBase"><Data>x</Data><Type>1</Type></Body>`, // MS-ASAIRS_R10038
			"size last":    `<Body xmlns="AirSyncBase"><Type>1</Type><Data>x</Data><EstimatedDataSize>1</EstimatedDataSize></Body>`,
			"place":        `<FileReference xmlns="AirSyncBase">x</FileReference>`,
			"place within": `<Body xmlns="AirSyncBase"><Type>1</Type><FileReference>x</FileReference></Body>`,
		} {
			doc := p.sync(key, "1", `<GetChanges>0</GetChanges><Commands><Change><ServerId>1:1</ServerId><ApplicationData>`+data+`</ApplicationData></Change></Commands>`)
			if got := elements(doc, "Status"); fmt.Sprint(got) != "[1 6]" {
				t.Errorf("%s, %s: %v in\n%s", version, name, got, doc)
			}
			key = element(doc, "SyncKey")
		}
	}
}

// A search finds the words of a text and the names of files that stand in a
// winmail.dat.
func TestWordsOfAWinmailAreFound(t *testing.T) {
	h := build(t)
	h.deliver(t, h.folder(t, mail.RoleInbox), mailFixture(t, "winmail-rtf"), 0)
	h.deliver(t, h.folder(t, mail.RoleInbox), mailFixture(t, "winmail-outlook"), 0)
	p := newPhone(t, h, "search", "16.1")
	p.provision()
	for word, want := range map[string]string{"truly": "1", "Chart": "1", "übersicht": "1", "nothing": ""} {
		doc := p.send("Search", `<Search xmlns="Search"><Store><Name>Mailbox</Name><Query><And><Class xmlns="AirSync">Email</Class><CollectionId xmlns="AirSync">1</CollectionId><FreeText>`+word+`</FreeText></And></Query><Options><RebuildResults/><Range>0-9</Range></Options></Store></Search>`)
		if got := strings.TrimPrefix(element(doc, "Total"), "0"); got != want {
			t.Errorf("%s: %q in\n%s", word, got, doc)
		}
	}
}

// A meeting request is flagged without a FlagType (MS-ASEMAIL_R470), and so is
// an answer to one (R1058).
func TestAMeetingIsFlaggedWithoutAType(t *testing.T) {
	h := build(t)
	reply := strings.ReplaceAll(mailFixture(t, "invitation"), "REQUEST", "REPLY")
	h.deliver(t, h.folder(t, mail.RoleInbox), mailFixture(t, "invitation"), 0)
	h.deliver(t, h.folder(t, mail.RoleInbox), reply, 0)
	for _, version := range []string{"12.1", "14.1", "16.1"} {
		p := newPhone(t, h, "m"+strings.ReplaceAll(version, ".", ""), version)
		p.provision()
		key := element(p.firstSync(""), "SyncKey")
		const flag = `<ApplicationData><Flag xmlns="Email"><Status>2</Status></Flag></ApplicationData>`
		doc := p.sync(key, "1", `<GetChanges>0</GetChanges><Commands><Change><ServerId>1:1</ServerId>`+flag+`</Change><Change><ServerId>1:2</ServerId>`+flag+`</Change></Commands>`)
		if strings.Contains(doc, "<Responses>") || element(doc, "Status") != "1" {
			t.Errorf("%s:\n%s", version, doc)
		}
	}
}

// Truncated means nothing in a request (MS-ASAIRS_R406, R11500).
func TestTruncatedMeansNothingInARequest(t *testing.T) {
	for _, version := range []string{"16.0", "16.1"} {
		h := build(t)
		drafts := fmt.Sprint(h.folder(t, mail.RoleDrafts))
		p := newPhone(t, h, "t"+strings.ReplaceAll(version, ".", ""), version)
		p.provision()
		p.folderSync()
		key := element(p.sync("0", drafts, ""), "SyncKey")
		add := func(id, truncated string) string {
			return `<Add><ClientId>` + id + `</ClientId><ApplicationData><Subject xmlns="Email">x</Subject><Body xmlns="AirSyncBase"><Type>1</Type>` + truncated + `<Data>words</Data></Body></ApplicationData></Add>`
		}
		doc := p.sync(key, drafts, `<GetChanges>0</GetChanges><Commands>`+add("a", "")+add("b", "<Truncated>1</Truncated>")+add("c", "<Truncated>0</Truncated>")+`</Commands>`)
		if got := elements(doc, "Status"); fmt.Sprint(got) != "[1 1 1 1]" {
			t.Fatalf("%s: %v in\n%s", version, got, doc)
		}
		// MS-ASEMAIL_R1184, R11850, R1190, R11910: each has its conversation.
		if ids, indexes := elements(doc, "ConversationId"), elements(doc, "ConversationIndex"); len(ids) != 3 || len(indexes) != 3 {
			t.Errorf("%s: conversations %q, indexes %q", version, ids, indexes)
		}
		other := newPhone(t, h, "u"+strings.ReplaceAll(version, ".", ""), version)
		other.provision()
		key = element(other.sync("0", drafts, ""), "SyncKey")
		doc = other.sync(key, drafts, `<Options><BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference></Options>`)
		if got := elements(doc, "Data"); fmt.Sprint(got) != "[words words words]" || strings.Contains(doc, "Truncated") {
			t.Errorf("%s: %q in\n%s", version, got, doc)
		}
	}
}
