package rtf

import (
	"fmt"
	"html"
	"strings"
)

// ToHTML returns a document as HTML in UTF-8: the encapsulated HTML if there is
// one, else what the text and its looks come to. It is at most 32 MB.
func ToHTML(doc []byte) string {
	if FormOf(doc) == HTML {
		w := &rawSink{}
		r := newReader(doc, w)
		r.html = true
		r.run()
		return w.b.String()
	}
	w := &htmlSink{limit: min(maxOutput, len(doc)*maxGrowth+len(htmlHead))}
	w.b.WriteString(htmlHead)
	newReader(doc, w).run()
	w.endParagraph()
	w.b.WriteString(htmlTail)
	return w.b.String()
}

// ToText returns a document as plain text in UTF-8, its lines ended by CRLF. An
// encapsulated HTML text is better turned into text from its HTML.
func ToText(doc []byte) string {
	w := &textSink{}
	newReader(doc, w).run()
	return strings.TrimRight(w.b.String(), "\r\n") + "\r\n"
}

const (
	htmlHead = "<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\"></head><body>\r\n"
	htmlTail = "</body></html>\r\n"
)

// rawSink takes an encapsulated HTML text (MS-OXRTFEX 2.2.3.2).
type rawSink struct{ b strings.Builder }

func (w *rawSink) text(s string, _ *style) { w.b.WriteString(s) }
func (w *rawSink) tag(s string)            { w.b.WriteString(s) }
func (w *rawSink) line()                   { w.b.WriteString("\r\n") }
func (w *rawSink) paragraph()              { w.b.WriteString("\r\n") }
func (w *rawSink) cell()                   {}
func (w *rawSink) row()                    {}
func (w *rawSink) tab()                    { w.b.WriteByte('\t') }
func (w *rawSink) link(string)             {}
func (w *rawSink) linkEnd()                {}
func (w *rawSink) full() bool              { return w.b.Len() > maxOutput }

// textSink makes plain text.
type textSink struct{ b strings.Builder }

func (w *textSink) text(s string, _ *style) { w.b.WriteString(s) }
func (w *textSink) tag(string)              {}
func (w *textSink) line()                   { w.b.WriteString("\r\n") }
func (w *textSink) paragraph()              { w.b.WriteString("\r\n") }
func (w *textSink) cell()                   { w.b.WriteByte('\t') }
func (w *textSink) row()                    { w.b.WriteString("\r\n") }
func (w *textSink) tab()                    { w.b.WriteByte('\t') }
func (w *textSink) link(string)             {}
func (w *textSink) linkEnd()                {}
func (w *textSink) full() bool              { return w.b.Len() > maxOutput }

// htmlSink makes HTML of text and its looks. A run of one look is one element,
// closed before anything else begins, so that all is well nested.
type htmlSink struct {
	b      strings.Builder
	limit  int
	within bool // a paragraph
	run    string
	look   style
	href   string
}

func (w *htmlSink) begin() {
	if !w.within {
		w.b.WriteString("<p>")
		w.within = true
	}
}

func (w *htmlSink) text(s string, st *style) {
	w.begin()
	if w.run == "" || w.look != *st {
		w.endRun()
		w.beginRun(st)
	}
	w.b.WriteString(keepBlanks(html.EscapeString(s)))
}

// keepBlanks keeps runs of blanks as they are.
func keepBlanks(s string) string {
	return strings.ReplaceAll(s, "  ", "&nbsp; ")
}

// plainRun is a run that needs no element.
const plainRun = "-"

func (w *htmlSink) beginRun(st *style) {
	w.look, w.run = *st, ""
	put := func(on bool, name string) {
		if on {
			w.b.WriteString("<" + name + ">")
			w.run = "</" + name + ">" + w.run
		}
	}
	if st.size > 0 && st.size != 20 && st.size != 22 && st.size != 24 || st.colour != 0 {
		w.b.WriteString(`<span style="`)
		if st.size > 0 {
			fmt.Fprintf(&w.b, "font-size:%d.%dpt;", st.size/2, st.size%2*5)
		}
		if st.colour != 0 {
			fmt.Fprintf(&w.b, "color:#%06x;", st.colour&0xffffff)
		}
		w.b.WriteString(`">`)
		w.run = "</span>"
	}
	put(st.bold, "b")
	put(st.italic, "i")
	put(st.underline, "u")
	put(st.strike, "s")
	put(st.shift < 0, "sub")
	put(st.shift > 0, "sup")
	if w.run == "" {
		w.run = plainRun
	}
}

func (w *htmlSink) endRun() {
	if w.run != plainRun {
		w.b.WriteString(w.run)
	}
	w.run = ""
}

func (w *htmlSink) endParagraph() {
	w.endRun()
	if w.within {
		if w.href != "" { // a link does not go on in the next paragraph
			w.b.WriteString("</a>")
			w.href = ""
		}
		w.b.WriteString("</p>\r\n")
		w.within = false
	}
}

func (w *htmlSink) tag(string) {}
func (w *htmlSink) line() {
	w.begin()
	w.endRun()
	w.b.WriteString("<br>\r\n")
}

func (w *htmlSink) paragraph() {
	if !w.within {
		w.begin()
		w.b.WriteString("&nbsp;")
	}
	w.endParagraph()
}

func (w *htmlSink) cell() { w.tab() }
func (w *htmlSink) row()  { w.endParagraph() }
func (w *htmlSink) tab() {
	w.begin()
	w.b.WriteString("&nbsp;&nbsp;&nbsp; ")
}

// link begins a link; one that is not for people to follow is only its text.
func (w *htmlSink) link(target string) {
	if w.href != "" {
		return
	}
	w.endRun()
	lower := strings.ToLower(target)
	for _, scheme := range [...]string{"http://", "https://", "mailto:", "tel:", "ftp://"} {
		if strings.HasPrefix(lower, scheme) {
			w.begin()
			w.href = target
			w.b.WriteString(`<a href="` + html.EscapeString(target) + `">`)
			return
		}
	}
}

func (w *htmlSink) linkEnd() {
	if w.href == "" {
		return
	}
	w.endRun()
	if w.within {
		w.b.WriteString("</a>")
	}
	w.href = ""
}

func (w *htmlSink) full() bool { return w.b.Len() > w.limit }
