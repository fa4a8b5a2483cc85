package compose

import (
	"bytes"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// bodyHTML returns what can stand within another document: the text of the
// body, with the style sheets, without scripts and what speaks for a document
// as a whole. It takes time linear in its length.
func bodyHTML(doc string) string {
	var b strings.Builder
	b.Grow(len(doc))
	z := html.NewTokenizer(strings.NewReader(doc))
	skip := "" // the element whose content is left out
	raw := ""  // the element whose content is no markup, until it ends
	for {
		tt := z.Next()
		if tt == html.ErrorToken { // the end; a tag that is not finished shows nothing
			if raw != "" {
				b.WriteString("</" + raw + ">")
			}
			return b.String()
		}
		text := z.Raw()
		switch tt {
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			name := tagName(text)
			switch {
			case skip != "":
				if tt == html.EndTagToken && name == skip {
					skip = ""
				}
				continue
			case isHidden(name):
				if tt == html.StartTagToken {
					skip = name
				}
				continue
			case isFrame(name):
				continue
			case isRaw(name):
				raw = ""
				if tt == html.StartTagToken {
					raw = name
				}
			}
			b.Write(text)
		case html.TextToken:
			if skip == "" {
				b.Write(text)
			}
		}
		// Comments and doctypes say nothing that is shown.
	}
}

// isHidden knows the elements that are left out with their content. All of them
// hold text that is no markup, so that they end.
func isHidden(name string) bool {
	switch name {
	case "script", "title", "iframe", "noframes", "noembed":
		return true
	}
	return false
}

// isFrame knows tags that have no place within a document's body, or that would
// bring in more than the message has.
func isFrame(name string) bool {
	switch name {
	case "html", "head", "body", "meta", "base", "link", "plaintext", "frameset", "frame",
		"embed", "object", "applet", "noscript":
		return true
	}
	return false
}

// isRaw knows the elements that are kept and hold text that is no markup: one
// that does not end would take in what follows.
func isRaw(name string) bool {
	return name == "style" || name == "textarea" || name == "xmp"
}

// insertHTML puts more behind the text of a document's body. A charset that the
// document declares would be wrong: it is written in UTF-8.
func insertHTML(doc, more string) string {
	var b strings.Builder
	b.Grow(len(doc) + len(more))
	z := html.NewTokenizer(strings.NewReader(doc))
	end, ofBody := -1, false // where the body ends, in b
	raw := ""
	read := 0
	for {
		tt := z.Next()
		if tt == html.ErrorToken {
			break
		}
		text := z.Raw()
		read += len(text)
		switch tt {
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			name := tagName(text)
			switch {
			case name == "meta" && bytes.Contains(bytes.ToLower(text), []byte("charset")):
				continue
			case tt == html.EndTagToken && name == "body":
				end, ofBody = b.Len(), true
			case tt == html.EndTagToken && name == "html" && !ofBody:
				end = b.Len()
			case isRaw(name) || isHidden(name):
				raw = ""
				if tt == html.StartTagToken {
					raw = name
				}
			}
		}
		b.Write(text)
	}
	b.WriteString(html.EscapeString(doc[read:])) // a tag that is not finished
	out := b.String()
	if end >= 0 {
		return out[:end] + more + out[end:]
	}
	if raw != "" {
		out += "</" + raw + ">"
	}
	return out + more
}

// tagName is the name of a tag, in lower case.
func tagName(tag []byte) string {
	tag = bytes.TrimLeft(tag, "</")
	if i := bytes.IndexAny(tag, " \t\r\n\f/>"); i >= 0 {
		tag = tag[:i]
	}
	return strings.ToLower(string(tag))
}

// shownIDs returns the Content-IDs that a HTML text shows, in lower case
// (RFC 2392).
func shownIDs(doc string) map[string]bool {
	ids := map[string]bool{}
	lower := strings.ToLower(doc)
	for at := 0; ; {
		i := strings.Index(lower[at:], "cid:")
		if i < 0 {
			return ids
		}
		at += i + len("cid:")
		n := strings.IndexAny(lower[at:], "\"'<> \t\r\n)")
		if n < 0 {
			n = len(lower) - at
		}
		id := lower[at : at+n]
		at += n
		if u, err := url.PathUnescape(id); err == nil {
			ids[strings.ToLower(u)] = true
		}
		ids[html.UnescapeString(id)] = true
	}
}
