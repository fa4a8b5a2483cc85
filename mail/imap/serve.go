package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"time"
)

// Serve accepts sessions until Shutdown. A listener of TLS connections is
// implicit TLS (RFC 8314 3).
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return ErrServerClosed
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	for {
		conn, err := l.Accept()
		if err == nil {
			s.admit(conn)
			continue
		}
		if s.isClosing() {
			return ErrServerClosed
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("imap: accept: %w", err)
		}
		// Out of descriptors, most likely: sessions that end will free some.
		s.log.Warn("imap accept failed", "error", err)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-s.ctx.Done():
		}
	}
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// admit starts a session, or tells the client that it is one too many.
func (s *Server) admit(conn net.Conn) {
	spareRadio(conn)
	sess := newSession(s, conn)
	refusal := s.register(sess)
	if refusal == "" {
		go s.run(sess)
		return
	}
	s.log.Info("imap session refused", "remote", sess.remoteText, "reason", refusal)
	if _, isTLS := conn.(*tls.Conn); !isTLS { // a write would wait for a handshake
		conn.SetWriteDeadline(time.Now().Add(refuseTimeout))
		fmt.Fprintf(conn, "* BYE [UNAVAILABLE] %s\r\n", refusal)
	}
	conn.Close()
}

// spareRadio makes the network layer ask seldom whether a silent client is
// there: each question wakes a phone's radio.
func spareRadio(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetKeepAliveConfig(net.KeepAliveConfig{
			Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount,
		})
	}
}

// register counts the session in, or returns the reason that refuses it.
func (s *Server) register(sess *session) string {
	client := clientOf(sess.remote)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return "Shutting down"
	case len(s.sessions) >= s.cfg.MaxSessions:
		return "Too many sessions, try again later"
	case client.IsValid() && s.cfg.MaxSessionsPerIP > 0 && s.perIP[client] >= s.cfg.MaxSessionsPerIP:
		return "Too many sessions from your address, try again later"
	}
	s.sessions[sess] = struct{}{}
	s.perIP[client]++
	s.ended.Add(1)
	return ""
}

func (s *Server) unregister(sess *session) {
	client := clientOf(sess.remote)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, sess)
	if s.perIP[client]--; s.perIP[client] <= 0 {
		delete(s.perIP, client)
	}
	s.ended.Done()
}

// run serves one session. A programmer's error ends that session alone.
func (s *Server) run(sess *session) {
	defer s.unregister(sess)
	defer sess.close()
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("imap session panicked", "remote", sess.remoteText, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	sess.serve(s.ctx)
}

// Shutdown stops accepting, tells idle clients to go, lets commands under way
// finish, and closes what is left when ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	for l := range s.listeners {
		l.Close()
	}
	for sess := range s.sessions {
		sess.hurry()
	}
	s.mu.Unlock()

	done := make(chan struct{})
	go func() {
		s.ended.Wait()
		close(done)
	}()
	defer s.cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.cancel()
	s.mu.Lock()
	for sess := range s.sessions {
		sess.abort()
	}
	s.mu.Unlock()
	return ctx.Err()
}

// addrOf returns the IP address of a peer, invalid if it has none.
func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
