// Package relaytest has mail servers for tests: they take mail, remember it, and
// misbehave in any state when told to. They are reached over pipes, so that a test
// in a testing/synctest bubble waits for no timeout.
package relaytest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
)

// Network is where the servers of one test are. Nobody listens at an address that
// is not theirs.
type Network struct {
	mu     sync.Mutex // guards the fields below
	peers  map[netip.Addr]*Peer
	silent map[netip.Addr]bool
	dialed []string
	ends   []net.Conn
}

// New returns an empty network, whose connections end with the test.
func New(t testing.TB) *Network {
	n := &Network{peers: map[netip.Addr]*Peer{}, silent: map[netip.Addr]bool{}}
	t.Cleanup(n.Close)
	return n
}

// Close ends all connections.
func (n *Network) Close() {
	n.mu.Lock()
	ends := n.ends
	n.ends = nil
	n.mu.Unlock()
	for _, c := range ends {
		c.Close()
	}
}

// Add puts a server at an address.
func (n *Network) Add(address string, p *Peer) *Peer {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.peers[netip.MustParseAddr(address)] = p
	return p
}

// Silence has connections to an address hang, or not.
func (n *Network) Silence(address string, silent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.silent[netip.MustParseAddr(address)] = silent
}

// Dialed lists the addresses that were dialed since the last call.
func (n *Network) Dialed() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.dialed
	n.dialed = nil
	return all
}

// Dial connects to an address.
func (n *Network) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	n.dialed = append(n.dialed, to.Addr().String())
	p, silent := n.peers[to.Addr()], n.silent[to.Addr()]
	n.mu.Unlock()
	if silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if p == nil {
		return nil, fmt.Errorf("dial %s: %w", address, syscall.ECONNREFUSED)
	}
	ours, theirs := net.Pipe()
	n.mu.Lock()
	n.ends = append(n.ends, ours, theirs)
	n.mu.Unlock()
	go p.serve(theirs)
	return ours, nil
}
