package calendar

import (
	"fmt"
	"testing"
	"time"
)

// worldZones are zones of every kind and continent: without summer time and
// with, of the south, of half and quarter hours, of laws that were changed, of
// summer times of half an hour and in winter.
var worldZones = []string{
	"Africa/Abidjan", "Africa/Cairo", "Africa/Casablanca", "Africa/El_Aaiun", "Africa/Johannesburg", "Africa/Lagos", "Africa/Nairobi", "Africa/Windhoek", "Africa/Juba",
	"America/Anchorage", "America/Asuncion", "America/Argentina/Buenos_Aires", "America/Bogota", "America/Caracas", "America/Chicago", "America/Denver", "America/Havana",
	"America/Los_Angeles", "America/Mexico_City", "America/New_York", "America/Nuuk", "America/Phoenix", "America/Regina", "America/Santiago", "America/Sao_Paulo", "America/St_Johns", "America/Port-au-Prince",
	"Antarctica/Troll", "Antarctica/Macquarie",
	"Asia/Almaty", "Asia/Amman", "Asia/Beirut", "Asia/Dubai", "Asia/Gaza", "Asia/Jerusalem", "Asia/Kabul", "Asia/Kathmandu", "Asia/Kolkata", "Asia/Pyongyang", "Asia/Shanghai", "Asia/Tehran", "Asia/Tokyo", "Asia/Yangon",
	"Atlantic/Azores", "Atlantic/Reykjavik",
	"Australia/Adelaide", "Australia/Brisbane", "Australia/Eucla", "Australia/Lord_Howe", "Australia/Sydney",
	"Europe/Berlin", "Europe/Dublin", "Europe/Istanbul", "Europe/Kyiv", "Europe/Lisbon", "Europe/London", "Europe/Moscow", "Europe/Volgograd", "Europe/Chisinau",
	"Pacific/Apia", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Easter", "Pacific/Fiji", "Pacific/Honolulu", "Pacific/Kiritimati", "Pacific/Marquesas", "Pacific/Norfolk", "Pacific/Tongatapu",
}

func zoneOfTheWorld(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// hours are points in time all over a year on a zone's clock, and those around
// each change.
func hours(loc *time.Location, year int) (out []time.Time) {
	end := time.Date(year+1, 1, 1, 0, 0, 0, 0, loc)
	for t := time.Date(year, 1, 1, 0, 0, 0, 0, loc); t.Before(end); t = t.Add(17 * time.Hour) {
		out = append(out, t)
	}
	for _, c := range changesIn(loc, year) {
		out = append(out, c.at.Add(-time.Second), c.at, c.at.Add(time.Hour))
	}
	return out
}

// A structure made of a zone and a year is read as that zone, or as one that
// has the same offsets throughout that year.
func TestAZoneComesBackFromItsStructureInEachYear(t *testing.T) {
	for _, name := range worldZones {
		loc := zoneOfTheWorld(t, name)
		for year := 2008; year <= 2036; year += 1 {
			if n := len(changesIn(loc, year)); n > 2 {
				continue // no structure can tell of it
			}
			z, err := ParseTimeZone(TimeZoneBlob(loc, year))
			if err != nil {
				t.Fatal(err)
			}
			for _, named := range []bool{true, false} {
				if !named {
					if year%4 != 0 {
						continue
					}
					z.Standard.Name, z.Daylight.Name = "", "Sommerzeit"
				}
				found, err := z.Location(year)
				if err != nil {
					t.Errorf("%s %d: %v", name, year, err)
					continue
				}
				if len(changesIn(found, year)) > 2 {
					continue // Windows has one name for two zones
				}
				for _, at := range hours(loc, year) {
					_, want := at.Zone()
					if _, got := at.In(found).Zone(); got != want {
						t.Errorf("%s %d: %s at %s, %d, want %d\n%+v", name, year, found, at, got, want, z)
						break
					}
				}
			}
		}
	}
}

// The years of which a structure cannot tell are few, and told of mostly right.
func TestAYearThatNoStructureTellsOf(t *testing.T) {
	n := 0
	for _, name := range worldZones {
		loc := zoneOfTheWorld(t, name)
		for year := 2008; year <= 2036; year++ {
			if len(changesIn(loc, year)) <= 2 {
				continue
			}
			n++
			found, err := ZoneOf(loc, year).Location(year)
			if err != nil {
				t.Fatal(err)
			}
			wrong := 0
			all := hours(loc, year)
			for _, at := range all {
				_, want := at.Zone()
				if _, got := at.In(found).Zone(); got != want {
					wrong++
				}
			}
			if wrong > len(all)/2 {
				t.Errorf("%s %d: wrong for %d of %d hours", name, year, wrong, len(all))
			}
		}
	}
	t.Logf("%d years", n)
}

// Ten o'clock is ten o'clock on the days around each change, written by us, told
// to a phone by the structure, and read again.
func TestTenOClockStaysTenOClockOverEachChange(t *testing.T) {
	for _, name := range worldZones {
		loc := zoneOfTheWorld(t, name)
		for year := 2016; year <= 2030; year++ {
			all := changesIn(loc, year)
			if len(all) > 2 {
				continue
			}
			for _, c := range all {
				for _, days := range []int{-1, 1} {
					day := c.at.In(loc).AddDate(0, 0, days)
					ten := time.Date(day.Year(), day.Month(), day.Day(), 10, 0, 0, 0, loc)
					if ten.Year() != year {
						continue
					}
					o, err := Parse(NewObject("", &Event{UID: "1", Start: Time{Time: ten, TZID: name}, End: Time{Time: ten.Add(time.Hour), TZID: name}}).Encode())
					if err != nil {
						t.Fatal(err)
					}
					e := o.Master()
					z, err := ParseTimeZone(TimeZoneBlob(e.Zone(), year))
					if err != nil {
						t.Fatal(err)
					}
					phone, err := z.Location(year)
					if err != nil {
						t.Fatal(err)
					}
					if at := e.Start.Time; !at.Equal(ten) || at.In(phone).Format("15:04") != "10:00" || at.In(loc).Format("15:04") != "10:00" {
						t.Errorf("%s, %s: the phone in %s has %s", name, ten, phone, at.In(phone))
					}
				}
			}
		}
	}
}

// Whoever has only the definition that is written with an event finds each of its
// occurrences where the world has it, over many years.
func TestADefinitionHoldsOverTheYears(t *testing.T) {
	for _, name := range worldZones {
		loc := zoneOfTheWorld(t, name)
		for _, year := range []int{1998, 2010, 2016, 2026} {
			c := DescribeZone("private", loc, year)
			left := maxObservances
			got, err := defineZone(c, &left)
			if err != nil {
				t.Errorf("%s: %v\n%s", name, err, c.Append(nil))
				continue
			}
			for at := time.Date(year, 1, 1, 10, 0, 0, 0, loc); at.Year() < year+35; at = at.AddDate(0, 0, 1) {
				_, want := at.Zone()
				if _, is := at.In(got).Zone(); is != want {
					t.Errorf("%s from %d: %s: %d, want %d\n%s", name, year, at, is, want, c.Append(nil))
					break
				}
			}
		}
	}
}

// A definition under a name of its own is known for the zone of the world that it
// describes.
func TestADefinitionIsKnownForAZoneOfTheWorld(t *testing.T) {
	for _, name := range worldZones {
		loc := zoneOfTheWorld(t, name)
		root := &Component{Name: "VCALENDAR", Children: []*Component{
			DescribeZone("Our office", loc, 2026),
			{Name: "VEVENT", Props: []Property{{Name: "DTSTART", Value: "20260610T100000", Params: []Param{{"TZID", []string{"Our office"}}}}}},
		}}
		e := newObject(root).Master()
		if e.Start.TZID != "Our office" || e.Start.Floating {
			t.Errorf("%s: %+v", name, e.Start)
		}
		if !agree(e.Start.Location(), loc, 2026) {
			t.Errorf("%s is read as %s", name, e.Start.Location())
		}
		if WindowsName(e.Start.Location().String()) == "" && WindowsName(name) != "" {
			t.Errorf("%s is not known: %s", name, e.Start.Location())
		}
	}
}

// An event of days is on its day for everybody.
func TestAnAllDayEventStaysOnItsDayInEveryZone(t *testing.T) {
	o, err := Parse([]byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260610\nRRULE:FREQ=DAILY;COUNT=400\nEND:VEVENT\nEND:VCALENDAR\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range worldZones {
		loc := zoneOfTheWorld(t, name)
		day := time.Date(2026, 6, 10, 0, 0, 0, 0, time.UTC)
		for at := range o.Occurrences(day.AddDate(0, 0, -2), day.AddDate(2, 0, 0), loc) {
			y, m, d := at.Start.Date()
			if want := InZone(day, loc); !at.Start.Equal(want) || time.Date(y, m, d, 0, 0, 0, 0, time.UTC) != day {
				t.Fatalf("%s: %s, want %s", name, at.Start, want)
			}
			if day = day.AddDate(0, 0, 1); !at.End.Equal(InZone(day, loc)) {
				t.Fatalf("%s: it ends at %s", name, at.End)
			}
		}
	}
}

// RFC 5545 3.3.5: a time that comes twice is the first, one that never comes is
// counted by the offset before.
func TestTimesThatComeTwiceOrNever(t *testing.T) {
	for _, tt := range []struct{ zone, wall, want string }{
		{"America/New_York", "2026-03-08 02:30", "2026-03-08T07:30"}, {"America/New_York", "2026-11-01 01:30", "2026-11-01T05:30"},
		{"Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:30"}, {"Europe/Berlin", "2026-10-25 02:30", "2026-10-25T00:30"},
		{"Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03T15:45"}, {"Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04T14:45"},
		{"Pacific/Apia", "2011-12-30 12:00", "2011-12-30T22:00"}, {"Europe/Dublin", "2026-10-25 01:30", "2026-10-25T00:30"},
		{"Europe/Berlin", "2026-10-25 03:00", "2026-10-25T02:00"}, {"Europe/Berlin", "2026-03-29 03:00", "2026-03-29T01:00"},
	} {
		wall, err := time.Parse("2006-01-02 15:04", tt.wall)
		if err != nil {
			t.Fatal(err)
		}
		if got := InZone(wall, zoneOfTheWorld(t, tt.zone)).UTC().Format("2006-01-02T15:04"); got != tt.want {
			t.Errorf("%s in %s: %s, want %s", tt.wall, tt.zone, got, tt.want)
		}
	}
	for _, name := range worldZones { // and all others are what they are
		loc := zoneOfTheWorld(t, name)
		for _, at := range hours(loc, 2026) {
			if got := InZone(wallOf(at), loc); fmt.Sprint(wallOf(got)) != fmt.Sprint(wallOf(at)) {
				t.Fatalf("%s: %s became %s", name, at, got)
			}
		}
	}
}

// Definitions as programs write them are known for the zones that they mean.
func TestDefinitionsOfOtherProgramsAreKnown(t *testing.T) {
	season := func(kind, start, from, to, rule string) string {
		if rule != "" {
			rule = "RRULE:" + rule + "\n"
		}
		return "BEGIN:" + kind + "\nDTSTART:" + start + "\nTZOFFSETFROM:" + from + "\nTZOFFSETTO:" + to + "\n" + rule + "END:" + kind + "\n"
	}
	const lastOctober, lastMarch = "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"
	european := season("STANDARD", "16011028T030000", "+0200", "+0100", lastOctober) + season("DAYLIGHT", "16010325T020000", "+0100", "+0200", lastMarch)
	for _, tt := range []struct{ program, id, zone, want string }{
		{"Outlook", "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", european, "Europe/Berlin"},
		{"Outlook, in German", "Mitteleuropäische Zeit", european, "Europe/Berlin"},
		{"Outlook, by its name", "Eastern Standard Time", european, "America/New_York"},
		{"Exchange", "Customized Time Zone", season("STANDARD", "16010101T020000", "-0400", "-0500", "FREQ=YEARLY;INTERVAL=1;BYDAY=1SU;BYMONTH=11") + season("DAYLIGHT", "16010101T020000", "-0500", "-0400", "FREQ=YEARLY;INTERVAL=1;BYDAY=2SU;BYMONTH=3"), "America/New_York"},
		{"SyncEvolution", "Office", season("STANDARD", "19671029T030000", "+0200", "+0100", "FREQ=MONTHLY;INTERVAL=12;BYDAY=-1SU") + season("DAYLIGHT", "19870329T020000", "+0100", "+0200", "FREQ=MONTHLY;INTERVAL=12;BYDAY=-1SU"), "Europe/Berlin"},
		{"Exchange, before 2007", "Customized Time Zone", season("STANDARD", "16010101T020000", "-0400", "-0500", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10") + season("DAYLIGHT", "16010101T020000", "-0500", "-0400", "FREQ=YEARLY;BYDAY=1SU;BYMONTH=4"), "Customized Time Zone"},
		{"Google", "Europe/Zurich", "X-LIC-LOCATION:Europe/Zurich\n" + european, "Europe/Zurich"},
		{"libical", "/example.org/20070227_1/private", "X-LIC-LOCATION:Europe/Vienna\n" + european, "Europe/Vienna"},
		{"Apple", "GMT+0100", season("DAYLIGHT", "19810329T020000", "+0100", "+0200", lastMarch) + season("STANDARD", "19961027T030000", "+0200", "+0100", lastOctober), "Europe/Berlin"},
		{"Apple, all of history", "Sydney", season("STANDARD", "20080406T030000", "+1100", "+1000", "FREQ=YEARLY;BYMONTH=4;BYDAY=1SU") + season("DAYLIGHT", "20081005T020000", "+1000", "+1100", "FREQ=YEARLY;BYMONTH=10;BYDAY=1SU"), "Australia/Sydney"},
		{"Lotus Notes", "Central Standard", season("STANDARD", "19501105T020000", "-0500", "-0600", "FREQ=YEARLY;BYMINUTE=0;BYHOUR=2;BYDAY=1SU;BYMONTH=11") + season("DAYLIGHT", "19500312T020000", "-0600", "-0500", "FREQ=YEARLY;BYMINUTE=0;BYHOUR=2;BYDAY=2SU;BYMONTH=3"), "America/Chicago"},
		{"without a season", "Kolkata, Chennai", season("STANDARD", "16010101T000000", "+0530", "+0530", ""), "Asia/Calcutta"},
		{"of Lord Howe", "half an hour", season("STANDARD", "20080406T020000", "+1100", "+1030", "FREQ=YEARLY;BYMONTH=4;BYDAY=1SU") + season("DAYLIGHT", "20081005T020000", "+1030", "+1100", "FREQ=YEARLY;BYMONTH=10;BYDAY=1SU"), "Australia/Lord_Howe"},
		{"of one year", "cut", season("STANDARD", "20261025T030000", "+0200", "+0100", "") + season("DAYLIGHT", "20260329T020000", "+0100", "+0200", ""), "cut"},
		{"of nowhere", "mine", season("STANDARD", "19700101T000000", "+0123", "+0123", ""), "mine"},
	} {
		o, err := Parse([]byte("BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:" + tt.id + "\n" + tt.zone + "END:VTIMEZONE\nBEGIN:VEVENT\nUID:1\nDTSTART;TZID=\"" + tt.id + "\":20260610T100000\nEND:VEVENT\nEND:VCALENDAR\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := o.Master().Start; got.Location().String() != tt.want || got.TZID != tt.id || got.Format("15:04") != "10:00" {
			t.Errorf("%s: %s is %s, want %s", tt.program, got, got.Location(), tt.want)
		}
	}
}
