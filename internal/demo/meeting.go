package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// invitation is what a calendar program writes: Kenji invites Robin, and a room.
const invitation = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//martlet//demo//EN
BEGIN:VEVENT
UID:wing-inspection@demo.example
DTSTAMP:%[1]s
DTSTART:%[2]s
DTEND:%[3]s
SUMMARY:Wing inspection
LOCATION:Hangar 2
ORGANIZER;CN=佐藤健二:mailto:` + "%[4]s" + `
ATTENDEE;CN=佐藤健二;PARTSTAT=ACCEPTED:mailto:` + "%[4]s" + `
ATTENDEE;CN=Robin Swift;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:` + "%[5]s" + `
ATTENDEE;CN=Hangar 2;CUTYPE=ROOM;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:hangar2@demo.example
END:VEVENT
END:VCALENDAR
`

// meeting is how calendars meet: an invitation from a calendar program wakes the
// phone, which shows the meeting beside the mail.
func (r *run) meeting(ctx context.Context) (string, map[string]any, error) {
	calendar, err := r.phone.Folder(eas.FolderCalendar)
	if err != nil {
		return "", nil, err
	}
	if _, err := r.phone.Sync(ctx, calendar.ServerID, phone.SyncOptions{All: true}); err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	before, answer := r.Held(), make(chan pinged, 1)
	go func() {
		got, err := r.phone.Ping(ctx, heartbeat, calendar.ServerID)
		answer <- pinged{got, time.Now(), err}
	}()
	if err := r.awaitHeld(ctx, before, answer); err != nil {
		return "", nil, err
	}
	if err := r.invite(ctx); err != nil {
		return "", nil, err
	}
	sent := time.Now()
	woken := <-answer
	if woken.err != nil {
		return "", nil, woken.err
	}
	got, err := r.phone.Sync(ctx, calendar.ServerID, phone.SyncOptions{All: true})
	if err != nil {
		return "", nil, err
	}
	if len(got.Added) != 1 {
		return "", nil, fmt.Errorf("the phone has %d new meetings", len(got.Added))
	}
	if _, err := r.phone.Sync(ctx, r.inbox, phone.SyncOptions{All: true}); err != nil { // the invitation is mail, too
		return "", nil, err
	}
	var event eas.Calendar
	if err := got.Added[0].Decode(&event); err != nil {
		return "", nil, err
	}
	if event.Subject == nil || event.OrganizerEmail == nil || *event.OrganizerEmail != Kenji.Login {
		return "", nil, fmt.Errorf("the phone shows another meeting: %+v", event)
	}
	after := millis(woken.at.Sub(sent)) // below zero: the phone's answer overtook the program's
	return fmt.Sprintf("Kenji's calendar program invites Robin to %q; it is on the phone, awake %.2f ms after CalDAV's answer", *event.Subject, after),
		map[string]any{"subject": *event.Subject, "organizer": *event.OrganizerEmail, "after_put_ms": after}, nil
}

// invite writes the meeting as Kenji's calendar program does.
func (r *run) invite(ctx context.Context) error {
	const form = "20060102T150405Z"
	now := time.Now().UTC()
	at := now.AddDate(0, 0, 1).Truncate(time.Hour)
	text := fmt.Sprintf(invitation, now.Format(form), at.Format(form), at.Add(time.Hour).Format(form), Kenji.Login, Robin.Login)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, r.URL+"/dav/calendars/"+Kenji.Login+"/calendar/inspection.ics",
		strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n")))
	if err != nil {
		return err
	}
	req.SetBasicAuth(Kenji.Login, Kenji.Password)
	req.Header.Set("Content-Type", "text/calendar; charset=utf-8")
	resp, err := r.HTTPClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("CalDAV answers %s: %s", resp.Status, body)
	}
	return nil
}
