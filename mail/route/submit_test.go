package route

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
)

// letter is a mail as a phone would send it.
const letter = `From: alice@example.org
To: Bob <bob@example.org>; "Dora, of elsewhere" <dora@client.example.com>
Cc: team@example.org
Bcc: eve@example.org,
	secret@elsewhere.example
Subject: hello
Message-ID: <1@phone>
Date: Mon, 23 Nov 2026 10:00:00 +0100

text
`

func TestSubmitDoesEverythingAtOnce(t *testing.T) {
	f := open(t)
	alice := f.people["alice@example.org"]
	f.must(f.router.Submit(t.Context(), Submission{Account: alice, Raw: crlf(letter), SaveInSent: true}))

	public := string(crlf(strings.Replace(letter, "Bcc: eve@example.org,\n\tsecret@elsewhere.example\n", "", 1)))
	for _, login := range []string{"alice@example.org", "bob@example.org", "eve@example.org"} {
		got := f.only(login, mail.RoleInbox)
		if !strings.HasPrefix(got, "Return-Path: <alice@example.org>\r\nReceived: by mx.example.org with HTTP id ") || !strings.HasSuffix(got, "\r\n"+public) {
			t.Errorf("%s has:\n%s", login, got)
		}
	}
	if got := f.only("alice@example.org", mail.RoleSent); got != string(crlf(letter)) {
		t.Errorf("Sent has:\n%s", got)
	}
	if sent := f.items(alice, mail.RoleSent)[0]; sent.Flags != mail.FlagSeen {
		t.Errorf("the copy in Sent is %+v", sent)
	}
	entries := f.queued()
	if len(entries) != 1 || entries[0].Sender != mail.MailboxOf(alice) || entries[0].Envelope.From != "alice@example.org" {
		t.Fatalf("the queue has %+v", entries)
	}
	var remote []string
	for _, r := range entries[0].Envelope.To {
		remote = append(remote, r.Address)
	}
	if got := strings.Join(remote, " "); got != "dora@client.example.com secret@elsewhere.example" {
		t.Errorf("queued for %s", got)
	}
	if got := f.read(entries[0].Blob); !strings.HasPrefix(got, "Received: by ") || !strings.HasSuffix(got, public) || strings.Contains(got, "secret") {
		t.Errorf("queued:\n%s", got)
	}
}

func TestSubmitAddsWhatIsMissingAndMendsLineEnds(t *testing.T) {
	f := open(t)
	f.must(f.router.Submit(t.Context(), Submission{Account: f.people["alice@example.org"],
		Raw: []byte("To: bob@example.org\nSubject: a\rb\n\nbare\nlines\n.\n"), SaveInSent: true}))
	for _, got := range []string{f.only("bob@example.org", mail.RoleInbox), f.only("alice@example.org", mail.RoleSent)} {
		for _, want := range []string{"From: =?utf-8?q?Alice_=C3=84rger?= <alice@example.org>\r\n", "\r\nDate: ", "\r\nMessage-ID: <", "\r\n\r\nbare\r\nlines\r\n.\r\n"} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is not in:\n%s", want, got)
			}
		}
		if strings.ContainsAny(strings.ReplaceAll(got, "\r\n", ""), "\r\n") {
			t.Errorf("a line end stands alone: %q", got)
		}
	}
}

func TestTheSameKeyIsSentOnce(t *testing.T) {
	f := open(t)
	alice := f.people["alice@example.org"]
	key := Key{Account: alice, Device: "phone", ClientID: "1"}
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			errs[i] = f.router.Submit(t.Context(), Submission{Account: alice, Raw: crlf(letter), SaveInSent: true, Once: key})
		})
	}
	wg.Wait()
	sent := 0
	for _, err := range errs {
		switch {
		case err == nil:
			sent++
		case !errors.Is(err, ErrDuplicate):
			t.Error(err)
		}
	}
	if sent != 1 {
		t.Errorf("sent %d times", sent)
	}
	f.only("bob@example.org", mail.RoleInbox)
	f.only("alice@example.org", mail.RoleSent)
	if got := f.queued(); len(got) != 1 {
		t.Errorf("queued %d times", len(got))
	}
	other := key
	other.ClientID = "2"
	f.must(f.router.Submit(t.Context(), Submission{Account: alice, Raw: crlf(letter), Once: other}))
	if got := f.texts("bob@example.org", mail.RoleInbox); len(got) != 2 {
		t.Errorf("another key: bob has %d messages", len(got))
	}
}

func TestKeysAreForgottenAfterADay(t *testing.T) {
	f := open(t)
	start := time.Now()
	key := func(i int) Key { return Key{Account: 1, Device: "phone", ClientID: strconv.Itoa(i)} }
	use := func(k Key, now time.Time) (err error) {
		return f.store.Update(t.Context(), func(tx *store.Tx) error { return f.router.remember(tx, k, now) })
	}
	for i := range 3 * maxForgotten {
		f.must(use(key(i), start))
	}
	if err := use(key(0), start.Add(onceLife-time.Minute)); !errors.Is(err, ErrDuplicate) {
		t.Errorf("within the day: %v", err)
	}
	f.must(use(key(3*maxForgotten-1), start.Add(onceLife+time.Minute)))
	if left := f.keys(); left != 2*maxForgotten {
		t.Errorf("one submission left %d keys, want %d", left, 2*maxForgotten)
	}
	for i := range 3 {
		f.must(use(key(1000+i), start.Add(onceLife+time.Minute)))
	}
	if left := f.keys(); left != 4 {
		t.Errorf("%d keys are left, want the 4 new ones", left)
	}
}

func (f *fixture) keys() (n int) {
	f.must(f.store.View(context.Background(), func(tx *store.Tx) error {
		n = 0
		for _, err := range f.router.sent.Keys(tx, store.TableRange[Key]{}) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	}))
	return n
}

func TestFailureOfTheCallersWorkUndoesAll(t *testing.T) {
	f := open(t)
	alice := f.people["alice@example.org"]
	key := Key{Account: alice, Device: "phone", ClientID: "1"}
	no := errors.New("no")
	submission := Submission{Account: alice, Raw: crlf(letter), SaveInSent: true, Once: key, Then: func(*store.Tx) error { return no }}
	if err := f.router.Submit(t.Context(), submission); !errors.Is(err, no) {
		t.Fatal(err)
	}
	for _, login := range []string{"alice@example.org", "bob@example.org"} {
		if got := f.texts(login, mail.RoleInbox); len(got) != 0 {
			t.Errorf("%s has %q", login, got)
		}
	}
	if got := f.queued(); len(got) != 0 {
		t.Errorf("queued: %+v", got)
	}
	submission.Then = nil
	f.must(f.router.Submit(t.Context(), submission))
}

// Two messages go together or not at all, and nobody is noted for one that
// nobody wrote.
func TestTwoMessagesAreSentInOneTransaction(t *testing.T) {
	f := open(t)
	alice := f.people["alice@example.org"]
	notice := &Submission{Account: alice, Raw: crlf("To: eve@example.org\nSubject: notice\n\nseen\n"), Automatic: true}
	failed := errors.New("no")
	s := Submission{Account: alice, Raw: crlf("To: bob@example.org\nSubject: hello\n\ntext\n"), With: notice, Then: func(*store.Tx) error { return failed }}
	if err := f.router.Submit(t.Context(), s); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	for _, login := range []string{"bob@example.org", "eve@example.org"} {
		if n := len(f.items(f.people[login], mail.RoleInbox)); n != 0 {
			t.Errorf("%s has %d messages", login, n)
		}
	}
	s.Then = nil
	f.must(f.router.Submit(t.Context(), s))
	if got := f.only("bob@example.org", mail.RoleInbox); !strings.Contains(got, "Subject: hello\r\n") {
		t.Errorf("bob has:\n%s", got)
	}
	if got := f.only("eve@example.org", mail.RoleInbox); !strings.Contains(got, "Subject: notice\r\n") {
		t.Errorf("eve has:\n%s", got)
	}
	var noted []string
	for _, r := range f.items(alice, mail.RoleRecipientInfo) {
		noted = append(noted, f.read(r.Blob))
	}
	if len(noted) != 1 || !strings.Contains(noted[0], "bob@example.org") {
		t.Errorf("noted: %q", noted)
	}
}

func TestFromMustBelongToTheSender(t *testing.T) {
	f := open(t)
	alice := f.people["alice@example.org"]
	for _, c := range []struct {
		header string
		ok     bool
		want   string // in what arrives
	}{
		{"From: sales@example.org", true, "Return-Path: <sales@example.org>"},
		{"From: ALICE@Example.ORG", true, "From: ALICE@"},
		{"From: Dana <dana@example.org>", true, "Return-Path: <dana@example.org>"},
		{"From: Eve <eve@example.org>", true, "Sender: =?utf-8?q?Alice_=C3=84rger?= <alice@example.org>"},
		{"From: Eve <eve@example.org>", true, "Return-Path: <alice@example.org>"},
		{"From: bob@example.org", false, ""},
		{"From: alice@example.org, bob@example.org", false, ""},
		{"From: alice@example.org\nFrom: bob@example.org", false, ""},
		{"From: alice@example.org\nSender: bob@example.org", false, ""},
		{"From: president@elsewhere.example", false, ""},
		{"From: \"alice@example.org\" <bob@example.org>", false, ""},
		{"From: nonsense", false, ""},
		{"From:", true, "From: =?utf-8?q?Alice"},
	} {
		err := f.router.Submit(t.Context(), Submission{Account: alice, Raw: crlf(c.header + "\nTo: team@example.org\n\n")})
		if c.ok != (err == nil) || !c.ok && !errors.Is(err, mail.ErrNotSender) {
			t.Errorf("%q: %v", c.header, err)
			continue
		}
		if c.ok {
			all := f.texts("bob@example.org", mail.RoleInbox)
			if last := all[len(all)-1]; !strings.Contains(last, c.want) {
				t.Errorf("%q: %q is not in:\n%s", c.header, c.want, last)
			}
		}
	}
}

func TestAnotherFromGivesWayToTheSendersOwn(t *testing.T) {
	f := open(t)
	alice := f.people["alice@example.org"]
	for _, header := range []string{"From: bob@example.org", "From: president@elsewhere.example\nSender: bob@example.org", "From: Alice\n <nonsense>"} {
		f.must(f.router.Submit(t.Context(), Submission{Account: alice, Raw: crlf(header + "\nTo: team@example.org\nSubject: x\n\n"), OwnFrom: true}))
		all := f.texts("bob@example.org", mail.RoleInbox)
		last := all[len(all)-1]
		if !strings.Contains(last, "From: =?utf-8?q?Alice_=C3=84rger?= <alice@example.org>") || strings.Contains(last, "Sender:") || strings.Count(last, "From:") != 1 {
			t.Errorf("%q:\n%s", header, last)
		}
	}
}

func TestUnknownRecipientsAreReportedToTheSender(t *testing.T) {
	f := open(t)
	alice := f.people["alice@example.org"]
	f.must(f.router.Submit(t.Context(), Submission{Account: alice,
		Raw: crlf("To: bob@example.org, bobb@example.org, junk\nCc: nobody-yet@example.org\nSubject: hi\n\ntext\n")}))
	f.only("bob@example.org", mail.RoleInbox)
	got := f.only("alice@example.org", mail.RoleInbox)
	for _, want := range []string{"Return-Path: <>\r\n", "report-type=delivery-status",
		"<bobb@example.org> does not exist here.", "Final-Recipient: rfc822; bobb@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n",
		"Final-Recipient: rfc822; junk\r\nAction: failed\r\nStatus: 5.1.3\r\n", "<nobody-yet@example.org> does not exist here.", "\r\nSubject: hi\r\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
}

func TestSubmitWithoutRecipientsIsRefused(t *testing.T) {
	f := open(t)
	for _, header := range []string{"Subject: hi", "To: undisclosed-recipients:;", ""} {
		err := f.router.Submit(t.Context(), Submission{Account: f.people["alice@example.org"], Raw: crlf(header + "\n\ntext\n")})
		if !errors.Is(err, mail.ErrNoRecipients) {
			t.Errorf("%q: %v", header, err)
		}
	}
	many := "To: " + strings.Repeat("a@b.example, ", maxRecipients+1) + "\n\n"
	if err := f.router.Submit(t.Context(), Submission{Account: f.people["alice@example.org"], Raw: crlf(many)}); !errors.Is(err, mail.ErrTooManyTo) {
		t.Errorf("too many: %v", err)
	}
}
