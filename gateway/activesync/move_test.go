package activesync_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"martlet/mail"
)

// Outlook on the desktop goes on with a moved item under its new number: it
// wants a Change there, no Add, and no Delete where it was.
func TestOutlookGetsAChangeAfterAMove(t *testing.T) {
	for kind, want := range map[string]string{"WindowsOutlook15": "Change", "iPhone": "Add"} {
		t.Run(kind, func(t *testing.T) {
			h := build(t)
			inbox, deleted := h.folder(t, mail.RoleInbox), h.folder(t, mail.RoleDeletedItems)
			p := newPhone(t, h, "mover", "14.1")
			p.kind = kind
			p.provision()
			p.folderSync()
			item := h.deliver(t, inbox, plainMail, 0)
			keys := map[mail.FolderID]string{}
			settle := func(f mail.FolderID) string {
				key := keys[f]
				if key == "" {
					key = element(p.sync("0", strconv.Itoa(int(f)), ""), "SyncKey")
				}
				doc := p.sync(key, strconv.Itoa(int(f)), "<GetChanges/>")
				if doc != "" {
					keys[f] = element(doc, "SyncKey")
				} else {
					keys[f] = key
				}
				return doc
			}
			settle(inbox)
			settle(deleted)
			moved := p.send("MoveItems", fmt.Sprintf(`<MoveItems xmlns="Move"><Move><SrcMsgId>%d:%d</SrcMsgId><SrcFldId>%d</SrcFldId><DstFldId>%d</DstFldId></Move></MoveItems>`, inbox, item.ID, inbox, deleted))
			id := element(moved, "DstMsgId")
			if doc := settle(deleted); !strings.Contains(doc, "<"+want+">") || strings.Count(doc, "<ServerId>"+id+"</ServerId>") != 1 {
				t.Errorf("want one %s of %s:\n%s", want, id, doc)
			}
			if doc := settle(inbox); strings.Contains(doc, "<Delete>") != (want == "Add") {
				t.Errorf("where it was:\n%s", doc)
			}
		})
	}
}
