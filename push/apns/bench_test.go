package apns_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"martlet/push"
)

// The work that wakes ten thousand devices: both ends, TLS and HTTP/2 included.
// Run it with -cpu 1.
func BenchmarkTenThousandDevices(b *testing.B) {
	const devices, workers = 10_000, 200
	r := newRig(b)
	tokens := make([]string, devices)
	for i := range tokens {
		tokens[i] = r.service.Install(topic)
	}
	r.accept(b, alert())
	b.ReportAllocs()
	for b.Loop() {
		before := r.service.Taken()
		queue := make(chan string, devices)
		for _, token := range tokens {
			queue <- token
		}
		close(queue)
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for token := range queue {
					n := &push.Notification{
						ID: uuid.NewString(), Collapse: "c1", Mode: push.Alert, High: true, Expires: time.Now().Add(time.Hour),
						Title: "Ada Lovelace", Subtitle: "The engine", Body: "It runs, and does what we tell it.", Account: "a1", Message: "m1",
					}
					if o := r.sender.Send(b.Context(), push.Target{Kind: push.APNs, App: "mail", Token: token}, n); o.Result != push.Accepted {
						b.Errorf("outcome %+v", o)
					}
				}
			})
		}
		wg.Wait()
		if n := r.service.Taken() - before; n != devices {
			b.Fatalf("%d of %d arrived", n, devices)
		}
	}
	b.ReportMetric(float64(devices)*float64(b.N)/b.Elapsed().Seconds(), "devices/s")
}
