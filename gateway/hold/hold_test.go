package hold_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"martlet/gateway/hold"
	"martlet/push"
)

// phone answers with what say returns, and tells how it ended.
type phone struct {
	name  string
	say   func(hold.Reason) (string, bool)
	ended chan hold.End
}

func newPhone(name string, say func(hold.Reason) (string, bool)) *phone {
	return &phone{name: name, say: say, ended: make(chan hold.End, 10)}
}

func (p *phone) Answer(_ context.Context, why hold.Reason) (hold.Answer, bool) {
	body, done := p.say(why)
	return hold.Answer{Body: []byte(body), Header: http.Header{"Content-Type": {"text/plain"}}}, done
}
func (p *phone) Phone() (string, uint8) { return p.name, 18 }
func (p *phone) State() []byte          { return []byte(p.name) }
func (p *phone) Ended(e hold.End)       { p.ended <- e }

// always answers with the same, whatever the reason.
func always(body string) func(hold.Reason) (string, bool) {
	return func(hold.Reason) (string, bool) { return body, true }
}

type result struct {
	answer hold.Answer
	err    error
}

// held starts a request that waits in its goroutine for folder 1 of mailbox 7.
func held(h *hold.Holder, ctx context.Context, timeout time.Duration, p *phone) <-chan result {
	c := make(chan result, 1)
	go func() {
		r := h.Expect(7, push.FoldersOf(1), p)
		defer r.Cancel()
		a, err := r.Park(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "POST", "/", nil), timeout)
		c <- result{a, err}
	}()
	return c
}

func TestAChangeIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := push.NewHub()
		h := hold.New(hold.Config{Hub: hub})
		start := time.Now()
		c := held(h, t.Context(), time.Hour, newPhone("a", func(why hold.Reason) (string, bool) {
			if why != hold.Woken {
				t.Errorf("asked with %v, want Woken", why)
			}
			return "changed", true
		}))
		synctest.Wait()
		if n := h.Waiting(); n != 1 {
			t.Errorf("%d held, want 1", n)
		}
		hub.Publish(7, 2) // another folder: not for this phone
		synctest.Wait()
		if n := h.Waiting(); n != 1 {
			t.Errorf("woken by another folder")
		}
		hub.Publish(7, 1)
		if r := <-c; string(r.answer.Body) != "changed" || r.err != nil {
			t.Errorf("got %q, %v", r.answer.Body, r.err)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("took %v", d)
		}
		if h.Waiting() != 0 || hub.Waiting() != 0 {
			t.Errorf("%d held and %d watches left over", h.Waiting(), hub.Waiting())
		}
	})
}

func TestAWakeWithNothingForThePhoneKeepsItParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := push.NewHub()
		h := hold.New(hold.Config{Hub: hub})
		asked := 0
		c := held(h, t.Context(), time.Hour, newPhone("a", func(why hold.Reason) (string, bool) {
			asked++
			return "nothing", why == hold.TimedOut
		}))
		start := time.Now()
		for range 3 {
			synctest.Wait()
			hub.Publish(7, 1)
		}
		if r := <-c; string(r.answer.Body) != "nothing" {
			t.Errorf("got %q, %v", r.answer.Body, r.err)
		}
		if d := time.Since(start); d != time.Hour {
			t.Errorf("answered after %v, want the whole hour", d)
		}
		if asked != 4 {
			t.Errorf("asked %d times, want 3 wakes and the end", asked)
		}
	})
}

func TestAClientThatHangsUpIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := push.NewHub()
		h := hold.New(hold.Config{Hub: hub})
		ctx, hangUp := context.WithCancel(t.Context())
		c := held(h, ctx, time.Hour, newPhone("a", func(hold.Reason) (string, bool) {
			t.Error("asked for an answer nobody will read")
			return "", true
		}))
		synctest.Wait()
		hangUp()
		if r := <-c; !errors.Is(r.err, hold.ErrGone) {
			t.Errorf("got %v, want ErrGone", r.err)
		}
		if hub.Waiting() != 0 {
			t.Error("the watch is left over")
		}
	})
}

func TestStoppingAnswersEveryHeldPhone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold.New(hold.Config{Hub: push.NewHub()})
		say := func(why hold.Reason) (string, bool) {
			if why != hold.Stopping {
				t.Errorf("asked with %v, want Stopping", why)
			}
			return "bye", true
		}
		c1, c2 := held(h, t.Context(), time.Hour, newPhone("a", say)), held(h, t.Context(), time.Hour, newPhone("b", say))
		synctest.Wait()
		h.Stop()
		h.Stop()
		for _, c := range []<-chan result{c1, c2, held(h, t.Context(), time.Hour, newPhone("c", say))} {
			if r := <-c; string(r.answer.Body) != "bye" {
				t.Errorf("got %q, %v", r.answer.Body, r.err)
			}
		}
	})
}

func TestAHeldRequestIsNotAtWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		atWork := make(chan struct{}, 1)
		atWork <- struct{}{}
		hub := push.NewHub()
		h := hold.New(hold.Config{Hub: hub, Park: func() { <-atWork }, Resume: func() { atWork <- struct{}{} }})
		c := held(h, t.Context(), time.Hour, newPhone("a", func(hold.Reason) (string, bool) {
			if len(atWork) != 1 {
				t.Error("answers without a place at work")
			}
			return "x", true
		}))
		synctest.Wait()
		if len(atWork) != 0 {
			t.Error("a held request takes a place")
		}
		hub.Publish(7, 1)
		<-c
	})
}

func TestANewerRequestOfThePhoneEndsTheOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := push.NewHub()
		h := hold.New(hold.Config{Hub: hub})
		say := func(why hold.Reason) (string, bool) {
			if why == hold.Superseded {
				return "old", true
			}
			return "new", true
		}
		older := held(h, t.Context(), time.Hour, newPhone("phone", say))
		other := held(h, t.Context(), time.Hour, newPhone("other phone", say))
		synctest.Wait()
		newer := held(h, t.Context(), time.Hour, newPhone("phone", say))
		if r := <-older; string(r.answer.Body) != "old" {
			t.Errorf("the older got %q, %v", r.answer.Body, r.err)
		}
		synctest.Wait()
		if n := h.Waiting(); n != 2 {
			t.Errorf("%d held, want the newer and the other phone's", n)
		}
		if !h.Holding(7, "phone") || !h.Holding(7, "other phone") || h.Holding(7, "stranger") || h.Holding(8, "phone") {
			t.Error("does not know who is held")
		}
		hub.Publish(7, 1)
		for _, c := range []<-chan result{newer, other} {
			if r := <-c; string(r.answer.Body) != "new" {
				t.Errorf("got %q, %v", r.answer.Body, r.err)
			}
		}
	})
}

// What happens between the look at the log and the wait is not lost.
func TestAChangeBeforeTheWaitIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := push.NewHub()
		h := hold.New(hold.Config{Hub: hub})
		r := h.Expect(7, push.FoldersOf(1), newPhone("a", always("changed")))
		defer r.Cancel()
		hub.Publish(7, 1)
		synctest.Wait()
		a, err := r.Park(httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil), time.Hour)
		if string(a.Body) != "changed" || err != nil {
			t.Errorf("got %q, %v", a.Body, err)
		}
	})
}

func TestACancelledRequestIsNotWoken(t *testing.T) {
	hub := push.NewHub()
	h := hold.New(hold.Config{Hub: hub})
	r := h.Expect(7, push.FoldersOf(1), newPhone("a", always("x")))
	r.Cancel()
	r.Cancel()
	if hub.Waiting() != 0 || h.Holding(7, "a") {
		t.Error("it waits still")
	}
}

// Whatever comes together, each request is answered once.
func TestSignalsFromEverywhereAnswerOnce(t *testing.T) {
	hub := push.NewHub()
	h := hold.New(hold.Config{Hub: hub})
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := held(h, ctx, time.Hour, newPhone(string(rune('a'+i%7)), always("x")))
			switch i % 3 {
			case 0:
				cancel()
			default:
				hub.Publish(7, 1)
			}
			if i%50 == 49 {
				h.Stop()
			}
			_ = c
		})
	}
	wg.Wait()
	h.Stop()
	for h.Waiting() != 0 {
		hub.Publish(7, 1)
	}
}
