package activesync_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// letterOf is a message of a conversation.
func letterOf(id, parent string) string {
	raw := "From: b@example.net\nTo: anna@example.org\nSubject: " + id + "\nMessage-ID: <" + id + "@example.net>\n"
	if parent != "" {
		raw += "In-Reply-To: <" + parent + "@example.net>\n"
	}
	return crlf(raw + "\nText.\n")
}

// receive lets a message come as SMTP does.
func (h *house) receive(t *testing.T, raw string) {
	t.Helper()
	env := mail.Envelope{From: "b@example.net", To: []mail.Recipient{{Address: testLogin, Local: true, Accounts: []directory.AccountID{h.account.ID}}}}
	if err := h.router.Deliver(context.Background(), env, []byte(raw)); err != nil {
		t.Fatal(err)
	}
}

// counts are how many messages are in the folders of the roles.
func (h *house) counts(t *testing.T, roles ...mail.Role) string {
	t.Helper()
	var all []string
	for _, role := range roles {
		all = append(all, fmt.Sprint(h.items(t, role)))
	}
	return strings.Join(all, " ")
}

// conversation is the ConversationId that Sync shows of the inbox's first item.
func (p *phone) conversation(key string) (id, next string) {
	p.t.Helper()
	doc := p.sync(key, "1", "")
	return element(doc, "ConversationId"), element(doc, "SyncKey")
}

func moveRequest(id, dst, options string) string {
	return `<ItemOperations xmlns="ItemOperations"><Move><ConversationId encoding="base64">` + id + `</ConversationId><DstFldId>` + dst + `</DstFldId>` + options + `</Move></ItemOperations>`
}

const always = `<Options><MoveAlways/></Options>`

// MS-ASCON_R130, R166, R172, R213, R215: all messages but those in Sent Items
// move, and those that come later are delivered to the folder; MS-ASCON_R214,
// R216: the answer has the status and the conversation.
func TestAConversationMovesWithAllThatComes(t *testing.T) {
	for _, version := range []string{"14.0", "14.1", "16.0", "16.1"} {
		t.Run(version, func(t *testing.T) {
			h := build(t)
			sent, junk, bin := h.folder(t, mail.RoleSent), h.folder(t, mail.RoleJunk), h.folder(t, mail.RoleDeletedItems)
			p := newPhone(t, h, "phone", version)
			key := p.ready()
			h.receive(t, letterOf("a", ""))
			h.deliver(t, sent, letterOf("b", "a"), 0)
			h.deliver(t, junk, letterOf("c", "b"), 0)
			id, key := p.conversation(key)
			doc := p.send("ItemOperations", moveRequest(id, fmt.Sprint(bin), always))
			if got := elements(doc, "Status"); fmt.Sprint(got) != "[1 1]" || element(doc, "ConversationId") != id {
				t.Fatalf("statuses %v in\n%s", got, doc)
			}
			h.receive(t, letterOf("d", "c"))
			h.receive(t, letterOf("e", ""))
			roles := []mail.Role{mail.RoleInbox, mail.RoleSent, mail.RoleJunk, mail.RoleDeletedItems}
			if got := h.counts(t, roles...); got != "1 1 0 3" {
				t.Errorf("Inbox, Sent Items, Junk and Deleted Items have %s", got)
			}
			// The phone hears of it by Sync.
			doc = p.sync(key, "1", "")
			if !strings.Contains(doc, "<Delete>") || fmt.Sprint(subjects(doc)) != "[e]" {
				t.Errorf("Sync brings\n%s", doc)
			}
			// The user wants it back.
			p.send("ItemOperations", moveRequest(id, "1", always))
			h.receive(t, letterOf("f", "d"))
			if got := h.counts(t, roles...); got != "5 1 0 0" {
				t.Errorf("afterwards they have %s", got)
			}
		})
	}
}

// MS-ASCON 2.2.2.10 and MS-ASCMD_R3475.
func TestWrongMovesOfConversations(t *testing.T) {
	h := build(t)
	calendar := h.folder(t, mail.RoleCalendar)
	for _, version := range []string{"14.0", "14.1", "16.0", "16.1"} {
		p := newPhone(t, h, "v"+version, version)
		key := p.ready()
		h.deliver(t, 1, letterOf("a"+version, ""), 0)
		id, _ := p.conversation(key)
		other := "AAAAAAAAAAAAAAAAAAAAAA=="
		for _, tc := range []struct{ name, id, dst, options, want string }{
			{"not always (MS-ASCMD_R3475)", id, "4", "", "155"},
			{"options without MoveAlways (MS-ASCMD_R3475)", id, "4", "<Options></Options>", "155"},
			{"no such conversation (MS-ASCON_R146)", other, "4", always, "6"},
			{"no id of ours (MS-ASCON_R146)", "AAAA", "4", always, "6"},
			{"no such folder (MS-ASCON_R317)", id, "77", always, "6"},
			{"no id of a folder (MS-ASCON_R317)", id, "x", always, "6"},
			{"the recipient information (MS-ASCON_R262)", id, "RI", always, "105"},
			{"a folder of another class (MS-ASCON_R338)", id, fmt.Sprint(calendar), always, "156"},
			{"no folder (MS-ASCON_R144)", id, "", always, "2"},
			{"no conversation (MS-ASCON_R144)", "", "4", always, "2"},
		} {
			doc := p.send("ItemOperations", moveRequest(tc.id, tc.dst, tc.options))
			if got := elements(doc, "Status"); fmt.Sprint(got) != "[1 "+tc.want+"]" {
				t.Errorf("%s, %s: statuses %v, want %s in\n%s", version, tc.name, got, tc.want, doc)
			}
		}
	}
	if n := h.items(t, mail.RoleInbox); n != 4 {
		t.Errorf("%d messages are left in the inbox", n)
	}
	// MS-ASCMD_R6842: not before 14.0.
	p := newPhone(t, h, "old", "12.1")
	p.provision()
	if doc := p.send("ItemOperations", moveRequest("AAAAAAAAAAAAAAAAAAAAAA==", "4", always)); element(doc, "Status") != "2" {
		t.Errorf("at 12.1:\n%s", doc)
	}
}

// A conversation may be longer than one transaction moves.
func TestALongConversationMovesWhole(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "phone", "16.1")
	key := p.ready()
	h.deliver(t, 1, letterOf("a", ""), 0)
	id, _ := p.conversation(key)
	for i := range 230 {
		h.deliver(t, 1, letterOf(fmt.Sprint("r", i), "a"), 0)
	}
	doc := p.send("ItemOperations", moveRequest(id, fmt.Sprint(h.folder(t, mail.RoleDeletedItems)), always))
	if got := h.counts(t, mail.RoleInbox, mail.RoleDeletedItems); got != "0 231" {
		t.Errorf("Inbox and Deleted Items have %s after\n%s", got, doc)
	}
}

// A folder that is gone takes nothing any more.
func TestMailOfAConversationComesAfterItsFolderWent(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "phone", "16.1")
	key := p.ready()
	h.receive(t, letterOf("a", ""))
	id, _ := p.conversation(key)
	var f mail.Folder
	h.update(t, func(tx *store.Tx) (err error) {
		f, err = h.mailboxes.CreateFolder(tx, h.box, 0, "project", mail.ClassEmail)
		return err
	})
	p.send("ItemOperations", moveRequest(id, fmt.Sprint(f.ID), always))
	h.update(t, func(tx *store.Tx) error { return h.mailboxes.DeleteFolder(tx, h.box, f.ID) })
	h.receive(t, letterOf("b", "a"))
	if n := h.items(t, mail.RoleInbox); n != 1 {
		t.Errorf("%d messages in the inbox", n)
	}
}
