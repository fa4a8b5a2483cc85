package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// ErrNoPart is returned for a part number that the message does not have.
var ErrNoPart = errors.New("message: no such part")

// firstRead is how much of a long text is read before it is known whether more
// is needed.
const firstRead = 64 << 10

// Open returns the content of a part, its transfer encoding undone. src is the
// raw message. A part that is not there reads as empty.
func (ix *Index) Open(part int, src io.ReaderAt) io.Reader {
	if part < 0 || part >= len(ix.Parts) {
		return bytes.NewReader(nil)
	}
	if ix.Virtual(part) {
		return ix.openVirtual(part, src)
	}
	pt := &ix.Parts[part]
	section := io.NewSectionReader(src, pt.Body, pt.End-pt.Body)
	d := newDecoder(pt.Encoding)
	if d == nil {
		return section
	}
	return &decodingReader{src: section, d: d}
}

// ReadText returns a text part in UTF-8 with lines ended by CRLF, without
// control characters, at most limit bytes of it, cut at a character; a negative
// limit is none. total is the size of the whole: exact when nothing was cut,
// else what the index estimates.
func (ix *Index) ReadText(part int, src io.ReaderAt, limit int64) (text string, total int64, truncated bool, err error) {
	if part < 0 || part >= len(ix.Parts) {
		return "", 0, false, ErrNoPart
	}
	if ix.Virtual(part) {
		return ix.readVirtual(part, src, limit)
	}
	s := scratchPool.Get().(*scratch)
	defer s.release()
	pt := &ix.Parts[part]
	size := min(pt.End-pt.Body, maxText)
	want := size
	if limit >= 0 && want > firstRead {
		want = min(size, max(firstRead, limit+limit/2))
	}
	for {
		raw, err := s.read(src, pt.Body, want)
		if err != nil {
			return "", 0, false, fmt.Errorf("message: read text: %w", err)
		}
		raw = ix.withoutFiles(part, raw)
		out := s.decode(pt, raw, want == size)
		if limit < 0 || int64(len(out)) <= limit {
			if want < size {
				want = min(size, want*4)
				continue
			}
			if whole := pt.End - pt.Body; size < whole {
				return string(out), whole, true, nil
			}
			return string(out), int64(len(out)), false, nil
		}
		total = int64(len(out))
		if want < size {
			total = max(total+1, pt.DecodedSize)
		}
		return cutText(out, limit), total, true, nil
	}
}

// cutText cuts a text at a character, not within a line end.
func cutText(out []byte, limit int64) string {
	cut := int(limit)
	for cut > 0 && !utf8.RuneStart(out[cut]) {
		cut--
	}
	if cut > 0 && out[cut-1] == '\r' {
		cut--
	}
	return string(out[:cut])
}

// withoutFiles cuts the uuencoded files out of a text: they are its children.
func (ix *Index) withoutFiles(part int, raw []byte) []byte {
	if part+1 >= len(ix.Parts) || ix.Parts[part+1].Parent != int32(part) {
		return raw
	}
	base := ix.Parts[part].Body
	var out []byte
	var at int64
	for i := part + 1; i < len(ix.Parts) && ix.Parts[i].Parent == int32(part); i++ {
		from := min(ix.Parts[i].Header-base, int64(len(raw)))
		if from > at {
			out = append(out, raw[at:from]...)
		}
		at = max(at, min(ix.Parts[i].End-base, int64(len(raw))))
	}
	return append(out, raw[max(at, 0):]...)
}

// scratch is what ReadText needs for a moment.
type scratch struct{ raw, decoded, text, clean []byte }

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

// maxScratch is the largest buffer kept for the next reader.
const maxScratch = 256 << 10

func (s *scratch) release() {
	if cap(s.raw)+cap(s.decoded)+cap(s.text)+cap(s.clean) <= 4*maxScratch {
		scratchPool.Put(s)
	}
}

// read returns n bytes at off, fewer at the end of the message.
func (s *scratch) read(src io.ReaderAt, off, n int64) ([]byte, error) {
	if b, ok := src.(Bytes); ok {
		off = min(max(off, 0), int64(len(b)))
		return b[off:min(off+n, int64(len(b)))], nil
	}
	if int64(cap(s.raw)) < n {
		s.raw = make([]byte, n)
	}
	got, err := src.ReadAt(s.raw[:n], off)
	if err == io.EOF {
		err = nil
	}
	return s.raw[:got], err
}

// decode makes clean UTF-8 of a part's bytes. What it returns is valid until
// the scratch is used again.
func (s *scratch) decode(pt *Part, raw []byte, eof bool) []byte {
	if pt.Encoding != "" {
		s.decoded = decodeAll(s.decoded[:0], pt.Encoding, raw, eof)
		raw = s.decoded
	}
	charset := pt.Charset
	if pt.Type == "text/html" && charsetKind(charset) == charsetGuess {
		charset = metaCharset(raw)
	}
	if k := charsetKind(charset); k != charsetUTF8 && k != charsetGuess || !utf8.Valid(raw) || bytes.IndexByte(raw, 0x1b) >= 0 {
		s.text = appendUTF8(s.text[:0], raw, charset, eof)
		raw = s.text
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	odd := firstOdd(raw)
	if odd == len(raw) {
		return raw
	}
	s.clean = appendClean(s.clean[:0], raw, odd)
	return s.clean
}

// firstOdd returns the place of the first byte that clean text does not have:
// a control character other than TAB, or a line end other than CRLF; len(b) if
// there is none.
func firstOdd(b []byte) int {
	i := 0
	for i < len(b) {
		if i+8 <= len(b) {
			// Eight bytes at once: is any of them below 0x20?
			x := uint64(b[i]) | uint64(b[i+1])<<8 | uint64(b[i+2])<<16 | uint64(b[i+3])<<24 |
				uint64(b[i+4])<<32 | uint64(b[i+5])<<40 | uint64(b[i+6])<<48 | uint64(b[i+7])<<56
			if (x-0x2020202020202020)&^x&0x8080808080808080 == 0 {
				i += 8
				continue
			}
		}
		switch c := b[i]; {
		case c >= ' ' || c == '\t':
			i++
		case c == '\r' && i+1 < len(b) && b[i+1] == '\n':
			i += 2
		default:
			return i
		}
	}
	return i
}

// appendClean appends b with its odd bytes, the first of them at odd, put right.
func appendClean(dst, b []byte, odd int) []byte {
	if cap(dst)-len(dst) < len(b) {
		dst = append(dst, make([]byte, len(b)+len(b)/32)...)[:len(dst)]
	}
	for {
		dst = append(dst, b[:odd]...)
		b = b[odd:]
		if len(b) == 0 {
			return dst
		}
		switch b[0] {
		case '\n':
			dst = append(dst, '\r', '\n')
		case '\r':
			for len(b) > 1 && b[1] == '\r' && len(b) > 2 && b[2] == '\n' {
				b = b[1:] // CR CR LF is one line end
			}
			if len(b) > 1 && b[1] == '\n' {
				b = b[1:]
			}
			dst = append(dst, '\r', '\n')
		case '\f', '\v':
			dst = append(dst, '\r', '\n')
		}
		b = b[1:]
		odd = firstOdd(b)
	}
}

// metaCharset reads the charset that an HTML text declares in itself.
func metaCharset(b []byte) string {
	head := bytes.ToLower(b[:min(len(b), 1024)])
	for {
		i := bytes.Index(head, []byte("charset"))
		if i < 0 {
			return ""
		}
		head = bytes.TrimLeft(head[i+len("charset"):], " \t")
		if !bytes.HasPrefix(head, []byte("=")) {
			continue
		}
		name := bytes.TrimLeft(head[1:], " \t\"'")
		if j := bytes.IndexAny(name, "\"'> ;/\t\r\n"); j > 0 {
			// A page that says so in bytes that can be read is not UTF-16.
			if cs := string(name[:j]); !strings.HasPrefix(cs, "utf-16") && !strings.HasPrefix(cs, "utf-32") {
				return cs
			}
		}
		return ""
	}
}
