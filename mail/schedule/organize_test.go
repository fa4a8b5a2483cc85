package schedule

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/mail/calendar"
)

// objectWith reads an object of events; each begins with the UID.
func objectWith(t testing.TB, events ...string) *calendar.Object {
	t.Helper()
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\n")
	for _, e := range events {
		b.WriteString("BEGIN:VEVENT\r\nUID:m\r\nDTSTAMP:20261101T000000Z\r\n" + strings.ReplaceAll(e, "\n", "\r\n") + "\r\nEND:VEVENT\r\n")
	}
	b.WriteString("END:VCALENDAR\r\n")
	o, err := calendar.Parse([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func mine(address string) bool { return address == "ann@example.org" }

// shortly are messages in short: to whom, the method, what is in it.
func shortly(out []outgoing) string {
	var all []string
	for _, m := range out {
		var to []string
		for _, p := range m.to {
			name, _, _ := strings.Cut(p.Address, "@")
			to = append(to, name)
		}
		slices.Sort(to)
		s := strings.Join(to, "+") + " " + m.method
		for _, e := range m.object.Events {
			if s += " whole"; e.RecurrenceID != nil {
				s = strings.TrimSuffix(s, "whole") + e.RecurrenceID.UTC().Format("2")
			}
			s += fmt.Sprintf("#%d", e.Sequence)
			if n := len(e.Except); n > 0 {
				s += fmt.Sprintf("-%d", n)
			}
		}
		all = append(all, s)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func TestWhoIsTold(t *testing.T) {
	const (
		people  = "\nORGANIZER:mailto:ann@example.org\nATTENDEE:mailto:bob@x.example\nATTENDEE:mailto:cat@x.example"
		single  = "DTSTART:20261110T100000Z\nDTEND:20261110T110000Z\nSUMMARY:S" + people
		daily   = "DTSTART:20261110T100000Z\nDTEND:20261110T110000Z\nSUMMARY:S\nRRULE:FREQ=DAILY;COUNT=5" + people
		moved12 = "RECURRENCE-ID:20261112T100000Z\nDTSTART:20261112T120000Z\nDTEND:20261112T130000Z\nSUMMARY:S"
	)
	edit := func(s string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(s) }
	for _, c := range []struct {
		name     string
		old, now []string
		want     string
	}{
		{"made", nil, []string{single}, "bob+cat REQUEST whole#0"},
		{"not changed", []string{single}, []string{single}, ""},
		{"another time", []string{single}, []string{edit(single, "T10", "T09")}, "bob+cat REQUEST whole#1"},
		{"longer", []string{single}, []string{edit(single, "T11", "T12")}, "bob+cat REQUEST whole#1"},
		{"another subject", []string{single}, []string{edit(single, "SUMMARY:S", "SUMMARY:T")}, "bob+cat REQUEST whole#0"},
		{"another place", []string{single}, []string{single + "\nLOCATION:L"}, "bob+cat REQUEST whole#0"},
		{"confidential", []string{single}, []string{single + "\nCLASS:PRIVATE"}, "bob+cat REQUEST whole#0"},
		{"said in other words", []string{single}, []string{edit(single, "DTEND:20261110T110000Z", "DURATION:PT1H", "SUMMARY:S", "SUMMARY: S ") + "\nSTATUS:CONFIRMED\nCLASS:PUBLIC\nPRIORITY:0\nTRANSP:OPAQUE"}, ""},
		{"filed elsewhere", []string{single}, []string{single + "\nCATEGORIES:a\nX-MOZ-LASTACK:1\nCOLOR:red\nLAST-MODIFIED:20261102T000000Z"}, ""},
		{"somebody answered", []string{single}, []string{edit(single, "ATTENDEE:mailto:bob", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bob")}, ""},
		{"one more", []string{single}, []string{single + "\nATTENDEE:mailto:dan@x.example"}, "dan REQUEST whole#0"},
		{"one less", []string{single}, []string{edit(single, "\nATTENDEE:mailto:cat@x.example", "")}, "cat CANCEL whole#0"},
		{"one in another's place", []string{single}, []string{edit(single, "mailto:cat", "mailto:dan")}, "cat CANCEL whole#0, dan REQUEST whole#0"},
		{"nobody any more", []string{single}, []string{"DTSTART:20261110T100000Z\nDTEND:20261110T110000Z\nSUMMARY:S"}, "bob+cat CANCEL whole#0"},
		{"deleted", []string{single}, nil, "bob+cat CANCEL whole#1"},
		{"cancelled", []string{single}, []string{single + "\nSTATUS:CANCELLED"}, "bob+cat CANCEL whole#1"},
		{"deleted when it is over", []string{edit(single, "2026", "2020")}, nil, ""},
		{"the client sends to one", nil, []string{edit(single, "ATTENDEE:mailto:bob", "ATTENDEE;SCHEDULE-AGENT=CLIENT:mailto:bob")}, "cat REQUEST whole#0"},
		{"sent again by force", []string{single}, []string{edit(single, "ATTENDEE:mailto:bob", "ATTENDEE;SCHEDULE-FORCE-SEND=REQUEST:mailto:bob")}, "bob REQUEST whole#0"},
		{"no address", nil, []string{single + "\nATTENDEE:urn:uuid:1"}, "bob+cat REQUEST whole#0"},
		{"the client counts itself", []string{single}, []string{edit(single, "T10", "T09") + "\nSEQUENCE:7"}, "bob+cat REQUEST whole#7"},

		{"one moved", []string{daily}, []string{daily, moved12}, "bob+cat REQUEST 12#1"},
		{"one with another subject", []string{daily}, []string{daily, edit(moved12, "T12", "T10", "T13", "T11", "SUMMARY:S", "SUMMARY:T")}, "bob+cat REQUEST 12#0"},
		{"one set apart for a reminder", []string{daily}, []string{daily, edit(moved12, "T12", "T10", "T13", "T11")}, ""},
		{"moved again", []string{daily, moved12 + "\nSEQUENCE:1"}, []string{daily, edit(moved12, "T12", "T14", "T13", "T15") + "\nSEQUENCE:1"}, "bob+cat REQUEST 12#2"},
		{"moved back", []string{daily, moved12 + "\nSEQUENCE:1"}, []string{daily}, "bob+cat REQUEST whole#2"},
		{"one taken out", []string{daily}, []string{daily + "\nEXDATE:20261112T100000Z"}, "bob+cat CANCEL 12#1"},
		{"two taken out", []string{daily}, []string{daily + "\nEXDATE:20261112T100000Z,20261113T100000Z"}, "bob+cat CANCEL 12#1, bob+cat CANCEL 13#1"},
		{"put in again", []string{daily + "\nEXDATE:20261112T100000Z"}, []string{daily}, "bob+cat REQUEST whole#1"},
		{"one cancelled where it stands", []string{daily, moved12}, []string{daily, moved12 + "\nSTATUS:CANCELLED"}, "bob+cat CANCEL 12#0"},
		{"shorter rule", []string{daily}, []string{edit(daily, "COUNT=5", "COUNT=3")}, "bob+cat REQUEST whole#1"},
		{"the rule by its end", []string{daily}, []string{edit(daily, "COUNT=5", "UNTIL=20261114T100000Z")}, ""},
		{"somebody to one", []string{daily}, []string{daily, edit(moved12, "T12", "T10", "T13", "T11") + people + "\nATTENDEE:mailto:dan@x.example"}, "dan REQUEST 12#0"},
		{"somebody not to one", []string{daily}, []string{daily, edit(moved12, "T12", "T10", "T13", "T11") + edit(people, "\nATTENDEE:mailto:cat@x.example", "")}, "cat CANCEL 12#0"},
		{"to all but one", nil, []string{daily, edit(moved12, "T12", "T10", "T13", "T11") + edit(people, "\nATTENDEE:mailto:cat@x.example", "")}, "bob REQUEST whole#0 12#0, cat REQUEST whole#0-1"},
		{"from one on, elsewhere", []string{daily}, []string{daily, strings.Replace(moved12, "RECURRENCE-ID", "RECURRENCE-ID;RANGE=THISANDFUTURE", 1)}, "bob+cat REQUEST whole#1 12#1"},
		{"and nothing more", []string{daily, strings.Replace(moved12, "RECURRENCE-ID", "RECURRENCE-ID;RANGE=THISANDFUTURE", 1)}, []string{daily + "\nCATEGORIES:x", strings.Replace(moved12, "RECURRENCE-ID", "RECURRENCE-ID;RANGE=THISANDFUTURE", 1)}, ""},
		{"all of it, deleted", []string{daily, moved12}, nil, "bob+cat CANCEL whole#1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var old, now *calendar.Object
			if c.old != nil {
				old = objectWith(t, c.old...)
			}
			if c.now != nil {
				now = objectWith(t, c.now...)
			}
			at := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
			next, out := organize(old, now, mine, at, false)
			if got := shortly(out); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if next != nil {
				if _, again := organize(next, next, mine, at.Add(time.Hour), false); len(again) > 0 && !strings.Contains(c.name, "force") {
					t.Errorf("and again: %s", shortly(again))
				}
			}
			if _, out := organize(old, now, mine, at, true); len(out) > 0 {
				t.Errorf("where the client sends: %s", shortly(out))
			}
		})
	}
}

// Nothing in a message tells of its sender's own affairs.
func TestWhatIsPrivateDoesNotLeave(t *testing.T) {
	o := objectWith(t, "DTSTART:20261110T100000Z\nSUMMARY:S\nORGANIZER:mailto:ann@example.org\nATTENDEE;SCHEDULE-STATUS=1.2;X-MARTLET-REPLIED=1:mailto:bob@x.example\n"+
		"CATEGORIES:secret\nTRANSP:TRANSPARENT\nX-MICROSOFT-CDO-BUSYSTATUS:OOF\nX-MARTLET-ANSWER:1\nX-MOZ-SEND-INVITATIONS:TRUE\nX-OF-OTHERS:kept\n"+
		"BEGIN:VALARM\nACTION:EMAIL\nATTENDEE:mailto:private@x.example\nTRIGGER:-PT1H\nEND:VALARM\nBEGIN:VALARM\nACTION:AUDIO\nATTACH:file:///secret\nTRIGGER:-PT10M\nEND:VALARM")
	_, out := organize(nil, o, mine, time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC), false)
	raw := string(out[0].object.Encode())
	for _, never := range []string{"secret", "private@", "TRANSP", "BUSYSTATUS:OOF\r\nX-MICROSOFT-CDO-BUSY", "X-MARTLET", "X-MOZ", "SCHEDULE-"} {
		if strings.Contains(raw, never) {
			t.Errorf("it tells %q:\n%s", never, raw)
		}
	}
	for _, always := range []string{"X-OF-OTHERS:kept", "INTENDEDSTATUS:OOF", "TRIGGER:-PT10M", "RSVP=TRUE"} {
		if !strings.Contains(raw, always) {
			t.Errorf("it lacks %q:\n%s", always, raw)
		}
	}
}

func TestWhatAnAttendeesChangeAnswers(t *testing.T) {
	const (
		people = "\nORGANIZER:mailto:zoe@x.example\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:ann@example.org\nATTENDEE:mailto:bob@x.example"
		single = "DTSTART:20261110T100000Z\nDTEND:20261110T110000Z\nSUMMARY:S" + people
		daily  = "DTSTART:20261110T100000Z\nDTEND:20261110T110000Z\nSUMMARY:S\nRRULE:FREQ=DAILY;COUNT=5" + people
		one    = "RECURRENCE-ID:20261112T100000Z\nDTSTART:20261112T100000Z\nDTEND:20261112T110000Z\nSUMMARY:S" + people
	)
	yes := func(s string) string { return strings.Replace(s, "NEEDS-ACTION", "ACCEPTED", 1) }
	for _, c := range []struct {
		name     string
		old, now []string
		want     string
	}{
		{"accepts", []string{single}, []string{yes(single)}, "REPLY whole ACCEPTED"},
		{"changes their mind", []string{yes(single)}, []string{strings.Replace(single, "NEEDS-ACTION", "TENTATIVE", 1)}, "REPLY whole TENTATIVE"},
		{"says nothing", []string{yes(single)}, []string{yes(single) + "\nCATEGORIES:x\nTRANSP:TRANSPARENT"}, ""},
		{"takes it back", []string{yes(single)}, []string{single}, ""},
		{"adds it, accepted", nil, []string{yes(single)}, "REPLY whole ACCEPTED"},
		{"adds it", nil, []string{single}, ""},
		{"deletes it", []string{yes(single)}, nil, "REPLY whole DECLINED"},
		{"deletes what they declined", []string{strings.Replace(single, "NEEDS-ACTION", "DECLINED", 1)}, nil, ""},
		{"deletes what is cancelled", []string{yes(single) + "\nSTATUS:CANCELLED"}, nil, ""},
		{"deletes what is over", []string{strings.ReplaceAll(single, "2026", "2020")}, nil, ""},
		{"accepts one", []string{daily}, []string{daily, yes(one)}, "REPLY 12 ACCEPTED"},
		{"accepts all but one", []string{daily}, []string{yes(daily), strings.Replace(one, "NEEDS-ACTION", "DECLINED", 1)}, "REPLY whole ACCEPTED 12 DECLINED"},
		{"skips one", []string{yes(daily)}, []string{yes(daily) + "\nEXDATE:20261112T100000Z"}, "REPLY 12 DECLINED"},
		{"skips one that is over", []string{strings.Replace(yes(daily), "2026111", "2026102", 2)}, []string{strings.Replace(yes(daily), "2026111", "2026102", 2) + "\nEXDATE:20261021T100000Z"}, ""},
		{"skips one of what is cancelled", []string{yes(daily) + "\nSTATUS:CANCELLED"}, []string{yes(daily) + "\nSTATUS:CANCELLED\nEXDATE:20261112T100000Z"}, ""},
		{"skips one of what they declined", []string{strings.Replace(daily, "NEEDS-ACTION", "DECLINED", 1)}, []string{strings.Replace(daily, "NEEDS-ACTION", "DECLINED", 1) + "\nEXDATE:20261112T100000Z"}, ""},
		{"is not invited", []string{strings.ReplaceAll(single, "ann@", "eve@")}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var old, now *calendar.Object
			if c.old != nil {
				old = objectWith(t, c.old...)
			}
			if c.now != nil {
				now = objectWith(t, c.now...)
			}
			_, reply := respond(old, now, mine, time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC), "", "")
			got := ""
			if reply != nil {
				got = reply.Method
				for _, e := range reply.Events {
					if e.RecurrenceID != nil {
						got += e.RecurrenceID.Format(" 2")
					} else {
						got += " whole"
					}
					got += " " + e.Attendees[0].Status
					if len(e.Attendees) != 1 || e.Attendees[0].Address != "ann@example.org" {
						t.Errorf("attendees %+v", e.Attendees)
					}
				}
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// FuzzSchedulingMail: no message does harm, whatever is there, and what it makes
// of a meeting can be kept.
func FuzzSchedulingMail(f *testing.F) {
	f.Add(string(event("1", lunch...)), itip("REQUEST", "1", 1, "20261103T000000Z", lunch...))
	f.Add(string(event("1", weekly...)), itip("CANCEL", "1", 1, "20261103T000000Z", append([]string{"RECURRENCE-ID:20261116T080000Z"}, weekly...)...))
	f.Add(string(event("1", weekly...)), itip("REPLY", "1", 1, "20261103T000000Z", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@example.org", "RECURRENCE-ID:20261116T080000Z"))
	f.Add(string(event("1", weekly...)), itip("ADD", "1", 1, "20261103T000000Z", "DTSTART:20261117T080000Z"))
	f.Add("", itip("REQUEST", "1", 1, "20261103T000000Z", "RRULE:FREQ=DAILY", "EXDATE:x", "DTSTART:1"))
	f.Fuzz(func(t *testing.T, had, came string) {
		if len(had)+len(came) > 20_000 {
			return
		}
		existing, _ := calendar.Parse([]byte(had))
		o, err := calendar.Parse([]byte(came))
		if err != nil {
			return
		}
		m := readSeries(o)
		if m == nil || len(m.events()) == 0 {
			return
		}
		if was := readSeries(existing); was == nil || was.uid != m.uid { // it is found by that
			existing = nil
		}
		own := func(a string) bool { return a == "bob@example.org" }
		r := &receipt{message: m, own: own, me: calendar.Person{Address: "bob@example.org"}, verified: len(came)%2 == 0}
		keep := func(next *calendar.Object) {
			if next == nil {
				return
			}
			if again, err := calendar.Parse(next.Encode()); err != nil || len(again.Events) != len(next.Events) {
				t.Errorf("%v: %s", err, next.Encode())
			}
		}
		entered := take(existing, r)
		keep(entered)
		if entered != nil && take(entered, r) != nil && readSeries(entered).master != nil && len(m.later) == 0 {
			t.Errorf("the same again changes\n%s\ninto\n%s", entered.Encode(), take(entered, r).Encode())
		}
		keep(cancel(existing, r))
		keep(add(existing, r))
		keep(record(existing, r, &answer{address: "bob@example.org", as: "bob@example.org", verified: true}))
		next, out := organize(existing, o, mine, time.Unix(1, 0), false)
		keep(next)
		for _, m := range out {
			keep(m.object)
		}
		next, reply := respond(existing, o, own, time.Unix(1, 0), "", "")
		keep(next)
		keep(reply)
		for _, e := range m.events() {
			describe("x", e)
		}
	})
}
