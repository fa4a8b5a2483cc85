package webpush

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"time"
)

// Bounds of what is kept open. Endpoints name thousands of hosts in the worst
// case and three or four in the usual one.
const (
	maxIdle        = 128
	maxIdlePerHost = 2
	maxPerHost     = 8 // each carries a hundred requests at once with HTTP/2
	maxHeader      = 16 << 10

	dialTimeout      = 10 * time.Second
	handshakeTimeout = 10 * time.Second
	idleTimeout      = 2 * time.Minute
	pingAfter        = 15 * time.Second // of silence
	pingTimeout      = 10 * time.Second
)

// newTransport is used without an http.Client, which would follow redirects: each
// host needs a token of its own, so the sender does that.
func newTransport(g *Guard, roots *x509.CertPool) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, Resolver: g.Resolver, Control: g.control}
	return &http.Transport{
		// No Proxy: it would resolve names behind the guard's back.
		DialContext: dialer.DialContext,
		TLSClientConfig: &tls.Config{
			RootCAs: roots, MinVersion: tls.VersionTLS12,
			ClientSessionCache: tls.NewLRUClientSessionCache(maxIdle),
		},
		TLSHandshakeTimeout:    handshakeTimeout,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		MaxConnsPerHost:        maxPerHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // a small answer must not become a large one
	}
}

// garbled tells whether an error of net/http is about what came and not about
// how. It has no types for that.
func garbled(err error) bool {
	text := err.Error()
	for _, s := range []string{
		"malformed HTTP", "malformed MIME", "PROTOCOL_ERROR", "FRAME_SIZE_ERROR", "COMPRESSION_ERROR",
		"frame too large", "server response headers exceeded", "response header list larger", "too many 1xx",
		"bad Content-Length", "multiple Content-Length", "invalid header",
	} {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}
