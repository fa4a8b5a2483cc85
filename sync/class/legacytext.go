package class

import (
	"strings"

	"martlet/protocol/eas"
)

// legacyText is a text as version 2.5 writes it.
type legacyText struct {
	plain     *string
	truncated *bool
	rtf       *string
}

// writtenText is the text that a client writes in the place of old, in whichever
// version. What it does not name stays, a Body without Data too (MS-ASCMD_R878).
func writtenText(b *eas.Body, l *legacyText, old objectText) (objectText, error) {
	blank := strings.TrimSpace(old.plain+old.html) == ""
	switch {
	case b != nil && b.Data != nil && blank && strings.TrimSpace(*b.Data) == "", l.plain != nil && blank && strings.TrimSpace(*l.plain) == "":
		return old, nil // nothing in other blanks
	case b != nil && b.Data != nil:
		return readText(b, old)
	case l.truncated != nil && *l.truncated:
		return old, nil
	case l.plain != nil:
		return plainText(*l.plain, old), nil
	case l.rtf != nil && *l.rtf != "":
		return readRTFText(*l.rtf)
	}
	return old, nil
}
