package activesync_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/message"
	"martlet/store"
)

// organizer gives the meeting's organizer a mailbox here.
func (h *house) organizer(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	ben, err := h.directory.AddUser(ctx, directory.Account{Login: "ben@example.org", Name: "Ben Birch", ActiveSync: true}, testPassword)
	if err != nil {
		t.Fatal(err)
	}
	h.update(t, func(tx *store.Tx) error { return h.mailboxes.Ensure(tx, mail.MailboxOf(ben.ID)) })
}

// inbox reads the messages in a user's inbox.
func (h *house) inbox(t *testing.T, login string) (all []string) {
	t.Helper()
	account, err := h.directory.AccountByLogin(context.Background(), login)
	if err != nil {
		t.Fatal(err)
	}
	box := mail.MailboxOf(account.ID)
	err = h.store.View(context.Background(), func(tx *store.Tx) error {
		f, err := h.mailboxes.FolderByRole(tx, box, mail.RoleInbox)
		if err != nil {
			return err
		}
		for it, err := range h.mailboxes.Items(tx, box, f.ID, 0) {
			if err != nil {
				return err
			}
			b, err := h.blobs.Read(context.Background(), it.Blob)
			if err != nil {
				return err
			}
			all = append(all, string(b))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const forwardees = `<Forwardees><Forwardee><Name>Dora, D.</Name><Email>dora@example.com</Email></Forwardee><Forwardee><Email>carl@example.com</Email></Forwardee></Forwardees>`

// MS-ASCMD_R64850802, R66250801, R66550801, R68651708: who organizes a meeting
// hears to whom it was sent on, and their phone is told since 16.1
// (R6485100817).
func TestAnOrganizerHearsOfAForward(t *testing.T) {
	local := strings.ReplaceAll(invitation, "ben@example.com", "ben@example.org")
	h := build(t)
	h.organizer(t)
	it := h.deliver(t, 1, local, 0)
	p := newPhone(t, h, "phone", "16.1")
	p.provision()
	forward := func() answer {
		return p.smartXML("SmartForward", `<ClientId>f1</ClientId><Source><FolderId>1</FolderId><ItemId>`+serverID(it)+`</ItemId></Source>`+forwardees)
	}
	if a := forward(); a.status != http.StatusOK || len(a.body) != 0 {
		t.Fatalf("HTTP %d\n%s", a.status, a.xml)
	}
	p.wasSent(forward()) // and no second notice

	got := h.inbox(t, "ben@example.org")
	if len(got) != 1 {
		t.Fatalf("%d messages: %q", len(got), got)
	}
	ix := message.Parse([]byte(got[0]))
	cal, to, ok := ix.ReadForwardNotice(message.Bytes(got[0]))
	if !ok || len(to) != 2 || to[0] != (message.Address{Name: "Dora, D.", Address: "dora@example.com"}) || to[1].Address != "carl@example.com" || !strings.Contains(string(cal), "UID:planning-1@example.com\r\n") {
		t.Errorf("%v %+v\n%s\n%s", ok, to, cal, got[0])
	}
	if ix.Subject != "Meeting Forward Notification: Planning" || ix.From[0].Address != "anna@example.org" || !strings.Contains(got[0], "\r\nAuto-Submitted: auto-generated\r\n") {
		t.Errorf("%s", got[0])
	}
	if text := texts(got[0]); !strings.Contains(text, `"Dora, D." <dora@example.com>`) || !strings.Contains(text, "carl@example.com") || !strings.Contains(text, "Planning") {
		t.Errorf("people read:\n%s", text)
	}
	if n := h.items(t, mail.RoleSent); n != 1 { // the user has sent one message
		t.Errorf("%d messages sent", n)
	}
	for _, version := range allVersions {
		ben := newPhone(t, h, "ben"+strings.ReplaceAll(version, ".", ""), version)
		ben.login = "ben@example.org"
		ben.provision()
		doc := ben.firstSync("")
		if element(doc, "MessageClass") != "IPM.Schedule.Meeting.Notification.Forward" || !strings.Contains(doc, "<MeetingRequest") || element(doc, "StartTime") != "2026-06-10T10:00:00.000Z" {
			t.Errorf("%s:\n%s", version, doc)
		}
		if strings.Contains(doc, "<Forwardees") != (version == "16.1") {
			t.Errorf("%s:\n%s", version, doc)
		}
		if strings.Contains(doc, "winmail.dat") || strings.Contains(doc, "<Attachment") {
			t.Errorf("%s: attachments in\n%s", version, doc)
		}
	}
}

// A meeting is sent on by mail in every version, whole or as one occurrence.
func TestAForwardByMailIsToldInEveryVersion(t *testing.T) {
	local := strings.ReplaceAll(weekly, "ben@example.com", "ben@example.org")
	for _, version := range allVersions {
		h := build(t)
		h.organizer(t)
		it := h.deliver(t, 1, local, 0)
		p := newPhone(t, h, "phone", version)
		p.provision()
		if a := p.smart("SmartForward", "f1", it, mine, ""); a.status != http.StatusOK || len(a.body) != 0 {
			t.Fatalf("%s: HTTP %d\n%s", version, a.status, a.xml)
		}
		got := h.inbox(t, "ben@example.org")
		if len(got) != 1 {
			t.Errorf("%s: %d messages", version, len(got))
			continue
		}
		_, to, ok := message.Parse([]byte(got[0])).ReadForwardNotice(message.Bytes(got[0]))
		if !ok || len(to) != 2 || to[0].Address != "ben@example.com" || to[1].Address != "anna@example.org" {
			t.Errorf("%s: %v %+v", version, ok, to)
		}
	}
}

// What is no news to the organizer, and what is not theirs to know.
func TestNoNoticeOfAForward(t *testing.T) {
	local := strings.ReplaceAll(invitation, "ben@example.com", "ben@example.org")
	const toBen = "From: anna@example.org\r\nTo: Ben <BEN@example.org>\r\nBcc: dora@example.com\r\nSubject: FW: Planning\r\n\r\nSee below.\r\n"
	for _, tt := range []struct {
		name, original, with string
		notices              int // and other mail for the organizer
	}{
		{"by mail", local, opaque(mine), 1},
		{"the original replaced", local, `<ReplaceMime/>` + opaque(mine), 0},
		{"to the organizer, and a blind copy", local, opaque(toBen), 0},
		{"an organizer elsewhere", invitation, forwardees, 0},
		{"the user's own meeting", strings.ReplaceAll(invitation, "mailto:ben@example.com", "mailto:A.Ash@example.org"), forwardees, 0},
		{"no meeting", toAll, opaque(mine), 0},
	} {
		h := build(t)
		h.organizer(t)
		it := h.deliver(t, 1, tt.original, 0)
		p := newPhone(t, h, "phone", "16.1")
		p.provision()
		if a := p.smartXML("SmartForward", `<ClientId>f1</ClientId><Source><FolderId>1</FolderId><ItemId>`+serverID(it)+`</ItemId></Source>`+tt.with); a.status != http.StatusOK || len(a.body) != 0 {
			t.Fatalf("%s: HTTP %d\n%s", tt.name, a.status, a.xml)
		}
		notices := 0
		for _, raw := range h.inbox(t, "ben@example.org") {
			if _, _, ok := message.Parse([]byte(raw)).ReadForwardNotice(message.Bytes(raw)); ok {
				notices++
			}
		}
		if notices != tt.notices {
			t.Errorf("%s: %d notices", tt.name, notices)
		}
	}
}
