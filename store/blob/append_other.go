//go:build !linux

package blob

import (
	"os"
	"slices"
)

// syncData makes what was written durable.
func syncData(f *os.File) error { return f.Sync() }

// writev writes at the end of the pack and tells where it ends then.
func (a *appender) writev(vecs [][]byte) (end int64, err error) {
	n, err := a.file.WriteAt(slices.Concat(vecs...), a.end)
	return a.end + int64(n), err
}
