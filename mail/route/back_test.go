package route

import (
	"errors"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
)

// What comes back of a message that was passed on goes on to who sent it, and
// nothing else goes through us.
func TestAReportOfWhatWasPassedOnGoesToItsSender(t *testing.T) {
	f := open(t)
	f.router.back = func(address string) (string, error) {
		if address == "SRS0=x@example.org" {
			return "dora@client.example.com", nil
		}
		return "", errors.New("not ours")
	}
	report := crlf("Subject: Undelivered\n\nsorry\n")
	env := mail.Envelope{To: []mail.Recipient{{Address: "dora@client.example.com"}}}
	f.must(f.router.Deliver(t.Context(), env, report))
	entries := f.queued()
	if len(entries) != 1 || entries[0].Envelope.From != "" || entries[0].Envelope.To[0].Address != "dora@client.example.com" {
		t.Fatalf("the queue has %+v", entries)
	}
	if got := f.read(entries[0].Blob); !strings.HasPrefix(got, "Received: ") || !strings.HasSuffix(got, "\r\nsorry\r\n") {
		t.Errorf("it is %q", got)
	}
	// Together with somebody here.
	env.To = append(env.To, mail.Recipient{Address: "bob@example.org", Local: true, Accounts: []directory.AccountID{f.people["bob@example.org"]}})
	f.must(f.router.Deliver(t.Context(), env, report))
	if got := f.only("bob@example.org", mail.RoleInbox); !strings.Contains(got, "sorry") {
		t.Errorf("bob has %q", got)
	}
	if n := len(f.queued()); n != 2 {
		t.Errorf("the queue has %d", n)
	}
	// With a sender it is no report.
	env.From, env.To = "eve@elsewhere.example", env.To[:1]
	if err := f.router.Deliver(t.Context(), env, report); !errors.Is(err, mail.ErrNoRecipients) {
		t.Errorf("mail of a stranger: %v", err)
	}
	if n := len(f.queued()); n != 2 {
		t.Errorf("the queue has %d", n)
	}
}
