package class

import (
	"martlet/mail"
	"martlet/protocol/wbxml"
)

func renderTask(item *mail.Item, raw []byte, opt *Options) (any, error) { return nil, errClass }

func editTask(old []byte, data wbxml.Raw, o *EditOptions) ([]byte, error) { return nil, errClass }
