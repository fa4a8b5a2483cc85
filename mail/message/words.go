package message

import (
	"bytes"
	"strings"
)

// decodeWords decodes the encoded words in a header's text (RFC 2047), also
// those that stand where they should not. Neighbours of one charset are joined
// before they are decoded: many senders split within a character.
func decodeWords(v []byte) string {
	at := bytes.Index(v, []byte("=?"))
	if at < 0 {
		return guessText(v)
	}
	var out strings.Builder
	var pending []byte // the decoded bytes of neighbours in one charset
	charset := ""
	flush := func() {
		if len(pending) > 0 {
			out.WriteString(decodeCharset(pending, charset))
			pending = pending[:0]
		}
	}
	last, between := 0, false // between: an encoded word was the last thing
	for at < len(v) {
		w, ok, more := encodedWord(v[at:])
		if !more {
			break
		}
		if !ok {
			next := bytes.Index(v[at+2:], []byte("=?"))
			if next < 0 {
				break
			}
			at += 2 + next
			continue
		}
		// Blanks between two encoded words are not shown (RFC 2047 6.2).
		if gap := v[last:at]; !between || len(bytes.TrimSpace(gap)) > 0 {
			flush()
			out.WriteString(guessText(gap))
		}
		if !strings.EqualFold(charset, w.charset) {
			flush()
			charset = w.charset
		}
		pending = w.decode(pending)
		at += w.length
		last, between = at, true
		next := bytes.Index(v[at:], []byte("=?"))
		if next < 0 {
			break
		}
		at += next
	}
	flush()
	out.WriteString(guessText(v[last:]))
	return out.String()
}

type word struct {
	charset string
	base64  bool
	text    []byte
	length  int
}

// encodedWord reads =?charset?encoding?text?= at the start of v. more is false
// when no encoded word can come any more, so that searching stays linear.
func encodedWord(v []byte) (w word, ok, more bool) {
	head := v[:min(len(v), 80)]
	q1 := bytes.IndexByte(head[2:], '?')
	if q1 <= 0 {
		return w, false, true
	}
	q1 += 2
	if len(head) < q1+3 || head[q1+2] != '?' {
		return w, false, true
	}
	charset := head[2:q1]
	if bytes.ContainsAny(charset, " \t=") {
		return w, false, true
	}
	if i := bytes.IndexByte(charset, '*'); i >= 0 { // a language (RFC 2231 5)
		charset = charset[:i]
	}
	switch head[q1+1] {
	case 'b', 'B':
		w.base64 = true
	case 'q', 'Q':
	default:
		return w, false, true
	}
	text := v[q1+3:]
	end := bytes.Index(text, []byte("?="))
	if end < 0 {
		return w, false, false
	}
	w.charset, w.text = string(charset), text[:end]
	w.length = q1 + 3 + end + 2
	return w, true, true
}

func (w *word) decode(dst []byte) []byte {
	if w.base64 {
		return decodeAll(dst, "base64", w.text, true)
	}
	for i := 0; i < len(w.text); i++ {
		c := w.text[i]
		switch {
		case c == '_':
			c = ' '
		case c == '=' && i+2 < len(w.text) && unhex(w.text[i+1]) >= 0 && unhex(w.text[i+2]) >= 0:
			c = byte(unhex(w.text[i+1])<<4 | unhex(w.text[i+2]))
			i += 2
		}
		dst = append(dst, c)
	}
	return dst
}
