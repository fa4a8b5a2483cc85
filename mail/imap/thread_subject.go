package imap

import "slices"

// bySubject makes a thread of all messages about one subject: below the first of
// them by date are the others (RFC 5256 3, ORDEREDSUBJECT).
func (f *forest) bySubject() {
	all := make([]int32, 0, len(f.nodes)-1)
	for i := range f.nodes[1:] {
		all = append(all, int32(i+1))
	}
	slices.SortFunc(all, func(a, b int32) int {
		x, y := &f.nodes[a], &f.nodes[b]
		switch {
		case x.date < y.date:
			return -1
		case x.date > y.date:
			return 1
		}
		return int(x.at - y.at)
	})
	roots := map[uint64]int32{}
	for _, n := range all {
		root, known := roots[f.nodes[n].subject]
		if !known {
			roots[f.nodes[n].subject] = n
		}
		f.append(root, n) // zero is above all threads
	}
}

// about is the subject of a thread, and whether it begins with an answer.
func (f *forest) about(n int32) (subject uint64, reply bool) {
	if f.nodes[n].at == none {
		n = f.nodes[n].child
	}
	return f.nodes[n].subject, f.nodes[n].reply
}

// gather joins threads about one subject (RFC 5256 3, REFERENCES 5).
func (f *forest) gather() {
	var roots []int32
	for n := f.nodes[0].child; n != none; n = f.nodes[n].next {
		roots = append(roots, n)
	}
	table := map[uint64]int32{}
	for _, n := range roots {
		subject, reply := f.about(n)
		if subject == 0 {
			continue
		}
		have, known := table[subject]
		if !known {
			table[subject] = n
			continue
		}
		_, theirs := f.about(have)
		if f.nodes[have].at != none && (f.nodes[n].at == none || theirs && !reply) {
			table[subject] = n
		}
	}
	merged := map[int32]bool{} // they are below others now
	for _, n := range roots {
		subject, reply := f.about(n)
		have := table[subject]
		if subject == 0 || have == n {
			continue
		}
		_, theirs := f.about(have)
		merged[n] = true
		switch {
		case f.nodes[have].at == none && f.nodes[n].at == none:
			f.splice(have, f.nodes[n].child, f.nodes[n].tail)
		case f.nodes[have].at == none, reply && !theirs:
			f.append(have, n)
		default:
			both := f.node()
			merged[have] = true
			f.append(both, have)
			f.append(both, n)
			table[subject] = both
			roots = append(roots, both)
		}
	}
	f.nodes[0].child, f.nodes[0].tail = none, none
	for _, n := range roots {
		if !merged[n] {
			f.append(0, n)
		}
	}
}
