package imap

import (
	"context"
	"strings"
)

// sort answers SORT (RFC 5256 3, RFC 5267 3).
func (s *session) sort(ctx context.Context, p *parser, uid bool) error {
	a, o, err := parseSort(p, s.view)
	if err == nil {
		err = a.check()
	}
	if err != nil {
		return err
	}
	s.condstore = s.condstore || a.modSeq
	o.memory = memory{ctx: ctx, srv: s.srv}
	defer o.memory.release()
	hits, err := s.sorted(ctx, a.all, o)
	if err != nil {
		if a.ReturnSave {
			s.view.saved = nil
		}
		return err
	}
	return s.found(hits, o, &a, uid, "SORT")
}

// parseSort reads the arguments of SORT.
func parseSort(p *parser, v *view) (a searchArgs, o *order, err error) {
	if p.peekName() == "RETURN" { // RFC 5267 3.1
		a.returns(p)
	}
	o = parseOrder(p)
	p.sp()
	a.charset = strings.ToUpper(p.astring())
	p.sp()
	return a, o, a.keys(p, v)
}

// sorted returns the messages that match, in order.
func (s *session) sorted(ctx context.Context, all criterion, o *order) ([]hit, error) {
	var failed error
	places := make([]int, 0, searchChunk)
	for from := 0; from < len(s.view.uids); from += searchChunk {
		places = places[:0]
		for at := from; at < min(from+searchChunk, len(s.view.uids)); at++ {
			places = append(places, at)
		}
		err := s.consider(ctx, places, all.withRow(o), false, func(c *candidate) {
			if failed == nil {
				failed = o.add(c)
			}
		})
		if err == nil {
			err = failed
		}
		if err != nil {
			return nil, err
		}
	}
	return o.sort(), nil
}
