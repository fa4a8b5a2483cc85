package calendar

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teambition/rrule-go"

	"martlet/internal/random"
)

// first lists the first n times of a rule.
func first(t testing.TB, rule, start string, n int) (out []string) {
	t.Helper()
	r, err := ParseRule(rule)
	if err != nil {
		t.Fatalf("%s: %v", rule, err)
	}
	s, _, err := parseWall(start)
	if err != nil {
		t.Fatal(err)
	}
	for at := range r.From(s) {
		if out = append(out, at.Format("20060102")); len(out) == n {
			break
		}
	}
	return out
}

// The examples of RFC 5545 3.8.5.3, those below a day aside.
func TestRulesOfTheRFC(t *testing.T) {
	for _, tt := range []struct{ rule, start, want string }{
		{"FREQ=DAILY;COUNT=10", "19970902T090000", "19970902 19970903 19970904 19970905 19970906 19970907 19970908 19970909 19970910 19970911"},
		{"FREQ=DAILY;UNTIL=19970905T000000Z", "19970902T090000", "19970902 19970903 19970904"},
		{"FREQ=DAILY;INTERVAL=10;COUNT=5", "19970902T090000", "19970902 19970912 19970922 19971002 19971012"},
		{"FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", "19970902T090000", "19970902 19970904 19970916 19970918 19970930 19971002 19971014 19971016"},
		{"FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "19970805T090000", "19970805 19970810 19970819 19970824"},
		{"FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "19970805T090000", "19970805 19970817 19970819 19970831"},
		{"FREQ=MONTHLY;COUNT=4;BYDAY=1FR", "19970905T090000", "19970905 19971003 19971107 19971205"},
		{"FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU", "19970907T090000", "19970907 19970928 19971102 19971130 19980104 19980125 19980301 19980329 19980503 19980531"},
		{"FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "19970922T090000", "19970922 19971020 19971117 19971222 19980119 19980216"},
		{"FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=6", "19970928T090000", "19970928 19971029 19971128 19971229 19980129 19980226"},
		{"FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", "19970930T090000", "19970930 19971001 19971031 19971101 19971130 19971201 19971231 19980101 19980131 19980201"},
		{"FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15", "19970910T090000", "19970910 19970911 19970912 19970913 19970914 19970915 19990310 19990311 19990312 19990313"},
		{"FREQ=YEARLY;COUNT=10;BYMONTH=6,7", "19970610T090000", "19970610 19970710 19980610 19980710 19990610 19990710 20000610 20000710 20010610 20010710"},
		{"FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200", "19970101T090000", "19970101 19970410 19970719 20000101 20000409 20000718 20030101 20030410 20030719 20060101"},
		{"FREQ=YEARLY;BYDAY=20MO;COUNT=3", "19970519T090000", "19970519 19980518 19990517"},
		{"FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3", "19970512T090000", "19970512 19980511 19990517"},
		{"FREQ=YEARLY;BYMONTH=6,7,8;BYDAY=TH;COUNT=4", "19970605T090000", "19970605 19970612 19970619 19970626"},
		{"FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3", "19980213T090000", "19980213 19980313 19981113"},
		{"FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3", "19961105T090000", "19961105 20001107 20041102"},
		{"FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "19970904T090000", "19970904 19971007 19971106"},
		{"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=4", "19970929T090000", "19970929 19971030 19971127 19971230"},
		{"FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "20070115T090000", "20070115 20070130 20070215 20070315 20070330"},
		{"FREQ=YEARLY;COUNT=3", "20240229T090000", "20240229 20280229 20320229"},
		{"FREQ=MONTHLY;COUNT=3", "20260131T090000", "20260131 20260331 20260531"},
	} {
		if got := strings.Join(first(t, tt.rule, tt.start, 10), " "); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.rule, got, tt.want)
		}
	}
}

// Another implementation finds the same.
func TestRulesAreFollowedAsOthersFollowThem(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	end := regexp.MustCompile(";(COUNT|UNTIL)=[^;]*")
	for range 3000 {
		rule := end.ReplaceAllString(random.Rule(rnd, false), "") + ";COUNT=12"
		start := time.Date(2020+rnd.IntN(10), time.Month(1+rnd.IntN(12)), 1+rnd.IntN(28), 9, 30, 0, 0, time.UTC)
		option, err := rrule.StrToROption(rule)
		if err != nil {
			t.Fatal(err)
		}
		option.Dtstart = start
		theirs, err := rrule.NewRRule(*option)
		if err != nil {
			t.Fatal(err)
		}
		want := theirs.All()
		// They leave a start out that the rule does not meet; we take it, as the
		// calendar says that the event is then.
		if len(want) == 0 || !want[0].Equal(start) {
			want = slices.Insert(want, 0, start)[:min(12, len(want)+1)]
		}
		var got []time.Time
		r, err := ParseRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		for at := range r.From(start) {
			got = append(got, at)
		}
		if !slices.EqualFunc(got, want, time.Time.Equal) {
			t.Fatalf("%s from %s:\n got %v\nwant %v", rule, start, got, want)
		}
	}
}

func TestRulesThatCannotBeFollowed(t *testing.T) {
	for _, rule := range []string{
		"", "FREQ=", "FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=HOURLY", "INTERVAL=1", "FREQ=DAILY;BYHOUR=1", "FREQ=DAILY;INTERVAL=x",
		"FREQ=DAILY;INTERVAL=99999999", "FREQ=DAILY;BYDAY=XX", "FREQ=DAILY;BYDAY=99MO", "FREQ=DAILY;BYMONTH=13", "FREQ=DAILY;BYMONTH=-1",
		"FREQ=DAILY;UNTIL=never", "FREQ=DAILY;COUNT=-1", "FREQ=DAILY;NONSENSE=1", "nonsense", "FREQ=YEARLY;BYSETPOS=0",
		"FREQ=YEARLY;BYMONTHDAY=" + strings.Repeat("1,", 1000) + "1",
	} {
		if _, err := ParseRule(rule); err != ErrBadRule {
			t.Errorf("%q: %v", rule, err)
		}
	}
}

// Rules that nothing meets end, soon.
func TestRulesOfNothingEnd(t *testing.T) {
	for _, rule := range []string{"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31", "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=31;BYDAY=MO", "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31", "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6"} {
		if got := first(t, rule, "20260201T090000", 5); len(got) != 1 {
			t.Errorf("%s: %v", rule, got)
		}
	}
}

func TestRulesAreWrittenAsTheyAreRead(t *testing.T) {
	for _, rule := range []string{
		"FREQ=DAILY", "FREQ=WEEKLY;INTERVAL=2;COUNT=8;BYDAY=TU,TH;WKST=SU", "FREQ=MONTHLY;UNTIL=20301231;BYDAY=1FR,-1SU",
		"FREQ=YEARLY;UNTIL=20301231T100000Z;BYMONTH=1,6;BYMONTHDAY=-1", "FREQ=YEARLY;UNTIL=20301231T100000;BYWEEKNO=20;BYYEARDAY=1;BYSETPOS=1,-1",
	} {
		r, err := ParseRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.String(); len(got) != len(rule) {
			t.Errorf("%s became %s", rule, got)
		}
		again, err := ParseRule(r.String())
		if err != nil || again.String() != r.String() {
			t.Errorf("%s: %v", r, err)
		}
	}
}

func BenchmarkRule(b *testing.B) {
	r, err := ParseRule("FREQ=WEEKLY;BYDAY=MO,WE,FR")
	if err != nil {
		b.Fatal(err)
	}
	start := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for range r.From(start) {
			if n++; n == 300 {
				break
			}
		}
	}
}
