package activesync

import (
	"context"
	"errors"
	"strings"

	"martlet/mail/message"
	"martlet/mail/oof"
	"martlet/protocol/eas"
	"martlet/store"
)

// Errors of an out-of-office request (MS-ASCMD 2.2.3.177.15).
var (
	errOofForm     = errors.New("activesync: an out-of-office request is not formed as it should be")
	errOofValue    = errors.New("activesync: an out-of-office request has a value that is none")
	errOofConflict = errors.New("activesync: an out-of-office request contradicts itself")
)

// The formats of a message (MS-ASCMD 2.2.3.17).
const (
	oofText = "Text"
	oofHTML = "HTML"
)

// oof reads or writes what the user says while away (MS-ASCMD 2.2.3.122).
func (h *Handler) oof(ctx context.Context, s *session, q *eas.Oof) (*eas.OofResult, error) {
	resp := &eas.OofResult{Status: eas.SettingsStatusSuccess}
	var err error
	switch {
	case q.Get != nil && q.Set == nil:
		resp.Get, err = h.readOof(ctx, s, q.Get)
	case q.Set != nil && q.Get == nil:
		err = h.writeOof(ctx, s, q.Set)
	default:
		err = errOofForm
	}
	switch {
	case errors.Is(err, errOofForm):
		resp.Status = eas.SettingsStatusProtocolError
	case errors.Is(err, errOofValue), errors.Is(err, oof.ErrBadTimes), errors.Is(err, oof.ErrTooLong):
		resp.Status = eas.SettingsStatusInvalidArguments
	case errors.Is(err, errOofConflict):
		resp.Status = eas.SettingsStatusConflictingArguments
	case err != nil:
		return nil, err
	}
	return resp, nil
}

// readOof returns everything, with a message for each audience even if it is
// told nothing (MS-ASCMD_R3504, R3505).
func (h *Handler) readOof(ctx context.Context, s *session, q *eas.OofGet) (*eas.OofState, error) {
	html, err := isOofHTML(q.BodyType)
	if err != nil {
		return nil, err
	}
	var a oof.Absence
	err = h.c.Store.View(ctx, func(tx *store.Tx) error {
		a, err = h.absences.Load(tx, s.account.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	state := uint8(a.State)
	out := &eas.OofState{State: &state, StartTime: a.Start, EndTime: a.End}
	for who, m := range a.Messages {
		out.Messages = append(out.Messages, oofMessage(oof.Audience(who), m, html))
	}
	return out, nil
}

// oofMessage shows a message in the format that is asked for (MS-ASCMD_R826).
func oofMessage(who oof.Audience, m oof.Message, html bool) eas.OofMessage {
	out := eas.OofMessage{
		AppliesToInternal: who == oof.Internal, AppliesToExternalKnown: who == oof.Known, AppliesToExternalUnknown: who == oof.Unknown,
		Enabled: "0", BodyType: oofText,
	}
	if m.Enabled {
		out.Enabled = "1"
	}
	if html {
		out.BodyType = oofHTML
	}
	if m.Text == "" {
		return out
	}
	text := m.Text
	switch {
	case html && !m.HTML:
		text = message.TextToHTML(text)
	case !html && m.HTML:
		text = message.HTMLToText(text)
	}
	out.ReplyMessage = &text
	return out
}

// isOofHTML reads a BodyType, which clients write in any case. None is Text.
func isOofHTML(s string) (bool, error) {
	switch {
	case s == "", strings.EqualFold(s, oofText):
		return false, nil
	case strings.EqualFold(s, oofHTML):
		return true, nil
	}
	return false, errOofValue // MS-ASCMD_R5582
}

// writeOof changes what is named and leaves the rest.
func (h *Handler) writeOof(ctx context.Context, s *session, q *eas.OofState) error {
	if q.StartTime.IsZero() != q.EndTime.IsZero() { // MS-ASCMD_R2272, R3992
		return errOofForm
	}
	if q.State != nil && *q.State > eas.OofTimed {
		return errOofValue
	}
	news, err := oofMessages(q.Messages)
	if err != nil {
		return err
	}
	if s.validating {
		return nil
	}
	return h.c.Store.Update(ctx, func(tx *store.Tx) error {
		a, err := h.absences.Load(tx, s.account.ID)
		if err != nil {
			return err
		}
		if q.State != nil {
			a.State = oof.State(*q.State)
		}
		if !q.StartTime.IsZero() {
			a.Start, a.End = q.StartTime, q.EndTime
		}
		for who, edit := range news {
			edit(&a.Messages[who])
		}
		return h.absences.Save(tx, s.account.ID, a)
	})
}

// oofMessages are the changes of the messages. Exchange has one message for all
// senders elsewhere: two that differ contradict each other (MS-ASCMD_R5583).
func oofMessages(all []eas.OofMessage) (map[oof.Audience]func(*oof.Message), error) {
	news := map[oof.Audience]func(*oof.Message){}
	var told [oof.Audiences]*eas.OofMessage
	for i := range all {
		m := &all[i]
		who, err := oofAudience(m)
		if err != nil {
			return nil, err
		}
		if told[who] != nil { // MS-ASCMD_R3526
			return nil, errOofConflict
		}
		told[who] = m
		if news[who], err = oofEdit(m); err != nil {
			return nil, err
		}
	}
	known, unknown := told[oof.Known], told[oof.Unknown]
	if known != nil && unknown != nil && known.Enabled == "1" && unknown.Enabled == "1" &&
		known.ReplyMessage != nil && unknown.ReplyMessage != nil && *known.ReplyMessage != *unknown.ReplyMessage {
		return nil, errOofConflict
	}
	return news, nil
}

// oofAudience is the one audience that a message names (MS-ASCMD_R3517).
func oofAudience(m *eas.OofMessage) (oof.Audience, error) {
	named := [oof.Audiences]bool{
		oof.Internal: m.AppliesToInternal, oof.Known: m.AppliesToExternalKnown, oof.Unknown: m.AppliesToExternalUnknown,
	}
	who, n := oof.Audience(0), 0
	for i, is := range named {
		if is {
			who, n = oof.Audience(i), n+1
		}
	}
	if n != 1 {
		return 0, errOofForm
	}
	return who, nil
}

// oofEdit is the change that one message asks for.
func oofEdit(m *eas.OofMessage) (func(*oof.Message), error) {
	html, err := isOofHTML(m.BodyType)
	if err != nil {
		return nil, err
	}
	if m.ReplyMessage != nil && *m.ReplyMessage != "" && m.BodyType == "" { // MS-ASCMD_R816
		return nil, errOofForm
	}
	switch m.Enabled {
	case "", "0", "1":
	default:
		return nil, errOofValue
	}
	return func(to *oof.Message) {
		if m.Enabled != "" {
			to.Enabled = m.Enabled == "1"
		}
		if m.ReplyMessage != nil {
			to.Text, to.HTML = *m.ReplyMessage, html && *m.ReplyMessage != ""
		}
	}, nil
}
