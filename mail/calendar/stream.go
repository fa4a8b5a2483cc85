package calendar

import (
	"iter"
	"slices"
	"time"
)

// walls ranges over the wall clocks of the series in order, each once, without
// those that EXDATE and EXRULE take out.
func (x *expansion) walls(since time.Time) iter.Seq[time.Time] {
	except := stream(x.Series, x.NoRules, nil, since, x.year)
	all := stream(x.Series, x.Rules, x.Dates, since, x.year)
	return func(yield func(time.Time) bool) {
		next, stop := func() (time.Time, bool) { return time.Time{}, false }, func() {}
		if len(x.NoRules) > 0 {
			next, stop = iter.Pull(except)
		}
		defer stop()
		no, some := next()
		var last time.Time
		n := 0
		for t := range all {
			if n++; n > maxOccurrences {
				return
			}
			if n > 1 && t.Equal(last) {
				continue // by rule and by date
			}
			last = t
			for some && no.Before(t) {
				no, some = next()
			}
			if some && no.Equal(t) || x.except.some() && x.except.has(x.clock(t)) {
				continue
			}
			if !yield(t) {
				return
			}
		}
	}
}

// stream ranges over what rules and dates make of a series' start, in order, up to
// the end of a year.
func stream(s *Series, rules []*Rule, dates []Period, since time.Time, year int) iter.Seq[time.Time] {
	start := s.Wall(s.Start)
	var all []iter.Seq[time.Time]
	for _, r := range rules {
		all = append(all, s.local(r).between(start, since, year))
	}
	if len(rules) == 0 {
		all = append(all, func(yield func(time.Time) bool) {
			if !start.Before(since) {
				yield(start)
			}
		})
	}
	if len(dates) > 0 {
		var list []time.Time
		for _, p := range dates {
			if t := s.Wall(p.Start); !t.Before(since) {
				list = append(list, t)
			}
		}
		slices.SortFunc(list, time.Time.Compare)
		all = append(all, slices.Values(list))
	}
	for len(all) > 1 {
		n := len(all)
		all = append(all[:n-2], merge(all[n-2], all[n-1]))
	}
	return all[0]
}

// merge ranges over two sequences in order.
func merge(a, b iter.Seq[time.Time]) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		next, stop := iter.Pull(b)
		defer stop()
		u, ok := next()
		for t := range a {
			for ; ok && u.Before(t); u, ok = next() {
				if !yield(u) {
					return
				}
			}
			if !yield(t) {
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
