package gateway

import (
	"errors"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"martlet/directory"
	"martlet/directory/lockout"
	"martlet/gateway/activesync"
)

// caller is who asks, for directory/lockout.
func caller(r *http.Request, at directory.Protocol) lockout.Caller {
	c := lockout.Caller{Addr: remoteOf(r), Protocol: at}
	if at == directory.ProtocolActiveSync {
		c.Device = activesync.DeviceOf(r)
	}
	return c
}

// remoteOf is the address a request comes from. A proxy in front, which is near,
// tells whom it speaks for.
func remoteOf(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	a := ap.Addr().Unmap()
	if a.IsLoopback() || a.IsPrivate() {
		all := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
		if far, err := netip.ParseAddr(strings.TrimSpace(all[len(all)-1])); err == nil {
			a = far.Unmap()
		}
	}
	return a.WithZone("")
}

// authenticate tells who asks, by whatever the request proves it with.
func (s *Server) authenticate(r *http.Request, at directory.Protocol) (directory.Account, error) {
	login, password, ok := r.BasicAuth()
	if ok {
		return s.guard.Authenticate(r.Context(), caller(r, at), login, password)
	}
	if token, ok := bearer(r); ok {
		return s.guard.Token(r.Context(), caller(r, at), "", token)
	}
	if r.Header.Get("Authorization") == "" && s.c.ClientCertificates {
		if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
			return s.guard.Certificate(r.Context(), caller(r, at), r.TLS, "")
		}
	}
	return directory.Account{}, errNothingShown
}

// errNothingShown tells that the request says nothing of who asks.
var errNothingShown = errors.New("gateway: the request bears no credentials")

// bearer is the token of a request (RFC 6750 2.1).
func bearer(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return strings.TrimSpace(token), true
}

// confirm tells whose credentials stand in a request's body. That too many were
// wrong is no more than that they are refused.
func (s *Server) confirm(r *http.Request, login, password string) (directory.Account, error) {
	a, err := s.guard.Authenticate(r.Context(), caller(r, directory.ProtocolActiveSync), login, password)
	var refused *lockout.Refused
	if errors.As(err, &refused) {
		err = errors.Join(directory.ErrBadCredentials, err)
	}
	return a, err
}

// unauthorized asks for credentials. Phones that know OAuth follow the second
// challenge; those that do not take the first.
func (s *Server) unauthorized(w http.ResponseWriter, wrongToken bool) {
	w.Header().Add("WWW-Authenticate", `Basic realm="martlet", charset="UTF-8"`)
	challenge := ""
	if s.c.Bearer != nil {
		challenge = s.c.Bearer()
	}
	if challenge != "" {
		if wrongToken {
			challenge += `, error="invalid_token"`
		}
		w.Header().Add("WWW-Authenticate", challenge)
	}
	bare(w, http.StatusUnauthorized)
}

// comeBackAfter asks a client that has guessed too often to come back.
func comeBackAfter(w http.ResponseWriter, refused *lockout.Refused) {
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(refused.After.Seconds()))))
	bare(w, http.StatusServiceUnavailable)
}
