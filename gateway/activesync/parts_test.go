package activesync_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// MS-ASHTTP 2.2.1.1.2.4 and 2.2.1.1.2.5 together: the parts are packed as one.
func TestContentInPartsIsPackedToo(t *testing.T) {
	h := build(t)
	h.deliver(t, 1, "Subject: long\r\n\r\n"+strings.Repeat("The same line again and again.\r\n", 200), 0)
	p := newPhone(t, h, "samsung", "14.1")
	p.provision()
	p.header.Set("MS-ASAcceptMultiPart", "T")
	body, err := fromXML(`<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><CollectionId xmlns="AirSync">1</CollectionId><ServerId xmlns="AirSync">1:1</ServerId>
		<Options><BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference></Options></Fetch></ItemOperations>`)
	if err != nil {
		t.Fatal(err)
	}
	plain := p.post("ItemOperations", "application/vnd.ms-sync.wbxml", body)
	p.header.Set("Accept-Encoding", "gzip")
	packed := p.post("ItemOperations", "application/vnd.ms-sync.wbxml", body)
	if packed.header.Get("Content-Encoding") != "gzip" || packed.header.Get("Content-Type") != "application/vnd.ms-sync.multipart" {
		t.Fatalf("%v", packed.header)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed.body))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain.body) || len(packed.body) >= len(plain.body) {
		t.Errorf("%d bytes unpacked, %d packed, %d plain, %v", len(got), len(packed.body), len(plain.body), err)
	}
}

// MS-ASCMD 2.2.3.34: with 0 the client's change wins, with 1 and by default the
// server's, and the client hears of it with status 7.
func TestConflictSaysWhoseChangeWins(t *testing.T) {
	for conflict, wins := range map[string]bool{"<Conflict>0</Conflict>": true, "<Conflict>1</Conflict>": false, "": false} {
		t.Run(conflict, func(t *testing.T) {
			h := build(t)
			inbox := h.folder(t, mail.RoleInbox)
			item := h.deliver(t, inbox, plainMail, 0)
			p := newPhone(t, h, "conflict", "14.1")
			p.provision()
			p.folderSync()
			id := fmt.Sprint(inbox)
			key := element(p.sync("0", id, ""), "SyncKey")
			key = element(p.sync(key, id, "<GetChanges/><Options>"+conflict+"<BodyPreference xmlns=\"AirSyncBase\"><Type>1</Type></BodyPreference></Options>"), "SyncKey")
			flag := func(status mail.FollowUpStatus) {
				h.update(t, func(tx *store.Tx) error {
					_, err := h.mailboxes.UpdateItem(tx, h.box, inbox, item.ID, func(it *mail.Item) {
						it.FollowUp = mail.FollowUp{Status: status, Type: "Server"}
					})
					return err
				})
			}
			flag(mail.FollowUpActive)
			doc := p.sync(key, id, fmt.Sprintf(`<Commands><Change><ServerId>%d:%d</ServerId><ApplicationData><Flag xmlns="Email"><Status>2</Status><FlagType>Phone</FlagType></Flag></ApplicationData></Change></Commands>`, inbox, item.ID))
			var kept mail.Item
			err := h.store.View(t.Context(), func(tx *store.Tx) (err error) {
				kept, err = h.mailboxes.Item(tx, h.box, inbox, item.ID)
				return err
			})
			if err != nil || (kept.FollowUp.Type == "Phone") != wins || strings.Contains(doc, "<Status>7</Status>") == wins {
				t.Errorf("the flag is %q, %v; the answer:\n%s", kept.FollowUp.Type, err, doc)
			}
		})
	}
}
