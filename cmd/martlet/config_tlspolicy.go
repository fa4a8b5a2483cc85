package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"martlet/mail/tlspolicy"
)

// STSConfig says what other servers are told of TLS with ours (MTA-STS).
type STSConfig struct {
	Mode   string // "testing", "enforce", "none", or "off": they are told nothing
	MaxAge time.Duration
	Hosts  []string // mail hosts; none: the hostname
}

// defaultSTSAge is what RFC 8461 3.2 finds usual: weeks.
const defaultSTSAge = 7 * 24 * time.Hour

// stsFile is [mta_sts].
type stsFile struct {
	Mode   string   `toml:"mode"`
	MaxAge string   `toml:"max_age"`
	Hosts  []string `toml:"hosts"`
}

// tlsReportsFile is [tls_reports].
type tlsReportsFile struct {
	Send *bool `toml:"send"`
}

func (r *configReader) sts(f *stsFile) STSConfig {
	c := STSConfig{Mode: "testing", MaxAge: defaultSTSAge, Hosts: f.Hosts}
	switch f.Mode {
	case "":
	case "testing", "enforce", "none", "off":
		c.Mode = f.Mode
	default:
		r.fail("mta_sts", "mode", "%q is none of testing, enforce, none, off", f.Mode)
	}
	if f.MaxAge != "" {
		c.MaxAge = r.duration("mta_sts", "max_age", f.MaxAge, 24*time.Hour, 365*24*time.Hour)
	}
	p := tlspolicy.STS{Mode: tlspolicy.ModeNone, MaxAge: c.MaxAge, Patterns: f.Hosts}
	if _, err := tlspolicy.ParseSTS(p.String()); err != nil {
		r.fail("mta_sts", "hosts", "names of mail hosts, such as mail.example.org or *.mail.example.org")
	}
	return c
}

// stsPolicy is the text that is served; empty: none.
func (c *Config) stsPolicy() string {
	p := tlspolicy.STS{Mode: tlspolicy.Mode(c.STS.Mode), MaxAge: c.STS.MaxAge, Patterns: c.STS.Hosts}
	if len(p.Patterns) == 0 {
		p.Patterns = []string{strings.ToLower(c.Hostname)}
	}
	text := p.String()
	if _, err := tlspolicy.ParseSTS(text); err != nil { // off, or no name that others could know
		return ""
	}
	return text
}

// newPolicies is what is known of TLS with other servers.
func (d *data) newPolicies(c *Config, log *slog.Logger) *tlspolicy.Policies {
	return tlspolicy.New(tlspolicy.Config{
		Store: d.store, DNS: d.dns, Hostname: c.Hostname, Contact: "postmaster@" + c.Hostname, Silent: c.NoTLSReports || c.Hostname == "", Logger: log,
		Send: func(ctx context.Context, to string, raw []byte) error { return d.router.Notice(ctx, to, raw, nil) },
	})
}
