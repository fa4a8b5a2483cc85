package main

import (
	"context"
	"crypto/x509"
	"log/slog"
	"sync"

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

// ways are those to the services of the apps that are set up.
type ways struct {
	senders  map[push.Kind]push.Sender
	close    []func()
	settings registration.Settings
}

// newWays opens them. It talks to nobody yet.
func (c *PushConfig) newWays(log *slog.Logger) (*ways, error) {
	w := &ways{senders: map[push.Kind]push.Sender{}, settings: registration.Settings{Apps: c.apps(), Origins: c.Origins}}
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
			return w, err
		}
		w.senders[push.APNs], w.close = s, append(w.close, s.Close)
	}
	if len(c.FCM) > 0 {
		s, err := fcm.New(fcm.Config{Apps: c.FCM, Roots: roots})
		if err != nil {
			return w, err
		}
		w.senders[push.FCM], w.close = s, append(w.close, s.Close)
	}
	if len(c.WebPush) > 0 {
		s, err := webpush.New(webpush.Config{Apps: c.WebPush, Allow: c.Allow, Roots: roots})
		if err != nil {
			return w, err
		}
		w.settings.CheckEndpoint = s.CheckEndpoint
		w.senders[push.WebPush], w.close = s, append(w.close, s.Close)
	}
	return w, nil
}

func (w *ways) end() {
	for _, f := range w.close {
		f()
	}
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

// pusher wakes apps: the ways to their services, and who decides what they are
// told.
type pusher struct {
	notifier *push.Notifier
	door     *registration.Handler

	mu  sync.Mutex // guards now
	now *ways
}

// newPusher makes what wakes apps. It sends nothing before run.
func (s *server) newPusher(c *Config) (*pusher, error) {
	w, err := c.Push.newWays(s.log)
	if err != nil {
		return nil, err
	}
	p := &pusher{now: w}
	p.door, err = registration.New(registration.Config{
		Store: s.store, Book: s.data.apps, Mailboxes: s.mailboxes, Logger: s.log,
		Settings: w.settings, Detail: c.Push.Detail, SealSuite: sealSuite,
	})
	if err != nil {
		return nil, err
	}
	p.notifier = push.NewNotifier(push.NotifierConfig{
		Hub: s.hub, Book: settled{s.data.apps, p.door.Settled}, Senders: w.senders, Logger: s.log,
	})
	s.data.apps.Tell(p.notifier.Follow, p.notifier.Forget)
	s.setUp = p.setUp
	return p, nil
}

// replace goes other ways from now on. What is under way on the old ones is
// tried again.
func (p *pusher) replace(w *ways) {
	p.mu.Lock()
	old := p.now
	p.now = w
	p.mu.Unlock()
	p.door.Reconfigure(w.settings)
	p.notifier.Replace(w.senders)
	old.end()
}

// setUp are the apps that are set up now.
func (p *pusher) setUp() []registration.App {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now.settings.Apps
}

// run wakes apps until ctx is done.
func (p *pusher) run(ctx context.Context) error {
	err := p.notifier.Run(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.end()
	return err
}

// queues is how the notifications of each app stand.
func (p *pusher) queues() []push.LaneStats { return p.notifier.Stats().Lanes }
