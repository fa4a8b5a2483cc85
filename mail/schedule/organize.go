package schedule

import (
	"maps"
	"slices"
	"time"

	"martlet/mail/calendar"
)

// The methods of scheduling messages (RFC 5546 1.4).
const (
	methodRequest = "REQUEST"
	methodReply   = "REPLY"
	methodCounter = "COUNTER"
	methodCancel  = "CANCEL"
	methodAdd     = "ADD"
	methodRefresh = "REFRESH"
)

// outgoing is a scheduling message that is to be sent.
type outgoing struct {
	method string
	to     []calendar.Person
	object *calendar.Object
	update bool // who gets it was invited before
}

// organizing is a change by an organizer.
type organizing struct {
	old, now *series // now has what is to be kept; nil for nothing
	own      func(address string) bool
	at       time.Time
	next     *calendar.Object // what is to be kept
	out      []outgoing
	groups   map[string]int // by what is told: the place in out

	change   changes
	sequence int // the largest so far
	stamp    int64
}

// organize works out whom an organizer's change concerns, and what is to be kept
// with it: SEQUENCE, DTSTAMP, statuses that begin anew. Either object may be nil.
// With silent nothing is sent, and the numbers are the client's.
func organize(old, wanted *calendar.Object, own func(address string) bool, at time.Time, silent bool) (next *calendar.Object, out []outgoing) {
	o := &organizing{old: readSeries(old), own: own, at: at, groups: map[string]int{}}
	if wanted != nil {
		o.next = calendar.Of(wanted.Root.Clone())
	}
	o.now = readSeries(o.next)
	if o.old != nil {
		o.sequence, o.stamp = o.old.highest()
	}
	if o.now != nil {
		o.keepStatuses()
		o.number(silent)
	}
	if !silent {
		o.tellAll()
	}
	if o.now != nil {
		o.settle(silent)
	}
	return o.next, o.out
}

// keepStatuses gives attendees the status that they have: a client that had not
// heard of a reply writes back the one from before.
func (o *organizing) keepStatuses() {
	if o.old == nil {
		return
	}
	for _, e := range o.now.events() {
		before := o.old.counterpart(e)
		if before == nil {
			continue
		}
		had := map[string]*calendar.Property{}
		for q := range before.Component.All("ATTENDEE") {
			if a := addressOf(q); had[a] == nil {
				had[a] = q
			}
		}
		for p := range e.Component.All("ATTENDEE") {
			q := had[addressOf(p)]
			if q == nil {
				continue
			}
			for _, name := range [...]string{paramReplied, paramVerified, paramProposedStart, paramProposedEnd} {
				p.SetParam(name, q.Param(name))
			}
			if status(p) == needsAction && status(q) != needsAction {
				p.SetParam("PARTSTAT", status(q))
			}
		}
	}
}

// counterpart is the event that stood where e stands now.
func (s *series) counterpart(e *calendar.Event) *calendar.Event {
	if s == nil {
		return nil
	}
	if e.RecurrenceID == nil {
		return s.master
	}
	if before := s.over[s.key(*e.RecurrenceID)]; before != nil {
		return before
	}
	return s.master
}

// number finds what has changed and gives what was rescheduled the next SEQUENCE
// (RFC 5546 2.1.4), unless the client has, and new statuses.
func (o *organizing) number(silent bool) {
	next := o.sequence + 1
	lift := func(e *calendar.Event) {
		o.inherit(e.Component) // who is asked anew for one occurrence is named there
		if !silent && e.Sequence < next {
			setSequence(e.Component, next)
		}
		for p := range e.Component.All("ATTENDEE") {
			if !o.own(addressOf(p)) {
				p.SetParam("PARTSTAT", needsAction)
				for _, name := range [...]string{paramReplied, paramProposedStart, paramProposedEnd} { // what was answered before is outdated by itself
					p.SetParam(name, "")
				}
			}
		}
	}
	switch {
	case o.old == nil:
		return
	case o.old.master == nil || o.now.master == nil:
		o.change = changes{all: true, moved: o.old.master != o.now.master, at: map[int64]bool{}}
	default:
		o.change = o.old.compare(o.now)
	}
	for _, e := range o.now.events() {
		before := o.old.counterpart(e)
		switch {
		case e.RecurrenceID == nil:
			if o.change.moved {
				lift(e)
			}
		case before == nil:
		case o.old.over[o.old.key(*e.RecurrenceID)] == nil: // the occurrence as the master had it
			if d := o.old.derived(o.old.key(*e.RecurrenceID)); d != nil && !sameTime(d, e) {
				lift(e)
			}
		case !sameTime(before, e), before.Status != "CANCELLED" && e.Status == "CANCELLED":
			lift(e)
		}
	}
	if o.now.master != nil && o.old.master != nil && o.now.master.Status == "CANCELLED" && o.old.master.Status != "CANCELLED" && !silent {
		setSequence(o.now.master.Component, max(next, o.now.master.Sequence))
	}
	o.reread()
}

// reread follows what was changed in the components.
func (o *organizing) reread() {
	o.next = calendar.Of(o.next.Root)
	o.now = readSeries(o.next)
}

// settle writes DTSTAMPs: a message that is sent is newer than all before it, to
// the second, and the server's numbers never fall.
func (o *organizing) settle(silent bool) {
	if !silent {
		o.noteRemoved()
	}
	least := 0 // no occurrence is numbered below the whole
	if o.now.master != nil {
		least = o.now.master.Sequence
	}
	for _, e := range o.now.events() {
		c, want := e.Component, least
		if before := o.old.counterpart(e); before != nil {
			want = max(want, before.Sequence)
		}
		if !silent && e.Sequence < want {
			setSequence(c, want)
		}
		switch {
		case len(o.out) > 0:
			setStamp(c, o.newStamp())
		case o.old != nil && !silent: // the client's own must not order what others get
			if before := o.old.counterpart(e); before != nil && !before.Stamp.IsZero() {
				setStamp(c, before.Stamp.Unix())
			}
		}
		for p := range c.All("ATTENDEE") {
			p.SetParam("SCHEDULE-FORCE-SEND", "")
		}
	}
	o.reread()
}

// maxRemoved bounds how many are remembered who were taken out of a meeting.
const maxRemoved = 100

// noteRemoved remembers who was invited and is no more.
func (o *organizing) noteRemoved() {
	before, after := o.old.guests(o.own), o.now.guests(o.own)
	gone := o.old.removed()
	for a := range before {
		if before[a].anywhere() && !slices.Contains(gone, a) {
			gone = append(gone, a)
		}
	}
	slices.Sort(gone)
	all := o.now.events()
	for _, e := range all {
		e.Component.Remove(propRemoved)
	}
	n := 0
	for _, a := range gone {
		if len(all) > 0 && !after[a].anywhere() && n < maxRemoved {
			n++
			all[0].Component.Add(calendar.Property{Name: propRemoved, Value: a})
		}
	}
}

// newStamp is the DTSTAMP of this change's requests; cancellations have the
// second before, so that who is taken out of a meeting and invited to a part of
// it knows which came last.
func (o *organizing) newStamp() int64 { return max(o.at.Unix(), o.stamp+2) }

// tellAll works out what each guest is told.
func (o *organizing) tellAll() {
	before, after := o.old.guests(o.own), o.now.guests(o.own)
	all := map[string]bool{}
	for a := range before {
		all[a] = true
	}
	for a := range after {
		all[a] = true
	}
	switch { // nobody wants to hear of what is over, nor of what was when it came here
	case o.now == nil && o.old.ended(o.at), o.old == nil && o.now.ended(o.at):
		return
	}
	for _, address := range slices.Sorted(maps.Keys(all)) {
		o.tell(before[address], after[address])
	}
	o.build()
}

func (o *organizing) tell(was, is *guest) {
	switch {
	case !is.anywhere() && !was.anywhere():
	case !is.anywhere():
		o.cancel(was, was.master, keysOf(was))
	case !was.anywhere():
		o.request(is, false, is.master, keysOf(is))
	case was.master != is.master:
		if was.master {
			o.cancel(was, true, nil)
		}
		o.request(is, true, is.master, keysOf(is))
	case was.master && o.change.all, !was.master && o.change.all:
		o.masterless(was, is)
	case is.forced == methodRequest:
		o.request(is, true, is.master, keysOf(is))
	default:
		o.apart(was, is)
	}
}

// masterless tells of a change of the whole to who is invited to it, and to who
// is not of the occurrences that concern them.
func (o *organizing) masterless(was, is *guest) {
	if is.master {
		o.request(is, true, true, nil)
		return
	}
	o.apart(was, is)
}

// apart tells somebody of each occurrence that has changed for them.
func (o *organizing) apart(was, is *guest) {
	keys := map[int64]bool{}
	for k := range o.change.at {
		keys[k] = true
	}
	for k := range was.over {
		keys[k] = true
	}
	for k := range is.over {
		keys[k] = true
	}
	for _, k := range sortedKeys(keys) {
		before, after := o.old.occurrence(k), o.now.occurrence(k)
		in, out := was.at(k) && stands(before), is.at(k) && stands(after)
		switch {
		case in && !out:
			o.cancel(was, false, []int64{k})
		case out && (!in || !same(before, after)):
			o.request(is, in, false, []int64{k})
		}
	}
}

func stands(e *calendar.Event) bool { return e != nil && e.Status != "CANCELLED" }

// keysOf are the occurrences that somebody is invited to on their own.
func keysOf(g *guest) (keys []int64) {
	if g.master {
		return nil
	}
	for _, k := range sortedKeys(g.over) {
		if g.over[k] {
			keys = append(keys, k)
		}
	}
	return keys
}
