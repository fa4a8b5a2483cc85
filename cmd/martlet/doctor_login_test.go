package main

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"martlet/directory/oidc"
	"martlet/push/apns"
)

func TestTheDoctorAsksIssuers(t *testing.T) {
	var says string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/openid-configuration" || says == "" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, says)
	}))
	defer s.Close()
	for answer, want := range map[string][2]string{
		`{"issuer":"` + s.URL + `"}`:           {fine, "answers"},
		`{"issuer":"https://id.example.org/"}`: {problem, "calls itself"},
		`<html>`:                               {problem, "not that of an issuer"},
		``:                                     {problem, "404"},
	} {
		says = answer
		d := &doctor{ctx: t.Context(), c: Config{OIDC: []oidc.Issuer{{URL: s.URL}}}}
		d.issuers()
		if levels, texts := found(d.findings, "OIDC"); levels != want[0] || !strings.Contains(texts, want[1]) {
			t.Errorf("%q: %s: %s", answer, levels, texts)
		}
	}
}

func TestTheDoctorSeesCertificatesForAppsEnd(t *testing.T) {
	now := time.Now()
	for want, end := range map[string]time.Time{"ok": now.AddDate(0, 6, 0), "ok warning": now.AddDate(0, 0, 2), "ok problem": now.AddDate(0, 0, -1)} {
		c := (&authority{t: t}).issue("app.example.org", false, now.AddDate(-1, 0, 0), end).cert
		d := &doctor{ctx: t.Context()}
		d.c.Push.APNs = []apns.App{{Name: "ios", Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})}}
		d.apps()
		if levels, texts := found(d.findings, "push"); levels != want {
			t.Errorf("%s, want %s: %s", levels, want, texts)
		}
	}
}
