package class

import (
	"time"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/protocol/eas"
)

// RenderFound fills dst with what a Find shows of a message in a list (MS-ASCMD
// 2.2.3.139.1). All of it is in the index; the message is not read.
func RenderFound(item *mail.Item, ix *message.Index, dst *eas.FindEmail) {
	importance, read := uint8(ix.Importance), item.Flags&mail.FlagSeen != 0
	draft, files := item.Flags&mail.FlagDraft != 0, false
	meeting := ix.MeetingPart() // which is shown as one
	for _, part := range ix.Attachments() {
		files = files || part != meeting && !ix.Inline(part)
	}
	*dst = eas.FindEmail{
		Subject:        ix.Subject,
		DateReceived:   time.UnixMilli(item.Received).UTC(),
		DisplayTo:      displayNames(ix.To),
		DisplayCc:      displayNames(ix.Cc),
		DisplayBcc:     displayNames(ix.Bcc),
		Importance:     &importance,
		Read:           &read,
		IsDraft:        &draft,
		Preview:        firstCharacters(ix.Preview, maxPreview), // MS-ASCMD_R6978101702
		HasAttachments: &files,
		From:           addressList(ix.From, ", ", maxRecipients),
	}
}
