package apns_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/push"
	"martlet/push/apns"
	"martlet/push/pushtest"
)

func p8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func ecKey(t *testing.T, curve elliptic.Curve) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return p8(t, key)
}

func file(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWrongConfigurationIsNamedPlainly(t *testing.T) {
	service, err := pushtest.NewAPNs()
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	certificate := func(topic string, expiry time.Time) ([]byte, []byte) {
		cert, key, err := service.NewCertificate(topic, expiry)
		if err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	cert, key := certificate(topic, time.Time{})
	expired, expiredKey := certificate(topic, time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC))
	_, otherKey := certificate(topic, time.Time{})
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := ecKey(t, elliptic.P256())
	right := apns.App{Name: "mail", Topic: topic, Key: good, KeyID: "KEY1234567", TeamID: team}
	with := func(change func(*apns.App)) apns.App {
		a := right
		change(&a)
		return a
	}
	for _, c := range []struct {
		name string
		apps []apns.App
		want []string // what the error must say
	}{
		{"no name", []apns.App{with(func(a *apns.App) { a.Name = "" })}, []string{"no name"}},
		{"a name twice", []apns.App{right, right}, []string{`"mail"`, "twice"}},
		{"nothing to prove itself with", []apns.App{{Name: "mail", Topic: topic}}, []string{`"mail"`, "neither"}},
		{"key and certificate", []apns.App{with(func(a *apns.App) { a.Certificate = cert })}, []string{"both"}},
		{"a short key id", []apns.App{with(func(a *apns.App) { a.KeyID = "KEY" })}, []string{"key id", `"KEY"`, "10 characters"}},
		{"a long team id", []apns.App{with(func(a *apns.App) { a.TeamID = "TEAM1234567" })}, []string{"team id", "10 characters"}},
		{"no topic", []apns.App{with(func(a *apns.App) { a.Topic = "" })}, []string{"topic is missing"}},
		{"a topic that is none", []apns.App{with(func(a *apns.App) { a.Topic = "My App" })}, []string{`"My App"`, "bundle id"}},
		{"no PEM", []apns.App{with(func(a *apns.App) { a.Key = []byte("AuthKey") })}, []string{"no .p8 file"}},
		{"a certificate as key", []apns.App{with(func(a *apns.App) { a.Key = cert })}, []string{"no .p8 file", "CERTIFICATE"}},
		{"a damaged key", []apns.App{with(func(a *apns.App) {
			a.Key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("?")})
		})}, []string{"damaged"}},
		{"an RSA key", []apns.App{with(func(a *apns.App) { a.Key = p8(t, rsaKey) })}, []string{"not an EC key"}},
		{"another curve", []apns.App{with(func(a *apns.App) { a.Key = ecKey(t, elliptic.P384()) })}, []string{"P-384", "P-256"}},
		{"two keys of one id", []apns.App{right, with(func(a *apns.App) { a.Name, a.Key = "b", ecKey(t, elliptic.P256()) })}, []string{`"b"`, "another key", "KEY1234567"}},
		{"an expired certificate", []apns.App{{Name: "mail", Certificate: expired, CertificateKey: expiredKey}}, []string{"expired on 2024-05-06"}},
		{"a certificate of another topic", []apns.App{{Name: "mail", Topic: "com.example.other", Certificate: cert, CertificateKey: key}}, []string{topic, "com.example.other"}},
		{"a certificate without a key", []apns.App{{Name: "mail", Certificate: cert}}, []string{"no private key"}},
		{"a certificate with another's key", []apns.App{{Name: "mail", Certificate: cert, CertificateKey: otherKey}}, []string{"not the one of the certificate"}},
		{"a file without a certificate", []apns.App{{Name: "mail", Certificate: key}}, []string{"no certificate"}},
		{"a PKCS #12 file of a new kind", []apns.App{{Name: "mail", Certificate: file(t, "modern.p12"), Password: "sample"}}, []string{"PKCS #12", "openssl pkcs12"}},
		{"a wrong password", []apns.App{{Name: "mail", Certificate: file(t, "legacy.p12"), Password: "guess"}}, []string{"PKCS #12", "password"}},
		{"a generic text without end", []apns.App{with(func(a *apns.App) { a.Generic = strings.Repeat("x", 201) })}, []string{"generic text"}},
		{"several things", []apns.App{with(func(a *apns.App) { a.KeyID = "" }), {Name: "second"}}, []string{"key id", `"second"`, "neither"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := apns.New(apns.Config{Apps: c.apps})
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "MIGH") || strings.Contains(err.Error(), "guess") {
				t.Errorf("%q gives something away", err)
			}
		})
	}
	for _, host := range []string{"api.push.apple.com", "http://localhost:1", "https://", "https://x/y", "https://u:p@x", "https://x?y", ":"} {
		if _, err := apns.New(apns.Config{Host: host}); err == nil {
			t.Errorf("host %q: no error", host)
		}
	}
}

func TestCertificatesAuthenticateTheConnection(t *testing.T) {
	r := newRig(t, func(c *apns.Config) { c.Apps = nil })
	cert, key, err := r.service.NewCertificate(topic, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for name, app := range map[string]apns.App{
		"in two files": {Name: "mail", Certificate: cert, CertificateKey: key},
		"in one file":  {Name: "mail", Topic: topic, Certificate: slices.Concat(key, cert)},
	} {
		t.Run(name, func(t *testing.T) {
			config := r.config
			config.Apps = []apns.App{app}
			s, err := apns.New(config)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if o := s.Send(t.Context(), r.target(), alert()); o.Result != push.Accepted {
				t.Errorf("outcome %+v, want it accepted", o)
			}
			if got, ok := s.Topic("mail"); got != topic || !ok {
				t.Errorf("topic %q %t", got, ok)
			}
		})
	}
}

func TestAServerStartsAlthoughACertificateHasRunOut(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		expiry time.Time
		log    string
		want   push.Result
	}{
		{time.Now().Add(-time.Hour), "has expired", push.BadApp},
		{time.Now().Add(48 * time.Hour), "expires soon", push.Accepted},
		{time.Now().Add(100 * 24 * time.Hour), "", push.Accepted},
	} {
		cert, key, err := r.service.NewCertificate(topic, c.expiry)
		if err != nil {
			t.Fatal(err)
		}
		config := r.config
		config.Apps, config.StartExpired = []apns.App{{Name: "mail", Certificate: cert, CertificateKey: key}}, true
		r.log.Reset()
		s, err := apns.New(config)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.log.String(); (c.log == "") != (got == "") || !strings.Contains(got, c.log) {
			t.Errorf("%v: log %q, want %q", c.expiry, got, c.log)
		}
		if o := s.Send(t.Context(), r.target(), alert()); o.Result != c.want {
			t.Errorf("%v: outcome %+v, want %s", c.expiry, o, c.want)
		}
		s.Close()
	}
}

func TestPKCS12OfTheKeychainIsRead(t *testing.T) {
	s, err := apns.New(apns.Config{Apps: []apns.App{{Name: "mail", Certificate: file(t, "legacy.p12"), Password: "sample"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got, _ := s.Topic("mail"); got != topic {
		t.Errorf("topic %q", got)
	}
	if _, ok := s.Topic("other"); ok {
		t.Error("an app that is not there has a topic")
	}
}

// A certificate that the service does not know is refused in the handshake:
// no further attempt would be any better.
func TestCertificateRefusedInTheHandshakeIsTheApps(t *testing.T) {
	r := newRig(t, func(c *apns.Config) {
		c.Apps = []apns.App{{Name: "mail", Certificate: file(t, "legacy.p12"), Password: "sample"}}
	})
	if o := r.send(t, alert()); o.Result != push.BadApp {
		t.Errorf("outcome %+v, want bad_app", o)
	}
}

// Apps that share a key share its token and its connection; those with keys of
// their own do not, since Apple binds a connection to one key.
func TestAppsShareAConnectionAsTheyShareAKey(t *testing.T) {
	service, err := pushtest.NewAPNs()
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	both, err := service.NewKey(team, "com.example.a", "com.example.b")
	if err != nil {
		t.Fatal(err)
	}
	alone, err := service.NewKey("OTHERTEAM1", "com.example.c")
	if err != nil {
		t.Fatal(err)
	}
	app := func(name string, k pushtest.APNsKey) apns.App {
		return apns.App{Name: name, Topic: "com.example." + name, Key: k.P8, KeyID: k.KeyID, TeamID: k.TeamID}
	}
	s, err := apns.New(apns.Config{
		Apps: []apns.App{app("a", both), app("b", both), app("c", alone)},
		Host: service.HostURL(), Roots: service.Roots(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 3 {
		for _, name := range []string{"a", "b", "c"} {
			token := service.Install("com.example." + name)
			if o := s.Send(t.Context(), push.Target{Kind: push.APNs, App: name, Token: token}, alert()); o.Result != push.Accepted {
				t.Errorf("%s: outcome %+v, want it accepted", name, o)
			}
		}
	}
	if n := service.Connections(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

func TestSandboxTargetsGoToTheSandbox(t *testing.T) {
	sandbox, err := pushtest.NewAPNs()
	if err != nil {
		t.Fatal(err)
	}
	defer sandbox.Close()
	r := newRig(t, func(c *apns.Config) {
		c.SandboxHost = sandbox.HostURL()
		c.Roots.AppendCertsFromPEM(sandbox.RootsPEM())
	})
	target := r.target()
	target.Sandbox = true
	r.sender.Send(t.Context(), target, alert())
	if p, s := r.service.Requests(), sandbox.Requests(); p != 0 || s != 1 {
		t.Errorf("%d requests to production and %d to the sandbox, want 0 and 1", p, s)
	}
}
