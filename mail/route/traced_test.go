package route

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/mail/trace"
)

// traced are the steps of all messages, the newest first, as "to step detail".
func (f *fixture) traced(q trace.Query) (all []string) {
	f.Helper()
	found, _, err := f.router.trace.Find(context.Background(), q)
	f.must(err)
	for _, e := range found {
		for _, o := range e.Outcomes {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s: %s %s %s", e.From, o.To, o.Step, o.Detail)))
		}
	}
	return all
}

func TestItIsRememberedWhereAMessageWent(t *testing.T) {
	f := open(t)
	f.router.trace = trace.New(trace.Config{Store: f.store})
	f.with(rules{
		"bob@example.org":  always(Sorting{Redirect: []string{"bob@elsewhere.example"}}),
		"dana@example.org": always(Sorting{}),
		"eve@example.org":  always(Sorting{Reject: "no"}),
	})
	env := mail.Envelope{From: "x@y.example", Verdict: &mail.Verdict{Junk: true}}
	for _, login := range []string{"alice@example.org", "bob@example.org", "dana@example.org", "eve@example.org"} {
		env.To = append(env.To, to(f.people[login]).To...)
		env.To[len(env.To)-1].Address = login
	}
	f.must(f.router.Deliver(t.Context(), env, crlf("Message-ID: <1@y.example>\nSubject: secret\n\n")))
	want := []string{
		"x@y.example: alice@example.org junk",
		"x@y.example: bob@example.org forwarded bob@elsewhere.example",
		"x@y.example: dana@example.org discarded by the recipient's rules",
		"x@y.example: eve@example.org rejected by the recipient's rules",
		"x@y.example: bob@elsewhere.example queued passed on",
	}
	if got := f.traced(trace.Query{MessageID: "<1@y.example>"}); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("remembered:\n%s", strings.Join(got, "\n"))
	}
	if got := f.traced(trace.Query{From: "<>"}); len(got) != 1 || got[0] != ": x@y.example queued a report to the sender" {
		t.Errorf("of the report: %q", got)
	}

	raw := crlf("From: alice@example.org\nTo: bob@example.org, carl@client.example, nobody@example.org\n\n")
	f.must(f.router.Submit(t.Context(), Submission{Account: f.people["alice@example.org"], Raw: raw}))
	for _, want := range []string{"alice@example.org: carl@client.example queued", "alice@example.org: nobody@example.org failed does not exist here", "alice@example.org: bob@example.org forwarded bob@elsewhere.example"} {
		if got := strings.Join(f.traced(trace.Query{From: "alice"}), "\n"); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
