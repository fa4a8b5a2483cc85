package dav

import (
	"fmt"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/vcard"
)

// maxCard bounds a card, in bytes.
const maxCard = vcard.MaxBytes

// dataAsked says how much of an object is wanted, and how (RFC 4791 9.6, RFC 6352
// 10.4).
type dataAsked struct {
	expand  *span     // each occurrence on its own, in UTC
	limit   *span     // of the overrides those that matter there
	comp    *compPart // nil: all
	props   []string  // of a card; none: all
	version string    // of a card
	zone    *time.Location
}

// compPart says what is wanted of a component.
type compPart struct {
	name     string
	allProps bool
	props    map[string]bool // the value tells whether the property comes without it
	allComps bool
	comps    []*compPart
}

// dataProperties are the objects themselves, in reports.
func dataProperties() map[name]property {
	return map[name]property{
		cal("calendar-data"): {kindEvent, false, writeData},
		card("address-data"): {kindCards, false, writeData},
	}
}

func writeData(q *request, r *resource, a *asked, d *document) (bool, error) {
	if !a.whole {
		return false, nil
	}
	raw := a.body
	if raw == nil {
		var err error
		if raw, err = q.body(r); err != nil {
			return false, err
		}
	}
	out, err := a.data.apply(raw, r.kind, q)
	d.escape(string(out), false)
	return err == nil, err
}

// body reads an object as the user may see it.
func (q *request) body(r *resource) ([]byte, error) {
	if r.entry != nil {
		return q.entryCard(r.entry)
	}
	raw, err := q.h.c.Mailboxes.Blobs().Read(q.r.Context(), r.item.Blob)
	if err != nil || !r.col.private(r.item) {
		return raw, err
	}
	o, err := calendar.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("dav: a private event cannot be read: %w", err)
	}
	blank(o.Root)
	return o.Encode(), nil
}

func readDataAsked(e *element) (*dataAsked, error) {
	a := &dataAsked{version: e.attr("version")}
	if t := e.attr("content-type"); t != "" && !strings.HasPrefix(t, "text/calendar") && !strings.HasPrefix(t, "text/vcard") {
		if e.space == nsCal {
			return nil, unmet(cal("supported-calendar-data"), "only text/calendar")
		}
		return nil, unmet(card("supported-address-data"), "only text/vcard")
	}
	var err error
	for c := range e.children {
		switch c.name {
		case cal("expand"):
			a.expand, err = readSpan(c, true)
		case cal("limit-recurrence-set"):
			a.limit, err = readSpan(c, true)
		case cal("comp"):
			a.comp, err = readCompPart(c, 0)
		case card("prop"):
			a.props = append(a.props, strings.ToUpper(c.attr("name")))
		}
		if err != nil {
			return nil, err
		}
	}
	return a, nil
}

func readCompPart(e *element, depth int) (*compPart, error) {
	p := &compPart{name: strings.ToUpper(e.attr("name")), props: map[string]bool{}}
	if depth > 4 || p.name == "" {
		return nil, badXML("a component that is none")
	}
	for c := range e.children {
		switch c.name {
		case cal("allprop"):
			p.allProps = true
		case cal("allcomp"):
			p.allComps = true
		case cal("prop"):
			p.props[strings.ToUpper(c.attr("name"))] = c.attr("novalue") == "yes"
		case cal("comp"):
			k, err := readCompPart(c, depth+1)
			if err != nil {
				return nil, err
			}
			p.comps = append(p.comps, k)
		}
	}
	if len(p.props) == 0 && !p.allProps && len(p.comps) == 0 && !p.allComps { // RFC 4791 9.6.1
		p.allProps, p.allComps = true, true
	}
	return p, nil
}

// apply makes of an object what is wanted of it.
func (a *dataAsked) apply(raw []byte, k kind, q *request) ([]byte, error) {
	if k&kindCards != 0 {
		return a.card(raw)
	}
	if a == nil || a.expand == nil && a.limit == nil && a.comp == nil {
		return raw, nil
	}
	o, err := calendar.Parse(raw)
	if err != nil {
		return nil, err
	}
	root := o.Root
	switch {
	case a.expand != nil:
		if root, err = expand(o, *a.expand, a.zone); err != nil {
			return nil, err
		}
	case a.limit != nil:
		root = limited(o, *a.limit, a.zone)
	}
	if a.comp != nil && a.comp.name == root.Name {
		root = a.comp.cut(root)
	}
	return root.Append(nil), nil
}

// cut copies a component as far as it is wanted. What makes it valid stays.
func (p *compPart) cut(c *calendar.Component) *calendar.Component {
	out := &calendar.Component{Name: c.Name}
	for _, prop := range c.Props {
		without, named := p.props[prop.Name]
		switch {
		case named && without:
			prop.Value = ""
		case !named && !p.allProps:
			continue
		}
		out.Props = append(out.Props, prop)
	}
	for _, k := range c.Children {
		if part := p.part(k.Name); part != nil {
			out.Children = append(out.Children, part.cut(k))
		} else if p.allComps {
			out.Children = append(out.Children, k)
		}
	}
	return out
}

func (p *compPart) part(name string) *compPart {
	for _, k := range p.comps {
		if k.name == name {
			return k
		}
	}
	return nil
}

// card makes of a card what is wanted of it. Version 3.0 is what every client
// reads (RFC 6352 3), 4.0 comes to those that ask for it.
func (a *dataAsked) card(raw []byte) ([]byte, error) {
	old := a == nil || a.version != vcard.Version40
	if a == nil || len(a.props) == 0 {
		return cardIn(raw, old)
	}
	c, err := vcard.Parse(raw)
	if err != nil {
		return nil, err
	}
	if old && c.Version == vcard.Version40 {
		c = c.As30()
	}
	out := &vcard.Card{Version: c.Version}
	for _, p := range c.Properties {
		for _, n := range append([]string{"UID", "FN", "N"}, a.props...) { // without which it is no card
			if p.Name == n {
				out.Add(p)
				break
			}
		}
	}
	return out.Bytes(), nil
}

// cardIn is a card in the version that a client reads.
func cardIn(raw []byte, old bool) ([]byte, error) {
	if !old {
		return raw, nil
	}
	c, err := vcard.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("dav: a card cannot be read: %w", err)
	}
	if c.Version != vcard.Version40 {
		return raw, nil
	}
	return c.As30().Bytes(), nil
}

// span is a time range; a zero time is no bound (RFC 4791 9.9).
type span struct{ start, end time.Time }

// The bounds of a span that has none.
var (
	beginningOfTime = time.Unix(0, 0).UTC().AddDate(-70, 0, 0)
	endOfTime       = time.UnixMilli(mail.EndOfTime).UTC()
)

// readSpan reads start and end, which are in UTC.
func readSpan(e *element, both bool) (*span, error) {
	read := func(local string, missing time.Time) (time.Time, error) {
		s := e.attr(local)
		if s == "" && !both {
			return missing, nil
		}
		t, err := time.Parse("20060102T150405Z", s)
		if err != nil {
			return t, unmet(cal("valid-filter"), "a time range has times in UTC")
		}
		return t, nil
	}
	start, err := read("start", beginningOfTime)
	if err != nil {
		return nil, err
	}
	end, err := read("end", endOfTime)
	if err != nil {
		return nil, err
	}
	if !end.After(start) || e.attr("start") == "" && e.attr("end") == "" {
		return nil, unmet(cal("valid-filter"), "a time range ends behind its start")
	}
	return &span{start, end}, nil
}

// overlaps tells whether something that lasts from start to end touches the span.
// What takes no time touches it where it is (RFC 4791 9.9).
func (s span) overlaps(start, end time.Time) bool {
	if !end.After(start) {
		return !start.Before(s.start) && start.Before(s.end)
	}
	return start.Before(s.end) && end.After(s.start)
}
