package class

import (
	"martlet/mail/message"
	"martlet/protocol/eas"
)

// The statuses of a message part (MS-ASAIRS 2.2.2.37).
const (
	partSuccess  = 1
	partTooLarge = eas.StatusBodyPartConversationTooLarge
)

// renderPart fills dst.BodyPart with what is new of a message in its
// conversation, as HTML (MS-ASAIRS 2.2.2.10, MS-ASCON 3.2.5.7). A message that
// answers nothing is new as a whole, and so is one that passes another one on.
func (b *bodyReader) renderPart(opt *Options, v *values, dst *eas.Email) error {
	w := &opt.BodyParts[0]
	p := readPreference(&eas.BodyPreference{Type: w.Type, TruncationSize: w.TruncationSize, AllOrNone: w.AllOrNone, Preview: w.Preview})
	dst.BodyPart = &v.part
	v.part = eas.BodyPart{Status: partSuccess, Type: eas.BodyHTML}
	text, total, cut, err := b.readUnique()
	if err != nil {
		return err
	}
	if cut {
		v.part.Status, v.part.EstimatedDataSize = partTooLarge, clampSize(total)
		return nil
	}
	if p.preview > 0 { // asked for, it is there (MS-ASAIRS_R256)
		v.part.Preview = firstCharacters(message.Preview(message.HTMLToBareText(text, previewSize)), p.preview)
	}
	v.part.EstimatedDataSize = clampSize(total)
	if p.limit >= 0 && total > p.limit {
		v.part.Truncated = true
		if p.allOrNone {
			return nil
		}
		text = cutAt(text, int(p.limit))
	}
	if text != "" {
		v.partData = text
		v.part.Data = &v.partData
	}
	return nil
}

// readUnique returns what is new of the text, as HTML, and its size. cut tells
// that the text is too large to find out.
func (b *bodyReader) readUnique() (text string, total int64, cut bool, err error) {
	unique := isReply(b.ix) && !message.IsForward(b.ix.Subject)
	for i, p := range b.pieces {
		part := p.HTML
		if part < 0 {
			part = p.Plain
		}
		piece, size, truncated, err := b.ix.ReadText(part, b.src, maxConvert)
		total += size
		if err != nil || truncated {
			return "", total, true, err
		}
		switch {
		case p.HTML >= 0 && unique:
			piece = message.UniqueHTML(piece)
		case p.HTML < 0 && unique:
			piece = message.TextToHTML(message.UniqueText(piece))
		case p.HTML < 0:
			piece = message.TextToHTML(piece)
		}
		if i > 0 {
			text += "\r\n"
		}
		text += piece
	}
	return text, int64(len(text)), false, nil
}

// isReply tells whether a message belongs to a conversation that others began.
func isReply(ix *message.Index) bool {
	return ix.InReplyTo != "" || len(ix.References) > 0 || len(ix.ThreadIndex) > threadReplies || ix.ThreadTopic != ix.Subject
}
