package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/store"
	"martlet/store/blob"
)

// Exported is one object of a folder.
type Exported struct {
	Name string // of the resource: what a file of its own may be called
	UID  mail.UIDHash
	Raw  []byte
}

// Each visits the objects of a folder in the order in which they came. One that
// is deleted meanwhile is left out.
func (t *Transfer) Each(ctx context.Context, from Target) iter.Seq2[Exported, error] {
	return func(yield func(Exported, error) bool) {
		for last := mail.ItemID(0); ; {
			some, err := t.some(ctx, from, last)
			if err != nil {
				yield(Exported{}, fmt.Errorf("transfer: %w", err))
				return
			}
			for i := range some {
				it := &some[i]
				last = it.ID
				raw, err := t.body(ctx, from, it)
				if errors.Is(err, mail.ErrNoItem) {
					continue
				}
				if err != nil {
					err = fmt.Errorf("transfer: %s: %w", it.Name, err)
				}
				if !yield(Exported{it.Name, it.UID, raw}, err) || err != nil {
					return
				}
			}
			if len(some) < maxAtOnce {
				return
			}
		}
	}
}

// body reads an item's body, or what has taken its place meanwhile. ErrNoItem: it
// is deleted.
func (t *Transfer) body(ctx context.Context, from Target, it *mail.Item) ([]byte, error) {
	for {
		raw, err := t.c.Mailboxes.Blobs().Read(ctx, it.Blob)
		if !errors.Is(err, blob.ErrGone) {
			return raw, err
		}
		was := it.Blob
		err = t.c.Store.View(ctx, func(tx *store.Tx) error {
			now, err := t.c.Mailboxes.Item(tx, from.Box, from.Folder, it.ID)
			*it = now
			return err
		})
		if err != nil {
			return nil, err
		}
		if it.Blob == was {
			return nil, blob.ErrGone // a fault of the store
		}
	}
}

func (t *Transfer) some(ctx context.Context, from Target, after mail.ItemID) (some []mail.Item, err error) {
	err = t.c.Store.View(ctx, func(tx *store.Tx) error {
		some = some[:0]
		for it, err := range t.c.Mailboxes.Items(tx, from.Box, from.Folder, after) {
			if err != nil {
				return err
			}
			if some = append(some, it); len(some) == maxAtOnce {
				return nil
			}
		}
		return nil
	})
	return some, err
}

// Write writes the objects of a folder as one file: a calendar that holds them
// all, each time zone once, or cards one after another. It returns how many
// there were.
func (t *Transfer) Write(ctx context.Context, from Target, w io.Writer) (n int, err error) {
	if from.Class == mail.ClassContacts {
		for o, err := range t.Each(ctx, from) {
			if err != nil {
				return n, err
			}
			n++
			if _, err := w.Write(o.Raw); err != nil {
				return n, err
			}
		}
		return n, nil
	}
	var m calendar.Merger
	if _, err := io.WriteString(w, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//martlet//martlet//EN\r\n"); err != nil {
		return 0, err
	}
	for o, err := range t.Each(ctx, from) {
		if err != nil {
			return n, err
		}
		one, err := calendar.Parse(o.Raw)
		if err != nil {
			return n, fmt.Errorf("transfer: %s: %w", o.Name, err)
		}
		n++
		var text []byte
		for _, c := range m.Take(one.Root) {
			text = c.Append(text)
		}
		if _, err := w.Write(text); err != nil {
			return n, err
		}
	}
	_, err = io.WriteString(w, "END:VCALENDAR\r\n")
	return n, err
}
