package dav

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"martlet/directory"
	"martlet/mail/calendar"
	"martlet/mail/schedule"
)

// post adds a resource whose name the server makes (RFC 5995), or asks who is busy
// (RFC 6638 5).
func (q *request) post() error {
	switch q.at.kind {
	case kindOutbox:
		return q.askBusy()
	case kindCalendar, kindBook:
		return q.addMember()
	}
	return fail(http.StatusMethodNotAllowed)
}

// addMember adds an object under a name that the mailbox makes.
func (q *request) addMember() error {
	w := write{q: q, at: q.at}
	if err := q.view(w.open); err != nil {
		return err
	}
	release, err := w.receive()
	defer release()
	if err != nil {
		return err
	}
	if err := w.run(); err != nil {
		return err
	}
	r := w.col.object(&w.item)
	q.w.Header().Set("Location", r.href)
	if w.asSent && !w.col.private(&w.item) {
		q.w.Header().Set("ETag", r.etag())
	}
	q.bare(http.StatusCreated)
	return nil
}

// askBusy answers when some people are busy (RFC 6638 5, RFC 5546 3.3.2). Only the
// user may ask in the user's name.
func (q *request) askBusy() error {
	if q.h.c.Schedule == nil || !q.at.own {
		return fail(http.StatusNotFound)
	}
	body, release, err := q.readBody(maxXML)
	defer release()
	if err != nil {
		return err
	}
	o, err := calendar.Parse(body)
	if err != nil {
		return unmet(cal("valid-calendar-data"), "no calendar object")
	}
	all := o.FreeBusy()
	if len(all) == 0 || !strings.EqualFold(o.Method, "REQUEST") {
		return unmet(cal("valid-scheduling-message"), "only METHOD:REQUEST of a VFREEBUSY")
	}
	asks := all[0]
	c, s := asks.Component, span{asks.From, asks.To}
	if !q.isSelf(mailAddress(c.Prop("ORGANIZER"))) {
		return unmet(cal("organizer-allowed"), "the organizer has to be who asks")
	}
	if s.start.IsZero() || !s.end.After(s.start) || s.end.Sub(s.start) > schedule.MaxBusySpan {
		return unmet(cal("valid-scheduling-message"), "no span of time")
	}
	var who []*calendar.Property
	for p := range c.All("ATTENDEE") {
		if who = append(who, p); len(who) > maxAttendees {
			return unmet(cal("max-attendees-per-instance"), "too many people at once")
		}
	}
	return q.tellBusy(c, who, s)
}

// Limits of an answer about who is busy.
const (
	busyAtOnce   = 50       // people who are looked after at once
	maxBusyBytes = 32 << 20 // of the answer; of whom it has no room for nothing is told
	leastGroup   = 20       // members that a group may have, however many others are asked about
)

// tellBusy answers for each attendee (RFC 6638 5.2).
func (q *request) tellBusy(asks *calendar.Component, who []*calendar.Property, s span) error {
	d := &document{}
	d.root(cal("schedule-response"))
	most := max(leastGroup, maxAttendees/max(1, len(who)))
	for some := range slices.Chunk(who, busyAtOnce) {
		addresses := make([]string, len(some))
		for i, p := range some {
			addresses[i] = q.mailOf(p)
		}
		all := q.h.c.Schedule.BusyOf(q.r.Context(), addresses, s.start, s.end, most)
		if err := q.r.Context().Err(); err != nil {
			return err
		}
		for i, p := range some {
			if all[i].Err == nil && len(d.b) > maxBusyBytes {
				all[i].Err = errTooMuch
			}
			q.busyResponse(d, asks, p, s, all[i])
		}
	}
	d.close(cal("schedule-response"))
	q.writeXML(http.StatusOK, d.b)
	return nil
}

// busyResponse answers for one attendee.
func (q *request) busyResponse(d *document, asks *calendar.Component, p *calendar.Property, s span, is schedule.BusyAnswer) {
	d.open(cal("response"))
	defer d.close(cal("response"))
	d.open(cal("recipient"))
	d.href(p.Value)
	d.close(cal("recipient"))
	switch err := is.Err; {
	case errors.Is(err, schedule.ErrNoData), errors.Is(err, schedule.ErrTooMany), errors.Is(err, directory.ErrBadAddress):
		d.text(cal("request-status"), "3.7;Invalid calendar user")
		return
	case err != nil:
		q.h.log.Error("cannot tell who is busy", "login", q.account.Login, "error", err)
		d.text(cal("request-status"), "5.1;Service unavailable")
		return
	}
	fb := schedule.FreeBusyComponent(is.Periods, s.start, s.end, q.h.clock())
	fb.SetText("UID", asks.Text("UID"))
	if organizer := asks.Prop("ORGANIZER"); organizer != nil {
		fb.Add(*organizer)
	}
	fb.Add(*p)
	d.text(cal("request-status"), "2.0;Success")
	d.open(cal("calendar-data"))
	d.escape(string(calendarOf("REPLY", fb).Append(nil)), false)
	d.close(cal("calendar-data"))
}

// mailAddress is the mail address in a calendar user address.
func mailAddress(p *calendar.Property) string {
	if p == nil {
		return ""
	}
	s := strings.TrimSpace(p.Value)
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		s = s[7:]
	}
	return s
}

// mailOf is the mail address of an attendee, who may be named by a principal's
// path.
func (q *request) mailOf(p *calendar.Property) string {
	s := mailAddress(p)
	if strings.HasPrefix(s, "/") || strings.HasPrefix(s, "http") {
		if at, err := q.parseHref(s); err == nil && at.kind == kindPrincipal {
			return at.login
		}
	}
	return s
}

// isSelf tells whether an address is the user's.
func (q *request) isSelf(address string) bool {
	for _, a := range addressesOf(&q.account) {
		if strings.EqualFold(a, address) {
			return true
		}
	}
	at, err := q.parseHref(address)
	return err == nil && at.kind == kindPrincipal && at.own
}
