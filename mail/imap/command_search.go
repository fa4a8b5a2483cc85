package imap

import (
	"context"
	"errors"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/message"
	"martlet/mail/search"
	"martlet/store"
	"martlet/store/blob"
)

// search answers SEARCH (RFC 9051 6.4.4).
func (s *session) search(ctx context.Context, p *parser, uid bool) error {
	a, err := parseSearch(p, s.view)
	if err != nil {
		return err
	}
	if err := a.check(); err != nil {
		return err
	}
	s.condstore = s.condstore || a.modSeq
	hits, err := s.matching(ctx, a.all)
	if err != nil {
		if a.ReturnSave {
			s.view.saved = nil
		}
		return err
	}
	return s.found(hits, nil, &a, uid, "SEARCH")
}

// found tells a result and keeps what is asked to be kept of it. sorted is the
// order that goes on when the result is kept up to date, nil without one.
func (s *session) found(hits []hit, sorted *order, a *searchArgs, uid bool, verb string) error {
	if a.ReturnSave {
		s.view.save(hits, a)
	}
	if a.update {
		s.follow(hits, sorted, a, uid)
	}
	s.tellFound(hits, a, uid, verb)
	return nil
}

// hit is a message that was found. Its ModSeq is known if its row was read.
type hit struct {
	at     int
	modSeq mail.ModSeq
}

// matching returns the places of the messages that match, ascending.
func (s *session) matching(ctx context.Context, all criterion) ([]hit, error) {
	var hits []hit
	places := make([]int, 0, searchChunk)
	for from := 0; from < len(s.view.uids); from += searchChunk {
		places = places[:0]
		for at := from; at < min(from+searchChunk, len(s.view.uids)); at++ {
			places = append(places, at)
		}
		err := s.consider(ctx, places, all, false, func(c *candidate) { hits = append(hits, hit{c.at, c.item.ModSeq}) })
		if err != nil {
			return nil, err
		}
	}
	return hits, nil
}

// consider visits those messages of some places that match, in one snapshot.
// Messages that are gone match nothing. What a criterion does not ask for is not
// read.
func (s *session) consider(ctx context.Context, places []int, all criterion, live bool, visit func(*candidate)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := candidate{s: s, ctx: ctx, live: live}
	if all.needs == needsPlace {
		for _, at := range places {
			if c.stand(at); c.may(all) {
				visit(&c)
			}
		}
		return nil
	}
	if all.first != nil { // where they stand says of most that they need not be read
		kept := places[:0]
		for _, at := range places {
			if c.stand(at); all.first(&c) {
				kept = append(kept, at)
			}
		}
		places = kept
	}
	err := s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		c.tx = tx
		return s.rows(tx, places, func(at int, it *mail.Item) error {
			c.stand(at)
			c.item = *it
			if c.may(all) {
				visit(&c)
			}
			c.close()
			return c.err
		})
	})
	// Signatures are for the next search: without them it is slower, not wrong.
	if failed := s.srv.cfg.Mailboxes.Sign(ctx, c.signed); failed != nil {
		s.srv.log.Debug("imap signatures not kept", "user", s.account.Login, "error", failed)
	}
	return err
}

// dense is how many places of a run must be wanted, one of so many, for the run
// to be read as a whole: a row that comes along costs a fraction of one that is
// looked for.
const dense = 4

// rows reads the rows of messages at some places, ascending.
func (s *session) rows(tx *store.Tx, places []int, visit func(at int, it *mail.Item) error) error {
	if len(places) == 0 {
		return nil
	}
	boxes, v := s.srv.cfg.Mailboxes, s.view
	if last := places[len(places)-1]; last-places[0] >= dense*len(places) {
		for _, at := range places {
			it, err := boxes.Item(tx, s.box, v.folder, v.uids[at])
			if errors.Is(err, mail.ErrNoItem) {
				continue
			}
			if err == nil {
				err = visit(at, &it)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	for it, err := range boxes.Items(tx, s.box, v.folder, v.uids[places[0]]-1) {
		if err != nil {
			return err
		}
		for len(places) > 0 && v.uids[places[0]] < it.ID { // gone
			places = places[1:]
		}
		if len(places) == 0 {
			return nil
		}
		if v.uids[places[0]] == it.ID {
			if err := visit(places[0], &it); err != nil {
				return err
			}
			if places = places[1:]; len(places) == 0 {
				return nil
			}
		}
	}
	return nil
}

// candidate is a message that may match.
type candidate struct {
	s    *session
	ctx  context.Context
	tx   *store.Tx
	live bool // what UIDs name is asked anew: see criterion
	at   int
	id   mail.ItemID
	item mail.Item
	ix   *message.Index
	look *look
	err  error

	signature search.Signature // once it was asked for
	signed    []mailbox.Signed // signatures that were made
}

// stand goes on to the message at a place.
func (c *candidate) stand(at int) {
	c.at, c.id, c.ix, c.look, c.err = at, c.s.view.uids[at], nil, nil, nil
	c.signature, c.item.ModSeq = nil, 0
}

// may tells whether a criterion matches.
func (c *candidate) may(x criterion) bool { return c.err == nil && x.match(c) }

// index is the message's index.
func (c *candidate) index() *message.Index {
	if c.ix != nil {
		return c.ix
	}
	var err error
	if c.ix, err = c.s.srv.cfg.Mailboxes.Index(c.tx, c.item.Blob); err != nil {
		c.ix = &message.Index{Parts: make([]message.Part, 1)}
		if !errors.Is(err, mail.ErrNoItem) {
			c.err = err
		}
	}
	return c.ix
}

// open is the message to be looked into. One whose bytes are damaged is empty;
// the audit of bodies reports it.
func (c *candidate) open() *look {
	if c.look == nil {
		c.look = c.s.look(c.ctx, &fetched{item: c.item, index: c.index()})
		err := c.look.open()
		if err != nil || c.look.src == nil {
			c.look.src = message.Bytes(nil)
			c.look.index = &message.Index{Parts: make([]message.Part, 1)}
		}
		if err != nil && !errors.Is(err, blob.ErrGone) && !errors.Is(err, blob.ErrCorrupt) {
			c.err = err
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
