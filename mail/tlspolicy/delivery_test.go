package tlspolicy

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/mail/dns/dnstest"
	"martlet/mail/relay"
	"martlet/mail/relay/relaytest"
)

// wayZone has a domain with a good and a better host.
const wayZone = stsZone + `
example.org.         0 IN MX 10 mx.example.org.
mx.example.org.      0 IN A 192.0.2.25
mx.evil.example.     0 IN A 192.0.2.66
`

// way is a house that sends mail.
type way struct {
	*house
	*relay.Relay
	mx, evil *relaytest.Peer
}

func newWay(t *testing.T, zone string) *way {
	t.Helper()
	w := &way{house: newHouse(t, zone)}
	network := relaytest.New(t)
	w.mx = network.Add("192.0.2.25", &relaytest.Peer{TLS: &tls.Config{Certificates: []tls.Certificate{w.ca.leaf(t, "mx.example.org")}}})
	w.evil = network.Add("192.0.2.66", &relaytest.Peer{TLS: &tls.Config{Certificates: []tls.Certificate{w.ca.leaf(t, "mx.evil.example")}}})
	w.Relay = relay.New(relay.Config{DNS: w.resolver(), Names: []string{"out.example.com"}, Policies: w.Policies, Roots: w.ca.pool(), Dial: network.Dial, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { w.Relay.Close() })
	return w
}

type letter string

func (s letter) ReadAt(p []byte, off int64) (int, error) {
	return strings.NewReader(string(s)).ReadAt(p, off)
}
func (s letter) Size() int64 { return int64(len(s)) }

// send sends a letter, and tells what became of it, and who has it.
func (w *way) send(t *testing.T, requireTLS bool) (o mail.Outcome, mx, evil []relaytest.Message) {
	t.Helper()
	before, alien := len(w.mx.Messages()), len(w.evil.Messages())
	a := w.Deliver(t.Context(), &mail.Outgoing{Destination: "example.org", Message: letter("Subject: hi\r\n\r\nHello\r\n"),
		Envelope: mail.Envelope{From: "bob@example.com", To: []mail.Recipient{{Address: "dora@example.org"}}, RequireTLS: requireTLS}})
	return a.Outcomes[0], w.mx.Messages()[before:], w.evil.Messages()[alien:]
}

func TestMailGoesToTheRightHostInTLSOrWaits(t *testing.T) {
	ca := newAuthority(t, nil)
	forged := &tls.Config{Certificates: []tls.Certificate{ca.leaf(t, "mx.example.org")}}
	evilMX := strings.Replace(wayZone, "MX 10 mx.example.org", "MX 10 mx.evil.example", 1)
	for _, c := range []struct {
		name   string
		policy string // "", "testing", "enforce"
		spoil  func(t *testing.T, w *way)
		status string // empty: it goes
		evil   bool   // the other host gets it
	}{
		{name: "as it should be", policy: "enforce"},
		{name: "nothing is known", policy: ""},
		{name: "forged certificate", policy: "enforce", spoil: func(_ *testing.T, w *way) { w.mx.TLS = forged }, status: "4.7.5"},
		{name: "forged certificate while testing", policy: "testing", spoil: func(_ *testing.T, w *way) { w.mx.TLS = forged }},
		{name: "STARTTLS taken out", policy: "enforce", spoil: func(_ *testing.T, w *way) { w.mx.TLS = nil }, status: "4.7.5"},
		{name: "STARTTLS taken out while testing", policy: "testing", spoil: func(_ *testing.T, w *way) { w.mx.TLS = nil }},
		{name: "STARTTLS refused", policy: "enforce", spoil: func(_ *testing.T, w *way) { w.mx.Set("STARTTLS", "454 4.7.0 not now") }, status: "4.7.0"},
		{name: "the handshake is broken", policy: "enforce", spoil: func(_ *testing.T, w *way) { w.mx.Set("tls", relaytest.Close) }, status: "4.7.5"},
		{name: "forged MX", policy: "enforce", spoil: func(t *testing.T, w *way) { w.dns.Replace(t, evilMX) }, status: "4.7.5"},
		{name: "forged MX while testing", policy: "testing", spoil: func(t *testing.T, w *way) { w.dns.Replace(t, evilMX) }, evil: true},
		{name: "the record is hidden", policy: "enforce", spoil: func(t *testing.T, w *way) {
			w.dns.Fail(dnstest.NXDomain, "_mta-sts.example.org")
			w.dns.Replace(t, evilMX)
		}, status: "4.7.5"},
		{name: "policies cannot be asked for", policy: "enforce", spoil: func(t *testing.T, w *way) {
			w.dns.Fail(dnstest.ServFail, "_mta-sts.example.org")
			w.mx.TLS = forged
		}, status: "4.7.5"},
		{name: "an address in another's hands", policy: "enforce", spoil: func(t *testing.T, w *way) {
			w.dns.Replace(t, strings.Replace(wayZone, "A 192.0.2.25", "A 192.0.2.66", 1))
		}, status: "4.7.5"},
	} {
		w := newWay(t, wayZone)
		w.web.serve(404, "text/plain", "")
		if c.policy != "" {
			w.web.serve(200, "text/plain", strings.Replace(policyText, "enforce", c.policy, 1))
		}
		if _, err := w.For(t.Context(), "example.org"); err != nil { // as an earlier message would
			t.Fatal(err)
		}
		if c.spoil != nil {
			c.spoil(t, w)
		}
		o, mx, evil := w.send(t, false)
		if (o.Action == mail.Relayed || o.Action == mail.Delivered) != (c.status == "") || o.Status != c.status && c.status != "" {
			t.Errorf("%s: %+v", c.name, o)
		}
		if c.status == "" && len(mx)+len(evil) != 1 || c.status != "" && len(mx)+len(evil) != 0 || c.evil != (len(evil) == 1) {
			t.Errorf("%s: %d came, %d went elsewhere", c.name, len(mx), len(evil))
		}
		if c.policy == "enforce" && c.status == "" && (!mx[0].TLS || o.Policy != "sts") {
			t.Errorf("%s: %+v", c.name, o)
		}
	}
}

func TestMailGoesByDANEOrWaits(t *testing.T) {
	for _, c := range []struct {
		name   string
		spoil  func(t *testing.T, w *way)
		status string
		policy string
	}{
		{name: "as it should be", policy: "dane"},
		{name: "another certificate", spoil: func(t *testing.T, w *way) {
			w.mx.TLS = &tls.Config{Certificates: []tls.Certificate{w.ca.leaf(t, "mx.example.org")}}
		}, status: "4.7.5"},
		{name: "STARTTLS taken out", spoil: func(_ *testing.T, w *way) { w.mx.TLS = nil }, status: "4.7.5"},
		{name: "the records are hidden", spoil: func(_ *testing.T, w *way) { w.dns.Fail(dnstest.ServFail, "_25._tcp.mx.example.org") }, status: "4.7.5"},
		{name: "the MX records are not proved", spoil: func(t *testing.T, w *way) {
			w.dns.Insecure("example.org")
			w.mx.TLS = &tls.Config{Certificates: []tls.Certificate{w.ca.leaf(t, "mx.example.org")}}
		}},
		{name: "records that nobody can use want TLS", spoil: func(t *testing.T, w *way) {
			w.dns.Replace(t, wayZone+"_25._tcp.mx.example.org. 0 IN TLSA 1 1 1 "+someDigest+"\n")
		}, policy: "dane"},
		{name: "and nothing less", spoil: func(t *testing.T, w *way) {
			w.dns.Replace(t, wayZone+"_25._tcp.mx.example.org. 0 IN TLSA 1 1 1 "+someDigest+"\n")
			w.mx.TLS = nil
		}, status: "4.7.5"},
	} {
		w := newWay(t, wayZone)
		w.web.serve(404, "text/plain", "")
		leaf := chainOf(t, w.mx.TLS.Certificates[0])[0]
		w.dns.Replace(t, wayZone+fmt.Sprintf("_25._tcp.mx.example.org. 0 IN TLSA 3 1 1 %x\n", record(3, 1, 1, leaf).Data))
		w.dns.Authentic()
		if c.spoil != nil {
			c.spoil(t, w)
		}
		o, mx, _ := w.send(t, false)
		if (o.Action == mail.Relayed) != (c.status == "") || o.Status != c.status && c.status != "" || len(mx) != 0 != (c.status == "") || o.Policy != c.policy {
			t.Errorf("%s: %d came, %+v", c.name, len(mx), o)
		}
		if c.status == "" && !mx[0].TLS {
			t.Errorf("%s: in plain text", c.name)
		}
	}
}

func TestREQUIRETLSNeedsAHostThatIsKnown(t *testing.T) {
	w := newWay(t, wayZone)
	w.web.serve(404, "text/plain", "")
	w.mx.Extensions = []string{"REQUIRETLS"}
	if o, _, _ := w.send(t, true); o.Status != "5.7.30" {
		t.Errorf("without a policy: %+v", o)
	}
	again := newWay(t, wayZone)
	again.mx.Extensions = []string{"REQUIRETLS"}
	o, mx, _ := again.send(t, true)
	if o.Action != mail.Relayed || !slices.ContainsFunc(mx, func(m relaytest.Message) bool { return m.TLS && strings.Contains(m.From, "REQUIRETLS") }) {
		t.Errorf("with MTA-STS: %+v", o)
	}
}
