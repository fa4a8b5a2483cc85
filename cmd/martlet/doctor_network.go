package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// certificate looks at what phones are shown.
func (d *doctor) certificate() {
	if len(d.c.HTTPS) == 0 {
		d.find("certificate", fine, "", "there is no [https]: a proxy in front has the certificate")
		return
	}
	p := &pair{cert: d.c.TLS.Cert, key: d.c.TLS.Key, log: discard()}
	switch d.c.TLS.Mode {
	case tlsACME:
		d.shown()
		return
	case tlsFiles:
	default:
		p.cert, p.key = filepath.Join(d.c.StorePath, tlsFolder, "self-signed.crt"), filepath.Join(d.c.StorePath, tlsFolder, "self-signed.key")
	}
	c, err := p.load()
	if err != nil {
		d.find("certificate", problem, "name the right files in [https] tls; cert holds the chain, key its key", "%v", err)
		return
	}
	chain := []*x509.Certificate{c.Leaf}
	for _, der := range c.Certificate[1:] {
		if x, err := x509.ParseCertificate(der); err == nil {
			chain = append(chain, x)
		}
	}
	d.firstSeen(chain[0])
	d.findings = append(d.findings, judgeChain(chain, d.c.Hostname, nil, time.Now())...)
}

// shown looks at the certificate that the running server shows.
func (d *doctor) shown() {
	if d.status == nil {
		d.find("certificate", warning, "start the server", "with tls = \"acme\" the certificate can be looked at when the server runs")
		return
	}
	at := strings.Fields(d.status.Listen["https"])
	if len(at) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(d.ctx, lookTime)
	defer cancel()
	dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: d.c.Hostname}} // it is judged below
	conn, err := dialer.DialContext(ctx, "tcp", at[0])
	if err != nil {
		d.find("certificate", problem, "the log says why it was not obtained; port 443 must be reachable from the internet under every name of [acme]", "no certificate is shown: %v", err)
		return
	}
	defer conn.Close()
	chain := conn.(*tls.Conn).ConnectionState().PeerCertificates
	d.firstSeen(chain[0])
	d.findings = append(d.findings, judgeChain(chain, d.c.Hostname, nil, time.Now())...)
}

// judgeChain tells what phones make of a certificate. With nil roots those of the
// system count.
func judgeChain(chain []*x509.Certificate, hostname string, roots *x509.CertPool, now time.Time) (out []finding) {
	leaf := chain[0]
	say := func(level, remedy, format string, args ...any) {
		out = append(out, finding{"certificate", level, fmt.Sprintf(format, args...), remedy})
	}
	ends := leaf.NotAfter.Format(time.DateOnly)
	switch left := leaf.NotAfter.Sub(now); {
	case left < 0:
		say(problem, "renew it; new files are read within a minute, or at once with martlet reload", "it has ended on %s: phones refuse it", ends)
	case left < endsSoon:
		say(warning, "see why it was not renewed", "it ends on %s", ends)
	default:
		say(fine, "", "good until %s", ends)
	}
	if leaf.NotBefore.After(now) {
		say(problem, "set the clock right, or wait", "it begins on %s only", leaf.NotBefore.Format(time.DateOnly))
	}
	if hostname != "" {
		if err := leaf.VerifyHostname(hostname); err != nil {
			say(problem, "get one for this name, or set hostname to one of its names", "it is not for %s but for %s", hostname, strings.Join(leaf.DNSNames, ", "))
		} else {
			say(fine, "", "it is for %s", hostname)
		}
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: leaf.NotBefore.Add(time.Second)})
	var unknown x509.UnknownAuthorityError
	switch {
	case err == nil:
		say(fine, "", "its chain leads to an authority that this machine trusts")
	case errors.As(err, &unknown) && leaf.Issuer.String() == leaf.Subject.String():
		say(warning, "tls = \"acme\", or files of an authority; or install it on every phone", "it is self-signed: phones refuse it unless it is installed on them")
	case errors.As(err, &unknown) && len(chain) == 1:
		say(problem, "put the certificates between it and the root into the file too (fullchain.pem)", "its chain is not whole: it alone is in the file, and %s is no authority that phones know", leaf.Issuer.CommonName)
	case errors.As(err, &unknown):
		say(warning, "phones need the authority installed, unless it is one they know", "its authority, %s, is not trusted by this machine", chain[len(chain)-1].Issuer.CommonName)
	default:
		say(problem, "get another one", "%v", err)
	}
	return out
}

// proxy asks the server by its public name, as phones do, and looks at what is
// in between.
func (d *doctor) proxy() {
	if len(d.c.HTTP) > 0 && len(d.c.HTTPS) == 0 {
		d.find("proxy", fine, proxyHelp, "there is only [http], so a proxy is in front")
	}
	if d.c.PublicURL == "" || d.status == nil {
		return
	}
	ctx, cancel := context.WithTimeout(d.ctx, lookTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.c.PublicURL+"/healthz", nil)
	if err != nil {
		return
	}
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, // the certificate was judged
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		d.find("proxy", warning, "look at DNS, firewall and port forwarding; some networks cannot reach their own public address", "the server is not reached at %s: %v", d.c.PublicURL, err)
		return
	}
	defer resp.Body.Close()
	if by := proxyOf(resp.Header); by != "" {
		d.find("proxy", warning, proxyHelp, "a proxy is in front: it says %q", by)
	} else if resp.StatusCode != http.StatusOK {
		d.find("proxy", problem, "something else answers there", "%s/healthz answers %s", d.c.PublicURL, resp.Status)
	} else {
		d.find("proxy", fine, "", "%s is answered by the server itself", d.c.PublicURL)
	}
}

// proxyOf is what a proxy says of itself in an answer (RFC 9110 7.6.3, 10.2.4).
// We say none of it.
func proxyOf(h http.Header) string {
	for _, name := range []string{"Via", "Server", "X-Served-By", "CF-Ray", "X-Cache"} {
		if v := h.Get(name); v != "" {
			return name + ": " + v
		}
	}
	return ""
}
