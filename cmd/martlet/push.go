package main

import (
	"context"
	"crypto/x509"
	"log/slog"

	"martlet/gateway/registration"
	"martlet/mail/announce"
	"martlet/push"
	"martlet/push/apns"
	"martlet/push/fcm"
	"martlet/push/webpush"
)

// sealSuite is how sealed notifications are encrypted, for apps: the suite of
// RFC 9180 and the version of the envelope.
const sealSuite = "hpke-x25519-hkdf-sha256-chacha20-poly1305;v=1"

// pusher wakes apps: the ways to their services, and who decides what they are
// told.
type pusher struct {
	senders  map[push.Kind]push.Sender
	web      *webpush.Sender
	close    []func()
	notifier *push.Notifier
	door     *registration.Handler
}

// newSenders opens the ways to the services of the apps that are set up.
func (p *pusher) newSenders(c *PushConfig, log *slog.Logger) error {
	p.senders = map[push.Kind]push.Sender{}
	var roots *x509.CertPool
	if c.Roots != nil {
		roots = x509.NewCertPool()
		roots.AppendCertsFromPEM(c.Roots)
	}
	if len(c.APNs) > 0 {
		sandbox := c.SandboxServer
		if sandbox == "" {
			sandbox = c.APNsServer
		}
		s, err := apns.New(apns.Config{Apps: c.APNs, Host: c.APNsServer, SandboxHost: sandbox, Roots: roots, StartExpired: true, Log: log})
		if err != nil {
			return err
		}
		p.senders[push.APNs], p.close = s, append(p.close, s.Close)
	}
	if len(c.FCM) > 0 {
		s, err := fcm.New(fcm.Config{Apps: c.FCM, Roots: roots})
		if err != nil {
			return err
		}
		p.senders[push.FCM], p.close = s, append(p.close, s.Close)
	}
	if len(c.WebPush) > 0 {
		s, err := webpush.New(webpush.Config{Apps: c.WebPush, Allow: c.Allow, Roots: roots})
		if err != nil {
			return err
		}
		p.web, p.senders[push.WebPush], p.close = s, s, append(p.close, s.Close)
	}
	return nil
}

// apps are what registrations may name.
func (c *PushConfig) apps() []registration.App {
	var all []registration.App
	for i := range c.APNs {
		a := &c.APNs[i]
		all = append(all, registration.App{Name: a.Name, Kind: push.APNs, Topic: a.Topic, Sandbox: c.Sandbox[a.Name]})
	}
	for i := range c.FCM {
		all = append(all, registration.App{Name: c.FCM[i].Name, Kind: push.FCM})
	}
	for i := range c.WebPush {
		a := &c.WebPush[i]
		all = append(all, registration.App{Name: a.Name, Kind: push.WebPush, VAPID: a.Key.Public()})
	}
	return all
}

// settled is the book as the notifier has it: whoever waits for what became of
// a test hears of it.
type settled struct {
	*announce.Book
	heard func(id uint64)
}

// Settle is the book's, and tells.
func (s settled) Settle(ctx context.Context, id uint64, p *push.Plan, o push.Outcome, again bool) error {
	err := s.Book.Settle(ctx, id, p, o, again)
	if err == nil {
		s.heard(id)
	}
	return err
}

// newPusher makes what wakes apps. It sends nothing before run.
func (s *server) newPusher(c *Config) (*pusher, error) {
	p := &pusher{}
	if err := p.newSenders(&c.Push, s.log); err != nil {
		return p, err
	}
	rc := registration.Config{
		Store: s.store, Book: s.data.apps, Mailboxes: s.mailboxes, Logger: s.log,
		Apps: c.Push.apps(), Detail: c.Push.Detail, SealSuite: sealSuite, Origins: c.Push.Origins,
	}
	if p.web != nil {
		rc.CheckEndpoint = p.web.CheckEndpoint
	}
	var err error
	if p.door, err = registration.New(rc); err != nil {
		return p, err
	}
	p.notifier = push.NewNotifier(push.NotifierConfig{
		Hub: s.hub, Book: settled{s.data.apps, p.door.Settled}, Senders: p.senders, Logger: s.log,
	})
	s.data.apps.Tell(p.notifier.Follow, p.notifier.Forget)
	return p, nil
}

// run wakes apps until ctx is done.
func (p *pusher) run(ctx context.Context) error {
	defer func() {
		for _, f := range p.close {
			f()
		}
	}()
	return p.notifier.Run(ctx)
}

// queues is how the notifications of each app stand.
func (p *pusher) queues() []push.LaneStats { return p.notifier.Stats().Lanes }
