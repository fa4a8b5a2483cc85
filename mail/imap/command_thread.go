package imap

import (
	"context"
	"strings"
)

// thread answers THREAD (RFC 5256 3).
func (s *session) thread(ctx context.Context, p *parser, uid bool) error {
	var a searchArgs
	algorithm := p.name()
	p.sp()
	a.charset = strings.ToUpper(p.astring())
	p.sp()
	err := a.keys(p, s.view)
	if err == nil {
		err = a.check()
	}
	if err != nil {
		return err
	}
	switch algorithm {
	case "REFERENCES", "REFS", "ORDEREDSUBJECT":
	default:
		return bad("Not a way of threading that is known here")
	}
	s.condstore = s.condstore || a.modSeq
	f := newForest(memory{ctx: ctx, srv: s.srv}, algorithm)
	defer f.memory.release()
	if err := s.grow(ctx, a.all, f); err != nil {
		return err
	}
	f.finish()
	s.out.raw("* THREAD")
	if f.nodes[0].child != none {
		s.out.raw(" ")
	}
	for n := f.nodes[0].child; n != none; n = f.nodes[n].next {
		f.write(&s.out, n, func(at int32) int64 {
			if uid {
				return int64(s.view.uids[at])
			}
			return int64(at + 1)
		})
		if s.out.err != nil {
			break
		}
	}
	s.out.raw("\r\n")
	return nil
}

// grow takes up the messages that match.
func (s *session) grow(ctx context.Context, all criterion, f *forest) error {
	var failed error
	all.needs = max(all.needs, needsItem)
	places := make([]int, 0, searchChunk)
	for from := 0; from < len(s.view.uids); from += searchChunk {
		places = places[:0]
		for at := from; at < min(from+searchChunk, len(s.view.uids)); at++ {
			places = append(places, at)
		}
		err := s.consider(ctx, places, all, false, func(c *candidate) {
			if failed == nil {
				failed = f.add(c)
			}
		})
		if err == nil {
			err = failed
		}
		if err != nil {
			return err
		}
	}
	return nil
}
