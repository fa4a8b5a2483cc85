package tlspolicy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"martlet/store"
)

const (
	// freshFor is how long a policy is used before it is fetched again though its id
	// is the same: what is fetched in good time cannot run out in bad (RFC 8461
	// 10.2).
	freshFor = 24 * time.Hour
	// failedFor is how long a web server is left in peace that gave no policy (RFC
	// 8461 3.3).
	failedFor = 5 * time.Minute
	// maxFailures are remembered.
	maxFailures = 1024
)

// known is a policy that was fetched.
type known struct {
	STS
	ID      string // of the record by which it was found
	Fetched time.Time
	Expires time.Time
}

// stsFor finds the policy of a domain; nil: it has none. A policy that is known and
// not too old holds, whatever the DNS and the web server say by now (RFC 8461 5.1).
// problem is why none could be fetched where there should be one.
func (p *Policies) stsFor(ctx context.Context, domain string) (k *known, problem string, err error) {
	if k, err = p.load(ctx, domain); err != nil {
		return nil, "", err
	}
	texts, err := p.cfg.DNS.TXT(ctx, "_mta-sts."+domain)
	if ctx.Err() != nil {
		return nil, "", ctx.Err()
	}
	if err != nil {
		if k == nil && !isNotFound(err) {
			p.cfg.Logger.Info("whether a domain has a policy of MTA-STS is not known", "domain", domain, "error", err)
		}
		return k, "", nil
	}
	id, err := recordID(texts.Records)
	if err != nil {
		return k, "", nil
	}
	if k != nil && k.ID == id {
		if time.Since(k.Fetched) > min(freshFor, k.MaxAge/2) {
			p.fetches.Go(func() { p.refresh(p.life, domain, id) })
		}
		return k, "", nil
	}
	fresh, err := p.refresh(ctx, domain, id)
	switch {
	case err == nil:
		return fresh, "", nil
	case ctx.Err() != nil:
		return nil, "", ctx.Err()
	}
	return k, fetchFailure(err), nil
}

// load reads what is known of a domain and has not expired.
func (p *Policies) load(ctx context.Context, domain string) (k *known, err error) {
	err = p.cfg.Store.View(ctx, func(tx *store.Tx) error {
		row, err := p.sts.Get(tx, domain)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil
		case err != nil:
			return err
		case time.Now().Before(row.Expires):
			k = &row
		}
		return nil
	})
	return k, err
}

// refresh fetches a policy and keeps it; equal ones at one time once. One that
// cannot be fetched changes nothing.
func (p *Policies) refresh(ctx context.Context, domain, id string) (*known, error) {
	if err := p.failures.of(domain, id); err != nil {
		return nil, err
	}
	done := p.fetching.DoChan(domain+" "+id, func() (any, error) {
		ctx, cancel := context.WithTimeout(p.life, fetchTimeout)
		defer cancel()
		policy, err := p.fetch(ctx, domain)
		if err != nil {
			p.cfg.Logger.Info("a policy of MTA-STS could not be fetched", "domain", domain, "error", err)
			p.failures.note(domain, id, err)
			return nil, err
		}
		now := time.Now()
		k := &known{STS: policy, ID: id, Fetched: now, Expires: now.Add(policy.MaxAge)}
		return k, p.cfg.Store.Update(ctx, func(tx *store.Tx) error { return p.sts.Set(tx, domain, *k) })
	})
	select {
	case r := <-done:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*known), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// failures are the web servers that gave no policy a short while ago.
type failures struct {
	mu   sync.Mutex
	list map[string]failure // by domain and id
}

type failure struct {
	err   error
	until time.Time
}

func (f *failures) of(domain, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last := f.list[domain+" "+id]; time.Now().Before(last.until) {
		return last.err
	}
	return nil
}

func (f *failures) note(domain, id string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if len(f.list) >= maxFailures {
		for k, v := range f.list {
			if !now.Before(v.until) {
				delete(f.list, k)
			}
		}
	}
	if len(f.list) >= maxFailures {
		return
	}
	if f.list == nil {
		f.list = map[string]failure{}
	}
	f.list[domain+" "+id] = failure{err, now.Add(failedFor)}
}

// sweep forgets policies that have expired.
func (p *Policies) sweep(ctx context.Context) error {
	return p.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		for row, err := range p.sts.Scan(tx, store.TableRange[string]{}) {
			if err != nil {
				return err
			}
			if !time.Now().Before(row.Value.Expires) {
				if err := p.sts.Delete(tx, row.Key); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// The fields of a policy's row. Numbers are never used again.
const (
	fieldID = iota + 1
	fieldMode
	fieldMaxAge
	fieldPattern
	fieldFetched
	fieldExpires
)

var knownRows = store.Codec[known]{
	Append: func(dst []byte, k known) []byte {
		e := store.NewEncoder(dst)
		e.String(fieldID, k.ID)
		e.String(fieldMode, string(k.Mode))
		e.Uint(fieldMaxAge, uint64(k.MaxAge/time.Second))
		for _, m := range k.Patterns {
			e.Element(fieldPattern, m)
		}
		e.Time(fieldFetched, k.Fetched)
		e.Time(fieldExpires, k.Expires)
		return e.Out()
	},
	Parse: func(b []byte) (k known, err error) {
		err = store.DecodeFields(b, func(f store.Field) error {
			switch f.Number {
			case fieldID:
				k.ID = f.String()
			case fieldMode:
				k.Mode = Mode(f.String())
			case fieldMaxAge:
				k.MaxAge = time.Duration(f.Uint()) * time.Second
			case fieldPattern:
				k.Patterns = append(k.Patterns, f.String())
			case fieldFetched:
				k.Fetched = f.Time()
			case fieldExpires:
				k.Expires = f.Time()
			}
			return nil
		})
		if err != nil {
			return k, fmt.Errorf("tlspolicy: policy: %w", err)
		}
		return k, nil
	},
}
