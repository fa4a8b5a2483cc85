package acceptance

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

const (
	finch = "finch@acceptance.example"
	nest  = "nest@acceptance.example"
)

// The statuses of attendees (MS-ASCAL 2.2.2.5).
const (
	hasAccepted uint8 = 3
	hasDeclined uint8 = 4
)

// phoneOf is a phone of somebody else than Robin, with its folders.
func (h *house) phoneOf(login, device string) *phone.Phone {
	h.t.Helper()
	p := h.newPhone(device, func(c *phone.Config) { c.User, c.Version = login, eas.V161 })
	h.settle(p)
	return p
}

// until synchronises a collection as often as it changes, until an item is there
// that is wanted.
func (h *house) until(ctx context.Context, p *phone.Phone, folder, what string, wanted func(m *phone.Message) bool) *phone.Message {
	h.t.Helper()
	for {
		got := h.sync(p, folder, phone.SyncOptions{})
		for _, all := range [][]phone.Message{got.Added, got.Changed} {
			for i := range all {
				if wanted(&all[i]) {
					return &all[i]
				}
			}
		}
		if _, err := p.Ping(ctx, 2*time.Minute, folder); err != nil {
			h.t.Fatalf("%s: %v", what, err)
		}
	}
}

// event reads an item of a calendar.
func (h *house) event(m *phone.Message) (c eas.Calendar) {
	h.t.Helper()
	if err := m.Decode(&c); err != nil {
		h.t.Fatal(err)
	}
	return c
}

// answers tells whether an event has everybody's answer as it is wanted.
func (h *house) answers(m *phone.Message, subject string, want map[string]uint8) bool {
	h.t.Helper()
	c := h.event(m)
	if c.Subject == nil || *c.Subject != subject {
		return false
	}
	for _, a := range c.Attendees {
		if status, ok := want[a.Email]; ok && (a.AttendeeStatus == nil || *a.AttendeeStatus != status) {
			return false
		}
	}
	return len(c.Attendees) >= len(want)
}

// invite makes a meeting on a phone.
func (h *house) invite(p *phone.Phone, subject string, at time.Time, whom ...string) {
	h.t.Helper()
	end, meeting, busy := at.Add(time.Hour), uint8(1), uint8(2)
	c := &eas.Calendar{StartTime: &at, EndTime: &end, Subject: &subject, BusyStatus: &busy, MeetingStatus: &meeting}
	for _, who := range whom {
		c.Attendees = append(c.Attendees, eas.CalendarAttendee{Email: who, Name: who})
	}
	h.sync(p, h.folder(p, eas.FolderCalendar), phone.SyncOptions{Commands: []eas.SyncCommand{phone.Add(subject, c)}})
}

// Robin invites Wren, for whom Finch answers on a phone, and a room, which answers
// for itself: once for Robin, and not for Wren as well.
func TestADelegateAnswersOnAPhoneAndARoomIsGivenOnce(t *testing.T) {
	h := newHouse(t, "")
	for login, name := range map[string]string{wren: "Jenny Wren", finch: "Fay Finch"} {
		h.Run(password+"\n", "user", "add", login, "--password-stdin", "--name", name)
	}
	h.Run("", "resource", "add", nest, "--name", "The Nest")
	h.Run("", "share", "grant", wren, "Calendar", "--to", finch, "--rights", "delegate")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	robins, finchs, wrens := h.phoneOf(robin, "ROBIN"), h.phoneOf(finch, "FINCH"), h.phoneOf(wren, "WREN")
	at := time.Now().UTC().Truncate(time.Hour).Add(30 * 24 * time.Hour)
	h.invite(robins, "Fledging", at, wren, nest)

	request := h.until(ctx, finchs, h.folder(finchs, eas.FolderInbox), "the delegate's invitation", func(m *phone.Message) bool {
		return m.Email.MeetingRequest != nil
	})
	if kind := request.Email.MeetingRequest.MeetingMessageType; kind == nil || *kind != 6 {
		t.Errorf("the delegate's invitation is of type %v", kind)
	}
	for range 2 { // the second time its answer was lost
		id, err := finchs.Respond(ctx, eas.MeetingAnswer{
			UserResponse: eas.MeetingAccept, CollectionID: h.folder(finchs, eas.FolderInbox), RequestID: request.ServerID, SendResponse: &eas.MeetingSendResponse{},
		})
		if err != nil || !slices.ContainsFunc(finchs.Folders(), func(f eas.Folder) bool { // in Wren's calendar, as Finch sees it
			return f.Type == eas.FolderUserCalendar && strings.HasPrefix(id, f.ServerID+":")
		}) {
			t.Fatalf("%q, %v: %+v", id, err, finchs.Folders())
		}
	}
	h.until(ctx, robins, h.folder(robins, eas.FolderCalendar), "the organizer's view", func(m *phone.Message) bool {
		return h.answers(m, "Fledging", map[string]uint8{wren: hasAccepted, nest: hasAccepted})
	})
	h.until(ctx, wrens, h.folder(wrens, eas.FolderCalendar), "the owner's calendar", func(m *phone.Message) bool {
		c := h.event(m)
		return *c.Subject == "Fledging" && c.ResponseType != nil && *c.ResponseType == hasAccepted
	})
	replies := 0
	for _, m := range h.sync(robins, h.folder(robins, eas.FolderInbox), phone.SyncOptions{}).Added {
		if e := m.Email; e.MessageClass == "IPM.Schedule.Meeting.Resp.Pos" && strings.Contains(e.From, wren) {
			if replies++; !strings.Contains(e.Sender, finch) {
				t.Errorf("the answer is from %s, sent by %q", e.From, e.Sender)
			}
		}
	}
	if replies != 1 {
		t.Errorf("Robin has %d answers of Wren's", replies)
	}

	h.invite(wrens, "Brooding", at.Add(30*time.Minute), nest)
	h.until(ctx, wrens, h.folder(wrens, eas.FolderCalendar), "what the room says to Wren", func(m *phone.Message) bool {
		return h.answers(m, "Brooding", map[string]uint8{nest: hasDeclined})
	})
	// It outlives a kill, and is not asked or answered anew.
	h.server.Kill()
	h.start()
	h.invite(wrens, "Moulting", at.Add(time.Hour), nest)
	h.until(ctx, wrens, h.folder(wrens, eas.FolderCalendar), "what the room says to Wren then", func(m *phone.Message) bool {
		return h.answers(m, "Moulting", map[string]uint8{nest: hasAccepted})
	})
	if more := h.sync(robins, h.folder(robins, eas.FolderInbox), phone.SyncOptions{}).Added; len(more) != 0 {
		t.Errorf("Robin has got %d more messages", len(more))
	}
	h.fsck()
}
