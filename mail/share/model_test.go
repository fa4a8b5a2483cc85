package share

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// model is what was done, in the plainest form.
type model struct {
	h       *house
	rnd     *rand.Rand
	users   []string
	next    int
	members map[string][]string // of groups: logins, and "@group" of later groups only
	folders []modelFolder
	grants  map[modelGrant]mail.Rights
}

type modelFolder struct {
	owner string // "" of a public one
	id    mail.FolderID
	path  string
}

type modelGrant struct {
	owner string
	id    mail.FolderID
	to    string // as house.to reads it
}

var modelGroups = []string{"g1", "g2", "g3"}

// belongs tells whether a login is in what a grant is to.
func (m *model) belongs(login, to string) bool {
	if to == "*" {
		return true
	}
	if to[0] != '@' {
		return to == login
	}
	return slices.ContainsFunc(m.members[to[1:]], func(in string) bool { return m.belongs(login, in) })
}

// expected are the links of a login: place to rights.
func (m *model) expected(login string) map[place]mail.Rights {
	want := map[place]mail.Rights{}
	for g, r := range m.grants {
		if g.owner != login && m.belongs(login, g.to) {
			want[place{m.boxOf(g.owner), g.id}] |= Whole(r)
		}
	}
	return want
}

func (m *model) boxOf(owner string) (box mail.MailboxID) {
	if owner != "" {
		return m.h.box(owner)
	}
	m.h.view(func(tx *store.Tx) (err error) { box, err = m.h.PublicMailbox(tx); return err })
	return box
}

func pick[T any](m *model, from []T) T { return from[m.rnd.IntN(len(from))] }

// writeGroups applies the model's groups.
func (m *model) writeGroups() {
	var lines []string
	for _, g := range modelGroups {
		line := g + ":"
		for _, in := range m.members[g] {
			if in[0] == '@' {
				in = in[1:]
			}
			line += " " + in
		}
		lines = append(lines, line)
	}
	m.h.groups(lines...)
}

func (m *model) step() string {
	ctx := m.h.t.Context()
	switch n := m.rnd.IntN(20); {
	case n < 6 && len(m.folders) > 0:
		f := pick(m, m.folders)
		to := pick(m, append([]string{"*", "@g1", "@g2", "@g3"}, m.users...))
		r := mail.Rights(1 + m.rnd.IntN(15))
		err := m.h.Grant(ctx, Grant{m.boxOf(f.owner), f.id, m.h.to(to), r})
		bad := Whole(r)&mail.MayDelegate != 0 && (f.owner == "" || to == "*")
		switch {
		case bad && errors.Is(err, ErrBadRights), to == f.owner && (errors.Is(err, ErrOwner) || bad):
		case bad || to == f.owner || err != nil:
			m.h.t.Fatalf("grant of %+v to %s: %v", f, to, err)
		default:
			m.grants[modelGrant{f.owner, f.id, to}] = r
		}
		return fmt.Sprint("grant ", f, to, r)
	case n < 9 && len(m.grants) > 0:
		g := pick(m, slices.SortedFunc(maps.Keys(m.grants), func(a, b modelGrant) int { return compareText(fmt.Sprint(a), fmt.Sprint(b)) }))
		if err := m.h.Revoke(ctx, m.boxOf(g.owner), g.id, m.h.to(g.to)); err != nil {
			m.h.t.Fatal(err)
		}
		delete(m.grants, g)
		return fmt.Sprint("revoke ", g)
	case n < 11:
		i := m.rnd.IntN(len(modelGroups))
		var in []string
		for _, u := range m.users {
			if m.rnd.IntN(3) == 0 {
				in = append(in, u)
			}
		}
		for _, later := range modelGroups[i+1:] {
			if m.rnd.IntN(3) == 0 {
				in = append(in, "@"+later)
			}
		}
		m.members[modelGroups[i]] = in
		m.writeGroups()
		return fmt.Sprint("group ", modelGroups[i], in)
	case n < 13:
		return m.create()
	case n < 15 && len(m.folders) > 0:
		return m.renameOrDelete()
	case n < 16 && len(m.users) > 3:
		return m.remove()
	case n < 17:
		return m.join()
	case n < 19:
		m.h.links(pick(m, m.users))
		return "refresh"
	}
	if err := m.h.Settle(ctx); err != nil {
		m.h.t.Fatal(err)
	}
	return "settle"
}

func (m *model) create() string {
	owner := pick(m, append([]string{""}, m.users...))
	m.next++
	f := modelFolder{owner: owner, path: fmt.Sprint("Folder ", m.next%7, "-", m.next)}
	if owner == "" {
		f.id = m.h.public(f.path, mail.ClassCalendar).ID
	} else {
		f.id = m.h.folder(owner, f.path)
	}
	m.folders = append(m.folders, f)
	return fmt.Sprint("create ", f)
}

func (m *model) renameOrDelete() string {
	i := m.rnd.IntN(len(m.folders))
	f := &m.folders[i]
	box := m.boxOf(f.owner)
	if m.rnd.IntN(2) == 0 {
		m.next++
		f.path = fmt.Sprint("Renamed ", m.next)
		m.h.update(func(tx *store.Tx) error {
			_, err := m.h.mailboxes.UpdateFolder(tx, box, f.id, 0, f.path)
			return err
		})
		return fmt.Sprint("rename ", *f)
	}
	m.h.update(func(tx *store.Tx) error { return m.h.mailboxes.DeleteFolder(tx, box, f.id) })
	m.forget(func(g modelGrant) bool { return g.owner == f.owner && g.id == f.id })
	said := fmt.Sprint("delete ", *f)
	m.folders = slices.Delete(m.folders, i, i+1)
	return said
}

func (m *model) forget(gone func(modelGrant) bool) {
	maps.DeleteFunc(m.grants, func(g modelGrant, _ mail.Rights) bool { return gone(g) })
}

func (m *model) remove() string {
	login := pick(m, m.users)
	id := m.h.id(login)
	if err := errors.Join(m.h.directory.RemoveUser(m.h.t.Context(), id), m.h.mailboxes.Remove(m.h.t.Context(), mail.MailboxOf(id))); err != nil {
		m.h.t.Fatal(err)
	}
	m.users = slices.DeleteFunc(m.users, func(u string) bool { return u == login })
	m.folders = slices.DeleteFunc(m.folders, func(f modelFolder) bool { return f.owner == login })
	m.forget(func(g modelGrant) bool { return g.owner == login || g.to == login })
	for g, in := range m.members {
		m.members[g] = slices.DeleteFunc(in, func(u string) bool { return u == login })
	}
	return "remove " + login
}

func (m *model) join() string {
	m.next++
	login := fmt.Sprint("user", m.next)
	m.h.user(login)
	m.users = append(m.users, login)
	return "join " + login
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// compare holds everybody's links against the model.
func (m *model) compare(refresh bool) {
	m.h.t.Helper()
	for _, login := range m.users {
		if refresh {
			m.h.links(login)
		}
		got := map[place]mail.Rights{}
		m.h.view(func(tx *store.Tx) error {
			links, err := m.h.mailboxes.Links(tx, m.h.box(login))
			for _, l := range links {
				at := place{l.Link.Box, l.Link.Folder}
				if got[at] != 0 {
					m.h.t.Errorf("%s has two links to %v", login, at)
				}
				got[at] = l.Link.Rights
				f, err := m.h.mailboxes.Folder(tx, at.box, at.folder)
				if err != nil {
					m.h.t.Errorf("%s has a link to %v: %v", login, at, err)
				} else if owner, path, _ := cutName(l.Name); !isNamed(path, f.Name) || owner == "" {
					m.h.t.Errorf("%s has %q for %q", login, l.Name, f.Name)
				}
			}
			return err
		})
		if want := m.expected(login); !maps.Equal(got, want) {
			m.h.t.Fatalf("%s has %v, want %v", login, got, want)
		}
	}
}

func cutName(name string) (owner, path string, ok bool) {
	for i := range name {
		if i+2 <= len(name) && name[i:i+2] == ": " {
			return name[:i], name[i+2:], true
		}
	}
	return "", name, false
}

func TestLinksFollowWhateverHappens(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := &model{h: newHouse(t, "ada", "bob", "cyd", "dan"), rnd: rand.New(rand.NewPCG(seed, 7)),
				users: []string{"ada", "bob", "cyd", "dan"}, members: map[string][]string{}, grants: map[modelGrant]mail.Rights{}}
			m.writeGroups()
			for i := range 150 {
				said := m.step()
				if i%15 == 14 {
					// What is asked for at once, and what comes by itself.
					refresh := m.rnd.IntN(2) == 0
					if !refresh {
						if err := m.h.Settle(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
					t.Log(i, said)
					m.compare(refresh)
				}
			}
			m.h.view(func(tx *store.Tx) error {
				all, err := m.h.Grants(tx, 0, 0)
				if len(all) != len(m.grants) || err != nil {
					t.Errorf("%d grants, want %d, %v", len(all), len(m.grants), err)
				}
				for _, login := range m.users {
					for at, want := range m.expected(login) {
						if got, err := m.h.Rights(tx, at.box, at.folder, m.h.id(login)); got != want || err != nil {
							t.Errorf("%s may %#x in %v, want %#x, %v", login, got, at, want, err)
						}
					}
				}
				return nil
			})
		})
	}
}
