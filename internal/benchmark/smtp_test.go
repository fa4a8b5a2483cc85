package benchmark

import (
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"testing"
)

// sender is one SMTP session that stays open.
type sender struct {
	b    *testing.B
	conn *textproto.Conn
}

func dial(b *testing.B, address string) *sender {
	b.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	s := &sender{b: b, conn: textproto.NewConn(conn)}
	b.Cleanup(func() { s.conn.Close() })
	s.expect(220)
	s.command(250, "EHLO bench.example")
	return s
}

func (s *sender) expect(code int) {
	if _, _, err := s.conn.ReadResponse(code); err != nil {
		s.b.Fatal(err)
	}
}

func (s *sender) command(code int, format string, args ...any) {
	if err := s.conn.PrintfLine(format, args...); err != nil {
		s.b.Fatal(err)
	}
	s.expect(code)
}

// send delivers one message and returns when its 250 is read.
func (s *sender) send(body string, recipients ...string) {
	s.command(250, "MAIL FROM:<load@elsewhere.example>")
	for _, to := range recipients {
		s.command(250, "RCPT TO:<%s>", to)
	}
	s.command(354, "DATA")
	s.command(250, "%s.", body)
}

// message is a plain text message of about size bytes.
func message(subject string, size int) string {
	head := fmt.Sprintf("From: Load <load@elsewhere.example>\r\nTo: you@bench.example\r\nSubject: %s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n", subject)
	const line = "The pilot boards at the fairway buoy two hours before high water.\r\n"
	return head + strings.Repeat(line, max(1, (size-len(head))/len(line)))
}
