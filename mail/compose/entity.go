package compose

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"slices"
	"strconv"
	"strings"

	"martlet/mail/message"
)

// entity is a MIME entity of the new message. One of the client's that nothing
// has touched is written as the client wrote it.
type entity struct {
	parent   *entity
	part     int     // in the client's message; -1: a new one
	fields   []field // of its header; those of Content-Type and encoding are ours once it is touched
	body     []byte  // of a leaf, or of a multipart that is not touched
	kind     string  // of a multipart: its media type; of a leaf empty
	params   map[string]string
	children []*entity
	touched  bool

	text     string // of a new text
	textType string
}

// tree makes the entities of the client's message from part i down.
func (c *composer) tree(i int) *entity {
	pt := &c.ix.Parts[i]
	e := &entity{part: i, body: c.raw[pt.Body:pt.End]}
	for _, f := range splitFields(headOf(c.raw[pt.Header:pt.Body])) {
		if isContentField(f.name) {
			e.fields = append(e.fields, f)
		}
	}
	kids := c.children[int32(i)]
	if len(kids) == 0 || isSeal(pt.Type) {
		return e
	}
	e.kind = pt.Type
	for _, k := range kids {
		e.adopt(c.tree(k))
	}
	return e
}

func newMultipart(kind string, children ...*entity) *entity {
	e := &entity{part: -1, kind: kind, touched: true}
	for _, k := range children {
		e.adopt(k)
	}
	return e
}

// newRelated is a HTML text with what it shows (RFC 2387).
func newRelated(html *entity, images []*entity) *entity {
	e := newMultipart("multipart/related", append([]*entity{html}, images...)...)
	e.params = map[string]string{"type": "text/html"}
	return e
}

func (e *entity) adopt(child *entity) {
	child.parent = e
	e.children = append(e.children, child)
}

// touch marks the entity and all around it as changed.
func (e *entity) touch() {
	for ; e != nil; e = e.parent {
		e.touched = true
	}
}

// replace puts another entity into the place of one, and returns the root.
func replace(root, old, with *entity) *entity {
	with.parent = old.parent
	if old.parent == nil {
		return with
	}
	i := slices.Index(old.parent.children, old)
	old.parent.children[i] = with
	with.parent.touch()
	return root
}

// addAlternative adds one more form of a text.
func addAlternative(root, text, form *entity) *entity {
	if text.kind == "multipart/alternative" {
		text.adopt(form)
		text.touch()
		return root
	}
	for up := text.parent; up != nil && up.kind != "multipart/mixed"; up = up.parent {
		if up.kind == "multipart/alternative" {
			up.adopt(form)
			up.touch()
			return root
		}
	}
	if up := text.parent; up != nil && up.kind == "multipart/related" {
		text = up
	}
	alternative := newMultipart("multipart/alternative")
	root = replace(root, text, alternative)
	alternative.adopt(text)
	alternative.adopt(form)
	return root
}

// setText makes the entity a text in UTF-8.
func (e *entity) setText(mediaType, text string) {
	e.text, e.textType = text, mediaType
	e.touch()
}

// keep takes over the fields of an entity that describe it apart from its
// type.
func (e *entity) keep(old *entity) {
	for _, f := range old.fields {
		if !ownsField(f.name) {
			e.fields = append(e.fields, f)
		}
	}
}

// isEmpty tells whether the entity is a text with nothing in it.
func (e *entity) isEmpty() bool {
	return e.kind == "" && len(bytes.TrimSpace(e.body)) == 0 && e.text == ""
}

// size is about how many bytes the entity takes.
func (e *entity) size() int64 {
	n := int64(len(e.body) + len(e.text))
	for _, k := range e.children {
		n += k.size()
	}
	return n
}

// ownsField tells that a field is written anew for a touched entity.
func ownsField(name string) bool {
	switch name {
	case "content-type", "content-transfer-encoding", "content-length", "content-md5":
		return true
	}
	return false
}

// write writes the entity, its header fields first.
func (c *composer) write(out *bytes.Buffer, e *entity) {
	if !e.touched {
		for _, f := range e.fields {
			out.Write(f.raw)
		}
		out.WriteString("\r\n")
		out.Write(e.body)
		return
	}
	switch {
	case e.kind != "":
		c.writeMultipart(out, e)
	case e.textType != "":
		e.writeKept(out)
		writeText(out, e.textType, e.text)
	}
}

func (e *entity) writeKept(out *bytes.Buffer) {
	for _, f := range e.fields {
		if !ownsField(f.name) {
			out.Write(f.raw)
		}
	}
}

func (c *composer) writeMultipart(out *bytes.Buffer, e *entity) {
	c.count++
	boundary := "_" + strconv.Itoa(c.count) + "_" + c.id
	params := e.params
	if params == nil {
		params = multipartParams(e.fields)
	}
	e.writeKept(out)
	out.WriteString("Content-Type: " + e.kind)
	for _, k := range slices.Sorted(mapsKeys(params)) {
		if v := params[k]; k != "boundary" && plainParam(k) && plainParam(v) {
			out.WriteString(";\r\n\t" + k + "=" + quoteParam(v))
		}
	}
	out.WriteString(";\r\n\tboundary=\"" + boundary + "\"\r\n\r\n")
	for _, k := range e.children {
		out.WriteString("--" + boundary + "\r\n")
		c.write(out, k)
		out.WriteString("\r\n")
	}
	out.WriteString("--" + boundary + "--\r\n")
}

func mapsKeys(m map[string]string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// multipartParams reads the parameters of a client's multipart: type and start
// of a multipart/related, for one.
func multipartParams(fields []field) map[string]string {
	for _, f := range fields {
		if f.name == "content-type" {
			_, params, err := mime.ParseMediaType(f.value())
			if err == nil {
				return params
			}
		}
	}
	return nil
}

// plainParam tells whether a parameter can be written without more ado.
func plainParam(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return len(s) < maxParam
}

func quoteParam(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// boundaryOf makes what boundaries have in common: nobody who has not seen the
// client's message knows it beforehand.
func boundaryOf(client []byte, id string) string {
	h := sha256.New()
	h.Write(client)
	h.Write([]byte(id))
	return hex.EncodeToString(h.Sum(nil)[:18])
}

// lastText finds the client's last text, in the forms that there are; nil for
// one that is not there or must not be changed.
func (c *composer) lastText(root *entity) (plain, html *entity) {
	pieces := c.ix.Body()
	if len(pieces) == 0 {
		return nil, nil
	}
	p := pieces[len(pieces)-1]
	return root.find(p.Plain), root.find(p.HTML) // a part under a seal is not in the tree
}

// find finds a part of the client's message in the tree.
func (e *entity) find(part int) *entity {
	if part < 0 {
		return nil
	}
	if e.part == part && e.kind == "" {
		return e
	}
	for _, k := range e.children {
		if f := k.find(part); f != nil {
			return f
		}
	}
	return nil
}

// textOf is the client's own text.
func (c *composer) textOf(e *entity) string {
	text, _, _, err := c.ix.ReadText(e.part, message.Bytes(c.raw), -1)
	if err != nil { // memory does not fail
		return ""
	}
	return text
}

// uuFiles are files that the client wrote into texts as uuencode: ReadText
// leaves them out.
func (c *composer) uuFiles(texts ...*entity) (files []*entity) {
	for _, t := range texts {
		for i := range c.ix.Parts {
			if t != nil && c.ix.Parts[i].Parent == int32(t.part) {
				files = append(files, newFile(c.ix, i, c.raw))
			}
		}
	}
	return files
}
