package crash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/internal/process"
	"martlet/protocol/eas"
)

// The people of the calendars: one organizes by phone, one by a calendar program,
// both invite the third and the room.
const (
	byPhone   = "ann@crash.example"
	byProgram = "ben@crash.example"
	attendee  = "cat@crash.example"
	room      = "attic@crash.example"
)

// What an organizer has brought a meeting to.
const (
	notMade = iota
	made
	moved
	cancelled
)

// meeting is one meeting and what its organizer was told.
type meeting struct {
	organizer, subject string
	start              time.Time // an hour later once it is moved
	state              int       // that was acknowledged
	pending            bool      // the next one may have come about
}

// calendars is the load of the meetings.
type calendars struct {
	*load
	base          time.Time
	phones, truth map[string]*phone.Phone
	meetings      []*meeting // guarded by load.mu
}

// The server is killed while meetings are made, moved and cancelled by a phone and
// by a calendar program, accepted by an attendee and by a room. In the end every
// calendar, inbox and free/busy answer tells of each meeting the same: what was
// acknowledged, once, and of what was not all or nothing.
func TestMeetingsAreWholeAfterKill9(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a process again and again: left out with -short")
	}
	const deaths = 15
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	in := process.Install(t)
	for _, who := range []string{byPhone, byProgram, attendee} {
		in.Run(password+"\n", "user", "add", who, "--new-domain", "--password-stdin")
	}
	in.Run("", "resource", "add", room)
	p := in.Start(ctx)
	l := &calendars{load: &load{t: t, in: in}, phones: map[string]*phone.Phone{}, truth: map[string]*phone.Phone{}}
	l.base = time.Now().UTC().Add(48 * time.Hour).Truncate(24 * time.Hour)
	for _, who := range []string{byPhone, byProgram, attendee} {
		l.phones[who], l.truth[who] = l.phoneOf(who, "LOAD"), l.phoneOf(who, "TRUTH")
		l.learn(ctx, l.phones[who])
		l.learn(ctx, l.truth[who])
	}

	working, stopWork := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { l.organizeByPhone(working) })
	wg.Go(func() { l.organizeByProgram(working) })
	wg.Go(func() { l.attend(working) })
	for range deaths {
		pause(working, time.Duration(50+rand.IntN(250))*time.Millisecond)
		p.Kill()
		p = in.Start(ctx)
	}
	stopWork()
	wg.Wait()
	p.Kill() // a request that was given up may still be at work
	p = in.Start(ctx)

	// What was delivered is worked into the calendars in a moment.
	problems := l.problems(ctx)
	for deadline := time.Now().Add(30 * time.Second); len(problems) > 0 && time.Now().Before(deadline); problems = l.problems(ctx) {
		pause(ctx, 100*time.Millisecond)
	}
	for i, s := range problems {
		if i == 20 {
			t.Errorf("and %d more", len(problems)-i)
			break
		}
		t.Error(s)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, p.Log())
	}
	if out := in.Run("", "fsck", "--deep"); t.Failed() {
		t.Log(out)
	}
	count := map[int]int{}
	for _, m := range l.meetings {
		count[m.state]++
	}
	if len(l.meetings) < 8 || count[cancelled] == 0 {
		t.Errorf("too little happened between the kills: %d meetings", len(l.meetings))
	}
	t.Logf("%d kills; %d meetings, of which %d were moved and %d cancelled", deaths, len(l.meetings), count[moved], count[cancelled])
}

func (l *calendars) learn(ctx context.Context, p *phone.Phone) {
	l.t.Helper()
	l.must(ctx, p)
	f, err := p.Folder(eas.FolderCalendar)
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := p.Sync(ctx, f.ServerID, phone.SyncOptions{}); err != nil {
		l.t.Fatal(err)
	}
}

// begin notes a new meeting, at a time that no other has.
func (l *calendars) begin(organizer, subject string) *meeting {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := &meeting{organizer: organizer, subject: subject, start: l.base.Add(time.Duration(len(l.meetings)) * 2 * time.Hour)}
	l.meetings = append(l.meetings, m)
	return m
}

// steps are what becomes of a meeting in the end: all are made, most moved, some
// of those cancelled.
func steps(n int) (last int) {
	return []int{moved, cancelled, moved, made}[n%4]
}

// to carries out the steps of a meeting, each until it is answered.
func (m *meeting) to(last int, do func(state int) bool) bool {
	for m.state < last {
		m.pending = true
		if !do(m.state + 1) {
			return false
		}
		m.state, m.pending = m.state+1, false
	}
	return true
}

// at is when a meeting is in a state.
func (m *meeting) at(state int) (start, end time.Time) {
	start = m.start
	if state >= moved {
		start = start.Add(time.Hour)
	}
	return start, start.Add(time.Hour)
}

// organizeByPhone has the server send the invitations, as since 16.0.
func (l *calendars) organizeByPhone(ctx context.Context) {
	p := l.phones[byPhone]
	required, resource, is := eas.AttendeeRequired, eas.AttendeeResource, eas.MeetingIs
	for n := 1; ctx.Err() == nil; n++ {
		m := l.begin(byPhone, fmt.Sprintf("meeting by phone %d.", n))
		id := ""
		done := m.to(steps(n), func(state int) bool {
			start, end := m.at(state)
			var command eas.SyncCommand
			switch state {
			case made:
				command = phone.Add(fmt.Sprint("meeting-", n), &eas.Calendar{
					Subject: &m.subject, StartTime: &start, EndTime: &end, MeetingStatus: &is,
					Attendees: []eas.CalendarAttendee{{Email: attendee, Name: "Cat", AttendeeType: &required}, {Email: room, Name: "The attic", AttendeeType: &resource}},
				})
			case moved:
				command = phone.ChangeTo(id, &eas.Calendar{StartTime: &start, EndTime: &end})
			case cancelled:
				command = phone.Delete(id)
			}
			for {
				got, ok := l.persistIn(ctx, p, l.calendar, phone.SyncOptions{Commands: []eas.SyncCommand{command}})
				if !ok {
					return false
				}
				switch status := statusOf(got); status {
				case eas.SyncStatusSuccess:
					if state == made {
						id = got.Replies[0].Add.ServerID
					}
					return true
				case eas.SyncStatusConflict: // an answer came in between, which the phone has got now
				default:
					l.t.Errorf("%q: state %d is answered with %s", m.subject, state, status)
					return false
				}
			}
		})
		if !done {
			return
		}
		pause(ctx, 5*time.Millisecond)
	}
}

// statusOf is how a command went; what the server says nothing of went well.
func statusOf(r *phone.SyncResult) eas.SyncStatus {
	for _, reply := range r.Replies {
		switch {
		case reply.Add != nil:
			return reply.Add.Status
		case reply.Change != nil:
			return reply.Change.Status
		case reply.Delete != nil:
			return reply.Delete.Status
		}
	}
	return eas.SyncStatusSuccess
}

// organizeByProgram writes the objects over CalDAV. A program whose request was not
// answered repeats it.
func (l *calendars) organizeByProgram(ctx context.Context) {
	for n := 1; ctx.Err() == nil; n++ {
		m := l.begin(byProgram, fmt.Sprintf("meeting by program %d.", n))
		path := fmt.Sprintf("/dav/calendars/%s/calendar/m%d.ics", byProgram, n)
		done := m.to(steps(n), func(state int) bool {
			if state == cancelled {
				return l.dav(ctx, "DELETE", path, "")
			}
			start, end := m.at(state)
			form := func(t time.Time) string { return t.Format("20060102T150405Z") }
			return l.dav(ctx, "PUT", path, strings.Join([]string{
				"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//crash.example//load//EN", "BEGIN:VEVENT",
				fmt.Sprintf("UID:m%d@crash.example", n), "DTSTAMP:" + form(l.base), "DTSTART:" + form(start), "DTEND:" + form(end), "SUMMARY:" + m.subject,
				"ORGANIZER:mailto:" + byProgram, "ATTENDEE;PARTSTAT=ACCEPTED:mailto:" + byProgram,
				"ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:" + attendee, "ATTENDEE;CUTYPE=ROOM;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:" + room,
				"END:VEVENT", "END:VCALENDAR", "",
			}, "\r\n"))
		})
		if !done {
			return
		}
		pause(ctx, 5*time.Millisecond)
	}
}

// dav repeats a request until it is answered.
func (l *calendars) dav(ctx context.Context, method, path, body string) bool {
	for repeated := false; ctx.Err() == nil; repeated = true {
		r, err := http.NewRequestWithContext(ctx, method, "http://"+l.in.HTTP+path, strings.NewReader(body))
		if err != nil {
			l.t.Error(err)
			return false
		}
		r.SetBasicAuth(byProgram, password)
		r.Header.Set("Content-Type", "text/calendar")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			pause(ctx, 5*time.Millisecond)
			continue
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		switch {
		case resp.StatusCode/100 == 2, repeated && method == "DELETE" && resp.StatusCode == http.StatusNotFound:
			return true
		case resp.StatusCode/100 != 5:
			l.t.Errorf("%s %s: %s", method, path, resp.Status)
			return false
		}
		pause(ctx, 5*time.Millisecond)
	}
	return false
}

// attend accepts every second meeting, once, and has the organizer told.
func (l *calendars) attend(ctx context.Context) {
	p, seen := l.phones[attendee], map[string]bool{}
	for ctx.Err() == nil {
		if _, ok := l.persistIn(ctx, p, l.calendar, phone.SyncOptions{All: true, Window: 512, KeepNoMail: true}); !ok {
			return
		}
		for id, it := range p.View(l.calendar) {
			if seen[id] || ctx.Err() != nil {
				continue
			}
			seen[id] = true
			if len(seen)%2 == 0 {
				continue
			}
			answer := eas.MeetingAnswer{UserResponse: eas.MeetingAccept, CollectionID: l.calendar, RequestID: it.ServerID, SendResponse: &eas.MeetingSendResponse{}}
			for ctx.Err() == nil {
				_, err := p.Respond(ctx, answer)
				var status *phone.StatusError // it may be cancelled by now
				if err == nil || errors.As(err, &status) {
					break
				}
				pause(ctx, 5*time.Millisecond)
			}
		}
		pause(ctx, 5*time.Millisecond)
	}
}

// seen is what somebody's phone shows.
type seen struct {
	events map[string][]eas.Calendar // by subject
	mail   []phone.Item              // in the inbox and among what is deleted
}

func (l *calendars) look(ctx context.Context, who string) (s seen, err error) {
	p := l.truth[who]
	for _, folder := range []string{l.calendar, l.inbox, l.trash} {
		if _, err := p.Sync(ctx, folder, phone.SyncOptions{All: true, Window: 512, KeepNoMail: true}); err != nil {
			return s, fmt.Errorf("%s: %w", who, err)
		}
	}
	s.events = map[string][]eas.Calendar{}
	for _, it := range p.View(l.calendar) {
		var c eas.Calendar
		if err := it.Decode(&c); err != nil {
			return s, err
		}
		subject := strings.TrimPrefix(*c.Subject, "Canceled: ")
		s.events[subject] = append(s.events[subject], c)
	}
	for _, folder := range []string{l.inbox, l.trash} {
		for _, it := range p.View(folder) {
			s.mail = append(s.mail, it)
		}
	}
	return s, nil
}

// mails counts the messages about a meeting from somebody.
func (s *seen) mails(from, subject string) (n int) {
	for _, it := range s.mail {
		if strings.HasSuffix(it.Subject, subject) && strings.Contains(it.From, from) {
			n++
		}
	}
	return n
}

// problems are what does not fit together.
func (l *calendars) problems(ctx context.Context) (out []string) {
	people := map[string]seen{}
	for _, who := range []string{byPhone, byProgram, attendee} {
		s, err := l.look(ctx, who)
		if err != nil {
			return []string{err.Error()}
		}
		people[who] = s
	}
	busy := map[string][]byte{}
	for _, who := range []string{byPhone, byProgram, attendee, room} {
		busy[who] = []byte(strings.Repeat("0", 4*len(l.meetings)))
	}
	for _, m := range l.meetings {
		out = append(out, l.meetingProblems(m, people, busy)...)
	}
	for who, want := range busy {
		if got, err := l.busy(ctx, who); err != nil || got != string(want) {
			out = append(out, fmt.Sprintf("%s is busy\n%s, want\n%s, %v", who, got, want, err))
		}
	}
	for who, p := range l.truth {
		for _, odd := range p.Odd() {
			out = append(out, who+": "+odd)
		}
	}
	return out
}

// meetingProblems looks at one meeting, and notes whom it makes busy.
func (l *calendars) meetingProblems(m *meeting, people map[string]seen, busy map[string][]byte) (out []string) {
	wrong := func(format string, args ...any) {
		out = append(out, fmt.Sprintf("%q (%d, pending %t): ", m.subject, m.state, m.pending)+fmt.Sprintf(format, args...))
	}
	whose, guest := people[m.organizer], people[attendee]
	own, copies := whose.events[m.subject], guest.events[m.subject]
	state := notMade
	switch {
	case len(own) > 1:
		wrong("its organizer has it %d times", len(own))
		return out
	case len(own) == 0 && m.state >= moved:
		state = cancelled
	case len(own) == 1 && own[0].StartTime.Equal(m.start):
		state = made
	case len(own) == 1:
		state = moved
	}
	if state != m.state && !(m.pending && state == m.state+1) {
		wrong("its organizer has it in state %d", state)
		return out
	}
	// A request for each state, a cancellation in the end.
	if n := guest.mails(m.organizer, m.subject); n != state {
		wrong("the attendee has %d messages about it, state %d", n, state)
	}
	if n := whose.mails(room, m.subject); n != min(state, moved) {
		wrong("the room has answered %d times, state %d", n, state)
	}
	if state == notMade {
		if len(copies) > 0 {
			wrong("the attendee has it, the organizer has not")
		}
		return out
	}
	if len(copies) != 1 {
		wrong("the attendee has it %d times", len(copies))
		return out
	}
	gone := copies[0].MeetingStatus != nil && *copies[0].MeetingStatus&eas.MeetingCanceled != 0
	if gone != (state == cancelled) {
		wrong("the attendee has it cancelled: %t, state %d", gone, state)
	}
	start, _ := m.at(state)
	if !copies[0].StartTime.Equal(start) {
		wrong("the attendee has it at %v, the organizer at %v", copies[0].StartTime, start)
	}
	if state == cancelled {
		return out
	}
	accepted := copies[0].ResponseType != nil && *copies[0].ResponseType == eas.ResponseAccepted
	statuses := map[string]bool{}
	for _, a := range own[0].Attendees {
		statuses[a.Email] = a.AttendeeStatus != nil && *a.AttendeeStatus == eas.ResponseAccepted
	}
	if statuses[attendee] != accepted {
		wrong("the attendee has accepted it: %t, the organizer thinks %t", accepted, statuses[attendee])
	}
	if !statuses[room] {
		wrong("the organizer does not know that the room has accepted")
	}
	at := int(start.Sub(l.base) / (30 * time.Minute))
	for who, digit := range map[string]string{m.organizer: "22", room: "22", attendee: map[bool]string{true: "22", false: "11"}[accepted]} {
		copy(busy[who][at:], digit)
	}
	return out
}

// busy is when somebody is busy, from the first meeting's slot to the last one's.
func (l *calendars) busy(ctx context.Context, who string) (string, error) {
	end := l.base.Add(time.Duration(len(l.meetings)) * 2 * time.Hour)
	var resp eas.ResolveRecipientsResponse
	err := l.truth[attendee].Call(ctx, "ResolveRecipients", phone.Params{}, &eas.ResolveRecipients{
		To: []string{who}, Options: &eas.ResolveOptions{Availability: &eas.AvailabilityRequest{StartTime: l.base, EndTime: end}},
	}, &resp)
	if err != nil || len(resp.Responses) != 1 || len(resp.Responses[0].Recipients) != 1 || resp.Responses[0].Recipients[0].Availability == nil {
		return "", fmt.Errorf("%+v: %w", resp, err)
	}
	return resp.Responses[0].Recipients[0].Availability.MergedFreeBusy, nil
}
