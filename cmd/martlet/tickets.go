package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"path/filepath"
	"time"

	"martlet/store/keyring"
)

// Session tickets let a phone that comes back skip most of a handshake. Their
// keys outlive a restart, so that thousands of phones that come back after one
// need not all be greeted as strangers. They live as long as crypto/tls takes
// its own: a new one each day, none older than the seven days a ticket is good
// for (RFC 8446 4.6.1).
const (
	ticketKeyEvery = 24 * time.Hour
	ticketKeyLife  = 7 * 24 * time.Hour
	ticketKeyFile  = "tickets.keys"
)

// tickets gives TLS configurations the keys of session tickets.
type tickets struct {
	ring *keyring.Ring
	// keys holds nothing but the keys. The configurations that connections use
	// are clones of clones, which would each keep the keys of the moment they
	// were made; all of them ask this one instead.
	keys *tls.Config
}

func newTickets(c *Config, log *slog.Logger) (*tickets, error) {
	ring, err := keyring.Open(keyring.Config{
		File: filepath.Join(c.StorePath, tlsFolder, ticketKeyFile), Seal: c.Key, Every: ticketKeyEvery, Keep: ticketKeyLife, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	t := &tickets{ring: ring, keys: &tls.Config{}}
	t.keys.SetSessionTicketKeys(ring.Keys())
	return t, nil
}

// use has sessions of c, and of all its clones, sealed and opened with the keys.
func (t *tickets) use(c *tls.Config) {
	c.WrapSession = t.keys.EncryptTicket
	c.UnwrapSession = func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		return t.keys.DecryptTicket(ticket, cs)
	}
}

// run renews the keys until ctx ends.
func (t *tickets) run(ctx context.Context) { t.ring.Run(ctx, t.keys.SetSessionTicketKeys) }
