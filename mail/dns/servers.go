package dns

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// lookAgain is how often the file with the servers is looked at, at most.
	lookAgain = 5 * time.Second
	// setAside is how long a server that said nothing is asked after the others.
	setAside = 30 * time.Second
	// maxServers of a file are used; more do not help a question within its time.
	maxServers = 8
	// maxResolvConf bounds the file, in bytes.
	maxResolvConf = 64 << 10
)

// server is a recursive resolver.
type server struct {
	address string
	trusted bool // what it says of DNSSEC
}

// serverList knows whom to ask, and who has been silent.
type serverList struct {
	file    string // empty: the list is given
	trustAD bool

	mu     sync.Mutex
	list   []server
	silent map[string]time.Time // address -> until when it is asked last
	looked time.Time
	seen   os.FileInfo
}

func newServerList(cfg *Config) *serverList {
	l := &serverList{trustAD: cfg.TrustAD, silent: map[string]time.Time{}}
	if len(cfg.Servers) == 0 {
		l.file = cfg.ResolvConf
		return l
	}
	for _, a := range cfg.Servers {
		l.list = append(l.list, l.server(a))
	}
	return l
}

// handsOn tells of resolvers on this machine that hand on what servers on the
// network say of DNSSEC, and have not looked themselves: Docker's, and the one of
// systemd-resolved that only forwards.
func handsOn(a netip.Addr) bool {
	return a == netip.AddrFrom4([4]byte{127, 0, 0, 11}) || a == netip.AddrFrom4([4]byte{127, 0, 0, 54})
}

// server believes a resolver on this machine, to which nobody can get between.
func (l *serverList) server(address string) server {
	s := server{address: address, trusted: l.trustAD}
	if a, err := netip.ParseAddrPort(address); err == nil && a.Addr().Unmap().IsLoopback() && !handsOn(a.Addr().Unmap()) {
		s.trusted = true
	}
	return s
}

// order is whom to ask, those first who have answered lately.
func (l *serverList) order() []server {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readLocked()
	now := time.Now()
	good, silent := make([]server, 0, len(l.list)), []server(nil)
	for _, s := range l.list {
		if now.Before(l.silent[s.address]) {
			silent = append(silent, s)
		} else {
			good = append(good, s)
		}
	}
	return append(good, silent...)
}

// answered and said nothing: what is remembered of a server.
func (l *serverList) note(s server, answered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if answered {
		delete(l.silent, s.address)
	} else {
		l.silent[s.address] = time.Now().Add(setAside)
	}
}

// readLocked reads the file if it is another than last time. One that cannot be
// read changes nothing.
func (l *serverList) readLocked() {
	if l.file == "" || len(l.list) > 0 && time.Since(l.looked) < lookAgain {
		return
	}
	l.looked = time.Now()
	info, err := os.Stat(l.file)
	if err == nil && l.seen != nil && os.SameFile(info, l.seen) && info.Size() == l.seen.Size() && info.ModTime().Equal(l.seen.ModTime()) {
		return
	}
	var text []byte
	if err == nil && info.Size() <= maxResolvConf {
		text, err = os.ReadFile(l.file)
	}
	if err != nil && len(l.list) > 0 {
		return
	}
	l.seen, l.list = info, nil
	for _, a := range parseResolvConf(string(text)) {
		l.list = append(l.list, l.server(a))
	}
	clear(l.silent)
}

// parseResolvConf reads the name servers of resolv.conf(5); without any it is the
// one on this machine.
func parseResolvConf(text string) (list []string) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		a, err := netip.ParseAddr(f[1])
		if err != nil {
			continue
		}
		if address := net.JoinHostPort(a.String(), "53"); len(list) < maxServers && !slices.Contains(list, address) {
			list = append(list, address)
		}
	}
	if len(list) == 0 {
		return []string{"127.0.0.1:53"}
	}
	return list
}
