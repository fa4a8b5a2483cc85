package gateway

import (
	"martlet/documents"
	"martlet/gateway/activesync"
)

// Reconfigure changes what phones may and must, and the documents they can read
// (nil: none), from the next request on. What is held stays held.
func (s *Server) Reconfigure(r activesync.Rules, d *documents.Library) { s.eas.Reconfigure(r, d) }
