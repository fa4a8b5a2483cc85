package relay

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"martlet/mail"
	"martlet/mail/dns/dnstest"
	"martlet/mail/relay/relaytest"
)

const zone = `
example.com.        300 IN MX 20 mx2.example.com.
example.com.        300 IN MX 10 mx1.example.com.
mx1.example.com.    300 IN A 192.0.2.1
mx2.example.com.    300 IN A 192.0.2.2
plain.example.      300 IN A 192.0.2.1
null.example.       300 IN MX 0 .
loop.example.       300 IN MX 10 mail.example.org.
loop.example.       300 IN MX 20 mx2.example.com.
backup.example.     300 IN MX 10 mx1.example.com.
backup.example.     300 IN MX 20 mail.example.org.
backup.example.     300 IN MX 30 mx2.example.com.
home.example.       300 IN MX 10 here.example.
here.example.       300 IN A 192.0.2.99
both.example.       300 IN A 192.0.2.1
both.example.       300 IN AAAA 2001:db8::1
mail.example.org.   300 IN A 192.0.2.99
relay1.example.     300 IN A 192.0.2.11
relay2.example.     300 IN A 192.0.2.12
`

// house is a relay with a network around it.
type house struct {
	*testing.T
	*Relay
	net *relaytest.Network
	dns *dnstest.Server
}

func open(t *testing.T, edit func(*Config)) *house {
	t.Helper()
	h := &house{T: t, net: relaytest.New(t), dns: dnstest.Start(t, zone)}
	cfg := Config{DNS: h.dns.Resolver(), Names: []string{"mail.example.org"}, Dial: h.net.Dial, Logger: slog.New(slog.DiscardHandler),
		Self: func(a netip.AddrPort) bool { return a == netip.MustParseAddrPort("192.0.2.99:25") }}
	if edit != nil {
		edit(&cfg)
	}
	h.Relay = New(cfg)
	t.Cleanup(func() { h.Relay.Close() })
	return h
}

func (h *house) peer(address string, extensions ...string) *relaytest.Peer {
	return h.net.Add(address, &relaytest.Peer{Extensions: extensions})
}

type text string

func (s text) ReadAt(p []byte, off int64) (int, error) {
	return strings.NewReader(string(s)).ReadAt(p, off)
}
func (s text) Size() int64 { return int64(len(s)) }

const letter = "Received: from x\r\nSubject: hi\r\n\r\nHello.\r\n.\r\n..two\r\nend\r\n"

// send sends the letter, or what edit makes of it.
func (h *house) send(destination, from string, to []string, edit func(*mail.Outgoing)) mail.Attempt {
	h.Helper()
	out := &mail.Outgoing{Destination: destination, Envelope: mail.Envelope{From: from}, Message: text(letter)}
	for _, a := range to {
		out.Envelope.To = append(out.Envelope.To, mail.Recipient{Address: a})
	}
	if edit != nil {
		edit(out)
	}
	return h.Deliver(h.Context(), out)
}

// one sends to one recipient.
func (h *house) one(destination string) mail.Outcome {
	h.Helper()
	return h.send(destination, "bob@example.org", []string{"dora@" + destination}, nil).Outcomes[0]
}

func (h *house) expect(what string, got, want any) {
	h.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		h.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// certificate is one for names, and who vouches for it.
func certificate(t *testing.T, names ...string) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * 365 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

func bubble(t *testing.T, fn func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, fn)
}

// pass lets time pass in a bubble.
func pass(d time.Duration) { time.Sleep(d) }

func TestAMessageArrivesAsItWasWritten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := open(t, nil)
		p := h.peer("192.0.2.1")
		o := h.one("example.com")
		h.expect("outcome", o, mail.Outcome{Action: mail.Relayed, Status: "2.0.0", Reply: "250 2.0.0 taken", Host: "mx1.example.com", Addr: "192.0.2.1:25"})
		h.expect("message", p.Messages(), []relaytest.Message{{From: "<bob@example.org>", To: []string{"<dora@example.com>"}, Data: letter}})
	})
}

// RFC 5321 4.1.1.4: only CRLF . CRLF ends a message, for whoever reads it.
func TestNoLineEndLeavesUsThatAnotherServerCouldTakeForTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := open(t, nil)
		p := h.peer("192.0.2.1")
		for _, c := range []struct{ in, want string }{
			{"a\n.\nMAIL FROM:<x@y>\r\n", "a\r\n.\r\nMAIL FROM:<x@y>\r\n"},
			{"a\r.\r\nb", "a\r\n.\r\nb\r\n"},
			{"a\r\r\n.\r\n", "a\r\n\r\n.\r\n"},
			{"a\r\n.\r", "a\r\n.\r\n"},
			{"", ""},
			{"\r\n", "\r\n"},
			{".", ".\r\n"},
		} {
			h.send("example.com", "bob@example.org", []string{"dora@example.com"}, func(o *mail.Outgoing) { o.Message = text(c.in) })
			all := p.Messages()
			if got := all[len(all)-1].Data; got != c.want {
				t.Errorf("%q arrives as %q, want %q", c.in, got, c.want)
			}
		}
	})
}

func TestHostsAreTriedInTheOrderOfTheirPreference(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := open(t, nil)
		p := h.peer("192.0.2.2")
		h.expect("host", h.one("example.com").Host, "mx2.example.com")
		h.expect("dialed", h.net.Dialed(), []string{"192.0.2.1", "192.0.2.2"})
		h.expect("messages", len(p.Messages()), 1)

		// A host that says nothing costs half a minute, and no more.
		h.net.Silence("192.0.2.1", true)
		begin := time.Now()
		time.Sleep(6 * time.Second) // the idle session ends
		h.expect("host", h.one("example.com").Host, "mx2.example.com")
		h.expect("time", time.Since(begin), 36*time.Second)
	})
}

func TestBothFamiliesOfAddressesAreTried(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := open(t, nil)
		h.peer("192.0.2.1")
		h.expect("action", h.one("both.example").Action, mail.Relayed)
		h.expect("dialed", h.net.Dialed(), []string{"2001:db8::1", "192.0.2.1"})
		four := open(t, func(c *Config) { c.NoIPv6 = true })
		four.peer("192.0.2.1")
		four.one("both.example")
		four.expect("dialed", four.net.Dialed(), []string{"192.0.2.1"})
	})
}

func TestWhereNoMailCanGoIsFoundOutBeforeAnyHostIsAsked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := open(t, nil)
		h.peer("192.0.2.1")
		h.peer("192.0.2.2")
		h.dns.Fail(dnstest.ServFail, "broken.example")
		for _, c := range []struct {
			destination, status string
			action              mail.Action
		}{
			{"null.example", "5.1.10", mail.Failed},   // RFC 7505
			{"gone.example", "5.1.2", mail.Failed},    // no such name
			{"loop.example", "5.4.6", mail.Failed},    // RFC 5321 5.1: we are the best
			{"home.example", "5.4.6", mail.Failed},    // by address
			{"broken.example", "4.4.3", mail.Delayed}, // nobody knows
			{"[192.0.2.99]", "5.4.6", mail.Failed},
			{"[224.0.0.1]", "5.1.2", mail.Failed},
			{"via:gone", "4.4.4", mail.Delayed}, // a route that was taken away
		} {
			o := h.one(c.destination)
			if o.Action != c.action || o.Status != c.status || o.Text == "" {
				t.Errorf("%s: %+v, want %s", c.destination, o, c.status)
			}
		}
		h.expect("dialed", h.net.Dialed(), []string{})
		// Those before us are tried, those behind us are not.
		h.expect("backup", h.one("backup.example").Host, "mx1.example.com")
		h.expect("literal", h.one("[192.0.2.2]").Action, mail.Relayed)
		h.expect("implicit", h.one("plain.example").Action, mail.Relayed)
	})
}

func TestAllHostsDownIsToldOfTheDestination(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := open(t, nil)
		a := h.send("example.com", "bob@example.org", []string{"dora@example.com"}, nil)
		h.expect("down", a.Down, true)
		h.expect("status", a.Outcomes[0].Status, "4.4.1")
		p := h.peer("192.0.2.1").Set("RCPT", "451 4.7.1 later")
		a = h.send("example.com", "bob@example.org", []string{"dora@example.com"}, nil)
		h.expect("down", a.Down, false)
		h.expect("reply", a.Outcomes[0].Reply, "451 4.7.1 later")
		p.Set("greeting", "554 5.3.2 no mail here")
		h.net.Silence("192.0.2.2", false)
		time.Sleep(10 * time.Second)
		a = h.send("plain.example", "bob@example.org", []string{"dora@plain.example"}, nil)
		h.expect("down", a.Down, false)
		h.expect("outcome", a.Outcomes[0].Action, mail.Failed)
	})
}

func TestEachRecipientHasItsOwnOutcome(t *testing.T) {
	for _, ext := range [][]string{nil, {"PIPELINING"}} {
		bubble(t, func(t *testing.T) {
			h := open(t, nil)
			p := h.peer("192.0.2.1", ext...).Set("RCPT no@example.com", "550 5.1.1 nobody").Set("RCPT later@example.com", "450 4.2.1 full")
			a := h.send("example.com", "bob@example.org", []string{"yes@example.com", "no@example.com", "later@example.com", "too@example.com"}, nil)
			var got []string
			for _, o := range a.Outcomes {
				got = append(got, fmt.Sprint(o.Action, o.Status))
			}
			h.expect("outcomes", got, []string{"22.0.0", "45.1.1", "34.2.1", "22.0.0"})
			h.expect("to", p.Messages()[0].To, []string{"<yes@example.com>", "<too@example.com>"})
			// When the message is refused, so are those who were accepted.
			p.Set("dot", "554 5.6.0 not this")
			a = h.send("example.com", "bob@example.org", []string{"yes@example.com", "later@example.com"}, nil)
			h.expect("refused", []mail.Action{a.Outcomes[0].Action, a.Outcomes[1].Action}, []mail.Action{mail.Failed, mail.Delayed})
		})
	}
}

func TestWhoTakesFewRecipientsAtOnceGetsTheRestAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := open(t, nil)
		p := h.peer("192.0.2.1", "PIPELINING")
		var to []string
		for i := range 250 {
			to = append(to, fmt.Sprintf("u%d@example.com", i))
		}
		a := h.send("example.com", "bob@example.org", to, nil)
		if slices.ContainsFunc(a.Outcomes, func(o mail.Outcome) bool { return o.Action != mail.Relayed }) {
			t.Errorf("not everybody: %+v", a.Outcomes)
		}
		var sizes []int
		for _, m := range p.Messages() {
			sizes = append(sizes, len(m.To))
		}
		h.expect("transactions", sizes, []int{100, 100, 50})
		all, _ := p.Sessions()
		h.expect("sessions", all, 1)
	})
}

func TestWhatTheHostKnowsIsUsed(t *testing.T) {
	full := func(o *mail.Outgoing) {
		o.Envelope.Ret, o.Envelope.EnvID, o.Envelope.Body8Bit = "HDRS", "QQ+2B", true
		o.Envelope.To[0].Notify, o.Envelope.To[0].ORcpt = mail.NotifySuccess|mail.NotifyDelay, "rfc822;x+2By@z"
		o.Message = text("Subject: hi\r\n\r\nGrüße\r\n")
	}
	bubble(t, func(t *testing.T) {
		h := open(t, nil)
		p := h.peer("192.0.2.1", "DSN", "8BITMIME", "SIZE 1000", "PIPELINING")
		a := h.send("example.com", "bob@example.org", []string{"dora@example.com"}, full)
		h.expect("action", a.Outcomes[0].Action, mail.Delivered) // who knows DSN tells the rest
		m := p.Messages()[0]
		h.expect("MAIL", m.From, "<bob@example.org> SIZE=24 BODY=8BITMIME RET=HDRS ENVID=QQ+2B")
		h.expect("RCPT", m.To[0], "<dora@example.com> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2By@z")
		o := h.send("example.com", "bob@example.org", []string{"dora@example.com"}, func(o *mail.Outgoing) { o.Message = text(strings.Repeat("x", 1001)) }).Outcomes[0]
		h.expect("too large", o.Status, "5.3.4")
		h.expect("messages", len(p.Messages()), 1)
	})
}

// RFC 6531 3.2.
func TestAddressesWithOtherLettersNeedAHostThatTakesThem(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := open(t, nil)
		p := h.peer("192.0.2.1")
		utf8 := func(o *mail.Outgoing) { o.Envelope.SMTPUTF8 = true }
		a := h.send("example.com", "bob@example.org", []string{"dörte@example.com", "dora@example.com", "ida@bücher.example"}, utf8)
		h.expect("outcomes", []string{a.Outcomes[0].Status, a.Outcomes[1].Status, a.Outcomes[2].Status}, []string{"5.6.7", "2.0.0", "2.0.0"})
		h.expect("to", p.Messages()[0].To, []string{"<dora@example.com>", "<ida@xn--bcher-kva.example>"})
		a = h.send("example.com", "bøb@example.org", []string{"dora@example.com"}, utf8)
		h.expect("sender", a.Outcomes[0].Status, "5.6.7")
		a = h.send("example.com", "bob@example.org", []string{"dora@example.com"}, func(o *mail.Outgoing) {
			utf8(o)
			o.Message = text("From: bøb@example.org\r\n\r\n")
		})
		h.expect("header", a.Outcomes[0].Status, "5.6.7")
		time.Sleep(time.Minute)
		p.Extensions = []string{"SMTPUTF8", "8BITMIME"}
		a = h.send("example.com", "bob@example.org", []string{"dörte@example.com", "ida@bücher.example"}, utf8)
		h.expect("with SMTPUTF8", a.Outcomes[0].Status, "2.0.0")
		all := p.Messages()
		h.expect("to", all[len(all)-1].To, []string{"<dörte@example.com>", "<ida@bücher.example>"})
		h.expect("MAIL", all[len(all)-1].From, "<bob@example.org> SMTPUTF8")
	})
}

func TestASessionIsUsedAgainForAFewSeconds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := open(t, nil)
		p := h.peer("192.0.2.1")
		for range 3 {
			h.one("example.com")
			time.Sleep(4 * time.Second)
		}
		all, _ := p.Sessions()
		h.expect("sessions", all, 1)
		time.Sleep(6 * time.Second)
		h.expect("the end", p.Lines()[len(p.Lines())-1], "QUIT")
		// Another destination has a session of its own, though the host is the same.
		h.one("example.com")
		h.one("plain.example")
		all, _ = p.Sessions()
		h.expect("sessions", all, 3)
		// A session that the host has ended meanwhile says nothing of the host.
		p.Set("RSET", relaytest.Close)
		h.expect("after a lost session", h.one("example.com").Action, mail.Relayed)
		// One session does not go on for ever.
		p.Set("RSET", "")
		for range maxMessages + 1 {
			h.one("plain.example")
		}
		again, _ := p.Sessions()
		h.expect("sessions", again-all, 2)
	})
}

func FuzzReadReply(f *testing.F) {
	f.Add("220 hello\r\n")
	f.Add("250-a\r\n250-SIZE 10\r\n250 b\n")
	f.Add("550 5.1.1 no\x00body\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := readReply(newReader(s))
		if err != nil {
			return
		}
		if r.code < 200 || r.code > 599 || len(r.lines) == 0 || len(r.text()) > maxReplyText || strings.ContainsAny(r.text(), "\r\n\x00") {
			t.Errorf("%q is read as %+v", s, r)
		}
	})
}
