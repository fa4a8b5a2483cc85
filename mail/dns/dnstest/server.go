// Package dnstest is a name server for tests: it serves a zone from text as a
// recursive resolver would, and fails, lies or keeps silent when told to. It is no
// name server for anybody else.
package dnstest

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	wire "github.com/miekg/dns"

	"martlet/mail/dns"
)

// Fault is what is wrong with an answer.
type Fault int

// The faults.
const (
	None          Fault = iota
	Silent              // no answer at all
	SilentUDP           // none over UDP
	ServFail            // as a resolver says that cannot reach the zone, or finds it forged
	Refused             // will not answer
	NXDomain            // the name does not exist
	Empty               // it exists and has nothing
	OtherQuestion       // the answer to a question about evil.example
	WrongID             // an answer with another id
	Truncated           // cut, over TCP too
	TooMany             // thousands of records
	Garbage             // not DNS
	NoEDNS              // FORMERR to everybody who uses EDNS
	AliasLoop           // a chain of aliases without end
)

// Server is a recursive resolver for one test.
type Server struct {
	mu        sync.Mutex
	records   map[string][]wire.RR // by name in lower case with the last dot
	faults    map[string]Fault
	authentic map[string]bool
	proved    bool // all is authentic
	asked     []string
	idle      sync.WaitGroup
}

// Serve returns a resolver of a zone, which is master file text (RFC 1035 5) with
// whole names. It opens no socket and works in a testing/synctest bubble.
func Serve(t testing.TB, zone string) *dns.Resolver {
	t.Helper()
	return Start(t, zone).Resolver()
}

// Start returns a server of a zone, for tests that want more than right answers.
func Start(t testing.TB, zone string) *Server {
	t.Helper()
	s := &Server{faults: map[string]Fault{}, authentic: map[string]bool{}}
	s.Replace(t, zone)
	return s
}

// Replace serves another zone from now on. What a resolver remembers stays.
func (s *Server) Replace(t testing.TB, zone string) {
	t.Helper()
	records := map[string][]wire.RR{}
	p := wire.NewZoneParser(strings.NewReader(zone), ".", "")
	p.SetDefaultTTL(300)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		name := strings.ToLower(rr.Header().Name)
		records[name] = append(records[name], rr)
	}
	if err := p.Err(); err != nil {
		t.Fatalf("zone: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = records
}

// Fail gives answers a fault. A name is "example.org" or, for one type of its
// records, "MX example.org"; without names it is about everything. None ends it.
func (s *Server) Fail(f Fault, names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(names) == 0 {
		clear(s.faults)
		s.faults[""] = f
	}
	for _, n := range names {
		s.faults[fold(n)] = f
	}
}

// Authentic has the AD bit set in answers about the names, given as to Fail;
// without names in all. Along a chain of aliases all must be named.
func (s *Server) Authentic(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proved = s.proved || len(names) == 0
	for _, n := range names {
		s.authentic[fold(n)] = true
	}
}

// Insecure takes the AD bit from answers about the names, or from all.
func (s *Server) Insecure(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(names) == 0 {
		s.proved = false
		clear(s.authentic)
	}
	for _, n := range names {
		s.authentic[fold(n)] = false
	}
}

// Asked lists what was asked since the last call, as "MX example.org".
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

// Resolver returns a resolver of its own memory that asks this server, and believes
// what it says of DNSSEC.
func (s *Server) Resolver() *dns.Resolver { return dns.New(s.Config()) }

// Config is what a resolver needs to ask this server.
func (s *Server) Config() dns.Config {
	return dns.Config{Servers: []string{"127.0.0.1:53"}, Dial: s.Dial}
}

// Dial connects to the server, whatever the address, by "udp" or "tcp".
func (s *Server) Dial(_ context.Context, network, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	s.idle.Go(func() {
		defer server.Close()
		if network == "tcp" {
			s.serveStream(server)
		} else {
			s.servePackets(server)
		}
	})
	return client, nil
}

// Listen serves on a port of the loopback as well, over UDP and TCP, until the
// test ends.
func (s *Server) Listen(t testing.TB) (address string) {
	t.Helper()
	for range 10 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil { // somebody else has the port there
			l.Close()
			continue
		}
		s.idle.Go(func() { s.serveSocket(p) })
		s.idle.Go(func() { s.accept(l) })
		t.Cleanup(func() {
			l.Close()
			p.Close()
			s.idle.Wait()
		})
		return l.Addr().String()
	}
	t.Fatal("no port is free for UDP and TCP")
	return ""
}

// fold is a name as Fail's, with its type if there is one.
func fold(name string) string {
	kind, rest, typed := strings.Cut(name, " ")
	if !typed {
		return strings.ToLower(wire.Fqdn(name))
	}
	return strings.ToUpper(kind) + " " + strings.ToLower(wire.Fqdn(rest))
}

// faultLocked finds what is wrong with the answer to a question.
func (s *Server) faultLocked(name, kind string) Fault {
	for _, key := range []string{kind + " " + name, name, ""} {
		if f, ok := s.faults[key]; ok {
			return f
		}
	}
	return None
}

func (s *Server) authenticLocked(chain []string, kind string) bool {
	return !slices.ContainsFunc(chain, func(name string) bool {
		for _, key := range []string{kind + " " + name, name} {
			if yes, ok := s.authentic[key]; ok {
				return !yes
			}
		}
		return !s.proved
	})
}
