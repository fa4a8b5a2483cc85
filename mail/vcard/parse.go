package vcard

import (
	"bytes"
	"fmt"
	"io"
	"mime/quotedprintable"
	"slices"
	"strings"

	"golang.org/x/net/html/charset"
)

// Parse reads the first card of a text; what follows it is ignored.
func Parse(text []byte) (*Card, error) {
	c, _, err := Next(text)
	return c, err
}

// Next reads the first card of a text and returns what follows it. A card of 2.1
// becomes one of 3.0. At the end,
// where there is nothing but white space, the error is io.EOF.
func Next(text []byte) (c *Card, rest []byte, err error) {
	r := reader{text: bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))}
	line, err := r.begin()
	if err != nil {
		return nil, nil, err
	}
	if !strings.EqualFold(strings.TrimSpace(line), "BEGIN:VCARD") {
		return nil, nil, fmt.Errorf("%w: it does not begin with BEGIN:VCARD", ErrMalformed)
	}
	c = &Card{}
	old := false
	for {
		line, ok := r.line()
		if !ok {
			return nil, nil, fmt.Errorf("%w: it has no END:VCARD within %d bytes", ErrMalformed, MaxBytes)
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		p, err := parseLine(line, &r)
		if err != nil {
			return nil, nil, err
		}
		switch p.Name {
		case "END":
			if c.Version == "" {
				c.Version = Version30 // the most likely, and the most lenient
			}
			return c, r.text[r.at:], nil
		case "BEGIN":
			return nil, nil, fmt.Errorf("%w: a card within a card", ErrMalformed)
		case "VERSION":
			if c.Version = strings.TrimSpace(p.Value); c.Version == Version21 {
				c.Version, old = Version30, true
			}
			continue
		}
		if old {
			p.renew()
		}
		if len(c.Properties) == maxProperties {
			return nil, nil, fmt.Errorf("%w: more than %d properties", ErrMalformed, maxProperties)
		}
		c.Properties = append(c.Properties, p)
	}
}

// reader takes a text apart into unfolded lines (RFC 6350 3.2).
type reader struct {
	text []byte
	at   int // where the next line begins
}

// begin returns the first line that is not empty.
func (r *reader) begin() (string, error) {
	for {
		line, ok := r.line()
		if !ok {
			return "", io.EOF
		}
		if strings.TrimSpace(line) != "" {
			return line, nil
		}
	}
}

// raw returns the next physical line without its end.
func (r *reader) raw() ([]byte, bool) {
	limit := min(len(r.text), MaxBytes)
	if r.at >= limit {
		return nil, false
	}
	line := r.text[r.at:limit]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
		r.at += i + 1
	} else {
		r.at = limit
	}
	return bytes.TrimSuffix(line, []byte("\r")), true
}

// line returns the next line with those that continue it.
func (r *reader) line() (string, bool) {
	first, ok := r.raw()
	if !ok {
		return "", false
	}
	if !r.continues() {
		return string(first), true
	}
	b := slices.Clone(first)
	for r.continues() {
		more, _ := r.raw()
		b = append(b, more[1:]...)
	}
	return string(b), true
}

func (r *reader) continues() bool {
	return r.at < min(len(r.text), MaxBytes) && (r.text[r.at] == ' ' || r.text[r.at] == '\t')
}

// parseLine reads one property. In quoted-printable, which is of 2.1, a line
// goes on after a trailing equals sign.
func parseLine(line string, r *reader) (Property, error) {
	p, value, err := parseHead(line)
	if err != nil {
		return p, err
	}
	quoted := slices.ContainsFunc(p.Param("ENCODING"), func(e string) bool { return strings.EqualFold(e, "QUOTED-PRINTABLE") })
	for quoted && strings.HasSuffix(value, "=") {
		more, ok := r.raw()
		if !ok {
			break
		}
		value = value[:len(value)-1] + string(more)
	}
	if quoted {
		value = p.unquote(clean(value)) // what a value cannot hold is no reason not to decode it
	} else if cs := p.Param("CHARSET"); len(cs) > 0 {
		value = decodeCharset(value, cs[0])
		p.SetParam("CHARSET")
	}
	p.Value = clean(value)
	return p, nil
}

// unquote undoes quoted-printable and its character set, so that the value is
// as in later versions. A semicolon that was encoded is no separator.
func (p *Property) unquote(value string) string {
	fields := strings.Split(value, ";")
	for i, f := range fields {
		b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(f)))
		if err != nil {
			return value // kept as it is
		}
		text := string(b)
		if cs := p.Param("CHARSET"); len(cs) > 0 {
			text = decodeCharset(text, cs[0])
		}
		fields[i] = escape(text)
	}
	p.SetParam("ENCODING")
	p.SetParam("CHARSET")
	return strings.Join(fields, ";")
}

// renew makes a property of 2.1 one of 3.0, which the card becomes: a comma was
// part of the text, and binary values name their encoding differently.
func (p *Property) renew() {
	if e := p.Param("ENCODING"); len(e) == 1 && strings.EqualFold(e[0], "BASE64") {
		p.SetParam("ENCODING", "b")
		return
	}
	var b strings.Builder
	for i := 0; i < len(p.Value); i++ {
		if p.Value[i] == ',' && (i == 0 || p.Value[i-1] != '\\') {
			b.WriteByte('\\')
		}
		b.WriteByte(p.Value[i])
	}
	p.Value = b.String()
}

func decodeCharset(s, name string) string {
	enc, _ := charset.Lookup(name)
	if enc == nil {
		return s
	}
	out, err := enc.NewDecoder().String(s)
	if err != nil {
		return s
	}
	return out
}

// clean makes a value one line of valid UTF-8.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if strings.IndexFunc(s, isControl) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) {
			return -1
		}
		return r
	}, s)
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// parseHead reads group, name and parameters, and returns the value.
func parseHead(line string) (p Property, value string, err error) {
	end := strings.IndexAny(line, ";:")
	if end < 1 {
		return p, "", fmt.Errorf("%w: a line without a name", ErrMalformed)
	}
	name := line[:end]
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		p.Group, name = name[:i], name[i+1:]
	}
	if !isName(name) || p.Group != "" && !isName(strings.ReplaceAll(p.Group, ".", "-")) {
		return p, "", fmt.Errorf("%w: a name that is none", ErrMalformed)
	}
	p.Name = strings.ToUpper(name)
	rest := line[end:]
	for rest != "" && rest[0] == ';' {
		if len(p.Params) == maxParams {
			return p, "", fmt.Errorf("%w: more than %d parameters", ErrMalformed, maxParams)
		}
		var q Param
		if q, rest, err = parseParam(rest[1:]); err != nil {
			return p, "", err
		}
		if q.Name != "" {
			p.Params = append(p.Params, q)
		}
	}
	if rest == "" || rest[0] != ':' {
		return p, "", fmt.Errorf("%w: a line without a value", ErrMalformed)
	}
	return p, rest[1:], nil
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c == '-' || c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z') {
			return false
		}
	}
	return s != "" && len(s) <= 100
}

// parseParam reads a parameter up to the semicolon or colon that ends it. A bare
// value, as 2.1 has it, is one of TYPE or ENCODING.
func parseParam(s string) (q Param, rest string, err error) {
	end := strings.IndexAny(s, "=;:")
	if end < 0 {
		return q, "", fmt.Errorf("%w: a parameter without an end", ErrMalformed)
	}
	name := strings.TrimSpace(s[:end])
	if s[end] != '=' {
		return bareParam(name), s[end:], nil
	}
	if !isName(name) {
		return q, "", fmt.Errorf("%w: a parameter without a name", ErrMalformed)
	}
	q.Name = strings.ToUpper(name)
	rest = s[end+1:]
	for {
		var v string
		if strings.HasPrefix(rest, `"`) {
			closing := strings.IndexByte(rest[1:], '"')
			if closing < 0 {
				return q, "", fmt.Errorf("%w: a quote without an end", ErrMalformed)
			}
			v, rest = rest[1:1+closing], rest[closing+2:]
		} else {
			stop := strings.IndexAny(rest, ",;:")
			if stop < 0 {
				return q, "", fmt.Errorf("%w: a parameter without an end", ErrMalformed)
			}
			v, rest = strings.TrimSpace(rest[:stop]), rest[stop:]
		}
		if len(q.Values) == maxValues {
			return q, "", fmt.Errorf("%w: more than %d values", ErrMalformed, maxValues)
		}
		q.Values = append(q.Values, paramUnescaper.Replace(clean(v)))
		if !strings.HasPrefix(rest, ",") {
			return q, rest, nil
		}
		rest = rest[1:]
	}
}

func bareParam(s string) Param {
	switch {
	case !isName(s):
		return Param{}
	case strings.EqualFold(s, "QUOTED-PRINTABLE"), strings.EqualFold(s, "BASE64"), strings.EqualFold(s, "8BIT"):
		return Param{"ENCODING", []string{s}}
	}
	return Param{"TYPE", []string{s}}
}

// RFC 6868: what a parameter cannot hold.
var (
	paramUnescaper = strings.NewReplacer("^n", "\n", "^'", `"`, "^^", "^")
	paramEscaper   = strings.NewReplacer("\r\n", "^n", "\n", "^n", "\r", "^n", `"`, "^'", "^", "^^")
)
