package route

import (
	"fmt"
	"testing"

	"martlet/directory"
	"martlet/mail"
)

// BenchmarkDeliver is a message from outside to one account.
func BenchmarkDeliver(b *testing.B) {
	f := open(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		env := mail.Envelope{From: "x@y.example", To: []mail.Recipient{{Address: "bob@example.org", Local: true, Accounts: []directory.AccountID{f.people["bob@example.org"]}}}}
		f.must(f.router.Deliver(b.Context(), env, note("bob@example.org", fmt.Sprintf("X-Number: %d\n", i))))
	}
}
