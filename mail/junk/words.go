package junk

import (
	"bytes"
	"path"
	"strings"

	"martlet/mail/message"
	"martlet/mail/search"
)

// read finds the tokens of a message. The index is of raw. It takes time linear in
// what the limits let it look at.
func read(ix *message.Index, raw []byte) *tokens {
	t := newTokens()
	end := t.upTo(maxMeta)
	t.header(ix, raw)
	t.parts(ix)
	end()
	end = t.upTo(maxSubject)
	t.prose(kindSubject, kindSubject, ix.Subject, maxSubject)
	end()
	t.body(ix, raw)
	return t
}

// body reads what people see of the message.
func (t *tokens) body(ix *message.Index, raw []byte) {
	src := message.Bytes(raw)
	left, pairs, markup := maxText, maxPairs, maxHTML
	pieces, _ := ix.Shape()
	for _, b := range pieces {
		text := ""
		if b.HTML >= 0 && markup > 0 {
			html, _, _, err := ix.ReadText(b.HTML, src, int64(markup))
			if err == nil {
				markup -= len(html)
				t.markup(html)
				text = message.HTMLToBareText(html, left)
			}
		}
		if text == "" && b.Plain >= 0 {
			plain, _, _, err := ix.ReadText(b.Plain, src, int64(left))
			if err == nil {
				text = plain
				t.links(plain)
			}
		}
		text = text[:min(len(text), left)]
		left -= len(text)
		pairs -= t.prose(kindWord, kindPair, text, pairs)
		if left <= 0 || len(t.all) >= maxTokens {
			return
		}
	}
}

// prose adds the words of a text, and the first pairs of them. It returns how many
// pairs there were.
func (t *tokens) prose(one, two kind, text string, pairs int) int {
	var last []byte
	n := 0
	var size [8]byte
	for w := range search.AllWords(text) {
		if len(t.all) >= t.limit {
			break
		}
		s := w.Text
		switch {
		case w.Address:
			if _, domain, ok := bytes.Cut(s, []byte("@")); ok {
				t.add(kindAddress, domain)
			}
			continue
		case w.Single: // one character is hardly a word; two are
			if w.Joined && len(last) > 0 {
				t.add(one, last, s)
			}
			last = append(last[:0], s...)
			continue
		case len(s) > maxWord:
			s = append(size[:0], "long"...)
			s = append(s, '0'+byte(min(len(w.Text)/10, 9)))
		case len(s) == 1:
			last = last[:0]
			continue
		}
		t.add(one, s)
		if len(last) > 0 && n < pairs {
			t.add(two, last, s)
			n++
		}
		last = append(last[:0], s...)
	}
	return n
}

// parts adds what the message consists of.
func (t *tokens) parts(ix *message.Index) {
	for i := range ix.Parts[:min(len(ix.Parts), maxFiles)] {
		p := &ix.Parts[i]
		t.addString(kindType, clipped(p.Type))
		if p.Charset != "" {
			t.addString(kindType, "charset "+clipped(p.Charset))
		}
		if p.Filename != "" {
			ending := strings.ToLower(path.Ext(p.Filename))
			t.addString(kindFile, clipped(ending))
			if before := path.Ext(strings.TrimSuffix(p.Filename, path.Ext(p.Filename))); len(before) > 1 && len(before) < 6 {
				t.addString(kindFile, "double")
			}
		}
	}
}

// clipped bounds what becomes a token.
func clipped(s string) string { return s[:min(len(s), 64)] }
