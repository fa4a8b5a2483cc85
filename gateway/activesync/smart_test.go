package activesync_test

import (
	"context"
	"encoding/base64"
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/store"
)

// toAll is a message to several people, with an attachment and a picture that
// its text shows.
var toAll = crlf(`From: Ben Birch <ben@example.com>
To: Anna Ash <anna@example.org>, carl@example.com
Cc: dora@example.com
Subject: Lunch
Date: Mon, 01 Jun 2026 10:00:00 +0000
Message-ID: <lunch@example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/related; boundary=r

--r
Content-Type: text/html; charset=utf-8

<html><body><p>At noon? <img src="cid:map"></p></body></html>
--r
Content-Type: image/png
Content-ID: <map>
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--r--
--m
Content-Type: application/pdf; name=menu.pdf
Content-Disposition: attachment; filename=menu.pdf
Content-Transfer-Encoding: base64

JVBERi0=
--m--
`)

// mine is what the user writes; anna gets it, too.
const mine = "From: anna@example.org\r\nTo: ben@example.com, anna@example.org\r\nSubject: RE: Lunch\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nMine: gern\r\n"

// smart sends a SmartReply or SmartForward of an item in the way of the
// phone's version; extra stands in the request since 14.0.
func (p *phone) smart(cmd, clientID string, it mail.Item, mime, extra string) answer {
	p.t.Helper()
	folder, item := strconv.Itoa(int(it.Folder)), serverID(it)
	if slices.Contains(allVersions[:3], p.version) {
		return p.post(cmd, "message/rfc822", []byte(mime), "CollectionId", folder, "ItemId", item, "SaveInSent", "T")
	}
	return p.smartXML(cmd, `<ClientId>`+clientID+`</ClientId><Source><FolderId>`+folder+`</FolderId><ItemId>`+item+`</ItemId></Source><SaveInSentItems/>`+extra+opaque(mime))
}

// smartXML sends the command with these children.
func (p *phone) smartXML(cmd, children string) answer {
	p.t.Helper()
	body, err := fromXML(`<` + cmd + ` xmlns="ComposeMail">` + children + `</` + cmd + `>`)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.post(cmd, "application/vnd.ms-sync.wbxml", body)
}

// wasSent wants the answer to a message that was sent before (MS-ASCMD_R4848).
func (p *phone) wasSent(a answer) {
	p.t.Helper()
	want := "118"
	if slices.Contains(allVersions[:3], p.version) {
		want = ""
	}
	if got := element(a.xml, "Status"); a.status != http.StatusOK || got != want || want == "" && len(a.body) != 0 {
		p.t.Errorf("%s: HTTP %d, status %q, want %q", p.version, a.status, got, want)
	}
}

func opaque(mime string) string {
	return `<Mime encoding="base64">` + base64.StdEncoding.EncodeToString([]byte(mime)) + `</Mime>`
}

func serverID(it mail.Item) string {
	return strconv.Itoa(int(it.Folder)) + ":" + strconv.Itoa(int(it.ID))
}

// last is the newest item of a folder with its bytes.
func (h *house) last(t testing.TB, role mail.Role) (it mail.Item, raw string) {
	t.Helper()
	f := h.folder(t, role)
	err := h.store.View(context.Background(), func(tx *store.Tx) error {
		for item, err := range h.mailboxes.Items(tx, h.box, f, 0) {
			if err != nil {
				return err
			}
			it = item
		}
		return nil
	})
	if err != nil || it.ID == 0 {
		t.Fatalf("no item in the folder: %v", err)
	}
	b, err := h.blobs.Read(context.Background(), it.Blob)
	if err != nil {
		t.Fatal(err)
	}
	return it, string(b)
}

// item reads an item again.
func (h *house) item(t testing.TB, it mail.Item) mail.Item {
	t.Helper()
	var now mail.Item
	err := h.store.View(context.Background(), func(tx *store.Tx) (err error) {
		now, err = h.mailboxes.Item(tx, h.box, it.Folder, it.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// texts are all texts of a message.
func texts(raw string) string {
	ix := message.Parse([]byte(raw))
	var b strings.Builder
	for i := range ix.Parts {
		if strings.HasPrefix(ix.Parts[i].Type, "text/") {
			text, _, _, _ := ix.ReadText(i, message.Bytes(raw), -1)
			b.WriteString(html.UnescapeString(text) + "\n")
		}
	}
	return b.String()
}

var allVersions = []string{"2.5", "12.0", "12.1", "14.0", "14.1", "16.0", "16.1"}

func TestASmartReplyQuotesTheOriginal(t *testing.T) {
	for _, version := range allVersions {
		t.Run(version, func(t *testing.T) {
			h := build(t)
			it := h.deliver(t, 1, toAll, 0)
			p := newPhone(t, h, "phone", version)
			p.provision()
			if a := p.smart("SmartReply", "c1", it, mine, ""); a.status != http.StatusOK || len(a.body) != 0 {
				t.Fatalf("HTTP %d\n%s", a.status, a.xml) // MS-ASCMD_R605
			}
			p.wasSent(p.smart("SmartReply", "c1", it, mine, ""))
			if n := h.items(t, mail.RoleInbox); n != 2 {
				t.Errorf("%d messages in the inbox, want the original and one reply", n)
			}
			_, sent := h.last(t, mail.RoleSent)
			_, got := h.last(t, mail.RoleInbox)
			for _, raw := range []string{sent, got} {
				text := texts(raw)
				for _, want := range []string{"Mine: gern", "At noon?", "From: Ben Birch <ben@example.com>", "Cc: dora@example.com"} {
					if !strings.Contains(text, want) {
						t.Errorf("%q is missing in\n%s", want, text)
					}
				}
				ix := message.Parse([]byte(raw))
				if ix.InReplyTo != "lunch@example.com" || len(ix.References) != 1 || ix.ThreadTopic != "Lunch" || len(ix.ThreadIndex) != 27 {
					t.Errorf("not in the conversation: %q %q %q %x", ix.InReplyTo, ix.References, ix.ThreadTopic, ix.ThreadIndex)
				}
				if strings.Contains(raw, "menu.pdf") || !strings.Contains(raw, "<map>") {
					t.Errorf("a reply has the pictures of the text and no files:\n%s", raw)
				}
			}
			if it = h.item(t, it); it.LastVerb != 1 || it.Flags&mail.FlagAnswered == 0 || it.VerbTime.IsZero() {
				t.Errorf("the original tells verb %d, flags %b", it.LastVerb, it.Flags)
			}
		})
	}
}

func TestASmartForwardKeepsTheAttachments(t *testing.T) {
	for _, version := range allVersions {
		t.Run(version, func(t *testing.T) {
			h := build(t)
			it := h.deliver(t, 1, toAll, 0)
			p := newPhone(t, h, "phone", version)
			p.provision()
			if a := p.smart("SmartForward", "c1", it, mine, ""); a.status != http.StatusOK || len(a.body) != 0 {
				t.Fatalf("HTTP %d\n%s", a.status, a.xml) // MS-ASCMD_R568
			}
			p.wasSent(p.smart("SmartForward", "c1", it, mine, ""))
			if n := h.items(t, mail.RoleSent); n != 1 {
				t.Errorf("sent %d times", n)
			}
			_, raw := h.last(t, mail.RoleSent)
			if !strings.Contains(raw, "menu.pdf") || !strings.Contains(raw, "JVBERi0=") || !strings.Contains(raw, "<map>") || !strings.Contains(texts(raw), "At noon?") {
				t.Errorf("not whole:\n%s", raw)
			}
			if it = h.item(t, it); it.LastVerb != 3 || it.Flags&mail.FlagForwarded == 0 {
				t.Errorf("the original tells verb %d, flags %b", it.LastVerb, it.Flags)
			}
		})
	}
}

// MS-ASCMD_R3775: with ReplaceMime neither the body nor the attachments of the
// original are added.
func TestReplaceMimeAddsNothingOfTheOriginal(t *testing.T) {
	h := build(t)
	it := h.deliver(t, 1, toAll, 0)
	p := newPhone(t, h, "phone", "14.1")
	p.provision()
	for i, cmd := range []string{"SmartReply", "SmartForward"} {
		if a := p.smart(cmd, "c"+strconv.Itoa(i), it, mine, "<ReplaceMime/>"); a.status != http.StatusOK || len(a.body) != 0 {
			t.Fatalf("%s: HTTP %d\n%s", cmd, a.status, a.xml)
		}
		_, raw := h.last(t, mail.RoleSent)
		if strings.Contains(texts(raw), "At noon?") || strings.Contains(raw, "menu.pdf") {
			t.Errorf("%s:\n%s", cmd, raw)
		}
		if ix := message.Parse([]byte(raw)); ix.InReplyTo != "lunch@example.com" {
			t.Errorf("%s: in reply to %q", cmd, ix.InReplyTo)
		}
	}
}

func TestAReplyToOthersIsOneToAll(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "phone", "16.1")
	p.provision()
	own := strings.Replace(toAll, "From: Ben Birch <ben@example.com>", "From: anna@example.org", 1)
	for i, c := range []struct {
		original, to string
		verb         uint8
	}{
		{toAll, "ben@example.com", 1},
		{toAll, "ben@example.com, a.ash@example.org", 1},
		{toAll, "ben@example.com, somebody@example.com", 1},
		{toAll, "ben@example.com, Carl <CARL@example.com>", 2},
		{toAll, "dora@example.com", 2},
		{own, "carl@example.com", 1},
		{own, "carl@example.com, dora@example.com", 2},
	} {
		it := h.deliver(t, 1, c.original, 0)
		mime := strings.Replace(mine, "ben@example.com, anna@example.org", c.to, 1)
		if a := p.smart("SmartReply", "c"+strconv.Itoa(i), it, mime, ""); a.status != http.StatusOK || len(a.body) != 0 {
			t.Fatalf("%s: HTTP %d\n%s", c.to, a.status, a.xml)
		}
		if got := h.item(t, it).LastVerb; got != c.verb {
			t.Errorf("to %s: verb %d, want %d", c.to, got, c.verb)
		}
	}
}

func TestTheOriginalIsFoundByItsLongID(t *testing.T) {
	h := build(t)
	it := h.deliver(t, 1, toAll, 0)
	long := serverID(it) + ":" + strconv.FormatUint(it.Object, 10)
	for _, version := range []string{"12.1", "14.1", "16.1"} {
		p := newPhone(t, h, "phone"+version[:2], version)
		p.provision()
		var a answer
		if version == "12.1" {
			a = p.post("SmartReply", "message/rfc822", []byte(mine), "LongId", long)
		} else {
			a = p.smartXML("SmartReply", `<ClientId>c1</ClientId><Source><LongId>`+long+`</LongId></Source>`+opaque(mine))
		}
		if a.status != http.StatusOK || len(a.body) != 0 {
			t.Fatalf("%s: HTTP %d\n%s", version, a.status, a.xml)
		}
		if _, raw := h.last(t, mail.RoleInbox); !strings.Contains(texts(raw), "At noon?") {
			t.Errorf("%s:\n%s", version, raw)
		}
	}
	// Moved meanwhile, it is the same message.
	h.update(t, func(tx *store.Tx) error {
		moved, err := h.mailboxes.Move(tx, h.box, it.Folder, it.ID, h.folder(t, mail.RoleJunk))
		it = moved
		return err
	})
	p := newPhone(t, h, "phone16", "16.1")
	p.provision()
	if a := p.smartXML("SmartForward", `<ClientId>c2</ClientId><Source><LongId>`+long+`</LongId></Source>`+opaque(mine)); a.status != http.StatusOK || len(a.body) != 0 {
		t.Fatalf("HTTP %d\n%s", a.status, a.xml)
	}
	if got := h.item(t, it).LastVerb; got != 3 {
		t.Errorf("verb %d", got)
	}
}

// A phone that did not get its answer repeats; the original may be gone by then.
func TestARepeatedReplyToWhatWasDeletedWasSent(t *testing.T) {
	h := build(t)
	it := h.deliver(t, 1, toAll, 0)
	for _, version := range []string{"12.1", "16.1"} {
		it = h.deliver(t, 1, toAll, 0)
		p := newPhone(t, h, "phone"+version[:2], version)
		p.provision()
		p.smart("SmartReply", "c1", it, mine, "")
		h.update(t, func(tx *store.Tx) error {
			_, err := h.mailboxes.Delete(tx, h.box, it.Folder, it.ID)
			return err
		})
		p.wasSent(p.smart("SmartReply", "c1", it, mine, ""))
	}
	if n := h.items(t, mail.RoleSent); n != 2 {
		t.Errorf("%d replies", n)
	}
}
