// Package compose writes messages out of messages: what a user wrote on a
// phone, put together with the message that it answers or forwards, which the
// phone never had in full (MS-ASCMD 2.2.1.19, 2.2.1.20).
//
// It is pure: bytes in, bytes out, the same bytes each time. It must never
// touch what is signed or encrypted, never drop anything the user wrote, never
// disclose who stood in Bcc, and take linear time and bounded memory, whatever
// either message is.
package compose

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"martlet/mail/message"
	"martlet/mail/wire"
)

// Kind says what the new message is to the original.
type Kind uint8

// The kinds.
const (
	Reply Kind = iota + 1
	Forward
)

// ErrTooLarge means that the new message would be larger than Limit.
var ErrTooLarge = errors.New("compose: the message gets too large")

// Original is the message that is answered or forwarded.
type Original struct {
	Index    *message.Index
	Raw      []byte
	Received time.Time // stands for a Date that is missing
	Calendar []byte    // the calendar object to forward in place of its own, or nil
}

// Options say how the two are put together.
type Options struct {
	Kind    Kind
	Replace bool      // the client has the whole text: only threading fields are added (MS-ASCMD 2.2.3.148)
	Now     time.Time // when it is written
	Limit   int64     // bytes of the new message; zero: none
}

// Smart returns the client's message with the original's text quoted below its
// own and, when it is forwarded, with the original's attachments. The client's
// MIME structure stays as it is around the texts that grow. Texts are written
// in UTF-8 (MS-ASCMD_R548, R584).
func Smart(client []byte, o *Original, opt Options) ([]byte, error) {
	client = wire.CRLF(client)
	if opt.Limit > 0 && int64(len(client)) > opt.Limit {
		return nil, ErrTooLarge
	}
	ix := message.Parse(client)
	fields := splitFields(headOf(client[ix.Parts[0].Header:ix.Parts[0].Body]))
	added := threadFields(fields, o, opt.Now)
	if opt.Replace || sealed(ix) {
		return join(opt.Limit, added, client)
	}
	c := &composer{raw: client, ix: ix, o: o, opt: opt, id: boundaryOf(client, o.Index.MessageID)}
	root := c.compose()
	if opt.Limit > 0 && root.size() > opt.Limit {
		return nil, ErrTooLarge
	}
	var out bytes.Buffer
	out.Write(added)
	mimeVersion := false
	for _, f := range fields {
		if isContentField(f.name) {
			continue // the root entity writes its own
		}
		mimeVersion = mimeVersion || f.name == "mime-version"
		out.Write(f.raw)
	}
	if !mimeVersion {
		out.WriteString("MIME-Version: 1.0\r\n")
	}
	c.write(&out, root)
	if opt.Limit > 0 && int64(out.Len()) > opt.Limit {
		return nil, ErrTooLarge
	}
	return out.Bytes(), nil
}

// sealed tells whether a message cannot be changed without breaking it.
func sealed(ix *message.Index) bool {
	return ix.IsSigned() || ix.IsEncrypted() || isSeal(ix.Parts[0].Type)
}

// isSeal knows the multiparts whose content somebody has signed or encrypted.
func isSeal(mediaType string) bool {
	return mediaType == "multipart/signed" || mediaType == "multipart/encrypted"
}

func join(limit int64, parts ...[]byte) ([]byte, error) {
	out := bytes.Join(parts, nil)
	if limit > 0 && int64(len(out)) > limit {
		return nil, ErrTooLarge
	}
	return out, nil
}

// composer is one message on its way.
type composer struct {
	raw      []byte
	ix       *message.Index
	o        *Original
	opt      Options
	id       string // of boundaries
	count    int    // boundaries given out
	children map[int32][]int
}

// compose makes the tree of the new message.
func (c *composer) compose() *entity {
	c.children = map[int32][]int{}
	for i := range c.ix.Parts {
		if up := c.ix.Parts[i].Parent; up >= 0 && c.ix.IsMultipart(int(up)) {
			c.children[up] = append(c.children[up], i)
		}
	}
	root := c.tree(0)
	if c.opt.Kind == Forward && sealed(c.o.Index) {
		return c.attach(root, []*entity{c.embedded()})
	}
	q := c.quote()
	switch {
	case q.empty():
		return root
	case q.cut && c.opt.Kind == Forward: // what is forwarded is whole (MS-ASCMD_R545)
		return c.attach(root, []*entity{c.embedded()})
	}
	root, files := c.addText(root, q)
	return c.attach(root, files)
}

// attach puts files behind everything that is there.
func (c *composer) attach(root *entity, files []*entity) *entity {
	if len(files) == 0 {
		return root
	}
	if root.kind == "multipart/mixed" {
		root.children = append(root.children, files...)
		root.touch()
		return root
	}
	return newMultipart("multipart/mixed", append([]*entity{root}, files...)...)
}

// addText puts the quote below the client's last text, and returns the files
// that found no place within it: the original's attachments, and what the
// client itself had written into its text.
func (c *composer) addText(root *entity, q *quote) (*entity, []*entity) {
	plain, html := c.lastText(root)
	var node *entity // what holds the text, for the calendar part
	switch {
	case plain == nil && html == nil:
		node = c.newText("", q)
		holder := newMultipart("multipart/mixed", node)
		if !root.isEmpty() {
			holder.children = append(holder.children, root)
			root.parent = holder
		}
		root = holder
	case html == nil && !q.hasHTML:
		plain.setText("text/plain", below(c.textOf(plain), q.plain))
		node = plain
	case html == nil:
		node = c.newText(c.textOf(plain), q)
		node.keep(plain)
		root = replace(root, plain, node)
	default:
		if plain != nil {
			plain.setText("text/plain", below(c.textOf(plain), q.plain))
		}
		html.setText("text/html", insertHTML(c.textOf(html), q.html))
		node = html
		root = c.addImages(root, html, q.images)
	}
	if q.calendar != nil {
		root = addAlternative(root, node, q.calendar)
	}
	return root, append(c.uuFiles(plain, html), q.files...)
}

// newText makes an entity of a plain text and the quote: both forms where the
// original has HTML.
func (c *composer) newText(text string, q *quote) *entity {
	plain := &entity{part: -1}
	plain.setText("text/plain", below(text, q.plain))
	if !q.hasHTML {
		return plain
	}
	html := &entity{part: -1}
	own := ""
	if strings.TrimSpace(text) != "" {
		own = bodyHTML(message.TextToHTML(text))
	}
	html.setText("text/html", htmlStart+own+q.html+htmlEnd)
	if len(q.images) > 0 {
		html = newRelated(html, q.images)
	}
	return newMultipart("multipart/alternative", plain, html)
}

// below puts a quote, which begins with an empty line, under a text.
func below(text, quote string) string {
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\r\n"
	}
	return text + quote
}

const (
	htmlStart = "<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\"></head><body>\r\n"
	htmlEnd   = "\r\n</body></html>\r\n"
)

// addImages puts pictures that a HTML text shows beside it.
func (c *composer) addImages(root, html *entity, images []*entity) *entity {
	if len(images) == 0 {
		return root
	}
	if up := html.parent; up != nil && up.kind == "multipart/related" {
		for _, im := range images {
			im.parent = up
		}
		up.children = append(up.children, images...)
		up.touch()
		return root
	}
	related := newMultipart("multipart/related")
	root = replace(root, html, related)
	related.adopt(html)
	for _, im := range images {
		related.adopt(im)
	}
	related.params = map[string]string{"type": "text/html"}
	return root
}
