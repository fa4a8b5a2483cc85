package pushtest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"martlet/push/pushtest"
)

func TestAPNsTakesCertificates(t *testing.T) {
	p := newAPNsProvider(t)
	certificate, key, err := p.service.NewCertificate(apnsTopic, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	p.reconnect(t, pair)
	r := p.right(t)
	r.header.Del("Authorization")
	r.header.Del("Apns-Topic")
	if a := p.do(t, r); a.status != 200 {
		t.Errorf("answer %d %s, want 200", a.status, a.Reason)
	}
	r.header.Set("apns-topic", "com.example.other")
	if a := p.do(t, r); a.Reason != "TopicDisallowed" {
		t.Errorf("another topic: answer %d %s", a.status, a.Reason)
	}

	certificate, key, err = p.service.NewCertificate(apnsTopic, time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if pair, err = tls.X509KeyPair(certificate, key); err != nil {
		t.Fatal(err)
	}
	p.reconnect(t, pair)
	req, err := http.NewRequestWithContext(t.Context(), "POST", p.service.HostURL()+r.path, bytes.NewReader(nil))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := p.client.Do(req); err == nil {
		resp.Body.Close()
		t.Errorf("an expired certificate: answer %d", resp.StatusCode)
	}
}

func TestAPNsKnowsDevices(t *testing.T) {
	p := newAPNsProvider(t)
	token := p.bearer(t, p.key, time.Now())
	send := func(device, collapse, expiration string) apnsReply {
		r := p.right(t)
		r.path = "/3/device/" + device
		r.header.Set("authorization", token)
		r.header.Set("apns-collapse-id", collapse)
		r.header.Set("apns-expiration", expiration)
		r.body = fmt.Sprintf(`{"aps":{"alert":"%s %s"}}`, collapse, expiration)
		return p.do(t, r)
	}
	if a := send(p.service.Install("com.example.other"), "c", "0"); a.Reason != "DeviceTokenNotForTopic" {
		t.Errorf("another app's device: %+v", a)
	}
	if a := send(strings.ToUpper(p.device), "c", "0"); a.status != 200 {
		t.Errorf("a token in capitals: %+v", a)
	}

	since := time.UnixMilli(1_700_000_000_123)
	p.service.Unregister(p.device, since)
	if a := send(p.device, "c", "0"); a.status != 410 || a.Reason != "Unregistered" || a.Timestamp != since.UnixMilli() {
		t.Errorf("an app that was removed: %+v", a)
	}
	p.service.Expire(p.device, since)
	if a := send(p.device, "c", "0"); a.status != 410 || a.Reason != "ExpiredToken" {
		t.Errorf("a token that expired: %+v", a)
	}
	p.service.InstallToken(apnsTopic, p.device)
	for _, c := range []string{"a", "b", "a"} {
		if a := send(p.device, c, "0"); a.status != 200 {
			t.Errorf("an app that came back: %+v", a)
		}
	}
	if got, shown := len(p.service.Deliveries(p.device)), len(p.service.Shown(p.device)); got != 4 || shown != 3 {
		t.Errorf("%d deliveries of which %d are shown, want 4 and 3", got, shown)
	}
}

// "If the value is 0, APNs attempts to deliver the notification only once", and
// it "stores only one notification per bundle ID".
func TestAPNsKeepsTheLastNotificationForADeviceThatIsAway(t *testing.T) {
	p := newAPNsProvider(t)
	token := p.bearer(t, p.key, time.Now())
	send := func(collapse string, expiration time.Time) {
		t.Helper()
		r := p.right(t)
		r.header.Set("authorization", token)
		r.header.Set("apns-collapse-id", collapse)
		r.header.Set("apns-expiration", fmt.Sprint(max(0, expiration.Unix())))
		if a := p.do(t, r); a.status != 200 {
			t.Fatalf("%+v", a)
		}
	}
	inAnHour := time.Now().Add(time.Hour)
	p.service.SetOnline(p.device, false)
	send("first", inAnHour)
	send("last", inAnHour)
	send("now or never", time.Time{})
	p.service.SetOnline(p.device, true)
	if got := p.service.Deliveries(p.device); len(got) != 1 || got[0].Collapse != "last" {
		t.Errorf("got %+v, want the last of those that may wait", got)
	}
	p.service.SetOnline(p.device, false)
	send("old", inAnHour)
	p.service.Advance(2 * time.Hour)
	p.service.SetOnline(p.device, true)
	if got := p.service.Deliveries(p.device); len(got) != 1 {
		t.Errorf("got %+v, want nothing that has expired", got)
	}
}

func TestAPNsWaitEndsWithItsContext(t *testing.T) {
	p := newAPNsProvider(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.service.Wait(ctx, p.device); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := p.service.Wait(t.Context(), "00"); !errors.Is(err, pushtest.ErrNoDevice) {
		t.Errorf("error %v", err)
	}
}
