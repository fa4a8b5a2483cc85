package smtp_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"martlet/mail/smtp"
)

// pipeListener hands out one end of each pipe.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (l *pipeListener) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

// RFC 5321 4.5.3.2.7.
func TestIdleClientIsSentAwayAfterFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtp.New(smtp.Config{Hostname: "mx.example.org"})
		l := newPipeListener()
		go srv.Serve(l)
		conn := l.dial()
		cl := talkOver(t, conn)
		conn.SetDeadline(time.Time{})
		start := time.Now()
		cl.hear("220")
		cl.hear("421 4.4.2")
		cl.hearEnd()
		if waited := time.Since(start); waited != 5*time.Minute {
			t.Errorf("waited %v", waited)
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A client that does not even take its greeting cannot hold the server up.
func TestShutdownEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtp.New(smtp.Config{Hostname: "mx.example.org"})
		l := newPipeListener()
		go srv.Serve(l)
		conn := l.dial() // never reads its greeting
		defer conn.Close()
		synctest.Wait()
		if err := srv.Shutdown(contextOf(t, time.Minute)); err == nil {
			t.Error("shutdown waited for nobody")
		}
	})
}

func contextOf(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
