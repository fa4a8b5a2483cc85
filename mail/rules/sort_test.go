package rules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/message"
	"martlet/mail/oof"
	"martlet/mail/route"
	"martlet/mail/sieve"
	"martlet/store"
)

const bob = "bob@example.org"

// script gives somebody an active script.
func (f *fixture) script(login, source string) {
	f.Helper()
	ctx := context.Background()
	f.must(f.rules.Put(ctx, f.people[login], "main", source))
	f.must(f.rules.Activate(ctx, f.people[login], "main"))
}

// where tells which folders of an account hold messages, with their flags.
func (f *fixture) where(login string) string {
	f.Helper()
	var all []string
	box := mail.MailboxOf(f.people[login])
	f.must(f.store.View(context.Background(), func(tx *store.Tx) error {
		all = nil
		folders, err := f.mailboxes.Folders(tx, box)
		if err != nil && !errors.Is(err, mail.ErrNoFolder) {
			return err
		}
		for _, folder := range folders {
			if folder.Class != mail.ClassEmail {
				continue
			}
			for it, err := range f.mailboxes.Items(tx, box, folder.ID, 0) {
				if err != nil {
					return err
				}
				text := folder.Name
				if it.Flags&mail.FlagSeen != 0 {
					text += " seen"
				}
				if it.FollowUp.Status == mail.FollowUpActive {
					text += " flagged"
				}
				all = append(all, strings.Join(append([]string{text}, it.Keywords...), " "))
			}
		}
		return nil
	}))
	slices.Sort(all)
	return strings.Join(all, "; ")
}

// failure is what last went wrong with somebody's active script.
func (f *fixture) failure(login string) string {
	f.Helper()
	all, err := f.rules.List(context.Background(), f.people[login])
	f.must(err)
	for _, s := range all {
		if s.Failure != nil {
			return s.Failure.Text
		}
	}
	return ""
}

func TestAScriptSaysWhereAMessageIsKept(t *testing.T) {
	for script, want := range map[string]string{
		`keep;`:    "Inbox",
		`discard;`: "",
		`require "fileinto"; if header :contains "subject" "lunch" { fileinto "Archive/2026"; }`:    "2026",
		`require "fileinto"; fileinto "archive/2026";`:                                              "2026",
		`require "fileinto"; fileinto "inbox";`:                                                     "Inbox",
		`require ["fileinto","mailbox"]; fileinto :create "Projects/Martlet/Wings";`:                "Wings",
		`require ["fileinto","mailbox"]; fileinto :create "INBOX/Bills"; keep;`:                     "Bills; Inbox",
		`require ["fileinto","copy"]; fileinto :copy "Archive";`:                                    "Archive; Inbox",
		`require ["fileinto","special-use"]; fileinto :specialuse "\\Junk" "Archive";`:              "Junk E-mail",
		`require ["fileinto","special-use"]; fileinto :specialuse "\\None" "Archive";`:              "Archive",
		`require ["imap4flags"]; setflag ["\\Seen","\\Flagged","$work"]; keep;`:                     "Inbox seen flagged $work",
		`require ["fileinto","mailbox"]; if mailboxexists "Archive" { fileinto "Archive"; }`:        "Archive",
		`require ["fileinto","mailbox"]; if not mailboxexists ["Archive", "Calendar"] { discard; }`: "",
		`require ["special-use"]; if specialuse_exists ["\\Junk", "\\Sent"] { discard; }`:           "",
		`require ["envelope","subaddress"]; if envelope :detail "to" "bills" { discard; }`:          "",
		`require ["environment"]; if environment "domain" "example.org" { discard; }`:               "",
	} {
		f := open(t)
		f.must(f.mailboxes.Create(t.Context(), mail.MailboxOf(f.people[bob])))
		_, err := f.rules.create(t.Context(), f.people[bob], "Archive/2026")
		f.must(err)
		f.script(bob, script)
		f.must(f.deliver("ada@y.example", "bob+bills@example.org", note(bob, "")))
		if got := f.where(bob); got != want || f.failure(bob) != "" {
			t.Errorf("%s\n got %s (%s)\nwant %s", script, got, f.failure(bob), want)
		}
	}
}

func TestAScriptThatFailsKeepsTheMessageAndSaysSo(t *testing.T) {
	for script, want := range map[string]string{
		`require "fileinto"; fileinto "Nowhere";`:                  `there is no folder "Nowhere"`,
		`require "fileinto"; fileinto "Calendar";`:                 `"Calendar" takes no mail`,
		"require \"reject\";\ndiscard; keep;\n  reject \"no\";":    "line 3, column 3: a message that is rejected",
		`require ["fileinto","mailbox"]; fileinto :create "x//y";`: `cannot be made`,
		`require ["include"]; include "none";`:                     `there is no script "none"`,
	} {
		f := open(t)
		f.must(f.mailboxes.Create(t.Context(), mail.MailboxOf(f.people[bob])))
		f.script(bob, script)
		f.must(f.deliver("ada@y.example", bob, note(bob, "")))
		if got := f.where(bob); got != "Inbox" {
			t.Errorf("%s: %s", script, got)
		}
		if got := f.failure(bob); !strings.Contains(got, want) {
			t.Errorf("%s: %q", script, got)
		}
		// A script that is changed has not failed yet.
		f.script(bob, "keep;")
		if got := f.failure(bob); got != "" {
			t.Errorf("%s: still %q", script, got)
		}
	}
}

func TestAFailureIsNotHeldAgainstAnotherText(t *testing.T) {
	f := open(t)
	f.script(bob, `require "fileinto"; fileinto "Nowhere";`)
	raw := note(bob, "")
	env := mail.Envelope{From: "ada@y.example", To: []mail.Recipient{{Address: bob, Local: true, Accounts: []directory.AccountID{f.people[bob]}}}}
	s, err := f.rules.Sort(t.Context(), &route.Arriving{Account: f.people[bob], To: bob, Env: &env, Raw: raw, Index: message.Parse(raw)})
	f.must(err)
	f.script(bob, "keep;") // while the message is on its way
	f.must(f.store.Update(t.Context(), s.Then))
	if got := f.failure(bob); got != "" {
		t.Error(got)
	}
}

func TestJunkIsForScriptsThatAskForIt(t *testing.T) {
	for script, want := range map[string]string{
		`require "fileinto"; fileinto "INBOX";`:                                                                                                  "Junk E-mail",
		`require ["vacation","copy"]; redirect :copy "x@y.example"; vacation "away";`:                                                            "Junk E-mail",
		`require ["spamtest","relational","comparator-i;ascii-numeric"]; if spamtest :value "ge" :comparator "i;ascii-numeric" "6" { discard; }`: "",
		`require ["spamtest"]; keep;`:                         "Junk E-mail",
		`require ["spamtest", "fileinto"]; fileinto "INBOX";`: "Inbox",
	} {
		f := open(t)
		f.script(bob, script)
		env := mail.Envelope{From: "ada@y.example", To: []mail.Recipient{{Address: bob, Local: true, Accounts: []directory.AccountID{f.people[bob]}}},
			Verdict: &mail.Verdict{Junk: true, Header: []byte("X-Martlet-Junk: yes score=8.5\r\n\t(DMARC fail 3.0)\r\n")}}
		f.must(f.router.Deliver(t.Context(), env, note(bob, "")))
		if got := f.where(bob); got != want || len(f.queued()) != 0 {
			t.Errorf("%s: %s, %d queued", script, got, len(f.queued()))
		}
	}
}

func TestAMessageIsPassedOnButNotToOneself(t *testing.T) {
	f := open(t)
	f.script(bob, `redirect "friend@y.example";`)
	f.must(f.deliver("ada@y.example", bob, note(bob, "")))
	if q := f.queued(); len(q) != 1 || q[0].Envelope.To[0].Address != "friend@y.example" || f.where(bob) != "" {
		t.Errorf("%+v, %s", q, f.where(bob))
	}
	f.script(bob, `redirect "BOB+x@example.org";`)
	f.must(f.deliver("ada@y.example", bob, note(bob, "")))
	if got := f.where(bob); got != "Inbox" {
		t.Errorf("to himself: %s", got)
	}
	// What he keeps by that is not lost when somebody else gets it, too.
	f.script(bob, `redirect "bob+x@example.org"; redirect "friend@y.example";`)
	f.must(f.deliver("ada@y.example", bob, note(bob, "")))
	if got := f.where(bob); got != "Inbox; Inbox" || len(f.queued()) != 2 {
		t.Errorf("to himself and another: %s, %d queued", got, len(f.queued()))
	}
	// In a circle it ends where it was before.
	f.script(bob, `redirect "dana@example.org";`)
	f.script("dana@example.org", `redirect "bob@example.org";`)
	f.must(f.deliver("ada@y.example", "dana@example.org", note("dana@example.org", "")))
	if got := f.where(bob) + "|" + f.where("dana@example.org"); got != "Inbox; Inbox; Inbox|" && got != "Inbox; Inbox|Inbox" {
		t.Errorf("in a circle: %s", got)
	}
}

func TestAMessageIsRejected(t *testing.T) {
	f := open(t)
	f.script(bob, `require "reject"; reject "No
more"; `)
	err := f.deliver("ada@y.example", bob, note(bob, ""))
	var rejected *mail.RejectedError
	if !errors.As(err, &rejected) || !strings.HasPrefix(rejected.Text, "No") {
		t.Errorf("%v", err)
	}
	f.must(f.deliver("", bob, note(bob, ""))) // a bounce cannot be
	if got := f.where(bob); got != "Inbox" {
		t.Error(got)
	}
}

func TestAnEditedHeaderIsWhatIsKept(t *testing.T) {
	f := open(t)
	f.script(bob, `require "editheader"; deleteheader "Subject"; addheader "Subject" "[bob] Lunch";`)
	f.must(f.deliver("ada@y.example", bob, note(bob, "")))
	got := f.only(bob, mail.RoleInbox)
	if !strings.HasPrefix(got, "Subject: [bob] Lunch\r\nReturn-Path: <ada@y.example>\r\n") || strings.Contains(got, "Lunch?") || !strings.HasSuffix(got, "\r\n\r\nSee you.\r\n") {
		t.Error(got)
	}
}

func TestAVacationAnswersOnceInAWhile(t *testing.T) {
	f := open(t)
	f.script(bob, `require "vacation"; vacation :days 2 :subject "Weg" :from "B <bob+x@example.org>" "Bin weg.";`)
	day := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	at := func(when time.Time, from, extra string) {
		f.Helper()
		f.must(f.router.Deliver(context.Background(), mail.Envelope{From: from, Trace: mail.Trace{Time: when},
			To: []mail.Recipient{{Address: bob, Local: true, Accounts: []directory.AccountID{f.people[bob]}}}}, note(bob, extra)))
	}
	at(day, "dana@example.org", "")
	at(day.Add(47*time.Hour), "DANA@example.org", "")
	got := f.only("dana@example.org", mail.RoleInbox)
	for _, line := range []string{"Return-Path: <>\r\n", "\r\nFrom: \"B\" <bob+x@example.org>\r\n", "\r\nSubject: Weg\r\n", "\r\nIn-Reply-To: <2@there>\r\n", "\r\nAuto-Submitted: auto-replied\r\n", "Bin weg."} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is missing in\n%s", line, got)
		}
	}
	at(day.Add(48*time.Hour), "dana@example.org", "")
	if n := len(f.texts("dana@example.org", mail.RoleInbox)); n != 2 {
		t.Errorf("after two days: %d", n)
	}
	for _, extra := range []string{"List-Id: <x>\n", "Auto-Submitted: auto-replied\n", "Precedence: bulk\n"} {
		at(day.Add(200*time.Hour), "dana@example.org", extra)
	}
	at(day.Add(200*time.Hour), "", "")
	if n := len(f.texts("dana@example.org", mail.RoleInbox)); n != 2 {
		t.Errorf("machines were answered: %d", n)
	}
	// Another's address is not what it is sent from.
	f.script(bob, `require "vacation"; vacation :handle "other" :from "dana@example.org" :mime text:
Content-Type: text/html; charset=utf-8
Bcc: x@y.example

<p>weg
.
;`)
	at(day.Add(201*time.Hour), "eve@example.org", "")
	got = f.only("eve@example.org", mail.RoleInbox)
	if !strings.Contains(got, "\r\nFrom: <bob@example.org>\r\n") || strings.Contains(got, "Bcc") ||
		!strings.Contains(got, "MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>weg\r\n") {
		t.Error(got)
	}
}

// What a phone has set and what a script says are one vacation.
func TestNobodyIsToldByScriptAndPhone(t *testing.T) {
	f := open(t)
	f.script(bob, `require "vacation"; vacation "from the script";`)
	f.leave(bob, gone())
	f.send("dana@example.org", bob, note(bob, ""))
	if got := f.only("dana@example.org", mail.RoleInbox); !strings.Contains(got, "for colleagues") {
		t.Error(got)
	}
	f.leave(bob, oof.Absence{})
	f.send("eve@example.org", bob, note(bob, ""))
	if got := f.only("eve@example.org", mail.RoleInbox); !strings.Contains(got, "from the script") {
		t.Error(got)
	}
	f.leave(bob, gone())
	f.send("eve@example.org", bob, note(bob, ""))
	f.only("eve@example.org", mail.RoleInbox)
	// What the script drops is not answered.
	f.script(bob, "discard;")
	f.send("alice@example.org", bob, note(bob, ""))
	if got := f.texts("alice@example.org", mail.RoleInbox); len(got) != 0 {
		t.Error(got)
	}
}

func TestANotificationGoesByMail(t *testing.T) {
	f := open(t)
	f.script(bob, `require "enotify"; notify :importance "1" :message "Ping: pong" "mailto:phone@y.example?body=Look%20there";`)
	f.must(f.deliver("ada@y.example", bob, note(bob, "")))
	q := f.queued()
	if len(q) != 1 || q[0].Envelope.From != "" || q[0].Envelope.To[0].Address != "phone@y.example" {
		t.Fatalf("%+v", q)
	}
	got := f.read(q[0].Blob)
	for _, line := range []string{"\r\nSubject: Ping: pong\r\n", "\r\nAuto-Submitted: auto-notified; owner-email=\"bob@example.org\"\r\n", "\r\nImportance: high\r\n", "TG9vayB0aGVyZQ0K"} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is missing in\n%s", line, got)
		}
	}
	f.must(f.deliver("ada@y.example", bob, note(bob, "Auto-Submitted: auto-notified\n")))
	if n := len(f.queued()); n != 1 {
		t.Errorf("a notification of a notification: %d", n)
	}
}

func TestADuplicateIsRememberedWithTheDelivery(t *testing.T) {
	f := open(t)
	f.script(bob, `require "duplicate"; if duplicate :seconds 60 { discard; }`)
	day := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	for i, c := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {59 * time.Second, 1}, {60 * time.Second, 2}} {
		f.must(f.router.Deliver(t.Context(), mail.Envelope{From: "a@y.example", Trace: mail.Trace{Time: day.Add(c.after)},
			To: []mail.Recipient{{Address: bob, Local: true, Accounts: []directory.AccountID{f.people[bob]}}}}, note(bob, "")))
		if got := len(f.texts(bob, mail.RoleInbox)); got != c.want {
			t.Errorf("%d: %d", i, got)
		}
	}
	if !t.Run("bounded", func(t *testing.T) {
		var all []sieve.Duplicate
		for i := range maxSeen + 10 {
			d := sieve.Duplicate{For: time.Duration(i+1) * time.Minute}
			d.ID[0], d.ID[1] = byte(i), byte(i>>8)
			all = append(all, d)
		}
		f.must(f.store.Update(context.Background(), func(tx *store.Tx) error { return f.rules.remember(tx, 77, all, day) }))
		f.must(f.store.Update(context.Background(), func(tx *store.Tx) error {
			n := 0
			for _, err := range f.rules.seenAge.Keys(tx, agesOf(77)) {
				f.must(err)
				n++
			}
			if n != maxSeen {
				t.Errorf("%d are remembered", n)
			}
			return f.rules.Remove(tx, 77)
		}))
	}) {
		return
	}
}

func TestScriptsHaveTheirBounds(t *testing.T) {
	f := open(t)
	ctx, id := t.Context(), f.people[bob]
	for i := range MaxScripts {
		f.must(f.rules.Put(ctx, id, fmt.Sprint(i), "keep;"))
	}
	long := "# " + strings.Repeat("x", sieve.MaxScript-2)
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"one more", f.rules.Put(ctx, id, "new", "keep;"), ErrTooMany},
		{"room for one more", f.rules.HaveSpace(ctx, id, "new", 10), ErrTooMany},
		{"another text", f.rules.Put(ctx, id, "0", "stop;"), nil},
		{"too long", f.rules.Put(ctx, id, "0", long+"x"), ErrTooLarge},
		{"room for too long", f.rules.HaveSpace(ctx, id, "0", 1<<40), ErrTooLarge},
		{"no name", f.rules.Put(ctx, id, "", "keep;"), ErrBadName},
		{"a bad name", f.rules.Put(ctx, id, "a\nb", "keep;"), ErrBadName},
		{"not there", f.rules.Activate(ctx, id, "none"), ErrNoScript},
		{"delete what is not there", f.rules.Delete(ctx, id, "none"), ErrNoScript},
		{"activate", f.rules.Activate(ctx, id, "1"), nil},
		{"delete the active one", f.rules.Delete(ctx, id, "1"), ErrActive},
		{"rename to one that is there", f.rules.Rename(ctx, id, "1", "2"), ErrExists},
		{"rename", f.rules.Rename(ctx, id, "1", "new"), nil},
		{"rename to a bad name", f.rules.Rename(ctx, id, "new", "\x7f"), ErrBadName},
		{"none", f.rules.Activate(ctx, id, ""), nil},
		{"delete", f.rules.Delete(ctx, id, "new"), nil},
	} {
		if !errors.Is(c.err, c.want) || c.want == nil && c.err != nil {
			t.Errorf("%s: %v", c.name, c.err)
		}
	}
	for i := range MaxBytes/sieve.MaxScript - 1 {
		f.must(f.rules.Put(ctx, id, fmt.Sprint(i+2), long))
	}
	if err := f.rules.Put(ctx, id, "30", long); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	var wrong *sieve.Error
	if err := f.rules.Put(ctx, id, "30", "kep;"); !errors.As(err, &wrong) {
		t.Error(err)
	}
	f.must(f.store.Update(ctx, func(tx *store.Tx) error { return f.rules.Remove(tx, id) }))
	if all, err := f.rules.List(ctx, id); len(all) != 0 || err != nil {
		t.Errorf("%v, %v", all, err)
	}
}

func TestTheNewTextRunsAtOnceAndATryDoesNothing(t *testing.T) {
	f := open(t)
	f.script(bob, "discard;")
	f.send("dana@example.org", bob, note(bob, ""))
	f.script(bob, "keep;")
	f.send("dana@example.org", bob, note(bob, ""))
	if got := f.where(bob); got != "Inbox" {
		t.Error(got)
	}
	source := `require ["fileinto","mailbox","vacation","duplicate"]; fileinto :create "New"; vacation "x"; if duplicate { stop; } redirect "a@y.example";`
	for range 2 {
		out, err := f.rules.Try(t.Context(), f.people[bob], "", &source, note(bob, ""), "dana@example.org", bob)
		want := []string{`file into "New"`, `answer the sender, at most every 7 days: "x"`, "redirect to a@y.example"}
		if err != nil || !slices.Equal(out.Actions, want) || out.Failure != "" {
			t.Errorf("%q %q, %v", out.Actions, out.Failure, err)
		}
	}
	if got := f.where(bob); got != "Inbox" || len(f.texts("dana@example.org", mail.RoleInbox)) != 0 || len(f.queued()) != 0 {
		t.Error(got)
	}
	if out, err := f.rules.Try(t.Context(), f.people[bob], "", nil, note(bob, ""), "", bob); err != nil || !slices.Equal(out.Actions, []string{"keep"}) {
		t.Errorf("%+v, %v", out, err)
	}
	if _, err := f.rules.Try(t.Context(), f.people[bob], "none", nil, nil, "", bob); !errors.Is(err, ErrNoScript) {
		t.Error(err)
	}
}
