package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

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

// names makes the files that Badger creates in a directory durable: it syncs
// their content, but not the directory, when it begins a new log.
type names struct {
	path   string
	synced time.Time // the directory's time of change when last synced
}

// clockStep is more than the steps in which file systems tell the time: a name
// made within one step after a sync does not change the directory's time.
const clockStep = 50 * time.Millisecond

// sync syncs the directory if a name may have been made since the last time.
func (n *names) sync() error {
	info, err := os.Stat(n.path)
	if err != nil {
		return err
	}
	changed := info.ModTime()
	if changed.Equal(n.synced) && time.Since(changed) > clockStep {
		return nil
	}
	if err := SyncDir(n.path); err != nil {
		return err
	}
	n.synced = changed
	return nil
}

// dropBegun removes the log files that a process began and could not give a
// size before it died: Badger does not open a store with an empty one. Nothing
// can have been written to them. The directory must be locked.
func dropBegun(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if kind := filepath.Ext(e.Name()); kind != ".mem" && kind != ".vlog" {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Size() > 0 || !info.Mode().IsRegular() {
			continue
		}
		if err := os.Remove(filepath.Join(path, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
