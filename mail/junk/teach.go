package junk

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"martlet/directory"
	"martlet/mail/message"
	"martlet/store"
)

const (
	// retry is how long Run rests when the machine lacks something.
	retry = time.Minute
	// maxShared is how many messages of each kind a user's teaching is worth in the
	// base, by now. Who teaches more has said enough.
	maxShared = 60.0
	// assumedUnits is what the filter's own opinion is worth: half of a decision.
	assumedUnits = unit / 2
	// assumedAt is how sure the filter must be to learn of its own opinion.
	assumedAt = 0.995
)

// Run learns what users have decided, until ctx ends. Commits wake it; at its start
// it takes up what an earlier process left.
func (f *Filter) Run(ctx context.Context) error {
	for {
		err := f.Settle(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, store.ErrClosed):
			return err
		case err != nil:
			f.log.Error("junk: nothing learned, will go on", "after", retry, "error", err)
			t := time.NewTimer(retry)
			select {
			case <-t.C:
				continue
			case <-ctx.Done():
				t.Stop()
				return nil
			}
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// Settle learns what waits, and returns when nothing is left. Only one may run at a
// time: Run's, or that of a test.
func (f *Filter) Settle(ctx context.Context) error {
	for {
		var k letterKey
		var l lesson
		found := false
		err := f.store.View(ctx, func(tx *store.Tx) error {
			for row, err := range f.tables.lessons.Scan(tx, store.TableRange[letterKey]{}) {
				if err != nil {
					return err
				}
				k, l, found = row.Key, row.Value, true
				break
			}
			return nil
		})
		if err != nil || !found {
			return err
		}
		if err := f.attend(ctx, k, l); err != nil {
			return fmt.Errorf("junk: lesson of mailbox %d: %w", k.box, err)
		}
	}
}

// attend learns one lesson. What cannot be read teaches nothing.
func (f *Filter) attend(ctx context.Context, k letterKey, l lesson) error {
	m, err := f.study(ctx, k, l)
	if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrClosed) {
		f.log.Warn("junk: a message teaches nothing", "mailbox", uint64(k.box), "error", err)
		m = nil
	} else if err != nil {
		return err
	}
	fresh := false
	err = f.update(ctx, func(tx *store.Tx) (taught, error) {
		fresh = false
		last, err := f.tables.lessons.Get(tx, k)
		if errors.Is(err, store.ErrNotFound) || err == nil && last != l { // taken back, or decided anew
			return taught{}, nil
		}
		if err != nil {
			return taught{}, err
		}
		if err := f.strike(tx, k, l.blob); err != nil || m == nil {
			return taught{}, err
		}
		fresh = l.from == decided && l.is != neither
		return f.teach(tx, k, l.is, l.from, m)
	})
	if err == nil && fresh {
		f.tell(ctx, m.raw, l.is == isJunk)
	}
	return err
}

// studied is a message that is about to be learned.
type studied struct {
	tokens *tokens
	origin origin
	raw    []byte // nil: for who need not know it
}

// study reads a message for a lesson; nil where there is nothing to learn. A message
// that finds a fault of ours must not end the process, which would meet it again at
// the next start.
func (f *Filter) study(ctx context.Context, k letterKey, l lesson) (m *studied, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			m, err = nil, fmt.Errorf("junk: a fault: %v\n%s", fault, debug.Stack())
		}
	}()
	if _, err := f.directory.Account(ctx, directory.AccountID(k.box)); err != nil {
		if errors.Is(err, directory.ErrNoAccount) { // nobody's own mailbox
			err = nil
		}
		return nil, err
	}
	raw, err := f.blobs.Read(ctx, l.blob)
	if err != nil {
		return nil, err
	}
	ix := message.Parse(raw)
	m = &studied{read(ix, raw), f.originIn(ix, raw), raw}
	if l.from != assumed {
		return m, nil
	}
	if sure, err := f.sure(ctx, k, l.is, m); err != nil || !sure {
		return nil, err
	}
	return m, nil
}

// update runs fn in a transaction, and shows the words that it has changed to those
// who judge once they are durable.
func (f *Filter) update(ctx context.Context, fn func(tx *store.Tx) (taught, error)) error {
	return f.store.Update(ctx, func(tx *store.Tx) error {
		t, err := fn(tx)
		if err == nil && t.images != nil {
			tx.OnCommit(func() {
				for o, im := range t.images {
					f.images.put(o, im)
				}
			})
		}
		return err
	})
}

// taught are the words that a transaction has changed.
type taught struct{ images map[owner]*image }

// teach makes a message what somebody says it is, instead of what was learned of it
// before.
func (f *Filter) teach(tx *store.Tx, k letterKey, is judgement, from source, m *studied) (t taught, err error) {
	today := f.today()
	was, err := f.tables.learned.Get(tx, k)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return t, err
	}
	if from != decided && was.is != neither {
		return t, nil
	}
	own, err := f.state(tx, owner(k.box), today)
	if err != nil {
		return t, err
	}
	now := learned{is: is, from: from, day: today}
	if is != neither {
		now.own = unit
		if from == assumed {
			now.own = assumedUnits
		}
	}
	faded := func(units int) int { return int(float64(units)*decay(was.day, today, halfLife) + 0.5) }
	give := change{by: 1 << (uint64(k.box) % 8)}
	give.add(was.is, -faded(was.own))
	give.add(now.is, now.own)

	var share change
	if k.box == 0 { // an administrator's word is everybody's
		share, give, now.shared = give, change{}, now.own
		share.by = everybody
	} else {
		share.by = give.by
		share.add(was.is, -faded(was.shared))
		own.shared(was.is, -float64(faded(was.shared))/unit)
		if from != assumed && !f.opts().Alone {
			now.shared = own.room(now.is)
		}
		share.add(now.is, now.shared)
		own.shared(now.is, float64(now.shared)/unit)
	}
	own.remember(&was, &now)
	t.images = map[owner]*image{}
	if k.box != 0 {
		if err := f.learn(tx, owner(k.box), &own, k, m.tokens, give, today, t); err != nil {
			return t, err
		}
	}
	all := own
	if k.box != 0 {
		if all, err = f.state(tx, base, today); err != nil {
			return t, err
		}
	}
	if err := f.learn(tx, base, &all, k, m.tokens, share, today, t); err != nil {
		return t, err
	}
	if err := f.note(tx, m.origin, share, today); err != nil {
		return t, err
	}
	if now.is == neither {
		return t, f.tables.learned.Delete(tx, k)
	}
	return t, f.tables.learned.Set(tx, k, now)
}

func (c *change) add(is judgement, units int) {
	switch is {
	case isJunk:
		c.junk += units
	case isGood:
		c.good += units
	}
}

// shared counts what is in the base.
func (s *state) shared(is judgement, messages float64) {
	switch is {
	case isJunk:
		s.InJunk = max(s.InJunk+messages, 0)
	case isGood:
		s.InGood = max(s.InGood+messages, 0)
	}
}

// room is how much of a message may still go into the base, in units.
func (s *state) room(is judgement) int {
	in := s.InJunk
	switch is {
	case isGood:
		in = s.InGood
	case neither:
		return 0
	}
	return int(min(max(maxShared-in, 0), 1) * unit)
}

// remember counts the messages of which it is known what they taught.
func (s *state) remember(was, now *learned) {
	switch {
	case was.is == neither && now.is != neither:
		s.Learned++
	case was.is != neither && now.is == neither && s.Learned > 0:
		s.Learned--
	}
}

// learn writes a change of a message's words and of how much was learned, and tidies
// a little.
func (f *Filter) learn(tx *store.Tx, o owner, s *state, k letterKey, words *tokens, c change, today uint16, t taught) error {
	rows := map[uint32][]byte{}
	before := s.Generation
	if c.junk != 0 || c.good != 0 {
		s.Generation++
		s.Junk = max(s.Junk+float64(c.junk)/unit, 0)
		s.Good = max(s.Good+float64(c.good)/unit, 0)
		if err := f.editWords(tx, o, s, words, c, today, rows); err != nil {
			return err
		}
	}
	if err := f.tidy(tx, o, s, today, rows); err != nil {
		return err
	}
	if err := f.tidyLetters(tx, o, s, k, today); err != nil {
		return err
	}
	if len(rows) > 0 && s.Generation == before {
		s.Generation++
	}
	if len(rows) > 0 {
		if im := f.images.at(o, before); im != nil {
			t.images[o] = im.with(s.Generation, rows)
		}
	}
	return f.tables.states.Set(tx, o, *s)
}

// editWords writes the buckets of a message's words.
func (f *Filter) editWords(tx *store.Tx, o owner, s *state, words *tokens, c change, today uint16, rows map[uint32][]byte) error {
	im := f.images.at(o, s.Generation-1)
	all := words.sorted(o)
	for len(all) > 0 {
		b := o.bucket(all[0])
		n := 1
		for n < len(all) && o.bucket(all[n]) == b {
			n++
		}
		row, err := f.row(tx, im, o, b)
		if err != nil {
			return err
		}
		if err := f.setRow(tx, o, s, b, row, all[:n], c, today, rows); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

func (f *Filter) row(tx *store.Tx, im *image, o owner, b uint32) ([]byte, error) {
	if im != nil {
		return im.rows[b], nil
	}
	row, err := f.tables.words.Get(tx, bucketKey{o, b})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return row, err
}

func (f *Filter) setRow(tx *store.Tx, o owner, s *state, b uint32, row []byte, some []token, c change, today uint16, rows map[uint32][]byte) error {
	next, more, err := edit(row, some, c, today, o.limit())
	if err != nil {
		return err
	}
	s.Words = uint64(max(int64(s.Words)+int64(more), 0))
	if len(next) == 1 {
		rows[b] = nil
		return f.tables.words.Delete(tx, bucketKey{o, b})
	}
	rows[b] = next
	return f.tables.words.Set(tx, bucketKey{o, b}, next)
}

const (
	// Of each lesson some rows are looked at for what has decayed, so that all are in
	// time, and no more at once.
	tidyBuckets = 2
	tidyLetters = 8
	// letterDays is how long it is remembered what a message taught: who changes
	// their mind later teaches the other beside it.
	letterDays = 180
	// maxLetters is how many messages of a mailbox are remembered. Beyond that the
	// next ones to be looked at go.
	maxLetters = 20000
)

// tidy drops a little of what is not worth keeping.
func (f *Filter) tidy(tx *store.Tx, o owner, s *state, today uint16, rows map[uint32][]byte) error {
	for range tidyBuckets {
		b := s.Bucket
		s.Bucket = (s.Bucket + 1) % (1 << o.bits())
		row, ok := rows[b]
		if !ok {
			var err error
			if row, err = f.row(tx, nil, o, b); err != nil {
				return err
			}
		}
		if !hasFaded(row, today) {
			continue
		}
		if err := f.setRow(tx, o, s, b, row, nil, change{}, today, rows); err != nil {
			return err
		}
	}
	return nil
}

// hasFaded tells whether an entry of a row is worth nothing by now.
func hasFaded(row []byte, today uint16) bool {
	for i := 1; i+entrySize <= len(row); i += entrySize {
		e := readEntry(row[i:])
		if float64(e.junk+e.good)*decay(e.day, today, halfLife) <= worthless {
			return true
		}
	}
	return false
}

// tidyLetters forgets what messages but the one at hand taught long ago.
func (f *Filter) tidyLetters(tx *store.Tx, o owner, s *state, at letterKey, today uint16) error {
	prefix := store.AppendUint64(nil, uint64(o))
	r := store.TableRange[letterKey]{Prefix: prefix}
	if len(s.Cursor) > 0 {
		from := letterKey{}
		if k, err := parseLetterKey(append(prefix, s.Cursor...)); err == nil {
			from = k
			r.From = &from
		}
	}
	var gone []letterKey
	n := 0
	s.Cursor = nil
	for row, err := range f.tables.learned.Scan(tx, r) {
		if err != nil {
			return err
		}
		if n++; n > tidyLetters {
			s.Cursor = append([]byte(nil), row.Key.hash[:]...)
			break
		}
		if row.Key == at {
			continue
		}
		if int(today)-int(row.Value.day) > letterDays || s.Learned-uint64(len(gone)) > maxLetters {
			gone = append(gone, row.Key)
		}
	}
	for _, k := range gone {
		if err := f.tables.learned.Delete(tx, k); err != nil {
			return err
		}
	}
	s.Learned -= min(s.Learned, uint64(len(gone)))
	return nil
}

// sure tells whether the filter has no doubt that a message is what it was filed
// as: its words say so, and where it came from, too.
func (f *Filter) sure(ctx context.Context, k letterKey, is judgement, m *studied) (sure bool, err error) {
	v := verdict{f: f, opt: f.opts(), today: f.today(), tokens: m.tokens}
	err = f.store.View(ctx, func(tx *store.Tx) error {
		sure = false
		if err := v.begin(tx, m.origin); err != nil {
			return err
		}
		own, err := f.side(tx, owner(k.box), v.today, true, v.opt.OwnMin)
		if err != nil || !own.ready && !v.shared.ready || len(v.extra) == 0 {
			return err
		}
		p, _ := weigh(v.shared, own, m.tokens, nil, v.today)
		all := append([]float64{p}, v.extra...)
		if is == isJunk {
			sure = p >= assumedAt && slices.Min(all) > unknown
		} else {
			sure = p <= 1-assumedAt && slices.Max(all) < unknown
		}
		return nil
	})
	return sure, err
}
