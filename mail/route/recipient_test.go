package route

import (
	"context"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/vcard"
	"martlet/store"
)

// correspondents are the cards in a user's recipient information as "name
// <address>".
func (f *fixture) correspondents(login string) (all []string) {
	f.Helper()
	box := mail.MailboxOf(f.people[login])
	var items []mail.Item
	f.must(f.store.View(context.Background(), func(tx *store.Tx) error {
		items = nil
		folder, err := f.mailboxes.FolderByRole(tx, box, mail.RoleRecipientInfo)
		if err != nil {
			return nil // no mailbox yet
		}
		for it, err := range f.mailboxes.Items(tx, box, folder.ID, 0) {
			if err != nil {
				return err
			}
			items = append(items, it)
		}
		return nil
	}))
	for _, it := range items {
		c, err := vcard.Parse([]byte(f.read(it.Blob)))
		f.must(err)
		all = append(all, c.FormattedName()+" <"+c.Emails()[0]+">")
	}
	return all
}

const toMany = `From: alice@example.org
To: =?utf-8?q?J=C3=BCrgen?= <juergen@far.example>, bob@example.org
Cc: "Doe, Jane" <jane@far.example>
Bcc: eve@example.org
Subject: hello

body
`

// MS-ASCMD_R2037: the people whom the user has interacted with.
func TestThoseWhomAUserWritesToAreRemembered(t *testing.T) {
	f := open(t)
	alice := f.people["alice@example.org"]
	if err := f.router.Submit(context.Background(), Submission{Account: alice, Raw: crlf(toMany), SaveInSent: true}); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(f.correspondents("alice@example.org"), "\n")
	for _, want := range []string{"Jürgen <juergen@far.example>", "bob@example.org <bob@example.org>", "Doe, Jane <jane@far.example>", "eve@example.org <eve@example.org>"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not remembered; there are\n%s", want, got)
		}
	}
	if n := len(f.correspondents("bob@example.org")); n != 0 {
		t.Errorf("who was written to remembers %d", n)
	}
}

func TestANameThatComesLaterIsTaken(t *testing.T) {
	f := open(t)
	alice := f.people["alice@example.org"]
	for _, tc := range []struct{ to, want string }{
		{"x@far.example", "x@far.example <x@far.example>"},
		{"Xaver <x@far.example>", "Xaver <x@far.example>"},
		{"x@far.example", "Xaver <x@far.example>"},
		{"Other <x@far.example>", "Xaver <x@far.example>"}, // the first name stays
	} {
		if err := f.router.Submit(context.Background(), Submission{Account: alice, Raw: crlf("From: alice@example.org\nTo: " + tc.to + "\n\nhello\n")}); err != nil {
			t.Fatal(err)
		}
		if got := f.correspondents("alice@example.org"); len(got) != 1 || got[0] != tc.want {
			t.Errorf("after %s there is %q, want %s", tc.to, got, tc.want)
		}
	}
}

func TestMailOverSMTPIsRememberedToo(t *testing.T) {
	f := open(t)
	env := mail.Envelope{From: "bob@example.org", To: []mail.Recipient{
		{Address: "alice@example.org", Local: true, Accounts: []directory.AccountID{f.people["alice@example.org"]}}, {Address: "x@far.example"},
	}}
	raw := crlf("From: bob@example.org\nTo: \"X\" <x@far.example>\n\nhello\n")
	if err := f.router.Relay(context.Background(), f.people["bob@example.org"], env, raw); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(f.correspondents("bob@example.org"), "\n")
	for _, want := range []string{"X <x@far.example>", "Alice Ärger <alice@example.org>"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not remembered; there are\n%s", want, got)
		}
	}
}

func TestWhatIsNotSentIsNotRemembered(t *testing.T) {
	f := open(t)
	alice := f.people["alice@example.org"]
	s := Submission{Account: alice, Raw: crlf(toMany), Then: func(*store.Tx) error { return context.Canceled }}
	if err := f.router.Submit(context.Background(), s); err == nil {
		t.Fatal("it was sent")
	}
	if got := f.correspondents("alice@example.org"); len(got) != 0 {
		t.Errorf("remembered %q", got)
	}
}

func TestAHostileNameMakesAHarmlessCard(t *testing.T) {
	for _, name := range []string{"a\r\nEMAIL:evil@example.org", "x;y,z\\", strings.Repeat("ß", 5000), "\xff\xfe", "\u2028line"} {
		c, err := vcard.Parse(recipientCard("a@example.org", name))
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if got := c.Emails(); len(got) != 1 || got[0] != "a@example.org" {
			t.Errorf("%q: the addresses are %q", name, got)
		}
	}
}

// To five people who are known: what is sent every day.
func BenchmarkSubmitToFiveKnown(b *testing.B) {
	f := open(b)
	alice := f.people["alice@example.org"]
	raw := crlf("From: alice@example.org\nTo: a@far.example, b@far.example, c@far.example, d@far.example, e@far.example\nSubject: hello\n\nbody\n")
	b.ReportAllocs()
	for b.Loop() {
		if err := f.router.Submit(context.Background(), Submission{Account: alice, Raw: raw, SaveInSent: true}); err != nil {
			b.Fatal(err)
		}
	}
}
