package rules

import (
	"sync"

	"martlet/directory"
	"martlet/mail/sieve"
	"martlet/store"
)

// maxCached is the size of the scripts that are kept ready, in bytes of text. In
// memory they are some ten times as large.
const maxCached = 4 << 20

// cache keeps scripts ready to run.
type cache struct {
	mu    sync.Mutex // guards what follows
	all   map[scriptKey]ready
	bytes int
}

// ready is a script that can be run, or why it cannot.
type ready struct {
	version uint64
	script  *sieve.Script
	err     error
	size    int
}

// get returns a script of a version, if it is there.
func (c *cache) get(k scriptKey, version uint64) (ready, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one, ok := c.all[k]
	return one, ok && one.version == version
}

// put keeps a script; others go when there are too many.
func (c *cache) put(k scriptKey, one ready) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[scriptKey]ready{}
	}
	c.bytes += one.size - c.all[k].size
	c.all[k] = one
	for other, old := range c.all {
		if c.bytes <= maxCached {
			return
		}
		if other != k {
			c.bytes -= old.size
			delete(c.all, other)
		}
	}
}

// load returns a script of an account, ready to run. A version that is known
// spares reading it.
func (r *Rules) load(tx *store.Tx, account directory.AccountID, name string, version uint64) (*sieve.Script, error) {
	key := scriptKey{account, name}
	if one, ok := r.compiled.get(key, version); ok && version > 0 {
		return one.script, one.err
	}
	row, err := r.script(tx, account, name)
	if err != nil {
		return nil, err
	}
	if one, ok := r.compiled.get(key, row.version); ok {
		return one.script, one.err
	}
	one := ready{version: row.version, size: len(row.source) + 512}
	one.script, one.err = sieve.Compile(row.source)
	r.compiled.put(key, one)
	return one.script, one.err
}
