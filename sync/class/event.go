package class

import (
	"martlet/mail"
	"martlet/protocol/wbxml"
)

func renderEvent(item *mail.Item, raw []byte, opt *Options) (any, error) { return nil, errClass }

func editEvent(old []byte, data wbxml.Raw, o *EditOptions) ([]byte, error) { return nil, errClass }
