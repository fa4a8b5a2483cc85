package route

import (
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
)

// RFC 3461 5.2.7: whoever announces DSN reports success when asked to.
func TestSuccessIsReportedToWhoAsksForIt(t *testing.T) {
	f := open(t)
	env := mail.Envelope{From: "dora@client.example.com", EnvID: "QQ+2B1", To: []mail.Recipient{
		{Address: "bob@example.org", Local: true, Accounts: []directory.AccountID{f.people["bob@example.org"]},
			Notify: mail.NotifySuccess | mail.NotifyFailure, ORcpt: "rfc822;Bob+2Bx@example.org"},
		{Address: "eve@example.org", Local: true, Accounts: []directory.AccountID{f.people["eve@example.org"]}, Notify: mail.NotifyNever},
	}}
	f.must(f.router.Deliver(t.Context(), env, crlf("Subject: hi\n\nsecret text\n")))
	entries := f.queued()
	if len(entries) != 1 || entries[0].Envelope.From != "" || entries[0].Envelope.To[0].Address != "dora@client.example.com" {
		t.Fatalf("the queue has %+v", entries)
	}
	got := f.read(entries[0].Blob)
	for _, want := range []string{"To: <dora@client.example.com>\r\n", "Original-Envelope-Id: QQ+1\r\n",
		"Original-Recipient: rfc822; Bob+x@example.org\r\nFinal-Recipient: rfc822; bob@example.org\r\nAction: delivered\r\nStatus: 2.1.5\r\n",
		"\r\nSubject: hi\r\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
	for _, not := range []string{"eve@", "secret text", "Return-Path"} {
		if strings.Contains(got, not) {
			t.Errorf("%q is in:\n%s", not, got)
		}
	}

	// To a sender of ours it comes at once; to the null sender never.
	env.From = "dana@example.org"
	f.must(f.router.Deliver(t.Context(), env, crlf("Subject: hi\n\n")))
	if got := f.only("dana@example.org", mail.RoleInbox); !strings.HasPrefix(got, "Return-Path: <>\r\n") {
		t.Errorf("dana has:\n%s", got)
	}
	env.From = ""
	f.must(f.router.Deliver(t.Context(), env, crlf("Subject: hi\n\n")))
	if got := f.queued(); len(got) != 1 {
		t.Errorf("the null sender is told: %+v", got)
	}
}

func TestDecodeXtext(t *testing.T) {
	for in, want := range map[string]string{"": "", "abc": "abc", "a+2Bb": "a+b", "a+": "a+", "a+2": "a+2", "a+zz": "a+zz", "+3D+3D": "=="} {
		if got := decodeXtext(in); got != want {
			t.Errorf("%q is decoded as %q, want %q", in, got, want)
		}
	}
}
