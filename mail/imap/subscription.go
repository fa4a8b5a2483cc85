package imap

import (
	"errors"
	"fmt"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// subscriptionKey names a name: subscriptions outlive the mailbox that they are
// to (RFC 9051 6.3.7).
type subscriptionKey struct {
	box  mail.MailboxID
	name string
}

// subscription is what was last said of a name. A mailbox of which nothing was
// said is subscribed to, so that what is made on a phone shows everywhere.
type subscription uint64

const (
	subscribed   subscription = 1
	unsubscribed subscription = 2
)

// subscriptions is the table of all subscriptions.
type subscriptions struct {
	table store.Table[subscriptionKey, subscription]
}

func newSubscriptions() subscriptions {
	return subscriptions{store.NewTable("imap subscription", store.PrefixSubscription,
		store.Codec[subscriptionKey]{Append: appendSubscriptionKey, Parse: parseSubscriptionKey},
		store.Codec[subscription]{Append: appendSubscription, Parse: parseSubscription})}
}

func appendSubscriptionKey(dst []byte, k subscriptionKey) []byte {
	return store.AppendString(store.AppendUint64(dst, uint64(k.box)), k.name)
}

func parseSubscriptionKey(b []byte) (k subscriptionKey, err error) {
	box, b, err := store.ParseUint64(b)
	if err != nil {
		return k, err
	}
	name, b, err := store.ParseString(b)
	if err != nil {
		return k, err
	}
	return subscriptionKey{mail.MailboxID(box), name}, store.End(b)
}

func appendSubscription(dst []byte, v subscription) []byte {
	e := store.NewEncoder(dst)
	e.Uint(1, uint64(v))
	return e.Out()
}

func parseSubscription(b []byte) (v subscription, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		if f.Number == 1 {
			v = subscription(f.Uint())
		}
		return nil
	})
	return v, err
}

// all returns what was said of the names of one mailbox.
func (t subscriptions) all(tx *store.Tx, box mail.MailboxID) (map[string]subscription, error) {
	said := map[string]subscription{}
	r := store.TableRange[subscriptionKey]{Prefix: store.AppendUint64(nil, uint64(box))}
	for row, err := range t.table.Scan(tx, r) {
		if err != nil {
			return nil, fmt.Errorf("imap: subscriptions: %w", err)
		}
		said[row.Key.name] = row.Value
	}
	return said, nil
}

// say keeps what is said of a name; exists tells whether there is such a mailbox
// now.
func (t subscriptions) say(tx *store.Tx, box mail.MailboxID, name string, v subscription, exists bool) error {
	if len(name) > maxSubscribed {
		return mail.ErrTooManyFolders
	}
	k := subscriptionKey{box, name}
	old, err := t.table.Get(tx, k)
	known := err == nil
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("imap: subscription: %w", err)
	case known && old == v:
		return nil
	case !exists && v == unsubscribed: // nothing is left to be said
		if !known {
			return nil
		}
		return t.table.Delete(tx, k)
	case !exists:
		return mail.ErrNoFolder
	}
	if !known {
		said, err := t.all(tx, box)
		if err != nil {
			return err
		}
		if len(said) >= maxUserFolders {
			return mail.ErrTooManyFolders
		}
	}
	return t.table.Set(tx, k, v)
}

// Forget drops what is kept of the account's clients.
func Forget(tx *store.Tx, id directory.AccountID) error {
	t, box := newSubscriptions(), mail.MailboxOf(id)
	said, err := t.all(tx, box)
	if err != nil {
		return err
	}
	for name := range said {
		if err := t.table.Delete(tx, subscriptionKey{box, name}); err != nil {
			return err
		}
	}
	return newAnnotations().forget(tx, box, 0)
}
