package activesync_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/store"
)

// written is a draft as it is kept.
type written struct {
	mail.Item
	raw string
	ix  *message.Index
}

// contents reads all messages of a folder, oldest first.
func (h *house) contents(t testing.TB, role mail.Role) (all []written) {
	t.Helper()
	folder := h.folder(t, role)
	err := h.store.View(context.Background(), func(tx *store.Tx) error {
		all = all[:0]
		for it, err := range h.mailboxes.Items(tx, h.box, folder, 0) {
			if err != nil {
				return err
			}
			all = append(all, written{Item: it})
		}
		return nil
	})
	for i := range all {
		var raw []byte
		if err == nil {
			raw, err = h.blobs.Read(context.Background(), all[i].Blob)
		}
		all[i].raw, all[i].ix = string(raw), message.Parse(raw)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// files are the names of a draft's attachments.
func (w *written) files() (names []string) {
	for _, i := range w.ix.Attachments() {
		names = append(names, w.ix.AttachmentName(i))
	}
	return names
}

// drafter is a phone that has synced the Drafts folder.
type drafter struct {
	*phone
	key string
}

func newDrafter(t testing.TB, h *house, device, version string) *drafter {
	t.Helper()
	d := &drafter{phone: newPhone(t, h, device, version)}
	d.provision()
	d.restart()
	return d
}

// restart begins a new state, as a phone does that has lost its own.
func (d *drafter) restart() {
	d.t.Helper()
	d.key = element(d.sync("0", "2", ""), "SyncKey")
}

// do sends commands and goes on with the answer's key.
func (d *drafter) do(commands string) string {
	d.t.Helper()
	doc := d.again(commands)
	d.key = element(doc, "SyncKey")
	return doc
}

// again sends commands whose answer gets lost.
func (d *drafter) again(commands string) string {
	d.t.Helper()
	return d.sync(d.key, "2", "<Commands>"+commands+"</Commands>")
}

func addDraft(id, data string) string {
	return `<Add><ClientId>` + id + `</ClientId><ApplicationData>` + data + `</ApplicationData></Add>`
}

func changeDraft(id, data string) string {
	return `<Change><ServerId>` + id + `</ServerId><ApplicationData>` + data + `</ApplicationData></Change>`
}

func sendDraft(id, data string) string {
	return `<Change><ServerId>` + id + `</ServerId><Send xmlns="Email2"/><ApplicationData>` + data + `</ApplicationData></Change>`
}

func mimeBody(raw string) string {
	return `<Body xmlns="AirSyncBase"><Type>4</Type><Data encoding="base64">` + base64.StdEncoding.EncodeToString([]byte(raw)) + `</Data></Body>`
}

func attach(id, name, content string) string {
	return `<Add><ClientId>` + id + `</ClientId><Content encoding="base64">` + base64.StdEncoding.EncodeToString([]byte(content)) + `</Content><DisplayName>` + name + `</DisplayName><Method>1</Method></Add>`
}

func attachments(s string) string { return `<Attachments xmlns="AirSyncBase">` + s + `</Attachments>` }

// Nine and iOS write drafts as MIME, with whatever line ends.
func TestADraftAsMIMEIsTakenAsItIs(t *testing.T) {
	h := build(t)
	d := newDrafter(t, h, "nine", "16.1")
	id := element(d.do(addDraft("1", mimeBody("Subject: first\nTo: bob@example.net\r\nBcc: eve@example.net\n\r\none\ntwo\rthree")+attachments(attach("f", "a.txt", "file")))), "ServerId")
	if id != "2:1" {
		t.Fatalf("ServerId %q", id)
	}
	got := h.contents(t, mail.RoleDrafts)[0]
	if strings.ContainsAny(strings.ReplaceAll(got.raw, "\r\n", ""), "\r\n") || !strings.Contains(got.raw, "one\r\ntwo\r\nthree") {
		t.Errorf("kept as %q", got.raw)
	}
	if got.ix.Subject != "first" || got.ix.From[0].Address != testLogin || !slices.Equal(got.files(), []string{"a.txt"}) || got.Flags != mail.FlagDraft|mail.FlagSeen {
		t.Errorf("%+v, files %v, flags %v", got.ix, got.files(), got.Flags)
	}
	first := got.ix.MessageID
	d.do(changeDraft(id, mimeBody("Subject: second\nTo: bob@example.net\n\nnew")))
	got = h.contents(t, mail.RoleDrafts)[0]
	if got.ix.Subject != "second" || got.ix.MessageID != first || len(got.ix.Bcc) != 0 || !slices.Equal(got.files(), []string{"a.txt"}) {
		t.Errorf("after the change: %+v, files %v", got.ix, got.files())
	}
	doc := d.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><CollectionId xmlns="AirSync">2</CollectionId><ServerId xmlns="AirSync">2:1</ServerId></Fetch></ItemOperations>`)
	if element(doc, "IsDraft") != "1" {
		t.Errorf("fetched:\n%s", doc)
	}
}

// MS-ASCMD_R879: what a change leaves out is gone, but for what stays when only
// attachments, flags or the text are changed (R873, R878).
func TestAChangeOfADraftDropsTheFieldsThatItLeavesOut(t *testing.T) {
	h := build(t)
	d := newDrafter(t, h, "phone", "16.0")
	all := `<To xmlns="Email">a@example.net</To><Cc xmlns="Email">c@example.net</Cc><Bcc xmlns="Email2">b@example.net</Bcc><Subject xmlns="Email">s</Subject>`
	id := element(d.do(addDraft("1", all+`<Body xmlns="AirSyncBase"><Type>1</Type><Data>x</Data></Body>`)), "ServerId")
	fields := func() string {
		ix := h.contents(t, mail.RoleDrafts)[0].ix
		return fmt.Sprintln(len(ix.To), len(ix.Cc), len(ix.Bcc), ix.Subject)
	}
	for _, c := range []struct{ change, want string }{
		{`<Read xmlns="Email">0</Read>`, "1 1 1 s"},
		{`<Body xmlns="AirSyncBase"><Type>1</Type><Data>y</Data></Body>`, "1 1 1 s"},
		{attachments(attach("f", "f", "x")), "1 1 1 s"},
		{`<To xmlns="Email">a@example.net</To><Cc xmlns="Email">c@example.net</Cc><Subject xmlns="Email">t</Subject>`, "1 1 0 t"},
		{`<To xmlns="Email">a@example.net</To>`, "1 0 0 "},
	} {
		d.do(changeDraft(id, c.change))
		if got := fields(); got != c.want+"\n" {
			t.Errorf("%s: %s, want %s", c.change, got, c.want)
		}
	}
	if got := h.contents(t, mail.RoleDrafts)[0]; !slices.Equal(got.files(), []string{"f"}) || !strings.Contains(got.raw, "\r\n\r\ny") || got.Flags&mail.FlagSeen != 0 {
		t.Errorf("%q", got.raw)
	}
}

// The references of a draft that another program has written stay, too
// (MS-ASAIRS_R1374).
func TestFileReferencesOutliveTheirNeighbours(t *testing.T) {
	h := build(t)
	raw := "Subject: a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n"
	for _, name := range []string{"one", "two", "two", "three"} {
		raw += "--b\nContent-Disposition: attachment; filename=" + name + "\n\n" + name + "\n"
	}
	it := h.deliver(t, h.folder(t, mail.RoleDrafts), crlf(raw+"--b--\n"), 0)
	h.update(t, func(tx *store.Tx) error {
		_, err := h.mailboxes.UpdateItem(tx, h.box, it.Folder, it.ID, func(it *mail.Item) { it.Flags |= mail.FlagDraft })
		return err
	})
	d := newDrafter(t, h, "phone", "16.1")
	doc := d.sync(d.key, "2", "")
	d.key = element(doc, "SyncKey")
	refs := elements(doc, "FileReference")
	if len(refs) != 4 {
		t.Fatalf("references %v", refs)
	}
	gone := func(i int) string {
		return changeDraft("2:1", attachments(`<Delete><FileReference>`+refs[i]+`</FileReference></Delete>`))
	}
	for _, step := range []struct {
		i    int
		left string
	}{{1, "one two three"}, {0, "two three"}, {0, "two three"}, {2, "three"}, {3, ""}} {
		d.do(gone(step.i))
		got := h.contents(t, mail.RoleDrafts)[0]
		if names := strings.Join(got.files(), " "); names != step.left {
			t.Errorf("without %d: %q, want %q", step.i, names, step.left)
		}
	}
}

// A draft is one item, however often the phone says so: the answer is lost, or
// the phone loses its state and begins again (mailcow had 400,000 of one).
func TestADraftIsNotMultiplied(t *testing.T) {
	h := build(t)
	d := newDrafter(t, h, "phone", "16.1")
	add := addDraft("1", `<Subject xmlns="Email">a</Subject>`+attachments(attach("f", "f", "x")))
	first := element(d.again(add), "ServerId")
	for range 5 {
		if id := element(d.again(add), "ServerId"); id != first {
			t.Errorf("ServerId %q and %q", first, id)
		}
	}
	for range 5 {
		d.restart()
		if id := element(d.do(add), "ServerId"); id != first {
			t.Errorf("with its state lost: ServerId %q and %q", first, id)
		}
	}
	change := changeDraft(first, attachments(attach("g", "g", "y")))
	for range 5 {
		d.again(change)
	}
	all := h.contents(t, mail.RoleDrafts)
	if len(all) != 1 || !slices.Equal(all[0].files(), []string{"f", "g"}) {
		t.Errorf("%d drafts, the first with %v", len(all), all[0].files())
	}
}

func TestADraftIsSentOnce(t *testing.T) {
	h := build(t)
	d := newDrafter(t, h, "phone", "16.1")
	at := `<Add><ClientId>1</ClientId><Send xmlns="Email2"/><ApplicationData><To xmlns="Email">anna@example.org</To></ApplicationData></Add>`
	for range 3 {
		d.again(at)
	}
	for range 3 {
		d.restart()
		d.do(at)
	}
	id := element(d.do(addDraft("2", `<To xmlns="Email">anna@example.org</To><Bcc xmlns="Email2">a.ash@example.org</Bcc>`)), "ServerId")
	for range 3 {
		if doc := d.again(sendDraft(id, `<Subject xmlns="Email">now</Subject><To xmlns="Email">anna@example.org</To>`)); !strings.Contains(doc, "<Delete>") || strings.Contains(doc, "<Responses>") {
			t.Errorf("sent:\n%s", doc)
		}
	}
	inbox, sent, drafts := h.contents(t, mail.RoleInbox), h.contents(t, mail.RoleSent), h.contents(t, mail.RoleDrafts)
	if len(inbox) != 2 || len(sent) != 2 || len(drafts) != 0 {
		t.Fatalf("%d received, %d sent, %d drafts", len(inbox), len(sent), len(drafts))
	}
	if got := sent[1]; got.ix.Subject != "now" || got.ix.Date.IsZero() || got.Flags != mail.FlagSeen {
		t.Errorf("sent %q with %v", got.raw, got.Flags)
	}
}

// Somebody else has changed the draft meanwhile (MS-ASCMD 2.2.3.34).
func TestADraftChangedElsewhere(t *testing.T) {
	h := build(t)
	one, two := newDrafter(t, h, "one", "16.1"), newDrafter(t, h, "two", "16.1")
	text := func(s string) string {
		return `<To xmlns="Email">anna@example.org</To><Body xmlns="AirSyncBase"><Type>1</Type><Data>` + s + `</Data></Body>`
	}
	id := element(one.do(addDraft("1", text("a"))), "ServerId")
	two.key = element(two.sync(two.key, "2", ""), "SyncKey")
	two.do(changeDraft(id, text("b")))
	doc := one.do(changeDraft(id, text("c")))
	if element(doc[strings.Index(doc, "<Responses>"):], "Status") != "7" || !strings.Contains(doc, "<Commands>") {
		t.Errorf("the server wins, with\n%s", doc)
	}
	if raw := h.contents(t, mail.RoleDrafts)[0].raw; !strings.HasSuffix(raw, "b") {
		t.Errorf("kept %q", raw)
	}
	two.do(changeDraft(id, text("d")))
	one.do(sendDraft(id, text("e"))) // what the user sends is sent
	if inbox := h.contents(t, mail.RoleInbox); len(inbox) != 1 || !strings.HasSuffix(inbox[0].raw, "e") || len(h.contents(t, mail.RoleDrafts)) != 0 {
		t.Errorf("received %d", len(inbox))
	}
	doc = two.sync(two.key, "2", "")
	if !strings.Contains(doc, "<Delete>") {
		t.Errorf("the other phone is told:\n%s", doc)
	}
}

// What another program has written stays to the byte when only its state is
// changed, and is no conflict with what that program changes meanwhile.
func TestTheStateOfADraftIsNotItsContent(t *testing.T) {
	h := build(t)
	raw := "Subject: a\nX-Own: keep\nContent-Type: text/plain\n\ntext\n"
	it := h.deliver(t, h.folder(t, mail.RoleDrafts), raw, 0)
	h.update(t, func(tx *store.Tx) error {
		_, err := h.mailboxes.UpdateItem(tx, h.box, it.Folder, it.ID, func(it *mail.Item) { it.Flags |= mail.FlagDraft })
		return err
	})
	d := newDrafter(t, h, "phone", "16.1")
	d.key = element(d.sync(d.key, "2", ""), "SyncKey")
	doc := d.do(changeDraft("2:1", `<Read xmlns="Email">1</Read><Flag xmlns="Email"><Status>2</Status></Flag><Categories xmlns="Email"><Category>red</Category></Categories>`))
	got := h.contents(t, mail.RoleDrafts)[0]
	if strings.Contains(doc, "<Responses>") || got.raw != raw || got.Flags&mail.FlagSeen == 0 || got.FollowUp.Status != mail.FollowUpActive || !slices.Equal(got.Keywords, []string{"red"}) {
		t.Errorf("%+v %q\n%s", got.Item, got.raw, doc)
	}
}
