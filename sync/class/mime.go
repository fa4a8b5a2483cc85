package class

import (
	"fmt"
	"io"
	"unicode/utf8"

	"martlet/mail/message"
	"martlet/protocol/eas"
)

// mimeTruncation is the size that a MIMETruncation means, noLimit for none
// (MS-ASCMD 2.2.3.111).
func mimeTruncation(v *uint) int64 {
	sizes := [...]int64{0, 4096, 5120, 7168, 10240, 20480, 51200, 102400}
	if v == nil || *v >= uint(len(sizes)) {
		return noLimit
	}
	return sizes[*v]
}

// truncation is the size that a Truncation means (MS-ASCMD 2.2.3.185).
func truncation(v *uint) int64 {
	sizes := [...]int64{0, 512, 1024, 2048, 5120, 10240, 20480, 51200, 102400}
	if v == nil || *v >= uint(len(sizes)) {
		return noLimit
	}
	return sizes[*v]
}

// readMIME returns the message itself, at most limit bytes of it: as it came,
// but for a winmail.dat, which only Outlook could read.
func (b *bodyReader) readMIME(limit int64) (text string, total int64, truncated bool, err error) {
	if b.ix.HasWinmail() {
		return b.readUnwrapped(limit)
	}
	total = b.ix.Size
	want := total
	if limit >= 0 {
		want = min(total, limit+utf8.UTFMax)
	}
	raw, err := readPrefix(b.src, want)
	if err != nil {
		return "", 0, false, err
	}
	if !validPrefix(raw) {
		// WBXML carries text: other bytes must be encoded first.
		if raw, err = readPrefix(b.src, total); err != nil {
			return "", 0, false, err
		}
		raw = b.ix.UTF8(raw)
		total = int64(len(raw))
	}
	if limit < 0 || total <= limit {
		return string(raw), total, false, nil
	}
	n := min(int(limit), len(raw))
	for n > 0 && n < len(raw) && !utf8.RuneStart(raw[n]) {
		n--
	}
	return string(raw[:n]), total, true, nil
}

func (b *bodyReader) readUnwrapped(limit int64) (text string, total int64, truncated bool, err error) {
	raw, err := readPrefix(b.src, b.ix.Size)
	if err != nil {
		return "", 0, false, err
	}
	if raw, err = b.ix.Unwrap(raw); err != nil {
		return "", 0, false, err
	}
	if !utf8.Valid(raw) {
		raw = message.Parse(raw).UTF8(raw)
	}
	total = int64(len(raw))
	if limit < 0 || total <= limit {
		return string(raw), total, false, nil
	}
	return cutAt(string(raw), int(limit)), total, true, nil
}

func readPrefix(src io.ReaderAt, n int64) ([]byte, error) {
	if b, ok := src.(message.Bytes); ok {
		return b[:min(n, int64(len(b)))], nil
	}
	buf := make([]byte, n)
	got, err := src.ReadAt(buf, 0)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("class: read message: %w", err)
	}
	return buf[:got], nil
}

// validPrefix tells whether b is UTF-8 but for a character cut off at its end.
func validPrefix(b []byte) bool {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				b = b[:len(b)-i]
			}
			break
		}
	}
	return utf8.Valid(b)
}

// renderLegacy fills the body of version 2.5: plain text, or the message itself
// (MS-ASEMAIL 2.2.2.10.2, 2.2.2.50).
func (b *bodyReader) renderLegacy(opt *Options, v *values, dst *eas.Email) error {
	if sendMIME(b.ix, opt.MIMESupport) {
		text, total, truncated, err := b.readMIME(mimeTruncation(opt.MIMETruncation))
		if err != nil {
			return err
		}
		v.data, v.legacy.size, v.legacy.truncated = text, clampSize(total), truncated
		dst.MIMEData, dst.MIMESize, dst.MIMETruncated = &v.data, &v.legacy.size, &v.legacy.truncated
		return nil
	}
	text, total, truncated, err := b.read(preference{kind: eas.BodyPlain, limit: truncation(opt.Truncation)}, opt)
	if err != nil {
		return err
	}
	v.data, v.legacy.size, v.legacy.truncated = text, clampSize(total), truncated
	dst.BodySize, dst.BodyTruncated = &v.legacy.size, &v.legacy.truncated
	if text != "" {
		dst.PlainBody = &v.data
	}
	return nil
}
