package wbxml

import (
	"bytes"
	"encoding/base64"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

// maxSkipped bounds what a Decoder reports.
const maxSkipped = 32

// Decoder reads documents within limits. The zero Decoder has the limits that
// Unmarshal has.
type Decoder struct {
	MaxDepth    int // levels of elements; zero: 64
	MaxElements int // in the document; zero: 131072
	MaxString   int // bytes of one string or of opaque data; zero: 64 MiB
	MaxBytes    int // of the document; zero: 64 MiB
	Strict      bool
	// Strict makes an element that stands twice a *DuplicateError and one that
	// the struct does not name an *UnexpectedError. Without it the last one
	// counts, and what the struct does not name is left out.

	// Skipped are the elements that the last Unmarshal left out because the
	// struct does not name them, at most 32: a door may want to refuse them.
	Skipped []Skipped
}

// Skipped is an element that was left out.
type Skipped struct{ Tag, Parent Tag }

// Unmarshal reads the document b into v, a pointer to a struct that names its
// element. See the errors of this package for what it returns; nothing of v may
// be used after an error. Elements that the struct does not name are left out.
func Unmarshal(b []byte, v any) error {
	var d Decoder
	return d.Unmarshal(b, v)
}

// UnmarshalRaw reads kept content into v, a pointer to a struct.
func UnmarshalRaw(raw Raw, v any) error {
	var d Decoder
	return d.UnmarshalRaw(raw, v)
}

// Unmarshal is the function Unmarshal with the Decoder's limits.
func (d *Decoder) Unmarshal(b []byte, v any) error {
	d.Skipped = nil
	p, value, err := targetOf(v)
	if err != nil {
		return err
	}
	if p.root == 0 {
		return typeError(p.typ, "names no element of its own")
	}
	u := unmarshaler{reader: reader{b: b, lim: d.limits()}, d: d}
	if err := u.header(); err != nil {
		return err
	}
	ev, err := u.next()
	if err != nil {
		return err
	}
	if ev == evEOF {
		return u.fail(u.pos, "no element")
	}
	if u.tag != p.root {
		return &RootError{Got: u.tag, Want: p.root}
	}
	value.SetZero()
	if err := u.structure(p, value, u.tag, ev == evOpen); err != nil {
		return err
	}
	if u.pos != len(u.b) {
		return u.fail(u.pos, "bytes after the document")
	}
	return nil
}

// UnmarshalRaw is the function UnmarshalRaw with the Decoder's limits.
func (d *Decoder) UnmarshalRaw(raw Raw, v any) error {
	d.Skipped = nil
	p, value, err := targetOf(v)
	if err != nil {
		return err
	}
	value.SetZero()
	u := unmarshaler{reader: reader{lim: d.limits()}, d: d}
	if len(raw) < 2 {
		return u.structure(p, value, p.root, false)
	}
	if len(raw) > u.lim.bytes {
		return ErrTooLarge
	}
	u.b, u.page, u.depth, u.content = raw[2:], raw[0], 1, true
	if err := u.structure(p, value, p.root, true); err != nil {
		return err
	}
	if u.pos != len(u.b) {
		return u.fail(u.pos, "bytes after the content")
	}
	return nil
}

func (d *Decoder) limits() limits {
	lim := defaultLimits()
	for _, set := range []struct {
		to *int
		by int
	}{{&lim.depth, d.MaxDepth}, {&lim.elements, d.MaxElements}, {&lim.text, d.MaxString}, {&lim.bytes, d.MaxBytes}} {
		if set.by > 0 {
			*set.to = set.by
		}
	}
	return lim
}

func targetOf(v any) (*plan, reflect.Value, error) {
	value := reflect.ValueOf(v)
	if value.Kind() != reflect.Pointer || value.IsNil() || value.Elem().Kind() != reflect.Struct {
		return nil, value, typeError(reflect.TypeOf(v), "not a pointer to a struct")
	}
	p, err := planOf(value.Type().Elem())
	return p, value.Elem(), err
}

// fieldSet remembers which fields of a struct were there.
type fieldSet [maxFields / 64]uint64

func (s *fieldSet) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s *fieldSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

type unmarshaler struct {
	reader
	d *Decoder
}

// structure reads the content of the element tag into v, a zero struct.
func (u *unmarshaler) structure(p *plan, v reflect.Value, tag Tag, content bool) error {
	var seen fieldSet
	hint := 0
	for content {
		ev, err := u.next()
		if err != nil {
			return err
		}
		switch ev {
		case evClose:
			content = false
		case evText, evOpaque, evTextRef:
			if p.text != nil {
				t := fieldAt(v, p.text)
				t.SetString(t.String() + cleanText(u.text))
			}
		case evOpen, evEmpty:
			at, ok := p.find(u.tag, hint)
			if !ok {
				if err := u.skipElement(tag, ev); err != nil {
					return err
				}
				continue
			}
			hint = at
			c := p.children[at]
			f := &p.fields[c.field]
			if u.d.Strict && seen.has(c.field) && (!f.slice || f.item != 0) {
				return &DuplicateError{u.tag}
			}
			seen.add(c.field)
			if err := u.child(f, c.alt, fieldAt(v, f.index), ev == evOpen); err != nil {
				return err
			}
		}
	}
	for _, i := range p.required {
		if !seen.has(i) {
			return &MissingError{p.fields[i].tag}
		}
	}
	return nil
}

func (u *unmarshaler) skipElement(parent Tag, ev event) error {
	if u.d.Strict {
		return &UnexpectedError{Tag: u.tag, Parent: parent}
	}
	if len(u.d.Skipped) < maxSkipped {
		u.d.Skipped = append(u.d.Skipped, Skipped{Tag: u.tag, Parent: parent})
	}
	if ev == evEmpty {
		return nil
	}
	return u.skip()
}

// child reads the element just begun into its field.
func (u *unmarshaler) child(f *field, alt int, v reflect.Value, content bool) error {
	switch {
	case f.choice && f.tag == 0:
		return u.alternative(f, alt, v, content)
	case f.choice || f.item != 0:
		return u.container(f, v, content)
	case f.slice:
		return u.value(f, extend(v), content)
	case f.ptr:
		v.Set(reflect.New(f.typ))
		return u.value(f, v.Elem(), content)
	}
	v.SetZero()
	return u.value(f, v, content)
}

// container reads the element that holds a slice. It makes the slice not nil.
func (u *unmarshaler) container(f *field, v reflect.Value, content bool) error {
	if v.IsNil() {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
	tag := u.tag
	for content {
		ev, err := u.next()
		if err != nil {
			return err
		}
		if ev == evClose {
			break
		}
		if ev != evOpen && ev != evEmpty {
			continue
		}
		if f.choice {
			at, ok := f.sub.find(u.tag, 0)
			if ok {
				err = u.alternative(f, at, v, ev == evOpen)
			} else {
				err = u.skipElement(tag, ev)
			}
		} else if u.tag == f.item {
			err = u.value(f, extend(v), ev == evOpen)
		} else {
			err = u.skipElement(tag, ev)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// alternative appends a choice of the element just begun.
func (u *unmarshaler) alternative(f *field, alt int, v reflect.Value, content bool) error {
	a := &f.sub.fields[alt]
	return u.child(a, -1, fieldAt(extend(v), a.index), content)
}

// extend appends a zero element to a slice and returns it.
func extend(v reflect.Value) reflect.Value {
	n := v.Len()
	if n == v.Cap() {
		v.Grow(1)
	}
	v.SetLen(n + 1)
	e := v.Index(n)
	e.SetZero()
	return e
}

// value reads the element just begun into v, of the field's kind.
func (u *unmarshaler) value(f *field, v reflect.Value, content bool) error {
	tag := u.tag
	switch f.kind {
	case kindStruct:
		return u.structure(f.sub, v, tag, content)
	case kindRaw, kindAny:
		raw := EmptyRaw()
		if content {
			var err error
			if raw, err = u.capture(); err != nil {
				return err
			}
		}
		if f.kind == kindAny {
			v.Set(reflect.ValueOf(raw))
		} else {
			v.SetBytes(raw)
		}
		return nil
	}
	var text []byte
	opaque := false
	if content {
		var err error
		if text, opaque, err = u.scalar(tag); err != nil {
			return err
		}
	}
	return setScalar(f, v, tag, text, opaque)
}

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
		v.SetString(cleanText(text))
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
