package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// session is one conversation with a server, from its greeting on. It is for one
// goroutine but for interrupt.
type session struct {
	relay     *Relay
	target    *target
	times     *Timeouts // of the relay
	conn      net.Conn
	r         *bufio.Reader
	w         *bufio.Writer
	ext       map[string]string // of EHLO: keyword in upper case -> parameters
	state     *tls.ConnectionState
	policy    TLS       // what the session was held to
	sent      int       // messages
	dirty     bool      // a message was begun since the last RSET
	idleSince time.Time // kept by the pool

	mu          sync.Mutex // guards interrupted and the connection's deadline
	interrupted bool
}

// errInterrupted is a session that we broke off ourselves.
var errInterrupted = errors.New("relay: broken off")

func newSession(r *Relay, t *target, conn net.Conn) *session {
	s := &session{relay: r, target: t, times: &r.cfg.Timeouts}
	s.use(conn)
	return s
}

// use begins to read and write anew: nothing that came before is believed.
func (s *session) use(conn net.Conn) {
	s.mu.Lock()
	s.conn = conn
	s.mu.Unlock()
	s.r, s.w = bufio.NewReaderSize(conn, 4<<10), bufio.NewWriterSize(conn, 16<<10)
}

// interrupt makes whatever the session waits for fail at once.
func (s *session) interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.interrupted = true
	_ = s.conn.SetDeadline(time.Unix(1, 0))
}

// heed interrupts the session when ctx ends; stop ends that, and tells whether
// the session is as it was.
func (s *session) heed(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, s.interrupt)
}

func (s *session) wait(d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.interrupted {
		return errInterrupted
	}
	return s.conn.SetDeadline(time.Now().Add(d))
}

// read reads a reply within d.
func (s *session) read(d time.Duration) (reply, error) {
	if err := s.wait(d); err != nil {
		return reply{}, err
	}
	r, err := readReply(s.r)
	return r, s.explain(err)
}

// explain tells what we did ourselves from what happened to us.
func (s *session) explain(err error) error {
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.interrupted {
		return errInterrupted
	}
	return err
}

// command sends a line and reads the reply.
func (s *session) command(d time.Duration, line string) (reply, error) {
	if err := s.wait(d); err != nil {
		return reply{}, err
	}
	s.put(line)
	if err := s.w.Flush(); err != nil {
		return reply{}, s.explain(err)
	}
	return s.read(d)
}

// put queues a line. What we say is made of checked parts; this is the last door.
func (s *session) put(line string) {
	if strings.ContainsAny(line, "\r\n\x00") {
		line = "NOOP" // the reply will not fit
	}
	s.w.WriteString(line)
	s.w.WriteString("\r\n")
}

// greet reads the greeting and says who we are.
func (s *session) greet() *hostError {
	r, err := s.read(s.times.Greeting)
	if err != nil {
		return s.broken("while it was to greet us", err)
	}
	if !r.good() {
		return s.refused("it does not take our connection", r)
	}
	return s.hello()
}

// hello says EHLO, or HELO where that is not known (RFC 5321 3.2).
func (s *session) hello() *hostError {
	r, err := s.command(s.times.Command, "EHLO "+s.relay.cfg.Names[0])
	if err != nil {
		return s.broken("at EHLO", err)
	}
	s.ext = map[string]string{}
	if r.good() {
		for _, line := range r.lines[1:] {
			keyword, params, _ := strings.Cut(line, " ")
			if name, param, ok := strings.Cut(keyword, "="); ok { // "AUTH=LOGIN", as some have it
				keyword, params = name, param+" "+params
			}
			keyword = strings.ToUpper(keyword)
			s.ext[keyword] = strings.TrimSpace(s.ext[keyword] + " " + params)
		}
		return nil
	}
	if r.permanent() && r.code != 521 && r.code != 554 {
		if r, err = s.command(s.times.Command, "HELO "+s.relay.cfg.Names[0]); err != nil {
			return s.broken("at HELO", err)
		}
	}
	if !r.good() {
		return s.refused("it does not take our name", r)
	}
	return nil
}

func (s *session) has(keyword string) bool {
	_, ok := s.ext[keyword]
	return ok
}

// maxSize is the largest message that the server takes, zero if it says nothing
// (RFC 1870).
func (s *session) maxSize() int64 {
	n, err := strconv.ParseInt(s.ext["SIZE"], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// startTLS goes over to TLS (RFC 3207). A server that has said more than its reply
// by then is not listened to: somebody between may have said it.
func (s *session) startTLS(cfg *tls.Config) *hostError {
	r, err := s.command(s.times.Command, "STARTTLS")
	if err != nil {
		return s.broken("at STARTTLS", err)
	}
	if r.code != 220 {
		herr := s.refused("it offers STARTTLS and does not start it", r)
		herr.tls = true
		return herr
	}
	if s.r.Buffered() > 0 {
		return s.failed("4.7.5", "something was said between STARTTLS and TLS", nil)
	}
	if herr := s.handshake(cfg); herr != nil {
		return herr
	}
	return s.hello()
}

// handshake makes the connection one of TLS.
func (s *session) handshake(cfg *tls.Config) *hostError {
	if err := s.wait(s.times.Command); err != nil {
		return s.broken("at the TLS handshake", err)
	}
	c := tls.Client(s.conn, cfg)
	if err := c.Handshake(); err != nil {
		if err := s.explain(err); errors.Is(err, errInterrupted) {
			return s.broken("at the TLS handshake", err)
		}
		return s.failed("4.7.5", "TLS does not come about: "+printable(err.Error()), err)
	}
	state := c.ConnectionState()
	s.state = &state
	s.use(c)
	return nil
}

// tlsText is what is said of the session's TLS.
func (s *session) tlsText() string {
	if s.state == nil {
		return ""
	}
	return tls.VersionName(s.state.Version) + " " + tls.CipherSuiteName(s.state.CipherSuite)
}

// usable tells whether an idle session takes another message.
func (s *session) usable() bool {
	r, err := s.command(s.times.Command, "RSET")
	s.dirty = err != nil || !r.good()
	return !s.dirty
}

// quit ends the session in order.
func (s *session) quit() {
	_, _ = s.command(s.times.Quit, "QUIT")
	s.close()
}

func (s *session) close() { s.conn.Close() }

// hostError is why a host takes no mail at all now.
type hostError struct {
	temporary bool
	status    string
	reply     string
	text      string
	target    *target
	err       error
	tls       bool // it failed by TLS
}

func (e *hostError) Error() string {
	return fmt.Sprintf("%s: %s", e.target, strings.TrimSpace(e.text+" "+e.reply))
}

func (e *hostError) Unwrap() error { return e.err }

func (s *session) broken(when string, err error) *hostError {
	return &hostError{temporary: true, status: "4.4.2", text: brokenText(when, err), target: s.target, err: err}
}

// brokenText says what happened to a connection, without what differs from one
// time to the next.
func brokenText(when string, err error) string {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return "the host said nothing for too long " + when
	case errors.Is(err, errNoReply), errors.Is(err, errReplyTooLong):
		return "the host did not speak SMTP " + when
	}
	return "the connection was lost " + when
}

func (s *session) refused(text string, r reply) *hostError {
	return &hostError{temporary: !r.permanent(), status: r.status(".3.0"), reply: r.text(), text: text, target: s.target}
}

func (s *session) failed(status, text string, err error) *hostError {
	return &hostError{temporary: status[0] == '4', status: status, text: text, target: s.target, err: err, tls: true}
}

// addrOf is the address of a connection's end; zero if it is not of TCP.
func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
