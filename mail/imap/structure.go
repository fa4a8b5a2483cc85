package imap

import (
	"bytes"
	"io"
	"mime"
	"strings"

	"martlet/mail/message"
)

// envelope writes an ENVELOPE (RFC 9051 7.5.2) from the index: what was
// misspelt on the way is mended, and text that is not ASCII is in encoded words.
func (w *writer) envelope(ix *message.Index) {
	w.raw("(")
	if ix.Date.IsZero() {
		w.raw("NIL ")
	} else {
		w.string(ix.Date.Format("Mon, 02 Jan 2006 15:04:05 -0700")).raw(" ")
	}
	w.nstring(encodeWords(ix.Subject)).raw(" ")
	sender, replyTo := ix.Sender, ix.ReplyTo
	if len(sender) == 0 {
		sender = ix.From
	}
	if len(replyTo) == 0 {
		replyTo = ix.From
	}
	for _, list := range [][]message.Address{ix.From, sender, replyTo, ix.To, ix.Cc, ix.Bcc} {
		w.addresses(list).raw(" ")
	}
	w.nstring(bracketed(ix.InReplyTo)).raw(" ").nstring(bracketed(ix.MessageID)).raw(")")
}

func encodeWords(s string) string { return mime.QEncoding.Encode("utf-8", s) }

func bracketed(id string) string {
	if id == "" {
		return ""
	}
	return "<" + id + ">"
}

func (w *writer) addresses(list []message.Address) *writer {
	if len(list) == 0 {
		return w.raw("NIL")
	}
	w.raw("(")
	for _, a := range list {
		local, host := a.Address, ""
		if at := strings.LastIndexByte(a.Address, '@'); at >= 0 {
			local, host = a.Address[:at], a.Address[at+1:]
		}
		// NIL would begin or end a group.
		w.raw("(").nstring(encodeWords(a.Name)).raw(" NIL ").string(local).raw(" ").string(host).raw(")")
	}
	return w.raw(")")
}

// structure writes a BODYSTRUCTURE, or BODY without the extensions (RFC 9051
// 7.5.2).
func (m *look) structure(out *writer, extended bool) { m.describe(out, m.root(), 0, extended) }

func (m *look) describe(out *writer, e *entity, part int, extended bool) {
	pt := &e.ix.Parts[part]
	header, err := piece{e.src, pt.Header, pt.Body - pt.Header}.read(maxPartHeader)
	if err != nil {
		m.err = err
		return
	}
	all := contentFields(header)
	kind, params := parameters(all["content-type"])
	if !strings.EqualFold(kind, pt.Type) { // it says what it is not
		params = nil
	}
	out.raw("(")
	if kids := e.kids(part); len(kids) > 0 {
		for _, k := range kids {
			m.describe(out, e, k, extended)
		}
		_, sub, _ := strings.Cut(pt.Type, "/")
		out.raw(" ").string(sub)
		if extended {
			out.raw(" ").params(params)
			out.extensions(all)
		}
		out.raw(")")
		return
	}
	inner := (*entity)(nil)
	if pt.Type == "message/rfc822" || pt.Type == "message/global" {
		inner = m.enter(e, part)
	}
	m.single(out, e, part, all, params, inner, extended)
	out.raw(")")
}

// single describes a part that has no parts of its own.
func (m *look) single(out *writer, e *entity, part int, all map[string]string, params [][2]string, inner *entity, extended bool) {
	pt := &e.ix.Parts[part]
	major, sub, _ := strings.Cut(pt.Type, "/")
	if major == "message" && (sub == "rfc822" || sub == "global") && inner == nil {
		major, sub = "application", "octet-stream" // not looked into
	}
	if major == "text" && len(params) == 0 {
		params = [][2]string{{"charset", "us-ascii"}} // RFC 2045 5.2
	}
	out.string(major).raw(" ").string(sub).raw(" ").params(params).raw(" ")
	out.nstring(all["content-id"]).raw(" ").nstring(all["content-description"]).raw(" ")
	out.string(encodingOf(pt, all["content-transfer-encoding"])).raw(" ").number(pt.End - pt.Body)
	if inner != nil {
		out.raw(" ").envelope(inner.ix)
		out.raw(" ")
		m.describe(out, inner, 0, extended)
	}
	if major == "text" || inner != nil {
		out.raw(" ").number(m.lines(piece{e.src, pt.Body, pt.End - pt.Body}))
	}
	if extended {
		out.raw(" ").nstring(all["content-md5"])
		out.extensions(all)
	}
}

// encodingOf is the transfer encoding as it is understood.
func encodingOf(pt *message.Part, declared string) string {
	if pt.Encoding != "" {
		return strings.ToUpper(pt.Encoding)
	}
	switch declared = strings.ToUpper(declared); declared {
	case "8BIT", "BINARY":
		return declared
	}
	return "7BIT"
}

func (w *writer) params(params [][2]string) *writer {
	if len(params) == 0 {
		return w.raw("NIL")
	}
	w.raw("(")
	for i, p := range params {
		if i > 0 {
			w.raw(" ")
		}
		w.string(p[0]).raw(" ").string(p[1])
	}
	return w.raw(")")
}

// extensions writes disposition, language and location.
func (w *writer) extensions(all map[string]string) {
	w.raw(" ")
	if kind, params := parameters(all["content-disposition"]); kind != "" {
		w.raw("(").string(kind).raw(" ").params(params).raw(")")
	} else {
		w.raw("NIL")
	}
	w.raw(" ")
	var languages []string
	for l := range strings.SplitSeq(all["content-language"], ",") {
		if l = strings.TrimSpace(l); l != "" && len(languages) < maxParams {
			languages = append(languages, l)
		}
	}
	if len(languages) == 0 {
		w.raw("NIL")
	} else {
		w.raw("(")
		for i, l := range languages {
			if i > 0 {
				w.raw(" ")
			}
			w.string(l)
		}
		w.raw(")")
	}
	w.raw(" ").nstring(all["content-location"])
}

// lines counts the lines of a piece.
func (m *look) lines(p piece) (n int64) {
	src := io.NewSectionReader(p.src, p.off, p.size)
	buf := make([]byte, min(p.size, outBuffer))
	last := byte('\n')
	for p.size > 0 {
		got, err := src.Read(buf)
		n += int64(bytes.Count(buf[:got], []byte{'\n'}))
		if got > 0 {
			last = buf[got-1]
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			m.err = err
			return n
		}
	}
	if last != '\n' {
		n++
	}
	return n
}
