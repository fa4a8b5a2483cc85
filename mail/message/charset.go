package message

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
)

// guessText reads text of no known charset: UTF-8 if it is that, ISO-2022-JP
// if it has its escapes, else windows-1252, in which every byte means something.
func guessText(b []byte) string {
	switch {
	case isJapaneseEscaped(b):
		return decodeCharset(b, "iso-2022-jp")
	case utf8.Valid(b):
		return string(b)
	}
	return string(transcode(nil, b, charmap.Windows1252, true))
}

func isJapaneseEscaped(b []byte) bool {
	return bytes.IndexByte(b, 0x1b) >= 0 && (bytes.Contains(b, []byte("\x1b$B")) || bytes.Contains(b, []byte("\x1b$@")))
}

// decodeCharset turns text of a declared charset into UTF-8.
func decodeCharset(b []byte, name string) string {
	return string(appendUTF8(nil, b, name, true))
}

// appendUTF8 appends b, text in the named charset, as UTF-8. Without eof, a
// character that is cut off at the end is left out.
func appendUTF8(dst, b []byte, name string, eof bool) []byte {
	name = strings.ToLower(strings.Trim(name, " \"'"))
	switch kind := charsetKind(name); {
	case kind == charsetUTF8:
		return appendValid(dst, b, eof)
	case kind == charsetGuess:
		if !eof {
			b = trimPartial(b)
		}
		switch {
		case isJapaneseEscaped(b):
			return transcode(dst, b, japanese.ISO2022JP, eof)
		case utf8.Valid(b):
			return append(dst, b...)
		}
		return transcode(dst, b, charmap.Windows1252, eof)
	case kind == charsetASCIIBased && isASCII(b):
		return append(dst, b...)
	}
	switch name {
	case "utf-7", "unicode-1-1-utf-7", "utf7", "utf_7", "x-unicode-2-0-utf-7":
		return appendUTF7(dst, b)
	case "iso-2022-kr", "csiso2022kr":
		return transcode(dst, shiftedKorean(b), korean.EUCKR, eof)
	}
	return transcode(dst, b, lookupCharset(name), eof)
}

type charsetClass uint8

const (
	charsetOther charsetClass = iota
	charsetUTF8
	charsetGuess
	charsetASCIIBased // ASCII bytes mean ASCII characters
)

func charsetKind(name string) charsetClass {
	switch name {
	case "utf-8", "utf8", "unicode-1-1-utf-8", "x-unicode-2-0-utf-8", "utf_8":
		return charsetUTF8
	case "", "us-ascii", "ascii", "unknown-8bit", "x-unknown", "unknown", "unknown-charset", "binary", "8bit", "7bit", "default",
		"iso-8859-8859", "x-user-defined", "default_charset", "ansi_x3.4-1968", "646", "none", "null":
		return charsetGuess
	}
	if strings.HasPrefix(name, "iso-8859") || strings.HasPrefix(name, "windows-") || strings.HasPrefix(name, "koi8") ||
		strings.HasPrefix(name, "gb") || strings.HasPrefix(name, "euc-") || name == "big5" {
		return charsetASCIIBased
	}
	return charsetOther
}

// lookupCharset finds a charset by any of its names; windows-1252 stands in
// for one that nobody knows.
func lookupCharset(name string) encoding.Encoding {
	switch name {
	case "cp936", "ms936", "windows-936", "x-gbk", "gb_2312-80", "euc-cn", "gb2312", "gbk", "gb_2312", "x-cp20936", "eucgb2312_cn": // the last is Python's
		return simplifiedchinese.GB18030 // a superset; senders say gb2312 and mean it
	case "hz-gb-2312", "hz":
		return simplifiedchinese.HZGB2312
	case "cp932", "ms932", "windows-932", "shift-jis", "sjis", "x-sjis-jp", "cp943":
		return japanese.ShiftJIS
	case "iso-2022-jp-1", "iso-2022-jp-2", "iso-2022-jp-3", "iso-2022-jp-ms", "cp50220", "cp50221", "cp50222":
		return japanese.ISO2022JP
	case "cp949", "ms949", "ks_c_5601", "ksc5601", "euckr":
		return korean.EUCKR
	case "cp950", "ms950", "x-windows-950", "big5_tw": // the last is Python's
		name = "big5"
	case "cp437", "ibm-437":
		return charmap.CodePage437
	case "cp850", "ibm-850", "dos-850", "850":
		return charmap.CodePage850
	case "cp858", "ibm00858":
		return charmap.CodePage858
	case "cp852", "cp860", "cp862", "cp863", "cp865":
		name = "ibm" + name[2:]
	case "utf-16", "unicode", "ucs-2", "utf16", "iso-10646-ucs-2":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case "utf-16be":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case "utf-16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case "utf-32", "ucs-4", "utf32":
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
	case "utf-32le":
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	case "utf-32be":
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)
	}
	if strings.HasPrefix(name, "cp125") && len(name) == 6 {
		name = "windows-" + name[2:]
	}
	if e, _ := charset.Lookup(name); e != nil && e != encoding.Replacement {
		return e
	}
	if e, err := ianaindex.MIME.Encoding(name); err == nil && e != nil {
		return e
	}
	if strings.Contains(name, "_") { // euc_kr, iso8859_2: the names of codecs
		return lookupCharset(strings.ReplaceAll(name, "_", "-"))
	}
	return charmap.Windows1252
}

// transcode decodes b and appends it. What cannot be decoded becomes U+FFFD.
func transcode(dst, b []byte, e encoding.Encoding, eof bool) []byte {
	d := e.NewDecoder().Transformer
	for len(b) > 0 {
		if cap(dst)-len(dst) < 64 {
			dst = append(dst, make([]byte, max(64, len(b)+len(b)/4))...)[:len(dst)]
		}
		n, m, err := d.Transform(dst[len(dst):cap(dst)], b, eof)
		dst, b = dst[:len(dst)+n], b[m:]
		switch {
		case err == nil:
			return dst
		case err == transform.ErrShortDst:
			if n == 0 && m == 0 {
				dst = append(dst, make([]byte, 256)...)[:len(dst)]
			}
		case err == transform.ErrShortSrc:
			return dst
		default: // no decoder returns another error; skip the byte rather than loop
			if len(b) > 0 {
				dst, b = append(dst, "\ufffd"...), b[1:]
			}
		}
	}
	return dst
}

// appendValid appends text that is said to be UTF-8, and nearly always is. If
// no character of it beyond ASCII is UTF-8, it is windows-1252.
func appendValid(dst, b []byte, eof bool) []byte {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if !eof {
		b = trimPartial(b)
	}
	if utf8.Valid(b) {
		return append(dst, b...)
	}
	start, proved := len(dst), false
	for rest := b; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		proved = proved || n > 1
		dst = utf8.AppendRune(dst, r)
		rest = rest[n:]
	}
	if proved {
		return dst
	}
	return transcode(dst[:start], b, charmap.Windows1252, eof)
}

// trimPartial leaves out a UTF-8 character that is cut off at the end.
func trimPartial(b []byte) []byte {
	for i := 1; i <= 3 && i <= len(b); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// shiftedKorean turns ISO-2022-KR (RFC 1557) into EUC-KR: between SO and SI
// the high bit is set.
func shiftedKorean(b []byte) []byte {
	out := make([]byte, 0, len(b))
	shifted := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == 0x1b && i+3 < len(b) && b[i+1] == '$' && b[i+2] == ')' && b[i+3] == 'C':
			i += 3
		case c == 0x0e:
			shifted = true
		case c == 0x0f || c == '\n':
			shifted = false
			if c == '\n' {
				out = append(out, c)
			}
		case shifted && c > 0x20 && c < 0x7f:
			out = append(out, c|0x80)
		default:
			out = append(out, c)
		}
	}
	return out
}

// isASCII tells whether b is ASCII without escapes.
func isASCII(b []byte) bool {
	if bytes.IndexByte(b, 0x1b) >= 0 {
		return false
	}
	for len(b) >= 8 {
		if (b[0]|b[1]|b[2]|b[3]|b[4]|b[5]|b[6]|b[7])&0x80 != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
