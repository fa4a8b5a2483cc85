package directory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"martlet/store"
)

// The directory counts its changes. Each entry of the address list knows the
// number of its own last one, and a log leads from that number back to the
// entry, so who has read the whole list learns what has changed since at the
// cost of what has. The log keeps one row for each entry that ever was.

// ErrNoEntry means that there is no such entry in the address list.
var ErrNoEntry = errors.New("directory: no such entry in the address list")

// entryState is what the log's own table knows of an entry.
type entryState struct {
	target target // zero: of the row that holds the directory's own number
	seq    uint64
	listed bool // false: it is gone, or hidden
}

// epochRow is the name under which the directory's own number lies.
const epochRow = ""

func entryStateCodec() store.Codec[entryState] {
	return store.Codec[entryState]{
		Append: func(dst []byte, s entryState) []byte {
			e := store.NewEncoder(dst)
			e.Uint(1, uint64(s.target.account))
			e.String(2, string(s.target.group))
			e.String(3, string(s.target.contact))
			e.Uint(4, s.seq)
			e.Bool(5, s.listed)
			return e.Out()
		},
		Parse: func(b []byte) (s entryState, err error) {
			err = store.DecodeFields(b, func(f store.Field) error {
				switch f.Number {
				case 1:
					s.target.account = AccountID(f.Uint())
				case 2:
					s.target.group = addressKey(f.String())
				case 3:
					s.target.contact = addressKey(f.String())
				case 4:
					s.seq = f.Uint()
				case 5:
					s.listed = f.Bool()
				}
				return nil
			})
			return s, err
		},
	}
}

// name is what the target is called as long as it is there.
func (t target) name() string {
	sum := func(kind string, k addressKey) string {
		h := sha256.Sum256([]byte(kind + string(k)))
		return kind + hex.EncodeToString(h[:16])
	}
	switch {
	case t.account != 0:
		return "u" + strconv.FormatUint(uint64(t.account), 10)
	case t.group != "":
		return sum("g", t.group)
	}
	return sum("c", t.contact)
}

// move gives the directory its next number.
func (d *Directory) move(tx *store.Tx) (uint64, error) {
	now, err := d.EpochIn(tx)
	if err != nil {
		return 0, err
	}
	return now + 1, d.tables.entries.Set(tx, epochRow, entryState{seq: now + 1})
}

// Epoch is the number of the directory's last change.
func (d *Directory) Epoch(ctx context.Context) (n uint64, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		n, err = d.EpochIn(tx)
		return err
	})
	return n, err
}

// EpochIn is Epoch within a transaction.
func (d *Directory) EpochIn(tx *store.Tx) (uint64, error) {
	s, err := d.tables.entries.Get(tx, epochRow)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return s.seq, err
}

// note writes down that an entry was changed. One that never was in the list
// leaves no trace but the directory's number.
func (d *Directory) note(tx *store.Tx, t target, listed bool) error {
	seq, err := d.move(tx)
	if err != nil {
		return err
	}
	name := t.name()
	was, err := d.tables.entries.Get(tx, name)
	switch {
	case errors.Is(err, store.ErrNotFound) && !listed:
		return nil
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	case !was.listed && !listed:
		return nil
	default:
		if err := d.tables.entryLog.Delete(tx, was.seq); err != nil {
			return err
		}
	}
	if err := d.tables.entryLog.Set(tx, seq, name); err != nil {
		return err
	}
	return d.tables.entries.Set(tx, name, entryState{t, seq, listed})
}

// touch notes a change of what an entry has beside its row.
func (d *Directory) touch(tx *store.Tx, t target) error {
	was, err := d.tables.entries.Get(tx, t.name())
	if errors.Is(err, store.ErrNotFound) || err == nil && !was.listed {
		_, err = d.move(tx)
		return err
	}
	if err != nil {
		return err
	}
	return d.note(tx, t, true)
}

// ID names the entry in the address list as long as it is there: letters and
// digits.
func (e *Entry) ID() string { return e.target().name() }

func (e *Entry) target() target {
	switch {
	case e.Group != nil:
		return target{group: keyOf(e.Group.Address)}
	case e.Contact != nil:
		return target{contact: keyOf(e.Contact.Address)}
	}
	return target{account: e.Account.ID}
}

// Listed ranges over the whole address list in the order of the entries' IDs,
// as it was when the loop began. Each entry has its Seq.
func (d *Directory) Listed(ctx context.Context) iter.Seq2[Entry, error] {
	errStop := errors.New("directory: the caller has enough")
	return func(yield func(Entry, error) bool) {
		err := d.store.View(ctx, func(tx *store.Tx) error {
			for row, err := range d.tables.entries.Scan(tx, store.TableRange[string]{}) {
				if err != nil {
					return err
				}
				if row.Key == epochRow || !row.Value.listed {
					continue
				}
				e, err := d.entryOf(tx, &row.Value)
				if err != nil {
					return err
				}
				if !yield(e, nil) {
					return errStop
				}
			}
			return nil
		})
		if err != nil && err != errStop {
			yield(Entry{}, fmt.Errorf("directory: listed: %w", err))
		}
	}
}

func (d *Directory) entryOf(tx *store.Tx, s *entryState) (Entry, error) {
	all, err := d.entries(tx, []hit{{target: s.target}})
	if err != nil {
		return Entry{}, err
	}
	all[0].Seq = s.seq
	return all[0], nil
}

// EntryChange is a change of the address list.
type EntryChange struct {
	ID    string
	Seq   uint64
	Entry *Entry // nil: it is not in the list any more
}

// ChangedSince returns what has changed in the address list since the directory
// had a number, oldest first and each entry once, at most limit of them (0: all),
// and the number up to which that is. ErrNoEntry when the directory never had
// the number.
func (d *Directory) ChangedSince(ctx context.Context, epoch uint64, limit int) (changes []EntryChange, upTo uint64, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		changes = nil
		if upTo, err = d.EpochIn(tx); err != nil {
			return err
		}
		if epoch > upTo {
			return ErrNoEntry
		}
		from := epoch + 1
		for row, err := range d.tables.entryLog.Scan(tx, store.TableRange[uint64]{From: &from}) {
			if err != nil {
				return err
			}
			if limit > 0 && len(changes) == limit {
				upTo = changes[limit-1].Seq
				return nil
			}
			s, err := d.tables.entries.Get(tx, row.Value)
			if err != nil {
				return err
			}
			c := EntryChange{ID: row.Value, Seq: row.Key}
			if s.listed {
				e, err := d.entryOf(tx, &s)
				if err != nil {
					return err
				}
				c.Entry = &e
			}
			changes = append(changes, c)
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("directory: changes: %w", err)
	}
	return changes, upTo, nil
}

// EntryByID returns the entry of the address list that is called so.
func (d *Directory) EntryByID(ctx context.Context, id string) (e Entry, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		s, err := d.tables.entries.Get(tx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && (!s.listed || id == epochRow) {
			return ErrNoEntry
		}
		if err != nil {
			return err
		}
		e, err = d.entryOf(tx, &s)
		return err
	})
	return e, err
}

// EntryPhoto returns the photo of an entry, JPEG or PNG, or nil.
func (d *Directory) EntryPhoto(ctx context.Context, e *Entry) (p []byte, err error) {
	err = d.store.View(ctx, func(tx *store.Tx) error {
		p, err = d.entryPhoto(tx, e.target())
		return err
	})
	return p, err
}

// entriesLog compares the entries' states and the log with what is listed.
func (c *checking) entriesLog(listedNow map[target]bool) error {
	log := map[uint64]string{}
	for row, err := range c.d.tables.entryLog.Scan(c.tx, store.TableRange[uint64]{}) {
		if err != nil {
			return err
		}
		log[row.Key] = row.Value
	}
	epoch, err := c.d.EpochIn(c.tx)
	if err != nil {
		return err
	}
	for row, err := range c.d.tables.entries.Scan(c.tx, store.TableRange[string]{}) {
		if err != nil {
			return err
		}
		s := row.Value
		if row.Key == epochRow {
			continue
		}
		switch {
		case s.target.name() != row.Key:
			c.problem("entries", row.Key, "leads to %v", s.target)
		case log[s.seq] != row.Key || s.seq > epoch:
			c.problem("entries", row.Key, "its change %d is not in the log, or not yet", s.seq)
		case s.listed != listedNow[s.target]:
			c.problem("entries", row.Key, "listed: %v", s.listed)
		}
		delete(log, s.seq)
		delete(listedNow, s.target)
	}
	for seq, name := range log {
		c.problem("entry log", fmt.Sprint(seq), "of %s, whose last change it is not", name)
	}
	for t, yes := range listedNow {
		if yes {
			c.problem("entries", t.name(), "missing")
		}
	}
	return nil
}
