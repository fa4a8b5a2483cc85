package announce

import (
	"slices"
	"strconv"
	"time"

	"martlet/mail"
	"martlet/sync/device"
)

// A phone that has been told of a change by the answer to what it held fetches
// it within moments. If it does not within fetchTime, the answer may not have
// arrived, and it is pushed after all.
const fetchTime = 10 * time.Second

// phone names a device within its mailbox.
type phone struct {
	mailbox uint64
	device  string
}

// answers remembers when phones were answered, within the last fetchTime at
// least: two sets that take turns, so that nothing is to be swept.
type answers struct {
	now, before map[phone]time.Time
	turned      time.Time
}

func (a *answers) note(p phone, t time.Time) {
	if a.now == nil || t.Sub(a.turned) >= fetchTime {
		a.now, a.before, a.turned = map[phone]time.Time{}, a.now, t
	}
	a.now[p] = t
}

func (a *answers) fresh(p phone, t time.Time) bool {
	at, ok := a.now[p]
	if !ok {
		at, ok = a.before[p]
	}
	return ok && t.Sub(at) < fetchTime
}

// Ask has holding asked from now on: see Config.Holding.
func (b *Book) Ask(holding func(mailbox uint64, device string) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holding = holding
}

// Answered says that a request that a device held has been answered because
// something changed: the device is about to fetch it.
func (b *Book) Answered(mailbox uint64, device string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers.note(phone{mailbox, device}, time.Now())
}

// holds tells whether the registration's device hears of a change by itself.
func (b *Book) holds(r *Registration) bool {
	if r.Device == "" {
		return false
	}
	p := phone{uint64(mail.MailboxOf(r.Account)), r.Device}
	b.mu.Lock()
	holding := b.holding
	is := b.answers.fresh(p, time.Now())
	b.mu.Unlock()
	return is || holding != nil && holding(p.mailbox, p.device)
}

// leaveToPhone returns what a device that holds a request will not hear of by
// itself. The rest is looked at again: what the device has been sent by then is
// no news to it. The longer something waits, the rarer that is.
func (p *planner) leaveToPhone() (due []entry, changed []stale, err error) {
	hears := map[mail.FolderID]bool{}
	for i := range p.watch.folders {
		f := &p.watch.folders[i]
		if hears[f.ID], err = p.hears(f); err != nil {
			return nil, nil, err
		}
	}
	p.st.Unread = p.watch.unread + 1
	p.st.Over = slices.DeleteFunc(p.st.Over, func(o entry) bool { return hears[o.Folder] })
	newest := int64(0)
	for _, n := range p.st.Waiting {
		if hears[n.Folder] {
			newest = max(newest, n.At)
		} else {
			due = append(due, n)
		}
	}
	for _, s := range p.stale {
		if hears[s.folder] {
			newest = max(newest, s.since)
		} else {
			changed = append(changed, s)
		}
	}
	if newest != 0 {
		p.later(p.now.Add(max(fetchTime, p.now.Sub(time.UnixMilli(newest))/2)))
	}
	return due, changed, nil
}

// hears tells whether a device hears of a folder by what it holds. Phones
// synchronise their user's mail, but not all that others share, nor all classes.
func (p *planner) hears(f *mail.Folder) (bool, error) {
	if !p.pings(f.ID) || !marked(f) {
		return p.pings(f.ID), nil
	}
	_, synced, err := p.b.collection(p.tx, p.reg, f.ID)
	return synced, err
}

// pings tells whether a folder is among those of the device's last Ping. One that
// never pings holds its Syncs, and those of all that it shows.
func (p *planner) pings(f mail.FolderID) bool {
	id := strconv.FormatUint(uint64(f), 10) // as ActiveSync calls it
	return len(p.dev.PingFolders) == 0 || slices.ContainsFunc(p.dev.PingFolders, func(at device.PingFolder) bool { return at.ID == id })
}

// leaveFetched takes out what a partnership's device has been sent already by
// a Sync: it is not to be told of what it shows.
func (p *planner) leaveFetched() error {
	if p.reg.Device == "" || len(p.fresh) == 0 && len(p.st.Waiting) == 0 {
		return nil
	}
	for i := range p.watch.folders {
		if p.watch.folders[i].Class != mail.ClassEmail {
			continue
		}
		f := p.watch.folders[i].ID
		c, _, err := p.b.collection(p.tx, p.reg, f)
		if err != nil {
			return err
		}
		top := mail.ItemID(max(c.Confirmed.Top, c.Pending.Top)) // the highest that it has been sent
		p.fresh = slices.DeleteFunc(p.fresh, func(n news) bool { return n.Folder == f && n.Item <= top })
		p.st.Waiting = slices.DeleteFunc(p.st.Waiting, func(n entry) bool { return n.Folder == f && n.Item <= top })
	}
	return nil
}
