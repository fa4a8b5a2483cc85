package message

import (
	"strings"

	"golang.org/x/net/html"
)

// maxOpen is how many elements may be open at once before what is new in an
// HTML text is not looked for any more.
const maxOpen = 512

// UniqueHTML returns the part of an HTML text that is new in its conversation
// (MS-ASCON 2.2.2.1): quoted messages are cut off, and what is left is closed
// again. It takes time linear in len(text).
func UniqueHTML(text string) string {
	s := passageScan{in: text, open: openElements{count: make(map[string]int)}}
	if !s.run() || len(s.all) == 0 {
		return text
	}
	from, to := newPart(s.all)
	if from == 0 && to == len(s.all) {
		return text
	}
	cutFrom, cutTo := 0, 0 // what is quoted above
	if from > 0 {
		cutFrom, cutTo = s.all[0].start, s.all[from].start
	}
	end := len(text)
	if to < len(s.all) {
		end = s.all[to-1].end
	}
	return assemble(text, cutFrom, cutTo, end)
}

// passageScan finds the passages of an HTML text.
type passageScan struct {
	in    string
	all   []passage
	open  openElements
	quote int // open elements that are quotations
	words []byte
	cur   passage
	mark  bool // a quoted message begins here
}

type element struct {
	name  string
	quote bool
}

// run scans the text. It tells whether it could be understood.
func (s *passageScan) run() bool {
	z := html.NewTokenizer(strings.NewReader(s.in))
	at := 0
	s.cur.start = -1
	hidden := 0
	for {
		kind := z.Next()
		from := at
		at += len(z.Raw())
		switch kind {
		case html.ErrorToken:
			s.flush()
			return at >= len(s.in)
		case html.TextToken:
			if hidden == 0 {
				s.text(string(z.Text()), from, at)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			tag := string(name)
			if isHidden(tag) && kind == html.StartTagToken {
				hidden++
				continue
			}
			s.start(tag, attributes(z, more), from, at, kind == html.StartTagToken)
			if len(s.open.list) > maxOpen || len(s.all) > maxPassages {
				return false
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			tag := string(name)
			if isHidden(tag) {
				hidden = max(0, hidden-1)
				continue
			}
			s.end(tag)
		}
	}
}

func isHidden(tag string) bool {
	switch tag {
	case "style", "script", "title", "template", "noscript":
		return true
	}
	return false
}

// attrs are the attributes by which mail programs mark quotations.
type attrs struct{ id, class, kind, name, style string }

func attributes(z *html.Tokenizer, more bool) (a attrs) {
	for more {
		var k, v []byte
		k, v, more = z.TagAttr()
		switch string(k) {
		case "id":
			a.id = string(v)
		case "class":
			a.class = string(v)
		case "type":
			a.kind = string(v)
		case "name":
			a.name = string(v)
		case "style":
			a.style = string(v)
		}
	}
	return a
}

// start takes a start tag.
func (s *passageScan) start(tag string, a attrs, from, to int, opens bool) {
	if isBlock(tag) {
		s.flush()
	}
	switch {
	case isReplyMark(tag, &a):
		s.flush()
		s.mark = true
	case tag == "img":
		s.text("\ufffc", from, to)
	}
	if !opens || isVoid(tag) {
		return
	}
	e := element{tag, isQuotation(tag, &a)}
	if e.quote {
		s.flush()
		s.quote++
	}
	s.closed(s.open.push(e))
}

// closed takes elements that end.
func (s *passageScan) closed(list []element) {
	for _, e := range list {
		if e.quote {
			s.flush()
			s.quote--
		}
	}
}

// end takes an end tag.
func (s *passageScan) end(tag string) {
	if isBlock(tag) {
		s.flush()
	}
	s.closed(s.open.pop(tag))
}

// text takes text that is shown.
func (s *passageScan) text(text string, from, to int) {
	if strings.TrimFunc(text, func(r rune) bool { return r == '\n' || isBlank(r) }) == "" {
		if len(s.words) > 0 {
			s.words = firstWords(s.words, " ")
		}
		return
	}
	if s.cur.start < 0 {
		s.cur = passage{start: from, quoted: s.quote > 0, opens: s.mark}
		s.mark = false
	}
	s.cur.end = to
	s.words = firstWords(s.words, text)
}

// flush ends a passage.
func (s *passageScan) flush() {
	if s.cur.start >= 0 {
		s.cur.text = strings.TrimSpace(string(s.words))
		s.all = append(s.all, s.cur)
	}
	s.cur.start = -1
	s.words = s.words[:0]
}

func isBlock(tag string) bool {
	switch tag {
	case "p", "div", "br", "blockquote", "tr", "td", "table", "hr", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "body", "center", "section", "article", "header", "footer", "dl", "dt", "dd":
		return true
	}
	return false
}

// isVoid knows elements without an end tag, and those whose end tag is left out.
func isVoid(tag string) bool {
	switch tag {
	case "br", "img", "hr", "meta", "link", "input", "area", "base", "col", "embed", "param", "source", "track", "wbr", "o:p":
		return true
	}
	return false
}

// isQuotation knows elements that hold a quoted message: Apple Mail and
// Thunderbird, Gmail, Yahoo, GMX, Proton, Zimbra.
func isQuotation(tag string, a *attrs) bool {
	if tag == "blockquote" {
		return strings.EqualFold(a.kind, "cite") || strings.Contains(a.class, "gmail_quote") || strings.Contains(a.class, "protonmail_quote")
	}
	if tag != "div" {
		return false
	}
	for _, class := range strings.Fields(a.class) {
		switch class {
		case "gmail_quote", "gmail_quote_container", "gmail_attr", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "zmail_extra", "tutanota_quote":
			return true
		}
	}
	return a.name == "quote" || strings.HasPrefix(a.id, "yahoo_quoted")
}

// isReplyMark knows what Outlook puts before the message that is answered: all
// that follows is quoted.
func isReplyMark(tag string, a *attrs) bool {
	switch a.id {
	case "divRplyFwdMsg", "x_divRplyFwdMsg", "mail-editor-reference-message-container", "ms-outlook-mobile-reference-message", "appendonsend", "stopSpelling", "OLK_SRC_BODY_SECTION":
		return true
	}
	if tag == "a" && a.name == "_MailOriginal" || strings.Contains(a.class, "OutlookMessageHeader") {
		return true
	}
	return tag == "div" && strings.Contains(a.class, "ms-outlook-mobile-reference-message")
}

// assemble writes the markup of text up to end, without what is shown in
// [cutFrom,cutTo), and closes what is open there.
func assemble(text string, cutFrom, cutTo, end int) string {
	var b strings.Builder
	b.Grow(end + 64)
	z := html.NewTokenizer(strings.NewReader(text))
	open := openElements{count: make(map[string]int)}
	for at := 0; at < end; {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		raw := text[at : at+len(z.Raw())]
		cut := at >= cutFrom && at < cutTo
		at += len(raw)
		tag := ""
		if kind == html.StartTagToken || kind == html.EndTagToken {
			name, _ := z.TagName()
			tag = string(name)
		}
		if !cut || tag != "" && tag != "img" && tag != "hr" {
			b.WriteString(raw)
		}
		switch {
		case kind == html.StartTagToken && !isVoid(tag):
			open.push(element{name: tag})
		case kind == html.EndTagToken:
			open.pop(tag)
		}
	}
	for i := len(open.list) - 1; i >= 0; i-- {
		b.WriteString("</" + open.list[i].name + ">")
	}
	return b.String()
}

// openElements are the elements that are open. Looking for one that is not
// among them costs nothing, so hostile markup stays linear.
type openElements struct {
	list  []element
	count map[string]int
}

// push opens an element; those whose end tag may be left out end before the
// next of their kind. It returns what that closes.
func (o *openElements) push(e element) (closed []element) {
	switch e.name {
	case "p", "li", "td", "tr", "dt", "dd", "option":
		if n := len(o.list); n > 0 && o.list[n-1].name == e.name {
			closed = o.pop(e.name)
		}
	}
	o.list = append(o.list, e)
	o.count[e.name]++
	return closed
}

// pop closes the innermost element of a name, and those within.
func (o *openElements) pop(name string) (closed []element) {
	if o.count[name] == 0 {
		return nil
	}
	n := len(o.list)
	for n--; o.list[n].name != name; n-- {
		o.count[o.list[n].name]--
	}
	o.count[name]--
	closed = o.list[n:]
	o.list = o.list[:n]
	return closed
}
