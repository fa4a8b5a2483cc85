package blob

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncData makes what was written durable, and the file's length with it.
func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// writev writes at the end of the pack, without copying, and tells where it ends
// then.
func (a *appender) writev(vecs [][]byte) (end int64, err error) {
	end = a.end
	for len(vecs) > 0 {
		n, err := unix.Pwritev(int(a.file.Fd()), vecs, end)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return end, err
		}
		end += int64(n)
		for len(vecs) > 0 && n >= len(vecs[0]) {
			n -= len(vecs[0])
			vecs = vecs[1:]
		}
		if n > 0 {
			vecs[0] = vecs[0][n:]
		}
	}
	return end, nil
}
