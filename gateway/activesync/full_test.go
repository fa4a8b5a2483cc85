package activesync_test

import (
	"math"
	"testing"
)

// On a full disk a phone can still read, and is asked to try the rest again.
func TestAFullDiskIsARetryableStatus(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir, 0)
	h.populate(t)
	h.deliver(t, 1, plainMail, 0)
	p := newPhone(t, h, "iphone", "16.1")
	key := p.ready()
	p.sync(key, "1", "") // from here on its state is settled
	hierarchy := p.folderSync()
	old := newPhone(t, h, "old", "12.1")
	old.provision()
	h.close(t)

	full := open(t, dir, math.MaxInt64/4)
	defer full.close(t)
	p.house, old.house = full, full
	if doc := p.sync(key, "1", ""); doc != "" {
		t.Errorf("nothing new got\n%s", doc)
	}
	change := `<Commands><Change><ServerId>1:1</ServerId><ApplicationData><Read xmlns="Email">1</Read></ApplicationData></Change></Commands>`
	for _, tt := range []struct {
		cmd, request, status string
	}{
		{"Sync", syncRequest(key, change), "16"},
		{"FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`, "111"},
		{"FolderCreate", `<FolderCreate xmlns="FolderHierarchy"><SyncKey>` + hierarchy + `</SyncKey><ParentId>0</ParentId><DisplayName>x</DisplayName><Type>12</Type></FolderCreate>`, "111"},
		{"Provision", `<Provision xmlns="Provision">` + aboutPhone + `<Policies><Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType></Policy></Policies></Provision>`, "111"},
		{"SendMail", `<SendMail xmlns="ComposeMail"><ClientId>1</ClientId><Mime encoding="opaque">To: anna@example.org</Mime></SendMail>`, "111"},
		{"MoveItems", `<MoveItems xmlns="Move"><Move><SrcMsgId>1:1</SrcMsgId><SrcFldId>1</SrcFldId><DstFldId>4</DstFldId></Move></MoveItems>`, "111"},
	} {
		if doc := p.send(tt.cmd, tt.request); element(doc, "Status") != tt.status {
			t.Errorf("%s got\n%s", tt.cmd, doc)
		}
	}
	if a := old.post("SendMail", "message/rfc822", []byte("To: anna@example.org\r\n\r\nx")); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("SendMail of an old client: HTTP %d", a.status)
	}
	if a := newPhone(t, full, "new", "12.1").post("Provision", "", nil); a.status != 503 {
		t.Errorf("a new device: HTTP %d", a.status)
	}
}
