package directory

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"martlet/store"
)

// Edit is one change that Apply makes or, in a dry run, would make.
type Edit struct {
	Kind    string    `json:"kind"`    // "add", "change" or "remove", then "domain", "user", "group", "contact" or "delegation"
	Subject string    `json:"subject"` // which
	Text    string    `json:"text,omitempty"`
	Account AccountID `json:"account,omitempty"` // of a user that is changed or removed
}

// RemoveUserEdit is the Kind of the edits after which a mailbox has no owner.
const RemoveUserEdit = "remove user"

// state is the whole directory in memory, without photos.
type state struct {
	domains   map[string]Domain
	accounts  map[addressKey]Account // by login
	groups    map[addressKey]Group
	contacts  map[addressKey]Contact
	delegates map[delegateKey]Delegation
}

func (s state) clone() state {
	return state{maps.Clone(s.domains), maps.Clone(s.accounts), maps.Clone(s.groups), maps.Clone(s.contacts), maps.Clone(s.delegates)}
}

func (d *Directory) load(tx *store.Tx) (state, error) {
	s := state{map[string]Domain{}, map[addressKey]Account{}, map[addressKey]Group{}, map[addressKey]Contact{}, map[delegateKey]Delegation{}}
	for r, err := range d.tables.domains.Scan(tx, store.TableRange[string]{}) {
		if err != nil {
			return s, err
		}
		s.domains[r.Key] = r.Value
	}
	for r, err := range d.tables.accounts.Scan(tx, store.TableRange[AccountID]{}) {
		if err != nil {
			return s, err
		}
		s.accounts[keyOf(r.Value.Login)] = r.Value
	}
	for r, err := range d.tables.groups.Scan(tx, store.TableRange[addressKey]{}) {
		if err != nil {
			return s, err
		}
		s.groups[r.Key] = r.Value
	}
	for r, err := range d.tables.contacts.Scan(tx, store.TableRange[addressKey]{}) {
		if err != nil {
			return s, err
		}
		s.contacts[r.Key] = r.Value
	}
	for r, err := range d.tables.delegates.Scan(tx, store.TableRange[delegateKey]{}) {
		if err != nil {
			return s, err
		}
		s.delegates[r.Key] = r.Value
	}
	return s, nil
}

// step is one edit with what carries it out. Its weight in bytes decides how
// many steps go into one transaction.
type step struct {
	edit   Edit
	weight int
	run    func(tx *store.Tx) error
}

// planner turns a state and a file into steps. It writes nothing.
type planner struct {
	checker
	d      *Directory
	file   *File
	old    state
	want   state
	origin map[string][]any // of what the file mentions: its place in the file
	photo  func(target) ([]byte, error)
	ctx    context.Context
	hashes map[addressKey]freshHash
	now    time.Time

	steps   []step
	removes []step // run last, so that what they leave can be taken over
}

func (p *planner) plan(prune bool) error {
	p.origin = map[string][]any{}
	p.want = p.old.clone()
	p.planDomains(prune)
	if err := p.planUsers(prune); err != nil {
		return err
	}
	if err := p.planGroups(prune); err != nil {
		return err
	}
	p.planDelegations(prune)
	if err := p.planContacts(prune); err != nil {
		return err
	}
	p.validate()
	slices.Reverse(p.removes) // contacts, delegations, groups, users, domains
	p.steps = append(p.steps, p.removes...)
	return nil
}

func (p *planner) add(kind, subject string, text []string, weight int, run func(tx *store.Tx) error) *step {
	s := step{Edit{Kind: kind, Subject: subject, Text: strings.Join(text, "; ")}, weight + 200, run}
	if strings.HasPrefix(kind, "remove") {
		p.removes = append(p.removes, s)
		return &p.removes[len(p.removes)-1]
	}
	p.steps = append(p.steps, s)
	return &p.steps[len(p.steps)-1]
}

// verb is "add" for what is not there and "change" for what is.
func verb(there bool) string {
	if there {
		return "change"
	}
	return "add"
}

func differ[T comparable](text []string, key string, old, want T) []string {
	if old == want {
		return text
	}
	return append(text, fmt.Sprintf("%s: %#v -> %#v", key, old, want))
}

func differList(text []string, key string, old, want []string) []string {
	if slices.Equal(old, want) {
		return text
	}
	return append(text, fmt.Sprintf("%s: %q -> %q", key, old, want))
}

func (p *planner) planDomains(prune bool) {
	for i, f := range p.file.Domains {
		p.origin["domain "+f.Name] = []any{"domain", i}
		old, there := p.old.domains[f.Name]
		want := old
		if !there {
			want = Domain{Name: f.Name, PlusAddressing: true}
		}
		if f.CatchAll != nil {
			want.CatchAll = *f.CatchAll
		}
		if f.PlusAddressing != nil {
			want.PlusAddressing = *f.PlusAddressing
		}
		want.Quota = planQuota(want.Quota, f.Quota, f.QuotaItems)
		if there && old == want {
			continue
		}
		text := differ(nil, "catch_all", old.CatchAll, want.CatchAll)
		if there {
			text = differ(text, "plus_addressing", old.PlusAddressing, want.PlusAddressing)
		}
		text = differQuota(text, old.Quota, want.Quota)
		p.want.domains[f.Name] = want
		p.add(verb(there)+" domain", f.Name, text, 0, func(tx *store.Tx) error {
			return p.d.tables.domains.Set(tx, want.Name, want)
		})
	}
	for _, name := range slices.Sorted(maps.Keys(p.old.domains)) {
		if prune && p.origin["domain "+name] == nil {
			delete(p.want.domains, name)
			p.add("remove domain", name, nil, 0, func(tx *store.Tx) error { return p.d.tables.domains.Delete(tx, name) })
		}
	}
}

func (p *planner) planUsers(prune bool) error {
	for _, f := range p.file.Users {
		if err := p.planUser(&f); err != nil {
			return err
		}
	}
	for _, k := range slices.Sorted(maps.Keys(p.old.accounts)) {
		if prune && p.origin["user "+string(k)] == nil {
			a := p.old.accounts[k]
			delete(p.want.accounts, k)
			s := p.add(RemoveUserEdit, a.Login, []string{"with mailbox and devices"}, 0, func(tx *store.Tx) error { return p.d.deleteAccount(tx, &a) })
			s.edit.Account = a.ID
		}
	}
	return nil
}

func (p *planner) planUser(f *FileUser) error {
	k := keyOf(f.Login)
	p.origin["user "+string(k)] = f.section.at()
	old, there := p.old.accounts[k]
	want := old
	if !there {
		want = Account{Login: f.Login, Created: p.now}
	}
	var text []string
	for _, t := range userTexts() {
		if s := *t.in(f); s != nil {
			text = differ(text, f.section.key(t.key), *t.of(&old), *s)
			*t.of(&want) = *s
		}
	}
	text = f.planBooking(&old, &want, text)
	for _, b := range userBools() {
		v := b.fresh && f.section.resource == nil
		if there {
			v = *b.of(&old)
		}
		if s := *b.in(f); s != nil {
			v = *s
		}
		if there || v != (b.fresh && f.section.resource == nil) {
			text = differ(text, b.key, *b.of(&old), v)
		}
		*b.of(&want) = v
	}
	if f.Aliases != nil {
		text = differList(text, "aliases", old.Aliases, f.Aliases)
		want.Aliases = f.Aliases
	}
	want.Quota = planQuota(want.Quota, f.Quota, f.QuotaItems)
	text = differQuota(text, old.Quota, want.Quota)
	text = f.planForward(&old, &want, text)
	var keys *ScramKeys
	if h, ok := p.hashes[k]; ok && f.Password != nil {
		want.PasswordHash, keys = h.hash, h.keys
	} else if f.PasswordHash != nil {
		want.PasswordHash = *f.PasswordHash
	}
	if want.PasswordHash != old.PasswordHash {
		text = append(text, "password")
	}
	keys, text, err := p.planKeys(f, &old, &want, keys, text)
	if err != nil {
		return err
	}
	photo, text, err := p.planPhoto(f.Photo, f.PhotoBase64, target{account: old.ID}, there, text)
	if err != nil {
		return err
	}
	certificates, text, err := p.planCertificates(f, &want, text)
	if err != nil {
		return err
	}
	p.want.accounts[k] = want
	if there && len(text) == 0 {
		return nil
	}
	s := p.add(verb(there)+" user", want.Login, text, 5000+600*len(want.Aliases)+len(photo)+weigh(certificates), func(tx *store.Tx) error {
		return p.putUser(tx, old, want, there, photo, certificates, keys)
	})
	s.edit.Account = old.ID
	return nil
}

// planPhoto returns the photo to write, nil for none. What lies
// under the address of a new entry is another's, who goes.
func (p *planner) planPhoto(beside, within *string, of target, there bool, text []string) ([]byte, []string, error) {
	photo, err := p.file.photoOf(beside, within)
	if err != nil || photo == nil {
		return nil, text, err
	}
	var old []byte
	if there {
		if old, err = p.photo(of); err != nil {
			return nil, text, err
		}
	}
	if bytes.Equal(old, photo) {
		return nil, text, nil
	}
	return photo, append(text, fmt.Sprintf("photo: %d -> %d bytes", len(old), len(photo))), nil
}

// planCertificates returns the certificates to write, nil for none.
func (p *planner) planCertificates(f *FileUser, want *Account, text []string) ([][]byte, []string, error) {
	named, err := p.file.certificatesOf(f)
	if err != nil || named == nil {
		return nil, text, err
	}
	all, err := checkCertificates(want, named)
	if err != nil {
		p.fail(err, f.section.at()...)
		return nil, text, nil
	}
	var old [][]byte
	if want.ID != 0 {
		if old, err = p.d.Certificates(p.ctx, want.ID); err != nil {
			return nil, text, err
		}
	}
	if slices.EqualFunc(old, all, bytes.Equal) {
		return nil, text, nil
	}
	if all == nil {
		all = [][]byte{}
	}
	return all, append(text, fmt.Sprintf("certificates: %d -> %d", len(old), len(all))), nil
}

func weigh(all [][]byte) (n int) {
	for _, der := range all {
		n += len(der)
	}
	return n
}

func (p *planner) putUser(tx *store.Tx, old, want Account, there bool, photo []byte, certificates [][]byte, keys *ScramKeys) error {
	was := &old
	if !there {
		was = nil
		id, err := tx.Next("mailbox")
		if err != nil {
			return err
		}
		want.ID = AccountID(id)
	}
	if err := p.d.putAccount(tx, was, &want); err != nil {
		return err
	}
	if err := p.d.putKeys(tx, &want, keys); err != nil {
		return err
	}
	if certificates != nil {
		if err := p.d.putCertificates(tx, want.ID, certificates); err != nil {
			return err
		}
	}
	if photo == nil {
		return nil
	}
	return p.d.putPhoto(tx, want.ID, photo)
}

func (p *planner) planGroups(prune bool) error {
	for i, f := range p.file.Groups {
		k := keyOf(f.Address)
		p.origin["group "+string(k)] = []any{"group", i}
		old, there := p.old.groups[k]
		want := old
		if !there {
			want.Address = f.Address
		}
		if f.Name != nil {
			want.Name = *f.Name
		}
		if f.Members != nil {
			want.Members = f.Members
		}
		if f.Hidden != nil {
			want.Hidden = *f.Hidden
		}
		p.want.groups[k] = want
		text := differList(differ(nil, "name", old.Name, want.Name), "members", old.Members, want.Members)
		text = differ(text, "hidden", old.Hidden, want.Hidden)
		photo, text, err := p.planPhoto(f.Photo, f.PhotoBase64, target{group: k}, there, text)
		if err != nil {
			return err
		}
		if there && len(text) == 0 {
			continue
		}
		p.add(verb(there)+" group", want.Address, text, 100*len(want.Members)+len(photo), func(tx *store.Tx) error {
			if err := p.d.putGroup(tx, k, old, there, want); err != nil || photo == nil {
				return err
			}
			return p.d.putEntryPhoto(tx, target{group: k}, photo)
		})
	}
	for _, k := range slices.Sorted(maps.Keys(p.old.groups)) {
		if prune && p.origin["group "+string(k)] == nil {
			old := p.old.groups[k]
			delete(p.want.groups, k)
			p.add("remove group", old.Address, nil, 0, func(tx *store.Tx) error { return p.d.deleteGroup(tx, k, &old) })
		}
	}
	return nil
}

func (p *planner) planDelegations(prune bool) {
	for i, f := range p.file.Delegations {
		k := delegateKey{keyOf(f.Owner), keyOf(f.Delegate)}
		p.origin["delegation "+k.String()] = []any{"delegation", i}
		old, there := p.old.delegates[k]
		want := Delegation(f)
		if there && old == want {
			continue
		}
		text := differ(differ(nil, "send_as", old.SendAs, want.SendAs), "send_on_behalf", old.SendOnBehalf, want.SendOnBehalf)
		p.want.delegates[k] = want
		p.add(verb(there)+" delegation", want.Delegate+" for "+want.Owner, text, 0, func(tx *store.Tx) error {
			return p.d.tables.delegates.Set(tx, k, want)
		})
	}
	for _, k := range sortedKeys(p.old.delegates) {
		if prune && p.origin["delegation "+k.String()] == nil {
			old := p.old.delegates[k]
			delete(p.want.delegates, k)
			p.add("remove delegation", old.Delegate+" for "+old.Owner, nil, 0, func(tx *store.Tx) error {
				return p.d.tables.delegates.Delete(tx, k)
			})
		}
	}
}

func sortedKeys(m map[delegateKey]Delegation) []delegateKey {
	return slices.SortedFunc(maps.Keys(m), func(a, b delegateKey) int { return strings.Compare(a.String(), b.String()) })
}

func (k delegateKey) String() string { return string(k.owner) + " " + string(k.delegate) }
