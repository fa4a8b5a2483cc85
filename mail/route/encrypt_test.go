package route

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/encrypt"
	"martlet/store"
	"martlet/store/blob"
)

// encrypting gives an account a key to which its mail is encrypted.
func (f *fixture) encrypting(logins ...string) {
	f.Helper()
	e, err := openpgp.NewEntity("Somebody", "", "somebody@example.org", nil)
	f.must(err)
	var key bytes.Buffer
	f.must(e.Serialize(&key))
	for _, login := range logins {
		f.must(f.directory.SetEncryption(context.Background(), f.people[login], directory.Encryption{Method: directory.EncryptOpenPGP, Key: key.Bytes()}))
	}
	f.router.encrypter = encrypt.New(f.directory)
}

// sealed tells whether a message is encrypted, and readable where it must be.
func (f *fixture) sealed(raw string) bool {
	f.Helper()
	if !strings.Contains(raw, "Subject: hi\r\n") || !strings.HasPrefix(raw, "Return-Path: <") {
		f.Errorf("its header: %q", raw)
	}
	is := strings.Contains(raw, "multipart/encrypted")
	if is == strings.Contains(raw, "there") {
		f.Errorf("half encrypted: %q", raw)
	}
	return is
}

func TestOnlyThoseWhoWantItGetMailEncrypted(t *testing.T) {
	f := open(t)
	f.encrypting("bob@example.org")
	f.must(f.router.Deliver(t.Context(), to(f.people["alice@example.org"], f.people["bob@example.org"]), crlf(ruled)))
	if f.sealed(f.only("alice@example.org", mail.RoleInbox)) {
		t.Error("Alice's is encrypted")
	}
	bobs := f.only("bob@example.org", mail.RoleInbox)
	if !f.sealed(bobs) {
		t.Error("Bob's is not")
	}
	item := f.items(f.people["bob@example.org"], mail.RoleInbox)[0]
	f.must(f.store.View(t.Context(), func(tx *store.Tx) error {
		ix, err := f.mailboxes.Index(tx, item.Blob)
		if err == nil && (ix.Subject != "hi" || strings.Contains(ix.Preview, "there")) {
			t.Errorf("what is shown of it: %q, %q", ix.Subject, ix.Preview)
		}
		return err
	}))
	// It comes again, encrypted.
	_, inner, _ := strings.Cut(bobs, "From: ")
	f.must(f.router.Deliver(t.Context(), to(f.people["bob@example.org"]), []byte("From: "+inner)))
	for _, raw := range f.texts("bob@example.org", mail.RoleInbox) {
		if strings.Count(raw, "multipart/encrypted") != 1 {
			t.Errorf("encrypted twice: %q", raw)
		}
	}
}

func TestRulesAndJunkSeeMailBeforeItIsEncrypted(t *testing.T) {
	f := open(t)
	f.encrypting("alice@example.org", "bob@example.org", "dana@example.org")
	lists := f.folder("bob@example.org", "Lists")
	f.with(rules{
		"bob@example.org": func(a *Arriving) (*Sorting, error) {
			if !strings.Contains(string(a.Raw), "there") {
				t.Errorf("rules see %q", a.Raw)
			}
			return &Sorting{Raw: append([]byte("X-Martlet-Seen: yes\r\n"), a.Raw...), Copies: []Copy{{Folder: lists}, {Role: mail.RoleDeletedItems}}}, nil
		},
		"eve@example.org": always(Sorting{Redirect: []string{"dana@example.org"}}),
	})
	env := to(f.people["alice@example.org"], f.people["bob@example.org"], f.people["eve@example.org"])
	env.Verdict = &mail.Verdict{Junk: true, Header: []byte("X-Martlet-Junk: yes\r\n")}
	f.must(f.router.Deliver(t.Context(), env, crlf(ruled)))
	if got := f.only("alice@example.org", mail.RoleJunk); !f.sealed(got) || !strings.Contains(got, "\r\nX-Martlet-Junk: yes\r\n") {
		t.Errorf("Alice's junk: %q", got)
	}
	got := f.only("bob@example.org", mail.RoleDeletedItems)
	if !strings.HasPrefix(got, "X-Martlet-Seen: yes\r\n") || !strings.Contains(got, "multipart/encrypted") || strings.Contains(got, "there") || f.count("bob@example.org", lists) != 1 {
		t.Errorf("Bob's: %q", got)
	}
	if !f.sealed(f.only("dana@example.org", mail.RoleJunk)) {
		t.Error("what was passed on to Dana is plain")
	}
}

func TestWhatIsPassedOnAndWhatMeetsStaysPlain(t *testing.T) {
	f := open(t)
	f.encrypting("bob@example.org")
	f.with(rules{"bob@example.org": always(Sorting{Redirect: []string{"bob@elsewhere.example"}, Copies: []Copy{{}}})})
	f.must(f.router.Deliver(t.Context(), to(f.people["bob@example.org"]), crlf(ruled)))
	if !f.sealed(f.only("bob@example.org", mail.RoleInbox)) {
		t.Error("Bob's copy is plain")
	}
	if q := f.queued(); len(q) != 1 || !strings.Contains(f.read(q[0].Blob), "there") {
		t.Errorf("passed on: %+v", q)
	}
	f.router.sorter = nil
	f.must(f.router.Deliver(t.Context(), to(f.people["bob@example.org"]), crlf("From: x@y.example\nSubject: hi\nContent-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nEND:VCALENDAR\n")))
	if all := f.texts("bob@example.org", mail.RoleInbox); len(all) != 2 || !strings.Contains(all[1], "BEGIN:VCALENDAR") {
		t.Errorf("the meeting: %q", all)
	}
}

func TestAKeyThatCannotBeUsedLosesNoMail(t *testing.T) {
	f := open(t)
	f.encrypting()
	bob, alice := f.people["bob@example.org"], f.people["alice@example.org"]
	f.must(f.directory.SetEncryption(t.Context(), bob, directory.Encryption{Method: directory.EncryptOpenPGP, Key: []byte("rubbish")}))
	f.must(f.directory.SetEncryption(t.Context(), alice, directory.Encryption{Method: directory.EncryptSMIME}))
	f.must(f.router.Deliver(t.Context(), to(alice, bob), crlf(ruled)))
	for _, login := range []string{"alice@example.org", "bob@example.org"} {
		if f.sealed(f.only(login, mail.RoleInbox)) {
			t.Errorf("%s has it encrypted", login)
		}
	}
}

func TestWhatEverybodyWantsEncryptedIsNeverWrittenInPlainText(t *testing.T) {
	f := open(t)
	f.encrypting("alice@example.org", "bob@example.org")
	f.with(rules{"bob@example.org": always(Sorting{Raw: crlf("Subject: changed\n\n"), Copies: []Copy{{}}})})
	env := to(f.people["alice@example.org"], f.people["bob@example.org"])
	l := local{env: &env, accounts: env.Accounts()}
	f.must(f.router.prepareLocal(t.Context(), &l, crlf(ruled)))
	if l.body.Blob.Hash != (blob.Ref{}).Hash || l.rules.of(l.accounts[1]).body != nil || len(l.sealed) != 2 {
		t.Errorf("written: %+v", l)
	}
}

func TestMailOfManyIsEncryptedToo(t *testing.T) {
	f := open(t)
	f.encrypting("bob@example.org")
	accounts := append(numbers(1000, maxAtOnce+10), f.people["bob@example.org"])
	f.must(f.router.Deliver(t.Context(), to(accounts...), crlf(ruled)))
	if !f.sealed(f.only("bob@example.org", mail.RoleInbox)) {
		t.Error("Bob's is plain")
	}
	if n := len(f.items(1000, mail.RoleInbox)); n != 1 {
		t.Errorf("another has %d", n)
	}
}

// forgetful cannot tell who wants what.
type forgetful struct{ Encrypter }

func (forgetful) Wanted(context.Context, []directory.AccountID) (map[directory.AccountID]directory.Encryption, error) {
	return nil, errors.New("a disk")
}

func TestMailComesWhenNobodyCanTellWhoWantsItEncrypted(t *testing.T) {
	f := open(t)
	f.router.encrypter = forgetful{}
	f.must(f.router.Deliver(t.Context(), to(f.people["bob@example.org"]), crlf(ruled)))
	if f.sealed(f.only("bob@example.org", mail.RoleInbox)) {
		t.Error("it is encrypted")
	}
}
