package class

import (
	"encoding/base64"
	"strings"

	"martlet/mail/calendar"
	"martlet/mail/message"
	"martlet/mail/rtf"
	"martlet/protocol/eas"
)

// objectText is the text of an event, a task or a note as it is kept: plain, and
// as HTML where it has that, too.
type objectText struct{ plain, html string }

// setText writes a text in both of its forms.
func setText(c *calendar.Component, text objectText) {
	c.SetText("DESCRIPTION", text.plain)
	c.Remove("X-ALT-DESC")
	if text.html != "" {
		p := calendar.Property{Name: "X-ALT-DESC", Value: calendar.EscapeText(text.html)}
		p.SetParam("FMTTYPE", "text/html")
		c.Add(p)
	}
}

// native is the type in which it is kept (MS-ASAIRS 2.2.2.32).
func (t objectText) native() uint8 {
	if t.html != "" {
		return eas.BodyHTML
	}
	return eas.BodyPlain
}

// render makes the form of the text that the client's preferences choose: its
// own first, then in the client's order (MS-ASAIRS 2.2.2.12). Of these items
// nothing is MIME. A client that says nothing gets plain text.
func (t objectText) render(opt *Options) *eas.Body {
	var room [4]preference
	prefs := room[:0]
	for _, native := range [...]bool{true, false} {
		for i := range opt.BodyPreferences {
			p := readPreference(&opt.BodyPreferences[i])
			if p.kind >= eas.BodyPlain && p.kind <= eas.BodyRTF && (p.kind == t.native()) == native {
				prefs = append(prefs, p)
			}
		}
	}
	if len(prefs) == 0 {
		prefs = append(prefs, preference{kind: eas.BodyPlain, limit: noLimit})
	}
	var whole int
	for i, p := range prefs {
		text, total := t.form(p.kind), 0
		total = len(text)
		if i == 0 {
			whole = total
		}
		truncated := p.limit >= 0 && int64(total) > p.limit
		if truncated && p.allOrNone {
			if i+1 < len(prefs) {
				continue
			}
			p, text, total = prefs[0], "", whole
		} else if truncated {
			text = t.cut(p)
		}
		body := &eas.Body{Type: p.kind, EstimatedDataSize: uint32(total), Truncated: truncated}
		if text != "" {
			body.Data = &text
		}
		if opt.Version >= eas.V140 && p.preview > 0 && (p.kind != eas.BodyPlain || text == "") {
			body.Preview = firstCharacters(strings.Join(strings.Fields(t.form(eas.BodyPlain)), " "), p.preview)
		}
		return body
	}
	return nil // there is always a last preference
}

// form is the whole text in one of its forms.
func (t objectText) form(kind uint8) string {
	switch kind {
	case eas.BodyHTML:
		if t.html == "" && t.plain != "" {
			return message.TextToHTML(crlf(t.plain))
		}
		return t.html
	case eas.BodyRTF:
		return t.packed(maxRTF)
	}
	if t.plain == "" && t.html != "" {
		return crlf(message.HTMLToText(t.html[:min(len(t.html), maxConvert)]))
	}
	return crlf(t.plain)
}

// packed is the text as compressed RTF, of at most so many bytes of it.
func (t objectText) packed(limit int) string {
	switch {
	case t.html != "":
		return packRTF(rtf.FromHTML(cutAt(t.html, limit)))
	case t.plain != "":
		return packRTF(rtf.FromText(cutAt(t.plain, limit)))
	}
	return ""
}

// cut is as much of the text as a client wants. RTF stays a document: less of the
// text is written.
func (t objectText) cut(p preference) string {
	text := t.form(p.kind)
	if p.kind != eas.BodyRTF {
		return cutAt(text, int(p.limit))
	}
	source := max(len(t.plain), len(t.html))
	for range maxShrink {
		if source = int(int64(source) * p.limit / int64(max(len(text), 1)) * 7 / 8); source == 0 {
			break
		}
		if text = t.packed(source); int64(len(text)) <= p.limit {
			return text
		}
	}
	return ""
}

// legacy is the text of version 2.5: plain, cut as Truncation says.
func (t objectText) legacy(opt *Options) (text *string, truncated *bool) {
	s := t.form(eas.BodyPlain)
	if s == "" {
		return nil, nil
	}
	limit := truncation(opt.Truncation)
	cut := limit >= 0 && int64(len(s)) > limit
	if cut {
		s = cutAt(s, int(limit))
	}
	return &s, &cut
}

// readText is the text that a client writes in the place of old. What it had cut
// off, or has as it is kept, is no change: the other form stays.
func readText(b *eas.Body, old objectText) (objectText, error) {
	if b.Truncated {
		return old, nil
	}
	data := ""
	if b.Data != nil {
		data = *b.Data
	}
	if strings.TrimSpace(data) == "" {
		return objectText{}, nil
	}
	switch b.Type {
	case eas.BodyPlain, 0:
		return plainText(data, old), nil
	case eas.BodyHTML:
		if sameText(data, old.form(eas.BodyHTML)) {
			return old, nil
		}
		return objectText{plain: newlines(message.HTMLToText(data[:min(len(data), maxConvert)])), html: data}, nil
	case eas.BodyRTF:
		if data == old.form(eas.BodyRTF) {
			return old, nil
		}
		return readRTFText(data)
	}
	return old, ErrBadValue
}

func plainText(data string, old objectText) objectText {
	if sameText(data, old.form(eas.BodyPlain)) {
		return old
	}
	return objectText{plain: newlines(data)}
}

// readRTFText reads compressed RTF in base64.
func readRTFText(data string) (objectText, error) {
	packed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(data))
	if err != nil || len(packed) > maxRTF {
		return objectText{}, ErrBadValue
	}
	doc, err := rtf.Decompress(packed)
	if err != nil {
		return objectText{}, ErrBadValue
	}
	html := rtf.ToHTML(doc)
	return objectText{plain: newlines(message.HTMLToText(html)), html: html}, nil
}

// sameText compares texts without what clients change by themselves: how lines
// end, and blanks at the end.
func sameText(a, b string) bool { return a == b || newlines(a) == newlines(b) }

func newlines(s string) string {
	return strings.TrimRight(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"), " \t\n")
}
