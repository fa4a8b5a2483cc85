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
	ix   *message.Index // nil: not needed so far
}

// readLog brings the state to where the mailbox is: what is no news any more
// goes, and what came is found. It reads what changed in the watched folders.
func (p *planner) readLog(last mailbox.Last) error {
	if p.reg.Mode == push.Badge { // the folders' counters say all
		p.st.Last = last
		return nil
	}
	for i := range p.watch.folders {
		if f := &p.watch.folders[i]; f.Highest > p.st.Last.ModSeq {
			if err := p.readFolder(f); err != nil {
				return err
			}
		}
	}
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

func (p *planner) readFolder(f *mail.Folder) error {
	oldest := p.now.Add(-alertLife).UnixMilli()
	for c, err := range p.b.c.Mailboxes.Changes(p.tx, p.box, f.ID, p.st.Last.ModSeq) {
		if err != nil {
			return err
		}
		p.read++
		at := mail.Place{Folder: f.ID, Item: c.Item}
		came := c.Created > p.st.Last.ModSeq && !c.Deleted
		p.came = p.came || came
		if c.Deleted {
			if !p.st.drop(at, p.now, p.unsure) && p.unsure && c.Created > p.st.Last.ModSeq && c.Received >= oldest {
				p.st.end(entry{Folder: f.ID, Item: c.Item, Thread: c.Thread}, p.now)
			}
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
		switch {
		case it.Flags&(mail.FlagSeen|mail.FlagDeleted|mail.FlagDraft) != 0:
			if !p.st.drop(at, p.now, p.unsure) && p.unsure && it.Object > p.st.Last.Object {
				p.st.end(entry{Folder: f.ID, Item: c.Item, Thread: it.Thread}, p.now)
			}
		case came && it.Object > p.st.Last.Object && !it.Own:
			p.fresh = append(p.fresh, news{item: it, entry: entry{Folder: f.ID, Item: it.ID, Thread: it.Thread, At: it.Received}})
		}
	}
	return nil
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
// the same object again.
func (p *planner) leaveCopies() {
	if len(p.fresh) < 2 {
		return
	}
	slices.SortFunc(p.fresh, func(a, b news) int { return cmp.Compare(a.Item, b.Item) })
	there := make(map[uint64]bool, len(p.fresh))
	p.fresh = slices.DeleteFunc(p.fresh, func(n news) bool {
		again := there[n.item.Object]
		there[n.item.Object] = true
		return again
	})
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
