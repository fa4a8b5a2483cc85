package class

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// Limits of what a client writes into one event.
const (
	maxEventText       = 4096    // characters of a subject, a place, a name
	maxEventBody       = 1 << 20 // bytes of the text
	maxEventAttendees  = 5000
	maxEventExceptions = 1000
)

// eventWriter applies to an event what a client says of it. Everything is
// compared with what the client was shown: what it only sends back is no change,
// so that nothing is lost that no element can tell.
type eventWriter struct {
	*eventReader
	o       *EditOptions
	added   bool                         // a new event
	touched map[*calendar.Component]bool // the VEVENTs that are changed: in a way that their attendees must hear of (RFC 5545 3.8.7.4)
}

// editEvent makes the object of an event from what a client sends: of an Add
// with old nil, of a Change from what the item holds. A Change that changes
// nothing returns the same bytes.
func editEvent(old []byte, data wbxml.Raw, o *EditOptions) ([]byte, error) {
	in, err := decodeEvent(data)
	if err != nil {
		return nil, err
	}
	takeEventMark(in, o)
	if old == nil {
		return addEvent(in, o)
	}
	w, err := newEventWriter(old, o)
	if err != nil {
		return nil, err
	}
	if o.Instance != "" {
		t, err := instanceTime(o)
		if err != nil {
			return nil, err
		}
		if err := w.editInstance(t, in); err != nil {
			return nil, err
		}
		return w.finish(old)
	}
	if err := w.editSeries(in); err != nil {
		return nil, err
	}
	return w.finish(old)
}

// decodeEvent reads the elements of an event, each of which may stand once
// (MS-ASCAL_R53912).
func decodeEvent(data wbxml.Raw) (*eas.Calendar, error) {
	var in eas.Calendar
	d := wbxml.Decoder{Exact: true}
	if err := d.UnmarshalRaw(data, &in); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadValue, err)
	}
	size, people := bodySize(&in.CalendarBody), len(in.Attendees)
	for i := range in.Exceptions {
		x := &in.Exceptions[i]
		size, people = max(size, bodySize(&x.CalendarBody)), max(people, len(x.Attendees))
	}
	if size > maxEventBody || people > maxEventAttendees || len(in.Exceptions) > maxEventExceptions {
		return nil, ErrBadValue
	}
	return &in, checkCategories(in.Categories)
}

func bodySize(b *eas.CalendarBody) (size int) {
	if b.Body != nil && b.Body.Data != nil {
		size = len(*b.Body.Data)
	}
	if b.PlainBody != nil {
		size = max(size, len(*b.PlainBody))
	}
	return size
}

// instanceTime is the occurrence that a command names.
func instanceTime(o *EditOptions) (time.Time, error) {
	t, err := wbxml.ParseTime(strings.TrimSpace(o.Instance))
	if err != nil || t.IsZero() {
		return t, ErrBadValue
	}
	return t, nil
}

func newEventWriter(old []byte, o *EditOptions) (*eventWriter, error) {
	viewer := Viewer{Name: o.Owner.Name}
	if o.Owner.Address != "" {
		viewer.Addresses = []string{strings.ToLower(o.Owner.Address)}
	}
	viewer.Addresses = append(viewer.Addresses, o.Addresses...)
	r, err := readEvent(nil, old, &Options{Version: o.Version, Viewer: viewer})
	if err != nil {
		return nil, err
	}
	return &eventWriter{eventReader: r, o: o, touched: map[*calendar.Component]bool{}}, nil
}

// addEvent makes a new event.
func addEvent(in *eas.Calendar, o *EditOptions) ([]byte, error) {
	obj := calendar.NewObject("")
	c := &calendar.Component{Name: "VEVENT"}
	c.SetText("UID", newUID(in))
	start, end, err := addedTimes(in, o.Now)
	if err != nil {
		return nil, err
	}
	in.StartTime, in.EndTime = &start, &end
	now := timeProperty("DTSTAMP", calendar.UTC(o.Now.Truncate(time.Second)))
	c.Add(now)
	now.Name = "CREATED"
	c.Add(now)
	c.Add(timeProperty("DTSTART", calendar.UTC(start)))
	obj.Root.Children = append(obj.Root.Children, c)
	w, err := newEventWriter(obj.Encode(), o)
	if err != nil {
		return nil, err
	}
	w.added = true
	if err := w.editSeries(in); err != nil {
		return nil, err
	}
	return w.finish(nil)
}

// newUID is the client's name for the event, by which its next attempt to add it
// is known (MS-ASCAL_R2062), or a new one.
func newUID(in *eas.Calendar) string {
	for _, s := range [...]*string{in.UID, in.ClientUID} {
		if s == nil {
			continue
		}
		if uid := strings.TrimSpace(strings.Trim(*s, "\x00")); uid != "" {
			return firstCharacters(oneText(uid), maxUID)
		}
	}
	return rand.Text()
}

// addedTimes fills in what a new event lacks of its times, by the next half hour
// (MS-ASCAL 3.2.4.4).
func addedTimes(in *eas.Calendar, now time.Time) (start, end time.Time, err error) {
	const half = 30 * time.Minute
	now = now.UTC()
	rounded := now.Truncate(half)
	if rounded.Before(now) {
		rounded = rounded.Add(half)
	}
	hasStart, hasEnd := in.StartTime != nil && !in.StartTime.IsZero(), in.EndTime != nil && !in.EndTime.IsZero()
	switch {
	case hasStart && hasEnd:
		return *in.StartTime, *in.EndTime, nil
	case hasStart:
		if start, end = *in.StartTime, rounded.Add(half); start.After(now) && (in.AllDayEvent == nil || *in.AllDayEvent == 0) {
			return start, end, ErrBadValue // MS-ASCAL_R52518
		}
		if end.Before(start) {
			end = start
		}
		return start, end, nil
	case hasEnd:
		if start, end = rounded, *in.EndTime; rounded.After(end) {
			return start, end, ErrBadValue // MS-ASCAL_R52515, R5251611
		}
		return start, end, nil
	}
	return rounded, rounded.Add(half), nil
}

// gone tells whether a client that leaves an element out wants it removed: up to
// 14.1 those that it said it keeps, or all if it said nothing (MS-ASCMD
// 2.2.3.179). Since 16.0 what is left out stays (MS-ASCAL_R2231).
func (w *eventWriter) gone(tag string) bool {
	if w.added || w.o.Version >= eas.V160 {
		return false
	}
	if w.o.Supported == nil {
		return true
	}
	return slices.ContainsFunc(w.o.Supported, func(t wbxml.Tag) bool { return t.String() == tag })
}

// touch notes that a VEVENT is changed.
func (w *eventWriter) touch(c *calendar.Component, significant bool) {
	w.touched[c] = w.touched[c] || significant
}

// finish stamps what is changed and writes the object. An attendee's own changes
// leave the organizer's stamps as they are: by them later messages are told from
// earlier ones.
func (w *eventWriter) finish(old []byte) ([]byte, error) {
	if len(w.touched) == 0 && !w.added {
		return old, nil
	}
	now := calendar.UTC(w.o.Now.Truncate(time.Second))
	for c, significant := range w.touched {
		if w.added {
			continue
		}
		c.Set(timeProperty("LAST-MODIFIED", now))
		if !w.ownSeries() {
			continue
		}
		c.Set(timeProperty("DTSTAMP", now))
		if significant {
			n, _ := strconv.Atoi(c.Value("SEQUENCE")) // none is nought
			c.SetValue("SEQUENCE", strconv.Itoa(min(max(n, 0), 1<<30)+1))
		}
	}
	out := w.obj.Root.Append(nil)
	if _, err := calendar.Parse(out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadValue, err)
	}
	return out, nil
}

// ownSeries tells whether the owner is the organizer.
func (w *eventWriter) ownSeries() bool { return w.organizes(w.series) }

// editSeries applies a change of the whole event.
func (w *eventWriter) editSeries(in *eas.Calendar) error {
	e := w.series
	cur := w.view(e)
	before := w.seriesBefore(cur)
	if err := w.editTimes(e, in, cur); err != nil {
		return err
	}
	if err := w.editContent(e, in, cur, w.gone); err != nil {
		return err
	}
	if err := w.inheritSeries(before); err != nil {
		return err
	}
	if len(in.Exceptions) == 0 {
		return nil
	}
	return w.editExceptions(in.Exceptions)
}

// editContent applies what is not of the times. gone tells which elements are
// meant to go when they are not there.
func (w *eventWriter) editContent(e *calendar.Event, in *eas.Calendar, cur *eventView, gone func(string) bool) error {
	c := e.Component
	if s, ok := stated(in.Subject, gone("Calendar:Subject")); ok && s != cur.subject && oneText(s) != cur.subject {
		c.SetText("SUMMARY", oneText(s))
		w.touch(c, false)
	}
	w.editPlace(c, in, cur, gone)
	if err := w.editText(c, in, gone); err != nil {
		return err
	}
	if names := categoriesOf(in.Categories); (in.Categories != nil || gone("Calendar:Categories")) && !slices.Equal(in.Categories, cur.categories) && !slices.Equal(names, cur.categories) {
		var list []string
		for _, s := range names {
			list = append(list, calendar.EscapeText(s))
		}
		c.SetValue("CATEGORIES", strings.Join(list, ","))
		w.touch(c, false)
	}
	if err := w.editState(c, in, cur, gone); err != nil {
		return err
	}
	if err := w.editReminder(e, in.Reminder, cur, gone); err != nil {
		return err
	}
	if err := w.editPeople(e, in, cur, gone); err != nil {
		return err
	}
	if w.o.Version >= eas.V160 {
		return w.editFiles(c, in.Attachments)
	}
	return nil
}

// oneText is a client's text as it is kept in a property of one line.
func oneText(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r == 0x7f:
			return -1
		}
		return r
	}, s)
	return firstCharacters(strings.TrimSpace(s), maxEventText)
}

func categoriesOf(list []string) (names []string) {
	for _, s := range list {
		if s = oneText(s); s != "" {
			names = append(names, s)
		}
	}
	return names
}

// stated is an element's value, nothing for one that is meant to go, and whether
// the client says anything.
func stated(v *string, gone bool) (string, bool) {
	if v != nil {
		return *v, true
	}
	return "", gone
}
