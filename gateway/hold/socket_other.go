//go:build !linux

package hold

import (
	"errors"
	"net"
)

// Elsewhere requests are held in their goroutines.

var errNothing = errors.New("hold: nothing to read")

func canSleep(net.Conn) bool             { return false }
func socketOf(net.Conn) (int, error)     { return -1, errors.ErrUnsupported }
func connOfSocket(int) (net.Conn, error) { return nil, errors.ErrUnsupported }
func closeSocket(int) error              { return errors.ErrUnsupported }
func writeNow(int, []byte) (int, error)  { return 0, errors.ErrUnsupported }
func peek(int, []byte) (int, error)      { return 0, errors.ErrUnsupported }
func skip(int, int) error                { return errors.ErrUnsupported }
