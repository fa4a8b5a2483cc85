package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"martlet/mail"
	"martlet/mail/migrate"
	"martlet/store"
	"martlet/store/blob"
)

// What was brought from elsewhere is remembered: which message of which source
// became which item, and with which flags it came. So the next run brings what is
// new there, and takes nothing back that the user has changed or deleted here.

// origin is a message elsewhere, for one mailbox.
type origin struct {
	box mail.MailboxID
	sum [16]byte // of the source, the folder and the message's key
}

func originOf(box mail.MailboxID, source string, f *migrate.Folder, key string) origin {
	h := sha256.New()
	for _, s := range append([]string{source, key}, f.Path...) {
		h.Write(binary.AppendUvarint(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	return origin{box, [16]byte(h.Sum(nil))}
}

// brought is what became of it.
type brought struct {
	at    mail.Place
	flags uint64 // sum of those it had when it came last
}

var originKeys = store.Codec[origin]{
	Append: func(dst []byte, o origin) []byte {
		return append(store.AppendUint64(dst, uint64(o.box)), o.sum[:]...)
	},
	Parse: func(b []byte) (o origin, err error) {
		box, rest, err := store.ParseUint64(b)
		if err == nil && len(rest) != len(o.sum) {
			err = fmt.Errorf("transfer: a key of %d bytes", len(b))
		}
		if err != nil {
			return o, err
		}
		return origin{mail.MailboxID(box), [16]byte(rest)}, nil
	},
}

var broughtValues = store.Codec[brought]{
	Append: func(dst []byte, b brought) []byte {
		enc := store.NewEncoder(dst)
		enc.Uint(1, uint64(b.at.Folder))
		enc.Uint(2, uint64(b.at.Item))
		enc.Uint(3, b.flags)
		return enc.Out()
	},
	Parse: func(raw []byte) (b brought, err error) {
		err = store.DecodeFields(raw, func(f store.Field) error {
			switch f.Number {
			case 1:
				b.at.Folder = mail.FolderID(f.Uint())
			case 2:
				b.at.Item = mail.ItemID(f.Uint())
			case 3:
				b.flags = f.Uint()
			}
			return nil
		})
		return b, err
	},
}

// broughtTable is the table of what came from elsewhere.
func broughtTable() store.Table[origin, brought] {
	return store.NewTable("brought", store.PrefixBrought, originKeys, broughtValues)
}

// flagSum tells whether flags have changed.
func flagSum(h *migrate.Head) uint64 {
	words := slices.Clone(h.Keywords)
	slices.Sort(words)
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %v %q", h.Flags, h.Flagged, words))
	return binary.BigEndian.Uint64(sum[:])
}

// CompareMail tells for each message how it is there already.
func (t *Transfer) CompareMail(ctx context.Context, box mail.MailboxID, source string, f *migrate.Folder, heads []migrate.Head) ([]migrate.State, error) {
	states := make([]migrate.State, len(heads))
	table := broughtTable()
	err := t.c.Store.View(ctx, func(tx *store.Tx) error {
		for i := range heads {
			was, err := table.Get(tx, originOf(box, source, f, heads[i].Key))
			switch {
			case errors.Is(err, store.ErrNotFound):
				states[i] = migrate.Missing
			case err != nil:
				return err
			case was.flags != flagSum(&heads[i]):
				states[i] = migrate.Changed
			default:
				states[i] = migrate.Present
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("transfer: %w", err)
	}
	return states, nil
}

// PutMail takes messages in, in their order, and makes their folder if it is not
// there. What is refused it names by its place, with a reason.
func (t *Transfer) PutMail(ctx context.Context, box mail.MailboxID, source string, f *migrate.Folder, items []migrate.Item) (map[int]string, error) {
	if err := t.c.Mailboxes.Create(ctx, box); err != nil {
		return nil, fmt.Errorf("transfer: %w", err)
	}
	refused := map[int]string{}
	for from := 0; from < len(items) || from == 0; from += maxAtOnce {
		to := min(from+maxAtOnce, len(items))
		if err := t.putMail(ctx, box, source, f, items[from:to]); err != nil {
			return refused, fmt.Errorf("transfer: %w", err)
		}
	}
	return refused, nil
}

func (t *Transfer) putMail(ctx context.Context, box mail.MailboxID, source string, f *migrate.Folder, items []migrate.Item) (err error) {
	bodies := make([]mail.Body, len(items))
	for range attempts {
		for i := range items {
			if items[i].Raw == nil {
				continue
			}
			if bodies[i], err = t.c.Mailboxes.Prepare(ctx, items[i].Raw); err != nil {
				return err
			}
		}
		err = t.c.Store.Update(ctx, func(tx *store.Tx) error {
			folder, err := t.mailFolder(tx, box, f)
			if err != nil {
				return err
			}
			for i := range items {
				if err := t.putOne(tx, box, folder, originOf(box, source, f, items[i].Key), &items[i], bodies[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if !errors.Is(err, blob.ErrGone) {
			return err
		}
	}
	return err
}

// putOne takes a message in, or what has changed of its flags.
func (t *Transfer) putOne(tx *store.Tx, box mail.MailboxID, folder mail.FolderID, o origin, it *migrate.Item, body mail.Body) error {
	table := broughtTable()
	was, err := table.Get(tx, o)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	sum := flagSum(&it.Head)
	if err == nil {
		if was.flags == sum {
			return nil
		}
		_, err := t.c.Mailboxes.UpdateItem(tx, box, was.at.Folder, was.at.Item, func(item *mail.Item) { takeFlags(item, &it.Head) })
		if err != nil && !errors.Is(err, mail.ErrNoItem) && !errors.Is(err, mail.ErrNoFolder) { // moved or deleted: the user's own decision
			return err
		}
		was.flags = sum
		return table.Set(tx, o, was)
	}
	if it.Raw == nil {
		return nil // it was forgotten meanwhile
	}
	var flags mail.Item
	takeFlags(&flags, &it.Head)
	n := mail.NewItem{Class: mail.ClassEmail, Body: body, Flags: flags.Flags, FollowUp: flags.FollowUp, Keywords: flags.Keywords, Own: true}
	if !it.Received.IsZero() {
		n.Received = it.Received.UnixMilli()
	}
	if err := t.c.Mailboxes.Room(tx, box, folder, n.Blob.Size, 1); err != nil {
		return err
	}
	made, err := t.c.Mailboxes.Append(tx, box, folder, n)
	if err != nil {
		return err
	}
	return table.Set(tx, o, brought{mail.Place{Folder: folder, Item: made.ID}, sum})
}

// maxKeywords bounds the keywords of one message that are taken over.
const maxKeywords = 50

// takeFlags gives an item the flags that a message has elsewhere.
func takeFlags(it *mail.Item, h *migrate.Head) {
	const carried = mail.FlagSeen | mail.FlagAnswered | mail.FlagForwarded | mail.FlagDeleted | mail.FlagDraft
	it.Flags = it.Flags&^carried | h.Flags&carried
	switch {
	case h.Flagged:
		it.FollowUp.Status = mail.FollowUpActive
	case it.FollowUp.Status == mail.FollowUpActive:
		it.FollowUp = mail.FollowUp{}
	}
	words := slices.Clone(h.Keywords[:min(len(h.Keywords), maxKeywords)])
	slices.Sort(words)
	it.Keywords = slices.Compact(words)
}

// mailFolder finds the folder that stands for one elsewhere, or makes it.
func (t *Transfer) mailFolder(tx *store.Tx, box mail.MailboxID, f *migrate.Folder) (mail.FolderID, error) {
	if f.Role != mail.RoleNone {
		folder, err := t.c.Mailboxes.FolderByRole(tx, box, f.Role)
		return folder.ID, err
	}
	folders, err := t.c.Mailboxes.Folders(tx, box)
	if err != nil {
		return 0, err
	}
	parent := mail.FolderID(0)
	for _, name := range f.Path {
		next, err := t.mailFolderIn(tx, box, folders, parent, fitName(name))
		if err != nil {
			return 0, err
		}
		parent = next
	}
	return parent, nil
}

// mailFolderIn finds a folder for mail by its name, or makes it. A calendar of the
// same name leaves it another.
func (t *Transfer) mailFolderIn(tx *store.Tx, box mail.MailboxID, folders []mail.Folder, parent mail.FolderID, name string) (mail.FolderID, error) {
	for n := 1; ; n++ {
		called := name
		if n > 1 {
			called = fmt.Sprintf("%s (%d)", name, n)
		}
		i := slices.IndexFunc(folders, func(f mail.Folder) bool { return f.Parent == parent && strings.EqualFold(f.Name, called) })
		switch {
		case i < 0:
			made, err := t.c.Mailboxes.CreateFolder(tx, box, parent, called, mail.ClassEmail)
			return made.ID, err
		case folders[i].Class == mail.ClassEmail && folders[i].Link.IsZero():
			return folders[i].ID, nil
		}
	}
}

// maxName is how many characters of a folder's name are taken.
const maxName = 200

// fitName makes a name that a folder can have.
func fitName(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return '_'
		}
		return r
	}, s)
	if r := []rune(s); len(r) > maxName {
		s = string(r[:maxName])
	}
	if s = strings.TrimSpace(s); s == "" {
		s = "_"
	}
	return s
}

// ForgetMail forgets what was brought into a mailbox, which is then brought again.
// It returns how many messages were known.
func (t *Transfer) ForgetMail(ctx context.Context, box mail.MailboxID) (n int, err error) {
	table := broughtTable()
	for {
		var some []origin
		err := t.c.Store.Update(ctx, func(tx *store.Tx) error {
			some = some[:0]
			for o, err := range table.Keys(tx, store.TableRange[origin]{Prefix: store.AppendUint64(nil, uint64(box))}) {
				if err != nil {
					return err
				}
				if some = append(some, o); len(some) == 10*maxAtOnce {
					break
				}
			}
			for _, o := range some {
				if err := table.Delete(tx, o); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return n, fmt.Errorf("transfer: %w", err)
		}
		if n += len(some); len(some) < 10*maxAtOnce {
			return n, nil
		}
	}
}

// MailFolders lists the folders with mail of a mailbox as an export has them.
func (t *Transfer) MailFolders(ctx context.Context, box mail.MailboxID) (all []MailFolder, err error) {
	err = t.c.Store.View(ctx, func(tx *store.Tx) error {
		all = all[:0]
		folders, err := t.c.Mailboxes.Folders(tx, box)
		if err != nil {
			return err
		}
		byID := map[mail.FolderID]*mail.Folder{}
		for i := range folders {
			byID[folders[i].ID] = &folders[i]
		}
		for i := range folders {
			f := &folders[i]
			if f.Class != mail.ClassEmail || !f.Link.IsZero() {
				continue
			}
			m := MailFolder{Folder: migrate.Folder{Role: f.Role, Count: int(f.Items)}, Target: Target{box, f.ID, f.Class, f.Name}}
			for at := f; at != nil && len(m.Path) < 64; at = byID[at.Parent] {
				m.Path = append(m.Path, at.Name)
			}
			slices.Reverse(m.Path)
			all = append(all, m)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("transfer: %w", err)
	}
	return all, nil
}

// MailFolder is a folder of mail here.
type MailFolder struct {
	migrate.Folder
	Target Target
}

// EachMail visits the messages of a folder in the order in which they came, short
// messages left out.
func (t *Transfer) EachMail(ctx context.Context, from Target, yield func(*migrate.Item) error) error {
	for last := mail.ItemID(0); ; {
		some, err := t.some(ctx, from, last)
		if err != nil {
			return fmt.Errorf("transfer: %w", err)
		}
		for i := range some {
			it := &some[i]
			last = it.ID
			if it.Class != mail.ClassEmail {
				continue
			}
			raw, err := t.body(ctx, from, it)
			if errors.Is(err, mail.ErrNoItem) {
				continue
			}
			if err != nil {
				return fmt.Errorf("transfer: item %d: %w", last, err)
			}
			out := migrate.Item{Head: migrate.Outgoing(it), Raw: bytes.Clone(raw)}
			if err := yield(&out); err != nil {
				return err
			}
		}
		if len(some) < maxAtOnce {
			return nil
		}
	}
}
