package object

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
)

// randomRule writes a rule, most of them as calendars have them.
func randomRule(rnd *rand.Rand, hourly bool) string {
	pick := func(from ...string) string { return from[rnd.IntN(len(from))] }
	freq := pick("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
	if hourly && rnd.IntN(4) == 0 {
		freq = "HOURLY"
	}
	rule := "FREQ=" + freq + ";INTERVAL=" + fmt.Sprint(1+rnd.IntN(4)) + pick("", "", ";COUNT=12", ";COUNT=300", ";UNTIL=20310517T100000Z", ";UNTIL=20290101T093000Z")
	rule += pick("", "", ";BYMONTH=1,6", ";BYMONTH=2")
	days := ";BYDAY=" + pick("MO", "TU,TH", "SA,SU", "MO,TU,WE,TH,FR", "FR")
	if freq == "MONTHLY" || freq == "YEARLY" {
		days = pick(days, ";BYDAY=1MO", ";BYDAY=-1SU", ";BYDAY=2TU,4TU", ";BYMONTHDAY=13", ";BYMONTHDAY=1,-1", days+";BYSETPOS=-1", days+";BYSETPOS=1,2")
	}
	if freq == "YEARLY" && !strings.Contains(rule, "BYMONTH") {
		days = pick(days, ";BYYEARDAY=1,-1,100", ";BYWEEKNO=20,30;BYDAY=TU", ";BYWEEKNO=10;BYDAY=MO,SU")
	}
	if rnd.IntN(4) > 0 {
		rule += days
	}
	if hourly && rnd.IntN(3) == 0 && !strings.Contains(rule, "SETPOS") {
		rule += pick(";BYHOUR=9,17", ";BYMINUTE=0,30", ";BYHOUR=8;BYMINUTE=15,45", ";BYSECOND=0,1")
	}
	return rule + pick("", ";WKST=SU")
}

// randomEvent writes an event with all that makes it come round, and some of its
// occurrences moved or cancelled.
func randomEvent(rnd *rand.Rand, zones ...string) string {
	start := time.Date(2024+rnd.IntN(4), time.Month(1+rnd.IntN(12)), 1+rnd.IntN(28), rnd.IntN(24), 30*rnd.IntN(2), 0, 0, time.UTC)
	form, param := "20060102T150405", ""
	switch zone := zones[rnd.IntN(len(zones))]; zone {
	case "date":
		form, param = "20060102", ";VALUE=DATE"
	case "floating":
	case "UTC":
		form += "Z"
	default:
		param = ";TZID=" + zone
	}
	at := func(t time.Time) string { return param + ":" + t.Format(form) + "\r\n" }
	later := func() time.Time { return start.AddDate(0, 0, rnd.IntN(800)) }
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART" + at(start))
	switch rnd.IntN(4) {
	case 0:
		b.WriteString("DTEND" + at(start.Add(time.Duration(1+rnd.IntN(50))*time.Hour+24*time.Hour)))
	case 1:
	default:
		b.WriteString("DURATION:P" + fmt.Sprint(rnd.IntN(2)) + "DT" + fmt.Sprint(1+rnd.IntN(5)) + "H\r\n")
	}
	rules := []int{0, 1, 1, 1, 1, 1, 1, 2}[rnd.IntN(8)]
	var text []string
	for range rules {
		text = append(text, randomRule(rnd, form[0] == '2' && len(form) > 8))
		b.WriteString("RRULE:" + text[len(text)-1] + "\r\n")
	}
	if rnd.IntN(8) == 0 {
		b.WriteString("EXRULE:FREQ=WEEKLY;INTERVAL=3\r\n")
	}
	for range rnd.IntN(4) {
		b.WriteString("RDATE" + at(later()))
	}
	if len(form) > 8 && param == "" && rnd.IntN(3) == 0 {
		b.WriteString("RDATE;VALUE=PERIOD:" + later().Format(form) + "/PT" + fmt.Sprint(1+rnd.IntN(90)) + "H\r\n")
	}
	var some []time.Time
	for _, s := range text {
		if r, err := calendar.ParseAnyRule(s); err == nil {
			skip, n := rnd.IntN(20), 0
			for t := range r.From(start) {
				if n++; n > skip {
					some = append(some, t)
				}
				if n > skip+4 {
					break
				}
			}
		}
	}
	rnd.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	for i, t := range some {
		if i < 2 {
			b.WriteString("EXDATE" + at(t))
		}
	}
	b.WriteString("END:VEVENT\r\n")
	for i, t := range some {
		if i < 2 || i > 4 {
			continue
		}
		to := t.Add(time.Duration(rnd.IntN(400)-200) * time.Hour)
		after := ""
		if rnd.IntN(6) == 0 {
			after = ";RANGE=THISANDFUTURE"
		}
		b.WriteString("BEGIN:VEVENT\r\nUID:1\r\nRECURRENCE-ID" + after + at(t) + "DTSTART" + at(to) + "DURATION:P2D\r\n")
		if i == 3 {
			b.WriteString("STATUS:CANCELLED\r\n")
		} else if i == 4 {
			b.WriteString("TRANSP:TRANSPARENT\r\n")
		}
		b.WriteString("END:VEVENT\r\n")
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.String()
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
		text := randomEvent(rnd, "date", "floating", "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "W. Europe Standard Time")
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
		o, err := Read(mail.ClassCalendar, []byte(randomEvent(rnd, "date", "floating", "UTC", "Europe/Berlin")))
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
