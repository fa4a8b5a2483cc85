package main

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"martlet/internal/phone"
	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// objectFlags say what to add to a folder.
type objectFlags struct {
	subject, text, start, end, due, place string
	email, mobile, company                string
	invite                                []string
	allDay, done                          bool

	own *pflag.FlagSet // of these flags alone
}

// add adds the flags to those of a command.
func (o *objectFlags) add(all *pflag.FlagSet) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.own = flags
	flags.StringVar(&o.subject, "subject", "", "what it is about; of a contact, the name")
	flags.StringVar(&o.text, "text", "", "text")
	flags.StringVar(&o.start, "start", "", `when an event begins: "2026-12-01 12:00", or with --all-day 2026-12-01`)
	flags.StringVar(&o.end, "end", "", "when it ends (default: an hour later); with --all-day its last day")
	flags.BoolVar(&o.allDay, "all-day", false, "an event of whole days")
	flags.StringVar(&o.place, "place", "", "where an event is")
	flags.StringSliceVar(&o.invite, "invite", nil, "who is invited to an event: people and rooms; may be given several times")
	flags.StringVar(&o.due, "due", "", "the day when a task is due: 2026-12-01")
	flags.BoolVar(&o.done, "done", false, "the task is done")
	flags.StringVar(&o.email, "email", "", "a contact's mail address")
	flags.StringVar(&o.mobile, "mobile", "", "a contact's mobile number")
	flags.StringVar(&o.company, "company", "", "a contact's company")
	all.AddFlagSet(flags)
}

// object is what the flags describe, as the version has it.
func (o *objectFlags) object(class string, v eas.Version, uid string) (any, error) {
	if o.subject == "" {
		return nil, fmt.Errorf("give --subject")
	}
	if err := o.check(class); err != nil {
		return nil, err
	}
	switch class {
	case phone.Calendar:
		return o.event(v, uid)
	case phone.Contacts:
		return o.contact(), nil
	case phone.Tasks:
		return o.task(v)
	case phone.Notes:
		if v < eas.V140 {
			return nil, fmt.Errorf("notes came with 14.0: give another --protocol")
		}
		class := "IPM.StickyNote"
		n := &eas.Note{Subject: &o.subject, MessageClass: &class}
		if o.given("text") {
			n.Body = body(o.text)
		}
		return n, nil
	}
	return nil, fmt.Errorf("the folder holds messages: martlet phone send sends one")
}

// given tells whether a flag was.
func (o *objectFlags) given(name string) bool { return o.own.Changed(name) }

// none tells whether no flag was given.
func (o *objectFlags) none() bool {
	none := true
	o.own.VisitAll(func(f *pflag.Flag) { none = none && !f.Changed })
	return none
}

// check refuses what a class does not have, rather than leave it out.
func (o *objectFlags) check(class string) error {
	for _, f := range []struct{ name, class string }{
		{"start", phone.Calendar}, {"end", phone.Calendar}, {"all-day", phone.Calendar}, {"place", phone.Calendar}, {"invite", phone.Calendar},
		{"due", phone.Tasks}, {"done", phone.Tasks},
		{"email", phone.Contacts}, {"mobile", phone.Contacts}, {"company", phone.Contacts},
	} {
		if o.given(f.name) && f.class != class {
			return fmt.Errorf("--%s is for a folder of the class %s, not %s", f.name, f.class, class)
		}
	}
	return nil
}

func (o *objectFlags) event(v eas.Version, uid string) (*eas.Calendar, error) {
	if len(o.invite) > 0 && v < eas.V160 {
		// Below, a phone sends the invitation itself (MS-ASCAL 3.1.4.4).
		return nil, fmt.Errorf("the server sends invitations since 16.0: give another --protocol")
	}
	start, end, err := o.times()
	if err != nil {
		return nil, err
	}
	now, busy := time.Now().UTC(), uint8(2)
	c := &eas.Calendar{Subject: &o.subject, BusyStatus: &busy}
	if v < eas.V160 {
		c.DtStamp, c.UID = &now, &uid
	} else {
		c.ClientUID = &uid
	}
	setTimes(c, v, start, end, o.allDay)
	o.describe(c, v)
	return c, nil
}

// setTimes says when an event is, in the time of this machine.
func setTimes(c *eas.Calendar, v eas.Version, start, end time.Time, days bool) {
	allDay := uint8(0)
	if days {
		allDay = 1
	}
	if v < eas.V160 {
		blob := base64.StdEncoding.EncodeToString(calendar.TimeZoneBlob(time.Local, start.Year()))
		c.Timezone = &blob
	} else if days {
		start, end = midnightUTC(start), midnightUTC(end)
	}
	start, end = start.UTC(), end.UTC()
	c.StartTime, c.EndTime, c.AllDayEvent = &start, &end, &allDay
}

func midnightUTC(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// describe says where an event is, who comes to it, and what it is about.
func (o *objectFlags) describe(c *eas.Calendar, v eas.Version) {
	if o.given("place") && v >= eas.V160 {
		c.Location = &eas.Location{DisplayName: o.place}
	} else if o.given("place") {
		c.LocationText = &o.place
	}
	for _, a := range o.invite {
		c.Attendees = append(c.Attendees, eas.CalendarAttendee{Email: a, Name: a})
	}
	if len(o.invite) > 0 {
		meeting := eas.MeetingIs
		c.MeetingStatus = &meeting
	}
	if o.given("text") && v == eas.V25 {
		c.PlainBody = &o.text
	} else if o.given("text") {
		c.Body = body(o.text)
	}
}

// times are when the event is; without an end it takes an hour, or its day.
func (o *objectFlags) times() (start, end time.Time, err error) {
	if o.start == "" {
		return start, end, fmt.Errorf("when is it? give --start, as %q", time.Now().Format(minuteForm))
	}
	if start, err = parseTime("--start", o.start, o.allDay); err != nil {
		return start, end, err
	}
	switch {
	case o.end == "" && o.allDay:
		return start, start.AddDate(0, 0, 1), nil
	case o.end == "":
		return start, start.Add(time.Hour), nil
	}
	if end, err = parseTime("--end", o.end, o.allDay); err != nil {
		return start, end, err
	}
	if o.allDay {
		end = end.AddDate(0, 0, 1) // the last day is one of them
	}
	if end.Before(start) {
		return start, end, fmt.Errorf("--end %s is before --start %s", o.end, o.start)
	}
	return start, end, nil
}

func parseTime(flag, s string, day bool) (time.Time, error) {
	form := minuteForm
	if day {
		form = dayForm
	}
	t, err := time.ParseInLocation(form, s, time.Local)
	if err != nil {
		return t, fmt.Errorf("%s: %q is not as %q", flag, s, time.Now().Format(form))
	}
	return t, nil
}

func (o *objectFlags) contact() *eas.Contact {
	c := &eas.Contact{}
	o.fillContact(c)
	return c
}

func (o *objectFlags) fillContact(c *eas.Contact) {
	if o.given("subject") {
		first, last := "", o.subject
		if i := strings.LastIndexByte(o.subject, ' '); i > 0 {
			first, last = o.subject[:i], o.subject[i+1:]
		}
		c.FileAs, c.FirstName, c.LastName = &o.subject, &first, &last
	}
	for _, f := range []struct {
		name  string
		to    **string
		value *string
	}{{"email", &c.Email1Address, &o.email}, {"mobile", &c.MobilePhoneNumber, &o.mobile}, {"company", &c.CompanyName, &o.company}} {
		if o.given(f.name) {
			*f.to = f.value
		}
	}
	if o.given("text") {
		c.Body = body(o.text)
	}
}

func (o *objectFlags) task(v eas.Version) (*eas.Task, error) {
	open, normal := uint8(0), uint8(1)
	t := &eas.Task{Complete: &open, Importance: &normal}
	return t, o.fillTask(t, v)
}

func (o *objectFlags) fillTask(t *eas.Task, v eas.Version) error {
	if o.given("subject") {
		t.Subject = &o.subject
	}
	if o.given("due") {
		day, err := time.ParseInLocation(dayForm, o.due, time.Local)
		if err != nil {
			return fmt.Errorf("--due: %q is not as %q", o.due, time.Now().Format(dayForm))
		}
		// The same day in both: one in UTC, one as the clock shows it (MS-ASTASK 2.2.2.10).
		local, utc := midnightUTC(day), day.UTC()
		t.DueDate, t.UtcDueDate = &local, &utc
	}
	if o.given("done") {
		complete, now := uint8(0), time.Now().UTC().Truncate(time.Second)
		if t.DateCompleted = nil; o.done {
			complete, t.DateCompleted = 1, &now
		}
		t.Complete = &complete
	}
	if o.given("text") && v == eas.V25 {
		t.PlainBody = &o.text
	} else if o.given("text") {
		t.Body = body(o.text)
	}
	return nil
}

func body(text string) *eas.Body { return &eas.Body{Type: eas.BodyPlain, Data: &text} }
