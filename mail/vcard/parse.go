package vcard

import (
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"
)

// Parse reads the first card of a text; what follows it is ignored.
func Parse(text []byte) (*Card, error) {
	c, _, err := Next(text)
	return c, err
}

// Next reads the first card of a text and returns what follows it. A card of 2.1
// becomes one of 3.0. At the end,
// where there is nothing but white space, the error is io.EOF. With another
// error, what follows begins with the next card that there is, so that one that
// is broken keeps nobody from those after it.
func Next(text []byte) (c *Card, rest []byte, err error) {
	text = decodeText(text)
	r := reader{text: string(text[:min(len(text), MaxBytes)]), end: '\n'}
	if strings.IndexByte(r.text, '\n') < 0 {
		r.end = '\r'
	}
	if c, err = r.card(); err == nil {
		return c, text[r.at:], nil
	}
	if err == io.EOF {
		return nil, nil, err
	}
	return nil, resume(text[r.at:], r.end), err
}

// card reads one card.
func (r *reader) card() (*Card, error) {
	line, err := r.begin()
	if err != nil {
		return nil, err
	}
	if !isBegin(line) {
		return nil, fmt.Errorf("%w: it does not begin with BEGIN:VCARD", ErrMalformed)
	}
	c := &Card{Properties: make([]Property, 0, 16)}
	old, texts := false, 0
	var more strings.Builder // of the last property
	for {
		line, ok := r.line()
		if !ok {
			return nil, fmt.Errorf("%w: it has no END:VCARD within %d bytes", ErrMalformed, MaxBytes)
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		p, err := parseLine(line, r)
		if errors.Is(err, errLine) {
			c.takeUp(line, &more)
			continue
		}
		if err != nil {
			return nil, err
		}
		c.complete(&more)
		switch p.Name {
		case "END":
			c.finish(old)
			return c, nil
		case "BEGIN":
			if err := r.agent(c); err != nil {
				return nil, err
			}
			continue
		case "VERSION":
			if c.Version = strings.TrimSpace(p.Value); c.Version == Version21 {
				c.Version, old = Version30, true
			}
			continue
		}
		if len(c.Properties) == MaxProperties {
			return nil, fmt.Errorf("%w: more than %d properties", ErrMalformed, MaxProperties)
		}
		for i := range p.Params {
			texts += len(p.Params[i].Values)
		}
		if texts > maxParamTexts {
			return nil, fmt.Errorf("%w: more than %d values of parameters", ErrMalformed, maxParamTexts)
		}
		c.Properties = append(c.Properties, p)
	}
}

// finish brings a card that was read to its end into the form in which it is
// kept.
func (c *Card) finish(old bool) {
	if c.Version == "" {
		c.Version = Version30 // the most likely, and the most lenient
	}
	for i := range c.Properties {
		if old {
			c.Properties[i].renew()
		}
	}
	if len(c.Properties) == 0 {
		c.Properties = nil
	}
}

// errLine means that a line is no property.
var errLine = errors.New("vcard: a line that is no property")

// takeUp adds a line that is no property to the one before: writers forget to
// fold binary values, and to escape the ends of lines in a text. One without a
// property before it means nothing.
func (c *Card) takeUp(line string, more *strings.Builder) {
	if len(c.Properties) == 0 {
		return
	}
	if _, binary := c.Properties[len(c.Properties)-1].encoding(); binary {
		more.WriteString(strings.TrimSpace(clean(line)))
		return
	}
	more.WriteString(`\n`)
	more.WriteString(escape(clean(line)))
}

// complete gives the last property what was taken up.
func (c *Card) complete(more *strings.Builder) {
	if more.Len() > 0 {
		c.Properties[len(c.Properties)-1].Value += more.String()
		more.Reset()
	}
}

// agent reads a card that stands in another one, as 2.1 had it (section 2.4.1),
// into the AGENT before it. Anywhere else it means that an END is missing.
func (r *reader) agent(c *Card) error {
	n := len(c.Properties)
	if n == 0 || c.Properties[n-1].Name != "AGENT" || strings.TrimSpace(c.Properties[n-1].Value) != "" {
		r.at = r.start
		return fmt.Errorf("%w: a card within a card", ErrMalformed)
	}
	b := []byte("BEGIN:VCARD\n")
	for depth := 1; depth > 0; {
		line, ok := r.line()
		if !ok {
			return fmt.Errorf("%w: an agent without an end", ErrMalformed)
		}
		switch {
		case isBegin(line):
			depth++
		case strings.EqualFold(strings.TrimSpace(line), "END:VCARD"):
			depth--
		}
		b = append(append(b, clean(line)...), '\n')
	}
	c.Properties[n-1].Value = escape(string(b))
	return nil
}

func isBegin(line string) bool { return strings.EqualFold(strings.TrimSpace(line), "BEGIN:VCARD") }

// parseLine reads one property. In quoted-printable, which is of 2.1, a line
// goes on after a trailing equals sign.
func parseLine(line string, r *reader) (Property, error) {
	p, value, err := parseHead(line)
	if err != nil {
		return p, err
	}
	form, _ := p.encoding()
	quoted := strings.EqualFold(form, "QUOTED-PRINTABLE")
	if quoted && strings.HasSuffix(value, "=") {
		value = r.softLines(value)
	}
	if quoted {
		value = p.unquote(clean(value)) // what a value cannot hold is no reason not to decode it
	} else if cs := p.Param("CHARSET"); len(cs) > 0 {
		value = decodeCharset(value, cs[0])
		p.SetParam("CHARSET")
	} else if !utf8.ValidString(value) {
		value = decodeUnnamed(value)
	}
	p.Value = clean(value)
	return p, nil
}

// softLines puts the lines of a quoted-printable value together.
func (r *reader) softLines(value string) string {
	var b strings.Builder
	for strings.HasSuffix(value, "=") {
		b.WriteString(value[:len(value)-1])
		var ok bool
		if value, ok = r.raw(); !ok {
			break
		}
	}
	b.WriteString(value)
	return b.String()
}

// unquote undoes quoted-printable and its character set, so that the value is
// as in later versions. A semicolon that was encoded or escaped, which is the one
// escape of 2.1, is no separator.
func (p *Property) unquote(value string) string {
	fields := split(value, ';')
	for i, f := range fields {
		b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(strings.ReplaceAll(f, `\;`, ";"))))
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
	if form, binary := p.encoding(); binary {
		if form != "b" {
			p.SetParam("ENCODING", "b")
		}
		return
	}
	if p.Name == "CATEGORIES" || p.Name == "NICKNAME" || strings.IndexByte(p.Value, ',') < 0 {
		return // lists, whatever the specification said
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

// parseHead reads group, name and parameters, and returns the value.
func parseHead(line string) (p Property, value string, err error) {
	end := strings.IndexAny(line, ";:")
	if end < 1 {
		return p, "", errLine
	}
	name := line[:end]
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		p.Group, name = name[:i], name[i+1:]
	}
	if !isName(name) || p.Group != "" && !isName(strings.ReplaceAll(p.Group, ".", "-")) {
		return p, "", errLine
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
		return p, "", errLine
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
		return q, "", errLine
	}
	name := strings.TrimSpace(s[:end])
	if s[end] != '=' {
		return bareParam(name), s[end:], nil
	}
	if !isName(name) {
		return q, "", errLine
	}
	if q.Name = "TYPE"; !strings.EqualFold(name, q.Name) {
		q.Name = strings.ToUpper(name)
	}
	rest = s[end+1:]
	for {
		var v string
		if closing := closingQuote(rest); closing > 0 {
			v, rest = rest[1:closing], rest[closing+1:]
		} else {
			stop := strings.IndexAny(rest, ",;:")
			if stop < 0 {
				return q, "", errLine
			}
			v, rest = strings.TrimSpace(rest[:stop]), rest[stop:]
		}
		if len(q.Values) == maxValues {
			return q, "", fmt.Errorf("%w: more than %d values", ErrMalformed, maxValues)
		}
		if v = clean(v); strings.IndexByte(v, '^') >= 0 {
			v = paramUnescaper.Replace(v)
		}
		q.Values = append(q.Values, v)
		if !strings.HasPrefix(rest, ",") {
			return q, rest, nil
		}
		rest = rest[1:]
	}
}

// closingQuote returns where a quoted value ends, 0 for one that is not quoted
// or whose quote is never closed.
func closingQuote(s string) int {
	if !strings.HasPrefix(s, `"`) {
		return 0
	}
	return strings.IndexByte(s[1:], '"') + 1
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
