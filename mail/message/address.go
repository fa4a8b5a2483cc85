package message

import (
	"bytes"
	"strings"
)

// ParseAddressList reads an address list as people and programs write them:
// with groups, comments and encoded words, separated by commas or semicolons,
// names unquoted or half quoted, commas in names. Nothing is refused: text that
// is no address is kept as a name.
func ParseAddressList(s string) []Address { return appendAddresses(nil, []byte(s)) }

// appendAddresses adds a field's addresses to a list.
func appendAddresses(list []Address, value []byte) []Address {
	p := addressParser{v: unfold(value), list: list}
	p.run()
	return p.list
}

// addressParser reads one list. A scan for a closing delimiter that failed
// once is not made again, so that the whole stays linear.
type addressParser struct {
	v       []byte
	list    []Address
	phrase  []byte // the words outside brackets and comments, unquoted
	angle   []byte // what stood in < >
	angled  bool
	comment []byte
	held    string // a name that a comma cut off: "Doe" of "Doe, John <j@d>"
	open    [256]bool
}

func (p *addressParser) run() {
	for i := 0; i < len(p.v) && len(p.list) < maxAddresses; {
		switch c := p.v[i]; c {
		case ',', ';':
			p.flush(c == ',')
			i++
		case '"':
			i = p.quoted(i)
		case '(':
			i = p.parens(i)
		case '<':
			i = p.bracket(i)
		case '[': // a domain literal may hold colons
			if end := p.find(i, ']'); end > 0 {
				p.phrase = append(p.phrase, p.v[i:end+1]...)
				i = end + 1
			} else {
				p.phrase = append(p.phrase, c)
				i++
			}
		case ':':
			if bytes.IndexByte(p.phrase, '@') < 0 && !p.angled {
				p.phrase, p.held = p.phrase[:0], "" // a group's name, or mailto:
			} else {
				p.phrase = append(p.phrase, c)
			}
			i++
		default:
			p.phrase = append(p.phrase, c)
			i++
		}
	}
	if len(p.list) < maxAddresses {
		p.flush(false)
	}
}

// find returns the place of the next c after i, -1 if there is none.
func (p *addressParser) find(i int, c byte) int {
	if p.open[c] {
		return -1
	}
	j := bytes.IndexByte(p.v[i+1:], c)
	if j < 0 {
		p.open[c] = true
		return -1
	}
	return i + 1 + j
}

// quoted reads a quoted string (RFC 5322 3.2.4).
func (p *addressParser) quoted(i int) int {
	end := i + 1
	for end < len(p.v) && p.v[end] != '"' && !p.open['"'] {
		if p.v[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(p.v) || p.open['"'] { // never closed: only a character
		p.open['"'] = true
		return i + 1
	}
	text := p.v[i+1 : end]
	if end+1 < len(p.v) && p.v[end+1] == '@' && len(bytes.TrimSpace(p.phrase)) == 0 {
		p.phrase = append(p.phrase, p.v[i:end+1]...) // a quoted local part stays quoted
		return end + 1
	}
	for j := 0; j < len(text); j++ {
		if text[j] == '\\' && j+1 < len(text) {
			j++
		}
		p.phrase = append(p.phrase, text[j])
	}
	return end + 1
}

// parens reads a comment (RFC 5322 3.2.2); it names an address without name.
func (p *addressParser) parens(i int) int {
	if p.open[')'] {
		p.phrase = append(p.phrase, '(')
		return i + 1
	}
	depth := 0
	for j := i; j < len(p.v); j++ {
		switch p.v[j] {
		case '\\':
			j++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				if len(p.comment) == 0 {
					p.comment = p.v[i+1 : j]
				}
				return j + 1
			}
		}
	}
	p.open[')'] = true
	p.phrase = append(p.phrase, '(')
	return i + 1
}

// bracket reads an address in < >, also one that is not closed or doubled.
func (p *addressParser) bracket(i int) int {
	end, next := p.find(i, '>'), 0
	if end < 0 {
		end = len(p.v)
		if j := bytes.IndexAny(p.v[i:], ",;"); j >= 0 {
			end = i + j
		}
		next = end
	} else {
		next = end + 1
	}
	inner := p.v[i+1 : end]
	if j := bytes.LastIndexByte(inner, '<'); j >= 0 {
		p.phrase = append(p.phrase, inner[:j]...)
		inner = inner[j+1:]
	}
	if !p.angled {
		p.angle, p.angled = inner, true
	}
	for next < len(p.v) && p.v[next] == '>' {
		next++
	}
	return next
}

// flush ends one address.
func (p *addressParser) flush(comma bool) {
	phrase := bytes.Join(bytes.Fields(p.phrase), []byte{' '})
	a := Address{}
	switch {
	case p.angled:
		a = Address{Name: nameText(phrase), Address: addressText(p.angle)}
		if a.Address == "" && strings.Contains(a.Name, "@") {
			a.Name, a.Address = splitName(a.Name)
		}
	case bytes.IndexByte(phrase, '@') >= 0:
		name, address := splitName(guessText(phrase))
		a = Address{Name: nameText([]byte(name)), Address: addressText([]byte(address))}
	case bytes.Contains(phrase, []byte("=?")):
		// An encoded word may hide the whole address.
		if text := tidy(decodeWords(phrase)); strings.Contains(text, "@") {
			a.Name, a.Address = splitName(text)
		} else {
			a.Name = nameText(phrase)
		}
	default:
		a.Name = nameText(phrase)
	}
	if a.Name == "" && len(p.comment) > 0 {
		a.Name = nameText(p.comment)
	}
	if p.held != "" {
		if p.angled && a.Name != "" && a.Address != "" {
			a.Name, p.held = p.held+", "+a.Name, ""
		} else {
			p.list = append(p.list, Address{Name: p.held})
			p.held = ""
		}
	}
	switch {
	case a.Address == "" && a.Name != "" && comma:
		p.held = a.Name
	case a != (Address{}):
		p.list = append(p.list, a)
	}
	p.phrase, p.comment, p.angle, p.angled = p.phrase[:0], nil, nil, false
}

// splitName cuts "Name name@host" at the word with the @.
func splitName(s string) (name, address string) {
	if strings.HasPrefix(s, `"`) && strings.Contains(s, `"@`) {
		return "", s // a quoted local part, blanks and all
	}
	words := strings.Fields(s)
	for i := len(words) - 1; i >= 0; i-- {
		if strings.Contains(words[i], "@") {
			address = strings.Trim(words[i], "<>")
			name = strings.TrimSpace(strings.Join(words[:i], " ") + " " + strings.Join(words[i+1:], " "))
			return strings.TrimRight(name, "<>"), address
		}
	}
	return s, ""
}

// nameText decodes a display name.
func nameText(v []byte) string {
	if len(v) == 0 {
		return ""
	}
	s := strings.TrimSpace(tidy(decodeWords(v)))
	if n := len(s); n >= 2 && (s[0] == '\'' && s[n-1] == '\'' || s[0] == '"' && s[n-1] == '"') {
		s = strings.TrimSpace(s[1 : n-1])
	}
	return clip(s, maxName)
}

// addressText cleans an address: no source route (RFC 5322 4.4), no blanks, no
// quotes around the whole.
func addressText(v []byte) string {
	s := tidy(guessText(bytes.TrimSpace(v)))
	if strings.Contains(s, "=?") {
		s = tidy(decodeWords([]byte(s)))
	}
	if strings.HasPrefix(s, "@") {
		if i := strings.IndexByte(s, ':'); i > 0 {
			s = s[i+1:]
		}
	}
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		s = s[7:]
	}
	if !strings.HasPrefix(s, `"`) {
		s = strings.Join(strings.Fields(s), "")
	}
	s = strings.Trim(s, "'")
	return clip(s, maxAddress)
}

// String writes the address as it stands in a header, unencoded: "Name" <a@b>.
func (a Address) String() string {
	switch {
	case a.Address == "":
		return quoteName(a.Name)
	case a.Name == "" || a.Name == a.Address:
		return a.Address
	}
	return quoteName(a.Name) + " <" + a.Address + ">"
}

func quoteName(s string) string {
	if s == "" {
		return ""
	}
	if strings.ContainsAny(s, "\"\\") {
		s = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
	}
	return `"` + s + `"`
}
