package main

import (
	"net"
	"strconv"

	"martlet/gateway/autodiscover"
)

// mailServers are the ways to mail that clients without ActiveSync are told of.
func (c *Config) mailServers() []autodiscover.MailServer {
	var all []autodiscover.MailServer
	add := func(kind, encryption string, listen []string) bool {
		for _, address := range listen {
			_, port, err := net.SplitHostPort(address)
			n, convErr := strconv.Atoi(port)
			if err == nil && convErr == nil && n > 0 && c.Hostname != "" {
				all = append(all, autodiscover.MailServer{Type: kind, Host: c.Hostname, Port: n, Encryption: encryption})
				return true
			}
		}
		return false
	}
	// One way for each is enough; the one that is encrypted from the start first.
	_ = add("IMAP", "SSL", c.IMAPS) || add("IMAP", "TLS", c.IMAP)
	_ = add("SMTP", "SSL", c.Submissions) || add("SMTP", "TLS", c.Submission)
	return all
}
