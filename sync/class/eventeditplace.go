package class

import (
	"reflect"
	"slices"
	"strconv"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// placeDetails speak of the place beside LOCATION. One who changes the place
// changes all of them.
var placeDetails = [...]string{
	"GEO", "STRUCTURED-LOCATION", "X-APPLE-STRUCTURED-LOCATION", "X-MICROSOFT-LOCATIONS", "X-MICROSOFT-LOCATIONSOURCE",
	"X-MICROSOFT-LOCATIONDISPLAYNAME", "X-MICROSOFT-LOCATIONANNOTATION", "X-MICROSOFT-LOCATIONURI",
	"X-MICROSOFT-LATITUDE", "X-MICROSOFT-LONGITUDE", "X-MICROSOFT-LOCATIONSTREET", "X-MICROSOFT-LOCATIONCITY",
	"X-MICROSOFT-LOCATIONSTATE", "X-MICROSOFT-LOCATIONCOUNTRY", "X-MICROSOFT-LOCATIONPOSTALCODE",
}

// editPlace applies the place: a name up to 14.1, all that is known of it since
// (MS-ASCAL_R2135). A name that stays keeps the rest.
func (w *eventWriter) editPlace(c *calendar.Component, in *eas.Calendar, cur *eventView, gone func(string) bool) {
	if w.o.Version < eas.V160 {
		if s, ok := stated(in.LocationText, gone("Calendar:Location")); ok && s != cur.location && oneText(s) != cur.location {
			setPlace(c, &eas.Location{DisplayName: s})
			w.touch(c, false)
		}
		return
	}
	if in.Location == nil {
		return
	}
	old := cur.place
	if old == nil {
		old = &eas.Location{}
	}
	clean := *in.Location
	for _, s := range [...]*string{&clean.DisplayName, &clean.Annotation, &clean.Street, &clean.City, &clean.State, &clean.Country, &clean.PostalCode, &clean.LocationURI} {
		*s = oneText(*s)
	}
	if !reflect.DeepEqual(in.Location, old) && !reflect.DeepEqual(&clean, old) {
		setPlace(c, &clean)
		w.touch(c, false)
	}
}

func setPlace(c *calendar.Component, l *eas.Location) {
	for _, name := range placeDetails {
		c.Remove(name)
	}
	c.Children = slices.DeleteFunc(c.Children, func(k *calendar.Component) bool { return k.Name == "VLOCATION" })
	name := oneText(l.DisplayName)
	c.SetText("LOCATION", name)
	address := false
	for _, f := range [...]struct{ property, text string }{
		{"ANNOTATION", l.Annotation}, {"STREET", l.Street}, {"CITY", l.City}, {"STATE", l.State},
		{"COUNTRY", l.Country}, {"POSTALCODE", l.PostalCode}, {"URI", l.LocationURI},
	} {
		if s := oneText(f.text); s != "" {
			c.SetText("X-MICROSOFT-LOCATION"+f.property, s)
			address = true
		}
	}
	if address {
		c.SetText("X-MICROSOFT-LOCATIONDISPLAYNAME", name)
	}
	if l.Latitude == nil || l.Longitude == nil {
		return
	}
	degrees := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	c.SetValue("GEO", degrees(*l.Latitude)+";"+degrees(*l.Longitude))
	uri := "geo:" + degrees(*l.Latitude) + "," + degrees(*l.Longitude) // RFC 5870
	if l.Altitude != nil {
		uri += "," + degrees(*l.Altitude)
	}
	accuracy := l.Accuracy
	if accuracy == nil {
		accuracy = l.AltitudeAccuracy
	}
	if accuracy != nil {
		uri += ";u=" + degrees(*accuracy)
	}
	p := calendar.Property{Name: "X-APPLE-STRUCTURED-LOCATION", Value: uri}
	p.SetParam("VALUE", "URI")
	p.SetParam("X-TITLE", name)
	c.Add(p)
}
