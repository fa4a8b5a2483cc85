package activesync

import (
	"context"
	"errors"
	"strconv"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/compose"
	"martlet/mail/message"
	"martlet/mail/route"
	"martlet/protocol/eas"
	"martlet/store"
	"martlet/sync/class"
)

// maxMeetingAnswers is how many requests one command answers (MS-ASCMD_R5650).
const maxMeetingAnswers = 100

// Errors of one answer.
var (
	errNoMeeting  = errors.New("activesync: not a meeting request that can be answered")
	errMailFailed = errors.New("activesync: the answer could not be sent")
)

// meetingResponse answers meeting requests (MS-ASCMD 2.2.1.11), each for
// itself.
func (h *Handler) meetingResponse(ctx context.Context, s *session, q *eas.MeetingResponse) (*eas.MeetingResponseResponse, error) {
	resp := &eas.MeetingResponseResponse{}
	switch {
	case len(q.Requests) > maxMeetingAnswers:
		return nil, statusError(eas.StatusInvalidXML)
	case len(q.Requests) == 0: // MS-ASCMD_R3800
		resp.Results = []eas.MeetingResult{{Status: eas.MeetingResponseStatusInvalidRequest}}
		return resp, nil
	}
	for i := range q.Requests {
		a := &q.Requests[i]
		err := h.answerMeeting(ctx, s, a)
		status := meetingStatus(err)
		if status == eas.MeetingResponseStatusMailboxError {
			h.sessionLog(s).Error("meeting not answered", "error", err)
		}
		// MS-ASCMD_R5374. What is longer than an id may be is not repeated.
		result := eas.MeetingResult{Status: status, RequestID: a.RequestID}
		if len(result.RequestID) > maxMeetingID {
			result.RequestID = ""
		}
		resp.Results = append(resp.Results, result)
	}
	return resp, nil
}

// maxMeetingID is how long a RequestId may be (MS-ASCMD 2.2.3.151).
const maxMeetingID = 64

// meetingStatus is the status of one answer (MS-ASCMD 2.2.3.177.9).
func meetingStatus(err error) eas.MeetingResponseStatus {
	var refused statusError
	switch {
	case err == nil:
		return eas.MeetingResponseStatusSuccess
	case errors.As(err, &refused):
		switch uint16(refused) {
		case eas.StatusInvalidDateTime, eas.StatusNoRecurrenceInCalendar: // MS-ASCMD_R3195, R3196
			return eas.MeetingResponseStatus(refused)
		}
		return eas.MeetingResponseStatusServerError
	case errors.Is(err, errNoMeeting), errors.Is(err, errBadID), errors.Is(err, mail.ErrNoItem), errors.Is(err, mail.ErrNoFolder):
		return eas.MeetingResponseStatusInvalidRequest
	case errors.Is(err, errMailFailed):
		return eas.MeetingResponseStatusServerError
	}
	return eas.MeetingResponseStatusMailboxError
}

// answerMeeting answers one request: the organizer is told if the client wants
// it, and the request leaves its folder, at once.
func (h *Handler) answerMeeting(ctx context.Context, s *session, a *eas.MeetingAnswer) error {
	if err := checkAnswer(s.version, a); err != nil {
		return err
	}
	once := meetingKey(s, a)
	if a.SendResponse != nil {
		// A repeated request has been answered already; its message may be gone.
		if sent, err := h.c.Router.Sent(ctx, once); err != nil || sent {
			return err
		}
	}
	item, ix, err := h.openRequest(ctx, s, a)
	if err != nil {
		return err
	}
	meeting, err := h.readRequest(ctx, s, &item, ix)
	if err != nil {
		return err
	}
	if a.InstanceID != nil {
		return instanceError(*a.InstanceID, meeting)
	}
	done := h.removeRequest(s, &item)
	if a.SendResponse == nil { // MS-ASCMD_R7113
		return h.c.Store.Update(ctx, done)
	}
	raw, err := meetingAnswer(s, a, meeting, ix)
	if err != nil {
		return err
	}
	err = h.c.Router.Submit(ctx, route.Submission{Account: s.account.ID, Raw: raw, SaveInSent: true, Once: once, Then: done})
	switch {
	case err == nil, errors.Is(err, route.ErrDuplicate):
		return nil
	case retryable(err):
		return err
	}
	return errors.Join(errMailFailed, err)
}

// checkAnswer checks the form of a request in its version.
func checkAnswer(v eas.Version, a *eas.MeetingAnswer) error {
	byPlace, r := a.CollectionID != "" || a.RequestID != "", a.SendResponse
	switch {
	case a.UserResponse < eas.MeetingAccept || a.UserResponse > eas.MeetingDecline,
		byPlace == (a.LongID != ""),                            // MS-ASCMD_R7031, R7036
		byPlace && (a.CollectionID == "" || a.RequestID == ""), //
		a.LongID != "" && a.InstanceID != nil,                  // MS-ASCMD_R5559
		a.InstanceID != nil && v < eas.V141,                    // MS-ASCMD_R6712
		r != nil && v < eas.V160:                               // MS-ASCMD_R7116 to R7118
		return errNoMeeting
	case r == nil:
		return nil
	case r.Body != nil && r.Body.Type != eas.BodyPlain && r.Body.Type != eas.BodyHTML:
		return errNoMeeting
	case r.ProposedStartTime.IsZero() != r.ProposedEndTime.IsZero(), // MS-ASCMD_R69901704, R69901725
		!r.ProposedStartTime.IsZero() && v < eas.V161, // MS-ASCMD_R6990101743
		r.ProposedEndTime.Before(r.ProposedStartTime):
		return errNoMeeting
	}
	return nil
}

// meetingKey names an answer, so that a repeated request does not give it
// twice.
func meetingKey(s *session, a *eas.MeetingAnswer) route.Key {
	id := "meeting:" + a.RequestID + ":" + a.LongID + ":" + strconv.Itoa(int(a.UserResponse))
	if r := a.SendResponse; r != nil && !r.ProposedStartTime.IsZero() {
		id += ":" + strconv.FormatInt(r.ProposedStartTime.Unix(), 10)
	}
	return route.Key{Account: s.account.ID, Device: s.query.DeviceID, ClientID: hashed(id)}
}

// openRequest finds the message that is answered, also where it went. iOS names
// the calendar for what lies in the inbox.
func (h *Handler) openRequest(ctx context.Context, s *session, a *eas.MeetingAnswer) (mail.Item, *message.Index, error) {
	return h.openFound(ctx, func(tx *store.Tx) (item mail.Item, err error) {
		if a.LongID != "" {
			item, err = h.itemByLongID(tx, s, a.LongID)
		} else {
			item, err = h.itemInFolder(tx, s, a)
		}
		if err == nil && item.Class != mail.ClassEmail {
			err = errNoMeeting
		}
		return item, err
	})
}

func (h *Handler) itemInFolder(tx *store.Tx, s *session, a *eas.MeetingAnswer) (item mail.Item, err error) {
	named, err := parseFolderID(a.CollectionID)
	if err != nil {
		return item, err
	}
	folder, id, err := parseItemID(a.RequestID)
	if err != nil {
		return item, err
	}
	if folder != named {
		f, err := h.c.Mailboxes.Folder(tx, s.box, named)
		if err != nil {
			return item, err
		}
		if f.Role != mail.RoleCalendar {
			return item, mail.ErrNoItem
		}
	}
	return h.trace(tx, s, mail.Place{Folder: folder, Item: id}, 0)
}

// readRequest reads the meeting of a message. Only a request can be answered,
// and not by who organizes the meeting (MS-ASCMD_R4183, R4184).
func (h *Handler) readRequest(ctx context.Context, s *session, item *mail.Item, ix *message.Index) (*calendar.Object, error) {
	if !class.IsMeetingRequest(ix) {
		return nil, errNoMeeting
	}
	o := class.ReadMeeting(ix, blobReader{ctx, h.c.Mailboxes.Blobs(), item.Blob})
	if o == nil || o.Master().Organizer == nil || isOwn(s, o.Master().Organizer.Address) {
		return nil, errNoMeeting
	}
	return o, nil
}

// instanceError is what is wrong with an InstanceId that names a message: it is
// for what lies in the calendar (MS-ASCMD_R4185). An empty one names nothing.
func instanceError(id string, meeting *calendar.Object) error {
	if id == "" { // MS-ASCMD_R4186
		return errNoMeeting
	}
	if _, err := parseInstanceID(id); err != nil {
		return err
	}
	if e := meeting.Master(); !e.Recurs() && e.RecurrenceID == nil {
		return statusError(eas.StatusNoRecurrenceInCalendar)
	}
	return errNoMeeting
}

// removeRequest moves an answered request to the deleted items, as Exchange
// does. One that is there already stays.
func (h *Handler) removeRequest(s *session, item *mail.Item) func(tx *store.Tx) error {
	id := formatLongID(item)
	return func(tx *store.Tx) error {
		it, err := h.itemByLongID(tx, s, id)
		if errors.Is(err, mail.ErrNoItem) {
			return nil
		}
		if err != nil {
			return err
		}
		trash, err := h.c.Mailboxes.FolderByRole(tx, s.box, mail.RoleDeletedItems)
		if err != nil || it.Folder == trash.ID {
			return err
		}
		_, err = h.c.Mailboxes.Move(tx, s.box, it.Folder, it.ID, trash.ID)
		return err
	}
}

// answers are what the three responses are in iCalendar and in a subject.
var answers = [...]struct{ status, subject string }{
	eas.MeetingAccept:    {"ACCEPTED", "Accepted: "},
	eas.MeetingTentative: {"TENTATIVE", "Tentative: "},
	eas.MeetingDecline:   {"DECLINED", "Declined: "},
}

// meetingAnswer writes the message to the organizer (RFC 6047, MS-ASCMD_R7114,
// R7115).
func meetingAnswer(s *session, a *eas.MeetingAnswer, meeting *calendar.Object, ix *message.Index) ([]byte, error) {
	organizer := meeting.Master().Organizer
	to, err := mail.ParseAddress(organizer.Address)
	if err != nil || !a.SendResponse.ProposedStartTime.IsZero() && meeting.Master().NoCounter {
		return nil, errNoMeeting
	}
	from, now, r := attendee(s, meeting), s.start, a.SendResponse
	out := compose.Message{From: message.Address{Name: s.account.Name, Address: from}, To: []message.Address{{Name: organizer.Name, Address: to}}}
	if b := r.Body; b != nil && b.Data != nil {
		if out.Text = *b.Data; b.Type == eas.BodyHTML {
			out.Text, out.HTML = message.HTMLToText(*b.Data), *b.Data
		}
	}
	reply := meeting.Reply(&calendar.Answer{
		From: calendar.Person{Name: s.account.Name, Address: from}, Status: answers[a.UserResponse].status, Comment: out.Text, Now: now,
		ProposedStart: r.ProposedStartTime, ProposedEnd: r.ProposedEndTime,
	})
	out.Subject = answers[a.UserResponse].subject + ix.Subject
	if reply.Method == "COUNTER" {
		out.Subject = "New Time Proposed: " + ix.Subject
	}
	out.Calendar, out.Method = reply.Encode(), reply.Method
	return compose.New(&out, &compose.Original{Index: ix}, now), nil
}

// attendee is the address by which the user was invited, so that the organizer
// knows who answers; a member of a group answers by their own.
func attendee(s *session, meeting *calendar.Object) string {
	for _, e := range meeting.Events {
		if a := e.Attendee(append([]string{s.account.Login}, s.account.Aliases...)...); a != nil {
			return a.Address
		}
	}
	return s.account.Login
}
