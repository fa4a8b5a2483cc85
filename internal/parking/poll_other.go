//go:build !linux

package parking

import "errors"

// Poller is not there: connections keep their goroutines.
type Poller struct{}

// NewPoller fails.
func NewPoller(func([]int32)) (*Poller, error) { return nil, errors.ErrUnsupported }

// Add is never called.
func (*Poller) Add(int, int32) error { return errors.ErrUnsupported }

// Rearm is never called.
func (*Poller) Rearm(int, int32) error { return errors.ErrUnsupported }

// Remove is never called.
func (*Poller) Remove(int) {}

// Close is never called.
func (*Poller) Close() {}
