package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"martlet/gateway"
	"martlet/gateway/admin"
	"martlet/gateway/hold"
	"martlet/gateway/metrics"
	"martlet/gateway/revocation"
	"martlet/mail/door"
	"martlet/mail/filter"
	"martlet/mail/imap"
	"martlet/mail/sasl"
	"martlet/mail/smtp"
	"martlet/store/keyring"
	"martlet/sync/engine"
)

// server is a whole running server.
type server struct {
	*data
	launch
	gateway *gateway.Server
	certs   *certificates
	push    *pusher
	imap    *imap.Server     // nil: IMAP is not listened on
	metrics *metrics.Metrics // nil: nobody may ask for them
	gate    *sasl.Gate       // who logs in to the doors of mail
	filter  *filter.Filter
	// scanners are asked by the filter, in this order.
	scanners  []filter.Ask
	noReports atomic.Bool // nobody is told what DMARC made of their mail
	// shutdowns end what serves, listeners first.
	shutdowns []func(context.Context) error
	// handing: another server goes on with the held phones, which Close then
	// leaves in parcels.
	handing   bool
	parcels   []*hold.Parcel
	addresses map[string][]net.Addr
	failed    chan error // what a listener died of

	background context.CancelFunc
	running    sync.WaitGroup
	closing    sync.Once
	closed     error

	reloading sync.Mutex // guards config
	config    Config     // what it runs by now
}

// launch is what a server is started with besides its configuration.
type launch struct {
	log   *slog.Logger
	level *slog.LevelVar // of log, to follow the configuration; nil: it stays
	doors *doorways      // nil: all are opened anew

	after    *heir     // of the process before this one; nil: there was none
	upgrades *upgrades // nil: it cannot be replaced
}

// startServer opens the store, listens where c says and serves. It returns when
// all listeners are open; Close ends it.
func startServer(ctx context.Context, c Config, log *slog.Logger) (*server, error) {
	return launch{log: log}.start(ctx, c)
}

func (l launch) start(ctx context.Context, c Config) (s *server, err error) {
	if l.doors == nil {
		l.doors = &doorways{}
	}
	s = &server{launch: l, config: c, addresses: map[string][]net.Addr{}, failed: make(chan error, 1)}
	s.countFor(&c)
	log := s.log
	if s.data, err = openData(ctx, &c, log); err != nil {
		return nil, err
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.background = cancel
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(ctx))
			s = nil
		}
	}()
	if s.certs, err = newCertificates(&c, log); err != nil {
		return s, err
	}
	keys, err := newTickets(&c, log)
	if err != nil {
		return s, err
	}
	keys.use(s.certs.config)
	c.ClientCerts.ask(s.certs.config)
	s.running.Go(func() { keys.run(background) })
	if s.logins != nil {
		s.running.Go(func() { s.logins.Run(background, func([][keyring.KeySize]byte) {}) })
	}
	limit := openFiles(log)
	library, err := c.library(s.directory)
	if err != nil {
		return s, err
	}
	if s.push, err = s.newPusher(&c); err != nil {
		return s, err
	}
	s.gateway, err = gateway.New(gateway.Config{
		Tracer: s.traces.Tracer(), Guard: s.guard, Bearer: s.bearer(), ClientCertificates: c.ClientCerts.any(), Registration: s.push.door, Answered: s.apps.Answered,
		Roots: c.SMIMERoots, Revocation: revocation.New(revocation.Config{Private: c.PrivateLists, Logger: log}),
		Store: s.store, Directory: s.directory, Devices: s.devices, Mailboxes: s.mailboxes, Router: s.router, Schedule: s.schedule, Hub: s.hub,
		Engine: engine.New(engine.Config{Store: s.store, Devices: s.devices, Source: s.mailboxes, Logger: s.log}),
		Logger: log, TLS: s.certs.config, HTTP2: c.HTTP2, PublicURL: c.PublicURL, MaxConnections: limit, MaxMessageBytes: c.MaxMessageBytes,
		Documents: library, Shares: s.shares, FileBytes: c.FileBytes,
		Rules: c.ActiveSync, Mail: c.mailServers(), STSPolicy: c.stsPolicy(),
	})
	if err != nil {
		return s, err
	}
	s.apps.Ask(s.gateway.Holding)
	s.shutdowns = append(s.shutdowns, s.endGateway)
	s.scanners = s.newScanners(&c)
	s.filter = s.judge(&c)
	if s.gate, err = s.mailGate(&c); err != nil {
		return s, err
	}
	if err := s.listenAll(ctx, &c); err != nil {
		return s, err
	}
	s.running.Go(func() { s.complain(background, "wake apps", s.push.run(background)) })
	s.keepTrust(background)
	s.schedule.Start()
	s.send(background)
	s.care(background)
	return s, s.certs.begin(background)
}

// listenAll opens every listener before it returns, so that a port that is
// taken is an error at start.
func (s *server) listenAll(ctx context.Context, c *Config) error {
	// What a process that was killed had not finished receiving was never
	// acknowledged.
	incoming := filepath.Join(c.StorePath, incomingFolder)
	if err := errors.Join(os.RemoveAll(incoming), os.Mkdir(incoming, 0o700)); err != nil {
		return err
	}
	if err := s.listen(ctx, "http", c.HTTP, s.gateway.Serve); err != nil {
		return err
	}
	if err := s.listen(ctx, "https", c.HTTPS, s.gateway.ServeTLS); err != nil {
		return err
	}
	for _, l := range []struct {
		name   string
		listen []string
		mode   smtp.Mode
		tls    bool // from the start
	}{
		{"smtp", c.SMTP, smtp.MX, false},
		{"submission", c.Submission, smtp.Submission, false},
		{"submissions", c.Submissions, smtp.Submission, true},
		{"lmtp", c.LMTP, smtp.LMTP, false},
	} {
		if len(l.listen) == 0 {
			continue
		}
		m := smtp.New(smtp.Config{
			Mode: l.mode, Hostname: c.Hostname, Directory: s.directory, Gate: s.gate, Transport: s.router, Full: s.quota.Full, Back: s.backOf(l.mode), Trace: s.trace, Tracer: s.traces.Tracer(), Filter: s.judgeOf(l.mode), TLS: s.certs.forMail(),
			MaxMessageBytes: c.MaxMessageBytes, MaxSessionsPerIP: c.MaxSMTPPerIP, SpoolDir: filepath.Join(c.StorePath, incomingFolder), Logger: s.log,
		})
		s.shutdowns = append(s.shutdowns, m.Shutdown)
		serve := m.Serve
		if l.tls {
			serve = func(plain net.Listener) error { return m.Serve(tls.NewListener(plain, s.certs.forMail())) }
		}
		if err := s.listen(ctx, l.name, l.listen, serve); err != nil {
			return err
		}
	}
	if err := s.listenIMAP(ctx, c); err != nil {
		return err
	}
	if err := s.listenPOP3(ctx, c); err != nil {
		return err
	}
	if err := s.listenSieve(ctx, c); err != nil {
		return err
	}
	if err := s.listenMetrics(ctx, c); err != nil {
		return err
	}
	s.doors.drop()
	return s.listenAdmin(c)
}

// backOf undoes what was made of senders, where other servers bring their reports.
func (s *server) backOf(mode smtp.Mode) func(string) (string, error) {
	if mode != smtp.MX {
		return nil
	}
	return s.senders.Back
}

func (s *server) listen(ctx context.Context, name string, where []string, serve func(net.Listener) error) error {
	for _, address := range where {
		l, err := s.doors.listen(ctx, name, address)
		if err != nil {
			return err
		}
		s.addresses[name] = append(s.addresses[name], l.Addr())
		s.log.Info("listening", "door", name, "address", l.Addr().String())
		s.warnOpen(name, l.Addr())
		s.serve(name, l, serve)
	}
	return nil
}

// warnOpen tells of doors that others than this machine can reach and should
// not.
func (s *server) warnOpen(name string, a net.Addr) {
	t, ok := a.(*net.TCPAddr)
	if !ok || t.IP.IsLoopback() {
		return
	}
	switch name {
	case "metrics":
		s.log.Warn("whoever reaches this door can see how much is going on; keep it on loopback or in a network of your own", "door", name, "address", a.String())
	case "http":
		s.log.Warn("passwords pass this door in the clear; keep it behind a proxy that ends TLS", "door", name, "address", a.String())
	case "lmtp":
		s.log.Warn("whoever reaches this door is trusted; keep it on loopback", "door", name, "address", a.String())
	}
}

func openListener(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	path, unix := strings.CutPrefix(address, "unix:")
	if !unix {
		return lc.Listen(ctx, "tcp", address)
	}
	// What a server that was killed left behind; the store's lock is ours.
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == os.ModeSocket {
		os.Remove(path)
	}
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	// The MTA in front runs as another user, of a group it shares with us.
	return l, os.Chmod(path, 0o660)
}

// serve runs one listener until it is closed.
func (s *server) serve(name string, l net.Listener, serve func(net.Listener) error) {
	s.running.Go(func() {
		err := serve(l)
		if err == nil || errors.Is(err, door.ErrClosed) || errors.Is(err, net.ErrClosed) {
			return
		}
		select {
		case s.failed <- fmt.Errorf("[%s] %s: %w", name, l.Addr(), err):
		default:
		}
	})
}

func (s *server) listenAdmin(c *Config) error {
	l, err := admin.Listen(c.StorePath)
	if err != nil {
		return err
	}
	a := admin.NewServer(s.admin(s.log, admin.Process{Status: s.status, Reload: s.reload, Upgrade: s.askUpgrade, Wake: s.push.door.Try, Queues: s.push.queues}))
	s.shutdowns = append(s.shutdowns, a.Shutdown, func(context.Context) error { return os.Remove(admin.SocketPath(c.StorePath)) })
	s.serve("admin", l, a.Serve)
	return nil
}

// Addr is the first address a door listens on ("http", "https", "smtp",
// "submission", "submissions", "lmtp", "imap", "imaps", "pop3", "pop3s", "sieve"), or "".
func (s *server) Addr(door string) string {
	if a := s.addresses[door]; len(a) > 0 {
		return a[0].String()
	}
	return ""
}

func (s *server) status() admin.Status {
	apps := s.push.notifier.Stats()
	st := admin.Status{Running: true, Version: version(), Held: s.gateway.Held(), Apps: apps.Subscriptions, Waiting: apps.Due + apps.InFlight, Listen: map[string]string{}, PID: os.Getpid(), Hashes: s.directory.Hashes(), UpgradeFailed: s.upgrades.failure()}
	for _, door := range slices.Sorted(maps.Keys(s.addresses)) {
		var all []string
		for _, a := range s.addresses[door] {
			all = append(all, a.String())
		}
		st.Listen[door] = strings.Join(all, " ")
	}
	return st
}

// Failed gives the error of a listener that died.
func (s *server) Failed() <-chan error { return s.failed }

// collectEvery is how often bodies that nobody refers to are dropped.
const collectEvery = time.Hour

// care does what needs no one to ask: it takes up what an earlier process left,
// and frees space.
func (s *server) care(ctx context.Context) {
	s.running.Go(func() { s.complain(ctx, "report how TLS went", s.policies.Run(ctx)) })
	s.running.Go(func() { s.complain(ctx, "tell whose mailboxes are full", s.quota.Run(ctx)) })
	s.running.Go(func() { s.complain(ctx, "keep links up to date", s.shares.Run(ctx)) })
	s.running.Go(func() { s.complain(ctx, "keep the index for searches", s.mailboxes.KeepIndex(ctx)) })
	s.running.Go(func() { s.complain(ctx, "learn what is junk", s.junk.Run(ctx)) })
	s.running.Go(func() {
		s.complain(ctx, "recover deliveries", s.router.Recover(ctx))
		s.complain(ctx, "fill in conversations", s.mailboxes.FillThreads(ctx))
		tick := time.NewTicker(collectEvery)
		defer tick.Stop()
		for {
			s.complain(ctx, "sweep mailboxes", s.mailboxes.Sweep(ctx))
			s.complain(ctx, "remove apps whose time is over", s.apps.Sweep(ctx))
			_, err := s.trace.Sweep(ctx)
			s.complain(ctx, "forget what became of messages", err)
			done, err := s.blobs.Collect(ctx)
			s.complain(ctx, "collect bodies", err)
			if done.Blobs > 0 || done.Packs > 0 {
				s.log.Info("bodies collected", "bodies", done.Blobs, "files", done.Packs, "bytes", done.Bytes)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
}

func (s *server) complain(ctx context.Context, work string, err error) {
	if err != nil && ctx.Err() == nil {
		s.log.Error("background work failed", "work", work, "error", err)
	}
}

func (s *server) endGateway(ctx context.Context) (err error) {
	if !s.handing {
		return s.gateway.Shutdown(ctx)
	}
	s.parcels, err = s.gateway.HandOver(ctx)
	return err
}

// Close answers the held phones, lets what is at work end until ctx does, and
// closes the store. It may be called more than once.
func (s *server) Close(ctx context.Context) error {
	s.closing.Do(func() { s.closed = s.close(ctx) })
	return s.closed
}

func (s *server) close(ctx context.Context) error {
	s.background()
	errs := make([]error, len(s.shutdowns))
	var all sync.WaitGroup
	for i, f := range s.shutdowns {
		all.Go(func() { errs[i] = f(ctx) })
	}
	all.Wait()
	s.running.Wait()
	if s.certs != nil {
		s.certs.end()
	}
	for i, err := range errs {
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrNotExist) {
			// What had not ended by then was broken off; that is what a deadline says.
			errs[i] = nil
		}
	}
	return errors.Join(append(errs, s.data.Close())...)
}
