package imap

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sort"
	"strconv"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/mail"
	"martlet/store"
)

// resync is what a client knows of the mailbox that it selects (RFC 7162 3.2.5).
type resync struct {
	validity uint32
	since    mail.ModSeq
	known    numbers // UIDs; none: all
}

// selectParams takes the parameters of SELECT (RFC 7162 3.1.8, 3.2.5).
func (s *session) selectParams(p *parser) (r *resync, condstore bool) {
	p.list(false, func() {
		switch p.name() {
		case "CONDSTORE":
			condstore = true
		case "QRESYNC":
			if !s.qresync || r != nil { // RFC 7162 3.2.5: it has to be enabled
				p.fail()
			}
			p.sp()
			r = p.resync()
		default:
			p.fail()
		}
	})
	return r, condstore
}

// resync takes the arguments of QRESYNC. Pairs of sequence numbers and UIDs, which
// stand at the end, help servers that have forgotten what is gone: the log here
// keeps all of that, so they are read and left.
func (p *parser) resync() *resync {
	r := &resync{}
	p.expect('(')
	r.validity = p.seqNumber()
	p.sp()
	if r.since = mail.ModSeq(p.digits(maxModSeq)); r.since == 0 || r.validity == 0 {
		p.fail()
	}
	if p.try(' ') {
		more := true
		if p.peek() != '(' {
			r.known = p.seqSet()
			more = p.try(' ')
		}
		if more {
			p.expect('(')
			p.seqSet()
			p.sp()
			p.seqSet()
			p.expect(')')
		}
	}
	p.expect(')')
	if r.known.saved {
		p.fail()
	}
	return r
}

// since reads from the log what of some UIDs has changed since a ModSeq: where
// those stand that are there, and the numbers of those that are gone. It costs
// what has changed. The log keeps a tombstone of every message for as long as the
// folder is there, and a folder that goes takes its UIDVALIDITY along: there is
// nothing to be guessed.
func (s *session) since(ctx context.Context, since mail.ModSeq, of func(mail.ItemID) bool) (changed []span, gone []mail.ItemID, err error) {
	v := s.view
	err = s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		changed, gone = nil, nil
		for c, err := range s.srv.cfg.Mailboxes.Changes(tx, s.box, v.folder, since) {
			if err != nil {
				return err
			}
			at, known := v.place(c.Item)
			switch {
			case of != nil && !of(c.Item):
			case known: // what is gone meanwhile is told of as every message that goes
				changed = append(changed, span{at, at + 1})
			case c.Deleted:
				gone = append(gone, c.Item)
			}
		}
		return nil
	})
	slices.Sort(gone)
	return merge(changed), gone, err
}

// resync tells a client that was here before what has changed meanwhile (RFC 7162
// 3.2.5.1).
func (s *session) resync(ctx context.Context, r *resync) error {
	var known func(mail.ItemID) bool
	if len(r.known.ranges) > 0 {
		known = r.known.uids().has
	}
	changed, gone, err := s.since(ctx, r.since, known)
	if err != nil {
		return err
	}
	s.tellVanished(gone, true)
	a := fetchArgs{}
	a.UID, a.Flags, a.ModSeq = true, true, true
	err = s.view.chunks(changed, func(ids []mail.ItemID) error {
		_, err := s.fetchChunk(ctx, ids, &a)
		if err == nil {
			err = s.out.err
		}
		return err
	})
	if s.out.err != nil {
		s.done = true
		return reply{}
	}
	return err
}

// tellVanished names messages that are gone (RFC 7162 3.2.10), in ascending order.
func (s *session) tellVanished(ids []mail.ItemID, earlier bool) {
	if len(ids) == 0 {
		return
	}
	s.out.raw("* VANISHED ")
	if earlier {
		s.out.raw("(EARLIER) ")
	}
	s.runs(len(ids), func(i int) uint32 { return uint32(ids[i]) })
	s.out.raw("\r\n")
}

// runs writes numbers in their order, those that follow each other as a range.
func (s *session) runs(n int, number func(int) uint32) {
	for i := 0; i < n; {
		j := i
		for j+1 < n && number(j+1) == number(j)+1 {
			j++
		}
		if i > 0 {
			s.out.raw(",")
		}
		s.out.raw(strconv.FormatUint(uint64(number(i)), 10))
		if j > i {
			s.out.raw(":").raw(strconv.FormatUint(uint64(number(j)), 10))
		}
		i = j + 1
	}
}

// told adds to a reply up to where the client has been told of everything, if
// that has moved, or if it has heard of ModSeqs beyond: what came before those
// from others may not have been told yet (RFC 7162 3.2.7, erratum 1810 of RFC
// 5162).
func (s *session) told(r reply) reply {
	if s.qresync && s.view != nil && r.kind == kindOK && r.code == "" && (s.view.seen != s.toldBefore || len(s.view.own) > 0) {
		r.code = "HIGHESTMODSEQ " + strconv.FormatUint(uint64(highest(s.view.seen)), 10)
	}
	return r
}

// uidRanges are ranges of UIDs, ascending and apart.
type uidRanges []goimap.SeqRange

// uids are the UIDs that a set names. "*" is beyond all of them, so that what
// comes later is named by "1:*" too.
func (set numbers) uids() uidRanges {
	all := make(uidRanges, 0, len(set.ranges))
	for _, r := range set.ranges {
		if r.Start == 0 {
			r.Start = math.MaxUint32
		}
		if r.Stop == 0 {
			r.Stop = math.MaxUint32
		}
		if r.Start > r.Stop {
			r.Start, r.Stop = r.Stop, r.Start
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b goimap.SeqRange) int { return cmp.Compare(a.Start, b.Start) })
	out := all[:0]
	for _, r := range all {
		if n := len(out); n > 0 && r.Start <= out[n-1].Stop {
			out[n-1].Stop = max(out[n-1].Stop, r.Stop)
		} else {
			out = append(out, r)
		}
	}
	return out
}

// has tells whether a UID is in one of the ranges.
func (u uidRanges) has(id mail.ItemID) bool {
	i := sort.Search(len(u), func(i int) bool { return u[i].Stop >= uint32(id) })
	return i < len(u) && u[i].Start <= uint32(id)
}
