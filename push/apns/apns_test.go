package apns_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"martlet/push"
	"martlet/push/apns"
	"martlet/push/pushtest"
)

const (
	topic = "com.example.mail"
	team  = "TEAM123456"
)

// rig is a service, a sender and a device.
type rig struct {
	service *pushtest.APNs
	key     pushtest.APNsKey
	sender  *apns.Sender
	token   string
	log     *bytes.Buffer
	config  apns.Config
}

func newRig(t testing.TB, change ...func(*apns.Config)) *rig {
	t.Helper()
	service, err := pushtest.NewAPNs()
	if err != nil {
		t.Fatal(err)
	}
	key, err := service.NewKey(team, topic)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{service: service, key: key, token: service.Install(topic), log: &bytes.Buffer{}}
	r.config = apns.Config{
		Apps:        []apns.App{{Name: "mail", Topic: topic, Key: key.P8, KeyID: key.KeyID, TeamID: key.TeamID}},
		Host:        service.HostURL(),
		SandboxHost: service.HostURL(),
		Roots:       service.Roots(),
		Timeout:     5 * time.Second,
		Log:         slog.New(slog.NewTextHandler(r.log, nil)),
	}
	for _, f := range change {
		f(&r.config)
	}
	if r.sender, err = apns.New(r.config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.sender.Close()
		service.Close()
	})
	return r
}

func (r *rig) target() push.Target {
	return push.Target{Kind: push.APNs, App: "mail", Token: r.token}
}

func (r *rig) send(t testing.TB, n *push.Notification) push.Outcome {
	t.Helper()
	o := r.sender.Send(t.Context(), r.target(), n)
	for _, secret := range []string{r.token, "127.0.0.1", "eyJ"} {
		if strings.Contains(o.Reason, secret) {
			t.Errorf("reason %q", o.Reason)
		}
	}
	return o
}

// accept sends what must be taken, and returns it as the device got it.
func (r *rig) accept(t testing.TB, n *push.Notification) pushtest.Delivery {
	t.Helper()
	if o := r.send(t, n); o.Result != push.Accepted {
		t.Fatalf("outcome %+v, want it accepted", o)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	d, err := r.service.Wait(ctx, r.token)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func alert() *push.Notification {
	return &push.Notification{
		ID: uuid.NewString(), Collapse: "c1", Mode: push.Alert, High: true, Expires: time.Now().Add(time.Hour),
		Title: "Ada", Subtitle: "Engine", Body: "It runs", Thread: "t1", Account: "a1", Message: "m1", Unread: new(3),
	}
}

func TestAlertReachesTheDeviceAsItWasWritten(t *testing.T) {
	r := newRig(t)
	n := alert()
	d := r.accept(t, n)
	if d.ID != n.ID || d.Collapse != "c1" || d.Topic != topic || d.PushType != "alert" || d.Priority != "10" {
		t.Errorf("headers %+v", d)
	}
	if want := n.Expires.Unix(); d.Expiration != jsonOf(t, want) {
		t.Errorf("expiration %s, want %d", d.Expiration, want)
	}
	const want = `{"aps":{"alert":{"title":"Ada","subtitle":"Engine","body":"It runs"},"sound":"default","badge":3,"thread-id":"t1","mutable-content":1},` +
		`"version":1,"mode":"alert","account":"a1","tag":"c1","message":"m1"}`
	if string(d.Payload) != want {
		t.Errorf("payload %s\nwant    %s", d.Payload, want)
	}
}

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEachModeHasItsPushTypePriorityAndPayload(t *testing.T) {
	three := new(3)
	for _, c := range []struct {
		name               string
		n                  push.Notification
		pushType, priority string
		payload            string
	}{
		{"silent", push.Notification{Mode: push.Silent, Account: "a"}, "background", "5",
			`{"aps":{"content-available":1},"version":1,"mode":"silent","account":"a"}`},
		{"silent never has priority 10", push.Notification{Mode: push.Silent, High: true}, "background", "5",
			`{"aps":{"content-available":1},"version":1,"mode":"silent"}`},
		{"badge", push.Notification{Mode: push.Badge, Unread: three, High: true, Collapse: "b"}, "alert", "10",
			`{"aps":{"badge":3},"version":1,"mode":"badge","tag":"b"}`},
		{"badge that may wait", push.Notification{Mode: push.Badge, Unread: new(0)}, "alert", "5",
			`{"aps":{"badge":0},"version":1,"mode":"badge"}`},
		{"badge without a number is a wake", push.Notification{Mode: push.Badge}, "background", "5",
			`{"aps":{"content-available":1},"version":1,"mode":"silent"}`},
		{"alert that may wait", push.Notification{Mode: push.Alert, Title: "T"}, "alert", "5",
			`{"aps":{"alert":{"title":"T"},"sound":"default"},"version":1,"mode":"alert"}`},
		{"alert without a text", push.Notification{Mode: push.Alert}, "alert", "5",
			`{"aps":{"alert":{"body":"New message"},"sound":"default"},"version":1,"mode":"alert"}`},
		{"sealed", push.Notification{Mode: push.Sealed, Envelope: []byte{0xfb, 0xff, 1}, Title: "secret", Thread: "secret", Message: "secret", Account: "a", High: true}, "alert", "10",
			`{"aps":{"alert":{"body":"New message"},"sound":"default","mutable-content":1},"envelope":"-_8B","version":1,"mode":"sealed","account":"a"}`},
		{"withdrawn", push.Notification{Mode: push.Alert, Title: "T", Withdrawn: true, Unread: three, Collapse: "c", Message: "m", High: true}, "alert", "5",
			`{"aps":{"content-available":1,"badge":3},"version":1,"mode":"withdrawn","tag":"c","message":"m"}`},
		{"withdrawn without a badge", push.Notification{Mode: push.Sealed, Withdrawn: true, Collapse: "c"}, "background", "5",
			`{"aps":{"content-available":1},"version":1,"mode":"withdrawn","tag":"c"}`},
		{"Apple's Mail", push.Notification{Mode: push.AppleMail, High: true, Collapse: "c", AppleAccount: "0715A26B-CA09-4730-A419-793000CA982E", AppleMailboxes: []string{"INBOX", "Notes"}}, "background", "",
			`{"aps":{"account-id":"0715A26B-CA09-4730-A419-793000CA982E","m":["7e33429f656f1e6e9d79b29c3f82c57e","f4c6f851b00d5518bf888815de279aba"]}}`},
		{"Apple's Mail without a mailbox", push.Notification{Mode: push.AppleMail, AppleAccount: "A"}, "background", "5", `{"aps":{"account-id":"A"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newRig(t).accept(t, &c.n)
			if d.PushType != c.pushType || d.Priority != c.priority {
				t.Errorf("push type %q priority %q, want %q %q", d.PushType, d.Priority, c.pushType, c.priority)
			}
			if string(d.Payload) != c.payload {
				t.Errorf("payload %s\nwant    %s", d.Payload, c.payload)
			}
			collapse := c.n.Collapse
			if c.n.Mode == push.AppleMail {
				collapse = ""
			}
			if d.Collapse != collapse {
				t.Errorf("collapse id %q, want %q", d.Collapse, collapse)
			}
			if d.Expiration != "0" {
				t.Errorf("expiration %q, want 0: now or never", d.Expiration)
			}
		})
	}
}

func TestNothingLeavesForATargetThatCannotBe(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		name   string
		target push.Target
		n      push.Notification
		want   push.Result
	}{
		{"another service", push.Target{Kind: push.FCM, App: "mail", Token: r.token}, *alert(), push.BadTarget},
		{"an unknown app", push.Target{Kind: push.APNs, App: "other", Token: r.token}, *alert(), push.BadApp},
		{"no token", push.Target{Kind: push.APNs, App: "mail"}, *alert(), push.BadTarget},
		{"a token that is a path", push.Target{Kind: push.APNs, App: "mail", Token: "../../x"}, *alert(), push.BadTarget},
		{"an odd token", push.Target{Kind: push.APNs, App: "mail", Token: r.token[1:]}, *alert(), push.BadTarget},
		{"an endless token", push.Target{Kind: push.APNs, App: "mail", Token: strings.Repeat("ab", 1000)}, *alert(), push.BadTarget},
		{"too late", r.target(), push.Notification{Mode: push.Silent, Expires: time.Now().Add(-time.Second)}, push.Expired},
		{"an envelope that does not fit", r.target(), push.Notification{Mode: push.Sealed, Envelope: make([]byte, 4000)}, push.TooLarge},
		{"a thread that does not fit", r.target(), push.Notification{Mode: push.Alert, Thread: strings.Repeat("x", 5000)}, push.TooLarge},
		{"Apple's Mail without an account", r.target(), push.Notification{Mode: push.AppleMail}, push.Refused},
		{"a collapse id that is too long", r.target(), push.Notification{Mode: push.Silent, Collapse: strings.Repeat("x", 65)}, push.Refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			if o := r.sender.Send(t.Context(), c.target, &c.n); o.Result != c.want {
				t.Errorf("outcome %+v, want %s", o, c.want)
			}
		})
	}
	if n := r.service.Connections(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}
