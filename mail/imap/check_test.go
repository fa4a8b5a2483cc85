package imap

import (
	"errors"
	"testing"

	"martlet/mail"
	"martlet/store"
)

func TestCheckFindsSubscriptionsThatCannotBe(t *testing.T) {
	s, err := store.Open(store.Config{Path: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	names := newSubscriptions()
	for _, c := range []struct {
		name string
		key  subscriptionKey
		said subscription
		want int
	}{
		{"right", subscriptionKey{1, "INBOX"}, unsubscribed, 0},
		{"of nobody", subscriptionKey{2, "INBOX"}, subscribed, 1},
		{"to no name", subscriptionKey{1, ""}, subscribed, 1},
		{"to a name that is written otherwise", subscriptionKey{1, "inbox"}, subscribed, 1},
		{"says nothing", subscriptionKey{1, "Work"}, 3, 1},
	} {
		var found []store.Problem
		errUndo := errors.New("undo")
		err := s.Update(t.Context(), func(tx *store.Tx) error {
			found = nil
			if err := names.table.Set(tx, c.key, c.said); err != nil {
				return err
			}
			if err := names.check(tx, map[mail.MailboxID]bool{1: true}, func(p store.Problem) { found = append(found, p) }); err != nil {
				return err
			}
			return errUndo
		})
		if !errors.Is(err, errUndo) || len(found) != c.want {
			t.Errorf("%s: %v, %v", c.name, found, err)
		}
	}
}
