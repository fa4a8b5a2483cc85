package main

import (
	"fmt"
	"os"
	"syscall"
)

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
