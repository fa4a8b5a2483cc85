package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"martlet/directory"
)

// listen reads an address or a list of them.
func (r *configReader) listen(section string, v any) []string {
	var all []string
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		all = []string{v}
	case []any:
		for _, x := range v {
			s, ok := x.(string)
			if !ok {
				r.fail(section, "listen", "an address is text, such as \"127.0.0.1:8080\"")
				return nil
			}
			all = append(all, s)
		}
	default:
		r.fail(section, "listen", "an address is text, such as \"127.0.0.1:8080\", or a list of them")
		return nil
	}
	for i, s := range all {
		if path, ok := strings.CutPrefix(s, "unix:"); ok && section == "lmtp" && path != "" {
			all[i] = "unix:" + r.path(path)
			continue
		}
		host, port, err := net.SplitHostPort(s)
		_, err2 := strconv.ParseUint(port, 10, 16)
		if err != nil || err2 != nil || !validHost(host) {
			r.fail(section, "listen", "%q is not host:port, such as \"127.0.0.1:8080\" or \":443\"", s)
			continue
		}
		if other, ok := r.taken[s]; ok && port != "0" {
			r.fail(section, "listen", "[%s] listens on %s already", other, s)
			continue
		}
		if r.taken == nil {
			r.taken = map[string]string{}
		}
		r.taken[s] = section
	}
	return all
}

func validHost(host string) bool {
	if host == "" || net.ParseIP(host) != nil {
		return true
	}
	if ip, _, ok := strings.Cut(host, "%"); ok { // an IPv6 zone
		return net.ParseIP(ip) != nil
	}
	_, err := directory.DomainOf("postmaster@" + host)
	return err == nil
}

// tls reads "self-signed", "acme" or { cert = "…", key = "…" }.
func (r *configReader) tls(f *configFile) TLSConfig {
	t := TLSConfig{Mode: tlsSelfSigned, Email: f.ACME.Email, Directory: f.ACME.Directory, Names: f.ACME.Names}
	switch v := f.HTTPS.TLS.(type) {
	case nil:
	case string:
		t.Mode = v
		if v != tlsSelfSigned && v != tlsACME {
			r.fail("https", "tls", "%q is none of \"self-signed\", \"acme\" and { cert = \"…\", key = \"…\" }", v)
		}
	case map[string]any:
		t.Mode = tlsFiles
		for k, x := range v {
			s, ok := x.(string)
			switch {
			case k != "cert" && k != "key":
				r.errs = append(r.errs, r.lines.Errorf([]any{"https", "tls", k}, "unknown key"))
			case !ok || s == "":
				r.errs = append(r.errs, r.lines.Errorf([]any{"https", "tls", k}, "the name of a file is wanted"))
			case k == "cert":
				t.Cert = r.file("cert", s)
			default:
				t.Key = r.file("key", s)
			}
		}
		if len(v) > 0 && (v["cert"] == nil || v["key"] == nil) || len(v) == 0 {
			r.fail("https", "tls", "both cert and key are needed")
		}
	default:
		r.fail("https", "tls", "\"self-signed\", \"acme\" or { cert = \"…\", key = \"…\" } is wanted")
	}
	r.acme(f, &t)
	return t
}

// file is a file of [https] tls, which must be there.
func (r *configReader) file(key, name string) string {
	path := r.path(name)
	if _, err := os.Stat(path); err != nil {
		var place *os.PathError
		if errors.As(err, &place) {
			err = place.Err
		}
		r.errs = append(r.errs, r.lines.Errorf([]any{"https", "tls", key}, "%s: %w", path, err))
	}
	return path
}

func (r *configReader) acme(f *configFile, t *TLSConfig) {
	if t.Mode != tlsACME {
		if line := r.lines.Of("acme"); line > 0 {
			r.errs = append(r.errs, r.lines.Errorf([]any{"acme"}, "this section is for [https] tls = \"acme\""))
		}
		return
	}
	if f.Hostname == "" && len(t.Names) == 0 {
		r.fail("https", "tls", "a certificate needs a name: set hostname, or names in [acme]")
	}
	if f.HTTPS.Listen == nil {
		r.fail("https", "tls", "the certificate authority calls back on port 443: set [https] listen = \":443\"")
	}
	if len(t.Names) == 0 && f.Hostname != "" {
		t.Names = []string{f.Hostname}
	}
	if t.Directory != "" && !strings.HasPrefix(t.Directory, "https://") {
		r.fail("acme", "directory", "an https:// URL is wanted")
	}
}

// configPath is where commands look for the configuration when none is named.
func configPath(named string, exists func(string) bool) string {
	if named != "" {
		return named
	}
	for _, p := range []string{"martlet.toml", filepath.Join("/etc", "martlet", "martlet.toml")} {
		if exists(p) {
			return p
		}
	}
	return "martlet.toml"
}

// listeners are the addresses of a door.
func (c *Config) listeners(door string) []string {
	switch door {
	case "http":
		return c.HTTP
	case "https":
		return c.HTTPS
	case "smtp":
		return c.SMTP
	case "submission":
		return c.Submission
	case "submissions":
		return c.Submissions
	case "lmtp":
		return c.LMTP
	case "imap":
		return c.IMAP
	case "imaps":
		return c.IMAPS
	case "pop3":
		return c.POP3
	case "pop3s":
		return c.POP3S
	case "sieve":
		return c.Sieve
	case "metrics":
		return c.Metrics
	}
	return nil
}
