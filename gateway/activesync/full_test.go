package activesync_test

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/store"
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

// writing is everything that a phone can do for good: what it says at 16.1 to a
// full disk, and how often it stands in the mailbox when it was repeated until
// there was room, and once more.
func writing(invite, letter, other mail.Item, folder, hierarchy, inboxKey, draftsKey string) []wish {
	source := `<Source><FolderId>1</FolderId><ItemId>` + serverID(letter) + `</ItemId></Source><SaveInSentItems/>`
	note := opaque("To: anna@example.org\r\nSubject: note\r\n\r\nx")
	drafts := func(command string) string {
		return `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>` + draftsKey + `</SyncKey><CollectionId>2</CollectionId><Commands>` + command + `</Commands></Collection></Collections></Sync>`
	}
	return []wish{
		{"SmartReply", `<SmartReply xmlns="ComposeMail"><ClientId>r</ClientId>` + source + note + `</SmartReply>`, "111", "", "118"},
		{"SmartForward", `<SmartForward xmlns="ComposeMail"><ClientId>f</ClientId>` + source + note + `</SmartForward>`, "111", "", "118"},
		{"SendMail", `<SendMail xmlns="ComposeMail"><ClientId>s</ClientId><SaveInSentItems/>` + note + `</SendMail>`, "111", "", "118"},
		{"MeetingResponse", `<MeetingResponse xmlns="MeetingResponse"><Request><UserResponse>1</UserResponse><CollectionId>1</CollectionId><RequestId>` + serverID(invite) + `</RequestId><SendResponse/></Request></MeetingResponse>`, "3", "1", "1"},
		{"Sync", drafts(`<Add><ClientId>d</ClientId><Send xmlns="Email2"/><ApplicationData><To xmlns="Email">anna@example.org</To></ApplicationData></Add>`), "16", "1 1", "1 1"},
		{"Settings", `<Settings xmlns="Settings"><Oof><Set><OofState>1</OofState><OofMessage><AppliesToInternal/><Enabled>1</Enabled><ReplyMessage>away</ReplyMessage><BodyType>TEXT</BodyType></OofMessage></Set></Oof></Settings>`, "111", "1 1", "1 1"},
		{"Settings", `<Settings xmlns="Settings"><DeviceInformation><Set><Model>Other</Model></Set></DeviceInformation></Settings>`, "111", "1 1", "1 1"},
		{"ItemOperations", moveRequest(opaqueThread(other), "4", always), "1 111", "1 1", "1 1"},
		{"FolderUpdate", `<FolderUpdate xmlns="FolderHierarchy"><SyncKey>` + hierarchy + `</SyncKey><ServerId>` + folder + `</ServerId><ParentId>0</ParentId><DisplayName>renamed</DisplayName></FolderUpdate>`, "111", "1", "1"},
		{"Sync", syncRequest(inboxKey, `<Commands><Change><ServerId>`+serverID(letter)+`</ServerId><ApplicationData><Read xmlns="Email">1</Read></ApplicationData></Change></Commands>`), "111", "1", "1"},
		{"Sync", `<Sync xmlns="AirSync"><Collections><Collection><SyncKey>0</SyncKey><CollectionId>4</CollectionId></Collection></Collections></Sync>`, "111", "1", "1"},
	}
}

// wish is a request and the statuses that it gets: on a full disk, with room,
// and when it is repeated after that.
type wish struct{ command, request, full, room, again string }

// What a full disk refuses has not happened, and the same request does it once
// when there is room, however often it is repeated.
func TestWhatAFullDiskRefusesHappensOnceLater(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir, 0)
	h.populate(t)
	invite, letter := h.deliver(t, 1, invitation, 0), h.deliver(t, 1, plainMail, 0)
	other := h.deliver(t, 1, letterOf("thread", ""), 0)
	p := newPhone(t, h, "iphone", "16.1")
	inboxKey := p.ready()
	draftsKey := element(p.sync("0", "2", ""), "SyncKey")
	if next := element(p.sync(draftsKey, "2", ""), "SyncKey"); next != "" {
		draftsKey = next
	}
	made := p.send("FolderCreate", `<FolderCreate xmlns="FolderHierarchy"><SyncKey>`+p.folderSync()+`</SyncKey><ParentId>0</ParentId><DisplayName>x</DisplayName><Type>12</Type></FolderCreate>`)
	wishes := writing(invite, letter, other, element(made, "ServerId"), element(made, "SyncKey"), inboxKey, draftsKey)
	state := func() string {
		var items []int
		for _, role := range []mail.Role{mail.RoleInbox, mail.RoleSent, mail.RoleDrafts, mail.RoleDeletedItems} {
			items = append(items, len(h.contents(t, role)))
		}
		return fmt.Sprint(items, h.absence(t).State, h.item(t, letter).Flags, h.item(t, letter).LastVerb)
	}
	before := state()
	again := func(reserve int64) {
		was := h
		was.close(t)
		h = open(t, dir, reserve)
		h.account, h.box, p.house = was.account, was.box, h
	}
	again(math.MaxInt64 / 4)
	for _, w := range wishes {
		for range 2 {
			if doc := p.send(w.command, w.request); statuses(doc) != w.full {
				t.Errorf("full: %s %s: status %s, want %s\n%s", w.command, w.request, statuses(doc), w.full, doc)
			}
		}
	}
	if now := state(); now != before {
		t.Errorf("refused, and yet: %s, was %s", now, before)
	}
	again(0)
	defer func() { h.close(t) }()
	for _, w := range wishes {
		if doc := p.send(w.command, w.request); statuses(doc) != w.room {
			t.Errorf("room: %s: status %q, want %q\n%s", w.request, statuses(doc), w.room, doc)
		}
		after := state()
		for range 2 {
			if doc := p.send(w.command, w.request); statuses(doc) != w.again {
				t.Errorf("again: %s: status %q, want %q\n%s", w.request, statuses(doc), w.again, doc)
			}
		}
		if now := state(); now != after {
			t.Errorf("%s: once: %s, repeated: %s", w.request, after, now)
		}
	}
	if sent := h.contents(t, mail.RoleSent); len(sent) != 5 {
		t.Errorf("%d messages were sent, not five", len(sent))
	}
}

// On a full disk what frees room can still be done, and what is read.
func TestAFullDiskCanBeEmptied(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir, 0)
	h.populate(t)
	for range 3 {
		h.deliver(t, 1, withFile, 0)
	}
	p := newPhone(t, h, "iphone", "16.1")
	key := p.ready()
	made := p.send("FolderCreate", `<FolderCreate xmlns="FolderHierarchy"><SyncKey>`+p.folderSync()+`</SyncKey><ParentId>0</ParentId><DisplayName>x</DisplayName><Type>12</Type></FolderCreate>`)
	old := newPhone(t, h, "old", "12.1")
	old.provision()
	h.close(t)
	free, err := store.FreeBytes(dir)
	if err != nil {
		t.Skip(err)
	}
	full := open(t, dir, free+free/2) // which is not there, but half of it is
	defer full.close(t)
	full.account, full.box = h.account, h.box
	h, p.house, old.house = full, full, full
	if doc := p.sync(key, "1", `<Commands><Change><ServerId>1:2</ServerId><ApplicationData><Read xmlns="Email">1</Read></ApplicationData></Change></Commands>`); element(doc, "Status") == "1" {
		t.Fatalf("the disk is not full:\n%s", doc)
	}
	for _, w := range []wish{
		{command: "ItemOperations", request: `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><CollectionId xmlns="AirSync">1</CollectionId><ServerId xmlns="AirSync">1:1</ServerId></Fetch></ItemOperations>`, full: "1 1"},
		{command: "Search", request: searchMail(`<FreeText>x</FreeText>`, ""), full: "1 1"},
		{command: "GetItemEstimate", request: `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection><SyncKey xmlns="AirSync">` + key + `</SyncKey><CollectionId>1</CollectionId></Collection></Collections></GetItemEstimate>`, full: "1"},
		{command: "ResolveRecipients", request: `<ResolveRecipients xmlns="ResolveRecipients"><To>anna</To></ResolveRecipients>`, full: "1 1"},
		{command: "Settings", request: `<Settings xmlns="Settings"><Oof><Get><BodyType>TEXT</BodyType></Get></Oof></Settings>`, full: "1 1"},
	} {
		if doc := p.send(w.command, w.request); statuses(doc) != w.full {
			t.Errorf("%s: status %s\n%s", w.command, statuses(doc), doc)
		}
	}
	if a := old.post("GetAttachment", "", nil, "AttachmentName", "1:1:2"); a.status != http.StatusOK || len(a.body) == 0 {
		t.Errorf("an attachment: HTTP %d", a.status)
	}
	if doc := p.sync(key, "1", `<DeletesAsMoves>0</DeletesAsMoves><Commands><Delete><ServerId>1:1</ServerId></Delete></Commands>`); element(doc, "Status") != "1" || strings.Contains(doc, "<Responses>") {
		t.Errorf("a deletion:\n%s", doc)
	}
	doc := p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><EmptyFolderContents><CollectionId xmlns="AirSync">1</CollectionId></EmptyFolderContents></ItemOperations>`)
	if statuses(doc) != "1 1" || len(h.contents(t, mail.RoleInbox)) != 0 {
		t.Errorf("a folder is emptied:\n%s", doc)
	}
	if doc := p.send("FolderDelete", `<FolderDelete xmlns="FolderHierarchy"><SyncKey>`+element(made, "SyncKey")+`</SyncKey><ServerId>`+element(made, "ServerId")+`</ServerId></FolderDelete>`); element(doc, "Status") != "1" {
		t.Errorf("a folder is deleted:\n%s", doc)
	}
}

// opaqueThread is the ConversationId of an item.
func opaqueThread(it mail.Item) string { return base64.StdEncoding.EncodeToString(it.Thread[:]) }
