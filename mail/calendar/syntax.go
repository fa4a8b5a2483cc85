package calendar

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Component is a calendar component: properties and components in their order,
// all of them, known or not.
type Component struct {
	Name     string // upper case
	Props    []Property
	Children []*Component
}

// Property is one content line (RFC 5545 3.1).
type Property struct {
	Name   string // upper case
	Params []Param
	Value  string // as it stands there, escapes and all
}

// Param is a property's parameter.
type Param struct {
	Name   string // upper case
	Values []string
}

func newDecoder(b []byte) (*decoder, error) {
	if len(b) > maxBytes {
		return nil, ErrTooLarge
	}
	rest := bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	return &decoder{rest: rest, odd: len(rest) < len(b)}, nil
}

// next reads the next calendar object; nil if there is none. With bare, a
// component that stands outside of any object counts as an object of its own.
func (d *decoder) next(bare bool) (*Component, error) {
	root, err := d.read(bare)
	if err == nil && root != nil && strings.TrimSpace(root.Value("VERSION")) == "1.0" {
		d.odd = true
		upgrade(root)
	}
	return root, err
}

func (d *decoder) read(bare bool) (*Component, error) {
	var stack []*Component
	for {
		before := d.rest
		line, ok := d.line()
		if !ok {
			break
		}
		p, ok := parseLine(line)
		if !ok {
			d.odd = true
			continue
		}
		switch p.Name {
		case "BEGIN":
			c := &Component{Name: strings.ToUpper(strings.TrimSpace(p.Value))}
			if c.Name == "VCALENDAR" && len(stack) > 0 { // the one before does not end
				d.rest, d.bare, d.odd = before, false, true
				return stack[0], nil
			}
			if len(stack) == 0 && c.Name != "VCALENDAR" {
				if d.odd = true; !bare || !isItem(c.Name) {
					continue
				}
				stack = append(stack, &Component{Name: "VCALENDAR"})
				d.bare = true
			}
			if d.components++; d.components > maxComponents || len(stack) >= maxDepth {
				return nil, ErrTooLarge
			}
			if len(stack) > 0 {
				top := stack[len(stack)-1]
				top.Children = append(top.Children, c)
			}
			stack = append(stack, c)
		case "END":
			name := strings.ToUpper(strings.TrimSpace(p.Value))
			if stack = d.end(stack, name); len(stack) == 1 && (name == "VCALENDAR" || d.bare) {
				d.bare = false
				return stack[0], nil
			}
		default:
			if len(stack) == 0 {
				d.odd = true
				continue
			}
			for i := range p.Params {
				d.texts += len(p.Params[i].Values)
			}
			if d.properties++; d.properties > maxProperties || d.texts > maxParamTexts {
				return nil, ErrTooLarge
			}
			if strings.EqualFold(p.Param("ENCODING"), "QUOTED-PRINTABLE") {
				d.unquote(&p)
			}
			top := stack[len(stack)-1]
			top.Props = append(top.Props, p)
		}
	}
	if len(stack) == 0 {
		return nil, nil
	}
	d.odd = true // it does not end
	return stack[0], nil
}

// end takes what a component's end ends off the stack, but never the object
// itself.
func (d *decoder) end(stack []*Component, name string) []*Component {
	for i := len(stack) - 1; i >= 0; i-- {
		if stack[i].Name != name {
			continue
		}
		d.odd = d.odd || i < len(stack)-1
		return stack[:max(i, 1)]
	}
	d.odd = true
	return stack
}

// isItem tells whether a component is an item of a calendar.
func isItem(name string) bool { return name == "VEVENT" || name == "VTODO" || name == "VJOURNAL" }

// decoder cuts the bytes into unfolded lines.
type decoder struct {
	rest                          []byte
	components, properties, texts int  // so far
	bare                          bool // what is being read stands in no object
	odd                           bool // something was mended or dropped
}

// line returns the next content line. Lines end in CRLF, in LF or in CR; what
// begins with a blank goes on with the line before.
func (d *decoder) line() (string, bool) {
	if len(d.rest) == 0 {
		return "", false
	}
	first := d.physical()
	if !d.folded() {
		return d.text(first), true
	}
	var b bytes.Buffer
	b.Write(first)
	for d.folded() {
		next := d.physical()[1:]
		if b.Len()+len(next) <= maxValue {
			b.Write(next)
		}
	}
	return d.text(b.Bytes()), true
}

func (d *decoder) folded() bool { return len(d.rest) > 0 && (d.rest[0] == ' ' || d.rest[0] == '\t') }

func (d *decoder) physical() []byte {
	i := bytes.IndexAny(d.rest, "\r\n")
	if i < 0 {
		line := d.rest
		d.rest, d.odd = nil, true
		return line
	}
	line := d.rest[:i]
	if d.rest[i] == '\r' && i+1 < len(d.rest) && d.rest[i+1] == '\n' { // as it ought to be
		d.rest = d.rest[i+2:]
		return line
	}
	d.odd = true
	for n := 1; ; n++ { // CRLF, and the CRCRLF that some mail programs make of it
		if i+n >= len(d.rest) || d.rest[i+n-1] == '\n' || d.rest[i+n] != '\n' && d.rest[i+n] != '\r' {
			d.rest = d.rest[i+n:]
			return line
		}
	}
}

// text makes valid UTF-8 of a line, without control characters; what is not
// UTF-8 is taken for Windows-1252, which is Latin-1 with quotes and dashes.
func (d *decoder) text(b []byte) string {
	if utf8.Valid(b) {
		if bytes.IndexFunc(b, isControl) < 0 {
			return string(b)
		}
		d.odd = true
		return strings.Map(noControl, string(b))
	}
	d.odd = true
	var s strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			if r = rune(b[0]); r >= 0x80 && r < 0xa0 {
				r = windows1252[r-0x80]
			}
		}
		s.WriteRune(r)
		b = b[n:]
	}
	return strings.Map(noControl, s.String())
}

// windows1252 are the characters of the bytes from 0x80 to 0x9f.
var windows1252 = [...]rune{
	'€', 0x81, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0x8d, 'Ž', 0x8f,
	0x90, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0x9d, 'ž', 'Ÿ',
}

// parseLine reads name, parameters and value.
func parseLine(line string) (Property, bool) {
	i := strings.IndexAny(line, ":;")
	if i <= 0 {
		return Property{}, false
	}
	p := Property{Name: strings.ToUpper(strings.TrimSpace(line[:i]))}
	if !isName(p.Name) {
		return Property{}, false
	}
	for i < len(line) && line[i] == ';' {
		param, n := parseParam(line[i+1:])
		i += 1 + n
		if param.Name != "" && len(p.Params) < maxParams {
			p.Params = append(p.Params, param)
		}
	}
	if i >= len(line) || line[i] != ':' {
		return Property{}, false
	}
	p.Value = line[i+1:]
	return p, true
}

// parseParam reads one parameter and tells how long it is, up to the ; or : that
// ends it.
func parseParam(s string) (p Param, n int) {
	end := strings.IndexAny(s, "=;:")
	if end < 0 {
		return p, len(s)
	}
	if s[end] != '=' { // vCalendar 1.0 has values without names
		if strings.EqualFold(s[:end], "QUOTED-PRINTABLE") {
			p = Param{"ENCODING", []string{s[:end]}}
		}
		return p, end
	}
	if p.Name = strings.ToUpper(strings.TrimSpace(s[:end])); !isName(p.Name) {
		p.Name = ""
	}
	n = end + 1
	for {
		var v string
		if n < len(s) && s[n] == '"' {
			close := strings.IndexByte(s[n+1:], '"')
			if close < 0 {
				close = len(s) - n - 1
			}
			v = s[n+1 : n+1+close]
			n = min(n+close+2, len(s))
			// What follows the quotes up to the next delimiter is dropped.
			if i := strings.IndexAny(s[n:], ",;:"); i >= 0 {
				n += i
			} else {
				n = len(s)
			}
		} else {
			i := strings.IndexAny(s[n:], ",;:")
			if i < 0 {
				i = len(s) - n
			}
			v = s[n : n+i]
			n += i
		}
		p.Values = append(p.Values, unescapeParam(v))
		if n >= len(s) || s[n] != ',' || len(p.Values) >= maxList {
			break
		}
		n++
	}
	for n < len(s) && s[n] != ';' && s[n] != ':' { // more values than are kept
		n++
	}
	return p, n
}

func isName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return s != ""
}

// unescapeParam undoes RFC 6868.
func unescapeParam(s string) string {
	if !strings.Contains(s, "^") {
		return s
	}
	return strings.NewReplacer("^^", "^", "^n", "\n", "^'", `"`).Replace(s)
}

func escapeParam(s string) string {
	return strings.NewReplacer("^", "^^", "\r\n", "^n", "\n", "^n", "\r", "^n", `"`, "^'").Replace(s)
}

// Append writes the component in lines of at most 75 bytes (RFC 5545 3.1). What
// stands in it cannot begin a line of its own: control characters are dropped,
// and so is what has a name that is none.
func (c *Component) Append(dst []byte) []byte {
	if !isName(c.Name) {
		return dst
	}
	dst = appendFolded(dst, "BEGIN:"+c.Name)
	for i := range c.Props {
		if p := &c.Props[i]; isName(p.Name) && p.Name != "BEGIN" && p.Name != "END" {
			dst = appendFolded(dst, p.String())
		}
	}
	for _, k := range c.Children {
		dst = k.Append(dst)
	}
	return appendFolded(dst, "END:"+c.Name)
}

// String writes the property as one line.
func (p *Property) String() string {
	var b strings.Builder
	b.WriteString(p.Name)
	for _, q := range p.Params {
		if !isName(q.Name) {
			continue
		}
		b.WriteString(";" + q.Name + "=")
		for i, v := range q.Values {
			if i > 0 {
				b.WriteByte(',')
			}
			v = strings.Map(noControl, escapeParam(v))
			if strings.ContainsAny(v, ",;:") {
				v = `"` + v + `"`
			}
			b.WriteString(v)
		}
	}
	b.WriteByte(':')
	b.WriteString(strings.Map(noControl, p.Value))
	return b.String()
}

// noControl drops what would end a line.
func noControl(r rune) rune {
	if isControl(r) {
		return -1
	}
	return r
}

// isControl tells of what some programs take for the end of a line, or worse.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 }

// appendFolded breaks a line at characters.
func appendFolded(dst []byte, line string) []byte {
	const width = 75
	room := width
	for len(line) > room {
		cut := room
		for cut > 0 && !utf8.RuneStart(line[cut]) {
			cut--
		}
		if cut == 0 { // not UTF-8: we have written none such
			cut = room
		}
		dst = append(append(dst, line[:cut]...), "\r\n "...)
		line, room = line[cut:], width-1
	}
	return append(append(dst, line...), "\r\n"...)
}
