package main

import "context"

// send has the queue send what waits, until background ends. At the end what is on
// its way is finished as long as there is time, so that nobody gets it twice; what
// is not is tried again by the next process, which finds it as it was.
func (s *server) send(background context.Context) {
	done := make(chan struct{})
	s.running.Go(func() {
		defer close(done)
		s.complain(background, "send mail", s.queue.Run(background, s.data.relay))
	})
	s.shutdowns = append(s.shutdowns, func(ctx context.Context) error {
		select {
		case <-done:
		case <-ctx.Done():
		}
		return s.data.relay.Close()
	})
}
