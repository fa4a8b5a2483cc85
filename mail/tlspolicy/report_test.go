package tlspolicy

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"martlet/mail/dns/dnstest"
	"martlet/mail/relay"
	"martlet/store"
)

// state is a session with a host of this chain.
func state(chain ...*x509.Certificate) *tls.ConnectionState {
	return &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, PeerCertificates: chain}
}

// tallied writes down what is counted and gives it, by kind.
func (h *house) tallied(t *testing.T) map[kind]tally {
	t.Helper()
	if err := h.flush(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	all := map[kind]tally{}
	err := h.cfg.Store.View(t.Context(), func(tx *store.Tx) error {
		for row, err := range h.tallies.Scan(tx, store.TableRange[tallyKey]{}) {
			if err != nil {
				return err
			}
			all[row.Key.kind] = row.Value
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSessionsAreCountedByPolicy(t *testing.T) {
	h := newHouse(t, stsZone)
	h.web.serve(200, "text/plain", strings.Replace(policyText, "enforce", "testing", 1))
	p, err := h.For(t.Context(), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	good, bad := chainOf(t, h.ca.leaf(t, "mx.example.org")), chainOf(t, newAuthority(t, nil).leaf(t, "mx.example.org"))
	misnamed := chainOf(t, h.ca.leaf(t, "mx.example.net"))
	expired := chainOf(t, h.ca.sign(t, &x509.Certificate{DNSNames: []string{"mx.example.org"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)}))
	result := func(host relay.Host, s *tls.ConnectionState, err error) {
		h.Report(relay.Result{Domain: "example.org", Policy: p, Host: host, Addr: netip.MustParseAddr("192.0.2.25"), Local: netip.MustParseAddr("192.0.2.1"), Offered: !errors.Is(err, relay.ErrNoSTARTTLS), State: s, Err: err})
	}
	for range 3 {
		result(ours, state(good...), nil)
	}
	result(ours, state(bad...), nil) // it was let pass, and would not be
	result(ours, state(misnamed...), nil)
	result(ours, state(expired...), nil)
	result(alien, state(good...), nil)
	result(ours, nil, relay.ErrNoSTARTTLS)
	result(ours, nil, relay.ErrNoSTARTTLS)
	result(ours, nil, errors.New("connection reset"))
	got := h.tallied(t)
	sts := got[kindSTS]
	if len(got) != 1 || sts.Success != 3 || sts.Failure != 7 {
		t.Fatalf("%+v", got)
	}
	types := map[string]uint64{}
	for _, d := range sts.Details {
		types[d.Type+" "+d.Host] += d.Count
	}
	want := map[string]uint64{
		"certificate-not-trusted mx.example.org": 1, "certificate-host-mismatch mx.example.org": 1, "certificate-expired mx.example.org": 1,
		"validation-failure mx.evil.example": 1, "starttls-not-supported mx.example.org": 2, "validation-failure mx.example.org": 1,
	}
	if fmt.Sprint(types) != fmt.Sprint(want) {
		t.Errorf("%v\nwant %v", types, want)
	}
	if !slices.Equal(sts.Policy, []string{"version: STSv1", "mode: testing", "mx: mx.example.org", "max_age: 604800"}) || !slices.Equal(sts.Hosts, []string{"mx.example.org"}) {
		t.Errorf("%q of %q", sts.Policy, sts.Hosts)
	}
}

func TestDANEAndWhatCouldNotBeFetchedAreCounted(t *testing.T) {
	h := newHouse(t, stsZone+fmt.Sprintf(daneZone, someDigest))
	h.web.serve(404, "text/plain", "")
	h.dns.Authentic()
	p, err := h.For(t.Context(), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	host := relay.Host{Name: "mx.example.org", Port: 25, Authentic: true}
	if _, err := p.TLS(t.Context(), host); err != nil {
		t.Fatal(err)
	}
	chain := chainOf(t, h.ca.leaf(t, "mx.example.org"))
	h.Report(relay.Result{Policy: p, Host: host, Offered: true, State: state(chain...)})
	h.Report(relay.Result{Policy: p, Host: host, Offered: true, Err: ErrDANE})
	h.Report(relay.Result{Policy: p, Host: relay.Host{Name: "plain.example.org"}, Offered: true, State: state(chain...)})
	got := h.tallied(t)
	if d := got[kindDANE]; d.Success != 1 || d.Failure != 1 || d.Details[0].Type != "validation-failure" || !slices.Equal(d.Policy, []string{"3 1 1 " + someDigest}) {
		t.Errorf("%+v", d)
	}
	if s := got[kindSTS]; s.Failure != 1 || s.Details[0].Type != "sts-policy-fetch-error" {
		t.Errorf("%+v", s)
	}
}

func TestWhoWantsNoReportsIsNotCounted(t *testing.T) {
	h := newHouse(t, "")
	p, err := h.For(t.Context(), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	h.Report(relay.Result{Policy: p, Host: ours, Err: relay.ErrNoSTARTTLS})
	h.Report(relay.Result{Host: ours}) // somebody else's policy
	if got := h.tallied(t); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestCountsAreBounded(t *testing.T) {
	h := newHouse(t, stsZone)
	p, err := h.For(t.Context(), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		h.Report(relay.Result{Policy: p, Host: relay.Host{Name: fmt.Sprintf("mx%d.example.org", i)}, Err: errors.New(strings.Repeat("é", 1000))})
	}
	sts := h.tallied(t)[kindSTS]
	if sts.Failure != 1000 || len(sts.Details) != maxDetails || len(sts.Details[0].Reason) > maxReason {
		t.Errorf("%d failures, %d details", sts.Failure, len(sts.Details))
	}
}

// yesterday moves what is counted back by a day.
func (h *house) yesterday(t *testing.T) {
	t.Helper()
	err := h.cfg.Store.Update(t.Context(), func(tx *store.Tx) error {
		for row, err := range h.tallies.Scan(tx, store.TableRange[tallyKey]{}) {
			if err != nil {
				return err
			}
			if err := h.tallies.Delete(tx, row.Key); err != nil {
				return err
			}
			row.Key.day -= 2
			if err := h.tallies.Set(tx, row.Key, row.Value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReportsGoWhereTheDomainWantsThem(t *testing.T) {
	h := newHouse(t, stsZone)
	type letter struct {
		to  string
		raw []byte
	}
	var sent []letter
	h.cfg.Send = func(_ context.Context, to string, raw []byte) error {
		sent = append(sent, letter{to, raw})
		return nil
	}
	h.restart()
	p, err := h.For(t.Context(), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	h.Report(relay.Result{Policy: p, Host: ours, Offered: true, State: state(chainOf(t, h.ca.leaf(t, "mx.example.org"))...)})
	h.Report(relay.Result{Policy: p, Host: ours, Addr: netip.MustParseAddr("2001:db8::25"), Err: relay.ErrNoSTARTTLS})
	h.tallied(t)
	if next, err := h.sendDue(t.Context()); err != nil || len(sent) != 0 || time.Until(next) > 24*time.Hour {
		t.Fatalf("before the day is over: %d sent, next %v, %v", len(sent), next, err)
	}
	h.yesterday(t)
	h.web.requests()
	if _, err := h.sendDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(sent) != 1 || sent[0].to != "tls@example.org" {
		t.Fatalf("%+v", sent)
	}
	if got := h.web.requests(); !slices.Equal(got, []string{"POST https://reports.example.org/v1"}) {
		t.Errorf("posted %v", got)
	}
	byMail, err := ReadReport(sent[0].raw)
	if err != nil {
		t.Fatalf("%v in\n%s", err, sent[0].raw)
	}
	byWeb, err := ParseReport(h.web.posted[0], true)
	if err != nil || fmt.Sprint(byWeb) != fmt.Sprint(byMail) {
		t.Errorf("%+v, %v", byWeb, err)
	}
	one := byMail.Policies[0]
	if byMail.Organization != "out.example.com" || one.Policy.Type != "sts" || one.Policy.Domain != "example.org" || one.Summary != (Summary{1, 1}) ||
		one.Failures[0].Type != "starttls-not-supported" || one.Failures[0].Remote != "2001:db8::25" || byMail.Range.End.Sub(byMail.Range.Start) != 24*time.Hour-time.Second {
		t.Errorf("%+v", byMail)
	}
	header, _, _ := strings.Cut(string(sent[0].raw), "\r\n\r\n")
	for _, want := range []string{"From: <postmaster@out.example.com>", "TLS-Required: No", "TLS-Report-Domain: example.org", "TLS-Report-Submitter: out.example.com", "Subject: Report Domain: example.org Submitter: out.example.com Report-ID: <", `report-type="tlsrpt"`} {
		if !strings.Contains(header, want) {
			t.Errorf("%s is missing in\n%s", want, header)
		}
	}
	if got := h.tallied(t); len(got) != 0 {
		t.Errorf("sent twice: %v", got)
	}
}

func TestAReportThatCannotBeSentIsTriedForADay(t *testing.T) {
	h := newHouse(t, stsZone)
	h.cfg.Send = func(context.Context, string, []byte) error { return errors.New("no room") }
	h.restart()
	p, _ := h.For(t.Context(), "example.org")
	h.Report(relay.Result{Policy: p, Host: ours, Err: relay.ErrNoSTARTTLS})
	h.tallied(t)
	h.yesterday(t)
	h.web.serve(503, "text/plain", "")
	if _, err := h.sendDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := len(h.tallied(t)) == 1
	late := time.Since(startOf(dayOf(time.Now())-1)) >= giveUp
	if kept == late {
		t.Errorf("kept %v, late %v", kept, late)
	}
}

func TestTargetsAreChecked(t *testing.T) {
	for _, c := range []struct {
		text string
		want []target
	}{
		{"v=TLSRPTv1; rua=mailto:a@b.example", []target{{mailto: "a@b.example"}}},
		{"v=TLSRPTv1;rua=https://b.example/x,mailto:a%2Bc@b.example;", []target{{https: "https://b.example/x"}, {mailto: "a+c@b.example"}}},
		{"v=TLSRPTv1; rua=http://b.example/", nil},
		{"v=TLSRPTv1; rua=https://127.0.0.1:8080/", nil},
		{"v=TLSRPTv1; rua=https://user@b.example/", nil},
		{"v=TLSRPTv1; rua=https://localhost/", nil},
		{"v=TLSRPTv1; rua=mailto:a@b.example%0d%0aBcc:c@d.example", nil},
		{"v=TLSRPTv1; rua=mailto:a@b.example?cc=c@d.example", []target{{mailto: "a@b.example"}}},
		{"v=TLSRPTv1; rua=mailto:<a@b.example>", nil},
		{"v=TLSRPTv1", nil},
		{"v=TLSRPTv2; rua=mailto:a@b.example", nil},
		{"v=TLSRPTv1; rua=" + strings.Repeat("mailto:a@b.example,", 3) + "mailto:b@b.example,mailto:c@b.example,mailto:d@b.example,mailto:e@b.example", []target{{mailto: "a@b.example"}, {mailto: "b@b.example"}, {mailto: "c@b.example"}, {mailto: "d@b.example"}}},
	} {
		if got, err := parseTargets([]string{c.text}); !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("%s: %+v, %v", c.text, got, err)
		}
	}
	if _, err := parseTargets([]string{"v=TLSRPTv1; rua=mailto:a@b.example", "v=TLSRPTv1; rua=mailto:a@b.example"}); err == nil {
		t.Error("two records are one")
	}
}

func TestReportsThatComeAreSummedUp(t *testing.T) {
	h := newHouse(t, "")
	raw, err := os.ReadFile("testdata/report.eml")
	if err != nil {
		t.Fatal(err)
	}
	ours := func(domain string) bool { return domain == "example.org" }
	if err := h.Receive(t.Context(), bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n")), ours); err != nil {
		t.Fatal(err)
	}
	if err := h.Receive(t.Context(), []byte("Subject: hello\r\n\r\nhello\r\n"), ours); !errors.Is(err, ErrNoReport) {
		t.Errorf("any mail is a report: %v", err)
	}
	if err := h.Receive(t.Context(), bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n")), func(string) bool { return false }); !errors.Is(err, ErrNoReport) {
		t.Errorf("a report about others is taken: %v", err)
	}
	if none, err := h.Received(t.Context(), "example.net", time.Time{}); err != nil || len(none) != 0 {
		t.Errorf("of another domain: %+v, %v", none, err)
	}
	list, err := h.Received(t.Context(), "Example.org", time.Now().Add(-time.Hour))
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	got := list[0]
	if got.Organization != "Big Mail" || got.Domain != "example.org" || got.Success != 5326 || got.Failure != 303 || len(got.Failures) != 3 ||
		got.Failures[0] != (ReceivedFailure{"starttls-not-supported", "mx2.example.org", 200}) || !slices.Equal(got.Policies, []string{"sts"}) {
		t.Errorf("%+v", got)
	}
}

func TestABombIsNoReport(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(`{"report-id":"1","policies":[{"policy":{"policy-domain":"`))
	for range 1000 {
		z.Write(bytes.Repeat([]byte("a"), 100<<10))
	}
	z.Close()
	if _, err := ParseReport(b.Bytes(), true); !errors.Is(err, ErrNoReport) {
		t.Errorf("%v", err)
	}
	if b.Len() > maxPacked {
		t.Errorf("the bomb has %d bytes", b.Len())
	}
}

func FuzzParseReport(f *testing.F) {
	f.Add([]byte(`{"organization-name":"x","date-range":{"start-datetime":"2016-04-01T00:00:00Z","end-datetime":"2016-04-01T23:59:59Z"},"report-id":"1","policies":[{"policy":{"policy-type":"sts","policy-domain":"example.org","mx-host":"a"},"summary":{"total-successful-session-count":18446744073709551615},"failure-details":[{"result-type":"x","failed-session-count":1}]}]}`), false)
	r := Report{ID: "1", Policies: []PolicyResult{{Summary: Summary{1, 2}}}}
	packed, err := r.pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed, true)
	f.Fuzz(func(t *testing.T, b []byte, packed bool) {
		r, err := ParseReport(b, packed)
		if err != nil {
			return
		}
		s := r.summary(time.Unix(0, 0))
		if len(s.Failures) > maxDetails || len(s.Domain) > maxText || len(s.Policies) > maxReportPolicies {
			t.Errorf("%+v", s)
		}
		row := receivedRows.Append(nil, s)
		if _, err := receivedRows.Parse(row); err != nil {
			t.Error(err)
		}
		if _, err := json.Marshal(s); err != nil && s.Start.Year() < 10000 && s.Start.Year() > 0 {
			t.Error(err)
		}
	})
}

func TestWhatIsCountedIsWrittenDownAtTheEnd(t *testing.T) {
	h := newHouse(t, stsZone)
	p, err := h.For(t.Context(), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	h.dns.Fail(dnstest.Silent)
	h.dns.Asked()
	h.Report(relay.Result{Policy: p, Host: ours, Err: relay.ErrNoSTARTTLS})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if asked := h.dns.Asked(); len(asked) > 0 {
		t.Errorf("at the end there is time to ask for %v", asked)
	}
	if got := h.tallied(t); got[kindSTS].Failure != 1 {
		t.Errorf("%+v", got)
	}
}

func TestReportsAreNotAllSentAtMidnight(t *testing.T) {
	first := dueAt(10, "example.org")
	if first.Before(startOf(11)) || !first.Before(startOf(11).Add(spread)) || first.Equal(dueAt(10, "example.net")) {
		t.Errorf("example.org at %v, example.net at %v", first, dueAt(10, "example.net"))
	}
	synctest.Test(t, func(t *testing.T) { // its clock begins at midnight
		s, err := store.Open(store.Config{Path: filepath.Join(t.TempDir(), "rows"), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		sent := 0
		p := New(Config{
			Store: s, DNS: dnstest.Serve(t, stsZone), Hostname: "out.example.com", Logger: slog.New(slog.DiscardHandler),
			Send: func(context.Context, string, []byte) error { sent++; return nil },
			Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no web server") },
		})
		err = s.Update(t.Context(), func(tx *store.Tx) error {
			return p.tallies.Set(tx, tallyKey{dayOf(time.Now()) - 1, "example.org", kindSTS}, tally{Success: 1})
		})
		if err != nil {
			t.Fatal(err)
		}
		next, err := p.sendDue(t.Context())
		if err != nil || sent != 0 || !next.Equal(dueAt(dayOf(time.Now())-1, "example.org")) {
			t.Errorf("%d sent, next %v, %v", sent, next, err)
		}
		time.Sleep(time.Until(next))
		if _, err := p.sendDue(t.Context()); err != nil || sent != 1 {
			t.Errorf("%d sent, %v", sent, err)
		}
	})
}

func TestDomainsThatAreCountedAreBounded(t *testing.T) {
	h := newHouse(t, "")
	for i := range maxTallies + 10 {
		h.Report(relay.Result{Policy: &policy{of: h.Policies, domain: fmt.Sprintf("d%d.example", i)}, Host: ours, Err: relay.ErrNoSTARTTLS})
	}
	h.counted.mu.Lock()
	defer h.counted.mu.Unlock()
	if n := len(h.counted.tallies); n != maxTallies {
		t.Errorf("%d are kept", n)
	}
}
