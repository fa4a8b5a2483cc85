package apns_test

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/push"
	"martlet/push/apns"
	"martlet/push/pushtest"
)

// hasty is for faults that end with a timeout.
func hasty(c *apns.Config) { c.Timeout = 150 * time.Millisecond }

func TestAServiceThatFailsIsTriedAgainAndThenServes(t *testing.T) {
	for name, fault := range map[string]pushtest.Fault{
		"a reset stream": pushtest.ResetStream, "a reset connection": pushtest.HangUp, "garbage": pushtest.Garbage,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.accept(t, alert()) // on a connection that works
			r.service.Script(pushtest.Answer{Fault: fault})
			if o := r.send(t, alert()); o.Result != push.Retry || o.Status != 0 || o.Reason == "" {
				t.Errorf("outcome %+v, want to try again", o)
			}
			r.accept(t, alert())
			r.silent(t)
		})
	}
}

// "The payload of the GOAWAY frame includes JSON data with a reason key."
func TestAConnectionThatIsThrownOutSaysWhy(t *testing.T) {
	r := newRig(t)
	for reason, want := range map[string]push.Result{
		"BadCertificate": push.BadApp, "IdleTimeout": push.Retry, "Shutdown": push.Retry,
		"BadDeviceToken": push.Retry, // of too many devices, not of this one
		"SomethingNew":   push.Retry,
	} {
		r.accept(t, alert())
		r.service.Script(pushtest.Answer{Fault: pushtest.ThrowOut, Reason: reason})
		if o := r.send(t, alert()); o.Result != want || o.Reason != reason || o.Status != 0 {
			t.Errorf("outcome %+v, want %s %s", o, want, reason)
		}
	}
	r.accept(t, alert())
}

func TestAnAnswerWithoutAnEndHoldsNobodyLongerThanTheTimeout(t *testing.T) {
	r := newRig(t, hasty)
	r.service.Script(pushtest.Answer{Fault: pushtest.HalfAnswer, Status: 410, Body: []byte(`{"reason":"Unreg`)})
	if o := r.send(t, alert()); o.Result != push.Retry || o.Reason != "timeout" {
		t.Errorf("outcome %+v, want a timeout", o)
	}
	r.eventually(t)
}

func TestAServiceThatFailsAtOnceIsNotStormed(t *testing.T) {
	r := newRig(t)
	r.service.Always(&pushtest.Answer{Fault: pushtest.HangUp})
	for range 50 {
		if o := r.send(t, alert()); o.Result != push.Retry {
			t.Fatalf("outcome %+v, want to try again", o)
		}
	}
	if n := r.service.Connections(); n > 3 {
		t.Errorf("%d connections for 50 attempts in a moment", n)
	}
	r.service.Always(nil)
	r.eventually(t)
	r.silent(t)
}

// eventually waits until the service takes notifications again.
func (r *rig) eventually(t testing.TB) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		if o := r.send(t, alert()); o.Result == push.Accepted {
			return
		} else if o.Result != push.Retry {
			t.Fatalf("outcome %+v, want to try again", o)
		}
		select {
		case <-deadline:
			t.Fatal("never taken again")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// silent checks that the log gives nothing away.
func (r *rig) silent(t testing.TB) {
	t.Helper()
	for _, secret := range []string{r.token, r.token[:16], "bearer", "eyJ", "PRIVATE", "Ada", "Engine", "127.0.0.1"} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("%q is in the log: %s", secret, r.log)
		}
	}
}

func TestNothingIsSentTwiceWhenTheServiceRefusesToLook(t *testing.T) {
	for name, fault := range map[string]pushtest.Fault{"a refused stream": pushtest.Refuse, "GOAWAY": pushtest.GoAway} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.accept(t, alert())
			r.service.Script(pushtest.Answer{Fault: fault})
			n := alert()
			if o := r.send(t, n); o.Result != push.Accepted || o.ID != n.ID {
				t.Errorf("outcome %+v, want it accepted at the second attempt", o)
			}
			if got := len(r.service.Deliveries(r.token)); got != 2 {
				t.Errorf("%d deliveries, want 2", got)
			}
		})
	}
}

func TestGoAwayBetweenNotificationsCostsNone(t *testing.T) {
	r := newRig(t)
	for range 5 {
		r.accept(t, alert())
		r.service.GoAway("Shutdown")
		r.accept(t, alert())
	}
}

// What is under way when the service says GOAWAY is answered, and what comes
// meanwhile goes over another connection.
func TestGoAwayLetsWhatIsUnderWayEnd(t *testing.T) {
	r := newRig(t)
	r.accept(t, alert())
	r.service.Script(pushtest.Answer{Delay: 200 * time.Millisecond})
	slow := make(chan push.Outcome)
	before := r.service.Requests()
	go func() { slow <- r.send(t, alert()) }()
	r.until(t, func() bool { return r.service.Requests() > before })
	r.service.GoAway("Shutdown")
	r.eventually(t)
	if o := <-slow; o.Result != push.Accepted {
		t.Errorf("the one under way: %+v", o)
	}
	if n := r.service.Connections(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

// until waits for a condition of the service.
func (r *rig) until(t testing.TB, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("it never came to that")
		}
		runtime.Gosched()
	}
}

func TestAHangingServiceHoldsNobodyLongerThanTheTimeout(t *testing.T) {
	r := newRig(t, hasty)
	r.service.Always(&pushtest.Answer{Fault: pushtest.NoAnswer})
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			if o := r.sender.Send(ctx, r.target(), alert()); o.Result != push.Retry {
				t.Errorf("outcome %+v, want to try again", o)
			}
			if ctx.Err() != nil {
				t.Error("it took the caller's time, not its own")
			}
		})
	}
	wg.Wait()
	if n := r.service.Requests(); n > 5 {
		t.Errorf("%d requests went to a service that does not answer", n)
	}
	r.service.Always(nil)
	r.eventually(t)
}

func TestTheCallersDeadlineEndsIt(t *testing.T) {
	r := newRig(t)
	r.service.Always(&pushtest.Answer{Fault: pushtest.NoAnswer})
	ctx, cancel := context.WithCancel(t.Context())
	before := r.service.Requests()
	done := make(chan push.Outcome)
	go func() { done <- r.sender.Send(ctx, r.target(), alert()) }()
	r.until(t, func() bool { return r.service.Requests() > before })
	cancel()
	if o := <-done; o.Result != push.Retry || o.Reason != "canceled" {
		t.Errorf("outcome %+v", o)
	}
}

// A path that swallows everything, PING included, is found by the first
// notification, not by every one.
func TestADeadConnectionIsFoundAndReplaced(t *testing.T) {
	r := newRig(t, hasty)
	r.accept(t, alert())
	r.service.Freeze()
	if o := r.send(t, alert()); o.Result != push.Retry || o.Reason != "timeout" {
		t.Errorf("outcome %+v, want a timeout", o)
	}
	if o := r.send(t, alert()); o.Result != push.Accepted {
		t.Errorf("the next one: %+v, want it accepted over a new connection", o)
	}
}

func TestASlowAnswerIsNotADeadConnection(t *testing.T) {
	r := newRig(t, hasty)
	r.accept(t, alert())
	r.service.Script(pushtest.Answer{Fault: pushtest.NoAnswer})
	done := make(chan push.Outcome)
	before := r.service.Requests()
	go func() { done <- r.send(t, alert()) }()
	r.until(t, func() bool { return r.service.Requests() > before })
	r.accept(t, alert()) // the connection speaks
	if o := <-done; o.Result != push.Retry {
		t.Errorf("outcome %+v, want to try again", o)
	}
	r.accept(t, alert())
	if n := r.service.Connections(); n != 1 {
		t.Errorf("%d connections, want the one", n)
	}
}

func TestAServiceThatIsGoneForAWhile(t *testing.T) {
	r := newRig(t)
	r.accept(t, alert())
	r.service.Down()
	for range 20 {
		if o := r.send(t, alert()); o.Result != push.Retry || o.Status != 0 {
			t.Fatalf("outcome %+v, want to try again", o)
		}
	}
	if err := r.service.Up(); err != nil {
		t.Fatal(err)
	}
	r.eventually(t)
	r.silent(t)
}

// "APNs allows only one stream until you post a request with a valid
// authentication token", and afterwards no more than its settings say.
func TestABurstKeepsWithinTheStreamsThatTheServiceAllows(t *testing.T) {
	r := newRig(t)
	r.service.SetMaxStreams(7)
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if o := r.send(t, &push.Notification{Mode: push.Silent}); o.Result != push.Accepted {
				t.Errorf("outcome %+v, want it accepted", o)
			}
		})
	}
	wg.Wait()
	if n := r.service.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	if n := r.service.TooManyStreams(); n != 0 {
		t.Errorf("%d streams too many", n)
	}
}

func TestAServerThatNobodyVouchesForGetsNothing(t *testing.T) {
	other, err := pushtest.NewAPNs()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	r := newRig(t, func(c *apns.Config) { c.Roots = other.Roots() })
	if o := r.send(t, alert()); o.Result != push.Retry || o.Reason != "certificate not trusted" {
		t.Errorf("outcome %+v", o)
	}
	if n := r.service.Requests(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestClosedSendersSendNothingAndLeaveNothingRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	r := newRig(t)
	r.service.Script(pushtest.Answer{}, pushtest.Answer{Fault: pushtest.HangUp}, pushtest.Answer{}, pushtest.Answer{Fault: pushtest.NoAnswer})
	for range 3 {
		r.send(t, alert())
	}
	done := make(chan push.Outcome)
	n := r.service.Requests()
	go func() { done <- r.send(t, alert()) }()
	r.until(t, func() bool { return r.service.Requests() > n })
	r.sender.Close()
	if o := <-done; o.Result != push.Retry {
		t.Errorf("the one under way: %+v", o)
	}
	if o := r.send(t, alert()); o.Result != push.Retry || o.Reason != "sender closed" {
		t.Errorf("afterwards: %+v", o)
	}
	r.service.Close()
	r.until(t, func() bool { return runtime.NumGoroutine() <= before })
}
