package tlspolicy

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOnlyOneRightRecordIsARecord(t *testing.T) {
	for _, c := range []struct {
		texts []string
		want  string // empty: none
	}{
		{[]string{"v=STSv1; id=20160831085700Z;"}, "20160831085700Z"},
		{[]string{"v=STSv1;id=1"}, "1"},
		{[]string{"v=STSv1 ; id=1 ; ext.x-y_z=a:b"}, "1"},
		{[]string{"google-site-verification=x", "v=STSv1; id=1"}, "1"},
		{[]string{"v=STSv1; id=1; id=2"}, "1"},
		{[]string{"v=STSv1; id=1", "v=STSv1; id=1"}, ""},
		{[]string{"v=STSv1"}, ""},
		{[]string{"v=STSv1;"}, ""},
		{[]string{"v=STSv2; id=1"}, ""},
		{[]string{"V=STSv1; id=1"}, ""},
		{[]string{"v=STSv1; ID=1"}, ""},
		{[]string{"v=STSv1; id="}, ""},
		{[]string{"v=STSv1; id=a-b"}, ""},
		{[]string{"v=STSv1; id=" + strings.Repeat("1", 33)}, ""},
		{[]string{"v=STSv1;; id=1"}, ""},
		{[]string{"v=STSv1; id=1; rubbish"}, ""},
		{[]string{" v=STSv1; id=1"}, ""},
		{nil, ""},
	} {
		if got, err := recordID(c.texts); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: %q, %v", c.texts, got, err)
		}
	}
}

func TestPoliciesAreReadStrictly(t *testing.T) {
	good := "version: STSv1\r\nmode: enforce\r\nmx: Mail.Example.org\r\nmx: *.example.net\r\nmax_age: 604800\r\n"
	p, err := ParseSTS(good)
	if err != nil || p.Mode != ModeEnforce || p.MaxAge != 7*24*time.Hour || !slices.Equal(p.Patterns, []string{"mail.example.org", "*.example.net"}) {
		t.Errorf("%+v, %v", p, err)
	}
	for _, text := range []string{
		strings.ReplaceAll(good, "\r\n", "\n"),
		strings.TrimSuffix(good, "\r\n"),
		good + "\r\n",
		good + "ext: caf\u00e9 value\r\n",
		good + "mode: none\r\nmax_age: x\r\n", // what is there twice counts once
		"version: STSv1\nmode: none\nmax_age: 0\n",
		"version:STSv1\nmode:testing\nmx:a.example\nmax_age:99999999\n",
	} {
		if _, err := ParseSTS(text); err != nil {
			t.Errorf("%q is refused", text)
		}
	}
	if p, _ := ParseSTS("version: STSv1\nmode: testing\nmx: a.example\nmax_age: 9999999999\n"); p.MaxAge != maxAge*time.Second {
		t.Errorf("a policy for %v", p.MaxAge)
	}
	for _, text := range []string{
		"", "\n", good[1:],
		"mode: enforce\nversion: STSv1\nmx: a.example\nmax_age: 1\n",
		"version: STSv2\nmode: none\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmax_age: 1\n", // no host
		"version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a.example\n",
		"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1\n",
		"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 12345678901\n",
		"version: STSv1\nmode: enforce\nmx: *\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: *.*.example\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: .example\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx:\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1\nrubbish\n",
		"version: STSv1\nmode: enforce\nmx: a.example\x00\nmax_age: 1\n",
		"version: STSv1\nmode: none\nmax_age: 1\n" + strings.Repeat("x: y\n", maxPolicy),
		"version: STSv1\nmode: enforce\nmax_age: 1\n" + strings.Repeat("mx: a.example\n", maxPatterns+1),
	} {
		if p, err := ParseSTS(text); err == nil {
			t.Errorf("%.80q is taken: %+v", text, p)
		}
	}
}

func TestAWildcardStandsForOneLabel(t *testing.T) {
	p := STS{Patterns: []string{"mail.example.org", "*.example.net"}}
	for host, want := range map[string]bool{
		"mail.example.org": true, "MAIL.example.org.": true, "x.mail.example.org": false, "example.org": false,
		"mx.example.net": true, "a.mx.example.net": false, "example.net": false, ".example.net": false, "": false, "*.example.net": true,
		"mx.example.net.evil.example": false, "evilexample.net": false,
	} {
		if got := p.Matches(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func FuzzParseSTS(f *testing.F) {
	f.Add("version: STSv1\r\nmode: enforce\r\nmx: mail.example.org\r\nmx: *.example.net\r\nmax_age: 604800\r\n")
	f.Add("version: STSv1\nmode: none\nmax_age: 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseSTS(text)
		if err != nil {
			return
		}
		again, err := ParseSTS(p.String())
		if err != nil || again.Mode != p.Mode || again.MaxAge != p.MaxAge || !slices.Equal(again.Patterns, p.Patterns) {
			t.Errorf("%q becomes %q: %+v, %v", text, p.String(), again, err)
		}
	})
}

func FuzzRecordID(f *testing.F) {
	f.Add("v=STSv1; id=1;")
	f.Fuzz(func(t *testing.T, text string) {
		if id, err := recordID([]string{text}); err == nil && (!isID(id) || !strings.Contains(text, id)) {
			t.Errorf("%q has the id %q", text, id)
		}
		if list, err := parseTargets([]string{text}); err == nil && (len(list) == 0 || len(list) > maxTargets) {
			t.Errorf("%q: %v", text, list)
		}
	})
}
