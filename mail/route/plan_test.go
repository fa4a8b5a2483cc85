package route

import (
	"errors"
	"testing"

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
