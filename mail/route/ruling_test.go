package route

import (
	"context"
	"errors"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// rules are what accounts want, by login.
type rules map[string]func(*Arriving) (*Sorting, error)

func (rs rules) in(f *fixture) rulesOf { return rulesOf{f, rs} }

type rulesOf struct {
	f *fixture
	rules
}

func (rs rulesOf) Sort(_ context.Context, a *Arriving) (*Sorting, error) {
	for login, want := range rs.rules {
		if rs.f.people[login] == a.Account {
			return want(a)
		}
	}
	return nil, nil
}

// with gives the accounts rules.
func (f *fixture) with(rs rules) { f.router.sorter = rs.in(f) }

func always(s Sorting) func(*Arriving) (*Sorting, error) {
	return func(*Arriving) (*Sorting, error) { c := s; return &c, nil }
}

func (f *fixture) folder(login, name string) (id mail.FolderID) {
	f.Helper()
	box := mail.MailboxOf(f.people[login])
	f.must(f.store.Update(context.Background(), func(tx *store.Tx) error {
		if err := f.mailboxes.Ensure(tx, box); err != nil {
			return err
		}
		folder, err := f.mailboxes.CreateFolder(tx, box, 0, name, mail.ClassEmail)
		id = folder.ID
		return err
	}))
	return id
}

func (f *fixture) count(login string, folder mail.FolderID) (n uint32) {
	f.Helper()
	f.must(f.store.View(context.Background(), func(tx *store.Tx) error {
		got, err := f.mailboxes.Folder(tx, mail.MailboxOf(f.people[login]), folder)
		n = got.Items
		return err
	}))
	return n
}

const ruled = "From: x@y.example\nSubject: hi\n\nthere\n"

func TestJunkGoesToJunkOfThoseForWhomItIs(t *testing.T) {
	f := open(t)
	alice, bob := f.people["alice@example.org"], f.people["bob@example.org"]
	env := to(alice, bob)
	env.Verdict = &mail.Verdict{Junk: true, Opinions: map[directory.AccountID]bool{bob: false}, Header: []byte("X-Why: because\r\n")}
	f.must(f.router.Deliver(t.Context(), env, crlf(ruled)))
	if got := f.only("alice@example.org", mail.RoleJunk); !strings.Contains(got, "\r\nX-Why: because\r\nFrom: x@y") {
		t.Errorf("in Alice's junk: %q", got)
	}
	if got := f.texts("bob@example.org", mail.RoleInbox); len(got) != 1 {
		t.Errorf("in Bob's inbox: %q", got)
	}
}

func TestJunkOfManyGoesToJunkToo(t *testing.T) {
	f := open(t)
	accounts := numbers(1000, maxAtOnce+10)
	env := to(accounts...)
	env.Verdict = &mail.Verdict{Junk: true, Opinions: map[directory.AccountID]bool{1001: false, 1002: true}}
	f.must(f.router.Deliver(t.Context(), env, crlf(ruled)))
	for _, a := range accounts {
		role := mail.RoleJunk
		if a == 1001 {
			role = mail.RoleInbox
		}
		if n := len(f.items(a, role)); n != 1 {
			t.Fatalf("%d has %d", a, n)
		}
	}
}

func TestRulesSayWhereAMessageGoes(t *testing.T) {
	f := open(t)
	lists := f.folder("bob@example.org", "Lists")
	ran := 0
	f.with(rules{
		"bob@example.org": func(a *Arriving) (*Sorting, error) {
			if a.To != "list@example.org" || a.Env.From != "x@y.example" || !strings.HasPrefix(string(a.Raw), "Return-Path: <x@y.example>\r\n") || a.Index == nil {
				t.Errorf("asked about %+v", a)
			}
			return &Sorting{
				Copies: []Copy{{Folder: lists, Flags: mail.FlagSeen, Keywords: []string{"news"}}, {Role: mail.RoleInbox}},
				Then:   func(*store.Tx) error { ran++; return nil },
			}, nil
		},
		"dana@example.org": always(Sorting{}),
		"eve@example.org":  func(*Arriving) (*Sorting, error) { return nil, errors.New("a disk") },
	})
	env := to(f.people["alice@example.org"], f.people["bob@example.org"], f.people["dana@example.org"], f.people["eve@example.org"])
	f.must(f.router.Deliver(t.Context(), env, crlf(ruled)))
	if f.count("bob@example.org", lists) != 1 || ran != 1 {
		t.Errorf("in Lists %d, ran %d", f.count("bob@example.org", lists), ran)
	}
	for login, want := range map[string]int{"alice@example.org": 1, "bob@example.org": 1, "dana@example.org": 0, "eve@example.org": 1} {
		if got := f.texts(login, mail.RoleInbox); len(got) != want {
			t.Errorf("%s: %q", login, got)
		}
	}
}

func TestAFolderThatIsGoneIsTheInbox(t *testing.T) {
	f := open(t)
	f.with(rules{"bob@example.org": always(Sorting{Copies: []Copy{{Folder: 4711}}})})
	f.must(f.router.Deliver(t.Context(), to(f.people["bob@example.org"]), crlf(ruled)))
	f.only("bob@example.org", mail.RoleInbox)
}

func TestAMessageThatRulesChangeIsTheirOwnersAlone(t *testing.T) {
	f := open(t)
	f.with(rules{"bob@example.org": always(Sorting{Raw: crlf("Subject: changed\n\n"), Copies: []Copy{{}, {Role: mail.RoleDeletedItems}}})})
	f.must(f.router.Deliver(t.Context(), to(f.people["alice@example.org"], f.people["bob@example.org"]), crlf(ruled)))
	if got := f.only("bob@example.org", mail.RoleDeletedItems); got != "Subject: changed\r\n\r\n" {
		t.Errorf("Bob has %q", got)
	}
	if got := f.only("alice@example.org", mail.RoleInbox); !strings.Contains(got, "Subject: hi") {
		t.Errorf("Alice has %q", got)
	}
}

func TestARedirectedMessageGoesOnUnderASenderOfOurs(t *testing.T) {
	f := open(t)
	f.router.forward = func(sender, domain string) string {
		return "srs+" + strings.ReplaceAll(sender, "@", "=") + "@" + domain
	}
	f.router.sign = func(_ context.Context, from string, _ []byte) ([]byte, error) {
		return []byte("X-Signed: " + from + "\r\n"), nil
	}
	f.with(rules{"bob@example.org": always(Sorting{Redirect: []string{"bob@elsewhere.example"}})})
	env := to(f.people["bob@example.org"])
	env.To[0].Notify, env.To[0].ORcpt, env.EnvID = mail.NotifyFailure, "rfc822;list@example.org", "E1"
	f.must(f.router.Deliver(t.Context(), env, crlf(ruled)))
	if n := len(f.texts("bob@example.org", mail.RoleInbox)); n != 0 {
		t.Errorf("Bob keeps %d", n)
	}
	q := f.queued()
	if len(q) != 1 {
		t.Fatalf("queued: %+v", q)
	}
	e := q[0].Envelope
	if e.From != "srs+x=y.example@example.org" || len(e.To) != 1 || e.To[0].Address != "bob@elsewhere.example" || e.To[0].ORcpt != "rfc822;list@example.org" || e.To[0].Notify != mail.NotifyFailure || e.EnvID != "E1" {
		t.Errorf("queued: %+v", e)
	}
	raw := f.read(q[0].Blob)
	if !strings.HasPrefix(raw, "X-Signed: srs+x=y.example@example.org\r\nDelivered-To: bob@example.org\r\nReceived: ") || strings.Contains(raw, "Return-Path") {
		t.Errorf("sent: %q", raw)
	}

	// When it comes back it stays.
	f.must(f.router.Deliver(t.Context(), to(f.people["bob@example.org"]), []byte(raw)))
	if n := len(f.texts("bob@example.org", mail.RoleInbox)); n != 1 || len(f.queued()) != 1 {
		t.Errorf("came back: Bob has %d, queued %d", n, len(f.queued()))
	}
}

func TestACircleOfRedirectsLosesNothing(t *testing.T) {
	f := open(t)
	f.with(rules{
		"alice@example.org": always(Sorting{Redirect: []string{"bob@example.org"}}),
		"bob@example.org":   always(Sorting{Redirect: []string{"dana@example.org"}}),
		"dana@example.org":  always(Sorting{Redirect: []string{"alice@example.org"}}),
	})
	f.must(f.router.Deliver(t.Context(), to(f.people["alice@example.org"]), crlf(ruled)))
	for login, want := range map[string]int{"alice@example.org": 0, "bob@example.org": 0, "dana@example.org": 1} {
		if got := f.texts(login, mail.RoleInbox); len(got) != want {
			t.Errorf("%s has %d", login, len(got))
		}
	}
}

func TestWhatNobodyTakesIsRefusedAtTheDoor(t *testing.T) {
	f := open(t)
	f.with(rules{"bob@example.org": always(Sorting{Reject: "no adverts"})})
	var rejected *mail.RejectedError
	err := f.router.Deliver(t.Context(), to(f.people["bob@example.org"]), crlf(ruled))
	if !errors.As(err, &rejected) || rejected.Text != "no adverts" {
		t.Errorf("refused with %v", err)
	}
	// One of two: the sender is told in a report.
	f.must(f.router.Deliver(t.Context(), to(f.people["bob@example.org"], f.people["alice@example.org"]), crlf(ruled)))
	f.only("alice@example.org", mail.RoleInbox)
	q := f.queued()
	if len(q) != 1 || q[0].Envelope.From != "" || q[0].Envelope.To[0].Address != "x@y.example" || !strings.Contains(f.read(q[0].Blob), "no adverts") {
		t.Errorf("queued: %+v", q)
	}
	if n := len(f.texts("bob@example.org", mail.RoleInbox)); n != 0 {
		t.Errorf("Bob has %d", n)
	}
	// A report that is rejected has nobody to go back to.
	env := to(f.people["bob@example.org"])
	env.From = ""
	f.must(f.router.Deliver(t.Context(), env, crlf(ruled)))
	f.only("bob@example.org", mail.RoleInbox)
}

func TestASendersMessageIsRejectedInAReport(t *testing.T) {
	f := open(t)
	f.with(rules{"bob@example.org": always(Sorting{Reject: "not today"})})
	raw := crlf("From: alice@example.org\nTo: bob@example.org\nSubject: hi\n\n")
	f.must(f.router.Submit(t.Context(), Submission{Account: f.people["alice@example.org"], Raw: raw, SaveInSent: true}))
	if got := f.only("alice@example.org", mail.RoleInbox); !strings.Contains(got, "not today") {
		t.Errorf("Alice is told %q", got)
	}
	f.only("alice@example.org", mail.RoleSent)
}

func TestRulesAnswerOnceAndNeverTheNullSender(t *testing.T) {
	f := open(t)
	left := 1
	f.with(rules{"bob@example.org": always(Sorting{
		Copies:  []Copy{{Role: mail.RoleInbox}},
		Replies: []Reply{{To: "x@y.example", Raw: crlf("Subject: away\n\n"), Claim: func(*store.Tx) (bool, error) { left--; return left >= 0, nil }}},
	})})
	for range 2 {
		f.must(f.router.Deliver(t.Context(), to(f.people["bob@example.org"]), crlf(ruled)))
	}
	if q := f.queued(); len(q) != 1 || f.read(q[0].Blob) != "Subject: away\r\n\r\n" {
		t.Errorf("queued: %+v", q)
	}
	left = 1
	env := to(f.people["bob@example.org"])
	env.From = ""
	f.must(f.router.Deliver(t.Context(), env, crlf(ruled)))
	if q := f.queued(); len(q) != 1 {
		t.Errorf("a report is answered: %+v", q)
	}
}

func TestRulesOfManyAreAsked(t *testing.T) {
	f := open(t)
	bob := f.people["bob@example.org"]
	accounts := append(numbers(1000, maxAtOnce+10), bob)
	f.with(rules{"bob@example.org": func(a *Arriving) (*Sorting, error) {
		return &Sorting{Copies: []Copy{{Role: mail.RoleDeletedItems}}}, nil
	}})
	f.must(f.router.Deliver(t.Context(), to(accounts...), crlf(ruled)))
	f.only("bob@example.org", mail.RoleDeletedItems)
	if n := len(f.items(1000, mail.RoleInbox)); n != 1 {
		t.Errorf("another has %d", n)
	}
}

func TestAnAccountForwardsWhatItWouldKeep(t *testing.T) {
	f := open(t)
	file, err := directory.ParseFile(strings.NewReader(strings.NewReplacer(
		"login = \"bob@example.org\"", "login = \"bob@example.org\"\nforward = [\"bob@elsewhere.example\", \"dana@example.org\"]\nkeep_copy = false",
		"login = \"eve@example.org\"", "login = \"eve@example.org\"\nforward = [\"eve@elsewhere.example\"]\nkeep_copy = true",
	).Replace(people)), "people.toml")
	f.must(err)
	_, err = f.directory.Apply(t.Context(), file, false)
	f.must(err)
	bob, eve := f.people["bob@example.org"], f.people["eve@example.org"]
	f.must(f.router.Deliver(t.Context(), to(bob, eve), crlf(ruled)))
	for login, want := range map[string]int{"bob@example.org": 0, "dana@example.org": 1, "eve@example.org": 1} {
		if got := len(f.texts(login, mail.RoleInbox)); got != want {
			t.Errorf("%s has %d", login, got)
		}
	}
	if q := f.queued(); len(q) != 2 || q[0].Envelope.To[0].Address != "bob@elsewhere.example" || q[1].Envelope.To[0].Address != "eve@elsewhere.example" {
		t.Errorf("queued: %+v", q)
	}
	// Junk stays, and what rules discard is gone.
	env := to(bob)
	env.Verdict = &mail.Verdict{Junk: true}
	f.must(f.router.Deliver(t.Context(), env, crlf(ruled)))
	f.with(rules{"bob@example.org": always(Sorting{})})
	f.must(f.router.Deliver(t.Context(), to(bob), crlf(ruled)))
	if n := len(f.texts("bob@example.org", mail.RoleJunk)); n != 1 || len(f.queued()) != 2 {
		t.Errorf("junk: Bob has %d, queued %d", n, len(f.queued()))
	}
}
