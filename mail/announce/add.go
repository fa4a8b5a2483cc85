package announce

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/push"
	"martlet/store"
)

// Add registers an app and tells whether it is new. The same account, device,
// app and kind again replaces what was registered, and goes on where that
// stands; a new registration starts at the present. A target that another
// registration has is taken from it. ID, Created, Updated, LastSeen and Lost are
// not the caller's.
func (b *Book) Add(ctx context.Context, r Registration) (Registration, bool, error) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	r.normalise()
	if err := r.check(now); err != nil {
		return Registration{}, false, err
	}
	acc, err := b.c.Directory.Account(ctx, r.Account)
	if err != nil {
		return Registration{}, false, err
	}
	secret := make([]byte, secretSize)
	rand.Read(secret)
	var out Registration
	var fresh bool
	err = b.store.Update(ctx, func(tx *store.Tx) (err error) {
		out = r
		out.login = loginOf(&acc)
		out.secret, out.Created, out.Updated, out.LastSeen = secret, now, now, now
		out.Lost, out.LostAt = "", time.Time{}
		fresh, err = b.add(tx, &out)
		return err
	})
	if err != nil {
		return Registration{}, false, err
	}
	b.log.Info("app registered", "registration", out.ID, "account", out.Account, "kind", out.Kind.String(), "app", out.App, "mode", out.Mode.String(), "new", fresh)
	return out, fresh, nil
}

// secretSize is the length of what makes names opaque, in bytes.
const secretSize = 16

func (b *Book) add(tx *store.Tx, r *Registration) (fresh bool, err error) {
	if err := b.checkFolders(tx, r); err != nil {
		return false, err
	}
	mine, err := b.list(tx, r.Account)
	if err != nil {
		return false, err
	}
	var old *Registration
	for i := range mine {
		if mine[i].same(r) {
			old = &mine[i]
			break
		}
	}
	if err := b.takeTarget(tx, r, old); err != nil {
		return false, err
	}
	if old != nil {
		r.ID, r.Created, r.secret = old.ID, old.Created, old.secret
		return false, b.replace(tx, r, old)
	}
	if len(mine) >= MaxPerAccount {
		if mine, err = b.list(tx, r.Account); err != nil { // takeTarget may have removed one
			return false, err
		}
		if err := b.makeRoom(tx, mine); err != nil {
			return false, err
		}
	}
	if r.ID, err = tx.Next("registration"); err != nil {
		return false, err
	}
	if err := b.accounts.Set(tx, accountKey{r.Account, r.ID}, struct{}{}); err != nil {
		return false, err
	}
	return true, errors.Join(b.begin(tx, r, state{}), b.put(tx, r))
}

// same tells whether o is the same registration anew. One that has lost its
// target is found by its device only.
func (r *Registration) same(o *Registration) bool {
	if r.Kind != o.Kind || r.App != o.App || r.Device != o.Device || r.name() != o.name() {
		return false
	}
	return r.Device != "" || r.Lost == "" && r.targetKey() == o.targetKey()
}

// takeTarget removes the registration that has r's target, unless that is old.
func (b *Book) takeTarget(tx *store.Tx, r, old *Registration) error {
	id, err := b.targets.Get(tx, r.targetKey())
	if errors.Is(err, store.ErrNotFound) || err == nil && old != nil && id == old.ID {
		return nil
	}
	if err != nil {
		return err
	}
	former, err := b.load(tx, 0, id)
	if err != nil {
		return err
	}
	return b.remove(tx, &former)
}

// makeRoom removes what expired or lost its target, the oldest first, or
// returns ErrTooMany.
func (b *Book) makeRoom(tx *store.Tx, mine []Registration) error {
	if len(mine) < MaxPerAccount {
		return nil
	}
	now := time.Now()
	for i := range mine {
		if r := &mine[i]; r.Lost != "" || r.expired(now) {
			return b.remove(tx, r)
		}
	}
	return ErrTooMany
}

func (r *Registration) expired(now time.Time) bool {
	return !r.Expires.IsZero() && !now.Before(r.Expires)
}

// replace writes r in the place of old.
func (b *Book) replace(tx *store.Tx, r, old *Registration) error {
	if err := b.forgetTarget(tx, old); err != nil {
		return err
	}
	st, err := b.state(tx, r.ID)
	if err != nil {
		return err
	}
	if old.Lost != "" {
		return errors.Join(b.begin(tx, r, st), b.put(tx, r))
	}
	w, err := b.watch(tx, r)
	if err != nil {
		return err
	}
	marks, moved := w.marks(&st, r.Mode), r.targetKey() != old.targetKey()
	if moved {
		// What the old target shows is not on the new one's screen.
		st.Epoch++
		st.Told, st.Over, st.Unread = nil, nil, 0
	}
	if moved || !slices.Equal(marks, st.Marks) {
		st.Marks = marks
		if err := b.states.Set(tx, r.ID, st); err != nil {
			return err
		}
	}
	return b.put(tx, r)
}

// begin has a registration stand at the present: what is there is no news.
func (b *Book) begin(tx *store.Tx, r *Registration, old state) error {
	last, err := b.c.Mailboxes.Last(tx, mail.MailboxOf(r.Account))
	if err != nil {
		return err
	}
	w, err := b.watch(tx, r)
	if err != nil {
		return err
	}
	// The app that registers is running and knows its number.
	st := state{Epoch: old.Epoch + 1, Last: last, Unread: w.unread + 1, Noted: old.Noted, Spent: old.Spent, Run: b.run}
	st.Marks = w.marks(&st, r.Mode)
	return b.states.Set(tx, r.ID, st)
}

// put writes the row and what leads to it, and tells the notifier.
func (b *Book) put(tx *store.Tx, r *Registration) error {
	if r.Lost == "" {
		if err := b.targets.Set(tx, r.targetKey(), r.ID); err != nil {
			return err
		}
	}
	if err := b.registrations.Set(tx, r.ID, *r); err != nil {
		return err
	}
	w, err := b.watch(tx, r)
	if err != nil {
		return err
	}
	b.followed(tx, r.subscription(&w))
	return nil
}

// checkFolders refuses folders that are not there. It makes the mailbox.
func (b *Book) checkFolders(tx *store.Tx, r *Registration) error {
	box := mail.MailboxOf(r.Account)
	if err := b.c.Mailboxes.Ensure(tx, box); err != nil {
		return err
	}
	for _, f := range r.Folders {
		if _, err := b.c.Mailboxes.Folder(tx, box, f); errors.Is(err, mail.ErrNoFolder) {
			return ErrBadFolders
		} else if err != nil {
			return err
		}
	}
	return nil
}

// Change lets edit change how a registration is told: its target, folders, mode,
// rules, names and expiry. What the caller may not set is ignored. It goes on
// where it stands. Account zero is the administrator.
func (b *Book) Change(ctx context.Context, account directory.AccountID, id uint64, edit func(*Registration) error) (Registration, error) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	var out Registration
	err := b.store.Update(ctx, func(tx *store.Tx) error {
		old, err := b.load(tx, account, id)
		if err != nil {
			return err
		}
		r := old
		if err := edit(&r); err != nil {
			return err
		}
		r.ID, r.Account, r.Created, r.LastSeen, r.secret, r.login = old.ID, old.Account, old.Created, old.LastSeen, old.secret, old.login
		r.Lost, r.LostAt = "", time.Time{}
		r.normalise()
		if err := r.check(now); err != nil {
			return err
		}
		if err := b.checkFolders(tx, &r); err != nil {
			return err
		}
		if old.Lost != "" || r.targetKey() != old.targetKey() {
			r.Updated = now
		}
		if err := b.takeTarget(tx, &r, &old); err != nil {
			return err
		}
		out = r
		return b.replace(tx, &out, &old)
	})
	return out, err
}

// Test has the device told something at once, so that its user sees that it
// works. What became of it is among the outcomes. Account zero is the
// administrator.
func (b *Book) Test(ctx context.Context, account directory.AccountID, id uint64) error {
	now := time.Now().UTC().Truncate(time.Millisecond)
	if err := b.mayTell(ctx, account, id); err != nil {
		return err
	}
	return b.store.Update(ctx, func(tx *store.Tx) error {
		r, err := b.load(tx, account, id)
		if err != nil {
			return err
		}
		if r.Lost != "" {
			return ErrLost
		}
		st, err := b.state(tx, id)
		if err != nil {
			return err
		}
		st.Asked = now
		if err := b.states.Set(tx, id, st); err != nil {
			return err
		}
		w, err := b.watch(tx, &r)
		if err != nil {
			return err
		}
		b.followed(tx, r.subscription(&w))
		return nil
	})
}

// mayTell says why a registration is told nothing at present, if it is so: a
// test that nobody sends would be waited for.
func (b *Book) mayTell(ctx context.Context, account directory.AccountID, id uint64) error {
	r, err := b.Load(ctx, account, id)
	if err != nil {
		return err
	}
	acc, err := b.c.Directory.Account(ctx, r.Account)
	switch {
	case err != nil:
		return err
	case r.Lost != "":
		return ErrLost
	case r.outlived(&acc):
		return ErrPassword
	}
	return b.store.View(ctx, func(tx *store.Tx) error {
		barred, err := (&planner{b: b, tx: tx, ctx: ctx, reg: &r}).barred()
		if err == nil && barred {
			return ErrBarred
		}
		return err
	})
}

// loginOf names the password that an account has now, and tells nothing of it.
func loginOf(acc *directory.Account) []byte {
	sum := sha256.Sum256([]byte("announce login\x00" + acc.PasswordHash))
	return sum[:16]
}

// outlived tells whether the account has another password than when the app
// registered: what was registered with the old one ends with it (as RFC 8620 7.2
// has it for JMAP), until the app registers again.
func (r *Registration) outlived(acc *directory.Account) bool {
	return len(r.login) > 0 && !bytes.Equal(r.login, loginOf(acc))
}

// service parts an app that has several far sides.
func (r *Registration) service() string {
	switch {
	case r.Kind == push.APNs && r.Sandbox:
		return "sandbox"
	case r.Kind == push.WebPush:
		if u, err := url.Parse(r.Endpoint); err == nil {
			return strings.ToLower(u.Host)
		}
	}
	return ""
}

// targetKey names a target, with what the app calls the account there.
func (r *Registration) targetKey() (key [32]byte) {
	h := sha256.New()
	for _, s := range []string{r.Kind.String(), r.App, fmt.Sprint(r.Sandbox), r.Token, r.Endpoint, r.name()} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	h.Sum(key[:0])
	return key
}

var targetKeys = store.Codec[[32]byte]{
	Append: func(dst []byte, k [32]byte) []byte { return append(dst, k[:]...) },
	Parse: func(b []byte) (k [32]byte, err error) {
		if copy(k[:], b) != len(k) || len(b) != len(k) {
			return k, store.ErrBadKey
		}
		return k, nil
	},
}
