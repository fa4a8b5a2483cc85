package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// shutdownTime is what requests and sessions at work get to end.
const shutdownTime = 20 * time.Second

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run the server", Args: cobra.NoArgs,
		Example: `  martlet serve -c /etc/martlet/martlet.toml`,
		Long: `Run the server that martlet.toml describes, until SIGTERM or SIGINT: then held
phones are answered, sessions at work end, and the store is closed. SIGHUP has it
read the configuration again (martlet reload), SIGUSR2 has it replaced by the
binary that is now in its place (martlet upgrade).`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			after, err := inherit()
			if err != nil {
				return err
			}
			c, err := a.load()
			if err != nil {
				return after.failed(err)
			}
			log, level := newLogger(a.err, &c)
			return serve(cmd.Context(), c, launch{log: log, level: level, after: after})
		},
	}
}

func serve(ctx context.Context, c Config, l launch) error {
	log := l.log
	signals, quiet := wishes()
	defer quiet()
	l.upgrades, l.doors = newUpgrades(), &doorways{}
	log.Info("starting", "version", version(), "config", c.File, "store", c.StorePath, "sealed", c.Key != nil)
	if l.after != nil {
		l.doors = l.after.doors
		if err := l.after.await(ctx, &c); err != nil {
			return err
		}
	}
	s, err := l.start(ctx, c)
	if err != nil {
		return l.after.failed(err)
	}
	for _, err := range c.Missing {
		log.Warn("what is configured is not there", "error", err)
	}
	if !c.listens() {
		log.Warn(deaf)
	}
	log.Info("ready")
	if l.after == nil {
		notifySystemd("READY=1")
	} else {
		l.after.adopt(ctx, s)
		if err := l.after.ready(); err != nil {
			log.Warn("the process before this one is gone", "error", err)
		}
	}
	asked, failed := s.tend(ctx, signals)
	for asked != nil {
		if s, err = l.upgrade(ctx, s, *asked, signals); s == nil || err != nil {
			return err
		}
		asked, failed = s.tend(ctx, signals)
	}
	notifySystemd("STOPPING=1")
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	err = errors.Join(failed, s.Close(end))
	log.Info("stopped")
	return err
}

// tend does what the server is asked for until it is to be replaced, or to stop:
// then with the error of a listener that failed, if that is why.
func (s *server) tend(ctx context.Context, signals <-chan os.Signal) (*upgradeAsked, error) {
	for {
		select {
		case which := <-signals:
			if which == syscall.SIGUSR2 {
				return &upgradeAsked{make(chan upgradeAnswer, 1)}, nil
			}
			_, _ = s.reload(ctx) // it has logged what is wrong
		case asked := <-s.asked():
			return &asked, nil
		case <-ctx.Done():
			s.log.Info("stopping", "held", s.gateway.Held())
			return nil, nil
		case failed := <-s.Failed():
			s.log.Error("a listener failed; stopping", "error", failed)
			return nil, failed
		}
	}
}

// asked gives what the administration socket asks for.
func (s *server) asked() <-chan upgradeAsked {
	if s.upgrades == nil {
		return nil
	}
	return s.upgrades.asked
}

// deaf is said of a configuration that is right, yet of no use.
const deaf = "no listener is configured, so that nobody reaches the server: add [https] listen = \":443\" and the like"

// newLogger writes lines that a person or a collector reads. The journal puts a
// time on each line itself. The level can be changed later.
func newLogger(w io.Writer, c *Config) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(c.LogLevel)
	o := &slog.HandlerOptions{Level: level}
	if c.LogJSON {
		return slog.New(slog.NewJSONHandler(w, o)), level
	}
	if os.Getenv("JOURNAL_STREAM") != "" {
		o.ReplaceAttr = func(groups []string, attr slog.Attr) slog.Attr {
			if len(groups) == 0 && attr.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return attr
		}
	}
	return slog.New(slog.NewTextHandler(w, o)), level
}

// notifySystemd tells the service manager our state (sd_notify(3)), if it asked
// for it.
func notifySystemd(state string) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return
	}
	if name[0] == '@' {
		name = "\x00" + name[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return // nobody listens, so nobody waits
	}
	defer conn.Close()
	conn.Write([]byte(state))
}

func (a *app) configCommand() *cobra.Command {
	return group(&cobra.Command{Use: "config", Short: "Check the configuration"}, &cobra.Command{
		Use: "check", Short: "Read the configuration and say what is wrong with it", Args: cobra.NoArgs,
		Example: `  martlet config check -c /etc/martlet/martlet.toml`,
		RunE: func(*cobra.Command, []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			if len(c.Missing) > 0 {
				return errors.Join(c.Missing...)
			}
			if c.TLS.Mode == tlsFiles {
				p := &pair{cert: c.TLS.Cert, key: c.TLS.Key, log: slog.New(slog.DiscardHandler)}
				if err := p.usable(time.Now()); err != nil {
					return err
				}
				if err := p.loaded.Leaf.VerifyHostname(c.Hostname); c.Hostname != "" && err != nil {
					a.note("the certificate is not for hostname = %q: %v\n", c.Hostname, err)
				}
			}
			if a.json {
				return a.printJSON(map[string]string{"config": c.File, "store": c.StorePath})
			}
			a.printf("%s is right\n", c.File)
			if !c.listens() {
				a.printf("but %s\n", deaf)
			}
			return nil
		},
	})
}
