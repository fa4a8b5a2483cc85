package calendar

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// exchangeLocation is one location as Exchange and Outlook write it into
// X-MICROSOFT-LOCATIONS: a list of them in JSON, as text.
type exchangeLocation struct {
	DisplayName, LocationAnnotation, LocationURI string
	LocationStreet, LocationCity, LocationState  string
	LocationCountry, LocationPostalCode          string
	LocationFullAddress                          string
	Latitude, Longitude                          *float64
}

// exchangePlace is what Exchange adds: a list of places, and for the first one a
// property for each of its parts. Of more than one place none is told, since
// LOCATION names them all.
func exchangePlace(c *Component) Place {
	if prop := c.Prop("X-MICROSOFT-LOCATIONS"); prop != nil {
		list := exchangeList(prop.Value)
		if len(list) == 1 {
			return list[0].place()
		}
		if len(list) > 1 {
			return Place{}
		}
	}
	text := func(part string) string { return c.Text("X-MICROSOFT-LOCATION" + part) }
	l := exchangeLocation{
		DisplayName: text("DISPLAYNAME"), LocationAnnotation: text("ANNOTATION"), LocationURI: text("URI"), LocationStreet: text("STREET"),
		LocationCity: text("CITY"), LocationState: text("STATE"), LocationCountry: text("COUNTRY"), LocationPostalCode: text("POSTALCODE"),
	}
	latitude, ok1 := degrees(c.Value("X-MICROSOFT-LATITUDE"))
	longitude, ok2 := degrees(c.Value("X-MICROSOFT-LONGITUDE"))
	if ok1 && ok2 {
		l.Latitude, l.Longitude = &latitude, &longitude
	}
	return l.place()
}

// exchangeList reads the list, whose commas may be escaped as those of a text or
// not.
func exchangeList(value string) (list []exchangeLocation) {
	if len(value) > maxPlaceValue {
		return nil
	}
	for _, s := range [...]string{UnescapeText(value), value} {
		if list = nil; json.Unmarshal([]byte(s), &list) == nil {
			return list[:min(len(list), maxPlaces)]
		}
	}
	return nil
}

func (l *exchangeLocation) place() Place {
	p := Place{
		Name: placeText(l.DisplayName), Note: placeText(l.LocationAnnotation), Street: placeText(l.LocationStreet), City: placeText(l.LocationCity),
		State: placeText(l.LocationState), Country: placeText(l.LocationCountry), PostalCode: placeText(l.LocationPostalCode),
	}
	if p.Street+p.City+p.State+p.Country+p.PostalCode == "" {
		p.Street = placeText(l.LocationFullAddress)
	}
	// A room is named by its mail address here.
	if p.URI = placeURI(l.LocationURI); p.URI == "" && strings.Contains(l.LocationURI, "@") && len(l.LocationURI) <= maxPlaceURI {
		p.URI = placeText(l.LocationURI)
	}
	if l.Latitude != nil && l.Longitude != nil && (*l.Latitude != 0 || *l.Longitude != 0) { // nought and nought are no position
		p.Position = position(*l.Latitude, *l.Longitude)
	}
	return p
}

// componentPlace reads a VLOCATION (RFC 9073 7.2).
func componentPlace(c *Component) Place {
	p := Place{Name: placeText(c.Text("NAME")), Note: placeText(c.Text("DESCRIPTION")), Position: geoProperty(c)}
	if u := c.Prop("URL"); u != nil {
		p.URI = placeURI(u.Value)
	}
	n := 0
	for d := range c.All("STRUCTURED-DATA") {
		if n++; n > maxPlaces {
			break
		}
		switch {
		case strings.EqualFold(d.Param("VALUE"), "URI"):
			q := Place{Position: geoURI(d.Value)}
			if q.Position == nil {
				q.URI = placeURI(d.Value)
			}
			p.fill(&q)
		case strings.EqualFold(d.Param("FMTTYPE"), "text/vcard") && len(d.Value) <= maxPlaceValue:
			q := cardPlace(UnescapeText(d.Value))
			p.fill(&q)
		}
	}
	return p
}

// cardPlace reads the place in a vCard (RFC 6350 6.3.1, 6.5.2).
func cardPlace(card string) (p Place) {
	d := decoder{rest: []byte(card)}
	for range maxPlaces * 10 {
		line, ok := d.line()
		if !ok {
			break
		}
		prop, ok := parseLine(line)
		if !ok {
			continue
		}
		switch prop.Name {
		case "FN":
			p.fill(&Place{Name: placeText(prop.Text())})
		case "NOTE":
			p.fill(&Place{Note: placeText(prop.Text())})
		case "URL":
			p.fill(&Place{URI: placeURI(prop.Value)})
		case "GEO":
			p.fill(&Place{Position: geoURI(prop.Value)})
		case "ADR":
			f := append(splitParts(prop.Value), make([]string, 7)...)
			p.fill(&Place{
				Street: placeText(f[2]), City: placeText(f[3]), State: placeText(f[4]), PostalCode: placeText(f[5]), Country: placeText(f[6]),
			})
		}
	}
	return p
}

// splitParts cuts a value at semicolons that are not escaped.
func splitParts(s string) (out []string) {
	from := 0
	for i := 0; i <= len(s) && len(out) < 7; i++ {
		switch {
		case i == len(s) || s[i] == ';':
			out = append(out, UnescapeText(s[from:i]))
			from = i + 1
		case s[i] == '\\':
			i++
		}
	}
	return out
}

// structuredPlace reads a property whose value is a URI, that of a point as a
// rule: what Apple's programs add (X-TITLE, X-ADDRESS and a radius beside it),
// and STRUCTURED-LOCATION.
func structuredPlace(prop *Property) Place {
	text := func(name string) string { return placeText(UnescapeText(UnescapeText(prop.Param(name)))) } // some escape twice
	p := Place{Name: text("X-TITLE"), Street: text("X-ADDRESS")}
	if p.Position = geoURI(prop.Value); p.Position == nil {
		p.URI = placeURI(prop.Value)
	} else if p.Position.Accuracy == nil {
		if r, ok := measure(prop.Param("X-APPLE-RADIUS")); ok {
			p.Position.Accuracy = &r
		}
	}
	return p
}

// geoProperty reads GEO (RFC 5545 3.8.1.6).
func geoProperty(c *Component) *Position {
	latitude, longitude, ok := strings.Cut(c.Value("GEO"), ";")
	if !ok {
		return nil
	}
	a, ok1 := degrees(latitude)
	b, ok2 := degrees(longitude)
	if !ok1 || !ok2 {
		return nil
	}
	return position(a, b)
}

// geoURI reads a geo URI (RFC 5870 3.3); nil for another, and for one of another
// system than WGS-84.
func geoURI(s string) *Position {
	s = strings.TrimSpace(s)
	if len(s) < 4 || !strings.EqualFold(s[:4], "geo:") || len(s) > maxPlaceURI {
		return nil
	}
	point, params, _ := strings.Cut(s[4:], ";")
	coordinates := strings.Split(point, ",")
	if len(coordinates) < 2 || len(coordinates) > 3 {
		return nil
	}
	a, ok1 := degrees(coordinates[0])
	b, ok2 := degrees(coordinates[1])
	if !ok1 || !ok2 {
		return nil
	}
	p := position(a, b)
	if p == nil {
		return nil
	}
	if len(coordinates) == 3 {
		if h, ok := degrees(coordinates[2]); ok {
			p.Altitude = &h
		}
	}
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		switch strings.ToLower(name) {
		case "crs":
			if !strings.EqualFold(value, "wgs84") {
				return nil
			}
		case "u": // it holds for all dimensions (RFC 5870 3.4.3)
			if u, ok := measure(value); ok {
				p.Accuracy = &u
				if p.Altitude != nil {
					p.AltitudeAccuracy = &u
				}
			}
		}
	}
	return p
}

// position is a point on earth, nil if there is none such.
func position(latitude, longitude float64) *Position {
	if !(math.Abs(latitude) <= 90) || !(math.Abs(longitude) <= 180) {
		return nil
	}
	return &Position{Latitude: latitude, Longitude: longitude}
}

// degrees reads a number as GEO and geo URIs have it: digits with a point, and
// nothing that a float may be besides.
func degrees(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 40 || strings.Trim(s, "+-.0123456789") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

// measure reads a number of metres that is not negative.
func measure(s string) (float64, bool) {
	v, ok := degrees(s)
	return v, ok && v >= 0
}
