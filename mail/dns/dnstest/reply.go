package dnstest

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"

	wire "github.com/miekg/dns"
)

// manyRecords is more than fits anywhere.
const manyRecords = 2000

func (s *Server) serveSocket(p net.PacketConn) {
	buf := make([]byte, 4096)
	for {
		n, from, err := p.ReadFrom(buf)
		if err != nil {
			return
		}
		if b := s.reply(buf[:n], false); b != nil {
			p.WriteTo(b, from)
		}
	}
}

func (s *Server) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.idle.Go(func() {
			defer c.Close()
			s.serveStream(c)
		})
	}
}

func (s *Server) servePackets(c net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if b := s.reply(buf[:n], false); b != nil {
			c.Write(b)
		}
	}
}

func (s *Server) serveStream(c net.Conn) {
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		buf := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, buf); err != nil {
			return
		}
		if b := s.reply(buf, true); b != nil {
			c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
		}
	}
}

// reply answers a packet; nil: it does not.
func (s *Server) reply(packet []byte, stream bool) []byte {
	q := new(wire.Msg)
	if q.Unpack(packet) != nil || len(q.Question) != 1 {
		return nil
	}
	name, kind := strings.ToLower(q.Question[0].Name), wire.TypeToString[q.Question[0].Qtype]
	s.mu.Lock()
	s.asked = append(s.asked, kind+" "+strings.TrimSuffix(name, "."))
	fault := s.faultLocked(name, kind)
	m := new(wire.Msg)
	m.SetReply(q)
	m.RecursionAvailable, m.Compress = true, true
	if fault == None || fault == SilentUDP || fault == NoEDNS || fault == WrongID {
		m.AuthenticatedData = s.authenticLocked(s.fillLocked(m), kind)
	}
	s.mu.Unlock()
	switch fault {
	case Silent:
		return nil
	case SilentUDP:
		if !stream {
			return nil
		}
	case Garbage:
		return []byte("this is not what you asked for")
	default:
		spoil(m, fault, q)
	}
	size := 512
	if o := q.IsEdns0(); o != nil {
		size = max(size, int(o.UDPSize()))
	}
	if !stream {
		m.Truncate(size)
	}
	b, err := m.Pack()
	if err != nil {
		panic(err) // the zone was parsed: it can be written
	}
	return b
}

// fillLocked puts in what there is, with the aliases that lead there, and returns
// the names it came by.
func (s *Server) fillLocked(m *wire.Msg) (chain []string) {
	name, kind := strings.ToLower(m.Question[0].Name), m.Question[0].Qtype
	for range 20 {
		chain = append(chain, name)
		next := ""
		found := false
		for _, rr := range s.records[name] {
			c, alias := rr.(*wire.CNAME)
			switch {
			case rr.Header().Rrtype == kind:
				m.Answer, found = append(m.Answer, rr), true
			case alias:
				m.Answer, next = append(m.Answer, rr), strings.ToLower(c.Target)
			}
		}
		if found {
			return chain
		}
		if next == "" {
			break
		}
		name = next
	}
	if !s.existsLocked(name) {
		m.Rcode = wire.RcodeNameError
	}
	if soa := s.soaLocked(name); soa != nil {
		m.Ns = append(m.Ns, soa)
	}
	return chain
}

// existsLocked takes names that only lead to others (RFC 8020).
func (s *Server) existsLocked(name string) bool {
	for n := range s.records {
		if wire.IsSubDomain(name, n) {
			return true
		}
	}
	return false
}

func (s *Server) soaLocked(name string) wire.RR {
	for ; name != ""; _, name, _ = strings.Cut(name, ".") {
		for _, rr := range s.records[name] {
			if rr.Header().Rrtype == wire.TypeSOA {
				return rr
			}
		}
	}
	return nil
}

func spoil(m *wire.Msg, f Fault, q *wire.Msg) {
	name := m.Question[0].Name
	switch f {
	case ServFail:
		m.Rcode = wire.RcodeServerFailure
	case Refused:
		m.Rcode = wire.RcodeRefused
	case NXDomain:
		m.Rcode = wire.RcodeNameError
	case OtherQuestion:
		m.Question[0].Name = "evil.example."
		m.Answer = []wire.RR{record("evil.example. 300 IN A 192.0.2.66"), record("evil.example. 300 IN MX 0 evil.example."), record(`evil.example. 300 IN TXT "evil"`)}
	case WrongID:
		m.Id++
	case Truncated:
		m.Truncated = true
	case NoEDNS:
		if q.IsEdns0() != nil {
			m.Answer, m.Rcode = nil, wire.RcodeFormatError
		}
	case TooMany:
		for i := range manyRecords {
			m.Answer = append(m.Answer, tooMany(name, q.Question[0].Qtype, i))
		}
	case AliasLoop:
		for i := range 40 {
			at := name
			if i > 0 {
				at = fmt.Sprintf("l%d.%s", i, name)
			}
			m.Answer = append(m.Answer, &wire.CNAME{Hdr: wire.RR_Header{Name: at, Rrtype: wire.TypeCNAME, Class: wire.ClassINET, Ttl: 300}, Target: fmt.Sprintf("l%d.%s", i+1, name)})
		}
	}
}

func tooMany(name string, kind uint16, i int) wire.RR {
	h := wire.RR_Header{Name: name, Rrtype: kind, Class: wire.ClassINET, Ttl: 300}
	switch kind {
	case wire.TypeMX:
		return &wire.MX{Hdr: h, Preference: uint16(i), Mx: "a."}
	case wire.TypeTXT:
		return &wire.TXT{Hdr: h, Txt: []string{fmt.Sprint(i)}}
	case wire.TypeAAAA:
		return &wire.AAAA{Hdr: h, AAAA: net.IPv6loopback}
	}
	h.Rrtype = wire.TypeA
	return &wire.A{Hdr: h, A: net.IPv4(192, 0, byte(i>>8), byte(i))}
}

func record(text string) wire.RR {
	rr, err := wire.NewRR(text)
	if err != nil {
		panic(err)
	}
	return rr
}
