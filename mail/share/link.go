package share

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// linksAtOnce bounds what one transaction changes, since each link is compared
// with all folders beside it.
const linksAtOnce = 40

// Refresh makes an account's links what was granted, and tells whether it has
// any. Doors call it when a request begins and when a held one wakes: what was
// revoked is gone then. When nothing has changed it costs one Get.
func (s *Shares) Refresh(ctx context.Context, id directory.AccountID) (linked bool, err error) {
	return s.refresh(ctx, id, true)
}

// refresh is Refresh, and with make it makes the mailbox too when there are
// links for it.
func (s *Shares) refresh(ctx context.Context, id directory.AccountID, make bool) (linked bool, err error) {
	r := refresh{s: s, id: id, make: make}
	err = s.store.View(ctx, r.look)
	for err == nil && len(r.todo) > 0 {
		err = s.store.Update(store.WithReserve(ctx), r.act)
	}
	// On a full disk what there is can be read; what was granted anew shows later.
	if errors.Is(err, store.ErrDiskFull) && len(r.todo) > 0 && r.todo[0].what != drop {
		return r.linked, nil
	}
	if err != nil {
		return false, fmt.Errorf("share: refresh %d: %w", id, err)
	}
	return r.linked, nil
}

// refresh is the work on one account's links.
type refresh struct {
	s    *Shares
	id   directory.AccountID
	make bool

	linked bool // it has links
	todo   []step
}

// step is one change of the links: of drop, update and create one.
type step struct {
	what move
	old  mail.Folder // to drop or to update
	want want        // to create or to update
}

type move uint8

const (
	drop move = iota
	update
	create
)

// look finds out what is to be done.
func (r *refresh) look(tx *store.Tx) error {
	r.linked, r.todo = false, nil
	v, err := r.s.epoch(tx)
	if err != nil || v.Now == 0 { // nothing was ever granted
		return err
	}
	linked, known := r.s.sees(v.Now, r.id)
	if known {
		r.linked = linked
		return nil
	}
	p, err := r.s.pictureAt(tx, v.Now)
	if err != nil {
		return err
	}
	wanted := p.wanted(r.id)
	links, err := r.s.mailboxes.Links(tx, mail.MailboxOf(r.id))
	if errors.Is(err, mail.ErrNoMailbox) {
		if !r.make || len(wanted) == 0 {
			return nil
		}
		err = nil
	}
	if err != nil {
		return err
	}
	r.linked = len(wanted) > 0
	r.todo = steps(links, wanted)
	if len(r.todo) == 0 {
		r.settled(tx, v.Now)
	}
	return nil
}

// settled notes that the links are right.
func (r *refresh) settled(tx *store.Tx, epoch uint64) {
	linked := r.linked
	if tx.Writable() {
		tx.OnCommit(func() { r.s.note(epoch, r.id, linked) })
		return
	}
	r.s.note(epoch, r.id, linked)
}

// steps leads from the links that are there to those that should be. What is
// taken away goes first. A link through which private items are seen, or not
// seen any more, is another one: who has it must fetch the items anew.
func steps(links []mail.Folder, wanted []want) []step {
	missing := make(map[place]want, len(wanted))
	for _, w := range wanted {
		missing[w.at] = w
	}
	var drops, updates, creates []step
	for _, l := range links {
		at := place{l.Link.Box, l.Link.Folder}
		w, ok := missing[at]
		if !ok || (w.rights^l.Link.Rights)&mail.MaySee != 0 {
			drops = append(drops, step{what: drop, old: l})
			continue
		}
		delete(missing, at)
		if w.rights != l.Link.Rights || !isNamed(l.Name, w.name) || l.Parent != 0 {
			updates = append(updates, step{what: update, old: l, want: w})
		}
	}
	for _, w := range wanted {
		if _, ok := missing[w.at]; ok {
			creates = append(creates, step{what: create, want: w})
		}
	}
	return append(append(drops, updates...), creates...)
}

// act does a part of what is to be done, after another look.
func (r *refresh) act(tx *store.Tx) error {
	if err := r.look(tx); err != nil || len(r.todo) == 0 {
		return err
	}
	v, err := r.s.epoch(tx)
	if err != nil {
		return err
	}
	box := mail.MailboxOf(r.id)
	var names *siblings
	changed := 0
	for i := range r.todo {
		st := &r.todo[i]
		if st.what != drop && names == nil {
			if names, err = r.siblings(tx, box); err != nil {
				return err
			}
		}
		if changed == linksAtOnce && st.what != drop {
			return nil // act is called again
		}
		full, err := r.take(tx, box, st, names)
		if err != nil {
			return err
		}
		if full {
			r.s.log.Warn("not all folders that were granted can be shown", "account", uint64(r.id), "error", mail.ErrTooManyFolders)
			break
		}
		if st.what != drop {
			changed++
		}
	}
	r.todo = nil
	r.settled(tx, v.Now)
	return nil
}

// take takes one step. full tells that there is no room for more links.
func (r *refresh) take(tx *store.Tx, box mail.MailboxID, st *step, names *siblings) (full bool, err error) {
	m := r.s.mailboxes
	switch st.what {
	case drop:
		return false, m.DropLink(tx, box, st.old.ID)
	case update:
		names.remove(st.old.Name)
		name := st.old.Name
		if !isNamed(name, st.want.name) {
			name = names.free(st.want.name)
		}
		names.add(name)
		_, err := m.UpdateLink(tx, box, st.old.ID, 0, name, st.want.rights)
		return false, err
	}
	name := names.free(st.want.name)
	_, err = m.CreateLink(tx, box, 0, name, mail.Link{Box: st.want.at.box, Folder: st.want.at.folder, Rights: st.want.rights})
	if errors.Is(err, mail.ErrTooManyFolders) || errors.Is(err, mail.ErrMailboxFull) {
		return true, nil
	}
	names.add(name)
	return false, err
}

// siblings are the names at the top of a hierarchy, folded.
type siblings struct{ taken map[string]bool }

func (r *refresh) siblings(tx *store.Tx, box mail.MailboxID) (*siblings, error) {
	if err := r.s.mailboxes.Ensure(tx, box); err != nil {
		return nil, err
	}
	folders, err := r.s.mailboxes.Folders(tx, box)
	if err != nil {
		return nil, err
	}
	names := &siblings{map[string]bool{}}
	for i := range folders {
		if folders[i].Parent == 0 {
			names.add(folders[i].Name)
		}
	}
	return names, nil
}

func (n *siblings) add(name string) { n.taken[fold(name)] = true }

func (n *siblings) remove(name string) { delete(n.taken, fold(name)) }

// free is the name, with a number if it is taken.
func (n *siblings) free(name string) string {
	try := name
	for i := 2; n.taken[fold(try)]; i++ {
		try = name + " (" + strconv.Itoa(i) + ")"
	}
	return try
}

// isNamed tells whether a link has the name, or had to take it with a number.
func isNamed(has, name string) bool {
	rest, ok := strings.CutPrefix(has, name)
	if !ok || rest == "" {
		return ok
	}
	if rest, ok = strings.CutPrefix(rest, " ("); !ok {
		return false
	}
	rest, ok = strings.CutSuffix(rest, ")")
	_, err := strconv.ParseUint(rest, 10, 16)
	return ok && err == nil
}

// fold is the same for names that strings.EqualFold calls equal.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, name)
}
