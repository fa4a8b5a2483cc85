package hold_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"martlet/gateway/hold"
	"martlet/push"
)

// packets is a socket pair that carries parcels.
func packets(t *testing.T) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "")
		c, err := net.FileConn(f)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		ends[i] = c.(*net.UnixConn)
		t.Cleanup(func() { c.Close() })
	}
	return ends[0], ends[1]
}

// leave has a house give up what it holds, as at an upgrade.
func (h *house) leave() []*hold.Parcel {
	h.t.Helper()
	h.holder.Leave()
	if err := h.server.Shutdown(context.Background()); err != nil {
		h.t.Fatal(err)
	}
	return h.holder.Detach()
}

// adopt has a house go on with parcels.
func (h *house) adopt(parcels []*hold.Parcel) {
	h.t.Helper()
	for _, p := range parcels {
		var err error
		if p.State == nil {
			err = h.holder.Adopt(p, h.open, 0, 0, nil)
		} else {
			a := newPhone(string(p.State), h.say)
			a.ended = h.ended
			err = h.holder.Adopt(p, h.open, 7, push.FoldersOf(1), a, h.also...)
		}
		if err != nil {
			h.t.Error(err)
		}
	}
}

// pass carries parcels to another holder as to another process.
func pass(t *testing.T, parcels []*hold.Parcel) ([]*hold.Parcel, *hold.Relay) {
	t.Helper()
	from, to := packets(t)
	sent := make(chan error, 1)
	go func() {
		err := hold.Send(from, parcels)
		from.Close()
		sent <- err
	}()
	got, err := hold.Receive(to)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	relay, err := hold.Release(parcels)
	if err != nil {
		t.Fatal(err)
	}
	return got, relay
}

// ask woken: nothing is new until the test says so.
func quietUntil(news *atomic.Bool) func(hold.Reason) (string, bool) {
	return func(why hold.Reason) (string, bool) {
		return fmt.Sprint("answer ", why), why != hold.Woken || news.Load()
	}
}

func TestParkedPhonesAreHandedOver(t *testing.T) {
	for _, overTLS := range []bool{false, true} {
		t.Run(fmt.Sprint("TLS ", overTLS), func(t *testing.T) {
			var news atomic.Bool
			before, after := build(t, hold.Config{}, overTLS), build(t, hold.Config{}, overTLS)
			before.say, after.say = quietUntil(&news), quietUntil(&news)
			var phones []*handset
			for i := range 50 {
				p := before.dial(0)
				p.ask(fmt.Sprintf("/hold/%d", i))
				phones = append(phones, p)
			}
			before.wantHeld(50)
			got, relay := pass(t, before.leave())
			if len(got) != 50 {
				t.Fatalf("%d parcels, want 50", len(got))
			}
			for _, p := range got {
				if p.Left < 59*time.Minute || p.Left > time.Hour+time.Second {
					t.Fatalf("%v are left", p.Left)
				}
			}
			after.adopt(got)
			after.wantHeld(50)
			if want := map[bool]int{false: 0, true: 50}[overTLS]; relay.Left() != want {
				t.Errorf("%d connections are relayed, want %d", relay.Left(), want)
			}
			if got := <-held(before.holder, t.Context(), time.Hour, newPhone("late", always("x"))); got.err != nil {
				t.Errorf("the server before: %v", got.err)
			}
			news.Store(true)
			after.hub.Publish(7, 1)
			for _, p := range phones {
				if resp := p.want("answer 0"); resp.Close != overTLS {
					t.Errorf("the connection ends: %t", resp.Close)
				}
			}
			if !overTLS { // the connection is good for more
				phones[0].ask("/now")
				phones[0].want("at once, TLS false")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := relay.Wait(ctx); err != nil {
				t.Errorf("%d are still relayed", relay.Left())
			}
		})
	}
}

// What happened while nobody looked is told at once.
func TestAChangeBetweenTwoServersIsNotLost(t *testing.T) {
	var news atomic.Bool
	before, after := build(t, hold.Config{}, false), build(t, hold.Config{}, false)
	before.say, after.say = quietUntil(&news), quietUntil(&news)
	p := before.dial(0)
	p.ask("/hold/a")
	before.wantHeld(1)
	parcels := before.leave()
	news.Store(true)
	got, _ := pass(t, parcels)
	after.adopt(got)
	p.want("answer 0")
}

func TestAPhoneThatThinksIsHandedOver(t *testing.T) {
	for _, overTLS := range []bool{false, true} {
		before, after := build(t, hold.Config{}, overTLS), build(t, hold.Config{}, overTLS)
		p := before.dial(0)
		p.ask("/hold/a")
		before.wantHeld(1)
		before.hub.Publish(7, 1)
		p.want("answer 0")
		got, _ := pass(t, before.leave())
		after.adopt(got)
		p.ask("/now")
		p.want("at once, TLS false")
	}
}

// A phone that asks while its server leaves is answered by the next one.
func TestARequestInTheGapIsAnswered(t *testing.T) {
	before, after := build(t, hold.Config{}, false), build(t, hold.Config{}, false)
	p := before.dial(0)
	p.ask("/hold/a")
	before.wantHeld(1)
	before.hub.Publish(7, 1)
	p.want("answer 0")
	before.holder.Leave()
	p.ask("/now")
	got, _ := pass(t, before.leave())
	after.adopt(got)
	p.want("at once, TLS false")
}

// When the other process cannot serve, this one goes on.
func TestParcelsThatWereSentCanBeTakenBack(t *testing.T) {
	for _, overTLS := range []bool{false, true} {
		before, again := build(t, hold.Config{}, overTLS), build(t, hold.Config{}, overTLS)
		var news atomic.Bool
		before.say, again.say = quietUntil(&news), quietUntil(&news)
		p := before.dial(0)
		p.ask("/hold/a")
		before.wantHeld(1)
		parcels := before.leave()
		from, to := packets(t)
		if err := hold.Send(from, parcels); err != nil {
			t.Fatal(err)
		}
		to.Close() // and the process with it
		from.Close()
		again.adopt(parcels)
		again.wantHeld(1)
		news.Store(true)
		again.hub.Publish(7, 1)
		if resp := p.want("answer 0"); resp.Close {
			t.Error("the connection was not given away, but ends")
		}
		p.ask("/now")
		p.want(fmt.Sprintf("at once, TLS %t", overTLS))
	}
}

func TestHangingUpIsNoticedThroughARelay(t *testing.T) {
	var news atomic.Bool
	before, after := build(t, hold.Config{}, true), build(t, hold.Config{}, true)
	before.say, after.say = quietUntil(&news), quietUntil(&news)
	p := before.dial(0)
	p.ask("/hold/a")
	before.wantHeld(1)
	got, relay := pass(t, before.leave())
	after.adopt(got)
	after.wantHeld(1)
	p.conn.Close()
	after.wantHeld(0)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := relay.Wait(ctx); err != nil {
		t.Error(err)
	}
}

func TestBrokenParcelsAreRefused(t *testing.T) {
	for name, send := range map[string]func(*net.UnixConn) error{
		"no socket": func(c *net.UnixConn) error { _, err := c.Write([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0}); return err },
		"another version": func(c *net.UnixConn) error {
			_, _, err := c.WriteMsgUnix([]byte{2}, unix.UnixRights(0), nil)
			return err
		},
		"too large": func(c *net.UnixConn) error {
			_, _, err := c.WriteMsgUnix(append([]byte{1}, make([]byte, 5000)...), unix.UnixRights(0), nil)
			return err
		},
		"two sockets": func(c *net.UnixConn) error {
			_, _, err := c.WriteMsgUnix(make([]byte, 10), unix.UnixRights(0, 1), nil)
			return err
		},
	} {
		from, to := packets(t)
		if err := send(from); err != nil {
			t.Fatal(err)
		}
		from.Close()
		if got, err := hold.Receive(to); err == nil || len(got) != 0 {
			t.Errorf("%s: %d parcels, %v", name, len(got), err)
		}
	}
}

func TestARequestThroughARelayIsKnown(t *testing.T) {
	if hold.Relayed(&http.Request{}) {
		t.Error("a request of nowhere")
	}
}
