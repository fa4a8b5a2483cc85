package route

import (
	"errors"
	"slices"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

func TestAPlanIsSentWithTheTransactionAroundItOrNotAtAll(t *testing.T) {
	f := open(t)
	alice := f.people["alice@example.org"]
	key := Key{Account: alice, Device: "phone", ClientID: "1"}
	submission := Submission{Account: alice, Raw: crlf(letter), SaveInSent: true, Once: key}
	undone := errors.New("undone")
	p, err := f.router.Plan(t.Context(), submission)
	f.must(err)
	err = f.store.Update(t.Context(), func(tx *store.Tx) error {
		if err := p.Commit(tx); err != nil {
			return err
		}
		return undone
	})
	if !errors.Is(err, undone) || len(f.queued()) != 0 || len(f.texts("bob@example.org", mail.RoleInbox)) != 0 {
		t.Fatalf("undone, and yet: %v", err)
	}
	f.must(f.store.Update(t.Context(), p.Commit)) // the same plan again, as the store may run it
	p.Done()
	f.only("bob@example.org", mail.RoleInbox)
	f.only("alice@example.org", mail.RoleSent)
	if err := f.store.Update(t.Context(), p.Commit); !errors.Is(err, ErrDuplicate) {
		t.Errorf("a second time: %v", err)
	}
	if _, err := f.router.Plan(t.Context(), submission); !errors.Is(err, ErrDuplicate) {
		t.Errorf("a plan for what was sent: %v", err)
	}
}

// MS-ASEMAIL 2.2.2.59: recipients learn that they are not among those named.
func TestABlindCopyIsMarked(t *testing.T) {
	f := open(t)
	alice := f.people["alice@example.org"]
	f.must(f.router.Submit(t.Context(), Submission{Account: alice, SaveInSent: true,
		Raw: crlf("To: Bob <BOB@example.org>\nCc: team@example.org\nBcc: eve@example.org, bob@example.org\nSubject: a\n\nx\n")}))
	// A client that hides them from the header, too, names them in the envelope.
	env := mail.Envelope{From: "alice@example.org", To: []mail.Recipient{
		{Address: "dana@example.org", Local: true, Accounts: []directory.AccountID{f.people["dana@example.org"]}},
		{Address: "bob@example.org", Local: true, Accounts: []directory.AccountID{f.people["bob@example.org"]}},
	}}
	f.must(f.router.Relay(t.Context(), alice, env, crlf("To: bob@example.org\nSubject: b\n\nx\n")))
	for login, want := range map[string][]mail.Flags{
		"alice@example.org": {0}, "bob@example.org": {0, 0}, "eve@example.org": {mail.FlagBcc}, "dana@example.org": {mail.FlagBcc},
	} {
		var got []mail.Flags
		for _, it := range f.items(f.people[login], mail.RoleInbox) {
			got = append(got, it.Flags)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", login, got, want)
		}
	}
	if sent := f.items(alice, mail.RoleSent); len(sent) != 1 || sent[0].Flags != mail.FlagSeen {
		t.Errorf("sent %+v", sent)
	}
}
