// Package rules keeps the Sieve scripts of accounts, and says what they make of
// a message that arrives: where it is kept, to whom it goes on, who is answered.
// It answers for those who are away, too, so that nobody is told twice. Others
// carry it out: it must never deliver or send anything itself, and never lose a
// message: a script that fails leaves it where it would go without rules.
package rules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"martlet/directory"
	"martlet/mail/mailbox"
	"martlet/mail/oof"
	"martlet/mail/sieve"
	"martlet/store"
)

// Limits of what an account keeps.
const (
	MaxScripts = 32
	// MaxBytes is the size of all scripts of an account together.
	MaxBytes = 512 << 10
	// maxName is how long the name of a script is, in bytes.
	maxName = 128 * 4
)

// Errors of the operations on scripts, besides *sieve.Error for one that is
// wrong.
var (
	ErrNoScript = errors.New("rules: there is no such script")
	ErrExists   = errors.New("rules: there is a script of that name")
	ErrActive   = errors.New("rules: the script is active")
	ErrBadName  = errors.New("rules: a script needs a name of 1 to 128 characters without control characters")
	ErrTooMany  = fmt.Errorf("rules: an account has at most %d scripts", MaxScripts)
	ErrTooLarge = fmt.Errorf("rules: a script has at most %d bytes, all of an account %d", sieve.MaxScript, MaxBytes)
)

// Config holds what Rules need. Every field but Logger and Zone is needed.
type Config struct {
	Store     *store.Store
	Directory *directory.Directory
	Mailboxes *mailbox.Mailboxes
	Hostname  string
	Zone      *time.Location // of scripts that ask for the time; nil: the machine's
	Logger    *slog.Logger   // nil: slog.Default
}

// Rules are the scripts of all accounts. They are safe for concurrent use.
type Rules struct {
	c        Config
	log      *slog.Logger
	absences *oof.Absences
	compiled cache

	scripts store.Table[scriptKey, script]
	states  store.Table[directory.AccountID, state]
	seen    store.Table[seenKey, time.Time]
	seenAge store.Table[seenAge, struct{}]
}

// New returns the rules of a store.
func New(c Config) *Rules {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Zone == nil {
		c.Zone = time.Local
	}
	return &Rules{
		c: c, log: c.Logger, absences: oof.New(c.Store),
		scripts: store.NewTable("script", store.PrefixScript, scriptKeys, scripts),
		states:  store.NewTable("script state", store.PrefixScriptState, store.Uint64Key[directory.AccountID](), states),
		seen:    store.NewTable("seen", store.PrefixSeen, seenKeys, store.TimeValue()),
		seenAge: store.NewTable("seen age", store.PrefixSeenAge, seenAges, store.NoValue()),
	}
}

// Script is what is known of a script.
type Script struct {
	Name    string
	Active  bool
	Bytes   int
	Changed time.Time
	Failure *Failure // the last one, if there was one since it was changed
}

// Failure is what went wrong when a script ran.
type Failure struct {
	Time time.Time
	Text string // with line and column
}

// List lists the scripts of an account by name.
func (r *Rules) List(ctx context.Context, account directory.AccountID) (all []Script, err error) {
	err = r.c.Store.View(ctx, func(tx *store.Tx) error {
		all = nil
		s, err := r.state(tx, account)
		if err != nil {
			return err
		}
		for row, err := range r.scripts.Scan(tx, ofAccount(account)) {
			if err != nil {
				return err
			}
			one := Script{Name: row.Key.name, Active: row.Key.name == s.active, Bytes: len(row.Value.source), Changed: row.Value.changed}
			if one.Active && s.failed != "" {
				one.Failure = &Failure{s.failedAt, s.failed}
			}
			all = append(all, one)
		}
		return nil
	})
	return all, wrap(err)
}

// Load returns a script's text.
func (r *Rules) Load(ctx context.Context, account directory.AccountID, name string) (source string, err error) {
	err = r.c.Store.View(ctx, func(tx *store.Tx) error {
		s, err := r.script(tx, account, name)
		source = s.source
		return err
	})
	return source, wrap(err)
}

// Put makes a script, or changes it. What is wrong is refused: see sieve.Error.
// The other errors are ErrBadName, ErrTooMany and ErrTooLarge.
func (r *Rules) Put(ctx context.Context, account directory.AccountID, name, source string) error {
	if !isName(name) {
		return ErrBadName
	}
	if len(source) > sieve.MaxScript {
		return ErrTooLarge
	}
	if _, err := sieve.Compile(source); err != nil {
		return err
	}
	return wrap(r.c.Store.Update(ctx, func(tx *store.Tx) error {
		if err := r.room(tx, account, name, len(source)); err != nil {
			return err
		}
		return r.write(tx, account, name, source)
	}))
}

// HaveSpace tells whether a script of that size could be put: nil, ErrTooMany or
// ErrTooLarge.
func (r *Rules) HaveSpace(ctx context.Context, account directory.AccountID, name string, size int64) error {
	if !isName(name) {
		return ErrBadName
	}
	if size > sieve.MaxScript {
		return ErrTooLarge
	}
	return wrap(r.c.Store.View(ctx, func(tx *store.Tx) error { return r.room(tx, account, name, int(size)) }))
}

// room refuses a script for which there is none.
func (r *Rules) room(tx *store.Tx, account directory.AccountID, name string, size int) error {
	n, bytes := 1, size
	for row, err := range r.scripts.Scan(tx, ofAccount(account)) {
		if err != nil {
			return err
		}
		if row.Key.name != name {
			n++
			bytes += len(row.Value.source)
		}
	}
	switch {
	case n > MaxScripts:
		return ErrTooMany
	case bytes > MaxBytes:
		return ErrTooLarge
	}
	return nil
}

// write keeps a script. Each time it is another version, so that no copy of an
// older one is run.
func (r *Rules) write(tx *store.Tx, account directory.AccountID, name, source string) error {
	version, err := tx.Next("script")
	if err != nil {
		return err
	}
	if err := r.scripts.Set(tx, scriptKey{account, name}, script{source: source, version: version, changed: now()}); err != nil {
		return err
	}
	s, err := r.state(tx, account)
	if err != nil || s.active != name {
		return err
	}
	return r.states.Set(tx, account, state{active: name, version: version})
}

// Activate makes a script the one that runs, and no other; an empty name: none.
func (r *Rules) Activate(ctx context.Context, account directory.AccountID, name string) error {
	return wrap(r.c.Store.Update(ctx, func(tx *store.Tx) error {
		s, err := r.state(tx, account)
		if err != nil {
			return err
		}
		if name == "" {
			if s.active == "" {
				return nil
			}
			return r.states.Delete(tx, account)
		}
		of, err := r.script(tx, account, name)
		if err != nil || s.active == name {
			return err
		}
		return r.states.Set(tx, account, state{active: name, version: of.version})
	}))
}

// Delete removes a script that is not active.
func (r *Rules) Delete(ctx context.Context, account directory.AccountID, name string) error {
	return wrap(r.c.Store.Update(ctx, func(tx *store.Tx) error {
		if _, err := r.script(tx, account, name); err != nil {
			return err
		}
		s, err := r.state(tx, account)
		if err != nil {
			return err
		}
		if s.active == name {
			return ErrActive
		}
		return r.scripts.Delete(tx, scriptKey{account, name})
	}))
}

// Rename gives a script another name; the active one stays active.
func (r *Rules) Rename(ctx context.Context, account directory.AccountID, from, to string) error {
	if !isName(to) {
		return ErrBadName
	}
	return wrap(r.c.Store.Update(ctx, func(tx *store.Tx) error {
		old, err := r.script(tx, account, from)
		if err != nil {
			return err
		}
		if from == to {
			return nil
		}
		if there, err := r.scripts.Has(tx, scriptKey{account, to}); there || err != nil {
			return errors.Join(err, ErrExists)
		}
		if err := r.scripts.Delete(tx, scriptKey{account, from}); err != nil {
			return err
		}
		if err := r.scripts.Set(tx, scriptKey{account, to}, old); err != nil {
			return err
		}
		s, err := r.state(tx, account)
		if err != nil || s.active != from {
			return err
		}
		s.active = to
		return r.states.Set(tx, account, s)
	}))
}

// Remove forgets everything about an account.
func (r *Rules) Remove(tx *store.Tx, account directory.AccountID) error {
	var keys []scriptKey
	for k, err := range r.scripts.Keys(tx, ofAccount(account)) {
		if err != nil {
			return wrap(err)
		}
		keys = append(keys, k)
	}
	for _, k := range keys {
		if err := r.scripts.Delete(tx, k); err != nil {
			return wrap(err)
		}
	}
	if err := r.states.Delete(tx, account); err != nil {
		return wrap(err)
	}
	return wrap(r.forgetSeen(tx, account))
}

func wrap(err error) error {
	var known *sieve.Error
	for _, is := range []error{ErrNoScript, ErrExists, ErrActive, ErrBadName, ErrTooMany, ErrTooLarge} {
		if errors.Is(err, is) {
			return is
		}
	}
	if err == nil || errors.As(err, &known) {
		return err
	}
	return fmt.Errorf("rules: %w", err)
}
