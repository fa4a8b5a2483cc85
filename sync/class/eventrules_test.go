package class_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
	"martlet/sync/class"
)

// occurrencesOf are the starts of an object's occurrences in a window.
func occurrencesOf(t testing.TB, raw []byte, n int) (out []string) {
	t.Helper()
	obj, err := calendar.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	from := obj.Master().Start.AddDate(-2, 0, 0)
	for o := range obj.Occurrences(from, from.AddDate(40, 0, 0), time.UTC) {
		if o.Event.Status == "CANCELLED" {
			continue
		}
		if out = append(out, o.Start.UTC().Format("20060102T1504")); len(out) == n {
			break
		}
	}
	slices.Sort(out)
	return out
}

// The rules that ActiveSync can carry, both ways: what a client adds that was
// shown one is a series of the same days.
func TestRulesGoToClientsAndBack(t *testing.T) {
	for _, c := range []struct {
		start, rule, want string
	}{
		{"20261005", "FREQ=DAILY", "0 every 1"},
		{"20261005", "FREQ=DAILY;INTERVAL=3", "0 every 3"},
		{"20261005", "FREQ=DAILY;COUNT=5", "0 every 1 times 5"},
		{"20261005", "FREQ=DAILY;UNTIL=20261201T100000Z", "0 every 1 until 20261201T080000Z"},
		{"20261005", "FREQ=DAILY;UNTIL=20261201T070000Z", "0 every 1 until 20261130T080000Z"},
		{"20261005", "FREQ=DAILY;UNTIL=20261201", "0 every 1 until 20261201T080000Z"},
		{"20261005", "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "1 every 1 days 62"},
		{"20261005", "FREQ=DAILY;COUNT=5000", "0 every 1 until 20400612T080000Z"},
		{"20261005", "FREQ=WEEKLY", "1 every 1 days 2"},
		{"20261005", "FREQ=WEEKLY;BYDAY=MO", "1 every 1 days 2"},
		{"20261005", "FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT=9", "1 every 1 times 9 days 42"},
		{"20261005", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=MO", "1 every 2 days 3 first 1"},
		{"20261005", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU", "1 every 2 days 3 first 0"},
		{"20261010", "FREQ=WEEKLY;BYDAY=SA,SU", "1 every 1 days 65"},
		{"20261005", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU", "1 every 1 days 127"},
		{"20261005", "FREQ=MONTHLY", "2 every 1 day 5"},
		{"20261005", "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=5", "2 every 2 day 5"},
		{"20261031", "FREQ=MONTHLY;BYMONTHDAY=31", "2 every 1 day 31"},
		{"20261031", "FREQ=MONTHLY;BYMONTHDAY=-1", "3 every 1 week 5 days 127"},
		{"20261005", "FREQ=MONTHLY;BYDAY=1MO", "3 every 1 week 1 days 2"},
		{"20261026", "FREQ=MONTHLY;BYDAY=-1MO;COUNT=7", "3 every 1 times 7 week 5 days 2"},
		{"20261005", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1", "3 every 1 week 1 days 2"},
		{"20261001", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1", "3 every 1 week 1 days 62"},
		{"20261030", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "3 every 1 week 5 days 62"},
		{"20261004", "FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=2", "3 every 1 week 2 days 65"},
		{"20261031", "FREQ=MONTHLY;BYDAY=SU,MO,TU,WE,TH,FR,SA;BYSETPOS=-1", "3 every 1 week 5 days 127"},
		{"20261003", "FREQ=MONTHLY;BYDAY=SU,MO,TU,WE,TH,FR,SA;BYSETPOS=3", "3 every 1 week 3 days 127"},
		{"20261012", "FREQ=MONTHLY;BYDAY=MO;BYMONTHDAY=8,9,10,11,12,13,14", "3 every 1 week 2 days 2"},
		{"20261006", "FREQ=MONTHLY;BYDAY=TU,TH;BYSETPOS=2", "3 every 1 week 2 days 20"},
		{"20261005", "FREQ=MONTHLY;BYDAY=MO", "1 every 1 days 2"},
		{"20261005", "FREQ=YEARLY", "5 every 1 day 5 month 10"},
		{"20261005", "FREQ=YEARLY;INTERVAL=4;COUNT=3", "5 every 4 times 3 day 5 month 10"},
		{"20261005", "FREQ=YEARLY;BYMONTH=10;BYMONTHDAY=5", "5 every 1 day 5 month 10"},
		{"20280229", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "5 every 1 day 29 month 2"},
		{"20261031", "FREQ=YEARLY;BYMONTH=10;BYMONTHDAY=-1", "6 every 1 week 5 days 127 month 10"},
		{"20261025", "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "6 every 1 week 5 days 1 month 10"},
		{"20261126", "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "6 every 1 week 4 days 16 month 11"},
		{"20261102", "FREQ=YEARLY;BYMONTH=11;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1", "6 every 1 week 1 days 62 month 11"},
		{"20261005", "FREQ=YEARLY;BYMONTH=1,4,7,10", "2 every 3 day 5"},
		{"20261005", "FREQ=YEARLY;BYMONTH=10,1,7,4;BYDAY=1MO", "3 every 3 week 1 days 2"},
		{"20261005", "FREQ=YEARLY;BYDAY=MO", "1 every 1 days 2"},
		{"20261109", "FREQ=YEARLY;BYMONTH=11;BYDAY=MO;BYMONTHDAY=8,9,10,11,12,13,14", "6 every 1 week 2 days 2 month 11"},
	} {
		raw := ics("SUMMARY:x", "DTSTART:"+c.start+"T080000Z", "DTEND:"+c.start+"T090000Z", "RRULE:"+c.rule)
		shown := showEvent(t, raw, eas.V141, ada)
		got := describe(shown.Recurrence)
		want := c.want
		if !strings.Contains(want, "first") {
			got, _, _ = strings.Cut(got, " first")
		}
		if got != want {
			t.Errorf("%s: %s, not %s", c.rule, got, want)
		}
		if len(shown.Exceptions) > 0 {
			t.Errorf("%s: %d exceptions", c.rule, len(shown.Exceptions))
		}
		for _, v := range eas.Versions() {
			shown := showEvent(t, raw, v, ada)
			r := shown.Recurrence
			if monthly := *r.Type >= 2; (r.CalendarType != nil) != (monthly && v >= eas.V140) || monthly && v >= eas.V140 && *r.CalendarType != 0 { // MS-ASCAL_R143
				t.Errorf("%s at %s: CalendarType %v", c.rule, v, r.CalendarType)
			}
			if (r.FirstDayOfWeek != nil) != (v >= eas.V141) || r.Occurrences != nil && (r.Until != nil || *r.Occurrences > 999) { // R52523, R341, R345
				t.Errorf("%s at %s: %s", c.rule, v, describe(r))
			}
			added := changeEvent(t, nil, clientData(shown, v), editOptions(v, ada))
			if v < eas.V141 && strings.Contains(c.rule, "WKST=MO") { // no element tells it
				continue
			}
			if a, b := occurrencesOf(t, raw, 300), occurrencesOf(t, added, 300); !slices.Equal(a, b) {
				t.Errorf("%s at %s came back as %s", c.rule, v, added)
			}
			if again := showEvent(t, added, v, ada); describe(again.Recurrence) != describe(shown.Recurrence) {
				t.Errorf("%s at %s: %s came back as %s", c.rule, v, describe(shown.Recurrence), describe(again.Recurrence))
			}
		}
	}
}

// describe says a recurrence in one line.
func describe(r *eas.CalendarRecurrence) string {
	if r == nil {
		return "none"
	}
	s := fmt.Sprintf("%d every %d", *r.Type, *r.Interval)
	if r.Until != nil {
		s += " until " + r.Until.Format("20060102T150405Z")
	}
	if r.Occurrences != nil {
		s += fmt.Sprintf(" times %d", *r.Occurrences)
	}
	for _, f := range []struct {
		name  string
		value *uint8
	}{{"week", r.WeekOfMonth}, {"day", r.DayOfMonth}, {"days", nil}, {"month", r.MonthOfYear}, {"first", r.FirstDayOfWeek}} {
		if f.name == "days" && r.DayOfWeek != nil {
			s += fmt.Sprintf(" days %d", *r.DayOfWeek)
		} else if f.value != nil {
			s += fmt.Sprintf(" %s %d", f.name, *f.value)
		}
	}
	return s
}

// shownDays are the starts that a client makes of what it is shown, if it goes by
// recurrence and exceptions: of a daily series with a count, which is how what
// cannot be told is shown, and of one event.
func shownDays(t *testing.T, c *eas.Calendar) (out []string) {
	t.Helper()
	if c.Recurrence == nil {
		return []string{c.StartTime.Format("20060102T1504")}
	}
	if *c.Recurrence.Type != 0 || c.Recurrence.Occurrences == nil {
		t.Fatalf("shown by a rule: %s", describe(c.Recurrence))
	}
	blob, err := calendar.LoadZone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for n := range int(*c.Recurrence.Occurrences) {
		wall := c.StartTime.In(blob)
		start := time.Date(wall.Year(), wall.Month(), wall.Day()+n, wall.Hour(), wall.Minute(), 0, 0, blob).UTC()
		deleted := false
		for i := range c.Exceptions {
			x := &c.Exceptions[i]
			id := x.ExceptionStartTime
			if id == nil {
				id = x.InstanceID
			}
			if !id.Equal(start) {
				continue
			}
			if deleted = x.Deleted != nil; !deleted {
				start = *x.StartTime
			}
			break
		}
		if !deleted {
			out = append(out, start.UTC().Format("20060102T1504"))
		}
	}
	slices.Sort(out)
	return out
}

// irregular are series that no Recurrence can tell.
var irregular = map[string][]string{
	"two Mondays":      {"RRULE:FREQ=MONTHLY;BYDAY=1MO,3MO;COUNT=12"},
	"two days":         {"RRULE:FREQ=MONTHLY;BYMONTHDAY=5,20;COUNT=9", "EXDATE;TZID=America/New_York:20261020T180000"},
	"dates alone":      {"RDATE;TZID=America/New_York:20261009T180000,20261102T180000,20270401T173000"},
	"a rule and dates": {"RRULE:FREQ=WEEKLY;COUNT=4", "RDATE;TZID=America/New_York:20261010T180000"},
	"two rules":        {"RRULE:FREQ=WEEKLY;COUNT=4", "RRULE:FREQ=MONTHLY;COUNT=3"},
	"a start apart":    {"RRULE:FREQ=WEEKLY;BYDAY=TH;COUNT=4"},
	"hourly":           {"RRULE:FREQ=HOURLY;INTERVAL=5;COUNT=20"},
	"last but one":     {"RRULE:FREQ=MONTHLY;BYDAY=-2MO;UNTIL=20270601T000000Z"},
	"weeks":            {"RRULE:FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=5"},
	"what is left out": {"RRULE:FREQ=DAILY;COUNT=20", "EXRULE:FREQ=WEEKLY"},
}

func irregularEvent(lines []string) []byte {
	return ics(append([]string{"SUMMARY:x", "DTSTART;TZID=America/New_York:20261005T180000", "DTEND;TZID=America/New_York:20261005T190000"}, lines...)...)
}

// What ActiveSync cannot carry is shown on its days, on all of them and on no
// others.
func TestWhatActiveSyncCannotCarryIsShownOnItsDays(t *testing.T) {
	for name, lines := range irregular {
		raw := irregularEvent(lines)
		for _, v := range []eas.Version{eas.V25, eas.V141, eas.V161} {
			want := occurrencesOf(t, raw, 1000)
			if got := shownDays(t, showEvent(t, raw, v, ada)); !slices.Equal(got, want) {
				t.Errorf("%s at %s: %v, not %v", name, v, got, want)
			}
		}
	}
}

// A series that is held elsewhere from one occurrence on is shown so (RFC 5545
// 3.8.4.4, RANGE).
func TestASeriesThatMovesFromOneOccurrenceOnIsShownThere(t *testing.T) {
	raw := irregularEvent([]string{"RRULE:FREQ=WEEKLY;COUNT=6", "EXDATE;TZID=America/New_York:20261102T180000"})
	later := ics("SUMMARY:later", "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=America/New_York:20261019T180000", "DTSTART;TZID=America/New_York:20261020T190000", "DTEND;TZID=America/New_York:20261020T200000")
	from, to := bytes.Index(later, []byte("BEGIN:VEVENT")), bytes.Index(later, []byte("END:VCALENDAR"))
	raw = append(bytes.TrimSuffix(raw, []byte("END:VCALENDAR\r\n")), append(later[from:to:to], "END:VCALENDAR\r\n"...)...)
	for _, v := range eas.Versions() {
		c := showEvent(t, raw, v, ada)
		want := []string{"20261005T2200", "20261012T2200", "20261020T2300", "20261027T2300", "20261111T0000"}
		if got := shownDays(t, c); !slices.Equal(got, want) {
			t.Errorf("%s: %v", v, got)
		}
		if x := c.Exceptions[len(c.Exceptions)-1]; *x.Subject != "later" {
			t.Errorf("%s: %s", v, dump(t, c))
		}
		if got := changeEvent(t, raw, clientData(c, v), editOptions(v, ada)); !bytes.Equal(got, raw) {
			t.Errorf("%s: %v", v, changes(raw, got))
		}
	}
}

// Rules that cost much cost no more than that: they are shown, and can be changed.
func TestRulesThatCostMuchAreShown(t *testing.T) {
	many := "RDATE:"
	for n := range 5000 {
		many += time.Date(2026, 1, 1, 0, n, 0, 0, time.UTC).Format("20060102T150405Z") + ","
	}
	if c := showEvent(t, irregularEvent([]string{"RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}), eas.V161, ada); c.Recurrence != nil {
		t.Errorf("the 30th of February: %s", describe(c.Recurrence))
	}
	for _, lines := range [][]string{
		{"RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, {"RRULE:FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2,4"}, {"RRULE:FREQ=SECONDLY"}, {"RRULE:FREQ=MINUTELY;COUNT=100000"},
		{"RRULE:FREQ=HOURLY", "RRULE:FREQ=HOURLY;INTERVAL=7", "EXRULE:FREQ=HOURLY"}, {many[:len(many)-1]}, {"RRULE:FREQ=DAILY;UNTIL=99991231T235959Z", "RDATE:20261005T230000Z"},
		{"RRULE:FREQ=DAILY;COUNT=2000000000"}, {"RRULE:FREQ=YEARLY;INTERVAL=9999"}, {"RRULE:FREQ=WEEKLY;BYSETPOS=5"},
	} {
		raw := irregularEvent(lines)
		for _, v := range []eas.Version{eas.V25, eas.V141, eas.V161} {
			c := showEvent(t, raw, v, ada)
			if len(c.Exceptions) > 256 {
				t.Errorf("%.60s: %d exceptions", lines[0], len(c.Exceptions))
			}
			if got := changeEvent(t, raw, clientData(c, v), editOptions(v, ada)); !bytes.Equal(got, raw) {
				t.Errorf("%.60s at %s: %v", lines[0], v, changes(raw, got))
			}
		}
	}
}

// An endless one is shown as far as exceptions go: days are missing, none is
// wrong.
func TestAnEndlessIrregularSeriesIsShownAsFarAsExceptionsGo(t *testing.T) {
	raw := irregularEvent([]string{"RRULE:FREQ=MONTHLY;BYDAY=1MO,3MO"})
	c := showEvent(t, raw, eas.V161, ada)
	got := shownDays(t, c)
	if want := occurrencesOf(t, raw, 256); !slices.Equal(got, want) || len(c.Exceptions) > 256 {
		t.Errorf("%d days, %d exceptions", len(got), len(c.Exceptions))
	}
	// Extra dates of an endless rule are left out for the sake of the rule's days.
	raw = irregularEvent([]string{"RRULE:FREQ=WEEKLY", "RDATE;TZID=America/New_York:20261009T180000"})
	if c := showEvent(t, raw, eas.V161, ada); describe(c.Recurrence) != "1 every 1 days 2 first 1" {
		t.Error(describe(c.Recurrence))
	}
}

// A client that changes something else of such a series, or sends back all that it
// was shown, leaves its rule alone.
func TestAnIrregularRuleStaysWhenAClientChangesSomethingElse(t *testing.T) {
	for name, lines := range irregular {
		raw := irregularEvent(lines)
		for _, v := range eas.Versions() {
			sent := clientData(showEvent(t, raw, v, ada), v)
			if got := changeEvent(t, raw, sent, editOptions(v, ada)); !bytes.Equal(got, raw) {
				t.Errorf("%s at %s: sent back, it is\n%s", name, v, got)
			}
			sent.Subject = ptr("y")
			got := changeEvent(t, raw, sent, editOptions(v, ada))
			if !strings.Contains(string(got), "SUMMARY:y\r\n") || !strings.Contains(string(got), lines[0]+"\r\n") {
				t.Errorf("%s at %s: %s", name, v, got)
			}
			if a, b := occurrencesOf(t, raw, 1000), occurrencesOf(t, got, 1000); !slices.Equal(a, b) {
				t.Errorf("%s at %s: other days", name, v)
			}
		}
	}
}

// What a client does to one of the days of such a series is done to that day.
func TestOneDayOfAnIrregularSeriesIsDeletedAndMoved(t *testing.T) {
	raw := irregularEvent([]string{"RRULE:FREQ=MONTHLY;BYDAY=1MO,3MO;COUNT=6"})
	c := showEvent(t, raw, eas.V161, ada)
	third := c.Exceptions[1] // the first of the six is no exception
	o := editOptions(eas.V161, ada)
	o.Instance = third.InstanceID.Format("20060102T150405Z")
	got, err := class.DeleteOccurrence(raw, o)
	if err != nil {
		t.Fatal(err)
	}
	want := occurrencesOf(t, raw, 10)
	want = slices.Delete(slices.Clone(want), 2, 3)
	if days := occurrencesOf(t, got, 10); !slices.Equal(days, want) {
		t.Errorf("%v, not %v", days, want)
	}
	// The names of the others stay, for a client that deleted one itself.
	fifth := showEvent(t, raw, eas.V161, ada).Exceptions[3]
	o.Instance = fifth.InstanceID.Format("20060102T150405Z")
	got = changeEvent(t, got, &eas.Calendar{Subject: ptr("moved"), StartTime: ptr(fifth.StartTime.Add(time.Hour)), EndTime: ptr(fifth.EndTime.Add(time.Hour))}, o)
	if days := occurrencesOf(t, got, 10); !slices.Contains(days, fifth.StartTime.Add(time.Hour).Format("20060102T1504")) || slices.Contains(days, fifth.StartTime.Format("20060102T1504")) {
		t.Errorf("%v after moving %s", days, fifth.StartTime)
	}
	if days := shownDays(t, showEvent(t, got, eas.V141, ada)); !slices.Equal(days, occurrencesOf(t, got, 10)) {
		t.Errorf("shown on %v", days)
	}
}
