package activesync_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/mail/calendar"
)

// tuesdays is a series of five Tuesdays.
func tuesdays(version, title string) string {
	k := kinds()[0]
	r := `<Type xmlns="Calendar">1</Type><Occurrences xmlns="Calendar">5</Occurrences><Interval xmlns="Calendar">1</Interval><DayOfWeek xmlns="Calendar">4</DayOfWeek>`
	if versionAt(version, "14.1") {
		r += `<FirstDayOfWeek xmlns="Calendar">1</FirstDayOfWeek>`
	}
	return k.data(version, title) + `<Recurrence xmlns="Calendar">` + r + `</Recurrence>`
}

func changeOccurrence(id, instance, data string) string {
	return `<Change><ServerId>` + id + `</ServerId><InstanceId xmlns="AirSyncBase">` + instance + `</InstanceId><ApplicationData>` + data + `</ApplicationData></Change>`
}

func deleteOccurrence(id, instance string) string {
	return `<Delete><ServerId>` + id + `</ServerId><InstanceId xmlns="AirSyncBase">` + instance + `</InstanceId></Delete>`
}

// iOS's "Add to calendar" twice: the UID, or since 16.0 the ClientUid, says that
// the event is there (MS-ASCAL_R2062). The phone has what is there then.
func TestAnEventThatIsAddedTwiceIsOne(t *testing.T) {
	k := kinds()[0]
	for _, version := range []string{"12.1", "14.1", "16.0", "16.1"} {
		h := build(t)
		p := newCollector(t, h, "phone", version, "7")
		event := func(title string) string {
			data := strings.Replace(k.data(version, "one"), ">one<", ">"+title+"<", 1)
			if versionAt(version, "16.0") {
				data = `<ClientUid xmlns="Calendar">0123456789ABCDEF0123456789ABCDE</ClientUid>` + data
			}
			return data
		}
		first := p.add("1", event("one"))
		doc := p.do(addItem("2", event("two")))
		if element(inner(doc, "Responses"), "ServerId") != first || element(inner(doc, "Commands"), "Subject") != "one" {
			t.Errorf("%s: added again:\n%s", version, doc)
		}
		other := newCollector(t, h, "other", version, "7")
		doc = other.do(addItem("9", event("three")))
		if element(inner(doc, "Responses"), "ServerId") != first || element(inner(doc, "Commands"), "Subject") != "one" || strings.Count(doc, "<Subject") != 1 {
			t.Errorf("%s: added by another phone:\n%s", version, doc)
		}
		if versionAt(version, "16.0") { // iOS ends it with a NUL, too
			nul := base64.StdEncoding.EncodeToString([]byte("0123456789ABCDEF0123456789ABCDE\x00"))
			doc = p.do(addItem("3", strings.Replace(event("four"), `<ClientUid xmlns="Calendar">0123456789ABCDEF0123456789ABCDE<`, `<ClientUid xmlns="Calendar" encoding="base64">`+nul+`<`, 1)))
			if element(inner(doc, "Responses"), "ServerId") != first {
				t.Errorf("%s: added with a NUL:\n%s", version, doc)
			}
		}
		if n := len(h.kept(t, mail.RoleCalendar)); n != 1 {
			t.Errorf("%s: %d events", version, n)
		}
	}
}

// MS-ASCAL_R2223: since 16.0 the server says what an event is called; before, the
// phone has said so, and the schema has no place for it.
func TestANewEventIsAnsweredWithItsUID(t *testing.T) {
	k := kinds()[0]
	for _, version := range []string{"14.1", "16.0", "16.1"} {
		h := build(t)
		p := newCollector(t, h, "phone", version, "7")
		doc := p.do(addItem("1", k.data(version, "a")))
		uid := element(inner(doc, "Responses"), "UID")
		if (uid != "") != versionAt(version, "16.0") || uid != "" && !strings.Contains(h.kept(t, mail.RoleCalendar)[0].raw, uid) {
			t.Errorf("%s: UID %q in\n%s", version, uid, doc)
		}
	}
}

// MS-ASCMD_R6238, R6420, MS-ASAIRS_R1177: since 16.0 one occurrence is changed and
// deleted by its InstanceId; other phones see an exception of the series.
func TestOneOccurrenceIsChangedAndDeleted(t *testing.T) {
	h := build(t)
	p, old := newCollector(t, h, "new", "16.1", "7"), newCollector(t, h, "old", "14.1", "7")
	id := p.add("1", tuesdays("16.1", "series"))
	if doc := p.do(changeOccurrence(id, "20261208T090000Z", `<Subject xmlns="Calendar">moved</Subject>`)); strings.Contains(doc, "<Responses>") {
		t.Errorf("changed:\n%s\n%s", doc, h.log)
	}
	if doc := p.do(deleteOccurrence(id, "20261215T090000Z")); strings.Contains(doc, "<Responses>") {
		t.Errorf("deleted:\n%s\n%s", doc, h.log)
	}
	doc := old.do("")
	exceptions := strings.Split(inner(doc, "Exceptions"), "<Exception>")
	if len(exceptions) != 3 || !slices.ContainsFunc(exceptions, func(e string) bool {
		return element(e, "ExceptionStartTime") == "20261208T090000Z" && element(e, "Subject") == "moved"
	}) || !slices.ContainsFunc(exceptions, func(e string) bool {
		return element(e, "ExceptionStartTime") == "20261215T090000Z" && element(e, "Deleted") == "1"
	}) {
		t.Errorf("the other phone sees\n%s\nof\n%s", doc, h.kept(t, mail.RoleCalendar)[0].raw)
	}
	before := h.kept(t, mail.RoleCalendar)[0].ModSeq
	// A second time it is deleted as wanted; what never took place is not found.
	doc = p.do(deleteOccurrence(id, "20261215T090000Z") + changeOccurrence(id, "20261209T090000Z", `<Subject xmlns="Calendar">x</Subject>`))
	if got := fmt.Sprint(elements(inner(doc, "Responses"), "Status"), elements(inner(doc, "Responses"), "InstanceId")); got != "[8] [20261209T090000Z]" {
		t.Errorf("occurrences that are not there: %s\n%s", got, doc)
	}
	if h.kept(t, mail.RoleCalendar)[0].ModSeq != before {
		t.Error("the series was changed")
	}
	doc = old.do(changeOccurrence(id, "20261222T090000Z", `<Subject xmlns="Calendar">x</Subject>`) + deleteOccurrence(id, "20261222T090000Z"))
	if got := fmt.Sprint(elements(inner(doc, "Responses"), "Status")); got != "[6 6]" || strings.Contains(doc, "InstanceId") {
		t.Errorf("before 16.0: %s\n%s", got, doc)
	}
}

// EAS-4-TbSync sends one command for each occurrence, all beside the same
// ServerId, in one request; each builds on what the one before has made.
func TestSeveralOccurrencesOfOneRequest(t *testing.T) {
	h := build(t)
	p := newCollector(t, h, "tbsync", "16.1", "7")
	id := p.add("1", tuesdays("16.1", "series"))
	request := changeItem(id, `<Subject xmlns="Calendar">renamed</Subject>`) +
		changeOccurrence(id, "20261208T090000Z", `<Subject xmlns="Calendar">second</Subject>`) +
		changeOccurrence(id, "20261215T090000Z", `<Subject xmlns="Calendar">third</Subject>`) +
		deleteOccurrence(id, "20261222T090000Z") + deleteOccurrence(id, "20261229T090000Z")
	for range 2 { // the answer is lost
		if doc := p.again(request); strings.Contains(doc, "<Responses>") {
			t.Errorf("answered:\n%s\n%s", doc, h.log)
		}
	}
	raw := h.kept(t, mail.RoleCalendar)[0].raw
	for _, want := range []string{"SUMMARY:renamed", "SUMMARY:second", "SUMMARY:third"} {
		if strings.Count(raw, want) != 1 {
			t.Errorf("%s in\n%s", want, raw)
		}
	}
	if strings.Count(raw, "EXDATE") == 0 || strings.Count(raw, "BEGIN:VEVENT") != 3 {
		t.Errorf("kept as\n%s", raw)
	}
	p.do(request)
	// The last occurrence takes the event with it.
	p.do(deleteOccurrence(id, "20261201T090000Z") + deleteOccurrence(id, "20261208T090000Z"))
	p.do(deleteOccurrence(id, "20261215T090000Z"))
	if all := h.kept(t, mail.RoleCalendar); len(all) != 0 && !strings.Contains(all[0].raw, "EXDATE") {
		t.Errorf("left is\n%s", all[0].raw)
	}
}

// MS-ASAIRS_R1336, MS-ASCMD_R6234: attachments of an event, since 16.0.
func TestAttachmentsOfAnEvent(t *testing.T) {
	k := kinds()[0]
	h := build(t)
	p := newCollector(t, h, "phone", "16.1", "7")
	doc := p.do(addItem("1", k.data("16.1", "a")+attachments(attach("f1", "plan.txt", "the plan"))))
	reference := element(inner(doc, "Responses"), "FileReference")
	if reference == "" || element(inner(doc, "Responses"), "UID") == "" {
		t.Fatalf("added:\n%s\n%s", doc, h.log)
	}
	id := element(inner(doc, "Responses"), "ServerId")
	for range 2 { // the answer is lost
		doc = p.again(changeItem(id, attachments(attach("f2", "map.txt", "the map"))))
		if r := inner(doc, "Responses"); element(r, "FileReference") == "" || element(r, "ServerId") != id || element(r, "Status") != "1" {
			t.Errorf("changed:\n%s", doc)
		}
	}
	p.do(changeItem(id, attachments(attach("f2", "map.txt", "the map"))))
	two := newCollector(t, h, "two", "16.1", "7")
	doc = two.do("")
	if names := fmt.Sprint(elements(doc, "DisplayName")); !strings.Contains(names, "plan.txt") || !strings.Contains(names, "map.txt") || strings.Count(names, "map.txt") != 1 {
		t.Errorf("the other phone sees %s in\n%s", names, doc)
	}
	fetched := two.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><FileReference xmlns="AirSyncBase">`+reference+`</FileReference></Fetch></ItemOperations>`)
	if got, _ := base64.StdEncoding.DecodeString(element(fetched, "Data")); string(got) != "the plan" && element(fetched, "Data") != "the plan" {
		t.Errorf("fetched:\n%s", fetched)
	}
	old := newPhone(t, h, "old", "12.1")
	old.provision()
	if a := old.post("GetAttachment", "", nil, "AttachmentName", reference); a.status != http.StatusOK || string(a.body) != "the plan" {
		t.Errorf("GetAttachment: %d %q", a.status, a.body)
	}
	p.do(changeItem(id, attachments(`<Delete><FileReference>`+reference+`</FileReference></Delete>`)))
	fetched = two.send("ItemOperations", `<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><FileReference xmlns="AirSyncBase">`+reference+`</FileReference></Fetch></ItemOperations>`)
	if got := fmt.Sprint(elements(fetched, "Status")); got != "[1 15]" {
		t.Errorf("without it: %s", got)
	}
	if doc := two.do(""); strings.Contains(doc, "plan.txt") || !strings.Contains(doc, "map.txt") {
		t.Errorf("the other phone is told\n%s", doc)
	}
}

// MS-ASCMD_R876, R877, R6236, R6237: exceptions that a Change does not name stay.
func TestExceptionsThatAreNotNamedStay(t *testing.T) {
	for _, version := range []string{"2.5", "12.1", "14.1"} {
		h := build(t)
		p := newCollector(t, h, "phone", version, "7")
		exception := func(at, title string) string {
			return `<Exception><ExceptionStartTime>` + at + `</ExceptionStartTime><Subject>` + title + `</Subject></Exception>`
		}
		exceptions := func(s string) string { return `<Exceptions xmlns="Calendar">` + s + `</Exceptions>` }
		id := p.add("1", tuesdays(version, "series")+exceptions(exception("20261208T090000Z", "second")))
		kept := func() string {
			raw := h.kept(t, mail.RoleCalendar)[0].raw
			return fmt.Sprint(strings.Count(raw, "SUMMARY:second"), strings.Count(raw, "SUMMARY:third"), strings.Count(raw, "BEGIN:VEVENT"))
		}
		p.do(changeItem(id, tuesdays(version, "renamed")))
		if got := kept(); got != "1 0 2" {
			t.Errorf("%s: without Exceptions: %s", version, got)
		}
		p.do(changeItem(id, tuesdays(version, "renamed")+exceptions(exception("20261215T090000Z", "third"))))
		if got := kept(); got != "1 1 3" {
			t.Errorf("%s: with another exception: %s\n%s", version, got, h.kept(t, mail.RoleCalendar)[0].raw)
		}
	}
}

// MS-ASCMD_R537, R6105, R538: what is in the calendar is sent on: a meeting, an
// appointment, one occurrence.
func TestAnEventIsSentOnFromTheCalendar(t *testing.T) {
	for _, version := range []string{"14.1", "16.1"} {
		h := build(t)
		p := newCollector(t, h, "phone", version, "7")
		id := p.add("1", tuesdays(version, "series"))
		before := h.kept(t, mail.RoleCalendar)[0].ModSeq
		forward := func(instance string) {
			t.Helper()
			mime := base64.StdEncoding.EncodeToString([]byte("To: anna@example.org\r\nSubject: FW: series\r\n\r\nlook\r\n"))
			source := `<FolderId>7</FolderId><ItemId>` + id + `</ItemId>`
			if instance != "" {
				source += `<InstanceId>` + instance + `</InstanceId>`
			}
			doc := p.send("SmartForward", `<SmartForward xmlns="ComposeMail"><ClientId>c`+instance+`</ClientId><Source>`+source+`</Source><Mime encoding="base64">`+mime+`</Mime></SmartForward>`)
			if doc != "" {
				t.Errorf("%s: forwarded:\n%s", version, doc)
			}
		}
		forward("")
		forward("2026-12-08T09:00:00.000Z")
		got := h.contents(t, mail.RoleInbox)
		if len(got) != 2 || !strings.Contains(got[0].raw, "look") || !strings.Contains(got[0].raw, "text/calendar") {
			t.Fatalf("%s: %d messages\n%s", version, len(got), h.log)
		}
		for i, w := range got {
			o, err := calendar.Parse([]byte(calendarOf(t, &w)))
			if err != nil || strings.Contains(calendarOf(t, &w), "VALARM") || o.Master().Summary != "series" {
				t.Fatalf("%s: %d: %v\n%s", version, i, err, w.raw)
			}
			if recurs := o.Master().Recurs(); recurs != (i == 0) {
				t.Errorf("%s: %d recurs: %t", version, i, recurs)
			}
		}
		if h.kept(t, mail.RoleCalendar)[0].ModSeq != before {
			t.Errorf("%s: the event was changed", version)
		}
	}
}

// calendarOf is the calendar object in a message.
func calendarOf(t *testing.T, w *written) string {
	t.Helper()
	for i := range w.ix.Parts {
		if w.ix.Parts[i].Type == "text/calendar" {
			b, err := io.ReadAll(w.ix.Open(i, strings.NewReader(w.raw)))
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
	}
	return ""
}

// MS-ASCMD_R2971, R5877: an estimate counts what is to come whatever the filter.
func TestAnEstimateKnowsWhatIsToCome(t *testing.T) {
	h := build(t)
	k := kinds()[0]
	p := newCollector(t, h, "phone", "14.1", "7")
	other := newCollector(t, h, "other", "14.1", "7")
	at := func(title, year, rest string) string {
		return strings.ReplaceAll(k.data("14.1", title), ">2026120", ">"+year+"120") + rest
	}
	p.add("1", at("past", "2019", ""))
	p.add("2", at("future", "2126", ""))
	p.add("3", at("endless", "2018", `<Recurrence xmlns="Calendar"><Type>1</Type><Interval>1</Interval><DayOfWeek>4</DayOfWeek></Recurrence>`))
	for filter, want := range map[string]string{"0": "3", "4": "2", "7": "2"} {
		doc := other.send("GetItemEstimate", `<GetItemEstimate xmlns="GetItemEstimate"><Collections><Collection><SyncKey xmlns="AirSync">`+other.key+`</SyncKey><CollectionId>7</CollectionId><Options xmlns="AirSync"><FilterType>`+filter+`</FilterType></Options></Collection></Collections></GetItemEstimate>`)
		if got := element(doc, "Estimate"); got != want {
			t.Errorf("filter %s: %s, want %s\n%s", filter, got, want, doc)
		}
	}
}

// MS-ASCMD_R7478, R7479: since 16.0 the server tells the people of a meeting what
// becomes of it, each thing once; before, their phone does. A reminder that moves
// is nobody else's business.
func TestTheServerInvitesSince160(t *testing.T) {
	k := kinds()[0]
	for _, version := range []string{"14.1", "16.1"} {
		h := build(t)
		bob := h.other(t, "bob@example.org")
		inbox := func() (methods []string) {
			for _, w := range h.keptIn(t, mail.MailboxOf(bob.ID), h.folder(t, mail.RoleInbox)) {
				for _, m := range []string{"REQUEST", "CANCEL"} {
					if strings.Contains(w.raw, "method="+m) {
						methods = append(methods, m)
					}
				}
			}
			return methods
		}
		p := newCollector(t, h, "phone", version, "7")
		people := `<Attendees xmlns="Calendar"><Attendee><Email>bob@example.org</Email><Name>Bob</Name><AttendeeType>1</AttendeeType></Attendee></Attendees>`
		meeting := strings.Replace(k.data(version, "meeting"), `<MeetingStatus xmlns="Calendar">0<`, `<MeetingStatus xmlns="Calendar">1<`, 1)
		if versionAt(version, "16.0") {
			meeting += `<MeetingStatus xmlns="Calendar">1</MeetingStatus>`
		}
		step := func(name, commands, want string) {
			t.Helper()
			for range 2 { // the answer is lost
				p.again(commands)
			}
			if doc := p.do(commands); strings.Contains(inner(doc, "Responses"), "<Status>6") {
				t.Errorf("%s: %s:\n%s", version, name, doc)
			}
			if version == "14.1" {
				want = "[]"
			}
			if got := fmt.Sprint(inbox()); got != want {
				t.Errorf("%s: %s: %s, want %s\n%s", version, name, got, want, h.log)
			}
		}
		step("invited", addItem("1", meeting+people), "[REQUEST]")
		id := fmt.Sprintf("7:%d", h.kept(t, mail.RoleCalendar)[0].ID)
		step("reminded", changeItem(id, strings.Replace(meeting, `>15</Reminder>`, `>30</Reminder>`, 1)+people), "[REQUEST]")
		step("moved", changeItem(id, strings.Replace(strings.Replace(meeting, "20261201T09", "20261201T11", 1), "20261201T10", "20261201T12", 1)+people), "[REQUEST REQUEST]")
		step("called off", deleteItem(id), "[REQUEST REQUEST CANCEL]")
	}
}

// Who is invited to a series later is invited to its exceptions, too, in one message.
func TestWhoIsInvitedLaterHasTheExceptionsToo(t *testing.T) {
	k := kinds()[0]
	h := build(t)
	bob, eve := h.other(t, "bob@example.org"), h.other(t, "eve@example.org")
	p := newCollector(t, h, "phone", "16.1", "7")
	person := func(name string) string {
		return `<Attendee><Email>` + strings.ToLower(name) + `@example.org</Email><Name>` + name + `</Name><AttendeeType>1</AttendeeType></Attendee>`
	}
	id := p.add("1", k.data("16.1", "meeting")+`<MeetingStatus xmlns="Calendar">1</MeetingStatus><Recurrence xmlns="Calendar"><Type>0</Type><Occurrences>3</Occurrences></Recurrence><Attendees xmlns="Calendar">`+person("Bob")+`</Attendees>`)
	p.do(`<Change><ServerId>` + id + `</ServerId><InstanceId xmlns="AirSyncBase">20261202T090000Z</InstanceId><ApplicationData><StartTime xmlns="Calendar">20261202T150000Z</StartTime><EndTime xmlns="Calendar">20261202T160000Z</EndTime></ApplicationData></Change>`)
	p.do(changeItem(id, `<Attendees xmlns="Calendar">`+person("Bob")+person("Eve")+`</Attendees>`))
	mails := h.keptIn(t, mail.MailboxOf(eve.ID), h.folder(t, mail.RoleInbox))
	if len(mails) != 1 || !strings.Contains(mails[0].raw, "method=REQUEST") || strings.Count(mails[0].raw, "BEGIN:VEVENT") != 2 || strings.Contains(mails[0].raw, "EXDATE") {
		t.Errorf("%d messages:\n%v\n%s", len(mails), mails, h.log)
	}
	if n := len(h.keptIn(t, mail.MailboxOf(bob.ID), h.folder(t, mail.RoleInbox))); n > 3 { // the series, the occurrence, who else comes
		t.Errorf("%d messages to who was there", n)
	}
}
