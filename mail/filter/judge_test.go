package filter

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/dkim"
	"martlet/mail/dns/dnstest"
	"martlet/store"
)

// internet is a DNS with an honest host, one without a name, one whose name is
// another's, and lists.
const internet = `
1.2.0.192.in-addr.arpa. PTR mx.example.com.
mx.example.com. A 192.0.2.1
9.100.51.198.in-addr.arpa. PTR mx.example.com.
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR six.example.com.
six.example.com. AAAA 2001:db8::1
example.com. TXT "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all"
_dmarc.example.com. TXT "v=DMARC1; p=reject; rua=mailto:dmarc@example.com"
soft.example. TXT "v=spf1 ~all"
hard.example. TXT "v=spf1 -all"
_dmarc.shelf.example. TXT "v=DMARC1; p=quarantine"
_dmarc.few.example. TXT "v=DMARC1; p=reject; pct=0"
_dmarc.watch.example. TXT "v=DMARC1; p=none"
7.2.0.192.bad.list.example. A 127.0.0.2
8.2.0.192.bad.list.example. A 127.0.0.10
7.2.0.192.tired.list.example. A 127.255.255.254
7.2.0.192.dead.list.example. A 203.0.113.1
6.2.0.192.bad.list.example. A 127.0.0.2
6.2.0.192.good.list.example. A 127.0.5.1
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bad.list.example. A 127.0.0.2
evil.example.names.list.example. A 127.0.1.2
`

func openStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(store.Config{Path: t.TempDir(), NoCompaction: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	t.Cleanup(func() {
		if err := Check(context.Background(), s, func(p store.Problem) { t.Error(p) }); err != nil {
			t.Error(err)
		}
	})
	return s
}

func client(addr string) *mail.Client {
	return &mail.Client{Addr: netip.MustParseAddr(addr), Helo: "mx.example.com"}
}

func judge(t testing.TB, change func(*Config)) *Filter {
	t.Helper()
	c := Config{Resolver: dnstest.Serve(t, internet), Hostname: "mx.example.org", Policy: DefaultPolicy()}
	c.Policy.Greylist = GreylistNobody
	if change != nil {
		change(&c)
	}
	if err := c.Policy.Check(); err != nil {
		t.Fatal(err)
	}
	return New(c)
}

func lists(refuse bool) []List {
	return []List{
		{Zone: "bad.list.example", Weight: 4, Refuse: refuse, Codes: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/29")}},
		{Zone: "tired.list.example", Weight: 9, Refuse: refuse},
		{Zone: "dead.list.example", Weight: 9, Refuse: refuse},
		{Zone: "names.list.example", Domains: true, Weight: 3, Refuse: refuse},
		{Zone: "good.list.example", Weight: -3},
	}
}

func letterFrom(from string) []byte {
	return []byte("From: " + from + "\r\nTo: robin@example.org\r\nSubject: Planning\r\n\r\nTomorrow at nine.\r\n")
}

func header(v mail.Verdict) string { return strings.ReplaceAll(string(v.Header), "\r\n\t", " ") }

func TestWhatIsHeldAgainstAMessageStandsInItsHeader(t *testing.T) {
	f := judge(t, func(c *Config) { c.Policy.Lists = lists(false) })
	for name, tc := range map[string]struct {
		addr, helo, from string
		want             string
	}{
		"nothing":                  {"192.0.2.1", "mx.example.com", "a@example.com", "no score=0.0"},
		"a host without a name":    {"192.0.2.5", "mx.example.com", "a@example.com", "no score=1.2 (no reverse name 1.2)"},
		"with the name of another": {"198.51.100.9", "mx.example.com", "a@nowhere.example", "no score=0.8 (reverse name does not lead back 0.8)"},
		"on a list":                {"192.0.2.7", "mx.example.com", "a@example.com", "yes score=5.2 (no reverse name 1.2; bad.list.example 4.0)"},
		"with a code of no weight": {"192.0.2.8", "mx.example.com", "a@example.com", "no score=1.2 (no reverse name 1.2)"},
		"on a good list, too":      {"192.0.2.6", "mx.example.com", "a@example.com", "no score=2.2 (no reverse name 1.2; bad.list.example 4.0; good.list.example -3.0)"},
		"IPv6 on a list":           {"2001:db8::1", "mx.example.com", "a@example.com", "no score=4.0 (bad.list.example 4.0)"},
		"a sender on a list":       {"192.0.2.1", "mx.example.com", "a@evil.example", "no score=3.0 (names.list.example 3.0)"},
		"a greeting on a list":     {"192.0.2.1", "evil.example", "a@example.com", "no score=3.0 (names.list.example 3.0)"},
		"our own name":             {"192.0.2.1", "MX.example.org", "a@example.com", "no score=2.5 (greets with our name 2.5)"},
		"no name":                  {"192.0.2.1", "pc17", "a@example.com", "no score=0.8 (greets with no host name 0.8)"},
		"a soft fail":              {"192.0.2.1", "mx.example.com", "a@soft.example", "no score=0.8 (SPF softfail 0.8)"},
		"a hard fail":              {"192.0.2.1", "mx.example.com", "a@hard.example", "no score=2.5 (SPF fail 2.5)"},
		"a policy to watch":        {"192.0.2.1", "mx.example.com", "a@watch.example", "no score=0.8 (DMARC fail 0.8)"},
		"a policy to shelve":       {"192.0.2.1", "mx.example.com", "a@shelf.example", "yes score=0.0 (DMARC fail 0.0)"},
		"two in From":              {"192.0.2.1", "mx.example.com", "a@example.com, b@example.com", "no score=2.0 (From is not one address 2.0)"},
	} {
		c := client(tc.addr)
		c.Helo = tc.helo
		v := f.Message(t.Context(), c, &mail.Envelope{From: strings.Split(tc.from, ",")[0]}, letterFrom(tc.from))
		if got := header(v); got != "X-Martlet-Junk: "+tc.want+"\r\n" {
			t.Errorf("%s:\n got %q\nwant %q", name, got, tc.want)
		}
		if v.Junk != strings.HasPrefix(tc.want, "yes") || v.Refuses() {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestResultsTellAllThatWasFound(t *testing.T) {
	f := judge(t, nil)
	v := f.Message(t.Context(), client("2001:db8::1"), &mail.Envelope{From: "a@example.com"}, letterFrom("a@example.com"))
	if want := `iprev=pass (six.example.com) policy.iprev="2001:db8::1"; spf=pass smtp.mailfrom=example.com; dkim=none; dmarc=pass (p=reject) header.from=example.com`; v.Results != want {
		t.Errorf("%s", v.Results)
	}
	v = f.Message(t.Context(), client("198.51.100.9"), &mail.Envelope{From: "a@shelf.example"}, letterFrom("a@shelf.example"))
	if want := `iprev=fail policy.iprev=198.51.100.9; spf=none smtp.mailfrom=shelf.example; dkim=none; dmarc=fail (p=quarantine dis=quarantine) header.from=shelf.example`; v.Results != want {
		t.Errorf("%s", v.Results)
	}
}

func TestDMARCIsDoneAsTheDomainWantsAndWeAllow(t *testing.T) {
	for _, tc := range []struct {
		mode          DMARCMode
		domain        string
		refused, junk bool
	}{
		{Enforce, "example.com", true, false},
		{Quarantine, "example.com", false, true},
		{Report, "example.com", false, false},
		{Enforce, "shelf.example", false, true},
		{Report, "shelf.example", false, false},
		{Enforce, "few.example", false, true},
		{Enforce, "watch.example", false, false},
		{Enforce, "news.example.com", true, false},
	} {
		var told []Outcome
		f := judge(t, func(c *Config) { c.Policy.DMARC = tc.mode; c.Observe = func(o Outcome) { told = append(told, o) } })
		v := f.Message(t.Context(), client("198.51.100.9"), &mail.Envelope{From: "a@nowhere.example"}, letterFrom("a@"+tc.domain))
		if v.Refuses() != tc.refused || v.Junk != tc.junk {
			t.Errorf("%+v: %+v", tc, v)
		}
		if tc.refused && (v.Code != 550 || v.Enhanced != "5.7.1" || !strings.Contains(v.Text, tc.domain)) {
			t.Errorf("%+v", v.Refusal)
		}
		if len(told) != 1 || told[0].From != tc.domain || told[0].AlignedSPF || told[0].Envelope != "nowhere.example" {
			t.Errorf("%+v: told %+v", tc, told)
		}
	}
}

// A list that is trusted says that the message was good when it came to it.
func TestATrustedSealerSpeaksForWhatItSendsOn(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := dkim.Key{Domain: "lists.example", Selector: "s", Private: private}
	text, _ := key.Record()
	zone := internet + key.Name() + `. TXT "` + text + "\"\n"
	sealed := func(results string) []byte {
		raw := letterFrom("a@example.com")
		set, err := dkim.Seal(raw, dkim.Chain{Result: dkim.None}, "mx.lists.example", results, time.Now(), key)
		if err != nil {
			t.Fatal(err)
		}
		return append(set, raw...)
	}
	good := "spf=pass smtp.mailfrom=example.com; dmarc=pass header.from=example.com"
	for name, tc := range map[string]struct {
		trusted string
		raw     []byte
		refused bool
		arc     string
	}{
		"trusted":              {"lists.example", sealed(good), false, "arc=pass"},
		"not trusted":          {"other.example", sealed(good), true, "arc=pass"},
		"it says fail":         {"lists.example", sealed("dmarc=fail header.from=example.com"), true, "arc=pass"},
		"of another From":      {"lists.example", sealed("dmarc=pass header.from=example.net"), true, "arc=pass"},
		"in a comment":         {"lists.example", sealed("none (; dmarc=pass header.from=example.com)"), true, "arc=pass"},
		"in quotes":            {"lists.example", sealed(`x="; dmarc=pass header.from=example.com ;"`), true, "arc=pass"},
		"changed afterwards":   {"lists.example", []byte(strings.Replace(string(sealed(good)), "nine", "ten", 1)), true, "arc=fail"},
		"nobody has sealed it": {"lists.example", letterFrom("a@example.com"), true, ""},
	} {
		f := judge(t, func(c *Config) { c.Resolver = dnstest.Serve(t, zone); c.Policy.Sealers = []string{tc.trusted} })
		v := f.Message(t.Context(), client("198.51.100.9"), &mail.Envelope{From: "list@lists.example"}, tc.raw)
		if v.Refuses() != tc.refused || v.Junk || !strings.Contains(v.Results, tc.arc) || (tc.arc == "") == strings.Contains(v.Results, "; arc=") {
			t.Errorf("%s: %+v", name, v)
		}
		if !strings.Contains(v.Results, "dmarc=fail") { // invitations do not come true by this
			t.Errorf("%s: %s", name, v.Results)
		}
	}
}

func TestWhoIsOnAListIsRefusedAtTheFirstRecipient(t *testing.T) {
	f := judge(t, func(c *Config) { c.Policy.Lists = lists(true) })
	for addr, refused := range map[string]string{
		"192.0.2.1": "", "192.0.2.7": "192.0.2.7 is on the list bad.list.example, whose operator can tell why", "192.0.2.8": "", "192.0.2.6": "",
		"2001:db8::1": "2001:db8::1 is on the list bad.list.example, whose operator can tell why", "10.0.0.7": "", "127.0.0.1": "",
	} {
		if no := f.Recipient(t.Context(), client(addr), &mail.Envelope{From: "a@example.com"}, &mail.Recipient{Address: "robin@example.org"}); no.Text != refused {
			t.Errorf("%s: %+v", addr, no)
		}
	}
	if no := f.Recipient(t.Context(), client("192.0.2.1"), &mail.Envelope{From: "a@evil.example"}, &mail.Recipient{}); no.Code != 550 || !strings.Contains(no.Text, "evil.example is on the list names.list.example") {
		t.Errorf("%+v", no)
	}
	f = judge(t, func(c *Config) { c.Policy.RefuseNameless = true })
	for addr, refused := range map[string]bool{"192.0.2.1": false, "192.0.2.5": true, "198.51.100.9": true} {
		if no := f.Recipient(t.Context(), client(addr), &mail.Envelope{}, &mail.Recipient{}); no.Refuses() != refused {
			t.Errorf("%s: %+v", addr, no)
		}
	}
}

// A list that is down, or a DNS that is, is held against nobody, and nobody waits
// for it longer than for the others.
func TestListsThatAreDownRefuseNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := dnstest.Start(t, internet)
		f := judge(t, func(c *Config) {
			c.Resolver = server.Resolver()
			c.Policy.Lists = lists(true)
			c.Policy.RefuseNameless = true
		})
		server.Fail(dnstest.Silent, "7.2.0.192.bad.list.example")
		server.Fail(dnstest.ServFail, "7.2.0.192.tired.list.example", "7.2.0.192.in-addr.arpa")
		began := time.Now()
		if no := f.Recipient(t.Context(), client("192.0.2.7"), &mail.Envelope{From: "a@example.com"}, &mail.Recipient{}); no.Refuses() {
			t.Errorf("%+v", no)
		}
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("it took %s", took)
		}
		began = time.Now()
		f.Recipient(t.Context(), client("192.0.2.7"), &mail.Envelope{From: "a@example.com"}, &mail.Recipient{})
		if took := time.Since(began); took > 0 {
			t.Errorf("the second recipient took %s", took)
		}
		v := f.Message(t.Context(), client("192.0.2.7"), &mail.Envelope{From: "a@example.com"}, letterFrom("a@example.com"))
		if !strings.HasPrefix(v.Results, "iprev=temperror policy.iprev=192.0.2.7; spf=pass") || header(v) != "X-Martlet-Junk: no score=0.0\r\n" {
			t.Errorf("%+v", v)
		}
	})
}

func TestWhoIsNotKnownComesBackLater(t *testing.T) {
	g := newGreylist(openStore(t))
	spf := func(result, domain string) sender { return sender{result: result, domain: domain} }
	none := spf("none", "none.example")
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for i, step := range []struct {
		after    time.Duration
		addr     string
		spf      sender
		from, to string
		want     bool
	}{
		{0, "198.51.100.1", none, "a@none.example", "robin@example.org", false},
		{4 * time.Minute, "198.51.100.1", none, "a@none.example", "robin@example.org", false},
		{time.Minute, "198.51.100.9", none, "A@none.example", "robin@example.org", true}, // from the same network
		{0, "198.51.100.1", none, "a@none.example", "anna@example.org", false},           // to another
		{0, "203.0.113.1", none, "a@none.example", "robin@example.org", false},           // from another network
		{25 * time.Hour, "203.0.113.1", none, "a@none.example", "robin@example.org", false},
		{33 * 24 * time.Hour, "198.51.100.1", none, "a@none.example", "robin@example.org", true}, // remembered
		{34 * 24 * time.Hour, "198.51.100.1", none, "a@none.example", "robin@example.org", true},
		{36 * 24 * time.Hour, "198.51.100.1", none, "a@none.example", "robin@example.org", false}, // forgotten
		{0, "192.0.2.1", spf("pass", "example.com"), "x@example.com", "robin@example.org", false}, // the domain counts
		{5 * time.Minute, "203.0.113.250", spf("pass", "example.com"), "x@example.com", "robin@example.org", true},
		{0, "2001:db8::1", none, "y@none.example", "robin@example.org", false},
		{5 * time.Minute, "2001:db8::99", none, "y@none.example", "robin@example.org", true},
		{5 * time.Minute, "2001:db8:0:1::99", none, "y@none.example", "robin@example.org", false},
	} {
		now = now.Add(step.after)
		may, err := g.try(t.Context(), greyOrigin(netip.MustParseAddr(step.addr), step.spf), step.from, step.to, now)
		if err != nil || may != step.want {
			t.Errorf("step %d: %v %v", i, may, err)
		}
	}
}

// Who has come back often enough is asked no more; and rows that say nothing go.
func TestWhoAlwaysComesBackIsKnown(t *testing.T) {
	g := newGreylist(openStore(t))
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	try := func(i int) bool {
		may, err := g.try(t.Context(), "198.51.100.0/24", fmt.Sprintf("a%d@none.example", i), "robin@example.org", now)
		if err != nil {
			t.Fatal(err)
		}
		return may
	}
	for i := range greyPasses {
		if try(i) {
			t.Errorf("%d came at once", i)
		}
		now = now.Add(greyDelay)
		if !try(i) {
			t.Errorf("%d never came", i)
		}
	}
	if !try(100) {
		t.Error("a regular was asked to come back")
	}
	now = now.Add(greyMemory - time.Hour)
	if !try(101) {
		t.Error("a regular was forgotten")
	}
	if err := g.sweep(t.Context(), now); err != nil || g.rows.Load() != greyPasses {
		t.Error(err, g.rows.Load())
	}
	now = now.Add(greyMemory)
	if try(102) {
		t.Error("who was away for long is still known")
	}
	if err := g.sweep(t.Context(), now); err != nil || g.rows.Load() != 1 {
		t.Error(err, g.rows.Load())
	}
	now = now.Add(greyWait)
	if err := g.sweep(t.Context(), now); err != nil || g.rows.Load() != 0 {
		t.Error(err, g.rows.Load())
	}
}

// A flood of new senders does not fill the disk: when there are too many, nobody new
// is asked.
func TestAFloodIsNotGreylistedForEver(t *testing.T) {
	g := newGreylist(openStore(t))
	g.rows.Store(maxGrey)
	if may, err := g.try(t.Context(), "198.51.100.0/24", "a@none.example", "robin@example.org", time.Now()); !may || err != nil {
		t.Error(may, err)
	}
}

func TestOnlyTheSuspiciousAreAskedToComeBack(t *testing.T) {
	f := judge(t, func(c *Config) {
		c.Store, c.Policy.Greylist, c.Policy.Lists = openStore(t), GreylistSuspicious, lists(false)
	})
	for addr, later := range map[string]bool{"192.0.2.1": false, "192.0.2.5": true, "198.51.100.9": true, "2001:db8::1": true, "192.0.2.6": false} {
		if no := f.Recipient(t.Context(), client(addr), &mail.Envelope{From: "a@example.com"}, &mail.Recipient{Address: "robin@example.org"}); no.Refuses() != later {
			t.Errorf("%s: %+v", addr, no)
		}
	}
}

func TestWhoComesTooOftenIsStoppedForATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := judge(t, func(c *Config) {
			c.Resolver = newHouse(t).dns
			c.Policy.Rates = Rates{Connections: Rate{PerMinute: 3}, Messages: Rate{PerMinute: 2}, Recipients: Rate{PerHour: 5}, Unknown: Rate{PerHour: 2}}
		})
		ctx := t.Context()
		for i := range 4 {
			if no := f.Connect(ctx, client("192.0.2.1")); no.Refuses() != (i == 3) {
				t.Errorf("connection %d: %+v", i, no)
			}
		}
		if f.Connect(ctx, client("192.0.2.2")).Refuses() || f.Connect(ctx, client("127.0.0.1")).Refuses() {
			t.Error("a neighbour was stopped")
		}
		f.Connect(ctx, client("2001:db8::1"))
		f.Connect(ctx, client("2001:db8::2"))
		f.Connect(ctx, client("2001:db8::3"))
		if !f.Connect(ctx, client("2001:db8::4")).Refuses() || f.Connect(ctx, client("2001:db8:0:1::4")).Refuses() {
			t.Error("an IPv6 network is not one client")
		}
		one := &mail.Envelope{To: []mail.Recipient{{}}}
		var codes []int
		for _, env := range []*mail.Envelope{{}, one, {}, {}, one, one, one} {
			codes = append(codes, f.Recipient(ctx, client("192.0.2.1"), env, &mail.Recipient{}).Code)
		}
		if got := fmt.Sprint(codes); got != "[0 0 0 450 0 0 450]" {
			t.Error(got)
		}
		for i := range 3 {
			if no := f.Unknown(ctx, client("192.0.2.9")); no.Refuses() != (i == 2) || i == 2 && no.Code != 421 {
				t.Errorf("unknown %d: %+v", i, no)
			}
		}
		for range 9 {
			if f.Unknown(ctx, client("10.0.0.9")).Refuses() {
				t.Error("who is of our own network is counted")
			}
		}
		if !f.Connect(ctx, client("192.0.2.9")).Refuses() {
			t.Error("who tries names connects again")
		}
		time.Sleep(2 * time.Hour)
		if f.Connect(ctx, client("192.0.2.1")).Refuses() || f.Connect(ctx, client("192.0.2.9")).Refuses() {
			t.Error("it is for ever")
		}
	})
}

func TestAnAccountThatSendsTooMuchIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := judge(t, func(c *Config) {
			c.Resolver = newHouse(t).dns
			c.Policy.Accounts = AccountRates{MessagesPerHour: 3, RecipientsPerDay: 6}
		}).Submission()
		robin, anna := &mail.Client{Account: 1, Login: "robin@example.org"}, &mail.Client{Account: 2}
		one := &mail.Envelope{To: []mail.Recipient{{}}}
		var codes []int
		for _, env := range []*mail.Envelope{{}, {}, {}, {}, one, one, one, one} {
			codes = append(codes, f.Recipient(t.Context(), robin, env, &mail.Recipient{}).Code)
		}
		if got := fmt.Sprint(codes); got != "[0 0 0 450 0 0 450 450]" {
			t.Error(got)
		}
		if f.Recipient(t.Context(), anna, &mail.Envelope{}, &mail.Recipient{}).Refuses() {
			t.Error("another account was stopped")
		}
		time.Sleep(48 * time.Hour)
		if f.Recipient(t.Context(), robin, &mail.Envelope{}, &mail.Recipient{}).Refuses() {
			t.Error("it is for ever")
		}
	})
}

// scanner is the far side of a scanner.
type scanner func(m *Message) (Finding, error)

func (s scanner) Scan(_ context.Context, m *Message) (Finding, error) { return s(m) }

func TestScannersAreAskedInTheirOrder(t *testing.T) {
	robin := directory.AccountID(7)
	words := Ask{Name: "words", Scanner: scanner(func(m *Message) (Finding, error) {
		if m.Auth.From != "example.com" || !m.Auth.Authentic || m.Auth.Reverse != "mx.example.com" || m.Index == nil {
			t.Errorf("%+v", m.Auth)
		}
		return Finding{Score: 5.5, Reasons: []string{"like (other) junk\r\nX: y"}, Opinions: map[directory.AccountID]bool{robin: false}}, nil
	})}
	milter := Ask{Name: "milter", Scanner: scanner(func(m *Message) (Finding, error) {
		return Finding{Header: []byte("X-Seen: yes\r\n"), Raw: append([]byte("X-Changed: 1\r\n"), m.Raw...)}, nil
	})}
	after := Ask{Name: "after", Scanner: scanner(func(m *Message) (Finding, error) {
		if !strings.HasPrefix(string(m.Raw), "X-Changed") {
			t.Errorf("it does not see what the other made: %s", m.Raw)
		}
		return Finding{Score: -1}, nil
	})}
	down := Ask{Name: "down", Scanner: scanner(func(*Message) (Finding, error) { return Finding{}, errors.New("down") })}
	raw := append([]byte("x-martlet-junk : no score=-99\r\n (forged)\r\nX-Martlet-Other: x\r\n"), letterFrom("a@example.com")...)
	env := &mail.Envelope{From: "a@example.com"}
	f := judge(t, func(c *Config) { c.Scanners = []Ask{words, down, milter, after}; c.Policy.Junk = 4 })
	v := f.Message(t.Context(), client("192.0.2.1"), env, raw)
	if got := header(v); got != "X-Martlet-Junk: yes score=4.5 (words: like [other] junk??X: y 5.5; after -1.0)\r\nX-Seen: yes\r\n" {
		t.Errorf("%q", got)
	}
	if !v.Junk || v.JunkFor(robin) || !v.JunkFor(8) || string(v.Raw) != "X-Changed: 1\r\n"+string(letterFrom("a@example.com")) {
		t.Errorf("%+v\n%s", v, v.Raw)
	}
	f = judge(t, func(c *Config) { c.Scanners = []Ask{words}; c.Policy.Refuse = 5.5 })
	if v := f.Message(t.Context(), client("192.0.2.1"), env, raw); v.Code != 550 {
		t.Errorf("%+v", v)
	}
	down.Closed = true
	f = judge(t, func(c *Config) { c.Scanners = []Ask{down} })
	if v := f.Message(t.Context(), client("192.0.2.1"), env, raw); v.Code != 451 || v.Enhanced != "4.3.0" {
		t.Errorf("%+v", v)
	}
	virus := Ask{Name: "virus", Scanner: scanner(func(*Message) (Finding, error) {
		return Finding{Refusal: mail.Refusal{Code: 554, Enhanced: "5.7.1", Text: "No"}, Discard: true}, nil
	})}
	f = judge(t, func(c *Config) { c.Scanners = []Ask{virus} })
	for _, who := range []*mail.Client{client("192.0.2.1"), client("10.0.0.1"), {}} {
		if v := f.Message(t.Context(), who, env, raw); v.Code != 554 || !v.Discard {
			t.Errorf("%+v", v)
		}
		if v := f.Submission().Message(t.Context(), who, env, raw); v.Code != 554 {
			t.Errorf("%+v", v)
		}
	}
}

// What comes from our own network is only looked into.
func TestOurOwnNetworkIsNotJudged(t *testing.T) {
	f := judge(t, func(c *Config) {
		c.Policy.RefuseNameless, c.Policy.Trusted = true, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/29")}
	})
	for _, addr := range []string{"127.0.0.1", "10.1.1.1", "fd00::1", "100.64.0.1", "192.0.2.5", "::ffff:192.0.2.5"} {
		c := client(addr)
		if f.Connect(t.Context(), c).Refuses() || f.Recipient(t.Context(), c, &mail.Envelope{}, &mail.Recipient{}).Refuses() {
			t.Error(addr, "is refused")
		}
		if v := f.Message(t.Context(), c, &mail.Envelope{From: "a@example.com"}, letterFrom("a@example.com")); v.Results != "" || v.Header != nil || v.Refuses() {
			t.Errorf("%s: %+v", addr, v)
		}
	}
}

// A server in front may be anywhere: it is not what it brings.
func TestAServerInFrontIsNotJudged(t *testing.T) {
	words := Ask{Name: "words", Scanner: scanner(func(m *Message) (Finding, error) {
		if !m.Auth.Inside || m.Client.Addr.IsValid() {
			t.Errorf("%+v", m.Auth)
		}
		return Finding{Score: 7}, nil
	})}
	f := judge(t, func(c *Config) { c.Policy.RefuseNameless, c.Scanners = true, []Ask{words} }).Relayed()
	c := client("198.51.100.9")
	if f.Connect(t.Context(), c).Refuses() || f.Recipient(t.Context(), c, &mail.Envelope{}, &mail.Recipient{}).Refuses() || f.Unknown(t.Context(), c).Refuses() {
		t.Error("it is refused")
	}
	if v := f.Message(t.Context(), c, &mail.Envelope{}, letterFrom("a@example.com")); v.Refuses() || v.Results != "" || !v.Junk {
		t.Errorf("%+v", v)
	}
}

func TestWhoHasLoggedInStandsInTheResults(t *testing.T) {
	f := judge(t, nil).Submission()
	if v := f.Message(t.Context(), &mail.Client{Account: 1, Login: "robin@example.org"}, &mail.Envelope{}, letterFrom("robin@example.org")); v.Results != `auth=pass smtp.auth="robin@example.org"` || v.Header != nil {
		t.Errorf("%+v", v)
	}
}

func TestAMeterSlides(t *testing.T) {
	m := newMeter[string](time.Hour)
	now := time.Now()
	for _, step := range []struct {
		after time.Duration
		n     int
		want  bool
	}{
		{0, 10, true}, {time.Minute, 1, false}, {58 * time.Minute, 1, false},
		{31 * time.Minute, 6, false}, // half of the ten still counts
		{0, 5, true}, {0, 1, false}, {2 * time.Hour, 10, true},
	} {
		now = now.Add(step.after)
		if got := m.take("a", step.n, 10, now); got != step.want {
			t.Errorf("%+v: %v", step, got)
		}
	}
}

// Mail of a domain without a DMARC policy is not held to SPF if a signature speaks
// for it.
func TestASignatureMakesUpForSPF(t *testing.T) {
	h := newHouse(t)
	h.dns.texts["hard.example"] = []string{"v=spf1 -all"}
	h.dns.texts["k._domainkey.hard.example"] = h.dns.texts["k._domainkey.example.com"]
	f := New(Config{Resolver: h.dns, Policy: DefaultPolicy()})
	for domain, want := range map[string]bool{"hard.example": false, "example.net": true} {
		v := f.Message(t.Context(), client(others), &mail.Envelope{From: "a@hard.example"}, h.from("a@hard.example", domain))
		if strings.Contains(header(v), "SPF fail") != want {
			t.Errorf("signed by %s: %s", domain, header(v))
		}
	}
}

// What the DNS could not say is no outcome to report.
func TestAnOutcomeThatIsNotKnownIsNotTold(t *testing.T) {
	h := newHouse(t)
	var told []Outcome
	f := New(Config{Resolver: h.dns, Policy: DefaultPolicy(), Observe: func(o Outcome) { told = append(told, o) }})
	h.dns.down = "k._domainkey.example.com"
	f.Message(t.Context(), client(others), &mail.Envelope{From: "a@example.net"}, h.from("a@example.com", "example.com"))
	if len(told) != 0 {
		t.Errorf("%+v", told)
	}
	h.dns.down = ""
	f.Message(t.Context(), client(others), &mail.Envelope{From: "a@example.net"}, h.from("a@example.com", "example.com"))
	if len(told) != 1 || !told[0].AlignedDKIM || told[0].AlignedSPF || len(told[0].DKIM) != 1 || told[0].DKIM[0].Selector != "k" {
		t.Errorf("%+v", told)
	}
}

func TestWhatOneScannerDiscardsStaysDiscarded(t *testing.T) {
	drop := Ask{Name: "drop", Scanner: scanner(func(*Message) (Finding, error) { return Finding{Discard: true}, nil })}
	keep := Ask{Name: "keep", Scanner: scanner(func(*Message) (Finding, error) { return Finding{}, nil })}
	f := judge(t, func(c *Config) { c.Scanners = []Ask{drop, keep} })
	if v := f.Message(t.Context(), client("192.0.2.1"), &mail.Envelope{From: "a@example.com"}, letterFrom("a@example.com")); !v.Discard {
		t.Errorf("%+v", v)
	}
}

func TestAMeterForgetsRatherThanGrows(t *testing.T) {
	m := newMeter[int](time.Hour)
	now := time.Now()
	for i := range 2 * maxCounted {
		m.take(i, 1, 1, now)
	}
	if len(m.now) > maxCounted {
		t.Error(len(m.now))
	}
	var h hosts
	for i := range 2 * maxHosts {
		h.enter(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	if len(h.all) > maxHosts {
		t.Error(len(h.all))
	}
}
