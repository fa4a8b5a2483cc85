package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// serviceUser is whom the service runs as when root sets it up.
const serviceUser = "martlet"

// ownerIsUs refuses to work as root on the data of another user: the files it
// made would lock the server out.
func ownerIsUs(folder string) error {
	info, err := os.Stat(folder)
	if err != nil || os.Geteuid() != 0 {
		return nil // it will be made, or the system itself refuses
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 {
		return nil
	}
	return fmt.Errorf("%s belongs to user %d: run this as that user, for example with sudo -u '#%d'", folder, st.Uid, st.Uid)
}

// chooseUser decides whom the service runs as, and what remains to be done for
// it to start.
func (q *quickstart) chooseUser() error {
	q.Start = []string{"systemctl enable --now " + q.Service}
	if os.Geteuid() != 0 {
		if q.User != "" && q.User != currentUser() {
			return errors.New("--user: only root can set up for another user")
		}
		q.User = currentUser()
		return nil
	}
	if q.User == "" {
		q.User = serviceUser
	}
	if _, err := user.Lookup(q.User); err != nil {
		q.Start = append([]string{
			"useradd --system --no-create-home --shell /usr/sbin/nologin " + q.User,
			"chown -R " + q.User + ": " + q.DataPath + " " + q.KeyFile,
		}, q.Start...)
	}
	return nil
}

func currentUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}

// giveAway makes the service's user the owner of what it must read and write,
// if root sets up and that user is there.
func (q *quickstart) giveAway() error {
	u, err := user.Lookup(q.User)
	if err != nil || os.Geteuid() != 0 {
		return nil
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err1, err2, os.Chown(q.KeyFile, uid, gid), os.Chown(q.VAPID, uid, gid)); err != nil {
		return err
	}
	return filepath.WalkDir(q.DataPath, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
}
