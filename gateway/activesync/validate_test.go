package activesync_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"martlet/gateway"
	"martlet/gateway/revocation"
	"martlet/sync/engine"
)

// trust gives the house another door, with these authorities and with lists of
// revoked certificates on this machine.
func (h *house) trust(t testing.TB, roots ...*authority) {
	t.Helper()
	pool := x509.NewCertPool()
	for _, a := range roots {
		pool.AddCert(a.cert)
	}
	server, err := gateway.New(gateway.Config{
		Store: h.store, Directory: h.directory, Devices: h.devices, Mailboxes: h.mailboxes, Router: h.router, Schedule: h.schedule, Hub: h.hub,
		Engine: engine.New(engine.Config{Store: h.store, Devices: h.devices, Source: h.mailboxes}),
		Logger: slog.New(slog.DiscardHandler), Roots: pool, Revocation: revocation.New(revocation.Config{Private: true}),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.server, h.handler = server, server.Handler()
}

// crl is an authority's list of revoked certificates.
func (a *authority) crl(serials ...*big.Int) []byte {
	a.t.Helper()
	l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour)}
	for _, n := range serials {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: n, RevocationTime: time.Now()})
	}
	b, err := x509.CreateRevocationList(rand.Reader, l, a.cert, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return b
}

// published serves bytes that may be set later.
func published(t testing.TB, b *[]byte) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if *b == nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Write(*b)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func validateRequest(chain [][]byte, check string, ders ...[]byte) string {
	var b strings.Builder
	list := func(name string, all [][]byte) {
		if len(all) == 0 {
			return
		}
		b.WriteString("<" + name + ">")
		for _, der := range all {
			b.WriteString("<Certificate>" + in64(der) + "</Certificate>")
		}
		b.WriteString("</" + name + ">")
	}
	list("CertificateChain", chain)
	list("Certificates", ders)
	if check != "" {
		b.WriteString("<CheckCRL>" + check + "</CheckCRL>")
	}
	return `<ValidateCert xmlns="ValidateCert">` + b.String() + `</ValidateCert>`
}

// statusList are the statuses of the whole and of the certificates.
func statusList(doc string) string { return strings.Join(elements(doc, "Status"), " ") }

// MS-ASCMD 2.2.3.177.18, certificate by certificate.
func TestWhatIsWrongWithCertificates(t *testing.T) {
	h := build(t)
	root := newAuthority(t, "Root", nil, nil)
	stranger := newAuthority(t, "Stranger", nil, nil)
	middle := newAuthority(t, "Middle", root, nil)
	expired := newAuthority(t, "Expired", root, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	servers := newAuthority(t, "Servers", root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	namesake := newAuthority(t, "Middle", root, nil)
	short := newAuthority(t, "Short", root, func(c *x509.Certificate) { c.MaxPathLenZero = true })
	below := newAuthority(t, "Below", short, nil)
	h.trust(t, root)

	// An end-entity that issues certificates.
	posing := &authority{t: t, key: newKey(t)}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(77), Subject: stranger.cert.Subject, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true}
	tmpl.Subject.CommonName = "Posing"
	der, err := x509.CreateCertificate(rand.Reader, tmpl, root.cert, &posing.key.PublicKey, root.key)
	if err == nil {
		posing.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	forged := middle.issue("anna@example.org", nil)
	forged[len(forged)-5] ^= 1 // in the signature
	good := middle.issue("anna@example.org", nil)
	chain := [][]byte{middle.cert.Raw}
	for _, tc := range []struct {
		name  string
		chain [][]byte
		der   []byte
		want  string
	}{
		{"good (R4474)", chain, good, "1"},
		{"good, from the root itself", nil, root.issue("anna@example.org", nil), "1"},
		{"its chain in disorder", [][]byte{root.cert.Raw, stranger.cert.Raw, middle.cert.Raw}, good, "1"},
		{"a broken signature (R4479)", chain, forged, "3"},
		{"of an issuer's namesake", [][]byte{stranger.cert.Raw}, namesake.issue("a@example.org", nil), "4"},
		{"nobody knows the issuer (R4482)", nil, stranger.issue("a@example.org", nil), "4"},
		{"a root that is not trusted", [][]byte{stranger.cert.Raw}, stranger.issue("a@example.org", nil), "4"},
		{"the issuer is missing", nil, good, "4"},
		{"a chain that cannot be read (R4485)", [][]byte{[]byte("no certificate")}, good, "5"},
		{"a chain that is too long", [][]byte{short.cert.Raw, below.cert.Raw}, below.issue("a@example.org", nil), "5"},
		{"not for mail (R4487)", chain, middle.issue("a@example.org", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), "6"},
		{"for everything", chain, middle.issue("a@example.org", func(c *x509.Certificate) { c.ExtKeyUsage = nil }), "1"},
		{"expired (R4491)", chain, middle.issue("a@example.org", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), "7"},
		{"not valid yet (R4490)", chain, middle.issue("a@example.org", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), "7"},
		{"of an authority that has expired (R4494)", [][]byte{expired.cert.Raw}, expired.issue("a@example.org", nil), "8"},
		{"of an authority for servers (R4497)", [][]byte{servers.cert.Raw}, servers.issue("a@example.org", nil), "9"},
		{"no certificate (R4500)", nil, []byte("no certificate"), "10"},
		{"a certificate and more", nil, append(root.issue("a@example.org", nil), 0), "10"},
		{"far too long", nil, make([]byte, 20<<10), "10"},
		{"of an end-entity (R4504)", [][]byte{posing.cert.Raw}, posing.issue("a@example.org", nil), "11"},
		{"an authority's (R5847)", nil, middle.cert.Raw, "11"},
	} {
		for _, version := range []string{"12.1", "14.0", "14.1", "16.1"} {
			p := newPhone(t, h, "d"+version, version)
			p.provision()
			if got := statusList(p.send("ValidateCert", validateRequest(tc.chain, "", tc.der))); got != "1 "+tc.want {
				t.Errorf("%s at %s: statuses %s, want 1 %s", tc.name, version, got, tc.want)
			}
		}
	}
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	if got := statusList(p.send("ValidateCert", validateRequest(chain, "", forged, good, []byte("x")))); got != "1 3 1 10" {
		t.Errorf("three together: %s", got)
	}
	folded := base64.StdEncoding.EncodeToString(good)
	folded = folded[:64] + "\r\n" + folded[64:]
	doc := p.send("ValidateCert", `<ValidateCert xmlns="ValidateCert"><CertificateChain><Certificate>`+in64(middle.cert.Raw)+`</Certificate></CertificateChain><Certificates><Certificate>`+folded+`</Certificate></Certificates></ValidateCert>`)
	if got := statusList(doc); got != "1 1" {
		t.Errorf("folded: %s", got)
	}
}

// MS-ASCMD_R686, R688, R893, R895.
func TestRevokedCertificates(t *testing.T) {
	var rootList, middleList []byte
	rootURL, middleURL := published(t, &rootList), published(t, &middleList)
	root := newAuthority(t, "Root", nil, nil)
	middle := newAuthority(t, "Middle", root, func(c *x509.Certificate) { c.CRLDistributionPoints = []string{rootURL} })
	der := middle.issue("anna@example.org", func(c *x509.Certificate) { c.CRLDistributionPoints = []string{middleURL} })
	silent := middle.issue("anna@example.org", nil) // names no list
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name            string
		root, middle    []byte
		der             []byte
		lenient, strict string
	}{
		{"nothing is revoked", root.crl(), middle.crl(), der, "1", "1"},
		{"the certificate is revoked (R4509)", root.crl(), middle.crl(cert.SerialNumber), der, "13", "13"},
		{"the authority is revoked (R4515)", root.crl(middle.cert.SerialNumber), middle.crl(), der, "15", "15"},
		{"both", root.crl(middle.cert.SerialNumber), middle.crl(cert.SerialNumber), der, "13", "13"},
		{"no server answers (R4512)", nil, nil, der, "1", "14"},
		{"one does not answer", root.crl(), nil, der, "1", "14"},
		{"one does not answer, the authority is revoked", root.crl(middle.cert.SerialNumber), nil, der, "15", "15"},
		{"a list of somebody else (R4517)", root.crl(), root.crl(), der, "1", "16"},
		{"no list is named", root.crl(), middle.crl(), silent, "1", "16"},
	} {
		for check, want := range map[string]string{"": tc.lenient, "0": tc.lenient, "1": tc.strict} {
			h := build(t)
			h.trust(t, root)
			rootList, middleList = tc.root, tc.middle
			p := newPhone(t, h, "iphone", "16.1")
			p.provision()
			if got := statusList(p.send("ValidateCert", validateRequest([][]byte{middle.cert.Raw}, check, tc.der))); got != "1 "+want {
				t.Errorf("%s, CheckCRL %q: statuses %s, want 1 %s", tc.name, check, got, want)
			}
		}
	}
}

func TestWrongValidateRequests(t *testing.T) {
	h := build(t)
	root := newAuthority(t, "Root", nil, nil)
	h.trust(t, root)
	der := root.issue("anna@example.org", nil)
	many := func(n int) (all [][]byte) {
		for range n {
			all = append(all, der)
		}
		return all
	}
	for _, tc := range []struct{ name, request, want string }{
		{"nothing", `<ValidateCert xmlns="ValidateCert"/>`, "2"},
		{"no certificates", `<ValidateCert xmlns="ValidateCert"><Certificates/></ValidateCert>`, "2"},
		{"a chain alone", validateRequest([][]byte{root.cert.Raw}, ""), "2"},
		{"a hundred", validateRequest(nil, "", many(100)...), "1"},
		{"one more (MS-ASCMD_R5662)", validateRequest(nil, "", many(101)...), "2"},
		{"one more with the chain", validateRequest([][]byte{root.cert.Raw}, "", many(100)...), "2"},
		{"CheckCRL that is neither", validateRequest(nil, "2", der), "2"},
		{"CheckCRL that is text", validateRequest(nil, "yes", der), "2"},
		{"another command", `<Ping xmlns="Ping"/>`, "2"},
	} {
		for _, version := range []string{"12.1", "14.0", "14.1", "16.0", "16.1"} {
			p := newPhone(t, h, "d"+version, version)
			p.provision()
			doc := p.send("ValidateCert", tc.request)
			if got := element(doc, "Status"); got != tc.want || tc.want == "2" && strings.Contains(doc, "<Certificate>") {
				t.Errorf("%s at %s: status %s, want %s\n%.500s", tc.name, version, got, tc.want, doc)
			}
		}
	}
}

func FuzzValidateCert(f *testing.F) {
	h := build(f)
	root := newAuthority(f, "Root", nil, nil)
	middle := newAuthority(f, "Middle", root, nil)
	h.trust(f, root)
	f.Add(middle.issue("a@example.org", nil), middle.cert.Raw, true)
	f.Add(root.issue("a@example.org", nil), []byte("x"), false)
	p := newPhone(f, h, "fuzz", "16.1")
	p.provision()
	f.Fuzz(func(t *testing.T, der, chain []byte, check bool) {
		p := *p
		p.t = t
		crl := "0"
		if check {
			crl = "1"
		}
		got := elements(p.send("ValidateCert", validateRequest([][]byte{chain, root.cert.Raw}, crl, der, der)), "Status")
		if len(got) != 3 || got[0] != "1" || got[1] != got[2] {
			t.Errorf("statuses %v", got)
		}
	})
}

// parsed reads a certificate in base64.
func parsed(t testing.TB, text string) *x509.Certificate {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
