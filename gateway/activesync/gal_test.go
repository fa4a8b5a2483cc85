package activesync_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"martlet/mail"
)

const everyKind = `
[[user]]
login = "mona@example.org"
name = "Martlet Mona"
photo_base64 = "%[1]s"
[[user]]
login = "mute@example.org"
name = "Martlet Mute"
hidden = true
[[user]]
login = "left@example.org"
name = "Martlet Left"
disabled = true
[[group]]
address = "flock@example.org"
name = "Martlet Flock"
members = ["mona@example.org"]
photo_base64 = "%[1]s"
[[group]]
address = "board@example.org"
name = "Martlet Board"
members = ["mona@example.org"]
hidden = true
[[resource]]
address = "nest@example.org"
name = "Martlet Nest"
location = "Attic, left"
capacity = 8
phone = "+49 30 8"
photo_base64 = "%[1]s"
[[resource]]
address = "vault@example.org"
name = "Martlet Vault"
hidden = true
[[contact]]
address = "Otto@Example.net"
addresses = ["o.other@example.com"]
name = "Martlet Otto"
given_name = "Otto"
surname = "Other"
company = "Outside Ltd"
mobile = "+49 170 4711"
photo_base64 = "%[1]s"
[[contact]]
address = "ghost@example.net"
name = "Martlet Ghost"
hidden = true
`

func TestTheAddressListHasEveryKindAndNobodyWhoIsHidden(t *testing.T) {
	h := build(t)
	photo := base64.StdEncoding.EncodeToString(photoOf(600))
	h.apply(t, fmt.Sprintf(everyKind, photo))
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	want := "flock@example.org mona@example.org nest@example.org Otto@example.net"
	doc := p.send("Search", searchIn("GAL", "<Query>martlet</Query><Options><Range>0-99</Range><Picture/></Options>"))
	if got := strings.Join(elements(doc, "EmailAddress"), " "); got != want {
		t.Errorf("Search: %s\n%s", got, doc)
	}
	if n := strings.Count(doc, "<Data"); n != 4 {
		t.Errorf("Search: %d pictures\n%s", n, doc)
	}
	for _, s := range []string{">Attic, left<", ">+49 30 8<", ">Outside Ltd<", ">+49 170 4711<", ">Otto<", ">Other<"} {
		if !strings.Contains(doc, s) {
			t.Errorf("Search: no %s in\n%s", s, doc)
		}
	}
	doc = p.send("Find", `<Find xmlns="Find"><SearchId>8DF5FDC8-2AF5-4C1C-9AAE-54A4E9B3A1B2</SearchId><ExecuteSearch><GalSearchCriterion><Query>martlet</Query><Options><Range>0-99</Range><Picture/></Options></GalSearchCriterion></ExecuteSearch></Find>`)
	if got := strings.Join(elements(doc, "EmailAddress"), " "); got != want {
		t.Errorf("Find: %s\n%s", got, doc)
	}
	if n := strings.Count(doc, "<Data"); n != 4 {
		t.Errorf("Find: %d pictures\n%s", n, doc)
	}
	doc = p.send("ResolveRecipients", resolveRequest("<Picture/>", "martlet"))
	if got := strings.Join(elements(doc, "EmailAddress"), " "); got != want {
		t.Errorf("ResolveRecipients: %s\n%s", got, doc)
	}
	if n := strings.Count(doc, "<Data"); n != 4 || strings.Count(doc, "<Type>1</Type>") != 4 {
		t.Errorf("ResolveRecipients: %d pictures\n%s", n, doc)
	}
	// Not by an address either.
	for _, to := range []string{"mute@example.org", "left@example.org", "board@example.org", "vault@example.org", "ghost@example.net"} {
		doc := p.send("ResolveRecipients", resolveRequest("", to))
		if len(elements(doc, "EmailAddress")) > 0 {
			t.Errorf("%s is found:\n%s", to, doc)
		}
	}
	for _, to := range []string{"o.other@EXAMPLE.com", "otto@example.net"} {
		doc := p.send("ResolveRecipients", resolveRequest("", to))
		if got := element(doc, "EmailAddress"); got != "Otto@example.net" {
			t.Errorf("%s: %q\n%s", to, got, doc)
		}
	}
	// The picture is the list's even for who has the person among the contacts, too.
	h.addCard(t, "BEGIN:VCARD\nVERSION:3.0\nFN:My Otto\nEMAIL:otto@example.net\nEND:VCARD\n")
	doc = p.send("ResolveRecipients", resolveRequest("<Picture/>", "martlet", "my otto"))
	if got := strings.Join(elements(doc, "Type"), ""); got != "11112" {
		t.Errorf("types %s\n%s", got, doc)
	}
}

// MS-ASCMD_R448 stands back where the directory lets somebody write for another.
func TestADelegateWritesForTheOwnerFromAPhone(t *testing.T) {
	h := build(t)
	h.apply(t, `
[[user]]
login = "boss@example.org"
name = "The Boss"
[[user]]
login = "chair@example.org"
[[user]]
login = "stranger@example.org"
[[group]]
address = "desk@example.org"
members = ["anna@example.org"]
[[delegation]]
owner = "boss@example.org"
delegate = "anna@example.org"
send_as = true
[[delegation]]
owner = "chair@example.org"
delegate = "anna@example.org"
send_on_behalf = true
[[delegation]]
owner = "desk@example.org"
delegate = "anna@example.org"
send_as = true
`)
	for _, version := range []string{"12.1", "14.1", "16.1"} {
		p := newPhone(t, h, "d"+version, version)
		p.provision()
		for i, tc := range []struct{ from, wantFrom, wantSender string }{
			{"The Boss <boss@example.org>", "boss@example.org", ""},
			{"chair@example.org", "chair@example.org", "anna@example.org"},
			{"desk@example.org", "desk@example.org", ""},
			{"stranger@example.org", "anna@example.org", ""},
			{"a.ash@example.org", "a.ash@example.org", ""},
		} {
			subject := fmt.Sprintf("for another %s %d", version, i)
			raw := "From: " + tc.from + "\r\nTo: anna@example.org\r\nSubject: " + subject + "\r\nMessage-ID: <" + strings.ReplaceAll(subject, " ", ".") + "@example.org>\r\n\r\nx\r\n"
			if version < "14" {
				p.post("SendMail", "message/rfc822", []byte(raw))
			} else if doc := p.send("SendMail", `<SendMail xmlns="ComposeMail"><ClientId>`+subject+`</ClientId>`+opaque(raw)+`</SendMail>`); doc != "" {
				t.Errorf("%s: %s", tc.from, doc)
			}
			_, got := h.last(t, mail.RoleInbox)
			if !strings.Contains(got, subject) {
				t.Fatalf("%s: From %s does not arrive:\n%s", version, tc.from, got)
			}
			from, sender := addressIn(got, "From"), addressIn(got, "Sender")
			if from != tc.wantFrom || sender != tc.wantSender {
				t.Errorf("%s: From %s gives From %q, Sender %q; want %q, %q", version, tc.from, from, sender, tc.wantFrom, tc.wantSender)
			}
		}
	}
}

// addressIn is the address in a field of a message's header.
func addressIn(raw, field string) string {
	for line := range strings.Lines(raw) {
		value, ok := strings.CutPrefix(line, field+": ")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		if i := strings.LastIndexByte(value, '<'); i >= 0 {
			value = strings.Trim(value[i:], "<>")
		}
		return value
	}
	return ""
}
