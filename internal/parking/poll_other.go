//go:build !linux

package parking

import "errors"

// poller is not there: connections keep their goroutines.
type poller struct{}

func newPoller(func([]int32)) (*poller, error) { return nil, errors.ErrUnsupported }

func (*poller) add(int, int32) error   { return errors.ErrUnsupported }
func (*poller) rearm(int, int32) error { return errors.ErrUnsupported }
func (*poller) close()                 {}
