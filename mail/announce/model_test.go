package announce

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"martlet/mail"
	"martlet/push"
	"martlet/store"
)

// model is what a phone shows and what its user's mailbox holds, kept apart from
// the book and compared with what it plans.
type model struct {
	*house
	r       *rand.Rand
	id      uint64
	lists   mail.FolderID
	theirs  mail.FolderID // what lists stands for in Bob's mailbox; zero: it is Alice's own
	mail    map[mail.Place]*modelled
	places  []mail.Place            // of mail, in a fixed order
	screen  map[string][]mail.Place // by collapse id
	badge   int
	silent  bool // the phone shows nothing, and fetches
	more    bool // the last plan said that another follows
	history []string
}

// modelled is one message.
type modelled struct {
	item    mail.Item
	seen    bool
	news    bool // it must be told unless something happens to it
	told    int  // how often that was settled
	dropped bool // the service refused to tell it
}

func (m *model) logf(format string, args ...any) {
	m.history = append(m.history, fmt.Sprintf(format, args...))
}

func (m *model) failf(format string, args ...any) {
	m.Helper()
	for _, line := range m.history {
		m.Log(line)
	}
	m.Fatalf(format, args...)
}

func (m *model) pick() *modelled {
	if len(m.places) == 0 {
		return nil
	}
	return m.mail[m.places[m.r.IntN(len(m.places))]]
}

func (m *model) add(it mail.Item, news bool) {
	at := mail.Place{Folder: it.Folder, Item: it.ID}
	m.mail[at] = &modelled{item: it, seen: it.Flags&mail.FlagSeen != 0, news: news}
	m.places = append(m.places, at)
}

func (m *model) remove(x *modelled) {
	at := mail.Place{Folder: x.item.Folder, Item: x.item.ID}
	delete(m.mail, at)
	m.places = slices.DeleteFunc(m.places, func(p mail.Place) bool { return p == at })
}

// step does one thing at random.
func (m *model) step() {
	n := m.r.IntN(100)
	m.more = m.more || n < 72
	switch {
	case n < 30:
		l := letter{reply: m.r.IntN(3) == 0 && m.letters > 0, folder: m.folder(mail.RoleInbox)}
		listed := m.r.IntN(4) == 0
		if listed {
			l.folder = m.lists
		}
		if listed && m.theirs != 0 {
			l.box, l.folder = mail.MailboxOf(m.bob), m.theirs
		}
		if m.r.IntN(6) == 0 {
			l.flags = mail.FlagSeen
		}
		if m.r.IntN(6) == 0 {
			l.from = "The Boss <boss@example.net>"
		}
		it := m.deliver(l)
		if listed {
			it.Folder = m.lists
		}
		m.logf("deliver %d/%d seen %t %s", it.Folder, it.ID, l.flags != 0, l.from)
		m.add(it, l.flags == 0)
	case n < 45:
		if x := m.pick(); x != nil {
			m.logf("see %d/%d", x.item.Folder, x.item.ID)
			if m.theirs != 0 && x.item.Folder == m.lists { // by its owner
				it := x.item
				it.Folder = m.theirs
				m.seeIn(mail.MailboxOf(m.bob), it)
			} else {
				m.see(x.item)
			}
			x.seen, x.news = true, false
		}
	case n < 50:
		if x := m.pick(); x != nil {
			m.logf("unsee %d/%d", x.item.Folder, x.item.ID)
			m.unsee(x.item)
			x.seen = false
		}
	case n < 58:
		if x := m.pick(); x != nil {
			to := m.lists
			if x.item.Folder == m.lists {
				to = m.folder(mail.RoleInbox)
			}
			moved := m.move(x.item, to)
			m.logf("move %d/%d to %d/%d", x.item.Folder, x.item.ID, moved.Folder, moved.ID)
			m.remove(x)
			m.add(moved, false)
		}
	case n < 63:
		if x := m.pick(); x != nil {
			m.logf("delete %d/%d", x.item.Folder, x.item.ID)
			m.delete(x.item)
			m.remove(x)
		}
	case n < 70:
		m.now = m.now.Add(time.Duration(m.r.IntN(90)) * time.Minute)
		m.logf("it is %s", m.now.Format(time.TimeOnly))
	case n < 72:
		m.logf("restart")
		m.close()
		m.open()
	default:
		m.notify(m.r.IntN(10))
	}
}

// notify plans once, and lets luck decide what becomes of it: it is sent and
// settled, sent and forgotten by a crash, tried in vain, or refused.
func (m *model) notify(luck int) (done bool) {
	p := m.plan(m.id)
	n := p.Notification
	if n == nil {
		if p.Mark != 0 {
			m.settle(m.id, &p, push.Outcome{})
		}
		m.logf("nothing to tell, later %v", !p.Later.IsZero())
		return true
	}
	note := p.Note.(*note)
	m.logf("%s %s about %d, luck %d", spell([]*push.Notification{n}), n.Collapse, len(note.act.entries), luck)
	if luck == 9 && !m.more {
		m.failf("nobody was to ask again, and there is more")
	}
	m.more = p.More || luck < 3
	m.examine(n, note)
	switch luck {
	case 0: // it failed, and is tried again
		m.must(m.book.Settle(m.ctx(), m.id, &p, push.Outcome{Result: push.Retry}, true))
	case 1: // the service did not want it
		m.settle(m.id, &p, push.Outcome{Result: push.Refused})
		if n.Withdrawn { // nobody can help it
			delete(m.screen, n.Collapse)
		}
		for _, e := range note.act.entries {
			m.mail[e.place()].dropped = true
			if shown := m.screen[n.Collapse]; shown != nil { // an older alert speaks of the conversation
				m.screen[n.Collapse] = append(shown, e.place())
			}
		}
	case 2: // sent, and killed before that was written
		m.show(n, note)
		m.reopenBook()
	default:
		m.show(n, note)
		m.settle(m.id, &p, push.Outcome{Result: push.Accepted})
		for _, e := range note.act.entries {
			x := m.mail[e.place()]
			if x.told++; x.told > 1 || x.dropped {
				m.failf("%v was told %d times, dropped %t", e.place(), x.told, x.dropped)
			}
		}
	}
	return false
}

// examine holds a plan against what the mailbox is now.
func (m *model) examine(n *push.Notification, note *note) {
	unread := 0
	for _, x := range m.mail {
		if !x.seen {
			unread++
		}
	}
	if !m.silent && (n.Unread == nil || *n.Unread != unread) {
		m.failf("the badge is not %d", unread)
	}
	for _, e := range note.act.entries {
		x := m.mail[e.place()]
		if x == nil || x.seen {
			m.failf("%v is told and is gone, or seen", e.place())
		}
	}
	if note.act.withdrew {
		for _, at := range m.screen[n.Collapse] {
			if x := m.mail[at]; x != nil && !x.seen && x.told > 0 && x.news {
				m.failf("%v is withdrawn and unseen", at)
			}
		}
	}
}

// show does what the phone does.
func (m *model) show(n *push.Notification, note *note) {
	if m.silent {
		return
	}
	m.badge = *n.Unread
	switch {
	case n.Withdrawn:
		delete(m.screen, n.Collapse)
	case n.Mode == push.Alert:
		for _, e := range note.act.entries {
			for collapse, shown := range m.screen {
				if collapse != n.Collapse && slices.Contains(shown, e.place()) {
					m.failf("%v is shown twice", e.place())
				}
			}
			m.screen[n.Collapse] = append(m.screen[n.Collapse], e.place())
		}
	}
}

// rest lets everything come to its end, and compares.
func (m *model) rest() {
	m.now = m.now.Add(12 * time.Hour) // the quiet hours are over
	if y, mo, d := m.now.Date(); m.now.Hour() < 12 {
		m.now = time.Date(y, mo, d, 12, 0, 0, 0, time.UTC)
	}
	m.more = true
	for !m.notify(9) {
	}
	unread := 0
	for at, x := range m.mail {
		if !x.seen {
			unread++
		}
		if x.news && !x.dropped && x.told != 1 {
			m.failf("%v was told %d times", at, x.told)
		}
	}
	if m.badge != unread && !m.silent {
		m.failf("the badge is %d and should be %d", m.badge, unread)
	}
	for collapse, shown := range m.screen {
		if !slices.ContainsFunc(shown, func(at mail.Place) bool { x := m.mail[at]; return x != nil && !x.seen }) {
			m.failf("%s is on the screen and all of %v is seen", collapse, shown)
		}
	}
}

// TestAPhoneShowsWhatIsNewWhateverHappens runs seeded histories of a mailbox, a
// phone and a notifier that fails now and then.
func TestAPhoneShowsWhatIsNewWhateverHappens(t *testing.T) {
	for seed := range seeds() {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := &model{house: newHouse(t), r: rand.New(rand.NewPCG(seed, 1)), mail: map[mail.Place]*modelled{}, screen: map[string][]mail.Place{}}
			if seed%3 == 1 {
				m.share()
			} else {
				m.lists = m.makeFolder("Lists")
			}
			m.now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
			m.id = m.phone(func(r *Registration) {
				r.Folders = []mail.FolderID{m.folder(mail.RoleInbox), m.lists}
				r.VIPs = []string{"boss@example.net"}
				if m.silent = seed%4 == 3; m.silent {
					r.Kind, r.Token, r.Mode = push.FCM, "a-registration-token", push.Silent
				}
				if seed%2 == 0 {
					r.Quiet = Quiet{Start: 18 * 60, End: 8 * 60, Zone: "UTC"}
				}
			}).ID
			for range 90 {
				m.step()
			}
			m.rest()
		})
	}
}

// share has Bob share a folder of lists.
func (m *model) share() {
	bob := mail.MailboxOf(m.bob)
	m.must(m.boxes.Create(m.ctx(), bob))
	m.update(func(tx *store.Tx) error {
		f, err := m.boxes.CreateFolder(tx, bob, 0, "Lists", mail.ClassEmail)
		if err != nil {
			return err
		}
		link, err := m.boxes.CreateLink(tx, mail.MailboxOf(m.alice), 0, "Bob: Lists", mail.Link{Box: bob, Folder: f.ID, Rights: mail.MayRead | mail.MayWrite})
		m.lists, m.theirs = link.ID, f.ID
		return err
	})
}

// seeds are few unless somebody looks for trouble.
func seeds() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("SEEDS"), 10, 64); err == nil {
		return n
	}
	return 12
}

// TestReadingCostsWhatChanged compares a mailbox of some hundred messages with an
// empty one.
func TestReadingCostsWhatChanged(t *testing.T) {
	reads := func(full bool) int {
		h := newHouse(t)
		if full {
			for range 300 {
				h.deliver(letter{flags: mail.FlagSeen})
			}
		}
		id := h.phone().ID
		h.deliver(letter{})
		return h.reads(id)
	}
	if empty, full := reads(false), reads(true); empty != full {
		t.Errorf("%d rows are read in an empty mailbox, %d in a full one", empty, full)
	}
}
