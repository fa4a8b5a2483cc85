package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lockName is the file whose lock keeps other processes out. Badger locks the
// directory too, but says so less clearly.
const lockName = "martlet.lock"

// lockDir takes the lock; closing the file, or dying, gives it back.
func lockDir(path string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, diskFull(err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: a running server has it open; "+
				"talk to that server through its administration socket, or stop it first", ErrLocked)
		}
		return nil, err
	}
	return f, nil
}

// MakeDir makes a directory with those above it, durably.
func MakeDir(path string) error {
	if exists(path) {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := MakeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return SyncDir(parent)
}

// SyncDir makes the names in a directory durable.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
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

// needs returns ErrDiskFull when less than n bytes are free.
func (s *Store) needs(n int64) error {
	free, err := FreeBytes(s.path)
	if err != nil {
		return err
	}
	return enough(free, n)
}

func enough(free, need int64) error {
	if free < need {
		return fmt.Errorf("%w: %d MB are free, %d MB are needed", ErrDiskFull, max(free, 0)>>20, need>>20)
	}
	return nil
}
