package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"martlet/gateway/admin"
	"martlet/mail/scan"
)

// scanners looks whether the programs that judge messages answer.
func (d *doctor) scanners() {
	ctx, cancel := context.WithTimeout(d.ctx, 2*lookTime)
	defer cancel()
	for _, m := range d.c.Scan.Milters {
		d.scanner("milter "+m.Name, m.Address, m.Closed, "", scan.NewMilter(m.MilterConfig).Ping(ctx))
	}
	if c := d.c.Scan.Clamd; c != nil {
		versions, err := scan.NewClamd(c.ClamdConfig).Version(ctx)
		var said []string
		for _, at := range slices.Sorted(maps.Keys(versions)) {
			said = append(said, at+": "+versions[at])
		}
		d.scanner("clamd", strings.Join(c.Addresses, ", "), c.Closed, strings.Join(said, "; "), err)
	}
	if r := d.c.Scan.Rspamd; r != nil {
		d.scanner("rspamd", r.URL, r.Closed, "", scan.NewRspamd(r.RspamdConfig).Ping(ctx))
	}
}

func (d *doctor) scanner(check, at string, closed bool, said string, err error) {
	switch {
	case err != nil && closed:
		d.find(check, problem, "start it; or fail = \"open\" takes mail without it", "it does not answer, and no mail is taken meanwhile: %v", err)
	case err != nil:
		d.find(check, problem, "start it, or take it out of the configuration", "it does not answer, and mail is not looked at by it: %v", err)
	case said != "":
		d.find(check, fine, "", "it answers: %s", printable(said))
	default:
		d.find(check, fine, "", "it answers at %s", at)
	}
}

// Mail that waits for so long or in such numbers deserves a look.
const (
	longWait    = 4 * time.Hour
	veryLong    = 48 * time.Hour
	longQueue   = 10_000
	manyLateFor = 10
)

// judgeQueue looks at the mail that waits for other hosts.
func judgeQueue(w admin.Waiting, now time.Time) (out []finding) {
	say := func(level, remedy, format string, args ...any) {
		out = append(out, finding{"queue", level, fmt.Sprintf(format, args...), remedy})
	}
	if w.Holds > 0 || w.Held > 0 {
		say(warning, "martlet queue list shows which", "%d messages are held, and %d holds keep mail from going out", w.Held, w.Holds)
	}
	age := now.Sub(w.Oldest).Round(time.Minute)
	more := ""
	if w.Many {
		more = "at least "
	}
	switch {
	case w.Messages == w.Held:
		if len(out) == 0 {
			say(fine, "", "no mail waits for other hosts")
		}
	case w.Late >= manyLateFor && 2*w.OfWorst > w.Late:
		say(warning, "martlet queue list; see why it does not take them", "%s%d messages have waited for more than %v, %d of them for %s: %s", more, w.Late, longWait, w.OfWorst, w.Worst, printable(w.Why))
	case age > veryLong || w.Late >= manyLateFor:
		say(warning, "martlet queue list shows what other hosts say; the senders were told", "%s%d messages wait, %d of them for more than %v, the oldest for %v", more, w.Messages, w.Late, longWait, age)
	case w.Messages > longQueue:
		say(warning, "see who sends so much: martlet trace, martlet queue list", "%s%d messages wait for other hosts", more, w.Messages)
	default:
		say(fine, "", "%d messages wait for other hosts, the oldest for %v", w.Messages-w.Held, age)
	}
	return out
}
