package mailbox

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"

	"martlet/mail"
	"martlet/mail/search"
	"martlet/store"
)

// inIndex notes an item that the index must have, and compares its place.
func (c *checker) inIndex(k itemKey, st state, it *mail.Item) error {
	if it.Doc == 0 {
		if indexed(it.Class) && st.Indexed {
			c.bad("item", k, "has no number in the index")
		}
		return nil
	}
	c.docs[k.Box]++
	if search.Doc(it.Doc) > st.Doc {
		c.bad("item", k, "its number in the index, %d, was never given out", it.Doc)
	}
	p, err := placeFor(c.tx, k.Box, search.Doc(it.Doc))
	switch {
	case errors.Is(err, store.ErrNotFound):
		c.bad("item", k, "is not in the index as %d", it.Doc)
	case errors.Is(err, errRow):
		c.bad("search docs", k, "the row of %d cannot be read", it.Doc)
	case err != nil:
		return err
	case p != placeOf(it):
		c.bad("item", k, "the index has %+v for it", p)
	}
	return nil
}

// indexRows checks that the index has rows for its items alone, and that
// segments and blocks fit together.
func (c *checker) indexRows() error {
	have := map[mail.MailboxID]int{}
	for row, err := range docsTable.Scan(c.tx, store.TableRange[docsKey]{}) {
		if err != nil {
			return err
		}
		have[row.Key.Box] += 0
		for rest := row.Value; len(rest) > 0; {
			if _, rest, err = parsePlace(row.Key.Group, rest); err != nil {
				c.bad("search docs", row.Key, "cannot be read")
				break
			}
			have[row.Key.Box]++
		}
	}
	for box, n := range have {
		if n != c.docs[box] {
			c.bad("search docs", box, "has %d messages, there are %d", n, c.docs[box])
		}
		delete(c.docs, box)
	}
	for box, n := range c.docs {
		c.bad("search docs", box, "has no messages, there are %d", n)
	}
	return c.segmentRows()
}

func (c *checker) segmentRows() error {
	known := map[segmentKey]segment{}
	last := map[mail.MailboxID][]segment{}
	for row, err := range segmentTable.Scan(c.tx, store.TableRange[segmentKey]{}) {
		if err != nil {
			return err
		}
		known[row.Key] = row.Value
		if _, there := c.places[folderKey{row.Key.Box, mail.Hierarchy}]; !there {
			c.bad("search segment", row.Key, "belongs to no mailbox")
		}
		if row.Value.State != segmentLive {
			continue
		}
		st, err := stateTable.Get(c.tx, row.Key.Box)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if s := row.Value; s.From > s.To || s.To > st.Doc {
			c.bad("search segment", row.Key, "speaks of %d to %d, the mailbox is at %d", s.From, s.To, st.Doc)
		}
		for _, o := range last[row.Key.Box] {
			if o.From <= row.Value.To && row.Value.From <= o.To {
				c.bad("search segment", row.Key, "overlaps with that of %d to %d", o.From, o.To)
			}
		}
		last[row.Key.Box] = append(last[row.Key.Box], row.Value)
	}
	return c.blocks(known)
}

// blocks checks every block. They come segment by segment.
func (c *checker) blocks(known map[segmentKey]segment) error {
	sizes := map[segmentKey]uint64{}
	for row, err := range blockTable.Scan(c.tx, store.TableRange[blockKey]{}) {
		if err != nil {
			return err
		}
		k := segmentKey{row.Key.Box, row.Key.ID}
		s, ok := known[k]
		if !ok {
			c.bad("search block", row.Key, "belongs to no segment")
			continue
		}
		if s.State != segmentLive {
			continue
		}
		sizes[k] += uint64(len(row.Value))
		if text := blockFault(row.Key, row.Value, s); text != "" {
			c.bad("search block", row.Key, "%s", text)
		}
	}
	for k, s := range known {
		if s.State == segmentLive && sizes[k] != s.Bytes {
			c.bad("search segment", k, "has blocks of %d bytes, counts %d", sizes[k], s.Bytes)
		}
	}
	return nil
}

// blockFault says what is wrong with a block, "" if nothing is.
func blockFault(k blockKey, data []byte, s segment) string {
	var r search.Reader
	r.Reset(data)
	last, first := "", search.Doc(0)
	for n := 0; ; n++ {
		e, more, err := r.Next()
		if err != nil {
			return err.Error()
		}
		if !more {
			break
		}
		if t := string(e.Term); n > 0 && (t < last || t == last && e.First <= first) {
			return "its terms are out of order"
		}
		last, first = string(e.Term), e.First
		outside := false
		err = e.Each(func(d search.Doc, _ search.Field) { outside = outside || d < s.From || d > s.To })
		if err != nil {
			return err.Error()
		}
		if outside {
			return "it speaks of messages that are not its segment's"
		}
	}
	if last != k.Last || first != k.First {
		return "it does not end where its key says"
	}
	return ""
}

// CheckWords reads every message anew and reports those of which the index
// says something else. It takes as long as making the index; memory is a few
// bytes for each message of one mailbox.
func (m *Mailboxes) CheckWords(ctx context.Context, report func(store.Problem)) error {
	err := m.store.View(ctx, func(tx *store.Tx) error {
		for box, err := range m.List(tx) {
			if err != nil {
				return err
			}
			if err := m.checkWordsOf(ctx, tx, box, report); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("mailbox: check words: %w", err)
	}
	return nil
}

// checkWordsOf compares sums over the hashes of each message's words: once of
// what segments have, once of what the message has.
func (m *Mailboxes) checkWordsOf(ctx context.Context, tx *store.Tx, box mail.MailboxID, report func(store.Problem)) error {
	s, err := m.segments(tx, box)
	if err != nil || len(s.live) == 0 || s.outdated() {
		return err
	}
	seed := maphash.MakeSeed()
	sum := func(term []byte, f search.Field) uint64 {
		var h maphash.Hash
		h.SetSeed(seed)
		h.WriteByte(byte(f))
		h.Write(term)
		return h.Sum64()
	}
	sums := map[search.Doc]uint64{}
	for i := range s.live {
		c := newCursor(tx, segmentKey{box, s.live[i].id})
		err := c.advance()
		for ; err == nil && c.more; err = c.advance() {
			if err = c.entry.Each(func(d search.Doc, f search.Field) { sums[d] += sum(c.entry.Term, f) }); err != nil {
				break
			}
		}
		c.stop()
		if err != nil {
			return err
		}
	}
	for p, err := range placesFrom(tx, box, 0) {
		if err != nil {
			return err
		}
		if p.Doc > s.to() {
			break // pending: its words are read whenever they are asked for
		}
		terms, err := m.docWords(ctx, tx, box, p, false)
		if err != nil {
			return err
		}
		var want uint64
		for term, f := range terms.All() {
			want += sum(term, f)
		}
		if sums[p.Doc] != want {
			report(store.Problem{
				Table: "search block", Key: fmt.Sprint(itemKey{box, p.Folder, p.Item}),
				Text: fmt.Sprintf("the index has other words for the message (%d) than it has", p.Doc),
			})
		}
	}
	return nil
}
