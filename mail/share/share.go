// Package share keeps who was granted what: rights of accounts, groups and
// everybody to folders of other mailboxes, and the public folders, which are
// nobody's. What somebody was granted appears among their own folders as links.
// It must never decide what an item is, and never look into one.
package share

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/store"
)

// Errors that a door turns into its protocol's own status.
var (
	ErrNoGrant      = errors.New("share: nothing was granted so")
	ErrOwner        = errors.New("share: the owner may do everything already")
	ErrBadRights    = errors.New("share: not rights that can be granted")
	ErrNotShareable = errors.New("share: such a folder cannot be shared")
	ErrIsLink       = errors.New("share: the folder is another's; only its owner shares it")
	ErrTooMany      = errors.New("share: the folder is granted to as many as it can be; grant it to a group")
	ErrNoPublic     = errors.New("share: no such public folder")
)

// Limits.
const (
	maxGrants = 1000 // of one folder
	maxLinks  = 1000 // that an account is shown
)

// Config is what the grants stand on. Every field but Logger is needed.
type Config struct {
	Store     *store.Store
	Directory *directory.Directory
	Mailboxes *mailbox.Mailboxes
	Logger    *slog.Logger // nil: slog.Default
}

// Shares are all grants. It is safe for concurrent use.
type Shares struct {
	store     *store.Store
	directory *directory.Directory
	mailboxes *mailbox.Mailboxes
	log       *slog.Logger
	moved     chan struct{} // wakes Run

	drawing sync.Mutex // held while a picture is made, so that one is enough
	mu      sync.Mutex // guards what follows
	picture *picture   // of the last epoch that was asked for; nil: none was
}

// New returns the grants in the store. It connects itself with the directory and
// the mailboxes, so it is made once, before they are used. A server calls Run.
func New(c Config) *Shares {
	s := &Shares{store: c.Store, directory: c.Directory, mailboxes: c.Mailboxes, log: c.Logger, moved: make(chan struct{}, 1)}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.directory.Connect(directory.Hooks{Changed: s.accountChanged, ActsFor: s.actsFor})
	s.mailboxes.Connect(mailbox.Hooks{FolderChanged: s.folderChanged})
	return s
}

// Principal is to whom something is granted. Zero: everybody here.
type Principal struct {
	Account directory.AccountID
	Group   string // its address, in its canonical form
}

// IsEveryone tells whether everybody is meant.
func (p Principal) IsEveryone() bool { return p == Principal{} }

// Grant is what somebody may do in a folder of another mailbox.
type Grant struct {
	Box    mail.MailboxID
	Folder mail.FolderID
	To     Principal
	Rights mail.Rights
}

// Blanks tells whether private items of the folder are shown without their
// content: it is another's, and who looks was not granted to see them.
func Blanks(f *mail.Folder) bool { return !f.Link.IsZero() && f.Link.Rights&mail.MaySee == 0 }

// Whole completes rights: who may write may read, and a delegate may everything.
func Whole(r mail.Rights) mail.Rights {
	if r&mail.MayDelegate != 0 {
		r |= mail.MayWrite | mail.MaySee
	}
	if r != 0 {
		r |= mail.MayRead
	}
	return r
}

// Principal reads to whom something shall be granted: an address of ours, or "".
func (s *Shares) Principal(tx *store.Tx, addr string) (Principal, error) {
	if addr == "" {
		return Principal{}, nil
	}
	id, group, err := s.directory.Whose(tx, addr)
	if err != nil {
		return Principal{}, fmt.Errorf("%w: %s", err, addr)
	}
	return Principal{Account: id, Group: group}, nil
}

// Grant gives somebody rights to a folder, in place of those they had. The
// owner is ErrOwner, a link ErrIsLink.
func (s *Shares) Grant(ctx context.Context, g Grant) error {
	err := s.store.Update(ctx, func(tx *store.Tx) error { return s.GrantIn(tx, g) })
	if err != nil {
		return fmt.Errorf("share: grant: %w", err)
	}
	return nil
}

// GrantIn is Grant within a transaction.
func (s *Shares) GrantIn(tx *store.Tx, g Grant) error {
	g.Rights = Whole(g.Rights)
	if err := s.mayGrant(tx, &g); err != nil {
		return err
	}
	k := keyOf(&g)
	old, err := s.granted(tx, k)
	if err != nil || old == g.Rights {
		return err
	}
	if old == 0 {
		if err := s.roomFor(tx, k); err != nil {
			return err
		}
	}
	if err := setGrant(tx, k, g.Rights); err != nil {
		return err
	}
	return s.move(tx)
}

// mayGrant refuses what would mean nothing.
func (s *Shares) mayGrant(tx *store.Tx, g *Grant) error {
	const all = mail.MayRead | mail.MayWrite | mail.MaySee | mail.MayDelegate
	if g.Rights == 0 || g.Rights&^all != 0 {
		return ErrBadRights
	}
	public, err := publicTable.Has(tx, g.Box)
	if err != nil {
		return err
	}
	// Somebody acts for a person: not everybody, and not for a public folder.
	if g.Rights&mail.MayDelegate != 0 && (public || g.To.IsEveryone()) {
		return ErrBadRights
	}
	f, err := s.mailboxes.Folder(tx, g.Box, g.Folder)
	switch {
	case err != nil:
		return err
	case !f.Link.IsZero():
		return ErrIsLink
	case f.Class == 0, f.Role == mail.RoleRecipientInfo, f.Role == mail.RoleOutbox:
		return ErrNotShareable
	}
	switch {
	case g.To.Account != 0:
		if mail.MailboxOf(g.To.Account) == g.Box {
			return ErrOwner
		}
		_, err = s.directory.AccountIn(tx, g.To.Account)
	case g.To.Group != "":
		_, g.To.Group, err = s.directory.Whose(tx, g.To.Group)
		if err == nil && g.To.Group == "" {
			err = directory.ErrNoAddress
		}
	}
	return err
}

// roomFor counts the grants of a folder before it gets one more.
func (s *Shares) roomFor(tx *store.Tx, k grantKey) error {
	n := 0
	for _, err := range grantTable.Keys(tx, store.TableRange[grantKey]{Prefix: k.ofFolder()}) {
		if err != nil {
			return err
		}
		n++
	}
	if n >= maxGrants {
		return ErrTooMany
	}
	return nil
}

// Revoke takes back what was granted. ErrNoGrant when nothing was.
func (s *Shares) Revoke(ctx context.Context, box mail.MailboxID, f mail.FolderID, to Principal) error {
	err := s.store.Update(store.WithReserve(ctx), func(tx *store.Tx) error { return s.RevokeIn(tx, box, f, to) })
	if err != nil {
		return fmt.Errorf("share: revoke: %w", err)
	}
	return nil
}

// RevokeIn is Revoke within a transaction.
func (s *Shares) RevokeIn(tx *store.Tx, box mail.MailboxID, f mail.FolderID, to Principal) error {
	k := keyOf(&Grant{Box: box, Folder: f, To: to})
	old, err := s.granted(tx, k)
	if err != nil {
		return err
	}
	if old == 0 {
		return ErrNoGrant
	}
	if err := dropGrant(tx, k); err != nil {
		return err
	}
	return s.move(tx)
}

// granted are the rights of one grant, zero without one.
func (s *Shares) granted(tx *store.Tx, k grantKey) (mail.Rights, error) {
	r, err := grantTable.Get(tx, k)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return r, err
}

// Grants lists what was granted: of a folder, of all folders of a mailbox when f
// is zero, or of all mailboxes when box is zero too.
func (s *Shares) Grants(tx *store.Tx, box mail.MailboxID, f mail.FolderID) ([]Grant, error) {
	k := grantKey{box: box, folder: f}
	r := store.TableRange[grantKey]{}
	switch {
	case f != 0:
		r.Prefix = k.ofFolder()
	case box != 0:
		r.Prefix = k.ofBox()
	}
	var all []Grant
	for row, err := range grantTable.Scan(tx, r) {
		if err != nil {
			return nil, fmt.Errorf("share: grants: %w", err)
		}
		all = append(all, row.Key.grant(row.Value))
	}
	return all, nil
}
