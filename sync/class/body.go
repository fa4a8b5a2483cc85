package class

import (
	"io"
	"strings"
	"unicode/utf8"

	"martlet/mail/message"
	"martlet/protocol/eas"
)

const (
	// previewSize is the largest TruncationSize that asks for a preview rather
	// than for a text: links and images are left out of what is shown in lists.
	previewSize = 4096
	// maxConvert is how much HTML is read to make plain text of it.
	maxConvert = 4 << 20
	// maxPreview is the longest preview, in characters (MS-ASAIRS 2.2.2.35.4).
	maxPreview = 255
)

// noLimit is the size of a body that is not cut.
const noLimit = -1

// bodyReader makes the forms of a message's body that clients ask for.
type bodyReader struct {
	ix     *message.Index
	src    io.ReaderAt
	pieces []message.Body

	words, page string // of a meeting that has no other text
}

// native is the type of the body as it came (MS-ASAIRS 2.2.2.32).
func (b *bodyReader) native() uint8 {
	if b.trueRTF() >= 0 {
		return eas.BodyRTF
	}
	for _, p := range b.pieces {
		if p.HTML >= 0 {
			return eas.BodyHTML
		}
	}
	return eas.BodyPlain
}

// preference is one acceptable form of a body.
type preference struct {
	kind      uint8
	limit     int64
	allOrNone bool
	preview   int // characters
}

func readPreference(p *eas.BodyPreference) preference {
	out := preference{limit: noLimit}
	if p.Type != nil && *p.Type <= uint(eas.BodyMIME) {
		out.kind = uint8(*p.Type)
	}
	if p.TruncationSize != nil {
		out.limit = int64(*p.TruncationSize)
		// Without a size the element means nothing (MS-ASAIRS 2.2.2.3.2).
		out.allOrNone = p.AllOrNone != nil && *p.AllOrNone
	}
	if p.Preview != nil {
		out.preview = int(min(*p.Preview, maxPreview))
	}
	return out
}

// render fills dst.Body with the form that the client's preferences choose
// (MS-ASAIRS 2.2.2.12).
func (b *bodyReader) render(opt *Options, v *values, dst *eas.Email) error {
	dst.Body = &v.body
	var room [4]preference
	prefs := b.order(opt, room[:0])
	var whole int64 // the size of the form that was tried first
	for i, p := range prefs {
		text, total, truncated, err := b.read(p, opt)
		if err != nil {
			return err
		}
		if i == 0 {
			whole = total
		}
		// A client that wants all or none gets the next form that it takes, and
		// if there is none, only the size (MS-ASAIRS 2.2.2.3.2).
		if truncated && p.allOrNone {
			if i+1 < len(prefs) {
				continue
			}
			p, text, total = prefs[0], "", whole
		}
		v.body = eas.Body{Type: p.kind, EstimatedDataSize: clampSize(total), Truncated: truncated}
		if text != "" {
			v.data = text
			v.body.Data = &v.data
		}
		if opt.Version >= eas.V140 && p.preview > 0 && (p.kind != eas.BodyPlain || text == "") {
			v.body.Preview = b.preview(p.preview)
		}
		return nil
	}
	return nil
}

// order puts the client's preferences into the order in which they are tried:
// MIME where it is allowed, then the native form, then the client's own order.
func (b *bodyReader) order(opt *Options, out []preference) []preference {
	native := b.native()
	if len(b.pieces) == 0 && !b.alone() {
		native = 0 // any form of nothing is as good
	}
	// A client that says nothing of bodies syncs without them, as the examples
	// of MS-ASCMD 4 show: it gets the native form's size and fetches what it
	// wants to read.
	fallback := preference{kind: b.native()}
	if opt.Fetch {
		fallback.limit = noLimit
	}
	if len(opt.BodyPreferences) > 0 {
		// None of what the client takes may be sent: the native form, then.
		fallback = readPreference(&opt.BodyPreferences[0])
		if fallback.kind = b.native(); fallback.kind == eas.BodyRTF {
			fallback.kind = eas.BodyHTML // what it may not have asked for, it can read
		}
	}
	mime := sendMIME(b.ix, opt.MIMESupport)
	rank := func(p preference) int {
		switch {
		case p.kind == eas.BodyMIME && mime:
			return 0
		case p.kind == eas.BodyPlain || p.kind == eas.BodyHTML || p.kind == eas.BodyRTF:
			if p.kind == native {
				return 1
			}
			return 2
		}
		return -1
	}
	for r := range 3 {
		for i := range opt.BodyPreferences {
			if p := readPreference(&opt.BodyPreferences[i]); rank(p) == r {
				out = append(out, p)
			}
		}
	}
	if len(out) == 0 {
		out = append(out, fallback)
	}
	return out
}

// sendMIME tells whether the whole message may be sent (MS-ASCMD 2.2.3.110.3).
func sendMIME(ix *message.Index, support uint) bool {
	return support == 2 || support == 1 && (ix.IsSigned() || ix.IsEncrypted())
}

// read returns the body in the form of a preference.
func (b *bodyReader) read(p preference, opt *Options) (text string, total int64, truncated bool, err error) {
	switch p.kind {
	case eas.BodyMIME:
		limit := p.limit
		if cut := mimeTruncation(opt.MIMETruncation); cut >= 0 && (limit < 0 || cut < limit) {
			limit = cut
		}
		return b.readMIME(limit)
	case eas.BodyHTML:
		if p.limit != 0 {
			return b.readHTML(p.limit)
		}
	case eas.BodyRTF:
		if p.limit != 0 {
			return b.readRTF(p.limit)
		}
	default:
		if p.limit != 0 {
			return b.readPlain(p.limit)
		}
	}
	total = b.estimate(p.kind)
	return "", total, total > 0, nil
}

// estimate is about how large the body is, without reading it.
func (b *bodyReader) estimate(kind uint8) int64 {
	n := int64(len(b.words))
	for _, p := range b.pieces {
		part := p.Plain
		if kind != eas.BodyPlain && p.HTML >= 0 || part < 0 {
			part = p.HTML
		}
		n += b.ix.Parts[part].DecodedSize
	}
	return n
}

// readHTML returns the body as HTML, at most limit bytes of it.
func (b *bodyReader) readHTML(limit int64) (text string, total int64, truncated bool, err error) {
	if b.alone() {
		return b.readAlone(true, limit)
	}
	return b.join(limit, func(p message.Body, limit int64) (string, int64, bool, error) {
		if p.HTML >= 0 {
			return b.ix.ReadText(p.HTML, b.src, limit)
		}
		text, total, truncated, err := b.ix.ReadText(p.Plain, b.src, limit)
		if err != nil {
			return "", 0, false, err
		}
		text = message.TextToHTML(text)
		return text, max(total, int64(len(text))), truncated, nil
	})
}

// readPlain returns the body as plain text, at most limit bytes of it. What is
// only a preview has no links and no images.
func (b *bodyReader) readPlain(limit int64) (text string, total int64, truncated bool, err error) {
	if b.alone() {
		return b.readAlone(false, limit)
	}
	return b.join(limit, func(p message.Body, limit int64) (string, int64, bool, error) {
		preview := limit >= 0 && limit <= previewSize
		if p.Plain >= 0 {
			want := limit
			if preview {
				want = 2 * previewSize
			}
			text, total, truncated, err := b.ix.ReadText(p.Plain, b.src, want)
			if preview && (truncated || int64(len(text)) > limit) {
				text, truncated = message.StripLinks(text), true
			}
			if err != nil || p.HTML < 0 || strings.TrimSpace(text) != "" {
				return text, total, truncated, err
			}
		}
		html, total, truncated, err := b.ix.ReadText(p.HTML, b.src, maxConvert)
		switch {
		case err != nil:
			return "", 0, false, err
		case preview:
			text = message.HTMLToBareText(html, int(limit)+1)
		default:
			text = message.HTMLToText(html)
		}
		if int64(len(text)) <= limit || limit < 0 {
			total = int64(len(text))
		}
		return text, total, truncated, nil
	})
}

// join puts the pieces of a body together until limit is reached. Each piece is
// read with what is left of the limit; it may be longer and is cut here.
func (b *bodyReader) join(limit int64, read func(message.Body, int64) (string, int64, bool, error)) (text string, total int64, truncated bool, err error) {
	for i, p := range b.pieces {
		left := limit
		if limit >= 0 {
			left = max(0, limit-int64(len(text)))
		}
		piece, size, cut, err := read(p, left)
		if err != nil {
			return "", 0, false, err
		}
		if limit >= 0 && int64(len(piece)) > left {
			piece, cut = cutAt(piece, int(left)), true
		}
		truncated = truncated || cut
		total += size
		switch {
		case i == 0:
			text = piece
		case truncated && piece == "":
		default:
			text += "\r\n" + piece
		}
	}
	if limit >= 0 && int64(len(text)) > limit {
		text, truncated = cutAt(text, int(limit)), true
	}
	if truncated {
		total = max(total, int64(len(text))+1)
	} else {
		total = int64(len(text))
	}
	return text, total, truncated, nil
}

// cutAt cuts a text at a character, at most n bytes.
func cutAt(s string, n int) string {
	for n > 0 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:min(n, len(s))]
}

// firstCharacters returns at most n characters.
func firstCharacters(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
