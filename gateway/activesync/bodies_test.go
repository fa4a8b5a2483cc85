package activesync_test

import (
	"fmt"
	"strings"
	"testing"

	"martlet/mail"
)

// lunch is HTML of 79 bytes; as plain text it has 37.
const (
	lunchHTML  = "<html><body><p>Shall we have <b>lunch</b> at noon tomorrow?</p></body></html>\r\n"
	lunchPlain = "Shall we have lunch at noon tomorrow?"
	lunchMail  = "From: Bob <bob@example.org>\r\nTo: anna@example.org\r\nSubject: Lunch\r\nMessage-ID: <1@example.org>\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + lunchHTML
)

// bring asks for the one message of the inbox by a command and returns the
// answer.
func (p *phone) bring(command, conversation, options string) string {
	p.t.Helper()
	switch command {
	case "Sync":
		return p.firstSync(options)
	case "ItemOperations":
		return p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><CollectionId xmlns="AirSync">1</CollectionId><ServerId xmlns="AirSync">1:1</ServerId><Options>`+options+`</Options></Fetch></ItemOperations>`)
	}
	query := `<Class xmlns="AirSync">Email</Class><CollectionId xmlns="AirSync">1</CollectionId>`
	if conversation != "" {
		query += `<ConversationId encoding="base64">` + conversation + `</ConversationId>`
	} else {
		query += `<FreeText>noon</FreeText>`
	}
	return p.send("Search", `<Search xmlns="Search"><Store><Name>Mailbox</Name><Query><And>`+query+`</And></Query><Options><RebuildResults/><Range>0-9</Range>`+options+`</Options></Store></Search>`)
}

// Whatever command brings a message, its body is cut as its preference says.
//
// AllOrNone (BodyPreference): MS-ASAIRS_R53, R54, R55, R73, R373, R375 to R382,
// R401, R420 to R424, R77, R78, R80; Truncated: R180, R276, R277, R402;
// TruncationSize: R300.
func TestBodiesAreCutAlikeByEveryCommand(t *testing.T) {
	preference := func(kind int, rest string) string {
		return fmt.Sprintf(`<BodyPreference xmlns="AirSyncBase"><Type>%d</Type>%s</BodyPreference>`, kind, rest)
	}
	for _, c := range []struct {
		name, options string
		kind, data    string
		truncated     bool
	}{
		{"all or none, it fits", preference(2, `<TruncationSize>500</TruncationSize><AllOrNone>1</AllOrNone>`), "2", lunchHTML, false},
		{"all or none, it does not fit", preference(2, `<TruncationSize>20</TruncationSize><AllOrNone>1</AllOrNone>`), "2", "", true},
		{"all or none, the next form", preference(2, `<TruncationSize>50</TruncationSize><AllOrNone>1</AllOrNone>`) + preference(1, `<TruncationSize>50</TruncationSize>`), "1", lunchPlain, false},
		{"not all, it does not fit", preference(2, `<TruncationSize>20</TruncationSize><AllOrNone>0</AllOrNone>`), "2", lunchHTML[:20], true},
		{"not all, it fits", preference(2, `<TruncationSize>500</TruncationSize><AllOrNone>0</AllOrNone>`), "2", lunchHTML, false},
		{"nothing said, it does not fit", preference(2, `<TruncationSize>20</TruncationSize>`), "2", lunchHTML[:20], true},
		{"nothing said, it fits", preference(2, `<TruncationSize>500</TruncationSize>`), "2", lunchHTML, false},
		{"no size, all or none", preference(2, `<AllOrNone>1</AllOrNone>`), "2", lunchHTML, false},
		{"no size, not all", preference(2, `<AllOrNone>0</AllOrNone>`), "2", lunchHTML, false},
		{"no size", preference(2, ``), "2", lunchHTML, false},
		{"the native form of several", preference(1, ``) + preference(2, `<TruncationSize>20</TruncationSize>`), "2", lunchHTML[:20], true},
	} {
		h := build(t)
		h.deliver(t, h.folder(t, mail.RoleInbox), lunchMail, 0)
		for _, version := range []string{"12.1", "14.1", "16.1"} {
			for _, command := range []string{"Sync", "ItemOperations", "Search"} {
				p := newPhone(t, h, command+strings.ReplaceAll(version, ".", ""), version)
				p.provision()
				doc := p.bring(command, "", c.options)
				_, body, _ := strings.Cut(doc, "<Body ")
				body, _, _ = strings.Cut(body, "</Body>")
				if element(body, "Type") != c.kind || unescaped(body, "Data") != c.data || (element(body, "Truncated") == "1") != c.truncated || element(body, "EstimatedDataSize") == "" || strings.Contains(doc, "AllOrNone") || strings.Contains(doc, "TruncationSize") || strings.Contains(doc, "BodyPreference") {
					t.Errorf("%s, %s, %s:\n%s", c.name, version, command, doc)
				}
			}
		}
	}
}

// The same of what is new in a message: MS-ASAIRS_R62, R63, R120, R186, R188,
// R255, R256, R282, R283, R294, R392, R400, R403, R407 to R411, R2599;
// MS-ASCON_R38 to R40, R234 to R236, R243, R245, R247, R248.
func TestBodyPartsAreCutAlikeByEveryCommand(t *testing.T) {
	preference := func(rest string) string {
		return `<BodyPartPreference xmlns="AirSyncBase"><Type>2</Type>` + rest + `</BodyPartPreference>`
	}
	const body = `<BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference>`
	for _, c := range []struct {
		name, options string
		data, preview string
		truncated     bool
		body, part    bool
	}{
		{"all or none, it fits", preference(`<TruncationSize>500</TruncationSize><AllOrNone>1</AllOrNone>`), lunchHTML, "", false, false, true},
		{"all or none, it does not fit", preference(`<TruncationSize>20</TruncationSize><AllOrNone>1</AllOrNone>`), "", "", true, false, true},
		{"not all, it does not fit", preference(`<TruncationSize>20</TruncationSize><AllOrNone>0</AllOrNone>`), lunchHTML[:20], "", true, false, true},
		{"nothing said, it does not fit", preference(`<TruncationSize>20</TruncationSize>`), lunchHTML[:20], "", true, false, true},
		{"nothing said, it fits", preference(`<TruncationSize>500</TruncationSize>`), lunchHTML, "", false, false, true},
		{"no size, all or none", preference(`<AllOrNone>1</AllOrNone>`), lunchHTML, "", false, false, true},
		{"no size, not all", preference(`<AllOrNone>0</AllOrNone>`), lunchHTML, "", false, false, true},
		{"no size", preference(``), lunchHTML, "", false, false, true},
		{"a preview", preference(`<TruncationSize>20</TruncationSize><Preview>9</Preview>`), lunchHTML[:20], "Shall we ", true, false, true},
		{"both", body + preference(``), lunchHTML, "", false, true, true},
		{"only the body", body, "", "", false, true, false},
		{"nothing asked", "", "", "", false, true, false},
	} {
		h := build(t)
		h.deliver(t, h.folder(t, mail.RoleInbox), lunchMail, 0)
		for _, version := range []string{"14.1", "16.0", "16.1"} {
			for _, command := range []string{"Sync", "ItemOperations", "Search"} {
				p := newPhone(t, h, command+strings.ReplaceAll(version, ".", ""), version)
				p.provision()
				conversation := ""
				if command == "Search" { // MS-ASAIRS_R10011
					conversation = element(p.firstSync(""), "ConversationId")
				}
				doc := p.bring(command, conversation, c.options)
				_, part, found := strings.Cut(doc, "<BodyPart ")
				part, _, _ = strings.Cut(part, "</BodyPart>")
				if found != c.part || strings.Contains(doc, "<Body ") != c.body || strings.Contains(doc, "BodyPartPreference") || strings.Contains(doc, "AllOrNone") || strings.Contains(doc, "TruncationSize") {
					t.Errorf("%s, %s, %s: the forms are others:\n%s", c.name, version, command, doc)
					continue
				}
				if c.part && (element(part, "Status") != "1" || element(part, "Type") != "2" || element(part, "EstimatedDataSize") != "79" || unescaped(part, "Data") != c.data || (element(part, "Truncated") == "1") != c.truncated || strings.TrimSpace(element(part, "Preview")) != strings.TrimSpace(c.preview)) {
					t.Errorf("%s, %s, %s:\n%s", c.name, version, command, doc)
				}
			}
		}
	}
}

// MS-ASAIRS_R348 to R351, R10016: what is wrong with a BodyPreference is status
// 4 of a Sync, 2 of a Fetch and a Search (R344 to R346, R10030 to R10036).
func TestWrongPreferencesAreRefused(t *testing.T) {
	for name, options := range map[string]string{
		"order (MS-ASAIRS_R348)":                `<BodyPreference xmlns="AirSyncBase"><TruncationSize>5</TruncationSize><Type>1</Type></BodyPreference>`,
		"the same type twice (MS-ASAIRS_R349)":  `<BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference><BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference>`,
		"no boolean (MS-ASAIRS_R350)":           `<BodyPreference xmlns="AirSyncBase"><Type>1</Type><AllOrNone>yes</AllOrNone></BodyPreference>`,
		"two AllOrNone (MS-ASAIRS_R351)":        `<BodyPreference xmlns="AirSyncBase"><Type>1</Type><AllOrNone>1</AllOrNone><AllOrNone>1</AllOrNone></BodyPreference>`,
		"no Type":                               `<BodyPreference xmlns="AirSyncBase"><TruncationSize>5</TruncationSize></BodyPreference>`,
		"a Type that is none":                   `<BodyPreference xmlns="AirSyncBase"><Type>5</Type></BodyPreference>`,
		"a size that is none":                   `<BodyPreference xmlns="AirSyncBase"><Type>1</Type><TruncationSize>-1</TruncationSize></BodyPreference>`,
		"an element out of place (R10032)":      `<BodyPreference xmlns="AirSyncBase"><Type>1</Type><FileReference>x</FileReference></BodyPreference>`,
		"parts in the wrong order (R138)":       `<BodyPartPreference xmlns="AirSyncBase"><Preview>5</Preview><Type>2</Type></BodyPartPreference>`,
		"a part's preference twice (R146)":      `<BodyPartPreference xmlns="AirSyncBase"><Type>2</Type></BodyPartPreference><BodyPartPreference xmlns="AirSyncBase"><Type>2</Type></BodyPartPreference>`,
		"a part's preference without Type":      `<BodyPartPreference xmlns="AirSyncBase"><Preview>5</Preview></BodyPartPreference>`,
		"a preview longer than may be (R261)":   `<BodyPartPreference xmlns="AirSyncBase"><Type>2</Type><Preview>-5</Preview></BodyPartPreference>`,
		"a part's AllOrNone that is no boolean": `<BodyPartPreference xmlns="AirSyncBase"><Type>2</Type><AllOrNone>maybe</AllOrNone></BodyPartPreference>`,
	} {
		h := build(t)
		h.deliver(t, h.folder(t, mail.RoleInbox), lunchMail, 0)
		for _, version := range []string{"12.1", "16.1"} {
			if version == "12.1" && strings.Contains(options, "BodyPart") {
				continue
			}
			for command, want := range map[string]string{"Sync": "4", "ItemOperations": "2", "Search": "2"} {
				p := newPhone(t, h, command+strings.ReplaceAll(version, ".", ""), version)
				p.provision()
				conversation := ""
				if command == "Search" && version != "12.1" {
					conversation = element(p.firstSync(""), "ConversationId")
				}
				doc := p.bring(command, conversation, options)
				got := elements(doc, "Status")
				if len(got) == 0 || got[len(got)-1] != want {
					t.Errorf("%s, %s, %s: %v in\n%s", name, version, command, got, doc)
				}
			}
		}
	}
}
