package acceptance

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// bombs are messages made to exhaust whoever reads them, by name.
func bombs() map[string][]byte {
	head := func(more string) string {
		return "From: wren@elsewhere.example\r\nTo: " + robin + "\r\nMIME-Version: 1.0\r\n" + more
	}
	noise := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{9}).Read(noise)
	noise = bytes.ReplaceAll(bytes.ReplaceAll(noise, []byte{'\r'}, nil), []byte{'\n'}, []byte("\r\n"))
	nested, closing := &strings.Builder{}, ""
	nested.WriteString(head(""))
	messages := &strings.Builder{}
	messages.WriteString(head(""))
	for i := range 10_000 {
		fmt.Fprintf(nested, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		messages.WriteString("Content-Type: message/rfc822\r\n\r\n")
	}
	for i := range 200 {
		closing += fmt.Sprintf("\r\n--b%d--", i)
	}
	parts := &strings.Builder{}
	parts.WriteString(head("Content-Type: multipart/mixed; boundary=b\r\n\r\n"))
	for range 100_000 {
		parts.WriteString("--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nx\r\n")
	}
	html := head("Content-Type: text/html\r\n\r\n")
	return map[string][]byte{
		"nested multiparts":      []byte(nested.String() + "\r\ntext" + closing + "\r\n"),
		"nested messages":        []byte(messages.String() + "\r\ntext\r\n"),
		"100,000 parts":          []byte(parts.String() + "--b--\r\n"),
		"one boundary for all":   []byte(head("Content-Type: multipart/mixed; boundary=b\r\n\r\n") + strings.Repeat("--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n", 50_000)),
		"long header line":       []byte(head("X-Long: " + strings.Repeat("x", 1<<20) + "\r\n\r\ntext\r\n")),
		"long folded header":     []byte(head("Subject: a\r\n" + strings.Repeat(" folded\r\n", 200_000) + "\r\ntext\r\n")),
		"many headers":           []byte(head(strings.Repeat("X-Many: 1\r\n", 300_000) + "\r\ntext\r\n")),
		"many recipients":        []byte(head("Cc: " + strings.Repeat("a@b.example, ", 100_000) + "\r\n\r\ntext\r\n")),
		"nested comments":        []byte(head("Date: " + strings.Repeat("(", 500_000) + "\r\n\r\ntext\r\n")),
		"many references":        []byte(head("References: " + strings.Repeat("<a@b> ", 100_000) + "\r\n\r\ntext\r\n")),
		"encoded words":          []byte(head("Subject: " + strings.Repeat("=?utf-8?Q?=C3=A4?= ", 100_000) + "\r\n\r\ntext\r\n")),
		"broken encoded words":   []byte(head("Subject: " + strings.Repeat("=?", 500_000) + "\r\n\r\ntext\r\n")),
		"many parameters":        []byte(head("Content-Type: text/plain" + strings.Repeat("; a*1*=x", 100_000) + "\r\n\r\ntext\r\n")),
		"base64 junk":            []byte(head("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("=!?$", 500_000) + "\r\n")),
		"printable junk":         []byte(head("Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("=", 2_000_000) + "\r\n")),
		"uuencoded junk":         []byte(head("Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a\r\n" + strings.Repeat("M!!\r\n", 300_000))),
		"nested HTML":            []byte(html + strings.Repeat("<div><b><table>", 200_000) + "\r\n"),
		"unclosed HTML":          []byte(html + strings.Repeat("<a href=\"", 300_000) + "\r\n"),
		"HTML entities":          []byte(html + strings.Repeat("&lt;&#x10ffff;&", 200_000) + "\r\n"),
		"one HTML line":          []byte(html + strings.Repeat("word ", 2_000_000) + "\r\n"),
		"strange charset":        []byte(head("Content-Type: text/plain; charset=\"iso-2022-jp\"\r\n\r\n" + strings.Repeat("\x1b$B\x1b(B$", 300_000) + "\r\n")),
		"utf-7":                  []byte(head("Content-Type: text/plain; charset=utf-7\r\n\r\n" + strings.Repeat("+AAA", 500_000) + "\r\n")),
		"noise":                  noise,
		"noise after a header":   append([]byte(head("\r\n")), noise...),
		"only line ends":         []byte(strings.Repeat("\r\n", 1_000_000)),
		"only colons":            []byte(strings.Repeat(":", 1_000_000) + "\r\n"),
		"a winmail.dat of noise": append([]byte(head("Content-Type: application/ms-tnef; name=winmail.dat\r\n\r\n\x78\x9f\x3e\x22")), noise...),
		"many calendars":         []byte(head("Content-Type: text/calendar; method=REQUEST\r\n\r\n" + strings.Repeat("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", 50_000))),
	}
}

// Messages made to exhaust their readers arrive like any other, whole.
func TestBombsArriveAndHarmNobody(t *testing.T) {
	thorough(t)
	h := newHouse(t, "")
	var all = bombs()
	bounded(t, h, func() {
		m := h.mailer()
		for name, raw := range all {
			start := time.Now()
			if err := m.chunk(robin, raw); err != nil {
				t.Errorf("%s: %v", name, err)
				m = h.mailer()
			}
			slow(t, name+" by SMTP", start)
		}
		t.Logf("received: %d MiB", h.rss())
		for _, version := range []eas.Version{eas.V25, eas.V121, eas.V161} {
			for _, kind := range []uint8{eas.BodyPlain, eas.BodyHTML, eas.BodyMIME} {
				readBombs(t, h, version, kind, len(all)+1)
				t.Logf("%s type %d: %d MiB", version, kind, h.rss())
			}
		}
	})
}

// slow complains of what takes longer than a message has any right to, on a
// machine that does other things too.
func slow(t *testing.T, what string, start time.Time) {
	t.Helper()
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("%s took %v", what, took)
	}
}

func readBombs(t *testing.T, h *house, version eas.Version, kind uint8, want int) {
	t.Helper()
	p, inbox := h.settled(fmt.Sprintf("BOMBS%d%d", version, kind), version)
	k, all, size := uint(kind), uint(2), uint32(51200)
	options := eas.SyncOptions{MIMESupport: &all}
	if version > eas.V25 {
		options.BodyPreference = []eas.BodyPreference{{Type: &k, TruncationSize: &size}}
	}
	start := time.Now()
	got := h.sync(p, inbox, phone.SyncOptions{Window: 10, Options: []eas.SyncOptions{options}})
	slow(t, "Sync", start)
	if len(got.Added) != want {
		t.Errorf("%s: %d messages came of %d", version, len(got.Added), want)
	}
	for _, m := range got.Added {
		if version < eas.V120 {
			continue
		}
		start := time.Now()
		if _, err := p.Fetch(t.Context(), inbox, m.ServerID, phone.FetchOptions{Bodies: []eas.BodyPreference{{Type: &k}}, MIME: true}); err != nil {
			t.Errorf("%s: Fetch in type %d: %v", version, kind, err)
		}
		for _, a := range m.Email.Attachments[:min(3, len(m.Email.Attachments))] {
			if _, err := p.FetchAttachment(t.Context(), a.Attachment.FileReference, phone.FetchOptions{}); err != nil {
				t.Errorf("%s: attachment: %v", version, err)
			}
		}
		slow(t, "Fetch", start)
	}
}

// Whatever is said to the mail door, it answers or hangs up, and nothing of it
// is taken for mail.
func TestGarbageAtTheMailDoor(t *testing.T) {
	thorough(t)
	h := newHouse(t, "")
	envelope := "EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<" + robin + ">\r\n"
	noise := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{10}).Read(noise)
	said := map[string]string{
		"a long line":                  strings.Repeat("A", 10<<20) + "\r\n",
		"a line without end":           strings.Repeat("A", 20<<20),
		"NULs":                         strings.Repeat("\x00", 1<<20),
		"noise":                        string(noise),
		"a web request":                "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"a TLS hello":                  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + string(noise[:500]),
		"pipelined junk":               strings.Repeat("JUNK junk\r\n", 100_000),
		"pipelined greetings":          strings.Repeat("EHLO a\r\n", 100_000),
		"pipelined resets":             "EHLO a\r\n" + strings.Repeat("RSET\r\n", 100_000),
		"recipients":                   "EHLO a\r\nMAIL FROM:<a@b.example>\r\n" + strings.Repeat("RCPT TO:<nobody@acceptance.example>\r\n", 10_000),
		"the same recipient":           "EHLO a\r\nMAIL FROM:<a@b.example>\r\n" + strings.Repeat("RCPT TO:<"+robin+">\r\n", 10_000),
		"long parameters":              "EHLO a\r\nMAIL FROM:<a@b.example> " + strings.Repeat("X=Y ", 100_000) + "\r\n",
		"nested paths":                 "EHLO a\r\nMAIL FROM:" + strings.Repeat("<", 4000) + "\r\n",
		"a huge BDAT":                  envelope + "BDAT 999999999999999999\r\nabc",
		"a negative BDAT":              envelope + "BDAT -1 LAST\r\nabc\r\n",
		"BDAT without end":             envelope + strings.Repeat("BDAT 1\r\nx", 200_000),
		"a header without end":         envelope + "DATA\r\n" + strings.Repeat("X-Endless: header\r\n", 1_000_000),
		"a body without end":           envelope + "DATA\r\n" + strings.Repeat("x", 30<<20),
		"a body beyond all measure":    envelope + "DATA\r\n" + strings.Repeat(strings.Repeat("x", 998)+"\r\n", 130<<10),
		"a declared size":              "EHLO a\r\nMAIL FROM:<a@b.example> SIZE=99999999999999999999\r\n",
		"bare LF in DATA":              envelope + "DATA\r\nSubject: smuggled\n.\nMAIL FROM:<x@y.example>\nRCPT TO:<" + robin + ">\nDATA\nSubject: second\n.\r\n\r\n.\r\n",
		"bare CR in DATA":              envelope + "DATA\r\nSubject: smuggled\r.\rMAIL FROM:<x@y.example>\r\n.\r\n",
		"AUTH where there is none":     "EHLO a\r\nAUTH PLAIN " + strings.Repeat("A", 20_000) + "\r\n",
		"STARTTLS with more behind it": "EHLO a\r\nSTARTTLS\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<" + robin + ">\r\n",
		"a relay":                      "EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<victim@elsewhere.example>\r\nRCPT TO:<victim%elsewhere.example@acceptance.example>\r\nRCPT TO:<@acceptance.example:victim@elsewhere.example>\r\nDATA\r\nSubject: relayed\r\n\r\n.\r\n",
	}
	p, inbox := h.settled("WATCHER", eas.V161)
	bounded(t, h, func() {
		for name, text := range said {
			start := time.Now()
			answer := converse(t, h.SMTP, text)
			slow(t, name, start)
			if strings.Contains(answer, "\r\n250 2.0.0 OK ") && !strings.Contains(name, "LF in") {
				for line := range strings.Lines(answer) {
					if strings.HasPrefix(line, "250 2.0.0 OK ") {
						t.Errorf("%s: taken for mail: %s", name, line)
					}
				}
			}
		}
		t.Logf("said: %d MiB", h.rss())
	})
	for _, m := range h.sync(p, inbox, phone.SyncOptions{}).Added {
		if s := *m.Email.Subject; s != "before the garbage" && s != "after the garbage" {
			t.Errorf("garbage became the message %q", s)
		}
	}
	if out := h.Run("", "status", "--json"); !strings.Contains(out, "running") {
		t.Errorf("status: %s", out)
	}
}

// converse says everything at once and returns what was answered until the end.
func converse(t *testing.T, address, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(60 * time.Second))
	written := make(chan struct{})
	go func() {
		defer close(written)
		io.WriteString(conn, text) // the server may hang up before the end
		conn.(*net.TCPConn).CloseWrite()
	}()
	var answer bytes.Buffer
	_, err = io.Copy(&answer, io.LimitReader(conn, 64<<20))
	if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Errorf("%.60q: no end in a minute", text)
	}
	conn.Close()
	<-written
	return answer.String()
}
