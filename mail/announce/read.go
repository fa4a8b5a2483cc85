package announce

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/message"
	"martlet/push"
)

// news is a message that came since the log was last read.
type news struct {
	entry
	item mail.Item
	real place
	ix   *message.Index // nil: not needed so far
}

// place is where an item really is.
type place struct {
	box mail.MailboxID
	mail.Place
}

// real is where an item of a folder really is.
func (p *planner) real(f *mail.Folder, id mail.ItemID) place {
	if f.Link.IsZero() {
		return place{p.box, mail.Place{Folder: f.ID, Item: id}}
	}
	return place{f.Link.Box, mail.Place{Folder: f.Link.Folder, Item: id}}
}

// from is how far the log of a folder was read.
func (p *planner) from(f *mail.Folder) mail.ModSeq {
	if m := p.st.mark(f.ID); marked(f) && m != nil {
		return m.ModSeq
	}
	return p.st.Last.ModSeq
}

// readLog brings the state to where the mailbox is: what is no news any more
// goes, and what came is found. It reads what changed in the watched folders.
func (p *planner) readLog(last mailbox.Last) error {
	if p.reg.Mode == push.Badge { // the folders' counters say all
		p.st.Last = last
		return nil
	}
	for i := range p.watch.folders {
		if f := &p.watch.folders[i]; f.Highest > p.from(f) {
			if err := p.readFolder(f); err != nil {
				return err
			}
		}
	}
	p.fresh = slices.DeleteFunc(p.fresh, func(n news) bool { return p.filed[n.real] })
	if err := p.leaveMoved(last); err != nil {
		return err
	}
	if err := p.leaveFetched(); err != nil {
		return err
	}
	p.st.Last = last
	p.leaveCopies()
	for i := range p.fresh {
		n := &p.fresh[i]
		if len(p.fresh)-i <= maxWaiting { // what only counts need not be read
			if err := p.weigh(n); err != nil {
				return err
			}
		}
		if p.reg.OnlyVIP && !n.VIP {
			continue
		}
		p.st.wait(n.entry)
	}
	return nil
}

// readFolder reads what happened in a folder.
func (p *planner) readFolder(f *mail.Folder) error {
	m := p.st.mark(f.ID)
	switch {
	case !marked(f):
		return p.readMail(f)
	case f.Class != mail.ClassEmail:
		return p.readOther(f, m)
	}
	err := p.readMail(f)
	m.ModSeq = f.Highest
	return err
}

func (p *planner) readMail(f *mail.Folder) error {
	oldest, from := p.now.Add(-alertLife).UnixMilli(), p.from(f)
	for c, err := range p.b.c.Mailboxes.Changes(p.tx, p.box, f.ID, from) {
		if err != nil {
			return err
		}
		p.read++
		at := mail.Place{Folder: f.ID, Item: c.Item}
		came := c.Created > from && !c.Deleted
		p.came = p.came || came
		if c.Deleted {
			if !p.st.drop(at, p.now, p.unsure) && p.unsure && c.Created > from && c.Received >= oldest {
				p.st.end(entry{Folder: f.ID, Item: c.Item, Thread: c.Thread}, p.now)
			}
			p.file(f, c.MovedTo)
			continue
		}
		// An item that came, but long ago, was imported. A short message was shown by
		// the phone that put it there.
		if came && (own(f.Role) || c.SMS || c.Received < oldest) || !came && !p.st.knows(at) {
			continue
		}
		it, err := p.b.c.Mailboxes.Item(p.tx, p.box, f.ID, c.Item)
		if err != nil {
			return err
		}
		is := came && p.isNew(f, &it)
		switch {
		case it.Flags&(mail.FlagSeen|mail.FlagDeleted|mail.FlagDraft) != 0:
			if !p.st.drop(at, p.now, p.unsure) && p.unsure && is {
				p.st.end(entry{Folder: f.ID, Item: c.Item, Thread: it.Thread}, p.now)
			}
		case is && !p.putThere(&it):
			p.fresh = append(p.fresh, news{item: it, real: p.real(f, it.ID), entry: entry{Folder: f.ID, Item: it.ID, Thread: it.Thread, At: min(it.Received, p.now.UnixMilli())}})
		}
	}
	return nil
}

// isNew tells whether what came into a folder was nowhere else before. To those
// with whom a folder is shared that is what its owner moves there, too.
func (p *planner) isNew(f *mail.Folder, it *mail.Item) bool {
	return !f.Link.IsZero() || it.Object > p.st.Last.Object
}

// putThere tells whether a program of the user's put a message into a folder, or
// one of the owner's, as a migration does. What somebody else posts is news.
func (p *planner) putThere(it *mail.Item) bool {
	return it.By == p.box || it.Own && it.By == 0
}

// file remembers where a message of a shared folder went.
func (p *planner) file(f *mail.Folder, to mail.Place) {
	if f.Link.IsZero() || to == (mail.Place{}) {
		return
	}
	if p.filed == nil {
		p.filed = map[place]bool{}
	}
	p.filed[place{f.Link.Box, to}] = true
}

// leaveGone takes out what is in folders that are not watched any more: whoever
// may not open a folder is told nothing of it, and alerts about it go.
func (p *planner) leaveGone() {
	for _, list := range [][]entry{p.before.Waiting, p.before.Told} {
		for i := range list {
			if !p.watch.has(list[i].Folder) {
				p.st.drop(list[i].place(), p.now, p.unsure)
			}
		}
	}
}

// knows tells whether a message is in one of the lists.
func (s *state) knows(at mail.Place) bool {
	is := func(n entry) bool { return n.place() == at }
	return slices.ContainsFunc(s.Waiting, is) || slices.ContainsFunc(s.Told, is)
}

// leaveMoved takes out what came into its folder by a move: the user, or
// somebody for the user, has filed it. When the mailbox gave out as many items
// as objects, nothing was moved; else the tombstones say what went where.
func (p *planner) leaveMoved(last mailbox.Last) error {
	from := p.st.Last
	if len(p.fresh) == 0 || uint64(last.Item-from.Item) == last.Object-from.Object {
		return nil
	}
	folders, err := p.b.c.Mailboxes.Folders(p.tx, p.box)
	if err != nil {
		return err
	}
	moved := map[mail.Place]bool{}
	for i := range folders {
		if folders[i].Highest <= from.ModSeq || !folders[i].Link.IsZero() {
			continue
		}
		for c, err := range p.b.c.Mailboxes.Changes(p.tx, p.box, folders[i].ID, from.ModSeq) {
			if err != nil {
				return err
			}
			p.read++
			if c.Deleted && p.watch.has(c.MovedTo.Folder) {
				moved[c.MovedTo] = true
			}
		}
	}
	p.fresh = slices.DeleteFunc(p.fresh, func(n news) bool { return moved[n.place()] })
	return nil
}

// leaveCopies puts what came into the order of its arrival, and takes out what is
// the same object again. Numbers of several mailboxes say nothing of each other.
func (p *planner) leaveCopies() {
	if len(p.fresh) < 2 {
		return
	}
	type object struct {
		box mail.MailboxID
		id  uint64
	}
	slices.SortFunc(p.fresh, func(a, b news) int {
		return cmp.Or(cmp.Compare(a.real.box, b.real.box), cmp.Compare(a.real.Item, b.real.Item))
	})
	there := make(map[object]bool, len(p.fresh))
	p.fresh = slices.DeleteFunc(p.fresh, func(n news) bool {
		o := object{n.real.box, n.item.Object}
		again := there[o]
		there[o] = true
		return again
	})
	if p.fresh[0].real.box != p.fresh[len(p.fresh)-1].real.box {
		slices.SortStableFunc(p.fresh, func(a, b news) int { return cmp.Compare(a.At, b.At) })
	}
}

// weigh finds out how urgent a message is.
func (p *planner) weigh(n *news) error {
	if p.reg.Mode == push.Silent && len(p.reg.VIPs) == 0 && p.reg.Kind == push.APNs {
		return nil // it is sent in the background however urgent it is
	}
	ix, err := p.index(n)
	if err != nil {
		return err
	}
	if ix != nil {
		part := ix.MeetingPart()
		n.VIP = p.reg.vip(ix)
		n.High = n.VIP || part >= 0 && ix.Parts[part].Method == "REQUEST"
	}
	_, quiet := p.quiet()
	n.Held = quiet && !n.VIP
	return nil
}

// index reads what is known of a message, nil for what has none.
func (p *planner) index(n *news) (*message.Index, error) {
	if n.ix != nil || n.item.Blob.IsZero() {
		return n.ix, nil
	}
	ix, err := p.b.c.Mailboxes.Index(p.tx, n.item.Blob)
	if errors.Is(err, mail.ErrNoItem) {
		return nil, nil
	}
	n.ix = ix
	return ix, err
}

// indexOf reads the index of a message that waits, whether it came just now or
// before. Nil: it is gone.
func (p *planner) indexOf(n *entry) (*message.Index, error) {
	for i := range p.fresh {
		if p.fresh[i].place() == n.place() {
			return p.index(&p.fresh[i])
		}
	}
	it, err := p.b.c.Mailboxes.Item(p.tx, p.box, n.Folder, n.Item)
	if errors.Is(err, mail.ErrNoItem) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return p.index(&news{item: it})
}

// vip tells whether a message is from one of the VIPs: from the address, or from
// the domain or one below it.
func (r *Registration) vip(ix *message.Index) bool {
	if len(r.VIPs) == 0 {
		return false
	}
	for _, from := range ix.From {
		address := strings.ToLower(from.Address)
		if _, ok := slices.BinarySearch(r.VIPs, address); ok {
			return true
		}
		_, domain, _ := strings.Cut(address, "@")
		for domain != "" {
			if _, ok := slices.BinarySearch(r.VIPs, domain); ok {
				return true
			}
			_, domain, _ = strings.Cut(domain, ".")
		}
	}
	return false
}

// quiet tells whether the device is not to be disturbed now, and until when.
func (p *planner) quiet() (until time.Time, is bool) { return p.reg.Quiet.Until(p.now) }
