package imap

import (
	"math"
	"slices"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/mail"
)

// window is the piece of a result that PARTIAL asks for: places from the
// beginning, or from the end, both counted from one and included (RFC 5267 4.4,
// RFC 9394 3.1).
type window struct {
	from, to int64
	last     bool // from the end
	text     string
}

// window takes a partial-range (RFC 9394 4).
func (p *parser) window() (w window) {
	start := p.pos
	w.last = p.try('-')
	w.from = p.digits(math.MaxUint32)
	p.expect(':')
	if w.last != p.try('-') {
		p.fail()
	}
	w.to = p.digits(math.MaxUint32)
	if w.from > w.to {
		w.from, w.to = w.to, w.from
	}
	if w.from == 0 {
		p.fail()
	}
	w.text = string(p.b[start:p.pos])
	return w
}

// of returns the places of a list of n that the window shows, the second not
// included.
func (w *window) of(n int) (from, to int) {
	if w.last {
		return int(max(int64(n)-w.to, 0)), int(max(int64(n)-w.from+1, 0))
	}
	return int(min(w.from-1, int64(n))), int(min(w.to, int64(n)))
}

// save keeps a result for "$" (RFC 5182 2.4): what MIN, MAX and PARTIAL name if
// nothing else was asked for. It is in the order of the mailbox.
func (v *view) save(hits []hit, a *searchArgs) {
	v.saved = nil
	for i, h := range hits {
		if a.told(i, len(hits)) {
			v.saved = append(v.saved, v.uids[h.at])
		}
	}
	slices.Sort(v.saved)
}

// told tells whether a result names its i-th of n messages.
func (a *searchArgs) told(i, n int) bool {
	o := &a.SearchOptions
	if o.ReturnAll || o.ReturnCount || !o.ReturnMin && !o.ReturnMax && a.partial == nil {
		return true
	}
	if a.partial != nil {
		if from, to := a.partial.of(n); from <= i && i < to {
			return true
		}
	}
	return o.ReturnMin && i == 0 || o.ReturnMax && i == n-1
}

// tellFound writes a result: SEARCH or SORT, or ESEARCH for those that know it
// (RFC 9051 7.3.4, RFC 5267 3).
func (s *session) tellFound(hits []hit, a *searchArgs, uid bool, verb string) {
	number := func(h hit) uint32 {
		if uid {
			return uint32(s.view.uids[h.at])
		}
		return uint32(h.at + 1)
	}
	most := mail.ModSeq(0)
	for i, h := range hits {
		if a.told(i, len(hits)) {
			most = max(most, h.modSeq)
		}
	}
	if !a.extended && (!s.rev2 || verb == "SORT") {
		s.out.raw("* ").raw(verb)
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
	if !o.ReturnMin && !o.ReturnMax && !o.ReturnCount && !o.ReturnSave && a.partial == nil {
		o.ReturnAll = true
	}
	if o == (goimap.SearchOptions{ReturnSave: true}) && a.partial == nil { // RFC 5182 2.1: nothing is told
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
	if a.partial != nil {
		s.tellPartial(hits, a.partial, number)
	}
	if o.ReturnCount {
		s.out.raw(" COUNT ").number(int64(len(hits)))
	}
	if a.modSeq && len(hits) > 0 {
		s.out.rawf(" MODSEQ %d", most)
	}
	s.out.raw("\r\n")
}

func (s *session) tellPartial(hits []hit, w *window, number func(hit) uint32) {
	from, to := w.of(len(hits))
	s.out.raw(" PARTIAL (").raw(w.text).raw(" ")
	if from >= to {
		s.out.raw("NIL)")
		return
	}
	s.ranges(hits[from:to], number)
	s.out.raw(")")
}

// ranges writes the numbers of hits in their order.
func (s *session) ranges(hits []hit, number func(hit) uint32) {
	s.runs(len(hits), func(i int) uint32 { return number(hits[i]) })
}
