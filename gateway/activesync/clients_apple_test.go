package activesync_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// iOS crashes at a Collections without a Collection in it: an answer that has
// nothing to say is no document at all.
func TestNoAnswerHasEmptyCollections(t *testing.T) {
	h := build(t)
	h.fill(t, 3)
	for _, version := range allVersions[2:] {
		p := client{"IOS" + strings.ReplaceAll(version, ".", ""), "iPhone", iOS.agent, version}.as(t, h)
		p.provision()
		p.folderSync()
		inbox, drafts := p.following("1", ""), p.following("2", "")
		inbox.all()
		drafts.all()
		one := func(s *syncing, rest string) string {
			return `<Collection><SyncKey>` + s.key + `</SyncKey><CollectionId>` + s.folder + `</CollectionId>` + rest + `</Collection>`
		}
		both := `<Collections>` + one(inbox, "") + one(drafts, "") + `</Collections>`
		for _, request := range []string{
			`<Collections>` + one(inbox, "") + `</Collections>`,
			both,
			both + `<WindowSize>1</WindowSize>`,
			`<Collections>` + one(inbox, "<GetChanges>0</GetChanges>") + `</Collections>`,
			`<Collections>` + one(inbox, `<Commands><Change><ServerId>1:1</ServerId><ApplicationData><Read xmlns="Email">1</Read></ApplicationData></Change></Commands>`) + `</Collections>`,
			`<Collections>` + one(inbox, `<Commands><Delete><ServerId>1:99</ServerId></Delete></Commands>`) + `</Collections>`,
			`<Partial/><WindowSize>10</WindowSize>`,
			`<Collections/>`,
		} {
			doc := p.send("Sync", `<Sync xmlns="AirSync">`+request+`</Sync>`)
			if strings.Contains(doc, "<Collections/>") || strings.Contains(doc, "<Collections>") != strings.Contains(doc, "<Collection>") {
				t.Errorf("%s: %s is answered\n%s", version, request, doc)
			}
			if key := element(doc, "SyncKey"); key != "" && strings.Contains(doc, "<CollectionId>1<") {
				inbox.key = key
			}
		}
		if doc := p.send("Sync", ""); strings.Contains(doc, "<Collections") {
			t.Errorf("%s: the empty request is answered\n%s", version, doc)
		}
	}
}

// A phone whose state the server has lost is told so by the statuses that make it
// begin anew, and then has everything once. It knows of no others: told anything
// else, the user sets the account up again.
func TestLostStateIsBuiltUpAgain(t *testing.T) {
	h := build(t)
	h.fill(t, 7)
	for _, c := range append(oldClients, allClients...) {
		p := c.as(t, h)
		p.provision()
		hierarchy := p.folderSync()
		s := p.following("1", "")
		s.all()
		h.update(t, func(tx *store.Tx) error {
			return h.devices.Remove(tx, device.ID{Account: h.account.ID, Device: c.device})
		})
		sync := p.post("Sync", "application/vnd.ms-sync.wbxml", mustXML(t, syncRequest(s.key, "")))
		if old := slices.Contains(allVersions[:3], c.version); old && sync.status != 449 || !old && (sync.status != 200 || element(sync.xml, "Status") != "142") {
			t.Fatalf("%s: a Sync gets HTTP %d\n%s", c.kind, sync.status, sync.xml)
		}
		p.provision()
		if got := element(p.send("FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>`+hierarchy+`</SyncKey></FolderSync>`), "Status"); got != "9" {
			t.Errorf("%s: FolderSync has status %s", c.kind, got)
		}
		if got := element(p.send("Ping", ""), "Status"); got != "3" {
			t.Errorf("%s: Ping has status %s", c.kind, got)
		}
		if got := element(p.send("Sync", ""), "Status"); got != "13" {
			t.Errorf("%s: an empty Sync has status %s", c.kind, got)
		}
		p.folderSync()
		doc := s.once(s.key, "")
		if element(doc, "Status") != "3" {
			t.Errorf("%s: Sync is answered\n%s", c.kind, doc)
		}
		s.restart()
		if s.all(); len(s.have) != 7 {
			t.Errorf("%s: has %d messages afterwards", c.kind, len(s.have))
		}
		if ping := p.pinging(pingOf(480, "1")); ping != "" {
			t.Errorf("%s: Ping is answered\n%s", c.kind, ping)
		}
		waitHeld(t, h.server, 0)
	}
}

// A key of 0 is taken for none, and Status stands before RemoteWipe or the wipe
// is not done.
func TestProvisionTellsNoPolicyKeyOfZero(t *testing.T) {
	for _, version := range allVersions {
		h := build(t)
		p := client{iOS.device, "iPhone", iOS.agent, version}.as(t, h)
		policyType := "MS-EAS-Provisioning-WBXML"
		if version == "2.5" {
			policyType = "MS-WAP-Provisioning-XML"
		}
		policy := func(rest string) string {
			return `<Policies><Policy><PolicyType>` + policyType + `</PolicyType>` + rest + `</Policy></Policies>`
		}
		about := ""
		if version >= "14.1" && version != "2.5" {
			about = aboutPhone
		}
		ask := func(request string) {
			t.Helper()
			a := p.post("Provision", "application/vnd.ms-sync.wbxml", mustXML(t, `<Provision xmlns="Provision">`+request+`</Provision>`))
			if a.status != 200 || strings.Contains(a.xml, "<PolicyKey>0<") || strings.Contains(a.xml, "<PolicyKey/>") || strings.Contains(a.xml, "<PolicyKey></") {
				t.Errorf("%s: HTTP %d\n%s", version, a.status, a.xml)
			}
			if wipe := strings.Index(a.xml, "RemoteWipe"); wipe >= 0 && strings.Index(a.xml, "<Status>") > wipe {
				t.Errorf("%s: Status stands behind the wipe\n%s", version, a.xml)
			}
		}
		ask(about + policy(""))
		ask(about + policy("<PolicyKey>0</PolicyKey>"))
		ask(policy("<PolicyKey>0</PolicyKey><Status>1</Status>"))
		ask(policy("<PolicyKey>4711</PolicyKey><Status>1</Status>"))
		ask(about + strings.Replace(policy(""), "Provisioning", "Nonsense", 1))
		p.provision()
		ask(about + policy(""))
		h.edit(t, iOS.device, func(d *device.Device) { d.Wipe = device.WipePending })
		ask(about + policy(""))
		ask(`<RemoteWipe><Status>2</Status></RemoteWipe>`)
		ask(`<RemoteWipe><Status>1</Status></RemoteWipe>`)
		ask(about + policy(""))
	}
}

// previewed is a newsletter whose plain text is as bad as its HTML.
var previewed = crlf(`From: shop@example.com
To: anna@example.org
Subject: Sale
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=utf-8

[image: Our logo] <https://shop.example.com/?utm=1>
Dear Anna, see our shop <https://shop.example.com/very/long?id=1> today.
[cid:image001.png@01D00000.00000000]
%[1]s
--b
Content-Type: text/html; charset=utf-8

<html><head><style>p { color: red }</style><script>track()</script></head><body>
<img src="https://shop.example.com/pixel.png" alt="Our logo"><p>Dear <b>Anna</b>, see
<a href="https://shop.example.com/very/long?id=1">our shop</a> today.</p>%[2]s</body></html>
--b--
`)

// The truncated plain text, and the preview of those who ask for one, are what
// the list shows (mailcow #194).
func TestListsShowNoMarkupLinksOrImages(t *testing.T) {
	h := build(t)
	long := fmt.Sprintf(previewed, strings.Repeat("More of it.\r\n", 100), strings.Repeat("<p>More of it.</p>", 100))
	_, onlyHTML, _ := strings.Cut(long, "<html>")
	onlyHTML, _, _ = strings.Cut(onlyHTML, "--b--")
	h.deliver(t, 1, long, 1000)
	h.deliver(t, 1, "Subject: Sale\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html>"+onlyHTML, 2000)
	for _, c := range allClients {
		p := c.as(t, h)
		p.provision()
		for name, options := range map[string]string{
			"Data":    `<BodyPreference xmlns="AirSyncBase"><Type>1</Type><TruncationSize>500</TruncationSize></BodyPreference>`,
			"Preview": `<BodyPreference xmlns="AirSyncBase"><Type>2</Type><TruncationSize>0</TruncationSize><Preview>200</Preview></BodyPreference>`,
		} {
			shown := elements(p.firstSync(options), name)
			if len(shown) != 2 {
				t.Fatalf("%s: %s of %d messages", c.kind, name, len(shown))
			}
			for _, text := range shown {
				if !strings.Contains(strings.Join(strings.Fields(text), " "), "Dear Anna, see our shop today.") {
					t.Errorf("%s: %s is %q", c.kind, name, text)
				}
				for _, bad := range []string{"http", "image", "logo", "cid:", "&lt;", "{", "track"} {
					if strings.Contains(text, bad) {
						t.Errorf("%s: %s has %q: %q", c.kind, name, bad, text)
					}
				}
			}
		}
	}
}

// iOS 16.2 names attachments of a draft that it does not send.
func TestAnAttachmentWithoutContentIsPassedOver(t *testing.T) {
	h := build(t)
	d := &drafter{phone: iOS.as(t, h)}
	d.provision()
	d.restart()
	empty := `<Add><ClientId>e</ClientId><DisplayName>empty.jpg</DisplayName><Method>1</Method></Add>`
	nothing := `<Add><ClientId>n</ClientId><Content/><DisplayName>nothing.jpg</DisplayName><Method>1</Method></Add>`
	doc := d.do(addDraft("1", `<To xmlns="Email">bob@example.net</To>`+attachments(empty+attach("f", "a.txt", "a"))))
	id := element(doc, "ServerId")
	if !strings.Contains(doc, "<Responses>") || id == "" {
		t.Fatalf("got\n%s", doc)
	}
	d.do(changeDraft(id, attachments(attach("g", "b.txt", "b")+nothing+empty)))
	all := h.contents(t, mail.RoleDrafts)
	if len(all) != 1 || !slices.Contains(all[0].files(), "a.txt") || !slices.Contains(all[0].files(), "b.txt") || slices.Contains(all[0].files(), "empty.jpg") {
		t.Errorf("%d drafts, with %v", len(all), all[0].files())
	}
}

// An invitation is at its hour whatever the zone, and a whole day is one day.
func TestAnInvitationHasItsOrganizerAndItsTimes(t *testing.T) {
	h := build(t)
	allDay := strings.NewReplacer("DTSTART:20260610T100000Z", "DTSTART;VALUE=DATE:20260610", "DTEND:20260610T110000Z", "DTEND;VALUE=DATE:20260611", "planning-1", "planning-2").Replace(invitation)
	berlin := strings.NewReplacer("DTSTART:20260610T100000Z", "DTSTART;TZID=Europe/Berlin:20260610T100000", "DTEND:20260610T110000Z", "DTEND;TZID=Europe/Berlin:20260610T110000", "planning-1", "planning-3").Replace(invitation)
	for i, raw := range []string{invitation, allDay, berlin} {
		h.deliver(t, 1, raw, int64(3000-i))
	}
	for _, c := range append(oldClients, allClients...) {
		p := c.as(t, h)
		p.provision()
		doc := p.firstSync(`<BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference>`)
		if got := elements(doc, "Organizer"); len(got) != 3 || !strings.Contains(got[0], "ben@example.com") {
			t.Errorf("%s: organizers %q", c.kind, got)
		}
		starts, ends := elements(doc, "StartTime"), elements(doc, "EndTime")
		if len(starts) != 3 || starts[0] != "2026-06-10T10:00:00.000Z" || starts[2] != "2026-06-10T08:00:00.000Z" || ends[2] != "2026-06-10T09:00:00.000Z" {
			t.Errorf("%s: starts %q, ends %q", c.kind, starts, ends)
		}
		if got := elements(doc, "AllDayEvent"); !slices.Equal(got, []string{"0", "1", "0"}) {
			t.Errorf("%s: all day %q", c.kind, got)
		}
		if len(starts) == 3 && (starts[1] != "2026-06-10T00:00:00.000Z" || ends[1] != "2026-06-11T00:00:00.000Z") {
			t.Errorf("%s: a whole day is from %s to %s", c.kind, starts[1], ends[1])
		}
		for _, zone := range elements(doc, "TimeZone") { // EAS-4-TbSync takes zeros for a zone of its own
			if blob, err := base64.StdEncoding.DecodeString(zone); err != nil || len(bytes.Trim(blob, "\x00")) == 0 {
				t.Errorf("%s: time zone %q", c.kind, zone)
			}
		}
		zone, err := base64.StdEncoding.DecodeString(elements(doc, "TimeZone")[2])
		if err != nil || len(zone) != 172 || int32(binary.LittleEndian.Uint32(zone)) != -60 || int32(binary.LittleEndian.Uint32(zone[168:])) != -60 {
			t.Errorf("%s: time zone % x", c.kind, zone)
		}
	}
}

// What was found is fetched by its LongId, without a folder, in whatever folder it
// is.
func TestWhatWasFoundIsFetchedWithoutAFolder(t *testing.T) {
	h := build(t)
	for i, role := range []mail.Role{mail.RoleInbox, mail.RoleSent, mail.RoleDeletedItems} {
		h.deliver(t, h.folder(t, role), fmt.Sprintf("Subject: needle %d\r\n\r\ntext %d", i, i), int64(i)*1000)
	}
	for _, c := range append([]client{{"IOS120", "iPhone", iOS.agent, "12.0"}, {"IOS121", "iPhone", iOS.agent, "12.1"}}, allClients...) {
		p := c.as(t, h)
		p.provision()
		for _, id := range elements(p.send("Search", searchMail(`<FreeText>needle</FreeText>`, "")), "LongId") {
			doc := p.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><LongId xmlns="Search">`+id+`</LongId><Options><BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference></Options></Fetch></ItemOperations>`)
			if n, ok := strings.CutPrefix(element(doc, "Subject"), "needle "); !ok || element(doc, "Data") != "text "+n || statuses(doc) != "1 1" || element(doc, "LongId") != id {
				t.Errorf("%s %s: %s is answered\n%s", c.kind, c.version, id, doc)
			}
		}
	}
}

// A draft that saves itself with every few words is one item, for its phone and
// for others, and its phone hears nothing of what it wrote itself: that is how
// 400,000 copies came about elsewhere (mailcow #1203).
func TestADraftThatSavesItselfIsOneItem(t *testing.T) {
	h := build(t)
	text := func(n int) string {
		return `<To xmlns="Email">bob@example.net</To><Subject xmlns="Email">s</Subject><Body xmlns="AirSyncBase"><Type>1</Type><Data>` + strings.Repeat("word ", n) + `</Data></Body>`
	}
	d := &drafter{phone: iOS.as(t, h)}
	d.provision()
	d.restart()
	other := client{"OTHER", gmail.kind, gmail.agent, gmail.version}.as(t, h)
	other.provision()
	watcher := other.following("2", "")
	watcher.all()
	id := element(d.do(addDraft("1", text(1))), "ServerId")
	for n := range 60 {
		if doc := d.do(changeDraft(id, text(n+2))); len(told(doc)) > 0 {
			t.Fatalf("the phone hears of its own draft:\n%s", doc)
		}
		if n%10 == 0 {
			watcher.all()
		}
	}
	if doc := d.sync(d.key, "2", ""); doc != "" {
		t.Errorf("then\n%s", doc)
	}
	if ping := d.pinging(pingOf(480, "2")); ping != "" {
		t.Errorf("its Ping is answered\n%s", ping)
	}
	watcher.all()
	if got := h.contents(t, mail.RoleDrafts); len(got) != 1 || len(watcher.added) != 1 || strings.Count(got[0].raw, "word") != 61 {
		t.Errorf("%d drafts, of which the other phone was given %v", len(got), watcher.added)
	}
}

// A phone that adds one and the same draft again and again, each time under
// another ClientId, begins anew in between or not: it soon has no more of them.
// Drafts that begin alike and are written on are not the same.
func TestTheSameDraftIsNotAddedForEver(t *testing.T) {
	h := build(t)
	same := `<Subject xmlns="Email">s</Subject><Body xmlns="AirSyncBase"><Type>1</Type><Data>Sent from my phone</Data></Body>`
	d := &drafter{phone: iOS.as(t, h)}
	d.provision()
	d.restart()
	for n := range 40 {
		if n%15 == 14 {
			d.restart()
		}
		if doc := d.do(addDraft(fmt.Sprint(n), same)); element(doc, "ServerId") == "" || statuses(doc) != "1 1" {
			t.Fatalf("draft %d is answered\n%s", n, doc)
		}
	}
	if n := len(h.contents(t, mail.RoleDrafts)); n > 8 {
		t.Errorf("%d drafts of one", n)
	}
	other := &drafter{phone: client{"OTHER", iOS.kind, iOS.agent, iOS.version}.as(t, h)}
	other.provision()
	other.restart()
	before := len(h.contents(t, mail.RoleDrafts))
	for n := range 20 {
		id := element(other.do(addDraft(fmt.Sprint(n), same)), "ServerId")
		other.do(changeDraft(id, fmt.Sprintf(`<Subject xmlns="Email">s%d</Subject>`, n)))
	}
	if n := len(h.contents(t, mail.RoleDrafts)) - before; n != 20 {
		t.Errorf("%d drafts of twenty", n)
	}
}
