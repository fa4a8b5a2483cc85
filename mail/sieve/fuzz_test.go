package sieve_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"martlet/mail/message"
	"martlet/mail/sieve"
)

// FuzzRun reads any script and runs it over any message: whatever happens ends,
// and no work is beyond its bound.
func FuzzRun(f *testing.F) {
	for _, script := range []string{
		`if header :matches "subject" "*${1}*" { fileinto "${1}"; }`, `vacation :days 1 text:` + "\n..x\n.\n;", `if not anyof (size :over 1K, body :regex "a*b") { keep; }`,
		`addheader "X" "y"; deleteheader :index 1 "X"; redirect :copy "a@b.example";`, `set :lower :length "a" "${hex: 41}"; if string "${a}" "1" { stop; }`,
		`notify :message "x" "mailto:a@b.example?subject=%20";`, `if date :zone "+0100" "date" "weekday" "1" { setflag "\\Seen"; }`, `/* x */ # y` + "\nkeep;",
		`if address :user :comparator "i;unicode-casemap" ["to","cc"] "ä" { ereject "no"; }`, `if duplicate :last :seconds 5 { discard; } include :optional "x";`,
	} {
		f.Add(script, letter)
	}
	around := surroundings()
	around.Include = func(name string, _ bool) (*sieve.Script, error) {
		return sieve.Compile(`require "include"; include "` + name + `";`)
	}
	f.Fuzz(func(t *testing.T, script, raw string) {
		if len(raw) > 1<<16 {
			return
		}
		for _, source := range []string{script, everything() + script} {
			s, err := sieve.Compile(source)
			var wrong *sieve.Error
			if err != nil {
				if !errors.As(err, &wrong) || wrong.Line < 1 || wrong.Column < 1 || strings.ContainsAny(wrong.Text, "\r\n") {
					t.Fatalf("%#v", err)
				}
				continue
			}
			msg := &sieve.Message{Raw: []byte(raw), Index: message.Parse([]byte(raw)), From: "a@b.example", To: "c@d.example"}
			res, err := s.Run(context.Background(), msg, around)
			if len(res.Actions) > 40 || err != nil && !errors.As(err, &wrong) {
				t.Errorf("%d actions, %v", len(res.Actions), err)
			}
			if err == nil && res.Work > sieve.MaxWork {
				t.Errorf("%d work", res.Work)
			}
		}
	})
}
