package wbxml

import (
	"encoding/base64"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The layouts of dates (MS-ASDTYPE 2.3, 2.7.2). Both are UTC.
const (
	dashedTime  = "2006-01-02T15:04:05.000Z"
	compactTime = "20060102T150405Z"
)

// Marshal returns the document of v, a struct that names its element or a
// pointer to one. Text is written as UTF-8: invalid bytes become U+FFFD, and
// characters that XML cannot carry are left out.
func Marshal(v any) ([]byte, error) { return AppendMarshal(nil, v) }

// AppendMarshal appends the document of v to dst. On error dst is unchanged.
func AppendMarshal(dst []byte, v any) ([]byte, error) {
	p, value, err := structOf(v)
	if err != nil {
		return dst, err
	}
	if p.root == 0 {
		return dst, typeError(p.typ, "names no element of its own")
	}
	// Version 1.3, no public identifier, UTF-8, no string table (MS-ASWBXML 2.1.2).
	e := encoder{b: append(dst, 0x03, 0x01, 0x6A, 0x00)}
	if err := e.structElement(p.root, p, value); err != nil {
		return dst, err
	}
	return e.b, nil
}

// MarshalRaw returns the children of v, a struct or a pointer to one.
func MarshalRaw(v any) (Raw, error) {
	p, value, err := structOf(v)
	if err != nil {
		return nil, err
	}
	e := encoder{b: []byte{0, 0}}
	if err := e.children(p, value); err != nil {
		return nil, err
	}
	e.b[1] = e.page
	return Raw(e.b), nil
}

func structOf(v any) (*plan, reflect.Value, error) {
	value := reflect.ValueOf(v)
	for value.Kind() == reflect.Pointer && !value.IsNil() {
		value = value.Elem()
	}
	if value.Kind() != reflect.Struct {
		return nil, value, typeError(reflect.TypeOf(v), "not a struct or a pointer to one")
	}
	p, err := planOf(value.Type())
	return p, value, err
}

// encoder writes a document straight into b.
type encoder struct {
	b    []byte
	page byte
}

func (e *encoder) switchTo(page byte) {
	if e.page != page {
		e.b = append(e.b, tokSwitchPage, page)
		e.page = page
	}
}

// open begins an element and returns where its token stands: close makes it an
// empty element when nothing was written since.
func (e *encoder) open(tag Tag) int {
	e.switchTo(tag.Page())
	e.b = append(e.b, tag.Token())
	return len(e.b) - 1
}

func (e *encoder) close(at int) {
	if len(e.b) > at+1 {
		e.b[at] |= bitContent
		e.b = append(e.b, tokEnd)
	}
}

func (e *encoder) structElement(tag Tag, p *plan, v reflect.Value) error {
	at := e.open(tag)
	if err := e.children(p, v); err != nil {
		return err
	}
	e.close(at)
	return nil
}

func (e *encoder) children(p *plan, v reflect.Value) error {
	if p.text != nil {
		e.text(fieldAt(v, p.text).String())
	}
	for i := range p.fields {
		if err := e.field(&p.fields[i], fieldAt(v, p.fields[i].index)); err != nil {
			return err
		}
	}
	return nil
}

func fieldAt(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		v = v.Field(i)
	}
	return v
}

func (e *encoder) field(f *field, v reflect.Value) error {
	if f.slice {
		return e.slice(f, v)
	}
	if f.ptr {
		if v.IsNil() {
			return nil
		}
		return e.element(f.tag, f, v.Elem())
	}
	switch f.kind {
	case kindPresence:
		if v.Bool() {
			e.open(f.tag)
		}
		return nil
	case kindBytes, kindBase64, kindRaw, kindAny:
		if v.IsNil() {
			return nil
		}
	}
	if f.omit && v.IsZero() {
		return nil
	}
	return e.element(f.tag, f, v)
}

func (e *encoder) slice(f *field, v reflect.Value) error {
	if v.IsNil() {
		return nil
	}
	tag, at := f.tag, -1
	if f.choice && f.tag != 0 || f.item != 0 {
		tag, at = f.item, e.open(f.tag)
	}
	for i := range v.Len() {
		var err error
		if f.choice {
			err = e.children(f.sub, v.Index(i))
		} else {
			err = e.element(tag, f, v.Index(i))
		}
		if err != nil {
			return err
		}
	}
	if at >= 0 {
		e.close(at)
	}
	return nil
}

// element writes one element with the value v of the field's kind.
func (e *encoder) element(tag Tag, f *field, v reflect.Value) error {
	switch f.kind {
	case kindStruct:
		return e.structElement(tag, f.sub, v)
	case kindAny:
		return e.dynamic(tag, v.Elem())
	}
	at := e.open(tag)
	switch f.kind {
	case kindString:
		e.text(v.String())
	case kindUint:
		e.b = append(e.b, tokStrI)
		e.b = append(strconv.AppendUint(e.b, v.Uint(), 10), 0)
	case kindInt:
		e.b = append(e.b, tokStrI)
		e.b = append(strconv.AppendInt(e.b, v.Int(), 10), 0)
	case kindFloat:
		if x := v.Float(); math.IsNaN(x) || math.IsInf(x, 0) {
			return &ValueError{tag, "number"}
		}
		e.b = append(e.b, tokStrI)
		e.b = append(strconv.AppendFloat(e.b, v.Float(), 'f', -1, 64), 0)
	case kindBool:
		digit := byte('0')
		if v.Bool() {
			digit = '1'
		}
		e.b = append(e.b, tokStrI, digit, 0)
	case kindBytes:
		e.opaque(v.Bytes())
	case kindBase64:
		e.base64(v.Bytes())
	case kindTime:
		if v.CanAddr() { // an interface of the pointer costs no allocation
			e.time(*v.Addr().Interface().(*time.Time), f.compact)
		} else {
			e.time(v.Interface().(time.Time), f.compact)
		}
	case kindRaw:
		return e.raw(at, Raw(v.Bytes()))
	}
	e.close(at)
	return nil
}

// dynamic writes what an interface holds.
func (e *encoder) dynamic(tag Tag, v reflect.Value) error {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch {
	case v.Type() == rawType:
		return e.raw(e.open(tag), Raw(v.Bytes()))
	case v.Kind() == reflect.Struct:
		p, err := planOf(v.Type())
		if err != nil {
			return err
		}
		return e.structElement(tag, p, v)
	}
	return typeError(v.Type(), "cannot stand in an interface")
}

// text writes an inline string; an empty one is not written.
func (e *encoder) text(s string) {
	if s == "" {
		return
	}
	at := len(e.b)
	e.b = append(e.b, tokStrI)
	if utf8.ValidString(s) && !hasControl(s) {
		e.b = append(e.b, s...)
	} else {
		e.b = appendClean(e.b, s)
		if len(e.b) == at+1 {
			e.b = e.b[:at]
			return
		}
	}
	e.b = append(e.b, 0)
}

// isControl tells which characters below 0x20 XML 1.0 (2.2) cannot carry.
func isControl(c byte) bool { return c < 0x20 && c != '\t' && c != '\n' && c != '\r' }

// hasControl looks at eight bytes at a time: a byte below 0x20 borrows from its
// high bit, which is then looked at closely.
func hasControl(s string) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for len(s) >= 8 {
		w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		if (w-ones*0x20)&^w&highs != 0 && hasControlByte(s[:8]) {
			return true
		}
		s = s[8:]
	}
	return hasControlByte(s)
}

func hasControlByte(s string) bool {
	for i := range len(s) {
		if isControl(s[i]) {
			return true
		}
	}
	return false
}

func appendClean(dst []byte, s string) []byte {
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if r < 0x20 && isControl(byte(r)) {
			continue
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

func (e *encoder) opaque(data []byte) {
	if len(data) == 0 {
		return
	}
	e.b = append(e.b, tokOpaque)
	e.b = appendNumber(e.b, uint32(len(data)))
	e.b = append(e.b, data...)
}

func appendNumber(dst []byte, n uint32) []byte {
	for shift := 28; shift > 0; shift -= 7 {
		if n>>shift != 0 {
			dst = append(dst, byte(n>>shift)|0x80)
		}
	}
	return append(dst, byte(n&0x7F))
}

func (e *encoder) base64(data []byte) {
	if len(data) == 0 {
		return
	}
	e.b = append(e.b, tokStrI)
	e.b = append(base64.StdEncoding.AppendEncode(e.b, data), 0)
}

func (e *encoder) time(t time.Time, compact bool) {
	if t.IsZero() {
		return
	}
	layout := dashedTime
	if compact {
		layout = compactTime
	}
	e.b = append(e.b, tokStrI)
	e.b = append(written(t).AppendFormat(e.b, layout), 0)
}

// written is the time nearest to t that can be written: a year has four digits,
// and the beginning of the first one is no time at all.
func written(t time.Time) time.Time {
	first, last := time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	switch t = t.UTC(); {
	case t.Before(first):
		return first
	case t.After(last):
		return last
	}
	return t
}

// raw writes kept content as it was, with the code page it was written in.
func (e *encoder) raw(at int, r Raw) error {
	if len(r) > 2 {
		e.switchTo(r[0])
		e.b = append(e.b, r[2:]...)
		e.page = r[1]
	}
	e.close(at)
	return nil
}
