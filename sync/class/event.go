package class

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// maxUID is the longest UID that clients take, in characters (MS-ASCAL_R463).
const maxUID = 300

// eventReader shows one event, with its exceptions, to one client.
type eventReader struct {
	obj    *calendar.Object
	series *calendar.Event // what recurs or stands alone; of somebody invited to one occurrence, that one
	item   *mail.Item
	opt    *Options
	zone   *time.Location // in which the client is told of days and floating times
	shown  shape

	occurrences []calendar.Occurrence // of steps
}

func readEvent(item *mail.Item, raw []byte, opt *Options) (*eventReader, error) {
	obj, err := calendar.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("class: event: %w", err)
	}
	r := &eventReader{obj: obj, series: seriesOf(obj), item: item, opt: opt}
	if r.series == nil || r.series.Start.IsZero() {
		return nil, fmt.Errorf("class: event: %w", calendar.ErrNotCalendar)
	}
	r.zone = eventZone(obj, r.series)
	r.shown = r.shapeOf()
	return r, nil
}

// seriesOf is the event that recurs or stands alone: of somebody who was invited to
// single occurrences the first of them.
func seriesOf(obj *calendar.Object) *calendar.Event {
	first := obj.Master()
	if first == nil || first.RecurrenceID == nil {
		return first
	}
	for _, e := range obj.Events {
		if e.RecurrenceID.Before(first.RecurrenceID.Time) {
			first = e
		}
	}
	return first
}

// renderEvent makes the ApplicationData of an event: a *eas.Calendar.
func renderEvent(item *mail.Item, raw []byte, opt *Options) (any, error) {
	r, err := readEvent(item, raw, opt)
	if err != nil {
		return nil, err
	}
	return r.render(), nil
}

func (r *eventReader) render() *eas.Calendar {
	e, v := r.series, r.opt.Version
	view := r.view(e)
	c := &eas.Calendar{
		DtStamp: present(view.stamp), StartTime: &view.start, EndTime: &view.end, Subject: &view.subject, UID: &view.uid,
		AllDayEvent: &view.allDay, BusyStatus: &view.busy, Sensitivity: &view.sensitivity, MeetingStatus: &view.status,
	}
	// MS-ASCAL_R2006: days of themselves are in no zone.
	if v < eas.V160 || view.allDay == 0 {
		c.Timezone = pointer(r.timezone(e))
	}
	c.Recurrence, c.Exceptions = r.recurrence(view)
	if r.blank(e) {
		return c
	}
	c.OrganizerName, c.OrganizerEmail = filled(view.organizer.Name), filled(view.organizer.Address)
	c.Attendees = view.attendees
	if v >= eas.V160 {
		c.Location, c.Attachments = view.place, view.files
		if e.RecurrenceID != nil && r.shown == shapeAlone { // an orphan (MS-ASAIRS 2.2.2.25)
			c.InstanceID = pointer(r.tell(*e.RecurrenceID))
		}
	} else if view.location != "" {
		c.LocationText = &view.location
	}
	r.renderText(view.text, &c.CalendarBody)
	if len(view.categories) > 0 {
		c.Categories = view.categories
	}
	if view.reminder >= 0 {
		c.Reminder = pointer(strconv.Itoa(view.reminder))
	}
	if v >= eas.V120 {
		c.NativeBodyType = view.text.native()
	}
	if v >= eas.V140 {
		c.DisallowNewTimeProposal, c.ResponseRequested = &view.noCounter, &view.asked
		c.ResponseType, c.AppointmentReplyTime = &view.response, present(view.replied)
	}
	if v >= eas.V141 {
		c.ConfLink, c.ExternalLink = filled(view.conf), filled(view.external)
	}
	return c
}

func (r *eventReader) renderText(t objectText, dst *eas.CalendarBody) {
	if r.opt.Version < eas.V120 {
		dst.PlainBody, dst.BodyTruncated = t.legacy(r.opt)
		return
	}
	opt := r.opt
	if opt.Version >= eas.V160 && slices.ContainsFunc(opt.BodyPreferences, isRTF) { // MS-ASAIRS_R1400, R1401
		plain := *opt
		plain.BodyPreferences = slices.DeleteFunc(slices.Clone(opt.BodyPreferences), isRTF)
		opt = &plain
	}
	dst.Body = t.render(opt)
}

func isRTF(p eas.BodyPreference) bool { return p.Type != nil && *p.Type == uint(eas.BodyRTF) }

// present is a time that there is.
func present(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// eventView is what a client is shown of one VEVENT, with nothing left out for
// being as in the series.
type eventView struct {
	uid, subject, location string
	place                  *eas.Location
	start, end, stamp      time.Time
	allDay                 uint8
	text                   objectText
	categories             []string
	sensitivity, busy      uint8
	reminder               int // minutes; -1: none
	organizer              calendar.Person
	attendees              []eas.CalendarAttendee
	status, response       uint8
	replied                time.Time
	asked, noCounter       bool
	conf, external         string
	files                  []eas.AttachmentItem
}

// privateSubject is what others see of a private event.
const privateSubject = "Private"

func (r *eventReader) view(e *calendar.Event) *eventView {
	v := &eventView{reminder: -1, busy: r.busy(e), stamp: stampOf(e)}
	v.start, v.end, v.allDay = r.times(e)
	if r.blank(e) {
		v.subject, v.sensitivity, v.uid = privateSubject, eas.SensitivityPrivate, blankUID(e.UID)
		return v
	}
	c := e.Component
	v.uid, v.subject, v.location = firstCharacters(e.UID, maxUID), e.Summary, cutAt(e.Location, maxLocation)
	if r.opt.Version >= eas.V160 {
		v.place = placeOf(e)
		v.files = r.files(c)
	}
	v.text = textOf(c)
	v.categories = slices.Clip(e.Categories[:min(len(e.Categories), maxCategories)])
	v.sensitivity = sensitivity(e)
	v.reminder = reminderOf(e)
	r.viewPeople(e, v)
	v.noCounter = e.NoCounter
	v.conf, v.external = meetingLinks(c)
	return v
}

// stampOf is when the event was last changed (MS-ASCAL_R21911).
func stampOf(e *calendar.Event) time.Time {
	t := e.Stamp
	if e.Modified.After(t) {
		t = e.Modified
	}
	if t.IsZero() {
		t = e.Created
	}
	if t.IsZero() {
		t = e.Start.UTC()
	}
	return t
}

// textOf is the whole text of an event.
func textOf(c *calendar.Component) (t objectText) {
	if p := c.Prop("DESCRIPTION"); p != nil {
		t.plain = calendar.UnescapeText(p.Value)
	}
	if p := c.Prop("X-ALT-DESC"); p != nil {
		t.html = calendar.UnescapeText(p.Value)
	}
	return t
}

// reminderOf is how many minutes before the start somebody is reminded, -1 for
// never. Mail that a program sends by itself is no reminder on a phone, and a point
// in time none of a series.
func reminderOf(e *calendar.Event) int {
	other := func(a calendar.Alarm) bool { return a.Action == "EMAIL" || !a.At.IsZero() && e.Recurs() }
	if slices.ContainsFunc(e.Alarms, other) {
		only := *e
		only.Alarms = slices.DeleteFunc(slices.Clone(e.Alarms), other)
		e = &only
	}
	if before, ok := e.Reminder(); ok {
		return int(before / time.Minute)
	}
	return -1
}

// busy is how busy the event makes its owner: what somebody set it to, not what
// the organizer intended; to who has not said yes it may come to nothing
// (MS-ASCAL 2.2.2.9).
func (r *eventReader) busy(e *calendar.Event) uint8 {
	only := *e
	if only.Busy = e.Component.Value("X-MICROSOFT-CDO-BUSYSTATUS"); only.Busy == "" && !e.Transparent {
		answer := ""
		if a := r.own(e); a != nil {
			answer = a.Status
		}
		if e.Status == "TENTATIVE" || answer == "TENTATIVE" || answer == "NEEDS-ACTION" {
			only.Busy = "TENTATIVE"
		}
	}
	return busyStatus(&only, r.opt.Version)
}

// placeOf is all that is known of the place (MS-ASAIRS 2.2.2.28), nil for
// nothing.
func placeOf(e *calendar.Event) *eas.Location {
	var m eas.MeetingRequest
	renderPlace(&m, e, eas.V160)
	return m.Location
}

// timezone is the zone of the event in base64.
func (r *eventReader) timezone(e *calendar.Event) string {
	if blob := keptBlob(r.obj, e.Start.TZID); blob != "" {
		return blob
	}
	year := e.Start.Year()
	if e.Recurs() { // those to come count
		year = max(year, stampOf(e).Year())
	}
	return base64.StdEncoding.EncodeToString(calendar.TimeZoneBlob(r.zone, year))
}
