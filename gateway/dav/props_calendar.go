package dav

import (
	"strconv"

	"martlet/directory"
	"martlet/mail"
)

// The times between which a calendar's events may lie (RFC 4791 5.2.6, 5.2.7).
const (
	minDateTime = "19000101T000000Z"
	maxDateTime = "44991231T235959Z"
)

// calendarProperties are those of calendars, address books and scheduling.
func calendarProperties() map[name]property {
	return map[name]property{
		cal("calendar-description"):             {kindCalendar, false, writeDescription},
		card("addressbook-description"):         {kindBook, false, writeDescription},
		cal("calendar-timezone"):                {kindCalendar, false, writeTimezone},
		cal("supported-calendar-component-set"): {kindCalendar | kindInbox | kindOutbox, false, writeComponents},
		cal("supported-calendar-component-sets"): {kindCalendarHome, false, func(_ *request, _ *resource, _ *asked, d *document) (bool, error) {
			for _, c := range []mail.Class{mail.ClassCalendar, mail.ClassTasks, mail.ClassNotes} {
				d.open(cal("supported-calendar-component-set"))
				d.empty(cal("comp"), "name", component(c))
				d.close(cal("supported-calendar-component-set"))
			}
			return true, nil
		}},
		cal("supported-calendar-data"): {kindCalendar, false, func(_ *request, _ *resource, _ *asked, d *document) (bool, error) {
			d.empty(cal("calendar-data"), "content-type", "text/calendar", "version", "2.0")
			return true, nil
		}},
		card("supported-address-data"): {kindBooks, false, func(_ *request, _ *resource, _ *asked, d *document) (bool, error) {
			d.empty(card("address-data-type"), "content-type", "text/vcard", "version", "3.0")
			d.empty(card("address-data-type"), "content-type", "text/vcard", "version", "4.0")
			return true, nil
		}},
		cal("max-resource-size"):          {kindCalendar, false, constant(strconv.Itoa(maxObject))},
		card("max-resource-size"):         {kindBooks, false, constant(strconv.Itoa(maxCard))},
		cal("min-date-time"):              {kindCalendar, false, constant(minDateTime)},
		cal("max-date-time"):              {kindCalendar, false, constant(maxDateTime)},
		cal("max-instances"):              {kindCalendar, false, constant(strconv.Itoa(maxInstances))},
		cal("max-attendees-per-instance"): {kindCalendar, false, constant(strconv.Itoa(maxAttendees))},
		cal("supported-collation-set"):    {kindCalendar, false, writeCollations(nsCal)},
		card("supported-collation-set"):   {kindBooks, false, writeCollations(nsCard)},

		apple("calendar-color"): {kindCalendar, false, said(func(c *collection) string { return c.meta.Color })},
		apple("calendar-order"): {kindCalendar, false, said(func(c *collection) string { return c.meta.Order })},

		cal("schedule-calendar-transp"): {kindCalendar, false, func(_ *request, r *resource, _ *asked, d *document) (bool, error) {
			if r.col.meta.Transparent || r.col.folder.Class != mail.ClassCalendar {
				d.empty(cal("transparent"))
			} else {
				d.empty(cal("opaque"))
			}
			return true, nil
		}},
		cal("schedule-tag"):                  {kindEvent, false, writeScheduleTag},
		cal("schedule-default-calendar-URL"): {kindInbox, false, writeDefaultCalendar},
	}
}

func constant(s string) func(*request, *resource, *asked, *document) (bool, error) {
	return func(_ *request, _ *resource, _ *asked, d *document) (bool, error) {
		d.escape(s, false)
		return true, nil
	}
}

// said is what a client said of a collection, if one did.
func said(of func(*collection) string) func(*request, *resource, *asked, *document) (bool, error) {
	return func(_ *request, r *resource, _ *asked, d *document) (bool, error) {
		s := of(r.col)
		d.escape(s, false)
		return s != "", nil
	}
}

func writeDescription(_ *request, r *resource, _ *asked, d *document) (bool, error) {
	d.escape(r.col.meta.Description, false)
	return r.col.meta.Description != "", nil
}

func writeTimezone(_ *request, r *resource, _ *asked, d *document) (bool, error) {
	d.escape(r.col.meta.Timezone, false)
	return r.col.meta.Timezone != "", nil
}

func writeComponents(_ *request, r *resource, _ *asked, d *document) (bool, error) {
	if r.col != nil {
		d.empty(cal("comp"), "name", component(r.col.folder.Class))
		return true, nil
	}
	d.empty(cal("comp"), "name", "VEVENT")
	if r.kind == kindOutbox {
		d.empty(cal("comp"), "name", "VFREEBUSY")
	}
	return true, nil
}

// collations are how text is compared (RFC 4791 7.5, RFC 6352 8.3).
var collations = [...]string{"i;ascii-casemap", "i;octet", "i;unicode-casemap"}

func writeCollations(space string) func(*request, *resource, *asked, *document) (bool, error) {
	return func(_ *request, _ *resource, _ *asked, d *document) (bool, error) {
		for _, c := range collations {
			d.text(name{space, "supported-collation"}, c)
		}
		return true, nil
	}
}

// writeScheduleTag tells a change of the meeting from one of answers (RFC 6638
// 3.2.10): here every change counts, which costs a client no more than a look.
func writeScheduleTag(q *request, r *resource, _ *asked, d *document) (bool, error) {
	tag, ok := q.scheduleTag(r)
	d.escape(tag, false)
	return ok, nil
}

// writeDefaultCalendar is where invitations are put (RFC 6638 9.2).
func writeDefaultCalendar(q *request, r *resource, _ *asked, d *document) (bool, error) {
	d.href(homeHref(atCalendars, r.account.Login) + roleSegments[mail.RoleCalendar] + "/")
	return true, nil
}

// principalProperties are those of users.
func principalProperties() map[name]property {
	self := func(write func(*resource, *document)) func(*request, *resource, *asked, *document) (bool, error) {
		return func(_ *request, r *resource, _ *asked, d *document) (bool, error) {
			write(r, d)
			return true, nil
		}
	}
	own := func(write func(*resource, *document)) func(*request, *resource, *asked, *document) (bool, error) {
		return func(q *request, r *resource, _ *asked, d *document) (bool, error) {
			write(r, d)
			return r.account.ID == q.account.ID, nil
		}
	}
	scheduling := func(segment string) func(*request, *resource, *asked, *document) (bool, error) {
		return func(q *request, r *resource, _ *asked, d *document) (bool, error) {
			d.href(homeHref(atCalendars, r.account.Login) + segment + "/")
			return q.h.c.Schedule != nil && r.account.ID == q.account.ID, nil
		}
	}
	return map[name]property{
		cal("calendar-home-set"):     {kindPrincipal, false, self(func(r *resource, d *document) { d.href(homeHref(atCalendars, r.account.Login)) })},
		card("addressbook-home-set"): {kindPrincipal, false, self(func(r *resource, d *document) { d.href(homeHref(atBooks, r.account.Login)) })},
		card("directory-gateway"): {kindPrincipal, false, own(func(r *resource, d *document) {
			d.href(homeHref(atBooks, r.account.Login) + directorySegment + "/")
		})},
		cal("calendar-user-address-set"): {kindPrincipal, false, self(writeUserAddresses)},
		cal("calendar-user-type"):        {kindPrincipal, false, self(func(r *resource, d *document) { d.escape(userType(r.account), false) })},
		cal("schedule-inbox-URL"):        {kindPrincipal, false, scheduling(inboxSegment)},
		cal("schedule-outbox-URL"):       {kindPrincipal, false, scheduling(outboxSegment)},
		server("email-address-set"): {kindPrincipal, false, self(func(r *resource, d *document) {
			for _, a := range addressesOf(r.account) {
				d.text(server("email-address"), a)
			}
		})},
		server("first-name"): {kindPrincipal, false, self(func(r *resource, d *document) { d.escape(r.account.GivenName, false) })},
		server("last-name"):  {kindPrincipal, false, self(func(r *resource, d *document) { d.escape(r.account.Surname, false) })},
		dav("principal-URL"): {kindPrincipal, false, self(func(r *resource, d *document) { d.href(r.href) })},
		dav("alternate-URI-set"): {kindPrincipal, false, self(func(r *resource, d *document) {
			d.href("mailto:" + r.account.Login)
		})},
		dav("group-member-set"): {kindPrincipal, false, self(func(*resource, *document) {})},
		dav("group-membership"): {kindPrincipal, false, self(func(*resource, *document) {})},
	}
}

// userType is what somebody is, as a calendar calls it (RFC 5545 3.2.3).
func userType(a *directory.Account) string {
	switch a.Kind {
	case directory.KindRoom:
		return "ROOM"
	case directory.KindEquipment:
		return "RESOURCE"
	}
	return "INDIVIDUAL"
}

// writeUserAddresses are the addresses by which somebody is invited (RFC 6638
// 2.4.1).
func writeUserAddresses(r *resource, d *document) {
	for i, a := range addressesOf(r.account) {
		if i == 0 {
			d.open(dav("href"), "preferred", "1")
		} else {
			d.open(dav("href"))
		}
		d.escape("mailto:"+a, false)
		d.close(dav("href"))
	}
	d.href(r.href)
}
