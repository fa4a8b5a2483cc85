package class

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

const meetingBase = "UID:1\nDTSTART:20260610T100000Z\nDTEND:20260610T110000Z\n"

// MS-ASEMAIL_R265, R730: each value of BusyStatus and of Sensitivity.
func TestValuesOfAMeeting(t *testing.T) {
	for value, want := range map[string][2]uint8{"FREE": {0, 0}, "TENTATIVE": {1, 1}, "BUSY": {2, 2}, "OOF": {3, 3}, "WORKINGELSEWHERE": {2, 4}, "SOMETHING": {2, 2}} {
		for i, v := range []eas.Version{eas.V141, eas.V160} {
			if m := meetingOf(t, meetingMail("REQUEST", meetingBase+"X-MICROSOFT-CDO-INTENDEDSTATUS:"+value), v); m == nil || *m.BusyStatus != want[i] {
				t.Errorf("%s at %s: %+v", value, v, m)
			}
		}
	}
	for value, want := range map[string]uint8{"PUBLIC": 0, "PERSONAL": 1, "PRIVATE": 2, "CONFIDENTIAL": 3} {
		if m := meetingOf(t, meetingMail("REQUEST", meetingBase+"CLASS:"+value), eas.V141); m == nil || *m.Sensitivity != want {
			t.Errorf("%s: %+v", value, m)
		}
	}
}

// MS-ASEMAIL_R20001 to R20009: the id of one occurrence has its date, the id of
// a whole meeting zeros.
func TestTheIDOfAnOccurrenceHasItsDate(t *testing.T) {
	for lines, want := range map[string]string{
		meetingBase:                                    "00000000",
		meetingBase + "RRULE:FREQ=DAILY":               "00000000",
		meetingBase + "RECURRENCE-ID:20260609T100000Z": "07ea0609",
	} {
		m := meetingOf(t, meetingMail("REQUEST", lines), eas.V141)
		if m == nil {
			t.Fatal(lines)
		}
		b, err := base64.StdEncoding.DecodeString(m.GlobalObjID)
		if err != nil || len(b) < 40 || fmt.Sprintf("%x", b[16:20]) != want {
			t.Errorf("%s: % x, %v", lines, b, err)
		}
	}
}

// MS-ASEMAIL_R401, R781, R897, R908, R909, R1305: what a meeting must have is
// there, whatever its message leaves out.
func TestWhatAMeetingMustHave(t *testing.T) {
	for _, lines := range []string{"DTSTART:20260610T100000Z", "DTSTART:20260610T100000", "DTSTART;VALUE=DATE:20260610", "UID:1"} {
		for _, v := range eas.Versions() {
			m := meetingOf(t, meetingMail("REQUEST", lines), v)
			if m == nil {
				continue // it is not shown as a meeting
			}
			if m.DtStamp.IsZero() || m.TimeZone == "" || v < eas.V160 && m.GlobalObjID == base64.StdEncoding.EncodeToString(calendar.GlobalID("", time.Time{})) || v >= eas.V160 && m.UID == "" {
				t.Errorf("%s at %s: %+v", lines, v, m)
			}
		}
	}
	raw := append([]byte("Message-ID: <m@example.org>\r\n"), meetingMail("REQUEST", "DTSTART:20260610T100000Z")...)
	if m := meetingOf(t, raw, eas.V161); m == nil || m.UID != "m@example.org" {
		t.Errorf("without a UID: %+v", m)
	}
}
