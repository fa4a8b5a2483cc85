package main

import (
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"martlet/mail/filter"
	"martlet/mail/junk"
	"martlet/mail/scan"
)

// JunkConfig says how the filter that users teach judges.
type JunkConfig struct {
	Off     bool // nothing is judged by it; it learns all the same
	Options junk.Options
}

// ScanConfig names the other programs that judge messages.
type ScanConfig struct {
	Milters []milterConfig
	Clamd   *clamdConfig
	Rspamd  *rspamdConfig
}

type milterConfig struct {
	Name   string
	Closed bool
	scan.MilterConfig
}

type clamdConfig struct {
	Closed bool
	scan.ClamdConfig
}

type rspamdConfig struct {
	Closed bool
	scan.RspamdConfig
}

// junkFile is [junk].
type junkFile struct {
	Enabled       *bool    `toml:"enabled"`
	Threshold     *float64 `toml:"threshold"`
	Shared        *bool    `toml:"shared"`
	Implied       *bool    `toml:"implied"`
	AutoLearn     bool     `toml:"auto_learn"`
	OwnMinimum    *int     `toml:"own_minimum"`
	SharedMinimum *int     `toml:"shared_minimum"`
}

// scannerFile is what [rspamd], [clamd] and [[milter]] have in common.
type scannerFile struct {
	Fail      string `toml:"fail"`
	Timeout   string `toml:"timeout"`
	MaxSize   string `toml:"max_size"`
	Direction string `toml:"direction"`
}

// rspamdFile is [rspamd].
type rspamdFile struct {
	scannerFile
	URL            string `toml:"url"`
	Controller     string `toml:"controller"`
	PasswordFile   string `toml:"password_file"`
	Reject         string `toml:"reject"`
	RewriteSubject bool   `toml:"rewrite_subject"`
}

// clamdFile is [clamd].
type clamdFile struct {
	scannerFile
	Address []string `toml:"address"`
	Virus   string   `toml:"virus"`
}

// milterFile is one [[milter]].
type milterFile struct {
	scannerFile
	Name    string `toml:"name"`
	Address string `toml:"address"`
}

func (r *configReader) junk(f *junkFile) JunkConfig {
	c := JunkConfig{Off: f.Enabled != nil && !*f.Enabled}
	o := &c.Options
	o.Alone = f.Shared != nil && !*f.Shared
	o.Decided = f.Implied != nil && !*f.Implied
	o.AutoLearn = f.AutoLearn
	if f.Threshold != nil {
		if o.Threshold = *f.Threshold; !(o.Threshold > 0.5 && o.Threshold < 1) {
			r.fail("junk", "threshold", "a probability above 0.5 and below 1")
		}
	}
	for _, one := range []struct {
		key  string
		from *int
		to   *int
	}{{"own_minimum", f.OwnMinimum, &o.OwnMin}, {"shared_minimum", f.SharedMinimum, &o.SharedMin}} {
		if one.from == nil {
			continue
		}
		if *one.to = *one.from; *one.to < 1 {
			r.fail("junk", one.key, "a number of messages, at least 1")
		}
	}
	return c
}

func (r *configReader) scanners(f *configFile, hostname string) (c ScanConfig) {
	names := map[string]bool{"junk": true, "clamd": true, "rspamd": true}
	for i, m := range f.Milters {
		section := "milter." + strconv.Itoa(i)
		one := milterConfig{Name: m.Name}
		one.Address = r.address(section, m.Address)
		one.Hostname, one.Version = hostname, version()
		one.Closed, one.Common = r.scanner(section, &m.scannerFile)
		if one.Name == "" {
			one.Name = "milter"
		}
		if strings.ContainsFunc(one.Name, func(c rune) bool { return c <= ' ' || c > '~' || c == ';' || c == '(' || c == ')' }) || one.Name != "milter" && names[one.Name] {
			r.fail(section, "name", "%q is not a word of its own", one.Name)
		}
		names[one.Name] = true
		c.Milters = append(c.Milters, one)
	}
	if f.Clamd != nil {
		one := &clamdConfig{}
		if len(f.Clamd.Address) == 0 {
			r.fail("clamd", "address", "say where clamd is: [\"unix:/run/clamav/clamd.ctl\"] or [\"127.0.0.1:3310\"]")
		}
		for _, a := range f.Clamd.Address {
			one.Addresses = append(one.Addresses, r.address("clamd", a))
		}
		one.Junk = r.word("clamd", "virus", f.Clamd.Virus, "refuse", "junk") == 1
		one.Closed, one.Common = r.scanner("clamd", &f.Clamd.scannerFile)
		c.Clamd = one
	}
	if f.Rspamd != nil {
		one := &rspamdConfig{}
		one.URL, one.Controller = r.httpURL("url", f.Rspamd.URL), ""
		if f.Rspamd.Controller != "" {
			one.Controller = r.httpURL("controller", f.Rspamd.Controller)
		}
		if f.Rspamd.PasswordFile != "" {
			b, err := os.ReadFile(r.path(f.Rspamd.PasswordFile))
			if one.Password = strings.TrimRight(string(b), "\r\n"); err != nil {
				r.fail("rspamd", "password_file", "%v", err)
			}
		}
		one.Hostname = hostname
		one.RspamdConfig.Junk = r.word("rspamd", "reject", f.Rspamd.Reject, "refuse", "junk") == 1
		one.Subject = f.Rspamd.RewriteSubject
		if one.Closed, one.Common = r.scanner("rspamd", &f.Rspamd.scannerFile); f.Rspamd.Direction == "" {
			one.Direction = scan.Incoming
		}
		c.Rspamd = one
	}
	return c
}

// scanner reads what all scanners have.
func (r *configReader) scanner(section string, f *scannerFile) (closed bool, c scan.Common) {
	closed = r.word(section, "fail", f.Fail, "open", "closed") == 1
	c.Timeout = r.duration(section, "timeout", f.Timeout, 100*time.Millisecond, 2*time.Minute)
	c.MaxBytes = r.size(section, "max_size", f.MaxSize)
	c.Direction = scan.Direction(r.word(section, "direction", f.Direction, "both", "incoming", "outgoing"))
	return closed, c
}

// word reads one of some words; the first is the default.
func (r *configReader) word(section, key, s string, words ...string) int {
	if s == "" {
		return 0
	}
	i := slices.Index(words, s)
	if i < 0 {
		r.fail(section, key, "%q is none of %s", s, strings.Join(words, ", "))
		return 0
	}
	return i
}

// address reads where a program listens: host:port or unix:/path.
func (r *configReader) address(section, s string) string {
	if path, ok := strings.CutPrefix(s, "unix:"); ok && path != "" {
		return "unix:" + r.path(path)
	}
	if host, port, err := net.SplitHostPort(s); err != nil || host == "" || port == "" {
		r.fail(section, "address", "%q is neither host:port nor unix:/path", s)
	}
	return s
}

func (r *configReader) httpURL(key, s string) string {
	if path, ok := strings.CutPrefix(s, "unix:"); ok && path != "" && key == "url" {
		return "unix:" + r.path(path)
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		r.fail("rspamd", key, "%q is not a URL such as http://127.0.0.1:11333", s)
	}
	return s
}

// newScanners are the programs that are asked about messages, in this order: those
// that may change a message come first, so that the others see what is delivered.
func (s *server) newScanners(c *Config) (all []filter.Ask) {
	for i := range c.Scan.Milters {
		m := &c.Scan.Milters[i]
		all = append(all, filter.Ask{Name: m.Name, Scanner: scan.NewMilter(m.MilterConfig), Closed: m.Closed})
	}
	if v := c.Scan.Clamd; v != nil {
		all = append(all, filter.Ask{Name: "clamd", Scanner: scan.NewClamd(v.ClamdConfig), Closed: v.Closed})
	}
	if v := c.Scan.Rspamd; v != nil {
		rspamd := scan.NewRspamd(v.RspamdConfig)
		s.junk.Tell(rspamd)
		all = append(all, filter.Ask{Name: "rspamd", Scanner: rspamd, Closed: v.Closed})
	}
	if !c.Junk.Off {
		all = append(all, filter.Ask{Name: "junk", Scanner: s.junk})
	}
	return all
}
