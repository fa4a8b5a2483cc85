package main

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"martlet/mail/dns"
	"martlet/mail/queue"
	"martlet/mail/relay"
)

// RelayConfig says how mail for other hosts is sent.
type RelayConfig struct {
	Routes           []relay.Route
	Limits           queue.Limits
	Port             uint16 // of other domains' mail hosts; zero: 25
	NoIPv6           bool
	Source4, Source6 netip.Addr
}

// relayFile is [relay].
type relayFile struct {
	hostsFile
	AtOnce         int      `toml:"at_once"`
	PerDestination int      `toml:"per_destination"`
	GiveUp         string   `toml:"give_up"`
	TellLate       string   `toml:"tell_late"`
	IPv6           *bool    `toml:"ipv6"`
	Source         []string `toml:"source"`
	Port           int      `toml:"port"`
}

// routeFile is one [[route]].
type routeFile struct {
	hostsFile
	Name    string   `toml:"name"`
	Domains []string `toml:"domains"`
	Senders []string `toml:"senders"`
}

// hostsFile names hosts that take mail for others.
type hostsFile struct {
	To           []string `toml:"to"`
	Weights      []int    `toml:"weights"`
	TLS          string   `toml:"tls"`
	User         string   `toml:"user"`
	PasswordFile string   `toml:"password_file"`
}

// Ports of relays whose port is not named.
const (
	relayPort    = 25
	relayTLSPort = 465
)

func (r *configReader) relay(f *relayFile, routes []routeFile) RelayConfig {
	c := RelayConfig{NoIPv6: f.IPv6 != nil && !*f.IPv6, Limits: queue.Limits{AtOnce: f.AtOnce, PerDestination: f.PerDestination}}
	if f.AtOnce < 0 || f.AtOnce > 1000 {
		r.fail("relay", "at_once", "a number of connections up to 1000")
	}
	if f.PerDestination < 0 || f.PerDestination > 1000 {
		r.fail("relay", "per_destination", "a number of connections up to 1000")
	}
	c.Limits.Lifetime = r.duration("relay", "give_up", f.GiveUp, time.Hour, 30*24*time.Hour)
	c.Limits.Late = r.duration("relay", "tell_late", f.TellLate, time.Minute, 30*24*time.Hour)
	if c.Port = uint16(f.Port); f.Port < 0 || f.Port > 65535 {
		r.fail("relay", "port", "%d is not a port", f.Port)
	}
	for _, s := range f.Source {
		switch a, err := netip.ParseAddr(s); {
		case err != nil:
			r.fail("relay", "source", "%q is not an address of this machine", s)
		case a.Is4():
			c.Source4 = a
		default:
			c.Source6 = a
		}
	}
	names := map[string]bool{}
	for i, route := range routes {
		c.Routes = append(c.Routes, r.route(i, &route, names))
	}
	if len(f.To) > 0 {
		fail := func(key, format string, args ...any) { r.fail("relay", key, format, args...) }
		c.Routes = append(c.Routes, relay.Route{Name: "relay", Hosts: r.relayHosts(&f.hostsFile, fail)})
	}
	return c
}

func (r *configReader) route(i int, f *routeFile, names map[string]bool) relay.Route {
	fail := func(key, format string, args ...any) {
		r.errs = append(r.errs, r.lines.Errorf([]any{"route", i, key}, format, args...))
	}
	out := relay.Route{Name: f.Name, Senders: f.Senders, Hosts: r.relayHosts(&f.hostsFile, fail)}
	for _, d := range f.Domains {
		if strings.Trim(d, "*.") == "" || strings.ContainsAny(d, "@ ") || strings.HasPrefix(d, "*") != strings.HasPrefix(d, "*.") {
			fail("domains", "%q is not a domain such as example.com, or *.example.com for those below it", d)
		}
		out.Domains = append(out.Domains, strings.ToLower(d))
	}
	for _, s := range f.Senders {
		if !strings.Contains(s, "@") || strings.HasSuffix(s, "@") {
			fail("senders", "%q is neither an address nor a domain such as @example.org", s)
		}
	}
	if len(f.To) == 0 {
		fail("to", "say where the mail goes: to = [\"host:port\"]")
	}
	if out.Name == "" && len(out.Domains) > 0 {
		out.Name = out.Domains[0]
	} else if out.Name == "" && len(out.Senders) > 0 {
		out.Name = out.Senders[0]
	} else if out.Name == "" {
		fail("domains", "say which mail goes this way: domains, senders or both")
	}
	if names[out.Name] || out.Name == "relay" {
		fail("name", "there is another route named %s: give this one a name", out.Name)
	}
	names[out.Name] = true
	return out
}

// relayHosts reads the hosts of [relay] or of a [[route]].
func (r *configReader) relayHosts(f *hostsFile, fail func(key, format string, args ...any)) (hosts []relay.Smarthost) {
	mode, port := relay.IfOffered, relayPort
	switch f.TLS {
	case "", "if-offered":
		if f.User != "" && f.TLS == "" {
			mode = relay.StartTLS
		}
	case "starttls":
		mode = relay.StartTLS
	case "tls":
		mode, port = relay.ImplicitTLS, relayTLSPort
	case "none":
		mode = relay.Plain
	default:
		fail("tls", "%q is none of if-offered, starttls, tls, none", f.TLS)
	}
	var password string
	switch {
	case (f.User == "") != (f.PasswordFile == ""):
		fail("user", "user and password_file belong together")
	case f.PasswordFile != "":
		b, err := os.ReadFile(r.path(f.PasswordFile))
		if password = strings.TrimRight(string(b), "\r\n"); err != nil {
			fail("password_file", "%v", err)
		} else if password == "" {
			fail("password_file", "the file is empty")
		}
	}
	if len(f.Weights) > 0 && len(f.Weights) != len(f.To) {
		fail("weights", "there are %d weights for %d hosts", len(f.Weights), len(f.To))
		return nil
	}
	for i, to := range f.To {
		h := relay.Smarthost{TLS: mode, User: f.User, Password: password}
		var err error
		if h.Host, h.Port, err = hostPort(to, uint16(port)); err != nil {
			fail("to", "%q is not a host such as smtp.example.com:587", to)
		}
		if len(f.Weights) > 0 {
			if h.Weight = f.Weights[i]; h.Weight < 1 || h.Weight > 1000 {
				fail("weights", "a weight is a number from 1 to 1000")
			}
		}
		hosts = append(hosts, h)
	}
	return hosts
}

func hostPort(s string, port uint16) (string, uint16, error) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.String(), port, nil
	}
	host := s
	if h, p, err := net.SplitHostPort(s); err == nil {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return "", 0, errors.New("not a port")
		}
		host, port = h, uint16(n)
	}
	if _, err := netip.ParseAddr(host); err != nil && (host == "" || strings.ContainsAny(host, ": /@[]")) {
		return "", 0, errors.New("not a host")
	}
	return host, port, nil
}

// duration reads a time such as "4h"; zero: it is not given.
func (r *configReader) duration(section, key, s string, least, most time.Duration) time.Duration {
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < least || d > most {
		r.fail(section, key, "%q is not a time such as \"4h\", from %v to %v", s, least, most)
	}
	return d
}

// relay is what takes mail to other hosts.
func (c *Config) relay(resolver *dns.Resolver, policies relay.Policies, log *slog.Logger) *relay.Relay {
	name := c.Hostname
	if name == "" {
		name = "localhost"
	}
	rc := relay.Config{DNS: resolver, Names: []string{name}, Self: c.isOurs, Routes: c.Relay.Routes, Policies: policies, Port: c.Relay.Port,
		NoIPv6: c.Relay.NoIPv6, Source4: c.Relay.Source4, Source6: c.Relay.Source6, Logger: log}
	return relay.New(rc)
}

// isOurs tells whether mail sent to an address would come to our own door for mail
// of others.
func (c *Config) isOurs(to netip.AddrPort) bool {
	if !slices.ContainsFunc(c.SMTP, func(at string) bool {
		_, port, err := net.SplitHostPort(at)
		return err == nil && port == strconv.Itoa(int(to.Port()))
	}) {
		return false
	}
	all, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(all, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && p.Addr() == to.Addr()
	})
}
