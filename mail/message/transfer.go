package message

import (
	"bytes"
	"io"
)

// decoder undoes a transfer encoding piece by piece. It appends what src gives
// to dst and returns how much of src it has used; the rest is to be shown to
// it again with more behind it, or with eof set.
type decoder interface {
	decode(dst, src []byte, eof bool) (out []byte, used int)
}

// newDecoder returns nil for encodings that leave the bytes alone.
func newDecoder(encoding string) decoder {
	switch encoding {
	case "base64":
		return &base64Decoder{}
	case "quoted-printable":
		return qpDecoder{}
	case "x-uuencode":
		return &uuDecoder{}
	}
	return nil
}

// decodeAll decodes what is in memory. Without eof, what cannot be decided yet
// is left out.
func decodeAll(dst []byte, encoding string, src []byte, eof bool) []byte {
	d := newDecoder(encoding)
	if d == nil {
		return append(dst, src...)
	}
	out, _ := d.decode(dst, src, eof)
	return out
}

// base64Decoder ignores everything that is no base64 digit (RFC 2045 6.8), and
// goes on behind padding, where some senders join pieces.
type base64Decoder struct {
	acc  uint32
	have int // digits in acc
}

// digitValue maps base64 digits to their values, the URL alphabet too, and all
// other bytes to notDigit.
var digitValue = func() (t [256]byte) {
	for i := range t {
		t[i] = notDigit
	}
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range digits {
		t[digits[i]] = byte(i)
	}
	t['-'], t['_'] = 62, 63
	return t
}()

const notDigit = 0x80

func (d *base64Decoder) decode(dst, src []byte, eof bool) ([]byte, int) {
	n := len(dst)
	need := len(src)/4*3 + 6
	if cap(dst)-n < need {
		dst = append(dst, make([]byte, need)...)
	}
	dst = dst[:n+need]
	for i := 0; i < len(src); {
		if d.have == 0 {
			for i+4 <= len(src) {
				s := src[i : i+4 : i+4]
				a, b, c, e := digitValue[s[0]], digitValue[s[1]], digitValue[s[2]], digitValue[s[3]]
				if (a|b|c|e)&notDigit != 0 {
					break
				}
				v := uint32(a)<<18 | uint32(b)<<12 | uint32(c)<<6 | uint32(e)
				o := dst[n : n+3 : n+3]
				o[0], o[1], o[2] = byte(v>>16), byte(v>>8), byte(v)
				n += 3
				i += 4
			}
			if i == len(src) {
				break
			}
		}
		c := src[i]
		i++
		if v := digitValue[c]; v != notDigit {
			d.acc = d.acc<<6 | uint32(v)
			if d.have++; d.have == 4 {
				dst[n], dst[n+1], dst[n+2] = byte(d.acc>>16), byte(d.acc>>8), byte(d.acc)
				n += 3
				d.acc, d.have = 0, 0
			}
		} else if c == '=' {
			n = d.flush(dst, n)
		}
	}
	if eof {
		n = d.flush(dst, n)
	}
	return dst[:n], len(src)
}

// flush writes the whole bytes of an unfinished group.
func (d *base64Decoder) flush(dst []byte, n int) int {
	switch d.have {
	case 2:
		dst[n] = byte(d.acc >> 4)
		n++
	case 3:
		dst[n], dst[n+1] = byte(d.acc>>10), byte(d.acc>>2)
		n += 2
	}
	d.acc, d.have = 0, 0
	return n
}

// qpDecoder decodes quoted-printable (RFC 2045 6.7). What is no escape stands
// for itself.
type qpDecoder struct{}

func (qpDecoder) decode(dst, src []byte, eof bool) ([]byte, int) {
	if cap(dst)-len(dst) < len(src) {
		dst = append(dst, make([]byte, len(src))...)[:len(dst)]
	}
	i := 0
	for {
		j := bytes.IndexByte(src[i:], '=')
		if j < 0 {
			return append(dst, src[i:]...), len(src)
		}
		dst = append(dst, src[i:i+j]...)
		i += j
		if i+2 < len(src) {
			if a, b := unhex(src[i+1]), unhex(src[i+2]); a >= 0 && b >= 0 {
				dst = append(dst, byte(a<<4|b))
				i += 3
				continue
			}
			if src[i+1] == '\r' && src[i+2] == '\n' {
				i += 3
				continue
			}
		}
		n, wait := softBreak(src[i+1:])
		switch {
		case n > 0:
			i += 1 + n
		case wait && !eof && len(src)-i < maxSoftBreak:
			return dst, i
		case wait && i+1 == len(src): // "=" ends the content
			return dst, len(src)
		default:
			dst = append(dst, '=')
			i++
		}
	}
}

// maxSoftBreak is how far blanks between "=" and its line end are followed.
const maxSoftBreak = 256

// softBreak measures the blanks and the line end behind "=". wait tells that
// more input is needed to decide.
func softBreak(s []byte) (n int, wait bool) {
	for i, c := range s[:min(len(s), maxSoftBreak)] {
		switch c {
		case ' ', '\t':
		case '\n':
			return i + 1, false
		case '\r':
			if i+1 == len(s) {
				return i + 1, true
			}
			if s[i+1] == '\n' {
				return i + 2, false
			}
			return i + 1, false
		default:
			return 0, i == 0 && len(s) == 1 && unhex(c) >= 0
		}
	}
	return 0, len(s) < maxSoftBreak
}

// uuDecoder decodes lines of uuencoded data up to "end".
type uuDecoder struct{ done bool }

func (d *uuDecoder) decode(dst, src []byte, eof bool) ([]byte, int) {
	used := 0
	for !d.done {
		nl := bytes.IndexByte(src[used:], '\n')
		line := src[used:]
		if nl >= 0 {
			line = line[:nl]
		} else if !eof && len(line) < 1<<16 {
			return dst, used
		}
		if len(line) == 0 && nl < 0 {
			return dst, used
		}
		used += len(line)
		if nl >= 0 {
			used++
		}
		line = bytes.TrimRight(line, "\r")
		if bytes.Equal(line, []byte("end")) {
			d.done = true
		} else if !bytes.HasPrefix(line, []byte("begin ")) {
			dst = uuLine(dst, line)
		}
	}
	return dst, len(src)
}

// uuLine decodes one line: its first character is its length.
func uuLine(dst, line []byte) []byte {
	if len(line) == 0 || line[0] <= ' ' || line[0] > '`' {
		return dst
	}
	n := int(line[0]-' ') & 63
	at := func(i int) byte {
		if i < len(line) {
			return (line[i] - ' ') & 63
		}
		return 0
	}
	for i := 1; n > 0; i += 4 {
		a, b, c, e := at(i), at(i+1), at(i+2), at(i+3)
		group := [3]byte{a<<2 | b>>4, b<<4 | c>>2, c<<6 | e}
		dst = append(dst, group[:min(n, 3)]...)
		n -= 3
	}
	return dst
}

// decodedSize tells how large content is when decoded: exactly for well-formed
// base64 and for bytes left alone, closely for the rest.
func decodedSize(encoding string, content []byte) int64 {
	n := len(content)
	switch encoding {
	case "base64":
		digits := n - bytes.Count(content, []byte{'\n'}) - bytes.Count(content, []byte{'\r'})
		tail := content[max(0, n-8):]
		digits -= bytes.Count(tail, []byte{'='})
		return int64(digits) * 3 / 4
	case "quoted-printable":
		return int64(max(0, n-2*bytes.Count(content, []byte{'='})))
	case "x-uuencode":
		return int64(n) * 45 / 63
	}
	return int64(n)
}

// Bytes is a message in memory. Its readers take parts of it without copying.
type Bytes []byte

// ReadAt implements io.ReaderAt.
func (b Bytes) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// decodingReader is a part's content as a stream.
type decodingReader struct {
	src  io.Reader
	d    decoder
	buf  []byte // read and not yet decoded
	out  []byte // decoded and not yet taken
	ends []byte // the whole of out
	err  error
}

const streamBuffer = 32 << 10

func (r *decodingReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.out) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

func (r *decodingReader) fill() {
	if r.buf == nil {
		r.buf = make([]byte, 0, streamBuffer)
	}
	n, err := r.src.Read(r.buf[len(r.buf):cap(r.buf)])
	r.buf = r.buf[:len(r.buf)+n]
	if err != nil {
		r.err = err
	}
	eof := err == io.EOF
	out, used := r.d.decode(r.ends[:0], r.buf, eof)
	r.ends, r.out = out, out
	r.buf = append(r.buf[:0], r.buf[used:]...)
	if len(r.buf) == cap(r.buf) && r.err == nil {
		r.err = io.ErrShortBuffer // cannot be: decoders leave less than a buffer
	}
}
