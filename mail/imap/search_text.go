package imap

import (
	"mime"
	"strings"
	"time"

	"golang.org/x/net/html/charset"

	"martlet/mail/mailbox"
	"martlet/mail/message"
	"martlet/mail/search"
)

// fold makes texts equal that differ in case only.
func fold(s string) string { return strings.ToLower(s) }

// holds tells whether a text has another in it, whatever the case (RFC 9051
// 6.4.4).
func holds(text, folded string) bool { return strings.Contains(fold(text), folded) }

// inEnvelope searches what the index knows.
func inEnvelope(name, folded string) criterion {
	return criterion{needs: needsIndex, match: func(c *candidate) bool {
		switch name {
		case "SUBJECT":
			return holds(c.index().Subject, folded)
		case "FROM":
			return inAddresses(c.index().From, folded)
		case "TO":
			return inAddresses(c.index().To, folded)
		case "CC":
			return inAddresses(c.index().Cc, folded)
		default:
			return inAddresses(c.index().Bcc, folded)
		}
	}}
}

func inAddresses(list []message.Address, folded string) bool {
	for i := range list {
		if holds(list[i].String(), folded) || holds(list[i].Name, folded) {
			return true
		}
	}
	return false
}

// inHeader searches the fields of a name. An empty text asks whether there is
// one.
func inHeader(name, folded string) criterion {
	begin := fold(name) + ": "
	return criterion{needs: needsText, match: func(c *candidate) bool {
		if !c.mayHold(begin) || !c.mayHold(folded) {
			return false
		}
		m := c.open()
		return m.header(m.root(), func(field string, value string) bool {
			return strings.EqualFold(field, name) && holds(value, folded)
		})
	}}
}

// inText searches the text of a message and, for TEXT, its header too.
func inText(folded string, header bool) criterion {
	return criterion{needs: needsText, match: func(c *candidate) bool {
		if !c.mayHold(folded) {
			return false
		}
		m := c.open()
		return m.texts(m.root(), header, func(text string) bool { return strings.Contains(text, folded) })
	}}
}

// mayHold tells whether a message may have a text in it, whatever the key that
// asks. What has been looked into once has a signature that says so of most; what
// has not is looked into.
func (c *candidate) mayHold(folded string) bool {
	if len(folded) < 4 || c.item.Blob.IsZero() { // a signature says nothing
		return true
	}
	if c.signature == nil {
		var err error
		if c.signature, err = c.s.srv.cfg.Mailboxes.Signature(c.tx, c.item.Blob.Hash); err != nil {
			c.err = err
			return false
		}
		if !c.signature.Known() {
			c.sign()
		}
	}
	return c.signature.May(folded)
}

// sign makes the signature of a message, to be written when the snapshot is let
// go: of its whole text, as TEXT looks at it, which every other key looks at a part
// of.
func (c *candidate) sign() {
	m, signer := c.open(), search.NewSigner()
	m.texts(m.root(), true, func(text string) bool {
		signer.Add(text)
		return false
	})
	c.signature = signer.Sign()
	switch {
	case m.err != nil || m.partly: // it may be read better later
		c.signature = search.Signature{0}
	case c.err == nil:
		c.signed = append(c.signed, mailbox.Signed{Hash: c.item.Blob.Hash, Signature: c.signature})
	}
}

// header asks about the fields of a message, decoded, until one is right.
func (m *look) header(e *entity, right func(name, value string) bool) bool {
	header, err := piece{e.src, 0, e.ix.Parts[0].Body}.read(maxHeader)
	if err != nil {
		m.err = err
		return false
	}
	words := mime.WordDecoder{CharsetReader: charset.NewReaderLabel}
	for name, field := range fields(header) {
		value := fieldValue(field)
		if decoded, err := words.DecodeHeader(value); err == nil {
			value = decoded
		}
		if right(name, value) {
			return true
		}
	}
	return false
}

// texts visits the texts of a message, folded, until one is right: its text parts,
// those of messages within it and their headers, and its own header if asked.
func (m *look) texts(e *entity, header bool, right func(folded string) bool) bool {
	if header && m.header(e, func(name, value string) bool { return right(fold(name + ": " + value)) }) {
		return true
	}
	for i := range e.ix.Parts {
		pt := &e.ix.Parts[i]
		switch {
		case e.ix.Virtual(i) || e.ix.IsMultipart(i):
		case strings.HasPrefix(pt.Type, "text/"):
			text, err := m.text(e, i)
			if err != nil {
				m.err = err
				return false
			}
			if right(fold(text)) {
				return true
			}
		case e.isMessage(i):
			inner := m.enter(e, i)
			if inner == nil {
				m.partly = true
			} else if m.texts(inner, true, right) {
				return true
			}
		}
	}
	return false
}

// text reads a text part, or the beginning of one that is very large.
func (m *look) text(e *entity, part int) (string, error) {
	if size := min(e.ix.Parts[part].DecodedSize, maxNested); size > maxWhole && !m.hold(size) {
		return "", errMemory
	}
	text, _, _, err := e.ix.ReadText(part, e.src, maxNested)
	return text, err
}

// sentOn compares the day that the Date field names, by the clock of whoever
// wrote it (RFC 9051 6.4.4). The index knows the instant only; near it the field
// is read.
func sentOn(how string, day time.Time) criterion {
	return criterion{needs: needsText, match: func(c *candidate) bool {
		date := c.index().Date
		if date.IsZero() {
			return false
		}
		if d := date.Sub(day); -24*time.Hour < d && d < 48*time.Hour {
			m := c.open()
			m.header(m.root(), func(name, value string) bool {
				if !strings.EqualFold(name, "Date") {
					return false
				}
				if t, ok := message.ParseDate(value); ok {
					date = t
				}
				return true
			})
		}
		return compareDay(how, date, day)
	}}
}
