package wbxml

import "reflect"

// maxSkipped bounds what a Decoder reports.
const maxSkipped = 32

// Decoder reads documents within limits. The zero Decoder has the limits that
// Unmarshal has.
type Decoder struct {
	MaxDepth    int // levels of elements; zero: 64
	MaxElements int // in the document; zero: 131072
	MaxString   int // bytes of one string or of opaque data; zero: 64 MiB
	MaxBytes    int // of the document; zero: 64 MiB
	Exact       bool
	Strict      bool
	// Exact makes an element that stands twice a *DuplicateError, and one that
	// the struct has as ordered and that comes too late an *OrderError. Strict
	// is Exact and makes an element that the struct does not name an
	// *UnexpectedError. Without them the last one counts, the order does not,
	// and what the struct does not name is left out.

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
	u := unmarshaler{reader: reader{b: b, lim: d.limits()}, d: d, exact: d.Exact || d.Strict}
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
	u := unmarshaler{reader: reader{lim: d.limits()}, d: d, exact: d.Exact || d.Strict}
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
	d     *Decoder
	exact bool
}

// structure reads the content of the element tag into v, a zero struct.
func (u *unmarshaler) structure(p *plan, v reflect.Value, tag Tag, content bool) error {
	var seen fieldSet
	hint, last := 0, 0
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
			if u.exact {
				if seen.has(c.field) && !f.repeats && (!f.slice || f.item != 0 || f.choice && f.tag != 0) {
					return &DuplicateError{u.tag}
				}
				if f.ordered && c.field < last {
					return &OrderError{u.tag}
				}
			}
			if f.ordered {
				last = c.field
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
