package main

import (
	"context"
	"crypto/tls"
	"net"

	"martlet/mail/pop3"
)

// listenPOP3 opens [pop3] and [pop3s].
func (s *server) listenPOP3(ctx context.Context, c *Config) error {
	if len(c.POP3)+len(c.POP3S) == 0 {
		return nil
	}
	m := pop3.New(pop3.Config{
		Hostname: c.Hostname, Directory: s.directory, Gate: s.gate, Store: s.store, Mailboxes: s.mailboxes,
		TLS: s.certs.forMail(), Logger: s.log,
	})
	s.shutdowns = append(s.shutdowns, m.Shutdown)
	if err := s.listen(ctx, "pop3", c.POP3, m.Serve); err != nil {
		return err
	}
	return s.listen(ctx, "pop3s", c.POP3S, func(plain net.Listener) error {
		return m.Serve(tls.NewListener(plain, s.certs.forMail()))
	})
}
