// Package directory knows who is here: domains, accounts with their names and
// credentials, the addresses that lead to them, groups, and who may act for
// whom. It answers two questions on every request and every message: is this
// login who it says, and where does this address lead. It must never hold or
// log a password in the clear, and it knows nothing of mailboxes, messages or
// devices.
package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"martlet/store"
)

// AccountID names an account. It is given once and never reused. The account's
// own mailbox has the same number.
type AccountID uint64

// Errors of this package. A door turns them into its protocol's own status.
var (
	ErrNoAccount      = errors.New("directory: no such account")
	ErrNoAddress      = errors.New("directory: no such address here")
	ErrBadCredentials = errors.New("directory: the login or the password is wrong")
	ErrDisabled       = errors.New("directory: the account is disabled")
	ErrExists         = errors.New("directory: the address is taken")
	ErrBadAddress     = errors.New("directory: not a usable address")
	ErrNoDomain       = errors.New("directory: the domain is not one of ours")
	ErrBadPassword    = errors.New("directory: not a usable password or password hash")
	ErrBadValue       = errors.New("directory: not a usable value")
)

// Account is a person or a function that logs in and has a mailbox, or a
// resource that has a calendar.
type Account struct {
	ID                       AccountID
	Login                    string // the primary address, lower case, domain in its ASCII form
	Name                     string // as shown to others
	GivenName, Surname       string
	Title, Company           string
	Department, Office       string
	Phone, Mobile, HomePhone string
	Alias                    string   // the short name in the address list
	Photo                    []byte   // JPEG or PNG, at most MaxPhoto bytes; given to AddUser, read with Photo
	Aliases                  []string // further addresses; treat as read-only
	PasswordHash             string   // PHC string; empty: nobody can log in
	Disabled                 bool     // cannot log in, still receives
	Hidden                   bool     // not in the address list
	ActiveSync               bool     // phones may synchronise
	Server                   string   // URL of the server that has the mailbox, without a path; empty: this one
	Admin                    bool
	Created                  time.Time

	Kind     Kind
	Capacity int     // of a room, in people; zero: not said
	Booking  Booking // of a resource

	Quota     Quota
	Forward   []string // whom mail that arrives goes to as well; treat as read-only
	KeepCopy  bool     // what is forwarded stays here too
	TwoFactor bool     // the password alone lets in nowhere: see TOTP and app passwords
}

// Domain is a domain whose mail is ours.
type Domain struct {
	Name           string // ASCII form, lower case
	CatchAll       string // address that takes what no other does, or empty
	PlusAddressing bool   // user+anything@domain leads to user@domain
	Quota          Quota  // of each account that has none of its own
}

// Group is an address that leads to its members.
type Group struct {
	Address, Name string
	Members       []string // addresses of accounts or of other groups
	Hidden        bool     // not in the address list
}

// Delegation says that one account may write for another, or for a group.
type Delegation struct {
	Owner, Delegate string // addresses: Owner of an account or a group, Delegate of an account
	SendAs          bool   // From may be the owner
	SendOnBehalf    bool   // From may be the owner when Sender is the delegate
}

// Route is where an address leads.
type Route struct {
	Accounts []AccountID // each once, in order of first mention
	Local    bool        // false: not our domain, and Accounts is empty
}

// Config is what a Directory needs. Only Store is required.
type Config struct {
	Store  *store.Store
	Logger *slog.Logger

	HashCost    HashCost      // of new password hashes; zero: 19 MiB, 2 passes, 1 thread
	HashWorkers int           // password hashes computed at once; zero: 2
	CacheLife   time.Duration // how long a verified credential is believed; zero: 10 minutes
	CacheSize   int           // verified credentials remembered; zero: 32,768

	// Keys gives the keys under which verified credentials are remembered in the
	// store, the newest first; nil: they are forgotten at a restart. A store that
	// is not sealed must not be given any.
	Keys func() [][KeySize]byte
}

// Directory answers from the store. All methods are safe for concurrent use.
type Directory struct {
	store  *store.Store
	logger *slog.Logger
	tables tables
	hasher *hasher
	cache  *cache
	keys   func() [][KeySize]byte // nil: no verifiers
	hooks  []Hooks
	tokens TokenReader // nil: there are no bearer tokens

	// mu orders changes: a plan made from what was read stays true until it is
	// written. It is never held while a password is hashed.
	mu sync.Mutex
}

// New returns the directory kept in the store.
func New(c Config) (*Directory, error) {
	if c.Store == nil {
		return nil, errors.New("directory: no store is configured")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	h, err := newHasher(c.HashCost, c.HashWorkers)
	if err != nil {
		return nil, err
	}
	d := &Directory{store: c.Store, logger: c.Logger, tables: newTables(), hasher: h, cache: newCache(c.CacheLife, c.CacheSize), keys: c.Keys}
	if err := d.ensureNames(context.Background()); err != nil {
		return nil, fmt.Errorf("directory: address list: %w", err)
	}
	return d, nil
}
