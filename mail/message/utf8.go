package message

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"martlet/mail/wire"
)

// UTF8 returns a message that says the same and is valid UTF-8, for protocols
// that carry it as text: content with other bytes is encoded in base64, header
// fields are decoded. It is raw itself where that is valid, as nearly always:
// what is signed must not be touched without need.
func (ix *Index) UTF8(raw []byte) []byte {
	if utf8.Valid(raw) {
		return raw
	}
	out := make([]byte, 0, len(raw)+len(raw)/2)
	at := int64(0)
	for i := range ix.Parts {
		pt := &ix.Parts[i]
		if pt.Header < at || pt.End > int64(len(raw)) || !ix.needsBase64(i, raw) {
			continue
		}
		out = append(out, guessText(raw[at:pt.Header])...)
		header, content := raw[pt.Header:pt.Body], raw[pt.Body:pt.End]
		if strings.HasPrefix(pt.Type, "text/") && pt.Filename == "" && charsetKind(pt.Charset) == charsetGuess {
			// Bytes of no charset: other readers would guess otherwise.
			content = []byte(guessText(content))
			out = appendHeader(out, header, "content-type", "content-transfer-encoding")
			out = append(out, "Content-Type: "+pt.Type+"; charset=utf-8\r\n"...)
		} else {
			out = appendHeader(out, header, "content-transfer-encoding")
		}
		out = append(out, "Content-Transfer-Encoding: base64\r\n\r\n"...)
		out = wire.AppendBase64(out, content)
		at = pt.End
	}
	return append(out, guessText(raw[at:])...)
}

// needsBase64 tells whether a part's content can only be kept by encoding it.
// Parts that hold others must not be encoded (RFC 2045 6.4).
func (ix *Index) needsBase64(i int, raw []byte) bool {
	pt := &ix.Parts[i]
	if ix.IsMultipart(i) || pt.Type == "message/rfc822" || pt.Encoding != "" || utf8.Valid(raw[pt.Body:pt.End]) {
		return false
	}
	return !bytes.Contains(bytes.ToLower(raw[pt.Header:pt.Body]), []byte("multipart/"))
}

// appendHeader copies a header without the named fields and without the blank
// line that ends it.
func appendHeader(out, header []byte, without ...string) []byte {
	skipping := false
	for len(header) > 0 {
		line := header
		if i := bytes.IndexByte(header, '\n'); i >= 0 {
			line = header[:i]
			header = header[i+1:]
		} else {
			header = nil
		}
		line = bytes.TrimRight(line, "\r")
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := bytes.Cut(line, []byte(":"))
			skipping = slices.ContainsFunc(without, func(w string) bool { return bytes.EqualFold(bytes.TrimSpace(name), []byte(w)) })
		}
		if !skipping {
			out = append(append(out, guessText(line)...), '\r', '\n')
		}
	}
	return out
}
