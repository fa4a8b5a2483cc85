package schedule

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/store/blob"
)

// world is a house and peers elsewhere, with mail between them that is late,
// comes twice and in any order. Whoever organizes, here or there, changes
// meetings at random; when nothing is under way any more, everybody has what the
// organizer has.
type world struct {
	*house
	rng   *rand.Rand
	local []string
	peers map[string]*peer // by address

	wire []parcel // under way
	seen int      // how much of the queue is on the wire
	sent map[string]int
	next int
}

// parcel is mail under way.
type parcel struct {
	from, to string
	object   *calendar.Object
}

// peer is somebody elsewhere, with a calendar program as good as ours.
type peer struct {
	address string
	has     map[string]*calendar.Object
}

func (p *peer) owns(address string) bool { return strings.EqualFold(address, p.address) }

func (w *world) meetings(owner string) (uids []string) {
	prefix := owner + "/"
	if p := w.peers[owner]; p != nil {
		for uid := range p.has {
			if strings.HasPrefix(uid, prefix) {
				uids = append(uids, uid)
			}
		}
		slices.Sort(uids)
		return uids
	}
	for n := range w.next {
		if uid := fmt.Sprintf("%s%d", prefix, n); w.has(owner, uid) != nil {
			uids = append(uids, uid)
		}
	}
	return uids
}

func (w *world) address(who string) string {
	if strings.Contains(who, "@") {
		return who
	}
	return who + "@example.org"
}

// everybody but one.
func (w *world) others(who string) (all []string) {
	for _, l := range w.local {
		if l != who {
			all = append(all, l)
		}
	}
	for _, a := range []string{"zoe@peer.example", "yan@peer.example"} {
		if a != who {
			all = append(all, a)
		}
	}
	return all
}

// object is what somebody has of a meeting, nil for nothing.
func (w *world) object(who, uid string) *calendar.Object {
	if p := w.peers[who]; p != nil {
		return p.has[uid]
	}
	return w.has(who, uid)
}

// put has an organizer change a meeting; nil deletes it.
func (w *world) put(who, uid string, wanted *calendar.Object) {
	w.Helper()
	p := w.peers[who]
	if p == nil {
		var raw []byte
		if wanted != nil {
			raw = wanted.Encode()
		}
		w.change(who, uid, raw)
		w.collect()
		return
	}
	next, out := organize(p.has[uid], wanted, p.owns, w.clock, false)
	if p.has[uid] = next; next == nil {
		delete(p.has, uid)
	}
	w.dispatch(p, out)
}

func (w *world) dispatch(p *peer, out []outgoing) {
	for _, m := range out {
		for _, to := range m.to {
			w.note(to.Address, m.object)
			w.wire = append(w.wire, parcel{p.address, strings.ToLower(to.Address), m.object})
		}
	}
}

// note counts a message to somebody.
func (w *world) note(to string, o *calendar.Object) {
	id := strings.ToLower(to) + " " + o.Method
	for _, e := range o.Events {
		id += fmt.Sprintf(" %s/%d/%d", e.UID, e.Sequence, e.Stamp.Unix())
		if e.RecurrenceID != nil {
			id += "@" + e.RecurrenceID.UTC().Format("0102")
		}
		if o.Method == methodReply {
			id += " by " + e.Attendees[0].Address
		}
	}
	if w.sent[id]++; w.sent[id] > 1 {
		w.Errorf("sent twice: %s", id)
	}
}

// collect takes what the house has sent elsewhere.
func (w *world) collect() {
	w.Helper()
	all := w.queued()
	for _, l := range all[w.seen:] {
		for to := range strings.FieldsSeq(l.to) {
			w.note(to, l.object)
			w.wire = append(w.wire, parcel{l.index.From[0].Address, strings.ToLower(to), l.object})
		}
	}
	w.seen = len(all)
}

// carry delivers some of what is under way: any of it, and some of that twice.
func (w *world) carry(n int) {
	w.Helper()
	for ; n > 0 && len(w.wire) > 0; n-- {
		i := w.rng.IntN(len(w.wire))
		m := w.wire[i]
		if w.rng.IntN(4) > 0 {
			w.wire = slices.Delete(w.wire, i, i+1)
		}
		w.receive(m)
	}
}

func (w *world) receive(m parcel) {
	w.Helper()
	p := w.peers[m.to]
	if p == nil {
		w.deliver(strings.TrimSuffix(m.to, "@example.org"), m.from, proven, string(m.object.Encode()))
		return
	}
	msg := readSeries(calendar.Of(m.object.Root.Clone()))
	r := &receipt{message: msg, own: p.owns, me: calendar.Person{Address: p.address}, verified: true}
	had := p.has[msg.uid]
	var next *calendar.Object
	switch m.object.Method {
	case methodRequest:
		next = take(had, r)
	case methodCancel:
		next = cancel(had, r) // its program keeps what was cancelled
	case methodReply:
		if had != nil {
			next = record(had, r, &answer{address: strings.ToLower(replier(msg).Address), as: strings.ToLower(replier(msg).Address), verified: true})
		}
	}
	if next != nil {
		p.has[msg.uid] = next
	}
}

// reply has somebody answer a meeting that they have.
func (w *world) reply(who, uid, status string) {
	w.Helper()
	o := w.object(who, uid)
	if o == nil || o.Master().Status == "CANCELLED" {
		return
	}
	if p := w.peers[who]; p != nil {
		wanted := calendar.Of(o.Root.Clone())
		for _, e := range wanted.Events {
			if a := attendeeOf(e.Component, p.owns); a != nil {
				a.SetParam("PARTSTAT", status)
			}
		}
		next, reply := respond(o, calendar.Of(wanted.Root), p.owns, w.clock, "", "")
		if p.has[uid] = next; reply != nil {
			to := strings.ToLower(readSeries(o).organizer().Address)
			w.note(to, reply)
			w.wire = append(w.wire, parcel{p.address, to, reply})
		}
		return
	}
	it, _ := w.item(who, uid)
	_, err := w.tryAnswer(who, uid, status, func(a *Answer) {
		a.Message, a.Index = blob.Ref{}, nil
		a.Box, a.At = w.box(who), mail.Place{Folder: it.Folder, Item: it.ID}
	})
	w.must(err)
	w.collect()
}

// mutate changes something of a meeting that its organizer has.
func (w *world) mutate(who, uid string) {
	w.Helper()
	o := calendar.Of(w.object(who, uid).Root.Clone())
	e := o.Master()
	var occurrences []calendar.Time
	for t := range e.Occurrences() {
		occurrences = append(occurrences, t)
	}
	switch w.rng.IntN(9) {
	case 0, 1:
		// Never back to where it was: a late answer without the SEQUENCE would be right.
		shift := time.Duration(1+w.rng.IntN(3)) * time.Hour
		e.Start.Time, e.End.Time = e.Start.Add(shift), e.End.Add(shift)
		e.Except = nil
		e.Write()
		w.put(who, uid, objectOf("", zonesOf(o), e.Component))
		return
	case 2:
		e.Location = fmt.Sprintf("Room %d", w.rng.IntN(100))
		e.Write()
	case 3: // somebody more, or less
		other := w.address(w.others(who)[w.rng.IntN(4)])
		for _, e := range o.Events {
			if i := slices.IndexFunc(e.Attendees, func(a calendar.Attendee) bool { return strings.EqualFold(a.Address, other) }); i >= 0 {
				if len(e.Attendees) > 1 {
					e.Attendees = slices.Delete(e.Attendees, i, i+1)
				}
			} else {
				e.Attendees = append(e.Attendees, calendar.Attendee{Person: calendar.Person{Address: other}, Status: needsAction, Role: "REQ-PARTICIPANT"})
			}
			e.Write()
		}
	case 4, 5: // one occurrence at another time, or place
		if !e.Recurs() || len(occurrences) == 0 {
			return
		}
		t := occurrences[w.rng.IntN(len(occurrences))]
		one := o.Instance(t.Time.UTC()).Master()
		one.Start.Time, one.End.Time = one.Start.Add(time.Hour), one.End.Add(time.Hour)
		one.Location = fmt.Sprintf("Hall %d", w.rng.IntN(100))
		one.Write()
		o.Root.Children = slices.DeleteFunc(o.Root.Children, func(c *calendar.Component) bool {
			p := c.Prop("RECURRENCE-ID")
			return p != nil && p.Value == one.Component.Prop("RECURRENCE-ID").Value
		})
		o.Root.Children = append(o.Root.Children, one.Component)
	case 6: // one does not take place
		if !e.Recurs() || len(occurrences) < 3 {
			return
		}
		t := occurrences[w.rng.IntN(len(occurrences))]
		e.Except = append(e.Except, t)
		e.Write()
		id := *e.Component.Prop("EXDATE")
		_ = id
		o.Root.Children = slices.DeleteFunc(o.Root.Children, func(c *calendar.Component) bool {
			p := c.Prop("RECURRENCE-ID")
			return p != nil && strings.HasSuffix(t.Format("20060102T150405"), p.Value)
		})
	case 7: // nothing that concerns others
		before := len(w.wire)
		e.Alarms = []calendar.Alarm{{Action: "DISPLAY", Before: time.Duration(w.rng.IntN(60)) * time.Minute}}
		e.Categories = []string{fmt.Sprint(w.rng.IntN(100))}
		e.Write()
		w.put(who, uid, calendar.Of(o.Root))
		if len(w.wire) != before {
			w.Errorf("a reminder has sent %s", w.wire[before].object.Encode())
		}
		return
	case 8:
		if w.rng.IntN(3) == 0 {
			w.put(who, uid, nil)
		}
		return
	}
	w.put(who, uid, calendar.Of(o.Root))
}

func (w *world) create(who string) {
	w.Helper()
	uid := fmt.Sprintf("%s/%d", who, w.next)
	w.next++
	start := w.clock.AddDate(0, 0, 7+w.rng.IntN(20)).Truncate(time.Hour)
	lines := []string{
		"DTSTART;TZID=Europe/Berlin:" + start.Format("20060102T150405"), "DTEND;TZID=Europe/Berlin:" + start.Add(time.Hour).Format("20060102T150405"),
		"SUMMARY:" + uid, "ORGANIZER:mailto:" + w.address(who),
	}
	if w.rng.IntN(2) == 0 {
		lines = append(lines, "RRULE:FREQ=DAILY;COUNT=6")
	}
	for _, other := range w.others(who) {
		if w.rng.IntN(3) > 0 || len(lines) < 5 {
			lines = append(lines, "ATTENDEE:mailto:"+w.address(other))
		}
	}
	o, err := calendar.Parse(event(uid, lines...))
	w.must(err)
	w.put(who, uid, o)
}

// picture is what a meeting is to somebody: when and where it takes place for
// them, and how they have answered.
func picture(o *calendar.Object, address string) string {
	s := readSeries(o)
	if s == nil {
		return ""
	}
	own := func(a string) bool { return strings.EqualFold(a, address) }
	var all []string
	show := func(e *calendar.Event) {
		c := e.Component
		if c.Prop("ATTENDEE") == nil && s.master != nil {
			c = s.master.Component
		}
		p := attendeeOf(c, own)
		if p == nil || e.Status == "CANCELLED" {
			return
		}
		all = append(all, e.Start.UTC().Format("0102T1504")+"-"+e.End.UTC().Format("1504")+" "+e.Summary+" "+e.Location+" "+status(p))
	}
	if s.master != nil && s.master.Status != "CANCELLED" {
		for t := range s.master.Occurrences() {
			if s.over[s.key(t)] != nil {
				continue
			}
			e := *s.master
			length := e.End.Sub(e.Start.Time)
			e.Start, e.End = t, t
			e.End.Time = t.Add(length)
			show(&e)
		}
	}
	for _, e := range s.over {
		show(e)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// quiet brings everything that is under way to its end and compares.
func (w *world) quiet() {
	w.Helper()
	for len(w.wire) > 0 {
		w.carry(len(w.wire))
		w.settle()
		w.collect()
	}
	w.settle()
	for _, who := range append(slices.Clone(w.local), "zoe@peer.example") {
		for _, uid := range w.meetings(who) {
			organized := w.object(who, uid)
			for _, other := range w.others(who) {
				want, got := picture(organized, w.address(other)), picture(w.object(other, uid), w.address(other))
				if want != got {
					w.Fatalf("%s's of %s is\n%s\nwant\n%s\n\ntheirs:\n%s\norganizer's:\n%s", other, uid, got, want, encoded(w.object(other, uid)), organized.Encode())
				}
			}
		}
	}
}

func encoded(o *calendar.Object) string {
	if o == nil {
		return "nothing"
	}
	return string(o.Encode())
}

func TestEverybodyHasWhatTheOrganizerHas(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := &world{
				house: openHouse(t), rng: rand.New(rand.NewPCG(seed, 5)), local: []string{"ann", "bob", "cat"}, sent: map[string]int{},
				peers: map[string]*peer{
					"zoe@peer.example": {address: "zoe@peer.example", has: map[string]*calendar.Object{}},
					"yan@peer.example": {address: "yan@peer.example", has: map[string]*calendar.Object{}},
				},
			}
			organizers := []string{"ann", "bob", "zoe@peer.example"}
			for range 120 {
				w.tick(time.Duration(w.rng.IntN(600)) * time.Second)
				who := organizers[w.rng.IntN(3)]
				uids := w.meetings(who)
				switch n := w.rng.IntN(20); {
				case len(uids) == 0 || n < 2:
					w.create(who)
				case n < 10:
					w.mutate(who, uids[w.rng.IntN(len(uids))])
				case n < 14:
					uid := uids[w.rng.IntN(len(uids))]
					w.reply(w.others(who)[w.rng.IntN(4)], uid, []string{accepted, tentative}[w.rng.IntN(2)])
				case n < 17:
					w.carry(1 + w.rng.IntN(4))
				case n < 19:
					w.settle()
					w.collect()
				default:
					w.restart()
				}
			}
			w.quiet()
		})
	}
}
