package activesync_test

import (
	"strconv"
	"strings"
	"testing"

	"martlet/mail"
)

const plainMail = "From: Bob <bob@example.net>\r\nTo: anna@example.org\r\nSubject: Hello\r\nDate: Mon, 01 Jun 2026 10:00:00 +0000\r\nMessage-ID: <1@example.net>\r\n\r\nHi Anna,\r\nlunch?\r\n"

func TestTheFirstPath(t *testing.T) {
	h := build(t)
	inbox := h.folder(t, mail.RoleInbox)
	for range 3 {
		h.deliver(t, inbox, plainMail, 0)
	}
	for _, version := range []string{"2.5", "12.0", "12.1", "14.0", "14.1", "16.0", "16.1"} {
		t.Run(version, func(t *testing.T) {
			p := newPhone(t, h, "first"+strings.ReplaceAll(version, ".", ""), version)
			p.provision()
			p.folderSync()
			id := strconv.Itoa(int(inbox))
			key := element(p.sync("0", id, ""), "SyncKey")
			doc := p.sync(key, id, `<GetChanges/><WindowSize>512</WindowSize>`)
			if n := strings.Count(doc, "<Add>"); n != 3 {
				t.Errorf("%d items, want 3:\n%s", n, doc)
			}
		})
	}
}
