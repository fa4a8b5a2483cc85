package announce

import (
	"context"
	"errors"
	"fmt"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/push"
	"martlet/store"
	"martlet/sync/device"
)

// How long what happened is still worth telling, from when it happened.
const (
	alertLife  = 48 * time.Hour
	wakeLife   = 24 * time.Hour
	changeLife = 48 * time.Hour // of a badge, and of a withdrawal
	testLife   = 10 * time.Minute
)

// What Apple lets pass of background notifications is "two or three an hour":
// so many may go at once, and one more every backgroundEvery.
const (
	backgroundBurst = 3
	backgroundEvery = 20 * time.Minute
)

// Google lets 20 messages that take each other's place pass to an app on a
// device, and one more every three minutes; what is beyond comes late, mail too
// ("Collapsible message throttling"). So changes of what is not mail have half of
// it. Browsers are no better off: the best known stands on the same service.
const (
	otherBurst = 10
	otherEvery = 3 * time.Minute
)

// note is what a plan carries to its settlement: where the registration stands
// once the log is read, and what the notification is about.
type note struct {
	epoch uint64
	state state  // with the log read, and nothing told
	had   []mark // the marks that it found
	act   act
}

// act is what an accepted notification has told.
type act struct {
	entries  []entry // of an alert or a wake
	sum      bool
	withdrew bool
	over     slot    // of withdrew
	unread   *uint64 // the badge told, one added
	spent    time.Time
	asked    time.Time // the test that was asked for
	test     bool
	last     *mailbox.Last // of Apple's Mail app: how far the log was told
	stale    []stale       // folders of which an accepted wake has told
}

// planner makes one plan, in one View.
type planner struct {
	b      *Book
	tx     *store.Tx
	ctx    context.Context
	now    time.Time
	ask    push.Ask
	reg    *Registration
	box    mail.MailboxID
	st     state // as it will be
	before state // as it is
	watch  watch
	fresh  []news
	filed  map[place]bool // where messages went that were moved, in other mailboxes
	stale  []stale
	dev    device.Device // of a registration that is tied to one
	held   bool          // the device holds a request
	read   int           // entries of the log that were looked at
	came   bool          // messages among them
	// unsure says that the last notification may be on the screen although that
	// was not settled: the attempt failed, or the process ended. There is one at
	// most. It must take its own place if it is sent again, and be withdrawn if it
	// is no news any more.
	unsure bool
	// sums says that a summary is planned of messages that were not to be told in
	// one so far. That is written down before it is sent.
	sums bool
	plan push.Plan
	// refreshed says that the links are what was granted.
	refreshed bool
}

// Plan says what a registration is to be told now. It is push.Book's.
func (b *Book) Plan(ctx context.Context, id uint64, ask push.Ask) (push.Plan, error) {
	var p *planner
	var expired *Registration
	refreshed := b.c.Refresh == nil
	look := func(tx *store.Tx) error {
		reg, err := b.load(tx, 0, id)
		if errors.Is(err, ErrNoRegistration) || err == nil && reg.Lost != "" {
			return push.ErrForgotten
		}
		if err != nil {
			return err
		}
		if reg.expired(ask.Now) {
			expired = &reg
			return push.ErrForgotten
		}
		p = &planner{b: b, tx: tx, ctx: ctx, now: ask.Now.UTC(), ask: ask, reg: &reg, box: mail.MailboxOf(reg.Account), refreshed: refreshed}
		return p.run()
	}
	err := b.store.View(ctx, look)
	if errors.Is(err, errLinks) {
		if err = b.c.Refresh(ctx, p.reg.Account); err == nil {
			refreshed = true
			err = b.store.View(ctx, look)
		}
	}
	if expired != nil {
		if err := b.expire(ctx, expired, ask.Now); err != nil {
			return push.Plan{}, err
		}
	}
	if err != nil {
		if errors.Is(err, push.ErrForgotten) {
			return push.Plan{}, err
		}
		return push.Plan{}, fmt.Errorf("announce: plan: %w", err)
	}
	if p.sums {
		if err := b.sum(ctx, id, p); err != nil {
			return push.Plan{}, fmt.Errorf("announce: plan: %w", err)
		}
	}
	return p.plan, nil
}

// errLinks says that the registration has links, which must first be what was
// granted.
var errLinks = errors.New("announce: there are links")

// sum writes down which messages are told in a summary, before it is sent: after
// a crash they must not be told by themselves beside it.
func (b *Book) sum(ctx context.Context, id uint64, p *planner) error {
	return b.store.Update(ctx, func(tx *store.Tx) error {
		st, err := b.state(tx, id)
		if err != nil || st.Epoch != p.before.Epoch {
			return err
		}
		return b.states.Set(tx, id, p.plan.Note.(*note).carry(&st))
	})
}

// expire removes a registration whose time is over, unless it was renewed.
func (b *Book) expire(ctx context.Context, r *Registration, now time.Time) error {
	return b.removeIf(ctx, r.ID, func(r *Registration) bool { return r.expired(now) })
}

func (p *planner) run() (err error) {
	if p.before, err = p.b.state(p.tx, p.reg.ID); err != nil {
		return err
	}
	p.st = p.before.clone()
	p.unsure = p.reg.Mode != push.Silent && (!p.st.Failing.IsZero() || p.st.Run != p.b.run)
	p.plan.Target = p.reg.Target()
	last, err := p.b.c.Mailboxes.Last(p.tx, p.box)
	if errors.Is(err, mail.ErrNoMailbox) {
		return nil
	}
	if err != nil {
		return err
	}
	barred, err := p.barred()
	if err != nil {
		return err
	}
	if p.watch, err = p.b.watch(p.tx, p.reg); err != nil {
		return err
	}
	if len(p.watch.elsewhere) > 0 && !p.refreshed {
		return errLinks
	}
	p.plan.Elsewhere = p.watch.elsewhere
	p.st.Marks = p.watch.marks(&p.st, p.reg.Mode)
	p.leaveGone()
	if p.reg.Mode == push.AppleMail && !barred {
		return p.appleMail(last)
	}
	if err := p.readLog(last); err != nil {
		return err
	}
	switch {
	case barred:
		// What comes while nobody may read it is not announced afterwards.
		p.st.Waiting, p.st.Missed, p.st.Over, p.st.Asked = nil, 0, nil, time.Time{}
		p.st.caughtUp(p.stale)
		p.came = p.came || len(p.stale) > 0
	default:
		p.held = p.st.Asked.IsZero() && p.b.holds(p.reg) // a test is for the user to see
		if err := p.decide(); err != nil {
			return err
		}
	}
	p.finish()
	return nil
}

// manyRead is how much of the log is read again at most when nothing came of
// it: to remember the place costs a write.
const manyRead = 16

// finish gives the plan its mark when there is something to remember.
func (p *planner) finish() {
	n, _ := p.plan.Note.(*note)
	if n == nil {
		n = &note{}
		p.plan.Note = n
	}
	n.epoch, n.state, n.had = p.before.Epoch, p.st, p.before.Marks
	if p.st.Asked.IsZero() {
		n.act.asked = p.before.Asked // dropped, and no other
	}
	if p.plan.Notification != nil || p.came || p.unsure && len(p.st.Waiting) > 0 || p.read >= manyRead || !p.st.equal(&p.before) {
		p.plan.Mark = max(uint64(p.st.Last.ModSeq), 1)
	}
}

// barred tells whether the account or the device may not be told anything.
func (p *planner) barred() (bool, error) {
	acc, err := p.b.c.Directory.Account(p.ctx, p.reg.Account)
	if errors.Is(err, directory.ErrNoAccount) {
		return true, nil
	}
	if err != nil || acc.Disabled || acc.Server != "" {
		return true, err
	}
	if p.reg.outlived(&acc) {
		return true, nil
	}
	// Who may not synchronise may not register either; Apple's Mail is IMAP's.
	if !acc.ActiveSync && p.reg.Mode != push.AppleMail {
		return true, nil
	}
	if p.reg.Device == "" {
		return false, nil
	}
	p.dev, err = p.b.c.Devices.Load(p.tx, device.ID{Account: p.reg.Account, Device: p.reg.Device})
	if errors.Is(err, device.ErrNoDevice) { // an app's installation
		return false, nil
	}
	return err == nil && (p.dev.Access != device.AccessAllowed || p.dev.Wipe != device.WipeNone), err
}

// decide plans the one thing that comes first, and says when to ask again.
func (p *planner) decide() error {
	if !p.st.Asked.IsZero() {
		return p.test()
	}
	p.expireWaiting()
	due, changed, err := p.st.Waiting, p.stale, error(nil)
	if p.held {
		due, changed, err = p.leaveToPhone()
	}
	if err != nil {
		return err
	}
	if p.reg.Mode == push.Silent {
		p.wake(due, changed)
		return nil
	}
	if err := p.show(due); err != nil {
		return err
	}
	switch {
	case len(changed) == 0:
	case p.plan.Notification != nil:
		p.plan.More = true // the wake comes behind it
	default:
		p.wake(nil, changed)
	}
	return nil
}

// show plans what is seen on the screen.
func (p *planner) show(due []entry) error {
	if p.reg.Mode == push.Alert || p.reg.Mode == push.Sealed {
		if done, err := p.alert(due); done || err != nil {
			return err
		}
		if p.withdraw() {
			return nil
		}
	}
	if p.reg.Mode == push.Badge || p.reg.Mode == push.Alert {
		p.badge()
	}
	return nil
}

// notify sets the plan's notification, and what it means when it is accepted.
func (p *planner) notify(n push.Notification, a act) {
	if p.reg.Mode != push.Sealed { // there it is in the envelope
		n.Account = p.reg.Name
	}
	p.plan.Notification = &n
	p.plan.Note = &note{act: a}
}

// later has the plan asked for again at t, unless that is earlier already.
func (p *planner) later(t time.Time) {
	if p.plan.Later.IsZero() || t.Before(p.plan.Later) {
		p.plan.Later = t
	}
}

// since is when what is to be told happened, as far as that is known: an outage
// must not make it younger.
func (p *planner) since(at int64) time.Time {
	if at != 0 {
		return time.UnixMilli(at).UTC()
	}
	if !p.st.Failing.IsZero() {
		return p.st.Failing
	}
	return p.now
}

// expireWaiting drops news that is too old to be told.
func (p *planner) expireWaiting() {
	oldest := p.now.Add(-alertLife).UnixMilli()
	kept := p.st.Waiting[:0]
	for _, n := range p.st.Waiting {
		if n.At >= oldest {
			kept = append(kept, n)
		}
	}
	p.st.Waiting = kept
	if len(kept) == 0 {
		p.st.Missed = 0
	}
}

// background takes one of the notifications that Apple lets pass in the
// background, or says when there is one again. Others have such a budget for what
// is not mail.
func (p *planner) background(isMail bool) (spent time.Time, ok bool) {
	burst, every := time.Duration(backgroundBurst), backgroundEvery
	switch {
	case p.reg.Kind == push.APNs && !isMail:
		burst-- // one is left to mail
	case p.reg.Kind == push.APNs:
	case isMail:
		return p.st.Spent, true
	default:
		burst, every = otherBurst, otherEvery
	}
	spent = p.st.Spent
	if spent.Before(p.now) {
		spent = p.now
	}
	spent = spent.Add(every)
	if over := spent.Sub(p.now) - burst*every; over > 0 {
		p.later(p.now.Add(over))
		return p.st.Spent, false
	}
	return spent, true
}
