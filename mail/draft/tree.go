package draft

import (
	"slices"
	"strings"

	"martlet/mail/message"
)

// node is a MIME entity. One that nothing has changed is written as it was.
type node struct {
	part int    // in the index of the draft as it was; -1 for a new one
	raw  []byte // header and content; nil for a multipart made anew

	kind   string // of a multipart: "mixed", "related", …
	start  string // of a multipart/related: the Content-ID of its root
	fields header // of a multipart: but for its type
	kids   []*node
	dirty  bool // a multipart to be written anew

	file   bool
	inline bool // a file that the text shows
	html   bool // the HTML form of the text
	name   string
	size   int64
}

// reader makes nodes of a message.
type reader struct {
	raw   []byte
	ix    *message.Index
	files []int
}

// top is the whole content; own are the fields of the header that describe it.
func (r *reader) top(own header) *node {
	r.files = r.ix.Attachments()
	n := r.node(0)
	pt := &r.ix.Parts[0]
	body := r.raw[pt.Body:pt.End]
	n.raw = append(append(own.bytes(nil), '\r', '\n'), body...)
	n.fields = own
	return n
}

func (r *reader) node(i int) *node {
	pt := &r.ix.Parts[i]
	n := &node{part: i, raw: r.raw[pt.Header:pt.End], size: pt.DecodedSize}
	if i > 0 {
		n.fields, _ = splitHeader(r.raw[pt.Header:pt.Body])
	}
	if slices.Contains(r.files, i) {
		n.file, n.inline, n.name = true, r.ix.Inline(i), r.ix.AttachmentName(i)
	}
	n.html = !n.file && (pt.Type == "text/html" || pt.Type == "application/xhtml+xml")
	if !r.ix.IsMultipart(i) {
		return n
	}
	n.kind = strings.TrimPrefix(pt.Type, "multipart/")
	if n.kind == "related" {
		n.start = pt.Method
	}
	for c := i + 1; c < len(r.ix.Parts); c++ {
		if r.ix.Parts[c].Parent == int32(i) {
			n.kids = append(n.kids, r.node(c))
		}
	}
	return n
}

// sealed tells of a part that no longer holds when something in it changes:
// what is signed or encrypted.
func (n *node) sealed() bool { return n.kind == "signed" || n.kind == "encrypted" }

// files adds the node's files to a list, in their order.
func (n *node) files(list []*node) []*node {
	if n.file {
		list = append(list, n)
	}
	for _, k := range n.kids {
		list = k.files(list)
	}
	return list
}

// remove takes files out, wherever they are.
func (d *document) remove(parts []int) {
	if len(parts) == 0 {
		return
	}
	if d.content.file && slices.Contains(parts, d.content.part) {
		d.content = textNode(&Text{})
		return
	}
	d.content.prune(parts)
	if d.content.kind != "" && len(d.content.kids) == 0 {
		d.content = textNode(&Text{})
	}
}

// prune removes files among the node's descendants and tells whether it did. A
// multipart that nothing is left of goes too.
func (n *node) prune(parts []int) bool {
	var kept []*node
	changed := false
	for _, k := range n.kids {
		if k.file && slices.Contains(parts, k.part) {
			changed = true
			continue
		}
		if k.prune(parts) {
			changed = true
			if k.kind != "" && len(k.kids) == 0 {
				continue
			}
		}
		kept = append(kept, k)
	}
	if changed {
		n.kids, n.dirty = kept, true
	}
	return changed
}

// setText replaces the text in all its forms. The files stay, those of a
// signature aside; pictures stay with a text that can show them.
func (d *document) setText(t *Text) {
	var inline, rest []*node
	for _, f := range d.content.files(nil) {
		switch {
		case d.content.sealed() && f.signature(d.content):
		case f.inline && t.HTML:
			inline = append(inline, f)
		default:
			rest = append(rest, f)
		}
	}
	d.content = textNode(t)
	if len(inline) > 0 {
		d.content = multipart("related", append([]*node{d.content}, inline...))
	}
	if len(rest) > 0 {
		d.content = multipart("mixed", append([]*node{d.content}, rest...))
	}
}

// signature tells whether a file is what seals the content.
func (n *node) signature(top *node) bool {
	return top.kind == "encrypted" || len(top.kids) > 0 && top.kids[len(top.kids)-1] == n
}

// add attaches a file.
func (d *document) add(f *File) {
	n := fileNode(f)
	if f.Inline && f.ContentID != "" && d.content.beside(n, &d.content) {
		return
	}
	d.attach(n)
}

// attach puts a file behind everything else.
func (d *document) attach(n *node) {
	if d.content.kind == "mixed" {
		d.content.kids, d.content.dirty = append(d.content.kids, n), true
		return
	}
	d.content = multipart("mixed", []*node{d.content, n})
}

// beside puts a picture next to the HTML that shows it (RFC 2387), and tells
// whether there is any. at is where the node hangs.
func (n *node) beside(picture *node, at **node) bool {
	switch {
	case n.sealed():
		return false
	case n.html:
		*at = multipart("related", []*node{n, picture})
		return true
	}
	for i, k := range n.kids {
		if n.kind == "related" && (k.html || k.kind == "alternative" && k.hasHTML()) {
			n.kids = append(n.kids, picture)
			n.dirty = true
			return true
		}
		if k.beside(picture, &n.kids[i]) {
			n.dirty = true
			return true
		}
	}
	return false
}

func (n *node) hasHTML() bool {
	return n.html || slices.ContainsFunc(n.kids, (*node).hasHTML)
}

// multipart makes a new one.
func multipart(kind string, kids []*node) *node {
	return &node{part: -1, kind: kind, kids: kids, dirty: true}
}
