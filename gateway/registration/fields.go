package registration

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// fields takes an object of a document apart and collects what is wrong with
// it. What nobody asked for is unknown and refused: a field that is spelled
// wrong should not be ignored.
type fields struct {
	tree    map[string]any
	pointer string // of the object: "#", "#/seal"
	asked   map[string]bool
	errs    *[]fieldError
}

func newFields(tree map[string]any, errs *[]fieldError) *fields {
	return &fields{tree: tree, pointer: "#", asked: map[string]bool{}, errs: errs}
}

// fail notes an error at a field; an empty name is the object itself.
func (f *fields) fail(name, format string, args ...any) {
	p := f.pointer
	if name != "" {
		// RFC 6901 3
		p += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	}
	*f.errs = append(*f.errs, fieldError{p, fmt.Sprintf(format, args...)})
}

func (f *fields) has(name string) bool {
	f.asked[name] = true
	v, ok := f.tree[name]
	return ok && v != nil
}

// text reads a text of at most size bytes without control characters; "" when
// it is left out.
func (f *fields) text(name string, size int) string {
	if !f.has(name) {
		return ""
	}
	s, ok := f.tree[name].(string)
	switch {
	case !ok:
		f.fail(name, "a text is wanted")
	case len(s) > size:
		f.fail(name, "at most %d bytes", size)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		f.fail(name, "no control characters")
	default:
		return s
	}
	return ""
}

// choice reads one of the words; the first is what it is when left out.
func (f *fields) choice(name string, words ...string) string {
	s := f.text(name, 32)
	if s == "" && !f.has(name) {
		return words[0]
	}
	if s == "" || !slices.Contains(words, s) {
		named := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" })
		f.fail(name, "one of %s", strings.Join(named, ", "))
		return words[0]
	}
	return s
}

// list reads at most count texts.
func (f *fields) list(name string, count, size int) []string {
	if !f.has(name) {
		return nil
	}
	all, ok := f.tree[name].([]any)
	if !ok {
		f.fail(name, "a list of texts is wanted")
		return nil
	}
	if len(all) > count {
		f.fail(name, "at most %d", count)
		return nil
	}
	var texts []string
	for i, v := range all {
		s, ok := v.(string)
		if !ok || s == "" || len(s) > size || strings.ContainsFunc(s, unicode.IsControl) {
			*f.errs = append(*f.errs, fieldError{fmt.Sprintf("%s/%s/%d", f.pointer, name, i), fmt.Sprintf("a text of 1 to %d bytes is wanted", size)})
			continue
		}
		texts = append(texts, s)
	}
	return texts
}

// flag reads true or false.
func (f *fields) flag(name string) bool {
	if !f.has(name) {
		return false
	}
	b, ok := f.tree[name].(bool)
	if !ok {
		f.fail(name, "true or false is wanted")
	}
	return b
}

// time reads a moment (RFC 3339 5.6); zero when it is left out.
func (f *fields) time(name string) time.Time {
	s := f.text(name, 64)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		f.fail(name, "a time such as 2027-03-01T12:00:00Z is wanted")
		return time.Time{}
	}
	return t.UTC()
}

// bytes reads base64, of either alphabet and with or without padding: browsers
// give both.
func (f *fields) bytes(name string, size int) []byte {
	s := f.text(name, 4*size)
	if s == "" {
		return nil
	}
	b, err := decodeBase64(s)
	if err != nil || len(b) > size {
		f.fail(name, "base64 of at most %d bytes is wanted", size)
		return nil
	}
	return b
}

func decodeBase64(s string) ([]byte, error) {
	s = strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(s), "=")
	return base64.RawURLEncoding.Strict().DecodeString(s)
}

// object reads an object within; nil when it is left out.
func (f *fields) object(name string) *fields {
	if !f.has(name) {
		return nil
	}
	tree, ok := f.tree[name].(map[string]any)
	if !ok {
		f.fail(name, "an object, {…}, is wanted")
		return nil
	}
	return &fields{tree: tree, pointer: f.pointer + "/" + name, asked: map[string]bool{}, errs: f.errs}
}

// rest refuses what is there and was not asked for.
func (f *fields) rest() {
	var unknown []string
	for name := range f.tree {
		if !f.asked[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		if len(name) > 64 {
			name = name[:64]
		}
		f.fail(strings.ToValidUTF8(name, "?"), "unknown field; openapi.json lists those there are")
	}
}
