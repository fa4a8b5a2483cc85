package search

import (
	"strings"
	"testing"
	"time"

	"martlet/mail/message"
)

// A request is found by the meeting that it asks to, and nothing else is.
func TestARequestIsFoundByItsMeeting(t *testing.T) {
	raw := func(kind, lines string) string {
		return "Subject: x\r\nContent-Type: text/calendar; " + kind + "\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + lines + "DTSTART:20260610T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	}
	long := strings.Repeat("x", 300) + "@example.com"
	for _, tt := range []struct {
		name, raw string
		meeting   Meeting
		want      bool
	}{
		{"a request", raw("method=REQUEST", "UID:1\r\n"), Meeting{UID: "1"}, true},
		{"another meeting", raw("method=REQUEST", "UID:1\r\n"), Meeting{UID: "2"}, false},
		{"a long name", raw("method=REQUEST", "UID:"+long+"\r\n"), Meeting{UID: long}, true},
		{"an occurrence", raw("method=REQUEST", "UID:1\r\nRECURRENCE-ID:20260610T100000Z\r\n"), Meeting{"1", time.Date(2026, 6, 10, 12, 0, 0, 0, time.FixedZone("", 7200))}, true},
		{"the series of an occurrence", raw("method=REQUEST", "UID:1\r\nRECURRENCE-ID:20260610T100000Z\r\n"), Meeting{UID: "1"}, false},
		{"a cancellation", raw("method=CANCEL", "UID:1\r\n"), Meeting{UID: "1"}, false},
		{"a file", raw("method=REQUEST\r\nContent-Disposition: attachment", "UID:1\r\n"), Meeting{UID: "1"}, false},
		{"no name", raw("method=REQUEST", ""), Meeting{}, false},
		{"no calendar", "Content-Type: text/calendar; method=REQUEST\r\n\r\nUID:1\r\n", Meeting{UID: "1"}, false},
	} {
		terms, err := Extract(message.Parse([]byte(tt.raw)), message.Bytes(tt.raw))
		if err != nil {
			t.Fatal(err)
		}
		plan, err := Compile(tt.meeting, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		plan.AddTerms(1, terms)
		may, _ := plan.Candidates()
		if got := may.Len() == 1; got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// Some programs send nothing but the meeting: what it says is the message's
// text, and words of its files are not.
func TestTheWordsOfAMeetingAlone(t *testing.T) {
	event := func(lines string) string {
		return "Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260610T100000Z\r\n" + lines + "END:VEVENT\r\nEND:VCALENDAR\r\n"
	}
	beside := "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b\r\n" + event("DESCRIPTION:harbour\r\n") + "--b--\r\n"
	for _, tt := range []struct {
		name, raw, query string
		want             bool
	}{
		{"what it is about", event("DESCRIPTION:The harbour\\, at noon\r\n"), "body:harbour", true},
		{"a phrase", event("DESCRIPTION:The harbour\\, at noon\r\n"), `"harbour at noon"`, true},
		{"where it is", event("LOCATION:Pier 4\r\n"), "body:pier", true},
		{"what an attendee says", event("COMMENT:Gladly\r\n"), "gladly", true},
		{"the text beside it", beside, "plain", true},
		{"its words beside a text", beside, "harbour", false},
	} {
		q := Parse(tt.query)
		src := message.Bytes(tt.raw)
		ix := message.Parse([]byte(tt.raw))
		terms, err := Extract(ix, src)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := Compile(q, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		plan.AddTerms(1, terms)
		may, _ := plan.Candidates()
		if got := may.Len() == 1; got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
