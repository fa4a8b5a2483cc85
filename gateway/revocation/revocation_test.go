package revocation

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newIssuer(t testing.TB) issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return issuer{cert, key}
}

// crl makes a list of the serial numbers.
func (i issuer) crl(t testing.TB, edit func(*x509.RevocationList), serials ...int64) []byte {
	t.Helper()
	l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour)}
	for _, n := range serials {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(n), RevocationTime: time.Now()})
	}
	if edit != nil {
		edit(l)
	}
	b, err := x509.CreateRevocationList(rand.Reader, l, i.cert, i.key)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func certificate(serial int64, points ...string) *x509.Certificate {
	return &x509.Certificate{SerialNumber: big.NewInt(serial), CRLDistributionPoints: points}
}

// server serves one list, and counts.
func server(t testing.TB, b []byte) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Write(b)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/list.crl", asked
}

func TestAListTellsWhoWasRevoked(t *testing.T) {
	ca := newIssuer(t)
	der := ca.crl(t, nil, 7, 8)
	for name, b := range map[string][]byte{"DER": der, "PEM": pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})} {
		url, asked := server(t, b)
		l := New(Config{Private: true})
		for serial, want := range map[int64]bool{7: true, 8: true, 9: false} {
			if got, err := l.Revoked(t.Context(), certificate(serial, url), ca.cert); err != nil || got != want {
				t.Errorf("%s: %d is revoked: %t, %v", name, serial, got, err)
			}
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("%s: fetched %d times", name, n)
		}
	}
}

func TestManyWhoAskAtOnceFetchOnce(t *testing.T) {
	ca := newIssuer(t)
	url, asked := server(t, ca.crl(t, nil, 7))
	l := New(Config{Private: true})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got, err := l.Revoked(t.Context(), certificate(7, url), ca.cert); err != nil || !got {
				t.Errorf("revoked: %t, %v", got, err)
			}
		})
	}
	all.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("fetched %d times", n)
	}
}

func TestWhatIsNoGoodListSaysNothing(t *testing.T) {
	ca, other := newIssuer(t), newIssuer(t)
	extension := func(id asn1.ObjectIdentifier, critical bool, value []byte) func(*x509.RevocationList) {
		return func(l *x509.RevocationList) {
			l.ExtraExtensions = append(l.ExtraExtensions, pkix.Extension{Id: id, Critical: critical, Value: value})
		}
	}
	point := asn1.ObjectIdentifier{2, 5, 29, 28}
	for name, b := range map[string][]byte{
		"nothing":           nil,
		"text":              []byte("not found"),
		"of another issuer": other.crl(t, nil, 7),
		"out of date": ca.crl(t, func(l *x509.RevocationList) {
			l.ThisUpdate, l.NextUpdate = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		}, 7),
		"not in force yet": ca.crl(t, func(l *x509.RevocationList) {
			l.ThisUpdate, l.NextUpdate = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
		}, 7),
		"a delta":           ca.crl(t, extension(asn1.ObjectIdentifier{2, 5, 29, 27}, true, []byte{2, 1, 1}), 7),
		"an indirect one":   ca.crl(t, extension(point, true, []byte{0x30, 3, 0x84, 1, 0xff}), 7),
		"of some reasons":   ca.crl(t, extension(point, true, []byte{0x30, 4, 0x83, 2, 6, 0x40}), 7),
		"of attributes":     ca.crl(t, extension(point, true, []byte{0x30, 3, 0x85, 1, 0xff}), 7),
		"of authorities":    ca.crl(t, extension(point, true, []byte{0x30, 3, 0x82, 1, 0xff}), 7),
		"of who knows what": ca.crl(t, extension(point, true, []byte{5, 0}), 7),
	} {
		url, _ := server(t, b)
		if got, err := New(Config{Private: true}).Revoked(t.Context(), certificate(7, url), ca.cert); !errors.Is(err, ErrUnknown) || got {
			t.Errorf("a list %s: revoked: %t, %v", name, got, err)
		}
	}
}

func TestAListOfUsersIsNotOfAuthorities(t *testing.T) {
	ca := newIssuer(t)
	url, _ := server(t, ca.crl(t, func(l *x509.RevocationList) {
		l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 3, 0x81, 1, 0xff}}}
	}, 7))
	l := New(Config{Private: true})
	if got, err := l.Revoked(t.Context(), certificate(7, url), ca.cert); err != nil || !got {
		t.Errorf("a user: %t, %v", got, err)
	}
	authority := certificate(7, url)
	authority.IsCA = true
	if _, err := l.Revoked(t.Context(), authority, ca.cert); !errors.Is(err, ErrUnknown) {
		t.Errorf("an authority: %v", err)
	}
}

func TestAServerThatDoesNotAnswerIsLeftAlone(t *testing.T) {
	ca := newIssuer(t)
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer s.Close()
	l := New(Config{Private: true})
	for range 3 {
		if _, err := l.Revoked(t.Context(), certificate(7, s.URL), ca.cert); !errors.Is(err, ErrOffline) {
			t.Errorf("%v", err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times within a minute", asked.Load())
	}
	// Another point that answers is as good.
	url, _ := server(t, ca.crl(t, nil, 7))
	if got, err := l.Revoked(t.Context(), certificate(7, s.URL, url), ca.cert); err != nil || !got {
		t.Errorf("with a second point: %t, %v", got, err)
	}
}

func TestTooLongAListIsNotRead(t *testing.T) {
	ca := newIssuer(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b := make([]byte, 1<<20)
		for range maxList>>20 + 2 {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	}))
	defer s.Close()
	if _, err := New(Config{Private: true}).Revoked(t.Context(), certificate(7, s.URL), ca.cert); !errors.Is(err, ErrOffline) {
		t.Errorf("%v", err)
	}
}

// Requests that a certificate could make us send to our own network.
func TestNothingPrivateIsConnectedTo(t *testing.T) {
	ca := newIssuer(t)
	url, asked := server(t, ca.crl(t, nil, 7))
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(strings.TrimSuffix(url, "/list.crl"), "http://"))
	l := New(Config{})
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"} {
		if _, err := l.Revoked(t.Context(), certificate(7, "http://"+host+":"+port+"/list.crl"), ca.cert); !errors.Is(err, ErrOffline) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if asked.Load() != 0 {
		t.Error("the server was asked")
	}
	for _, point := range []string{"file:///etc/passwd", "ldap://example.org/x", "http://user:secret@example.org/", "http://", "%", "ftp://example.org/", "http://example.org/" + strings.Repeat("x", maxURL)} {
		if _, err := l.Revoked(t.Context(), certificate(7, point), ca.cert); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", point, err)
		}
	}
}

func TestWhatIsPublic(t *testing.T) {
	for a, want := range map[string]bool{
		"8.8.8.8": true, "2a00:1450:4001::1": true, "::ffff:8.8.8.8": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false,
		"0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false,
		"::1": false, "::": false, "fe80::1": false, "fc00::1": false, "ff02::1": false, "::ffff:10.0.0.1": false, "64:ff9b::a00:1": false, "2002:a00:1::": false, "2001:db8::1": false, "fe80::1%eth0": false,
	} {
		if got := public(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s is public: %t", a, got)
		}
	}
}

func TestARedirectLeadsNowhereElse(t *testing.T) {
	ca := newIssuer(t)
	url, _ := server(t, ca.crl(t, nil, 7))
	for to, ok := range map[string]bool{url: true, "file:///etc/passwd": false, "gopher://example.org/": false} {
		s := httptest.NewServer(http.RedirectHandler(to, http.StatusFound))
		_, err := New(Config{Private: true}).Revoked(t.Context(), certificate(7, s.URL), ca.cert)
		if (err == nil) != ok {
			t.Errorf("to %s: %v", to, err)
		}
		s.Close()
	}
	var loop *httptest.Server
	loop = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, loop.URL, http.StatusFound) }))
	defer loop.Close()
	if _, err := New(Config{Private: true}).Revoked(t.Context(), certificate(7, loop.URL), ca.cert); !errors.Is(err, ErrOffline) {
		t.Errorf("in a circle: %v", err)
	}
}

func TestWhoeverAskedMayGo(t *testing.T) {
	ca := newIssuer(t)
	begun, end := make(chan struct{}), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(begun)
		<-end
	}))
	defer s.Close()
	defer close(end)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	if _, err := New(Config{Private: true}).Revoked(ctx, certificate(7, s.URL), ca.cert); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestOnlySoManyListsAreKept(t *testing.T) {
	l := New(Config{})
	for i := range maxLists + 10 {
		l.keep(key{url: string(rune(i))}, &list{until: time.Now().Add(time.Duration(i) * time.Minute), serials: map[string]struct{}{"1": {}}})
	}
	if len(l.kept) != maxLists || l.entries != maxLists {
		t.Errorf("%d lists with %d entries are kept", len(l.kept), l.entries)
	}
	if l.look(key{url: string(rune(maxLists + 9))}, time.Now()) == nil || l.look(key{url: string(rune(5))}, time.Now()) != nil {
		t.Error("the wrong ones were dropped")
	}
	if l.look(key{url: string(rune(maxLists + 9))}, time.Now().Add(24*time.Hour)) != nil {
		t.Error("one that is out of date is used")
	}
}

func FuzzRead(f *testing.F) {
	ca := newIssuer(f)
	f.Add(ca.crl(f, nil, 1, 2, 3))
	f.Add([]byte{0x30, 3, 0x84, 1, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := read(b, ca.cert, time.Now()); (got == nil) == (err == nil) {
			t.Fatalf("%v, %v", got, err)
		}
		// Past the signature, what a dishonest authority may write.
		_ = (&list{}).scope(&x509.RevocationList{Extensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Value: b}}})
	})
}
