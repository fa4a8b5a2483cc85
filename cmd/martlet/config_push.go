package main

import (
	"crypto/x509"
	"errors"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"

	"martlet/mail/announce"
	"martlet/push/apns"
	"martlet/push/fcm"
	"martlet/push/webpush"
)

// PushConfig is what the administrator says of the apps that are woken.
type PushConfig struct {
	Detail  announce.Detail // the most that alerts say
	APNs    []apns.App
	Sandbox map[string]bool // of APNs: apps that are still being built may register too
	FCM     []fcm.App
	WebPush []webpush.App // one at most
	Allow   []netip.Prefix
	Origins []string

	APNsServer, SandboxServer string // instead of Apple's; empty: Apple's
	Roots                     []byte // who may vouch for the services, in PEM; nil: whom the system trusts
}

// configured tells whether any app is.
func (c *PushConfig) configured() bool { return len(c.APNs)+len(c.FCM)+len(c.WebPush) > 0 }

// live is what can change while the server runs.
func (c PushConfig) live() PushConfig {
	c.Detail = 0 // the book has it from the start
	return c
}

// pushFile is [push].
type pushFile struct {
	Detail        string       `toml:"detail"`
	APNsServer    string       `toml:"apns_server"`
	SandboxServer string       `toml:"apns_sandbox_server"`
	FCMServer     string       `toml:"fcm_server"`
	Roots         string       `toml:"roots"`
	APNs          []apnsFile   `toml:"apns"`
	FCM           []fcmFile    `toml:"fcm"`
	WebPush       *webPushFile `toml:"webpush"`
}

type apnsFile struct {
	Name         string `toml:"name"`
	Topic        string `toml:"topic"`
	KeyFile      string `toml:"key_file"`
	KeyID        string `toml:"key_id"`
	TeamID       string `toml:"team_id"`
	Cert         string `toml:"cert"`
	CertKey      string `toml:"cert_key"`
	CertPassword string `toml:"cert_password"`
	Sandbox      bool   `toml:"sandbox"`
	Generic      string `toml:"generic"`
}

type fcmFile struct {
	Name           string `toml:"name"`
	ServiceAccount string `toml:"service_account"`
}

type webPushFile struct {
	Name    string   `toml:"name"`
	Subject string   `toml:"subject"`
	KeyFile string   `toml:"key_file"`
	Allow   []string `toml:"allow"`
	Origins []string `toml:"origins"`
}

// pushReader reads one of the tables of [push].
type pushReader struct {
	*configReader
	at   []any           // "push", "apns", 0
	seen map[string]bool // names of apps
	bad  bool            // something in this table is wrong
}

func (r *pushReader) wrong(key, format string, args ...any) {
	r.bad = true
	at := append([]any(nil), r.at...)
	if key != "" {
		at = append(at, key)
	}
	r.errs = append(r.errs, r.lines.Errorf(at, format, args...))
}

// wrongElement names an element of a list.
func (r *pushReader) wrongElement(key string, i int, format string, args ...any) {
	r.bad = true
	r.errs = append(r.errs, r.lines.Errorf(append(append([]any(nil), r.at...), key, i), format, args...))
}

func (r *configReader) push(f *pushFile) PushConfig {
	seen := map[string]bool{}
	top := pushReader{configReader: r, at: []any{"push"}, seen: seen}
	c := PushConfig{
		Sandbox: map[string]bool{}, Roots: top.roots(f.Roots), Detail: top.detail(f.Detail),
		APNsServer: top.server("apns_server", f.APNsServer), SandboxServer: top.server("apns_sandbox_server", f.SandboxServer),
	}
	google := top.server("fcm_server", f.FCMServer)
	for i := range f.APNs {
		p := pushReader{configReader: r, at: []any{"push", "apns", i}, seen: seen}
		a := p.apns(&f.APNs[i])
		c.APNs = append(c.APNs, a)
		c.Sandbox[a.Name] = f.APNs[i].Sandbox
	}
	for i := range f.FCM {
		p := pushReader{configReader: r, at: []any{"push", "fcm", i}, seen: seen}
		c.FCM = append(c.FCM, p.fcm(&f.FCM[i], google))
	}
	if f.WebPush != nil {
		p := pushReader{configReader: r, at: []any{"push", "webpush"}, seen: seen}
		c.WebPush = []webpush.App{p.webPush(f.WebPush)}
		c.Allow, c.Origins = p.networks(f.WebPush.Allow), p.origins(f.WebPush.Origins)
	}
	return c
}

func (r *pushReader) detail(s string) announce.Detail {
	all := []announce.Detail{announce.DetailPreview, announce.DetailSubject, announce.DetailSender, announce.DetailNone}
	for _, d := range all {
		if s == d.String() || s == "" {
			return d
		}
	}
	r.wrong("detail", "%q is none of preview, subject, sender, none", s)
	return announce.DetailNone
}

// appName is what apps may be called in registrations.
var appName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (r *pushReader) name(name string) string {
	switch {
	case name == "":
		r.wrong("name", "the name is missing, by which the app registers")
	case !appName.MatchString(name):
		r.wrong("name", "%q is not a name of at most 64 letters, digits, dots and dashes", name)
	case r.seen[name]:
		r.wrong("name", "%q stands for another app already", name)
	}
	r.seen[name] = true
	return name
}

// content reads a file that must be there.
func (r *pushReader) content(key, name, what string) []byte {
	if name == "" {
		r.wrong(key, "%s is missing", what)
		return nil
	}
	b, err := os.ReadFile(r.path(name))
	if err != nil {
		var place *os.PathError
		if errors.As(err, &place) {
			err = place.Err
		}
		r.wrong(key, "%s: %w", r.path(name), err)
	}
	return b
}

func (r *pushReader) roots(name string) []byte {
	if name == "" {
		return nil
	}
	pem := r.content("roots", name, "the file")
	if pem != nil && !x509.NewCertPool().AppendCertsFromPEM(pem) {
		r.wrong("roots", "%s holds no certificate in PEM", name)
	}
	return pem
}

func (r *pushReader) server(key, s string) string {
	if s == "" {
		return ""
	}
	if u, err := url.Parse(s); err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" {
		r.wrong(key, "%q is not an address such as https://gateway.example.org:2197", s)
	}
	return s
}

func (r *pushReader) apns(f *apnsFile) apns.App {
	a := apns.App{Name: r.name(f.Name), Topic: f.Topic, KeyID: f.KeyID, TeamID: f.TeamID, Generic: f.Generic, Password: f.CertPassword}
	key := "key_file"
	switch {
	case f.Cert != "" && f.KeyFile+f.KeyID+f.TeamID != "":
		r.wrong("cert", "key_file with key_id and team_id, or cert; not both")
	case f.Cert != "":
		key = "cert"
		a.Certificate = r.content(key, f.Cert, "the certificate")
		if f.CertKey != "" {
			a.CertificateKey = r.content("cert_key", f.CertKey, "its key")
		}
	default:
		if f.Topic == "" {
			r.wrong("topic", "the topic is missing: the bundle id of the app")
		}
		a.Key = r.content(key, f.KeyFile, "the .p8 file that Apple gave out")
		for name, id := range map[string]string{"key_id": f.KeyID, "team_id": f.TeamID} {
			if !appleID.MatchString(id) {
				r.wrong(name, "%q is not one of Apple's ids of ten letters and digits", id)
			}
		}
	}
	if r.bad {
		return a
	}
	if s, err := apns.New(apns.Config{Apps: []apns.App{a}, StartExpired: true}); err != nil {
		r.wrong(key, "%w", err)
	} else {
		a.Topic, _ = s.Topic(a.Name) // of a certificate, which may name it
		s.Close()
	}
	return a
}

// appleID is an id of a key or a team.
var appleID = regexp.MustCompile(`^[A-Z0-9]{10}$`)

func (r *pushReader) fcm(f *fcmFile, server string) fcm.App {
	a := fcm.App{Name: r.name(f.Name), ServiceAccount: r.content("service_account", f.ServiceAccount, "the JSON file of the service account")}
	if server != "" {
		a.Endpoint = server + "/v1"
	}
	if r.bad {
		return a
	}
	if s, err := fcm.New(fcm.Config{Apps: []fcm.App{a}}); err != nil {
		r.wrong("service_account", "%w", err)
	} else {
		s.Close()
	}
	return a
}

// defaultWebApp is the name of web apps when none is set.
const defaultWebApp = "web"

func (r *pushReader) webPush(f *webPushFile) webpush.App {
	if f.Name == "" {
		f.Name = defaultWebApp
	}
	a := webpush.App{Name: r.name(f.Name), Subject: f.Subject}
	if f.KeyFile == "" {
		r.wrong("key_file", "the VAPID key is missing; make one with martlet push key %s", vapidFile)
		return a
	}
	text := r.content("key_file", f.KeyFile, "the VAPID key")
	if r.bad {
		return a
	}
	key, err := webpush.ParseVAPID(string(text))
	if err != nil {
		r.wrong("key_file", "%s: %w", f.KeyFile, err)
		return a
	}
	a.Key = key
	if s, err := webpush.New(webpush.Config{Apps: []webpush.App{a}}); err != nil {
		r.wrong("subject", "%w", err)
	} else {
		s.Close()
	}
	return a
}

func (r *pushReader) networks(list []string) (all []netip.Prefix) {
	for i, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			r.wrongElement("allow", i, "%q is not a network such as 10.1.2.0/24", s)
			continue
		}
		all = append(all, p.Masked())
	}
	return all
}

// origins are written as browsers send them (RFC 6454 6.2).
func (r *pushReader) origins(list []string) []string {
	for i, s := range list {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Scheme+"://"+strings.ToLower(u.Host) != s {
			r.wrongElement("origins", i, "%q is not an origin such as https://mail.example.org", s)
		}
	}
	return list
}
