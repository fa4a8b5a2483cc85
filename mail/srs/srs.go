// Package srs rewrites the senders of messages that are passed on, by the Sender
// Rewriting Scheme: so that the next host's SPF looks at the domain that passes
// them on, and so that what it sends back comes here and finds the way to the
// original sender. It must never lead mail to an address that it has not rewritten
// itself, nor for longer than reports come.
package srs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Errors of Back.
var (
	ErrNotOurs = errors.New("srs: not an address of this scheme")
	ErrForged  = errors.New("srs: the address was not made here, or with a key of long ago")
	ErrOld     = errors.New("srs: the address is too old")
)

const (
	// day is what the stamp counts, in two characters of base32: it begins anew
	// every 1024 days.
	day    = 24 * time.Hour
	stamps = 1 << 10
	// MaxAge is how long an address leads back: longer than anybody tries to deliver
	// a message and then reports it.
	MaxAge = 21 * day
	// hashSize is how many characters of the authentication are written: 40 bits,
	// which nobody tries out over SMTP within MaxAge.
	hashSize = 8
	// maxLocal bounds the local part of an address (RFC 5321 4.5.3.1.1). What would
	// become longer is not rewritten.
	maxLocal = 64
)

// encoding writes what is still the same when somebody between changes its case.
var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Config holds what a Rewriter needs.
type Config struct {
	Domain string           // where what comes back goes to, of ours
	Keys   func() [][]byte  // secrets, newest first: the first signs, all are believed
	Now    func() time.Time // nil: time.Now
}

// Rewriter rewrites senders and undoes that. It is safe for concurrent use.
type Rewriter struct{ cfg Config }

// New returns a Rewriter.
func New(cfg Config) *Rewriter {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Rewriter{cfg}
}

// Forward returns the sender of a message from sender that is passed on by somebody
// in domain (empty: the configured one). The null sender stays, and so does one
// that cannot be rewritten.
func (w *Rewriter) Forward(sender, domain string) string {
	if domain == "" {
		domain = w.cfg.Domain
	}
	at := strings.LastIndexByte(sender, '@')
	if at < 1 || strings.EqualFold(sender[at+1:], domain) {
		return sender
	}
	local, host := sender[:at], sender[at+1:]
	if host == "" || strings.Contains(host, "=") || strings.HasPrefix(local, `"`) { // it would have to be quoted as a whole
		return sender
	}
	var out string
	switch kind, rest := cut(local); kind {
	case 0, 1:
		// Somebody has rewritten it already. The next one back is the first that did
		// so, however many come between.
		first, opaque := host, rest
		if kind == 1 {
			_, after, _ := strings.Cut(rest, "=")
			first, opaque, _ = strings.Cut(strings.TrimPrefix(after, "="), "=")
			opaque = strings.TrimPrefix(opaque, "=")
			if first == "" || opaque == "" {
				return sender
			}
		}
		out = "SRS1=" + w.sign(w.key(), first+"="+opaque) + "=" + first + "==" + opaque
	default:
		stamp := stampOf(w.cfg.Now())
		out = "SRS0=" + w.sign(w.key(), stamp+host+local) + "=" + stamp + "=" + host + "=" + local
	}
	if len(out) > maxLocal {
		return sender
	}
	return out + "@" + domain
}

// cut tells which of the scheme's forms a local part has, 0 or 1, and what stands
// behind its mark; -1: none.
func cut(local string) (kind int, rest string) {
	if len(local) < 6 || !strings.EqualFold(local[:3], "SRS") || strings.IndexByte("=+-", local[4]) < 0 {
		return -1, ""
	}
	switch local[3] {
	case '0':
		return 0, local[5:]
	case '1':
		return 1, local[5:]
	}
	return -1, ""
}

// Back returns the address that a report to one of ours goes on to. Errors:
// ErrNotOurs, ErrForged, ErrOld.
func (w *Rewriter) Back(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", ErrNotOurs
	}
	kind, rest := cut(address[:at])
	if kind < 0 {
		return "", ErrNotOurs
	}
	hash, rest, ok := strings.Cut(rest, "=")
	if !ok {
		return "", fmt.Errorf("%w: it has no hash", ErrForged)
	}
	if kind == 1 {
		first, opaque, ok := strings.Cut(rest, "==")
		if !ok || first == "" || opaque == "" || !w.signed(hash, first+"="+opaque) {
			return "", ErrForged
		}
		return "SRS0=" + opaque + "@" + first, nil
	}
	stamp, rest, _ := strings.Cut(rest, "=")
	host, local, ok := strings.Cut(rest, "=")
	if !ok || host == "" || local == "" || !w.signed(hash, stamp+host+local) {
		return "", ErrForged
	}
	if !fresh(stamp, w.cfg.Now()) {
		return "", ErrOld
	}
	return local + "@" + host, nil
}

func (w *Rewriter) key() []byte {
	if all := w.cfg.Keys(); len(all) > 0 {
		return all[0]
	}
	return nil
}

// sign authenticates text. Its case does not count, as those between may change it.
func (w *Rewriter) sign(key []byte, text string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(strings.ToLower(text)))
	return encoding.EncodeToString(h.Sum(nil))[:hashSize]
}

func (w *Rewriter) signed(hash, text string) bool {
	hash = strings.ToUpper(hash)
	for _, key := range w.cfg.Keys() {
		if hmac.Equal([]byte(hash), []byte(w.sign(key, text))) {
			return true
		}
	}
	return false
}

const stampDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// stampOf is the day of a time.
func stampOf(t time.Time) string {
	n := t.Unix() / int64(day/time.Second) % stamps
	return string([]byte{stampDigits[n>>5], stampDigits[n&31]})
}

// fresh tells whether a stamp is no older than MaxAge, and not of the future.
func fresh(stamp string, now time.Time) bool {
	for age := time.Duration(0); age <= MaxAge; age += day {
		if strings.EqualFold(stamp, stampOf(now.Add(-age))) {
			return true
		}
	}
	return false
}
