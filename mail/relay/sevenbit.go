package relay

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"strings"

	"martlet/mail"
)

// A message with bytes above 127 for a host without 8BITMIME is sent with those
// bodies encoded that need it (RFC 6152 3): text as quoted-printable, all else as
// base64. It is done line by line; only the header of one part is held.

// Limits of what is understood of a message's structure. What lies deeper, or has a
// header that is longer, is sent with its high bits taken away.
const (
	maxPartHeader = 256 << 10
	maxPartDepth  = 64
	maxLine       = 64 << 10 // a longer line is taken in pieces
)

// writeSevenBit writes the message with every body of eight bits encoded.
func writeSevenBit(dst io.Writer, src io.Reader) error {
	e := &encoder{r: bufio.NewReaderSize(src, maxLine), w: bufio.NewWriter(dst), top: true}
	if err := e.run(); err != nil {
		return err
	}
	return e.w.Flush()
}

// encoder goes through a message once.
type encoder struct {
	r          *bufio.Reader
	w          *bufio.Writer
	boundaries []string // of the multiparts around, outermost first
	top        bool     // the header to come is the message's own
}

// line reads the next line, or a piece of one that is too long.
func (e *encoder) line() ([]byte, error) {
	line, err := e.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull || len(line) > 0 {
		return line, nil
	}
	return nil, err
}

func (e *encoder) run() error {
	delimiter := []byte(nil)
	for {
		var err error
		if delimiter, err = e.entity(); err != nil {
			if err == io.EOF {
				err = nil
			}
			return err
		}
		// A delimiter: of a part that follows, or the end of a multipart.
		for delimiter != nil {
			e.w.Write(low(delimiter))
			if !e.closes(delimiter) {
				break
			}
			e.boundaries = e.boundaries[:e.level(delimiter)]
			if delimiter, err = e.plain(); err != nil { // the epilogue
				if err == io.EOF {
					err = nil
				}
				return err
			}
		}
	}
}

// entity writes one header and body, and returns the delimiter behind it.
func (e *encoder) entity() ([]byte, error) {
	header, delimiter, err := e.header()
	if err != nil || delimiter != nil {
		e.w.Write(low(header))
		return delimiter, err
	}
	top := e.top
	e.top = false
	if top && fieldOf(header, "mime-version") == "" {
		header = append([]byte("MIME-Version: 1.0\r\n"), header...)
		if fieldOf(header, "content-type") == "" {
			header = append([]byte("Content-Type: text/plain; charset=unknown-8bit\r\n"), header...) // RFC 1428
		}
	}
	kind, params := contentType(header)
	switch cte := strings.ToLower(fieldOf(header, "content-transfer-encoding")); {
	case strings.HasPrefix(kind, "multipart/") && params["boundary"] != "" && len(e.boundaries) < maxPartDepth:
		e.w.Write(low(withEncoding(header, "7bit", cte)))
		e.boundaries = append(e.boundaries, params["boundary"])
		return e.plain()
	case (kind == "message/rfc822" || kind == "message/global") && (cte == "" || cte == "7bit" || cte == "8bit" || cte == "binary"):
		e.w.Write(low(withEncoding(header, "7bit", cte)))
		return e.entity()
	case cte == "" || cte == "7bit" || cte == "8bit" || cte == "binary":
		return e.leaf(header, kind, cte)
	}
	e.w.Write(low(header))
	return e.plain()
}

// header reads up to the empty line, or to a delimiter that comes before it.
func (e *encoder) header() (header, delimiter []byte, err error) {
	for {
		line, err := e.line()
		if err != nil {
			return header, nil, err
		}
		if e.delimits(line) {
			return header, bytes.Clone(line), nil
		}
		header = append(header, line...)
		if len(bytes.TrimRight(line, "\r\n")) == 0 || len(header) > maxPartHeader {
			return header, nil, nil
		}
	}
}

// plain writes on to the next delimiter what needs no encoding.
func (e *encoder) plain() (delimiter []byte, err error) {
	for {
		line, err := e.line()
		if err != nil {
			return nil, err
		}
		if e.delimits(line) {
			return bytes.Clone(line), nil
		}
		if _, err := e.w.Write(low(line)); err != nil {
			return nil, err
		}
	}
}

// leaf writes a body that may need encoding. Whether it does is not known before it
// is over, so it is encoded unless all that is left has seven bits.
func (e *encoder) leaf(header []byte, kind, cte string) ([]byte, error) {
	if (cte == "" || cte == "7bit") && e.sevenAhead() {
		e.w.Write(low(header))
		return e.plain()
	}
	if kind == "" || strings.HasPrefix(kind, "text/") {
		e.w.Write(low(withEncoding(header, "quoted-printable", cte)))
		return e.lines(&quotedPrintable{w: e.w})
	}
	e.w.Write(low(withEncoding(header, "base64", cte)))
	return e.lines(newBase64Lines(e.w))
}

// sevenAhead tells whether the rest of the message is in sight and has no bytes
// above 127.
func (e *encoder) sevenAhead() bool {
	ahead, err := e.r.Peek(e.r.Size())
	return err == io.EOF && mail.IsASCII(string(ahead))
}

// bodyEncoder takes a body without the line end before its delimiter.
type bodyEncoder interface {
	io.Writer
	end() // writes what is held back, and a line end if there is none
}

// lines gives a body to an encoder. The line end in front of a delimiter is the
// delimiter's (RFC 2046 5.1.1).
func (e *encoder) lines(enc bodyEncoder) ([]byte, error) {
	held := ""
	for {
		line, err := e.line()
		if err != nil || e.delimits(line) {
			delimiter := bytes.Clone(line)
			if err != nil { // the message ends with its line end
				io.WriteString(enc, held)
				delimiter = nil
			}
			enc.end()
			return delimiter, err
		}
		if _, err := io.WriteString(enc, held); err != nil {
			return nil, err
		}
		text := bytes.TrimRight(line, "\r\n")
		if _, err := enc.Write(text); err != nil {
			return nil, err
		}
		if held = ""; len(text) < len(line) && line[len(line)-1] == '\n' {
			held = "\r\n"
		} else if len(text) < len(line) { // a piece of a long line that ends with CR
			enc.Write(line[len(text):])
		}
	}
}

// delimits tells whether a line is the delimiter of a multipart around.
func (e *encoder) delimits(line []byte) bool { return e.level(line) >= 0 }

func (e *encoder) level(line []byte) int {
	if len(line) < 3 || line[0] != '-' || line[1] != '-' {
		return -1
	}
	text := string(bytes.TrimRight(line[2:], " \t\r\n"))
	for i := len(e.boundaries) - 1; i >= 0; i-- {
		if text == e.boundaries[i] || text == e.boundaries[i]+"--" {
			return i
		}
	}
	return -1
}

// closes tells whether a delimiter ends its multipart; else those within it end.
func (e *encoder) closes(line []byte) bool {
	i := e.level(line)
	text := string(bytes.TrimRight(line[2:], " \t\r\n"))
	if text == e.boundaries[i]+"--" {
		return true
	}
	e.boundaries = e.boundaries[:i+1]
	return false
}

// low takes away what cannot be sent at all in seven bits.
func low(b []byte) []byte {
	for i, c := range b {
		if c >= 0x80 {
			b[i] = '?'
		}
	}
	return b
}

// fieldOf is the value of a field in one line.
func fieldOf(header []byte, name string) string {
	start, end := findField(header, name)
	if start < 0 {
		return ""
	}
	_, value, _ := bytes.Cut(header[start:end], []byte{':'})
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(string(value)))
}

// findField is where a field stands, with its line ends; -1: nowhere.
func findField(header []byte, name string) (start, end int) {
	start = -1
	for at := 0; at < len(header); {
		n := bytes.IndexByte(header[at:], '\n')
		next := at + n + 1
		if n < 0 {
			next = len(header)
		}
		line := header[at:next]
		folded := line[0] == ' ' || line[0] == '\t'
		if start >= 0 && !folded {
			return start, at
		}
		if i := bytes.IndexByte(line, ':'); start < 0 && !folded && i > 0 && strings.EqualFold(string(bytes.TrimRight(line[:i], " \t")), name) {
			start = at
		}
		at = next
	}
	return start, len(header)
}

// contentType is a part's type in lower case; empty: plain text.
func contentType(header []byte) (kind string, params map[string]string) {
	value := fieldOf(header, "content-type")
	if value == "" {
		return "", nil
	}
	kind, params, err := mime.ParseMediaType(value)
	if err != nil {
		kind, _, _ = strings.Cut(value, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
	}
	return kind, params
}

// withEncoding says another Content-Transfer-Encoding in a header.
func withEncoding(header []byte, to, from string) []byte {
	if from == to || from == "" && to == "7bit" {
		return header
	}
	field := "Content-Transfer-Encoding: " + to + "\r\n"
	if start, end := findField(header, "content-transfer-encoding"); start >= 0 {
		return append(append(bytes.Clone(header[:start]), field...), header[end:]...)
	}
	return append([]byte(field), header...)
}

// quotedPrintable encodes text (RFC 2045 6.7).
type quotedPrintable struct {
	w     *bufio.Writer
	col   int
	blank byte // a blank that is held back, as it may end a line
	any   bool
}

const hexDigits = "0123456789ABCDEF"

func (q *quotedPrintable) Write(p []byte) (int, error) {
	for i, c := range p {
		switch {
		case c == '\r' && i+1 < len(p) && p[i+1] == '\n':
		case c == '\n' && i > 0 && p[i-1] == '\r':
			q.flush(true)
			q.w.WriteString("\r\n")
			q.col = 0
		case c == ' ' || c == '\t':
			q.flush(false)
			q.blank = c
		case c > ' ' && c < 0x7f && c != '=':
			q.flush(false)
			q.put(c, false)
		default:
			q.flush(false)
			q.put(c, true)
		}
		q.any = true
	}
	return len(p), nil
}

// flush writes the blank, encoded where a line ends.
func (q *quotedPrintable) flush(atEnd bool) {
	if q.blank != 0 {
		b := q.blank
		q.blank = 0
		q.put(b, atEnd)
	}
}

func (q *quotedPrintable) put(c byte, encode bool) {
	n := 1
	if encode || c == '.' && q.col == 0 { // a dot alone troubles old servers
		encode, n = true, 3
	}
	if q.col+n > 75 {
		q.w.WriteString("=\r\n")
		q.col = 0
	}
	if q.col += n; encode {
		q.w.Write([]byte{'=', hexDigits[c>>4], hexDigits[c&15]})
		return
	}
	q.w.WriteByte(c)
}

func (q *quotedPrintable) end() {
	q.flush(true)
	if q.col > 0 || !q.any {
		q.w.WriteString("\r\n")
	}
}

// base64Lines encodes anything in lines of 76 characters (RFC 2045 6.8).
type base64Lines struct {
	enc io.WriteCloser
	out *wrapped
}

func newBase64Lines(w *bufio.Writer) *base64Lines {
	out := &wrapped{w: w}
	return &base64Lines{base64.NewEncoder(base64.StdEncoding, out), out}
}

func (b *base64Lines) Write(p []byte) (int, error) { return b.enc.Write(p) }

func (b *base64Lines) end() {
	b.enc.Close()
	b.out.w.WriteString("\r\n")
}

type wrapped struct {
	w   *bufio.Writer
	col int
}

func (w *wrapped) Write(p []byte) (int, error) {
	for _, c := range p {
		if w.col == 76 {
			w.w.WriteString("\r\n")
			w.col = 0
		}
		w.w.WriteByte(c)
		w.col++
	}
	return len(p), nil
}
