package apns_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"martlet/push"
	"martlet/push/apns"
)

// phones is a book of devices that are to be told of a message after every
// change: an alert, as most apps register for.
type phones struct {
	tokens   []string
	settled  atomic.Int64
	accepted atomic.Int64
	done     chan struct{} // all have been settled once more
}

func (p *phones) Subscriptions(context.Context) iter.Seq2[push.Subscription, error] {
	return func(yield func(push.Subscription, error) bool) {
		for id := range p.tokens {
			if !yield(push.Subscription{ID: uint64(id), Mailbox: uint64(id), Folders: push.FoldersOf(5), Kind: push.APNs, App: "mail"}, nil) {
				return
			}
		}
	}
}

func (p *phones) Plan(_ context.Context, id uint64, ask push.Ask) (push.Plan, error) {
	unread := 3
	return push.Plan{
		Target: push.Target{Kind: push.APNs, App: "mail", Token: p.tokens[id]},
		Notification: &push.Notification{
			Collapse: "bWVzc2FnZQ", Mode: push.Alert, High: true, Expires: ask.Now.Add(time.Hour),
			Title: "Ida Marsh", Subtitle: "Minutes of Monday", Body: "Here is what we agreed on, with the figures for March.",
			Unread: &unread, Account: "work", Message: "bWVzc2FnZQ",
		},
		Mark: 1,
	}, nil
}

func (p *phones) Settle(_ context.Context, _ uint64, _ *push.Plan, o push.Outcome, _ bool) error {
	if o.Result == push.Accepted {
		p.accepted.Add(1)
	}
	if p.settled.Add(1)%int64(len(p.tokens)) == 0 {
		p.done <- struct{}{}
	}
	return nil
}

// Apps woken through the local APNs, from the publish of each mailbox's change
// to the last answer, the service's own work included. The first storm finds no
// connection and a service that has not answered yet.
func BenchmarkWakeApps(b *testing.B) {
	for _, devices := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("devices=%d", devices), func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			r := newRig(b, func(c *apns.Config) { c.Log = nil })
			book := &phones{done: make(chan struct{}, 1)}
			for range devices {
				book.tokens = append(book.tokens, r.service.Install(topic))
			}
			hub := push.NewHub()
			n := push.NewNotifier(push.NotifierConfig{
				Hub: hub, Book: book, Senders: map[push.Kind]push.Sender{push.APNs: r.sender},
				Limits: push.Limits{Interval: time.Nanosecond},
			})
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error)
			go func() { ended <- n.Run(ctx) }()
			for hub.Waiting() < devices {
				runtime.Gosched()
			}
			storm := func() {
				for id := range book.tokens {
					hub.Publish(uint64(id), 5)
				}
				<-book.done
			}
			began := time.Now()
			storm()
			first := time.Since(began)
			b.ReportAllocs()
			for b.Loop() {
				storm()
			}
			b.ReportMetric(float64(first.Microseconds())/1000, "ms-first")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/storm")
			cancel()
			if err := <-ended; err != nil {
				b.Error(err)
			}
			if got, want := book.accepted.Load(), book.settled.Load(); got != want || int64(r.service.Taken()) != want {
				b.Errorf("%d of %d accepted, the service took %d", got, want, r.service.Taken())
			}
		})
	}
}
