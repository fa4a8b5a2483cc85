package imap

import (
	"encoding/base64"
	"fmt"

	"martlet/mail"
)

// objectIDBytes is how much of a hash stands for a message.
const objectIDBytes = 18

// emailID names the content of a message (RFC 8474 5.1): it follows from its
// bytes, so it is the same after a copy, a move and a restore. What has none is
// named by its number.
func emailID(it *mail.Item) string {
	if it.Blob.IsZero() {
		return fmt.Sprintf("m%d", it.Object)
	}
	return "M" + base64.RawURLEncoding.EncodeToString(it.Blob.Hash[:objectIDBytes])
}

// threadID names the conversation of a message (RFC 8474 5.2), empty for none.
func threadID(it *mail.Item) string {
	if it.Thread.IsZero() {
		return ""
	}
	return "T" + base64.RawURLEncoding.EncodeToString(it.Thread[:])
}

// mailboxID names a mailbox (RFC 8474 4), one of another user the same for
// everybody. Like a UIDVALIDITY it is another one in a store that was restored:
// that may give numbers out once more.
func (s *session) mailboxID(f *mail.Folder) string {
	box, folder := s.box, f.ID
	if !f.Link.IsZero() {
		box, folder = f.Link.Box, f.Link.Folder
	}
	return fmt.Sprintf("F%d-%d-%d", box, folder, s.restored)
}

// isObjectID tells whether a text can be one (RFC 8474 7).
func isObjectID(id string) bool {
	for i := range len(id) {
		if c := id[i]; !isLetter(c) && !isDigit(c) && c != '-' && c != '_' {
			return false
		}
	}
	return id != "" && len(id) <= 255
}
