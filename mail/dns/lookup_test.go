package dns_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"blitiri.com.ar/go/spf"

	"martlet/mail/dns"
	"martlet/mail/dns/dnstest"
)

const zone = `
example.org.           300 IN SOA ns.example.org. hostmaster.example.org. 1 7200 3600 1209600 120
example.org.           300 IN MX 20 mx2.example.org.
example.org.           300 IN MX 10 MX1.example.org.
example.org.           300 IN TXT "v=spf1 " "mx -all"
example.org.           300 IN TXT "quote \" backslash \\ byte \255"
mx1.example.org.       300 IN A 192.0.2.1
mx1.example.org.       60  IN AAAA 2001:db8::1
mx2.example.org.       300 IN A 192.0.2.2
alias.example.org.     30  IN CNAME mx1.example.org.
null.example.org.      300 IN MX 0 .
odd.example.org.       300 IN MX 10 bad\032name.example.org.
_25._tcp.mx1.example.org. 300 IN TLSA 3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
1.2.0.192.in-addr.arpa. 300 IN PTR mx1.example.org.
1.2.0.192.in-addr.arpa. 300 IN PTR bad\032name.example.org.
xn--bcher-kva.example. 300 IN A 192.0.2.3
only4.example.org.     300 IN A 192.0.2.4
`

func TestEachTypeIsRead(t *testing.T) {
	r := dnstest.Serve(t, zone)
	ctx := t.Context()
	txt, err := r.TXT(ctx, "Example.ORG.")
	if want := []string{"v=spf1 mx -all", "quote \" backslash \\ byte \xff"}; err != nil || !slices.Equal(txt.Records, want) {
		t.Errorf("TXT: %q, %v", txt.Records, err)
	}
	mx, err := r.MX(ctx, "example.org")
	if want := []dns.MX{{10, "mx1.example.org"}, {20, "mx2.example.org"}}; err != nil || !slices.Equal(mx.Records, want) {
		t.Errorf("MX: %v, %v", mx.Records, err)
	}
	// Records that lead nowhere are not the same as none, where the domain's own
	// address would do (RFC 5321 5.1).
	if odd, err := r.MX(ctx, "odd.example.org"); !errors.Is(err, dns.ErrTemporary) || len(odd.Records) > 0 {
		t.Errorf("MX of no host: %v, %v", odd.Records, err)
	}
	null, err := r.MX(ctx, "null.example.org")
	if err != nil || !slices.Equal(null.Records, []dns.MX{{0, ""}}) {
		t.Errorf("null MX: %v, %v", null.Records, err)
	}
	a, err := r.Addresses(ctx, "alias.example.org")
	if want := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}; err != nil || !slices.Equal(a.Records, want) {
		t.Errorf("addresses: %v, %v", a.Records, err)
	}
	if a.Name != "mx1.example.org" || a.TTL > 30*time.Second || a.TTL < 29*time.Second {
		t.Errorf("the end of the chain is %s, for %v", a.Name, a.TTL)
	}
	c, err := r.CNAME(ctx, "alias.example.org")
	if err != nil || !slices.Equal(c.Records, []string{"mx1.example.org"}) {
		t.Errorf("CNAME: %v, %v", c.Records, err)
	}
	tlsa, err := r.TLSA(ctx, "_25._tcp.mx1.example.org")
	if err != nil || len(tlsa.Records) != 1 || tlsa.Records[0].Usage != 3 || len(tlsa.Records[0].Data) != 32 {
		t.Errorf("TLSA: %v, %v", tlsa.Records, err)
	}
	ptr, err := r.PTR(ctx, netip.MustParseAddr("::ffff:192.0.2.1"))
	if err != nil || !slices.Equal(ptr.Records, []string{"mx1.example.org"}) {
		t.Errorf("PTR: %v, %v", ptr.Records, err)
	}
	if a, err := r.Addresses(ctx, "BÜCHER.example"); err != nil || len(a.Records) != 1 {
		t.Errorf("a name beyond ASCII: %v, %v", a.Records, err)
	}
	if a, err := r.Addresses(ctx, "localhost"); err != nil || len(a.Records) != 2 || !a.Records[0].IsLoopback() {
		t.Errorf("localhost: %v, %v", a.Records, err)
	}
}

func TestWhatDoesNotExistIsToldFromWhatFails(t *testing.T) {
	s := dnstest.Start(t, zone)
	r := s.Resolver()
	for _, name := range []string{"nobody.example.org", "mx1.example.org", "a..b", strings.Repeat("a", 64) + ".example", `a\.b.example`, "", "with space.example", "-\u200d.example"} {
		if a, err := r.TXT(t.Context(), name); !errors.Is(err, dns.ErrNotFound) || errors.Is(err, dns.ErrTemporary) || len(a.Records) > 0 {
			t.Errorf("%q: %v, %v", name, a.Records, err)
		}
	}
	for _, f := range []dnstest.Fault{dnstest.ServFail, dnstest.Refused, dnstest.TooMany, dnstest.Truncated, dnstest.AliasLoop} {
		s.Fail(f, "fault.example")
		if _, err := r.MX(t.Context(), "fault.example"); !errors.Is(err, dns.ErrTemporary) || errors.Is(err, dns.ErrNotFound) {
			t.Errorf("fault %d: %v", f, err)
		}
	}
}

func TestALieIsNoAnswer(t *testing.T) {
	for _, f := range []dnstest.Fault{dnstest.OtherQuestion, dnstest.WrongID, dnstest.Garbage, dnstest.Silent} {
		synctest.Test(t, func(t *testing.T) {
			s := dnstest.Start(t, zone)
			s.Fail(f)
			r := s.Resolver()
			start := time.Now()
			a, err := r.MX(t.Context(), "example.org")
			if !errors.Is(err, dns.ErrTemporary) || len(a.Records) > 0 {
				t.Errorf("fault %d: %v, %v", f, a.Records, err)
			}
			if d := time.Since(start); d > 8*time.Second {
				t.Errorf("fault %d took %v", f, d)
			}
			s.Fail(dnstest.None)
			if a, err := r.MX(t.Context(), "example.org"); err != nil || len(a.Records) != 2 {
				t.Errorf("after fault %d: %v, %v", f, a.Records, err)
			}
		})
	}
}

func TestAnswersForOtherNamesAreNotTaken(t *testing.T) {
	r := dnstest.Serve(t, "a.example. 300 IN CNAME b.example.\nb.example. 300 IN A 192.0.2.1\nc.example. 300 IN A 192.0.2.9\n")
	a, err := r.Addresses(t.Context(), "a.example")
	if err != nil || len(a.Records) != 1 || a.Records[0].String() != "192.0.2.1" {
		t.Errorf("%v, %v", a.Records, err)
	}
}

func TestWhatDoesNotFitIsAskedOverTCP(t *testing.T) {
	var b strings.Builder
	for i := range 60 {
		fmt.Fprintf(&b, "big.example. 300 IN TXT \"%d %s\"\n", i, strings.Repeat("x", 200))
	}
	s := dnstest.Start(t, b.String())
	a, err := dns.New(dns.Config{Servers: []string{s.Listen(t)}}).TXT(t.Context(), "big.example")
	if err != nil || len(a.Records) != 60 {
		t.Errorf("%d records, %v", len(a.Records), err)
	}
	if asked := s.Asked(); len(asked) != 2 {
		t.Errorf("asked %v", asked)
	}
}

func TestAServerWithoutEDNSIsAskedWithout(t *testing.T) {
	s := dnstest.Start(t, zone)
	s.Fail(dnstest.NoEDNS)
	if a, err := s.Resolver().MX(t.Context(), "example.org"); err != nil || len(a.Records) != 2 {
		t.Errorf("%v, %v", a.Records, err)
	}
}

func TestAuthenticIsBelievedOnlyWhereNobodyCanForgeIt(t *testing.T) {
	s := dnstest.Start(t, zone)
	s.Authentic("example.org", "alias.example.org")
	for _, c := range []struct {
		server string
		trust  bool
		name   string
		want   bool
	}{
		{"127.0.0.1:53", false, "example.org", true},
		{"[::1]:53", false, "example.org", true},
		{"127.0.0.53:53", false, "example.org", true},
		{"127.0.0.11:53", false, "example.org", false}, // Docker's
		{"127.0.0.54:53", false, "example.org", false}, // systemd-resolved's that only forwards
		{"192.0.2.53:53", false, "example.org", false},
		{"192.0.2.53:53", true, "example.org", true},
		{"127.0.0.1:53", true, "null.example.org", false},
	} {
		r := dns.New(dns.Config{Servers: []string{c.server}, TrustAD: c.trust, Dial: s.Dial})
		a, err := r.MX(t.Context(), c.name)
		if err != nil || a.Authentic != c.want {
			t.Errorf("%s of %s, trusted %v: authentic %v, %v", c.name, c.server, c.trust, a.Authentic, err)
		}
	}
	r := s.Resolver()
	if a, _ := r.Addresses(t.Context(), "alias.example.org"); a.Authentic {
		t.Error("an authentic alias makes its target authentic")
	}
	if c, _ := r.CNAME(t.Context(), "alias.example.org"); !c.Authentic {
		t.Error("the alias itself is not authentic")
	}
	if a, err := r.TXT(t.Context(), "alias.example.org"); !errors.Is(err, dns.ErrNotFound) || a.Authentic {
		t.Errorf("absence at the end of an unproved chain: %v, %v", a.Authentic, err)
	}
	s.Authentic("gone.example.org")
	if a, err := r.TXT(t.Context(), "gone.example.org"); !errors.Is(err, dns.ErrNotFound) || !a.Authentic {
		t.Errorf("proved absence: %v, %v", a.Authentic, err)
	}
}

func TestOneFamilyThatFailsLeavesTheOther(t *testing.T) {
	s := dnstest.Start(t, zone)
	s.Fail(dnstest.ServFail, "AAAA mx1.example.org", "AAAA only6.example.org", "A mx2.example.org")
	r := s.Resolver()
	if a, err := r.Addresses(t.Context(), "mx1.example.org"); err != nil || len(a.Records) != 1 {
		t.Errorf("%v, %v", a.Records, err)
	}
	for _, host := range []string{"only6.example.org", "mx2.example.org"} {
		if a, err := r.Addresses(t.Context(), host); !errors.Is(err, dns.ErrTemporary) {
			t.Errorf("%s: %v, %v", host, a.Records, err)
		}
	}
	if a, err := r.Addresses(t.Context(), "only4.example.org"); err != nil || len(a.Records) != 1 || a.Name != "only4.example.org" {
		t.Errorf("%v, %v", a, err)
	}
}

func TestAnswersAreRememberedAsLongAsTheyHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := dnstest.Start(t, zone)
		r := s.Resolver()
		ask := func() {
			r.MX(t.Context(), "example.org")
			r.TXT(t.Context(), "nobody.example.org")
			r.TXT(t.Context(), "nobody.elsewhere.example") // no SOA says how long
		}
		asked := func(want int) {
			t.Helper()
			if got := s.Asked(); len(got) != want {
				t.Errorf("asked %v, want %d", got, want)
			}
		}
		ask()
		asked(3)
		time.Sleep(119 * time.Second)
		ask()
		asked(1)
		time.Sleep(2 * time.Second) // the SOA's minimum is over
		ask()
		asked(2)
		time.Sleep(180 * time.Second)
		ask()
		asked(3)
		s.Fail(dnstest.ServFail)
		if _, err := r.MX(t.Context(), "example.org"); err != nil {
			t.Errorf("what is remembered needs no server: %v", err)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, "n%d.example. 300 IN TXT \"%s\"\n", i, strings.Repeat("x", 200))
	}
	s := dnstest.Start(t, b.String())
	cfg := s.Config()
	cfg.CacheBytes = 10 << 10
	r := dns.New(cfg)
	for i := range 100 {
		if _, err := r.TXT(t.Context(), fmt.Sprintf("n%d.example", i)); err != nil {
			t.Fatal(err)
		}
	}
	s.Asked()
	r.TXT(t.Context(), "n99.example")
	r.TXT(t.Context(), "n0.example")
	if asked := s.Asked(); !slices.Equal(asked, []string{"TXT n0.example"}) {
		t.Errorf("asked %v", asked)
	}
}

func TestEqualQuestionsAreAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := dnstest.Start(t, zone)
		s.Fail(dnstest.Silent)
		r := s.Resolver()
		var all sync.WaitGroup
		impatient, cancel := context.WithCancel(t.Context())
		all.Go(func() {
			if _, err := r.MX(impatient, "example.org"); !errors.Is(err, context.Canceled) || !errors.Is(err, dns.ErrTemporary) {
				t.Errorf("who gave up got %v", err)
			}
		})
		for range 10 {
			all.Go(func() {
				if a, err := r.MX(t.Context(), "example.org"); err != nil || len(a.Records) != 2 {
					t.Errorf("%v, %v", a.Records, err)
				}
			})
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		s.Fail(dnstest.None)
		all.Wait()
		if asked := s.Asked(); len(asked) != 2 { // the one that got no answer, and its repetition
			t.Errorf("asked %v", asked)
		}
	})
}

func TestASilentServerHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead, good := dnstest.Start(t, zone), dnstest.Start(t, zone)
		dead.Fail(dnstest.Silent)
		r := dns.New(dns.Config{
			Servers: []string{"192.0.2.1:53", "192.0.2.2:53"},
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				if address == "192.0.2.1:53" {
					return dead.Dial(ctx, network, address)
				}
				return good.Dial(ctx, network, address)
			},
		})
		took := func(name string, want time.Duration) {
			t.Helper()
			start := time.Now()
			if _, err := r.Addresses(t.Context(), name); err != nil {
				t.Error(err)
			}
			if d := time.Since(start); d != want {
				t.Errorf("%s took %v, want %v", name, d, want)
			}
		}
		took("mx1.example.org", time.Second)
		took("mx2.example.org", 0) // the silent one is asked last by now
		time.Sleep(time.Minute)
		dead.Fail(dnstest.None)
		good.Fail(dnstest.Silent)
		took("only4.example.org", 0)
	})
}

func TestTheListOfServersIsReadAgainWhenItChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := dnstest.Start(t, zone)
		file := filepath.Join(t.TempDir(), "resolv.conf")
		write := func(text string) {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var dialled []string
		r := dns.New(dns.Config{ResolvConf: file, CacheBytes: -1, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			dialled = append(dialled, address)
			return s.Dial(ctx, network, address)
		}})
		ask := func(want string) {
			t.Helper()
			dialled = nil
			if _, err := r.MX(t.Context(), "example.org"); err != nil || !slices.Equal(dialled, []string{want}) {
				t.Errorf("asked %v, want %s: %v", dialled, want, err)
			}
		}
		ask("127.0.0.1:53") // no file
		write("# comment\nsearch example.net\nnameserver 192.0.2.1\noptions timeout:1\nnameserver 2001:db8::53\n")
		ask("127.0.0.1:53") // not looked at again so soon
		time.Sleep(6 * time.Second)
		ask("192.0.2.1:53")
		write("nameserver 2001:db8::53%eth0\nnameserver rubbish\n")
		time.Sleep(6 * time.Second)
		ask("[2001:db8::53%eth0]:53")
		os.Remove(file)
		time.Sleep(6 * time.Second)
		ask("[2001:db8::53%eth0]:53")
	})
}

func TestLibrariesGetTheErrorsTheyLookFor(t *testing.T) {
	s := dnstest.Start(t, zone)
	s.Fail(dnstest.ServFail, "broken.example.org")
	r := s.Resolver()
	var _ spf.DNSResolver = r
	if _, err := r.LookupTXT(t.Context(), "broken.example.org"); !isDNSError(err, true) {
		t.Errorf("%#v", err)
	}
	if _, err := r.LookupMX(t.Context(), "nobody.example.org"); !isDNSError(err, false) {
		t.Errorf("%#v", err)
	}
	if list, err := r.LookupIPAddr(t.Context(), "mx1.example.org"); err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
	if list, err := r.LookupNetIP(t.Context(), "ip6", "2001:db8::7"); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	if list, err := r.LookupAddr(t.Context(), "192.0.2.1"); err != nil || !slices.Equal(list, []string{"mx1.example.org."}) {
		t.Errorf("%v, %v", list, err)
	}
	for from, want := range map[string]spf.Result{"192.0.2.1": spf.Pass, "192.0.2.9": spf.Fail} {
		if got, err := spf.CheckHostWithSender(net.ParseIP(from), "mx1.example.org", "u@example.org", spf.WithResolver(r), spf.WithContext(t.Context())); got != want {
			t.Errorf("SPF of %s: %s, %v", from, got, err)
		}
	}
	if got, _ := spf.CheckHostWithSender(net.ParseIP("192.0.2.1"), "h", "u@broken.example.org", spf.WithResolver(r), spf.WithContext(t.Context())); got != spf.TempError {
		t.Errorf("SPF where the DNS fails: %s", got)
	}
}

func isDNSError(err error, temporary bool) bool {
	e, ok := err.(*net.DNSError) //nolint:errorlint // as the libraries do
	return ok && e.Temporary() == temporary && e.IsNotFound != temporary
}

func TestBothFamiliesMustBeProved(t *testing.T) {
	for _, family := range []string{"A", "AAAA"} {
		s := dnstest.Start(t, zone)
		s.Authentic()
		s.Insecure(family + " mx1.example.org")
		if a, err := s.Resolver().Addresses(t.Context(), "mx1.example.org"); err != nil || a.Authentic {
			t.Errorf("%s is not proved: %v, %v", family, a.Authentic, err)
		}
	}
}

func TestAServerThatRefusesIsNotAskedAgain(t *testing.T) {
	s := dnstest.Start(t, zone)
	s.Fail(dnstest.Refused)
	s.Resolver().MX(t.Context(), "example.org")
	if asked := s.Asked(); len(asked) != 1 {
		t.Errorf("asked %v", asked)
	}
}

func TestAbsenceIsNotBelievedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := dnstest.Start(t, "example.org. 86400 IN SOA ns.example.org. h.example.org. 1 1 1 1 86400\n")
		r := s.Resolver()
		r.TXT(t.Context(), "new.example.org")
		time.Sleep(16 * time.Minute)
		s.Replace(t, "new.example.org. 300 IN TXT here\n")
		if a, err := r.TXT(t.Context(), "new.example.org"); err != nil || len(a.Records) != 1 {
			t.Errorf("%v, %v", a.Records, err)
		}
	})
}
