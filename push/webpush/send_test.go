package webpush_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"martlet/push"
	"martlet/push/pushtest"
	"martlet/push/webpush"
)

// rig is a sender with an app at a local service.
type rig struct {
	service *pushtest.WebPush
	sender  *webpush.Sender
	key     *webpush.VAPID
	later   time.Duration // how far the sender's clock is ahead
}

func newRig(t testing.TB, manner pushtest.WebPushManner, change ...func(*webpush.Config)) *rig {
	t.Helper()
	service, err := pushtest.NewWebPushLike(manner)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	key, err := webpush.GenerateVAPID()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{service: service, key: key}
	c := webpush.Config{
		Apps: []webpush.App{
			{Name: "mail", Key: key, Subject: "mailto:postmaster@example.org"},
			{Name: "unsigned"},
		},
		Allow: []netip.Prefix{service.Prefix()},
		Roots: service.Roots(),
		Clock: func() time.Time { return time.Now().Add(r.later) },
	}
	for _, f := range change {
		f(&c)
	}
	if r.sender, err = webpush.New(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.sender.Close)
	return r
}

func target(s *pushtest.WebPushSubscription) push.Target {
	return push.Target{Kind: push.WebPush, App: "mail", Endpoint: s.Endpoint, PublicKey: s.PublicKey, Auth: s.Auth}
}

func alert() *push.Notification {
	three := 3
	return &push.Notification{
		ID: "0190b0a2-0000-7000-8000-000000000001", Collapse: "item-17", Mode: push.Alert, High: true,
		Expires: time.Now().Add(time.Hour), Title: "Ada", Subtitle: "Grüße", Body: "Bis morgen", Unread: &three,
		Thread: "t1", Account: "work", Message: "m1",
	}
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestANotificationReachesItsUserAgentInEveryManner(t *testing.T) {
	for name, manner := range map[string]pushtest.WebPushManner{
		"mozilla": pushtest.Mozilla, "google": pushtest.Google, "apple": pushtest.Apple, "unifiedpush": pushtest.UnifiedPush,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, manner)
			s := r.service.Subscribe(r.key.Public())
			o := r.sender.Send(within(t), target(s), alert())
			if o.Result != push.Accepted || o.Status/100 != 2 || o.Reason != "" {
				t.Fatalf("%+v", o)
			}
			if (o.ID == "") != (manner == pushtest.UnifiedPush) {
				t.Errorf("id %q", o.ID)
			}
			d, err := s.Wait(within(t))
			if err != nil || d.Err != nil {
				t.Fatal(err, d.Err)
			}
			if d.Proto != "HTTP/2.0" || d.Urgency != "high" || d.Subject != "mailto:postmaster@example.org" || len(d.Topic) != 32 {
				t.Errorf("%+v", d)
			}
			if d.TTL < 59*time.Minute || d.TTL > time.Hour {
				t.Errorf("TTL %v", d.TTL)
			}
			var got map[string]any
			if err := json.Unmarshal(d.Body, &got); err != nil {
				t.Fatal(err)
			}
			want := map[string]any{
				"version": 1.0, "mode": "alert", "id": "0190b0a2-0000-7000-8000-000000000001", "tag": "item-17",
				"sender": "Ada", "subject": "Grüße", "preview": "Bis morgen", "unread": 3.0,
				"thread": "t1", "account": "work", "message": "m1",
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestAnAppWithoutAKeyReachesUnifiedPush(t *testing.T) {
	r := newRig(t, pushtest.UnifiedPush)
	s := r.service.Subscribe("")
	to := target(s)
	to.App = "unsigned"
	if o := r.sender.Send(within(t), to, alert()); o.Result != push.Accepted {
		t.Fatalf("%+v", o)
	}
	if d, err := s.Wait(within(t)); err != nil || d.Err != nil || d.Subject != "" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestASilentMessageNeedsNoKeys(t *testing.T) {
	r := newRig(t, pushtest.Mozilla)
	s := r.service.Subscribe(r.key.Public())
	to := target(s)
	to.PublicKey, to.Auth = nil, nil
	if o := r.sender.Send(within(t), to, &push.Notification{Mode: push.Silent}); o.Result != push.Accepted {
		t.Fatalf("%+v", o)
	}
	d, err := s.Wait(within(t))
	if err != nil || d.Size != 0 || d.Body != nil || d.TTL != 0 || d.Topic != "" {
		t.Errorf("%+v, %v", d, err)
	}
	n := alert()
	if o := r.sender.Send(within(t), to, n); o.Result != push.BadTarget {
		t.Errorf("an alert without keys: %+v", o)
	}
}

func TestWhatIsSentAgainTakesThePlaceOfWhatWaits(t *testing.T) {
	r := newRig(t, pushtest.Apple)
	s := r.service.Subscribe(r.key.Public())
	s.SetAway(true)
	// Whatever a collapse is, the topic has a length that Apple takes.
	for _, collapse := range []string{"a", "a", "item-17", "collie-update", "not URL-safe: ü/+", strings.Repeat("x", 200)} {
		n := alert()
		n.Collapse, n.Title = collapse, "of "+collapse
		if o := r.sender.Send(within(t), target(s), n); o.Result != push.Accepted {
			t.Fatalf("%q: %+v", collapse, o)
		}
	}
	s.SetAway(false)
	topics := map[string]bool{}
	for range 5 {
		d, err := s.Wait(within(t))
		if err != nil {
			t.Fatal(err)
		}
		topics[d.Topic] = true
	}
	if len(topics) != 5 {
		t.Errorf("%d topics", len(topics))
	}
	other := r.service.Subscribe(r.key.Public())
	n := alert()
	n.Collapse = "a"
	r.sender.Send(within(t), target(other), n)
	if d, err := other.Wait(within(t)); err != nil || topics[d.Topic] {
		t.Errorf("two devices have one topic, which tells that they belong together: %+v, %v", d, err)
	}
}

func TestAnExpiredNotificationIsNotSent(t *testing.T) {
	r := newRig(t, pushtest.Mozilla)
	s := r.service.Subscribe(r.key.Public())
	n := alert()
	n.Expires = time.Now().Add(-time.Millisecond)
	if o := r.sender.Send(within(t), target(s), n); o.Result != push.Expired || r.service.Requests() != 0 {
		t.Errorf("%+v after %d requests", o, r.service.Requests())
	}
}

func TestTimeToLive(t *testing.T) {
	r := newRig(t, pushtest.Mozilla)
	for name, c := range map[string]struct {
		expires time.Duration
		want    time.Duration
	}{
		"now or never":     {-1, 0},
		"half a second":    {500 * time.Millisecond, time.Second},
		"a minute":         {time.Minute, time.Minute},
		"more than a year": {400 * 24 * time.Hour, 28 * 24 * time.Hour},
	} {
		s := r.service.Subscribe(r.key.Public())
		n := alert()
		if n.Expires = time.Now().Add(c.expires); c.expires < 0 {
			n.Expires = time.Time{}
		}
		r.sender.Send(within(t), target(s), n)
		d, err := s.Wait(within(t))
		if err != nil || d.TTL != c.want {
			t.Errorf("%s: %v, want %v (%v)", name, d.TTL, c.want, err)
		}
	}
}

func TestUrgency(t *testing.T) {
	r := newRig(t, pushtest.Mozilla)
	for _, c := range []struct {
		n    push.Notification
		want string
	}{
		{push.Notification{Mode: push.Alert, High: true}, "high"},
		{push.Notification{Mode: push.Alert}, "normal"},
		{push.Notification{Mode: push.Sealed, High: true, Envelope: []byte("x")}, "high"},
		{push.Notification{Mode: push.Silent}, "normal"},
		{push.Notification{Mode: push.Badge}, "low"},
		{push.Notification{Mode: push.Badge, High: true}, "high"},
		{push.Notification{Mode: push.Alert, High: true, Withdrawn: true}, "very-low"},
	} {
		s := r.service.Subscribe(r.key.Public())
		r.sender.Send(within(t), target(s), &c.n)
		if d, err := s.Wait(within(t)); err != nil || d.Urgency != c.want {
			t.Errorf("%+v: %q, want %q (%v)", c.n, d.Urgency, c.want, err)
		}
	}
}

func TestTheTokenOfAServiceIsKeptAndRenewedInTime(t *testing.T) {
	r := newRig(t, pushtest.Mozilla)
	s := r.service.Subscribe(r.key.Public())
	tokens := map[string]bool{}
	send := func() {
		t.Helper()
		if o := r.sender.Send(within(t), target(s), &push.Notification{Mode: push.Silent}); o.Result != push.Accepted {
			t.Fatalf("after %v: %+v", r.later, o)
		}
		d, err := s.Wait(within(t))
		if err != nil {
			t.Fatal(err)
		}
		tokens[d.Token] = true
	}
	for hour := range 49 { // two days; the service refuses what is older than it says
		send()
		r.later += time.Hour
		r.service.Advance(time.Hour)
		if want := hour/11 + 1; len(tokens) != want {
			t.Fatalf("%d tokens after %d hours, want %d", len(tokens), hour, want)
		}
	}
	// A clock that was put back makes what we have too long-lived.
	r.later -= 5 * 24 * time.Hour
	r.service.Advance(-5 * 24 * time.Hour)
	send()
}

func TestOneConnectionIsEnoughForMany(t *testing.T) {
	r := newRig(t, pushtest.Mozilla)
	done := make(chan push.Outcome)
	const many = 200
	for range many {
		s := r.service.Subscribe(r.key.Public())
		go func() { done <- r.sender.Send(within(t), target(s), alert()) }()
	}
	for range many {
		if o := <-done; o.Result != push.Accepted {
			t.Errorf("%+v", o)
		}
	}
	if n := r.service.Connections(); n > 8 {
		t.Errorf("%d connections", n)
	}
}

// A host may have eight connections at once: those that failed must not count.
func TestConnectionsThatFailedDoNotUseUpTheLimit(t *testing.T) {
	r := newRig(t, pushtest.Mozilla)
	s := r.service.Subscribe(r.key.Public())
	fail := func() {
		t.Helper()
		for range 20 {
			if o := r.sender.Send(within(t), target(s), alert()); o.Result != push.Retry {
				t.Fatalf("%+v", o)
			}
		}
	}
	r.service.RefuseAll(&pushtest.WebPushRefusal{Reset: true})
	fail()
	r.service.RefuseAll(&pushtest.WebPushRefusal{Garbage: true})
	fail()
	r.service.Stop()
	fail()
	r.service.RefuseAll(nil)
	if err := r.service.Start(); err != nil {
		t.Fatal(err)
	}
	if o := r.sender.Send(within(t), target(s), alert()); o.Result != push.Accepted {
		t.Errorf("%+v", o)
	}
}

func TestAppsAreCheckedAtTheStart(t *testing.T) {
	key, err := webpush.GenerateVAPID()
	if err != nil {
		t.Fatal(err)
	}
	for name, apps := range map[string][]webpush.App{
		"no name":               {{Key: key, Subject: "mailto:a@example.org"}},
		"twice":                 {{Name: "a"}, {Name: "a"}},
		"no subject":            {{Name: "a", Key: key}},
		"a subject of blanks":   {{Name: "a", Key: key, Subject: "mailto: a@example.org"}},
		"a name in the subject": {{Name: "a", Key: key, Subject: "mailto:A <a@example.org>"}},
		"an http subject":       {{Name: "a", Key: key, Subject: "http://example.org"}},
		"an address alone":      {{Name: "a", Key: key, Subject: "a@example.org"}},
	} {
		if _, err := webpush.New(webpush.Config{Apps: apps}); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	r := newRig(t, pushtest.Mozilla)
	to := target(r.service.Subscribe(""))
	to.App = "another"
	if o := r.sender.Send(within(t), to, alert()); o.Result != push.BadApp || r.service.Requests() != 0 {
		t.Errorf("an app that is not there: %+v", o)
	}
}

func BenchmarkSend(b *testing.B) {
	r := newRig(b, pushtest.Mozilla)
	to, n := target(r.service.Subscribe(r.key.Public())), alert()
	ctx := context.Background()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if o := r.sender.Send(ctx, to, n); o.Result != push.Accepted {
				b.Errorf("%+v", o)
				return
			}
		}
	})
}
