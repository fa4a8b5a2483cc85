// Package revocation tells whether a certificate has been revoked: it fetches
// the lists that the certificate's own issuer points to (RFC 5280 5), within
// limits of size, time and number, and keeps them until they are out of date.
// The addresses come from certificates, so it must never connect to this
// machine or to a private network unless it is told that it may, and never
// believe a list that the issuer has not signed.
package revocation

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
)

// Limits.
const (
	maxList    = 10 << 20 // bytes of one list
	maxPoints  = 4        // distribution points of one certificate that are tried
	maxLists   = 100      // lists kept
	maxEntries = 2_000_000
	maxAtOnce  = 2 // lists fetched and read at once
	maxURL     = 1024

	fetchTime  = 10 * time.Second
	keepFailed = time.Minute    // how long a server that did not answer is left alone
	keepAtMost = 24 * time.Hour // even if the list says that it is good for longer
	clockSlack = 5 * time.Minute
)

// The reasons why the status is not known.
var (
	// ErrOffline means that no list could be fetched.
	ErrOffline = errors.New("revocation: no list can be had")
	// ErrUnknown means that there is no list that speaks of the certificate.
	ErrUnknown = errors.New("revocation: no list speaks of the certificate")
)

// Config is what Lists need; the zero value is good.
type Config struct {
	Private bool         // lists may be on this machine and in private networks
	Logger  *slog.Logger // nil: nothing is logged
}

// Lists fetches and keeps revocation lists. It is safe for concurrent use.
type Lists struct {
	client *http.Client
	log    *slog.Logger
	flight singleflight.Group
	slots  *semaphore.Weighted

	mu      sync.Mutex // guards kept
	kept    map[key]*list
	entries int // of all kept lists
}

// key is a list as one issuer has signed it.
type key struct {
	url    string
	issuer [32]byte
}

// New returns an empty set of lists.
func New(c Config) *Lists {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Lists{client: newClient(c.Private), log: c.Logger, slots: semaphore.NewWeighted(maxAtOnce), kept: map[key]*list{}}
}

// Revoked tells whether the issuer has revoked the certificate. When that is
// not known the error is ErrOffline or ErrUnknown, or the context's.
func (l *Lists) Revoked(ctx context.Context, cert, issuer *x509.Certificate) (bool, error) {
	worst := ErrUnknown
	points := cert.CRLDistributionPoints
	for _, point := range points[:min(len(points), maxPoints)] {
		if !usable(point) {
			continue
		}
		list, err := l.list(ctx, point, issuer)
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case errors.Is(err, ErrUnknown):
			continue
		case err != nil:
			worst = ErrOffline
			continue
		case !list.covers(cert):
			continue
		}
		_, revoked := list.serials[string(cert.SerialNumber.Bytes())]
		return revoked, nil
	}
	return false, worst
}

// usable tells whether a distribution point is one that is fetched.
func usable(point string) bool {
	u, err := url.Parse(point)
	return err == nil && len(point) <= maxURL && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

// list returns the list at a distribution point: one that is kept, or a new one.
func (l *Lists) list(ctx context.Context, point string, issuer *x509.Certificate) (*list, error) {
	k := key{point, sha256.Sum256(issuer.Raw)}
	if kept := l.look(k, time.Now()); kept != nil {
		return kept, kept.err
	}
	done := l.flight.DoChan(point+string(k.issuer[:]), func() (any, error) {
		if kept := l.look(k, time.Now()); kept != nil {
			return kept, nil
		}
		// Others may wait for it too: it does not end with the first who asked.
		fetching, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTime)
		defer cancel()
		got := l.fetch(fetching, point, issuer)
		l.keep(k, got)
		return got, nil
	})
	select {
	case r := <-done:
		got := r.Val.(*list)
		return got, got.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *Lists) look(k key, now time.Time) *list {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.kept[k]
	if kept == nil || now.After(kept.until) {
		return nil
	}
	return kept
}

// keep puts a list in its place, and throws others out if they are too many:
// those first that are out of date soonest.
func (l *Lists) keep(k key, got *list) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropLocked(k)
	l.kept[k] = got
	l.entries += len(got.serials)
	for len(l.kept) > maxLists || l.entries > maxEntries && len(l.kept) > 1 {
		var first key
		var until time.Time
		for other, kept := range l.kept {
			if other != k && (until.IsZero() || kept.until.Before(until)) {
				first, until = other, kept.until
			}
		}
		l.dropLocked(first)
	}
}

func (l *Lists) dropLocked(k key) {
	if old := l.kept[k]; old != nil {
		l.entries -= len(old.serials)
		delete(l.kept, k)
	}
}
