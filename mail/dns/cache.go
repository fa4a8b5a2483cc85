package dns

import (
	"container/list"
	"sync"
	"time"
)

// cache remembers answers, also that there is nothing, as long as they may be
// relied upon, and forgets those that were used longest ago when there is no room.
type cache struct {
	limit int // bytes; negative: nothing is kept

	mu    sync.Mutex
	bytes int
	known map[question]*list.Element // of *entry
	used  *list.List                 // the last used first
}

type entry struct {
	q    question
	a    *answer
	size int
}

func newCache(limit int) *cache {
	return &cache{limit: limit, known: map[question]*list.Element{}, used: list.New()}
}

func (c *cache) get(q question) *answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.known[q]
	if el == nil {
		return nil
	}
	e := el.Value.(*entry)
	if !time.Now().Before(e.a.expires) {
		c.dropLocked(el)
		return nil
	}
	c.used.MoveToFront(el)
	return e.a
}

func (c *cache) put(q question, a *answer) {
	e := &entry{q, a, a.size() + len(q.name)}
	if a.ttl <= 0 || e.size > c.limit {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.known[q]; old != nil {
		c.dropLocked(old)
	}
	c.known[q] = c.used.PushFront(e)
	for c.bytes += e.size; c.bytes > c.limit; {
		c.dropLocked(c.used.Back())
	}
}

func (c *cache) dropLocked(el *list.Element) {
	e := c.used.Remove(el).(*entry)
	delete(c.known, e.q)
	c.bytes -= e.size
}
