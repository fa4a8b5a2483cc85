package activesync

import (
	"context"
	"errors"
	"strconv"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/mail/route"
	"martlet/mail/schedule"
	"martlet/protocol/eas"
	"martlet/store"
	"martlet/store/blob"
)

// maxMeetingAnswers is how many requests one command answers (MS-ASCMD_R5650).
const maxMeetingAnswers = 100

// maxAnswerTries is how often an answer is worked out anew because the calendar
// changed meanwhile.
const maxAnswerTries = 10

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
		id, err := h.answerMeeting(ctx, s, a)
		status := meetingStatus(err)
		if status == eas.MeetingResponseStatusMailboxError {
			h.sessionLog(s).Error("meeting not answered", "error", err)
		}
		// MS-ASCMD_R5374. What is longer than an id may be is not repeated.
		result := eas.MeetingResult{Status: status, RequestID: a.RequestID, CalendarID: id}
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
	case errors.Is(err, schedule.ErrNoRecurrence): // MS-ASCMD_R3196
		return eas.MeetingResponseStatus(eas.StatusNoRecurrenceInCalendar)
	case errors.Is(err, errNoMeeting), errors.Is(err, errBadID), errors.Is(err, mail.ErrNoItem), errors.Is(err, mail.ErrNoFolder),
		errors.Is(err, schedule.ErrNoMeeting), errors.Is(err, schedule.ErrNoOccurrence), errors.Is(err, schedule.ErrCounter): // MS-ASCMD_R4183 to R4186
		return eas.MeetingResponseStatusInvalidRequest
	case errors.Is(err, errMailFailed):
		return eas.MeetingResponseStatusServerError
	}
	return eas.MeetingResponseStatusMailboxError
}

// answerMeeting answers one request: the calendar has it as answered, or not at
// all when it was declined, the organizer is told if the client wants it, and a
// message leaves its folder, at once. The id is the calendar's item's.
func (h *Handler) answerMeeting(ctx context.Context, s *session, a *eas.MeetingAnswer) (id string, err error) {
	if err := checkAnswer(s.version, a); err != nil {
		return "", err
	}
	if h.c.Schedule == nil {
		return "", errMailFailed
	}
	once := meetingKey(s, a)
	for try := 1; ; try++ {
		id, err = h.answerOnce(ctx, s, a, once)
		if try == maxAnswerTries || !errors.Is(err, schedule.ErrStale) && !errors.Is(err, blob.ErrGone) {
			return id, err
		}
	}
}

// answerOnce is one attempt of answerMeeting.
func (h *Handler) answerOnce(ctx context.Context, s *session, a *eas.MeetingAnswer, once route.Key) (string, error) {
	f, err := h.findMeeting(ctx, s, a)
	if err != nil {
		// A declined meeting is not there any more when the request is repeated.
		if sent, _ := h.c.Router.Sent(ctx, once); sent && errors.Is(err, mail.ErrNoItem) {
			return "", nil
		}
		return "", err
	}
	if f.gone {
		return "", nil
	}
	w := meetingWords(a)
	w.Account, w.Once = s.account.ID, once
	f.fill(&w)
	if a.InstanceID != nil {
		if w.Occurrence, err = parseInstanceID(*a.InstanceID); err != nil {
			return "", err
		}
	}
	answered, err := h.c.Schedule.Answer(ctx, w)
	if err == nil {
		err = h.c.Store.Update(ctx, func(tx *store.Tx) error {
			if err := answered.Commit(tx); err != nil {
				return err
			}
			return f.remove(tx, answered.Box)
		})
	}
	switch {
	case err == nil:
		answered.Done()
		if answered.At == (mail.Place{}) || a.UserResponse == eas.MeetingDecline && a.InstanceID == nil { // MS-ASCMD_R837
			return "", nil
		}
		return h.calendarID(ctx, s, &f, answered)
	case errors.Is(err, route.ErrDuplicate): // a repeated request: its answer was lost
		return h.answeredBefore(ctx, s, a, &f)
	case retryable(err), errors.Is(err, schedule.ErrStale), errors.Is(err, errNoMeeting), errors.Is(err, mail.ErrNoItem),
		errors.Is(err, schedule.ErrNoMeeting), errors.Is(err, schedule.ErrNoOccurrence), errors.Is(err, schedule.ErrNoRecurrence), errors.Is(err, schedule.ErrCounter):
		return "", err
	}
	return "", errors.Join(errMailFailed, err)
}

// responses are what the three responses are in iCalendar.
var responses = [...]string{eas.MeetingAccept: "ACCEPTED", eas.MeetingTentative: "TENTATIVE", eas.MeetingDecline: "DECLINED"}

// meetingWords are what the user answers. Before 16.0 the client tells the
// organizer (MS-ASCMD_R268), and since without a SendResponse nobody does
// (MS-ASCMD_R7113 to R7115).
func meetingWords(a *eas.MeetingAnswer) schedule.Answer {
	out := schedule.Answer{Status: responses[a.UserResponse]}
	r := a.SendResponse
	if r == nil {
		return out
	}
	out.Tell, out.ProposedStart, out.ProposedEnd = true, r.ProposedStartTime, r.ProposedEndTime
	if b := r.Body; b != nil && b.Data != nil {
		if out.Comment = *b.Data; b.Type == eas.BodyHTML {
			out.Comment, out.HTML = message.HTMLToText(*b.Data), *b.Data
		}
	}
	return out
}

// meetingKey names an answer, so that a repeated request does not give it twice.
func meetingKey(s *session, a *eas.MeetingAnswer) route.Key {
	id := "meeting:" + a.RequestID + ":" + a.LongID + ":" + strconv.Itoa(int(a.UserResponse))
	if a.InstanceID != nil {
		id += ":at" + *a.InstanceID
	}
	if r := a.SendResponse; r != nil && !r.ProposedStartTime.IsZero() {
		id += ":" + strconv.FormatInt(r.ProposedStartTime.Unix(), 10)
	}
	return route.Key{Account: s.account.ID, Device: s.query.DeviceID, ClientID: hashed(id)}
}

// calendarID is the calendar item's id as the client knows it. Of a calendar
// that is another's it knows only what is linked.
func (h *Handler) calendarID(ctx context.Context, s *session, f *foundMeeting, answered *schedule.Answered) (string, error) {
	if answered.Box == s.box {
		return itemServerID(answered.At.Folder, answered.At.Item), nil
	}
	if f.linked != 0 {
		return itemServerID(f.linked, answered.At.Item), nil
	}
	id := ""
	err := h.c.Store.View(ctx, func(tx *store.Tx) error {
		folders, err := h.c.Mailboxes.Folders(tx, s.box)
		for i := range folders {
			if l := &folders[i].Link; l.Box == answered.Box && l.Folder == answered.At.Folder {
				id = itemServerID(folders[i].ID, answered.At.Item)
			}
		}
		return err
	})
	return id, err
}

// answeredBefore is the id that the first request was answered with.
func (h *Handler) answeredBefore(ctx context.Context, s *session, a *eas.MeetingAnswer, f *foundMeeting) (string, error) {
	if a.UserResponse == eas.MeetingDecline && a.InstanceID == nil {
		return "", nil
	}
	box, at, err := h.c.Schedule.Find(ctx, s.account.ID, f.answer)
	if err != nil || at == (mail.Place{}) {
		return "", err
	}
	return h.calendarID(ctx, s, f, &schedule.Answered{Box: box, At: at})
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
