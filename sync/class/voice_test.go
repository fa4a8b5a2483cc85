package class

import (
	"strings"
	"testing"

	"martlet/protocol/eas"
)

// voiceMail is as a voice mail server writes it: the first recording and a later
// one.
const voiceMail = "From: +49301234@example.org\r\nTo: anna@example.org\r\nSubject: Voice mail (0:42)\r\nContent-Class: voice-ca\r\nX-CallingTelephoneNumber: +49301234\r\nX-VoiceMessageDuration: 42\r\n" +
	"X-AttachmentOrder: second.mp3;first.mp3\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=v\r\n\r\n--v\r\nContent-Type: text/html\r\n\r\n<p>You have a voice mail.</p>\r\n" +
	"--v\r\nContent-Type: audio/mpeg; name=first.mp3\r\nContent-Disposition: attachment; filename=first.mp3\r\n\r\nx\r\n" +
	"--v\r\nContent-Type: audio/mpeg; name=second.mp3\r\nContent-Disposition: attachment; filename=second.mp3\r\n\r\ny\r\n" +
	"--v\r\nContent-Type: text/plain; name=log.txt\r\nContent-Disposition: attachment; filename=log.txt\r\n\r\nz\r\n--v--\r\n"

// MS-ASEMAIL_R799, R803, R805, R808, R809, R812, R933.
func TestAVoiceMailSaysWhoCalledAndOrdersItsRecordings(t *testing.T) {
	for _, v := range []eas.Version{eas.V140, eas.V141, eas.V161} {
		e := render(t, itemOf([]byte(voiceMail)), []byte(voiceMail), &Options{Version: v})
		if e.MessageClass != "IPM.Note.Microsoft.Voicemail.UM.CA" || e.UmCallerID != "+49301234" || len(e.Attachments) != 3 {
			t.Fatalf("%v: %s, %q, %d attachments", v, e.MessageClass, e.UmCallerID, len(e.Attachments))
		}
		first, second, log := e.Attachments[0].Attachment, e.Attachments[1].Attachment, e.Attachments[2].Attachment
		if first.UmAttOrder == nil || *first.UmAttOrder != 2 || first.UmAttDuration != nil {
			t.Errorf("%v: the first recording: %+v", v, first)
		}
		if second.UmAttOrder == nil || *second.UmAttOrder != 1 || second.UmAttDuration == nil || *second.UmAttDuration != 42 {
			t.Errorf("%v: the latest recording: %+v", v, second)
		}
		if log.UmAttOrder != nil || log.UmAttDuration != nil {
			t.Errorf("%v: no recording: %+v (MS-ASEMAIL_R802)", v, log)
		}
	}
	if e := render(t, itemOf([]byte(voiceMail)), []byte(voiceMail), &Options{Version: eas.V121}); e.UmCallerID != "" || e.Attachments[1].Attachment.UmAttOrder != nil {
		t.Errorf("12.1 does not know voice mail (MS-ASEMAIL_R1446): %+v", e)
	}
}

func TestOnlyVoiceMailHasItsElements(t *testing.T) {
	for name, c := range map[string]struct {
		from, to, caller string
		orders           bool
	}{
		"a note with the headers of a recall": {"Content-Class: voice-ca\r\n", "", "", false},
		"a missed call (MS-ASEMAIL_R878)":     {"voice-ca", "missedcall", "+49301234", true},
		"a fax":                               {"voice-ca", "fax", "", false},
		"a conversation":                      {"voice-ca", "voice-uc", "", false},
		"anonymous (MS-ASEMAIL_R932)":         {"Number: +49301234", "Number: anonymous", "", true},
		"a SIP address (MS-ASEMAIL_R814)":     {"Number: +49301234", "Number: sip:bob@example.org", "sip:bob@example.org", true},
		"no order is told":                    {"X-AttachmentOrder: second.mp3;first.mp3\r\n", "", "+49301234", true},
	} {
		raw := []byte(strings.Replace(voiceMail, c.from, c.to, 1))
		e := render(t, itemOf(raw), raw, &Options{Version: eas.V161})
		latest := e.Attachments[1].Attachment
		if e.UmCallerID != c.caller || (latest.UmAttOrder != nil) != c.orders || c.orders && *latest.UmAttOrder != 1 {
			t.Errorf("%s: caller %q, latest %+v", name, e.UmCallerID, latest)
		}
	}
}

// MS-ASEMAIL_R833, R937: notes come from winmail.dat only.
func TestNotesOfAVoiceMailAreShownAndCut(t *testing.T) {
	raw := []byte(voiceMail)
	ix := parse(raw)
	ix.Voice.Notes = strings.Repeat("ä", 10000)
	var e eas.Email
	if err := RenderEmail(itemOf(raw), ix, strings.NewReader(voiceMail), &Options{Version: eas.V161}, &e); err != nil {
		t.Fatal(err)
	}
	if len(e.UmUserNotes) != 16374 {
		t.Errorf("%d bytes", len(e.UmUserNotes))
	}
}
