// Package quota watches how full mailboxes are: it refuses mail for those that
// are full before it is taken, and tells their owners in time. It must never
// lose or refuse a message that was taken.
package quota

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/wire"
	"martlet/store"
)

// Config is what a Keeper needs. Store, Directory and Mailboxes are required.
type Config struct {
	Store     *store.Store
	Directory *directory.Directory
	Mailboxes *mailbox.Mailboxes
	// Refuse has mail for full mailboxes refused for good (552 5.2.2), so that the
	// sender is told at once. Else senders try again for days (452 4.2.2), and most
	// messages arrive when there is room.
	Refuse bool
	Logger *slog.Logger // nil: slog.Default
}

// Keeper watches mailboxes. It is safe for concurrent use.
type Keeper struct {
	c    Config
	log  *slog.Logger
	poke chan struct{}

	mu    sync.Mutex // guards grown
	grown map[mail.MailboxID]struct{}
}

// LimitsOf tells mailboxes how much they may hold. Mailboxes that are nobody's,
// as those of public folders, have no limits.
func LimitsOf(d *directory.Directory) func(*store.Tx, mail.MailboxID) (mail.Limits, error) {
	return func(tx *store.Tx, box mail.MailboxID) (mail.Limits, error) {
		q, err := d.QuotaIn(tx, directory.AccountID(box))
		if errors.Is(err, directory.ErrNoAccount) {
			return mail.Limits{}, nil
		}
		return mail.Limits{Bytes: uint64(q.Bytes), Items: uint64(q.Items)}, err
	}
}

// New returns a keeper, and has the mailboxes and the directory tell it what
// happens: it is made before they are used by others.
func New(c Config) *Keeper {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	k := &Keeper{c: c, log: c.Logger, poke: make(chan struct{}, 1), grown: map[mail.MailboxID]struct{}{}}
	c.Mailboxes.Connect(mailbox.Hooks{Grown: k.note})
	c.Directory.Connect(directory.Hooks{Changed: k.changed})
	return k
}

// Full tells what a sender is told whose recipient's mailbox is full. A group is
// full when all its members are: mail to it is not held up by one of them.
func (k *Keeper) Full(ctx context.Context, r *mail.Recipient) (no mail.Refusal) {
	if !r.Local || len(r.Accounts) == 0 {
		return no
	}
	err := k.c.Store.View(ctx, func(tx *store.Tx) error {
		for _, id := range r.Accounts {
			a, err := k.c.Directory.AccountIn(tx, id)
			if err != nil {
				return err
			}
			if len(a.Forward) > 0 && !a.KeepCopy { // nothing of it comes into the mailbox
				return nil
			}
			if full, err := k.c.Mailboxes.Full(tx, mail.MailboxOf(id)); err != nil || !full {
				return err
			}
		}
		no = mail.Refusal{Code: 452, Enhanced: "4.2.2", Text: "The mailbox is full, try again later"}
		if k.c.Refuse {
			no = mail.Refusal{Code: 552, Enhanced: "5.2.2", Text: "The mailbox is full"}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil { // what is wrong will show where it is delivered
		k.log.Error("quota cannot be looked at", "error", err)
		return mail.Refusal{}
	}
	return no
}

// note remembers that a mailbox has grown.
func (k *Keeper) note(box mail.MailboxID) {
	k.mu.Lock()
	k.grown[box] = struct{}{}
	k.mu.Unlock()
	select {
	case k.poke <- struct{}{}:
	default:
	}
}

func (k *Keeper) take() map[mail.MailboxID]struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := k.grown
	k.grown = map[mail.MailboxID]struct{}{}
	return all
}

// Run tells owners of mailboxes that fill up, until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	for {
		select {
		case <-k.poke:
		case <-ctx.Done():
			return nil
		}
		for box := range k.take() {
			if err := k.look(ctx, box); err != nil && ctx.Err() == nil {
				k.log.Error("owner of a mailbox not told how full it is", "mailbox", uint64(box), "error", err)
			}
		}
	}
}

// levels are the percentages at which an owner is told. One that was told is
// told again when the mailbox was emptier by slack in between.
var levels = []int{80, 90, 100}

const slack = 5

// levelOf is the highest level reached, as its place in levels from 1 on.
func levelOf(percent int) (n int) {
	for n < len(levels) && percent >= levels[n] {
		n++
	}
	return n
}

// next is what an owner knows afterwards, and whether a warning is due.
func next(told, percent int) (now int, due bool) {
	at := levelOf(percent)
	for told > at && percent < levels[told-1]-slack {
		told--
	}
	return max(told, at), at > told
}

var toldTable = store.NewTable("quota warnings", store.PrefixQuotaTold, store.Uint64Key[directory.AccountID](), store.Codec[int]{
	Append: func(dst []byte, n int) []byte {
		e := store.NewEncoder(dst)
		e.Uint(1, uint64(n))
		return e.Out()
	},
	Parse: func(b []byte) (n int, err error) {
		err = store.DecodeFields(b, func(f store.Field) error {
			if f.Number == 1 {
				n = int(min(f.Uint(), uint64(len(levels))))
			}
			return nil
		})
		return n, err
	},
})

// standing is how full a mailbox is, and what its owner was told.
type standing struct {
	account directory.Account
	limits  mail.Limits
	used    mail.Usage
	told    int
}

func (k *Keeper) standing(tx *store.Tx, box mail.MailboxID) (s standing, err error) {
	if s.limits, err = k.c.Mailboxes.Limits(tx, box); err != nil || s.limits == (mail.Limits{}) {
		return s, err
	}
	if s.account, err = k.c.Directory.AccountIn(tx, directory.AccountID(box)); err != nil {
		return s, err
	}
	if s.used, err = k.c.Mailboxes.Usage(tx, box); err != nil {
		return s, err
	}
	s.told, err = toldTable.Get(tx, s.account.ID)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return s, err
}

// look writes a warning if one is due, in the transaction that notes it: it is
// there once.
func (k *Keeper) look(ctx context.Context, box mail.MailboxID) error {
	var s standing
	err := k.c.Store.View(ctx, func(tx *store.Tx) (err error) {
		s, err = k.standing(tx, box)
		return err
	})
	if errors.Is(err, directory.ErrNoAccount) || err == nil && s.limits == (mail.Limits{}) {
		return nil
	}
	if err != nil {
		return err
	}
	now, due := next(s.told, s.limits.Percent(s.used))
	if now == s.told && !due {
		return nil
	}
	var body mail.Body
	if due {
		if body, err = k.c.Mailboxes.Prepare(ctx, warning(&s, levels[now-1], time.Now())); err != nil {
			return err
		}
	}
	return k.c.Store.Update(ctx, func(tx *store.Tx) error {
		again, err := k.standing(tx, box)
		if err != nil {
			return err
		}
		if again.told != s.told {
			return nil // somebody was quicker
		}
		if err := toldTable.Set(tx, s.account.ID, now); err != nil || !due {
			return err
		}
		inbox, err := k.c.Mailboxes.FolderByRole(tx, box, mail.RoleInbox)
		if err != nil {
			return err
		}
		_, err = k.c.Mailboxes.Append(tx, box, inbox.ID, mail.NewItem{Class: mail.ClassEmail, Body: body})
		return err
	})
}

// warning is the message to the owner.
func warning(s *standing, level int, now time.Time) []byte {
	a := &s.account
	domain := a.Login[strings.LastIndexByte(a.Login, '@')+1:]
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("Date: %s", now.UTC().Format(wire.DateFormat))
	line("From: Mail system <postmaster@%s>", domain)
	line("To: <%s>", a.Login)
	if level == 100 {
		line("Subject: Your mailbox is full")
	} else {
		line("Subject: Your mailbox is %d %% full", level)
	}
	line("Message-ID: <%s@%s>", strings.ToLower(rand.Text()), domain)
	line("Auto-Submitted: auto-generated") // RFC 3834 5
	line("MIME-Version: 1.0")
	line("Content-Type: text/plain; charset=us-ascii")
	line("")
	line("The mailbox of %s", a.Login)
	if s.limits.Bytes > 0 {
		line("  holds %s of %s,", megabytes(s.used.Bytes), megabytes(s.limits.Bytes))
	}
	if s.limits.Items > 0 {
		line("  holds %d of %d messages, events, contacts and tasks.", s.used.Items, s.limits.Items)
	}
	line("")
	if level == 100 {
		line("New mail is turned away until there is room, and programs cannot store anything.")
	} else {
		line("When it is full, new mail will be turned away.")
	}
	line("To make room, delete what you no longer need, and empty Deleted Items and Junk.")
	return []byte(b.String())
}

func megabytes(n uint64) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }

// changed forgets what an account that goes was told.
func (k *Keeper) changed(tx *store.Tx, c directory.Change) error {
	if c.Account == 0 || !c.Gone {
		return nil
	}
	return toldTable.Delete(tx, c.Account)
}

// Check reports warnings of accounts that are not there.
func (k *Keeper) Check(ctx context.Context, report func(store.Problem)) error {
	return k.c.Store.View(ctx, func(tx *store.Tx) error {
		for id, err := range toldTable.Keys(tx, store.TableRange[directory.AccountID]{}) {
			if err != nil {
				return err
			}
			_, err := k.c.Directory.AccountIn(tx, id)
			if errors.Is(err, directory.ErrNoAccount) {
				report(store.Problem{Table: "quota warnings", Key: fmt.Sprint(id), Text: "no such account"})
			} else if err != nil {
				return err
			}
		}
		return nil
	})
}
