package activesync_test

import (
	"context"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
)

// inTheAttic is a meeting with a room, as a phone writes it.
func inTheAttic(version, title string) string {
	k := kinds()[0]
	data := strings.Replace(k.data(version, title), `<MeetingStatus xmlns="Calendar">0</MeetingStatus>`, "", 1)
	return data + `<MeetingStatus xmlns="Calendar">1</MeetingStatus><Attendees xmlns="Calendar"><Attendee><Email>attic@example.org</Email><Name>The Attic</Name><AttendeeType>3</AttendeeType></Attendee></Attendees>`
}

func (h *house) settle(t *testing.T) {
	t.Helper()
	for range 2 { // the room, then who asked it
		if err := h.schedule.Settle(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// A room is found, asked whether it is free, invited and answers; the phone that
// invited it is told.
func TestARoomIsBookedFromAPhone(t *testing.T) {
	for _, version := range []string{"14.1", "16.0", "16.1"} {
		t.Run(version, func(t *testing.T) {
			h := build(t)
			h.apply(t, "[[resource]]\naddress = 'attic@example.org'\nname = 'The Attic'\n")
			if _, err := h.directory.AddUser(t.Context(), directory.Account{Login: "bob@example.org", ActiveSync: true}, testPassword); err != nil {
				t.Fatal(err)
			}
			anna := newCollector(t, h, "annas", version, "7")
			const span = "<Availability><StartTime>2026-12-01T08:00:00.000Z</StartTime><EndTime>2026-12-01T11:00:00.000Z</EndTime></Availability>"
			free := func() string {
				return element(anna.send("ResolveRecipients", resolveRequest(span, "attic")), "MergedFreeBusy")
			}
			if s := free(); s != "000000" {
				t.Errorf("the room before: %s", s)
			}
			id := anna.add("1", inTheAttic(version, "first"))
			if version == "14.1" { // the phone invites it itself
				uid := strings.ToUpper("6669727374")
				raw := "From: anna@example.org\r\nTo: attic@example.org\r\nSubject: first\r\nMIME-Version: 1.0\r\nContent-Type: text/calendar; charset=utf-8; method=REQUEST\r\n\r\n" +
					"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//phone//EN\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20261101T080000Z\r\nDTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z\r\n" +
					"SUMMARY:first\r\nORGANIZER:mailto:anna@example.org\r\nATTENDEE;CUTYPE=ROOM;RSVP=TRUE:mailto:attic@example.org\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
				if doc := anna.send("SendMail", `<SendMail xmlns="ComposeMail"><ClientId>i1</ClientId>`+opaque(raw)+`</SendMail>`); doc != "" {
					t.Fatalf("the invitation: %s", doc)
				}
			}
			h.settle(t)
			doc := anna.do("")
			if element(doc, "ServerId") != id || element(doc, "AttendeeStatus") != "3" || element(doc, "AttendeeType") != "3" {
				t.Errorf("Anna's phone is told:\n%s", doc)
			}
			if s := free(); s != "002200" {
				t.Errorf("the room behind: %s", s)
			}
			if _, raw := h.last(t, mail.RoleInbox); !strings.Contains(raw, "method=REPLY") || !strings.Contains(raw, "Subject: Accepted: first") {
				t.Errorf("the answer:\n%s", raw)
			}
			if version == "14.1" {
				return
			}
			second := anna.add("2", inTheAttic(version, "second"))
			h.settle(t)
			doc = anna.do("")
			if element(doc, "ServerId") != second || element(doc, "AttendeeStatus") != "4" {
				t.Errorf("the room is taken, and Anna's phone is told:\n%s", doc)
			}
			// Without the first it is free again.
			anna.do(`<Delete><ServerId>` + id + `</ServerId></Delete>`)
			h.settle(t)
			if s := free(); s != "000000" {
				t.Errorf("the room after the cancellation: %s", s)
			}
		})
	}
}
