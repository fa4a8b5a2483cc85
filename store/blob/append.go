package blob

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"martlet/store"
)

// The most that one sync covers. The bytes bound the memory of a write, the
// records the vectors of one system call.
const (
	maxBatchBytes   = 16 << 20
	maxBatchRecords = 512
)

// record is a record on its way into a pack.
type record struct {
	data    []byte
	reserve bool // may use the reserve of disk space
	landed  func(pack uint32, off int64, err error)
}

// appender is the one writer of packs. It writes all records that wait and
// syncs once for all of them, so records of a pack are durable in order.
type appender struct {
	dir      *packDir
	packSize int64
	reserve  int64
	wake     chan struct{}
	ended    chan struct{}

	// mu guards what follows.
	mu      sync.Mutex
	queue   []*record
	stopped bool
	current uint32 // the pack being written, 0 for none

	// Only the goroutine that writes uses these.
	file *os.File
	end  int64
	last uint32 // the highest number ever given
}

func newAppender(b *Blobs, packSize int64) *appender {
	return &appender{
		dir: &b.dir, packSize: packSize, reserve: b.store.Reserve(),
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

// submit queues a record; its landed is called when it is durable or refused.
func (a *appender) submit(r *record) {
	a.mu.Lock()
	stopped := a.stopped
	if !stopped {
		a.queue = append(a.queue, r)
	}
	a.mu.Unlock()
	if stopped {
		r.landed(0, 0, ErrClosed)
		return
	}
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// writing returns the number of the pack that is still being written.
func (a *appender) writing() uint32 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.current
}

func (a *appender) stop() error {
	a.mu.Lock()
	stopped := a.stopped
	a.stopped = true
	a.mu.Unlock()
	if stopped {
		return nil
	}
	select {
	case a.wake <- struct{}{}:
	default:
	}
	<-a.ended
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}

func (a *appender) run() {
	defer close(a.ended)
	for {
		a.mu.Lock()
		queue, stopped := a.queue, a.stopped
		a.queue = nil
		a.mu.Unlock()
		if len(queue) == 0 {
			if stopped {
				return
			}
			<-a.wake
			continue
		}
		for len(queue) > 0 {
			n, size := 0, int64(0)
			for n < len(queue) && n < maxBatchRecords && (n == 0 || size+int64(len(queue[n].data)) <= maxBatchBytes) {
				size += int64(len(queue[n].data))
				n++
			}
			a.write(queue[:n], size)
			queue = queue[n:]
		}
	}
}

// write makes a batch durable and tells every record.
func (a *appender) write(batch []*record, size int64) {
	batch, err := a.admit(batch, size)
	if err == nil && (a.file == nil || a.end >= a.packSize) {
		err = a.roll()
	}
	start := a.end
	if err == nil {
		err = a.put(batch)
	}
	off := start
	for _, r := range batch {
		r.landed(a.last, off, err)
		off += int64(len(r.data))
	}
}

// admit refuses the records for which there is not room enough.
func (a *appender) admit(batch []*record, size int64) ([]*record, error) {
	free, err := store.FreeBytes(a.dir.path)
	if err != nil || free-size >= a.reserve {
		return batch, err
	}
	full := fmt.Errorf("%w: %d MB are free, %d MB are kept in reserve", store.ErrDiskFull, free>>20, a.reserve>>20)
	var rest []*record
	for _, r := range batch {
		if r.reserve && free-size >= a.reserve/2 {
			rest = append(rest, r)
		} else {
			r.landed(0, 0, full)
		}
	}
	return rest, nil
}

// roll begins a new pack.
func (a *appender) roll() error {
	a.mu.Lock()
	a.current = a.last + 1 // before there is a file: see settlePacks
	a.mu.Unlock()
	f, err := a.dir.create(a.last + 1)
	if err != nil {
		return err
	}
	if a.file != nil {
		a.file.Close()
	}
	a.last++
	a.file, a.end = f, int64(packHeaderSize)
	return nil
}

// put writes and syncs the records of a batch at the end of the pack.
func (a *appender) put(batch []*record) error {
	if len(batch) == 0 {
		return nil
	}
	vecs := make([][]byte, len(batch))
	for i, r := range batch {
		vecs[i] = r.data
	}
	end, err := a.writev(vecs)
	if err == nil {
		if err = syncData(a.file); err == nil {
			a.end = end
			return nil
		}
	}
	// What was written is refused, so it must not stay: after a failed sync
	// nobody knows what is on the disk. If it cannot be cut off, the pack ends
	// here.
	if terr := a.file.Truncate(a.end); terr != nil || !errors.Is(diskFull(err), store.ErrDiskFull) {
		a.file.Close()
		a.file = nil
	}
	return fmt.Errorf("blob: append: %w", diskFull(err))
}
