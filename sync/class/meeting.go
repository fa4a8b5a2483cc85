package class

import (
	"cmp"
	"encoding/base64"
	"io"
	"math"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/message"
	"martlet/protocol/eas"
)

// maxMeeting is how much of a meeting's calendar object is read; behind it are
// pictures and other things that no element shows.
const maxMeeting = 1 << 20

// maxLocation is how long a place may be, in bytes (MS-ASEMAIL_R527 counts
// characters).
const maxLocation = 32768

// The classes of the messages that meetings are made of (MS-OXOCAL 2.2.4 to
// 2.2.7).
const (
	meetingPrefix  = "IPM.Schedule.Meeting."
	classRequest   = meetingPrefix + "Request"
	classCanceled  = meetingPrefix + "Canceled"
	classAccepted  = meetingPrefix + "Resp.Pos"
	classDeclined  = meetingPrefix + "Resp.Neg"
	classTentative = meetingPrefix + "Resp.Tent"
	classForwarded = meetingPrefix + "Notification.Forward" // a notice (MS-OXOCAL 2.2.9)
)

// ReadMeeting reads a message's meeting; nil if it has none, or none that can be
// read.
func ReadMeeting(ix *message.Index, src io.ReaderAt) *calendar.Object {
	part := ix.MeetingPart()
	if part < 0 {
		return nil
	}
	return readCalendar(ix, part, src)
}

func readCalendar(ix *message.Index, part int, src io.ReaderAt) *calendar.Object {
	text, _, _, err := ix.ReadText(part, src, maxMeeting)
	if err != nil {
		return nil
	}
	o, err := calendar.Parse([]byte(text))
	if err != nil || o.Master() == nil {
		return nil
	}
	return o
}

// IsMeetingRequest tells whether a message asks for an answer to a meeting.
func IsMeetingRequest(ix *message.Index) bool {
	part := ix.MeetingPart()
	return part >= 0 && ix.Parts[part].Method == "REQUEST" && !ix.IsSigned() && !ix.IsEncrypted()
}

// meetingClass follows the method of an iTIP message (RFC 5546 1.4) and, of an
// answer, what the attendee says.
func meetingClass(method string, ix *message.Index, part int, src io.ReaderAt) string {
	switch method {
	case "REQUEST":
		return classRequest
	case "CANCEL":
		return classCanceled
	case "COUNTER":
		return classTentative
	case "REPLY":
		switch answered(ix, part, src) {
		case "ACCEPTED":
			return classAccepted
		case "DECLINED":
			return classDeclined
		case "TENTATIVE":
			return classTentative
		}
	}
	return ""
}

// answered is what the one attendee of a REPLY says.
func answered(ix *message.Index, part int, src io.ReaderAt) string {
	text, _, _, err := ix.ReadText(part, src, maxMeeting)
	if err != nil {
		return ""
	}
	o, err := calendar.Parse([]byte(text))
	if err != nil {
		return ""
	}
	c := o.Root
	if e := o.Master(); e != nil {
		c = e.Component
	}
	if p := c.Prop("ATTENDEE"); p != nil {
		return strings.ToUpper(p.Param("PARTSTAT"))
	}
	return ""
}

// The types of meeting messages (MS-ASEMAIL 2.2.2.47).
const (
	meetingOther   uint8 = 0
	meetingInitial uint8 = 1
	meetingUpdate  uint8 = 2
	meetingShared  uint8 = 5 // delegates have it, too
	meetingOthers  uint8 = 6 // it came to a delegate

	// MeetingOutdated is the type of a request after which a newer one came. What
	// else is in the mailbox a message does not tell.
	MeetingOutdated uint8 = 4
)

// The kinds of appointments (MS-ASEMAIL 2.2.2.39).
const (
	instanceSingle    uint8 = 0
	instanceMaster    uint8 = 1
	instanceException uint8 = 3
)

// meetingRequest is what a message tells of its meeting (MS-ASEMAIL 2.2.2.48);
// nil if there is none.
func meetingRequest(ix *message.Index, src io.ReaderAt, class string, item *mail.Item, v eas.Version) *eas.MeetingRequest {
	o, forwardees := ReadMeeting(ix, src), []eas.Forwardee(nil)
	if class == classForwarded {
		o, forwardees = readNotice(ix, src)
	}
	if o == nil {
		return nil
	}
	e := o.Master()
	m := &eas.MeetingRequest{
		AllDayEvent: flagOf(e.AllDay()), DtStamp: e.Stamp, ResponseRequested: flagOf(responseRequested(e)),
		Sensitivity: pointer(sensitivity(e)), BusyStatus: pointer(busyStatus(e, v)), InstanceType: pointer(instanceSingle),
	}
	if m.DtStamp.IsZero() { // the element must be there (MS-ASEMAIL_R897)
		m.DtStamp = time.UnixMilli(item.Received).UTC().Truncate(time.Second)
	}
	if !e.Start.IsZero() {
		m.StartTime, m.EndTime = e.Start.UTC(), e.End.UTC()
	}
	renderPlace(m, e, v)
	if e.Organizer != nil {
		m.Organizer = (&message.Address{Name: e.Organizer.Name, Address: e.Organizer.Address}).String()
	}
	if before, ok := e.Reminder(); ok { // in seconds (MS-ASEMAIL_R687)
		m.Reminder = pointer(uint16(min(before/time.Second, math.MaxUint16)))
	}
	renderInstance(m, e, v)
	m.TimeZone = base64.StdEncoding.EncodeToString(calendar.TimeZoneBlob(e.Zone(), e.Start.Year()))
	renderMeetingID(m, e, meetingUID(ix, e), v)
	if v >= eas.V140 {
		m.DisallowNewTimeProposal = flagOf(e.NoCounter)
	}
	if v >= eas.V141 {
		m.MeetingMessageType = pointer(meetingType(class, e, item.Flags))
	}
	if v >= eas.V161 && o.Method == "COUNTER" {
		renderProposal(m, e)
	}
	if v >= eas.V161 { // MS-ASCMD_R6485100817
		m.Forwardees = forwardees
	}
	return m
}

// readNotice reads a notice that a meeting was forwarded.
func readNotice(ix *message.Index, src io.ReaderAt) (*calendar.Object, []eas.Forwardee) {
	b, forwarded, ok := ix.ReadForwardNotice(src)
	if !ok {
		return nil, nil
	}
	o, err := calendar.Parse(b)
	if err != nil || o.Master() == nil {
		return nil, nil
	}
	var list []eas.Forwardee
	for _, a := range forwarded {
		list = append(list, eas.Forwardee{Name: a.Name, Email: a.Address})
	}
	return o, list
}

// renderPlace fills Location, which is another element since 16.0
// (MS-ASEMAIL_R13001): a name before, all that is known of the place since
// (MS-ASAIRS 2.2.2.28).
func renderPlace(m *eas.MeetingRequest, e *calendar.Event, v eas.Version) {
	p := e.Place()
	if v < eas.V160 {
		if m.LocationText = cutAt(e.Location, maxLocation); m.LocationText == "" {
			m.LocationText = cutAt(p.Name, maxLocation)
		}
		return
	}
	l := eas.Location{
		DisplayName: cutAt(p.Name, maxLocation), Annotation: p.Note, Street: p.Street, City: p.City, State: p.State,
		Country: p.Country, PostalCode: p.PostalCode, LocationURI: p.URI,
	}
	if q := p.Position; q != nil {
		l.Latitude, l.Longitude, l.Accuracy = &q.Latitude, &q.Longitude, q.Accuracy
		l.Altitude, l.AltitudeAccuracy = q.Altitude, q.AltitudeAccuracy
	}
	if l != (eas.Location{}) {
		m.Location = &l
	}
}

// renderInstance tells whether the meeting recurs, or is one occurrence of one
// that does (MS-ASEMAIL 2.2.2.39, 2.2.2.61, 2.2.2.62).
func renderInstance(m *eas.MeetingRequest, e *calendar.Event, v eas.Version) {
	switch {
	case e.RecurrenceID != nil: // MS-ASEMAIL_R935
		m.InstanceType = pointer(instanceException)
		m.RecurrenceID = e.RecurrenceID.UTC()
	case e.Rule != nil:
		// One that the elements cannot tell is shown where it begins.
		if r, ok := recurrence(e, v); ok {
			m.InstanceType = pointer(instanceMaster)
			m.Recurrences = []eas.MeetingRecurrence{r}
		}
	}
}

// meetingUID is the UID of a meeting. One without it, which RFC 5545 forbids, is
// known by its message, since clients must have one (MS-ASEMAIL_R909, R1305).
func meetingUID(ix *message.Index, e *calendar.Event) string {
	return cmp.Or(e.UID, ix.MessageID, e.Start.UTC().Format("20060102T150405Z"))
}

// renderMeetingID fills GlobalObjId, or UID since 16.0 (MS-ASEMAIL_R1253).
func renderMeetingID(m *eas.MeetingRequest, e *calendar.Event, uid string, v eas.Version) {
	if v >= eas.V160 {
		m.UID = uid
		return
	}
	var date time.Time
	if e.RecurrenceID != nil {
		date = e.RecurrenceID.Time
	}
	m.GlobalObjID = base64.StdEncoding.EncodeToString(calendar.GlobalID(uid, date))
}

// meetingType tells a first request from an update, and whose it is where somebody
// has delegates (MS-ASEMAIL 2.2.2.47, MS-ASCMD_R5601).
func meetingType(class string, e *calendar.Event, flags mail.Flags) uint8 {
	switch {
	case class != classRequest:
		return meetingOther
	case flags&mail.FlagDelegated != 0:
		return meetingOthers
	case flags&mail.FlagDelegator != 0:
		return meetingShared
	case e.Sequence > 0:
		return meetingUpdate
	}
	return meetingInitial
}

// renderProposal tells the time that an attendee would like better, and the
// meeting's own where the proposal names it, as Outlook's do.
func renderProposal(m *eas.MeetingRequest, e *calendar.Event) {
	m.ProposedStartTime, m.ProposedEndTime = m.StartTime, m.EndTime
	start, end := e.Original()
	if !start.IsZero() {
		m.StartTime, m.EndTime = start.UTC(), end.UTC()
	}
}

// responseRequested tells whether the organizer wants to hear from anybody.
func responseRequested(e *calendar.Event) bool {
	for i := range e.Attendees {
		if e.Attendees[i].RSVP {
			return true
		}
	}
	return false
}

// sensitivity is how confidential the meeting is (MS-ASEMAIL 2.2.2.71).
func sensitivity(e *calendar.Event) uint8 { return classOf(e.Class) }

// busyStatus is how busy somebody is who accepts (MS-ASEMAIL 2.2.2.14). Working
// elsewhere is busy to versions that do not know it (MS-ASEMAIL_R1150 to R1154).
func busyStatus(e *calendar.Event, v eas.Version) uint8 {
	switch e.Busy {
	case "FREE":
		return 0
	case "TENTATIVE":
		return 1
	case "BUSY":
		return 2
	case "OOF":
		return 3
	case "WORKINGELSEWHERE":
		if v >= eas.V160 {
			return 4
		}
		return 2
	}
	if e.Transparent {
		return 0
	}
	return 2
}

// contentClass goes with the message's class (MS-ASEMAIL 2.2.2.20).
func contentClass(class string) string {
	if isMeeting(class) {
		return "urn:content-classes:calendarmessage"
	}
	return "urn:content-classes:message"
}

func isMeeting(class string) bool { return strings.HasPrefix(class, meetingPrefix) }

func pointer[T any](v T) *T { return &v }

func flagOf(b bool) *uint8 {
	if b {
		return pointer(uint8(1))
	}
	return pointer(uint8(0))
}
