package dav

import (
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the server says into the transcripts")

// Transcripts are conversations as clients have them: "> " is what the client
// sends, a request line, headers, and behind an empty line a body; "< " is what the
// server must say. "@ login" changes who asks. Some headers of the answers are left
// out, and XML is laid out in lines. ETAG and TOKEN in a request stand for the last
// ones that the server told.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("there are none", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			h := newHouse(t, nil)
			got := h.converse(string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(text) {
				t.Errorf("%s", difference(string(text), got))
			}
		})
	}
}

// converse sends what the transcript's client says and returns the transcript as
// it went.
func (h *house) converse(text string) string {
	var out strings.Builder
	var asked []string
	var etag, token string
	flush := func() {
		if len(asked) == 0 {
			return
		}
		a := h.ask(asked, etag, token)
		if e := a.Header.Get("ETag"); e != "" {
			etag = e
		} else if _, e, ok := strings.Cut(a.body, "<D:getetag>"); ok {
			etag, _, _ = strings.Cut(e, "</D:getetag>")
			etag = strings.ReplaceAll(etag, "&quot;", `"`)
		}
		if s := a.token(); s != "" {
			token = s
		}
		out.WriteString(a.lines())
		asked = nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, ">"):
			asked = append(asked, strings.TrimPrefix(strings.TrimPrefix(line, ">"), " "))
			out.WriteString(line + "\n")
		case strings.HasPrefix(line, "<"):
			flush()
		default:
			flush()
			if login, ok := strings.CutPrefix(line, "@ "); ok {
				h.user = login
			}
			out.WriteString(line + "\n")
		}
	}
	flush()
	return out.String()
}

// ask sends one request.
func (h *house) ask(lines []string, etag, token string) *answer {
	h.t.Helper()
	for i := range lines {
		lines[i] = strings.ReplaceAll(strings.ReplaceAll(lines[i], "ETAG", etag), "TOKEN", token)
	}
	method, path, _ := strings.Cut(lines[0], " ")
	var header []string
	i := 1
	for ; i < len(lines) && lines[i] != ""; i++ {
		k, v, _ := strings.Cut(lines[i], ": ")
		header = append(header, k, v)
	}
	body := strings.Join(lines[min(i+1, len(lines)):], "\n")
	if strings.HasPrefix(body, "BEGIN:") {
		body = strings.ReplaceAll(body, "\n", "\r\n") + "\r\n"
	}
	return h.do(method, path, body, header...)
}

// shown are the headers that transcripts have.
var shown = []string{"DAV", "Allow", "ETag", "Schedule-Tag", "Location", "Content-Type", "Preference-Applied"}

// lines is the answer as a transcript has it.
func (a *answer) lines() string {
	var b strings.Builder
	fmt.Fprintf(&b, "< %d %s\n", a.StatusCode, http.StatusText(a.StatusCode))
	for _, k := range shown {
		if v := a.Header.Get(k); v != "" {
			fmt.Fprintf(&b, "< %s: %s\n", k, v)
		}
	}
	if a.body == "" {
		return b.String()
	}
	b.WriteString("<\n")
	body := a.body
	if strings.HasPrefix(a.Header.Get("Content-Type"), "application/xml") {
		body = strings.TrimLeft(laidOut(body), "\n")
	}
	for line := range strings.Lines(body) {
		b.WriteString(strings.TrimRight("< "+line, " \r\n") + "\n")
	}
	return b.String()
}

var declarations = regexp.MustCompile(` xmlns:[DCASI]="[^"]*"`)

// laidOut writes a document with an element a line.
func laidOut(s string) string {
	s = declarations.ReplaceAllString(s, "")
	d := xml.NewDecoder(strings.NewReader(s))
	var b strings.Builder
	depth := 0
	var text string
	open := false // the last tag was one that begins
	for {
		from := d.InputOffset()
		t, err := d.RawToken()
		if err == io.EOF {
			return b.String()
		}
		if err != nil {
			return s
		}
		raw := s[from:d.InputOffset()]
		switch t.(type) {
		case xml.StartElement:
			if strings.HasSuffix(raw, "/>") {
				b.WriteString("\n" + strings.Repeat("  ", depth) + raw)
				d.RawToken() // the end that it stands for
				open = false
				break
			}
			b.WriteString("\n" + strings.Repeat("  ", depth) + raw)
			depth++
			open, text = true, ""
		case xml.CharData:
			if open {
				text = strings.ReplaceAll(raw, "&#13;", "")
				b.WriteString(text)
			}
		case xml.EndElement:
			depth--
			if !open {
				b.WriteString("\n" + strings.Repeat("  ", depth))
			}
			b.WriteString(raw)
			open = false
		}
	}
}

// difference shows the first line that differs.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		a, b := "(end)", "(end)"
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\nwant %s\ngot  %s\n\n%s", i+1, a, b, got)
		}
	}
	return "the same"
}
