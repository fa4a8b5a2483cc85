package schedule

import (
	"container/list"
	"maps"
	"sort"
	"sync"

	"martlet/mail"
)

// Limits of what is kept of the calendars that were asked for.
const (
	maxBusySpans    = 1 << 20 // of all calendars: some 50 MB
	maxBusyCalendar = 1 << 17 // of one
)

// busyKey says of which calendar, how its days were taken, and for whom.
type busyKey struct {
	box    mail.MailboxID
	folder mail.FolderID
	zone   string
	who    string // the owner's addresses
	booked bool
}

// busyItem is what one event makes of a window.
type busyItem struct {
	uid   mail.UIDHash
	spans []span
}

// busyCalendar is what is known of one calendar. It does not change: who learns
// more makes another.
type busyCalendar struct {
	highest mail.ModSeq // of the folder when it was read
	window  window
	items   map[mail.ItemID]busyItem
	merged  []span // of all items, in order, without an overlap
	weight  int    // spans, merged ones among them, and one for each item
}

// with is the calendar after what was found. Of nil, it is what was found.
func (c *busyCalendar) with(got *found, w window) *busyCalendar {
	now := &busyCalendar{highest: got.highest, window: w, items: got.known}
	if c != nil && !got.whole {
		now.items = maps.Clone(c.items)
		for _, id := range got.gone {
			delete(now.items, id)
		}
		maps.Copy(now.items, got.known)
	}
	for _, it := range now.items {
		now.weight += 1 + len(it.spans)
	}
	all := make([]span, 0, now.weight)
	for _, it := range now.items {
		all = append(all, it.spans...)
	}
	now.merged = mergeSpans(all)
	now.weight += len(now.merged)
	return now
}

// collect lists the spans that touch what was asked for.
func (c *busyCalendar) collect(q *BusyQuery, asked window) (out []span) {
	if q.Except == "" {
		from := sort.Search(len(c.merged), func(i int) bool { return c.merged[i].end > asked.from })
		to := sort.Search(len(c.merged), func(i int) bool { return c.merged[i].start >= asked.to })
		return c.merged[from:max(from, to)]
	}
	except := mail.HashUID(mail.ClassCalendar, q.Except)
	for _, it := range c.items {
		if it.uid == except {
			continue
		}
		for _, s := range it.spans {
			if s.start < asked.to && s.end > asked.from {
				out = append(out, s)
			}
		}
	}
	return out
}

// busyCache keeps what was found out of calendars, those that were asked for
// last. The zero value is empty.
type busyCache struct {
	mu     sync.Mutex
	byKey  map[busyKey]*list.Element // of busyEntry
	order  list.List                 // the last one asked for first
	weight int
}

type busyEntry struct {
	key busyKey
	*busyCalendar
}

func (b *busyCache) get(k busyKey) *busyCalendar {
	b.mu.Lock()
	defer b.mu.Unlock()
	el := b.byKey[k]
	if el == nil {
		return nil
	}
	b.order.MoveToFront(el)
	return el.Value.(busyEntry).busyCalendar
}

func (b *busyCache) put(k busyKey, c *busyCalendar) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byKey == nil {
		b.byKey = map[busyKey]*list.Element{}
	}
	if el := b.byKey[k]; el != nil {
		if el.Value.(busyEntry).highest > c.highest {
			return // somebody was faster and knows more
		}
		b.dropLocked(el)
	}
	if c.weight > maxBusyCalendar {
		return
	}
	b.byKey[k] = b.order.PushFront(busyEntry{k, c})
	b.weight += c.weight
	for b.weight > maxBusySpans {
		b.dropLocked(b.order.Back())
	}
}

func (b *busyCache) dropLocked(el *list.Element) {
	e := b.order.Remove(el).(busyEntry)
	delete(b.byKey, e.key)
	b.weight -= e.weight
}
