package imap

import (
	"context"
	"slices"
	"strings"

	"martlet/mail"
)

// live is a result that is kept up to date (RFC 5267 4.3): what comes into it or
// goes is told whenever changes of the mailbox are.
type live struct {
	tag   string
	uid   bool
	all   criterion
	order *order // nil: that of the mailbox
	list  []liveHit
}

// liveHit is a message in such a result. Without an order the key is empty.
type liveHit struct {
	key string
	id  mail.ItemID
}

func (a liveHit) compare(b liveHit) int {
	if c := strings.Compare(a.key, b.key); c != 0 {
		return c
	}
	return int(int64(a.id) - int64(b.id))
}

// follow keeps a result up to date from now on, or says that it will not be (RFC
// 5267 4.3.1): there are too many, or it changes with the clock.
func (s *session) follow(hits []hit, sorted *order, a *searchArgs, uid bool) {
	v := s.view
	kept := len(hits)
	for _, l := range v.live {
		kept += len(l.list)
		if l.tag == s.tag { // no update could be told from those of the other
			kept = maxLiveHits + 1
		}
	}
	if a.within || len(v.live) >= maxLive || kept > maxLiveHits {
		s.out.raw("* NO [NOUPDATE ").string(s.tag).raw("] This result is not kept up to date\r\n")
		return
	}
	l := &live{tag: s.tag, uid: uid, all: a.all, order: sorted, list: make([]liveHit, len(hits))}
	for i, h := range hits {
		l.list[i].id = v.uids[h.at]
		if sorted != nil {
			l.list[i].key = sorted.keyOf(h.at)
		}
	}
	if sorted != nil {
		sorted.forget()
	}
	v.live = append(v.live, l)
}

// cancelUpdate answers CANCELUPDATE (RFC 5267 4.3.5).
func (s *session) cancelUpdate(_ context.Context, p *parser) error {
	var tags []string
	for first := true; p.err == nil && (first || p.peek() == ' '); first = false {
		p.sp()
		if tags = append(tags, p.string()); len(tags) > maxLive {
			p.fail()
		}
	}
	if err := p.end(); err != nil {
		return err
	}
	for _, tag := range tags {
		i := slices.IndexFunc(s.view.live, func(l *live) bool { return l.tag == tag })
		if i < 0 {
			return bad("No result of this tag is kept up to date")
		}
		s.view.live = slices.Delete(s.view.live, i, i+1)
	}
	return nil
}

// forgetGone takes messages out of the results before their numbers go.
func (s *session) forgetGone(gone []int) {
	for _, l := range s.view.live {
		w := liveWriter{s: s, l: l}
		for _, at := range gone {
			w.drop(s.view.uids[at])
		}
		w.end()
	}
}

// refresh looks at messages that came or changed.
func (s *session) refreshLive(ctx context.Context, touched []mail.ItemID) error {
	v := s.view
	if len(v.live) == 0 || len(touched) == 0 {
		return nil
	}
	places := make([]int, 0, len(touched))
	for _, id := range touched {
		if at, known := v.place(id); known {
			places = append(places, at)
		}
	}
	slices.Sort(places)
	places = slices.Compact(places)
	for _, l := range v.live {
		for part := range slices.Chunk(places, searchChunk) {
			if err := s.refreshOne(ctx, l, part); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) refreshOne(ctx context.Context, l *live, places []int) error {
	now := map[mail.ItemID]string{}
	err := s.consider(ctx, slices.Clone(places), l.all.withRow(l.order), true, func(c *candidate) {
		key := ""
		if l.order != nil {
			key = string(l.order.appendKey(nil, c))
		}
		now[c.id] = key
	})
	if err != nil {
		return err
	}
	w := liveWriter{s: s, l: l}
	for _, at := range places {
		id := s.view.uids[at]
		if key, in := now[id]; !in || !l.has(liveHit{key, id}) {
			w.drop(id)
		}
	}
	w.end()
	w = liveWriter{s: s, l: l, adds: true}
	for _, at := range places {
		id := s.view.uids[at]
		if key, in := now[id]; in {
			w.add(liveHit{key, id})
		}
	}
	w.end()
	return nil
}

// withRow makes sure that what an order looks at is there.
func (x criterion) withRow(o *order) criterion {
	if o != nil {
		x.needs = max(x.needs, needsItem)
	}
	return x
}

func (l *live) has(h liveHit) bool {
	_, in := slices.BinarySearchFunc(l.list, h, liveHit.compare)
	return in
}

// liveWriter tells of changes of one result (RFC 5267 4.3.2). Numbers in a result
// that has no order of its own are gathered.
type liveWriter struct {
	s    *session
	l    *live
	adds bool
	hits []hit // not told yet
	any  bool
}

func (w *liveWriter) begin() {
	verb := "REMOVEFROM"
	if w.adds {
		verb = "ADDTO"
	}
	if w.any {
		w.s.out.raw(" ")
		return
	}
	w.any = true
	w.s.out.raw("* ESEARCH (TAG ").string(w.l.tag).raw(")")
	if w.l.uid {
		w.s.out.raw(" UID")
	}
	w.s.out.raw(" ").raw(verb).raw(" (")
}

// drop takes a message out, if it is in.
func (w *liveWriter) drop(id mail.ItemID) {
	i := slices.IndexFunc(w.l.list, func(h liveHit) bool { return h.id == id })
	if i < 0 {
		return
	}
	w.l.list = slices.Delete(w.l.list, i, i+1)
	w.tell(i, id)
}

// add puts a message in, if it is not.
func (w *liveWriter) add(h liveHit) {
	i, in := slices.BinarySearchFunc(w.l.list, h, liveHit.compare)
	if in {
		return
	}
	w.l.list = slices.Insert(w.l.list, i, h)
	w.tell(i, h.id)
}

func (w *liveWriter) tell(i int, id mail.ItemID) {
	at, _ := w.s.view.place(id)
	if w.l.order == nil {
		w.hits = append(w.hits, hit{at: at})
		return
	}
	w.begin()
	w.s.out.number(int64(i + 1)).raw(" ").number(w.number(hit{at: at}))
}

func (w *liveWriter) number(h hit) int64 {
	if w.l.uid {
		return int64(w.s.view.uids[h.at])
	}
	return int64(h.at + 1)
}

func (w *liveWriter) end() {
	if len(w.hits) > 0 {
		w.begin()
		w.s.out.raw("0 ")
		w.s.ranges(w.hits, func(h hit) uint32 { return uint32(w.number(h)) })
	}
	if w.any {
		w.s.out.raw(")\r\n")
	}
}
