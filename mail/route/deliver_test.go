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

// to makes recipients of accounts.
func to(accounts ...directory.AccountID) mail.Envelope {
	return mail.Envelope{From: "x@y.example", To: []mail.Recipient{{Address: "list@example.org", Local: true, Accounts: accounts}}}
}

func numbers(from, n directory.AccountID) (out []directory.AccountID) {
	for a := from; a < from+n; a++ {
		out = append(out, a)
	}
	return out
}

func TestRecipientsShareOneBlobAndGetOneCopyEach(t *testing.T) {
	f := open(t)
	alice, bob := f.people["alice@example.org"], f.people["bob@example.org"]
	env := mail.Envelope{From: "x@y.example", To: []mail.Recipient{
		{Address: "team@example.org", Local: true, Accounts: []directory.AccountID{alice, bob}},
		{Address: "bob@example.org", Local: true, Accounts: []directory.AccountID{bob}},
	}}
	f.must(f.router.Deliver(t.Context(), env, crlf("Subject: hi\n\nthere\n")))
	a, b := f.items(alice, mail.RoleInbox), f.items(bob, mail.RoleInbox)
	if len(a) != 1 || len(b) != 1 || a[0].Blob != b[0].Blob {
		t.Fatalf("alice has %+v, bob %+v", a, b)
	}
	if a[0].Flags != 0 || a[0].Class != mail.ClassEmail || a[0].Received == 0 {
		t.Errorf("the item is %+v", a[0])
	}
}

func TestDeliverRefusesLoopsAndNobody(t *testing.T) {
	f := open(t)
	loop := strings.Repeat("Received: by a\r\n\tfor b\r\n", maxReceived)
	if err := f.router.Deliver(t.Context(), to(1), []byte(loop+"\r\n")); !errors.Is(err, mail.ErrLoop) {
		t.Errorf("a loop: %v", err)
	}
	if err := f.router.Deliver(t.Context(), to(1), []byte(loop[len("Received: by a\r\n\tfor b\r\n"):]+"\r\nReceived: in the body\r\n")); err != nil {
		t.Errorf("not yet a loop: %v", err)
	}
	if err := f.router.Deliver(t.Context(), to(), []byte("\r\n")); !errors.Is(err, mail.ErrNoRecipients) {
		t.Errorf("nobody: %v", err)
	}
}

func TestReceivedCannotBeForged(t *testing.T) {
	f := open(t)
	env := to(f.people["bob@example.org"])
	env.From = "x\r\nEvil: 1\r\n@y.example"
	env.Trace.Helo = "a\r\nEvil: 2"
	f.must(f.router.Deliver(t.Context(), env, []byte("\r\n")))
	if got := f.only("bob@example.org", mail.RoleInbox); strings.Contains(got, "\nEvil") {
		t.Errorf("%q", got)
	}
}

func TestManyRecipientsEachGetOneCopy(t *testing.T) {
	f := open(t)
	accounts := numbers(1000, 2*maxAtOnce+10)
	f.must(f.router.Deliver(t.Context(), to(accounts...), crlf("Subject: all hands\n\n")))
	ref := f.items(accounts[0], mail.RoleInbox)[0].Blob
	for _, a := range accounts {
		if got := f.items(a, mail.RoleInbox); len(got) != 1 || got[0].Blob != ref {
			t.Fatalf("%d has %+v", a, got)
		}
	}
}

// A crash may come after any of the transactions.
func TestInterruptedFanoutGoesOnWhereItStopped(t *testing.T) {
	f := open(t)
	accounts := numbers(1000, 2*maxAtOnce+10)
	for stepsBefore := range 4 {
		raw := crlf("Subject: number " + strings.Repeat("I", stepsBefore) + "\n\n")
		env := to(accounts...)
		f.router.completeTrace(&env.Trace)
		l, err := f.router.prepare(t.Context(), raw, &env.Trace)
		f.must(err)
		l.env, l.accounts = &env, accounts
		f.must(f.store.Update(t.Context(), func(tx *store.Tx) error { return f.router.deliver(tx, &l) }))
		for range stepsBefore {
			waiting, err := f.router.waiting(t.Context(), l.fanout)
			f.must(err)
			f.must(f.router.fanoutTurn(t.Context(), l.fanout, &waiting, nil, l.body.Index))
		}
		f.must(f.router.Close())
		f.router = f.newRouter()
		f.must(f.router.Recover(t.Context()))
		for _, a := range accounts {
			got := f.items(a, mail.RoleInbox)
			if len(got) != stepsBefore+1 {
				t.Fatalf("after a crash behind %d steps, account %d has %d messages", stepsBefore, a, len(got))
			}
		}
	}
}

func TestDeliveryAfterCloseStillAcceptsAndRecoverFinishes(t *testing.T) {
	f := open(t)
	accounts := numbers(1000, maxAtOnce+1)
	f.must(f.router.Close())
	f.must(f.router.Deliver(context.Background(), to(accounts...), []byte("\r\n")))
	if got := f.items(accounts[0], mail.RoleInbox); len(got) != 0 {
		t.Fatalf("a closed router went on: %+v", got)
	}
	f.router = f.newRouter()
	f.must(f.router.Recover(t.Context()))
	for _, a := range accounts {
		if got := f.items(a, mail.RoleInbox); len(got) != 1 {
			t.Fatalf("%d has %d messages", a, len(got))
		}
	}
}
