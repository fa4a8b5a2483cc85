package main

import (
	"net/netip"
	"strings"

	"martlet/mail"
	"martlet/mail/filter"
)

// FilterConfig says how mail of other servers is judged.
type FilterConfig struct {
	Policy    *filter.Policy // nil: the default
	NoReports bool           // nobody is told what DMARC made of their mail
	Inbox     string         // address that reports about our domains come to; empty: none
}

// filterFile is [filter].
type filterFile struct {
	DMARC           string     `toml:"dmarc"`
	TrustedSealers  []string   `toml:"trusted_sealers"`
	TrustedNetworks []string   `toml:"trusted_networks"`
	Greylist        string     `toml:"greylist"`
	Nameless        string     `toml:"nameless"`
	JunkScore       *float64   `toml:"junk_score"`
	RefuseScore     *float64   `toml:"refuse_score"`
	DMARCReports    *bool      `toml:"dmarc_reports"`
	DMARCInbox      string     `toml:"dmarc_inbox"`
	Lists           []listedIn `toml:"list"`

	Connections *int `toml:"connections_per_minute"`
	Messages    *int `toml:"messages_per_minute"`
	Recipients  *int `toml:"recipients_per_minute"`
	Unknown     *int `toml:"unknown_per_hour"`

	AccountMessagesHour   *int `toml:"account_messages_per_hour"`
	AccountMessagesDay    *int `toml:"account_messages_per_day"`
	AccountRecipientsHour *int `toml:"account_recipients_per_hour"`
	AccountRecipientsDay  *int `toml:"account_recipients_per_day"`
}

// listedIn is [[filter.list]].
type listedIn struct {
	Zone   string   `toml:"zone"`
	Kind   string   `toml:"kind"`
	Weight *float64 `toml:"weight"`
	Refuse bool     `toml:"refuse"`
	Codes  []string `toml:"codes"`
}

// defaultListWeight is what being on a list counts. Two lists that agree make junk.
const defaultListWeight = 3.0

func (r *configReader) filter(f *filterFile, checkSenders bool) FilterConfig {
	c := FilterConfig{NoReports: f.DMARCReports != nil && !*f.DMARCReports}
	p := filter.DefaultPolicy()
	p.DMARC = oneOf(r, "dmarc", f.DMARC, map[string]filter.DMARCMode{"enforce": filter.Enforce, "quarantine": filter.Quarantine, "report": filter.Report}, filter.Enforce)
	p.Greylist = oneOf(r, "greylist", f.Greylist, map[string]filter.GreylistMode{"suspicious": filter.GreylistSuspicious, "all": filter.GreylistAll, "off": filter.GreylistNobody}, filter.GreylistSuspicious)
	p.RefuseNameless = oneOf(r, "nameless", f.Nameless, map[string]bool{"score": false, "refuse": true}, false)
	p.Sealers = f.TrustedSealers
	p.Trusted = r.networks("trusted_networks", f.TrustedNetworks)
	if !checkSenders { // nobody is looked at
		p.Trusted = []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}
	}
	setScore(&p.Junk, f.JunkScore)
	setScore(&p.Refuse, f.RefuseScore)
	for _, one := range []struct {
		key  string
		from *int
		to   []*int
	}{
		{"connections_per_minute", f.Connections, []*int{&p.Rates.Connections.PerMinute, &p.Rates.Connections.PerHour}},
		{"messages_per_minute", f.Messages, []*int{&p.Rates.Messages.PerMinute, &p.Rates.Messages.PerHour}},
		{"recipients_per_minute", f.Recipients, []*int{&p.Rates.Recipients.PerMinute, &p.Rates.Recipients.PerHour}},
		{"unknown_per_hour", f.Unknown, []*int{&p.Rates.Unknown.PerHour, &p.Rates.Unknown.PerMinute}},
		{"account_messages_per_hour", f.AccountMessagesHour, []*int{&p.Accounts.MessagesPerHour}},
		{"account_messages_per_day", f.AccountMessagesDay, []*int{&p.Accounts.MessagesPerDay}},
		{"account_recipients_per_hour", f.AccountRecipientsHour, []*int{&p.Accounts.RecipientsPerHour}},
		{"account_recipients_per_day", f.AccountRecipientsDay, []*int{&p.Accounts.RecipientsPerDay}},
	} {
		r.rate(one.key, one.from, one.to)
	}
	for _, l := range f.Lists {
		p.Lists = append(p.Lists, r.list(&l))
	}
	if f.DMARCInbox != "" {
		address, err := mail.ParseAddress(f.DMARCInbox)
		if err != nil {
			r.fail("filter", "dmarc_inbox", "%q is not an address", f.DMARCInbox)
		}
		c.Inbox = strings.ToLower(address)
	}
	if err := p.Check(); err != nil {
		r.fail("", "filter", "%v", err)
	}
	c.Policy = &p
	return c
}

func (c *FilterConfig) policy() filter.Policy {
	if c.Policy == nil {
		return filter.DefaultPolicy()
	}
	return *c.Policy
}

// oneOf reads a word.
func oneOf[T any](r *configReader, key, word string, words map[string]T, without T) T {
	if word == "" {
		return without
	}
	v, ok := words[word]
	if !ok {
		r.fail("filter", key, "%q is none of the words that martlet.toml explains", word)
		return without
	}
	return v
}

func setScore(to, from *float64) {
	if from != nil {
		*to = *from
	}
}

// rate reads a number into the first of two limits, and has the other follow it: an
// hour has twenty times the minute's, a minute a sixth of the hour's.
func (r *configReader) rate(key string, n *int, to []*int) {
	if n == nil {
		return
	}
	if *n < 0 {
		r.fail("filter", key, "a number, or 0 for no limit")
		return
	}
	*to[0] = *n
	switch {
	case len(to) == 1:
	case strings.HasSuffix(key, "_per_minute"):
		*to[1] = 20 * *n
	default:
		*to[1] = (*n + 5) / 6
	}
}

func (r *configReader) networks(key string, list []string) (out []netip.Prefix) {
	for _, s := range list {
		n, err := netip.ParsePrefix(s)
		if err != nil {
			a, bad := netip.ParseAddr(s)
			if bad != nil {
				r.fail("filter", key, "%q is neither an address nor a network such as 192.0.2.0/24", s)
				continue
			}
			n = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, n.Masked())
	}
	return out
}

func (r *configReader) list(l *listedIn) filter.List {
	out := filter.List{Zone: strings.TrimSuffix(l.Zone, "."), Refuse: l.Refuse, Weight: defaultListWeight, Codes: r.networks("list", l.Codes)}
	switch l.Kind {
	case "", "addresses":
	case "names":
		out.Domains = true
	default:
		r.fail("filter", "list", "%s: kind %q is neither addresses nor names", l.Zone, l.Kind)
	}
	setScore(&out.Weight, l.Weight)
	if out.Refuse && out.Weight < 0 {
		r.fail("filter", "list", "%s: a list with a weight below zero speaks for who is on it; it cannot refuse them", l.Zone)
	}
	return out
}
