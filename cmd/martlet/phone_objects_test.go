package main

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"martlet/internal/phone"
	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// Below 16.0 a day comes as midnight in the event's zone, since then as a date.
func TestThePhoneListsAnAllDayEventOnItsDayInEveryZone(t *testing.T) {
	allDay := uint8(1)
	for _, name := range []string{"UTC", "Europe/Zurich", "America/Los_Angeles", "Pacific/Auckland", "Pacific/Kiritimati", "Asia/Kolkata"} {
		loc, err := calendar.LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Date(2026, 12, 24, 0, 0, 0, 0, loc).UTC()
		end := start.AddDate(0, 0, 1)
		blob := base64.StdEncoding.EncodeToString(calendar.TimeZoneBlob(loc, 2026))
		e := &eas.Calendar{StartTime: &start, EndTime: &end, AllDayEvent: &allDay, Timezone: &blob}
		if got := eventTimes(e); got != "2026-12-24, all day" {
			t.Errorf("%s: %q", name, got)
		}
	}
	start := time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)
	end := start.AddDate(0, 0, 3)
	if got := eventTimes(&eas.Calendar{StartTime: &start, EndTime: &end, AllDayEvent: &allDay}); got != "2026-12-24 to 2026-12-26, all day" {
		t.Errorf("three days: %q", got)
	}
}

func TestWhatOthersWroteMovesNoCursor(t *testing.T) {
	l := objectLine{Change: "add", ID: "7:1", Class: phone.Calendar, Name: "a\x1b[2J\tb\r\n", Details: []string{"\u009bc"}}
	if got, want := l.row(), "add\t7:1\t\ta [2J b  \t c"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	m := line{Change: "add", ID: "1:1", From: "x\x1by", Subject: "\x07"}
	if got, want := m.row(), "add\t1:1\t\tx y\t "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// flagged are the flags as somebody gives them.
func flagged(t *testing.T, args ...string) *objectFlags {
	t.Helper()
	var o objectFlags
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.add(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return &o
}

// What a folder does not have is refused, and what is added fits the version.
func TestThePhoneAddsWhatTheVersionHas(t *testing.T) {
	o := flagged(t, "--subject=Fair", "--start=2026-12-24", "--all-day")
	for _, v := range []eas.Version{eas.V25, eas.V141, eas.V160, eas.V161} {
		data, err := o.object(phone.Calendar, v, "uid")
		if err != nil {
			t.Fatal(v, err)
		}
		if c := data.(*eas.Calendar); (c.Timezone != nil) != (v < eas.V160) || eventTimes(c) != "2026-12-24, all day" {
			t.Errorf("%v: zone %v, %s", v, c.Timezone, eventTimes(c))
		}
	}
	for class, args := range map[string][]string{
		phone.Tasks:    {"--subject=x", "--place=here"},
		phone.Notes:    {"--subject=x", "--due=2026-12-24"},
		phone.Contacts: {"--subject=x", "--start=2026-12-24 10:00"},
		phone.Calendar: {"--subject=x", "--start=2026-12-24 10:00", "--end=2026-12-24 09:00"},
		"Email":        {"--subject=x"},
	} {
		if data, err := flagged(t, args...).object(class, eas.V161, "uid"); err == nil {
			t.Errorf("%s: took %+v", class, data)
		}
	}
}
