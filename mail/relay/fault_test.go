package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/mail/relay/relaytest"
)

func newReader(s string) *bufio.Reader { return bufio.NewReader(strings.NewReader(s)) }

// A relay that misbehaves in any state ends in its time, the next one gets the
// message if the first cannot have it, and nobody gets it twice.
func TestAHostThatMisbehavesInAnyStateCostsTimeAndNothingElse(t *testing.T) {
	states := []string{"greeting", "EHLO", "MAIL", "RCPT", "DATA", "body", "dot"}
	faults := []string{relaytest.Hang, relaytest.Close, relaytest.Garbage, relaytest.Endless, relaytest.Drip, "421 4.3.2 going down"}
	for _, state := range states {
		for _, fault := range faults {
			for _, ext := range [][]string{nil, {"PIPELINING"}} {
				name := state + " " + strings.Fields(fault)[0]
				if ext != nil {
					name += " pipelined"
				}
				t.Run(name, func(t *testing.T) {
					bubble(t, func(t *testing.T) { misbehave(t, state, fault, ext) })
				})
			}
		}
	}
}

func misbehave(t *testing.T, state, fault string, ext []string) {
	h := open(t, nil)
	bad := h.peer("192.0.2.1", ext...).Set(state, fault)
	good := h.peer("192.0.2.2", ext...)
	begin := time.Now()
	o := h.send("example.com", "bob@example.org", []string{"dora@example.com"}, func(o *mail.Outgoing) {
		o.Message = text("\r\n" + strings.Repeat("a line of some length\r\n", 10_000))
	}).Outcomes[0]
	if took := time.Since(begin); took > 20*time.Minute {
		t.Errorf("it takes %v", took)
	}
	taken := len(good.Messages())
	switch {
	case state == "dot" && fault == "421 4.3.2 going down":
		// It has said that it did not take the message: the next attempt is later.
		h.expect("action", o.Action, mail.Delayed)
	case state == "dot", state == "body" && fault == relaytest.Hang: // this one reads to the end
		// Whether it has the message nobody knows: another must not get it now.
		h.expect("action", o.Action, mail.Delayed)
		h.expect("messages elsewhere", taken, 0)
	default:
		h.expect("action", o.Action, mail.Relayed)
		h.expect("host", o.Host, "mx2.example.com")
		h.expect("messages", taken, 1)
		h.expect("messages at the first", len(bad.Messages()), 0)
	}
}

// What a host says of a message counts; only what it says of itself sends us on.
func TestRefusalsOfTheMessageAreNotTakenElsewhere(t *testing.T) {
	for _, state := range []string{"MAIL", "RCPT", "DATA", "dot"} {
		for reply, want := range map[string]mail.Action{"450 4.2.0 later": mail.Delayed, "550 5.7.1 never": mail.Failed} {
			bubble(t, func(t *testing.T) {
				h := open(t, nil)
				h.peer("192.0.2.1", "PIPELINING").Set(state, reply)
				good := h.peer("192.0.2.2")
				o := h.one("example.com")
				h.expect(state, o.Action, want)
				h.expect(state, o.Reply, reply)
				h.expect(state, len(good.Messages()), 0)
			})
		}
	}
}

func TestAHostThatKnowsNoEHLOIsSpokenWithAsItCan(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := open(t, nil)
		p := h.peer("192.0.2.1").Set("EHLO", "502 5.5.1 what?")
		h.expect("action", h.one("example.com").Action, mail.Relayed)
		h.expect("lines", p.Lines()[:2], []string{"EHLO mail.example.org", "HELO mail.example.org"})
	})
}

func TestAnEndOfTheContextLeavesTheRecipientsUndecided(t *testing.T) {
	for _, state := range []string{"greeting", "EHLO", "MAIL", "RCPT", "DATA"} {
		bubble(t, func(t *testing.T) {
			h := open(t, nil)
			h.peer("192.0.2.1").Set(state, relaytest.Hang)
			h.peer("192.0.2.2")
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			a := h.Deliver(ctx, &mail.Outgoing{Destination: "example.com", Message: text(letter),
				Envelope: mail.Envelope{From: "bob@example.org", To: []mail.Recipient{{Address: "dora@example.com"}}}})
			h.expect(state, a.Outcomes[0].Action, 0)
			h.expect(state, a.Down, false)
		})
	}
}

func TestAMessageOnItsWayIsFinishedWhenTheContextEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := open(t, nil)
		p := h.peer("192.0.2.1", "8BITMIME")
		ctx, cancel := context.WithCancel(t.Context())
		a := h.Deliver(ctx, &mail.Outgoing{Destination: "example.com", Message: &ending{text: letter, end: cancel},
			Envelope: mail.Envelope{Body8Bit: true, From: "bob@example.org", To: []mail.Recipient{{Address: "dora@example.com"}}}})
		h.expect("action", a.Outcomes[0].Action, mail.Relayed)
		h.expect("messages", len(p.Messages()), 1)
	})
	bubble(t, func(t *testing.T) {
		h := open(t, nil)
		h.peer("192.0.2.1", "8BITMIME").Set("dot", relaytest.Hang)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, func() { h.Relay.Close() })
		begin := time.Now()
		a := h.Deliver(ctx, &mail.Outgoing{Destination: "example.com", Message: &ending{text: letter, end: cancel},
			Envelope: mail.Envelope{Body8Bit: true, From: "bob@example.org", To: []mail.Recipient{{Address: "dora@example.com"}}}})
		h.expect("action", a.Outcomes[0].Action, mail.Delayed)
		h.expect("time", time.Since(begin), 2*time.Second)
	})
}

// ending ends a context when it is read to be sent: the first reading looks at the
// header.
type ending struct {
	text
	end  func()
	read int
}

func (e *ending) ReadAt(p []byte, off int64) (int, error) {
	if off == 0 {
		if e.read++; e.read == 2 {
			e.end()
		}
	}
	return e.text.ReadAt(p, off)
}

func TestTLSIsUsedWhereItIsOfferedAndGivenUpWhereItFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := open(t, nil)
		p := h.peer("192.0.2.1")
		p.TLS, _ = certificate(t, "other.example") // whoever it is
		o := h.one("example.com")
		if !p.Messages()[0].TLS || !strings.HasPrefix(o.TLS, "TLS 1.3") {
			t.Errorf("in plain text: %+v", o)
		}
		for _, fault := range []string{relaytest.Close, relaytest.Garbage, relaytest.Hang} {
			pass(time.Minute)
			p.Set("tls", fault)
			o = h.one("example.com")
			all := p.Messages()
			if o.Action != mail.Relayed || o.TLS != "" || all[len(all)-1].TLS {
				t.Errorf("%s: %+v", fault, o)
			}
		}
		pass(time.Minute)
		p.Set("tls", "").Set("STARTTLS", "454 4.7.0 not now")
		h.expect("refused", h.one("example.com").Action, mail.Relayed)
	})
}

// RFC 3207 5: what is said before TLS could be anybody's.
func TestWhatIsSaidBeforeTLSIsNotBelievedAfterIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := open(t, func(c *Config) { c.Policies = strict{} })
		p := h.peer("192.0.2.1").Set("STARTTLS", "220 go ahead\r\n250 forged")
		p.TLS, _ = certificate(t, "mx1.example.com")
		o := h.one("example.com")
		h.expect("outcome", o.Action, mail.Delayed)
		h.expect("messages", len(p.Messages()), 0)
		if !strings.Contains(o.Text, "between STARTTLS and TLS") {
			t.Errorf("%+v", o)
		}
	})
}

// strict wants TLS with a certificate that holds of every host.
type strict struct {
	roots *tls.Config
	none  bool
}

func (s strict) For(context.Context, string) (Policy, error) { return s, nil }
func (s strict) Report(Result)                               {}
func (s strict) AllowsMX(h Host) bool                        { return !s.none || h.Name != "mx1.example.com" }
func (s strict) TLS(context.Context, Host) (TLS, error) {
	return TLS{Required: true, Config: s.roots, Kind: "sts", Verified: s.roots != nil}, nil
}

func TestWhereAPolicyWantsTLSNothingGoesInPlainText(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server, roots := certificate(t, "mx1.example.com")
		p := strict{roots: &tls.Config{RootCAs: roots}}
		h := open(t, func(c *Config) { c.Policies = p })
		first := h.peer("192.0.2.1") // offers no TLS
		second := h.peer("192.0.2.2")
		second.TLS = server // of another name
		a := h.send("example.com", "bob@example.org", []string{"dora@example.com"}, nil)
		h.expect("outcome", a.Outcomes[0].Status, "4.7.5")
		h.expect("down", a.Down, true)
		h.expect("messages", len(first.Messages())+len(second.Messages()), 0)
		first.TLS = server
		o := h.one("example.com")
		h.expect("outcome", o.Action, mail.Relayed)
		h.expect("policy", o.Policy, "sts")
	})
	bubble(t, func(t *testing.T) {
		h := open(t, func(c *Config) { c.Policies = strict{none: true} })
		first := h.peer("192.0.2.1")
		h.peer("192.0.2.2")
		h.expect("outcome", h.one("example.com").Status, "4.7.5")
		all, _ := first.Sessions()
		h.expect("a host that the policy does not allow", all, 0)
	})
}

// RFC 8689 4.2.
func TestREQUIRETLSIsKeptOrTheMessageComesBack(t *testing.T) {
	required := func(o *mail.Outgoing) { o.Envelope.RequireTLS = true }
	bubble(t, func(t *testing.T) {
		server, roots := certificate(t, "mx1.example.com")
		h := open(t, func(c *Config) { c.Policies = strict{roots: &tls.Config{RootCAs: roots}} })
		p := h.peer("192.0.2.1")
		p.TLS = server
		second := h.peer("192.0.2.2", "REQUIRETLS") // offers no TLS
		o := h.send("example.com", "bob@example.org", []string{"dora@example.com"}, required).Outcomes[0]
		h.expect("another may have it later", o.Action, mail.Delayed)
		h.expect("messages", len(second.Messages()), 0)
		second.TLS, _ = certificate(t, "mx1.example.com") // and is not verified
		h.dns.Replace(t, strings.Replace(zone, "example.com.        300 IN MX 20", "other.example. 300 IN MX 20", 1))
		pass(time.Hour)
		o = h.send("example.com", "bob@example.org", []string{"dora@example.com"}, required).Outcomes[0]
		h.expect("without the extension", o.Status, "5.7.30")
		pass(time.Minute)
		p.Extensions = []string{"REQUIRETLS"}
		o = h.send("example.com", "bob@example.org", []string{"dora@example.com"}, required).Outcomes[0]
		h.expect("with it", o.Action, mail.Relayed)
		h.expect("MAIL", p.Messages()[0].From, "<bob@example.org> REQUIRETLS")
	})
	bubble(t, func(t *testing.T) { // TLS with anybody is not enough
		h := open(t, nil)
		p := h.peer("192.0.2.1", "REQUIRETLS")
		p.TLS, _ = certificate(t, "plain.example")
		o := h.send("plain.example", "bob@example.org", []string{"dora@plain.example"}, required).Outcomes[0]
		h.expect("unverified", o.Status, "5.7.30")
	})
	bubble(t, func(t *testing.T) { // a host that DNSSEC names, and the certificate shows
		server, roots := certificate(t, "plain.example")
		h := open(t, func(c *Config) { c.Roots = roots })
		h.dns.Authentic("plain.example")
		p := h.peer("192.0.2.1", "REQUIRETLS")
		p.TLS = server
		o := h.send("plain.example", "bob@example.org", []string{"dora@plain.example"}, required).Outcomes[0]
		h.expect("named by DNSSEC", o.Action, mail.Relayed)
		p.TLS, _ = certificate(t, "plain.example")
		pass(time.Hour)
		o = h.send("plain.example", "bob@example.org", []string{"dora@plain.example"}, required).Outcomes[0]
		h.expect("with another's certificate", o.Status, "4.7.5")
	})
}

// RFC 8689 5.
func TestASenderMayWaiveProtection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := open(t, func(c *Config) { c.Policies = strict{roots: &tls.Config{}} })
		p := h.peer("192.0.2.1")
		h.expect("in the header", h.send("plain.example", "bob@example.org", []string{"dora@plain.example"}, func(o *mail.Outgoing) {
			o.Message = text("Subject: x\r\ntls-required:\r\n no\r\n\r\nHello\r\n")
		}).Outcomes[0].Action, mail.Relayed)
		// The next message does not come by that session.
		h.expect("the next", h.one("plain.example").Status, "4.7.5")
		h.expect("messages", len(p.Messages()), 1)
		for _, m := range []string{
			"Subject: x\r\n\r\nTLS-Required: No\r\n",
			"TLS-Required: Yes\r\n\r\nHello\r\n",
			"TLS-Required: No\r\nTLS-Required: No\r\n\r\nHello\r\n",
			"TLS-Required: No, really\r\n\r\nHello\r\n",
		} {
			o := h.send("plain.example", "bob@example.org", []string{"dora@plain.example"}, func(o *mail.Outgoing) { o.Message = text(m) }).Outcomes[0]
			h.expect(m, o.Status, "4.7.5")
		}
		o := h.send("plain.example", "bob@example.org", []string{"dora@plain.example"}, func(o *mail.Outgoing) {
			o.Envelope.RequireTLS, o.Message = true, text("TLS-Required: No\r\n\r\nHello\r\n")
		}).Outcomes[0]
		h.expect("REQUIRETLS counts for more", o.Status, "4.7.5")
	})
}

// No server's reply can have us say something else.
func TestAnAddressCannotCarryACommand(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	s := newSession(New(Config{}), &target{}, client)
	got := make(chan string, 1)
	go func() {
		b := make([]byte, 100)
		n, _ := server.Read(b)
		got <- string(b[:n])
		server.Close()
	}()
	_, _ = s.command(time.Second, "RCPT TO:<a@b>\r\nDATA")
	if line := <-got; line != "NOOP\r\n" {
		t.Errorf("it says %q", line)
	}
}
