package sieve_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"martlet/mail/message"
	"martlet/mail/sieve"
)

const letter = `Return-Path: <ada+lists@example.org>
Received: from mx.example.org by mail.example.com; Tue, 1 Apr 2025 09:00:04 +0200
From: Ada Lovett <Ada+lists@Example.org>
To: "Robin, at work" <robin@example.com>, team@example.com
Cc: undisclosed: ;
Subject: =?utf-8?q?Die_Rechnung_f=C3=BCr_M=C3=A4rz?=
Date: Tue, 1 Apr 2025 23:30:00 +0200
Message-ID: <one@example.org>
X-Note: first
X-Note: second
X-Long: folded
 over two lines
X-Caffeine: C8H10N4O2
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b

prologue
--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Der Betrag ist f=E4llig.
--b
Content-Type: text/html; charset=utf-8

<p>Der <b>Betrag</b> ist fällig.</p>
--b--
`

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func newMessage(raw string) *sieve.Message {
	raw = crlf(raw)
	return &sieve.Message{Raw: []byte(raw), Index: message.Parse([]byte(raw)), From: "ada+lists@example.org", To: "robin+bills@example.com"}
}

func surroundings() *sieve.Surroundings {
	return &sieve.Surroundings{
		Now:         time.Date(2025, 4, 2, 8, 5, 9, 0, time.FixedZone("", 2*3600)),
		Zone:        time.FixedZone("", 2*3600),
		Environment: map[string]string{"domain": "example.com", "name": "martlet"},
		MailboxExists: func(name string) (bool, error) {
			return name == "Bills" || name == "INBOX", nil
		},
		SpecialUse: func(name, attribute string) (bool, error) {
			return attribute == `\Junk` && (name == "" || name == "Junk"), nil
		},
		NotifyMethod: func(uri string) bool { return strings.HasPrefix(uri, "push:") },
	}
}

// told writes actions so that a table can hold them.
func told(actions []sieve.Action) string {
	var all []string
	for _, a := range actions {
		s := ""
		var flags []string
		switch a := a.(type) {
		case sieve.Keep:
			s, flags = "keep", a.Flags
		case sieve.FileInto:
			s, flags = "fileinto "+a.Mailbox, a.Flags
			if a.SpecialUse != "" {
				s += " use " + a.SpecialUse
			}
			if a.Create {
				s += " create"
			}
		case sieve.Redirect:
			s = "redirect " + a.Address
		case sieve.Discard:
			s = "discard"
		case sieve.Reject:
			s = fmt.Sprintf("reject %q %v", a.Text, a.Protocol)
		case sieve.Vacation:
			s = fmt.Sprintf("vacation %q %q %q %v %v", a.Text, a.Subject, a.From, a.Addresses, a.Every)
		case sieve.Notify:
			s = fmt.Sprintf("notify %s %d %q", a.Method, a.Importance, a.Message)
		}
		if len(flags) > 0 {
			s += " [" + strings.Join(flags, " ") + "]"
		}
		all = append(all, s)
	}
	return strings.Join(all, "; ")
}

func run(t testing.TB, script string, msg *sieve.Message, around *sieve.Surroundings) (sieve.Result, error) {
	t.Helper()
	s, err := sieve.Compile(script)
	if err != nil {
		t.Fatalf("%s\n%s", err, script)
	}
	return s.Run(context.Background(), msg, around)
}

// everything requires all extensions but ihave, which lets errors pass.
func everything() string {
	var all []string
	for _, e := range sieve.Extensions() {
		if e != "ihave" {
			all = append(all, `"`+e+`"`)
		}
	}
	return "require [" + strings.Join(all, ",") + "];\n"
}

func TestWhatTestsSay(t *testing.T) {
	for test, want := range map[string]bool{
		`true`:                       true,
		`not true`:                   false,
		`anyof (false, true)`:        true,
		`allof (true, not false)`:    true,
		`allof (true, false)`:        false,
		`exists ["from", "SUBJECT"]`: true,
		`exists ["from", "x-none"]`:  false,
		`size :over 100`:             true,
		`size :over 1M`:              false,
		`size :under 1K`:             true,
		`size :under 2G`:             true,

		`header :is "subject" "die rechnung für märz"`:                                 true,
		`header :is "subject" "DIE RECHNUNG FÜR MÄRZ"`:                                 false,
		`header :is "subject" "Die Rechnung für März"`:                                 true,
		`header :comparator "i;unicode-casemap" :is "subject" "DIE RECHNUNG FÜR MÄRZ"`: true,
		`header :comparator "i;unicode-casemap" :contains "subject" "FU\u0308R"`:       false,
		`header :comparator "i;octet" :contains "subject" "rechnung"`:                  false,
		`header :contains "subject" "RECHNUNG"`:                                        true,
		`header :contains ["to","cc"] ["nobody", "TEAM"]`:                              true,
		`header :is "x-long" "folded over two lines"`:                                  true,
		`header :matches "x-long" "f*d over * l???s"`:                                  true,
		`header :matches "x-long" "*"`:                                                 true,
		`header :matches "x-long" "folded"`:                                            false,
		`header :matches "x-long" "*lines?"`:                                           false,
		`header :matches "x-caffeine" "c*8*n4o?"`:                                      true,
		`header :contains "x-none" ""`:                                                 false,
		`header :contains "x-note" ""`:                                                 true,
		`header :is :index 2 "x-note" "second"`:                                        true,
		`header :is :index 1 :last "x-note" "second"`:                                  true,
		`header :is :index 3 "x-note" "second"`:                                        false,
		`header :regex "x-caffeine" "^C[0-9]+h[[:digit:]]+N"`:                          true,
		`header :regex :comparator "i;octet" "x-caffeine" "h"`:                         false,
		`header :count "eq" :comparator "i;ascii-numeric" "x-note" "2"`:                true,
		`header :count "gt" :comparator "i;ascii-numeric" ["x-note","x-long"] "2"`:     true,
		`header :value "lt" :comparator "i;ascii-numeric" "x-note" "2"`:                false,
		`header :value "gt" "x-note" "FIRST"`:                                          true,
		`header :value "ge" "x-caffeine" "c8"`:                                         true,
		`header :comparator "i;ascii-numeric" :is "x-note" "x"`:                        true, // neither is a number
		`address :is "from" "ada+lists@example.org"`:                                   true,
		`address :localpart "from" "ADA+LISTS"`:                                        true,
		`address :domain :is "from" "example.org"`:                                     true,
		`address :user "from" "ada"`:                                                   true,
		`address :detail "from" "lists"`:                                               true,
		`address :detail :contains "to" ""`:                                            false,
		`address :user "to" "team"`:                                                    true,
		`address :all :count "eq" :comparator "i;ascii-numeric" ["to","cc"] "2"`:       true,
		`address :matches "to" "*at work*"`:                                            false,
		`envelope :is "from" "Ada+lists@example.org"`:                                  true,
		`envelope :detail "to" "bills"`:                                                true,
		`envelope :domain ["from","to"] "example.com"`:                                 true,
		`body :contains "fällig"`:                                                      true,
		`body :text :contains "<b>"`:                                                   true,
		`body :raw :contains "=E4llig"`:                                                true,
		`body :raw :contains "prologue"`:                                               true,
		`body :content "text/plain" :contains "<b>"`:                                   false,
		`body :content ["image","text/html"] :contains "<b>"`:                          true,
		`body :content "text" :matches "Der Betrag*"`:                                  true,
		`body :content "text/" :contains ""`:                                           false,
		`date :is "date" "date" "2025-04-01"`:                                          true,
		`date :zone "+0300" :is "date" "date" "2025-04-02"`:                            true,
		`date :originalzone "date" "hour" "23"`:                                        true,
		`date "date" "weekday" "2"`:                                                    true,
		`date "date" "julian" "60766"`:                                                 true,
		`date "received" "time" "09:00:04"`:                                            true,
		`date "date" "std11" "Tue, 01 Apr 2025 23:30:00 +0200"`:                        true,
		`date "date" "iso8601" "2025-04-01T23:30:00+02:00"`:                            true,
		`date :value "ge" "date" "year" "2026"`:                                        false,
		`date "x-note" "year" "2025"`:                                                  false,
		`currentdate :value "ge" "hour" "08"`:                                          true,
		`currentdate "minute" "05"`:                                                    true,
		`currentdate :zone "+0000" "zone" "+0000"`:                                     true,
		`currentdate "month" ["03", "04"]`:                                             true,
		`currentdate "day" "02"`:                                                       true,
		`currentdate "second" "09"`:                                                    true,
		`environment "domain" "EXAMPLE.com"`:                                           true,
		`environment :contains "remote-ip" ""`:                                         false,
		`mailboxexists "Bills"`:                                                        true,
		`mailboxexists ["Bills", "None"]`:                                              false,
		`specialuse_exists "\\Junk"`:                                                   true,
		`specialuse_exists "Bills" "\\Junk"`:                                           false,
		`specialuse_exists ["\\Junk", "\\Archive"]`:                                    false,
		`string :is "a" ["b", "A"]`:                                                    true,
		`string :count "eq" :comparator "i;ascii-numeric" ["", "x", "y"] "2"`:          true,
		`hasflag "x"`: false,
		`spamtest :value "ge" :comparator "i;ascii-numeric" "1"`:                                         false,
		`spamtest :count "eq" "0"`:                                                                       true,
		`virustest "0"`:                                                                                  true,
		`valid_notify_method ["mailto:a@example.com", "push:"]`:                                          true,
		`valid_notify_method "xmpp:a@example.com"`:                                                       false,
		`valid_notify_method "mailto:"`:                                                                  false,
		`notify_method_capability "mailto:a@example.com" "online" "maybe"`:                               true,
		`notify_method_capability "mailto:a@example.com" "colour" "red"`:                                 false,
		`header :contains "subject" "f${unicode:fc}r M${hex: c3 a4}rz"`:                                  true,
		`string "$${hex:40}" "$@"`:                                                                       true,
		`string "${hex:4g}${unicode:}" "${hex:4g}${unicode:}"`:                                           true,
		`header :matches :comparator "i;unicode-casemap" "subject" "*FÜR M?RZ"`:                          true,
		`header :matches :comparator "i;octet" "subject" "*M?rz"`:                                        false,
		`header :matches :comparator "i;octet" "subject" "*M??rz"`:                                       true,
		`string :matches "a*b?c\\d" "a\\*b\\?c\\\\d"`:                                                    true,
		`string :matches "aXb" "a\\*b"`:                                                                  false,
		`string :value "gt" :comparator "i;ascii-numeric" "10x" "9"`:                                     true,
		`string :value "gt" :comparator "i;ascii-numeric" "x" "99999999999999999999999999999999"`:        true,
		`string :value "lt" :comparator "i;ascii-numeric" "007" "8"`:                                     true,
		`string :value "eq" :comparator "i;ascii-numeric" "18446744073709551617" "18446744073709551616"`: false,
		`string :value "ne" "a" "A"`:                                                                     false,
		`string :value "le" "a" "b"`:                                                                     true,
	} {
		res, err := run(t, everything()+"if "+test+` { fileinto "yes"; } else { discard; }`, newMessage(letter), surroundings())
		if got := told(res.Actions) == "fileinto yes"; got != want || err != nil {
			t.Errorf("%s: %v, %v", test, got, err)
		}
	}
}

func TestWhatScriptsDo(t *testing.T) {
	for script, want := range map[string]string{
		``:                            `keep`,
		`stop; discard;`:              `keep`,
		`keep; keep;`:                 `keep`,
		`discard;`:                    `discard`,
		`discard; keep;`:              `discard; keep`,
		`fileinto "a"; fileinto "b";`: `fileinto a; fileinto b`,
		`fileinto "a"; fileinto "a";`: `fileinto a`,
		`fileinto :copy "a";`:         `fileinto a; keep`,
		`fileinto "a"; keep; stop;`:   `fileinto a; keep`,
		`redirect "x@example.net";`:   `redirect x@example.net`,
		`redirect :copy "x@example.net"; redirect :copy "X@example.net";`:    `redirect X@example.net; keep`,
		`fileinto :create :specialuse "\\Junk" "Bad/Mail";`:                  `fileinto Bad/Mail use \Junk create`,
		`if false { discard; } elsif true { keep; } else { fileinto "a"; }`:  `keep`,
		`if false { discard; } elsif false { keep; } else { fileinto "a"; }`: `fileinto a`,
		`reject "no";`:     `reject "no" false`,
		`ereject "no";`:    `reject "no" true`,
		`vacation "away";`: `vacation "away" "" "" [] 168h0m0s; keep`,
		`vacation :days 3 :subject "S" :from "R <robin@example.com>" :addresses ["r@example.com"] "away"; discard;`: `vacation "away" "S" "R <robin@example.com>" [r@example.com] 72h0m0s; discard`,
		`vacation :seconds 5 "x";`:                       `vacation "x" "" "" [] 10m0s; keep`,
		`vacation :days 0 "x";`:                          `vacation "x" "" "" [] 24h0m0s; keep`,
		`vacation :days 9999 "x";`:                       `vacation "x" "" "" [] 2160h0m0s; keep`,
		`notify "mailto:a@example.net";`:                 `notify mailto:a@example.net 2 ""; keep`,
		`notify :importance "1" :message "hey" "push:";`: `notify push: 1 "hey"; keep`,

		`set "a" "x"; fileinto "${a}${A}${b}$${c";`:                                           `fileinto xx$${c`,
		`set :upperfirst :lower "a" "jUMBLED lETTERS"; fileinto "${a}";`:                      `fileinto Jumbled letters`,
		`set :length "a" "fünf"; fileinto "${a}";`:                                            `fileinto 4`,
		`set :quotewildcard "a" "Rock*?\\"; fileinto "${a}";`:                                 `fileinto Rock\*\?\\`,
		`set :upper :encodeurl "a" "ä b"; fileinto "${a}";`:                                   `fileinto %C3%84%20B`,
		`set :quoteregex "a" "a.b"; fileinto "${a}";`:                                         `fileinto a\.b`,
		`if header :matches "x-long" "* over *" { fileinto "${1}-${2}-${0}-${3}"; }`:          `fileinto folded-two lines-folded over two lines-`,
		`if header :matches "x-caffeine" "?*o?" { fileinto "${1}/${2}/${3}"; }`:               `fileinto C/8H10N4/2`,
		`if string :matches "a-b-c-d" "*-*-?" { fileinto "${1}|${2}|${3}"; }`:                 `fileinto a|b-c|d`,
		`if string :regex "id 42 of 7" "([0-9]+) of ([0-9]+)" { fileinto "${1}.${2}.${0}"; }`: `fileinto 42.7.42 of 7`,
		`if string :matches "one" "*" { if string :matches "two" "x*" {} fileinto "${1}"; }`:  `fileinto one`,
		`if body :matches "*Betrag*" { fileinto "(${1})"; }`:                                  `fileinto ()`,
		`set "p" "*ver*"; if header :matches "x-long" "${p}" { fileinto "${1}"; }`:            `fileinto folded o`,

		`setflag "\\Seen"; keep;`:                                                                 `keep [\Seen]`,
		`addflag ["a b", "A", "\\Recent", "\\nope"]; removeflag "b";`:                             `keep [a]`,
		`setflag "x"; fileinto :flags "y z" "f";`:                                                 `fileinto f [y z]`,
		`setflag "v" "x y"; if hasflag "v" "y x" { keep :flags "${v}"; }`:                         `keep [x y]`,
		`setflag "x y"; if hasflag :count "ge" :comparator "i;ascii-numeric" "" "2" { discard; }`: `keep [x y]`,
		`setflag "x y"; if hasflag :contains "Y" { discard; }`:                                    `discard`,
		`setflag "a"; keep; setflag "b"; fileinto "f";`:                                           `keep [a]; fileinto f [b]`,
	} {
		res, err := run(t, everything()+script, newMessage(letter), surroundings())
		if got := told(res.Actions); got != want || err != nil {
			t.Errorf("%s\n got %s, %v\nwant %s", script, got, err, want)
		}
	}
}

func TestWhatFailsKeepsTheMessageAsItCame(t *testing.T) {
	for script, want := range map[string]string{
		`discard; reject "a"; reject "b";`: "only once",
		`keep; reject "a";`:                "is not kept",
		`reject "a"; fileinto "x";`:        "is not kept",
		`vacation "a"; vacation "b";`:      "only once",
		`vacation "a"; ereject "b";`:       "is not kept",
		`addheader "X-A" "b"; setflag "x"; discard; set "a" "nobody"; redirect "${a}";`:                                                     "not an address",
		`redirect "a@example.com"; redirect "b@example.com"; redirect "c@example.com"; redirect "d@example.com"; redirect "e@example.com";`: "at most 4 addresses",
		`set "m" "xmpp:x"; notify "${m}";`: "not a way",
		`include "other";`:                 "no script",
		`set "z" "nowhere"; if currentdate :zone "${z}" "year" "2025" { keep; }`: "not an offset",
		`set "r" "(a"; if string :regex "b" "${r}" { keep; }`:                    "regular expression",
	} {
		res, err := run(t, everything()+script, newMessage(letter), surroundings())
		if k, ok := res.Actions[0].(sieve.Keep); err == nil || !strings.Contains(err.Error(), want) || len(res.Actions) != 1 || !ok || k.Header != nil || k.Flags != nil {
			t.Errorf("%s: %s, %v", script, told(res.Actions), err)
		}
		var place *sieve.Error
		if !errors.As(err, &place) || place.Line != 2 || place.Column < 1 {
			t.Errorf("%s: no place: %v", script, err)
		}
	}
}
