package pushtest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"
)

// listener serves HTTPS, with HTTP/2, on a port of the loopback, with a
// certificate of its own. It can be gone for a while and come back at the same
// address.
type listener struct {
	address string
	roots   *x509.CertPool
	tls     *tls.Config
	handler http.Handler

	mu     sync.Mutex
	server *http.Server // nil while it is gone
	socket net.Listener // of the server
}

// connection is the key of a request's net.Conn in its context.
type connection struct{}

func listen(h http.Handler) (*listener, error) {
	cert, roots, err := certificate()
	if err != nil {
		return nil, err
	}
	l := &listener{
		address: "127.0.0.1:0",
		roots:   roots,
		tls:     &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		handler: h,
	}
	return l, l.start()
}

// url is where the server is, without a slash at the end.
func (l *listener) url() string { return "https://" + l.address }

// start begins to serve, at the address it had before.
func (l *listener) start() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server != nil {
		return nil
	}
	socket, err := net.Listen("tcp", l.address)
	if err != nil {
		return fmt.Errorf("pushtest: listen: %w", err)
	}
	l.address, l.socket = socket.Addr().String(), socket
	l.server = &http.Server{
		Handler:           l.handler,
		TLSConfig:         l.tls.Clone(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // clients that hang up are the point
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connection{}, c)
		},
	}
	go l.server.ServeTLS(socket, "", "")
	return nil
}

// stop closes the port and every connection: whoever comes is refused.
func (l *listener) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server != nil {
		l.socket.Close() // the server does not know it yet, if nobody has come
		l.server.Close()
		l.server = nil
	}
}

// hangUp resets the connection that a request came on, with all that is under
// way on it.
func hangUp(r *http.Request) {
	c, _ := r.Context().Value(connection{}).(net.Conn)
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	if c != nil {
		c.Close()
	}
	panic(http.ErrAbortHandler)
}

// certificate makes one for the loopback, which signs itself.
func certificate() (tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("pushtest: certificate: %w", err)
	}
	now := time.Now()
	form := &x509.Certificate{
		SerialNumber:          big.NewInt(now.UnixNano()),
		Subject:               pkix.Name{CommonName: "pushtest"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("pushtest: certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("pushtest: certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots, nil
}
