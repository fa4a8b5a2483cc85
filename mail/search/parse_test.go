package search

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"martlet/mail"
)

// show writes a query in a form that tests can read.
func show(q Query) string {
	list := func(name string, l []Query) string {
		var parts []string
		for _, q := range l {
			parts = append(parts, show(q))
		}
		return name + "(" + strings.Join(parts, " ") + ")"
	}
	star := func(prefix bool) string {
		if prefix {
			return "*"
		}
		return ""
	}
	day := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format("2006-01-02")
	}
	switch q := q.(type) {
	case And:
		return list("and", q)
	case Or:
		return list("or", q)
	case Not:
		return "not(" + show(q.Query) + ")"
	case Words:
		return fieldText(q.Fields) + q.Text + star(q.Prefix)
	case Phrase:
		return fieldText(q.Fields) + "'" + q.Text + "'" + star(q.Prefix)
	case Received:
		return day(q.Since) + ".." + day(q.Before)
	}
	return fmt.Sprintf("%T%v", q, q)
}

func fieldText(f Field) string {
	if f == AnyField {
		return ""
	}
	var names []string
	for i, name := range []string{"from", "to", "cc", "subject", "body", "attachment"} {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+") + ":"
}

// thursday is the 26th of November 2026.
var thursday = time.Date(2026, 11, 26, 15, 4, 5, 0, time.UTC)

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "and()"},
		{"   ", "and()"},
		{"!!!", "or()"},
		{"report", "report*"},
		{"annual report", "and(annual* report*)"},
		{`"annual report"`, "'annual report'"},
		{`"annual rep*"`, "'annual rep'*"},
		{`"never closed`, "'never closed'"},
		{"“typed by a phone”", "'typed by a phone'"},
		{"a AND b", "and(a* b*)"},
		{"a OR b c", "or(a* and(b* c*))"},
		{"a b OR c", "or(and(a* b*) c*)"},
		{"(a OR b) c", "and(or(a* b*) c*)"},
		{"a and b or c", "and(a* and* b* or* c*)"},
		{"a NOT b", "and(a* not(b*))"},
		{"a -b -\"c d\"", "and(a* not(b*) not('c d'))"},
		{"-(a OR b)", "not(or(a* b*))"},
		{"NOT NOT a", "not(not(a*))"},
		{"a - b -- c", "and(a* b* c*)"},
		{"+a", "a*"},
		{"OR", "or()"},
		{"a OR", "a*"},
		{"AND a", "a*"},
		{"NOT", "or()"},
		{"ORacle ANDroid", "and(ORacle* ANDroid*)"},
		{"a) b", "and(a* b*)"},
		{"((a", "a*"},
		{"from:ann", "from:ann*"},
		{"FROM:ann@example.org", "from:ann@example.org*"},
		{"from: ann", "from:ann*"},
		{`from:"Ann Lee" subject:(plan OR "next year")`, "and(from:'Ann Lee' or(subject:plan* subject:'next year'))"},
		{"to:bob cc:carol bcc:dan", "and(to:bob* cc:carol* cc:dan*)"},
		{"recipients:x participants:y", "and(to+cc:x* from+to+cc:y*)"},
		{"body:hello attachment:plan.pdf", "and(body:hello* attachment:plan.pdf*)"},
		{"from:", "from:*"},
		{"(from:)", "from:*"},
		{"foo:bar 10:30 http://example.com/x", "and(foo:bar* 10:30* http://example.com/x*)"},
		{"hasattachment:yes", "search.HasAttachment{}"},
		{"hasattachment:false", "not(search.HasAttachment{})"},
		{"has:attachment", "search.HasAttachment{}"},
		{"hasattachment:perhaps", "hasattachment perhaps*"},
		{"importance:high importance:low", "and(search.Importance2 search.Importance0)"},
		{"is:unread is:read", fmt.Sprintf("and(%T%v %T%v)", Flags{}, Flags{Clear: mail.FlagSeen}, Flags{}, Flags{Set: mail.FlagSeen})},
		{"isread:no", fmt.Sprintf("not(%T%v)", Flags{}, Flags{Set: mail.FlagSeen})},
		{"is:flagged", "search.FollowUp2"},
		{"category:Work category:\"Red Thing\"", "and(search.CategoryWork search.CategoryRed Thing)"},
		{"kind:email", "search.Class1"},
		{"received:2026-11-23", "2026-11-23..2026-11-24"},
		{"received:2026-11-23T10:00:00Z", "2026-11-23..2026-11-24"},
		{"received:23.11.2026", "2026-11-23..2026-11-24"},
		{"received:11/23/2026", "2026-11-23..2026-11-24"},
		{"received:23/11/2026", "2026-11-23..2026-11-24"},
		{"received:2026-11", "2026-11-01..2026-12-01"},
		{"received:2026", "2026-01-01..2027-01-01"},
		{"received:>2026-11-23", "2026-11-24.."},
		{"received>=2026-11-23", "2026-11-23.."},
		{"sent:<2026-11-23", "..2026-11-23"},
		{"date<=2026-11-23", "..2026-11-24"},
		{"received<>2026-11-23", "not(2026-11-23..2026-11-24)"},
		{"received:2026-11-01..2026-11-23", "2026-11-01..2026-11-24"},
		{"received:2026-11-01..", "2026-11-01.."},
		{"received:..2026-11-23", "..2026-11-24"},
		{"before:2026 after:2025", "and(..2026-01-01 2026-01-01..)"},
		{"received:today received:yesterday", "and(2026-11-26..2026-11-27 2026-11-25..2026-11-26)"},
		{`received:"this week"`, "2026-11-23..2026-11-30"},
		{"received:last week mail", "and(2026-11-16..2026-11-23 mail*)"},
		{"received:lastmonth", "2026-10-01..2026-11-01"},
		{"received:this year", "2026-01-01..2027-01-01"},
		{"received:some day", "and(received some* day*)"},
		{"received:2026-13-01", "received 2026-13-01*"},
		{"received:", "received:*"},
		{"中文 from：王", "and(中文* from:王*)"},
		{strings.Repeat("-", 50) + "x", strings.Repeat("-", 50) + "x*"},
	} {
		if got := show(ParseAt(c.text, thursday)); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
}

func TestParseIsBounded(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("(", 5000), strings.Repeat("NOT ", 5000) + "x", strings.Repeat("a OR ", 5000),
		strings.Repeat("-(a ", 500), strings.Repeat("from:(", 500), strings.Repeat("ж", 5000), strings.Repeat("中", 3000),
		strings.Repeat("x ", 3000), strings.Repeat(strings.Repeat("中", 20)+" ", 100), strings.Repeat("a-b-c-d-e-f-g ", 100),
	} {
		if _, err := Compile(Parse(text), 1, 1); err != nil {
			t.Errorf("%.20s: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`from:"Ann Lee" (plan OR "next year") -draft hasattachment:yes received:2026-11-01..2026-11-23`,
		"received>=today is:unread category:x NOT (a b) “x” ((", "中文 สวัสดี e-mail a@b.c", "-", "from:(", `"`, "received:this ",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q := ParseAt(text, thursday)
		p, err := Compile(q, 1, 64)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		p.AddTerms(1, Terms("\x01\x10a"))
		may, sure := p.Candidates()
		if sure != nil && sure.Has(1) && may != nil && !may.Has(1) {
			t.Errorf("%q: sure of what may not be", text)
		}
	})
}
