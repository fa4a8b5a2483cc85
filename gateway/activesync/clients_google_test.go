package activesync_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/message"
	"martlet/store"
)

// Android resets the account without Outbox, Drafts and Deleted Items; Samsung and
// Windows Phone take one calendar and one contacts folder, iOS one of notes.
func TestTheHierarchyHasEachDefaultFolderOnce(t *testing.T) {
	h := build(t)
	for _, c := range append(oldClients, allClients...) {
		p := c.as(t, h)
		p.provision()
		types := elements(p.send("FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`), "Type")
		for kind, name := range map[string]string{"2": "Inbox", "3": "Drafts", "4": "Deleted Items", "5": "Sent Items", "6": "Outbox", "7": "Tasks", "8": "Calendar", "9": "Contacts", "10": "Notes"} {
			n := 0
			for _, got := range types {
				if got == kind {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%s: %d folders of type %s (%s)", c.kind, n, kind, name)
			}
		}
		for _, kind := range []string{"13", "14", "15", "17"} { // a user's own of the same classes
			if slices.Contains(types, kind) {
				t.Errorf("%s: a folder of type %s", c.kind, kind)
			}
		}
	}
}

// Android tries an account with the device id "validate" before it is set up, and
// goes as far as the folders, at every version; it provisions if it likes.
func TestAConnectionTestGoesAsFarAsTheFolders(t *testing.T) {
	h := build(t)
	for _, version := range allVersions {
		p := client{"validate", "Android", aosp.agent, version}.as(t, h)
		if a := p.read(h.do(p.request(http.MethodOptions, "", nil))); a.status != 200 {
			t.Errorf("%s: OPTIONS: HTTP %d", version, a.status)
		}
		for _, when := range []string{"before a policy", "with one"} {
			if doc := p.send("FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`); element(doc, "Status") != "1" || element(doc, "SyncKey") == "" {
				t.Errorf("%s, %s:\n%s", version, when, doc)
			}
			p.provision()
		}
		if slices.Contains(allVersions[:1], version) {
			continue // which has no Settings
		}
		if doc := p.send("Settings", `<Settings xmlns="Settings"><DeviceInformation><Set><Model>Test</Model></Set></DeviceInformation></Settings>`); statuses(doc) != "1 1" {
			t.Errorf("%s: Settings is answered\n%s", version, doc)
		}
	}
	h.update(t, func(tx *store.Tx) error {
		for d, err := range h.devices.List(tx, h.account.ID) {
			t.Errorf("%v is kept, %v", d.ID, err)
		}
		return nil
	})
}

// Android syncs and pings the Outbox like any folder, though nothing is ever in it.
func TestTheOutboxIsSyncedAndPinged(t *testing.T) {
	h := build(t)
	outbox := fmt.Sprint(h.folder(t, mail.RoleOutbox))
	for _, c := range []client{aosp, gmail, samsung} {
		p := c.as(t, h)
		p.provision()
		p.folderSync()
		s := p.following(outbox, `<Options><FilterType>2</FilterType></Options>`)
		s.all()
		inbox := p.following("1", "")
		inbox.all()
		answer := p.later("Ping", pingOf(480, outbox, "1"))
		waitHeld(t, h.server, 1)
		h.deliver(t, 1, plainMail, 0)
		if ping := <-answer; element(ping, "Status") != "2" || !slices.Equal(elements(ping, "Folder"), []string{"1"}) {
			t.Errorf("%s: Ping is answered\n%s", c.kind, ping)
		}
		if inbox.all(); len(s.have) != 0 {
			t.Errorf("%s: the Outbox has %v", c.kind, s.have)
		}
		if ping := p.pinging(pingOf(480, outbox, "1")); ping != "" {
			t.Errorf("%s: Ping is answered\n%s", c.kind, ping)
		}
		waitHeld(t, h.server, 0)
	}
}

// Without a CollectionId, as Android asks, or with 0, as Outlook does, all folders
// are searched. Range and Total are there even if nothing was found.
func TestASearchTellsRangeAndTotal(t *testing.T) {
	h := build(t)
	for i, role := range []mail.Role{mail.RoleInbox, mail.RoleSent, mail.RoleDeletedItems} {
		h.deliver(t, h.folder(t, role), fmt.Sprintf("Subject: needle %d\r\n\r\nx", i), int64(i)*1000)
	}
	for _, c := range append([]client{{"ANDROID120", "Android", aosp.agent, "12.0"}, {"ANDROID121", "Android", aosp.agent, "12.1"}}, allClients...) {
		p := c.as(t, h)
		p.provision()
		for _, tt := range []struct{ conditions, options, rng, total string }{
			{`<Class xmlns="AirSync">Email</Class><FreeText>needle</FreeText>`, `<RebuildResults/><DeepTraversal/><Range>0-9</Range>`, "0-2", "3"},
			{`<Class xmlns="AirSync">Email</Class><CollectionId xmlns="AirSync">0</CollectionId><FreeText>needle</FreeText>`, `<RebuildResults/><DeepTraversal/><Range>0-9</Range>`, "0-2", "3"},
			{`<FreeText>needle</FreeText>`, "", "0-2", "3"},
			{`<FreeText>needle</FreeText>`, `<Range>1-1</Range>`, "1-1", "3"},
			{`<FreeText>haystack</FreeText>`, `<Range>0-9</Range>`, "0-0", "0"},
			{`<Class xmlns="AirSync">Calendar</Class><FreeText>needle</FreeText>`, `<Range>0-9</Range>`, "0-0", "0"},
		} {
			doc := p.send("Search", searchMail(tt.conditions, tt.options))
			if element(doc, "Range") != tt.rng || element(doc, "Total") != tt.total || statuses(doc) != "1 1" {
				t.Errorf("%s %s: %s %s is answered\n%s", c.kind, c.version, tt.conditions, tt.options, doc)
			}
		}
		for text, want := range map[string]string{"anna": "1", "Anna Ash": "1", "nobody at all": "0"} {
			doc := p.send("Search", searchIn("GAL", `<Query>`+text+`</Query><Options><Range>0-99</Range></Options>`))
			if element(doc, "Range") != "0-0" || element(doc, "Total") != want {
				t.Errorf("%s %s: %q in the address list:\n%s", c.kind, c.version, text, doc)
			}
		}
	}
}

// Android, and people, divide addresses with semicolons.
func TestRecipientsDividedBySemicolons(t *testing.T) {
	h := build(t)
	if _, err := h.directory.AddUser(t.Context(), directory.Account{Login: "bob@example.org", Name: "Bob Birch"}, "secret"); err != nil {
		t.Fatal(err)
	}
	const to = `"Ash; Anna" <anna@example.org>; bob@example.org;`
	raw := func(s string) string {
		return "From: anna@example.org\r\nTo: " + to + "\r\nSubject: " + s + "\r\n\r\nx\r\n"
	}
	original := h.deliver(t, 1, toAll, 0)
	for _, version := range []string{"2.5", "12.1", "14.1", "16.1"} {
		p := client{"SEMI" + strings.ReplaceAll(version, ".", ""), "Android", aosp.agent, version}.as(t, h)
		p.provision()
		before := h.items(t, mail.RoleInbox)
		if slices.Contains(allVersions[:3], version) {
			p.post("SendMail", "message/rfc822", []byte(raw("sent by "+version)), "SaveInSent", "T")
		} else if doc := p.send("SendMail", `<SendMail xmlns="ComposeMail"><ClientId>s</ClientId><SaveInSentItems/>`+opaque(raw("sent by "+version))+`</SendMail>`); doc != "" {
			t.Errorf("%s: SendMail is answered\n%s", version, doc)
		}
		if a := p.smart("SmartReply", "r", original, raw("reply by "+version), ""); a.status != 200 || len(a.body) > 0 {
			t.Errorf("%s: SmartReply gets HTTP %d\n%s", version, a.status, a.xml)
		}
		if got := h.items(t, mail.RoleInbox) - before; got != 2 {
			t.Errorf("%s: %d messages came, want 2", version, got)
		}
		_, kept := h.last(t, mail.RoleInbox)
		if ix := message.Parse([]byte(kept)); len(ix.To) != 2 || ix.To[0].Name != "Ash; Anna" || ix.To[1].Address != "bob@example.org" {
			t.Errorf("%s: To is %+v", version, ix.To)
		}
	}
	d := &drafter{phone: gmail.as(t, h)}
	d.provision()
	d.restart()
	d.do(`<Add><ClientId>1</ClientId><Send xmlns="Email2"/><ApplicationData><To xmlns="Email">` + strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(to) + `</To><Subject xmlns="Email">drafted</Subject></ApplicationData></Add>`)
	if _, kept := h.last(t, mail.RoleInbox); !strings.Contains(kept, "Subject: drafted") || len(message.Parse([]byte(kept)).To) != 2 {
		t.Errorf("a draft's recipients:\n%s", kept)
	}
}

// Android takes no flag that has some of its four dates; another program may give
// it one. Without any, as most programs flag, it has none.
func TestAFlagHasAllItsDatesOrNone(t *testing.T) {
	h := build(t)
	due := time.Date(2026, 12, 24, 18, 0, 0, 0, time.UTC)
	for i, f := range []mail.FollowUp{{}, {Due: due}, {UTCStart: due}, {Start: due, UTCDue: due.AddDate(0, 0, 1)}} {
		it := h.deliver(t, 1, fmt.Sprintf("Subject: %d\r\n\r\nx", i), int64(1000-i))
		f.Status = mail.FollowUpActive
		h.touch(t, it, func(it *mail.Item) { it.FollowUp = f })
	}
	for _, c := range []client{aosp, gmail, samsung, {"FLAGS121", "Android", aosp.agent, "12.1"}} {
		p := c.as(t, h)
		p.provision()
		doc := p.firstSync("")
		for _, name := range []string{"StartDate", "DueDate", "UtcStartDate", "UtcDueDate"} {
			if got := elements(doc, name); len(got) != 3 {
				t.Errorf("%s: %s is %q", c.kind, name, got)
			}
		}
		// Set by the phone, without dates and with them.
		s := p.following("1", "")
		s.all()
		for id, dates := range map[string]string{"1:1": "", "1:2": `<StartDate xmlns="Tasks">2026-12-01T00:00:00.000Z</StartDate><UtcStartDate xmlns="Tasks">2026-12-01T00:00:00.000Z</UtcStartDate><DueDate xmlns="Tasks">2026-12-02T00:00:00.000Z</DueDate><UtcDueDate xmlns="Tasks">2026-12-02T00:00:00.000Z</UtcDueDate>`} {
			doc := s.next(`<Commands><Change><ServerId>` + id + `</ServerId><ApplicationData><Flag xmlns="Email"><Status>2</Status><FlagType>Flag for follow up</FlagType>` + dates + `</Flag></ApplicationData></Change></Commands>`)
			if strings.Contains(doc, "<Responses>") {
				t.Errorf("%s: a flag is refused:\n%s", c.kind, doc)
			}
		}
	}
}

// Gmail refuses a policy that asks for a password and says nothing else of it.
func TestThePolicyIsWhole(t *testing.T) {
	h := build(t)
	for _, c := range append([]client{{"POLICY120", "Android", aosp.agent, "12.0"}, {"POLICY121", "Android", aosp.agent, "12.1"}}, allClients...) {
		p := c.as(t, h)
		offer := p.send("Provision", `<Provision xmlns="Provision">`+map[bool]string{true: aboutPhone}[c.version >= "14.1"]+`<Policies><Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType></Policy></Policies></Provision>`)
		if !strings.Contains(offer, "<DevicePasswordEnabled>") {
			t.Errorf("%s: no policy:\n%s", c.kind, offer)
		}
		for _, name := range []string{"AlphanumericDevicePasswordRequired", "MinDevicePasswordLength", "MaxInactivityTimeDeviceLock", "MaxDevicePasswordFailedAttempts", "AllowSimpleDevicePassword", "DevicePasswordExpiration", "DevicePasswordHistory"} {
			if element(offer, name) == "" {
				t.Errorf("%s: DevicePasswordEnabled comes without %s", c.kind, name)
			}
		}
	}
}
