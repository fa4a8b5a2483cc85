package gateway

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"martlet/directory"
	"martlet/directory/lockout"
	"martlet/gateway/activesync"
	"martlet/gateway/autodiscover"
	"martlet/gateway/dav"
	"martlet/gateway/hold"
	"martlet/gateway/registration"
)

// routes connects paths and endpoints. Clients write the paths in any case and
// with doubled slashes, and methods are the endpoint's business, which answers
// 405 with Allow: so everything goes through a matcher of our own.
func (s *Server) routes(eas *activesync.Handler, disco *autodiscover.Handler, programs *dav.Handler) http.Handler {
	r := mux.NewRouter().SkipClean(true)
	at := func(path string, h http.Handler) { r.MatcherFunc(atPath(path)).Handler(h) }
	phone := s.authenticated(directory.ProtocolActiveSync, eas.Serve, eas.Refuse)
	at("/microsoft-server-activesync", phone)
	at("/microsoft-server-activesync/default.eas", phone)
	at("/autodiscover/autodiscover.xml", disco.Redirect(s.authenticated(directory.ProtocolDiscovery, disco.ServeXML, forbidden)))
	r.MatcherFunc(belowPath("/autodiscover/autodiscover.json")).HandlerFunc(disco.ServeJSON)
	if s.c.Registration != nil {
		r.MatcherFunc(belowPath(registration.Path)).Handler(s.c.Registration.Door(func(next, refuse registration.AccountHandler) http.Handler {
			return s.authenticated(directory.ProtocolActiveSync, next, refuse)
		}))
	}
	at("/.well-known/caldav", http.HandlerFunc(dav.WellKnown))
	at("/.well-known/carddav", http.HandlerFunc(dav.WellKnown))
	r.MatcherFunc(belowPath(dav.Path)).Handler(s.authenticated(directory.ProtocolDAV, programs.Serve, forbidden))
	at(stsPath, http.HandlerFunc(s.mtaSTS))
	at("/healthz", http.HandlerFunc(s.health))
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { bare(w, http.StatusNotFound) })
	return r
}

// tidy is how a path is compared.
func tidy(path string) string {
	return "/" + strings.ToLower(strings.Trim(path, "/"))
}

func atPath(want string) mux.MatcherFunc {
	return func(r *http.Request, _ *mux.RouteMatch) bool {
		// The usual spelling should cost nothing.
		return strings.EqualFold(r.URL.Path, want) || tidy(r.URL.Path) == want
	}
}

func belowPath(want string) mux.MatcherFunc {
	return func(r *http.Request, _ *mux.RouteMatch) bool {
		p := tidy(r.URL.Path)
		return p == want || strings.HasPrefix(p, want+"/")
	}
}

// bare writes a status without a body.
func bare(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(status)
}

// accountHandler is an endpoint that knows who asks.
type accountHandler func(http.ResponseWriter, *http.Request, directory.Account)

// forbidden is for accounts that may not synchronise.
func forbidden(w http.ResponseWriter, _ *http.Request, _ directory.Account) {
	bare(w, http.StatusForbidden)
}

// authenticated lets those in who may synchronise; the others are refused.
// Basic is what phones speak (MS-ASHTTP 2.2.1.1.2.2).
func (s *Server) authenticated(at directory.Protocol, next, refuse accountHandler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, err := s.authenticate(r, at)
		var refused *lockout.Refused
		switch {
		case err == nil && a.ActiveSync:
			next(w, r, a)
		case err == nil:
			s.log.Warn("account may not synchronise", "login", a.Login, "path", r.URL.Path, "remote", r.RemoteAddr)
			refuse(w, r, a)
		case errors.Is(err, directory.ErrDisabled):
			s.log.Warn("account is disabled", "path", r.URL.Path, "remote", r.RemoteAddr)
			bare(w, http.StatusForbidden)
		case errors.As(err, &refused):
			comeBackAfter(w, refused)
		case errors.Is(err, errNothingShown) && s.c.ClientCertificates && hold.Relayed(r):
			// Its certificate was shown to the process before: it is asked anew on a
			// connection of ours.
			w.Header().Set("Connection", "close")
			comeBackLater(w)
		case errors.Is(err, errNothingShown), errors.Is(err, directory.ErrBadCredentials):
			_, token := bearer(r)
			s.unauthorized(w, token)
		case r.Context().Err() != nil:
			// Nobody is left to answer.
		default:
			s.log.Error("cannot authenticate", "error", err)
			comeBackLater(w)
		}
	})
}

// health says whether requests are welcome, for load balancers and containers.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		bare(w, http.StatusMethodNotAllowed)
		return
	}
	if s.stopping.Load() {
		bare(w, http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", "3")
	_, _ = w.Write([]byte("ok\n"))
}
