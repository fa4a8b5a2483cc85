package activesync_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/message"
	"martlet/store"
)

// Every client goes the whole way: it asks what there is, provisions, and has
// folders, mail and push; it sends a message and finds it.
func TestEveryClientGoesTheWholeWay(t *testing.T) {
	for _, c := range append(oldClients, allClients...) {
		t.Run(c.kind+" "+c.agent, func(t *testing.T) {
			h := build(t)
			h.deliver(t, 1, toAll, 0)
			p := c.as(t, h)
			if a := p.read(h.do(p.request("OPTIONS", "", nil))); a.status != 200 || !strings.Contains(strings.Join(exactly(a.header, "MS-ASProtocolVersions"), ""), c.version) {
				t.Fatalf("OPTIONS: HTTP %d, %v", a.status, a.header)
			}
			p.provision()
			p.folderSync()
			options := `<FilterType>0</FilterType><BodyPreference xmlns="AirSyncBase"><Type>2</Type><TruncationSize>200000</TruncationSize></BodyPreference>`
			if c.version == "2.5" {
				options = `<FilterType>0</FilterType><Truncation>8</Truncation>`
			}
			s := p.following("1", `<Options>`+options+`</Options>`)
			if s.all(); len(s.have) != 1 {
				t.Fatalf("the phone has %v", s.have)
			}
			answer := p.later("Ping", pingOf(480, "1"))
			waitHeld(t, h.server, 1)
			const mine = "To: anna@example.org\r\nSubject: to myself\r\n\r\nneedle\r\n"
			if slices.Contains(allVersions[:3], c.version) {
				if a := p.post("SendMail", "message/rfc822", []byte(mine), "SaveInSent", "T"); a.status != 200 || len(a.body) > 0 {
					t.Errorf("SendMail: HTTP %d\n%s", a.status, a.xml)
				}
			} else if doc := p.send("SendMail", `<SendMail xmlns="ComposeMail"><ClientId>1</ClientId><SaveInSentItems/>`+opaque(mine)+`</SendMail>`); doc != "" {
				t.Errorf("SendMail is answered\n%s", doc)
			}
			if ping := <-answer; element(ping, "Status") != "2" {
				t.Errorf("Ping is answered\n%s", ping)
			}
			if s.all(); len(s.have) != 2 || h.items(t, mail.RoleSent) != 1 {
				t.Errorf("the phone has %v", s.have)
			}
			search, found := searchMail(`<FreeText>needle</FreeText>`, ""), "2"
			if c.version == "2.5" { // which knows the address list only
				search, found = searchIn("GAL", `<Query>anna</Query>`), "1"
			}
			if doc := p.send("Search", search); element(doc, "Total") != found {
				t.Errorf("Search is answered\n%s", doc)
			}
			if d := h.device(t, c.device); d.Type != c.kind || d.UserAgent != c.agent {
				t.Errorf("the device is kept as %+v", d)
			}
		})
	}
}

// Nine and others write mail with whatever line ends.
func TestMailWithMixedLineEndsIsSent(t *testing.T) {
	h := build(t)
	raw := "To: anna@example.org\nSubject: mixed\r\nContent-Type: text/plain; charset=utf-8\n\none\r\ntwo\nthree\rfour\n"
	it := h.deliver(t, 1, toAll, 0)
	for _, version := range []string{"12.1", "14.1", "16.1"} {
		p := client{nine.device + strings.ReplaceAll(version, ".", ""), nine.kind, nine.agent, version}.as(t, h)
		p.provision()
		if version == "12.1" {
			p.post("SendMail", "message/rfc822", []byte(raw), "SaveInSent", "T")
		} else {
			p.send("SendMail", `<SendMail xmlns="ComposeMail"><ClientId>1</ClientId><SaveInSentItems/>`+opaque(raw)+`</SendMail>`)
		}
		for _, cmd := range []string{"SendMail", "SmartReply"} {
			if cmd == "SmartReply" {
				if a := p.smart(cmd, "2", it, raw, ""); a.status != 200 || len(a.body) > 0 {
					t.Errorf("%s: HTTP %d\n%s", version, a.status, a.xml)
				}
			}
			_, kept := h.last(t, mail.RoleInbox)
			if bare := strings.ReplaceAll(kept, "\r\n", ""); strings.ContainsAny(bare, "\r\n") {
				t.Errorf("%s %s: kept as %q", version, cmd, kept)
			}
			if ix := message.Parse([]byte(kept)); ix.Subject != "mixed" || !strings.Contains(texts(kept), "one\r\ntwo\r\nthree\r\nfour") {
				t.Errorf("%s %s: kept as %q", version, cmd, kept)
			}
		}
	}
}

// Windows Mail shows Preview in its list: it is there with a body and without
// one, from 1 to 255 characters.
func TestWindowsMailGetsItsPreview(t *testing.T) {
	h := build(t)
	h.deliver(t, 1, "Subject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>"+strings.Repeat("äöü ", 200)+"</p>", 0)
	for _, c := range []client{windowsMail, windowsPhone} {
		for _, size := range []string{"0", "1024", "500000"} {
			p := client{c.device[:20] + size, c.kind, c.agent, c.version}.as(t, h)
			p.provision()
			for _, want := range []int{1, 100, 255} {
				doc := p.firstSync(fmt.Sprintf(`<BodyPreference xmlns="AirSyncBase"><Type>2</Type><TruncationSize>%s</TruncationSize><Preview>%d</Preview></BodyPreference>`, size, want))
				if got := len([]rune(element(doc, "Preview"))); got == 0 || got > want || got < want-4 {
					t.Errorf("%s: %d of %d characters in\n%s", c.kind, got, want, doc)
				}
			}
		}
	}
}

// EAS-4-TbSync sends Options without anything in it: it replaces the set that
// was in force, as every Options does, and does not stand beside it.
func TestNewOptionsReplaceTheSet(t *testing.T) {
	h := build(t)
	p := tbsync.as(t, h)
	p.provision()
	p.folderSync()
	s := p.following("1", "")
	deliver := func() {
		h.deliver(t, 1, "Subject: x\r\nContent-Type: text/html\r\n\r\n<p>needle</p>", time.Now().UnixMilli())
		h.deliver(t, 1, "Subject: old\r\n\r\nx", 1_500_000_000_000)
	}
	for _, tt := range []struct {
		options string
		adds    int
		data    bool
	}{
		{`<Options><FilterType>5</FilterType><BodyPreference xmlns="AirSyncBase"><Type>2</Type></BodyPreference></Options>`, 1, true},
		{"", 1, true},            // what was said goes on
		{`<Options/>`, 4, false}, // no filter: the old ones come, too
		{"", 2, false},
		{`<Options><BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference></Options>`, 2, true},
	} {
		deliver()
		doc := s.next(tt.options)
		if got := strings.Count(doc, "<Add>"); got != tt.adds || strings.Contains(doc, "needle") != tt.data {
			t.Errorf("%q brings %d messages:\n%s", tt.options, got, doc)
		}
	}
}

// EAS-4-TbSync looks people up from four characters on; fewer find them, too.
func TestPeopleAreFoundByTheBeginningOfTheirNames(t *testing.T) {
	h := build(t)
	if _, err := h.directory.AddUser(t.Context(), directory.Account{Login: "theodora@example.org", Name: "Théodora Dogwood", GivenName: "Théodora", Surname: "Dogwood"}, "secret"); err != nil {
		t.Fatal(err)
	}
	p := tbsync.as(t, h)
	p.provision()
	for _, text := range []string{"theo", "Théo", "THEOD", "dogw", "Dogwood", "theodora@example.org", "theodora dogwood", "the", "do"} {
		doc := p.send("Search", searchIn("GAL", `<Query>`+text+`</Query><Options><Range>0-99</Range></Options>`))
		if element(doc, "EmailAddress") != "theodora@example.org" || element(doc, "Total") != "1" {
			t.Errorf("%q finds\n%s", text, doc)
		}
	}
}

// Provisioning ends (Z-Push #43): the key stays good whatever the phone does, after
// a restart of the server, and for one phone when another provisions; a phone that
// begins again keeps its old key until it has the new one.
func TestProvisioningDoesNotLoop(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir, 0)
	h.populate(t)
	var phones []*phone
	for _, c := range allClients {
		p := c.as(t, h)
		p.provision()
		phones = append(phones, p)
	}
	works := func(when string) {
		t.Helper()
		for _, p := range phones {
			for _, request := range [][2]string{
				{"FolderSync", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`},
				{"Settings", `<Settings xmlns="Settings"><DeviceInformation><Set><Model>Other</Model><OS>Later</OS></Set></DeviceInformation></Settings>`},
				{"Sync", syncRequest("0", "")},
			} {
				if doc := p.send(request[0], request[1]); element(doc, "Status") != "1" {
					t.Errorf("%s: %s, %s is answered\n%s", when, p.kind, request[0], doc)
				}
			}
		}
	}
	works("at once")
	for _, p := range phones { // the first phase only
		p.send("Provision", `<Provision xmlns="Provision">`+aboutPhone+`<Policies><Policy><PolicyType>MS-EAS-Provisioning-WBXML</PolicyType></Policy></Policies></Provision>`)
	}
	works("while it begins again")
	for i, p := range phones {
		old := p.policy
		p.header.Set("User-Agent", "updated/2.0")
		if p.provision(); p.policy == old {
			t.Errorf("client %d has the same key again", i)
		}
	}
	account, box := h.account, h.box
	h.close(t)
	h = open(t, dir, 0)
	defer h.close(t)
	h.account, h.box = account, box
	for _, p := range phones {
		p.house = h
	}
	works("after a restart")
}

// A large mailbox comes in answers that are bounded, whatever the phone asks, each
// with something in it, until all is there; GetItemEstimate tells how much that is
// (mailcow #2206).
func TestALargeMailboxComesInBoundedAnswers(t *testing.T) {
	h := build(t)
	h.fill(t, 1500)
	large := "Subject: large\r\n\r\n" + strings.Repeat("all work and no play\r\n", 100_000)
	for range 12 {
		h.deliver(t, 1, large, 0)
	}
	p := samsung.as(t, h)
	p.provision()
	p.folderSync()
	s := p.following("1", `<WindowSize>512</WindowSize><Options><FilterType>0</FilterType><BodyPreference xmlns="AirSyncBase"><Type>1</Type></BodyPreference></Options>`)
	doc := p.send("GetItemEstimate", `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection><SyncKey xmlns="AirSync">`+s.key+`</SyncKey><CollectionId>1</CollectionId><Options xmlns="AirSync"><FilterType>0</FilterType></Options></Collection></Collections></GetItemEstimate>`)
	if element(doc, "Estimate") != "1512" {
		t.Errorf("the estimate is\n%s", doc)
	}
	answers := 0
	for more := true; more; answers++ {
		before := len(s.have)
		doc := s.next("")
		more = strings.Contains(doc, "<MoreAvailable/>")
		if got := len(s.have) - before; got > 512 || got == 0 || len(doc) > 24<<20 {
			t.Fatalf("an answer with %d messages in %d bytes", got, len(doc))
		}
	}
	if len(s.have) != 1512 || answers > 8 {
		t.Errorf("%d messages in %d answers", len(s.have), answers)
	}
}

// An invitation is shown as one whichever way it is packed, and answered once,
// however often the phone says so (mailcow #3809, Z-Push #99, #136).
func TestInvitationsAreThereAndAnsweredOnce(t *testing.T) {
	_, calendarPart, _ := strings.Cut(invitation, "BEGIN:VCALENDAR")
	calendarPart, _, _ = strings.Cut("BEGIN:VCALENDAR"+calendarPart, "--a--")
	head := "From: Ben Birch <ben@example.com>\r\nTo: anna@example.org\r\nSubject: Planning\r\nMIME-Version: 1.0\r\n"
	packed := map[string]string{
		"alternative": invitation,
		"alone":       head + "Content-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\n" + calendarPart,
		"mixed": head + "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: text/plain\r\n\r\nLet us plan.\r\n--m\r\n" +
			"Content-Type: text/calendar; method=REQUEST; charset=utf-8; name=invite.ics\r\n\r\n" + calendarPart + "\r\n--m--\r\n",
		"and as a file": head + "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n" +
			invitation[strings.Index(invitation, "--a"):] + "--m\r\nContent-Type: application/ics; name=invite.ics\r\nContent-Disposition: attachment; filename=invite.ics\r\n\r\n" + calendarPart + "\r\n--m--\r\n",
	}
	for name, raw := range packed {
		for _, c := range []client{iOS, aosp, samsung, outlook} {
			h := build(t)
			it := h.deliver(t, 1, raw, 0)
			p := c.as(t, h)
			p.provision()
			doc := p.firstSync("")
			if element(doc, "MessageClass") != "IPM.Schedule.Meeting.Request" || element(doc, "StartTime") == "" || element(doc, "GlobalObjId")+element(doc, "UID") == "" {
				t.Errorf("%s, %s: shown as\n%s", c.kind, name, doc)
			}
			extra := ""
			if c.version == "16.1" {
				extra = "<SendResponse/>"
			}
			for range 3 {
				if doc := p.respond(it, "1", extra); element(doc, "Status") != "1" {
					t.Errorf("%s, %s: answered\n%s", c.kind, name, doc)
				}
			}
			sent := uint32(0)
			if extra != "" {
				sent = 1
			}
			if n := h.items(t, mail.RoleSent); n != sent || h.items(t, mail.RoleInbox) != 0 {
				t.Errorf("%s, %s: %d answers, %d requests left", c.kind, name, n, h.items(t, mail.RoleInbox))
			}
		}
	}
}

// One broken message among many, and every client gets past it: all others come,
// once, and no Sync asks to start anew.
func TestOneBrokenMessageDoesNotStopAClient(t *testing.T) {
	h := build(t)
	for i := range 9 {
		h.deliver(t, 1, fmt.Sprintf("Subject: m%d\r\nContent-Type: text/html\r\n\r\nthe body %d\r\n", i, i), int64(i)*1000)
	}
	h.damage(t, "the body 4")
	for _, c := range allClients {
		p := c.as(t, h)
		p.provision()
		p.folderSync()
		s := p.following("1", `<WindowSize>3</WindowSize><Options><BodyPreference xmlns="AirSyncBase"><Type>2</Type><TruncationSize>5000</TruncationSize></BodyPreference></Options>`)
		if s.all(); len(s.have) != 8 || s.have["1:5"] {
			t.Errorf("%s has %v", c.kind, s.have)
		}
		if ping := p.pinging(pingOf(480, "1")); ping != "" {
			t.Errorf("%s: Ping is answered\n%s", c.kind, ping)
		}
		waitHeld(t, h.server, 0)
	}
	h.update(t, func(tx *store.Tx) error {
		_, err := h.mailboxes.Delete(tx, h.box, 1, 5)
		return err
	})
}
