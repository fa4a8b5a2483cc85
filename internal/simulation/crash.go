package simulation

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"
)

// crashCopy copies the files of a running store as they are at one moment,
// which is what kill -9 leaves. If something was written meanwhile, the copy is
// of no moment, and is made again.
func crashCopy(from, to string) error {
	for range 100 {
		before, err := listing(from)
		if err != nil {
			return err
		}
		err = os.CopyFS(to, os.DirFS(from))
		after, listErr := listing(from)
		if listErr != nil {
			return listErr
		}
		if before != nil && maps.Equal(before, after) {
			return err
		}
		if err := os.RemoveAll(to); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s never rests", from)
}

// file is what tells that a file was written to.
type file struct {
	size int64
	at   time.Time
}

func listing(dir string) (map[string]file, error) {
	files := map[string]file{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files[path] = file{info.Size(), info.ModTime()}
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) { // it went away between name and look
		return nil, nil
	}
	return files, err
}
