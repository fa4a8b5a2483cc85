package rules

import (
	"context"
	"fmt"
	"strings"
	"sync"
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

// leave sends somebody away.
func (f *fixture) leave(login string, a oof.Absence) {
	f.Helper()
	f.must(f.store.Update(context.Background(), func(tx *store.Tx) error { return f.absences.Save(tx, f.people[login], a) }))
}

// gone is an absence that tells each audience something of its own.
func gone() oof.Absence {
	return oof.Absence{State: oof.On, Messages: [oof.Audiences]oof.Message{
		oof.Internal: {Enabled: true, Text: "for colleagues"},
		oof.Known:    {Enabled: true, Text: "for friends"},
		oof.Unknown:  {Enabled: true, Text: "for strangers"},
	}}
}

// note is a letter to somebody; extra are more header fields.
func note(to, extra string) []byte {
	return crlf("From: whoever\nTo: Them <" + to + ">\nSubject: Lunch?\nMessage-ID: <2@there>\nReferences: <1@there>\n" + extra + "\nSee you.\n")
}

// send delivers a letter from somewhere.
func (f *fixture) send(from, to string, raw []byte) {
	f.Helper()
	f.must(f.deliver(from, to, raw))
}

func TestEachAudienceIsToldItsOwn(t *testing.T) {
	f := open(t)
	f.leave("bob@example.org", gone())
	// Whom he has written to he knows.
	f.must(f.router.Submit(t.Context(), route.Submission{Account: f.people["bob@example.org"], Raw: crlf("To: Friend@Elsewhere.example\n\nHi\n")}))
	for from, want := range map[string]string{"dana@example.org": "for colleagues", "friend@elsewhere.example": "for friends", "eve@elsewhere.example": "for strangers"} {
		before := len(f.queued())
		f.send(from, "bob@example.org", note("bob@example.org", ""))
		var got string
		if strings.HasSuffix(from, "@example.org") {
			got = f.only(from, mail.RoleInbox)
		} else {
			all := f.queued()
			if len(all) != before+1 {
				t.Fatalf("%s: %d in the queue", from, len(all))
			}
			e := all[before]
			if e.Envelope.From != "" || len(e.Envelope.To) != 1 || e.Envelope.To[0].Address != from || e.Envelope.To[0].Notify != mail.NotifyNever {
				t.Errorf("%s: the answer's envelope is %+v", from, e.Envelope)
			}
			got = f.read(e.Blob)
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s is told:\n%s", from, got)
		}
	}
	if got := len(f.texts("bob@example.org", mail.RoleInbox)); got != 3 {
		t.Errorf("bob has %d messages", got)
	}
}

// RFC 3834 3.1
func TestAnAnswerSaysThatItIsOne(t *testing.T) {
	f := open(t)
	f.leave("alice@example.org", gone())
	f.send("bob@example.org", "sales+x@example.org", note("sales+x@example.org", ""))
	got := f.only("bob@example.org", mail.RoleInbox)
	for _, line := range []string{
		"Return-Path: <>\r\n", "\r\nFrom: =?utf-8?q?Alice_=C3=84rger?= <alice@example.org>\r\n", "\r\nTo: <bob@example.org>\r\n",
		"\r\nSubject: Automatic reply: Lunch?\r\n", "\r\nIn-Reply-To: <2@there>\r\n", "\r\nReferences: <1@there> <2@there>\r\n",
		"\r\nAuto-Submitted: auto-replied\r\n", "\r\nX-Auto-Response-Suppress: All\r\n",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is missing in\n%s", line, got)
		}
	}
	if ix := message.Parse([]byte(got)); ix.Subject != "Automatic reply: Lunch?" {
		t.Errorf("read again: %+v", ix)
	}
}

func TestASenderIsToldOnceInAnAbsence(t *testing.T) {
	f := open(t)
	f.leave("bob@example.org", gone())
	for range 3 {
		f.send("dana@example.org", "bob@example.org", note("bob@example.org", ""))
	}
	f.send("Dana@Example.org", "bob@example.org", note("bob@example.org", ""))
	f.only("dana@example.org", mail.RoleInbox)
	other := gone()
	other.Messages[oof.Internal].Text = "other words" // no new absence
	f.leave("bob@example.org", other)
	f.send("dana@example.org", "bob@example.org", note("bob@example.org", ""))
	f.only("dana@example.org", mail.RoleInbox)
	f.leave("bob@example.org", oof.Absence{})
	f.send("dana@example.org", "bob@example.org", note("bob@example.org", ""))
	f.only("dana@example.org", mail.RoleInbox)
	f.leave("bob@example.org", gone())
	f.send("dana@example.org", "bob@example.org", note("bob@example.org", ""))
	if got := f.texts("dana@example.org", mail.RoleInbox); len(got) != 2 {
		t.Errorf("dana was told %d times", len(got))
	}
}

func TestLettersAtTheSameMomentAreAnsweredOnce(t *testing.T) {
	f := open(t)
	f.leave("bob@example.org", gone())
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			f.send("dana@example.org", "bob@example.org", note("bob@example.org", fmt.Sprintf("X-Number: %d\n", i)))
		})
	}
	all.Wait()
	f.only("dana@example.org", mail.RoleInbox)
}

// RFC 3834 2, RFC 5230 4.5 and 4.6
func TestNoAnswerGoesToListsMachinesAndBounces(t *testing.T) {
	bob := "bob@example.org"
	for _, c := range []struct{ name, from, extra, to string }{
		{"null sender", "", "", bob},
		{"auto-submitted", "x@y.example", "Auto-Submitted: auto-generated\n", bob},
		{"auto-replied with a parameter", "x@y.example", "auto-submitted: Auto-Replied; owner-email=a@b\n", bob},
		{"list", "x@y.example", "List-Id: <l.y.example>\n", bob},
		{"marketing", "x@y.example", "List-Unsubscribe: <https://y.example>\n", bob},
		{"bulk", "x@y.example", "Precedence: Bulk\n", bob},
		{"suppressed", "x@y.example", "X-Auto-Response-Suppress: DR, OOF, AutoReply\n", bob},
		{"report", "x@y.example", "Content-Type: multipart/report; report-type=disposition-notification; boundary=x\n", bob},
		{"junk", "x@y.example", "X-Spam-Flag: YES\n", bob},
		{"junk by its status", "x@y.example", "X-Spam-Status: Yes, score=11\n", bob},
		{"bounced before", "x@y.example", "Return-Path: <>\n", bob},
		{"no-reply", "no-reply@y.example", "", bob},
		{"newsletter", "bounces+17-bob=example.org@y.example", "", bob},
		{"list owner", "owner-l@y.example", "", bob},
		{"list request", "l-request@y.example", "", bob},
		{"daemon", "MAILER-DAEMON@y.example", "", bob},
		{"postmaster", "postmaster@y.example", "", bob},
		{"himself", bob, "", bob},
		{"by another name of his", "bob+x@example.org", "", bob},
		{"a group", "x@y.example", "", "team@example.org"},
		{"a blind copy", "x@y.example", "", "undisclosed@y.example"},
		{"nobody of ours", "nobody-here@example.org", "", bob},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := open(t)
			f.leave(bob, gone())
			env := mail.Envelope{From: c.from, To: []mail.Recipient{{Address: bob, Local: true, Accounts: []directory.AccountID{f.people[bob]}}}}
			f.must(f.router.Deliver(t.Context(), env, note(c.to, c.extra)))
			if q := f.queued(); len(q) != 0 {
				t.Errorf("queued: %s", f.read(q[0].Blob))
			}
			if got := f.texts(bob, mail.RoleInbox); len(got) != 1 {
				t.Errorf("bob has %d messages", len(got))
			}
		})
	}
}

func TestTwoAbsentColleaguesDoNotTalkForEver(t *testing.T) {
	f := open(t)
	f.leave("bob@example.org", gone())
	f.leave("dana@example.org", gone())
	f.must(f.router.Submit(t.Context(), route.Submission{Account: f.people["bob@example.org"], Raw: []byte(strings.Replace(string(note("dana@example.org", "")), "From: whoever", "From: bob@example.org", 1))}))
	if got := f.only("bob@example.org", mail.RoleInbox); !strings.Contains(got, "for colleagues") {
		t.Errorf("bob has:\n%s", got)
	}
	f.only("dana@example.org", mail.RoleInbox)
	// Even if an answer came in from outside, as a letter.
	f.send("bob@example.org", "dana@example.org", []byte(f.only("bob@example.org", mail.RoleInbox)))
	f.only("bob@example.org", mail.RoleInbox)
}

func TestATimedAbsenceIsJudgedAtDelivery(t *testing.T) {
	f := open(t)
	start := time.Date(2026, 12, 20, 8, 0, 0, 0, time.UTC)
	a := gone()
	a.State, a.Start, a.End = oof.Timed, start, start.Add(24*time.Hour)
	f.leave("bob@example.org", a)
	for i, c := range []struct {
		when time.Time
		told bool
	}{{start.Add(-time.Millisecond), false}, {start, true}, {start.Add(24*time.Hour - time.Millisecond), true}, {start.Add(24 * time.Hour), false}} {
		env := mail.Envelope{From: fmt.Sprintf("x%d@y.example", i), Trace: mail.Trace{Time: c.when},
			To: []mail.Recipient{{Address: "bob@example.org", Local: true, Accounts: []directory.AccountID{f.people["bob@example.org"]}}}}
		before := len(f.queued())
		f.must(f.router.Deliver(t.Context(), env, note("bob@example.org", "")))
		if told := len(f.queued()) > before; told != c.told {
			t.Errorf("at %v: told %v", c.when, told)
		}
	}
}

func TestAnAudienceThatIsToldNothing(t *testing.T) {
	f := open(t)
	a := gone()
	a.Messages[oof.Unknown].Enabled = false
	a.Messages[oof.Internal].Text = " \r\n"
	f.leave("bob@example.org", a)
	f.send("stranger@y.example", "bob@example.org", note("bob@example.org", ""))
	f.send("dana@example.org", "bob@example.org", note("bob@example.org", ""))
	if n := len(f.queued()) + len(f.texts("dana@example.org", mail.RoleInbox)); n != 0 {
		t.Errorf("%d answers", n)
	}
}

func TestHTMLIsAnsweredWithBoth(t *testing.T) {
	f := open(t)
	a := gone()
	a.Messages[oof.Internal] = oof.Message{Enabled: true, HTML: true, Text: "<p>Bin <b>weg</b> – überall</p>"}
	f.leave("bob@example.org", a)
	f.send("dana@example.org", "bob@example.org", note("bob@example.org", ""))
	raw := []byte(f.only("dana@example.org", mail.RoleInbox))
	ix := message.Parse(raw)
	plain, html := ix.Text()
	if plain < 0 || html < 0 {
		t.Fatalf("parts %d and %d of\n%s", plain, html, raw)
	}
	text, _, _, err := ix.ReadText(plain, message.Bytes(raw), 1000)
	if err != nil || !strings.Contains(text, "Bin weg – überall") {
		t.Errorf("%q, %v", text, err)
	}
	if text, _, _, _ = ix.ReadText(html, message.Bytes(raw), 1000); !strings.Contains(text, "<b>weg</b>") {
		t.Errorf("%q", text)
	}
}

// FuzzAnswer has somebody away get any letter at all: whatever is sent is a
// message whose header nobody could add to.
func FuzzAnswer(f *testing.F) {
	f.Add("x@y.example", "Lunch?", "<1@y>", "<0@y>", "I am away.", false)
	f.Add("a@b", "=?utf-8?q?=0D=0ABcc:_x@y?=", "<x\r\n>", "\x00", "<p>\r\n.\r\n", true)
	f.Fuzz(func(t *testing.T, to, subject, id, references, text string, html bool) {
		to = to[:min(len(to), 320)] // nobody with a longer one is answered
		r := oof.Reply{FromName: subject, From: "bob@example.org", To: to, Subject: subject, MessageID: id, References: references,
			ID: "1@x", Boundary: "=_1", Message: oof.Message{Text: text, HTML: html}}
		raw := r.Bytes()
		n := 0
		for range (&sieve.Message{Raw: raw, Index: message.Parse(raw)}).Fields() {
			n++
		}
		if n > 12 || !strings.Contains(string(raw), "\r\n\r\n") {
			t.Errorf("%d fields:\n%q", n, raw)
		}
		for line := range strings.SplitSeq(string(raw), "\r\n") {
			if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
				t.Errorf("a line of %d bytes: %q", len(line), line)
			}
		}
	})
}
