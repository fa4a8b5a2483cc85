package activesync_test

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"martlet/internal/corpus"
	"martlet/mail"
	"martlet/protocol/wbxml"
	"martlet/store"
)

// withFile is a message with a text file of 11 bytes as part 2.
const withFile = "From: shop@example.com\r\nTo: anna@example.org\r\nSubject: Terms\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain\r\n\r\nSee there.\r\n--b\r\nContent-Type: text/plain; name=terms.txt\r\nContent-Disposition: attachment; filename=terms.txt\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8gdGVybXM=\r\n--b--\r\n"

func TestGetAttachment(t *testing.T) {
	h := build(t)
	h.deliver(t, 1, withFile, 0)
	for _, version := range []string{"2.5", "12.1"} {
		p := newPhone(t, h, "v"+version, version)
		p.provision()
		a := p.post("GetAttachment", "", nil, "AttachmentName", "1:1:2")
		if a.status != http.StatusOK || string(a.body) != "hello terms" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
			t.Errorf("HTTP %d, %q, %q", a.status, a.header.Get("Content-Type"), a.body)
		}
		for name, want := range map[string]int{"": 400, "1:1:7": 500, "1:9:2": 500, "junk": 500} {
			if a := p.post("GetAttachment", "", nil, "AttachmentName", name); a.status != want {
				t.Errorf("%q: HTTP %d, want %d", name, a.status, want)
			}
		}
		gone := h.deliver(t, 1, withFile, 0)
		h.update(t, func(tx *store.Tx) error {
			_, err := h.mailboxes.Delete(tx, h.box, 1, gone.ID)
			return err
		})
		if a := p.post("GetAttachment", "", nil, "AttachmentName", fmt.Sprintf("1:%d:2", gone.ID)); a.status != 500 { // MS-ASCMD_R166
			t.Errorf("deleted: HTTP %d", a.status)
		}
	}
}

// MS-ASCMD 2.2.1.10.1.1.
func TestContentInParts(t *testing.T) {
	h := build(t)
	h.deliver(t, 1, withFile, 0)
	p := newPhone(t, h, "samsung", "14.1")
	p.provision()
	p.header.Set("MS-ASAcceptMultiPart", "T")
	body, err := fromXML(`<ItemOperations xmlns="ItemOperations">
		<Fetch><Store>Mailbox</Store><FileReference xmlns="AirSyncBase">1:1:2</FileReference></Fetch>
		<Fetch><Store>Mailbox</Store><CollectionId xmlns="AirSync">1</CollectionId><ServerId xmlns="AirSync">1:1</ServerId>
			<Options><BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference></Options></Fetch>
		<Fetch><Store>Mailbox</Store><FileReference xmlns="AirSyncBase">1:1:8</FileReference></Fetch>
	</ItemOperations>`)
	if err != nil {
		t.Fatal(err)
	}
	a := p.post("ItemOperations", "application/vnd.ms-sync.wbxml", body)
	if got := a.header.Get("Content-Type"); a.status != 200 || got != "application/vnd.ms-sync.multipart" {
		t.Fatalf("HTTP %d, %q", a.status, got)
	}
	word := func(i int) int { return int(binary.LittleEndian.Uint32(a.body[4*i:])) }
	if word(0) != 3 {
		t.Fatalf("%d parts", word(0))
	}
	part := func(n int) string {
		from, size := word(1+2*n), word(2+2*n)
		return string(a.body[from : from+size])
	}
	doc := wbxml.Dump([]byte(part(0)))
	if got := elements(doc, "Part"); fmt.Sprint(got) != "[1 2]" || strings.Contains(doc, "<Data") {
		t.Errorf("parts %v in\n%s", got, doc)
	}
	if got := elements(doc, "Status"); fmt.Sprint(got) != "[1 1 1 15]" {
		t.Errorf("statuses %v in\n%s", got, doc)
	}
	// MS-ASCMD_R2344: in the Properties of a file, in the Body of a message.
	_, file, _ := strings.Cut(doc, "<Properties>")
	file, rest, _ := strings.Cut(file, "</Properties>")
	_, inBody, _ := strings.Cut(rest, "<Body ")
	inBody, _, _ = strings.Cut(inBody, "</Body>")
	if element(file, "Part") != "1" || element(inBody, "Part") != "2" {
		t.Errorf("the parts stand elsewhere:\n%s", doc)
	}
	if part(1) != "hello terms" || part(2) != "See there." {
		t.Errorf("parts %q and %q", part(1), part(2))
	}
}

// lines returns the inbox's items as the phone sees them.
func subjects(doc string) []string { return elements(doc, "Subject") }

func TestSendMailBeforeWBXML(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "old", "12.1")
	p.provision()
	raw := []byte("From: anna@example.org\r\nTo: anna@example.org\r\nSubject: once\r\nDate: Mon, 01 Jun 2026 10:00:00 +0000\r\n\r\nx\r\n")
	for range 2 { // the answer to the first may have been lost
		if a := p.post("SendMail", "message/rfc822", raw, "SaveInSent", "T"); a.status != 200 || len(a.body) > 0 {
			t.Fatalf("HTTP %d", a.status)
		}
	}
	if n := h.items(t, mail.RoleInbox); n != 1 {
		t.Errorf("%d in the inbox, want 1", n)
	}
	if n := h.items(t, mail.RoleSent); n != 1 {
		t.Errorf("%d in Sent Items, want 1", n)
	}
	if a := p.post("SendMail", "message/rfc822", []byte("Subject: to nobody\r\n\r\nx\r\n")); a.status != 500 {
		t.Errorf("to nobody: HTTP %d", a.status)
	}
	// WBXML is not for this version (MS-ASCMD 2.2.2, status 101).
	if a := p.post("SendMail", "application/vnd.ms-sync.wbxml", []byte{3, 1, 0x6a, 0}); a.status != 400 {
		t.Errorf("WBXML: HTTP %d", a.status)
	}
}

func (h *house) items(t *testing.T, role mail.Role) (n uint32) {
	t.Helper()
	h.update(t, func(tx *store.Tx) error {
		f, err := h.mailboxes.FolderByRole(tx, h.box, role)
		n = f.Items
		return err
	})
	return n
}

// MS-ASCMD_R448: From is set to the user's own address.
func TestSendMailInAnothersNameGoesInOnesOwn(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "14.1")
	key := p.ready()
	mime := "X-Mailer: test\nFrom: The Boss\n <boss@example.com>\nTo: anna@example.org\nSubject: raise\n\nFrom: inside\n"
	if doc := p.send("SendMail", `<SendMail xmlns="ComposeMail"><ClientId>1</ClientId><Mime encoding="opaque">`+strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(mime)+`</Mime></SendMail>`); doc != "" {
		t.Fatalf("got\n%s", doc)
	}
	doc := p.sync(key, "1", `<Options><BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference></Options>`)
	if from := element(doc, "From"); !strings.Contains(from, testLogin) || strings.Contains(doc, "boss") {
		t.Errorf("from %q in\n%s", from, doc)
	}
	if !strings.Contains(element(doc, "Data"), "From: inside") {
		t.Errorf("the body lost a line:\n%s", doc)
	}
}

func TestAnAnswerIsBoundedInBytes(t *testing.T) {
	h := build(t)
	big := "Subject: big\r\n\r\n" + strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\r\n", 5<<20/65)
	for range 5 {
		h.deliver(t, 1, big, 0)
	}
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	key := element(p.sync("0", "1", ""), "SyncKey")
	rest := `<WindowSize>512</WindowSize><Options><BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference></Options>`
	var got []int
	for more := true; more && len(got) < 9; {
		body, err := fromXML(syncRequest(key, rest))
		if err != nil {
			t.Fatal(err)
		}
		a := p.post("Sync", "application/vnd.ms-sync.wbxml", body)
		if len(a.body) > 17<<20 {
			t.Errorf("%d bytes in one answer", len(a.body))
		}
		key, more = element(a.xml, "SyncKey"), strings.Contains(a.xml, "<MoreAvailable/>")
		got = append(got, len(subjects(a.xml)))
	}
	if fmt.Sprint(got) != "[3 2]" {
		t.Errorf("items in each answer: %v", got)
	}
}

// MS-ASCMD_R4777 to R4783.
func TestTheWindowOfTheWholeAnswer(t *testing.T) {
	h := build(t)
	sent := h.folder(t, mail.RoleSent)
	for range 3 {
		h.deliver(t, 1, plainMail, 0)
		h.deliver(t, sent, plainMail, 0)
	}
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	a, b := element(p.sync("0", "1", ""), "SyncKey"), element(p.sync("0", "3", ""), "SyncKey")
	both := func() string {
		return p.send("Sync", `<Sync xmlns="AirSync"><Collections>
			<Collection><SyncKey>`+a+`</SyncKey><CollectionId>1</CollectionId><WindowSize>3</WindowSize></Collection>
			<Collection><SyncKey>`+b+`</SyncKey><CollectionId>3</CollectionId><WindowSize>1</WindowSize></Collection>
			</Collections><WindowSize>4</WindowSize></Sync>`)
	}
	doc := both()
	if n := len(subjects(doc)); n != 4 || fmt.Sprint(elements(doc, "CollectionId")) != "[1 3]" || strings.Count(doc, "<MoreAvailable/>") != 1 {
		t.Fatalf("%d items\n%s", n, doc)
	}
	keys := elements(doc, "SyncKey")
	a, b = keys[0], keys[1]
	doc = both()
	if n := len(subjects(doc)); n != 1 || fmt.Sprint(elements(doc, "CollectionId")) != "[3]" || strings.Count(doc, "<MoreAvailable/>") != 1 {
		t.Errorf("%d items\n%s", n, doc)
	}
}

func TestTheFilterTakesBackWhatGetsTooOld(t *testing.T) {
	h := build(t)
	day := 24 * time.Hour
	now := time.Now()
	h.deliver(t, 1, "Subject: old\r\n\r\nx", now.Add(-40*day).UnixMilli())
	h.deliver(t, 1, "Subject: recent\r\n\r\nx", now.Add(-5*day).UnixMilli())
	h.deliver(t, 1, "Subject: new\r\n\r\nx", now.UnixMilli())
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	key := element(p.sync("0", "1", ""), "SyncKey")
	filter := func(n string) string {
		doc := p.sync(key, "1", `<Options><FilterType>`+n+`</FilterType></Options>`)
		key = element(doc, "SyncKey")
		return doc
	}
	if doc := filter("5"); fmt.Sprint(subjects(doc)) != "[new recent]" {
		t.Errorf("a month: %v", subjects(doc))
	}
	if doc := filter("2"); strings.Count(doc, "<SoftDelete>") != 1 || !strings.Contains(doc, "<ServerId>1:2</ServerId>") {
		t.Errorf("three days:\n%s", doc)
	}
	if doc := filter("0"); len(subjects(doc)) != 2 {
		t.Errorf("all: %v", subjects(doc))
	}
}

// TestEveryMailComesOut sends every mail of the corpus through the mailbox to
// phones of all versions, in every kind of body.
func TestEveryMailComesOut(t *testing.T) {
	files := corpus.Mail(t)
	h := build(t)
	for _, f := range files {
		h.deliver(t, 1, string(f.Raw), 0)
	}
	for _, version := range []string{"2.5", "12.0", "12.1", "14.0", "14.1", "16.0", "16.1"} {
		for _, body := range []string{"1", "2", "4"} {
			t.Run(version+" type "+body, func(t *testing.T) {
				p := newPhone(t, h, "c"+strings.ReplaceAll(version, ".", "")+body, version)
				p.provision()
				key := element(p.sync("0", "1", ""), "SyncKey")
				options := `<Options><BodyPreference xmlns="AirSyncBase"><Type>` + body + `</Type><TruncationSize>51200</TruncationSize></BodyPreference><MIMESupport>2</MIMESupport></Options>`
				if version == "2.5" {
					options = `<Options><Truncation>7</Truncation></Options>`
				}
				seen := map[string]bool{}
				for more := true; more; {
					b, err := fromXML(syncRequest(key, `<WindowSize>40</WindowSize>`+options))
					if err != nil {
						t.Fatal(err)
					}
					a := p.post("Sync", "application/vnd.ms-sync.wbxml", b)
					if a.status != 200 {
						t.Fatalf("HTTP %d", a.status)
					}
					for _, id := range elements(a.xml, "ServerId") {
						seen[id] = true
					}
					key, more = element(a.xml, "SyncKey"), strings.Contains(a.xml, "<MoreAvailable/>")
				}
				for i := range files {
					if id := fmt.Sprintf("1:%d", i+1); !seen[id] {
						t.Errorf("%s did not come out", files[i].Name)
					}
				}
			})
		}
	}
	if h.log.Len() > 0 {
		t.Errorf("the log complains:\n%s", h.log)
	}
}
