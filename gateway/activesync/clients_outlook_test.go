package activesync_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"martlet/mail"
)

// Outlook on the desktop asks for windows of 512.
func TestAWindowOf512(t *testing.T) {
	h := build(t)
	h.fill(t, 1100)
	p := outlook.as(t, h)
	p.provision()
	p.folderSync()
	s := p.following("1", `<GetChanges/><WindowSize>512</WindowSize>`)
	for _, want := range []int{512, 1024, 1100} {
		doc := s.next("")
		if len(s.have) != want || strings.Contains(doc, "<MoreAvailable/>") != (want < 1100) {
			t.Errorf("the phone has %d messages, want %d, and more: %t", len(s.have), want, strings.Contains(doc, "<MoreAvailable/>"))
		}
	}
}

// Since version 2408 Outlook has another DeviceId at every start: the mailbox must
// not look empty, and the devices before it must not keep it out.
func TestEveryStartOfOutlookFindsTheMailbox(t *testing.T) {
	h := build(t)
	h.fill(t, 5)
	for start := range 110 {
		c := outlook
		c.device = fmt.Sprintf("%032X", start)
		p := c.as(t, h)
		p.provision()
		if doc := p.send("FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`); element(doc, "Count") != "12" {
			t.Fatalf("start %d finds the folders\n%s", start, doc)
		}
		s := p.following("1", "")
		if s.all(); len(s.have) != 5 {
			t.Fatalf("start %d finds %d messages", start, len(s.have))
		}
	}
}

// Outlook's credentials may be ISO-8859-1 and its request line base64, both at
// once, and its name for the device is what every later request is known by.
func TestOutlookComesInWithItsOwnSpelling(t *testing.T) {
	h := build(t)
	p := outlook.as(t, h)
	p.password = strings.ReplaceAll(testPassword, "ä", "\xe4")
	p.provision()
	key := p.policy
	line := func(code byte) string {
		q := append([]byte{141, code, 9, 4, 16}, []byte("\x4f\x8c\x2a\x6e\x9b\x1d\x47\xc3\xa5\xe0\xf6\xb2\xd8\xc4\x1a\x37")...)
		var n uint32
		if _, err := fmt.Sscan(key, &n); err != nil {
			t.Fatal(err)
		}
		q = append(q, 4, byte(n), byte(n>>8), byte(n>>16), byte(n>>24), 16)
		return base64.StdEncoding.EncodeToString(append(q, "WindowsOutlook15"...))
	}
	r := p.request(http.MethodPost, "", mustXML(t, `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`))
	r.Header.Del("X-MS-PolicyKey")
	r.URL.RawQuery = line(9)
	if a := p.read(h.do(r)); a.status != 200 || element(a.xml, "Status") != "1" {
		t.Errorf("HTTP %d\n%s", a.status, a.xml)
	}
	if d := h.device(t, outlook.device); d.Type != outlook.kind || d.UserAgent != outlook.agent {
		t.Errorf("the device is kept as %+v", d)
	}
}

// Deleting in Outlook is a MoveItems to the deleted items; done twice, since the
// answer was lost, it is done once, and each phone has one message afterwards
// (tine20 #7297).
func TestAMoveMakesNoDuplicates(t *testing.T) {
	for _, c := range append(oldClients, allClients...) {
		t.Run(c.kind+" "+c.agent, func(t *testing.T) {
			h := build(t)
			it := h.deliver(t, 1, plainMail, 0)
			deleted := fmt.Sprint(h.folder(t, mail.RoleDeletedItems))
			mover, watcher := c.as(t, h), client{"WATCHER", "iPhone", iOS.agent, "16.1"}.as(t, h)
			var all []*syncing
			for _, p := range []*phone{mover, watcher} {
				p.provision()
				p.folderSync()
				for _, f := range []string{"1", deleted} {
					s := p.following(f, "")
					s.all()
					all = append(all, s)
				}
			}
			move := `<MoveItems xmlns="Move"><Move><SrcMsgId>` + serverID(it) + `</SrcMsgId><SrcFldId>1</SrcFldId><DstFldId>` + deleted + `</DstFldId></Move></MoveItems>`
			first := mover.send("MoveItems", move)
			again := mover.send("MoveItems", move)
			if element(first, "Status") != "3" || first != again {
				t.Fatalf("moved\n%s\nand again\n%s", first, again)
			}
			if c.kind == outlook.kind { // it goes on with the item under its new id
				delete(all[0].have, serverID(it))
				all[1].have[element(first, "DstMsgId")] = true
			}
			for _, s := range all {
				s.all()
				want := 0
				if s.folder == deleted {
					want = 1
				}
				if len(s.have) != want {
					t.Errorf("%s has %v in folder %s", s.device, s.have, s.folder)
				}
			}
			if n := h.items(t, mail.RoleDeletedItems); n != 1 {
				t.Errorf("%d messages are kept", n)
			}
		})
	}
}
