package documents

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// createdAt is when a file in an open folder was made, or the open one itself
// for an empty name; unknown where the file system does not say.
func createdAt(dir *os.File, name string, unknown time.Time) time.Time {
	c, err := dir.SyscallConn()
	if err != nil {
		return unknown
	}
	var st unix.Statx_t
	flags := unix.AT_SYMLINK_NOFOLLOW
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	cerr := c.Control(func(fd uintptr) { err = unix.Statx(int(fd), name, flags, unix.STATX_BTIME, &st) })
	if cerr != nil || err != nil || st.Mask&unix.STATX_BTIME == 0 {
		return unknown
	}
	return time.Unix(st.Btime.Sec, int64(st.Btime.Nsec)).UTC()
}
