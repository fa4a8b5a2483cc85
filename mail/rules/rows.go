package rules

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"martlet/directory"
	"martlet/store"
)

// scriptKey names a script.
type scriptKey struct {
	account directory.AccountID
	name    string
}

var scriptKeys = store.Codec[scriptKey]{
	Append: func(dst []byte, k scriptKey) []byte {
		return store.AppendString(store.AppendUint64(dst, uint64(k.account)), k.name)
	},
	Parse: func(b []byte) (k scriptKey, err error) {
		account, b, err := store.ParseUint64(b)
		if err != nil {
			return k, err
		}
		k.account = directory.AccountID(account)
		if k.name, b, err = store.ParseString(b); err != nil {
			return k, err
		}
		return k, store.End(b)
	},
}

func ofAccount(account directory.AccountID) store.TableRange[scriptKey] {
	return store.TableRange[scriptKey]{Prefix: store.AppendUint64(nil, uint64(account))}
}

// script is a script at rest.
type script struct {
	source  string
	version uint64 // never the same for another text
	changed time.Time
}

var scripts = store.Codec[script]{
	Append: func(dst []byte, s script) []byte {
		e := store.NewEncoder(dst)
		e.String(1, s.source)
		e.Uint(2, s.version)
		e.Time(3, s.changed)
		return e.Out()
	},
	Parse: func(b []byte) (s script, err error) {
		err = store.DecodeFields(b, func(f store.Field) error {
			switch f.Number {
			case 1:
				s.source = f.String()
			case 2:
				s.version = f.Uint()
			case 3:
				s.changed = f.Time()
			}
			return nil
		})
		return s, err
	},
}

// state is which script of an account is active. There is no row without one.
type state struct {
	active   string
	version  uint64 // of the active script
	failed   string // what went wrong last
	failedAt time.Time
}

var states = store.Codec[state]{
	Append: func(dst []byte, s state) []byte {
		e := store.NewEncoder(dst)
		e.String(1, s.active)
		e.Uint(2, s.version)
		e.String(3, s.failed)
		e.Time(4, s.failedAt)
		return e.Out()
	},
	Parse: func(b []byte) (s state, err error) {
		err = store.DecodeFields(b, func(f store.Field) error {
			switch f.Number {
			case 1:
				s.active = f.String()
			case 2:
				s.version = f.Uint()
			case 3:
				s.failed = f.String()
			case 4:
				s.failedAt = f.Time()
			}
			return nil
		})
		return s, err
	},
}

func (r *Rules) state(tx *store.Tx, account directory.AccountID) (state, error) {
	s, err := r.states.Get(tx, account)
	if errors.Is(err, store.ErrNotFound) {
		return state{}, nil
	}
	return s, err
}

func (r *Rules) script(tx *store.Tx, account directory.AccountID, name string) (script, error) {
	if !isName(name) {
		return script{}, ErrNoScript
	}
	s, err := r.scripts.Get(tx, scriptKey{account, name})
	if errors.Is(err, store.ErrNotFound) {
		return s, ErrNoScript
	}
	return s, err
}

// isName tells whether s can name a script (RFC 5804 1.6).
func isName(s string) bool {
	return s != "" && len(s) <= maxName && utf8.RuneCountInString(s) <= 128 && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool {
			return r < ' ' || r >= 0x7f && r <= 0x9f || r == 0x2028 || r == 0x2029
		})
}

// now counts to the millisecond, as rows do.
func now() time.Time { return time.UnixMilli(time.Now().UnixMilli()).UTC() }
