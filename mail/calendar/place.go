package calendar

import (
	"strings"
	"unicode"
)

// Limits of what is read of a place.
const (
	maxPlaceText  = 1024     // characters of each text beside the name
	maxPlaceURI   = 2048     // bytes
	maxPlaces     = 20       // VLOCATION components and properties of one name that are looked at
	maxPlaceValue = 64 << 10 // bytes of a value that has a form of its own: JSON, a vCard
)

// Place is where an event is, in all the detail that its properties have.
type Place struct {
	Name                                     string
	Note                                     string
	Street, City, State, Country, PostalCode string
	URI                                      string
	Position                                 *Position
}

// Position is a point on WGS-84. What is not known is nil.
type Position struct {
	Latitude, Longitude float64  // degrees
	Accuracy            *float64 // of both, metres
	Altitude            *float64 // metres above the ellipsoid
	AltitudeAccuracy    *float64 // metres
}

// Place reads where the event is. LOCATION is what people see; what programs add
// to it in their own forms counts as long as it speaks of the same place: one
// who changes LOCATION may know nothing of the rest.
func (e *Event) Place() Place {
	p := Place{Name: e.Location}
	c := e.Component
	if c == nil {
		return p
	}
	if m := exchangePlace(c); m.agrees(e.Location) {
		if m.Name != "" { // LOCATION repeats the address behind the name
			p.Name = m.Name
		}
		p.fill(&m)
	}
	n := 0
	for _, k := range c.Children {
		if k.Name == "VLOCATION" && n < maxPlaces {
			n++
			if q := componentPlace(k); q.agrees(e.Location) {
				p.fill(&q)
			}
		}
	}
	for _, name := range [...]string{"X-APPLE-STRUCTURED-LOCATION", "STRUCTURED-LOCATION"} {
		n = 0
		for prop := range c.All(name) {
			if n++; n > maxPlaces {
				break
			}
			if q := structuredPlace(prop); q.agrees(e.Location) {
				p.fill(&q)
			}
		}
	}
	if prop := c.Prop("LOCATION"); prop != nil {
		p.fill(&Place{URI: placeURI(prop.Param("ALTREP"))})
	}
	p.fill(&Place{Position: geoProperty(c)})
	return p
}

// fill takes from q what p does not know yet. A position is one thing: the
// accuracy of another source says nothing of it.
func (p *Place) fill(q *Place) {
	for _, f := range [...]struct{ to, from *string }{
		{&p.Name, &q.Name}, {&p.Note, &q.Note}, {&p.URI, &q.URI},
	} {
		if *f.to == "" {
			*f.to = *f.from
		}
	}
	if p.Street+p.City+p.State+p.Country+p.PostalCode == "" { // an address is one thing, too
		p.Street, p.City, p.State, p.Country, p.PostalCode = q.Street, q.City, q.State, q.Country, q.PostalCode
	}
	if p.Position == nil {
		p.Position = q.Position
	}
}

// agrees tells whether the place may be the one that LOCATION names: one of the
// two names is within the other.
func (p *Place) agrees(location string) bool {
	a, b := lettersOf(location), lettersOf(p.Name)
	return a == "" || b == "" || strings.Contains(a, b) || strings.Contains(b, a)
}

// lettersOf is a name without what programs write in different ways.
func lettersOf(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// placeText cuts a text of a place and puts it on one line.
func placeText(s string) string {
	s = strings.Map(noControl, strings.Join(strings.Fields(s), " "))
	if len(s) > maxPlaceText {
		if r := []rune(s); len(r) > maxPlaceText {
			s = string(r[:maxPlaceText])
		}
	}
	return s
}

// placeURI is a URI that can be followed from elsewhere; one that names a part
// of the message, carries its content along or is a script cannot. One of a
// point is a position.
func placeURI(s string) string {
	s = strings.TrimSpace(s)
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || rest == "" || len(s) > maxPlaceURI || strings.ContainsAny(s, " \t\"<>") {
		return ""
	}
	switch strings.ToLower(scheme) {
	case "cid", "mid", "data", "javascript", "vbscript", "file", "geo":
		return ""
	}
	for i := range len(scheme) { // RFC 3986 3.1
		if c := scheme[i] | 0x20; (c < 'a' || c > 'z') && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(scheme[i]))) {
			return ""
		}
	}
	return s
}

// placeProperties speak of the event's place beside LOCATION.
var placeProperties = [...]string{
	"GEO", "STRUCTURED-LOCATION", "X-APPLE-STRUCTURED-LOCATION", "X-MICROSOFT-LOCATIONS",
	"X-MICROSOFT-LOCATIONDISPLAYNAME", "X-MICROSOFT-LOCATIONANNOTATION", "X-MICROSOFT-LOCATIONSOURCE", "X-MICROSOFT-LOCATIONURI",
	"X-MICROSOFT-LATITUDE", "X-MICROSOFT-LONGITUDE", "X-MICROSOFT-LOCATIONSTREET", "X-MICROSOFT-LOCATIONCITY",
	"X-MICROSOFT-LOCATIONSTATE", "X-MICROSOFT-LOCATIONCOUNTRY", "X-MICROSOFT-LOCATIONPOSTALCODE",
}

// copyPlace gives c all that speaks of from's place beside LOCATION.
func copyPlace(c, from *Component) {
	for _, name := range placeProperties {
		for p := range from.All(name) {
			c.Add(*p)
		}
	}
	for _, k := range from.Children {
		if k.Name == "VLOCATION" {
			c.Children = append(c.Children, k.Clone())
		}
	}
}

// removePlace takes out all that speaks of the place beside LOCATION.
func removePlace(c *Component) {
	for _, name := range placeProperties {
		c.Remove(name)
	}
	var rest []*Component
	for _, k := range c.Children {
		if k.Name != "VLOCATION" {
			rest = append(rest, k)
		}
	}
	c.Children = rest
}
