package activesync_test

import (
	"fmt"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// fill delivers n small messages to the inbox and returns their ids.
func (h *house) fill(t testing.TB, n int) (ids []string) {
	t.Helper()
	for i := range n {
		it := h.deliver(t, 1, fmt.Sprintf("Subject: %d\r\n\r\n%[1]d\r\n", i), int64(1_790_000_000_000+i))
		ids = append(ids, fmt.Sprintf("1:%d", it.ID))
	}
	return ids
}

// count is how many items a folder has.
func (h *house) count(t testing.TB, role mail.Role) (n uint32) {
	t.Helper()
	id := h.folder(t, role)
	h.update(t, func(tx *store.Tx) error {
		f, err := h.mailboxes.Folder(tx, h.box, id)
		n = f.Items
		return err
	})
	return n
}

// everything synchronizes the inbox from the start and returns the key.
func (p *phone) everything() string {
	p.t.Helper()
	key := element(p.sync("0", "1", ""), "SyncKey")
	for {
		a := p.post("Sync", "application/vnd.ms-sync.wbxml", mustXML(p.t, syncRequest(key, "<WindowSize>512</WindowSize>")))
		if a.xml == "" {
			return key
		}
		if key = element(a.xml, "SyncKey"); !strings.Contains(a.xml, "<MoreAvailable/>") {
			return key
		}
	}
}

// MS-ASCMD_R3459, MS-ASCMD_R4767: without a WindowSize it is 100;
// MS-ASCMD_R3460: never more than 512; MS-ASCMD_R3456: the last window is told.
func TestTheWindowOfOneCollection(t *testing.T) {
	h := build(t)
	h.fill(t, 600)
	for window, adds := range map[string]int{
		"":                              100,
		"<WindowSize>30</WindowSize>":   30,
		"<WindowSize>512</WindowSize>":  512,
		"<WindowSize>600</WindowSize>":  512,
		"<WindowSize>0</WindowSize>":    512,
		"<WindowSize>9999</WindowSize>": 512,
	} {
		// A device of its own: one that starts anew again and again is held to be
		// in a loop.
		p := newPhone(t, h, fmt.Sprintf("window%d", len(window)*1000+adds), "16.1")
		p.provision()
		key := element(p.sync("0", "1", ""), "SyncKey")
		doc := p.sync(key, "1", window)
		if n := strings.Count(doc, "<Add>"); n != adds || !strings.Contains(doc, "<MoreAvailable/>") {
			t.Errorf("%q: %d Adds", window, n)
		}
		left := 600 - adds
		doc = p.sync(element(doc, "SyncKey"), "1", "<WindowSize>512</WindowSize>")
		if n := strings.Count(doc, "<Add>"); n != min(left, 512) || strings.Contains(doc, "<MoreAvailable/>") != (left > 512) {
			t.Errorf("%q: then %d Adds of %d", window, n, left)
		}
	}
}

// MS-ASCMD_R2158, R2160, R2161, R5874, R5875.
func TestWhereDeletedItemsGo(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "deletes", "16.1")
	p.provision()
	for element, bin := range map[string]bool{
		"":                                   true,
		"<DeletesAsMoves/>":                  true,
		"<DeletesAsMoves>1</DeletesAsMoves>": true,
		"<DeletesAsMoves>0</DeletesAsMoves>": false,
	} {
		id := h.fill(t, 1)[0]
		before := h.count(t, mail.RoleDeletedItems)
		p.sync(p.everything(), "1", element+`<Commands><Delete><ServerId>`+id+`</ServerId></Delete></Commands>`)
		if moved := h.count(t, mail.RoleDeletedItems) > before; moved != bin {
			t.Errorf("%q: in Deleted Items: %t", element, moved)
		}
		if h.count(t, mail.RoleInbox) != 0 {
			t.Errorf("%q: still in the inbox", element)
		}
	}
}

// MS-ASCMD_R5556, R3126, R3127, R3125: absent, empty and 1 bring changes, 0 does
// not; MS-ASCMD_R3128, R5838, R3129, R5839: with key 0 they may not be wanted.
func TestWhetherChangesAreWanted(t *testing.T) {
	h := build(t)
	h.fill(t, 1)
	p := newPhone(t, h, "changes", "14.1")
	p.provision()
	for changes, wants := range map[string]bool{
		"": true, "<GetChanges/>": true, "<GetChanges>1</GetChanges>": true, "<GetChanges>0</GetChanges>": false,
	} {
		status := "1"
		if wants && changes != "" {
			status = "4"
		}
		if got := element(p.sync("0", "1", changes), "Status"); got != status {
			t.Errorf("key 0, %q: status %s, want %s", changes, got, status)
		}
		key := element(p.sync("0", "1", ""), "SyncKey")
		a := p.post("Sync", "application/vnd.ms-sync.wbxml", mustXML(t, syncRequest(key, changes)))
		if got := strings.Contains(a.xml, "<Add>"); got != wants {
			t.Errorf("%q brings changes: %t", changes, got)
		}
	}
}

// MS-ASCMD 3.1.5.10: how many elements a request may have (MS-ASCMD_R5647,
// R5653, R5659), and what is said to more.
func TestHowManyElementsARequestMayHave(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "limits", "16.1")
	p.provision()
	key := element(p.sync("0", "1", ""), "SyncKey")
	deletes := func(n int) string {
		return "<Commands>" + strings.Repeat("<Delete><ServerId>1:77</ServerId></Delete>", n) + "</Commands>"
	}
	if got := element(p.sync(key, "1", deletes(201)), "Status"); got != "4" {
		t.Errorf("201 commands: status %q", got)
	}
	a := p.post("Sync", "application/vnd.ms-sync.wbxml", mustXML(t, syncRequest(key, deletes(200))))
	if a.status != 200 || strings.Contains(a.xml, "<Status>4<") {
		t.Errorf("200 commands: HTTP %d %s", a.status, a.xml)
	}
	collections := strings.Repeat(`<Collection><SyncKey xmlns="AirSync">1</SyncKey><CollectionId>1</CollectionId></Collection>`, 1001)
	if got := element(p.send("GetItemEstimate", `<GetItemEstimate xmlns="GetItemEstimate"><Collections>`+collections+`</Collections></GetItemEstimate>`), "Status"); got != "103" {
		t.Errorf("1001 collections: status %q", got)
	}
	moves := strings.Repeat(`<Move><SrcMsgId>1:1</SrcMsgId><SrcFldId>1</SrcFldId><DstFldId>4</DstFldId></Move>`, 1001)
	if got := element(p.send("MoveItems", `<MoveItems xmlns="Move">`+moves+`</MoveItems>`), "Status"); got != "103" {
		t.Errorf("1001 moves: status %q", got)
	}
}

// How many folders a Sync and a Ping may name: more is a status that says how
// many (MS-ASCMD 2.2.3.97, 2.2.3.102).
func TestHowManyFoldersARequestMayName(t *testing.T) {
	for _, version := range []string{"12.1", "14.1", "16.1"} {
		p := newPhone(t, build(t), "many", version)
		p.provision()
		p.folderSync()
		for n, want := range map[int][2]string{300: {"", "7"}, 301: {"15 300", "6 300"}} {
			var collections, folders strings.Builder
			for i := range n {
				fmt.Fprintf(&collections, `<Collection><SyncKey>0</SyncKey><CollectionId>%d</CollectionId></Collection>`, i+1)
				fmt.Fprintf(&folders, `<Folder><Id>%d</Id><Class>Email</Class></Folder>`, i+1)
			}
			doc := p.send("Sync", `<Sync xmlns="AirSync"><Collections>`+collections.String()+`</Collections></Sync>`)
			got := strings.TrimSpace(element(doc, "Status") + " " + element(doc, "Limit"))
			if n == 301 && got != want[0] || n == 300 && strings.Count(doc, "<Collection>") != n {
				t.Errorf("%s: a Sync of %d: %.300s", version, n, doc)
			}
			doc = p.send("Ping", `<Ping xmlns="Ping"><HeartbeatInterval>480</HeartbeatInterval><Folders>`+folders.String()+`</Folders></Ping>`)
			if got := strings.TrimSpace(element(doc, "Status") + " " + element(doc, "MaxFolders")); got != want[1] {
				t.Errorf("%s: a Ping of %d: %s, want %s", version, n, got, want[1])
			}
		}
	}
}

// What Exchange lets pass (MS-ASCMD 7): Commands without an operation
// (MS-ASCMD_R2058), and elements of Options that stand twice (MS-ASCMD_R938,
// R2075, R3075, R3272, R3280, R3404, R3432).
func TestWhatIsNoErrorInASync(t *testing.T) {
	for _, version := range []string{"12.1", "14.1", "16.1"} {
		p := newPhone(t, build(t), "lenient", version)
		p.provision()
		for _, rest := range []string{
			"<Commands/>",
			"<Options><Conflict>1</Conflict><Conflict>0</Conflict></Options>",
			"<Options><FilterType>1</FilterType><FilterType>2</FilterType></Options>",
			"<Options><MIMESupport>1</MIMESupport><MIMESupport>2</MIMESupport></Options>",
			"<Options><MIMETruncation>1</MIMETruncation><MIMETruncation>2</MIMETruncation></Options>",
			"<Options><Class>Email</Class><Class>Email</Class></Options>",
			"<Options><MaxItems>1</MaxItems><MaxItems>2</MaxItems></Options>",
		} {
			collection := "1"
			if strings.Contains(rest, "MaxItems") {
				if collection = "RI"; version < "14" {
					continue
				}
			}
			key := element(p.sync("0", collection, ""), "SyncKey")
			a := p.post("Sync", "application/vnd.ms-sync.wbxml", mustXML(t, strings.Replace(syncRequest(key, rest), "<CollectionId>1<", "<CollectionId>"+collection+"<", 1)))
			if status := element(a.xml, "Status"); a.status != 200 || a.xml != "" && status != "1" {
				t.Errorf("%s, %s: HTTP %d, status %q", version, rest, a.status, status)
			}
		}
	}
}
