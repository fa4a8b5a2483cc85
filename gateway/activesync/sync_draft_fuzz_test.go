package activesync_test

import (
	"net/http"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/store"
)

// FuzzDraftsAtTheDoor lets a phone that has synced Drafts and Sent Items add,
// change and send whatever it likes, each request twice as if the answer had
// been lost. Nothing may panic, a repeated request changes nothing, every
// request is answered, and what is kept can be fetched.
func FuzzDraftsAtTheDoor(f *testing.F) {
	h := build(f)
	newPhone(f, h, "fuzz", "16.1").provision()
	p := newDrafter(f, h, "fuzz", "16.1")
	f.Add("anna@example.org", "subject", "text", []byte("content"), "file.txt", "2:1:2", uint8(1), []byte(nil))
	f.Add("", "", "", []byte(nil), "", "", uint8(2), []byte("To: anna@example.org\n\nx"))
	f.Add("\"Ä\" <anna@example.org>; bob@example.net", "=?", "<p>", []byte{0}, "../x", "2:1:1503274146", uint8(4|64), []byte("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b--"))
	f.Add("+49 30 1234", "", "sms", []byte(nil), "", "", uint8(8), []byte(nil))
	f.Fuzz(func(t *testing.T, to, subject, text string, content []byte, name, reference string, kind uint8, whole []byte) {
		one := *p
		ph := *p.phone
		ph.t, one.phone = t, &ph
		one.restart()
		id := element(one.do(addDraft("first", `<Subject xmlns="Email">a</Subject>`+attachments(attach("f", "f", "x")))), "ServerId")
		body := &eas.DraftBody{Type: ptr(kind%5 + 1), Data: []byte(text)}
		if len(whole) > 0 {
			body = &eas.DraftBody{Type: ptr(eas.BodyMIME), Data: whole}
		}
		data, err := wbxml.MarshalRaw(&eas.Draft{To: &to, Subject: &subject, Body: body, Importance: ptr(kind % 3), Attachments: []eas.AttachmentItem{
			{Add: &eas.AttachmentAdd{ClientID: "f", DisplayName: name, Content: content, Method: kind % 6, IsInline: kind&16 != 0, ContentID: name}},
			{Delete: &eas.AttachmentDelete{FileReference: reference}},
		}})
		if err != nil {
			return
		}
		var cmd eas.SyncCommand
		switch {
		case kind&8 != 0:
			cmd.Add = &eas.SyncAdd{Class: "SMS", ClientID: "c", ApplicationData: data}
		case kind&4 != 0:
			cmd.Change = &eas.SyncChange{ServerID: id, Send: kind&64 != 0, ApplicationData: data}
		default:
			cmd.Add = &eas.SyncAdd{ClientID: "c", Send: kind&64 != 0, ApplicationData: data}
		}
		count := func() int {
			return len(h.contents(t, mail.RoleDrafts)) + len(h.contents(t, mail.RoleSent)) + len(h.contents(t, mail.RoleInbox))
		}
		before := count()
		var first int
		for i := range 2 {
			request, err := wbxml.Marshal(&eas.Sync{Collections: []eas.SyncCollection{{SyncKey: one.key, CollectionID: "2", Commands: []eas.SyncCommand{cmd}}}})
			if err != nil {
				return
			}
			a := ph.post("Sync", "application/vnd.ms-sync.wbxml", request)
			if a.status != http.StatusOK || h.server.Panics() > 0 || strings.Contains(a.xml, "<!--") {
				t.Fatalf("HTTP %d\n%s\n%s", a.status, a.xml, h.log)
			}
			if i == 0 {
				first = count()
			} else if again := count(); again != first {
				t.Errorf("%d messages, after the first request %d, after the second %d", before, first, again)
			}
		}
		for _, role := range []mail.Role{mail.RoleDrafts, mail.RoleSent, mail.RoleInbox} {
			for _, w := range h.contents(t, role) {
				if strings.ContainsAny(strings.ReplaceAll(w.raw, "\r\n", ""), "\r\n") {
					t.Errorf("a line end stands alone in %q", w.raw)
				}
				h.update(t, func(tx *store.Tx) error {
					_, err := h.mailboxes.Delete(tx, h.box, w.Folder, w.ID)
					return err
				})
			}
		}
	})
}

func ptr[T any](v T) *T { return &v }
