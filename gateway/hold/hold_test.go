package hold_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"martlet/gateway/hold"
	"martlet/push"
)

// held starts a request that waits for folder 1 of mailbox 7 and tells what
// became of it.
func held(h *hold.Holder, hub *push.Hub, ctx context.Context, key string, timeout time.Duration, answer func(hold.Reason) (hold.Answer, bool, error)) <-chan result {
	c := make(chan result, 1)
	r, err := http.NewRequestWithContext(ctx, "POST", "/", nil)
	if err != nil {
		panic(err)
	}
	w := hub.Watch(7, 1)
	go func() {
		a, err := h.Hold(r, hold.Parked{Key: key, Watch: w, Timeout: timeout, Answer: func(_ context.Context, why hold.Reason) (hold.Answer, bool, error) {
			return answer(why)
		}})
		c <- result{a, err}
	}()
	return c
}

type result struct {
	answer hold.Answer
	err    error
}

func say(body string) (hold.Answer, bool, error) { return hold.Answer{Body: []byte(body)}, true, nil }

func TestAChangeIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, hub := hold.New(hold.Config{}), push.NewHub()
		start := time.Now()
		c := held(h, hub, t.Context(), "a", time.Hour, func(why hold.Reason) (hold.Answer, bool, error) {
			if why != hold.Woken {
				t.Errorf("asked with %v, want Woken", why)
			}
			return say("changed")
		})
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
		h, hub := hold.New(hold.Config{}), push.NewHub()
		asked := 0
		c := held(h, hub, t.Context(), "a", time.Hour, func(why hold.Reason) (hold.Answer, bool, error) {
			asked++
			if why == hold.TimedOut {
				return say("nothing")
			}
			return hold.Answer{}, false, nil
		})
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
		h, hub := hold.New(hold.Config{}), push.NewHub()
		ctx, hangUp := context.WithCancel(t.Context())
		c := held(h, hub, ctx, "a", time.Hour, func(hold.Reason) (hold.Answer, bool, error) {
			t.Error("asked for an answer nobody will read")
			return say("")
		})
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
		h, hub := hold.New(hold.Config{}), push.NewHub()
		answer := func(why hold.Reason) (hold.Answer, bool, error) {
			if why != hold.Stopping {
				t.Errorf("asked with %v, want Stopping", why)
			}
			return say("bye")
		}
		c1, c2 := held(h, hub, t.Context(), "a", time.Hour, answer), held(h, hub, t.Context(), "b", time.Hour, answer)
		synctest.Wait()
		h.Stop()
		h.Stop()
		for _, c := range []<-chan result{c1, c2, held(h, hub, t.Context(), "c", time.Hour, answer)} {
			if r := <-c; string(r.answer.Body) != "bye" {
				t.Errorf("got %q, %v", r.answer.Body, r.err)
			}
		}
	})
}

func TestAParkedRequestIsNotAtWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		atWork := make(chan struct{}, 1)
		atWork <- struct{}{}
		h := hold.New(hold.Config{Park: func() { <-atWork }, Resume: func() { atWork <- struct{}{} }})
		hub := push.NewHub()
		c := held(h, hub, t.Context(), "a", time.Hour, func(hold.Reason) (hold.Answer, bool, error) {
			if len(atWork) != 1 {
				t.Error("answers without a place at work")
			}
			return say("x")
		})
		synctest.Wait()
		if len(atWork) != 0 {
			t.Error("a parked request takes a place")
		}
		hub.Publish(7, 1)
		<-c
	})
}

func TestANewerRequestOfThePhoneEndsTheOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, hub := hold.New(hold.Config{}), push.NewHub()
		answer := func(why hold.Reason) (hold.Answer, bool, error) {
			if why == hold.Superseded {
				return say("old")
			}
			return say("new")
		}
		older := held(h, hub, t.Context(), "phone", time.Hour, answer)
		other := held(h, hub, t.Context(), "other phone", time.Hour, answer)
		synctest.Wait()
		newer := held(h, hub, t.Context(), "phone", time.Hour, answer)
		if r := <-older; string(r.answer.Body) != "old" {
			t.Errorf("the older got %q, %v", r.answer.Body, r.err)
		}
		synctest.Wait()
		if n := h.Waiting(); n != 2 {
			t.Errorf("%d held, want the newer and the other phone's", n)
		}
		hub.Publish(7, 1)
		for _, c := range []<-chan result{newer, other} {
			if r := <-c; string(r.answer.Body) != "new" {
				t.Errorf("got %q, %v", r.answer.Body, r.err)
			}
		}
	})
}
