package class

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// maxShownAttendees bounds the attendees of one event that a client is told of.
const maxShownAttendees = 5000

// The properties by which Exchange and its programs keep what iCalendar has no
// word for (MS-OXCICAL 2.1.3.1.1.20).
const (
	propReplyTime    = "X-MICROSOFT-CDO-REPLYTIME"
	propConfLink     = "X-MICROSOFT-ONLINEMEETINGCONFLINK"
	propExternalLink = "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK"
)

// Parameters of an ATTENDEE for the time that they would like better.
const (
	paramProposedStart = "X-PROPOSED-START"
	paramProposedEnd   = "X-PROPOSED-END"
)

// blank tells whether the viewer sees of the event only when it is. One that is
// private makes its series' exceptions so, too.
func (r *eventReader) blank(e *calendar.Event) bool {
	return r.opt.Viewer.Blank && (isPrivate(e) || isPrivate(r.series))
}

func isPrivate(e *calendar.Event) bool { return hides(sensitivity(e)) }

// blankUID stands for the UID of a private event, which may have been made of
// what the event is about. Android wants one.
func blankUID(uid string) string {
	sum := sha256.Sum256([]byte(uid))
	return "private-" + hex.EncodeToString(sum[:16])
}

// isViewer tells whether an address is the mailbox owner's.
func (r *eventReader) isViewer(address string) bool {
	return slices.ContainsFunc(r.opt.Viewer.Addresses, func(a string) bool { return strings.EqualFold(a, address) })
}

// organizes tells whether the mailbox's owner is the organizer, as of an event
// that names none.
func (r *eventReader) organizes(e *calendar.Event) bool {
	return e.Organizer == nil || e.Organizer.Address == "" || r.isViewer(e.Organizer.Address)
}

// own is the owner among the attendees.
func (r *eventReader) own(e *calendar.Event) *calendar.Attendee {
	if len(e.Attendees) == 0 || len(r.opt.Viewer.Addresses) == 0 {
		return nil
	}
	return e.Attendee(r.opt.Viewer.Addresses...)
}

// viewPeople fills in who takes part, and what the owner has to do with it.
func (r *eventReader) viewPeople(e *calendar.Event, v *eventView) {
	v.organizer = r.organizer(e)
	mine := r.organizes(e)
	var proposed map[string]proposal
	if r.opt.Version >= eas.V161 {
		proposed = proposals(e.Component)
	}
	for i := range e.Attendees {
		a := &e.Attendees[i]
		// The organizer is told of apart (MS-ASCAL 2.2.2.35).
		if e.Organizer != nil && strings.EqualFold(a.Address, e.Organizer.Address) || a.Address == "" || len(v.attendees) == maxShownAttendees {
			continue
		}
		v.attendees = append(v.attendees, r.attendee(a, proposed))
		v.asked = v.asked || a.RSVP && (mine || r.isViewer(a.Address))
	}
	canceled := e.Status == "CANCELLED"
	if len(v.attendees) == 0 && (!mine || canceled) && len(r.opt.Viewer.Addresses) > 0 {
		// iOS wants at least one attendee of a meeting that is cancelled, and only a
		// meeting can be.
		self := calendar.Attendee{Person: r.owner(), Status: "NEEDS-ACTION"}
		v.attendees = []eas.CalendarAttendee{r.attendee(&self, nil)}
	}
	switch {
	case mine && len(v.attendees) == 0:
		v.status = eas.MeetingNone
		return
	case mine:
		v.status, v.response = eas.MeetingIs, eas.ResponseOrganizer
	default:
		v.status, v.response = eas.MeetingIs|eas.MeetingReceived, eas.ResponseNotGiven
		if a := r.own(e); a != nil {
			v.response = responseOf(a.Status)
		}
	}
	if canceled {
		v.status |= eas.MeetingCanceled
	}
	switch v.response { // MS-ASCAL_R52522
	case eas.ResponseAccepted, eas.ResponseTentative, eas.ResponseDeclined:
		v.replied = replyTime(e)
	}
}

// owner is the mailbox's owner.
func (r *eventReader) owner() (p calendar.Person) {
	if p.Name = r.opt.Viewer.Name; len(r.opt.Viewer.Addresses) > 0 {
		p.Address = r.opt.Viewer.Addresses[0]
	}
	return p
}

// organizer is who organizes the event: of one that names nobody the owner,
// without whom Android takes none.
func (r *eventReader) organizer(e *calendar.Event) calendar.Person {
	p := r.owner()
	if e.Organizer != nil && e.Organizer.Address != "" {
		p = *e.Organizer
		if !strings.Contains(p.Address, "@") { // Exchange's invalid:nomail, for one
			p.Address = ""
		}
	}
	if p.Name == "" {
		p.Name = p.Address
	}
	return p
}

// replyTime is when the owner answered. Who wrote the answer into the event may
// not have said when.
func replyTime(e *calendar.Event) time.Time {
	t, err := time.Parse("20060102T150405Z", e.Component.Value(propReplyTime))
	if err != nil {
		return stampOf(e)
	}
	return t
}

// responseOf is an attendee's answer as the owner's own (MS-ASCAL 2.2.2.40).
func responseOf(status string) uint8 {
	switch status {
	case "ACCEPTED":
		return eas.ResponseAccepted
	case "TENTATIVE":
		return eas.ResponseTentative
	case "DECLINED":
		return eas.ResponseDeclined
	case "NEEDS-ACTION":
		return eas.ResponseNotGiven
	}
	return eas.ResponseNone
}

func (r *eventReader) attendee(a *calendar.Attendee, proposed map[string]proposal) eas.CalendarAttendee {
	out := eas.CalendarAttendee{Email: a.Address, Name: a.Name}
	if out.Name == "" { // it must be there (MS-ASCAL_R101)
		out.Name = a.Address
	}
	if r.opt.Version < eas.V120 {
		return out
	}
	out.AttendeeStatus, out.AttendeeType = pointer(responseOf(a.Status)), pointer(attendeeType(a))
	if p, ok := proposed[strings.ToLower(a.Address)]; ok {
		out.ProposedStartTime, out.ProposedEndTime = &p.start, &p.end
	}
	return out
}

// attendeeType follows what somebody is rather than what they are asked to do
// (MS-ASCAL 2.2.2.6).
func attendeeType(a *calendar.Attendee) uint8 {
	switch {
	case a.Kind == "RESOURCE" || a.Kind == "ROOM":
		return eas.AttendeeResource
	case a.Role == "OPT-PARTICIPANT" || a.Role == "NON-PARTICIPANT":
		return eas.AttendeeOptional
	}
	return eas.AttendeeRequired
}

// proposal is the time that an attendee proposed.
type proposal struct{ start, end time.Time }

// proposals are those of a VEVENT, by the attendees' addresses in lower case.
func proposals(c *calendar.Component) (all map[string]proposal) {
	for p := range c.All("ATTENDEE") {
		start, err1 := time.Parse("20060102T150405Z", p.Param(paramProposedStart))
		end, err2 := time.Parse("20060102T150405Z", p.Param(paramProposedEnd))
		if err1 != nil || err2 != nil {
			continue
		}
		whose := strings.TrimSpace(p.Value)
		if i := strings.IndexByte(whose, ':'); i >= 0 {
			whose, _, _ = strings.Cut(whose[i+1:], "?")
		}
		if all == nil {
			all = map[string]proposal{}
		}
		all[strings.ToLower(whose)] = proposal{start, end}
	}
	return all
}

// meetingLinks are where an online meeting is held: a SIP address, and a page
// (MS-ASCAL 2.2.2.33, 2.2.2.34; CONFERENCE is RFC 7986 5.11).
func meetingLinks(c *calendar.Component) (conf, external string) {
	for i := range c.Props {
		p := &c.Props[i]
		switch p.Name {
		case propConfLink, propExternalLink, "CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL", "X-GOOGLE-CONFERENCE":
		default:
			continue
		}
		link := strings.TrimSpace(p.Value)
		u, err := url.Parse(link)
		if err != nil || len(link) > maxLocation {
			continue
		}
		switch strings.ToLower(u.Scheme) {
		case "sip", "sips":
			if conf == "" {
				conf = link
			}
		case "http", "https":
			if external == "" && u.Host != "" {
				external = link
			}
		}
	}
	return conf, external
}
