package crash

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// original is the subject of the message that is replied to and forwarded. Who
// deletes leaves it and the invitations alone.
const original = "the original"

const invited = "invitation "

// answered repeats a request until it is answered: with success, or as one that
// was done before.
func (l *load) answered(ctx context.Context, ask func() error) bool {
	for ctx.Err() == nil {
		err := ask()
		var status *phone.StatusError
		switch {
		case err == nil:
			return true
		case errors.As(err, &status):
			l.t.Errorf("a phone was told: %v", err)
			return false
		}
		pause(ctx, 5*time.Millisecond)
	}
	return false
}

// reply answers and forwards the original.
func (l *load) reply(ctx context.Context) {
	var source *eas.SmartSource
	for id, it := range l.replier.View(l.inbox) {
		if it.Subject == original {
			source = &eas.SmartSource{FolderID: l.inbox, ItemID: id}
		}
	}
	if source == nil {
		l.t.Error("the original is not there")
		return
	}
	for n := 1; ctx.Err() == nil; n++ {
		subject, clientID := fmt.Sprintf("about the original %d", n), fmt.Sprintf("about-%d", n)
		mime := []byte("From: " + login + "\r\nTo: " + login + "\r\nSubject: " + subject + "\r\n\r\nSee below.\r\n")
		ask := func() error {
			var status eas.ComposeMailStatus
			var err error
			if n%2 == 0 {
				var resp eas.SmartReplyResponse
				err = l.replier.Call(ctx, "SmartReply", phone.Params{}, &eas.SmartReply{ClientID: clientID, Source: source, Mime: mime}, &resp)
				status = resp.Status
			} else {
				var resp eas.SmartForwardResponse
				err = l.replier.Call(ctx, "SmartForward", phone.Params{}, &eas.SmartForward{ClientID: clientID, Source: source, Mime: mime}, &resp)
				status = resp.Status
			}
			switch {
			case errors.Is(err, phone.ErrEmpty), err == nil && uint16(status) == eas.StatusMessagePreviouslySent:
				return nil
			case err == nil:
				return &phone.StatusError{Command: "SmartReply", Status: uint16(status)}
			}
			return err
		}
		if !l.answered(ctx, ask) {
			return
		}
		l.note(&l.sent, subject)
		pause(ctx, 10*time.Millisecond)
	}
}

func invitation(subject string) string {
	return "From: Load <load@elsewhere.example>\r\nTo: " + login + "\r\nSubject: " + subject + "\r\nMIME-Version: 1.0\r\nContent-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\n" +
		"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//load//EN\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:" + strings.ReplaceAll(subject, " ", "-") + "@elsewhere.example\r\nDTSTAMP:20260601T080000Z\r\n" +
		"DTSTART:20260610T100000Z\r\nDTEND:20260610T110000Z\r\nSUMMARY:" + subject + "\r\nORGANIZER:mailto:load@elsewhere.example\r\nATTENDEE;RSVP=TRUE:mailto:" + login + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

// hand gives one message to the server and notes it if it was acknowledged.
func (l *load) hand(subject, raw string) bool {
	conn, err := net.DialTimeout("tcp", l.in.SMTP, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	c := textproto.NewConn(conn)
	if _, _, err := c.ReadResponse(220); err != nil || command(c, 250, "EHLO load.example") != nil || transaction(c, raw) != nil {
		return false
	}
	l.note(&l.accepted, subject)
	return true
}

// meet accepts invitations and has the organizer told.
func (l *load) meet(ctx context.Context) {
	for n := 1; ctx.Err() == nil; n++ {
		subject := fmt.Sprint(invited, n)
		if !l.hand(subject, invitation(subject)) {
			pause(ctx, 5*time.Millisecond)
			continue
		}
		if _, ok := l.persist(ctx, l.guest, phone.SyncOptions{All: true, Window: 512, KeepNoMail: true}); !ok {
			return
		}
		for id, it := range l.guest.View(l.inbox) {
			if it.Subject != subject {
				continue
			}
			if !l.answered(ctx, func() error {
				_, err := l.guest.Respond(ctx, eas.MeetingAnswer{UserResponse: eas.MeetingAccept, CollectionID: l.inbox, RequestID: id, SendResponse: &eas.MeetingSendResponse{}})
				return err
			}) {
				return
			}
			l.note(&l.met, subject)
		}
	}
}

// leave writes what an absent user says, and again and again something else.
func (l *load) leave(ctx context.Context) {
	for n := 1; ctx.Err() == nil; n++ {
		text, state := fmt.Sprint(n), uint8(0)
		if !l.answered(ctx, func() error {
			_, err := oof(ctx, l.leaver, &eas.Oof{Set: &eas.OofState{State: &state, Messages: []eas.OofMessage{
				{AppliesToInternal: true, Enabled: "1", ReplyMessage: &text, BodyType: "Text"},
			}}})
			return err
		}) {
			return
		}
		l.mu.Lock()
		l.away = n
		l.mu.Unlock()
		pause(ctx, 10*time.Millisecond)
	}
}

// oof reads or writes what an absent user says.
func oof(ctx context.Context, p *phone.Phone, q *eas.Oof) (eas.OofState, error) {
	resp, err := p.Settings(ctx, &eas.Settings{Properties: []eas.SettingsProperty{{Oof: q}}})
	switch {
	case err != nil:
		return eas.OofState{}, err
	case len(resp.Properties) != 1 || resp.Properties[0].Oof == nil || resp.Properties[0].Oof.Status != eas.SettingsStatusSuccess:
		return eas.OofState{}, &phone.StatusError{Command: "Settings", Name: "Oof"}
	case q.Get != nil && resp.Properties[0].Oof.Get != nil:
		return *resp.Properties[0].Oof.Get, nil
	}
	return eas.OofState{}, nil
}

// compareAnswers looks whether what was answered holds.
func (l *load) compareAnswers(ctx context.Context, truth *phone.Phone) {
	l.t.Helper()
	count := map[string]int{}
	for _, it := range truth.View(l.sentItems) {
		if i := strings.Index(it.Subject, invited); i >= 0 {
			count[it.Subject[i:]]++
		}
	}
	for _, subject := range l.met {
		if count[subject] != 1 {
			l.t.Errorf("%q was answered and the organizer is told %d times", subject, count[subject])
		}
	}
	for subject, n := range count {
		if n > 1 {
			l.t.Errorf("%q: the organizer is told %d times", subject, n)
		}
	}
	for _, it := range truth.View(l.inbox) {
		for _, subject := range l.met {
			if it.Subject == subject {
				l.t.Errorf("%q was answered and is in the inbox", subject)
			}
		}
	}
	got, err := oof(ctx, truth, &eas.Oof{Get: &eas.OofGet{BodyType: "Text"}})
	if err != nil {
		l.t.Errorf("what the absent user says: %v", err)
		return
	}
	said := ""
	for _, m := range got.Messages {
		if m.AppliesToInternal && m.ReplyMessage != nil {
			said = strings.TrimSpace(*m.ReplyMessage)
		}
	}
	if said != fmt.Sprint(l.away) && said != fmt.Sprint(l.away+1) { // one may have been on its way
		l.t.Errorf("the absent user says %q, last acknowledged was %d", said, l.away)
	}
	if len(l.met) == 0 || l.away == 0 {
		l.t.Errorf("too little happened between the kills: %d meetings answered, %d times away", len(l.met), l.away)
	}
}
