package tlspolicy

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/mail/dns"
	"martlet/mail/dns/dnstest"
	"martlet/store"
)

// authority is a certificate authority of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB, above *authority) *authority {
	t.Helper()
	c := &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a := &authority{}
	a.cert, a.key = issue(t, above, c)
	return a
}

// serial numbers the certificates of a test.
func issue(t testing.TB, by *authority, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if c.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		t.Fatal(err)
	}
	if c.NotBefore.IsZero() {
		c.NotBefore = time.Now().Add(-time.Hour)
	}
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(30 * 24 * time.Hour)
	}
	parent, signer := c, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// leaf issues a certificate for names, with the chain up to and with the authority.
func (a *authority) leaf(t testing.TB, names ...string) tls.Certificate {
	t.Helper()
	return a.sign(t, &x509.Certificate{DNSNames: names})
}

func (a *authority) sign(t testing.TB, c *x509.Certificate) tls.Certificate {
	t.Helper()
	c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	cert, key := issue(t, a, c)
	return tls.Certificate{Certificate: [][]byte{cert.Raw, a.cert.Raw}, PrivateKey: key, Leaf: cert}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// house is Policies with a name server, a web server and a store of their own.
type house struct {
	*Policies
	dns *dnstest.Server
	ca  *authority
	web *web
}

// web is a web server for all names that its certificate has.
type web struct {
	*httptest.Server

	mu     sync.Mutex
	status int
	kind   string
	body   string
	asked  []string
	posted [][]byte
}

func (w *web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, r.Method+" https://"+r.Host+r.URL.Path)
	rw.Header().Set("Content-Type", w.kind)
	status := w.status
	if status/100 == 3 {
		if r.URL.Path == "/elsewhere" {
			status = 200
		}
		rw.Header().Set("Location", "https://mta-sts.example.org/elsewhere")
	}
	if r.Method == http.MethodPost {
		body := make([]byte, 64<<10)
		n := 0
		for {
			m, err := r.Body.Read(body[n:])
			if n += m; err != nil {
				break
			}
		}
		w.posted = append(w.posted, body[:n])
	}
	rw.WriteHeader(status)
	if strings.HasPrefix(r.Host, "mta-sts.") {
		rw.Write([]byte(w.body))
	}
}

func (w *web) serve(status int, kind, body string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status, w.kind, w.body = status, kind, body
}

func (w *web) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	asked := w.asked
	w.asked = nil
	return asked
}

const policyText = "version: STSv1\r\nmode: enforce\r\nmx: mx.example.org\r\nmax_age: 604800\r\n"

func newHouse(t *testing.T, zone string) *house {
	t.Helper()
	h := &house{dns: dnstest.Start(t, zone), ca: newAuthority(t, nil)}
	h.web = &web{status: 200, kind: "text/plain; charset=utf-8", body: policyText}
	h.web.Server = httptest.NewUnstartedServer(h.web)
	h.web.TLS = &tls.Config{Certificates: []tls.Certificate{h.ca.leaf(t, "mta-sts.example.org", "reports.example.org")}}
	h.web.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	h.web.StartTLS()
	t.Cleanup(h.web.Close)
	s, err := store.Open(store.Config{Path: filepath.Join(t.TempDir(), "rows")})
	if err != nil {
		t.Fatal(err)
	}
	h.Policies = New(Config{
		Store: s, DNS: h.resolver(), Hostname: "out.example.com", Contact: "postmaster@example.com", Roots: h.ca.pool(), Logger: slog.New(slog.DiscardHandler), Private: true,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, h.web.Listener.Addr().String())
		},
	})
	t.Cleanup(func() {
		h.fetches.Wait()
		err := h.Check(context.Background(), func(p store.Problem) { t.Errorf("%+v", p) })
		if err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// resolver gives up soon.
func (h *house) resolver() *dns.Resolver {
	cfg := h.dns.Config()
	cfg.Timeout = 300 * time.Millisecond
	return dns.New(cfg)
}

// restart is the same with an empty memory and an empty cache of the DNS.
func (h *house) restart() {
	cfg := h.cfg
	cfg.DNS = h.resolver()
	h.fetches.Wait()
	h.Policies = New(cfg)
}
