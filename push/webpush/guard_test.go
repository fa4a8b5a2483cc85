package webpush_test

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"martlet/push"
	"martlet/push/pushtest"
	"martlet/push/webpush"
)

const somewhere = "93.184.215.14" // an address of the Internet; nothing is sent there

// What is wrong with an endpoint can be told from its text alone in all these
// cases; the resolver would say that every name is on the Internet.
func TestEndpointsThatAreNotOnTheInternetAreRefused(t *testing.T) {
	g := &webpush.Guard{Resolver: resolver(t, map[string][][]string{"push.example": {{somewhere}}})}
	long := "https://push.example/" + strings.Repeat("x", 1000)
	for _, c := range []struct {
		endpoint string
		want     error
	}{
		{"https://push.example/wpush/v2/abc", nil},
		{"https://push.example:443/a?b=c&d=%2F", nil},
		{"https://push.example:8443/a", nil},
		{"https://PUSH.example./a", nil},
		{"https://" + somewhere + "/a", nil},
		{"https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/a", nil},
		{"https://push.example", nil},

		// The form.
		{"", webpush.ErrEndpoint},
		{long, webpush.ErrEndpoint},
		{"http://push.example/a", webpush.ErrEndpoint},
		{"HTTP://push.example/a", webpush.ErrEndpoint},
		{"ftp://push.example/a", webpush.ErrEndpoint},
		{"file:///etc/passwd", webpush.ErrEndpoint},
		{"gopher://push.example/_x", webpush.ErrEndpoint},
		{"unix:///run/martlet.sock", webpush.ErrEndpoint},
		{"push.example/a", webpush.ErrEndpoint},
		{"//push.example/a", webpush.ErrEndpoint},
		{"https:/push.example/a", webpush.ErrEndpoint},
		{"https:push.example/a", webpush.ErrEndpoint},
		{"https:///a", webpush.ErrEndpoint},
		{"https://user@push.example/a", webpush.ErrEndpoint},
		{"https://user:secret@push.example/a", webpush.ErrEndpoint},
		{"https://push.example#@127.0.0.1/", webpush.ErrEndpoint},
		{"https://push.example\\@127.0.0.1/", webpush.ErrEndpoint},
		{"https://push.example/a b", webpush.ErrEndpoint},
		{"https://push.example/a\r\nHost: intern", webpush.ErrEndpoint},
		{"https://push.example/\x00", webpush.ErrEndpoint},
		{" https://push.example/a", webpush.ErrEndpoint},
		{"https://push.example/ü", webpush.ErrEndpoint},
		{"https://１２７.0.0.1/a", webpush.ErrEndpoint},
		{"https://ⓛⓞⓒⓐⓛhost/a", webpush.ErrEndpoint},
		{"https://127。0。0。1/a", webpush.ErrEndpoint},
		{"https://pu%73h.example/a", webpush.ErrEndpoint},
		{"https://push..example/a", webpush.ErrEndpoint},
		{"https://.push.example/a", webpush.ErrEndpoint},
		{"https://./a", webpush.ErrEndpoint},
		{"https://push!.example/a", webpush.ErrEndpoint},
		{"https://" + strings.Repeat("a", 64) + ".example/a", webpush.ErrEndpoint},
		{"https://" + strings.Repeat("a.", 127) + "example/a", webpush.ErrEndpoint},

		// Ports.
		{"https://push.example:22/a", webpush.ErrPort},
		{"https://push.example:25/a", webpush.ErrPort},
		{"https://push.example:80/a", webpush.ErrPort},
		{"https://push.example:0/a", webpush.ErrPort},
		{"https://push.example:6000/a", webpush.ErrPort},
		{"https://push.example:6667/a", webpush.ErrPort},
		{"https://push.example:/a", webpush.ErrEndpoint},
		{"https://push.example:0443/a", webpush.ErrEndpoint},
		{"https://push.example:65536/a", webpush.ErrEndpoint},
		{"https://push.example:-1/a", webpush.ErrEndpoint},
		{"https://push.example:https/a", webpush.ErrEndpoint},

		// IPv4, network by network, first and last.
		{"https://0.0.0.0/a", webpush.ErrAddress},
		{"https://0.255.255.255/a", webpush.ErrAddress},
		{"https://10.0.0.1/a", webpush.ErrAddress},
		{"https://10.255.255.255/a", webpush.ErrAddress},
		{"https://100.64.0.0/a", webpush.ErrAddress},
		{"https://100.100.100.200/latest/meta-data/", webpush.ErrAddress},
		{"https://100.127.255.255/a", webpush.ErrAddress},
		{"https://127.0.0.1/a", webpush.ErrAddress},
		{"https://127.0.0.1:8443/a", webpush.ErrAddress},
		{"https://127.255.255.254/a", webpush.ErrAddress},
		{"https://168.63.129.16/a", webpush.ErrAddress},
		{"https://169.254.169.254/latest/meta-data/", webpush.ErrAddress},
		{"https://172.16.0.1/a", webpush.ErrAddress},
		{"https://172.31.255.255/a", webpush.ErrAddress},
		{"https://192.0.0.192/opc/v2/", webpush.ErrAddress},
		{"https://192.0.2.1/a", webpush.ErrAddress},
		{"https://192.88.99.1/a", webpush.ErrAddress},
		{"https://192.168.1.1/a", webpush.ErrAddress},
		{"https://198.18.0.1/a", webpush.ErrAddress},
		{"https://198.19.255.255/a", webpush.ErrAddress},
		{"https://198.51.100.1/a", webpush.ErrAddress},
		{"https://203.0.113.1/a", webpush.ErrAddress},
		{"https://224.0.0.1/a", webpush.ErrAddress},
		{"https://239.255.255.250/a", webpush.ErrAddress},
		{"https://240.0.0.1/a", webpush.ErrAddress},
		{"https://255.255.255.255/a", webpush.ErrAddress},
		// And what lies beside them.
		{"https://9.255.255.255/a", nil},
		{"https://11.0.0.0/a", nil},
		{"https://100.63.255.255/a", nil},
		{"https://100.128.0.0/a", nil},
		{"https://172.15.255.255/a", nil},
		{"https://172.32.0.0/a", nil},
		{"https://192.167.255.255/a", nil},
		{"https://223.255.255.255/a", nil},

		// IPv4 in the spellings of inet_aton, which is what some resolvers read.
		{"https://2130706433/a", webpush.ErrAddress},
		{"https://017700000001/a", webpush.ErrAddress},
		{"https://0x7f000001/a", webpush.ErrAddress},
		{"https://0x7F.1/a", webpush.ErrAddress},
		{"https://127.1/a", webpush.ErrAddress},
		{"https://127.0.1/a", webpush.ErrAddress},
		{"https://0177.0.0.1/a", webpush.ErrAddress},
		{"https://127.0.0.01/a", webpush.ErrAddress},
		{"https://127.0.0.0x1/a", webpush.ErrAddress},
		{"https://127.0.0.1./a", webpush.ErrAddress},
		{"https://0/a", webpush.ErrAddress},
		{"https://0x/a", webpush.ErrAddress},
		{"https://1.2.3/a", webpush.ErrAddress},
		{"https://93.184.215.14.1/a", webpush.ErrAddress},

		// IPv6.
		{"https://[::]/a", webpush.ErrAddress},
		{"https://[::1]/a", webpush.ErrAddress},
		{"https://[0:0:0:0:0:0:0:1]/a", webpush.ErrAddress},
		{"https://[::1]:8443/a", webpush.ErrAddress},
		{"https://[::127.0.0.1]/a", webpush.ErrAddress},
		{"https://[::ffff:127.0.0.1]/a", webpush.ErrAddress},
		{"https://[::ffff:7f00:1]/a", webpush.ErrAddress},
		{"https://[::ffff:10.0.0.1]/a", webpush.ErrAddress},
		{"https://[::ffff:" + somewhere + "]/a", webpush.ErrAddress},
		{"https://[::ffff:0:127.0.0.1]/a", webpush.ErrAddress},
		{"https://[64:ff9b::127.0.0.1]/a", webpush.ErrAddress},
		{"https://[64:ff9b::a9fe:a9fe]/a", webpush.ErrAddress},
		{"https://[64:ff9b:1::1]/a", webpush.ErrAddress},
		{"https://[100::1]/a", webpush.ErrAddress},
		{"https://[2001::1]/a", webpush.ErrAddress},
		{"https://[2001:db8::1]/a", webpush.ErrAddress},
		{"https://[2002:7f00:1::]/a", webpush.ErrAddress},
		{"https://[3fff::1]/a", webpush.ErrAddress},
		{"https://[5f00::1]/a", webpush.ErrAddress},
		{"https://[fc00::1]/a", webpush.ErrAddress},
		{"https://[fd00:ec2::254]/latest/meta-data/", webpush.ErrAddress},
		{"https://[fe80::1]/a", webpush.ErrAddress},
		{"https://[febf::1]/a", webpush.ErrAddress},
		{"https://[fec0::1]/a", webpush.ErrAddress},
		{"https://[ff02::1]/a", webpush.ErrAddress},
		{"https://[fe80::1%25eth0]/a", webpush.ErrEndpoint},
		{"https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c%25lo]/a", webpush.ErrEndpoint},
		{"https://[127.0.0.1]/a", webpush.ErrEndpoint},
		{"https://[push.example]/a", webpush.ErrEndpoint},
		{"https://::1/a", webpush.ErrEndpoint},
	} {
		if err := g.CheckEndpoint(within(t), c.endpoint); !errors.Is(err, c.want) {
			t.Errorf("%q: %v, want %v", c.endpoint, err, c.want)
		}
	}
}

func TestANameIsCheckedByAllItsAddresses(t *testing.T) {
	g := &webpush.Guard{Resolver: resolver(t, map[string][][]string{
		"good.example":      {{somewhere, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"}},
		"intern.example":    {{"10.1.2.3"}},
		"mixed.example":     {{somewhere, "169.254.169.254"}},
		"six.example":       {{somewhere, "fd00::1"}},
		"mapped.example":    {{"::ffff:127.0.0.1"}},
		"nat64.example":     {{"64:ff9b::7f00:1"}},
		"localhost.example": {{"127.0.0.1"}},
		"zero.example":      {{"0.0.0.0"}},
		"none.example":      {{}},
	})}
	for host, want := range map[string]error{
		"good.example": nil, "intern.example": webpush.ErrAddress, "mixed.example": webpush.ErrAddress,
		"six.example": webpush.ErrAddress, "mapped.example": webpush.ErrAddress, "nat64.example": webpush.ErrAddress,
		"localhost.example": webpush.ErrAddress, "zero.example": webpush.ErrAddress,
		"none.example": webpush.ErrUnresolved, "unknown.example": webpush.ErrUnresolved, "localhost": webpush.ErrAddress,
	} {
		if err := g.CheckEndpoint(within(t), "https://"+host+"/a"); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", host, err, want)
		}
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.CheckEndpoint(done, "https://good.example/a"); !errors.Is(err, webpush.ErrUnresolved) {
		t.Errorf("without time to ask: %v", err)
	}
}

func TestANetworkOfOnesOwnCanBeAllowed(t *testing.T) {
	g := &webpush.Guard{
		Allow:    []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")},
		Resolver: resolver(t, map[string][][]string{"ntfy.lan": {{"10.1.2.3"}}, "other.lan": {{"10.2.0.1"}}}),
	}
	for endpoint, want := range map[string]error{
		"https://ntfy.lan/up": nil, "https://10.1.0.1:8443/up": nil, "https://[fd00:1::1]/up": nil,
		"https://other.lan/up": webpush.ErrAddress, "https://10.2.0.1/up": webpush.ErrAddress,
		"https://[fd00:2::1]/up": webpush.ErrAddress, "https://127.0.0.1/up": webpush.ErrAddress,
		"https://[::ffff:10.1.0.1]/up": webpush.ErrAddress, "http://10.1.0.1/up": webpush.ErrEndpoint,
	} {
		if err := g.CheckEndpoint(within(t), endpoint); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", endpoint, err, want)
		}
	}
}

// Rebinding: the name is on the Internet when it is registered, and here when
// it is dialed. The service is not allowed, so nothing may arrive there.
func TestANameThatMovesInsideIsNotReached(t *testing.T) {
	r := newRig(t, pushtest.Mozilla, func(c *webpush.Config) {
		c.Allow = nil
		c.Resolver = resolver(t, map[string][][]string{
			"v4.example":    {{somewhere}, {"127.0.0.1"}},
			"v6.example":    {{somewhere}, {"::1", "::ffff:127.0.0.1"}},
			"mixed.example": {{somewhere}, {"127.0.0.1", "127.0.0.2"}},
		})
	})
	s := r.service.Subscribe(r.key.Public())
	u, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"v4.example", "v6.example", "mixed.example"} {
		to := target(s)
		to.Endpoint = strings.Replace(s.Endpoint, u.Hostname(), host, 1)
		if err := r.sender.CheckEndpoint(within(t), to.Endpoint); err != nil {
			t.Fatalf("%s: registered: %v", host, err)
		}
		o := r.sender.Send(within(t), to, alert())
		if o.Result != push.Refused || o.Reason != "address not allowed" {
			t.Errorf("%s: %+v", host, o)
		}
	}
	if o := r.sender.Send(within(t), target(s), alert()); o.Result != push.BadTarget {
		t.Errorf("the address itself: %+v", o)
	}
	if n := r.service.Connections(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestARedirectIsGuardedLikeAnEndpoint(t *testing.T) {
	inside := newRig(t, pushtest.Mozilla) // must never hear of anything
	hidden := inside.service.Subscribe("")
	u, err := url.Parse(hidden.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, pushtest.Mozilla, func(c *webpush.Config) {
		c.Resolver = resolver(t, map[string][][]string{"inside.example": {{"127.0.0.2"}, {"10.0.0.1"}}})
	})
	port := u.Port()
	for _, c := range []struct {
		location, reason string
	}{
		{"http://127.0.0.1:" + port + u.Path, "redirect not allowed"},
		{"https://127.0.0.2:" + port + u.Path, "redirect not allowed"},
		{"https://169.254.169.254/latest/meta-data/", "redirect not allowed"},
		{"https://[::1]:" + port + u.Path, "redirect not allowed"},
		{"//10.0.0.1/", "redirect not allowed"},
		{"https://user@127.0.0.1:" + port + u.Path, "redirect not allowed"},
		{"file:///etc/passwd", "redirect not allowed"},
		{"https://127.0.0.1:22/", "redirect not allowed"},
		{"https://%zz/", "redirect not allowed"},
		{"https://127.0.0.1/" + strings.Repeat("x", 1000), "redirect not allowed"},
		{"https://inside.example:" + port + u.Path, "address not allowed"},
	} {
		for _, status := range []int{307, 308} {
			r.service.Refuse(pushtest.WebPushRefusal{Status: status, Location: c.location})
			o := r.sender.Send(within(t), target(r.service.Subscribe(r.key.Public())), alert())
			if o.Result != push.Refused || o.Reason != c.reason {
				t.Errorf("%d to %s: %+v, want %q", status, c.location, o, c.reason)
			}
		}
	}
	for _, status := range []int{300, 301, 302, 303, 304, 305} {
		r.service.Refuse(pushtest.WebPushRefusal{Status: status, Location: hidden.Endpoint})
		if o := r.sender.Send(within(t), target(r.service.Subscribe(r.key.Public())), alert()); o.Result != push.Refused || o.Status != status {
			t.Errorf("%d: %+v", status, o)
		}
	}
	if n := inside.service.Connections(); n != 0 {
		t.Errorf("%d connections inside", n)
	}
}

// Another host wants a token of its own (RFC 8292 2: aud is its origin).
func TestARedirectIsFollowedWithATokenForThere(t *testing.T) {
	r := newRig(t, pushtest.Mozilla)
	s := r.service.Subscribe(r.key.Public())
	to := target(s)
	to.Endpoint = strings.Replace(s.Endpoint, "127.0.0.1", "localhost", 1)
	if o := r.sender.Send(within(t), to, alert()); o.Status != 401 {
		t.Fatalf("the service takes a token for another origin: %+v", o)
	}
	r.service.Refuse(pushtest.WebPushRefusal{Status: 307, Location: s.Endpoint})
	if o := r.sender.Send(within(t), to, alert()); o.Result != push.Accepted {
		t.Fatalf("%+v", o)
	}
	d, err := s.Wait(within(t))
	if err != nil || d.Err != nil || len(d.Body) == 0 {
		t.Errorf("%+v, %v", d, err)
	}
	before := r.service.Requests()
	r.service.RefuseAll(&pushtest.WebPushRefusal{Status: 308, Location: s.Endpoint})
	if o := r.sender.Send(within(t), target(s), alert()); o.Result != push.Refused || o.Reason != "too many redirects" {
		t.Errorf("in a circle: %+v", o)
	}
	if n := r.service.Requests() - before; n != 3 {
		t.Errorf("%d requests", n)
	}
}

func TestNoProxyOfTheEnvironmentIsUsed(t *testing.T) {
	proxy := newRig(t, pushtest.Mozilla)
	t.Setenv("HTTPS_PROXY", proxy.service.Origin())
	t.Setenv("https_proxy", proxy.service.Origin())
	t.Setenv("ALL_PROXY", proxy.service.Origin())
	r := newRig(t, pushtest.Mozilla, func(c *webpush.Config) {
		c.Resolver = resolver(t, map[string][][]string{"push.example": {{"127.0.0.2"}}})
	})
	to := target(r.service.Subscribe(""))
	to.Endpoint = "https://push.example/a"
	if o := r.sender.Send(within(t), to, alert()); o.Reason != "address not allowed" || proxy.service.Connections() != 0 {
		t.Errorf("%+v, %d connections to the proxy", o, proxy.service.Connections())
	}
}

// Whatever an endpoint is, what passes the check is an https URL whose host, as
// net/url reads it, is a public address or a name that asks the resolver.
func FuzzEndpoint(f *testing.F) {
	for _, s := range []string{
		"https://push.example/a", "https://user@push.example:8443/a?b#c", "https://[::ffff:7f00:1]/", "https://0x7f.1/",
		"https://127.0.0.1:443\\@push.example/", "https://push.example.:443/", "https://[fe80::1%25eth0]:1/", "https://１/",
	} {
		f.Add(s)
	}
	g := &webpush.Guard{}
	done, cancel := context.WithCancel(context.Background())
	cancel() // names are not asked for
	f.Fuzz(func(t *testing.T, endpoint string) {
		err := g.CheckEndpoint(done, endpoint)
		if err != nil && !errors.Is(err, webpush.ErrUnresolved) {
			return
		}
		u, parse := url.Parse(endpoint)
		if parse != nil || u.Scheme != "https" || u.User != nil || u.Fragment != "" || u.Hostname() == "" || len(endpoint) > 1000 {
			t.Fatalf("%q passed: %+v", endpoint, u)
		}
		addr, isAddr := netip.ParseAddr(u.Hostname())
		switch {
		case err == nil && (isAddr != nil || !addr.IsGlobalUnicast() || addr.IsPrivate() || addr.Is4In6() || addr.Zone() != ""):
			t.Fatalf("%q passed without the resolver", endpoint)
		case err != nil && isAddr == nil:
			t.Fatalf("%q is an address and would be resolved", endpoint)
		}
	})
}
