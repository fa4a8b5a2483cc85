package imap

import (
	"context"
	"errors"
	"strconv"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/store"
)

// search answers SEARCH (RFC 9051 6.4.4).
func (s *session) search(ctx context.Context, p *parser, uid bool) error {
	a, err := parseSearch(p, s.view)
	if err != nil {
		return err
	}
	switch a.charset {
	case "", "US-ASCII", "UTF-8":
	default:
		return no("BADCHARSET (US-ASCII UTF-8)", "Not a charset that is read here")
	}
	s.condstore = s.condstore || a.modSeq
	hits, err := s.matching(ctx, a.all)
	if err != nil {
		if a.ReturnSave {
			s.view.saved = nil
		}
		return err
	}
	if a.ReturnSave {
		s.view.save(hits, &a.SearchOptions)
	}
	s.tellSearch(hits, &a, uid)
	return nil
}

// hit is a message that was found. Its ModSeq is known if its row was read.
type hit struct {
	at     int
	modSeq mail.ModSeq
}

// matching returns the places of the messages that match.
func (s *session) matching(ctx context.Context, all criterion) ([]hit, error) {
	var hits []hit
	for from := 0; from < len(s.view.uids); from += chunk {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		to := min(from+chunk, len(s.view.uids))
		candidates, err := s.candidates(ctx, from, to, all.needs)
		if err != nil {
			return nil, err
		}
		for _, c := range candidates {
			matched := c.may(all)
			c.close()
			if c.err != nil {
				return nil, c.err
			}
			if matched {
				hits = append(hits, hit{c.at, c.item.ModSeq})
			}
		}
	}
	return hits, nil
}

// candidate is a message that may match.
type candidate struct {
	s     *session
	ctx   context.Context
	at    int
	item  mail.Item
	index *message.Index
	look  *look
	err   error
}

// candidates reads what a search needs of some messages. Those that are gone
// match nothing.
func (s *session) candidates(ctx context.Context, from, to int, needs need) (all []*candidate, err error) {
	if needs == needsPlace {
		for at := from; at < to; at++ {
			all = append(all, &candidate{at: at})
		}
		return all, nil
	}
	err = s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		for at := from; at < to; at++ {
			c := &candidate{s: s, ctx: ctx, at: at}
			var err error
			c.item, err = s.srv.cfg.Mailboxes.Item(tx, s.box, s.view.folder, s.view.uids[at])
			if errors.Is(err, mail.ErrNoItem) {
				continue
			}
			if err == nil && needs >= needsIndex {
				c.index, err = s.srv.cfg.Mailboxes.Index(tx, c.item.Blob)
			}
			if err != nil {
				return err
			}
			all = append(all, c)
		}
		return nil
	})
	return all, err
}

// may tells whether a criterion matches.
func (c *candidate) may(x criterion) bool { return c.err == nil && x.match(c) }

// open is the message to be looked into.
func (c *candidate) open() *look {
	if c.look == nil {
		c.look = c.s.look(c.ctx, &fetched{item: c.item, index: c.index})
		if err := c.look.open(); err != nil {
			c.err = err
			c.look.src = message.Bytes(nil)
		}
	}
	return c.look
}

func (c *candidate) close() {
	if c.look != nil {
		if c.err == nil {
			c.err = c.look.err
		}
		c.look.close()
	}
}

func (c *candidate) hasFlag(f goimap.Flag) bool {
	for _, have := range flagsOf(&c.item) {
		if strings.EqualFold(string(have), string(f)) {
			return true
		}
	}
	return false
}

// save keeps a result for "$" (RFC 5182 2.4): what MIN and MAX name if nothing
// else was asked for.
func (v *view) save(hits []hit, o *goimap.SearchOptions) {
	v.saved = nil
	for i, h := range hits {
		if told(o, i, len(hits)) {
			v.saved = append(v.saved, v.uids[h.at])
		}
	}
}

// told tells whether a result names its i-th of n messages.
func told(o *goimap.SearchOptions, i, n int) bool {
	only := (o.ReturnMin || o.ReturnMax) && !o.ReturnAll && !o.ReturnCount
	return !only || o.ReturnMin && i == 0 || o.ReturnMax && i == n-1
}

// tellSearch writes the result: SEARCH, or ESEARCH for those that know it (RFC
// 9051 7.3.4).
func (s *session) tellSearch(hits []hit, a *searchArgs, uid bool) {
	number := func(h hit) uint32 {
		if uid {
			return uint32(s.view.uids[h.at])
		}
		return uint32(h.at + 1)
	}
	most := mail.ModSeq(0)
	for i, h := range hits {
		if told(&a.SearchOptions, i, len(hits)) {
			most = max(most, h.modSeq)
		}
	}
	if !a.extended && !s.rev2 {
		s.out.raw("* SEARCH")
		for _, h := range hits {
			s.out.raw(" ").number(int64(number(h)))
		}
		if a.modSeq && len(hits) > 0 {
			s.out.rawf(" (MODSEQ %d)", most)
		}
		s.out.raw("\r\n")
		return
	}
	o := a.SearchOptions
	if !o.ReturnMin && !o.ReturnMax && !o.ReturnCount && !o.ReturnSave {
		o.ReturnAll = true
	}
	if o == (goimap.SearchOptions{ReturnSave: true}) { // RFC 5182 2.1: nothing is told
		return
	}
	s.out.raw("* ESEARCH (TAG ").string(s.tag).raw(")")
	if uid {
		s.out.raw(" UID")
	}
	if len(hits) > 0 {
		if o.ReturnMin {
			s.out.raw(" MIN ").number(int64(number(hits[0])))
		}
		if o.ReturnMax {
			s.out.raw(" MAX ").number(int64(number(hits[len(hits)-1])))
		}
		if o.ReturnAll {
			s.out.raw(" ALL ")
			s.ranges(hits, number)
		}
	}
	if o.ReturnCount {
		s.out.raw(" COUNT ").number(int64(len(hits)))
	}
	if a.modSeq && len(hits) > 0 {
		s.out.rawf(" MODSEQ %d", most)
	}
	s.out.raw("\r\n")
}

// ranges writes numbers, those that follow each other as a range.
func (s *session) ranges(hits []hit, number func(hit) uint32) {
	for i := 0; i < len(hits); {
		j := i
		for j+1 < len(hits) && number(hits[j+1]) == number(hits[j])+1 {
			j++
		}
		if i > 0 {
			s.out.raw(",")
		}
		s.out.raw(strconv.FormatUint(uint64(number(hits[i])), 10))
		if j > i {
			s.out.raw(":").raw(strconv.FormatUint(uint64(number(hits[j])), 10))
		}
		i = j + 1
	}
}
