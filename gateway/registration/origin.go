package registration

import (
	"net/http"
	"slices"
)

// A web app that shows mail runs on an origin of its own and registers from the
// page, so that its browser asks us first (Fetch, CORS protocol). Only origins
// that the administrator names are let in, and never with the browser's own
// credentials: the app sends Authorization itself. Everybody else's page gets
// no answer that it could read, and nothing that it sends with credentials which
// the browser remembers is carried out.

const preflightAge = "7200" // seconds; what browsers take at most

// protection refuses what pages of other origins send.
func protection(origins []string) *http.CrossOriginProtection {
	p := http.NewCrossOriginProtection()
	for _, origin := range origins {
		if err := p.AddTrustedOrigin(origin); err != nil {
			continue // it can be no browser's
		}
	}
	return p
}

// crossOrigin answers preflights and refuses pages of foreign origins.
func (h *Handler) crossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := h.now.Load()
		w.Header().Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		known := origin != "" && slices.Contains(now.Origins, origin)
		if known {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Expose-Headers", "ETag, Location, Retry-After")
		}
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			if known {
				w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE")
				w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, If-None-Match")
				w.Header().Set("Access-Control-Max-Age", preflightAge)
			}
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if err := now.protection.Check(r); err != nil {
			writeProblem(w, h.log, problemf(http.StatusForbidden, codeOrigin, "pages of this origin may not register; an administrator names it in [push.webpush] origins"))
			return
		}
		next.ServeHTTP(w, r)
	})
}
