package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"blitiri.com.ar/go/spf"

	"martlet/mail/dns"
	"martlet/mail/filter"
	"martlet/mail/relay"
)

// ownAddresses finds the addresses that other servers see mail come from: those that
// are configured, else the public ones of this machine, else, behind a router that
// translates, those of the hostname.
func (d *doctor) ownAddresses() {
	for _, a := range []netip.Addr{d.c.Relay.Source4, d.c.Relay.Source6} {
		if a.IsValid() && public(a) {
			d.ours = append(d.ours, a)
		}
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		all = nil
	}
	for _, i := range all {
		p, err := netip.ParsePrefix(i.String())
		if err != nil || !public(p.Addr()) {
			continue
		}
		a := p.Addr().Unmap()
		if a.Is4() && d.c.Relay.Source4.IsValid() || a.Is6() && (d.c.Relay.NoIPv6 || d.c.Relay.Source6.IsValid()) || slices.Contains(d.ours, a) {
			continue
		}
		d.ours = append(d.ours, a)
	}
	if len(d.ours) > 0 {
		return
	}
	ctx, cancel := context.WithTimeout(d.ctx, lookTime)
	defer cancel()
	if a, err := d.dns.Addresses(ctx, d.c.Hostname); err == nil {
		d.ours = slices.DeleteFunc(slices.Clone(a.Records), func(a netip.Addr) bool { return !public(a) })
	}
}

// public tells whether an address is one of the internet.
func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !netip.MustParsePrefix("100.64.0.0/10").Contains(a.Unmap())
}

// smarthosts are the hosts that all mail goes to; none: those that the DNS names.
func (d *doctor) smarthosts() []relay.Smarthost {
	for _, r := range d.c.Relay.Routes {
		if len(r.Domains)+len(r.Senders) == 0 {
			return r.Hosts
		}
	}
	return nil
}

// reverse looks whether the addresses that mail comes from have a name that leads
// back to them. Without it much of the mail is refused elsewhere.
func (d *doctor) reverse() {
	if len(d.smarthosts()) > 0 {
		return // others see its address
	}
	if len(d.ours) == 0 {
		d.find("reverse DNS", warning, "give hostname an address in the DNS", "it is not known from which public address mail goes out")
	}
	for _, address := range d.ours {
		ctx, cancel := context.WithTimeout(d.ctx, lookTime)
		d.reverseOf(ctx, address)
		cancel()
	}
}

func (d *doctor) reverseOf(ctx context.Context, address netip.Addr) {
	ask := fmt.Sprintf("whoever provides the address sets it: %s PTR %s", address, d.c.Hostname)
	a, err := d.dns.PTR(ctx, address)
	if d.unknown("reverse DNS", address.String(), err) {
		return
	}
	if err != nil {
		d.find("reverse DNS", problem, ask, "%s has no name: large providers refuse its mail", address)
		return
	}
	for _, name := range a.Records {
		f, err := d.dns.Addresses(ctx, name)
		if err != nil || !slices.Contains(f.Records, address) {
			continue
		}
		if strings.EqualFold(name, d.c.Hostname) {
			d.find("reverse DNS", fine, "", "%s is %s, and that leads back to it", address, name)
		} else {
			d.find("reverse DNS", warning, ask, "%s is %s, which leads back to it but is not the name in our greeting, %s", address, name, d.c.Hostname)
		}
		return
	}
	d.find("reverse DNS", problem, fmt.Sprintf("add an address record %s to %s, or %s", address, a.Records[0], ask), "%s is %s, and that does not lead back to it: other servers do not believe it", address, a.Records[0])
}

// spf looks whether a domain lets this machine send its mail (RFC 7208).
func (d *doctor) spf(ctx context.Context, domain string) {
	const add = `. TXT "v=spf1 mx -all"`
	a, err := d.dns.TXT(ctx, domain)
	if d.unknown("SPF", domain, err) {
		return
	}
	records := 0
	for _, t := range a.Records {
		if t == "v=spf1" || strings.HasPrefix(strings.ToLower(t), "v=spf1 ") {
			records++
		}
	}
	via := d.smarthosts()
	switch {
	case records == 0:
		d.find("SPF", warning, domain+add, "%s has no SPF record: anybody may send in its name, and large providers refuse much of its mail", domain)
		return
	case records > 1:
		d.find("SPF", problem, "make one of them", "%s has %d SPF records: others take that for an error", domain, records)
		return
	case len(via) > 0:
		d.find("SPF", fine, "see that it includes what the provider of that host says", "%s has an SPF record; its mail goes out through %s", domain, via[0].Host)
		return
	}
	for _, address := range d.ours {
		result, err := spf.CheckHostWithSender(address.AsSlice(), d.c.Hostname, "postmaster@"+domain, spf.WithResolver(d.dns), spf.WithContext(ctx))
		switch result {
		case spf.Pass:
			d.find("SPF", fine, "", "%s lets %s send its mail", domain, address)
		case spf.TempError:
			d.find("SPF", warning, "run it again later", "the SPF record of %s cannot be followed: %v", domain, err)
		case spf.PermError:
			d.find("SPF", problem, "put it right", "the SPF record of %s is wrong: %v", domain, err)
		default:
			kind := "ip4:"
			if address.Is6() {
				kind = "ip6:"
			}
			d.find("SPF", problem, "add mx or "+kind+address.String()+" to it", "the SPF record of %s does not let %s send its mail (%s)", domain, address, result)
		}
	}
}

// wellKnown is whose mail hosts are tried: everybody knows them, and they answer
// from everywhere.
const wellKnown = "gmail.com"

// leaving tries whether mail can go out at all: many networks keep port 25 closed.
func (d *doctor) leaving() {
	ctx, cancel := context.WithTimeout(d.ctx, 2*lookTime)
	defer cancel()
	hosts := d.smarthosts()
	if len(hosts) == 0 {
		mx, err := d.dns.MX(ctx, wellKnown)
		if err != nil {
			d.unknown("mail out", wellKnown, errors.Join(err))
			return
		}
		port := cmp.Or(d.c.Relay.Port, 25)
		for _, m := range mx.Records[:min(2, len(mx.Records))] {
			hosts = append(hosts, relay.Smarthost{Host: m.Host, Port: port})
		}
	}
	var last error
	for _, h := range hosts {
		if last = d.greets(ctx, h); last == nil {
			d.find("mail out", fine, "", "port %d of other hosts is reached: %s answers", h.Port, h.Host)
			return
		}
	}
	d.find("mail out", problem, "ask the provider of this machine to open outgoing port 25, or send through a host of theirs: [relay] to", "no mail goes out: %v", last)
}

// greets waits for a mail host's greeting.
func (d *doctor) greets(ctx context.Context, h relay.Smarthost) error {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	var dialer net.Dialer
	network := "tcp"
	if d.c.Relay.NoIPv6 {
		network = "tcp4"
	}
	conn, err := dialer.DialContext(ctx, network, net.JoinHostPort(h.Host, strconv.Itoa(int(h.Port))))
	if err != nil {
		return err
	}
	defer conn.Close()
	if h.TLS == relay.ImplicitTLS {
		return nil
	}
	conn.SetDeadline(time.Now().Add(lookTime))
	line, err := bufio.NewReader(io.LimitReader(conn, maxTalk)).ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "220") {
		return fmt.Errorf("%s says: %s", h.Host, printable(strings.TrimSpace(line)))
	}
	fmt.Fprint(conn, "QUIT\r\n")
	return nil
}

// entering says what cannot be seen from here.
func (d *doctor) entering() {
	if slices.ContainsFunc(d.c.SMTP, func(at string) bool { return strings.HasSuffix(at, ":25") }) {
		d.find("mail in", fine, "from another network: nc -v "+cmp.Or(d.c.Hostname, "HOST")+" 25 must show our greeting", "whether the internet reaches port 25 cannot be seen from here")
	}
}

// knownLists are asked besides those of [filter]: being on one of them matters to
// most servers.
func knownLists() []filter.List {
	return []filter.List{{Zone: "zen.spamhaus.org"}, {Zone: "bl.spamcop.net"}, {Zone: "psbl.surriel.com"}}
}

// blocklists looks whether our addresses are on lists that others ask.
func (d *doctor) blocklists() {
	if len(d.ours) == 0 {
		return
	}
	lists := knownLists()
	for _, l := range d.c.Filter.policy().Lists {
		if !l.Domains && l.Weight >= 0 && !slices.ContainsFunc(lists, func(k filter.List) bool { return strings.EqualFold(k.Zone, l.Zone) }) {
			lists = append(lists, l)
		}
	}
	for _, l := range lists {
		ctx, cancel := context.WithTimeout(d.ctx, lookTime)
		d.listed(ctx, l)
		cancel()
	}
}

// listed asks one list for all our addresses. That it answers at all is known by the
// entry that each has for tests (RFC 5782 5); many do not answer large name servers.
func (d *doctor) listed(ctx context.Context, l filter.List) {
	on := func(a netip.Addr) (netip.Addr, error) {
		got, err := d.dns.Addresses(ctx, dnsblName(a, l.Zone))
		if err != nil {
			return netip.Addr{}, err
		}
		for _, code := range got.Records {
			refused := netip.MustParsePrefix("127.255.255.0/24").Contains(code)
			if code.Is4() && code.IsLoopback() && !refused && (len(l.Codes) == 0 || slices.ContainsFunc(l.Codes, func(p netip.Prefix) bool { return p.Contains(code) })) {
				return code, nil
			}
		}
		return netip.Addr{}, dns.ErrNotFound
	}
	if _, err := on(netip.AddrFrom4([4]byte{127, 0, 0, 2})); err != nil {
		d.find("blocklists", warning, "lists answer few questions, and none of public name servers: run one of your own, or look at their page", "%s does not answer here", l.Zone)
		return
	}
	clean := true
	for _, a := range d.ours {
		code, err := on(a)
		switch {
		case err == nil:
			clean = false
			d.find("blocklists", problem, "its page says why and how it is taken off; see first that nobody sends junk through this machine: martlet trace, martlet queue", "%s is on %s (%s): many servers refuse its mail", a, l.Zone, code)
		case !errors.Is(err, dns.ErrNotFound):
			clean = false
			d.find("blocklists", warning, "run it again later", "%s does not tell of %s", l.Zone, a)
		}
	}
	if clean {
		d.find("blocklists", fine, "", "%s has none of %s", l.Zone, addressText(d.ours))
	}
}

// dnsblName is what a list is asked about an address (RFC 5782 2.1, 2.4).
func dnsblName(a netip.Addr, zone string) string {
	var labels []string
	if b := a.AsSlice(); a.Is4() {
		for _, x := range b {
			labels = append(labels, strconv.Itoa(int(x)))
		}
	} else {
		for _, x := range b {
			labels = append(labels, strconv.FormatUint(uint64(x>>4), 16), strconv.FormatUint(uint64(x&15), 16))
		}
	}
	slices.Reverse(labels)
	return strings.Join(labels, ".") + "." + zone
}

// sts looks whether what is told of TLS with us is found (RFC 8461).
func (d *doctor) sts(ctx context.Context, domain string) {
	all, ok := d.tagged(ctx, "MTA-STS", "_mta-sts."+domain, "v=STSv1")
	if !ok {
		return
	}
	text := d.c.stsPolicy()
	want := ""
	for _, r := range tlsRecords(&d.c, domain) {
		if strings.HasPrefix(r.Name, "_mta-sts.") {
			want = strings.Trim(r.Value, `"`)
		}
	}
	switch {
	case text == "" && len(all) > 0:
		d.find("MTA-STS", problem, `set [mta_sts] mode = "none" for as long as max_age was, then take the record out`, "the DNS says that %s has a policy, and none is served", domain)
		return
	case text == "":
		d.find("MTA-STS", warning, `set [mta_sts] mode = "testing"`, "others may send to %s without TLS, and whoever is in between can make them", domain)
		return
	case len(all) == 0:
		d.find("MTA-STS", warning, "add the records of: martlet dns "+domain, "the DNS does not say that %s has a policy for TLS", domain)
		return
	case len(all) > 1:
		d.find("MTA-STS", problem, "leave one", "_mta-sts.%s has %d records: none counts", domain, len(all))
		return
	case tag(all[0], "id") != tag(want, "id"):
		d.find("MTA-STS", warning, "put "+want+" there", "others keep the policy of %s that they have: the id in the DNS is not that of what is served", domain)
	}
	if _, err := d.dns.Addresses(ctx, "mta-sts."+domain); err != nil {
		if !d.unknown("MTA-STS", "mta-sts."+domain, err) {
			d.find("MTA-STS", problem, "add mta-sts."+domain+" CNAME "+d.c.Hostname, "the policy of %s is not found: mta-sts.%s has no address", domain, domain)
		}
		return
	}
	d.stsServed(ctx, domain, text)
}

// stsServed fetches the policy as others do.
func (d *doctor) stsServed(ctx context.Context, domain, text string) {
	at := "https://mta-sts." + domain + "/.well-known/mta-sts.txt"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return
	}
	client := &http.Client{Timeout: lookTime, Transport: d.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		d.find("MTA-STS", problem, "the name belongs into the certificate ([acme] names), and port 443 must be reached", "the policy is not to be had at %s: %v", at, err)
		return
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxTalk))
	if lines := strings.Fields(string(b)); err != nil || resp.StatusCode != http.StatusOK || !slices.Equal(lines, strings.Fields(text)) {
		d.find("MTA-STS", problem, "see what answers there: a proxy may be in front", "%s is not the policy of this server (%s)", at, resp.Status)
		return
	}
	d.find("MTA-STS", fine, "", "others find the policy of %s: %s", domain, d.c.STS.Mode)
}
