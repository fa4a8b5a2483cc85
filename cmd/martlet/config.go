package main

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"martlet/directory"
	"martlet/directory/oidc"
	"martlet/documents"
	"martlet/gateway/activesync"
	"martlet/internal/tomlfile"
	"martlet/store"
)

// Config is everything a server is told. The zero value of each field is its
// default; only StorePath is needed.
type Config struct {
	Hostname  string // in EHLO and Received
	PublicURL string // where phones are told to come; empty: to stay where they asked
	File      string // where it was read from; empty: nowhere

	StorePath string // folder of rows, bodies and the administration socket
	Key       []byte // seals what is at rest; nil: nothing is sealed
	KeyFile   string // where it is

	LogLevel  slog.Level
	LogJSON   bool
	TraceKeep time.Duration // how long it is known what became of a message; zero: the default, negative: not at all

	// Listeners: host:port, or unix:/path for LMTP. None: not listened on.
	HTTP, HTTPS, SMTP, Submission, Submissions, LMTP, IMAP, IMAPS, POP3, POP3S, Sieve, Metrics []string

	STS          STSConfig // what others are told of TLS with us
	NoTLSReports bool      // nobody is told how TLS with them went

	TLS   TLSConfig
	HTTP2 bool // offered by HTTPS

	SMIMERoots   *x509.CertPool // nil: those of the system
	PrivateLists bool           // revocation lists may be in private networks

	ActiveSync activesync.Rules // for all phones

	Push PushConfig // apps that are woken

	DNS    DNSConfig    // whom mail asks
	Filter FilterConfig // how mail of others is judged
	Junk   JunkConfig   // what users teach
	Scan   ScanConfig   // other programs that judge
	Relay  RelayConfig  // how mail for other hosts is sent

	Documents []documents.Share // folders that phones may read
	Missing   []error           // what is named and not there now, as on a disk that is not mounted

	FileBytes       int64              // of each user, for WebDAV; zero: there are no files
	MaxMessageBytes int64              // zero: each door's default
	MaxSMTPPerIP    int                // sessions; zero: the default, negative: no limit
	CheckSenders    bool               // SPF, DKIM and DMARC are looked at
	ClientCerts     ClientCerts        // that let in without a password
	Traces          TracesConfig       // where traces go
	OIDC            []oidc.Issuer      // whose bearer tokens are believed
	RefuseFull      bool               // mail for full mailboxes is refused for good
	TrustedResults  []string           // servers in front of this one, whose Authentication-Results are believed
	HashCost        directory.HashCost // for tests and the demo
}

// TLSConfig says where the certificate comes from.
type TLSConfig struct {
	Mode      string // "self-signed" (also when empty), "acme" or "files"
	Cert, Key string // files
	Email     string // acme: for the certificate authority
	Directory string // acme: its URL; empty: Let's Encrypt
	Names     []string
}

// listens tells whether anybody can reach the server.
func (c *Config) listens() bool {
	return len(c.HTTP)+len(c.HTTPS)+len(c.SMTP)+len(c.Submission)+len(c.Submissions)+len(c.LMTP)+len(c.IMAP)+len(c.IMAPS)+len(c.POP3)+len(c.POP3S)+len(c.Sieve) > 0
}

const (
	tlsSelfSigned = "self-signed"
	tlsACME       = "acme"
	tlsFiles      = "files"
)

// configFile is martlet.toml. The places where more than one form is allowed
// are read by hand.
type configFile struct {
	Hostname string `toml:"hostname"`
	Store    struct {
		Path    string `toml:"path"`
		KeyFile string `toml:"key_file"`
	} `toml:"store"`
	Log struct {
		Level     string `toml:"level"`
		Format    string `toml:"format"`
		TraceDays *int   `toml:"trace_days"`
	} `toml:"log"`
	HTTP  listenFile `toml:"http"`
	HTTPS struct {
		Listen any  `toml:"listen"`
		TLS    any  `toml:"tls"`
		HTTP2  bool `toml:"http2"`
	} `toml:"https"`
	ACME struct {
		Email     string   `toml:"email"`
		Directory string   `toml:"directory"`
		Names     []string `toml:"names"`
	} `toml:"acme"`
	ActiveSync  rulesFile       `toml:"activesync"`
	SMIME       smimeFile       `toml:"smime"`
	SMTP        smtpFile        `toml:"smtp"`
	DNS         dnsFile         `toml:"dns"`
	Filter      filterFile      `toml:"filter"`
	Junk        junkFile        `toml:"junk"`
	Rspamd      *rspamdFile     `toml:"rspamd"`
	Clamd       *clamdFile      `toml:"clamd"`
	Milters     []milterFile    `toml:"milter"`
	Relay       relayFile       `toml:"relay"`
	STS         stsFile         `toml:"mta_sts"`
	TLSReports  tlsReportsFile  `toml:"tls_reports"`
	Routes      []routeFile     `toml:"route"`
	OIDC        []oidcFile      `toml:"oidc"`
	ClientCerts clientCertsFile `toml:"client_certificates"`
	Push        pushFile        `toml:"push"`
	DAV         davFile         `toml:"dav"`
	Documents   []documentsFile `toml:"documents"`
	Submission  listenFile      `toml:"submission"`
	Submissions listenFile      `toml:"submissions"`
	LMTP        listenFile      `toml:"lmtp"`
	IMAP        listenFile      `toml:"imap"`
	IMAPS       listenFile      `toml:"imaps"`
	POP3        listenFile      `toml:"pop3"`
	POP3S       listenFile      `toml:"pop3s"`
	Metrics     listenFile      `toml:"metrics"`
	Traces      tracesFile      `toml:"traces"`
	Sieve       listenFile      `toml:"sieve"`
}

// davFile is [dav].
type davFile struct {
	Files string `toml:"files"`
}

type listenFile struct {
	Listen any `toml:"listen"`
}

type smtpFile struct {
	Listen          any    `toml:"listen"`
	MaxMessage      string `toml:"max_message"`
	SessionsPerHost *int   `toml:"sessions_per_host"`
	CheckSenders    *bool  `toml:"check_senders"`
	RefuseFull      bool   `toml:"refuse_full"`
	// TrustedResults are servers whose Authentication-Results are believed.
	TrustedResults []string `toml:"trusted_results"`
}

// loadConfig reads and checks a configuration. Every error says file, line and
// key; they come joined. The key file is read too.
func loadConfig(name string) (Config, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w\nname one with -c, or make one: martlet quickstart you@example.org", err)
		}
		return Config{}, err
	}
	var f configFile
	lines, err := tomlfile.Decode(name, text, &f)
	if err != nil {
		return Config{}, err
	}
	r := configReader{lines: lines, base: filepath.Dir(name)}
	c := r.read(&f)
	c.File, c.Missing = name, r.missing
	if len(r.errs) > 0 {
		return Config{}, errors.Join(append(r.errs, r.missing...)...)
	}
	return c, nil
}

// configReader turns the file's values into a Config and collects what is
// wrong.
type configReader struct {
	lines *tomlfile.Lines
	base  string // relative paths begin here
	errs  []error
	// missing is what may come later, and no reason for people to have no mail.
	missing []error
	taken   map[string]string // address -> the section that listens on it
}

func (r *configReader) fail(section, key, format string, args ...any) {
	path := []any{key}
	if section != "" {
		path = []any{section, key}
	}
	if list, n, ok := strings.Cut(section, "."); ok { // one of several: "milter.0"
		if i, err := strconv.Atoi(n); err == nil {
			path = []any{list, i, key}
		}
	}
	r.errs = append(r.errs, r.lines.Errorf(path, format, args...))
}

func (r *configReader) read(f *configFile) Config {
	c := Config{Hostname: r.hostname(f.Hostname)}
	if f.Store.Path == "" {
		r.fail("store", "path", "the folder of the store is missing: add [store] path = \"data\"")
	}
	c.StorePath = r.path(f.Store.Path)
	c.Key, c.KeyFile = r.key(f.Store.KeyFile), r.path(f.Store.KeyFile)

	if f.Log.Level != "" {
		if err := c.LogLevel.UnmarshalText([]byte(f.Log.Level)); err != nil {
			r.fail("log", "level", "%q is none of debug, info, warn, error", f.Log.Level)
		}
	}
	switch f.Log.Format {
	case "", "text":
	case "json":
		c.LogJSON = true
	default:
		r.fail("log", "format", "%q is neither text nor json", f.Log.Format)
	}

	if n := f.Log.TraceDays; n != nil {
		if c.TraceKeep = time.Duration(*n) * 24 * time.Hour; *n == 0 {
			c.TraceKeep = -1
		}
		if *n < 0 || *n > 3650 {
			r.fail("log", "trace_days", "a number of days up to 3650, or 0 for none")
		}
	}
	c.HTTP = r.listen("http", f.HTTP.Listen)
	c.HTTPS = r.listen("https", f.HTTPS.Listen)
	c.HTTP2 = f.HTTPS.HTTP2
	c.SMTP = r.listen("smtp", f.SMTP.Listen)
	c.Submission = r.listen("submission", f.Submission.Listen)
	c.Submissions = r.listen("submissions", f.Submissions.Listen)
	c.LMTP = r.listen("lmtp", f.LMTP.Listen)
	c.IMAP = r.listen("imap", f.IMAP.Listen)
	c.IMAPS = r.listen("imaps", f.IMAPS.Listen)
	c.POP3 = r.listen("pop3", f.POP3.Listen)
	c.POP3S = r.listen("pop3s", f.POP3S.Listen)
	c.Metrics = r.listen("metrics", f.Metrics.Listen)
	c.Sieve = r.listen("sieve", f.Sieve.Listen)

	c.MaxMessageBytes = r.size("smtp", "max_message", f.SMTP.MaxMessage)
	if n := f.SMTP.SessionsPerHost; n != nil {
		if c.MaxSMTPPerIP = *n; *n == 0 {
			c.MaxSMTPPerIP = -1
		}
		if *n < 0 {
			r.fail("smtp", "sessions_per_host", "a number of sessions, or 0 for no limit")
		}
	}
	c.CheckSenders = f.SMTP.CheckSenders == nil || *f.SMTP.CheckSenders
	c.Traces = r.traces(&f.Traces)
	c.OIDC = r.oidc(f.OIDC)
	c.ClientCerts = r.clientCerts(&f.ClientCerts)
	c.RefuseFull = f.SMTP.RefuseFull
	c.TrustedResults = f.SMTP.TrustedResults
	if slices.ContainsFunc(c.TrustedResults, func(s string) bool { return s == "" || strings.ContainsAny(s, " \t;\"") }) {
		r.fail("smtp", "trusted_results", "names of servers, as they stand first in their Authentication-Results")
	}
	c.Filter = r.filter(&f.Filter, c.CheckSenders)
	c.Junk, c.Scan = r.junk(&f.Junk), r.scanners(f, c.Hostname)
	c.ActiveSync = r.rules(&f.ActiveSync)
	c.Documents = r.documents(f.Documents)
	c.FileBytes = r.size("dav", "files", f.DAV.Files)
	c.Push = r.push(&f.Push)
	c.DNS = r.dns(&f.DNS)
	c.STS = r.sts(&f.STS)
	c.NoTLSReports = f.TLSReports.Send != nil && !*f.TLSReports.Send
	c.Relay = r.relay(&f.Relay, f.Routes)
	c.TLS = r.tls(f)
	c.SMIMERoots, c.PrivateLists = r.smimeRoots(f.SMIME.Roots), f.SMIME.PrivateLists
	c.nameItself()
	return c
}

// nameItself uses the configured hostname for phones too, unless HTTPS is not
// where it belongs; without one the machine's own name does for SMTP.
func (c *Config) nameItself() {
	if c.Hostname == "" {
		name, err := os.Hostname()
		if err == nil && strings.Contains(name, ".") {
			c.Hostname = name
		}
		return
	}
	if c.Hostname != "localhost" && (len(c.HTTPS) == 0 || portOf(c.HTTPS) == 443) {
		c.PublicURL = "https://" + c.Hostname
	}
}

func (r *configReader) hostname(s string) string {
	if s == "" {
		return ""
	}
	d, err := directory.DomainOf("postmaster@" + s)
	if err != nil {
		r.fail("", "hostname", "%q is not a host name", s)
	}
	return d
}

func (r *configReader) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(r.base, p)
}

func (r *configReader) key(file string) []byte {
	if file == "" {
		return nil
	}
	key, err := readKey(r.path(file))
	if err != nil {
		r.fail("store", "key_file", "%v", err)
	}
	return key
}

// readKey reads the file that quickstart wrote: the key in base64.
func readKey(file string) ([]byte, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(key) != store.KeySize {
		return nil, fmt.Errorf("%s does not hold %d bytes in base64", file, store.KeySize)
	}
	return key, nil
}

// size reads a number of bytes with a unit.
func (r *configReader) size(section, key, s string) int64 {
	if s == "" {
		return 0
	}
	var n int64
	var unit string
	if _, err := fmt.Sscanf(strings.ReplaceAll(s, " ", "")+" ", "%d%s", &n, &unit); err != nil || n < 1 || n > 1<<20 {
		r.fail(section, key, "%q is not a size such as \"50 MiB\"", s)
		return 0
	}
	switch strings.ToLower(unit) {
	case "kib":
		return n << 10
	case "mib":
		return n << 20
	}
	r.fail(section, key, "%q is not a size in KiB or MiB", s)
	return 0
}
