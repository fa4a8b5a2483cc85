package dkim

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
)

// protected are the fields that are signed once more often than they stand in a
// message, so that nobody can add one (RFC 6376 8.15). Nothing that a mailing list
// adds on its own is among them.
func protected() []string {
	return []string{"from", "to", "cc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references", "mime-version", "content-type", "content-transfer-encoding"}
}

// others are signed as often as they stand there (RFC 6376 5.4.1).
func others() []string {
	return []string{"sender", "resent-date", "resent-from", "resent-to", "resent-cc", "list-id", "list-help", "list-unsubscribe", "list-unsubscribe-post", "list-subscribe", "list-post", "list-owner", "list-archive", "autocrypt"}
}

// Sign returns a DKIM signature of a message for each of the keys, as fields to
// put on top. The message has CRLF line ends.
func Sign(raw []byte, now time.Time, keys ...Key) ([]byte, error) {
	m, ok := open(raw)
	if !ok {
		return nil, fmt.Errorf("dkim: the header cannot be read")
	}
	names := m.toSign()
	var out []byte
	for _, k := range keys {
		head := fmt.Sprintf("DKIM-Signature: v=1; a=%s; c=relaxed/relaxed;\r\n\td=%s; s=%s; t=%d;", k.Algorithm(), k.Domain, k.Selector, now.Unix())
		one, err := m.sign(head, names, k)
		if err != nil {
			return nil, err
		}
		out = append(out, one...)
	}
	return out, nil
}

// toSign are the names of the fields that are signed.
func (m *opened) toSign() (names []string) {
	count := map[string]int{}
	for _, f := range m.fields {
		count[f.name]++
	}
	for _, name := range protected() {
		names = append(names, slices.Repeat([]string{name}, min(count[name], 10)+1)...)
	}
	for _, name := range others() {
		names = append(names, slices.Repeat([]string{name}, min(count[name], 10))...)
	}
	return names
}

// sign ends a field that head begins.
func (m *opened) sign(head string, names []string, k Key) ([]byte, error) {
	var b strings.Builder
	b.WriteString(head)
	b.WriteString("\r\n\th=")
	column := 10
	for i, name := range names {
		if i > 0 {
			b.WriteByte(':')
			column++
		}
		if column+len(name) > 74 {
			b.WriteString("\r\n\t ")
			column = 9
		}
		b.WriteString(name)
		column += len(name)
	}
	b.WriteString(";\r\n\tbh=" + base64.StdEncoding.EncodeToString(m.bodyHash(true)) + ";\r\n\tb=")
	return finish(b.String(), k, m.input(names, field{raw: []byte(b.String())}, true))
}

// finish writes the value behind a field that ends with b=.
func finish(text string, k Key, input []byte) ([]byte, error) {
	value, err := k.sign(input)
	if err != nil {
		return nil, err
	}
	out := []byte(text)
	for s := base64.StdEncoding.EncodeToString(value); s != ""; {
		n := min(len(s), 70)
		out = append(out, s[:n]...)
		if s = s[n:]; s != "" {
			out = append(out, "\r\n\t "...)
		}
	}
	return append(out, "\r\n"...), nil
}

// start is how a signature is told from others (RFC 6008 4).
func start(value []byte) string {
	s := base64.StdEncoding.EncodeToString(value)
	return s[:min(len(s), 8)]
}
