package acceptance

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"martlet/internal/phone"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// draftOf is what a phone writes into a draft.
func draftOf(t *testing.T, d eas.Draft) wbxml.Raw {
	t.Helper()
	raw, err := wbxml.MarshalRaw(&d)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// A draft goes from one phone to another and out, each file once and the message
// once, although the server dies whenever it has done what it was asked for and
// the phone asks again.
func TestADraftIsWrittenAndSentOnceOverCrashes(t *testing.T) {
	h := newHouse(t, "")
	h.Run("secret\n", "user", "add", "wren@acceptance.example", "--password-stdin")
	var dies atomic.Bool
	p := h.newPhone("WRITER", func(c *phone.Config) {
		c.Fate = func(command string) phone.Fate {
			if command == "Sync" && dies.Swap(false) {
				return phone.AnswerLost
			}
			return phone.Delivered
		}
	})
	h.settle(p)
	drafts := h.folder(p, eas.FolderDrafts)
	h.sync(p, drafts, phone.SyncOptions{})
	// insist sends a command, loses the answer, crashes the server and sends it again.
	insist := func(command eas.SyncCommand) *phone.SyncResult {
		t.Helper()
		dies.Store(true)
		opt := phone.SyncOptions{Commands: []eas.SyncCommand{command}}
		if _, err := p.Sync(t.Context(), drafts, opt); !errors.Is(err, phone.ErrLost) {
			t.Fatalf("the answer was to be lost: %v", err)
		}
		h.server.Kill()
		h.start()
		got, err := p.Sync(t.Context(), drafts, opt)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}

	to, subject, html := "wren@acceptance.example; "+robin, "Größe", uint8(eas.BodyHTML)
	add := insist(eas.SyncCommand{Add: &eas.SyncAdd{ClientID: "draft-1", ApplicationData: draftOf(t, eas.Draft{
		To: &to, Subject: &subject, Body: &eas.DraftBody{Type: &html, Data: []byte("<p>first</p>")},
		Attachments: []eas.AttachmentItem{
			{Add: &eas.AttachmentAdd{ClientID: "a", Method: 1, DisplayName: "ä.txt", Content: []byte("one")}},
			{Add: &eas.AttachmentAdd{ClientID: "b", Method: 1, DisplayName: "b.txt", Content: []byte("two")}},
		},
	})}})
	if len(add.Replies) != 1 || add.Replies[0].Add == nil || add.Replies[0].Add.Status != eas.SyncStatusSuccess {
		t.Fatalf("the draft is answered %+v", add.Replies)
	}
	id := add.Replies[0].Add.ServerID

	tablet, _ := h.settled("TABLET", eas.V161)
	seen := h.sync(tablet, drafts, phone.SyncOptions{}).Added
	if len(seen) != 1 || len(files(seen[0].Email)) != 2 {
		t.Fatalf("the tablet sees %d drafts: %+v", len(seen), seen)
	}
	insist(eas.SyncCommand{Change: &eas.SyncChange{ServerID: id, ApplicationData: draftOf(t, eas.Draft{
		To: &to, Subject: &subject, Body: &eas.DraftBody{Type: &html, Data: []byte("<p>second</p>")},
		Attachments: []eas.AttachmentItem{
			{Delete: &eas.AttachmentDelete{FileReference: files(seen[0].Email)["ä.txt"]}},
			{Add: &eas.AttachmentAdd{ClientID: "c", Method: 1, DisplayName: "c.txt", Content: []byte("three")}},
		},
	})}})
	seen = h.sync(tablet, drafts, phone.SyncOptions{}).Changed
	if len(seen) != 1 || len(files(seen[0].Email)) != 2 || files(seen[0].Email)["c.txt"] == "" {
		t.Fatalf("after the change the tablet sees %+v", seen)
	}
	insist(eas.SyncCommand{Change: &eas.SyncChange{ServerID: id, Send: true}})

	if got := h.sync(tablet, drafts, phone.SyncOptions{}).Deleted; len(got) != 1 {
		t.Errorf("of the sent draft the tablet is told %v", got)
	}
	wren := h.newPhone("WREN", func(c *phone.Config) { c.User, c.Password = "wren@acceptance.example", "secret" })
	for _, place := range []struct {
		p      *phone.Phone
		folder string
	}{{tablet, h.folder(tablet, eas.FolderInbox)}, {tablet, h.folder(tablet, eas.FolderSentItems)}, {wren, h.settle(wren)}} {
		got := h.sync(place.p, place.folder, phone.SyncOptions{}).Added
		if len(got) != 1 || *got[0].Email.Subject != subject || !strings.Contains(*got[0].Email.Body.Data, "second") {
			t.Fatalf("folder %s holds %d messages, want the one that was sent: %+v", place.folder, len(got), got)
		}
		for name, text := range map[string]string{"b.txt": "two", "c.txt": "three"} {
			a, err := place.p.FetchAttachment(t.Context(), files(got[0].Email)[name], phone.FetchOptions{})
			if err != nil || string(a.Data) != text {
				t.Errorf("%s of the message in folder %s: %+v, %v", name, place.folder, a, err)
			}
		}
	}
	h.fsck()
}
