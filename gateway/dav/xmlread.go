package dav

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
)

// Limits of a request's document.
const (
	maxXMLDepth    = 40
	maxXMLElements = 60_000
	maxXMLAttrs    = 32
	maxXMLName     = 256
)

// The namespaces.
const (
	nsDAV    = "DAV:"
	nsCal    = "urn:ietf:params:xml:ns:caldav"
	nsCard   = "urn:ietf:params:xml:ns:carddav"
	nsServer = "http://calendarserver.org/ns/"
	nsApple  = "http://apple.com/ns/ical/"
	nsXML    = "http://www.w3.org/XML/1998/namespace"
)

// name is the name of an element.
type name struct{ space, local string }

func dav(local string) name    { return name{nsDAV, local} }
func cal(local string) name    { return name{nsCal, local} }
func card(local string) name   { return name{nsCard, local} }
func server(local string) name { return name{nsServer, local} }
func apple(local string) name  { return name{nsApple, local} }

// element is an XML element as it was read.
type element struct {
	name
	attrs []attr
	nodes []node // in their order
	lang  string // xml:lang that holds here (RFC 4918 4.3)
}

type attr struct {
	name
	value string
}

// node is an element within another, or text.
type node struct {
	element *element // nil: text
	text    string
}

// readXML reads a document within the limits. There are no entities but XML's
// own, since a document that declares any is refused.
func readXML(b []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(b))
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii") {
			return in, nil
		}
		return nil, errors.New("not in UTF-8")
	}
	r := xmlReader{spaces: map[string]int{}}
	for {
		t, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, badXML("it is not well formed")
		}
		if err := r.take(t); err != nil {
			return nil, err
		}
	}
	if r.root == nil || len(r.open) > 0 {
		return nil, badXML("it ends too early")
	}
	return r.root, nil
}

func badXML(why string) error {
	return &failure{status: http.StatusBadRequest, text: "the document cannot be read: " + why}
}

type xmlReader struct {
	root     *element
	open     []*element
	scopes   [][]string     // the namespaces that each open element declares
	spaces   map[string]int // how often each is declared around here
	elements int
}

func (r *xmlReader) take(t xml.Token) error {
	switch t := t.(type) {
	case xml.StartElement:
		return r.start(t)
	case xml.EndElement:
		for _, space := range r.scopes[len(r.scopes)-1] {
			r.spaces[space]--
		}
		r.open, r.scopes = r.open[:len(r.open)-1], r.scopes[:len(r.scopes)-1]
	case xml.CharData:
		if len(r.open) > 0 {
			top := r.open[len(r.open)-1]
			top.nodes = append(top.nodes, node{text: string(t)})
		}
	case xml.Directive:
		return badXML("it has a document type")
	}
	return nil
}

func (r *xmlReader) start(t xml.StartElement) error {
	switch r.elements++; {
	case len(r.open) >= maxXMLDepth:
		return badXML("it is nested too deeply")
	case r.elements > maxXMLElements:
		return badXML("it has too many elements")
	case len(t.Attr) > maxXMLAttrs || len(t.Name.Local)+len(t.Name.Space) > maxXMLName:
		return badXML("an element is too large")
	case len(r.open) == 0 && r.root != nil:
		return badXML("something follows it")
	}
	if err := r.declare(t); err != nil {
		return err
	}
	e := &element{name: name{t.Name.Space, t.Name.Local}}
	if len(r.open) > 0 {
		top := r.open[len(r.open)-1]
		e.lang = top.lang
		top.nodes = append(top.nodes, node{element: e})
	} else {
		r.root = e
	}
	for _, a := range t.Attr {
		if declaration(a) {
			continue
		}
		if a.Name.Space == nsXML && a.Name.Local == "lang" {
			e.lang = a.Value
			continue
		}
		e.attrs = append(e.attrs, attr{name{a.Name.Space, a.Name.Local}, a.Value})
	}
	r.open = append(r.open, e)
	return nil
}

// declare notes the namespaces that an element declares. In place of one that is
// not declared the decoder leaves the prefix.
func (r *xmlReader) declare(t xml.StartElement) error {
	var scope []string
	for _, a := range t.Attr {
		if !declaration(a) {
			continue
		}
		if a.Name.Space == "xmlns" && a.Value == "" { // Namespaces in XML 1.0, 5
			return badXML("a prefix has no namespace")
		}
		scope = append(scope, a.Value)
		r.spaces[a.Value]++
	}
	r.scopes = append(r.scopes, scope)
	known := func(space string) bool { return space == "" || space == nsXML || r.spaces[space] > 0 }
	if !known(t.Name.Space) {
		return badXML("a prefix is not declared")
	}
	for _, a := range t.Attr {
		if !declaration(a) && !known(a.Name.Space) {
			return badXML("a prefix is not declared")
		}
	}
	return nil
}

func declaration(a xml.Attr) bool {
	return a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns"
}

// children ranges over the elements within.
func (e *element) children(yield func(*element) bool) {
	if e == nil {
		return
	}
	for i := range e.nodes {
		if c := e.nodes[i].element; c != nil && !yield(c) {
			return
		}
	}
}

// child is the first element of a name within, or nil.
func (e *element) child(n name) *element {
	for c := range e.children {
		if c.name == n {
			return c
		}
	}
	return nil
}

// text is the text within, without that of elements within.
func (e *element) text() string {
	if e == nil {
		return ""
	}
	if len(e.nodes) == 1 {
		return e.nodes[0].text
	}
	var b strings.Builder
	for i := range e.nodes {
		b.WriteString(e.nodes[i].text)
	}
	return b.String()
}

// word is the text within, without space around it.
func (e *element) word() string { return strings.TrimSpace(e.text()) }

// attr is the value of an attribute without a namespace, or "".
func (e *element) attr(local string) string {
	if e == nil {
		return ""
	}
	for _, a := range e.attrs {
		if a.name == (name{"", local}) {
			return a.value
		}
	}
	return ""
}
