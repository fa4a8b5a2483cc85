package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"martlet/gateway/activesync"
	"martlet/gateway/admin"
	"martlet/mail/junk"
)

// reload reads the configuration again, and the certificate with it, and applies
// what can change while the server runs. What is wrong is returned with file,
// line and key, and then nothing changes.
func (s *server) reload(context.Context) (admin.Reloaded, error) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	done, err := s.reloadLocked()
	if err != nil {
		s.log.Error("configuration not reloaded; nothing has changed", "error", err)
		return done, err
	}
	attrs := []any{"config", s.config.File, "changed", strings.Join(done.Changed, " ")}
	if len(done.Restart) > 0 {
		attrs = append(attrs, "needs_restart", strings.Join(done.Restart, " "))
	}
	s.log.Info("configuration reloaded", attrs...)
	for _, err := range s.config.Missing {
		s.log.Warn("what is configured is not there", "error", err)
	}
	return done, nil
}

func (s *server) reloadLocked() (done admin.Reloaded, err error) {
	if s.config.File == "" {
		return done, errors.New("the configuration comes from no file")
	}
	next, err := loadConfig(s.config.File)
	if err != nil {
		return done, err
	}
	library, err := next.library(s.directory)
	if err != nil {
		return done, fmt.Errorf("%s: documents: %w", next.File, err)
	}
	var other *ways // to the services that wake apps
	if !reflect.DeepEqual(s.config.Push.live(), next.Push.live()) {
		if other, err = next.Push.newWays(s.log); err != nil {
			return done, fmt.Errorf("%s: push: %w", next.File, err)
		}
	}
	files := s.config.TLS.Mode == tlsFiles && next.TLS.Mode == tlsFiles
	var renewed bool
	if files { // the last that can fail
		if renewed, err = s.certs.files.replace(next.TLS.Cert, next.TLS.Key, time.Now()); err != nil {
			if other != nil {
				other.end()
			}
			return done, fmt.Errorf("%s: https.tls: %w", next.File, err)
		}
	}
	done.Changed, done.Restart = s.config.differences(&next)
	if renewed {
		done.Changed = append(done.Changed, "certificate")
	}
	if s.level != nil {
		s.level.Set(next.LogLevel)
	}
	s.gateway.Reconfigure(next.ActiveSync, library)
	s.filter.Use(next.Filter.policy())
	s.junk.SetOptions(next.Junk.Options)
	s.noReports.Store(next.Filter.NoReports)
	if other != nil {
		s.push.replace(other)
		if s.imap != nil {
			s.imap.Offer(next.appleMail(s.data.apps))
		}
	}
	// What needs a restart is compared with what was there at the start, each
	// time: it stays in the answer until there is one.
	s.config.LogLevel, s.config.ActiveSync, s.config.Documents, s.config.Missing, s.config.Filter = next.LogLevel, next.ActiveSync, next.Documents, next.Missing, next.Filter
	s.config.Junk.Options = next.Junk.Options
	next.Push.Detail = s.config.Push.Detail
	s.config.Push = next.Push
	if files {
		s.config.TLS.Cert, s.config.TLS.Key = next.TLS.Cert, next.TLS.Key
	}
	return done, nil
}

// differences names the settings in which two configurations differ: those that
// a running server can change, and the others.
func (c *Config) differences(next *Config) (now, restart []string) {
	differ := func(list *[]string, name string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			*list = append(*list, name)
		}
	}
	a, b := &c.ActiveSync, &next.ActiveSync
	differ(&now, "log.level", c.LogLevel, next.LogLevel)
	differ(&now, "activesync.password_recovery", a.PasswordRecovery, b.PasswordRecovery)
	differ(&now, "activesync.only_provisionable", a.OnlyProvisionable, b.OnlyProvisionable)
	differ(&now, "activesync.managed_elsewhere", a.ManagedElsewhere, b.ManagedElsewhere)
	differ(&now, "activesync.min_heartbeat", a.MinHeartbeat, b.MinHeartbeat)
	differ(&now, "activesync.max_heartbeat", a.MaxHeartbeat, b.MaxHeartbeat)
	differ(&now, "documents", c.Documents, next.Documents)
	differ(&now, "filter", c.Filter, next.Filter)
	differ(&now, "junk", c.Junk.Options, next.Junk.Options)
	differ(&now, "push", c.Push.live(), next.Push.live())
	tls := &restart
	if c.TLS.Mode == tlsFiles && next.TLS.Mode == tlsFiles {
		tls = &now
	}
	differ(tls, "https.tls", [3]string{c.TLS.Mode, c.TLS.Cert, c.TLS.Key}, [3]string{next.TLS.Mode, next.TLS.Cert, next.TLS.Key})
	return now, append(restart, c.fixed(next)...)
}

// fixed names the settings that differ and are read at the start alone: every
// field of Config that is not named in differences.
func (c *Config) fixed(next *Config) (names []string) {
	keys := map[string]string{
		"Hostname": "hostname", "StorePath": "store.path", "Key": "store.key_file", "LogJSON": "log.format", "TraceKeep": "log.trace_days",
		"HTTP": "http.listen", "HTTPS": "https.listen", "HTTP2": "https.http2", "SMTP": "smtp.listen", "Submission": "submission.listen",
		"Submissions": "submissions.listen", "LMTP": "lmtp.listen", "IMAP": "imap.listen", "IMAPS": "imaps.listen", "POP3": "pop3.listen", "POP3S": "pop3s.listen", "Sieve": "sieve.listen", "Metrics": "metrics.listen",
		"SMIMERoots": "smime.roots", "PrivateLists": "smime.private_lists",
		"FileBytes": "dav.files", "Push": "push.detail", "MaxMessageBytes": "smtp.max_message", "MaxSMTPPerIP": "smtp.sessions_per_host",
		"CheckSenders": "smtp.check_senders", "RefuseFull": "smtp.refuse_full", "OIDC": "oidc", "Traces": "traces", "ClientCerts": "client_certificates", "DNS": "dns", "STS": "mta_sts", "NoTLSReports": "tls_reports.send", "Relay": "relay", "TrustedResults": "smtp.trusted_results", "Junk": "junk.enabled", "Scan": "rspamd, clamd, milter",
	}
	a, b := *c, *next
	// What was compared before, what follows from others, and what no file says.
	for _, x := range []*Config{&a, &b} {
		x.LogLevel, x.ActiveSync, x.Documents, x.Missing, x.File, x.PublicURL = 0, activesync.Rules{}, nil, nil, "", ""
		x.TLS.Mode, x.TLS.Cert, x.TLS.Key = "", "", ""
		x.Filter, x.Junk.Options = FilterConfig{}, junk.Options{}
		x.Push, x.KeyFile = PushConfig{Detail: x.Push.Detail}, ""
	}
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range va.NumField() {
		name := va.Type().Field(i).Name
		x, y := va.Field(i).Interface(), vb.Field(i).Interface()
		if pool, ok := x.(*x509.CertPool); ok {
			if other := y.(*x509.CertPool); pool == other || pool != nil && other != nil && pool.Equal(other) {
				continue
			}
		} else if reflect.DeepEqual(x, y) {
			continue
		}
		switch key := keys[name]; {
		case name == "TLS":
			names = append(names, "acme")
		case key != "":
			names = append(names, key)
		default:
			names = append(names, strings.ToLower(name))
		}
	}
	return names
}

// replace takes the certificate in these files, if it can be used. It tells
// whether it is another one than before.
func (p *pair) replace(cert, key string, now time.Time) (changed bool, err error) {
	fresh := &pair{cert: cert, key: key, log: slog.New(slog.DiscardHandler)}
	if err := fresh.usable(now); err != nil {
		return false, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	changed = p.loaded == nil || !p.loaded.Leaf.Equal(fresh.loaded.Leaf)
	p.cert, p.key, p.loaded, p.stamp, p.checked, p.told = cert, key, fresh.loaded, fresh.stamp, now, time.Time{}
	p.lookAtEndLocked(now)
	return changed, nil
}

// wishes gives what SIGHUP and SIGUSR2 ask for until stop is called.
func wishes() (asked <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 4)
	signal.Notify(c, syscall.SIGHUP, syscall.SIGUSR2)
	return c, func() { signal.Stop(c) }
}

func (a *app) reloadCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reload", Short: "Have the running server read its configuration and certificates again", Args: cobra.NoArgs,
		Example: `  martlet reload -c /etc/martlet/martlet.toml`,
		Long: `Have the running server read martlet.toml and its certificates again, as SIGHUP
does, and say what has changed. The level of the log, [activesync], [[documents]],
[filter] and the files of [https] tls change at once, and no phone notices; what else
was edited is named, and waits for a restart or martlet upgrade. When anything in the
file is wrong nothing changes.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			s, err := admin.Dial(cmd.Context(), c.StorePath)
			if err != nil {
				return explained(err, &c)
			}
			defer s.Close()
			done, err := admin.Client{Transport: s}.Reload(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(done)
			}
			if len(done.Changed) > 0 {
				a.printf("changed: %s\n", strings.Join(done.Changed, ", "))
			}
			if len(done.Restart) > 0 {
				a.printf("waits for a restart or martlet upgrade: %s\n", strings.Join(done.Restart, ", "))
			}
			if len(done.Changed)+len(done.Restart) == 0 {
				a.printf("nothing has changed\n")
			}
			return nil
		},
	}
}
