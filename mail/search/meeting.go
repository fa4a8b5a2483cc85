package search

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"
	"time"

	"martlet/mail/calendar"
	"martlet/mail/message"
)

// termMeeting begins the term of a request to a meeting, which names the meeting.
const termMeeting = "\x01m"

// maxMeeting is how much of a calendar object is read.
const maxMeeting = 1 << 20

// Meeting matches the requests to one meeting, or to one occurrence of it: those
// with this UID and RECURRENCE-ID. The zero Occurrence is the whole.
type Meeting struct {
	UID        string
	Occurrence time.Time
}

func (Meeting) isQuery() {}

// term names the meeting in the index. A UID may be longer than a word.
func (q Meeting) term() []byte {
	key := q.UID
	if !q.Occurrence.IsZero() {
		key += "\x00" + strconv.FormatInt(q.Occurrence.Unix(), 10)
	}
	sum := sha256.Sum256([]byte(key))
	return hex.AppendEncode([]byte(termMeeting), sum[:12])
}

// requested is the meeting that a message asks somebody to; false if it asks
// for none.
func requested(ix *message.Index, src io.ReaderAt) (q Meeting, ok bool, err error) {
	e, asks, err := meeting(ix, src)
	if err != nil || e == nil || !asks || e.UID == "" { // it is found by its words
		return q, false, err
	}
	return meetingOf(e), true, nil
}

// meetingText is what a meeting says of itself.
func meetingText(ix *message.Index, src io.ReaderAt) (string, error) {
	e, _, err := meeting(ix, src)
	if err != nil || e == nil {
		return "", err
	}
	text := e.Description
	if text == "" { // what an attendee answers
		text = e.Comment
	}
	return text + "\n" + e.Location, nil
}

// meeting reads the meeting of a message, and tells whether it is a request; nil
// if there is none, or none that can be read.
func meeting(ix *message.Index, src io.ReaderAt) (e *calendar.Event, asks bool, err error) {
	part := ix.MeetingPart()
	if part < 0 {
		return nil, false, nil
	}
	text, _, _, err := ix.ReadText(part, src, maxMeeting)
	if err != nil {
		return nil, false, err
	}
	o, err := calendar.Parse([]byte(text))
	if err != nil {
		return nil, false, nil
	}
	return o.Master(), ix.Parts[part].Method == "REQUEST", nil
}

// MeetingOf is the query for the meeting of a calendar object.
func MeetingOf(o *calendar.Object) Meeting { return meetingOf(o.Master()) }

func meetingOf(e *calendar.Event) Meeting {
	q := Meeting{UID: e.UID}
	if e.RecurrenceID != nil {
		q.Occurrence = e.RecurrenceID.UTC()
	}
	return q
}
