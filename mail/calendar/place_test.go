package calendar

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// eventOf parses an event of these lines.
func eventOf(t testing.TB, lines string) *Event {
	t.Helper()
	o, err := Parse([]byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20260610T100000Z\n" + lines + "\nEND:VEVENT\nEND:VCALENDAR\n"))
	if err != nil {
		t.Fatal(err)
	}
	return o.Master()
}

// tell writes a place in one line.
func (p Place) tell() string {
	var b strings.Builder
	for _, f := range []struct{ name, value string }{
		{"name", p.Name}, {"note", p.Note}, {"street", p.Street}, {"city", p.City}, {"state", p.State}, {"country", p.Country},
		{"code", p.PostalCode}, {"uri", p.URI},
	} {
		if f.value != "" {
			fmt.Fprintf(&b, "%s=%s|", f.name, f.value)
		}
	}
	if q := p.Position; q != nil {
		fmt.Fprintf(&b, "at %g %g|", q.Latitude, q.Longitude)
		for _, f := range []struct {
			name  string
			value *float64
		}{{"±", q.Accuracy}, {"high", q.Altitude}, {"high±", q.AltitudeAccuracy}} {
			if f.value != nil {
				fmt.Fprintf(&b, "%s %g|", f.name, *f.value)
			}
		}
	}
	return strings.TrimSuffix(b.String(), "|")
}

const (
	exchangeHotel = `LOCATION;LANGUAGE=en-US:Hotel Lime (Lime Street 8\, Vienna\, Austria)
X-MICROSOFT-LOCATIONS:[{"DisplayName":"Hotel Lime"\,"LocationAnnotation":"third floor"\,"LocationUri":"https://maps.example.com/lime"\,"Latitude":48.25\,"Longitude":16.5\,"LocationStreet":"Lime Street 8"\,"LocationCity":"Vienna"\,"LocationState":"W"\,"LocationCountry":"Austria"\,"LocationPostalCode":"1010"\,"LocationFullAddress":""}]`
	applePark = `LOCATION:Ash Park\n1 Ash Park Way\nVienna
X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-ADDRESS="1 Ash Park Way\\nVienna";X-APPLE-RADIUS=141.17;X-TITLE="Ash Park":geo:48.25,16.5`
)

func TestPlaces(t *testing.T) {
	for _, tt := range []struct{ name, lines, want string }{
		{"none", "", ""},
		{"a name", `LOCATION:Room 1\, second floor`, "name=Room 1, second floor"},
		{"an alternative", `LOCATION;ALTREP="https://example.com/room1":Room 1`, "name=Room 1|uri=https://example.com/room1"},
		{"an alternative within the message", `LOCATION;ALTREP="CID:part3@example.com":Room 1`, "name=Room 1"},
		{"a script", `LOCATION;ALTREP="JavaScript:alert(1)":Room 1`, "name=Room 1"},
		{"GEO", "GEO:37.386013;-122.082932", "at 37.386013 -122.082932"},
		{"GEO of no place", "GEO:91;0", ""},
		{"GEO of no number", "GEO:NaN;Inf", ""},
		{"GEO in hexadecimal", "GEO:0x10p1;1e1", ""},
		{"half a GEO", "GEO:37.386013", ""},
		{"Apple", applePark, "name=Ash Park\n1 Ash Park Way\nVienna|street=1 Ash Park Way Vienna|at 48.25 16.5|± 141.17"},
		{"Apple without a place", `X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE=Home:geo:48.25,16.5,183;crs=wgs84;u=30`, "name=Home|at 48.25 16.5|± 30|high 183|high± 30"},
		{"on the moon", `STRUCTURED-LOCATION;VALUE=URI:geo:1,2;crs=Moon-2011`, ""},
		{"a link", `STRUCTURED-LOCATION;VALUE=URI:https://example.com/hall`, "uri=https://example.com/hall"},
		{"an unknown uncertainty", `STRUCTURED-LOCATION;VALUE=URI:geo:1,2;u=-3`, "at 1 2"},
		{"Exchange", exchangeHotel, "name=Hotel Lime|note=third floor|street=Lime Street 8|city=Vienna|state=W|country=Austria|code=1010|uri=https://maps.example.com/lime|at 48.25 16.5"},
		{"Exchange, its commas bare", `X-MICROSOFT-LOCATIONS:[{"DisplayName":"The \"Lime\"","LocationAnnotation":"","LocationCity":"Vienna"}]`, `name=The "Lime"|city=Vienna`},
		{"Exchange, its quotes escaped", `X-MICROSOFT-LOCATIONS:[{"DisplayName":"The \\"Lime\\""\,"LocationCity":"Vienna"}]`, `name=The "Lime"|city=Vienna`},
		{"Exchange, only a link", "LOCATION:Teams\n" + `X-MICROSOFT-LOCATIONS:[{"DisplayName":"Teams"\,"LocationAnnotation":""\,"LocationSource":0\,"Unresolved":true\,"LocationUri":""}]`, "name=Teams"},
		{"a room", "LOCATION:Room 1\nX-MICROSOFT-LOCATIONDISPLAYNAME:Room 1\nX-MICROSOFT-LOCATIONURI:room1@example.com\nX-MICROSOFT-LATITUDE:0\nX-MICROSOFT-LONGITUDE:0", "name=Room 1|uri=room1@example.com"},
		{"its parts alone", "LOCATION:Hotel Lime\nX-MICROSOFT-LOCATIONDISPLAYNAME:Hotel Lime\nX-MICROSOFT-LATITUDE:48.25\nX-MICROSOFT-LONGITUDE:16.5\nX-MICROSOFT-LOCATIONSTREET:Lime Street 8\nX-MICROSOFT-LOCATIONCITY:Vienna\nX-MICROSOFT-LOCATIONPOSTALCODE:1010",
			"name=Hotel Lime|street=Lime Street 8|city=Vienna|code=1010|at 48.25 16.5"},
		{"an address in one piece", `X-MICROSOFT-LOCATIONS:[{"DisplayName":"Lime"\,"LocationFullAddress":"Lime Street 8\, Vienna"}]`, "name=Lime|street=Lime Street 8, Vienna"},
		{"two rooms", "LOCATION:Room 1; Room 2\n" + `X-MICROSOFT-LOCATIONS:[{"DisplayName":"Room 1"\,"LocationUri":"room1@example.com"}\,{"DisplayName":"Room 2"}]`, "name=Room 1; Room 2"},
		{"no list", `X-MICROSOFT-LOCATIONS:[{"DisplayName":7}]`, ""},
		{"a control character", `X-MICROSOFT-LOCATIONS:[{"DisplayName":"a\u0000b"}]`, "name=ab"},
		{"VLOCATION", "LOCATION:The venue\nBEGIN:VLOCATION\nUID:2\nNAME:The venue\nDESCRIPTION:by the lake\nGEO:1.5;2.5\nURL:https://example.com/venue\nEND:VLOCATION", "name=The venue|note=by the lake|uri=https://example.com/venue|at 1.5 2.5"},
		{"VLOCATION with a link", "BEGIN:VLOCATION\nUID:2\nNAME:The venue\nSTRUCTURED-DATA;VALUE=URI:http://example.com/big-hall.vcf\nEND:VLOCATION", "name=The venue|uri=http://example.com/big-hall.vcf"},
		{"VLOCATION with a card", "BEGIN:VLOCATION\nUID:2\n" + `STRUCTURED-DATA;FMTTYPE=text/vcard;VALUE=TEXT:BEGIN:VCARD\nFN:Big Hall\nADR:;;Elm Road 1\\, left;Graz;ST;8010;Austria\nGEO:geo:47.5,15.5\nNOTE:ring twice\nEND:VCARD` + "\nEND:VLOCATION",
			"name=Big Hall|note=ring twice|street=Elm Road 1, left|city=Graz|state=ST|country=Austria|code=8010|at 47.5 15.5"},
		{"two sources", applePark + "\nGEO:1;2\nBEGIN:VLOCATION\nNAME:Ash Park\nDESCRIPTION:the east gate\nEND:VLOCATION", "name=Ash Park\n1 Ash Park Way\nVienna|note=the east gate|street=1 Ash Park Way Vienna|at 48.25 16.5|± 141.17"},
		// Somebody moved the meeting with a program that knows LOCATION alone.
		{"another place than Exchange's", strings.Replace(exchangeHotel, "Hotel Lime (Lime Street 8\\, Vienna\\, Austria)", "Room 7", 1), "name=Room 7"},
		{"another place than Apple's", strings.Replace(applePark, `LOCATION:Ash Park\n1 Ash Park Way\nVienna`, "LOCATION:Elm Park", 1), "name=Elm Park"},
		{"another place than the VLOCATION", "LOCATION:Room 7\nBEGIN:VLOCATION\nNAME:The venue\nGEO:1;2\nEND:VLOCATION", "name=Room 7"},
	} {
		if got := eventOf(t, tt.lines).Place().tell(); got != tt.want {
			t.Errorf("%s:\n%q, want\n%q", tt.name, got, tt.want)
		}
	}
}

// An answer repeats the place as it came (RFC 5546 3.2.3), in every form.
func TestAnAnswerRepeatsThePlace(t *testing.T) {
	lines := exchangeHotel + "\nGEO:48.25;16.5\nX-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE=Hotel Lime:geo:48.25,16.5\nBEGIN:VLOCATION\nUID:2\nNAME:Hotel Lime\nEND:VLOCATION"
	e := eventOf(t, lines)
	now := time.Date(2026, 6, 2, 0, 0, 0, 0, time.UTC)
	for _, a := range []Answer{{Status: "ACCEPTED", Now: now}, {Status: "TENTATIVE", Now: now, ProposedStart: now, ProposedEnd: now}} {
		r := (&Object{Events: []*Event{e}, Root: &Component{Name: "VCALENDAR"}}).Reply(&a)
		if got, want := r.Master().Place().tell(), e.Place().tell(); got != want {
			t.Errorf("%s: %q, want %q", r.Method, got, want)
		}
		text := strings.ReplaceAll(string(r.Encode()), "\r\n ", "")
		for _, line := range strings.Split(lines, "\n") {
			if !strings.Contains(text, line+"\r\n") {
				t.Errorf("%s without %q:\n%s", r.Method, line, text)
			}
		}
	}
}

// An event written anew keeps what belongs to its place; a new place does not
// keep the position of the old one.
func TestAnEventWrittenAnewKeepsItsPlace(t *testing.T) {
	lines := `LOCATION;ALTREP="https://example.com/lime";LANGUAGE=en:Hotel Lime` + "\nGEO:48.25;16.5\nSUMMARY;LANGUAGE=en:Planning\nBEGIN:VLOCATION\nUID:2\nNAME:Hotel Lime\nEND:VLOCATION"
	e := eventOf(t, lines)
	e.Sequence = 4
	got := strings.ReplaceAll(string(NewObject("", e).Encode()), "\r\n ", "")
	for _, line := range strings.Split(lines, "\n") {
		if !strings.Contains(got, line+"\r\n") {
			t.Errorf("no %q:\n%s", line, got)
		}
	}
	e.Location = "Room 7"
	o := NewObject("", e)
	if got := o.Master().Place().tell(); got != "name=Room 7" {
		t.Errorf("%q:\n%s", got, o.Encode())
	}
}

// checkPlace fails for what no element can tell.
func checkPlace(t testing.TB, p Place) {
	t.Helper()
	for _, s := range []string{p.Note, p.Street, p.City, p.State, p.Country, p.PostalCode, p.URI} {
		if utf8.RuneCountInString(s) > maxPlaceURI || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
			t.Fatalf("%q", s)
		}
	}
	if q := p.Position; q != nil {
		if !(math.Abs(q.Latitude) <= 90) || !(math.Abs(q.Longitude) <= 180) {
			t.Fatalf("%+v", q)
		}
		for _, f := range []*float64{q.Accuracy, q.Altitude, q.AltitudeAccuracy} {
			if f != nil && (math.IsNaN(*f) || math.IsInf(*f, 0)) {
				t.Fatalf("%+v", q)
			}
		}
	}
}

func FuzzPlace(f *testing.F) {
	for _, s := range []string{exchangeHotel, applePark, "GEO:1;2\nBEGIN:VLOCATION\nSTRUCTURED-DATA;FMTTYPE=text/vcard:ADR:;;a;b;c;d;e\nEND:VLOCATION", "STRUCTURED-LOCATION:geo:1,2,3;u=4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		o, err := Parse([]byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + lines + "\nEND:VEVENT\nEND:VCALENDAR\n"))
		if err != nil || o.Master() == nil {
			return
		}
		e := o.Master()
		p := e.Place()
		checkPlace(t, p)
		r := o.Reply(&Answer{Status: "ACCEPTED", Now: time.Unix(0, 0)})
		if len(o.Events) == 1 && r.Master().Place().tell() != p.tell() {
			t.Fatalf("%q became %q", p.tell(), r.Master().Place().tell())
		}
	})
}
