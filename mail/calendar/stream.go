package calendar

import (
	"iter"
	"slices"
)

// walls ranges over the wall clocks of the series in order, each once, without
// those that EXDATE and EXRULE take out.
func (x *expansion) walls(since wall) iter.Seq[wall] {
	all := stream(x.Series, x.Rules, x.Dates, since, x.behind)
	if len(x.Rules) <= 1 && len(x.Dates) == 0 && len(x.NoRules) == 0 && !x.except.some() { // as most series are
		return all
	}
	return func(yield func(wall) bool) {
		next, stop := func() (wall, bool) { return 0, false }, func() {}
		if len(x.NoRules) > 0 {
			next, stop = iter.Pull(stream(x.Series, x.NoRules, nil, since, x.behind))
		}
		defer stop()
		no, some := next()
		last := noWall
		n := 0
		for w := range all {
			if n++; n > maxOccurrences {
				return
			}
			if w == last {
				continue // by rule and by date
			}
			last = w
			for some && no < w {
				no, some = next()
			}
			if some && no == w || x.except.some() && x.except.has(x.clock(w)) {
				continue
			}
			if !yield(w) {
				return
			}
		}
	}
}

// stream ranges over what rules and dates make of a series' start, in order and from
// a time on; what comes behind another need not be there.
func stream(s *Series, rules []*Rule, dates []Period, since, behind wall) iter.Seq[wall] {
	start := s.wall(s.Start)
	if len(rules) == 1 && len(dates) == 0 {
		return s.local(rules[0]).between(start, since, behind)
	}
	var all []iter.Seq[wall]
	for _, r := range rules {
		all = append(all, s.local(r).between(start, since, behind))
	}
	if len(rules) == 0 {
		all = append(all, func(yield func(wall) bool) {
			if start >= since {
				yield(start)
			}
		})
	}
	if len(dates) > 0 {
		var list []wall
		for _, p := range dates {
			if w := s.wall(p.Start); w >= since {
				list = append(list, w)
			}
		}
		slices.Sort(list)
		all = append(all, slices.Values(list))
	}
	for len(all) > 1 {
		n := len(all)
		all = append(all[:n-2], merge(all[n-2], all[n-1]))
	}
	return all[0]
}

// merge ranges over two sequences in order.
func merge(a, b iter.Seq[wall]) iter.Seq[wall] {
	return func(yield func(wall) bool) {
		next, stop := iter.Pull(b)
		defer stop()
		u, ok := next()
		for w := range a {
			for ; ok && u < w; u, ok = next() {
				if !yield(u) {
					return
				}
			}
			if !yield(w) {
				return
			}
		}
		for ; ok; u, ok = next() {
			if !yield(u) {
				return
			}
		}
	}
}
