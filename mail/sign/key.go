package sign

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"martlet/mail/dkim"
	"martlet/store"
)

// State is how far a key has come.
type State uint8

// The states.
const (
	Waiting State = iota // the DNS has not shown it yet
	Used
	Retired // nothing is signed with it any more; the DNS keeps it for a while
)

// String names a state.
func (s State) String() string {
	return [...]string{"waiting", "used", "retired"}[min(s, Retired)]
}

// Key is a key of a domain.
type Key struct {
	Domain, Selector string
	State            State
	Made, Since      time.Time // Since: when it came into its state
	private          []byte    // PKCS #8
}

// Limits on keys.
const (
	rsaBits = 2048
	// maxKeys is how many keys a domain has at a time.
	maxKeys = 32
	// keepRetired is how long a key stays in the DNS when it is no longer used: what
	// it has signed may be on its way for five days.
	keepRetired = 7 * 24 * time.Hour
)

// Errors of keys.
var (
	ErrNoDomain = errors.New("sign: not one of our domains")
	ErrNoKey    = errors.New("sign: no such key")
	ErrTooMany  = errors.New("sign: the domain has too many keys")
	ErrLastKey  = errors.New("sign: the domain would have no key of that kind in use")
)

// Open is the key to sign with.
func (k *Key) Open() (dkim.Key, error) {
	any, err := x509.ParsePKCS8PrivateKey(k.private)
	signer, ok := any.(crypto.Signer)
	if err != nil || !ok {
		return dkim.Key{}, fmt.Errorf("sign: key %s of %s: %w", k.Selector, k.Domain, errors.Join(err, ErrNoKey))
	}
	domain, err := asciiDomain(k.Domain)
	return dkim.Key{Domain: domain, Selector: k.Selector, Private: signer}, err
}

// Keys are the keys of a domain, in order of their selectors.
func (s *Signer) Keys(ctx context.Context, domain string) (all []Key, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		all, err = s.list(tx, domain)
		return err
	})
	return all, err
}

func (s *Signer) list(tx *store.Tx, domain string) (all []Key, err error) {
	for row, err := range s.keys.Scan(tx, store.TableRange[keyName]{Prefix: store.AppendString(nil, domain)}) {
		if err != nil {
			return nil, err
		}
		k := row.Value
		k.Domain, k.Selector = row.Key.domain, row.Key.selector
		all = append(all, k)
	}
	return all, nil
}

// Ensure makes keys for a domain that has none, one of each kind. They wait for the
// DNS.
func (s *Signer) Ensure(ctx context.Context, domain string) ([]Key, error) {
	all, err := s.Keys(ctx, domain)
	if err != nil || len(all) > 0 {
		return all, err
	}
	if _, err := s.add(ctx, domain, true); err != nil {
		return nil, err
	}
	return s.Keys(ctx, domain) // in the order in which they are listed from now on
}

// Rotate makes new keys for a domain, which wait for the DNS and then take the place
// of those in use.
func (s *Signer) Rotate(ctx context.Context, domain string) ([]Key, error) {
	return s.add(ctx, domain, false)
}

// add makes keys; first: only if there are none.
func (s *Signer) add(ctx context.Context, domain string, first bool) (added []Key, err error) {
	if !s.directory.IsLocal(domain) {
		return nil, fmt.Errorf("%w: %s", ErrNoDomain, domain)
	}
	now := time.Now()
	made, err := generate(domain, now)
	if err != nil {
		return nil, err
	}
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		all, err := s.list(tx, domain)
		switch {
		case err != nil:
			return err
		case first && len(all) > 0: // somebody was faster
			added = all
			return nil
		case len(all)+len(made) > maxKeys:
			return ErrTooMany
		}
		added = nil
		for _, k := range made {
			k.Selector = freeSelector(all, k.Selector)
			if err := s.keys.Set(tx, keyName{domain, k.Selector}, k); err != nil {
				return err
			}
			added = append(added, k)
		}
		return nil
	})
	s.forget(domain)
	return added, err
}

func generate(domain string, now time.Time) ([]Key, error) {
	r, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return nil, err
	}
	_, e, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	var out []Key
	for _, one := range []struct {
		letter string
		key    any
	}{{"r", r}, {"e", e}} {
		der, err := x509.MarshalPKCS8PrivateKey(one.key)
		if err != nil {
			return nil, err
		}
		out = append(out, Key{Domain: domain, Selector: now.UTC().Format("20060102") + one.letter, Made: now, Since: now, private: der})
	}
	return out, nil
}

// freeSelector is a selector that the domain does not have: several may be made in a
// day.
func freeSelector(all []Key, selector string) string {
	free := selector
	for n := 2; ; n++ {
		taken := false
		for _, k := range all {
			taken = taken || k.Selector == free
		}
		if !taken {
			return free
		}
		free = fmt.Sprintf("%s%d", selector, n)
	}
}

// Look asks the DNS for the keys of a domain that wait, and has those used that it
// shows.
func (s *Signer) Look(ctx context.Context, domain string) error {
	all, err := s.Keys(ctx, domain)
	if err != nil {
		return err
	}
	var down error
	for _, k := range all {
		if k.State != Waiting {
			continue
		}
		key, err := k.Open()
		if err != nil {
			return err
		}
		shown, err := key.Published(ctx, s.lookup)
		if err != nil {
			down = err
			continue
		}
		if shown {
			if err := s.Use(context.WithoutCancel(ctx), domain, k.Selector); err != nil {
				return err
			}
			s.log.Info("mail is signed with a new key", "domain", domain, "selector", k.Selector)
		}
	}
	return down
}

// Use has a key used, whatever the DNS shows. Others of its kind that were made
// before retire.
func (s *Signer) Use(ctx context.Context, domain, selector string) error {
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		all, chosen, err := s.find(tx, domain, selector)
		if err != nil || chosen.State == Used {
			return err
		}
		kind, err := chosen.kind()
		if err != nil {
			return err
		}
		for _, k := range all {
			other, err := k.kind()
			if err != nil {
				return err
			}
			if k.State == Used && other == kind {
				if err := s.set(tx, k, Retired); err != nil {
					return err
				}
			}
		}
		return s.set(tx, chosen, Used)
	})
	s.forget(domain)
	return err
}

// Retire has a key used no more. The last of its kind that is in use stays, unless
// force is given.
func (s *Signer) Retire(ctx context.Context, domain, selector string, force bool) error {
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		_, k, err := s.find(tx, domain, selector)
		if err != nil || k.State == Retired {
			return err
		}
		if k.State == Used && !force {
			return ErrLastKey // one of a kind is in use at a time
		}
		return s.set(tx, k, Retired)
	})
	s.forget(domain)
	return err
}

func (s *Signer) find(tx *store.Tx, domain, selector string) (all []Key, k Key, err error) {
	all, err = s.list(tx, domain)
	if err != nil {
		return nil, k, err
	}
	for _, k := range all {
		if k.Selector == selector {
			return all, k, nil
		}
	}
	return nil, k, fmt.Errorf("%w: %s of %s", ErrNoKey, selector, domain)
}

func (s *Signer) set(tx *store.Tx, k Key, state State) error {
	k.State, k.Since = state, time.Now()
	return s.keys.Set(tx, keyName{k.Domain, k.Selector}, k)
}

func (k *Key) kind() (string, error) {
	key, err := k.Open()
	return key.Algorithm(), err
}

// Keep does what time brings: keys that the DNS shows are used, and those that retired
// long ago go, as do those of domains that are ours no more. Call it now and then.
func (s *Signer) Keep(ctx context.Context) error {
	waiting := map[string]bool{}
	err := s.store.View(ctx, func(tx *store.Tx) error {
		for row, err := range s.keys.Scan(tx, store.TableRange[keyName]{}) {
			if err != nil {
				return err
			}
			if row.Value.State == Waiting {
				waiting[row.Key.domain] = true
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for d := range waiting {
		if err := s.Look(ctx, d); err != nil && ctx.Err() == nil {
			s.log.Warn("the DNS does not tell whether it has our keys", "domain", d, "error", err)
		}
	}
	return s.sweep(ctx, time.Now())
}

// sweep removes keys that nobody needs any more.
func (s *Signer) sweep(ctx context.Context, now time.Time) error {
	over := func(k keyName, v Key) bool {
		return now.Sub(v.Since) >= keepRetired && (v.State == Retired || !s.directory.IsLocal(k.domain))
	}
	var old []keyName
	err := s.store.View(ctx, func(tx *store.Tx) error {
		for row, err := range s.keys.Scan(tx, store.TableRange[keyName]{}) {
			if err != nil {
				return err
			}
			if over(row.Key, row.Value) {
				old = append(old, row.Key)
			}
		}
		return nil
	})
	if err != nil || len(old) == 0 {
		return err
	}
	return s.store.Update(ctx, func(tx *store.Tx) error {
		for _, k := range old {
			if v, err := s.keys.Get(tx, k); err == nil && over(k, v) {
				if err := s.keys.Delete(tx, k); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
