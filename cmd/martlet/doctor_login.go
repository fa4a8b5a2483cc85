package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"martlet/push/apns"
)

// issuers looks whether those who give bearer tokens answer (OpenID Connect
// Discovery 1.0, 4).
func (d *doctor) issuers() {
	for _, i := range d.c.OIDC {
		if err := d.discovers(i.URL); err != nil {
			d.find("OIDC", problem, "look at [[oidc]] issuer, and whether this machine reaches it: until then nobody can log in with its tokens", "%s: %v", i.URL, err)
		} else {
			d.find("OIDC", fine, "", "%s answers", i.URL)
		}
	}
}

func (d *doctor) discovers(issuer string) error {
	ctx, cancel := context.WithTimeout(d.ctx, lookTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: d.transport}).Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", resp.Status)
	}
	var said struct {
		Issuer string `json:"issuer"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxTalk)).Decode(&said); err != nil {
		return errors.New("its answer is not that of an issuer")
	}
	if said.Issuer != issuer {
		return fmt.Errorf("it calls itself %s, and its tokens name that", printable(said.Issuer))
	}
	return nil
}

// apps tells which apps can be woken, and which credentials end.
func (d *doctor) apps() {
	p := &d.c.Push
	if !p.configured() {
		d.find("push", fine, "", "no app is configured; phones that hold a request are woken without one")
		return
	}
	d.find("push", fine, "", "apps: %d of APNs, %d of FCM, %d of Web Push", len(p.APNs), len(p.FCM), len(p.WebPush))
	for i := range p.APNs {
		d.appleCertificate(&p.APNs[i], time.Now())
	}
}

// appleCertificate looks when a certificate for APNs ends; keys do not end, and what
// is in PKCS #12 is not opened here.
func (d *doctor) appleCertificate(a *apns.App, now time.Time) {
	for rest := a.Certificate; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil || c.IsCA {
			continue
		}
		ends := c.NotAfter.Format(time.DateOnly)
		switch left := c.NotAfter.Sub(now); {
		case left < 0:
			d.find("push", problem, "get another one from Apple", "the certificate for the app %s has ended on %s: it is not woken", a.Name, ends)
		case left < endsSoon:
			d.find("push", warning, "get another one from Apple", "the certificate for the app %s ends on %s", a.Name, ends)
		}
		return
	}
}
