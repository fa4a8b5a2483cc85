package eas

// SendMail is the request of the SendMail command since 14.0 (MS-ASCMD
// 2.2.1.17); up to 12.1 the body is the message itself.
type SendMail struct {
	_               struct{} `wbxml:"ComposeMail:SendMail"`
	ClientID        string   `wbxml:"ComposeMail:ClientId,required"`
	AccountID       string   `wbxml:"ComposeMail:AccountId,omitempty"`
	SaveInSentItems bool     `wbxml:"ComposeMail:SaveInSentItems,empty"`
	Mime            []byte   `wbxml:"ComposeMail:Mime,required"`
	TemplateID      string   `wbxml:"RightsManagement:TemplateID,omitempty"`
}

// SendMailResponse is the response of the SendMail command when it failed; a
// success has no body.
type SendMailResponse struct {
	_      struct{}          `wbxml:"ComposeMail:SendMail"`
	Status ComposeMailStatus `wbxml:"ComposeMail:Status"`
}
