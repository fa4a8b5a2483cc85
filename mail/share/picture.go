package share

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// place is a folder that is shared.
type place struct {
	box    mail.MailboxID
	folder mail.FolderID
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.box, q.box), cmp.Compare(p.folder, q.folder))
}

// picture is who was granted what at an epoch, with groups resolved. It is made
// once for all accounts: of each grant, and each member of a group, it looks at
// a few rows.
type picture struct {
	epoch    uint64
	accounts map[directory.AccountID]map[place]mail.Rights
	everyone map[place]mail.Rights
	names    map[place]string // how a link there is called

	// seen has the accounts whose links are as they should be, and whether they
	// have any. It is guarded by the Shares' mu.
	seen map[directory.AccountID]bool
}

// pictureAt returns the picture of the transaction's epoch.
func (s *Shares) pictureAt(tx *store.Tx, epoch uint64) (*picture, error) {
	if !tx.Writable() { // who may write waits for nobody
		s.drawing.Lock()
		defer s.drawing.Unlock()
	}
	if p := s.kept(epoch); p != nil {
		return p, nil
	}
	p, err := s.draw(tx, epoch)
	if err != nil {
		return nil, fmt.Errorf("share: picture: %w", err)
	}
	if tx.Writable() { // the epoch may never come about
		tx.OnCommit(func() { s.keep(p) })
	} else {
		s.keep(p)
	}
	return p, nil
}

func (s *Shares) kept(epoch uint64) *picture {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.picture != nil && s.picture.epoch == epoch {
		return s.picture
	}
	return nil
}

func (s *Shares) keep(p *picture) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.picture == nil || s.picture.epoch < p.epoch {
		s.picture = p
	}
}

// sees tells whether an account's links are known to be right, and whether it
// has any.
func (s *Shares) sees(epoch uint64, id directory.AccountID) (linked, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.picture == nil || s.picture.epoch != epoch {
		return false, false
	}
	linked, known = s.picture.seen[id]
	return linked, known
}

func (s *Shares) note(epoch uint64, id directory.AccountID, linked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.picture != nil && s.picture.epoch == epoch {
		s.picture.seen[id] = linked
	}
}

// draw reads all grants and what they mean.
func (s *Shares) draw(tx *store.Tx, epoch uint64) (*picture, error) {
	p := &picture{
		epoch: epoch, accounts: map[directory.AccountID]map[place]mail.Rights{}, everyone: map[place]mail.Rights{},
		names: map[place]string{}, seen: map[directory.AccountID]bool{},
	}
	members := map[string][]directory.AccountID{}
	d := namer{s: s, tx: tx, owners: map[mail.MailboxID]string{}}
	for row, err := range grantTable.Scan(tx, store.TableRange[grantKey]{}) {
		if err != nil {
			return nil, err
		}
		k, at := row.Key, place{row.Key.box, row.Key.folder}
		if _, named := p.names[at]; !named {
			name, err := d.name(at)
			if errors.Is(err, errGone) { // what is granted there is nothing
				continue
			}
			if err != nil {
				return nil, err
			}
			p.names[at] = name
		}
		switch k.kind {
		case toEveryone:
			p.everyone[at] |= row.Value
		case toAccount:
			p.add(k.to, at, row.Value)
		case toGroup:
			ids, known := members[k.group]
			if !known {
				ids, err = s.directory.Members(tx, k.group)
				if err != nil && !errors.Is(err, directory.ErrNoAddress) {
					return nil, err
				}
				members[k.group] = ids
			}
			for _, id := range ids {
				p.add(id, at, row.Value)
			}
		}
	}
	return p, nil
}

func (p *picture) add(id directory.AccountID, at place, r mail.Rights) {
	if mail.MailboxOf(id) == at.box { // the owner
		return
	}
	if p.accounts[id] == nil {
		p.accounts[id] = map[place]mail.Rights{}
	}
	p.accounts[id][at] |= r
}

// wanted are the links an account should have, in the order of their places. Of
// too many the last are left out.
func (p *picture) wanted(id directory.AccountID) []want {
	rights := p.everyone
	if own := p.accounts[id]; len(own) > 0 {
		rights = maps.Clone(p.everyone)
		for at, r := range own {
			rights[at] |= r
		}
	}
	all := make([]want, 0, len(rights))
	for at, r := range rights {
		if mail.MailboxOf(id) != at.box {
			all = append(all, want{at, r, p.names[at]})
		}
	}
	slices.SortFunc(all, func(a, b want) int { return a.at.compare(b.at) })
	return all[:min(len(all), maxLinks)]
}

// want is a link that should be.
type want struct {
	at     place
	rights mail.Rights
	name   string
}

// errGone means that a grant is of a folder, or of somebody, that is not there.
var errGone = errors.New("share: what was granted is gone")

// namer tells how links are called: after the owner and the folder, so that
// people know whose it is.
type namer struct {
	s      *Shares
	tx     *store.Tx
	owners map[mail.MailboxID]string
	public map[mail.MailboxID]map[mail.FolderID]string // the paths in public mailboxes
}

// Lengths of a link's name in characters, which leaves room for a number.
const (
	maxOwner = 80
	maxPath  = 160
)

// publicOwner stands before the folders that are nobody's.
const publicOwner = "Public"

// name is the name of a link to a folder.
func (d *namer) name(at place) (string, error) {
	f, err := d.s.mailboxes.Folder(d.tx, at.box, at.folder)
	if errors.Is(err, mail.ErrNoFolder) || err == nil && !f.Link.IsZero() {
		return "", errGone
	}
	if err != nil {
		return "", err
	}
	public, err := publicTable.Has(d.tx, at.box)
	if err != nil {
		return "", err
	}
	if public {
		path, err := d.path(at)
		if path == "" { // it lies too deep
			path = f.Name
		}
		return publicOwner + ": " + cut(path, maxPath), err
	}
	owner, known := d.owners[at.box]
	if !known {
		a, err := d.s.directory.AccountIn(d.tx, directory.AccountID(at.box))
		if errors.Is(err, directory.ErrNoAccount) {
			return "", errGone
		}
		if err != nil {
			return "", err
		}
		if owner = strings.TrimSpace(a.Name); owner == "" {
			owner = a.Login
		}
		d.owners[at.box] = owner
	}
	return cut(owner, maxOwner) + ": " + cut(f.Name, maxPath), nil
}

// SplitName takes a link's name apart: the owner's and the folder's, or the names
// on the way to a public folder.
func SplitName(name string, public bool) []string {
	owner, rest, ok := strings.Cut(name, ": ")
	switch {
	case !ok:
		return []string{name}
	case public:
		return strings.Split(rest, "/")
	}
	return []string{owner, rest}
}

// path is where a public folder lies, with the folders above it.
func (d *namer) path(at place) (string, error) {
	paths, known := d.public[at.box]
	if !known {
		folders, err := d.s.mailboxes.Folders(d.tx, at.box)
		if err != nil {
			return "", err
		}
		if d.public == nil {
			d.public = map[mail.MailboxID]map[mail.FolderID]string{}
		}
		paths = Paths(folders)
		d.public[at.box] = paths
	}
	return paths[at.folder], nil
}

// cut shortens a text to n characters. What would break a folder's name is left
// out.
func cut(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return strings.TrimSpace(string(r[:n-1])) + "…"
}
