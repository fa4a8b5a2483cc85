package encrypt

import (
	"bytes"
	"encoding/base64"
	"mime"
	"strings"
)

// parts is a message taken apart: what stays readable, and what goes inside.
type parts struct {
	outside []byte // header fields
	inside  []byte // the other header fields
	body    []byte // behind the empty line

	contentType string // value of the field, in one line; empty: there is none
}

// readable are the fields, in lower case, that stay outside: those that say where
// a message came from and belongs, and those that the server, rules and clients
// look at without opening it. Whatever is of MIME goes inside, and so do
// signatures, which speak of what is inside.
func readable(name string) bool {
	switch name {
	case "from", "sender", "reply-to", "to", "cc", "bcc", "date", "subject",
		"message-id", "in-reply-to", "references", "thread-topic", "thread-index",
		"return-path", "delivered-to", "received", "received-spf", "authentication-results",
		"auto-submitted", "precedence", "feedback-id", "archived-at",
		"importance", "priority", "x-priority", "x-msmail-priority", "sensitivity",
		"disposition-notification-to":
		return true
	}
	return strings.HasPrefix(name, "list-") || strings.HasPrefix(name, "resent-") || strings.HasPrefix(name, "x-martlet-")
}

// split takes a message apart. Any bytes are accepted: the header ends at the
// first line that is none of a field's.
func split(raw []byte) *parts {
	m := &parts{}
	rest := raw
	for len(rest) > 0 {
		name, n := fieldAt(rest)
		if n == 0 {
			break
		}
		f := rest[:n]
		rest = rest[n:]
		if f[n-1] != '\n' { // cut off in the header
			f = append(bytes.Clone(f), "\r\n"...)
		}
		switch {
		case readable(name):
			m.outside = append(m.outside, f...)
			continue
		case name == "content-type" && m.contentType == "":
			m.contentType = oneLine(f[bytes.IndexByte(f, ':')+1:])
		}
		m.inside = append(m.inside, f...)
	}
	switch {
	case bytes.HasPrefix(rest, []byte("\r\n")):
		rest = rest[2:]
	case bytes.HasPrefix(rest, []byte("\n")):
		rest = rest[1:]
	}
	m.body = rest
	return m
}

// fieldAt returns the name, in lower case, of the field that b begins with, and
// how long it is with its line ends; zero where no field begins.
func fieldAt(b []byte) (name string, n int) {
	colon := 0
	for colon < len(b) && b[colon] > ' ' && b[colon] < 0x7f && b[colon] != ':' {
		colon++
	}
	end := colon
	for end < len(b) && (b[end] == ' ' || b[end] == '\t') { // RFC 5322 4.5.8
		end++
	}
	if colon == 0 || end == len(b) || b[end] != ':' {
		return "", 0
	}
	for n < len(b) {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			n = len(b)
			break
		}
		if n += i + 1; n == len(b) || b[n] != ' ' && b[n] != '\t' {
			break
		}
	}
	return strings.ToLower(string(b[:colon])), n
}

func oneLine(value []byte) string {
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(string(value)))
}

// entity is what is encrypted: the message as a MIME entity of its own, without
// the fields that stay outside. room is left behind it.
func (m *parts) entity(room int) []byte {
	const plain = "Content-Type: text/plain; charset=us-ascii\r\n" // RFC 2045 5.2
	out := make([]byte, 0, len(plain)+len(m.inside)+2+len(m.body)+room)
	if m.contentType == "" {
		out = append(out, plain...)
	}
	out = append(append(out, m.inside...), "\r\n"...)
	return append(out, m.body...)
}

// oidEnveloped are the object identifiers of enveloped-data and of
// auth-enveloped-data in DER (RFC 5652 6.1, RFC 5083 2.1).
func oidEnveloped() [][]byte {
	return [][]byte{
		{6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3},
		{6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 23},
	}
}

// encrypted tells whether a message is encrypted as it comes: in PGP/MIME, in
// S/MIME, or as a text that is a message of OpenPGP.
func (m *parts) encrypted() bool {
	kind, params, err := mime.ParseMediaType(m.contentType)
	if err != nil { // a bad parameter; the type alone may tell
		kind, _, _ = strings.Cut(m.contentType, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
	}
	switch kind {
	case "multipart/encrypted":
		return true
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		switch strings.ToLower(params["smime-type"]) {
		case "enveloped-data", "authenveloped-data": // RFC 8551 3.2.2
			return true
		case "":
			return m.enveloped()
		}
	case "", "text/plain":
		text := bytes.TrimSpace(m.body)
		return bytes.HasPrefix(text, []byte("-----BEGIN PGP MESSAGE-----")) && bytes.HasSuffix(text, []byte("-----END PGP MESSAGE-----"))
	}
	return false
}

// enveloped looks at a body of CMS that does not say what it is.
func (m *parts) enveloped() bool {
	head := m.body[:min(len(m.body), 64)]
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(head)))
	n, _ := base64.StdEncoding.Decode(decoded, head) // as far as it goes
	for _, oid := range oidEnveloped() {
		if bytes.Contains(head, oid) || bytes.Contains(decoded[:n], oid) {
			return true
		}
	}
	return false
}
