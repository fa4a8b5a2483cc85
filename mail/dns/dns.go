// Package dns asks the domain name system what mail wants to know: texts, mail
// hosts, addresses, names of addresses, TLSA records. It tells with each answer
// whether it was proved by DNSSEC, tells what does not exist from what could not be
// found out, and believes nothing that was not asked for. It must never send a
// question to a search domain, nor say that something does not exist because a
// server failed.
package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// Errors of all questions. What is returned is an *Error with one of them inside.
var (
	// ErrNotFound: the name does not exist, or has no records of that type.
	ErrNotFound = errors.New("no such records")
	// ErrTemporary: it could not be found out. Another day it may be.
	ErrTemporary = errors.New("the name servers do not tell")
)

const (
	// defaultTimeout bounds a question with all its repetitions. It leaves SPF time
	// for several within the twenty seconds of RFC 7208 4.6.4.
	defaultTimeout = 8 * time.Second
	// patience is how long a server is waited for before the next one is asked too.
	patience = time.Second
	// rounds is how often each server is asked that says nothing at all.
	rounds = 3
	// defaultCacheBytes bounds what answers are remembered.
	defaultCacheBytes = 16 << 20
)

// Config says whom to ask and how.
type Config struct {
	// Servers are addresses of recursive resolvers, host:port, in order of
	// preference. None: those of the file ResolvConf, which is read again when it
	// has changed.
	Servers    []string
	ResolvConf string // empty: /etc/resolv.conf

	// TrustAD says that what the servers say of DNSSEC is true and cannot be
	// forged on the way. Without it only a server on this machine is believed.
	TrustAD bool

	Timeout    time.Duration // of one question, with its repetitions; zero: 8 s
	CacheBytes int           // zero: 16 MiB; negative: nothing is remembered
	Logger     *slog.Logger  // nil: slog.Default

	// Dial opens connections, "udp" or "tcp". Nil: a net.Dialer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Resolver asks. It is safe for concurrent use; equal questions at one time are
// asked once.
type Resolver struct {
	cfg     Config
	servers *serverList
	cache   *cache
	flights flights
}

// New returns a Resolver. It opens nothing.
func New(cfg Config) *Resolver {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = defaultCacheBytes
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.ResolvConf == "" {
		cfg.ResolvConf = "/etc/resolv.conf"
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	return &Resolver{cfg: cfg, servers: newServerList(&cfg), cache: newCache(cfg.CacheBytes)}
}

// Error is what became of a question.
type Error struct {
	Name string // as it was asked for
	Type string // TXT, MX, ...
	Err  error  // ErrNotFound or ErrTemporary, perhaps with a reason around it
}

func (e *Error) Error() string { return fmt.Sprintf("dns: %s %s: %v", e.Type, e.Name, e.Err) }

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.Err }

// Temporary makes it the kind of net.Error that others ask for this.
func (e *Error) Temporary() bool { return !errors.Is(e.Err, ErrNotFound) }

// Timeout is part of net.Error.
func (e *Error) Timeout() bool { return errors.Is(e.Err, context.DeadlineExceeded) }
