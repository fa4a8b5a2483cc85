package main

import "golang.org/x/sys/unix"

// clock asks the kernel whether something keeps the clock right.
func (d *doctor) clock() {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return
	}
	if state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0 {
		d.find("clock", warning, "run chrony, ntpd or systemd-timesyncd; in a container its host does",
			"nothing keeps the clock right: certificates, tokens for push and times of mail depend on it")
	} else {
		d.find("clock", fine, "", "the clock is kept right")
	}
}
