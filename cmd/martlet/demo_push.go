package main

import (
	"net/netip"
	"net/url"

	"martlet/internal/demo"
	"martlet/push/apns"
	"martlet/push/fcm"
	"martlet/push/webpush"
)

// demoPush sets the demo's apps up as an administrator would.
func demoPush(a demo.Accounts) (PushConfig, error) {
	key, err := webpush.GenerateVAPID()
	if err != nil {
		return PushConfig{}, err
	}
	u, err := url.Parse(a.Web)
	if err != nil {
		return PushConfig{}, err
	}
	at, err := netip.ParseAddrPort(u.Host)
	if err != nil {
		return PushConfig{}, err
	}
	return PushConfig{
		APNs:       []apns.App{{Name: a.AppleName, Topic: a.Topic, Key: a.Key, KeyID: a.KeyID, TeamID: a.TeamID}},
		APNsServer: a.APNs,
		FCM:        []fcm.App{{Name: a.GoogleName, ServiceAccount: a.ServiceAccount, Endpoint: a.FCM}},
		WebPush:    []webpush.App{{Name: a.WebName, Key: key, Subject: "mailto:postmaster@demo.example"}},
		Allow:      []netip.Prefix{netip.PrefixFrom(at.Addr(), at.Addr().BitLen())}, // the stand-in is on this machine
		Roots:      a.Roots,
	}, nil
}
