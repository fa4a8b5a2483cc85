package fcm

import (
	"context"
	"maps"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/push"
	"martlet/push/pushtest"
)

// service starts a local FCM and a sender for it, with one app.
func service(t testing.TB, change ...func(*Config)) (*pushtest.FCM, *Sender) {
	t.Helper()
	f, err := pushtest.NewFCM()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	c := Config{Apps: []App{{Name: "mail", ServiceAccount: f.ServiceAccount(), Endpoint: f.Endpoint()}}, Roots: f.Roots()}
	for _, f := range change {
		f(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return f, s
}

func target(token string) push.Target {
	return push.Target{Kind: push.FCM, App: "mail", Token: token}
}

func silent() *push.Notification {
	return &push.Notification{ID: "6d1f5e5e-7f1c-4c0e-9c1e-0c4a3c0b8f11", Mode: push.Silent, Collapse: "inbox"}
}

func TestEveryModeArrivesAsTheAppNeedsIt(t *testing.T) {
	f, s := service(t)
	token := f.Register()
	unread := 7
	n := push.Notification{
		ID: "an-id", Collapse: "m42", Expires: time.Now().Add(time.Hour),
		Title: "Ada", Subtitle: "Engines", Body: "On the analytical one", Unread: &unread,
		Thread: "t1", Account: "a1", Message: "m1", Envelope: []byte{0xff, 0xfe, 1},
	}
	type want struct {
		Priority, Collapse string
		Data               map[string]string
	}
	for _, c := range []struct {
		name   string
		change func(*push.Notification)
		want   want
	}{
		{"silent tells nothing", func(n *push.Notification) { n.Mode = push.Silent },
			want{"NORMAL", "m42", map[string]string{"mode": "silent", "tag": "m42", "account": "a1"}}},
		{"badge", func(n *push.Notification) { n.Mode = push.Badge },
			want{"NORMAL", "m42", map[string]string{"mode": "badge", "tag": "m42", "account": "a1", "unread": "7"}}},
		{"no unread mail is a number too", func(n *push.Notification) { n.Mode, n.Unread = push.Badge, new(int) },
			want{"NORMAL", "m42", map[string]string{"mode": "badge", "tag": "m42", "account": "a1", "unread": "0"}}},
		{"a number that cannot be", func(n *push.Notification) { n.Mode, n.Unread = push.Badge, new(int); *n.Unread = -3 },
			want{"NORMAL", "m42", map[string]string{"mode": "badge", "tag": "m42", "account": "a1", "unread": "0"}}},
		{"alert", func(n *push.Notification) { n.Mode, n.High = push.Alert, true },
			want{"HIGH", "", map[string]string{"mode": "alert", "tag": "m42", "account": "a1", "unread": "7", "message": "m1",
				"thread": "t1", "sender": "Ada", "subject": "Engines", "preview": "On the analytical one"}}},
		{"sealed tells nothing outside of its envelope", func(n *push.Notification) { n.Mode, n.High = push.Sealed, true },
			want{"HIGH", "", map[string]string{"mode": "sealed", "tag": "m42", "account": "a1", "envelope": "__4B"}}},
		{"withdrawn", func(n *push.Notification) { n.Mode, n.Withdrawn = push.Alert, true },
			want{"NORMAL", "", map[string]string{"mode": "withdrawn", "tag": "m42", "account": "a1", "unread": "7", "message": "m1"}}},
	} {
		m := n
		c.change(&m)
		before := len(f.Deliveries())
		if o := s.Send(t.Context(), target(token), &m); o.Result != push.Accepted || o.ID == "" || o.Status != 200 {
			t.Errorf("%s: %+v", c.name, o)
			continue
		}
		d := f.Deliveries()[before]
		if at := d.Data["sent"]; len(at) != 13 {
			t.Errorf("%s: sent at %q", c.name, at)
		}
		delete(d.Data, "sent")
		c.want.Data["version"], c.want.Data["id"] = "1", "an-id"
		if diff := cmp.Diff(c.want, want{d.Priority, d.CollapseKey, d.Data}); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if d.Title != "" || d.Body != "" || d.Token != token || d.Protocol != "HTTP/2.0" {
			t.Errorf("%s: %+v", c.name, d)
		}
		if d.TTL < 58*time.Minute || d.TTL > time.Hour {
			t.Errorf("%s: ttl %v", c.name, d.TTL)
		}
	}
}

func TestAPhoneInATunnelLosesNoAlert(t *testing.T) {
	f, s := service(t)
	token := f.Register()
	f.SetAway(token, true)
	send := func(n push.Notification) {
		t.Helper()
		if o := s.Send(t.Context(), target(token), &n); o.Result != push.Accepted {
			t.Fatalf("%+v", o)
		}
	}
	later := time.Now().Add(time.Hour)
	for i := range 10 {
		mail := strconv.Itoa(i)
		send(push.Notification{ID: mail, Collapse: "m" + mail, Mode: push.Alert, Title: "Ada", Expires: later})
		send(push.Notification{ID: mail, Collapse: "wake", Mode: push.Silent, Expires: later})
		send(push.Notification{ID: mail, Collapse: "badge", Mode: push.Badge, Unread: &i, Expires: later})
	}
	send(push.Notification{ID: "3", Collapse: "m3", Mode: push.Alert, Withdrawn: true, Expires: later})
	f.SetAway(token, false)
	told := map[string]int{}
	for _, d := range f.Deliveries() {
		told[d.Data["mode"]]++
	}
	if want := map[string]int{"alert": 10, "withdrawn": 1, "silent": 1, "badge": 1}; !maps.Equal(told, want) {
		t.Errorf("%v, want %v", told, want)
	}
}

func TestTheTimeToLiveFollowsTheExpiry(t *testing.T) {
	f, s := service(t)
	token := f.Register()
	for _, c := range []struct {
		name    string
		expires time.Time
		least   time.Duration
		most    time.Duration
	}{
		{"now or never", time.Time{}, 0, 0},
		{"within a second", time.Now().Add(900 * time.Millisecond), 0, 0},
		{"longer than FCM keeps it", time.Now().AddDate(1, 0, 0), 28 * 24 * time.Hour, 28 * 24 * time.Hour},
	} {
		n := silent()
		n.Expires = c.expires
		before := len(f.Deliveries())
		if o := s.Send(t.Context(), target(token), n); o.Result != push.Accepted {
			t.Fatalf("%s: %+v", c.name, o)
		}
		if d := f.Deliveries()[before]; d.TTL < c.least || d.TTL > c.most {
			t.Errorf("%s: ttl %v", c.name, d.TTL)
		}
	}
}

func TestWhatNobodyCanTakeIsNotSent(t *testing.T) {
	f, s := service(t)
	token := f.Register()
	past, apple, sealed := silent(), silent(), silent()
	past.Expires = time.Now().Add(-time.Second)
	apple.Mode = push.AppleMail
	sealed.Mode, sealed.Envelope = push.Sealed, make([]byte, 3000)
	for _, c := range []struct {
		name   string
		target push.Target
		n      *push.Notification
		want   push.Result
	}{
		{"expired", target(token), past, push.Expired},
		{"another service's mode", target(token), apple, push.Refused},
		{"an envelope that cannot be cut", target(token), sealed, push.TooLarge},
		{"another service's target", push.Target{Kind: push.APNs, App: "mail", Token: token}, silent(), push.Refused},
		{"an app that is not configured", push.Target{Kind: push.FCM, App: "other", Token: token}, silent(), push.BadApp},
		{"no token", target(""), silent(), push.BadTarget},
		{"a token with a line end", target(token + "\r\nx: y"), silent(), push.BadTarget},
		{"an endless token", target(strings.Repeat("a", 3000)), silent(), push.BadTarget},
	} {
		if o := s.Send(t.Context(), c.target, c.n); o.Result != c.want {
			t.Errorf("%s: %+v", c.name, o)
		}
	}
	if n := f.Requests(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestRequestsInFlightAreBounded(t *testing.T) {
	f, s := service(t, func(c *Config) { c.InFlight = 2; c.Timeout = time.Minute })
	token := f.Register()
	if o := s.Send(t.Context(), target(token), silent()); o.Result != push.Accepted {
		t.Fatalf("%+v", o)
	}
	f.Always(pushtest.FCMFault{Delay: time.Hour})
	busy, stop := context.WithCancel(t.Context())
	outcomes := make(chan push.Outcome)
	for range 2 {
		go func() { outcomes <- s.Send(busy, target(token), silent()) }()
	}
	for len(s.apps["mail"].slots) < 2 {
		runtime.Gosched()
	}
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if o := s.Send(soon, target(token), silent()); o.Result != push.Retry || o.Reason != "timeout" {
		t.Errorf("the third: %+v", o)
	}
	stop()
	for range 2 {
		if o := <-outcomes; o.Result != push.Retry || o.Reason != "canceled" {
			t.Errorf("one of two: %+v", o)
		}
	}
	f.Always(pushtest.FCMFault{})
	if o := s.Send(t.Context(), target(token), silent()); o.Result != push.Accepted {
		t.Errorf("afterwards: %+v", o)
	}
}

func TestAppsAreApart(t *testing.T) {
	one, err := pushtest.NewFCM()
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	two, err := pushtest.NewFCM()
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close()
	roots := one.Roots().Clone()
	roots.AddCert(two.Certificate())
	s, err := New(Config{Roots: roots, Apps: []App{
		{Name: "one", ServiceAccount: one.ServiceAccount(), Endpoint: one.Endpoint()},
		{Name: "two", ServiceAccount: two.ServiceAccount(), Endpoint: two.Endpoint()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	one.Disable()
	to := target(one.Register())
	to.App = "one"
	if o := s.Send(t.Context(), to, silent()); o.Result != push.BadApp {
		t.Errorf("the app whose account is gone: %+v", o)
	}
	to = target(two.Register())
	to.App = "two"
	if o := s.Send(t.Context(), to, silent()); o.Result != push.Accepted {
		t.Errorf("the other app: %+v", o)
	}
}
