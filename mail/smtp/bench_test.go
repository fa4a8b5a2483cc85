package smtp_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"martlet/mail"
	"martlet/mail/smtp"
)

// BenchmarkReceive is a message of 10 KB from the first command to the 250
// after it is durable, through 20 sessions at once and over loopback TCP, the
// load generator included. Target: 3,000 messages a second on two cores.
func BenchmarkReceive(b *testing.B) {
	h := newHouse(b)
	addr, _ := h.serve(smtp.Config{})
	receive(b, addr)
	b.StopTimer()
	if got := len(h.messages("bob@example.org", mail.RoleInbox)); got < b.N {
		b.Fatalf("%d messages arrived of %d acknowledged", got, b.N)
	}
}

// BenchmarkSession is the protocol alone: the transport takes everything and
// does nothing.
func BenchmarkSession(b *testing.B) {
	h := newHouse(b)
	addr, _ := h.serve(smtp.Config{Transport: &closedDoor{}})
	receive(b, addr)
}

func receive(b *testing.B, addr string) {
	const sessions, size = 20, 10 << 10
	body := []byte("\r\n" + strings.Repeat(strings.Repeat("All work and no play. ", 3)+"\r\n", size/68) + ".\r\n")
	b.SetBytes(size)
	b.ReportAllocs()
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range sessions {
		wg.Go(func() {
			if err := feed(addr, body, &next, int64(b.N)); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// feed sends messages through one session, pipelined as far as RFC 2920 goes.
func feed(addr string, body []byte, next *atomic.Int64, n int64) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	expect := func(lines int, code string) error {
		for range lines {
			line, err := in.ReadSlice('\n')
			if err != nil {
				return err
			}
			if !bytes.HasPrefix(line, []byte(code)) {
				return fmt.Errorf("the server says %q, want %s", line, code)
			}
		}
		return nil
	}
	io.WriteString(conn, "HELO load.example\r\n")
	if err := expect(1, "220"); err != nil {
		return err
	}
	if err := expect(1, "250"); err != nil {
		return err
	}
	var message []byte
	for i := next.Add(1); i <= n; i = next.Add(1) {
		io.WriteString(conn, "MAIL FROM:<dora@client.example.com> SIZE=10240\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n")
		if err := expect(2, "250"); err != nil {
			return err
		}
		if err := expect(1, "354"); err != nil {
			return err
		}
		message = fmt.Appendf(message[:0], "From: Dora <dora@client.example.com>\r\nTo: bob@example.org\r\nSubject: message %d\r\n"+
			"Message-ID: <%d@client.example.com>\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\n", i, i)
		conn.Write(append(message, body...))
		if err := expect(1, "250"); err != nil {
			return err
		}
	}
	return nil
}
