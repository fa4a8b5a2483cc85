package main

import (
	"context"

	"martlet/mail/managesieve"
)

// listenSieve opens [sieve].
func (s *server) listenSieve(ctx context.Context, c *Config) error {
	if len(c.Sieve) == 0 {
		return nil
	}
	m := managesieve.New(managesieve.Config{Hostname: c.Hostname, Gate: s.gate, Rules: s.rules, TLS: s.certs.forMail(), Logger: s.log})
	s.shutdowns = append(s.shutdowns, m.Shutdown)
	return s.listen(ctx, "sieve", c.Sieve, m.Serve)
}
