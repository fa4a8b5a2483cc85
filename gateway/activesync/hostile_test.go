package activesync_test

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/protocol/wbxml"
	"martlet/store"
)

// hostile is a house with something of everything in it, and a phone of each
// version that knows the keys and ids that are there.
type hostile struct {
	*house
	phones   []*knowing
	seeds    map[string][]*node
	deadline time.Duration // how long an answer may take
	invited  mail.Item     // an invitation, if it is still there
}

// knowing is a phone with what it has learnt.
type knowing struct {
	*phone
	keys      map[string]string // of collections
	hierarchy string
}

// Where a transcript has a value that the server made.
const madeByServer = "1111"

func buildHostile(t testing.TB) *hostile {
	h := &hostile{house: build(t), deadline: 20 * time.Second}
	h.apply(t, "[[user]]\nlogin='robin@example.org'\nname='Robin Roe'\nphoto_base64='/9j/4AAQSkZJRg=='\n[[group]]\naddress='board@example.org'\nmembers=['robin@example.org']\n")
	h.publish(t, "shelf/notes/a.txt", "hello documents", time.Now())
	h.publish(t, "board/b.txt", "minutes", time.Now())
	robin, err := h.directory.Resolve(t.Context(), "robin@example.org")
	if err == nil {
		err = h.directory.AddCertificates(t.Context(), robin.Accounts[0], [][]byte{newAuthority(t, "Root", nil, nil).issue("robin@example.org", nil)})
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, raw := range []string{withFile, invitation, weekly, "Subject: budget\r\n\r\nroof", "Subject: =?utf-8?q?=FF?=\r\n\r\n\xff"} {
		h.deliver(t, 1, raw, int64(i+1)*1000)
	}
	h.addCard(t, "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Cleo Case\r\nEMAIL:cleo@example.net\r\nEND:VCARD\r\n")
	for _, v := range versionsOfPhones {
		p := newPhone(t, h.house, "v"+strings.ReplaceAll(v.String(), ".", ""), v.String())
		p.provision()
		h.phones = append(h.phones, &knowing{phone: p, keys: map[string]string{}})
	}
	h.seeds = map[string][]*node{}
	for _, r := range requestsOf(t) {
		if n, err := treeOf([]byte(r[1])); err == nil {
			h.seeds[r[0]] = append(h.seeds[r[0]], n)
		}
	}
	// Whoever would be held is sent away at once.
	if err := h.server.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	return h
}

// there makes sure that there is a message and a folder to be named.
func (h *hostile) there(t testing.TB) (item mail.Item, folder mail.FolderID) {
	t.Helper()
	h.update(t, func(tx *store.Tx) error {
		for it, err := range h.mailboxes.Items(tx, h.box, 1, 0) {
			if err != nil {
				return err
			}
			item = it
		}
		all, err := h.mailboxes.Folders(tx, h.box)
		if err != nil {
			return err
		}
		for _, f := range all {
			if f.Role == 0 && f.Class == mail.ClassEmail {
				folder = f.ID
			}
		}
		if folder == 0 {
			f, err := h.mailboxes.CreateFolder(tx, h.box, 0, "Projects", mail.ClassEmail)
			folder = f.ID
			return err
		}
		return nil
	})
	if item.ID == 0 {
		item = h.deliver(t, 1, withFile, 1000)
	}
	return item, folder
}

// invitation makes sure that there is one to be answered, and forwarded to
// somebody of the house.
func (h *hostile) invitation(t testing.TB) mail.Item {
	t.Helper()
	there := false
	h.update(t, func(tx *store.Tx) error {
		_, err := h.mailboxes.Item(tx, h.box, h.invited.Folder, h.invited.ID)
		there = err == nil
		return nil
	})
	if !there {
		h.invited = h.deliver(t, 1, strings.ReplaceAll(weekly, "ben@example.com", "robin@example.org"), 1000)
	}
	return h.invited
}

// live puts what is there into the places of what the server made.
func (h *hostile) live(t testing.TB, p *knowing, root *node) {
	it, folder := h.there(t)
	switch root.tag.Name() {
	case "MeetingResponse", "SmartForward", "SmartReply":
		it = h.invitation(t)
	}
	values := map[string]string{
		"@item": serverID(it), "@long": serverID(it) + ":1", "@file": serverID(it) + ":2",
		"@folder": folderName(folder), "@conversation": string(it.Thread[:]),
	}
	nodes, parents := root.all()
	for i, n := range nodes {
		if strings.Contains(n.text, madeByServer) {
			switch name := n.tag.Name(); {
			case name == "SyncKey":
				n.text = "@key"
			case name == "ServerId" && strings.HasPrefix(root.tag.Name(), "Folder"), name == "DstFldId", name == "CollectionId", name == "ParentId":
				n.text = "@folder"
			case name == "ConversationId":
				n.text = "@conversation"
			case name == "LongId":
				n.text = "@long"
			case name == "FileReference":
				n.text = "@file"
			case name == "PolicyKey":
				n.text = p.policy
			default:
				n.text = "@item"
			}
		}
		if n.tag.String() == "ResolveRecipients:To" && n.text != "" && i%2 == 1 {
			n.text = "robin"
		}
		if n.tag.Name() == "LinkId" && strings.HasPrefix(n.text, `\\files\shelf\`) && i%3 > 0 {
			n.text = `\\files\shelf\notes\a.txt`
		}
		if n.text == "@key" {
			n.text = p.keyFor(root, parents[i])
		}
		if v, ok := values[n.text]; ok {
			n.text = v
		}
	}
}

func folderName(f mail.FolderID) string { return strconv.Itoa(int(f)) }

// keyFor is the key that the phone has for a collection, or of its folders.
func (p *knowing) keyFor(root, collection *node) string {
	if strings.HasPrefix(root.tag.Name(), "Folder") {
		if p.hierarchy == "" {
			p.hierarchy = p.folderSync()
		}
		return p.hierarchy
	}
	id := "1"
	if collection != nil {
		for _, k := range collection.kids {
			if k.tag.Name() == "CollectionId" {
				id = k.text
			}
		}
	}
	if p.keys[id] == "" && (id == "1" || id == "2") {
		p.keys[id] = element(p.sync("0", id, ""), "SyncKey")
	}
	return p.keys[id]
}

var (
	keyOfCollection = regexp.MustCompile(`<SyncKey>([^<]*)</SyncKey>\s*<CollectionId>([^<]*)</CollectionId>\s*<Status>([^<]*)<`)
	keyOfFolders    = regexp.MustCompile(`<SyncKey>([^<]*)</SyncKey>`)
)

// learn takes the keys of an answer.
func (p *knowing) learn(command string, a answer) {
	if strings.HasPrefix(command, "Folder") {
		if m := keyOfFolders.FindStringSubmatch(a.xml); m != nil {
			p.hierarchy = m[1]
		} else {
			p.hierarchy = ""
		}
		return
	}
	for _, m := range keyOfCollection.FindAllStringSubmatch(a.xml, -1) {
		if m[3] == "3" || m[1] == "0" {
			m[1] = ""
		}
		p.keys[m[2]] = m[1]
	}
}

// attack sends a request and holds the answer to what every answer must be.
func (h *hostile) attack(t *testing.T, which uint8, command, query string, body []byte) answer {
	t.Helper()
	p := h.phones[int(which)%len(h.phones)]
	p.t = t
	if command != "Provision" && h.device(t, p.device).PolicyKey == 0 {
		p.provision()
	}
	h.log.Reset()
	contentType := wbxmlType
	if p.version < "14" && (command == "SendMail" || strings.HasPrefix(command, "Smart")) {
		contentType = "message/rfc822"
	}
	r := p.request(http.MethodPost, command, body)
	if len(body) > 0 {
		r.Header.Set("Content-Type", contentType)
	}
	r.URL.RawQuery += query
	if which >= 128 {
		r.Header.Set("MS-ASAcceptMultiPart", "T")
		r.Header.Set("Accept-Encoding", "gzip")
	}
	start := time.Now()
	a := p.read(h.do(r))
	if took := time.Since(start); took > h.deadline {
		t.Errorf("took %v", took)
	}
	p.learn(command, a)
	what := func() string {
		return p.version + " " + command + "\n" + wbxml.Dump(body) + a.xml + "\n" + h.log.String()
	}
	if h.server.Panics() > 0 {
		t.Fatalf("panicked: %s", what())
	}
	switch a.status {
	case 200, 400, 403, 413, 449, 501, 505, 507:
	case 500: // as versions before 14.0 are told (MS-ASCMD 2.2.2)
		if p.version >= "14" && command != "GetAttachment" {
			t.Errorf("HTTP 500: %s", what())
		}
	case 503: // what would be held, of a server that stops
		if command != "Ping" && command != "Sync" || a.header.Get("Retry-After") == "" {
			t.Errorf("HTTP 503: %s", what())
		}
	default:
		t.Errorf("HTTP %d: %s", a.status, what())
	}
	if strings.Contains(h.log.String(), "level=ERROR") {
		t.Errorf("an error of ours: %s", what())
	}
	if strings.Contains(wbxml.Dump(a.body), "<!--") && a.header.Get("Content-Type") == wbxmlType && a.header.Get("Content-Encoding") == "" && len(a.body) > 0 {
		t.Errorf("unreadable answer: %s", what())
	}
	return a
}

// spoilt is a request of the command that was spoilt and then made live.
func (h *hostile) spoilt(t *testing.T, which uint8, command string, seed uint16, edits []byte) []byte {
	seeds := h.seeds[command]
	if int(seed)%(len(seeds)+1) == len(seeds) { // none of those: bytes alone, or nothing
		return edits
	}
	p := h.phones[int(which)%len(h.phones)]
	p.t = t
	if command != "Provision" && h.device(t, p.device).PolicyKey == 0 {
		p.provision()
	}
	root := seeds[int(seed)%(len(seeds)+1)].clone()
	h.live(t, p, root)
	root.spoil(edits)
	h.live(t, p, root)
	if p.version < "14" && (command == "SendMail" || strings.HasPrefix(command, "Smart")) {
		nodes, _ := root.all()
		for _, n := range nodes {
			if n.tag.Name() == "Mime" || n.tag.Name() == "MIME" {
				return []byte(n.text)
			}
		}
	}
	return root.encode()
}

// lineOf makes the end of a request line; what is no query is sent as it is.
func lineOf(t *testing.T, h *hostile, query string) string {
	it, folder := h.there(t)
	return strings.NewReplacer("@item", serverID(it), "@long", serverID(it)+":1", "@file", serverID(it)+":2", "@folder", folderName(folder), " ", "+", "\n", "").Replace(query)
}

// fuzzHandler lets anything at all come to one command, in every version, from
// phones whose keys and ids are right until the request is spoilt: so that it
// comes past the decoder into the handler and the store behind it.
func fuzzHandler(f *testing.F, command string) {
	h := buildHostile(f)
	for i := range h.seeds[command] {
		f.Add(uint8(i), uint16(i), "", []byte(nil))
		f.Add(uint8(i)+128, uint16(i), "", []byte(nil))
	}
	for v := range h.phones {
		f.Add(uint8(v)+126, uint16(len(h.seeds[command])), "&CollectionId=@folder&ParentId=1&CollectionName=new&AttachmentName=@file", []byte(nil))
		f.Add(uint8(v), uint16(0), "&CollectionId=1&ItemId=@item&SaveInSent=T&AttachmentName=@file", []byte("To: anna@example.org\r\n\r\nx"))
		f.Add(uint8(v), uint16(v), "&LongId=@long&AttachmentName=1:1:1&Occurrence=x", []byte{3, 1, 2, 0, 1, 5})
	}
	for op := range byte(12) {
		f.Add(uint8(op), uint16(op), "&User=%00", []byte{op, 3, 7, op + 1, 5, 30, 3, 2, 90})
	}
	f.Fuzz(func(t *testing.T, which uint8, seed uint16, query string, edits []byte) {
		if len(edits) > 60 && len(h.seeds[command]) > 0 {
			edits = edits[:60]
		}
		body := h.spoilt(t, which, command, seed, edits)
		h.attack(t, which, command, lineOf(t, h, query), body)
	})
}
