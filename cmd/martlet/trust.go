package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/feedback"
	"martlet/mail/filter"
	"martlet/mail/sign"
	"martlet/mail/smtp"
	"martlet/store"
)

// newSigner is what signs mail that goes out.
func (d *data) newSigner(c *Config, log *slog.Logger) *sign.Signer {
	return sign.New(sign.Config{Store: d.store, Directory: d.directory, Lookup: d.dns.LookupTXT, Hostname: c.Hostname, Logger: log})
}

// newFeedback is what counts and reads DMARC reports.
func (d *data) newFeedback(c *Config, log *slog.Logger) *feedback.Book {
	host := c.Hostname
	if host == "" {
		host = "localhost"
	}
	return feedback.New(feedback.Config{
		Store: d.store, Directory: d.directory, Lookup: d.dns.LookupTXT, Hostname: host,
		Organisation: host, Contact: "postmaster@" + host, Logger: log,
		Send: func(ctx context.Context, to string, raw []byte, then func(*store.Tx) error) error {
			return d.router.Notice(ctx, to, raw, then)
		},
	})
}

// judge makes the filter of all listeners.
func (s *server) judge(c *Config) *filter.Filter {
	f := filter.Config{
		Resolver: s.dns, Store: s.store, Hostname: c.Hostname, Policy: c.Filter.policy(), Scanners: s.scanners, Logger: s.log,
		Reports: s.readReports,
	}
	s.noReports.Store(c.Filter.NoReports)
	f.Observe = func(o filter.Outcome) {
		if !s.noReports.Load() {
			s.feedback.Observe(o)
		}
	}
	return filter.New(f)
}

// judgeOf is who judges what comes to a listener.
func (s *server) judgeOf(mode smtp.Mode) smtp.Filter {
	switch mode {
	case smtp.Submission:
		return s.filter.Submission()
	case smtp.LMTP:
		return s.filter.Relayed()
	default:
		return s.filter
	}
}

// readReports reads the reports that come to the address for them. Everybody could
// write there: only who is known counts.
func (s *server) readReports(ctx context.Context, env *mail.Envelope, raw []byte, auth filter.Auth) {
	s.reloading.Lock()
	inbox := s.config.Filter.Inbox
	s.reloading.Unlock()
	if inbox == "" || !auth.Authentic && !auth.Inside {
		return
	}
	for _, to := range env.To {
		if !strings.EqualFold(to.Address, inbox) {
			continue
		}
		if s.readTLSReport(ctx, env.Trace.ID, auth.From, raw) {
			return
		}
		n, err := s.feedback.Receive(ctx, raw)
		if err != nil {
			s.log.Info("a DMARC report was not read", "id", env.Trace.ID, "from", auth.From, "read", n, "error", err)
		} else {
			s.log.Info("DMARC reports read", "id", env.Trace.ID, "from", auth.From, "read", n)
		}
		return
	}
}

// lookEvery is how often the DNS is asked for new signing keys; every sixth time what
// is remembered of senders is swept.
const lookEvery = 10 * time.Minute

// keepTrust does what the judge, the signer and the reports need from time to time.
func (s *server) keepTrust(ctx context.Context) {
	s.running.Go(func() { s.complain(ctx, "count for DMARC reports", s.feedback.Run(ctx)) })
	s.running.Go(func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for n := 0; ; n++ {
			s.complain(ctx, "keep signing keys", s.signer.Keep(ctx))
			if n%6 == 0 {
				s.sweepTrust(ctx)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
}

func (s *server) sweepTrust(ctx context.Context) {
	s.complain(ctx, "sweep what greylisting remembers", s.filter.Sweep(ctx))
	s.complain(ctx, "sweep DMARC reports", s.feedback.Sweep(ctx, time.Now()))
	if now := time.Now(); now.UTC().Hour() > 0 { // an hour for clocks that differ
		s.complain(ctx, "send DMARC reports", s.feedback.Send(ctx, now))
	}
}
