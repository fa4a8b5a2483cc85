package class

import (
	"encoding/base64"

	"martlet/mail/message"
	"martlet/mail/rtf"
	"martlet/protocol/eas"
)

// trueRTF returns the part that is the whole body and truly RTF, -1 for none.
func (b *bodyReader) trueRTF() int {
	if len(b.pieces) == 1 && b.pieces[0].HTML >= 0 && b.ix.Parts[b.pieces[0].HTML].Method == message.MethodRTF {
		return b.pieces[0].HTML
	}
	return -1
}

// readRTF returns the body as compressed RTF in base64 (MS-ASAIRS_R179, MS-OXRTFCP),
// at most limit bytes of it: as it came, or made of the HTML or the plain text.
// What is cut off is cut off the text, so that the rest is still a document.
func (b *bodyReader) readRTF(limit int64) (text string, total int64, truncated bool, err error) {
	if part := b.trueRTF(); part >= 0 {
		packed, err := b.ix.ReadRTF(part, b.src)
		if err != nil {
			return "", 0, false, err
		}
		if total = int64(base64.StdEncoding.EncodedLen(len(packed))); limit < 0 || total <= limit {
			return base64.StdEncoding.EncodeToString(packed), total, false, nil
		}
	}
	read, write := b.readPlain, rtf.FromText
	if b.native() != eas.BodyPlain {
		read, write = b.readHTML, rtf.FromHTML
	}
	source, _, cut, err := read(maxRTF)
	if err != nil {
		return "", 0, false, err
	}
	text = packRTF(write(source))
	total = max(total, int64(len(text)))
	for range maxShrink {
		if limit < 0 || int64(len(text)) <= limit {
			return text, total, cut, nil
		}
		cut = true
		source = cutAt(source, int(int64(len(source))*limit/int64(len(text)))*7/8)
		if source == "" {
			break
		}
		text = packRTF(write(source))
	}
	return "", total, true, nil
}

// maxRTF is how much of a text is written as RTF, which may be many times as
// large.
const maxRTF = 1 << 20

// maxShrink is how often a text is cut to find what fits.
const maxShrink = 8

func packRTF(doc []byte) string { return base64.StdEncoding.EncodeToString(rtf.Compress(doc)) }
