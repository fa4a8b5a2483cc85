package wbxml

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxFields bounds the fields of a struct; the largest, a contact, has 70.
const maxFields = 128

type kind uint8

const (
	kindStruct kind = iota
	kindString
	kindUint
	kindInt
	kindFloat
	kindBool
	kindPresence // a bool that is the element's presence
	kindBytes    // opaque data
	kindBase64
	kindTime
	kindRaw
	kindAny
)

// plan is how a struct type is read and written. It is made once for each type.
type plan struct {
	typ      reflect.Type
	root     Tag // zero: the type has no element of its own
	fields   []field
	children []child // where each child element goes
	text     []int   // the text field's index, nil for none
	required []int   // positions in fields
}

// field is one field of a struct, or one alternative of a choice.
type field struct {
	index   []int
	tag     Tag // the element; of a slice in a container, the container; zero for a bare choice
	item    Tag // the repeated element within the container, or zero
	kind    kind
	ptr     bool
	slice   bool
	choice  bool
	omit    bool
	compact bool
	repeats bool         // may stand again
	ordered bool         // none that is ordered and stands later in the struct may come before
	filled  bool         // a string that may not be empty
	max     int          // characters of a string; zero: as many as there are
	typ     reflect.Type // of one element, without pointer and slice
	sub     *plan        // of a struct, or of a choice's alternatives
}

// child tells which field takes an element, and of a bare choice which
// alternative.
type child struct {
	tag   Tag
	field int
	alt   int // -1: not a choice's alternative
}

var (
	timeType = reflect.TypeFor[time.Time]()
	rawType  = reflect.TypeFor[Raw]()
)

// plans remembers the plan of each type: a memo of a pure function.
var plans sync.Map // reflect.Type → *plan

func planOf(t reflect.Type) (*plan, error) {
	if p, ok := plans.Load(t); ok {
		return p.(*plan), nil
	}
	made := map[reflect.Type]*plan{}
	p, err := compile(t, made)
	if err != nil {
		return nil, err
	}
	for typ, p := range made {
		plans.LoadOrStore(typ, p)
	}
	return p, nil
}

// compile makes the plan of a type and of all types it is built of, which may
// contain each other.
func compile(t reflect.Type, made map[reflect.Type]*plan) (*plan, error) {
	if p, ok := made[t]; ok {
		return p, nil
	}
	if p, ok := plans.Load(t); ok {
		return p.(*plan), nil
	}
	if t.Kind() != reflect.Struct {
		return nil, typeError(t, "not a struct")
	}
	p := &plan{typ: t}
	made[t] = p
	if err := p.addFields(t, nil, made); err != nil {
		return nil, err
	}
	if len(p.fields) > maxFields {
		return nil, typeError(t, "more than %d fields", maxFields)
	}
	for i := range p.fields {
		f := &p.fields[i]
		if f.tag != 0 {
			p.children = append(p.children, child{f.tag, i, -1})
			continue
		}
		for alt := range f.sub.fields {
			p.children = append(p.children, child{f.sub.fields[alt].tag, i, alt})
		}
	}
	for i, c := range p.children {
		for _, d := range p.children[:i] {
			if c.tag == d.tag {
				return nil, typeError(t, "two fields take %s", c.tag)
			}
		}
	}
	return p, nil
}

func (p *plan) addFields(t reflect.Type, index []int, made map[reflect.Type]*plan) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		spec, tagged := sf.Tag.Lookup("wbxml")
		at := append(slices.Clone(index), i)
		switch {
		case sf.Name == "_":
			tag, ok := ParseTag(spec)
			if !ok {
				return typeError(t, "unknown element %q", spec)
			}
			p.root = tag
		case sf.Anonymous && !tagged && sf.Type.Kind() == reflect.Struct:
			if err := p.addFields(sf.Type, at, made); err != nil {
				return err
			}
		case tagged:
			if err := p.addField(t, sf, spec, at, made); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *plan) addField(t reflect.Type, sf reflect.StructField, spec string, at []int, made map[reflect.Type]*plan) error {
	words := strings.Split(spec, ",")
	name, options := words[0], words[1:]
	longest := 0
	for _, o := range options {
		if digits, ok := strings.CutPrefix(o, "max="); ok {
			if n, err := strconv.Atoi(digits); err == nil && n > 0 {
				longest = n
				continue
			}
		}
		if !slices.Contains([]string{"omitempty", "empty", "required", "choice", "text", "base64", "compact", "ordered", "repeats", "filled"}, o) {
			return typeError(t, "field %s: unknown option %q", sf.Name, o)
		}
	}
	has := func(o string) bool { return slices.Contains(options, o) }
	if has("text") {
		if sf.Type.Kind() != reflect.String {
			return typeError(t, "field %s: text must be a string", sf.Name)
		}
		p.text = at
		return nil
	}
	f := field{index: at, omit: has("omitempty"), choice: has("choice"), compact: has("compact"), ordered: has("ordered"), repeats: has("repeats"), typ: sf.Type}
	if err := f.name(name); err != "" {
		return typeError(t, "field %s: %s %q", sf.Name, err, name)
	}
	if err := f.classify(has, made); err != nil {
		return err
	}
	if f.filled, f.max = has("filled"), longest; (f.filled || f.max > 0) && f.kind != kindString {
		return typeError(t, "field %s: only a string has a length", sf.Name)
	}
	if f.item != 0 && !f.slice {
		return typeError(t, "field %s: a container needs a slice", sf.Name)
	}
	if f.tag == 0 && !f.choice {
		return typeError(t, "field %s has no element", sf.Name)
	}
	if has("required") {
		p.required = append(p.required, len(p.fields))
	}
	p.fields = append(p.fields, f)
	return nil
}

// name takes the tag's names apart; the result tells what is wrong.
func (f *field) name(name string) string {
	outer, inner, nested := strings.Cut(name, ">")
	if outer == "" {
		return ""
	}
	var ok bool
	if f.tag, ok = ParseTag(outer); !ok {
		return "unknown element"
	}
	if !nested {
		return ""
	}
	if !strings.Contains(inner, ":") {
		inner = f.tag.Namespace() + ":" + inner
	}
	if f.item, ok = ParseTag(inner); !ok {
		return "unknown element"
	}
	return ""
}

func (f *field) classify(has func(string) bool, made map[reflect.Type]*plan) (err error) {
	if f.typ.Kind() == reflect.Slice && f.typ.Elem().Kind() != reflect.Uint8 {
		f.slice, f.typ = true, f.typ.Elem()
	}
	if f.choice {
		if !f.slice || f.typ.Kind() != reflect.Struct {
			return typeError(f.typ, "a choice must be a slice of structs")
		}
		f.sub, err = compile(f.typ, made)
		return err
	}
	if f.typ.Kind() == reflect.Pointer && !f.slice {
		f.ptr, f.typ = true, f.typ.Elem()
	}
	switch t := f.typ; {
	case t == rawType:
		f.kind = kindRaw
	case t == timeType:
		f.kind = kindTime
	case t.Kind() == reflect.Struct:
		f.kind = kindStruct
		f.sub, err = compile(t, made)
	case t.Kind() == reflect.String:
		f.kind = kindString
	case t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64:
		f.kind = kindUint
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		f.kind = kindInt
	case t.Kind() == reflect.Float64:
		f.kind = kindFloat
	case t.Kind() == reflect.Bool && has("empty"):
		f.kind = kindPresence
	case t.Kind() == reflect.Bool:
		f.kind = kindBool
	case t.Kind() == reflect.Slice && has("base64"):
		f.kind = kindBase64
	case t.Kind() == reflect.Slice:
		f.kind = kindBytes
	case t.Kind() == reflect.Interface:
		f.kind = kindAny
	default:
		return typeError(t, "cannot stand in a document")
	}
	return err
}

// find returns where the element goes. Elements mostly come in the order of
// the fields, so the search begins at the hint, the place after the last one.
func (p *plan) find(tag Tag, hint int) (int, bool) {
	n := len(p.children)
	for i := range n {
		at := hint + i
		if at >= n {
			at -= n
		}
		if p.children[at].tag == tag {
			return at, true
		}
	}
	return 0, false
}
