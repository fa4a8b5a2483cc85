package imap_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// serveTCP accepts connections as if they had TLS: what TLS costs is not ours.
func (h *house) serveTCP() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(h.t, err)
	h.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go h.server.ServeSecure(c)
		}
	}()
	return l.Addr().String()
}

// say writes lines and reads until the reply to the last one, "z ".
func say(b *testing.B, c net.Conn, buf []byte, end string, lines ...string) int {
	for _, line := range lines {
		_, err := io.WriteString(c, line+"\r\n")
		check(b, err)
	}
	total, tail := 0, ""
	for {
		n, err := c.Read(buf)
		check(b, err)
		total += n
		tail += string(buf[max(0, n-200):n])
		if strings.Contains(tail, end) {
			return total
		}
		tail = tail[max(0, len(tail)-200):]
	}
}

// An idle session: bytes of heap and stack in this process, the client's end of
// the connection included.
func BenchmarkIdleSessions(b *testing.B) {
	const n = 2000
	h := newHouse(b, func(_ *house, c *imapConfig) { c.MaxSessionsPerIP = -1 })
	h.fill()
	addr := h.serveTCP()
	used := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	buf := make([]byte, 4096)
	for b.Loop() {
		before := used()
		conns := make([]net.Conn, n)
		for i := range conns {
			var err error
			conns[i], err = net.Dial("tcp", addr)
			check(b, err)
			say(b, conns[i], buf, "+ idling", "a LOGIN alice@example.org \""+password+"\"", "b SELECT INBOX", "c IDLE")
		}
		b.ReportMetric(float64(used()-before)/n, "B/session")
		for _, c := range conns {
			c.Close()
		}
	}
}

// Waking all who idle on one mailbox.
func BenchmarkWakeIdle(b *testing.B) {
	h := newHouse(b)
	addr := h.serveTCP()
	c, err := net.Dial("tcp", addr)
	check(b, err)
	buf := make([]byte, 4096)
	say(b, c, buf, "+ idling", "a LOGIN alice@example.org \""+password+"\"", "b SELECT INBOX", "c IDLE")
	i := 0
	for b.Loop() {
		i++
		h.deliver(letter, time.Now())
		say(b, c, buf, fmt.Sprintf("* %d EXISTS", i))
	}
}

// All bodies of 500 messages of 30 KB.
func BenchmarkFetchBodies(b *testing.B) {
	h := newHouse(b)
	for i := range 500 {
		h.deliver(fmt.Sprintf("Subject: %d\n\n", i)+strings.Repeat(strings.Repeat("x", 70)+"\n", 416), time.Now())
	}
	addr := h.serveTCP()
	c, err := net.Dial("tcp", addr)
	check(b, err)
	buf := make([]byte, 256<<10)
	say(b, c, buf, "b OK", "a LOGIN alice@example.org \""+password+"\"", "b SELECT INBOX")
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(say(b, c, buf, "z OK", "z UID FETCH 1:* (BODY.PEEK[])")))
	}
	b.ReportMetric(500*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// The list of a mailbox as a mail program asks for it.
func BenchmarkFetchEnvelopes(b *testing.B) {
	h := newHouse(b)
	for range 500 {
		h.deliver(letter, time.Now())
	}
	addr := h.serveTCP()
	c, err := net.Dial("tcp", addr)
	check(b, err)
	buf := make([]byte, 256<<10)
	say(b, c, buf, "b OK", "a LOGIN alice@example.org \""+password+"\"", "b SELECT INBOX")
	for b.Loop() {
		say(b, c, buf, "z OK", "z UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)")
	}
	b.ReportMetric(500*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// 2,000 messages of 30 KB of a language with 8,000 words, some of them frequent. One
// word is in two messages.
func BenchmarkSearchText(b *testing.B) {
	h := newHouse(b)
	random := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 8000)
	for i := range words {
		for range 1 + random.IntN(4) {
			words[i] += string("bcdfghklmnprstvw"[random.IntN(16)]) + string("aeiou"[random.IntN(5)]) + []string{"", "", "n", "r", "st"}[random.IntN(5)]
		}
	}
	frequent := rand.NewZipf(random, 1.1, 20, uint64(len(words)-1))
	for i := range 2000 {
		var text strings.Builder
		for n := 1; text.Len() < 30<<10; n++ {
			text.WriteString(words[frequent.Uint64()] + " \n"[n/10%2:n/10%2+1])
		}
		if i%1000 == 7 {
			text.WriteString("the candlestick maker\n")
		}
		h.deliver(fmt.Sprintf("From: bob@example.org\nSubject: %d\n\n", i)+text.String(), time.Now())
	}
	addr := h.serveTCP()
	c, err := net.Dial("tcp", addr)
	check(b, err)
	buf := make([]byte, 256<<10)
	say(b, c, buf, "b OK", "a LOGIN alice@example.org \""+password+"\"", "b SELECT INBOX")
	for _, query := range []string{"TEXT candlestick", "TEXT candle", "BODY \"stick maker\"", "SUBJECT 99"} {
		b.Run(query, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				say(b, c, buf, "z OK", "z UID SEARCH "+query)
			}
			b.ReportMetric(2000*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// Orders and threads of 5,000 messages.
func BenchmarkSortAndThread(b *testing.B) {
	h := newHouse(b)
	for i := range 5000 {
		h.deliver(fmt.Sprintf("From: p%d@example.org\nSubject: Re: about %d\nMessage-ID: <%d@x>\nReferences: <%d@x> <%d@x>\n\nHello\n", i*7919%997, i*31%500, i, i/10, i/2), time.Now())
	}
	addr := h.serveTCP()
	c, err := net.Dial("tcp", addr)
	check(b, err)
	buf := make([]byte, 256<<10)
	say(b, c, buf, "b OK", "a LOGIN alice@example.org \""+password+"\"", "b SELECT INBOX")
	for _, query := range []string{"SORT (REVERSE ARRIVAL)", "SORT (SUBJECT DATE)", "SORT (DISPLAYFROM REVERSE SIZE)", "THREAD REFERENCES", "THREAD ORDEREDSUBJECT"} {
		b.Run(query, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				say(b, c, buf, "z OK", "z UID "+query+" UTF-8 ALL")
			}
			b.ReportMetric(5000*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
