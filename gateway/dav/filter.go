package dav

import (
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"martlet/mail/calendar"
)

// compFilter says which objects a query finds (RFC 4791 9.7.1).
type compFilter struct {
	name   string
	absent bool // is-not-defined
	span   *span
	props  []propFilter
	comps  []*compFilter
}

// propFilter is about a property of a component or a card (RFC 4791 9.7.2, RFC
// 6352 10.5.1).
type propFilter struct {
	name   string
	absent bool
	span   *span
	any    bool // one of the matches and params is enough (RFC 6352)
	texts  []textMatch
	params []paramFilter
}

// paramFilter is about a parameter (RFC 4791 9.7.3).
type paramFilter struct {
	name   string
	absent bool
	text   *textMatch
}

// textMatch compares text (RFC 4791 9.7.5, RFC 6352 10.5.4).
type textMatch struct {
	want   string // folded as the collation has it
	how    string // contains, equals, starts-with, ends-with
	negate bool
	fold   func(string) string
}

func asIs(s string) string { return s }

// foldUnicode is i;unicode-casemap as far as anybody tells it apart (RFC 5051): a
// letter and its accent are the letter that has one.
func foldUnicode(s string) string { return norm.NFKD.String(cases.Fold().String(s)) }

// foldASCII is i;ascii-casemap (RFC 4790 9.2).
func foldASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func readText(e *element) (*textMatch, error) {
	t := &textMatch{how: "contains", negate: e.attr("negate-condition") == "yes"}
	switch c := e.attr("collation"); c {
	case "i;octet":
		t.fold = asIs
	case "i;ascii-casemap":
		t.fold = foldASCII
	case "i;unicode-casemap":
		t.fold = foldUnicode
	case "", "default": // RFC 4791 7.5, RFC 6352 8.3
		if t.fold = foldASCII; e.space == nsCard {
			t.fold = foldUnicode
		}
	default:
		return nil, unmet(name{e.space, "supported-collation"}, "no such collation here")
	}
	switch how := e.attr("match-type"); how {
	case "":
	case "contains", "equals", "starts-with", "ends-with":
		t.how = how
	default:
		return nil, unmet(name{e.space, "supported-filter"}, "no such match-type")
	}
	t.want = t.fold(e.text())
	return t, nil
}

// match tells whether a text is as wanted.
func (t *textMatch) match(s string) bool {
	s = t.fold(s)
	var ok bool
	switch t.how {
	case "equals":
		ok = s == t.want
	case "starts-with":
		ok = strings.HasPrefix(s, t.want)
	case "ends-with":
		ok = strings.HasSuffix(s, t.want)
	default:
		ok = strings.Contains(s, t.want)
	}
	return ok != t.negate
}

// maxFilters bounds what one query looks for.
const maxFilters = 100

// filterReader reads a filter within bounds.
type filterReader struct {
	space string
	read  int
}

func (r *filterReader) count() error {
	if r.read++; r.read > maxFilters {
		return unmet(name{r.space, "valid-filter"}, "the filter looks for too much")
	}
	return nil
}

func (r *filterReader) comp(e *element, depth int) (*compFilter, error) {
	f := &compFilter{name: strings.ToUpper(e.attr("name"))}
	if err := r.count(); err != nil {
		return nil, err
	}
	if f.name == "" || depth > 4 {
		return nil, unmet(cal("valid-filter"), "a component without a name, or too deep")
	}
	for c := range e.children {
		switch c.name {
		case cal("is-not-defined"):
			f.absent = true
		case cal("time-range"):
			s, err := readSpan(c, false)
			if err != nil {
				return nil, err
			}
			f.span = s
		case cal("prop-filter"):
			p, err := r.prop(c)
			if err != nil {
				return nil, err
			}
			f.props = append(f.props, p)
		case cal("comp-filter"):
			k, err := r.comp(c, depth+1)
			if err != nil {
				return nil, err
			}
			f.comps = append(f.comps, k)
		default:
			return nil, unmet(cal("supported-filter"), "no such filter")
		}
	}
	return f, nil
}

func (r *filterReader) prop(e *element) (p propFilter, err error) {
	if err := r.count(); err != nil {
		return p, err
	}
	p = propFilter{name: strings.ToUpper(e.attr("name")), any: r.space == nsCard && e.attr("test") != "allof"}
	if p.name == "" {
		return p, unmet(name{r.space, "valid-filter"}, "a property without a name")
	}
	for c := range e.children {
		switch c.name {
		case name{r.space, "is-not-defined"}:
			p.absent = true
		case cal("time-range"):
			if p.span, err = readSpan(c, false); err != nil {
				return p, err
			}
		case name{r.space, "text-match"}:
			t, err := readText(c)
			if err != nil {
				return p, err
			}
			p.texts = append(p.texts, *t)
		case name{r.space, "param-filter"}:
			f, err := r.param(c)
			if err != nil {
				return p, err
			}
			p.params = append(p.params, f)
		default:
			return p, unmet(name{r.space, "supported-filter"}, "no such filter")
		}
	}
	return p, nil
}

func (r *filterReader) param(e *element) (p paramFilter, err error) {
	if err := r.count(); err != nil {
		return p, err
	}
	p.name = strings.ToUpper(e.attr("name"))
	if e.child(name{r.space, "is-not-defined"}) != nil {
		p.absent = true
	}
	if c := e.child(name{r.space, "text-match"}); c != nil {
		p.text, err = readText(c)
	}
	return p, err
}

// matching is a calendar object that is held against a filter.
type matching struct {
	o    *calendar.Object
	zone *time.Location // of dates and floating times
}

// match tells whether the filter finds the object. It starts at VCALENDAR.
func (f *compFilter) match(o *calendar.Object, zone *time.Location) bool {
	m := matching{o, zone}
	return f.name == o.Root.Name && !f.absent && m.holds(f, o.Root)
}

// holds tells whether a component has all that the filter wants of it, apart from
// its time.
func (m *matching) holds(f *compFilter, c *calendar.Component) bool {
	for i := range f.props {
		if !m.prop(&f.props[i], c) {
			return false
		}
	}
	for _, k := range f.comps {
		if !m.within(k, c) {
			return false
		}
	}
	return true
}

// within tells whether a component holds one that the filter finds.
func (m *matching) within(f *compFilter, c *calendar.Component) bool {
	defined := false
	for _, k := range c.Children {
		if k.Name != f.name {
			continue
		}
		defined = true
		if !f.absent && m.holds(f, k) && (f.span == nil || m.inTime(k, c, *f.span)) {
			return true
		}
	}
	return f.absent && !defined
}

// prop tells whether one of the component's properties is as wanted.
func (m *matching) prop(f *propFilter, c *calendar.Component) bool {
	defined := false
	for p := range c.All(f.name) {
		defined = true
		if f.absent {
			return false
		}
		if f.span != nil {
			if t, ok := m.o.Time(c, f.name); !ok || !f.span.overlaps(t.In(m.zone), t.In(m.zone)) {
				continue
			}
		}
		if f.holds(calendar.UnescapeText(p.Value), func(name string) (string, bool) {
			for _, q := range p.Params {
				if q.Name == name {
					return strings.Join(q.Values, ","), true
				}
			}
			return "", false
		}) {
			return true
		}
	}
	return f.absent && !defined
}

// holds tells whether a property with this value and these parameters is as
// wanted.
func (f *propFilter) holds(value string, param func(string) (string, bool)) bool {
	if len(f.texts)+len(f.params) == 0 {
		return true
	}
	for i := range f.texts {
		if ok := f.texts[i].match(value); ok == f.any {
			return ok
		}
	}
	for i := range f.params {
		p := &f.params[i]
		v, there := param(p.name)
		ok := there != p.absent && (p.text == nil || there && p.text.match(v))
		if ok == f.any {
			return ok
		}
	}
	return !f.any
}
