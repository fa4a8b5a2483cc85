package announce

import (
	"slices"
	"time"

	"martlet/mail/mailbox"
	"martlet/push"
)

// maxAlerts is how many conversations have alerts of their own at once. More
// are one summary.
const maxAlerts = 2

// alert plans an alert for what is due, and tells whether there is one now.
func (p *planner) alert(due []entry) (bool, error) {
	if until, quiet := p.quiet(); quiet {
		all := len(due)
		due = slices.DeleteFunc(slices.Clone(due), func(n entry) bool { return !n.VIP })
		if len(due) < all {
			p.later(until)
		}
	}
	if len(due) == 0 {
		return false, nil
	}
	many, begun := p.st.Missed > 0, false
	var threads []slot
	for _, n := range due {
		many, begun = many || n.Held, begun || n.Sum
		if at := (slot{thread: n.Thread}); !slices.Contains(threads, at) {
			threads = append(threads, at)
		}
	}
	many = (many || len(threads) > maxAlerts) && len(due)+int(p.st.Missed) > 1
	if begun || many && !p.unsure {
		p.markSum(due)
		p.plan.More = p.overBut(slot{sum: true})
		return true, p.alertSlot(slot{sum: true}, due)
	}
	those := slices.DeleteFunc(slices.Clone(due), func(n entry) bool { return n.Thread != threads[0].thread })
	p.plan.More = len(threads) > 1 || p.overBut(threads[0])
	return true, p.alertSlot(threads[0], those)
}

// overBut tells whether another alert than that is to be withdrawn.
func (p *planner) overBut(at slot) bool {
	return slices.ContainsFunc(p.st.Over, func(o entry) bool { return o.slot() != at })
}

// markSum says of messages that they are told in a summary.
func (p *planner) markSum(due []entry) {
	for i := range p.st.Waiting {
		w := &p.st.Waiting[i]
		if !w.Sum && slices.ContainsFunc(due, func(n entry) bool { return n.place() == w.place() }) {
			w.Sum, p.sums = true, true
		}
	}
}

// alertSlot plans the alert of one slot, in the place of what it shows by now.
func (p *planner) alertSlot(at slot, those []entry) error {
	more := uint64(0)
	for _, n := range p.st.Told {
		if n.slot() == at {
			more++
		}
	}
	if at.sum {
		more += p.st.Missed
	}
	t, err := p.write(those, at.sum, more)
	if err != nil {
		return err
	}
	n := push.Notification{Collapse: p.reg.collapse(at), Expires: p.since(t.newest).Add(alertLife)}
	if err := p.fill(&n, &t); err != nil {
		return err
	}
	p.notify(n, act{entries: those, sum: at.sum, unread: p.badgeNow(), spent: p.st.Spent})
	return nil
}

// badgeNow is the badge as a state keeps it.
func (p *planner) badgeNow() *uint64 {
	n := p.watch.unread + 1
	return &n
}

// withdraw plans to take back an alert all of whose messages were seen
// elsewhere, and tells whether there is one to be taken back now.
func (p *planner) withdraw() bool {
	if len(p.st.Over) == 0 {
		return false
	}
	spent, ok := p.st.Spent, true
	if p.reg.Mode == push.Sealed { // without a badge it goes in the background
		spent, ok = p.background(true)
	}
	if !ok {
		return false
	}
	o := p.st.Over[0]
	unread := int(p.watch.unread)
	n := push.Notification{
		Mode: p.reg.Mode, Collapse: p.reg.collapse(o.slot()), Withdrawn: true,
		Expires: p.since(o.At).Add(changeLife),
	}
	a := act{withdrew: true, over: o.slot(), spent: spent}
	if p.reg.Mode != push.Sealed { // whoever carries it need not see the number
		n.Unread, a.unread = &unread, p.badgeNow()
	}
	p.plan.More = len(p.st.Over) > 1
	p.notify(n, a)
	return true
}

// badge plans a badge by itself, when the number is another than was told.
func (p *planner) badge() {
	if p.st.Unread == p.watch.unread+1 {
		return
	}
	unread := int(p.watch.unread)
	p.notify(push.Notification{
		Mode: push.Badge, Collapse: p.reg.opaque("badge", nil), Unread: &unread,
		Expires: p.since(0).Add(changeLife),
	}, act{unread: p.badgeNow(), spent: p.st.Spent})
}

// wake plans a silent wake for what is due and for folders that have changed, or
// when all of what the app was woken for was seen elsewhere.
func (p *planner) wake(due []entry, changed []stale) {
	over := p.reg.Mode == push.Silent && len(p.st.Over) > 0
	if len(due) == 0 && len(changed) == 0 && !over {
		return
	}
	spent, ok := p.background(len(due) > 0 || over)
	if !ok {
		return
	}
	n := push.Notification{Mode: push.Silent, Collapse: p.reg.opaque("wake", nil)}
	a := act{entries: due, sum: true, spent: spent, stale: changed}
	newest := int64(0)
	for _, w := range due {
		newest = max(newest, w.At)
		n.High = n.High || w.High && p.reg.Kind != push.APNs // Apple takes it in the background only
	}
	if len(due) == 0 && over { // whoever fetches sees that, too
		a.withdrew, a.over = true, p.st.Over[0].slot()
		if len(changed) == 0 {
			n.Withdrawn, newest = true, p.st.Over[0].At
		}
	}
	n.Expires = p.since(newest).Add(wakeLife)
	p.notify(n, a)
}

// test plans what the user has asked to see.
func (p *planner) test() error {
	n := push.Notification{Collapse: p.reg.opaque("test", nil), Expires: p.st.Asked.Add(testLife)}
	t := text{title: "Test", body: "This device is woken when there is mail.", high: true}
	if err := p.fill(&n, &t); err != nil {
		return err
	}
	switch p.reg.Mode {
	case push.Silent, push.Badge:
		n.Title, n.Subtitle, n.Body = "", "", ""
		n.High = p.reg.Kind != push.APNs || p.reg.Mode == push.Badge
	case push.AppleMail:
		n = p.appleWake(p.reg.AppleMailboxes, n)
	}
	if p.reg.Mode == push.Silent {
		n.Unread = nil
	}
	p.plan.More = true // what else there is comes behind it
	p.notify(n, act{test: true, asked: p.st.Asked, spent: p.st.Spent})
	return nil
}

// appleMail plans a wake of Apple's Mail app: for new mail at once, for other
// changes within the budget. It names the mailboxes that changed since the last
// one that was taken, so the place in the log stays until then.
func (p *planner) appleMail(last mailbox.Last) error {
	if !p.st.Asked.IsZero() {
		err := p.test()
		p.finish()
		return err
	}
	var changed []string
	var links []stale
	for i := range p.watch.folders {
		f := &p.watch.folders[i]
		if at := slices.Index(p.reg.Folders, f.ID); f.Highest > p.from(f) && at >= 0 && at < len(p.reg.AppleMailboxes) {
			changed = append(changed, p.reg.AppleMailboxes[at])
			if marked(f) {
				links = append(links, stale{folder: f.ID, upto: f.Highest})
			}
		}
	}
	if len(changed) == 0 {
		p.finish()
		return nil
	}
	unread := p.st.clone()
	if err := p.readLog(last); err != nil {
		return err
	}
	came := len(p.fresh) > 0
	p.st, p.read, p.came = unread, 0, false
	spent, ok := p.st.Spent, true
	if !came {
		spent, ok = p.background(true)
	}
	if ok {
		newest := time.Time{}
		for _, n := range p.fresh {
			if at := time.UnixMilli(n.At).UTC(); at.After(newest) {
				newest = at
			}
		}
		if newest.IsZero() {
			newest = p.since(0)
		}
		n := push.Notification{Collapse: p.reg.opaque("mail", nil), High: came, Expires: newest.Add(wakeLife)}
		p.notify(p.appleWake(changed, n), act{spent: spent, last: &last, stale: links})
	}
	p.finish()
	return nil
}

func (p *planner) appleWake(mailboxes []string, n push.Notification) push.Notification {
	return push.Notification{
		Collapse: n.Collapse, Mode: push.AppleMail, High: n.High, Expires: n.Expires,
		AppleAccount: p.reg.AppleAccount, AppleMailboxes: slices.Clone(mailboxes),
	}
}
