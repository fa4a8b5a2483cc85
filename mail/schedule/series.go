package schedule

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
)

// What the server keeps in a meeting for itself. None of it leaves in a message,
// and none of it is taken from one.
const (
	propUnverified = "X-MARTLET-UNVERIFIED" // TRUE: nothing proves that the organizer sent it
	propIntended   = "X-MARTLET-INTENDED"   // how busy the organizer wants who accepts
	paramReplied   = "X-MARTLET-REPLIED"    // of an ATTENDEE: the DTSTAMP of their last reply
	paramVerified  = "X-MARTLET-VERIFIED"   // of an ATTENDEE: that reply was authentic
	paramDeclined  = "X-MARTLET-DECLINED"   // of an EXDATE: the user does not come
	ownPrefix      = "X-MARTLET-"

	// Of an ATTENDEE: the time that they would like better, in UTC. Phones show it
	// (MS-ASCAL 2.2.2.3).
	paramProposedStart = "X-PROPOSED-START"
	paramProposedEnd   = "X-PROPOSED-END"

	propBusy       = "X-MICROSOFT-CDO-BUSYSTATUS"
	propIntendedMS = "X-MICROSOFT-CDO-INTENDEDSTATUS"
	propRemoved    = "X-MARTLET-REMOVED" // an address that was invited and is no more: an answer on its way does not bring it back
	propAnswer     = "X-MARTLET-ANSWER"  // a digest of what was last answered, to know a repeated request by
	propReplyTime  = "X-MICROSOFT-CDO-REPLYTIME"
)

// version orders the messages about one event (RFC 5546 2.1.5).
type version struct {
	sequence int
	stamp    int64 // DTSTAMP, seconds since 1970
}

func (v version) compare(w version) int {
	return cmp.Or(cmp.Compare(v.sequence, w.sequence), cmp.Compare(v.stamp, w.stamp))
}

func versionOf(e *calendar.Event) version {
	v := version{sequence: e.Sequence}
	if !e.Stamp.IsZero() {
		v.stamp = e.Stamp.Unix()
	}
	return v
}

// series are the events of one meeting: the one that recurs or stands alone, and
// those that stand for one occurrence.
type series struct {
	object *calendar.Object
	uid    string
	master *calendar.Event // nil for who is invited to some occurrences alone
	over   map[int64]*calendar.Event
	later  []*calendar.Event // those that stand for all occurrences behind their own, too
}

// readSeries sorts an object's events; nil for nothing.
func readSeries(o *calendar.Object) *series {
	if o == nil || len(o.Events) == 0 {
		return nil
	}
	s := &series{object: o, uid: o.Events[0].UID, over: map[int64]*calendar.Event{}}
	for _, e := range o.Events {
		if e.RecurrenceID == nil && s.master == nil && e.UID == s.uid {
			s.master = e
		}
	}
	for _, e := range o.Events {
		switch {
		case e.RecurrenceID == nil || e.UID != s.uid:
		case e.ThisAndAfter:
			s.later = append(s.later, e)
		default:
			s.over[s.key(*e.RecurrenceID)] = e
		}
	}
	return s
}

// events are the master, if there is one, and the others in their order.
func (s *series) events() (all []*calendar.Event) {
	if s == nil {
		return nil
	}
	if s.master != nil {
		all = append(all, s.master)
	}
	for _, k := range sortedKeys(s.over) {
		all = append(all, s.over[k])
	}
	return all
}

func sortedKeys[V any](m map[int64]V) []int64 {
	keys := make([]int64, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// key makes the starts of occurrences comparable: by the day where the meeting
// has dates.
func (s *series) key(t calendar.Time) int64 {
	if t.Date || s.master != nil && s.master.Start.Date {
		y, m, d := t.Time.Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()
	}
	return t.Unix()
}

// occurrence is the event at a key: the one that stands for it, or the master
// brought there; nil if there is none.
func (s *series) occurrence(key int64) *calendar.Event {
	if s == nil {
		return nil
	}
	if e := s.over[key]; e != nil {
		return e
	}
	return s.derived(key)
}

// derived is the occurrence that the master alone makes at a key.
func (s *series) derived(key int64) *calendar.Event {
	if s == nil || s.master == nil || !s.master.Recurs() {
		return nil
	}
	one := s.object.Instance(time.Unix(key, 0).UTC())
	if one == nil || one.Master() == nil {
		return nil
	}
	return one.Master()
}

// removed are the addresses that were invited and are no more.
func (s *series) removed() (all []string) {
	for _, e := range s.events() {
		for p := range e.Component.All(propRemoved) {
			if a := strings.ToLower(p.Value); !slices.Contains(all, a) {
				all = append(all, a)
			}
		}
	}
	return all
}

// organizer is who organizes the meeting, nil for nobody.
func (s *series) organizer() *calendar.Person {
	for _, e := range s.events() {
		if e.Organizer != nil && e.Organizer.Address != "" {
			return e.Organizer
		}
	}
	return nil
}

// highest are the largest SEQUENCE and DTSTAMP of the meeting's events.
func (s *series) highest() (sequence int, stamp int64) {
	for _, e := range s.events() {
		v := versionOf(e)
		sequence, stamp = max(sequence, v.sequence), max(stamp, v.stamp)
	}
	return sequence, stamp
}

// ended tells whether the whole meeting is over.
func (s *series) ended(now time.Time) bool {
	for _, e := range s.events() {
		end := e.End.Time
		if e.Recurs() {
			last, ok := e.Last()
			if !ok {
				return false
			}
			end = last.Add(e.End.Sub(e.Start.Time))
		}
		if e.Start.Date || e.Start.Floating {
			end = end.Add(12 * time.Hour) // where it ends last
		}
		if end.After(now) {
			return false
		}
	}
	return true
}

// people are the attendees of an event by address in lower case: their own, or
// those of the master for an occurrence that names none, as phones write it.
func (s *series) people(e *calendar.Event) map[string]*calendar.Attendee {
	from := e
	if len(e.Attendees) == 0 && s.master != nil {
		from = s.master
	}
	all := make(map[string]*calendar.Attendee, len(from.Attendees))
	for i := range from.Attendees {
		a := &from.Attendees[i]
		if key := strings.ToLower(a.Address); all[key] == nil {
			all[key] = a
		}
	}
	return all
}

// attendeeOf is the property that names an address, nil for none.
func attendeeOf(c *calendar.Component, is func(address string) bool) *calendar.Property {
	for p := range c.All("ATTENDEE") {
		if is(addressOf(p)) {
			return p
		}
	}
	return nil
}

// addressOf is the mail address that a calendar user's property names, in lower
// case.
func addressOf(p *calendar.Property) string { return strings.ToLower(writtenAddress(p)) }

// writtenAddress is the same as it stands there.
func writtenAddress(p *calendar.Property) string {
	s := strings.TrimSpace(p.Value)
	if len(s) >= 7 && strings.EqualFold(s[:7], "mailto:") {
		s, _, _ = strings.Cut(s[7:], "?")
	}
	if email := p.Param("EMAIL"); email != "" && !strings.Contains(s, "@") { // Apple
		s = email
	}
	return strings.TrimSpace(s)
}

// status is the PARTSTAT of an ATTENDEE.
func status(p *calendar.Property) string {
	if v := strings.ToUpper(p.Param("PARTSTAT")); v != "" {
		return v
	}
	return needsAction
}

// The statuses of attendees (RFC 5545 3.2.12).
const (
	needsAction = "NEEDS-ACTION"
	accepted    = "ACCEPTED"
	tentative   = "TENTATIVE"
	declined    = "DECLINED"
)

// isAddress tells whether mail can go there.
func isAddress(s string) bool {
	_, err := mail.ParseAddress(s)
	return err == nil
}

// objectOf makes an object of components, with the zones of others.
func objectOf(method string, zones []*calendar.Component, events ...*calendar.Component) *calendar.Object {
	root := &calendar.Component{Name: "VCALENDAR"}
	root.Add(calendar.Property{Name: "PRODID", Value: calendar.ProductID})
	root.Add(calendar.Property{Name: "VERSION", Value: "2.0"})
	if method != "" {
		root.Add(calendar.Property{Name: "METHOD", Value: method})
	}
	root.Children = append(slices.Clone(zones), events...)
	return calendar.Of(root)
}

// zonesOf are the time zones that objects define, each once.
func zonesOf(objects ...*calendar.Object) (zones []*calendar.Component) {
	seen := map[string]bool{}
	for _, o := range objects {
		if o == nil {
			continue
		}
		for _, c := range o.Root.Children {
			if id := c.TZID(); c.Name == "VTIMEZONE" && !seen[id] {
				seen[id] = true
				zones = append(zones, c)
			}
		}
	}
	return zones
}

// usedZones are those of the zones that the components name.
func usedZones(zones []*calendar.Component, events ...*calendar.Component) (used []*calendar.Component) {
	named := map[string]bool{}
	for _, c := range events {
		for i := range c.Props {
			named[c.Props[i].Param("TZID")] = true
		}
	}
	for _, z := range zones {
		if named[z.TZID()] {
			used = append(used, z)
		}
	}
	return used
}

// stampForm is a time in UTC (RFC 5545 3.3.5).
const stampForm = "20060102T150405Z"

func setStamp(c *calendar.Component, stamp int64) {
	c.SetValue("DTSTAMP", time.Unix(stamp, 0).UTC().Format(stampForm))
}

func setSequence(c *calendar.Component, n int) { c.SetValue("SEQUENCE", strconv.Itoa(n)) }
