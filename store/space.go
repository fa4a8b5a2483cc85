package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Badger writes its log and its tables through memory maps of sparse files.
// A page of such a file that finds no room on the disk is no error but a SIGBUS
// that ends the process, and the tables are written in the background. So there
// must be room for what Badger can still want before anything is handed to it:
//
//	its small files                         4 MB
//	what is in memory, as tables            2 memory tables
//	the tables a compaction writes before
//	it removes those it read                all tables, or spread if that is less
//	what others may write meanwhile         Config.Reserve
type space struct {
	path    string
	mem     int64 // size of a memory table
	most    int64 // the most that compactions under way can write
	reserve int64

	// Only the committer uses these.
	work    int64 // what Badger can want, when last looked
	written int64 // bytes committed since
}

const smallFiles = 4 << 20

func newSpace(cfg Config) *space {
	// The largest compaction of level 0 takes as many tables as make writers
	// wait, and the level below it; another one meanwhile takes a table and
	// those it overlaps in the next level, which is ten times as large.
	mem := cfg.MemTable
	most := (levelZeroStall+2)*mem*5/4 + 4*baseLevel + 16*tableSize(mem)
	return &space{path: cfg.Path, mem: mem, most: most, reserve: cfg.Reserve, written: mem}
}

// room is how much must be free when there are tables of so many bytes.
func (sp *space) room(tables int64) int64 { return smallFiles + 2*sp.mem + min(tables, sp.most) }

// tableBytes sums up the tables in a directory that is not open.
func (sp *space) tableBytes() (n int64, err error) {
	files, err := os.ReadDir(sp.path)
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".sst") {
			info, err := os.Stat(filepath.Join(sp.path, f.Name()))
			if err != nil {
				return 0, err
			}
			n += info.Size()
		}
	}
	return n, nil
}

// beforeOpen refuses when Badger could not be opened without danger.
func (sp *space) beforeOpen() error {
	tables, err := sp.tableBytes()
	if err != nil {
		return err
	}
	return sp.needs(sp.room(tables))
}

func (sp *space) needs(n int64) error {
	free, err := FreeBytes(sp.path)
	if err != nil {
		return err
	}
	return enough(free, n)
}

func enough(free, need int64) error {
	if free < need {
		return fmt.Errorf("%w: %d MB are free, %d MB are needed", ErrDiskFull, free>>20, need>>20)
	}
	return nil
}

// workRoom is how much Badger can want now.
func (s *Store) workRoom() int64 {
	tables := int64(0)
	for _, l := range s.db.Levels() {
		tables += l.Size
	}
	return s.space.room(tables)
}

// admit tells the committer whether a batch may be written: plain for any
// update, urgent for those that may use the reserve.
func (s *Store) admit(batch int64) (plain, urgent error) {
	sp := s.space
	free, err := FreeBytes(sp.path)
	if err != nil {
		return err, err
	}
	free -= 2 * batch // in the log and as a table
	if sp.written >= sp.mem/4 || free < sp.work+sp.reserve {
		sp.work, sp.written = s.workRoom(), 0
	}
	return enough(free, sp.work+sp.reserve), enough(free, sp.work+sp.reserve/2)
}

// FreeBytes returns how much can still be written to the file system that holds
// path.
func FreeBytes(path string) (int64, error) {
	var st unix.Statfs_t
	for {
		err := unix.Statfs(path, &st)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("store: free space of %s: %w", path, err)
		}
		return int64(st.Bavail) * int64(st.Bsize), nil
	}
}
