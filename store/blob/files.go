package blob

import (
	"container/list"
	"os"
	"sync"
)

// maxOpenPacks bounds the open files; 64 MB each, they cover 4 GB of bodies.
const maxOpenPacks = 64

// fileCache keeps packs open for reading.
type fileCache struct {
	dir *packDir
	max int

	// mu guards what follows.
	mu    sync.Mutex
	packs map[uint32]*list.Element // of *packFile
	order list.List                // most recently used first
}

// packFile is an open pack. It is closed when it is neither cached nor in use.
type packFile struct {
	*os.File
	n      uint32
	users  int
	cached bool
}

func newFileCache(dir *packDir, most int) *fileCache {
	return &fileCache{dir: dir, max: most, packs: map[uint32]*list.Element{}}
}

// open returns pack n, which the caller gives back with release.
func (c *fileCache) open(n uint32) (*packFile, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.packs[n]; ok {
		c.order.MoveToFront(e)
		p := e.Value.(*packFile)
		p.users++
		return p, nil
	}
	f, err := c.dir.open(n, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	p := &packFile{File: f, n: n, users: 1, cached: true}
	c.packs[n] = c.order.PushFront(p)
	for c.order.Len() > c.max {
		c.dropLocked(c.order.Back())
	}
	return p, nil
}

func (c *fileCache) release(p *packFile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.users--
	if p.users == 0 && !p.cached {
		p.Close()
	}
}

// forget drops pack n, which is about to be removed. Its readers go on.
func (c *fileCache) forget(n uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.packs[n]; ok {
		c.dropLocked(e)
	}
}

func (c *fileCache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.order.Len() > 0 {
		c.dropLocked(c.order.Back())
	}
}

func (c *fileCache) dropLocked(e *list.Element) {
	p := c.order.Remove(e).(*packFile)
	delete(c.packs, p.n)
	p.cached = false
	if p.users == 0 {
		p.Close()
	}
}
