package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
	"martlet/gateway/hold"
)

// upgrades is what the servers of one process share: what is asked of it, and
// how the last upgrade failed.
type upgrades struct {
	asked  chan upgradeAsked
	failed atomic.Pointer[string]
}

// upgradeAsked is a wish to be replaced. It is answered once the successor is
// prepared, or cannot be.
type upgradeAsked struct{ answer chan<- upgradeAnswer }

type upgradeAnswer struct {
	admin.Upgrading
	err error
}

func newUpgrades() *upgrades { return &upgrades{asked: make(chan upgradeAsked)} }

func (u *upgrades) fail(err error) { text := plainError(err); u.failed.Store(&text) }

// failure is how the last upgrade failed, "" if it did not.
func (u *upgrades) failure() string {
	if u == nil || u.failed.Load() == nil {
		return ""
	}
	return *u.failed.Load()
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// askUpgrade is what the administration socket asks.
func (s *server) askUpgrade(ctx context.Context) (admin.Upgrading, error) {
	if s.upgrades == nil {
		return admin.Upgrading{}, errors.New("this server was not started by martlet serve")
	}
	c := make(chan upgradeAnswer, 1)
	select {
	case s.upgrades.asked <- upgradeAsked{c}:
	case <-ctx.Done():
		return admin.Upgrading{}, ctx.Err()
	}
	select {
	case a := <-c:
		return a.Upgrading, a.err
	case <-ctx.Done():
		return admin.Upgrading{}, ctx.Err()
	}
}

// upgrade hands everything over to a new process of the binary that is now where
// ours was. It returns the server that goes on in this process, or nil when the
// new process serves. Until the successor has said that it can, nothing
// happens here; when it cannot after all, the store is opened again.
func (l launch) upgrade(ctx context.Context, s *server, asked upgradeAsked, signals <-chan os.Signal) (*server, error) {
	l.log.Info("upgrade: starting the new process")
	l.upgrades.failed.Store(nil)
	given, err := l.doors.give()
	if err != nil {
		l.notUpgraded(asked, err)
		return s, nil
	}
	n, w, err := prepared(ctx, given)
	if err != nil {
		for _, g := range given {
			g.file.Close()
		}
		l.notUpgraded(asked, err)
		return s, nil
	}
	asked.answer <- upgradeAnswer{Upgrading: admin.Upgrading{PID: w.PID, Version: w.Version}}
	l.log.Info("upgrade: handing over", "pid", w.PID, "version", w.Version, "held", s.gateway.Held())

	// Who connects from here on waits in the kernel's queue.
	l.doors.keepPaths()
	s.handing = true
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	err = s.Close(end)
	cancel()
	if err != nil {
		l.log.Error("upgrade: the store was not closed well", "error", err)
	}
	if err = n.serving(ctx, s.parcels, l.log); err != nil {
		n.end()
		l.log.Error("upgrade failed; this process goes on", "error", err)
		l.upgrades.fail(err)
		l.doors.given, l.doors.open = given, nil
		again, err := l.start(context.WithoutCancel(ctx), s.config)
		if err == nil {
			again.gateway.Adopt(ctx, s.parcels)
		}
		return again, err
	}
	for _, g := range given {
		g.file.Close()
	}
	notifySystemd(fmt.Sprintf("MAINPID=%d", w.PID))
	l.log.Info("upgrade: the new process serves", "pid", w.PID, "version", w.Version)
	relayed := make(chan struct{})
	go func() {
		defer close(relayed)
		l.relay(ctx, s.parcels)
	}()
	if os.Getpid() == 1 {
		outlive(ctx, signals, n)
	}
	<-relayed
	if ctx.Err() != nil { // we were to stop meanwhile, so it is
		_ = n.cmd.Process.Signal(syscall.SIGTERM)
		<-n.exited
	}
	return nil, nil
}

// relay lives on for phones whose TLS ends here, until they have their answers.
func (l launch) relay(ctx context.Context, parcels []*hold.Parcel) {
	relay, err := hold.Release(parcels)
	if err != nil {
		l.log.Error("upgrade: held phones with TLS are let go", "error", err)
		return
	}
	if n := relay.Left(); n > 0 {
		l.log.Info("upgrade: this process relays held phones with TLS until they are answered", "connections", n)
		if relay.Wait(ctx) == nil {
			l.log.Info("upgrade: the last phone has moved")
		}
	}
}

func (l launch) notUpgraded(asked upgradeAsked, err error) {
	l.upgrades.fail(err)
	l.log.Error("upgrade failed; nothing has changed", "error", err)
	asked.answer <- upgradeAnswer{err: fmt.Errorf("the new process cannot serve, the old one goes on: %w", err)}
}

// prepared starts a successor and waits until it says that it can serve.
func prepared(ctx context.Context, given []givenDoor) (*successor, word, error) {
	n, err := startSuccessor(given)
	if err != nil {
		return nil, word{}, err
	}
	wait, cancel := context.WithTimeout(ctx, prepareTime)
	defer cancel()
	w, err := n.hear(wait, statePrepared)
	if err != nil {
		n.end()
	}
	return n, w, err
}

// serving tells the successor to begin, gives it the held phones and waits until
// it serves.
func (n *successor) serving(ctx context.Context, parcels []*hold.Parcel, log *slog.Logger) error {
	if err := n.say(word{State: stateGo}); err != nil {
		return errors.New("it has ended; see the log")
	}
	// What cannot be sent because the successor has ended, it tells in its last
	// word; phones that are left behind ask again.
	sent := make(chan error, 1)
	go func() {
		sent <- hold.Send(n.parcels, parcels)
		_ = n.parcels.CloseWrite()
	}()
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), openTime)
	defer cancel()
	_, err := n.hear(wait, stateReady)
	// Who is ready has taken what it takes: a version before parcels takes none.
	_ = n.parcels.SetDeadline(time.Now())
	left := <-sent
	if err == nil && len(parcels) > 0 && !n.tookParcels() {
		hold.HangUp(parcels)
		left = errors.Join(left, errors.New("the new version takes none"))
	}
	if err == nil && left != nil {
		log.Warn("upgrade: not all held phones go over; the others connect anew", "error", left)
	}
	_ = n.parcels.Close()
	return err
}

// tookParcels tells whether the successor has read to the end of the parcels and
// closed its side, as it does before it is ready.
func (n *successor) tookParcels() bool {
	_ = n.parcels.SetDeadline(time.Now().Add(parcelsTime))
	_, err := n.parcels.Read(make([]byte, 1))
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

func (a *app) upgradeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "upgrade", Short: "Have the running server replaced by the binary that is now in its place", Args: cobra.NoArgs,
		Example: "  install martlet-new /usr/local/bin/martlet\n  martlet upgrade -c /etc/martlet/martlet.toml",
		Long: `Have the running server start the binary that is now where its own was, as
SIGUSR2 does. The new process reads the configuration, and when it is right it
takes over the listeners: connections that come meanwhile wait and are served.
Requests and sessions at work end first. When the new process cannot serve, the
old one goes on, and the command says why.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			return a.upgrade(cmd.Context(), &c)
		},
	}
}

func (a *app) upgrade(ctx context.Context, c *Config) error {
	s, err := admin.Dial(ctx, c.StorePath)
	if err != nil {
		return explained(err, c)
	}
	next, err := admin.Client{Transport: s}.Upgrade(ctx)
	s.Close()
	if err != nil {
		return err
	}
	st, err := a.replaced(ctx, c, next.PID)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(st)
	}
	a.printf("martlet %s serves, process %d\n", st.Version, st.PID)
	return nil
}

// replaced waits until the new process answers, or the old one again.
func (a *app) replaced(ctx context.Context, c *Config, pid int) (st admin.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, openTime+2*shutdownTime)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if s, err := admin.Dial(ctx, c.StorePath); err == nil {
			st, err = admin.Client{Transport: s}.Status(ctx)
			s.Close()
			if err == nil && st.PID == pid {
				return st, nil
			}
			if err == nil && st.UpgradeFailed != "" {
				return st, fmt.Errorf("the new process could not serve, the old one goes on: %s", st.UpgradeFailed)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return st, fmt.Errorf("the new process %d does not answer: %w", pid, ctx.Err())
		}
	}
}
