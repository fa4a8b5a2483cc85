package admin

import (
	"errors"
	"syscall"
)

// refused tells that the socket's file is there and nobody behind it: its
// server is gone.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
