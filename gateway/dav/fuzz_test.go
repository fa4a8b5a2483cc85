package dav

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"martlet/directory"
)

// seeds are the documents of the transcripts.
func seeds(f *testing.F) (docs []string) {
	f.Helper()
	files, _ := filepath.Glob("testdata/*.txt")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^> (<.*)$`).FindAllStringSubmatch(string(b), -1) {
			docs = append(docs, m[1])
		}
	}
	return append(docs, "<", "<a/>", `<a xmlns="urn:x" b="1">t<b/>u</a>`, `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, `<p:a/>`, strings.Repeat("<a>", 50), query(`<C:comp-filter name="VEVENT">`+span2("20260101T000000Z", "20270101T000000Z")+`</C:comp-filter>`))
}

func FuzzADocumentIsReadAsItIsWritten(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := readXML([]byte(s))
		if err != nil {
			return
		}
		var d document
		d.root(dav("prop"))
		d.element(e)
		d.close(dav("prop"))
		again, err := readXML(d.b)
		if err != nil {
			t.Fatalf("%q was written as %q: %v", s, d.b, err)
		}
		for k := range again.children {
			if !same(e, k) {
				t.Fatalf("%q was written as %q", s, d.b)
			}
		}
	})
}

// same compares elements; text that lies together may be in several pieces.
func same(a, b *element) bool {
	joined := func(e *element) (all []node) {
		for _, n := range e.nodes {
			if n.element == nil && n.text == "" {
				continue
			}
			if last := len(all) - 1; n.element == nil && last >= 0 && all[last].element == nil {
				all[last].text += n.text
				continue
			}
			all = append(all, n)
		}
		return all
	}
	x, y := joined(a), joined(b)
	if a.name != b.name || len(x) != len(y) || !reflect.DeepEqual(a.attrs, b.attrs) || a.lang != b.lang {
		return false
	}
	for i := range x {
		if (x[i].element == nil) != (y[i].element == nil) || x[i].element == nil && x[i].text != y[i].text || x[i].element != nil && !same(x[i].element, y[i].element) {
			return false
		}
	}
	return true
}

func FuzzAPathLeadsWhereItSays(f *testing.F) {
	for _, s := range []string{"/dav/", "/dav", "/dav/calendars/robin@example.org/calendar/a.ics", "/dav//calendars", "/dav/%2e%2e/x", "/dav/calendars/x/..%2f..", "/DAV/files/robin%40example.org/%C3%A9", "/dav/%ff", "/dav/a%00b", "/dav/addressbooks/robin/directory/a1.vcf"} {
		f.Add(s)
	}
	h := &Handler{}
	a := &directory.Account{Login: robin}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := h.parsePath(s, a)
		if err != nil {
			return
		}
		parts := append([]string{p.under, p.login, p.segment, p.name}, p.file...)
		for _, part := range parts {
			if part != "" && !goodSegment(part) {
				t.Errorf("%q has the segment %q", s, part)
			}
			if u, err := url.PathUnescape(pathEscape(part)); err != nil || u != part {
				t.Errorf("%q is escaped as %q", part, pathEscape(part))
			}
		}
	})
}

func FuzzNoRequestIsTooMuch(f *testing.F) {
	for i, s := range seeds(f) {
		f.Add([]string{"PROPFIND", "REPORT", "PROPPATCH", "MKCALENDAR", "MKCOL"}[i%5], calendars+"calendar/", s)
		f.Add("REPORT", calendars+"calendar/", s)
		f.Add("PROPFIND", calendars, s)
	}
	f.Add("PUT", calendars+"calendar/x", simple("x"))
	f.Add("PUT", books+"contacts/x", contact("x", "FN:X"))
	f.Add("PUT", "/dav/files/robin@example.org/x", "x")
	f.Add("MOVE", calendars+"calendar/x", "")
	f.Add("POST", calendars+"outbox/", "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VFREEBUSY\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n")
	h := newHouse(f, nil)
	h.user = robin
	f.Fuzz(func(t *testing.T, method, path, body string) {
		if !strings.HasPrefix(path, "/") || len(body) > 1<<16 {
			return
		}
		r := httptest.NewRequest("GET", "/", strings.NewReader(body))
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		r.Method, r.URL = method, u
		r.Header.Set("Depth", "1")
		r.Header.Set("Destination", calendars+"calendar/y")
		w := httptest.NewRecorder()
		h.handler.Serve(w, r, h.accounts[robin])
		if w.Code == http.StatusInternalServerError || w.Code == 0 {
			t.Errorf("%s %s answers %d\n%s", method, path, w.Code, h.log.String())
		}
	})
}

func FuzzAnIfHeaderHasConditions(f *testing.F) {
	for _, s := range []string{`(["a"])`, `(<b>)`, `</x> (Not <b> ["c"]) (<d>)`, `((`, `<`, `([])`, `(Not)`, `("a")`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		lists, ok := readIf(s)
		for _, l := range lists {
			if ok && len(l.conds) == 0 {
				t.Errorf("%q has a list without conditions", s)
			}
			l.holds(nil)
		}
	})
}
