package message

import (
	"strconv"
	"strings"

	"martlet/mail/tnef"
)

// Body is one piece of a message's text in the forms that there are, by part
// number, -1 for none.
type Body struct {
	Plain int
	HTML  int
}

// IsZero tells whether there is no text at all.
func (b Body) IsZero() bool { return b.Plain < 0 && b.HTML < 0 }

// Text returns the parts that are the body to show, -1 for none: the first
// piece of Body.
func (ix *Index) Text() (plain, html int) {
	if b := ix.Body(); len(b) > 0 {
		return b[0].Plain, b[0].HTML
	}
	return -1, -1
}

// Body returns the pieces of the text to show, one after the other. Most
// messages have one; programs that let pictures stand between paragraphs, and
// lists that add a footer, make several.
func (ix *Index) Body() []Body {
	w := walker{ix: ix}
	if len(ix.Parts) > 0 {
		w.walk(0, &w.body, true, 0)
	}
	return w.body
}

// Attachments returns the parts that are shown as attachments, pictures within
// the text included.
func (ix *Index) Attachments() []int {
	w := walker{ix: ix}
	if len(ix.Parts) > 0 {
		w.walk(0, &w.body, true, 0)
	}
	return w.files
}

// Shape returns Body and Attachments at once.
func (ix *Index) Shape() (body []Body, attachments []int) {
	w := walker{ix: ix}
	if len(ix.Parts) > 0 {
		w.walk(0, &w.body, true, 0)
	}
	return w.body, w.files
}

// walker decides which parts are text and which are files.
type walker struct {
	ix    *Index
	body  []Body
	files []int
}

// walk visits part i. Text found is added to body; more tells whether text may
// be found here at all.
func (w *walker) walk(i int, body *[]Body, more bool, depth int) {
	pt := &w.ix.Parts[i]
	if !w.ix.IsMultipart(i) || depth > maxDepth {
		w.leaf(i, body, more)
		return
	}
	switch pt.Type {
	case "multipart/alternative":
		w.alternative(i, body, more, depth)
	case "multipart/related":
		root := w.related(i)
		for c := range w.ix.children(i) {
			w.walk(c, body, more && c == root, depth+1)
		}
	case "multipart/signed", "multipart/report":
		first := true
		for c := range w.ix.children(i) {
			w.walk(c, body, more && first, depth+1)
			first = false
		}
	case "multipart/encrypted":
		for c := range w.ix.children(i) {
			w.walk(c, body, false, depth+1)
		}
	default:
		for c := range w.ix.children(i) {
			w.walk(c, body, more, depth+1)
		}
	}
}

// leaf takes a part without children (uuencoded files in a text aside).
func (w *walker) leaf(i int, body *[]Body, more bool) {
	pt := &w.ix.Parts[i]
	kind := Body{-1, -1}
	if isTNEF(pt) && w.tnef(i, body, more) {
		return
	}
	switch pt.Type {
	case "text/plain":
		kind.Plain = i
	case "text/html", "application/xhtml+xml":
		kind.HTML = i
	}
	named := pt.Filename != "" && (len(*body) > 0 || i > 0 && pt.Disposition == "inline" && !isBodyName(pt.Filename))
	if kind.IsZero() || !more || pt.Disposition == "attachment" && (pt.Filename != "" || i > 0) || named || len(*body) >= maxPieces {
		if w.ix.isEmptyText(i) {
			return
		}
		w.files = append(w.files, i)
	} else {
		*body = append(*body, kind)
	}
	for c := range w.ix.children(i) { // uuencoded
		w.files = append(w.files, c)
	}
}

// tnef takes what stands in a winmail.dat; it tells whether that is anything.
// Its text is another form of the one beside it: Outlook sends a plain text for
// everybody and its own in the file.
func (w *walker) tnef(i int, body *[]Body, more bool) bool {
	own := Body{-1, -1}
	found := false
	for c := range w.ix.children(i) {
		found = true
		pt := &w.ix.Parts[c]
		switch {
		case pt.Disposition != "":
			w.files = append(w.files, c)
		case pt.Type == "text/plain":
			own.Plain = c
		case pt.Type == "text/html":
			own.HTML = c
		}
	}
	if !found { // a notice is shown as one, not as a file
		return tnef.IsForwarded(w.ix.Parts[i].Method)
	}
	last := len(*body) - 1
	switch {
	case !more || own.IsZero():
	case last < 0:
		*body = append(*body, own)
	case own.HTML >= 0 && (*body)[last].HTML < 0:
		(*body)[last].HTML = own.HTML
	}
	return true
}

// isBodyName knows the file names that some senders give to the body itself.
func isBodyName(name string) bool {
	switch strings.ToLower(name) {
	case "body.txt", "body.html", "message.txt", "message.html", "text.txt", "text.html", "mail.txt", "mail.html":
		return true
	}
	return false
}

// isEmptyText knows a text part that holds nothing: it is worth no attachment.
func (ix *Index) isEmptyText(i int) bool {
	pt := &ix.Parts[i]
	return pt.Body == pt.End && pt.Filename == "" && strings.HasPrefix(pt.Type, "text/")
}

// alternative chooses among the forms of one text: the first plain one and the
// last HTML one (RFC 2046 5.1.4). Forms that nobody shows, as calendar data or
// AMP, are no attachments.
func (w *walker) alternative(i int, body *[]Body, more bool, depth int) {
	if !more {
		for c := range w.ix.children(i) {
			w.walk(c, body, false, depth+1)
		}
		return
	}
	var plain, html []Body
	var hidden []int
	for c := range w.ix.children(i) {
		switch {
		case w.ix.isEmptyText(c):
			continue // left over from a delimiter too many
		case !w.ix.IsMultipart(c) && !w.isForm(c):
			hidden = append(hidden, c)
			continue
		}
		var form []Body
		w.walk(c, &form, true, depth+1)
		switch {
		case len(form) == 0:
		case form[0].HTML >= 0:
			html = form
		case plain == nil:
			plain = form
		}
	}
	switch {
	case len(html) == 0 && len(plain) == 0:
		w.files = append(w.files, hidden...)
	case len(html) == 0:
		*body = append(*body, plain...)
	case len(plain) == 1 && len(html) > 0:
		if html[0].Plain < 0 {
			html[0].Plain = plain[0].Plain
		}
		*body = append(*body, html...)
	default:
		*body = append(*body, html...)
	}
}

// isForm tells whether a leaf of an alternative is its text or, against the
// rules, a file.
func (w *walker) isForm(i int) bool {
	pt := &w.ix.Parts[i]
	switch pt.Type {
	case "text/plain", "text/html":
		return true
	case "text/calendar", "text/x-amp-html", "text/watch-html", "text/enriched", "text/richtext", "text/rtf", "text/x-vcalendar", "text/markdown":
		return pt.Disposition == "attachment"
	}
	return true
}

// related returns the root of a multipart/related (RFC 2387 3.2): the one that
// start names, else the first, else the first that can be a text.
func (w *walker) related(i int) int {
	start, first := w.ix.Parts[i].Method, -1
	for c := range w.ix.children(i) {
		pt := &w.ix.Parts[c]
		if start != "" && pt.ContentID == start {
			return c
		}
		if first < 0 && (strings.HasPrefix(pt.Type, "text/") || w.ix.IsMultipart(c)) {
			first = c
		}
	}
	return first
}

// children ranges over a part's children.
func (ix *Index) children(i int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for c := i + 1; c < len(ix.Parts); c++ {
			switch up := ix.Parts[c].Parent; {
			case up == int32(i):
				if !yield(c) {
					return
				}
			case up < int32(i):
				return
			}
		}
	}
}

// IsMultipart tells whether part i has parts of its own.
func (ix *Index) IsMultipart(i int) bool { return strings.HasPrefix(ix.Parts[i].Type, "multipart/") }

// Inline tells whether an attachment is shown within the text: a picture that
// the text may refer to (MS-ASAIRS 2.2.2.27 IsInline).
func (ix *Index) Inline(i int) bool {
	if i < 0 || i >= len(ix.Parts) {
		return false
	}
	pt := &ix.Parts[i]
	if pt.Disposition == "attachment" || pt.ContentID == "" && pt.Location == "" {
		return false
	}
	for up := pt.Parent; up >= 0; up = ix.Parts[up].Parent {
		if ix.Parts[up].Type == "multipart/related" {
			return true
		}
	}
	return pt.Disposition == "inline" && strings.HasPrefix(pt.Type, "image/")
}

// AttachmentName returns the name to show for an attachment; one without a
// name gets one by its place, as Exchange does.
func (ix *Index) AttachmentName(i int) string {
	if i < 0 || i >= len(ix.Parts) {
		return ""
	}
	pt := &ix.Parts[i]
	switch {
	case pt.Filename != "" && (pt.Type == "message/rfc822" || pt.Type == "message/global") && !strings.HasSuffix(strings.ToLower(pt.Filename), ".eml"):
		return pt.Filename + ".eml" // MS-ASAIRS_R2299
	case pt.Filename != "":
		return pt.Filename
	case pt.Type == "application/pkcs7-mime", pt.Type == "application/x-pkcs7-mime":
		return "smime.p7m"
	case pt.Type == "application/pkcs7-signature", pt.Type == "application/x-pkcs7-signature":
		return "smime.p7s"
	case pt.Type == "application/ms-tnef":
		return "winmail.dat"
	}
	n := strconv.Itoa(i)
	ext := extensionOf(pt.Type)
	if ext == "" {
		ext = ".dat"
	}
	return "ATT" + "00000"[:max(0, 5-len(n))] + n + ext
}

// IsSigned tells whether the message is signed with S/MIME (RFC 8551 3.5).
func (ix *Index) IsSigned() bool {
	if len(ix.Parts) == 0 {
		return false
	}
	switch pt := &ix.Parts[0]; pt.Type {
	case "multipart/signed":
		return pt.Method == "" || strings.Contains(pt.Method, "pkcs7")
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return pt.Method == "signed-data"
	}
	return false
}

// IsEncrypted tells whether the message is encrypted with S/MIME (RFC 8551
// 3.3), or signed so that it cannot be read without S/MIME.
func (ix *Index) IsEncrypted() bool {
	if len(ix.Parts) == 0 {
		return false
	}
	switch pt := &ix.Parts[0]; pt.Type {
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return pt.Method != "certs-only" && pt.Method != "signed-data"
	}
	return false
}
