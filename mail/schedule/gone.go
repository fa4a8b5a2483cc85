package schedule

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"martlet/mail"
	"martlet/store"
)

// A meeting that a user does not want, or that was cancelled before its
// invitation came, is not in the calendar any more. What came late or twice
// must not bring it back: so the last of it that was seen is remembered.

const (
	// goneLife is how long that is: mail is not under way for longer.
	goneLife = 90 * 24 * time.Hour
	// maxGoneForgotten bounds how many are forgotten when one is added.
	maxGoneForgotten = 16
)

// mark is a meeting that left a calendar.
type mark struct {
	box      mail.MailboxID
	uid      mail.UIDHash
	seen     version
	declined bool // the user does not want it, until it takes place at another time
	when     time.Time
}

type goneKey struct {
	box mail.MailboxID
	uid mail.UIDHash
}

type goneAge struct {
	when int64 // milliseconds since 1970
	key  goneKey
}

// goneTables remember what left.
type goneTables struct {
	rows store.Table[goneKey, mark]
	ages store.Table[goneAge, struct{}]
}

func newGoneTables() goneTables {
	return goneTables{
		rows: store.NewTable("meeting gone", store.PrefixMeetingGone, store.Codec[goneKey]{Append: appendGoneKey, Parse: func(b []byte) (goneKey, error) {
			k, rest, err := parseGoneKey(b)
			return k, errors.Join(err, store.End(rest))
		}}, marks),
		ages: store.NewTable("meeting gone age", store.PrefixMeetingGoneAge, store.Codec[goneAge]{
			Append: func(dst []byte, a goneAge) []byte { return appendGoneKey(store.AppendInt64(dst, a.when), a.key) },
			Parse: func(b []byte) (a goneAge, err error) {
				if a.when, b, err = store.ParseInt64(b); err != nil {
					return a, err
				}
				a.key, b, err = parseGoneKey(b)
				return a, errors.Join(err, store.End(b))
			},
		}, store.NoValue()),
	}
}

func appendGoneKey(dst []byte, k goneKey) []byte {
	return binary.BigEndian.AppendUint64(store.AppendUint64(dst, uint64(k.box)), uint64(k.uid))
}

func parseGoneKey(b []byte) (k goneKey, rest []byte, err error) {
	box, b, err := store.ParseUint64(b)
	if err != nil {
		return k, nil, err
	}
	uid, b, err := store.ParseUint64(b)
	return goneKey{mail.MailboxID(box), mail.UIDHash(uid)}, b, err
}

var marks = store.Codec[mark]{
	Append: func(dst []byte, m mark) []byte {
		enc := store.NewEncoder(dst)
		enc.Uint(1, uint64(m.seen.sequence))
		enc.Int(2, m.seen.stamp)
		enc.Bool(3, m.declined)
		enc.Int(4, m.when.UnixMilli())
		return enc.Out()
	},
	Parse: func(b []byte) (m mark, err error) {
		err = store.DecodeFields(b, func(f store.Field) error {
			switch f.Number {
			case 1:
				m.seen.sequence = int(f.Uint())
			case 2:
				m.seen.stamp = f.Int()
			case 3:
				m.declined = f.Bool()
			case 4:
				m.when = time.UnixMilli(f.Int())
			}
			return nil
		})
		return m, err
	},
}

// note remembers a meeting, unless something newer of it is remembered, and
// forgets some that are old.
func (g *goneTables) note(tx *store.Tx, m mark) error {
	if m.uid == 0 {
		return nil
	}
	k := goneKey{m.box, m.uid}
	old, err := g.rows.Get(tx, k)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return fmt.Errorf("schedule: %w", err)
	case old.seen.compare(m.seen) > 0:
		return nil
	default:
		if err := g.ages.Delete(tx, goneAge{old.when.UnixMilli(), k}); err != nil {
			return err
		}
	}
	if err := g.rows.Set(tx, k, m); err != nil {
		return err
	}
	if err := g.ages.Set(tx, goneAge{m.when.UnixMilli(), k}, struct{}{}); err != nil {
		return err
	}
	return g.forget(tx, m.when)
}

func (g *goneTables) forget(tx *store.Tx, now time.Time) error {
	var old []goneAge
	for a, err := range g.ages.Keys(tx, store.TableRange[goneAge]{}) {
		if err != nil {
			return err
		}
		if a.when > now.Add(-goneLife).UnixMilli() || len(old) == maxGoneForgotten {
			break
		}
		old = append(old, a)
	}
	for _, a := range old {
		if err := errors.Join(g.rows.Delete(tx, a.key), g.ages.Delete(tx, a)); err != nil {
			return err
		}
	}
	return nil
}

// seen is what is remembered of a meeting that left, if anything is.
func (g *goneTables) seen(tx *store.Tx, box mail.MailboxID, uid string) (mark, bool, error) {
	m, err := g.rows.Get(tx, goneKey{box, mail.HashUID(mail.ClassCalendar, uid)})
	if errors.Is(err, store.ErrNotFound) {
		return m, false, nil
	}
	return m, err == nil, err
}

// leaving is the mark of a meeting that its owner takes out of the calendar.
func (s *Scheduler) leaving(box mail.MailboxID, was *series, declined bool) mark {
	m := mark{box: box, when: s.now(), declined: declined}
	if was != nil {
		m.uid = mail.HashUID(mail.ClassCalendar, was.uid)
		m.seen.sequence, m.seen.stamp = was.highest()
	}
	return m
}
