package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"martlet/gateway/admin"
)

// proxyHelp is where the settings of proxies stand.
const proxyHelp = `allow requests of 3,600 s: nginx proxy_read_timeout 3600s; HAProxy timeout server 3600s and timeout client 3600s; Traefik respondingTimeouts readTimeout and writeTimeout 3600s; Caddy response_header_timeout and read_timeout 3600s, if it has any. See "Behind a proxy" in docs/operations.md`

// knownLimits are ages at which well-known software cuts requests by default.
func knownLimits() map[uint32]string {
	return map[uint32]string{
		30:  "a load balancer or proxy with a limit of 30 s",
		50:  "HAProxy with the 50 s of many examples",
		60:  "nginx (proxy_read_timeout), Traefik (readTimeout), Apache (ProxyTimeout) or a cloud's load balancer, whose default is 60 s",
		100: "Cloudflare, which ends requests after 100 s and can be told otherwise only in its largest plan",
		120: "a firewall or proxy with a limit of 2 minutes",
		180: "a firewall or proxy with a limit of 3 minutes",
		240: "Azure's load balancer, which forgets idle connections after 4 minutes",
		300: "a firewall or carrier that forgets idle connections after 5 minutes",
		350: "AWS's network load balancer, which forgets idle connections after 350 s",
	}
}

// phones looks for phones whose connections are cut.
func (d *doctor) phones(a *app) {
	if _, err := os.Stat(d.c.StorePath); err != nil {
		return
	}
	var seen admin.Examined
	err := a.withAdmin(d.ctx, func(c admin.Client) (err error) {
		seen, err = c.Examine(d.ctx)
		return err
	})
	if err != nil {
		d.findings = slices.DeleteFunc(d.findings, func(f finding) bool { return f.Check == "store" && f.Level == fine })
		d.find("store", problem, "", "it cannot be read: %v", err)
		return
	}
	d.domains = seen.Domains
	d.findings = append(d.findings, judgeCuts(seen)...)
	d.findings = append(d.findings, judgeQueue(seen.Queue, time.Now())...)
}

// cutGroup is devices whose requests end at about one age.
type cutGroup struct {
	seconds uint32 // the least
	devices int
	peers   []string
}

// judgeCuts says whose work it is when devices' requests end early.
func judgeCuts(seen admin.Examined) (out []finding) {
	if len(seen.Cuts) == 0 {
		return []finding{{"phones", fine, fmt.Sprintf("of %d phones, none is known whose requests are cut", seen.Devices), ""}}
	}
	all := slices.Clone(seen.Cuts)
	slices.SortFunc(all, func(a, b admin.Cut) int {
		return cmp.Or(cmp.Compare(a.Seconds, b.Seconds), cmp.Compare(a.Peer, b.Peer))
	})
	var groups []cutGroup
	for _, c := range all {
		if n := len(groups); n > 0 && c.Seconds-groups[n-1].seconds <= max(3, groups[n-1].seconds/50) {
			g := &groups[n-1]
			g.devices += c.Devices
			if !slices.Contains(g.peers, c.Peer) {
				g.peers = append(g.peers, c.Peer)
			}
			continue
		}
		groups = append(groups, cutGroup{c.Seconds, c.Devices, []string{c.Peer}})
	}
	slices.SortStableFunc(groups, func(a, b cutGroup) int { return b.devices - a.devices })
	for _, g := range groups {
		out = append(out, g.finding(seen.Devices))
	}
	return out
}

func (g *cutGroup) finding(devices int) finding {
	f := finding{Check: "phones", Level: warning}
	f.Text = fmt.Sprintf("held requests of %d of %d phones end after about %d s", g.devices, devices, g.seconds)
	from := ", which come from " + g.peers[0]
	if len(g.peers) > 1 {
		from = fmt.Sprintf(", which come from %d networks", len(g.peers))
	}
	f.Text += from
	for seconds, who := range knownLimits() {
		if g.seconds+2 >= seconds && g.seconds <= seconds+2 {
			f.Text += "; that is what " + who + " does"
			break
		}
	}
	switch {
	case len(g.peers) == 1 && nearby(g.peers[0]):
		f.Level, f.Remedy = problem, "they come through a proxy of yours: "+proxyHelp
	case g.devices > 2:
		f.Remedy = "if a proxy or firewall of yours is in front: " + proxyHelp
	default:
		f.Remedy = "nothing: their network does it, and they are answered before; martlet device show tells whose they are"
	}
	return f
}

// nearby tells whether a network is this machine or a private one: phones on the
// internet come from there only through a proxy.
func nearby(network string) bool {
	p, err := netip.ParsePrefix(network)
	return err == nil && (p.Addr().IsLoopback() || p.Addr().IsPrivate() || p.Addr() == netip.IPv6Unspecified())
}
