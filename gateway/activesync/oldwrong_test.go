package activesync_test

import (
	"net/http"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// Wrong requests of the commands that say everything in their request line
// (MS-ASCMD 2.2.1.7, 2.2.1.8): their errors are HTTP statuses (MS-ASCMD_R166,
// R6033), and since 14.0 they are not there.
func TestWrongRequestLinesOfOldCommands(t *testing.T) {
	h := build(t)
	h.deliver(t, 1, withFile, 0)
	h.deliver(t, 1, plainMail, 0)
	bob, err := h.directory.AddUser(t.Context(), directory.Account{Login: "bob@example.org", Name: "Bob", ActiveSync: true}, testPassword)
	if err != nil {
		t.Fatal(err)
	}
	h.update(t, func(tx *store.Tx) error { return h.mailboxes.Ensure(tx, mail.MailboxOf(bob.ID)) })
	body := []byte{3, 1, 0x6a, 0, 0x00, 0x07, 0x05}
	for _, v := range versionsOfPhones {
		p := newPhone(t, h, "v"+strings.ReplaceAll(v.String(), ".", ""), v.String())
		p.provision()
		for name, want := range map[string]int{
			"": 400, "1:1:2": 200, "1:1:-1": 500, "1:1:4294967296": 500, "1:1:18446744073709551616": 500, "1:1:02": 500, "01:1:2": 500,
			"1:1": 500, "1:1:2:2": 500, "1:2:2": 500, "2:1:2": 500, "99:1:2": 500, ":::": 500, "\x00": 500, "1:1:2\x00": 500, "\xff\xfe": 500, "../../etc/passwd": 500, strings.Repeat("1", 3000): 500,
		} {
			if v.String() >= "14" && v.String() != "2.5" {
				continue
			}
			if a := p.post("GetAttachment", "", nil, "AttachmentName", name); a.status != want {
				t.Errorf("%v GetAttachment %.30q: HTTP %d, want %d", v, name, a.status, want)
			}
		}
		// Another's mailbox has no such item, whatever its ids say.
		other := *p
		other.login, other.device, other.policy = "bob@example.org", p.device+"b", ""
		other.provision()
		if v.String() < "14" || v.String() == "2.5" {
			if a := other.post("GetAttachment", "", nil, "AttachmentName", "1:1:2"); a.status != http.StatusInternalServerError {
				t.Errorf("%v: another's attachment: HTTP %d", v, a.status)
			}
			if a := p.post("GetHierarchy", wbxmlType, body); a.status != http.StatusBadRequest {
				t.Errorf("%v: GetHierarchy with a body: HTTP %d", v, a.status)
			}
			if a := p.post("GetHierarchy", "", nil); a.status != http.StatusOK || !strings.Contains(a.xml, "<Folder>") {
				t.Errorf("%v: GetHierarchy: HTTP %d %s", v, a.status, a.xml)
			}
			continue
		}
		for _, command := range []string{"GetAttachment", "GetHierarchy"} {
			if a := p.post(command, "", nil, "AttachmentName", "1:1:2"); a.status != http.StatusBadRequest || len(a.body) != 0 {
				t.Errorf("%v %s: HTTP %d", v, command, a.status)
			}
		}
	}
}
