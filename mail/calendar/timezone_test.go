package calendar

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

// pacific is the structure of Pacific time: 480, "Pacific Standard Time", the
// first Sunday of November at two, 0, "Pacific Daylight Time", the second Sunday
// of March at two, -60.
const pacific = "4AEAAFAAYQBjAGkAZgBpAGMAIABTAHQAYQBuAGQAYQByAGQAIABUAGkAbQBlAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAsAAAABAAIAAAAAAAAAAAAAAFAAYQBjAGkAZgBpAGMAIABEAGEAeQBsAGkAZwBoAHQAIABUAGkAbQBlAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAMAAAACAAIAAAAAAAAAxP///w=="

func TestTheTimeZoneStructure(t *testing.T) {
	la, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	blob := TimeZoneBlob(la, 2026)
	if got := base64.StdEncoding.EncodeToString(blob); got != pacific {
		t.Errorf("got  %s\nwant %s", got, pacific)
	}
	z, err := ParseTimeZone(blob)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(z); got != "{480 {Pacific Standard Time 0 {0 11 0 1 2 0 0 0}} {Pacific Daylight Time -60 {0 3 0 2 2 0 0 0}}}" {
		t.Error(got)
	}
	loc, err := z.Location(2026)
	if err != nil || loc.String() != "America/Los_Angeles" {
		t.Errorf("%v, %v", loc, err)
	}
}

// probes are points in time all over a year.
func probes(year int) (out []time.Time) {
	for t := time.Date(year, 1, 1, 0, 30, 0, 0, time.UTC); t.Year() == year; t = t.Add(97 * time.Hour) {
		out = append(out, t)
	}
	return out
}

// Every zone that Windows knows survives the structure: through its name, and
// without it.
func TestEveryWindowsZoneComesBackFromItsStructure(t *testing.T) {
	for _, row := range windowsZones {
		loc, err := time.LoadLocation(row[1])
		if err != nil {
			t.Fatalf("%s: %v", row[1], err)
		}
		for _, year := range []int{2024, 2026} {
			z := ZoneOf(loc, year)
			if z.Standard.Name != row[0] {
				t.Errorf("%s: named %s", row[0], z.Standard.Name)
			}
			again, err := ParseTimeZone(z.Append(nil))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{z.Standard.Name, "", "Mitteleuropäische Zeit"}[:1+2*(year-2024)/2] {
				again.Standard.Name = name
				found, err := again.Location(year)
				if err != nil {
					t.Errorf("%s: %v", row[0], err)
					continue
				}
				if name == z.Standard.Name && found.String() != loc.String() && row[0] != "UTC" {
					t.Errorf("%s became %s", loc, found)
				}
				defined, err := again.define(year)
				if err != nil {
					t.Errorf("%s: %v", row[0], err)
					continue
				}
				for _, at := range probes(year) {
					_, want := at.In(loc).Zone()
					if _, got := at.In(found).Zone(); got != want {
						t.Errorf("%s %s: %s has %d, want %d", row[0], at, found, got, want)
						break
					}
					if _, got := at.In(defined).Zone(); got != want {
						t.Errorf("%s %s: defined, it has %d, want %d", row[0], at, got, want)
						break
					}
				}
			}
		}
	}
}

// A zone that is written as VTIMEZONE is the same when it is read.
func TestEveryWindowsZoneComesBackFromItsDefinition(t *testing.T) {
	for _, row := range windowsZones {
		loc, err := time.LoadLocation(row[1])
		if err != nil {
			t.Fatal(err)
		}
		c := DescribeZone("private "+row[0], loc, 2026)
		left := maxObservances
		got, err := defineZone(c, &left)
		if err != nil {
			t.Errorf("%s: %v\n%s", row[0], err, c.Append(nil))
			continue
		}
		for _, year := range []int{2026, 2040} {
			for _, at := range probes(year) {
				_, want := at.In(loc).Zone()
				if _, is := at.In(got).Zone(); is != want {
					t.Errorf("%s %s: %d, want %d\n%s", row[0], at, is, want, c.Append(nil))
					break
				}
			}
		}
	}
}

func TestZonesAreFoundByTheNamesThatProgramsGiveThem(t *testing.T) {
	for name, want := range map[string]string{
		"Europe/Berlin": "Europe/Berlin", "W. Europe Standard Time": "Europe/Berlin", "w. europe standard time": "Europe/Berlin",
		"/citadel.org/20070227_1/Europe/Berlin": "Europe/Berlin", "/freeassociation.sourceforge.net/Tzfile/America/New_York": "America/New_York",
		"UTC": "UTC", "Z": "UTC", `"Eastern Standard Time"`: "America/New_York", "GMT": "UTC", "US/Eastern": "US/Eastern",
		"europe/berlin": "Europe/Berlin", "EUROPE/BERLIN": "Europe/Berlin", "America/New York": "America/New_York", "tzone://Microsoft/Utc": "UTC",
	} {
		loc, err := LoadZone(name)
		if err != nil || loc.String() != want {
			t.Errorf("%q: %v, %v", name, loc, err)
		}
	}
	for name, want := range map[string]int{"GMT+1": 3600, "UTC-03:30": -12600, "+0530": 19800, "GMT +02:00": 7200, "UTC+10": 36000} {
		loc, err := LoadZone(name)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if _, got := time.Unix(0, 0).In(loc).Zone(); got != want {
			t.Errorf("%q: %d", name, got)
		}
	}
	for _, name := range []string{"GMT+99", "UTC+", "+1a", "", "Local", "local", "../../etc/passwd", "/etc/localtime", "Nowhere", strings.Repeat("x", 10000), "x/", "/", "//", "Customized Time Zone"} {
		if loc, err := LoadZone(name); err == nil {
			t.Errorf("%q: %v", name, loc)
		}
	}
}

func TestWrongTimeZoneStructures(t *testing.T) {
	good := TimeZoneBlob(time.UTC, 2026)
	for name, b := range map[string][]byte{
		"empty": nil, "short": good[:171], "long": append(good[:172:172], 0),
		"month 13": with(good, 4+64+2, 13), "weekday 7": with(good, 4+64+4, 7), "hour 25": with(good, 4+64+8, 25), "far away": with(good, 2, 0x7f),
	} {
		if _, err := ParseTimeZone(b); err != ErrBadZone {
			t.Errorf("%s: %v", name, err)
		}
	}
	if z, err := ParseTimeZone(make([]byte, 172)); err != nil {
		t.Error(err)
	} else if loc, err := z.Location(2026); err != nil || loc != time.UTC {
		t.Errorf("all zeros: %v %v", loc, err)
	}
}

func with(b []byte, at int, v byte) []byte {
	c := append([]byte(nil), b...)
	c[at] = v
	return c
}

func FuzzTimeZone(f *testing.F) {
	f.Add(TimeZoneBlob(time.UTC, 2026))
	b, err := base64.StdEncoding.DecodeString(pacific)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		z, err := ParseTimeZone(b)
		if err != nil {
			return
		}
		if again, err := ParseTimeZone(z.Append(nil)); err != nil || again.Bias != z.Bias {
			t.Fatalf("%v %v", again, err)
		}
		if loc, err := z.define(2026); err == nil {
			ZoneOf(loc, 2026)
		}
	})
}
