package autodiscover_test

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// What is missing, out of place, twice, nested without end or not text at all
// gets an answer of the protocol, within limits.
func TestWrongRequestsOfVersion1(t *testing.T) {
	h, a := build(t, "")
	const head = `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006"><Request>`
	const tail = `</Request></Autodiscover>`
	const schema = `<AcceptableResponseSchema>` + mobileSchema + `</AcceptableResponseSchema>`
	for _, tt := range []struct{ name, body, status, errorCode string }{
		{"no address", head + schema + tail, "", ""},
		{"an empty address", head + `<EMailAddress/>` + schema + tail, "", ""},
		{"an address among spaces", head + "<EMailAddress>\n anna@example.org\t</EMailAddress>" + schema + tail, "", ""},
		{"an address that is none", head + `<EMailAddress>@@@</EMailAddress>` + schema + tail, "2", ""},
		{"an address with a line end", head + "<EMailAddress>anna@example.org&#10;x</EMailAddress>" + schema + tail, "2", ""},
		{"a very long address", head + `<EMailAddress>` + strings.Repeat("a", 9000) + `@example.org</EMailAddress>` + schema + tail, "2", ""},
		{"wildcards", head + `<EMailAddress>*@example.org</EMailAddress>` + schema + tail, "2", ""},
		{"an unknown schema", head + `<EMailAddress>anna@example.org</EMailAddress><AcceptableResponseSchema>x</AcceptableResponseSchema>` + tail, "", "601"},
		{"the schema out of place", `<Autodiscover>` + schema + `<Request><EMailAddress>anna@example.org</EMailAddress></Request></Autodiscover>`, "", ""},
		{"an empty request", head + tail, "", ""},
		{"a request in a request", head + `<Request><EMailAddress>anna@example.org</EMailAddress></Request>` + tail, "", ""},
		{"the request as the root", `<Request><EMailAddress>anna@example.org</EMailAddress></Request>`, "", "600"},
		{"nested without end", head + strings.Repeat("<a>", 5000), "", "600"},
		{"nested and closed", head + strings.Repeat("<a>", 2000) + strings.Repeat("</a>", 2000) + tail, "", ""},
		{"many attributes", `<Autodiscover ` + strings.Repeat(`a="b" `, 2000) + `><Request/></Autodiscover>`, "", ""},
		{"entities", `<!DOCTYPE a [<!ENTITY b "c">]>` + head + `<EMailAddress>&b;</EMailAddress>` + tail, "", "600"},
		{"a NUL", head + "<EMailAddress>anna\x00@example.org</EMailAddress>" + tail, "", "600"},
		{"UTF-16", "\xff\xfe<\x00A\x00", "", "600"},
		{"invalid UTF-8", head + "<EMailAddress>\xff\xfe@example.org</EMailAddress>" + tail, "", "600"},
		{"WBXML", "\x03\x01\x6a\x00\x45", "", "600"},
		{"spaces alone", strings.Repeat(" \n", 1000), "", ""},
		{"one byte too long", head + tail + strings.Repeat(" ", 16<<10), "", "600"},
	} {
		w := httptest.NewRecorder()
		h.ServeXML(w, httptest.NewRequest("POST", "/autodiscover/autodiscover.xml", strings.NewReader(tt.body)), a)
		doc := w.Body.String()
		if w.Code != 200 || element(doc, "Status") != tt.status || element(doc, "ErrorCode") != tt.errorCode || (element(doc, "Url") != "") != (tt.status+tt.errorCode == "") {
			t.Errorf("%s: HTTP %d\n%.2000s", tt.name, w.Code, doc)
		}
		if err := wellFormed(doc); err != nil {
			t.Errorf("%s: %v in\n%.2000s", tt.name, err, doc)
		}
	}
}

func wellFormed(doc string) error {
	d := xml.NewDecoder(strings.NewReader(doc))
	for {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestWrongRequestsOfVersion2(t *testing.T) {
	h, _ := build(t, "")
	for _, tt := range []struct {
		name, target string
		status       int
		code         string
	}{
		{"nothing", "/autodiscover/autodiscover.json", 400, "MandatoryParameterMissing"},
		{"no address", "/autodiscover/autodiscover.json?Email=&Protocol=ActiveSync", 400, "MandatoryParameterMissing"},
		{"an address without a domain", "/autodiscover/autodiscover.json?Email=anna@&Protocol=ActiveSync", 400, "MandatoryParameterMissing"},
		{"an address too long", "/autodiscover/autodiscover.json?Email=" + strings.Repeat("a", 320) + "@example.org&Protocol=ActiveSync", 400, "MandatoryParameterMissing"},
		{"an empty protocol", "/autodiscover/autodiscover.json?Email=anna@example.org&Protocol=", 400, "MandatoryParameterMissing"},
		{"a protocol of markup", "/autodiscover/autodiscover.json?Email=anna@example.org&Protocol=" + url.QueryEscape(`"}<script>`+"\x00\xff"), 400, "ProtocolNotSupported"},
		{"twice, the first counts", "/autodiscover/autodiscover.json?Email=anna@example.org&Protocol=ActiveSync&Protocol=x", 200, ""},
		{"in several spellings, the first of the alphabet counts", "/autodiscover/autodiscover.json?Email=anna@example.org&protocol=x&PROTOCOL=ActiveSync&Protocol=y", 200, ""},
		{"broken escapes", "/autodiscover/autodiscover.json?Email=%zz&Protocol=ActiveSync", 400, "MandatoryParameterMissing"},
	} {
		for range 4 { // whatever the order of a map
			w := httptest.NewRecorder()
			h.ServeJSON(w, httptest.NewRequest(http.MethodGet, tt.target, nil))
			var got map[string]string
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != tt.status || got["ErrorCode"] != tt.code {
				t.Errorf("%s: HTTP %d, %v, %v", tt.name, w.Code, got, err)
			}
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		w := httptest.NewRecorder()
		h.ServeJSON(w, httptest.NewRequest(method, "/autodiscover/autodiscover.json?Email=anna@example.org&Protocol=ActiveSync", nil))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
			t.Errorf("%s: HTTP %d", method, w.Code)
		}
	}
}

// FuzzVersion2 answers any query with JSON that can be read.
func FuzzVersion2(f *testing.F) {
	f.Add("Email=anna@example.org&Protocol=ActiveSync", "/autodiscover/autodiscover.json", "mail.example.org")
	f.Add("Email=%ff&Protocol=%00", "/autodiscover/autodiscover.json/v1.0/anna@example.org", "[::1]:443")
	f.Add("EMAIL=a@b&email=c@d&protocol=autodiscoverv1", "/", "a\nb")
	f.Add("Email=0@0&Protocol=ActiveSync", "/", "%")
	f.Add("Email=0@0&Protocol=ActiveSync", "/", "")
	h, _ := build(f, "")
	f.Fuzz(func(t *testing.T, query, path, host string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.RawQuery, r.URL.Path, r.Host = query, path, host
		w := httptest.NewRecorder()
		h.ServeJSON(w, r)
		var got map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 && w.Code != 400 {
			t.Fatalf("HTTP %d, %q, %v", w.Code, w.Body, err)
		}
		if at := got["Url"]; at != "" {
			if u, err := url.Parse(at); err != nil || u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.User != nil {
				t.Errorf("%q: %v", at, err)
			}
		}
	})
}
