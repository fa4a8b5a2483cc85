package autodiscover

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Redirect sends a client that asks without TLS and without a password to the
// public URL: a domain whose name no certificate of ours bears is found so
// (MS-OXDISCO: the client asks http://autodiscover.<domain> and follows a 302).
// A proxy may have taken off the TLS without a word, so whoever is at the public
// host already is not sent in a circle.
func (h *Handler) Redirect(next http.Handler) http.Handler {
	public, err := url.Parse(h.public)
	if err != nil || public.Scheme != "https" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.Header.Get("Authorization") == "" && !secure(r) && !strings.EqualFold(hostname(r.Host), public.Hostname()) {
			w.Header().Set("Location", h.public+pathXML)
			write(w, http.StatusFound, "", nil)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// secure tells whether the client spoke TLS, to us or to a proxy.
func secure(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// hostname is a host without its port.
func hostname(hostport string) string {
	if name, _, err := net.SplitHostPort(hostport); err == nil {
		return name
	}
	return hostport
}
