package activesync_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// talk puts a conversation of three into the inbox and one message of it
// elsewhere, and lets the phone have the inbox. The messages of the inbox are
// 1:1 to 1:3, the newest last.
func talk(t *testing.T, h *house, version string) (p *phone, key string) {
	t.Helper()
	h.deliver(t, 1, letterOf("a", ""), daysAgo(3))
	h.deliver(t, 1, letterOf("b", "a"), daysAgo(2))
	h.deliver(t, 1, letterOf("c", "b"), daysAgo(1))
	h.deliver(t, h.folder(t, mail.RoleJunk), letterOf("d", "c"), daysAgo(1))
	p = newPhone(t, h, "phone", version)
	p.provision()
	p.folderSync()
	doc := p.sync(element(p.sync("0", "1", ""), "SyncKey"), "1", "")
	ids := elements(doc, "ConversationId")
	if len(ids) != 3 || ids[0] != ids[1] || ids[1] != ids[2] {
		t.Fatalf("the conversations are %v", ids)
	}
	return p, element(doc, "SyncKey")
}

// change sends the same command for each of the messages.
func (p *phone) change(key, command string, items ...int) (doc, next string) {
	p.t.Helper()
	var all strings.Builder
	for _, i := range items {
		fmt.Fprintf(&all, command, fmt.Sprintf("1:%d", i))
	}
	doc = p.sync(key, "1", "<Commands>"+all.String()+"</Commands>")
	if status := elements(doc, "Status"); len(status) != 1 || status[0] != "1" {
		p.t.Fatalf("statuses %v in\n%s", status, doc)
	}
	return doc, element(doc, "SyncKey")
}

// states shows of each message in a folder whether it is read, and its flag.
func (h *house) states(t *testing.T, f mail.FolderID) string {
	t.Helper()
	var all []string
	h.update(t, func(tx *store.Tx) error {
		all = nil
		for it, err := range h.mailboxes.Items(tx, h.box, f, 0) {
			if err != nil {
				return err
			}
			all = append(all, fmt.Sprintf("%t %d", it.Flags&mail.FlagSeen != 0, it.FollowUp.Status))
		}
		return nil
	})
	return strings.Join(all, ", ")
}

var conversationVersions = []string{"14.0", "14.1", "16.0", "16.1"}

// MS-ASCON_R157, R158, R199, R200, R201: the messages in the folder go to
// Deleted Items, what comes later does not.
func TestAConversationIsDeleted(t *testing.T) {
	for _, version := range conversationVersions {
		t.Run(version, func(t *testing.T) {
			h := build(t)
			p, key := talk(t, h, version)
			p.change(key, "<Delete><ServerId>%s</ServerId></Delete>", 1, 2, 3)
			h.receive(t, letterOf("e", "c"))
			if got := h.counts(t, mail.RoleInbox, mail.RoleDeletedItems, mail.RoleJunk); got != "1 3 1" {
				t.Errorf("Inbox, Deleted Items and Junk have %s", got)
			}
		})
	}
}

// MS-ASCON_R326, R337, R203, R204, R284: the messages in the folder are marked,
// those elsewhere are not.
func TestAConversationIsMarkedReadAndUnread(t *testing.T) {
	for _, version := range conversationVersions {
		t.Run(version, func(t *testing.T) {
			h := build(t)
			p, key := talk(t, h, version)
			for _, read := range []string{"1", "0"} {
				_, key = p.change(key, `<Change><ServerId>%s</ServerId><ApplicationData><Read xmlns="Email">`+read+`</Read></ApplicationData></Change>`, 1, 2, 3)
				want := map[string]string{"1": "true 0, true 0, true 0", "0": "false 0, false 0, false 0"}[read]
				if got := h.states(t, 1); got != want {
					t.Errorf("the inbox has %s, want %s", got, want)
				}
			}
			if got := h.states(t, h.folder(t, mail.RoleJunk)); got != "false 0" {
				t.Errorf("elsewhere it is %s", got)
			}
		})
	}
}

// MS-ASCON_R324, R325, R162, R206, R207, R208, R209: the newest message is
// flagged; flags are cleared and marked as complete one by one.
func TestAConversationIsFlagged(t *testing.T) {
	active := `<Flag xmlns="Email"><Status>2</Status><FlagType>for Follow Up</FlagType><StartDate xmlns="Tasks">2026-06-01T00:00:00.000Z</StartDate><UtcStartDate xmlns="Tasks">2026-06-01T00:00:00.000Z</UtcStartDate><DueDate xmlns="Tasks">2026-06-02T00:00:00.000Z</DueDate><UtcDueDate xmlns="Tasks">2026-06-02T00:00:00.000Z</UtcDueDate></Flag>`
	complete := `<Flag xmlns="Email"><Status>1</Status><FlagType>for Follow Up</FlagType><CompleteTime>2026-06-02T10:00:00.000Z</CompleteTime><DateCompleted xmlns="Tasks">2026-06-02T10:00:00.000Z</DateCompleted></Flag>`
	clear := `<Flag xmlns="Email"></Flag>`
	command := func(flag string) string {
		return `<Change><ServerId>%s</ServerId><ApplicationData>` + flag + `</ApplicationData></Change>`
	}
	for _, version := range conversationVersions {
		t.Run(version, func(t *testing.T) {
			h := build(t)
			p, key := talk(t, h, version)
			for _, tc := range []struct {
				flag  string
				items []int
				want  string
			}{
				{active, []int{3}, "false 0, false 0, false 2"},
				{complete, []int{3}, "false 0, false 0, false 1"},
				{active, []int{1, 2}, "false 2, false 2, false 1"},
				{clear, []int{1, 2, 3}, "false 0, false 0, false 0"},
			} {
				_, key = p.change(key, command(tc.flag), tc.items...)
				if got := h.states(t, 1); got != tc.want {
					t.Errorf("the inbox has %s, want %s", got, tc.want)
				}
			}
		})
	}
}

// MS-ASCON_R170, R217, R218: the messages in the folder move.
func TestAConversationIsMovedFromAFolder(t *testing.T) {
	for _, version := range conversationVersions {
		t.Run(version, func(t *testing.T) {
			h := build(t)
			p, _ := talk(t, h, version)
			drafts := h.folder(t, mail.RoleDrafts)
			var moves strings.Builder
			for i := range 3 {
				fmt.Fprintf(&moves, "<Move><SrcMsgId>1:%d</SrcMsgId><SrcFldId>1</SrcFldId><DstFldId>%d</DstFldId></Move>", i+1, drafts)
			}
			doc := p.send("MoveItems", `<MoveItems xmlns="Move">`+moves.String()+`</MoveItems>`)
			if got := elements(doc, "Status"); fmt.Sprint(got) != "[3 3 3]" {
				t.Errorf("statuses %v in\n%s", got, doc)
			}
			if got := h.counts(t, mail.RoleInbox, mail.RoleDrafts, mail.RoleJunk); got != "0 3 1" {
				t.Errorf("Inbox, Drafts and Junk have %s", got)
			}
			// They are of the same conversation there.
			conversation := func(collection, key string) []string {
				return elements(p.sync(key, collection, ""), "ConversationId")
			}
			first := element(p.sync("0", fmt.Sprint(drafts), ""), "SyncKey")
			if ids := conversation(fmt.Sprint(drafts), first); len(slices.Compact(ids)) != 1 {
				t.Errorf("the conversations are %v", ids)
			}
		})
	}
}

// MS-ASCON_R192, R194, R304, R86, R87, R88, R90, R91, R92, R95, R259, R305, R306,
// R307: what a user sends has a conversation and an index; an answer and a
// forwarded message have the index of what they follow and one level more.
func TestConversationIndexesGrowByAnswers(t *testing.T) {
	for _, version := range conversationVersions {
		t.Run(version, func(t *testing.T) {
			h := build(t)
			p := newPhone(t, h, "phone", version)
			key := p.ready()
			type shown struct {
				id, item string
				index    []byte
			}
			next := func() shown {
				t.Helper()
				doc := p.sync(key, "1", "")
				index, err := base64.StdEncoding.DecodeString(element(doc, "ConversationIndex"))
				if err != nil || len(elements(doc, "ConversationId")) != 1 {
					t.Fatalf("%v in\n%s", err, doc)
				}
				key = element(doc, "SyncKey")
				return shown{element(doc, "ConversationId"), element(doc, "ServerId"), index}
			}
			mime := "From: anna@example.org\nTo: anna@example.org\nSubject: Lunch\nDate: Mon, 01 Jun 2026 10:00:00 +0000\n\nx\n"
			p.send("SendMail", `<SendMail xmlns="ComposeMail"><ClientId>1</ClientId><Mime encoding="opaque">`+mime+`</Mime></SendMail>`)
			first := next()
			if len(first.index) != 5 || first.id == "" {
				t.Fatalf("the first has %x", first.index)
			}
			last := first
			for i, command := range []string{"SmartReply", "SmartForward", "SmartReply"} {
				p.send(command, fmt.Sprintf(`<%[1]s xmlns="ComposeMail"><ClientId>%[2]d</ClientId><Source><FolderId>1</FolderId><ItemId>%[3]s</ItemId></Source><Mime encoding="opaque">%[4]s</Mime></%[1]s>`,
					command, i+2, last.item, strings.Replace(mime, "Lunch", "Re: Lunch", 1)))
				after := next()
				if after.id != first.id || len(after.index) != len(last.index)+5 || !slices.Equal(after.index[:len(last.index)], last.index) {
					t.Errorf("%s: %s with %x follows %s with %x", command, after.id, after.index, last.id, last.index)
				}
				last = after
			}
		})
	}
}
