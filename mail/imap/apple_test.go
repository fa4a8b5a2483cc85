package imap_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/mail/announce"
	"martlet/mail/imap"
	"martlet/push"
	"martlet/push/apns"
	"martlet/push/pushtest"
	"martlet/sync/device"
)

const appleTopic = "com.apple.mail.XServer.8ae2b2a7-0000-4000-8000-000000000001"

// withApple gives a house a certificate for Apple's Mail app, a local APNs and a
// notifier between them.
func withApple(t *testing.T) (*house, *pushtest.APNs) {
	t.Helper()
	service, err := pushtest.NewAPNs()
	check(t, err)
	t.Cleanup(func() { service.Close() })
	cert, key, err := service.NewCertificate(appleTopic, time.Time{})
	check(t, err)
	sender, err := apns.New(apns.Config{
		Apps: []apns.App{{Name: "applemail", Topic: appleTopic, Certificate: cert, CertificateKey: key}},
		Host: service.HostURL(), SandboxHost: service.HostURL(), Roots: service.Roots(), Log: slog.New(slog.DiscardHandler),
	})
	check(t, err)
	h := newHouse(t, func(h *house, c *imap.Config) {
		h.book, err = announce.New(announce.Config{
			Store: h.store, Directory: h.directory, Mailboxes: h.mailboxes, Devices: device.New(device.Config{Store: h.store}),
		})
		check(t, err)
		c.Apple = &imap.Apple{Book: h.book, App: "applemail", Topic: appleTopic}
	})
	n := push.NewNotifier(push.NotifierConfig{
		Hub: h.hub, Book: h.book, Senders: map[push.Kind]push.Sender{push.APNs: sender}, Limits: push.Limits{Gather: time.Millisecond},
	})
	h.book.Tell(n.Follow, n.Forget)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		check(t, <-ended)
		sender.Close()
	})
	return h, service
}

const appleAccount = "0715A26B-CA09-4730-A419-793000CA982E"

// A device that registers as Apple's Mail does hears of mail in its INBOX
// through Apple's push service: its account's id, and nothing of the mail.
func TestAppleMailIsWokenByMail(t *testing.T) {
	t.Parallel()
	h, service := withApple(t)
	token := service.Install(appleTopic)
	w := h.login()
	caps := w.ok("CAPABILITY")
	if !strings.HasSuffix(caps[0], " XAPPLEPUSHSERVICE") {
		t.Errorf("not offered: %q", caps[0])
	}
	got := w.ok("XAPPLEPUSHSERVICE aps-version 2 aps-account-id " + appleAccount + " aps-device-token " + strings.ToUpper(token) +
		" aps-subtopic com.apple.mobilemail mailboxes (INBOX Notes)")
	if got[0] != `* XAPPLEPUSHSERVICE aps-version "2" aps-topic "`+appleTopic+`"` {
		t.Errorf("heard %q", got)
	}
	h.deliver(letter, time.Now())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	d, err := service.Wait(ctx, token)
	check(t, err)
	var payload struct {
		Aps map[string]any `json:"aps"`
	}
	check(t, json.Unmarshal(d.Payload, &payload))
	if payload.Aps["account-id"] != appleAccount || len(payload.Aps) > 2 || strings.Contains(string(d.Payload), "hello") {
		t.Errorf("the device got %s", d.Payload)
	}
	// Mail elsewhere is not what it asked for.
	h.deliverTo(h.folder(mail.RoleJunk).ID, letter, time.Now())
	h.deliver(letter, time.Now())
	_, err = service.Wait(ctx, token)
	check(t, err)
	if all := service.Deliveries(token); len(all) != 2 {
		t.Errorf("%d notifications for two messages", len(all))
	}
}

func TestWhatADeviceMayNotSay(t *testing.T) {
	h, service := withApple(t)
	token := service.Install(appleTopic)
	w := h.login()
	for args, want := range map[string]string{
		"aps-version 2 aps-account-id a aps-device-token " + token + " aps-subtopic com.example.other mailboxes (INBOX)":       "NO [CANNOT]",
		"aps-version 9 aps-account-id a aps-device-token " + token + " aps-subtopic com.apple.mobilemail mailboxes (INBOX)":    "NO [CANNOT]",
		"aps-version 2 aps-account-id a aps-device-token nonsense aps-subtopic com.apple.mobilemail mailboxes (INBOX)":         "BAD",
		"aps-version 2 aps-account-id a aps-device-token " + token + " aps-subtopic com.apple.mobilemail mailboxes (Nowhere)":  "NO [NONEXISTENT]",
		"aps-version 2 aps-account-id a aps-device-token " + token + " aps-subtopic com.apple.mobilemail":                      "NO [NONEXISTENT]",
		"aps-version 2 aps-account-id \"\" aps-device-token " + token + " aps-subtopic com.apple.mobilemail mailboxes (INBOX)": "BAD",
		"aps-version 2":                  "BAD",
		"":                               "BAD",
		"aps-version 2 mailboxes (INBOX": "BAD",
	} {
		got := w.do("k", strings.TrimSpace("XAPPLEPUSHSERVICE "+args))
		if last := got[len(got)-1]; !strings.HasPrefix(last, "k "+want) {
			t.Errorf("%q: %s", args, last)
		}
	}
}
