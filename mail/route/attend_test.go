package route

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

const invitation = "MIME-Version: 1.0\nContent-Type: text/calendar; method=REQUEST; charset=utf-8\n\n" +
	"BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:1\nEND:VEVENT\nEND:VCALENDAR\n"

// attendants gathers what the router tells of.
func (f *fixture) attendants() *[]Arrival {
	var all []Arrival
	f.router.Attend(func(tx *store.Tx, a Arrival) error {
		if _, err := f.mailboxes.Item(tx, mail.MailboxOf(a.Account), a.At.Folder, a.At.Item); err != nil {
			return err
		}
		tx.OnCommit(func() { all = append(all, a) })
		return nil
	})
	return &all
}

func (f *fixture) arrivals(all *[]Arrival) string {
	var out []string
	for _, a := range *all {
		for login, id := range f.people {
			if id == a.Account {
				out = append(out, login+"<"+a.From)
			}
		}
	}
	slices.Sort(out)
	*all = nil
	return strings.Join(out, " ")
}

func TestSchedulingMailIsToldOfInTheTransactionThatDeliversIt(t *testing.T) {
	f := open(t)
	all := f.attendants()
	alice := f.people["alice@example.org"]
	submit := func(raw string) {
		t.Helper()
		f.must(f.router.Submit(t.Context(), Submission{Account: alice, Raw: crlf(raw), SaveInSent: true}))
	}
	submit("To: bob@example.org\n\nno meeting\n")
	if got := f.arrivals(all); got != "" {
		t.Errorf("a letter: %s", got)
	}
	submit("To: bob@example.org, eve@example.org, team@example.org\n" + invitation)
	if got, want := f.arrivals(all), "alice@example.org<alice@example.org bob@example.org<alice@example.org eve@example.org<alice@example.org"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	submit("From: dana@example.org\nTo: bob@example.org\n" + invitation)
	if got, want := f.arrivals(all), "bob@example.org<dana@example.org"; got != want {
		t.Errorf("as another: got %s, want %s", got, want)
	}
	f.send("mallory@elsewhere.example", "bob@example.org", crlf("From: alice@example.org\nTo: bob@example.org\n"+invitation))
	if got, want := f.arrivals(all), "bob@example.org<"; got != want {
		t.Errorf("from outside: got %s, want %s", got, want)
	}
}

func TestAMeetingForMoreThanOneTransactionIsToldOfForEach(t *testing.T) {
	f := open(t)
	var file strings.Builder
	file.WriteString("[[domain]]\nname = \"many.example\"\n[[group]]\naddress = \"all@many.example\"\nmembers = [")
	for i := range maxAtOnce + 3 {
		fmt.Fprintf(&file, "\"u%d@many.example\", ", i)
	}
	file.WriteString("]\n")
	for i := range maxAtOnce + 3 {
		fmt.Fprintf(&file, "[[user]]\nlogin = \"u%d@many.example\"\n", i)
	}
	parsed, err := directory.ParseFile(strings.NewReader(people+file.String()), "many.toml")
	f.must(err)
	_, err = f.directory.Apply(context.Background(), parsed, false)
	f.must(err)
	all := f.attendants()
	f.must(f.router.Submit(t.Context(), Submission{Account: f.people["alice@example.org"], Raw: crlf("To: all@many.example\n" + invitation)}))
	if len(*all) != maxAtOnce+3 || (*all)[maxAtOnce+1].From != "alice@example.org" {
		t.Errorf("%d told of, want %d: %+v", len(*all), maxAtOnce+3, (*all)[len(*all)-1])
	}
}

func TestOnlyResultsOfServersThatAreTrustedAreBelieved(t *testing.T) {
	f := open(t)
	f.router.trusted = append(f.router.trusted, "relay.example.org")
	all := f.attendants()
	for _, c := range []struct{ name, header, results, want string }{
		{"nothing", "From: Ann <ann@peer.example>\n", "", ""},
		{"ours", "From: Ann <Ann@Peer.example>\n", "spf=fail; dmarc=pass (p=none) header.from=peer.example", "ann@peer.example"},
		{"ours, with an umlaut", "From: ann@müller.example\n", "dmarc=pass header.from=xn--mller-kva.example", "ann@müller.example"},
		{"it fails", "From: ann@peer.example\n", "dmarc=fail header.from=peer.example", ""},
		{"for another domain", "From: ann@peer.example\n", "dmarc=pass header.from=evil.example", ""},
		{"in a comment", "From: ann@peer.example\n", "dmarc=fail (; dmarc=pass header.from=peer.example) header.from=peer.example", ""},
		{"in quotes", "From: ann@peer.example\n", `dmarc=fail reason="; dmarc=pass header.from=peer.example"`, ""},
		{"DKIM alone", "From: ann@peer.example\n", "dkim=pass header.d=peer.example header.from=peer.example", ""},
		{"two authors", "From: ann@peer.example, bo@peer.example\n", "dmarc=pass header.from=peer.example", ""},
		{"forged", "Authentication-Results: MX.example.org; dmarc=pass header.from=peer.example\nFrom: ann@peer.example\n", "", ""},
		{"forged with a version", "Authentication-Results: mx.example.org 1; dmarc=pass header.from=peer.example\nFrom: ann@peer.example\n", "", ""},
		{"forged in folds", "authentication-results :\n (x) \"mx.example.org\";\n dmarc=pass header.from=peer.example\nFrom: ann@peer.example\n", "", ""},
		{"of a stranger", "Authentication-Results: mx.other.example; dmarc=pass header.from=peer.example\nFrom: ann@peer.example\n", "", ""},
		{"of our relay", "Authentication-Results: relay.example.org; dmarc=pass header.from=peer.example\nFrom: ann@peer.example\n", "", "ann@peer.example"},
		{"forged below our relay's", "Authentication-Results: relay.example.org; dmarc=fail header.from=peer.example\n" +
			"Authentication-Results: relay.example.org; dmarc=pass header.from=peer.example\nFrom: ann@peer.example\n", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bob := f.people["bob@example.org"]
			f.must(f.router.Deliver(t.Context(), mail.Envelope{
				From: "ann@peer.example", To: []mail.Recipient{{Address: "bob@example.org", Local: true, Accounts: []directory.AccountID{bob}}},
				Trace: mail.Trace{Results: c.results},
			}, crlf(c.header+invitation)))
			if got, want := f.arrivals(all), "bob@example.org<"+c.want; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestForgedResultsDoNotReachTheMailbox(t *testing.T) {
	f := open(t)
	f.send("x@peer.example", "bob@example.org", crlf("Authentication-Results: mx.example.org; dmarc=pass header.from=peer.example\n"+
		"Authentication-Results: mx.peer.example; spf=pass\nFrom: ann@peer.example\n\nHi\n"))
	got := f.only("bob@example.org", mail.RoleInbox)
	if strings.Contains(got, "mx.example.org; dmarc") || !strings.Contains(got, "mx.peer.example; spf=pass") || !strings.HasSuffix(got, "From: ann@peer.example\r\n\r\nHi\r\n") {
		t.Errorf("%s", got)
	}
}
