package main

import (
	"log/slog"
	"syscall"
)

// The store, the bodies, sessions of mail and push services have files open
// beside the phones: a twentieth of all, within these bounds.
const (
	fewestReserved = 512
	mostReserved   = 2048
)

// openFiles logs how many phones the limit of open files allows to be held, and
// returns how many connections the gateway may have. The Go runtime has raised
// the limit as far as it may.
func openFiles(log *slog.Logger) int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		log.Warn("limit of open files unknown", "error", err)
		return 0
	}
	files := int(min(l.Cur, 1<<24))
	phones := heldPhones(files)
	log.Info("limit of open files", "files", files, "held_phones", phones)
	if phones < 10_000 {
		log.Warn("few phones can be held", "held_phones", phones, "remedy", "raise the limit: LimitNOFILE in the systemd unit, ulimit -n in a shell")
	}
	return phones
}

// heldPhones leaves a share of the open files to everything else.
func heldPhones(files int) int {
	reserved := min(max(files/20, fewestReserved), mostReserved, files/2)
	return max(files-reserved, 1)
}
