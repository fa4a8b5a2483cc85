package activesync_test

import (
	"strings"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// MS-ASCMD_R2167, R2243, R2244: the folders below are emptied and deleted only
// where the client says so.
func TestEmptyingAFolderLeavesTheFoldersBelow(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "empty", "14.1")
	p.provision()
	bin := h.folder(t, mail.RoleDeletedItems)
	var below mail.Folder
	h.update(t, func(tx *store.Tx) (err error) {
		below, err = h.mailboxes.CreateFolder(tx, h.box, bin, "Old", mail.ClassEmail)
		return err
	})
	const raw = "Subject: x\r\n\r\nx\r\n"
	exists := func() (ok bool) {
		h.update(t, func(tx *store.Tx) error {
			f, err := h.mailboxes.Folder(tx, h.box, below.ID)
			ok = err == nil && f.Items == 1
			return nil
		})
		return ok
	}
	h.deliver(t, below.ID, raw, 0)
	for _, options := range []string{"", "<Options/>"} {
		h.deliver(t, bin, raw, 0)
		doc := p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><EmptyFolderContents><CollectionId xmlns="AirSync">4</CollectionId>`+options+`</EmptyFolderContents></ItemOperations>`)
		if strings.Contains(doc, "<Status>1</Status>") && h.count(t, mail.RoleDeletedItems) == 0 && exists() {
			continue
		}
		t.Errorf("%q: %d items left, folder below: %t\n%s", options, h.count(t, mail.RoleDeletedItems), exists(), doc)
	}
	p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><EmptyFolderContents><CollectionId xmlns="AirSync">4</CollectionId><Options><DeleteSubFolders/></Options></EmptyFolderContents></ItemOperations>`)
	if exists() {
		t.Error("the folder below is still there")
	}
}

// The statuses of ItemOperations (MS-ASCMD 2.2.3.177.8) that its transcripts do
// not have: MS-ASCMD_R4151, R4153, R4154, R4161, R4166, R3547.
func TestStatusesOfItemOperations(t *testing.T) {
	for _, version := range []string{"12.1", "14.1", "16.1"} {
		t.Run(version, func(t *testing.T) {
			h := build(t)
			id := h.fill(t, 1)[0]
			p := newPhone(t, h, "operations", version)
			p.provision()
			item := `<CollectionId xmlns="AirSync">1</CollectionId><ServerId xmlns="AirSync">` + id + `</ServerId>`
			for _, c := range []struct{ what, operation, status string }{
				{"success", `<Fetch><Store>Mailbox</Store>` + item + `</Fetch>`, "1"},
				{"an item that is gone", `<Fetch><Store>Mailbox</Store><CollectionId xmlns="AirSync">1</CollectionId><ServerId xmlns="AirSync">1:99</ServerId></Fetch>`, "6"},
				{"no store", `<Fetch><Store>Cellar</Store>` + item + `</Fetch>`, "9"},
				{"a reference that is none", `<Fetch><Store>Mailbox</Store><FileReference xmlns="AirSyncBase">1:1:x</FileReference></Fetch>`, "15"},
				{"a folder that is not there", `<EmptyFolderContents><CollectionId xmlns="AirSync">99</CollectionId></EmptyFolderContents>`, "6"},
				{"the recipient information", `<EmptyFolderContents><CollectionId xmlns="AirSync">RI</CollectionId></EmptyFolderContents>`, "2"},
				{"a body of no type", `<Fetch><Store>Mailbox</Store>` + item + `<Options><BodyPreference xmlns="AirSyncBase"><Type>9</Type></BodyPreference></Options></Fetch>`, "2"},
				{"MIMESupport that is none", `<Fetch><Store>Mailbox</Store>` + item + `<Options><MIMESupport xmlns="AirSync">7</MIMESupport></Options></Fetch>`, "2"},
				{"an option of Fetch", `<EmptyFolderContents><CollectionId xmlns="AirSync">1</CollectionId><Options><MIMESupport xmlns="AirSync">0</MIMESupport></Options></EmptyFolderContents>`, "2"}, // MS-ASCMD_R3547
				{"an option of EmptyFolderContents", `<Fetch><Store>Mailbox</Store>` + item + `<Options><DeleteSubFolders/></Options></Fetch>`, "2"},
				{"an option of Search", `<Fetch><Store>Mailbox</Store>` + item + `<Options><RebuildResults xmlns="Search"/></Options></Fetch>`, "2"},
				{"success, nothing was emptied", `<Fetch><Store>Mailbox</Store>` + item + `</Fetch>`, "1"},
				{"a default folder with what is below", `<EmptyFolderContents><CollectionId xmlns="AirSync">1</CollectionId><Options><DeleteSubFolders/></Options></EmptyFolderContents>`, "1"},
			} {
				doc := p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations">`+c.operation+`</ItemOperations>`)
				all := elements(doc, "Status")
				if got := all[len(all)-1]; got != c.status {
					t.Errorf("%s: status %s, want %s\n%s", c.what, got, c.status, doc)
				}
			}
		})
	}
}
