package activesync_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"martlet/mail"
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
