package main

import (
	"context"
	"crypto/tls"
	"net"
	"strings"

	"martlet/mail/announce"
	"martlet/mail/imap"
)

// appleMailTopic begins the topics of the certificates that wake Apple's Mail
// app: those that Apple gave out with its own server.
const appleMailTopic = "com.apple.mail.XServer."

// appleMail returns what wakes Apple's Mail app, nil unless the site owns such a
// certificate.
func (c *Config) appleMail(book *announce.Book) *imap.Apple {
	for i := range c.Push.APNs {
		if a := &c.Push.APNs[i]; strings.HasPrefix(a.Topic, appleMailTopic) {
			return &imap.Apple{Book: book, App: a.Name, Topic: a.Topic}
		}
	}
	return nil
}

// listenIMAP opens [imap] and [imaps].
func (s *server) listenIMAP(ctx context.Context, c *Config) error {
	if len(c.IMAP)+len(c.IMAPS) == 0 {
		return nil
	}
	m := imap.New(imap.Config{
		Hostname: c.Hostname, Directory: s.directory, Gate: s.gate, Store: s.store, Mailboxes: s.mailboxes, Hub: s.hub, Shares: s.shares,
		TLS: s.certs.forMail(), Apple: c.appleMail(s.data.apps), MaxMessageBytes: c.MaxMessageBytes, Logger: s.log, Tracer: s.traces.Tracer(),
	})
	s.imap = m
	s.shutdowns = append(s.shutdowns, m.Shutdown)
	if err := s.listen(ctx, "imap", c.IMAP, m.Serve); err != nil {
		return err
	}
	return s.listen(ctx, "imaps", c.IMAPS, func(plain net.Listener) error {
		return m.Serve(tls.NewListener(plain, s.certs.forMail()))
	})
}
