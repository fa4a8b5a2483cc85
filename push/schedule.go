package push

import "time"

// instant is a time of a notifier: how long it has been there. It does not jump
// when the clock is set.
type instant time.Duration

// never is later than anything.
const never = instant(1<<63 - 1)

// entry is what stands in a schedule.
type entry interface {
	when() instant
	slot() *int32 // where it stands: kept by the schedule
}

// schedule is a heap of what is to happen, the earliest first. It costs a
// pointer for each entry and nothing for who is not in it.
type schedule[E entry] []E

// first is when the earliest entry is due.
func (q schedule[E]) first() instant {
	if len(q) == 0 {
		return never
	}
	return q[0].when()
}

func (q *schedule[E]) add(e E) {
	*q = append(*q, e)
	q.up(len(*q) - 1)
}

// take removes the earliest entry.
func (q *schedule[E]) take() E {
	e := (*q)[0]
	q.remove(e)
	return e
}

func (q *schedule[E]) remove(e E) {
	h, i := *q, int(*e.slot())
	last := len(h) - 1
	var none E
	moved := h[last]
	h[last] = none
	*q = h[:last]
	if i != last {
		h[i] = moved
		*moved.slot() = int32(i)
		q.moved(moved)
	}
	q.shrink()
}

// moved puts an entry whose time has changed into its place.
func (q *schedule[E]) moved(e E) {
	if i := int(*e.slot()); !q.up(i) {
		q.down(i)
	}
}

func (q *schedule[E]) up(i int) bool {
	h := *q
	e, from := h[i], i
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].when() <= e.when() {
			break
		}
		h[i] = h[parent]
		*h[i].slot() = int32(i)
		i = parent
	}
	h[i] = e
	*e.slot() = int32(i)
	return i != from
}

func (q *schedule[E]) down(i int) {
	h := *q
	e := h[i]
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if r := child + 1; r < len(h) && h[r].when() < h[child].when() {
			child = r
		}
		if e.when() <= h[child].when() {
			break
		}
		h[i] = h[child]
		*h[i].slot() = int32(i)
		i = child
	}
	h[i] = e
	*e.slot() = int32(i)
}

// shrink gives memory back after a storm.
func (q *schedule[E]) shrink() {
	if n := len(*q); cap(*q) > 1024 && n < cap(*q)/4 {
		*q = append(make([]E, 0, n*2), *q...)
	}
}
