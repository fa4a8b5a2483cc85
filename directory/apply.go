package directory

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"martlet/store"
)

// maxStepBytes is how much of a plan goes into one transaction.
const maxStepBytes = 512 << 10

// Option changes what Apply does.
type Option int

// Prune makes Apply remove what is in the store and not in the file.
const Prune Option = 1

// Apply brings about what the file says and returns what that changed; applied
// again it changes nothing. A dry run returns the same without writing. All of
// a small file is one transaction; a large one is several, and applying it
// again completes what a crash cut short. Nothing is written when anything is
// wrong; the error then joins one for each thing, with its line.
//
// The mailbox of a user who is removed is the caller's to remove.
func (d *Directory) Apply(ctx context.Context, f *File, dryRun bool, options ...Option) ([]Edit, error) {
	want, errs := f.desired()
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	prune := slices.Contains(options, Prune)
	for {
		hashes, err := d.freshHashes(ctx, want, dryRun)
		if err != nil {
			return nil, err
		}
		edits, ok, err := d.applyOnce(ctx, want, hashes, dryRun, prune)
		if ok || err != nil {
			return edits, err
		}
	}
}

// applyOnce reports false when a password was changed by someone else since the
// hashes were computed.
func (d *Directory) applyOnce(ctx context.Context, want *File, hashes map[addressKey]freshHash, dryRun, prune bool) ([]Edit, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := planner{d: d, file: want, hashes: hashes, ctx: ctx, now: time.Now().UTC().Truncate(time.Millisecond)}
	p.checker.lines = want.lines
	p.photo = func(of target) (b []byte, err error) {
		err = d.store.View(ctx, func(tx *store.Tx) error {
			b, err = d.entryPhoto(tx, of)
			return err
		})
		return b, err
	}
	err := d.store.View(ctx, func(tx *store.Tx) (err error) {
		p.old, err = d.load(tx)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	for k, h := range hashes {
		if p.old.accounts[k].PasswordHash != h.was {
			return nil, false, nil
		}
	}
	if err := p.plan(prune); err != nil {
		return nil, false, err
	}
	if len(p.errs) > 0 {
		return nil, false, errors.Join(p.errs...)
	}
	edits := make([]Edit, len(p.steps))
	for i, s := range p.steps {
		edits[i] = s.edit
	}
	if dryRun {
		return edits, true, nil
	}
	return edits, true, d.run(ctx, p.steps)
}

func (d *Directory) run(ctx context.Context, steps []step) error {
	for len(steps) > 0 {
		n, bytes := 0, 0
		for n < len(steps) && (n == 0 || bytes+steps[n].weight <= maxStepBytes) {
			bytes += steps[n].weight
			n++
		}
		err := d.store.Update(ctx, func(tx *store.Tx) error {
			if _, err := d.move(tx); err != nil {
				return err
			}
			for _, s := range steps[:n] {
				if err := s.run(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		steps = steps[n:]
	}
	return nil
}

// freshHash is the hash a user of the file shall have, made from its password
// unless the hash that was there fits it.
type freshHash struct {
	was, hash string
	keys      *ScramKeys // nil: those that are there stay
}

func (d *Directory) freshHashes(ctx context.Context, f *File, dryRun bool) (map[addressKey]freshHash, error) {
	was := map[addressKey]string{}
	err := d.store.View(ctx, func(tx *store.Tx) error {
		s, err := d.load(tx)
		for k, a := range s.accounts {
			was[k] = a.PasswordHash
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]freshHash, len(f.Users))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(cap(d.hasher.slots))
	for i, u := range f.Users {
		if u.Password == nil {
			continue
		}
		g.Go(func() (err error) {
			out[i].was = was[keyOf(u.Login)]
			out[i].hash, err = d.fitting(ctx, out[i].was, *u.Password, dryRun)
			if err == nil && !dryRun && out[i].hash != out[i].was {
				out[i].keys, err = d.hasher.keysOf(*u.Password)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	hashes := map[addressKey]freshHash{}
	for i, u := range f.Users {
		if u.Password != nil {
			hashes[keyOf(u.Login)] = out[i]
		}
	}
	return hashes, nil
}

// fitting returns the old hash if the password belongs to it, else a new one.
func (d *Directory) fitting(ctx context.Context, old, password string, dryRun bool) (string, error) {
	if old != "" {
		if err := d.hasher.enter(ctx); err != nil {
			return "", err
		}
		same := verify(old, password)
		d.hasher.leave()
		if same {
			return old, nil
		}
	}
	if dryRun {
		return "a new one", nil
	}
	return d.hasher.hash(ctx, password)
}

// Export returns the whole directory as a file: password hashes, not
// passwords, and photos within.
func (d *Directory) Export(ctx context.Context) (*File, error) {
	f := &File{}
	err := d.store.View(ctx, func(tx *store.Tx) error {
		s, err := d.load(tx)
		if err != nil {
			return err
		}
		*f = File{}
		for _, dom := range sortedBy(s.domains, func(d Domain) string { return d.Name }) {
			f.Domains = append(f.Domains, FileDomain{
				Name: dom.Name, CatchAll: present(dom.CatchAll), PlusAddressing: &dom.PlusAddressing,
				Quota: present(SizeText(dom.Quota.Bytes)), QuotaItems: presentNumber(dom.Quota.Items),
			})
		}
		for _, a := range sortedBy(s.accounts, func(a Account) string { return a.Login }) {
			if a.Photo, err = d.photo(tx, a.ID); err != nil {
				return err
			}
			if a.IsResource() {
				f.Resources = append(f.Resources, fileResource(&a))
				continue
			}
			u := fileUser(&a)
			if keys, err := d.scramKeys(tx, &a); err == nil {
				u.Scram = present(scramText(keys))
			} else if !errors.Is(err, ErrNoKeys) {
				return err
			}
			certificates, err := d.certificates(tx, a.ID)
			if err != nil {
				return err
			}
			for _, der := range certificates {
				u.CertificatesBase64 = append(u.CertificatesBase64, base64.StdEncoding.EncodeToString(der))
			}
			f.Users = append(f.Users, u)
		}
		for _, g := range sortedBy(s.groups, func(g Group) string { return g.Address }) {
			one := FileGroup{Address: g.Address, Name: present(g.Name), Members: g.Members}
			if g.Hidden {
				one.Hidden = &g.Hidden
			}
			photo, err := d.entryPhoto(tx, target{group: keyOf(g.Address)})
			if err != nil {
				return err
			}
			one.PhotoBase64 = encoded(photo)
			f.Groups = append(f.Groups, one)
		}
		for _, c := range sortedBy(s.contacts, func(c Contact) string { return c.Address }) {
			one := SharedContact(&c)
			photo, err := d.entryPhoto(tx, target{contact: keyOf(c.Address)})
			if err != nil {
				return err
			}
			one.PhotoBase64 = encoded(photo)
			f.Contacts = append(f.Contacts, one)
		}
		for _, g := range sortedBy(s.delegates, func(g Delegation) string { return g.Owner + " " + g.Delegate }) {
			f.Delegations = append(f.Delegations, FileDelegation(g))
		}
		return nil
	})
	return f, err
}

func fileUser(a *Account) FileUser {
	u := FileUser{Login: a.Login, Aliases: a.Aliases, PasswordHash: present(a.PasswordHash)}
	for _, t := range userTexts() {
		*t.in(&u) = present(*t.of(a))
	}
	for _, b := range userBools() {
		if v := *b.of(a); v != b.fresh {
			*b.in(&u) = &v
		}
	}
	u.PhotoBase64 = encoded(a.Photo)
	u.Quota, u.QuotaItems = present(SizeText(a.Quota.Bytes)), presentNumber(a.Quota.Items)
	if len(a.Forward) > 0 {
		u.Forward, u.KeepCopy = a.Forward, &a.KeepCopy
	}
	return u
}

// present is nil for nothing: an export names only what is there.
func present(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func sortedBy[K comparable, V any](m map[K]V, name func(V) string) []V {
	out := make([]V, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b V) int {
		if x, y := name(a), name(b); x < y {
			return -1
		} else if x > y {
			return 1
		}
		return 0
	})
	return out
}
