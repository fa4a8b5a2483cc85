//go:build !linux

package hold

import (
	"context"
	"errors"
	"net"
)

// Nothing is parked elsewhere, so there is nothing to hand over.

// Send gives parcels to another process.
func Send(*net.UnixConn, []*Parcel) error { return nil }

// HangUp ends the connections of parcels.
func HangUp([]*Parcel) {}

// Receive takes parcels.
func Receive(*net.UnixConn) ([]*Parcel, error) { return nil, errors.ErrUnsupported }

// Relay is what remains of a process that was followed by another one.
type Relay struct{}

// Release gives up parcels that another process has.
func Release([]*Parcel) (*Relay, error) { return &Relay{}, nil }

// Left counts the connections that are still relayed.
func (*Relay) Left() int { return 0 }

// Wait waits until no connection is left.
func (*Relay) Wait(context.Context) error { return nil }
