package activesync

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/compose"
	"martlet/mail/message"
	"martlet/mail/route"
	"martlet/mail/tnef"
	"martlet/mail/wire"
	"martlet/sync/class"
)

// forwardNotice is the notice to an organizer that the user sends their meeting
// on with the message raw; nil if none is due: it goes to organizers whose
// mailbox is here, as Exchange keeps it within the organization (MS-OXOCAL
// 3.1.4.10.1). To others a winmail.dat would mean nothing.
func (h *Handler) forwardNotice(ctx context.Context, s *session, m *smart, original *message.Index, raw []byte) (*route.Submission, error) {
	if m.kind != compose.Forward || !class.IsMeetingRequest(original) {
		return nil, nil
	}
	ix := message.Parse(raw)
	if !class.IsMeetingRequest(ix) { // the client's own words alone
		return nil, nil
	}
	meeting := class.ReadMeeting(ix, message.Bytes(raw))
	if meeting == nil || meeting.Master().Organizer == nil || isOwn(s, meeting.Master().Organizer.Address) {
		return nil, nil
	}
	organizer, err := mail.ParseAddress(meeting.Master().Organizer.Address)
	if err != nil {
		return nil, nil
	}
	switch to, err := h.c.Directory.Resolve(ctx, organizer); {
	case errors.Is(err, directory.ErrNoAddress), errors.Is(err, directory.ErrBadAddress), errors.Is(err, directory.ErrDisabled):
		return nil, nil
	case err != nil:
		return nil, err
	case !to.Local || len(to.Accounts) == 0 || slices.Contains(to.Accounts, s.account.ID):
		return nil, nil
	}
	forwarded := forwardedTo(ix, organizer)
	if len(forwarded) == 0 {
		return nil, nil
	}
	return &route.Submission{Account: s.account.ID, Raw: writeNotice(s, meeting, forwarded), Automatic: true}, nil
}

// forwardedTo are those to whom a message openly goes, without the organizer. A
// blind copy is nobody's business but the sender's.
func forwardedTo(ix *message.Index, organizer string) (out []message.Address) {
	for _, to := range slices.Concat(ix.To, ix.Cc) {
		address, err := mail.ParseAddress(to.Address)
		if err != nil || strings.EqualFold(address, organizer) {
			continue
		}
		if !slices.ContainsFunc(out, func(a message.Address) bool { return strings.EqualFold(a.Address, address) }) {
			out = append(out, message.Address{Name: to.Name, Address: address})
		}
	}
	return out
}

// writeNotice writes the notice (MS-OXOCAL 2.2.9): a text for people, and what
// programs read in a winmail.dat, since iTIP has no word for it.
func writeNotice(s *session, meeting *calendar.Object, forwarded []message.Address) []byte {
	e := meeting.Master()
	var occurrence time.Time
	if e.RecurrenceID != nil {
		occurrence = e.RecurrenceID.Time
	}
	from, organizer := own(s), message.Address{Name: e.Organizer.Name, Address: e.Organizer.Address}
	notice := tnef.Notice{
		Key: "<" + rand.Text() + "@martlet>", Subject: "Meeting Forward Notification: " + wire.OneLine(e.Summary),
		From: tnef.Recipient(from), Organizer: tnef.Recipient(organizer),
		GlobalID: calendar.GlobalID(e.UID, occurrence), CleanID: calendar.GlobalID(e.UID, time.Time{}),
		Start: e.Start.Time.UTC(), End: e.End.Time.UTC(), AllDay: e.AllDay(), Location: e.Place().Name, Sequence: e.Sequence, Recurs: e.Recurs(),
		Sent: s.start,
	}
	if e.Start.IsZero() {
		notice.Start, notice.End = time.Time{}, time.Time{}
	}
	for _, a := range forwarded {
		notice.Forwarded = append(notice.Forwarded, tnef.Recipient(a))
	}
	out := compose.Message{
		From: from, To: []message.Address{organizer}, Subject: notice.Subject, Text: noticeText(s, e, forwarded),
		Outlook: notice.Encode(), Key: notice.Key, Auto: true,
	}
	return compose.New(&out, nil, s.start)
}

// noticeText says it to people.
func noticeText(s *session, e *calendar.Event, forwarded []message.Address) string {
	from := own(s)
	var b strings.Builder
	b.WriteString(from.String() + " has forwarded your meeting request to:\n\n")
	for _, a := range forwarded {
		b.WriteString("  " + a.String() + "\n")
	}
	b.WriteString("\nMeeting: " + wire.OneLine(e.Summary) + "\n")
	switch {
	case e.Start.IsZero():
	case e.Start.Date:
		b.WriteString("When: " + e.Start.Format("Monday, 2 January 2006") + "\n")
	default:
		b.WriteString("When: " + e.Start.In(e.Start.Location()).Format("Monday, 2 January 2006, 15:04 MST") + "\n")
	}
	if place := e.Place().Name; place != "" {
		b.WriteString("Where: " + wire.OneLine(place) + "\n")
	}
	return b.String()
}
