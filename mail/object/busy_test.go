package object

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/internal/random"
	"martlet/mail"
	"martlet/mail/calendar"
)

// follow ranges over the wall clocks of a rule.
func follow(rule string, start time.Time) iter.Seq[time.Time] {
	r, err := calendar.ParseAnyRule(rule)
	if err != nil {
		return func(func(time.Time) bool) {}
	}
	return r.From(start)
}

func tellPeriods(s []Period) string {
	var b strings.Builder
	for _, p := range s {
		fmt.Fprintf(&b, "%s to %s %d %v\n", p.Start.UTC().Format(time.RFC3339), p.End.UTC().Format(time.RFC3339), p.Status, p.Cancelled)
	}
	return b.String()
}

// Whoever asks the summary is told what the body says.
func TestASummaryIsBusyWhenTheBodyIs(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	apia, err := time.LoadLocation("Pacific/Apia")
	if err != nil {
		t.Fatal(err)
	}
	open := 0
	for range 150 {
		text := random.Event(rnd, follow, "date", "floating", "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "W. Europe Standard Time")
		o, err := Read(mail.ClassCalendar, []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		b, err := ParseBrief(o.Facts.Brief)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if b.Open {
			open++
			continue
		}
		zone := []*time.Location{time.UTC, apia}[rnd.IntN(2)]
		for range 10 {
			from := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rnd.IntN(8*365*24)) * time.Hour)
			to := from.Add(time.Duration(1+rnd.IntN(24*200)) * time.Hour)
			want := tellPeriods(slices.Collect(PeriodsIn(o.Calendar, from, to, zone)))
			if got := tellPeriods(slices.Collect(b.Periods(from, to, zone))); got != want {
				t.Fatalf("the summary from %s to %s:\n%s\nthe body:\n%s\n%s", from, to, got, want, text)
			}
			want = tellPeriods(slices.Collect(BusyIn(o.Calendar, from, to, zone)))
			if got := tellPeriods(slices.Collect(b.Busy(from, to, zone))); got != want {
				t.Fatalf("the summary is busy:\n%s\nthe body:\n%s\n%s", got, want, text)
			}
		}
	}
	if open > 0 {
		t.Errorf("%d summaries say that the body is to be opened", open)
	}
}

func TestASeriesThatIsTooLongForASummary(t *testing.T) {
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(lunch, "END:VEVENT\nEND:VCALENDAR\n") + "RRULE:FREQ=DAILY\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "EXDATE:%s\n", time.Date(2026, 6, 11+3*i, 10, i%60, 0, 0, time.UTC).Format("20060102T150405Z"))
	}
	b.WriteString("END:VEVENT\nEND:VCALENDAR\n")
	o, err := Read(mail.ClassCalendar, crlf(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	brief, err := ParseBrief(o.Facts.Brief)
	if err != nil || !brief.Open || brief.Series != nil || len(o.Facts.Brief) > 100 || !brief.Recurs {
		t.Errorf("%+v, %v, %d bytes", brief, err, len(o.Facts.Brief))
	}
	if o.Facts.At != mail.EndOfTime {
		t.Error(o.Facts.At)
	}
}

func FuzzParseBrief(f *testing.F) {
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 40 {
		o, err := Read(mail.ClassCalendar, []byte(random.Event(rnd, follow, "date", "floating", "UTC", "Europe/Berlin")))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(o.Facts.Brief)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		b, err := ParseBrief(p)
		if err != nil {
			return
		}
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		n := 0
		for range b.Busy(from, from.AddDate(0, 2, 0), nil) {
			if n++; n > 100 {
				break
			}
		}
		again, err := ParseBrief(b.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if string(again.Append(nil)) != string(b.Append(nil)) {
			t.Fatal("not the same bytes each time")
		}
	})
}

func BenchmarkRead(b *testing.B) {
	raw := crlf(strings.NewReplacer("DTSTART:20260610T100000Z", "DTSTART;TZID=Europe/Berlin:20260610T100000\nRRULE:FREQ=WEEKLY;UNTIL=20270610T080000Z;BYDAY=WE", "DTEND:20260610T110000Z", "DTEND;TZID=Europe/Berlin:20260610T110000").Replace(lunch))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(mail.ClassCalendar, raw); err != nil {
			b.Fatal(err)
		}
	}
}

// A person's two months: a thousand summaries, two hundred of which recur.
func BenchmarkBusy(b *testing.B) {
	single, err := Read(mail.ClassCalendar, crlf(lunch))
	if err != nil {
		b.Fatal(err)
	}
	weekly, err := Read(mail.ClassCalendar, crlf(strings.NewReplacer("DTSTART:20260610T100000Z", "DTSTART;TZID=Europe/Berlin:20160610T100000\nRRULE:FREQ=WEEKLY", "DTEND:20260610T110000Z", "DURATION:PT1H").Replace(lunch)))
	if err != nil {
		b.Fatal(err)
	}
	from := time.Date(2026, 5, 15, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(0, 2, 0)
	b.ReportAllocs()
	for b.Loop() {
		for i := range 1000 {
			o := single
			if i%5 == 0 {
				o = weekly
			}
			s, err := ParseBrief(o.Facts.Brief)
			if err != nil {
				b.Fatal(err)
			}
			n := 0
			for range s.Busy(from, to, nil) {
				n++
			}
			if n == 0 {
				b.Fatal("free")
			}
		}
	}
}
