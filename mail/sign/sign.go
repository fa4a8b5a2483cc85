// Package sign signs what goes out: with DKIM in the name of our domains (RFC 6376,
// RFC 8463), and with ARC what is sent on for others (RFC 8617). The keys lie in the
// store, sealed as everything there, and a new one is used when the DNS shows it. It
// must never sign in the name of a domain that is not ours.
package sign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/idna"

	"martlet/directory"
	"martlet/mail/dkim"
	"martlet/store"
)

// Config holds what a Signer needs.
type Config struct {
	Store     *store.Store
	Directory *directory.Directory
	Lookup    dkim.Lookup
	Hostname  string       // whose domain seals
	Logger    *slog.Logger // nil: slog.Default
}

// Signer signs. It is safe for concurrent use.
type Signer struct {
	store     *store.Store
	directory *directory.Directory
	lookup    dkim.Lookup
	hostname  string
	log       *slog.Logger
	keys      store.Table[keyName, Key]

	mu    sync.Mutex // guards ready
	ready map[string][]dkim.Key
}

// maxHeader bounds the header in which From is looked for, in bytes.
const maxHeader = 256 << 10

// New returns a Signer.
func New(c Config) *Signer {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Signer{
		store: c.Store, directory: c.Directory, lookup: c.Lookup, hostname: c.Hostname, log: c.Logger,
		keys:  store.NewTable("signing key", store.PrefixSigningKey, keyNames, keyRecords),
		ready: map[string][]dkim.Key{},
	}
}

// Sign returns the fields to put on top of a message that goes out: the signatures of
// the domain in its From, or of the one in from where it has none. When that is not
// one of our domains the message is one that is sent on, and gets a seal with what we
// found out about it when it came. It returns nothing while no key is in use.
func (s *Signer) Sign(ctx context.Context, from string, raw []byte) ([]byte, error) {
	domain := s.domainOf(authors(raw, from))
	if domain == "" {
		return s.Seal(ctx, s.ownResults(raw), raw)
	}
	keys, err := s.inUse(ctx, domain)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	header, err := dkim.Sign(raw, time.Now(), keys...)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return header, nil
}

// Seal returns a set of ARC fields for a message that is sent on to somebody else.
// results are what was found out about it when it came, as in
// Authentication-Results.
func (s *Signer) Seal(ctx context.Context, results string, raw []byte) ([]byte, error) {
	domain := s.domainOf([]string{"postmaster@" + s.hostname})
	if domain == "" {
		return nil, nil
	}
	keys, err := s.inUse(ctx, domain)
	i := slices.IndexFunc(keys, func(k dkim.Key) bool { return k.Algorithm() == dkim.RSA }) // others know no other
	if err != nil || i < 0 {
		return nil, err
	}
	var chain dkim.Chain
	if said := saidOfChain(results); said != "" {
		chain = dkim.Stated(raw, said)
	} else {
		chain = dkim.VerifyChain(ctx, raw, s.lookup)
	}
	header, err := dkim.Seal(raw, chain, s.hostname, results, time.Now(), keys[i])
	if err != nil {
		return nil, fmt.Errorf("sign: seal: %w", err)
	}
	return header, nil
}

// ownResults are the topmost results in the header that have our name: what others
// wrote under it was removed when the message came.
func (s *Signer) ownResults(raw []byte) string {
	m, err := netmail.ReadMessage(bytes.NewReader(headerOf(raw)))
	if err != nil {
		return ""
	}
	for _, v := range m.Header["Authentication-Results"] {
		id, results, _ := strings.Cut(v, ";")
		if strings.EqualFold(strings.TrimSpace(id), s.hostname) {
			return strings.TrimSpace(results)
		}
	}
	return ""
}

func headerOf(raw []byte) []byte {
	header := raw[:min(len(raw), maxHeader)]
	if i := bytes.Index(header, []byte("\r\n\r\n")); i >= 0 {
		header = header[:i+4]
	}
	return header
}

// saidOfChain is the result of arc in results; empty if there is none that counts.
func saidOfChain(results string) string {
	for r := range strings.SplitSeq(results, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(r), "=")
		value, _, _ = strings.Cut(value, " ")
		if name == "arc" && (value == dkim.Pass || value == dkim.Fail) {
			return value
		}
	}
	return ""
}

// authors are the addresses in From, or the one that is given where there is none.
func authors(raw []byte, from string) (out []string) {
	m, err := netmail.ReadMessage(bytes.NewReader(headerOf(raw)))
	if err == nil && len(m.Header["From"]) > 0 {
		list, err := netmail.ParseAddressList(m.Header["From"][0])
		if err != nil {
			return nil
		}
		for _, a := range list {
			out = append(out, a.Address)
		}
		return out
	}
	return []string{from}
}

// domainOf is the domain of ours that signs for one of the addresses: its own, or
// one above it, as for the host that sends reports. Empty: none.
func (s *Signer) domainOf(addresses []string) string {
	for _, a := range addresses {
		domain := strings.ToLower(a[strings.LastIndexByte(a, '@')+1:])
		for strings.Contains(domain, ".") {
			if s.directory.IsLocal(domain) {
				return domain
			}
			_, domain, _ = strings.Cut(domain, ".")
		}
	}
	return ""
}

// inUse are the keys that a domain signs with. A domain without any gets them here;
// they are used when Keep has found them in the DNS, which no message waits for.
func (s *Signer) inUse(ctx context.Context, domain string) ([]dkim.Key, error) {
	s.mu.Lock()
	keys, known := s.ready[domain]
	s.mu.Unlock()
	if known {
		return keys, nil
	}
	if _, err := s.Ensure(ctx, domain); err != nil {
		return nil, err
	}
	return s.load(ctx, domain)
}

// load reads the keys in use.
func (s *Signer) load(ctx context.Context, domain string) ([]dkim.Key, error) {
	all, err := s.Keys(ctx, domain)
	if err != nil {
		return nil, err
	}
	var keys []dkim.Key
	for _, k := range all {
		if k.State == Used {
			one, err := k.Open()
			if err != nil {
				return nil, err
			}
			keys = append(keys, one)
		}
	}
	s.mu.Lock()
	s.ready[domain] = keys
	s.mu.Unlock()
	return keys, nil
}

// forget has the keys of a domain read again.
func (s *Signer) forget(domain string) {
	s.mu.Lock()
	delete(s.ready, domain)
	s.mu.Unlock()
}

// asciiDomain is a domain as the DNS has it.
func asciiDomain(d string) (string, error) {
	a, err := idna.Lookup.ToASCII(strings.ToLower(d))
	if err != nil || a == "" {
		return "", errors.Join(ErrNoDomain, err)
	}
	return a, nil
}
