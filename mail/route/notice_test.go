package route

import (
	"errors"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/queue"
	"martlet/store"
)

func TestANoticeGoesToOneAddressHereOrElsewhere(t *testing.T) {
	f := open(t)
	text := []byte("From: <postmaster@mx.example.org>\r\nSubject: report\r\n\r\nall is well\r\n")
	then := 0
	f.must(f.router.Notice(t.Context(), "reports@client.example.com", text, func(*store.Tx) error { then++; return nil }))
	entries := f.queued()
	if len(entries) != 1 || entries[0].Envelope.From != "" || entries[0].Envelope.To[0].Address != "reports@client.example.com" || then != 1 {
		t.Fatalf("%d, the queue has %+v", then, entries)
	}
	if got := f.read(entries[0].Blob); !strings.HasSuffix(got, string(text)) {
		t.Errorf("queued:\n%s", got)
	}
	f.must(f.router.Notice(t.Context(), "bob@example.org", text, nil))
	if got := f.only("bob@example.org", mail.RoleInbox); got != "Return-Path: <>\r\n"+string(text) {
		t.Errorf("bob has:\n%s", got)
	}
	no := errors.New("no")
	if err := f.router.Notice(t.Context(), "reports@client.example.com", text, func(*store.Tx) error { return no }); !errors.Is(err, no) || len(f.queued()) != 1 {
		t.Errorf("%v, and %d are queued", err, len(f.queued()))
	}
	if err := f.router.Notice(t.Context(), "nobody@example.org", text, nil); !errors.Is(err, directory.ErrNoAddress) {
		t.Errorf("to nobody: %v", err)
	}
	if err := f.router.Notice(t.Context(), "a b", text, nil); !errors.Is(err, mail.ErrBadAddress) {
		t.Errorf("to no address: %v", err)
	}
}

// RFC 8689 5: what must be protected does not come back in plain text.
func TestAReportAboutProtectedMailHasItsHeaderOnly(t *testing.T) {
	for _, required := range []bool{false, true} {
		f := open(t)
		e := queue.Entry{Envelope: mail.Envelope{From: "bob@example.org", Ret: "FULL", RequireTLS: required, To: []mail.Recipient{{Address: "dora@client.example.com"}}}}
		lines := []reported{{address: "dora@client.example.com", action: mail.Failed, status: "5.7.30", said: "no TLS"}}
		r := f.router.writeReport(&e.Envelope, e.Envelope.To[0], lines, crlf("Subject: hi\n\nsecret text\n"), e.Created)
		if got := strings.Contains(string(r.raw), "secret text"); got == required {
			t.Errorf("REQUIRETLS %v: the report has\n%s", required, r.raw)
		}
	}
}
