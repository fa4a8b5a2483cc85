package class

import (
	"martlet/mail"
	"martlet/protocol/wbxml"
)

func renderNote(item *mail.Item, raw []byte, opt *Options) (any, error) { return nil, errClass }

func editNote(old []byte, data wbxml.Raw, o *EditOptions) ([]byte, error) { return nil, errClass }
