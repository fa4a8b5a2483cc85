package compose

import (
	"html"
	"slices"
	"strings"
	"time"

	"martlet/mail/message"
	"martlet/mail/wire"
)

// quote is what the original contributes.
type quote struct {
	plain    string // begins with an empty line
	html     string
	hasHTML  bool      // the original has HTML
	cut      bool      // the original's text is too long to be quoted whole
	images   []*entity // that the HTML shows
	files    []*entity // attachments to forward
	calendar *entity   // of a meeting request that is forwarded
}

func (q *quote) empty() bool { return q.plain == "" && len(q.files) == 0 && q.calendar == nil }

// quote reads the original.
func (c *composer) quote() *quote {
	q := &quote{}
	ix, src := c.o.Index, message.Bytes(c.o.Raw)
	if len(ix.Parts) == 0 {
		return q
	}
	pieces, files := ix.Shape()
	var plain, rich strings.Builder
	left := int64(maxQuote)
	for _, p := range pieces {
		q.hasHTML = q.hasHTML || p.HTML >= 0
		text, markup, cut := readPiece(ix, src, p, left)
		q.cut = q.cut || cut
		if left -= int64(max(len(text), len(markup))); left < 0 {
			left = 0
		}
		plain.WriteString(text)
		rich.WriteString(markup)
	}
	h := headerOf(c.o)
	q.plain = "\r\n" + h.plain() + plain.String()
	if !strings.HasSuffix(q.plain, "\r\n") {
		q.plain += "\r\n"
	}
	q.html = h.html() + "<div>" + rich.String() + "</div>"
	c.takeFiles(q, files)
	return q
}

// readPiece returns both forms of one piece of the original's text.
func readPiece(ix *message.Index, src message.Bytes, p message.Body, limit int64) (plain, markup string, cut bool) {
	read := func(part int) string {
		text, _, truncated, err := ix.ReadText(part, src, limit)
		if err != nil { // memory does not fail
			return ""
		}
		cut = cut || truncated
		return text
	}
	if p.HTML >= 0 {
		markup = bodyHTML(read(p.HTML))
	}
	if p.Plain >= 0 {
		plain = read(p.Plain)
	}
	switch {
	case p.HTML < 0:
		markup = bodyHTML(message.TextToHTML(plain))
	case p.Plain < 0 || strings.TrimSpace(plain) == "":
		plain = message.HTMLToText(read(p.HTML))
	}
	return plain, markup, cut
}

// takeFiles decides which of the original's attachments go where: pictures that
// the quoted HTML shows beside it, all others behind the text if it is
// forwarded.
func (c *composer) takeFiles(q *quote, files []int) {
	ix := c.o.Index
	shown := shownIDs(q.html)
	for _, i := range files {
		pt := &ix.Parts[i]
		id := pt.ContentID
		if q.hasHTML && (id != "" && shown[strings.ToLower(id)] || id == "" && pt.Location != "" && ix.Inline(i) && strings.Contains(q.html, pt.Location)) {
			if !c.shows(id) {
				q.images = append(q.images, newFile(ix, i, c.o.Raw))
			}
			continue
		}
		if c.opt.Kind == Forward {
			q.files = append(q.files, newFile(ix, i, c.o.Raw))
		}
	}
	if c.opt.Kind == Forward {
		q.calendar = c.calendar(files)
	}
}

// shows tells whether the client sends a part of that Content-ID itself.
func (c *composer) shows(id string) bool {
	return id != "" && slices.ContainsFunc(c.ix.Parts, func(p message.Part) bool { return strings.EqualFold(p.ContentID, id) })
}

// calendar is the original's meeting request, which its attachments do not
// have: the organizer stays the same (MS-ASCMD_R7487).
func (c *composer) calendar(files []int) *entity {
	ix := c.o.Index
	for i := range ix.Parts {
		if ix.Parts[i].Type != "text/calendar" || ix.Parts[i].Method == "" || slices.Contains(files, i) {
			continue
		}
		if c.o.Calendar == nil {
			return newFile(ix, i, c.o.Raw)
		}
		e := &entity{part: -1, touched: true}
		e.setText("text/calendar; method="+ix.Parts[i].Method, string(c.o.Calendar))
		return e
	}
	return nil
}

// line is a line of the block above a quoted text.
type line struct{ name, value string }

// quotedHeader is that block, as Exchange writes it.
type quotedHeader []line

func headerOf(o *Original) quotedHeader {
	ix := o.Index
	sent := ix.Date
	if sent.IsZero() {
		sent = o.Received
	}
	h := quotedHeader{{"From", people(ix.From)}, {"Sent", sentTime(sent)}, {"To", people(ix.To)}}
	if len(ix.Cc) > 0 {
		h = append(h, line{"Cc", people(ix.Cc)})
	}
	return append(h, line{"Subject", ix.Subject})
}

// sentTime names the zone: nobody told us the reader's.
func sentTime(t time.Time) string {
	return t.UTC().Format("Monday, January 2, 2006 3:04:05 PM (UTC)")
}

// people lists names and addresses as they are read, not as they are sent.
func people(list []message.Address) string {
	var out []string
	for i, a := range list {
		if i == maxListed {
			out = append(out, "...")
			break
		}
		switch {
		case a.Address == "":
			out = append(out, a.Name)
		case a.Name == "" || strings.EqualFold(a.Name, a.Address):
			out = append(out, a.Address)
		default:
			out = append(out, a.Name+" <"+a.Address+">")
		}
	}
	return strings.Join(out, "; ")
}

func (h quotedHeader) plain() string {
	var b strings.Builder
	b.WriteString("________________________________\r\n")
	for _, l := range h {
		b.WriteString(l.name + ": " + wire.OneLine(l.value) + "\r\n")
	}
	b.WriteString("\r\n")
	return b.String()
}

func (h quotedHeader) html() string {
	var b strings.Builder
	b.WriteString("<hr style=\"display:inline-block;width:98%\" tabindex=\"-1\">\r\n" +
		"<div id=\"divRplyFwdMsg\" dir=\"ltr\"><font face=\"Calibri, sans-serif\" style=\"font-size:11pt\" color=\"#000000\">")
	for i, l := range h {
		if i > 0 {
			b.WriteString("<br>\r\n")
		}
		b.WriteString("<b>" + l.name + ":</b> " + html.EscapeString(wire.OneLine(l.value)))
	}
	b.WriteString("</font>\r\n<div>&nbsp;</div>\r\n</div>\r\n")
	return b.String()
}
