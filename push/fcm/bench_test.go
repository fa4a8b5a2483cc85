package fcm

import (
	"sync"
	"testing"
	"time"

	"martlet/push"
)

// BenchmarkSend measures one wake through the whole of it: SDK, HTTP/2, TLS, and
// the local service, whose share is in the figures.
func BenchmarkSend(b *testing.B) {
	for _, c := range []struct {
		name    string
		senders int
	}{{"one after another", 1}, {"100 at once", 100}} {
		b.Run(c.name, func(b *testing.B) {
			f, s := service(b)
			to := target(f.Register())
			n := &push.Notification{ID: "id", Mode: push.Alert, Title: "Ada", Subtitle: "Engines", Body: "On the analytical one", Collapse: "m1"}
			if o := s.Send(b.Context(), to, n); o.Result != push.Accepted {
				b.Fatalf("%+v", o)
			}
			b.ReportAllocs()
			b.ResetTimer()
			var all sync.WaitGroup
			work := make(chan struct{})
			for range c.senders {
				all.Go(func() {
					for range work {
						if o := s.Send(b.Context(), to, n); o.Result != push.Accepted {
							b.Errorf("%+v", o)
						}
					}
				})
			}
			for range b.N {
				work <- struct{}{}
			}
			close(work)
			all.Wait()
			b.StopTimer()
			if got := len(f.Deliveries()); got != b.N+1 {
				b.Errorf("%d of %d arrived", got, b.N+1)
			}
		})
	}
}

// BenchmarkMessage measures the making of a message alone.
func BenchmarkMessage(b *testing.B) {
	n := &push.Notification{ID: "id", Mode: push.Alert, Title: "Ada", Subtitle: "Engines", Body: "On the analytical one", Collapse: "m1"}
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if m, o := newMessage("token", n, now); m == nil {
			b.Fatalf("%+v", o)
		}
	}
}
