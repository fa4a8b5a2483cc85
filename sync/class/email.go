package class

import (
	"io"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// RenderEmail fills dst with all elements of a message.
func RenderEmail(item *mail.Item, ix *message.Index, src io.ReaderAt, opt *Options, dst *eas.Email) error {
	return nil
}

// RenderEmailChange fills dst with the elements of a message that can change.
func RenderEmailChange(item *mail.Item, opt *Options, dst *eas.Email) {}

// EditEmail reads a client's change of a message.
func EditEmail(raw wbxml.Raw, v eas.Version) (func(*mail.Item) error, error) {
	return func(*mail.Item) error { return nil }, nil
}
