package message

import (
	"bytes"
	"slices"
	"strings"
)

// param is one parameter of a field, before RFC 2231 is applied to it.
type param struct {
	name     []byte // lower case, without asterisks
	value    []byte
	section  int  // of a continuation (RFC 2231 3), 0 otherwise
	extended bool // percent-encoded (RFC 2231 4)
}

// contentType takes Content-Type (RFC 2045 5.1).
func (h *header) contentType(value []byte) {
	v := unfold(value)
	if h.typed || len(v) == 0 {
		return
	}
	h.typed = true
	pt := h.part
	kind, rest := mediaType(v)
	pt.Type = clip(strings.ToLower(guessText(kind)), maxToken)
	params := parseParams(rest)
	pt.Charset = clip(strings.ToLower(strings.Trim(paramText(params, "charset"), "\"' ")), maxToken)
	if strings.HasPrefix(pt.Type, "multipart/") {
		for _, p := range params {
			if string(p.name) == "boundary" && h.boundary == nil && len(p.value) <= maxBoundary {
				h.boundary = bytes.TrimRight(p.value, " \t")
			}
		}
	}
	switch {
	case pt.Type == "text/calendar":
		pt.Method = strings.ToUpper(paramText(params, "method"))
	case pt.Type == "text/plain":
		pt.Flowed = strings.EqualFold(paramText(params, "format"), "flowed")
	case pt.Type == "multipart/report":
		pt.Method = strings.ToLower(paramText(params, "report-type"))
	case pt.Type == "multipart/signed", pt.Type == "multipart/encrypted":
		pt.Method = strings.ToLower(paramText(params, "protocol"))
	case pt.Type == "application/pkcs7-mime", pt.Type == "application/x-pkcs7-mime":
		pt.Method = strings.ToLower(paramText(params, "smime-type"))
	case pt.Type == "multipart/related":
		h.part.Method = strings.Trim(paramText(params, "start"), "<> ")
	}
	pt.Method = clip(tidy(pt.Method), maxToken)
	if pt.Filename == "" {
		pt.Filename = cleanFilename(paramText(params, "name"))
	}
}

// disposition takes Content-Disposition (RFC 2183). Its file name is better
// than the one in Content-Type.
func (h *header) disposition(value []byte) {
	v := unfold(value)
	kind, rest := mediaType(v)
	pt := h.part
	if pt.Disposition == "" {
		switch d := strings.ToLower(string(kind)); d {
		case "", "inline":
			pt.Disposition = d
		default:
			pt.Disposition = "attachment" // RFC 2183 2.8: so are unknown ones
		}
	}
	if name := cleanFilename(paramText(parseParams(rest), "filename")); name != "" {
		pt.Filename = name
	}
}

// mediaType cuts the leading value off its parameters, whether or not a
// semicolon follows it.
func mediaType(v []byte) (kind, rest []byte) {
	v = bytes.TrimLeft(v, " \t")
	i := bytes.IndexAny(v, "; \t(")
	if i < 0 {
		i = len(v)
	}
	kind, rest = v[:i], v[i:]
	if eq := bytes.IndexByte(kind, '='); eq >= 0 { // only parameters
		kind, rest = nil, v
	}
	kind = bytes.Trim(kind, `"'`)
	return kind[:min(len(kind), maxToken)], rest
}

// parseParams reads parameters (RFC 2045 5.1), also unquoted ones with blanks
// in them, quoted ones with quotes in them and those without semicolons.
func parseParams(v []byte) []param {
	var params []param
	for len(params) < maxParams {
		v = bytes.TrimLeft(v, "; \t")
		if len(v) == 0 {
			break
		}
		eq := bytes.IndexAny(v, "=;")
		if eq < 0 {
			break
		}
		if v[eq] == ';' { // a word without a value, or a comment
			v = v[eq+1:]
			continue
		}
		name := bytes.TrimSpace(v[:eq])
		if i := bytes.LastIndexAny(name, " \t)"); i >= 0 {
			name = name[i+1:]
		}
		p := newParam(name)
		p.value, v = paramValue(p.name, bytes.TrimLeft(v[eq+1:], " \t"))
		params = append(params, p)
	}
	return params
}

// newParam splits name*1*.
func newParam(name []byte) param {
	p := param{name: bytes.ToLower(name[:min(len(name), maxToken)])}
	star := bytes.IndexByte(p.name, '*')
	if star < 0 {
		return p
	}
	tail := p.name[star+1:]
	p.name = p.name[:star]
	if len(tail) == 0 || tail[len(tail)-1] == '*' {
		p.extended = true
	}
	for _, c := range tail {
		if c < '0' || c > '9' || p.section > 999 {
			break
		}
		p.section = p.section*10 + int(c-'0')
	}
	return p
}

// paramValue reads one value and returns what follows it.
func paramValue(name, v []byte) (value, rest []byte) {
	if len(v) > 0 && v[0] == '"' {
		return quotedValue(v[1:])
	}
	stop := "; \t"
	if s := string(name); s == "name" || s == "filename" {
		stop = ";" // unquoted names with blanks in them are common
	}
	i := bytes.IndexAny(v, stop)
	if i < 0 {
		i = len(v)
	}
	return bytes.TrimSpace(v[:i]), v[i:]
}

// quotedValue reads up to the closing quote: the first one behind which a
// parameter can end. A file name with quotes in it is thus read whole.
func quotedValue(v []byte) (value, rest []byte) {
	clean, first := true, -1
	for i := 0; i < len(v); i++ {
		switch v[i] {
		case '\\':
			// Windows paths have backslashes that escape nothing.
			if i+1 < len(v) && (v[i+1] == '"' || v[i+1] == '\\') {
				clean = false
				i++
			}
		case '"':
			if !endsParam(v[i+1:]) {
				if first < 0 {
					first = i
				}
				continue
			}
			value = v[:i]
			if !clean {
				value = unescape(value)
			}
			return value, v[i+1:]
		}
	}
	if first >= 0 {
		return unescape(v[:first]), v[first+1:]
	}
	return unescape(v), nil
}

// endsParam tells whether a parameter can end before v: at a semicolon, a
// comment, or the name of the next parameter.
func endsParam(v []byte) bool {
	v = bytes.TrimLeft(v[:min(len(v), 64)], " \t")
	if len(v) == 0 || v[0] == ';' || v[0] == '(' || v[0] == ',' {
		return true
	}
	for _, c := range v {
		switch {
		case c == '=':
			return true
		case c == '*' || c == '-' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z':
		default:
			return false
		}
	}
	return false
}

func unescape(v []byte) []byte {
	out := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' && i+1 < len(v) && (v[i+1] == '"' || v[i+1] == '\\') {
			i++
		}
		out = append(out, v[i])
	}
	return out
}

// paramText returns a parameter decoded: continuations joined and charsets
// applied (RFC 2231), or encoded words, which are not allowed there but common.
func paramText(params []param, name string) string {
	var parts []param
	for _, p := range params {
		if string(p.name) == name {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	if len(parts) > 1 {
		slices.SortStableFunc(parts, func(a, b param) int { return a.section - b.section })
	}
	var raw []byte
	charset, extended := "", false
	for i, p := range parts {
		if i > 0 && p.section == parts[i-1].section {
			if p.extended && !parts[i-1].extended { // name and name*: the latter counts (RFC 5987 4.2)
				raw, charset, extended = nil, "", false
			} else {
				continue
			}
		}
		v := p.value
		if p.extended {
			if !extended {
				extended = true
				if f := bytes.SplitN(v, []byte("'"), 3); len(f) == 3 {
					charset, v = string(f[0]), f[2]
				}
			}
			v = percentDecode(v)
		}
		raw = append(raw, v...)
	}
	if extended {
		return tidy(decodeCharset(raw, charset))
	}
	return tidy(decodeWords(raw))
}

func percentDecode(v []byte) []byte {
	if bytes.IndexByte(v, '%') < 0 {
		return v
	}
	out := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] == '%' && i+2 < len(v) && unhex(v[i+1]) >= 0 && unhex(v[i+2]) >= 0 {
			out = append(out, byte(unhex(v[i+1])<<4|unhex(v[i+2])))
			i += 2
			continue
		}
		out = append(out, v[i])
	}
	return out
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// cleanFilename makes a name that is one: without a path, without control
// characters, at most maxFilename bytes with its extension kept.
func cleanFilename(s string) string {
	s = strings.TrimSpace(tidy(s))
	if i := strings.LastIndexByte(s, '\\'); i >= 0 {
		s = s[i+1:]
	}
	s = strings.Map(func(r rune) rune {
		switch r {
		case '/', ':', '*', '?', '"', '<', '>', '|':
			return '_'
		}
		return r
	}, s)
	s = strings.Trim(s, " \u200b\u202e") // a right-to-left override hides the extension
	if s == "." || s == ".." {
		return "_"
	}
	if len(s) <= maxFilename {
		return s
	}
	ext := ""
	if i := strings.LastIndexByte(s, '.'); i > 0 && len(s)-i <= 16 {
		ext = s[i:]
	}
	return clip(s, maxFilename-len(ext)) + ext
}
