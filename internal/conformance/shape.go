package conformance

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Element is an element of a response, by its local name.
type Element struct {
	Name     string
	Space    string // its namespace
	Text     string
	Parent   *Element
	Children []*Element
}

// ParseXML reads a response as text.
func ParseXML(doc string) (*Element, error) {
	d := xml.NewDecoder(strings.NewReader(doc))
	root := &Element{}
	at := root
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			e := &Element{Name: t.Name.Local, Space: t.Name.Space, Parent: at}
			at.Children = append(at.Children, e)
			at = e
		case xml.EndElement:
			at = at.Parent
		case xml.CharData:
			at.Text += string(t)
		}
	}
	if len(root.Children) != 1 {
		return nil, errors.New("conformance: a document has one root")
	}
	root.Children[0].Parent = nil
	return root.Children[0], nil
}

// Walk visits an element and all below it.
func (e *Element) Walk(visit func(*Element)) {
	visit(e)
	for _, c := range e.Children {
		c.Walk(visit)
	}
}

func (e *Element) within(name string) bool {
	for ; e != nil; e = e.Parent {
		if e.Name == name {
			return true
		}
	}
	return false
}

func (e *Element) count(name string) (n int) {
	for _, c := range e.Children {
		if c.Name == name {
			n++
		}
	}
	return n
}

// succeeded tells whether the element has children and none that tells of a
// failure: those that fail lack what is required otherwise.
func (e *Element) succeeded() bool {
	for _, c := range e.Children {
		if c.Name == "Status" && c.Text != "1" {
			return false
		}
	}
	return len(e.Children) > 0
}

// Shape is a requirement about where an element of a response stands, how often
// and what it holds.
type Shape struct {
	ID      string
	Element string
	Command string // empty: of any
	Within  string // an ancestor; empty: any
	Parents []string
	Kind    string   // "parent", "number", "type", "leaf", "children", "required", "optional", "version", "root"
	Type    string   // of a type
	Max     int      // of a number; -1: any
	Version string   // of a version: the one that shows the element
	Names   []string // of children
}

var (
	inCommand = regexp.MustCompile(`(?:Element|element) ([\w:]+)(?: ?\([\w ]+\))? in (\w+) command (?:(Oof|UserInformation|RightsManagementInformation) )?(?:request and )?(?:response|reply)(?: ?\(section ?[\d.]+\))?(?: (\w+) operation)?,? ?(?:the (parent element is|data type is|number allowed is|child elements? (?:is|are))|(has no child element)) ?(.*)`)
	isRoot    = regexp.MustCompile(`(?:Element (\w+) in \w+ command (?:response|reply).* has no parent element|The (\w+) element is a required element in .*that identifies the body of the HTTP POST)`)
	childOf   = regexp.MustCompile(`The ([\w:]+) element is an? (required|optional) child element (?:of type \w+ (?:\([^)]*\) )?)?of the (.*?) elements?(?:,? (?:\(section|in|and the)|\.| that| of| if)`)
	inReplies = regexp.MustCompile(`in (\w+) command (?:requests and )?responses`)
	valueType = regexp.MustCompile(`^\[In (\w+)(?: ?\(([\w ]+)\))?\].*?(?:element|\]).*? is an? (\w+)(?: \([^)]*\))? data type`)
	atMostOne = regexp.MustCompile(`(?:maximum of one ([\w:]+) (?:child )?elements? (?:is allowed )?per (?:returned )?([\w:]+) element|([\w:]+) element has at most one instance of the ([\w:]+) element)`)
	supports  = regexp.MustCompile(`^\[In (\w+)(?: ?\(([\w ]+)\))?\] ?Protocol version ([\d.]+) supports this`)
	typed     = regexp.MustCompile(`The ([\w:]+) element is an? (?:required|optional) child element of type (\w+)`)
	noChild   = regexp.MustCompile(`(?:The|Element) ([\w:]+)(?: element)? (?:cannot|MUST NOT|MUST) have (?:any |no )?child elements`)
	anyNumber = regexp.MustCompile(`(\d)(?:\.\.\.|…|\.\.)(\d|N)`)
	word      = regexp.MustCompile(`[A-Za-z][\w:]*`)
	asides    = regexp.MustCompile(`\([^)]*\)|\[[^\]]*\]`)
)

// ShapeOf reads a requirement, and tells whether it is about a shape.
func ShapeOf(r Requirement) (Shape, bool) {
	s := Shape{ID: r.ID}
	if m := inCommand.FindStringSubmatch(r.Text); m != nil {
		s.Element, s.Command, s.Within = local(m[1]), m[2], m[3]
		if m[4] != "" {
			s.Within = strings.ToUpper(m[4][:1]) + m[4][1:]
		}
		rest := strings.TrimSuffix(strings.TrimSpace(m[7]), ".")
		switch {
		case m[6] != "":
			s.Kind = "leaf"
		case strings.HasPrefix(m[5], "parent"):
			s.Kind, s.Parents = "parent", names(rest)
		case strings.HasPrefix(m[5], "data"):
			s.Kind, s.Type = "type", strings.ToLower(word.FindString(strings.TrimPrefix(rest, "an ")))
		case strings.HasPrefix(m[5], "number"):
			n := anyNumber.FindStringSubmatch(rest)
			if n == nil {
				return s, false
			}
			s.Kind, s.Max = "number", -1
			if n[2] != "N" {
				s.Max, _ = strconv.Atoi(n[2])
			}
		default:
			s.Kind, s.Names = "children", names(rest)
		}
		return s, true
	}
	if m := isRoot.FindStringSubmatch(r.Text); m != nil {
		s.Element, s.Kind = m[1]+m[2], "root"
		return s, true
	}
	if m := supports.FindStringSubmatch(r.Text); m != nil {
		s.Element, s.Within, s.Kind, s.Version = m[1], holder(m[2]), "version", m[3]
		return s, true
	}
	if m := valueType.FindStringSubmatch(r.Text); m != nil && !strings.Contains(r.Text, " request") {
		s.Element, s.Within, s.Kind, s.Type = m[1], holder(m[2]), "type", strings.ToLower(m[3])
		return s, true
	}
	if m := atMostOne.FindStringSubmatch(r.Text); m != nil && !strings.Contains(r.Text, " request") && !strings.Contains(r.Text, "Implementation") {
		s.Element, s.Kind, s.Max = local(m[1]+m[4]), "number", 1
		s.Parents = []string{local(m[2] + m[3])}
		return s, true
	}
	if m := childOf.FindStringSubmatch(r.Text); m != nil {
		s.Element, s.Kind, s.Parents = local(m[1]), m[2], names(m[3])
		if c := inReplies.FindStringSubmatch(r.Text); c != nil {
			s.Command = c[1]
		} else if strings.Contains(r.Text, " command request") {
			return s, false
		}
		if strings.Contains(r.Text, " if ") || strings.Contains(r.Text, "when") || strings.Contains(r.Text, "requests and responses") {
			s.Kind = "optional" // only then, or only in one of them
		}
		if t := typed.FindStringSubmatch(r.Text); t != nil {
			s.Type = strings.ToLower(t[2])
		}
		return s, true
	}
	if m := noChild.FindStringSubmatch(r.Text); m != nil {
		s.Element, s.Kind = local(m[1]), "leaf"
		return s, true
	}
	return s, false
}

// holder is the element that a title names beside another that stands in it, as
// in "Data (BodyPart)"; empty for what is no such element.
func holder(beside string) string {
	switch beside {
	case "Attachment", "Body", "BodyPart", "Fetch", "Location":
		return beside
	}
	return ""
}

// local is a name without its prefix.
func local(name string) string {
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		return name[i+1:]
	}
	return name
}

// names are the names of elements in a list as people write it.
func names(list string) (all []string) {
	for _, n := range word.FindAllString(asides.ReplaceAllString(list, ""), -1) {
		if n = local(n); n != "and" && n != "or" && n != "the" && n != "element" && n != "elements" && n != "None" && n != "section" {
			all = append(all, n)
		}
	}
	return all
}

// classOf is the document of the class of items that has a namespace: several give
// the same names to different things.
func classOf(space string) string {
	switch space {
	case "Email", "Email2":
		return "MS-ASEMAIL"
	case "Calendar":
		return "MS-ASCAL"
	case "Contacts", "Contacts2":
		return "MS-ASCNTC"
	case "Tasks":
		return "MS-ASTASK"
	case "Notes":
		return "MS-ASNOTE"
	case "DocumentLibrary":
		return "MS-ASDOC"
	}
	return ""
}

// foreign tells whether an element is of another class than the requirement.
func (s *Shape) foreign(e *Element) bool {
	document, _, _ := strings.Cut(s.ID, "_")
	is := classOf(e.Space)
	if is == "" || is == document {
		return false
	}
	switch document {
	case "MS-ASEMAIL", "MS-ASCAL", "MS-ASCNTC", "MS-ASTASK", "MS-ASNOTE", "MS-ASDOC":
		return true
	}
	return false
}

// Check holds a response, given in a protocol version, to the shape. It tells whether the response shows it.
func (s *Shape) Check(root *Element, version string) (shown bool, err error) {
	if s.Command != "" && root.Name != s.Command || s.Version != "" && s.Version != version {
		return false, nil
	}
	root.Walk(func(e *Element) {
		foreign := s.foreign(e)
		if !foreign && s.Kind == "required" && slices.Contains(s.Parents, e.Name) && e.count(s.Element) == 0 && len(s.Parents) == 1 && e.succeeded() && (e.Parent == nil || e.Parent.succeeded()) && root.succeeded() {
			err = fmt.Errorf("%s: %s lacks %s", s.ID, e.Name, s.Element)
		}
		if e.Name != s.Element || s.Within != "" && !e.within(s.Within) {
			return
		}
		ok, bad := s.element(e)
		if foreign && bad != nil {
			return
		}
		shown = shown || ok
		if bad != nil && err == nil {
			err = fmt.Errorf("%s: %w", s.ID, bad)
		}
	})
	return shown, err
}

func (s *Shape) element(e *Element) (shown bool, err error) {
	parent := ""
	if e.Parent != nil {
		parent = e.Parent.Name
	}
	switch s.Kind {
	case "parent", "required", "optional":
		shown = slices.Contains(s.Parents, parent) || len(s.Parents) == 0 && e.Parent == nil
		if shown && s.Type != "" {
			err = holds(e, s.Type)
		}
	case "root":
		shown = e.Parent == nil
	case "number":
		shown = len(s.Parents) == 0 || slices.Contains(s.Parents, parent)
		if shown && e.Parent != nil && s.Max >= 0 && e.Parent.count(e.Name) > s.Max {
			err = fmt.Errorf("%s stands %d times in %s", e.Name, e.Parent.count(e.Name), parent)
		}
	case "type":
		if s.Command == "" && len(e.Children) > 0 != (s.Type == "container") {
			break // another element of that name
		}
		shown, err = true, holds(e, s.Type)
	case "version":
		shown = true
	case "leaf":
		shown = true
		if len(e.Children) > 0 {
			err = fmt.Errorf("%s has children", e.Name)
		}
	case "children":
		for _, c := range e.Children {
			shown = shown || slices.Contains(s.Names, c.Name)
		}
	}
	return shown, err
}

// dateTime is how times are written (MS-ASDTYPE 2.3).
const dateTime = "2006-01-02T15:04:05.000Z"

// holds tells whether an element's content is of a type of MS-ASDTYPE.
func holds(e *Element, kind string) error {
	if kind == "container" || kind == "none" {
		if strings.TrimSpace(e.Text) != "" {
			return fmt.Errorf("%s is a container and has text", e.Name)
		}
		return nil
	}
	if len(e.Children) > 0 {
		return fmt.Errorf("%s is of type %s and has children", e.Name, kind)
	}
	if e.Text == "" || strings.HasPrefix(e.Text, "{{") {
		return nil // nothing, or a value that changes
	}
	switch kind {
	case "integer":
		if _, err := strconv.ParseInt(e.Text, 10, 64); err != nil {
			return fmt.Errorf("%s is a number, not %q", e.Name, e.Text)
		}
	case "unsigned":
		if _, err := strconv.ParseUint(e.Text, 10, 64); err != nil {
			return fmt.Errorf("%s is a number, not %q", e.Name, e.Text)
		}
	case "unsignedbyte":
		if _, err := strconv.ParseUint(e.Text, 10, 8); err != nil {
			return fmt.Errorf("%s is a number up to 255, not %q", e.Name, e.Text)
		}
	case "datetime":
		if _, err := time.Parse(dateTime, e.Text); err != nil {
			return fmt.Errorf("%s is a time, not %q", e.Name, e.Text)
		}
	case "boolean":
		if e.Text != "0" && e.Text != "1" {
			return fmt.Errorf("%s is a boolean, not %q", e.Name, e.Text)
		}
	}
	return nil
}
