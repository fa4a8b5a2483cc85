package dav

import (
	"errors"

	"net/http"
	"strconv"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/object"
	"martlet/mail/vcard"
	"martlet/store"
	"martlet/store/blob"
)

// calendarQuery finds objects (RFC 4791 7.8).
func (q *request) calendarQuery(doc *element, r *resource) error {
	a, err := readReported(doc, r)
	if err != nil {
		return err
	}
	e := doc.child(cal("filter")).child(cal("comp-filter"))
	if e == nil {
		return unmet(cal("valid-filter"), "there is none")
	}
	read := filterReader{space: nsCal}
	f, err := read.comp(e, 0)
	if err != nil {
		return err
	}
	zone, err := r.col.zone(doc.child(cal("timezone")))
	if err != nil {
		return err
	}
	m := q.newMultistatus()
	c := calendarSearch{q: q, a: a, f: f, zone: zone, m: m}
	if r.item != nil {
		err = c.look(r)
	} else if depth1(q.r) || q.r.Header.Get("Depth") == "" {
		err = c.search(r.col)
	}
	if err != nil {
		return m.broken(err)
	}
	return m.end("")
}

// zone is what dates and floating times are in: the query's, else the calendar's,
// else UTC (RFC 4791 9.8).
func (c *collection) zone(e *element) (*time.Location, error) {
	if e != nil {
		loc := zoneOf(e.text())
		if loc == nil {
			return nil, unmet(cal("valid-calendar-data"), "no time zone")
		}
		return loc, nil
	}
	if loc := zoneOf(c.meta.Timezone); loc != nil {
		return loc, nil
	}
	return time.UTC, nil
}

// zoneOf is the zone that a calendar defines; nil: none.
func zoneOf(text string) *time.Location {
	if text == "" {
		return nil
	}
	o, err := calendar.Parse([]byte(text))
	if err != nil {
		return nil
	}
	for _, k := range o.Root.Children {
		if k.Name != "VTIMEZONE" {
			continue
		}
		p := calendar.Property{Name: "DTSTART", Value: "20000101T000000"}
		p.SetParam("TZID", k.TZID())
		if t, ok := o.Time(&calendar.Component{Props: []calendar.Property{p}}, "DTSTART"); ok && !t.Floating {
			return t.Location()
		}
	}
	return nil
}

// calendarSearch holds a folder's objects against a filter.
type calendarSearch struct {
	q    *request
	a    *asked
	f    *compFilter
	zone *time.Location
	m    *multistatus
}

// plain is the time range of a filter that asks for no more than events in it;
// nil: it asks for more.
func (s *calendarSearch) plain() *span {
	f := s.f
	if f.name == "VCALENDAR" && !f.absent && len(f.props) == 0 && len(f.comps) == 1 {
		if k := f.comps[0]; k.name == "VEVENT" && !k.absent && len(k.props) == 0 && len(k.comps) == 0 {
			return k.span
		}
	}
	return nil
}

// window is the span outside of which no object can match; nil: there is none.
func (s *calendarSearch) window() *span {
	for _, k := range s.f.comps {
		if k.name == "VEVENT" && !k.absent && k.span != nil {
			return k.span
		}
	}
	return nil
}

// everything tells whether the filter finds all objects of a class.
func (s *calendarSearch) everything(class mail.Class) bool {
	if s.f.name != "VCALENDAR" || s.f.absent || len(s.f.props) > 0 {
		return false
	}
	for _, k := range s.f.comps {
		if k.name != component(class) || k.absent || k.span != nil || len(k.props)+len(k.comps) > 0 {
			return false
		}
	}
	return true
}

// never tells whether no object of the class can match.
func (s *calendarSearch) never(class mail.Class) bool {
	for _, k := range s.f.comps {
		if !k.absent && k.name != component(class) && k.name != "VTIMEZONE" {
			return true
		}
	}
	return s.f.name != "VCALENDAR" || s.f.absent
}

// search looks through a folder: events from where the first that is not over
// stands, all else from the beginning.
func (s *calendarSearch) search(c *collection) error {
	class := c.folder.Class
	if s.never(class) {
		return nil
	}
	w := s.window()
	if class != mail.ClassCalendar || w == nil {
		return s.q.objects(c, s.look)
	}
	return s.q.since(c, w.start, s.look)
}

// since visits the events of a folder that are not over at a time.
func (q *request) since(c *collection, start time.Time, visit func(*resource) error) error {
	from := max(start.UnixMilli(), 0)
	for at := (mail.Position{Received: from}); ; {
		var batch []mail.Item
		last := at
		err := q.view(func(tx *store.Tx) error {
			batch = batch[:0]
			for p, err := range q.h.c.Mailboxes.Between(tx, q.box, c.folder.ID, at.Received, mail.EndOfTime+1) {
				if err != nil {
					return err
				}
				if !at.Before(p) && at.Item != 0 {
					continue
				}
				it, err := q.h.c.Mailboxes.Item(tx, q.box, c.folder.ID, p.Item)
				if errors.Is(err, mail.ErrNoItem) {
					continue
				}
				if err != nil {
					return err
				}
				last = p
				if batch = append(batch, it); len(batch) == rowsAtOnce {
					break
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i := range batch {
			if err := visit(c.object(&batch[i])); err != nil {
				return err
			}
		}
		if at = last; len(batch) < rowsAtOnce {
			return nil
		}
	}
}

// look tells of one object if the filter finds it. What its row says is enough
// for most: the object is opened only where it is not.
func (s *calendarSearch) look(r *resource) error {
	if s.never(r.col.folder.Class) {
		return nil
	}
	s.a.body = nil
	if span := s.plain(); span != nil {
		if there, known := rowTells(r.item, *span, s.zone); known {
			if !there {
				return nil
			}
			return s.m.object(r, s.a)
		}
	} else if s.everything(r.col.folder.Class) {
		return s.m.object(r, s.a)
	}
	raw, err := s.q.body(r)
	if errors.Is(err, blob.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	o, err := calendar.Parse(raw)
	if err != nil || !s.f.match(o, s.zone) {
		return nil // what cannot be read was kept by somebody else
	}
	s.a.body = raw
	return s.m.object(r, s.a)
}

// rowTells tells whether an event takes place in a span by what its row says of
// it; known is false where that is not enough.
func rowTells(it *mail.Item, s span, zone *time.Location) (there, known bool) {
	b, err := object.ParseBrief(it.Brief)
	if err != nil || len(it.Brief) == 0 || b.Open || b.Start.IsZero() {
		return false, false
	}
	for range b.Periods(s.start, s.end, zone) {
		return true, true
	}
	return false, true
}

// bookFilter says which cards a query finds (RFC 6352 10.5).
type bookFilter struct {
	all   bool // all of the properties are to be as wanted, not one
	props []propFilter
}

// match tells whether the filter finds the card.
func (f *bookFilter) match(c *vcard.Card) bool {
	if len(f.props) == 0 {
		return true
	}
	for i := range f.props {
		if ok := f.props[i].matchCard(c); ok != f.all {
			return ok
		}
	}
	return f.all
}

func (f *propFilter) matchCard(c *vcard.Card) bool {
	defined := false
	for _, p := range c.All(f.name) {
		defined = true
		if f.absent {
			return false
		}
		if f.holds(p.Text(), func(name string) (string, bool) {
			v := p.Param(name)
			if len(v) == 0 {
				return "", false
			}
			return strings.Join(v, ","), true
		}) {
			return true
		}
	}
	return f.absent && !defined
}

// readBookFilter reads a filter and how many cards are wanted at most; 0: all.
func readBookFilter(doc *element) (f bookFilter, limit int, err error) {
	read := filterReader{space: nsCard}
	if e := doc.child(card("filter")); e != nil {
		f.all = e.attr("test") == "allof"
		for c := range e.children {
			if c.name != card("prop-filter") {
				return f, 0, unmet(card("supported-filter"), "no such filter")
			}
			p, err := read.prop(c)
			if err != nil {
				return f, 0, err
			}
			f.props = append(f.props, p)
		}
	}
	if e := doc.child(card("limit")).child(card("nresults")); e != nil {
		if limit, err = strconv.Atoi(e.word()); err != nil || limit < 1 {
			return f, 0, badXML("the limit is no number of results")
		}
	}
	return f, limit, nil
}

// errEnough ends a search that has found as many as it may.
var errEnough = errors.New("dav: enough")

// bookQuery finds cards (RFC 6352 8.6).
func (q *request) bookQuery(doc *element, r *resource) error {
	a, err := readReported(doc, r)
	if err != nil {
		return err
	}
	f, limit, err := readBookFilter(doc)
	if err != nil {
		return err
	}
	m := q.newMultistatus()
	told := 0
	look := func(r *resource) error {
		raw, err := q.body(r)
		if errors.Is(err, blob.ErrGone) {
			return nil
		}
		if err != nil {
			return err
		}
		c, err := vcard.Parse(raw)
		if err != nil || !f.match(c) {
			return nil
		}
		if limit > 0 && told == limit {
			return errEnough
		}
		told++
		a.body = raw
		return m.object(r, a)
	}
	if r.kind&kindCards != 0 {
		err = look(r)
	} else {
		err = q.within(r, look)
	}
	if errors.Is(err, errEnough) { // RFC 6352 8.6.2
		err = m.status(r.href, &failure{status: http.StatusInsufficientStorage, condition: dav("number-of-matches-within-limits")})
	}
	if err != nil {
		return m.broken(err)
	}
	return m.end("")
}
