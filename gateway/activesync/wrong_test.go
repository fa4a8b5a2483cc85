package activesync_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/protocol/eas"
)

// commandsOfPhones are the commands with a WBXML body, since which version, and
// what refuses a request of theirs that is WBXML and not what they want: a
// status of their own, which all versions know, or a common one.
var commandsOfPhones = []struct {
	name     string
	from     eas.Version
	misshape string // their status for a document of another kind
	bodiless bool   // may come without a body
	free     bool   // needs no policy key
}{
	{"Sync", eas.V25, "4", true, false},
	{"SendMail", eas.V140, "103", false, false},
	{"SmartForward", eas.V140, "103", false, false},
	{"SmartReply", eas.V140, "103", false, false},
	{"FolderSync", eas.V25, "10", false, false},
	{"FolderCreate", eas.V25, "10", false, false},
	{"FolderDelete", eas.V25, "10", false, false},
	{"FolderUpdate", eas.V25, "10", false, false},
	{"MoveItems", eas.V25, "103", false, false},
	{"GetItemEstimate", eas.V25, "103", false, false},
	{"Settings", eas.V120, "2", false, false},
	{"Ping", eas.V25, "4", true, true},
	{"ItemOperations", eas.V120, "2", false, false},
	{"Provision", eas.V25, "2", false, true},
	{"MeetingResponse", eas.V25, "2", false, false},
	{"Search", eas.V25, "1 2", false, false},
	{"ResolveRecipients", eas.V25, "5", false, false},
	{"ValidateCert", eas.V25, "2", false, false},
	{"Find", eas.V161, "2", false, false},
}

var versionsOfPhones = []eas.Version{eas.V25, eas.V120, eas.V121, eas.V140, eas.V141, eas.V160, eas.V161}

// wanted is how a version hears of a status: its own below 100 always, a common
// one since 14.0, before as an HTTP status (MS-ASCMD 2.2.2).
func wanted(v eas.Version, status string, old int) (http_ int, inDocument string) {
	if len(status) < 3 || strings.Contains(status, " ") || v >= eas.V140 {
		return http.StatusOK, status
	}
	return old, ""
}

// holds holds an answer to what is wanted.
func holds(t *testing.T, what string, a answer, v eas.Version, status string, old int) {
	t.Helper()
	code, inDocument := wanted(v, status, old)
	got := element(a.xml, "Status")
	if strings.Contains(inDocument, " ") {
		got = statuses(a.xml)
	}
	if a.status != code || got != inDocument {
		t.Errorf("%s: HTTP %d, want %d with status %q\n%s", what, a.status, code, inDocument, a.xml)
	}
}

// MS-ASCMD 2.2.2: 101, 102, and what each command says to a document that is
// not its own, in every version.
func TestBodiesThatAreNone(t *testing.T) {
	h := build(t)
	huge := make([]byte, 90<<20)
	other := []byte{3, 1, 0x6a, 0, 0, 9, 0x05} // an empty document of another code page
	for _, v := range versionsOfPhones {
		p := newPhone(t, h, "v"+strings.ReplaceAll(v.String(), ".", ""), v.String())
		p.provision()
		for _, c := range commandsOfPhones {
			if v < c.from {
				continue
			}
			what := fmt.Sprintf("%s %v", c.name, v)
			if !c.bodiless {
				holds(t, what+" without a body", p.post(c.name, wbxmlType, nil), v, "101", 400)
			}
			for _, kind := range []string{"text/plain", "text/xml", "application/octet-stream", "application/vnd.ms-sync.wbxml2", ""} {
				holds(t, what+" as "+kind, p.post(c.name, kind, []byte{3, 1, 0x6a, 0}), v, "101", 400)
			}
			for name, body := range map[string][]byte{
				"garbage": []byte("\xff\xfe garbage"), "plain XML": []byte("<?xml version=\"1.0\"?><Sync/>"), "a header alone": {3, 1, 0x6a, 0},
				"an unknown tag": {3, 1, 0x6a, 0, 0x00, 0x05, 0x3f}, "an unknown code page": {3, 1, 0x6a, 0, 0x00, 0x7f, 0x05},
			} {
				status := "102"
				if c.name == "Ping" { // a syntax error, says MS-ASCMD 2.2.3.177.11
					status = c.misshape
				}
				holds(t, what+" as "+name, p.post(c.name, wbxmlType, body), v, status, 400)
			}
			holds(t, what+" with another's document", p.post(c.name, wbxmlType, other), v, c.misshape, 400)
			if a := p.post(c.name, wbxmlType, huge); a.status != http.StatusRequestEntityTooLarge {
				t.Errorf("%s with 90 MiB: HTTP %d", what, a.status)
			}
		}
	}
}

// MS-ASCMD_R4828, R4830, R487..: who asks, with what, is minded before what.
func TestDevicesThatCannotBe(t *testing.T) {
	h := build(t)
	for _, v := range versionsOfPhones {
		for _, c := range commandsOfPhones {
			if v < c.from {
				continue
			}
			for _, d := range []struct {
				id, kind, status string
			}{
				{"", "x", "108"}, {"with%20space", "x", "108"}, {"comma,", "x", "108"}, {"%00", "x", "108"}, {strings.Repeat("a", 33), "x", "108"},
				{"123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "x", "108"}, {"---", "x", "108"},
				{"ok", "%00", "109"}, {"ok", "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "109"}, {"ok", "a%0ab", "109"},
			} {
				p := newPhone(t, h, d.id, v.String())
				p.kind = d.kind
				holds(t, fmt.Sprintf("%s %v, device %q of type %q", c.name, v, d.id, d.kind), p.post(c.name, wbxmlType, []byte{3, 1, 0x6a, 0, 0x05}), v, d.status, 400)
			}
		}
		// What clients in the field send, and what is just not too long.
		for _, id := range []string{"{01234567-89AB-CDEF-0123-456789ABCDEF}", "01234567-89ab-cdef-0123-456789abcdef", strings.Repeat("a", 32), "Appl1", "4E696E650123"} {
			p := newPhone(t, h, id, v.String())
			p.kind = strings.Repeat("T", 32)
			p.provision()
		}
	}
}

// MS-ASCMD 2.2.2, 137 and 138; MS-ASHTTP 2.2.2.1.1.
func TestCommandsOfOtherVersions(t *testing.T) {
	h := build(t)
	for _, v := range versionsOfPhones {
		p := newPhone(t, h, "v"+strings.ReplaceAll(v.String(), ".", ""), v.String())
		p.provision()
		for _, c := range commandsOfPhones {
			if v < c.from && c.from != eas.V140 {
				holds(t, fmt.Sprintf("%s %v", c.name, v), p.post(c.name, wbxmlType, []byte{3, 1, 0x6a, 0, 0x05}), v, "138", 400)
			}
		}
		for _, name := range []string{"Teleport", "", "Sync%00", strings.Repeat("x", 3000)} {
			a := p.post(name, wbxmlType, []byte{3, 1, 0x6a, 0, 0x05})
			if a.status != http.StatusNotImplemented && !(name == "" && a.status == http.StatusBadRequest) {
				t.Errorf("command %.20q %v: HTTP %d", name, v, a.status)
			}
		}
	}
}

// MS-ASCMD_R4869, R7555, MS-ASHTTP_R180: an account without phones.
func TestAnAccountThatMayNotSynchronise(t *testing.T) {
	h := build(t)
	if _, err := h.directory.AddUser(context.Background(), directory.Account{Login: "off@example.org"}, testPassword); err != nil {
		t.Fatal(err)
	}
	for _, v := range versionsOfPhones {
		p := newPhone(t, h, "off", v.String())
		p.login = "off@example.org"
		for _, c := range commandsOfPhones {
			if v >= c.from {
				holds(t, fmt.Sprintf("%s %v", c.name, v), p.post(c.name, wbxmlType, []byte{3, 1, 0x6a, 0, 0x05}), v, "126", 403)
			}
		}
		for _, method := range []string{http.MethodOptions, http.MethodGet} {
			if a := p.read(h.do(p.request(method, "Sync", nil))); a.status != http.StatusForbidden {
				t.Errorf("%s %v: HTTP %d", method, v, a.status)
			}
		}
	}
}

// MS-ASCMD 2.2.2, 142 and 144: every command but Ping and Provision wants the
// policy's key, before it looks at the body.
func TestPolicyKeysComeFirst(t *testing.T) {
	h := build(t)
	for _, v := range versionsOfPhones {
		fresh := newPhone(t, h, "new"+strings.ReplaceAll(v.String(), ".", ""), v.String())
		known := newPhone(t, h, "old"+strings.ReplaceAll(v.String(), ".", ""), v.String())
		known.provision()
		right := known.policy
		for _, c := range commandsOfPhones {
			if v < c.from || c.name == "Provision" {
				continue
			}
			what := fmt.Sprintf("%s %v", c.name, v)
			holds(t, what+" of a new device", fresh.post(c.name, wbxmlType, []byte("garbage")), v, "142", 449)
			if c.free {
				continue
			}
			for key, status := range map[string]string{"": "142", "0": "142", "1": "144", "x": "144", right + "0": "144"} {
				known.policy = key
				holds(t, what+" with key "+key, known.post(c.name, wbxmlType, []byte("garbage")), v, status, 449)
			}
			known.policy = right
		}
	}
}

// MS-ASCMD_R4821: nothing can be moved to where people are remembered.
func TestTheRecipientInformationTakesNoMail(t *testing.T) {
	h := build(t)
	it := h.deliver(t, 1, crlf("Subject: x\n\nx\n"), 0)
	for version, want := range map[string]string{"12.1": "2", "14.0": "105", "14.1": "105", "16.0": "105", "16.1": "105"} {
		p := newPhone(t, h, "v"+version, version)
		p.provision()
		doc := p.send("MoveItems", fmt.Sprintf(`<MoveItems xmlns="Move"><Move><SrcMsgId>1:%d</SrcMsgId><SrcFldId>1</SrcFldId><DstFldId>RI</DstFldId></Move></MoveItems>`, it.ID))
		if got := element(doc, "Status"); got != want {
			t.Errorf("%s: status %s", version, got)
		}
	}
}

// MS-ASCMD_R4848
func TestAMessageSentTwiceIsSaidToBe(t *testing.T) {
	h := build(t)
	for _, version := range []string{"14.0", "14.1", "16.0", "16.1"} {
		p := newPhone(t, h, "v"+version, version)
		p.provision()
		request := `<SendMail xmlns="ComposeMail"><ClientId>one</ClientId><Mime>To: anna@example.org&#13;&#10;&#13;&#10;x&#13;&#10;</Mime></SendMail>`
		if doc := p.send("SendMail", request); doc != "" {
			t.Errorf("%s:\n%s", version, doc)
		}
		if doc := p.send("SendMail", request); element(doc, "Status") != "118" {
			t.Errorf("%s:\n%s", version, doc)
		}
	}
}
