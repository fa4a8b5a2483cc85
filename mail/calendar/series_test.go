package calendar

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teambition/rrule-go"

	"martlet/internal/random"
)

// follow ranges over the wall clocks of a rule.
func follow(rule string, start time.Time) iter.Seq[time.Time] {
	r, err := ParseAnyRule(rule)
	if err != nil {
		return func(func(time.Time) bool) {}
	}
	return r.From(start)
}

func tellOccurrence(at Occurrence) string {
	return fmt.Sprintf("%s: %s to %s, moved %d", show(at.ID), at.Start.UTC().Format(time.RFC3339), at.End.UTC().Format(time.RFC3339), at.Moved)
}

// A window shows what all of the occurrences would, wherever it is.
func TestAWindowShowsWhatIsInIt(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	apia, err := time.LoadLocation("Pacific/Apia")
	if err != nil {
		t.Fatal(err)
	}
	for range 400 {
		text := random.Event(rnd, follow, "date", "floating", "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
		o, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		zone := []*time.Location{time.UTC, apia}[rnd.IntN(2)]
		begin := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
		limit := begin.AddDate(12, 0, 0)
		var all []Occurrence
		for at := range o.Occurrences(begin, limit, zone) {
			all = append(all, at)
		}
		if len(all) > maxOccurrences/2 { // they end somewhere
			continue
		}
		for range 20 {
			from := begin.Add(time.Duration(rnd.IntN(11*365*24)) * time.Hour)
			to := from.Add(time.Duration(1+rnd.IntN(24*60)) * time.Hour)
			var want, got []string
			for _, at := range all {
				if at.Start.Before(to) && (at.End.After(from) || at.End.Equal(at.Start) && !at.Start.Before(from)) {
					want = append(want, tellOccurrence(at))
				}
			}
			last := time.Time{}
			for at := range o.Occurrences(from, to, zone) {
				if at.Start.Before(last) {
					t.Errorf("out of order")
				}
				last = at.Start
				got = append(got, tellOccurrence(at))
			}
			if !slices.Equal(got, want) {
				t.Fatalf("from %s to %s:\n got %s\nwant %s\n%s", from, to, strings.Join(got, "\n     "), strings.Join(want, "\n     "), text)
			}
		}
		// The end is that of the last.
		if end, ok := o.Series().Ends(zone); ok && end.Year() < 2100 {
			var last time.Time
			for at := range o.Occurrences(begin, begin.AddDate(100, 0, 0), zone) {
				if at.End.After(last) {
					last = at.End
				}
			}
			if !end.Equal(last) && !last.IsZero() {
				t.Fatalf("ends %v, want %v\n%s", end, last, text)
			}
		}
	}
}

// Hours, minutes and seconds are followed as another implementation follows
// them.
func TestRulesOfSeveralTimesADay(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	n := 0
	for range 3000 {
		rule := random.Rule(rnd, true)
		r, err := ParseAnyRule(rule)
		if err != nil {
			t.Fatalf("%s: %v", rule, err)
		}
		if r.plain() {
			continue
		}
		n++
		start := time.Date(2020+rnd.IntN(8), time.Month(1+rnd.IntN(12)), 1+rnd.IntN(28), 9, 30, 0, 0, time.UTC)
		option, err := rrule.StrToROption(rule)
		if err != nil {
			t.Fatal(err)
		}
		option.Dtstart = start
		if option.Count > 0 { // they do not count the start where the rule does not meet it
			option.Count, r.Count = 0, 0
		}
		theirs, err := rrule.NewRRule(*option)
		if err != nil {
			t.Fatal(err)
		}
		next := theirs.Iterator()
		i := 0
		for at := range r.From(start) {
			if at.Equal(start) {
				continue
			}
			want, ok := next()
			if ok && want.Equal(start) {
				want, ok = next()
			}
			if !ok || !want.Equal(at) {
				t.Fatalf("%s from %s: %v, want %v", rule, start, at, want)
			}
			if i++; i > 40 {
				break
			}
		}
	}
	if n < 300 {
		t.Errorf("only %d rules", n)
	}
}

func TestSeveralRulesAndExceptionsByRule(t *testing.T) {
	o, err := Parse([]byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20260601T090000Z\nRRULE:FREQ=DAILY;COUNT=5\nRRULE:FREQ=DAILY;BYHOUR=9,15;COUNT=4\nEXRULE:FREQ=DAILY;INTERVAL=2;COUNT=2\nEXDATE;VALUE=DATE:20260604\nEND:VEVENT\nEND:VCALENDAR\n"))
	if err != nil {
		t.Fatal(err)
	}
	e := o.Master()
	if e.Rule != nil || !e.BadRule {
		t.Errorf("%v %v", e.Rule, e.BadRule)
	}
	var got []string
	for at := range e.Occurrences() {
		got = append(got, at.Format("02T15"))
	}
	if s := strings.Join(got, " "); s != "01T15 02T09 02T15 05T09" {
		t.Error(s)
	}
}

func TestAnOccurrenceThatMovesThoseBehindIt(t *testing.T) {
	o, err := Parse([]byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260601T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4\nEND:VEVENT\n" +
		"BEGIN:VEVENT\nUID:1\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260602T090000\nDTSTART;TZID=Europe/Berlin:20260602T140000\nDURATION:PT2H\nEND:VEVENT\n" +
		"BEGIN:VEVENT\nUID:1\nRECURRENCE-ID;TZID=Europe/Berlin:20260603T090000\nDTSTART;TZID=Europe/Berlin:20260603T080000\nDURATION:PT3H\nEND:VEVENT\nEND:VCALENDAR\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for at := range o.Occurrences(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), nil) {
		got = append(got, at.Start.UTC().Format("02T15")+"-"+at.End.UTC().Format("15"))
	}
	if s := strings.Join(got, " "); s != "01T07-08 02T12-14 03T06-09 04T12-14" {
		t.Error(s)
	}
}

// The night on which half past two does not come has its occurrence at half past
// three, and is known by either time.
func TestAnOccurrenceInAnHourThatDoesNotCome(t *testing.T) {
	const head = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260327T023000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=5\n"
	for lines, want := range map[string]string{
		"END:VEVENT\n": "27T01:30 28T01:30 29T01:30 30T00:30 31T00:30",
		"EXDATE;TZID=Europe/Berlin:20260329T023000\nEND:VEVENT\n":                                                                   "27T01:30 28T01:30 30T00:30 31T00:30",
		"EXDATE:20260329T013000Z\nEND:VEVENT\n":                                                                                     "27T01:30 28T01:30 30T00:30 31T00:30",
		"END:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260329T013000Z\nDTSTART:20260329T100000Z\nEND:VEVENT\n":                   "27T01:30 28T01:30 29T10:00 30T00:30 31T00:30",
		"END:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID;TZID=Europe/Berlin:20260329T023000\nDTSTART:20260329T100000Z\nEND:VEVENT\n": "27T01:30 28T01:30 29T10:00 30T00:30 31T00:30",
	} {
		o, err := Parse([]byte(head + lines + "END:VCALENDAR\n"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for at := range o.Occurrences(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), nil) {
			got = append(got, at.Start.UTC().Format("02T15:04"))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s:\n got %s\nwant %s", lines, s, want)
		}
		at := time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC)
		if has := o.Master().HasOccurrence(at); has != !strings.Contains(lines, "EXDATE") {
			t.Errorf("%s: %v", lines, has)
		}
		if one := o.Instance(at); one == nil != strings.Contains(lines, "EXDATE") {
			t.Errorf("%s: %v", lines, one)
		}
	}
}

func BenchmarkAMonthOfTwentyYears(b *testing.B) {
	o, err := Parse([]byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20060601T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260601T070000Z\nEND:VEVENT\nEND:VCALENDAR\n"))
	if err != nil {
		b.Fatal(err)
	}
	from := time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(0, 1, 0)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for range o.Occurrences(from, to, nil) {
			n++
		}
		if n != 31 {
			b.Fatal(n)
		}
	}
}
