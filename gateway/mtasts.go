package gateway

import (
	"net"
	"net/http"
	"strconv"
	"strings"
)

// stsPath is where other servers look for what a domain wants of TLS (RFC 8461
// 3.3).
const stsPath = "/.well-known/mta-sts.txt"

// mtaSTS tells other servers how mail to our domains must come. It is the same for
// all of them: they have the same mail hosts.
func (s *Server) mtaSTS(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		bare(w, http.StatusMethodNotAllowed)
		return
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	domain, ok := strings.CutPrefix(strings.ToLower(strings.TrimSuffix(host, ".")), "mta-sts.")
	if !ok || s.c.STSPolicy == "" || !s.c.Directory.IsLocal(domain) {
		bare(w, http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(s.c.STSPolicy)))
	if r.Method == http.MethodGet {
		_, _ = w.Write([]byte(s.c.STSPolicy))
	}
}
