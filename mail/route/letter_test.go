package route

import (
	"context"

	"martlet/mail"
)

// note is a letter to somebody; extra are more header fields.
func note(to, extra string) []byte {
	return crlf("From: whoever\nTo: Them <" + to + ">\nSubject: Lunch?\nMessage-ID: <2@there>\nReferences: <1@there>\n" + extra + "\nSee you.\n")
}

// send delivers a letter from somewhere.
func (f *fixture) send(from, to string, raw []byte) {
	f.Helper()
	route, err := f.directory.Resolve(context.Background(), to)
	f.must(err)
	f.must(f.router.Deliver(context.Background(), mail.Envelope{From: from, To: []mail.Recipient{{Address: to, Local: true, Accounts: route.Accounts}}}, raw))
}
