package activesync_test

import (
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/message"
	"martlet/store"
)

// invitation is a meeting request as Outlook sends one.
var invitation = crlf(`From: Ben Birch <ben@example.com>
To: anna@example.org
Subject: Planning
Date: Mon, 01 Jun 2026 10:00:00 +0000
Message-ID: <planning@example.com>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=utf-8

Let us plan.
--a
Content-Type: text/calendar; charset=utf-8; method=REQUEST

BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
METHOD:REQUEST
BEGIN:VEVENT
UID:planning-1@example.com
DTSTAMP:20260601T095500Z
DTSTART:20260610T100000Z
DTEND:20260610T110000Z
SUMMARY:Planning
LOCATION:Room 1
ORGANIZER;CN=Ben Birch:mailto:ben@example.com
ATTENDEE;CN=Anna Ash;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:anna@example.org
SEQUENCE:0
END:VEVENT
END:VCALENDAR
--a--
`)

// weekly is the same each Wednesday.
var weekly = strings.Replace(invitation, "SUMMARY:", "RRULE:FREQ=WEEKLY;COUNT=4\r\nSUMMARY:", 1)

// meetingIn is the calendar object of a message, with its method.
func meetingIn(t testing.TB, raw string) *calendar.Object {
	t.Helper()
	ix := message.Parse([]byte(raw))
	for i := range ix.Parts {
		if ix.Parts[i].Type == "text/calendar" {
			text, _, _, _ := ix.ReadText(i, message.Bytes(raw), -1)
			o, err := calendar.Parse([]byte(text))
			if err != nil || o.Method != ix.Parts[i].Method {
				t.Fatalf("%v in\n%s", err, raw)
			}
			return o
		}
	}
	t.Fatalf("no meeting in\n%s", raw)
	return nil
}

// respond sends a MeetingResponse for an item; extra stands behind the ids.
func (p *phone) respond(it mail.Item, response, extra string) string {
	p.t.Helper()
	return p.send("MeetingResponse", `<MeetingResponse xmlns="MeetingResponse"><Request><UserResponse>`+response+`</UserResponse><CollectionId>`+
		strconv.Itoa(int(it.Folder))+`</CollectionId><RequestId>`+serverID(it)+`</RequestId>`+extra+`</Request></MeetingResponse>`)
}

// MS-ASCMD_R266, R5705, R5706: a request is accepted, tentatively accepted or
// declined. Up to 14.1 the client writes to the organizer itself (R268).
func TestAMeetingIsAnswered(t *testing.T) {
	for _, version := range allVersions {
		for response, status := range map[string]string{"1": "ACCEPTED", "2": "TENTATIVE", "3": "DECLINED"} {
			t.Run(version+" "+status, func(t *testing.T) {
				h := build(t)
				it := h.deliver(t, 1, invitation, 0)
				p := newPhone(t, h, "phone", version)
				p.provision()
				extra := ""
				if version >= "16" && version != "2.5" {
					extra = `<SendResponse><Body xmlns="AirSyncBase"><Type>1</Type><EstimatedDataSize>5</EstimatedDataSize><Data>Grüße</Data></Body></SendResponse>`
				}
				for range 2 { // the second time its answer was lost
					doc := p.respond(it, response, extra)
					if element(doc, "Status") != "1" || element(doc, "RequestId") != serverID(it) {
						t.Fatal(doc)
					}
					event, there := h.meeting(t, "planning-1@example.com")
					if id := element(doc, "CalendarId"); status == "DECLINED" && (there || id != "") || status != "DECLINED" && (!there || id != serverID(event)) { // MS-ASCMD_R830, R831, R837
						t.Fatalf("the calendar has it: %t\n%s", there, doc)
					}
				}
				if n := h.items(t, mail.RoleInbox); n != 0 {
					t.Errorf("%d requests in the inbox", n)
				}
				if _, raw := h.last(t, mail.RoleDeletedItems); !strings.Contains(raw, "planning-1") {
					t.Errorf("deleted:\n%s", raw)
				}
				if extra == "" {
					if n := h.items(t, mail.RoleSent); n != 0 { // MS-ASCMD_R7113
						t.Errorf("%d messages sent", n)
					}
					return
				}
				if n := h.items(t, mail.RoleSent); n != 1 {
					t.Errorf("%d messages sent", n)
				}
				_, raw := h.last(t, mail.RoleSent)
				e := meetingIn(t, raw).Master()
				if e.UID != "planning-1@example.com" || len(e.Attendees) != 1 || e.Attendees[0].Status != status || e.Attendees[0].Address != "anna@example.org" || e.Organizer.Address != "ben@example.com" {
					t.Errorf("%+v", e)
				}
				ix := message.Parse([]byte(raw))
				if ix.To[0].Address != "ben@example.com" || ix.From[0].Address != "anna@example.org" || !strings.HasSuffix(ix.Subject, ": Planning") || ix.InReplyTo != "planning@example.com" || !strings.Contains(texts(raw), "Grüße") { // MS-ASCMD_R7115
					t.Errorf("%s", raw)
				}
			})
		}
	}
}

// MS-ASCMD_R7114, R7113 and the time that 16.1 proposes.
func TestWhatTheOrganizerHears(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "phone", "16.1")
	p.provision()
	it := h.deliver(t, 1, strings.ReplaceAll(invitation, "mailto:anna@example.org", "mailto:A.Ash@example.org"), 0)
	if doc := p.respond(it, "1", "<SendResponse/>"); element(doc, "Status") != "1" {
		t.Fatal(doc)
	}
	_, raw := h.last(t, mail.RoleSent)
	ix := message.Parse([]byte(raw))
	if !strings.HasPrefix(strings.TrimSpace(texts(raw)), "BEGIN:VCALENDAR") {
		t.Errorf("an empty body was wanted:\n%s", raw)
	}
	if ix.From[0].Address != "A.Ash@example.org" { // as they were invited
		t.Errorf("from %+v", ix.From)
	}
	it = h.deliver(t, 1, weekly, 0)
	doc := p.respond(it, "2", `<SendResponse><Body xmlns="AirSyncBase"><Type>2</Type><EstimatedDataSize>5</EstimatedDataSize><Data>&lt;b&gt;Later&lt;/b&gt;</Data></Body><ProposedStartTime>20260611T120000Z</ProposedStartTime><ProposedEndTime>20260611T130000Z</ProposedEndTime></SendResponse>`)
	if element(doc, "Status") != "1" {
		t.Fatal(doc)
	}
	_, raw = h.last(t, mail.RoleSent)
	o := meetingIn(t, raw)
	if e := o.Master(); o.Method != "COUNTER" || e.Start.Day() != 11 || e.Start.Hour() != 12 || e.End.Hour() != 13 || e.Attendees[0].Status != "TENTATIVE" || e.Comment != "Later" {
		t.Errorf("%s", raw)
	}
	if !strings.Contains(raw, "Subject: New Time Proposed: Planning") || !strings.Contains(texts(raw), "<b>Later</b>") {
		t.Errorf("%s", raw)
	}
}

// iOS names the calendar for a request in the inbox.
func TestARequestIsFoundThroughTheCalendarFolder(t *testing.T) {
	h := build(t)
	it := h.deliver(t, 1, invitation, 0)
	p := newPhone(t, h, "phone", "16.1")
	p.provision()
	cal := strconv.Itoa(int(h.folder(t, mail.RoleCalendar)))
	doc := p.send("MeetingResponse", `<MeetingResponse xmlns="MeetingResponse"><Request><UserResponse>1</UserResponse><CollectionId>`+cal+`</CollectionId><RequestId>`+serverID(it)+`</RequestId></Request></MeetingResponse>`)
	if element(doc, "Status") != "1" || h.items(t, mail.RoleInbox) != 0 {
		t.Error(doc)
	}
}

func TestARequestIsFoundByItsLongID(t *testing.T) {
	for _, version := range allVersions {
		h := build(t)
		it := h.deliver(t, 1, invitation, 0)
		p := newPhone(t, h, "phone", version)
		p.provision()
		for range 2 {
			doc := p.send("MeetingResponse", `<MeetingResponse xmlns="MeetingResponse"><Request><UserResponse>1</UserResponse><LongId xmlns="Search">`+serverID(it)+":"+strconv.FormatUint(it.Object, 10)+`</LongId></Request></MeetingResponse>`)
			if element(doc, "Status") != "1" || strings.Contains(doc, "RequestId") || h.items(t, mail.RoleInbox) != 0 { // MS-ASCMD_R5374
				t.Errorf("%s:\n%s", version, doc)
			}
		}
	}
}

func TestWrongMeetingResponses(t *testing.T) {
	h := build(t)
	note := h.deliver(t, 1, "Subject: x\r\n\r\ny", 0)
	request := h.deliver(t, 1, invitation, 0)
	recurring := h.deliver(t, 1, weekly, 0)
	cancel := h.deliver(t, 1, strings.ReplaceAll(strings.ReplaceAll(invitation, "method=REQUEST", "method=CANCEL"), "METHOD:REQUEST", "METHOD:CANCEL"), 0)
	mine := h.deliver(t, 1, strings.ReplaceAll(invitation, "mailto:ben@example.com", "mailto:a.ash@example.org"), 0)
	fixed := h.deliver(t, 1, strings.Replace(invitation, "SEQUENCE:0", "X-MICROSOFT-DISALLOW-COUNTER:TRUE", 1), 0)
	ids := func(it mail.Item) string {
		return `<UserResponse>1</UserResponse><CollectionId>1</CollectionId><RequestId>` + serverID(it) + `</RequestId>`
	}
	const proposal = `<ProposedStartTime>20260611T120000Z</ProposedStartTime><ProposedEndTime>20260611T130000Z</ProposedEndTime>`
	for _, version := range allVersions {
		p := newPhone(t, h, "phone"+strings.ReplaceAll(version, ".", ""), version)
		p.provision()
		has := func(from string) bool { return slices.Index(allVersions, version) >= slices.Index(allVersions, from) }
		instance := func(since string) string {
			if has("14.1") {
				return since
			}
			return "2" // MS-ASCMD_R6712
		}
		for _, r := range []struct{ what, children, status string }{
			{"no meeting", ids(note), "2"},        // MS-ASCMD_R4183
			{"a cancellation", ids(cancel), "2"},  //
			{"one's own meeting", ids(mine), "2"}, // MS-ASCMD_R4184
			{"not there", strings.Replace(ids(note), serverID(note), "1:999", 1), "2"},
			{"nonsense", strings.Replace(ids(note), serverID(note), "nonsense", 1), "2"},
			{"another folder", strings.Replace(ids(request), "<CollectionId>1<", "<CollectionId>2<", 1), "2"},
			{"no such folder", strings.Replace(ids(request), "<CollectionId>1<", "<CollectionId>999<", 1), "2"},
			{"no folder", `<UserResponse>1</UserResponse><RequestId>` + serverID(request) + `</RequestId>`, "2"},
			{"no request", `<UserResponse>1</UserResponse><CollectionId>1</CollectionId>`, "2"},
			{"nothing named", `<UserResponse>1</UserResponse>`, "2"},
			{"no answer", strings.Replace(ids(request), "<UserResponse>1</UserResponse>", "", 1), "2"},
			{"an answer that is none", strings.Replace(ids(request), "<UserResponse>1<", "<UserResponse>4<", 1), "2"},
			{"zero", strings.Replace(ids(request), "<UserResponse>1<", "<UserResponse>0<", 1), "2"},
			{"LongId and RequestId", ids(request) + `<LongId xmlns="Search">1:1:1</LongId>`, "2"}, // MS-ASCMD_R7031
			{"a LongId that is none", `<UserResponse>1</UserResponse><LongId xmlns="Search">x</LongId>`, "2"},
			{"a date that is none", ids(recurring) + `<InstanceId>x</InstanceId>`, instance("104")},                                       // MS-ASCMD_R3195
			{"an occurrence of what does not recur", ids(request) + `<InstanceId>2026-06-10T10:00:00.000Z</InstanceId>`, instance("146")}, // MS-ASCMD_R3196
			{"an occurrence that is not there", ids(recurring) + `<InstanceId>2026-06-11T10:00:00.000Z</InstanceId>`, "2"},                // MS-ASCMD_R4186
			{"an occurrence of no name", ids(recurring) + `<InstanceId/>`, "2"},                                                           // MS-ASCMD_R4186
			{"an occurrence of a message", ids(recurring) + `<InstanceId>2026-06-10T10:00:00.000Z</InstanceId>`, "2"},                     // MS-ASCMD_R4185
			{"a body of another type", ids(request) + `<SendResponse><Body xmlns="AirSyncBase"><Type>4</Type><EstimatedDataSize>1</EstimatedDataSize><Data>x</Data></Body></SendResponse>`, "2"},
			{"half a proposal", ids(request) + `<SendResponse><ProposedStartTime>20260611T120000Z</ProposedStartTime></SendResponse>`, "2"}, // MS-ASCMD_R69901704
			{"a proposal backwards", ids(request) + `<SendResponse><ProposedStartTime>20260611T120000Z</ProposedStartTime><ProposedEndTime>20260611T110000Z</ProposedEndTime></SendResponse>`, "2"},
			{"a proposal that is not wanted", ids(fixed) + `<SendResponse>` + proposal + `</SendResponse>`, "2"},
		} {
			doc := p.send("MeetingResponse", `<MeetingResponse xmlns="MeetingResponse"><Request>`+r.children+`</Request></MeetingResponse>`)
			if got := element(doc, "Status"); got != r.status {
				t.Errorf("%s: %s: status %s, want %s", version, r.what, got, r.status)
			}
		}
		if !has("16.0") { // MS-ASCMD_R7116 to R7118
			if doc := p.respond(request, "1", "<SendResponse/>"); element(doc, "Status") != "2" {
				t.Errorf("%s: SendResponse: %s", version, doc)
			}
		}
		if !has("16.1") { // MS-ASCMD_R6990101743
			if doc := p.respond(request, "1", "<SendResponse>"+proposal+"</SendResponse>"); element(doc, "Status") != "2" {
				t.Errorf("%s: a proposal: %s", version, doc)
			}
		}
		if doc := p.send("MeetingResponse", `<MeetingResponse xmlns="MeetingResponse"/>`); element(doc, "Status") != "2" {
			t.Errorf("%s: nothing: %s", version, doc)
		}
		if doc := p.send("MeetingResponse", `<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`); element(doc, "Status") != "2" {
			t.Errorf("%s: another document: %s", version, doc)
		}
		a := p.post("MeetingResponse", "", nil)
		if has("14.0") && element(a.xml, "Status") != "101" || !has("14.0") && a.status != http.StatusBadRequest {
			t.Errorf("%s: no body: HTTP %d %s", version, a.status, a.xml)
		}
	}
	if in, sent := h.items(t, mail.RoleInbox), h.items(t, mail.RoleSent); in != 6 || sent != 0 {
		t.Errorf("%d in the inbox, %d sent", in, sent)
	}
}

// Each request has its own result, in order.
func TestSeveralMeetingsAreAnsweredAtOnce(t *testing.T) {
	h := build(t)
	one, two := h.deliver(t, 1, invitation, 0), h.deliver(t, 1, weekly, 0)
	p := newPhone(t, h, "phone", "14.1")
	p.provision()
	request := func(id string) string {
		return `<Request><UserResponse>3</UserResponse><CollectionId>1</CollectionId><RequestId>` + id + `</RequestId></Request>`
	}
	doc := p.send("MeetingResponse", `<MeetingResponse xmlns="MeetingResponse">`+request(serverID(one))+request("1:999")+request(serverID(two))+`</MeetingResponse>`)
	if got := elements(doc, "Status"); !slices.Equal(got, []string{"1", "2", "1"}) {
		t.Error(doc)
	}
	if got := elements(doc, "RequestId"); !slices.Equal(got, []string{serverID(one), "1:999", serverID(two)}) {
		t.Error(doc)
	}
}

// MS-ASCMD_R5650.
func TestNoMoreThanAHundredMeetingsAreAnswered(t *testing.T) {
	h := build(t)
	it := h.deliver(t, 1, invitation, 0)
	request := `<Request><UserResponse>3</UserResponse><CollectionId>1</CollectionId><RequestId>` + serverID(it) + `</RequestId></Request>`
	p := newPhone(t, h, "phone", "14.1")
	p.provision()
	if doc := p.send("MeetingResponse", `<MeetingResponse xmlns="MeetingResponse">`+strings.Repeat(request, 101)+`</MeetingResponse>`); element(doc, "Status") != "103" || h.items(t, mail.RoleInbox) != 1 {
		t.Error(doc)
	}
	if doc := p.send("MeetingResponse", `<MeetingResponse xmlns="MeetingResponse">`+strings.Repeat(request, 100)+`</MeetingResponse>`); len(elements(doc, "Status")) != 100 || h.items(t, mail.RoleInbox) != 0 {
		t.Error(doc)
	}
}

// MS-ASCMD_R6650, R7487: a meeting that is forwarded to Forwardees stays its
// organizer's.
func TestForwardeesGetTheMeeting(t *testing.T) {
	for _, version := range []string{"16.0", "16.1"} {
		h := build(t)
		it := h.deliver(t, 1, invitation, 0)
		p := newPhone(t, h, "phone", version)
		p.provision()
		forward := func() answer {
			return p.smartXML("SmartForward", `<ClientId>f1</ClientId><Source><FolderId>1</FolderId><ItemId>`+serverID(it)+`</ItemId></Source>`+
				`<Forwardees><Forwardee><Name>Dörte, D.</Name><Email>dora@example.com</Email></Forwardee><Forwardee><Email>anna@example.org</Email></Forwardee></Forwardees>`+
				`<Body xmlns="AirSyncBase"><Type>1</Type><EstimatedDataSize>3</EstimatedDataSize><Data>FYI</Data></Body>`)
		}
		if a := forward(); a.status != http.StatusOK || len(a.body) != 0 {
			t.Fatalf("HTTP %d\n%s", a.status, a.xml)
		}
		p.wasSent(forward())
		got, raw := h.last(t, mail.RoleInbox)
		e := meetingIn(t, raw).Master()
		ix := message.Parse([]byte(raw))
		if e.Organizer.Address != "ben@example.com" || e.UID != "planning-1@example.com" || ix.Subject != "FW: Planning" || len(ix.To) != 2 || ix.To[0].Name != "Dörte, D." || !strings.HasPrefix(texts(raw), "FYI") {
			t.Errorf("%s:\n%s", version, raw)
		}
		if got.ID == it.ID || h.items(t, mail.RoleSent) != 1 {
			t.Errorf("%s: not sent", version)
		}
		if it = h.item(t, it); it.LastVerb != 3 {
			t.Errorf("%s: verb %d", version, it.LastVerb)
		}
	}
}

// MS-ASCMD_R538, R539: one occurrence, or the whole.
func TestOneOccurrenceIsForwarded(t *testing.T) {
	for _, version := range allVersions {
		h := build(t)
		it := h.deliver(t, 1, weekly, 0)
		p := newPhone(t, h, "phone", version)
		p.provision()
		forward := func(instance string) answer {
			if slices.Contains(allVersions[:3], version) {
				return p.post("SmartForward", "message/rfc822", []byte(mine), "CollectionId", "1", "ItemId", serverID(it), "SaveInSent", "T", "Occurrence", instance)
			}
			x := ""
			if instance != "" {
				x = `<InstanceId>` + instance + `</InstanceId>`
			}
			return p.smartXML("SmartForward", `<ClientId>c`+instance+`</ClientId><Source><FolderId>1</FolderId><ItemId>`+serverID(it)+`</ItemId>`+x+`</Source><SaveInSentItems/>`+opaque(mine))
		}
		if a := forward("2026-06-17T10:00:00.000Z"); a.status != http.StatusOK || len(a.body) != 0 {
			t.Fatalf("%s: HTTP %d\n%s", version, a.status, a.xml)
		}
		_, raw := h.last(t, mail.RoleSent)
		if e := meetingIn(t, raw).Master(); e.Rule != nil || e.RecurrenceID == nil || e.Start.Day() != 17 || e.End.Hour() != 11 {
			t.Errorf("%s:\n%s", version, raw)
		}
		if a := forward(""); a.status != http.StatusOK || len(a.body) != 0 {
			t.Fatalf("%s: HTTP %d\n%s", version, a.status, a.xml)
		}
		_, raw = h.last(t, mail.RoleSent)
		if e := meetingIn(t, raw).Master(); e.Rule == nil || e.RecurrenceID != nil {
			t.Errorf("%s:\n%s", version, raw)
		}
		// MS-ASCMD_R4930: there is no such occurrence.
		if a := forward("2026-06-18T10:00:00.000Z"); a.status != http.StatusBadRequest && element(a.xml, "Status") != "150" {
			t.Errorf("%s: HTTP %d\n%s", version, a.status, a.xml)
		}
	}
}

// FuzzMeetingResponse answers anything that calls itself a meeting, through the
// whole door and a real store.
func FuzzMeetingResponse(f *testing.F) {
	f.Add([]byte(invitation), "1", "", "", "x", true)
	f.Add([]byte(weekly), "2", "2026-06-17T10:00:00.000Z", "20260611T120000Z", "", false)
	f.Add([]byte(toAll), "3", "", "", "", false)
	h := build(f)
	p := newPhone(f, h, "fuzz", "16.1")
	p.provision()
	f.Fuzz(func(t *testing.T, request []byte, response, instance, proposed, text string, send bool) {
		it := h.deliver(t, 1, string(request), 0)
		one := *p
		one.t = t
		clean := func(s string) string { return html.EscapeString(strings.ToValidUTF8(s, "")) }
		x := `<UserResponse>` + clean(response) + `</UserResponse><CollectionId>1</CollectionId><RequestId>` + serverID(it) + `</RequestId>`
		if instance != "" {
			x += `<InstanceId>` + clean(instance) + `</InstanceId>`
		}
		if send {
			x += `<SendResponse><Body xmlns="AirSyncBase"><Type>1</Type><EstimatedDataSize>1</EstimatedDataSize><Data>` + clean(text) + `</Data></Body>`
			if proposed != "" {
				x += `<ProposedStartTime>` + clean(proposed) + `</ProposedStartTime><ProposedEndTime>` + clean(proposed) + `</ProposedEndTime>`
			}
			x += `</SendResponse>`
		}
		body, err := fromXML(`<MeetingResponse xmlns="MeetingResponse"><Request>` + x + `</Request></MeetingResponse>`)
		if err != nil {
			t.Skip(err)
		}
		if a := one.post("MeetingResponse", "application/vnd.ms-sync.wbxml", body); a.status != http.StatusOK || h.server.Panics() > 0 {
			t.Fatalf("HTTP %d\n%s", a.status, h.log)
		}
		h.update(t, func(tx *store.Tx) error { // not found by the next one
			_, err := h.mailboxes.Delete(tx, h.box, it.Folder, it.ID)
			if err != nil {
				return nil // it was answered
			}
			return nil
		})
	})
}

// MS-ASCMD_R5420: a reply without an InstanceId is one to the whole series.
func TestARecurringMeetingIsRepliedToAsAWhole(t *testing.T) {
	for _, version := range allVersions {
		h := build(t)
		it := h.deliver(t, 1, weekly, 0)
		p := newPhone(t, h, "phone", version)
		p.provision()
		if a := p.smart("SmartReply", "c1", it, mine, ""); a.status != http.StatusOK || len(a.body) != 0 {
			t.Fatalf("%s: HTTP %d\n%s", version, a.status, a.xml)
		}
		_, raw := h.last(t, mail.RoleSent)
		if ix := message.Parse([]byte(raw)); ix.InReplyTo != "planning@example.com" || strings.Contains(raw, "RECURRENCE-ID") {
			t.Errorf("%s:\n%s", version, raw)
		}
	}
}
