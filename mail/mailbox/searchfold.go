package mailbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"martlet/mail"
	"martlet/mail/search"
	"martlet/store"
)

// sizes say when the index is worked on and in which pieces.
type sizes struct {
	// fold is how many pending messages of a mailbox are worth a segment.
	fold int
	// pending is how many of them a search looks at one by one; if there are
	// more it has them folded first.
	pending int
	// foldBytes is about how much a segment of new messages may be in memory. It
	// is written in one transaction (store: 2.1 MB).
	foldBytes int
	// fanout is how many segments of one level become one of the next: a mailbox
	// has fewer than fanout of each level, and a posting is written once for
	// each level. One merge reads at most twice as many.
	fanout int
	// prune is how many messages leave a mailbox before its segments are looked
	// through for those of which little is left.
	prune int
	// write is how many bytes of a merged segment are written in one
	// transaction, and clear how many blocks are deleted in one.
	write, clear int
}

func defaultSizes() sizes {
	return sizes{
		fold: 128, pending: 256, foldBytes: 1500 << 10, fanout: 8, prune: 1024, write: 256 << 10, clear: 500,
	}
}

// errStale means that the mailbox was removed while its index was written.
var errStale = errors.New("mailbox: the index was taken away")

// segmentsOf are the segments of one mailbox, the live ones in order of Doc.
type segmentsOf struct {
	live   []numbered
	other  []numbered // building or doomed
	lastID uint32
}

type numbered struct {
	id uint32
	segment
}

// to is the last Doc that is in a segment.
func (s *segmentsOf) to() search.Doc {
	if len(s.live) == 0 {
		return 0
	}
	return s.live[len(s.live)-1].To
}

func (m *Mailboxes) segments(tx *store.Tx, box mail.MailboxID) (s segmentsOf, err error) {
	for row, err := range segmentTable.Scan(tx, store.TableRange[segmentKey]{Prefix: appendBox(nil, box)}) {
		if err != nil {
			return s, err
		}
		s.lastID = max(s.lastID, row.Key.ID)
		if n := (numbered{row.Key.ID, row.Value}); n.State == segmentLive {
			s.live = append(s.live, n)
		} else {
			s.other = append(s.other, n)
		}
	}
	slices.SortFunc(s.live, func(a, b numbered) int { return int(int64(a.From) - int64(b.From)) })
	return s, nil
}

// outdated tells whether words are found by other rules now.
func (s *segmentsOf) outdated() bool {
	return slices.ContainsFunc(s.live, func(n numbered) bool { return n.Version != search.Version })
}

// ripe returns the segments that are to become one: the older ones of a level
// that has enough. They lie side by side, since older ones have higher levels.
func (s *segmentsOf) ripe(fanout int) []numbered {
	for from := 0; from < len(s.live); {
		to := from
		for to < len(s.live) && s.live[to].Level == s.live[from].Level {
			to++
		}
		if to-from >= fanout {
			return s.live[from:min(to, from+2*fanout)]
		}
		from = to
	}
	return nil
}

// wantsTending tells whether a mailbox's index should be worked on.
func (m *Mailboxes) wantsTending(tx *store.Tx, box mail.MailboxID, st state) (bool, error) {
	if st.Removed {
		return false, nil
	}
	s, err := m.segments(tx, box)
	if err != nil {
		return false, err
	}
	if !st.Indexed || len(s.other) > 0 || s.outdated() || s.ripe(m.keeper.fanout) != nil {
		return true, nil
	}
	if int(st.Doc)-int(s.to()) < m.keeper.fold { // not even if all are there still
		return false, nil
	}
	n, err := pending(tx, box, s.to(), m.keeper.fold)
	return n >= m.keeper.fold, err
}

// pending counts the messages above the Doc to, up to limit.
func pending(tx *store.Tx, box mail.MailboxID, to search.Doc, limit int) (int, error) {
	n := 0
	for _, err := range placesFrom(tx, box, to+1) {
		if err != nil {
			return n, err
		}
		if n++; n >= limit {
			break
		}
	}
	return n, nil
}

// tend does everything that a mailbox's index wants, in steps with a pause
// after each. If enough has left it also looks for segments of which little
// remains.
func (m *Mailboxes) tend(ctx context.Context, box mail.MailboxID, l load, pause func(context.Context, time.Duration) error) error {
	if err := m.keeper.enter(ctx, box); err != nil {
		return err
	}
	defer m.keeper.leave(box)
	t := tender{m: m, box: box, sizes: m.keeper.sizes, eager: l.arrived >= m.keeper.fold, prune: l.left >= m.keeper.prune}
	for {
		began := time.Now()
		more, err := t.step(ctx)
		if errors.Is(err, errStale) {
			return nil
		}
		if err != nil || !more {
			return err
		}
		if err := pause(ctx, time.Since(began)); err != nil {
			return err
		}
	}
}

// catchUp makes the index complete but for a few pending messages, for a search
// that waits.
func (m *Mailboxes) catchUp(ctx context.Context, box mail.MailboxID) error {
	return m.tend(ctx, box, load{}, func(ctx context.Context, _ time.Duration) error { return ctx.Err() })
}

// renew has all segments of a mailbox made anew, which are damaged.
func (m *Mailboxes) renew(ctx context.Context, box mail.MailboxID, damage error) error {
	m.log.Error("the index of a mailbox is damaged and is made anew", "mailbox", uint64(box), "err", damage)
	if err := m.keeper.enter(ctx, box); err != nil {
		return err
	}
	defer m.keeper.leave(box)
	t := tender{m: m, box: box}
	var s segmentsOf
	err := m.store.View(ctx, func(tx *store.Tx) (err error) {
		s, err = m.segments(tx, box)
		return err
	})
	if err == nil {
		err = t.doom(ctx, s.live)
	}
	return err
}

// tender works on one mailbox's index. It has the mailbox's turn, so nobody
// else changes segments; the mailbox may be removed meanwhile.
type tender struct {
	m     *Mailboxes
	box   mail.MailboxID
	sizes sizes
	eager bool // to fold what is pending, though it be few
	prune bool
	wiped bool    // there is nothing of an index from before
	next  itemKey // where numbering goes on
}

// step does the next piece of work and tells whether there was any.
func (t *tender) step(ctx context.Context) (bool, error) {
	var st state
	var s segmentsOf
	var waiting int
	enough := t.sizes.fold
	if t.eager {
		enough = 1
	}
	err := t.m.store.View(ctx, func(tx *store.Tx) (err error) {
		if st, err = t.m.state(tx, t.box); err != nil {
			if errors.Is(err, mail.ErrNoMailbox) {
				err = errStale
			}
			return err
		}
		if s, err = t.m.segments(tx, t.box); err != nil {
			return err
		}
		waiting, err = pending(tx, t.box, s.to(), enough)
		return err
	})
	switch ripe := s.ripe(t.sizes.fanout); {
	case err != nil:
		return false, err
	case !st.Indexed:
		return true, t.number(ctx)
	case len(s.other) > 0:
		return true, t.clear(ctx, s.other[0])
	case s.outdated():
		return true, t.doom(ctx, s.live)
	case ripe != nil:
		return true, t.merge(ctx, s, ripe)
	case waiting >= enough:
		t.eager = false
		return true, t.fold(ctx, s)
	case t.prune:
		return t.pruneOne(ctx, s)
	}
	return false, nil
}

// number gives numbers to messages from before there was an index. What there
// is of an index is deleted first: it is from before an older version wrote into
// the mailbox, or from a numbering that a process died over.
func (t *tender) number(ctx context.Context) error {
	if !t.wiped {
		n := 0
		err := t.m.store.Update(store.WithReserve(ctx), func(tx *store.Tx) (err error) {
			n, err = sweepIndex(tx, t.box, t.sizes.clear)
			return err
		})
		t.wiped = err == nil && n < t.sizes.clear
		return err
	}
	if (t.next == itemKey{}) {
		t.next.Box = t.box
	}
	var next itemKey
	err := t.m.store.Update(ctx, func(tx *store.Tx) (err error) {
		next, err = t.m.number(tx, t.box, t.next)
		return err
	})
	if err == nil {
		t.next = next
	}
	return err
}

// guard fails if the mailbox is gone, or another one that has not given out the
// Docs up to to.
func (t *tender) guard(tx *store.Tx, to search.Doc) error {
	st, err := stateTable.Get(tx, t.box)
	if errors.Is(err, store.ErrNotFound) || err == nil && (st.Removed || st.Doc < to) {
		return errStale
	}
	return err
}

// doom takes segments out of use.
func (t *tender) doom(ctx context.Context, list []numbered) error {
	return t.m.store.Update(ctx, func(tx *store.Tx) error {
		if err := t.guard(tx, 0); err != nil {
			return err
		}
		return t.doomIn(tx, list)
	})
}

func (t *tender) doomIn(tx *store.Tx, list []numbered) error {
	for _, n := range list {
		n.State = segmentDoomed
		if err := segmentTable.Set(tx, segmentKey{t.box, n.id}, n.segment); err != nil {
			return err
		}
	}
	return nil
}

// clear deletes some blocks of a segment that does not count, and the segment
// with the last of them.
func (t *tender) clear(ctx context.Context, n numbered) error {
	k := segmentKey{t.box, n.id}
	return t.m.store.Update(store.WithReserve(ctx), func(tx *store.Tx) error {
		deleted, err := deleteRows(tx, appendSegmentKey([]byte{byte(store.PrefixSearchBlock)}, k), t.sizes.clear)
		if err != nil || deleted == t.sizes.clear {
			return err
		}
		return segmentTable.Delete(tx, k)
	})
}

// fold makes a segment of pending messages, the oldest first, and writes it in
// one transaction.
func (t *tender) fold(ctx context.Context, s segmentsOf) error {
	b := search.NewBuilder()
	n := numbered{s.lastID + 1, segment{State: segmentLive, From: s.to() + 1, Version: search.Version}}
	err := t.m.store.View(ctx, func(tx *store.Tx) error {
		for p, err := range placesFrom(tx, t.box, s.to()+1) {
			if err != nil {
				return err
			}
			terms, err := t.m.docWords(ctx, tx, t.box, p, false)
			if err != nil {
				return err
			}
			n.To = p.Doc
			n.Docs++
			if b.Add(n.To, terms); b.Size() > t.sizes.foldBytes {
				break
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("mailbox: fold: %w", err)
	}
	var rows []blockRow
	w := search.Writer{Emit: func(b search.Block) error {
		rows = append(rows, t.row(n.id, b))
		return nil
	}}
	if err := b.Write(&w); err != nil {
		return err
	}
	size, err := w.Close()
	if err != nil {
		return err
	}
	n.Bytes = uint64(size)
	return t.m.store.Update(ctx, func(tx *store.Tx) error {
		if err := t.guard(tx, n.To); err != nil {
			return err
		}
		if err := writeRows(tx, rows); err != nil {
			return err
		}
		return segmentTable.Set(tx, segmentKey{t.box, n.id}, n.segment)
	})
}

// blockRow is a block about to be written.
type blockRow struct {
	key  blockKey
	data []byte
}

func (t *tender) row(id uint32, b search.Block) blockRow {
	return blockRow{blockKey{t.box, id, string(b.Last), b.First}, slices.Clone(b.Data)}
}

func writeRows(tx *store.Tx, rows []blockRow) error {
	for _, r := range rows {
		if err := blockTable.Set(tx, r.key, r.data); err != nil {
			return err
		}
	}
	return nil
}
