package wbxml

import (
	"bytes"
	"encoding/base64"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

// scalar reads the text of an element that has no children. The text is a part
// of the document unless it came in pieces.
func (u *unmarshaler) scalar(tag Tag) (text []byte, opaque bool, err error) {
	pieces := 0
	for {
		ev, err := u.next()
		if err != nil {
			return nil, false, err
		}
		switch ev {
		case evClose:
			return text, opaque, nil
		case evOpen, evEmpty:
			return nil, false, &UnexpectedError{Tag: u.tag, Parent: tag}
		}
		opaque = opaque || ev == evOpaque
		if pieces++; pieces == 1 {
			text = u.text
			continue
		}
		if pieces == 2 {
			text = bytes.Clone(text)
		}
		if text = append(text, u.text...); len(text) > u.lim.text {
			return nil, false, ErrTooLarge
		}
	}
}

func setScalar(f *field, v reflect.Value, tag Tag, text []byte, opaque bool) error {
	switch f.kind {
	case kindString:
		clean := cleanText(text)
		if f.filled && clean == "" {
			return &ValueError{tag, "text of at least one character"}
		}
		if f.max > 0 && utf8.RuneCountInString(clean) > f.max {
			return &ValueError{tag, "text of at most " + strconv.Itoa(f.max) + " characters"}
		}
		v.SetString(clean)
		return nil
	case kindBytes:
		v.SetBytes(append(make([]byte, 0, len(text)), text...))
		return nil
	case kindBase64:
		return setBase64(v, tag, text, opaque)
	}
	text = bytes.TrimSpace(text)
	switch f.kind {
	case kindUint:
		n, ok := parseDigits(text)
		if !ok || v.OverflowUint(n) {
			return &ValueError{tag, "number"}
		}
		v.SetUint(n)
	case kindInt:
		digits, negative := bytes.CutPrefix(text, []byte("-"))
		n, ok := parseDigits(digits)
		signed := int64(n)
		if negative {
			signed = -signed
		}
		if !ok || n > 1<<63-1 || v.OverflowInt(signed) {
			return &ValueError{tag, "number"}
		}
		v.SetInt(signed)
	case kindFloat:
		x, err := strconv.ParseFloat(string(text), 64)
		if err != nil || x-x != 0 { // x-x is NaN for an infinity
			return &ValueError{tag, "number"}
		}
		v.SetFloat(x)
	case kindBool, kindPresence:
		b, ok := parseBool(text)
		if !ok {
			return &ValueError{tag, "boolean"}
		}
		v.SetBool(b)
	case kindTime:
		t, err := ParseTime(string(text))
		if err != nil {
			return &ValueError{tag, "date"}
		}
		v.Set(reflect.ValueOf(t))
	}
	return nil
}

// cleanText makes a string of text: valid UTF-8 without NULs, which iOS appends
// to some identifiers.
func cleanText(text []byte) string {
	if bytes.IndexByte(text, 0) >= 0 {
		text = bytes.ReplaceAll(text, []byte{0}, nil)
	}
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	return string(text)
}

func parseDigits(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 19 { // 19 digits fit in 64 bits
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// parseBool reads a boolean (MS-ASDTYPE 2.1); an empty element is true, as
// GetChanges and DeletesAsMoves have it.
func parseBool(b []byte) (value, ok bool) {
	switch string(b) {
	case "", "1", "true", "True", "TRUE":
		return true, true
	case "0", "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

func setBase64(v reflect.Value, tag Tag, text []byte, opaque bool) error {
	if opaque {
		v.SetBytes(append(make([]byte, 0, len(text)), text...))
		return nil
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(data, text)
	if err != nil {
		return &ValueError{tag, "base64 text"}
	}
	v.SetBytes(data[:n])
	return nil
}

// ParseTime reads a date in either of the two forms that ActiveSync has
// (MS-ASDTYPE 2.3, 2.7.2), with or without fractions of a second. An empty text
// is the zero time.
func ParseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	layout := "2006-01-02T15:04:05Z" // parsing takes a fraction too
	if len(s) > 4 && s[4] != '-' {
		layout = compactTime
	}
	t, err := time.Parse(layout, s)
	if err != nil {
		return time.Time{}, err
	}
	return t.UTC(), nil
}
