package announce

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"sync"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/push"
	"martlet/store"
	"martlet/sync/device"
)

// Config is what New needs. Store, Directory, Mailboxes and Devices are
// required.
type Config struct {
	Store     *store.Store
	Directory *directory.Directory
	Mailboxes *mailbox.Mailboxes
	Devices   *device.Devices
	Logger    *slog.Logger // nil: nothing is logged

	// Detail is the most that any alert may say.
	Detail Detail
	// Holding tells whether a device holds a request open at this moment: then it
	// hears of a change without being pushed. Nil: none ever does, or Ask says
	// later who.
	Holding func(mailbox uint64, device string) bool
	// Refresh makes an account's links to the folders of others what was granted,
	// so that what was revoked is not told. Nil: they are as they should be.
	Refresh func(ctx context.Context, account directory.AccountID) error
}

// Book keeps the registrations and plans what they are told: it is the
// notifier's push.Book. It is safe for concurrent use.
type Book struct {
	c     Config
	store *store.Store
	log   *slog.Logger
	run   uint64 // this process, at random

	registrations store.Table[uint64, Registration]
	accounts      store.Table[accountKey, struct{}]
	targets       store.Table[[32]byte, uint64]
	states        store.Table[uint64, state]
	outcomes      store.Table[pageKey, []byte]

	mu      sync.Mutex // guards what follows
	follow  func(push.Subscription)
	forget  func(id uint64)
	holding func(mailbox uint64, device string) bool
	answers answers
}

// New returns the registrations of a store.
func New(c Config) (*Book, error) {
	if c.Store == nil || c.Directory == nil || c.Mailboxes == nil || c.Devices == nil {
		return nil, errors.New("announce: store, directory, mailboxes and devices are needed")
	}
	if c.Detail >= details {
		return nil, ErrBadDetail
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	id := store.Uint64Key[uint64]()
	return &Book{
		c: c, store: c.Store, log: c.Logger, run: rand.Uint64(), holding: c.Holding,
		registrations: store.NewTable("app", store.PrefixApp, id,
			store.Codec[Registration]{Append: appendRegistration, Parse: parseRegistration}),
		accounts: store.NewTable("app account", store.PrefixAppAccount, accountKeys, store.NoValue()),
		targets:  store.NewTable("app target", store.PrefixAppTarget, targetKeys, numbers),
		states: store.NewTable("app state", store.PrefixAppState, id,
			store.Codec[state]{Append: appendStateRow, Parse: parseStateRow}),
		outcomes: store.NewTable("app outcome", store.PrefixAppOutcome, pageKeys, outcomePages),
	}, nil
}

// Tell has follow called with each registration that is made or changed from
// now on, and forget with each that is removed: they are push.Notifier's Follow
// and Forget. Both are called after the commit, and must not block.
func (b *Book) Tell(follow func(push.Subscription), forget func(id uint64)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.follow, b.forget = follow, forget
}

// followed tells the notifier of a registration when tx is durable.
func (b *Book) followed(tx *store.Tx, s push.Subscription) {
	tx.OnCommit(func() {
		b.mu.Lock()
		follow := b.follow
		b.mu.Unlock()
		if follow != nil {
			follow(s)
		}
	})
}

// forgotten tells the notifier that a registration is gone when tx is durable.
func (b *Book) forgotten(tx *store.Tx, id uint64) {
	tx.OnCommit(func() {
		b.mu.Lock()
		forget := b.forget
		b.mu.Unlock()
		if forget != nil {
			forget(id)
		}
	})
}

// Load returns one registration. Account zero is the administrator; another
// user's is ErrNoRegistration.
func (b *Book) Load(ctx context.Context, account directory.AccountID, id uint64) (r Registration, err error) {
	err = b.store.View(ctx, func(tx *store.Tx) error {
		r, err = b.load(tx, account, id)
		return err
	})
	return r, err
}

func (b *Book) load(tx *store.Tx, account directory.AccountID, id uint64) (Registration, error) {
	r, err := b.registrations.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && account != 0 && r.Account != account {
		return Registration{}, ErrNoRegistration
	}
	if err != nil {
		return Registration{}, fmt.Errorf("announce: %w", err)
	}
	r.ID = id
	return r, nil
}

// state reads where a registration stands.
func (b *Book) state(tx *store.Tx, id uint64) (state, error) {
	st, err := b.states.Get(tx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return st, fmt.Errorf("announce: %w", err)
	}
	return st, nil
}

// List returns the registrations of an account, the oldest first.
func (b *Book) List(ctx context.Context, account directory.AccountID) (all []Registration, err error) {
	err = b.store.View(ctx, func(tx *store.Tx) error {
		all, err = b.list(tx, account)
		return err
	})
	return all, err
}

func (b *Book) list(tx *store.Tx, account directory.AccountID) ([]Registration, error) {
	var all []Registration
	for k, err := range b.accounts.Keys(tx, store.TableRange[accountKey]{Prefix: store.AppendUint64(nil, uint64(account))}) {
		if err != nil {
			return nil, fmt.Errorf("announce: list: %w", err)
		}
		r, err := b.load(tx, account, k.id)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// ListAll yields every registration, the oldest first, for the administrator.
func (b *Book) ListAll(ctx context.Context) iter.Seq2[Registration, error] {
	errStop := errors.New("announce: the caller has enough")
	return func(yield func(Registration, error) bool) {
		err := b.store.View(ctx, func(tx *store.Tx) error {
			for row, err := range b.registrations.Scan(tx, store.TableRange[uint64]{}) {
				if err != nil {
					return err
				}
				row.Value.ID = row.Key
				if !yield(row.Value, nil) {
					return errStop
				}
			}
			return nil
		})
		if err != nil && err != errStop {
			yield(Registration{}, fmt.Errorf("announce: list: %w", err))
		}
	}
}

// Remove forgets a registration and all that was noted of it. Account zero is
// the administrator.
func (b *Book) Remove(ctx context.Context, account directory.AccountID, id uint64) error {
	return b.store.Update(store.WithReserve(ctx), func(tx *store.Tx) error {
		r, err := b.load(tx, account, id)
		if err != nil {
			return err
		}
		return b.remove(tx, &r)
	})
}

// RemoveAccount forgets all registrations of an account.
func (b *Book) RemoveAccount(tx *store.Tx, account directory.AccountID) error {
	return b.removeThose(tx, account, func(*Registration) bool { return true })
}

// RemoveDevice forgets an account's registrations that are tied to a device.
func (b *Book) RemoveDevice(tx *store.Tx, id device.ID) error {
	return b.removeThose(tx, id.Account, func(r *Registration) bool { return r.Device == id.Device })
}

func (b *Book) removeThose(tx *store.Tx, account directory.AccountID, which func(*Registration) bool) error {
	all, err := b.list(tx, account)
	if err != nil {
		return err
	}
	for i := range all {
		if !which(&all[i]) {
			continue
		}
		if err := b.remove(tx, &all[i]); err != nil {
			return err
		}
	}
	return nil
}

func (b *Book) remove(tx *store.Tx, r *Registration) error {
	st, err := b.state(tx, r.ID)
	if err != nil {
		return err
	}
	err = errors.Join(
		b.forgetTarget(tx, r), b.forgetOutcomes(tx, r.ID, st.Noted), b.states.Delete(tx, r.ID),
		b.accounts.Delete(tx, accountKey{r.Account, r.ID}), b.registrations.Delete(tx, r.ID),
	)
	if err != nil {
		return fmt.Errorf("announce: remove: %w", err)
	}
	b.forgotten(tx, r.ID)
	return nil
}

// forgetTarget frees the target, unless another registration has it by now.
func (b *Book) forgetTarget(tx *store.Tx, r *Registration) error {
	if r.Lost != "" {
		return nil
	}
	key := r.targetKey()
	id, err := b.targets.Get(tx, key)
	if errors.Is(err, store.ErrNotFound) || err == nil && id != r.ID {
		return nil
	}
	if err != nil {
		return err
	}
	return b.targets.Delete(tx, key)
}

// subscription is the registration as the notifier follows it.
func (r *Registration) subscription(w *watch) push.Subscription {
	s := push.Subscription{
		ID: r.ID, Mailbox: uint64(mail.MailboxOf(r.Account)), Folders: push.AllFolders,
		Elsewhere: w.elsewhere, Kind: r.Kind, App: r.App, Service: r.service(),
	}
	if r.All {
		return s
	}
	numbers := make([]uint32, 0, len(w.folders))
	for _, f := range w.folders {
		numbers = append(numbers, uint32(f.ID))
	}
	s.Folders = push.FoldersOf(numbers...) // all, until there are some
	return s
}
