package activesync_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/vcard"
	"martlet/store"
)

// writesTo notes recipients in the user's recipient information, as a submission
// at that time does.
func (h *house) writesTo(t testing.TB, when time.Time, addresses ...string) {
	t.Helper()
	var to []mailbox.Recipient
	for _, a := range addresses {
		c := vcard.New()
		c.Add(vcard.TextProperty("FN", "Name of "+a))
		c.Add(vcard.TextProperty("EMAIL", a))
		to = append(to, mailbox.Recipient{Address: a, Card: h.putCard(t, string(c.Bytes()))})
	}
	h.update(t, func(tx *store.Tx) error { return h.mailboxes.NoteRecipients(tx, h.box, to, when) })
}

func (h *house) putCard(t testing.TB, text string) mail.Body {
	t.Helper()
	ref, err := h.blobs.Put(context.Background(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return mail.Body{Blob: ref}
}

// addCard puts a vCard into the user's contacts.
func (h *house) addCard(t testing.TB, text string) mail.Item {
	t.Helper()
	body := h.putCard(t, crlf(text))
	f := h.folder(t, mail.RoleContacts)
	var it mail.Item
	h.update(t, func(tx *store.Tx) (err error) {
		it, err = h.mailboxes.Append(tx, h.box, f, mail.NewItem{Class: mail.ClassContacts, Body: body})
		return err
	})
	return it
}

// people goes through Syncs of the recipient information until there is no more
// and keeps what a phone has: address by ServerId.
func (p *phone) people(have map[string]string, key, options string) string {
	p.t.Helper()
	for range 20 {
		doc := p.sync(key, "RI", options)
		if doc == "" {
			return key
		}
		key = element(doc, "SyncKey")
		for _, part := range strings.Split(doc, "<Add>")[1:] {
			part, _, _ = strings.Cut(part, "</Add>")
			have[element(part, "ServerId")] = element(part, "Email1Address")
		}
		for _, part := range strings.Split(doc, "<Delete>")[1:] {
			id := element(part, "ServerId")
			if have[id] == "" {
				p.t.Errorf("a Delete of %s, which the phone does not have", id)
			}
			delete(have, id)
		}
		if !strings.Contains(doc, "<MoreAvailable") {
			return key
		}
	}
	p.t.Fatal("there is always more")
	return key
}

func sorted(have map[string]string) string {
	var all []string
	for _, a := range have {
		all = append(all, a)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

const maxItems3 = `<Options><MaxItems>3</MaxItems></Options>`

// MS-ASCMD_R3273, R3275: the top N are kept synchronized, whatever moves in and
// out of them.
func TestMaxItemsKeepsTheFirstOfTheRecipients(t *testing.T) {
	h := build(t)
	start := time.Now().Add(-100 * 24 * time.Hour)
	day := func(n int) time.Time { return start.AddDate(0, 0, n) }
	for i := range 5 {
		h.writesTo(t, day(i), fmt.Sprintf("p%d@example.net", i))
	}
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	all := newPhone(t, h, "ipad", "14.0")
	all.provision()
	have, everyone := map[string]string{}, map[string]string{}
	key := element(p.sync("0", "RI", maxItems3), "SyncKey")
	key = p.people(have, key, maxItems3)
	allKey := element(all.sync("0", "RI", ""), "SyncKey")
	allKey = all.people(everyone, allKey, "")
	if got := sorted(have); got != "p2@example.net p3@example.net p4@example.net" {
		t.Errorf("the phone has %s", got)
	}
	if len(everyone) != 5 {
		t.Errorf("without MaxItems the other has %s", sorted(everyone))
	}
	// Somebody new comes in, the last goes.
	h.writesTo(t, day(10), "new@example.net")
	key = p.people(have, key, "")
	if got := sorted(have); got != "new@example.net p3@example.net p4@example.net" {
		t.Errorf("the phone has %s", got)
	}
	// One who had fallen out is written to often, and comes back.
	for i := range 5 {
		h.writesTo(t, day(11+i), "p0@example.net")
	}
	key = p.people(have, key, "")
	if got := sorted(have); got != "new@example.net p0@example.net p4@example.net" {
		t.Errorf("the phone has %s", got)
	}
	// It wants more, then fewer.
	key = p.people(have, key, `<Options><MaxItems>5</MaxItems></Options>`)
	if len(have) != 5 {
		t.Errorf("of five the phone has %s", sorted(have))
	}
	// MS-ASCMD_R3280: more than one MaxItems is no protocol error.
	key = p.people(have, key, `<Options><MaxItems>7</MaxItems><MaxItems>1</MaxItems></Options>`)
	if got := sorted(have); got != "p0@example.net" {
		t.Errorf("of one the phone has %s", got)
	}
	key = p.people(have, key, `<Options/>`)
	if len(have) != 6 {
		t.Errorf("without the option the phone has %s", sorted(have))
	}
	if doc := p.sync(key, "RI", ""); doc != "" {
		t.Errorf("there is more:\n%s", doc)
	}
	all.people(everyone, allKey, "")
	if len(everyone) != 6 {
		t.Errorf("the other has %s", sorted(everyone))
	}
}

// MS-ASCNTC_R413, R414: higher ranks are the more relevant ones; a rank that
// changes is a Change of the item.
func TestARankThatChangesIsAChange(t *testing.T) {
	h := build(t)
	start := time.Now().Add(-20 * 24 * time.Hour)
	h.writesTo(t, start, "often@example.net", "once@example.net")
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	doc := p.sync(element(p.sync("0", "RI", ""), "SyncKey"), "RI", "")
	if n := strings.Count(doc, "<Add>"); n != 2 {
		t.Fatalf("%d Adds:\n%s", n, doc)
	}
	h.writesTo(t, start.AddDate(0, 0, 5), "often@example.net")
	doc = p.sync(element(doc, "SyncKey"), "RI", "")
	if strings.Count(doc, "<Change>") != 1 || strings.Contains(doc, "<Add>") || strings.Contains(doc, "<Delete>") {
		t.Fatalf("not one Change:\n%s", doc)
	}
	rank, err := strconv.Atoi(element(doc, "WeightedRank"))
	if err != nil || rank*3600 <= int(start.AddDate(0, 0, 5).Unix()) {
		t.Errorf("the rank is %d, %v", rank, err)
	}
	if element(doc, "FileAs") != "Name of often@example.net" || strings.Contains(doc, "Alias") { // MS-ASCNTC_R1010
		t.Errorf("the Change is\n%s", doc)
	}
}

// MS-ASCNTC_R2261: the recipient information is not of these versions.
func TestOldVersionsDoNotKnowTheRecipientInformation(t *testing.T) {
	h := build(t)
	h.writesTo(t, time.Now(), "a@example.net")
	for _, version := range []string{"12.0", "12.1"} {
		p := newPhone(t, h, "old"+version, version)
		p.provision()
		doc := p.send("FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`)
		if slices.Contains(elements(doc, "ServerId"), "RI") {
			t.Errorf("%s: the hierarchy has it", version)
		}
		if doc := p.sync("0", "RI", ""); element(doc, "Status") != "12" {
			t.Errorf("%s: Sync answers\n%s", version, doc)
		}
	}
}

func TestClientsCannotTouchTheRecipientInformation(t *testing.T) {
	h := build(t)
	h.writesTo(t, time.Now(), "a@example.net")
	for _, version := range []string{"14.0", "14.1", "16.1"} {
		p := newPhone(t, h, "d"+version, version)
		p.provision()
		p.folderSync()
		have := map[string]string{}
		key := p.people(have, element(p.sync("0", "RI", ""), "SyncKey"), "")
		var id string
		for id = range have {
		}
		folder, _, _ := strings.Cut(id, ":")
		for _, commands := range []string{ // MS-ASCMD_R756
			`<Add><ClientId>1</ClientId><ApplicationData><Email1Address xmlns="Contacts">x@example.net</Email1Address></ApplicationData></Add>`,
			`<Change><ServerId>` + id + `</ServerId><ApplicationData><FileAs xmlns="Contacts">x</FileAs></ApplicationData></Change>`,
			`<Delete><ServerId>` + id + `</ServerId></Delete>`,
		} {
			if doc := p.sync(key, "RI", "<Commands>"+commands+"</Commands>"); element(doc, "Status") != "4" || strings.Contains(doc, "Collection") {
				t.Errorf("%s: %s is answered\n%s", version, commands, doc)
			}
		}
		// MS-ASCMD_R196, and the folder's number is no way around it.
		for _, folder := range []string{"RI", folder} {
			doc := p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><EmptyFolderContents><CollectionId xmlns="AirSync">`+folder+`</CollectionId></EmptyFolderContents></ItemOperations>`)
			if got := elements(doc, "Status"); got[len(got)-1] != "2" {
				t.Errorf("%s: emptying %s is answered\n%s", version, folder, doc)
			}
		}
		for _, to := range []string{"8"} {
			doc := p.send("MoveItems", `<MoveItems xmlns="Move"><Move><SrcMsgId>`+id+`</SrcMsgId><SrcFldId>`+folder+`</SrcFldId><DstFldId>`+to+`</DstFldId></Move></MoveItems>`)
			if got := element(doc, "Status"); got != "1" {
				t.Errorf("%s: moving out is answered\n%s", version, doc)
			}
		}
		doc := p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><CollectionId xmlns="AirSync">RI</CollectionId><ServerId xmlns="AirSync">`+id+`</ServerId></Fetch></ItemOperations>`)
		if got := elements(doc, "Status"); got[len(got)-1] == "1" {
			t.Errorf("%s: fetching is answered\n%s", version, doc)
		}
	}
	if p := newPhone(t, h, "last", "16.1"); true {
		p.provision()
		have := map[string]string{}
		p.people(have, element(p.sync("0", "RI", ""), "SyncKey"), "")
		if len(have) != 1 {
			t.Errorf("there are %s", sorted(have))
		}
	}
}

// MS-ASCMD_R3274, R3269: only this folder has MaxItems.
func TestMaxItemsOfAnotherFolderIsRefused(t *testing.T) {
	h := build(t)
	for _, version := range []string{"14.0", "14.1", "16.0", "16.1"} {
		p := newPhone(t, h, "d"+version, version)
		p.provision()
		key := element(p.sync("0", "8", ""), "SyncKey")
		if doc := p.sync(key, "8", maxItems3); element(doc, "Status") != "4" {
			t.Errorf("%s: Sync answers\n%s", version, doc)
		}
		doc := p.send("GetItemEstimate", `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection><SyncKey xmlns="AirSync">`+key+`</SyncKey><CollectionId>8</CollectionId><Options xmlns="AirSync"><MaxItems>3</MaxItems></Options></Collection></Collections></GetItemEstimate>`)
		if element(doc, "Status") != "2" {
			t.Errorf("%s: GetItemEstimate answers\n%s", version, doc)
		}
	}
}

func TestGetItemEstimateCountsAsManyRecipientsAsAreWanted(t *testing.T) {
	h := build(t)
	for i := range 5 {
		h.writesTo(t, time.Now().Add(-time.Duration(i)*24*time.Hour), fmt.Sprintf("p%d@example.net", i))
	}
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	key := element(p.sync("0", "RI", ""), "SyncKey")
	for options, want := range map[string]string{"": "5", `<Options xmlns="AirSync"><MaxItems>3</MaxItems></Options>`: "3", `<Options xmlns="AirSync"><MaxItems>0</MaxItems></Options>`: "0", `<Options xmlns="AirSync"><MaxItems>99</MaxItems></Options>`: "5"} {
		doc := p.send("GetItemEstimate", `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection><SyncKey xmlns="AirSync">`+key+`</SyncKey><CollectionId>RI</CollectionId>`+options+`</Collection></Collections></GetItemEstimate>`)
		if got := element(doc, "Estimate"); got != want {
			t.Errorf("%q: the estimate is %s, want %s\n%s", options, got, want, doc)
		}
	}
}

// A card that cannot be read is left out, and the rest comes.
func TestABrokenCardDoesNotBlockTheOthers(t *testing.T) {
	h := build(t)
	h.writesTo(t, time.Now().Add(-time.Hour), "good@example.net")
	h.update(t, func(tx *store.Tx) error {
		return h.mailboxes.NoteRecipients(tx, h.box, []mailbox.Recipient{{Address: "bad@example.net", Card: h.putCard(t, "no card")}}, time.Now())
	})
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	a := p.post("Sync", "application/vnd.ms-sync.wbxml", nil)
	if a.status != http.StatusOK {
		t.Fatal(a.status)
	}
	have := map[string]string{}
	p.people(have, element(p.sync("0", "RI", ""), "SyncKey"), "")
	if sorted(have) != "good@example.net" {
		t.Errorf("there are %s", sorted(have))
	}
}
