package imap

import (
	"context"
	"fmt"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// Check reports every broken invariant: subscriptions of accounts that are gone,
// to what no mailbox can be called, more than a mailbox may have, and such as
// say nothing; annotations that nobody can see.
func Check(ctx context.Context, st *store.Store, d *directory.Directory, report func(store.Problem)) error {
	known := map[mail.MailboxID]bool{}
	for a, err := range d.Accounts(ctx) {
		if err != nil {
			return err
		}
		known[mail.MailboxOf(a.ID)] = true
	}
	return st.View(ctx, func(tx *store.Tx) error {
		if err := newSubscriptions().check(tx, known, report); err != nil {
			return err
		}
		return newAnnotations().check(tx, known, report)
	})
}

func (t subscriptions) check(tx *store.Tx, known map[mail.MailboxID]bool, report func(store.Problem)) error {
	var last mail.MailboxID
	n := 0
	for row, err := range t.table.Scan(tx, store.TableRange[subscriptionKey]{}) {
		if err != nil {
			return err
		}
		k := row.Key
		bad := func(format string, args ...any) {
			report(store.Problem{Table: "imap subscription", Key: fmt.Sprintf("%d %q", k.box, k.name), Text: fmt.Sprintf(format, args...)})
		}
		if n == 0 || k.box != last {
			last, n = k.box, 0
			if !known[k.box] {
				bad("account %d is gone", k.box)
			}
		}
		if n++; n == maxUserFolders+1 {
			bad("more than %d in one mailbox", maxUserFolders)
		}
		if k.name == "" || canonical(k.name) != k.name {
			bad("no mailbox is called that")
		}
		if row.Value != subscribed && row.Value != unsubscribed {
			bad("%d says nothing", row.Value)
		}
	}
	return nil
}

func (t annotations) check(tx *store.Tx, known map[mail.MailboxID]bool, report func(store.Problem)) error {
	for row, err := range t.table.Scan(tx, store.TableRange[annotationKey]{}) {
		if err != nil {
			return err
		}
		k := row.Key
		name, ok := annotationName(k.name)
		shared := strings.HasPrefix(k.name, sharedAnnotations)
		if !ok || name != k.name || shared != (k.viewer == 0) || k.folder == 0 && k.viewer != k.box || k.folder == 0 && !known[k.box] || len(row.Value) > maxAnnotation {
			report(store.Problem{Table: "imap annotation", Key: fmt.Sprintf("%d %d %d %q", k.box, k.folder, k.viewer, k.name), Text: "nobody can see it"})
		}
	}
	return nil
}
