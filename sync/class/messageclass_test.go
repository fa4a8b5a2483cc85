package class

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/protocol/eas"
)

// MS-ASEMAIL 2.2.2.49.
func TestMessageClasses(t *testing.T) {
	report := func(kind, content string) string {
		return "Content-Type: multipart/report; report-type=" + kind + "; boundary=r\r\n\r\n--r\r\n\r\ntext\r\n--r\r\nContent-Type: message/" + kind + "\r\n\r\n" + content + "\r\n--r--\r\n"
	}
	calendar := func(method, content string) string {
		return "Content-Type: text/calendar; method=" + method + "\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261123T090000Z\r\n" + content + "END:VEVENT\r\nEND:VCALENDAR\r\n"
	}
	for _, c := range []struct{ raw, want string }{
		{"Subject: x\r\n\r\nx", "IPM.Note"},
		{"", "IPM.Note"},
		{string(fixture(t, "signed")), "IPM.Note.SMIME.MultipartSigned"},
		{string(fixture(t, "encrypted")), "IPM.Note.SMIME"},
		{"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\nx", "IPM.Note.SMIME"},
		{"Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=s\r\n\r\n--s\r\n\r\nx\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--s--\r\n", "IPM.Note"},
		{string(fixture(t, "report")), "REPORT.IPM.NOTE.NDR"},
		{report("delivery-status", "Reporting-MTA: dns; x\r\n\r\nAction: Delayed"), "REPORT.IPM.NOTE.DELAYED"},
		{report("delivery-status", "Action: relayed"), "REPORT.IPM.NOTE.DR"},
		{report("delivery-status", "no action"), "IPM.Note"},
		{report("disposition-notification", "Disposition: manual-action/MDN-sent-manually; displayed"), "REPORT.IPM.NOTE.IPNRN"},
		{report("disposition-notification", "Disposition: automatic-action/MDN-sent-automatically;deleted"), "REPORT.IPM.NOTE.IPNNRN"},
		{string(fixture(t, "invitation")), "IPM.Schedule.Meeting.Request"},
		{calendar("CANCEL", ""), "IPM.Schedule.Meeting.Canceled"},
		{calendar("REPLY", "ATTENDEE;PARTSTAT=ACC\r\n EPTED:mailto:bob@example.com\r\n"), "IPM.Schedule.Meeting.Resp.Pos"},
		{calendar("REPLY", "ATTENDEE;PARTSTAT=declined:mailto:bob@example.com\r\n"), "IPM.Schedule.Meeting.Resp.Neg"},
		{calendar("REPLY", "ATTENDEE;PARTSTAT=TENTATIVE:mailto:bob@example.com\r\n"), "IPM.Schedule.Meeting.Resp.Tent"},
		{calendar("PUBLISH", ""), "IPM.Note"},
		{"Content-Type: application/pkcs7-mime; smime-type=signed-receipt\r\n\r\nx", "IPM.Note.Receipt.SMIME"},
		{"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nx", "IPM.Note.SMIME"},
		{"Content-Class: voice-ca\r\n\r\nx", "IPM.Note.Microsoft.Voicemail.UM.CA"},
		{"Content-Class: Voice\r\n\r\nx", "IPM.Note.Microsoft.Voicemail.UM"},
		{"Content-Class: missedcall\r\n\r\nx", "IPM.Note.Microsoft.Missed.Voice"},
		{"Content-Class: voice-uc\r\n\r\nx", "IPM.Note.Microsoft.Conversation.Voice"},
		{"Content-Class: fax-ca\r\n\r\nx", "IPM.Note.Microsoft.Fax.CA"},
		{"Content-Class: urn:content-class:custom.order\r\n\r\nx", "IPM.Note.Custom.order"},
		{"Content-Class: InfoPathForm.Travel.Form1\r\n\r\nx", "IPM.InfoPathForm.travel"},
		{"Content-Class: urn:content-classes:message\r\n\r\nx", "IPM.Note"},
		{"Content-Class: rpmsg.message\r\n\r\nx", "IPM.Note"},
		{"Content-Type: multipart/mixed; boundary=s\r\n\r\n--s\r\n\r\nx\r\n--s\r\nContent-Type: application/x-sharing-metadata-xml; name=sharing_metadata.xml\r\n\r\n<x/>\r\n--s--\r\n", "IPM.Sharing"},
		{string(fixture(t, "winmail-outlook")), "IPM.Note"},
		{string(fixture(t, "winmail-meeting")), "IPM.Schedule.Meeting.Request"},
	} {
		ix := message.Parse([]byte(c.raw))
		if got := messageClass(ix, strings.NewReader(c.raw)); got != c.want {
			t.Errorf("%q: %s, want %s", c.raw, got, c.want)
		}
	}
}

// MS-ASEMAIL_R603: a report says what kind of message it is about, as far as it
// brings that along.
func TestReportsNameWhatTheyReport(t *testing.T) {
	const signed = "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=s\r\n\r\n--s\r\n\r\nx\r\n--s--\r\n"
	const encrypted = "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nx"
	const request = "Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
	for _, c := range []struct{ action, kind, original, want string }{
		{"failed", "message/rfc822", signed, "REPORT.IPM.NOTE.SMIME.MULTIPARTSIGNED.NDR"},
		{"delivered", "message/rfc822", signed, "REPORT.IPM.NOTE.SMIME.MULTIPARTSIGNED.DR"},
		{"failed", "text/rfc822-headers", encrypted, "REPORT.IPM.NOTE.SMIME.NDR"},
		{"relayed", "message/rfc822", encrypted, "REPORT.IPM.NOTE.SMIME.DR"},
		{"delayed", "message/rfc822", encrypted, "REPORT.IPM.NOTE.DELAYED"},
		{"failed", "message/rfc822", request, "REPORT.IPM.SCHEDULE.MEETING.REQUEST.NDR"},
		{"delivered", "message/rfc822", request, "REPORT.IPM.NOTE.DR"},
		{"failed", "message/rfc822", "Subject: x\r\n\r\nx", "REPORT.IPM.NOTE.NDR"},
	} {
		raw := "Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n--r\r\n\r\ntext\r\n--r\r\nContent-Type: message/delivery-status\r\n\r\nAction: " + c.action +
			"\r\n\r\n--r\r\nContent-Type: " + c.kind + "\r\n\r\n" + c.original + "\r\n--r--\r\n"
		ix := message.Parse([]byte(raw))
		if got := messageClass(ix, strings.NewReader(raw)); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.action, c.original, got, c.want)
		}
	}
}

// All messages of a thread have one ConversationId, whoever wrote them.
func TestAThreadHasOneConversation(t *testing.T) {
	thread := []string{
		"Message-ID: <root@example.org>\r\nSubject: Lunch\r\n\r\nx",
		"Message-ID: <a@example.com>\r\nIn-Reply-To: <root@example.org>\r\nSubject: Re: Lunch\r\n\r\nx",
		"Message-ID: <b@example.net>\r\nReferences: <root@example.org>\r\n <a@example.com>\r\nIn-Reply-To: <a@example.com>\r\nSubject: AW: Lunch\r\n\r\nx",
	}
	first := conversationID(&mail.Item{}, message.Parse([]byte(thread[0])))
	for _, raw := range thread {
		if id := conversationID(&mail.Item{}, message.Parse([]byte(raw))); !bytes.Equal(id, first) || len(id) != 16 {
			t.Errorf("%q: %x, want %x", raw, id, first)
		}
	}
	other := conversationID(&mail.Item{}, message.Parse([]byte("Message-ID: <other@example.org>\r\nSubject: Lunch\r\n\r\nx")))
	if bytes.Equal(other, first) {
		t.Error("another thread of the same subject is taken for this one")
	}
}

// MS-ASCON 2.2.2.4: the time of the thread without reserved byte and GUID, then
// each reply's.
func TestConversationIndex(t *testing.T) {
	index := []byte{1, 0xdd, 0x5b, 1, 2, 3, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 21, 22, 23, 24, 25}
	raw := "Thread-Index: " + base64.StdEncoding.EncodeToString(index) + "\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\n\r\nx"
	ix := message.Parse([]byte(raw))
	if got, want := conversationIndex(&mail.Item{}, ix), []byte{0xdd, 0x5b, 1, 2, 3, 21, 22, 23, 24, 25}; !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
	// Without it: 2026-11-23T09:00:00Z is the FILETIME 01dd7b2905132800.
	ix.ThreadIndex = nil
	if got, want := conversationIndex(&mail.Item{}, ix), []byte{0xdd, 0x7b, 0x29, 0x05, 0x13}; !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

func TestAddressListsEndWithAWholeAddress(t *testing.T) {
	var raw strings.Builder
	raw.WriteString("To: ")
	for range 1000 {
		raw.WriteString("\"Somebody With A Long Name\" <somebody.with.a.long.address@department.example.org>,\r\n ")
	}
	raw.WriteString("\r\nBcc: a@example.org, b@example.org\r\nReply-To: a@example.org, b@example.org\r\nFrom: a@example.org\r\nSender: A <A@example.org>\r\n\r\nx")
	b := []byte(raw.String())
	e := render(t, itemOf(b), b, &Options{Version: eas.V161})
	if n := len(e.To); n > maxRecipients || n < maxRecipients-100 || !strings.HasSuffix(e.To, ">") {
		t.Errorf("To: %d bytes: …%s", n, e.To[n-20:])
	}
	if e.Bcc != "a@example.org, b@example.org" || e.ReplyTo != "a@example.org; b@example.org" || len(e.DisplayTo) > maxRecipients {
		t.Errorf("Bcc %q, ReplyTo %q", e.Bcc, e.ReplyTo)
	}
	long := []byte("From: \"" + strings.Repeat("x", maxRecipients) + "\" <a@example.org>\r\n\r\nx")
	if e := render(t, itemOf(long), long, &Options{Version: eas.V161}); len(e.From) > maxRecipients || e.From == "" { // MS-ASEMAIL_R477
		t.Errorf("From: %d bytes", len(e.From))
	}
	if e.Sender != "" {
		t.Errorf("a sender who is the author is named: %q (MS-ASEMAIL_R726)", e.Sender)
	}
}
