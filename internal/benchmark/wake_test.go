package benchmark

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/internal/process"
	"martlet/protocol/eas"
)

// heldPhones is how many phones hold a Ping while one is woken.
const heldPhones = 1000

// holder is one phone that holds a Ping.
type holder struct {
	phone *phone.Phone
	inbox string
	woken chan time.Time
}

// hold sends a Ping and tells when it was answered.
func (h *holder) hold(ctx context.Context, b *testing.B) {
	go func() {
		got, err := h.phone.Ping(ctx, 30*time.Minute, h.inbox)
		at := time.Now()
		if ctx.Err() != nil {
			return
		}
		if err != nil || got.Status != eas.PingStatusChanges {
			b.Errorf("Ping: status %v, %v", got.Status, err)
		}
		h.woken <- at
	}()
}

// BenchmarkWake measures the time from reading SMTP's 250 to the answer of the
// held Ping, with 1,000 phones held. It is negative where the answer overtakes
// the 250. The time of an iteration is the whole delivery.
func BenchmarkWake(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	in := process.Install(b)
	settle(b, in, heldPhones)
	server := in.Start(ctx)
	defer func() {
		cancel() // first: the Pings that end now are no failures
		server.Kill()
	}()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: heldPhones}}
	defer client.CloseIdleConnections()
	holders := make([]*holder, heldPhones)
	var setUp sync.WaitGroup
	next := make(chan int)
	for range 8 {
		setUp.Go(func() {
			for i := range next {
				h := &holder{phone: newPhone(b, in, client, i), woken: make(chan time.Time, 1)}
				if err := h.begin(ctx); err != nil {
					b.Error(err)
				}
				holders[i] = h
			}
		})
	}
	for i := range heldPhones {
		next <- i
	}
	close(next)
	setUp.Wait()
	if b.Failed() {
		b.FailNow()
	}
	for _, h := range holders {
		h.hold(ctx, b)
	}
	s := dial(b, in.SMTP)
	var after []time.Duration
	n := 0
	for b.Loop() {
		b.StopTimer()
		i := rand.IntN(heldPhones)
		h := holders[i]
		n++
		body := message(fmt.Sprintf("wake %d", n), 2000)
		b.StartTimer()
		s.send(body, login(i))
		accepted := time.Now()
		answered := <-h.woken
		b.StopTimer()
		after = append(after, answered.Sub(accepted))
		if got, err := h.phone.Sync(ctx, h.inbox, phone.SyncOptions{KeepNoMail: true}); err != nil || got.Adds != 1 {
			b.Fatalf("Sync after the wake: %+v, %v", got, err)
		}
		h.hold(ctx, b)
		b.StartTimer()
	}
	slices.Sort(after)
	b.ReportMetric(float64(after[len(after)/2].Microseconds()), "µs/wake-p50")
	b.ReportMetric(float64(after[len(after)*99/100].Microseconds()), "µs/wake-p99")
}

// begin sets the phone up to the point where it pings.
func (h *holder) begin(ctx context.Context) error {
	if _, err := h.phone.Provision(ctx); err != nil {
		return err
	}
	if _, err := h.phone.FolderSync(ctx); err != nil {
		return err
	}
	f, err := h.phone.Folder(eas.FolderInbox)
	if err != nil {
		return err
	}
	h.inbox = f.ServerID
	_, err = h.phone.Sync(ctx, h.inbox, phone.SyncOptions{All: true})
	return err
}
