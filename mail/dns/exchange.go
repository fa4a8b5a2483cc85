package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/miekg/dns"
)

const (
	// udpSize is the largest answer that is asked for over UDP: it passes every
	// network in one piece (dnsflagday.net/2020).
	udpSize = 1232
	// maxForeign is how many packets that answer something else are passed over.
	maxForeign = 64
)

// said is what came of asking one server.
type said struct {
	server server
	answer *answer
	err    error
}

// ask puts a question to the servers in order. One that is silent for a while does
// not hold up the next; one that refuses is not asked again.
func (r *Resolver) ask(ctx context.Context, q question) (*answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	servers := r.servers.order()
	tries := slices.Repeat(servers, rounds)
	results := make(chan said, len(tries))
	spoken := map[string]bool{}
	pending, last := 0, server{}
	next := func() bool {
		for len(tries) > 0 {
			s := tries[0]
			tries = tries[1:]
			if spoken[s.address] {
				continue
			}
			last = s
			pending++
			go func() {
				a, err := r.exchange(ctx, s, q)
				results <- said{s, a, err}
			}()
			return true
		}
		return false
	}
	next()
	wait := time.NewTimer(patience)
	defer wait.Stop()
	var why error
	for {
		select {
		case got := <-results:
			pending--
			if got.err == nil {
				r.servers.note(got.server, true)
				return got.answer, nil
			}
			why = fmt.Errorf("%s: %w", got.server.address, got.err)
			spoken[got.server.address] = hasSpoken(got.err)
			r.servers.note(got.server, spoken[got.server.address])
			if next() {
				wait.Reset(patience)
			} else if pending == 0 {
				return nil, r.failed(q, why)
			}
		case <-wait.C:
			r.servers.note(last, false)
			if next() {
				wait.Reset(patience)
			}
		case <-ctx.Done():
			return nil, r.failed(q, errors.Join(why, ctx.Err()))
		}
	}
}

func (r *Resolver) failed(q question, why error) error {
	r.cfg.Logger.Debug("dns question failed", "name", trimDot(q.name), "type", dns.TypeToString[q.kind], "error", why)
	return fmt.Errorf("%w: %w", ErrTemporary, why)
}

// hasSpoken tells whether an error is a server's own word, which it would repeat.
func hasSpoken(err error) bool {
	var refused refusedError
	return errors.As(err, &refused) || errors.Is(err, errTooMany) || errors.Is(err, errLoop)
}

// exchange asks one server: over UDP, over TCP if the answer does not fit, and
// without EDNS if the server does not know that (RFC 6891 7).
func (r *Resolver) exchange(ctx context.Context, s server, q question) (*answer, error) {
	extended := true
	network := "udp"
	for {
		m, err := r.once(ctx, network, s, q, extended)
		if err != nil {
			return nil, err
		}
		switch {
		case extended && (m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented || m.Rcode == dns.RcodeBadVers):
			extended = false
			continue
		case m.Truncated && network == "udp":
			network = "tcp"
			continue
		}
		return read(m, q, s.trusted)
	}
}

// once sends a question over a connection of its own, so that the port is another
// each time (RFC 5452 9.2), and waits for the answer.
func (r *Resolver) once(ctx context.Context, network string, s server, q question, extended bool) (*dns.Msg, error) {
	packet, id, err := pack(q, extended)
	if err != nil {
		return nil, err
	}
	conn, err := r.cfg.Dial(ctx, network, s.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	receive := receivePacket
	if network == "tcp" {
		packet = append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
		receive = receiveStream
	}
	if _, err := conn.Write(packet); err != nil {
		return nil, err
	}
	m, err := receive(conn, id, q)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return m, err
}

// pack writes a question. The AD bit asks for the server's word on DNSSEC without
// the signatures (RFC 6840 5.7).
func pack(q question, extended bool) ([]byte, uint16, error) {
	var random [2]byte
	rand.Read(random[:])
	m := &dns.Msg{Question: []dns.Question{{Name: q.name, Qtype: q.kind, Qclass: dns.ClassINET}}}
	m.Id, m.RecursionDesired, m.AuthenticatedData = binary.BigEndian.Uint16(random[:]), true, true
	if extended {
		m.SetEdns0(udpSize, false)
	}
	b, err := m.Pack()
	return b, m.Id, err
}

// receivePacket passes over what is not the answer: anybody can send packets.
func receivePacket(conn net.Conn, id uint16, q question) (*dns.Msg, error) {
	buf := make([]byte, 4096)
	for range maxForeign {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		if m := parse(buf[:n]); m != nil && belongs(m, id, q) {
			return m, nil
		}
	}
	return nil, errForeign
}

func receiveStream(conn net.Conn, id uint16, q question) (*dns.Msg, error) {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return nil, err
	}
	if m := parse(buf); m != nil && belongs(m, id, q) {
		return m, nil
	}
	return nil, errForeign
}

// parse reads a message; nil: it is none. Of one that is cut only the header and
// the question count.
func parse(b []byte) *dns.Msg {
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil && (!m.Truncated || len(m.Question) != 1) {
		return nil
	}
	return m
}
