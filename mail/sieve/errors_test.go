package sieve_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"martlet/mail/sieve"
)

func TestAWrongScriptIsToldWhereAndWhy(t *testing.T) {
	for script, want := range map[string]string{
		"keep":                                       `line 1, column 5: ";" is missing behind keep, before the end of the script`,
		"\n\n  kepp;":                                `line 3, column 3: there is no command "kepp"`,
		"fileinto \"x\";":                            `line 1, column 1: fileinto needs: require "fileinto"`,
		"require \"fileino\";":                       `line 1, column 9: there is no extension "fileino" here`,
		"keep; require \"fileinto\";":                `line 1, column 7: require stands at the beginning of a script, before all other commands`,
		"if true { require \"copy\"; }":              `line 1, column 11: require stands at the beginning of a script, before all other commands`,
		"if true keep;":                              `line 1, column 1: if needs a block in braces`,
		"if keep {}":                                 `line 1, column 4: keep is a command, not a test`,
		"true;":                                      `line 1, column 1: true is a test; it stands behind if`,
		"else { keep; }":                             `line 1, column 1: else stands without an if before it`,
		"if true {} else {} elsif true {}":           `line 1, column 20: elsif stands behind else, which is the last`,
		"if header \"a\" {}":                         `line 1, column 4: header needs a key, one string or a list of them`,
		"if header \"a\" \"b\" \"c\" {}":             `line 1, column 19: header takes no further argument: a string is too much`,
		"if header 7 \"b\" {}":                       `line 1, column 11: header needs a name of a header field, one string or a list of them here, not a number`,
		"if header :is :contains \"a\" \"b\" {}":     `line 1, column 15: one match type only can be used`,
		"if header :frob \"a\" \"b\" {}":             `line 1, column 11: header knows no :frob`,
		"if header \"a\" :is \"b\" {}":               `line 1, column 15: :is stands behind arguments without a tag, where it means nothing`,
		"if header :comparator \"x\" \"a\" \"b\" {}": `line 1, column 23: there is no comparator "x"`,
		"if header :comparator \"i;unicode-casemap\" \"a\" \"b\" {}": `line 1, column 23: the comparator needs: require "comparator-i;unicode-casemap"`,
		"if header :regex \"a\" \"b\" {}":                            `line 1, column 11: :regex needs: require "regex"`,
		"if header \"a b\" \"b\" {}":                                 `line 1, column 11: "a b" is not the name of a header field`,
		"if address \"subject\" \"b\" {}":                            `line 1, column 12: "subject" has no addresses in it: test it with header`,
		"if not anyof true {}":                                       `line 1, column 8: anyof needs tests in parentheses`,
		"if size 10 {}":                                              `line 1, column 9: size takes no further argument: a number is too much`,
		"if size {}":                                                 `line 1, column 4: size needs :over or :under with a number`,
		"if size :over 10 :under 20 {}":                              `line 1, column 4: size takes :over or :under, not both`,
		"if size :over 10X {}":                                       `line 1, column 15: a number ends in K, M, G or nothing, not in "X"`,
		"if size :over 99999999999999999999 {}":                      `line 1, column 15: the number is too large`,
		"redirect \"nobody\";":                                       `line 1, column 10: "nobody" is not an address`,
		"keep \"ä\n\" };":                                            `line 2, column 3: ";" is missing behind keep, before "}"`,
		"/* ä":                                                       `line 1, column 1: a comment that begins here has no end: */ is missing`,
		"keep # x\n\"":                                               `line 2, column 1: a string that begins here has no end: a quotation mark is missing`,
		"redirect text: x\n.\n;":                                     `line 1, column 10: nothing but a comment stands behind text: on its line`,
		"redirect text:\nx":                                          `line 1, column 10: a text that begins here has no end: a line with nothing but a dot is missing`,
		"keep; }":                                                    `line 1, column 7: "}" stands where a command should`,
		"keep; ä":                                                    `line 1, column 7: 'ä' means nothing here`,
		"keep; :":                                                    `line 1, column 7: a tag has a name behind its colon`,
		"if true { keep; ":                                           `line 1, column 17: "}" is missing at the end of the block of if, before the end of the script`,
		"redirect [\"a\" 7];":                                        `line 1, column 15: "]" is missing at the end of a list, before a number`,
		"redirect [];":                                               `line 1, column 11: "]" stands in a list, where only strings do`,
		"stop true;":                                                 `line 1, column 6: stop takes no test, and true stands behind it: a semicolon may be missing`,
		"keep { stop; }":                                             `line 1, column 1: keep takes no block in braces`,
		"\xff":                                                       `line 1, column 1: the script is not text in UTF-8`,
		"require \"variables\"; set \"1\" \"x\";":                    `line 1, column 26: "1" is not the name of a variable that can be set`,
		"require \"variables\"; set :lower :upper \"a\" \"x\";":                                                                       `line 1, column 22: set takes :lower or :upper, not both`,
		"require \"variables\"; redirect \"${99}\";":                                                                                  `line 1, column 31: ${99}: match variables go up to ${32}`,
		"require [\"variables\",\"fileinto\"]; fileinto \"${env.x}\";":                                                                `line 1, column 44: ${env.x}: there are no variables in a namespace "env"`,
		"require \"regex\"; if header :regex \"a\" \"(\" {}":                                                                          `line 1, column 39: the regular expression is wrong: missing closing ): "("`,
		"require \"regex\"; if header :regex \"a\" \"((a{100}){100}){100}\" {}":                                                       `line 1, column 39: the regular expression is wrong: invalid repeat count: "{100}"`,
		"require \"regex\"; if header :regex \"a\" \"(abcdefghijklmnopqrstuvwxyz){50}\" {}":                                           `line 1, column 39: the regular expression is too large: repeat less`,
		"require [\"relational\",\"comparator-i;ascii-numeric\"]; if header :contains :comparator \"i;ascii-numeric\" \"a\" \"b\" {}": `line 1, column 57: i;ascii-numeric compares numbers, and cannot be used with :contains`,
		"require \"relational\"; if header :count \"most\" \"a\" \"b\" {}":                                                            `line 1, column 40: "most" is none of gt, ge, lt, le, eq, ne`,
		"require \"vacation\"; vacation :days 1 :seconds 2 \"x\";":                                                                    `line 1, column 38: :seconds needs: require "vacation-seconds"`,
		"require \"vacation\"; vacation :from \"x y z\" \"x\";":                                                                       `line 1, column 36: "x y z" is not an address`,
		"require \"date\"; if currentdate \"century\" \"20\" {}":                                                                      `line 1, column 32: "century" is no part of a date`,
		"require \"enotify\"; notify \"nonsense\";":                                                                                   `line 1, column 27: "nonsense" is not a URI`,
		"require \"enotify\"; notify :importance \"9\" \"mailto:a@b.example\";":                                                       `line 1, column 39: the importance is "1", "2" or "3", not "9"`,
		"require \"index\"; if header :last \"a\" \"b\" {}":                                                                           `line 1, column 21: :last needs :index`,
		"require \"encoded-character\"; redirect \"${unicode:d800}\";":                                                                `line 1, column 39: ${unicode: d800}: there is no such character`,
		"require \"imap4flags\"; setflag \"v\" \"x\";":                                                                                `line 1, column 31: the name of a variable needs: require "variables"`,
	} {
		_, err := sieve.Compile(script)
		var wrong *sieve.Error
		if !errors.As(err, &wrong) || err.Error() != want {
			t.Errorf("%q\n got %v\nwant %s", script, err, want)
		}
	}
}

func TestAScriptHasLimits(t *testing.T) {
	for name, script := range map[string]string{
		"bytes":   strings.Repeat("#", sieve.MaxScript+1),
		"blocks":  strings.Repeat("if true {", 40) + strings.Repeat("}", 40),
		"tests":   "if " + strings.Repeat("not ", 60) + "true {}",
		"nodes":   strings.Repeat("keep;", 5000),
		"list":    "redirect [" + strings.Repeat(`"a",`, 1001) + `"a"];`,
		"args":    "redirect " + strings.Repeat(`"a" `, 1100) + ";",
		"pattern": `require "regex"; if header :regex "a" "` + strings.Repeat("a", 2000) + `" {}`,
	} {
		if _, err := sieve.Compile(script); err == nil {
			t.Errorf("%s: no limit", name)
		}
	}
	deep := strings.Repeat("if true {", 30) + "keep;" + strings.Repeat("}", 30)
	if _, err := sieve.Compile(deep); err != nil {
		t.Error(err)
	}
}

// What a script does costs the server no more than it may, whatever it does.
func TestARunEndsWhenItIsTooMuchWork(t *testing.T) {
	long := "X-Long: " + strings.Repeat("aaaaaaaa ", 3000) + "\n"
	var edits, sets, files, regexes strings.Builder
	for i := range 120 {
		fmt.Fprintf(&edits, "addheader \"X-%d\" \"x\";", i)
		fmt.Fprintf(&sets, "set \"v%d\" \"x\";", i+20)
		fmt.Fprintf(&files, "fileinto \"%d\";", i)
		fmt.Fprintf(&regexes, "set \"r\" \"%d\"; if string :regex \"x\" \"${r}\" {}", i)
	}
	for name, script := range map[string]string{
		"wildcards": strings.Repeat(`if header :matches "x-long" "*a*a*a*a*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab" {}`, 400),
		"regex":     strings.Repeat(`if header :regex "x-long" "(a|aa|aaa|aaaa|[ab ]{1,60})*b" {}`, 500),
		"text":      `set "a" "` + strings.Repeat("x", 4000) + `"; set "b" "` + strings.Repeat("${a}", 20) + `"; fileinto "` + strings.Repeat("${b}", 20) + `";`,
		"edits":     edits.String(),
		"files":     files.String(),
		"regexes":   regexes.String(),
		"variables": strings.Repeat(`set "y" "x";`, 1) + sets.String() + strings.ReplaceAll(sets.String(), `"v`, `"w`),
		"body":      strings.Repeat(`if body :matches "*a*a*a*ab" {}`, 1000),
	} {
		res, err := run(t, everything()+script, newMessage(long+"Subject: x\n\n"+strings.Repeat("aaaaaaaa ", 20000)), surroundings())
		if !errors.Is(err, sieve.ErrLimit) || len(res.Actions) != 1 {
			t.Errorf("%s: %v after %d of %d", name, err, res.Work, sieve.MaxWork)
		}
	}
}

func TestACancelledRunEnds(t *testing.T) {
	s, err := sieve.Compile(`require "body";` + strings.Repeat(`if body :contains "nothing" {}`, 1000))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Run(ctx, newMessage("Subject: x\n\n"+strings.Repeat("x", 300000)), surroundings()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestALongVariableIsCutAtACharacter(t *testing.T) {
	script := `set "a" "` + strings.Repeat("ä", 4000) + `"; set "b" "x${a}${a}"; set :length "n" "${b}"; fileinto "${n}";`
	res, err := run(t, everything()+script, newMessage(letter), surroundings())
	if got := told(res.Actions); err != nil || got != "fileinto 4096" {
		t.Errorf("%s, %v", got, err)
	}
}

// RFC 5463: what is not known may stand where it is not reached.
func TestIhaveLetsAScriptLiveWithWhatIsNotThere(t *testing.T) {
	for script, want := range map[string]string{
		`if ihave "sing" { sing :loudly "x"; } else { keep; }`:                "keep",
		`if ihave ["fileinto","copy"] { fileinto :copy "a"; } else { stop; }`: "fileinto a; keep",
		`if not ihave "fileinto" { discard; }`:                                "keep",
	} {
		res, err := run(t, `require "ihave"; `+script, newMessage(letter), surroundings())
		if got := told(res.Actions); got != want || err != nil {
			t.Errorf("%s: %s, %v", script, got, err)
		}
	}
	for script, want := range map[string]string{
		`sing "x";`:            `line 1, column 19: there is no command "sing"`,
		`error "not ${here}";`: "line 1, column 19: the script says: not ${here}",
	} {
		res, err := run(t, `require "ihave"; `+" "+script, newMessage(letter), surroundings())
		if err == nil || err.Error() != want || told(res.Actions) != "keep" {
			t.Errorf("%s: %v", script, err)
		}
	}
}

// RFC 6609
func TestAScriptIncludesOthers(t *testing.T) {
	library := map[string]string{
		"spam":   `require ["include","variables","fileinto"]; global "where"; if header :contains "subject" "Rechnung" { fileinto "${where}"; set "found" "y"; return; } discard;`,
		"stops":  `stop;`,
		"itself": `require "include"; include "itself";`,
		"back":   `require ["include","variables"]; set "global.x" "from there"; set "y" "mine";`,
	}
	around := surroundings()
	around.Include = func(name string, global bool) (*sieve.Script, error) {
		if library[name] == "" || global {
			return nil, nil
		}
		return sieve.Compile(library[name])
	}
	for script, want := range map[string]string{
		`global "where"; set "where" "Bills"; include "spam"; keep;`:                    "fileinto Bills; keep",
		`include "stops"; discard;`:                                                     "keep",
		`include :optional "none"; discard;`:                                            "discard",
		`include :optional :global "spam"; discard;`:                                    "discard",
		`include "back"; fileinto "${global.x}${y}";`:                                   "fileinto from there",
		`include :once "back"; include :once "back"; keep;`:                             "keep",
		`set "found" "n"; set "global.where" "B"; include "spam"; fileinto "${found}";`: "fileinto B; fileinto n",
	} {
		res, err := run(t, everything()+script, newMessage(letter), around)
		if got := told(res.Actions); got != want || err != nil {
			t.Errorf("%s: %s, %v", script, got, err)
		}
	}
	if _, err := run(t, everything()+`include "itself";`, newMessage(letter), around); !errors.Is(err, sieve.ErrLimit) {
		t.Error(err)
	}
	if _, err := run(t, everything()+`set "a" "x"; global "a";`, newMessage(letter), around); err == nil {
		t.Error("a local variable became global")
	}
}

// RFC 5293
func TestAScriptEditsTheHeader(t *testing.T) {
	msg := newMessage(letter)
	script := `addheader "X-First" "hällo"; addheader :last "X-Last" "at the end";
deleteheader :index 1 :last "X-Note"; deleteheader :contains "X-Caffeine" "c8h10"; deleteheader "received"; addheader "Auto-Submitted" "no";
if allof (not exists "x-caffeine", header :is "x-first" "hällo", header :count "eq" :comparator "i;ascii-numeric" "x-note" "1") { fileinto "a"; }
deleteheader :matches "X-First" "h?llo"; keep;`
	res, err := run(t, everything()+script, msg, surroundings())
	if err != nil || told(res.Actions) != "fileinto a; keep" {
		t.Fatal(told(res.Actions), err)
	}
	first, second := string(res.Actions[0].(sieve.FileInto).Header), string(res.Actions[1].(sieve.Keep).Header)
	if !strings.HasPrefix(first, "X-First: =?utf-8?q?h=C3=A4llo?=\r\nReturn-Path:") || !strings.HasSuffix(first, "\r\nX-Last: at the end\r\n\r\n") {
		t.Errorf("%q", first)
	}
	for _, gone := range []string{"second", "Caffeine", "Auto-Submitted"} {
		if strings.Contains(first, gone) {
			t.Errorf("%s is there: %q", gone, first)
		}
	}
	if !strings.Contains(first, "\r\nReceived:") || strings.Contains(second, "X-First") || !strings.Contains(second, "X-Last") {
		t.Errorf("%q", second)
	}
	// A field cannot end the line it stands in.
	res, err = run(t, everything()+"addheader \"X-A\" \"x\r\nBcc: y\r\n\r\nz\";", msg, surroundings())
	if h := string(res.Actions[0].(sieve.Keep).Header); err != nil || !strings.HasPrefix(h, "X-A: x Bcc: y z\r\n") {
		t.Errorf("%q, %v", h, err)
	}
}

func TestADuplicateIsKnownByWhatTheScriptSays(t *testing.T) {
	seen := map[[32]byte]bool{}
	around := surroundings()
	around.Seen = func(d sieve.Duplicate) (bool, error) { return seen[d.ID], nil }
	count := func(script string, raw string) (n int) {
		for range 2 {
			res, err := run(t, everything()+"if duplicate "+script+" { discard; }", newMessage(raw), around)
			if err != nil {
				t.Fatal(err)
			}
			if told(res.Actions) == "discard" {
				n++
			}
			for _, d := range res.Duplicates {
				seen[d.ID] = true
			}
		}
		return n
	}
	for _, c := range []struct {
		script string
		want   int
	}{{``, 1}, {`:handle "h"`, 1}, {`:handle ""`, 2}, {`:header "subject"`, 1}, {`:uniqueid "a"`, 1}, {`:uniqueid ""`, 0}, {`:header "x-none"`, 0}} {
		if got := count(c.script, letter); got != c.want {
			t.Errorf("%s: %d", c.script, got)
		}
	}
}

func TestSpamAndVirusesAreScored(t *testing.T) {
	for _, c := range []struct {
		spam   sieve.Spam
		test   string
		answer bool
	}{
		{sieve.Spam{Tested: true, Percent: 0}, `spamtest "1"`, true},
		{sieve.Spam{Tested: true, Percent: 100}, `spamtest "10"`, true},
		{sieve.Spam{Tested: true, Percent: 60}, `spamtest :value "ge" :comparator "i;ascii-numeric" "6"`, true},
		{sieve.Spam{Tested: true, Percent: 50}, `spamtest :value "ge" :comparator "i;ascii-numeric" "6"`, false},
		{sieve.Spam{Tested: true, Percent: 37}, `spamtest :percent "37"`, true},
		{sieve.Spam{Tested: true, Percent: 37}, `spamtest :percent :count "eq" "0"`, false},
		{sieve.Spam{}, `spamtest :percent "0"`, true},
	} {
		msg := newMessage(letter)
		msg.Spam = c.spam
		res, err := run(t, everything()+"if "+c.test+" { discard; }", msg, surroundings())
		if got := told(res.Actions) == "discard"; got != c.answer || err != nil {
			t.Errorf("%+v %s: %v, %v", c.spam, c.test, got, err)
		}
	}
}
