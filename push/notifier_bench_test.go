package push_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"martlet/push"
)

// everyone is a book of so many devices, each alone on its mailbox, which always
// has something to tell and costs as little as possible.
type everyone struct {
	devices uint64
	app     string
	settled atomic.Int64
	done    chan struct{} // when all have been settled once more
}

func (b *everyone) Subscriptions(context.Context) iter.Seq2[push.Subscription, error] {
	return func(yield func(push.Subscription, error) bool) {
		for id := range b.devices {
			if !yield(push.Subscription{ID: id, Mailbox: id, Folders: push.FoldersOf(5), Kind: push.APNs, App: b.app}, nil) {
				return
			}
		}
	}
}

func (b *everyone) Plan(_ context.Context, id uint64, ask push.Ask) (push.Plan, error) {
	return push.Plan{
		Target:       push.Target{Kind: push.APNs, App: b.app},
		Notification: &push.Notification{Collapse: "news", Mode: push.Silent, Expires: ask.Now.Add(time.Hour)},
		Mark:         1,
	}, nil
}

func (b *everyone) Settle(context.Context, uint64, *push.Plan, push.Outcome, bool) error {
	if b.settled.Add(1)%int64(b.devices) == 0 {
		b.done <- struct{}{}
	}
	return nil
}

// atOnce accepts everything.
type atOnce struct{}

func (atOnce) Send(context.Context, push.Target, *push.Notification) push.Outcome {
	return push.Outcome{Result: push.Accepted, Status: 200}
}

// never answers.
type silence struct{}

func (silence) Send(ctx context.Context, _ push.Target, _ *push.Notification) push.Outcome {
	<-ctx.Done()
	return push.Outcome{Result: push.Retry, Reason: "timeout"}
}

// attach runs a notifier over a book and waits until it follows everyone.
func attach(b *testing.B, book *everyone, s push.Sender, l push.Limits) (*push.Hub, *push.Notifier) {
	hub := push.NewHub()
	n := push.NewNotifier(push.NotifierConfig{Hub: hub, Book: book, Senders: apns(s), Limits: l})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	for hub.Waiting() < int(book.devices) {
		runtime.Gosched()
	}
	return hub, n
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// What a registered device costs in memory: at rest, due behind a service that
// does not answer, and after a storm.
func BenchmarkNotifierMemory(b *testing.B) {
	const devices = 100_000
	for b.Loop() {
		book := &everyone{devices: devices, app: "mail", done: make(chan struct{}, 1)}
		empty := heap()
		hub, n := attach(b, book, silence{}, push.Limits{})
		rest := heap()
		for id := range uint64(devices) {
			hub.Publish(id, 5)
		}
		for st := n.Stats(); st.Due+st.InFlight < devices; st = n.Stats() {
			runtime.Gosched()
		}
		due := heap()
		b.ReportMetric(float64(rest-empty)/devices, "B/device")
		b.ReportMetric(float64(due-empty)/devices, "B/due-device")
		runtime.KeepAlive(n)
	}
}

// What a publish costs a delivery while a notifier follows 100,000 devices, and
// their service does not answer.
func BenchmarkNotifierPublish(b *testing.B) {
	for _, c := range []struct {
		name  string
		boxes uint64
	}{{"one mailbox", 1}, {"all mailboxes", 100_000}} {
		b.Run(c.name, func(b *testing.B) {
			book := &everyone{devices: 100_000, app: "mail", done: make(chan struct{}, 1)}
			hub, _ := attach(b, book, silence{}, push.Limits{})
			b.ReportAllocs()
			id := uint64(0)
			for b.Loop() {
				hub.Publish(id%c.boxes, 5)
				id++
			}
		})
	}
}

// The notifier's own share of waking devices: book and service cost nothing.
func BenchmarkNotifierWake(b *testing.B) {
	for _, devices := range []uint64{1, 10_000} {
		b.Run(fmt.Sprintf("devices=%d", devices), func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			book := &everyone{devices: devices, app: "mail", done: make(chan struct{}, 1)}
			hub, _ := attach(b, book, atOnce{}, push.Limits{Gather: 1, Interval: 1})
			b.ReportAllocs()
			for b.Loop() {
				for id := range devices {
					hub.Publish(id, 5)
				}
				<-book.done
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(devices), "ns/device")
		})
	}
}
