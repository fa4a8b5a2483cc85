package rules

import (
	"fmt"
	"testing"

	"martlet/directory"
	"martlet/mail"
)

// BenchmarkDeliver is a message from outside to one account, whose owner is
// there, away, or away and has answered the sender before.
func BenchmarkDeliver(b *testing.B) {
	for _, c := range []struct {
		name string
		away bool
		from func(i int) string
	}{
		{"there", false, func(int) string { return "x@y.example" }},
		{"away, answered", true, func(int) string { return "x@y.example" }},
		{"away", true, func(i int) string { return fmt.Sprintf("x%d@y.example", i) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := open(b)
			if c.away {
				f.leave("bob@example.org", gone())
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				env := mail.Envelope{From: c.from(i), To: []mail.Recipient{{Address: "bob@example.org", Local: true, Accounts: []directory.AccountID{f.people["bob@example.org"]}}}}
				f.must(f.router.Deliver(b.Context(), env, note("bob@example.org", fmt.Sprintf("X-Number: %d\n", i))))
			}
		})
	}
}
