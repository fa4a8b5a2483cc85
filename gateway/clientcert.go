package gateway

import (
	"crypto/tls"
	"net/http"
)

// connectionState is what TLS knows of who sent a request; nil without TLS, and
// where it ends elsewhere.
func connectionState(r *http.Request) *tls.ConnectionState { return r.TLS }
