package eas

// SmartForward is the request of the SmartForward command since 14.0 (MS-ASCMD
// 2.2.1.19). A 16.x client forwards a meeting with Forwardees and Body instead
// of Mime.
type SmartForward struct {
	_               struct{}     `wbxml:"ComposeMail:SmartForward"`
	ClientID        string       `wbxml:"ComposeMail:ClientId,required"`
	Source          *SmartSource `wbxml:"ComposeMail:Source"`
	AccountID       string       `wbxml:"ComposeMail:AccountId,omitempty"`
	SaveInSentItems bool         `wbxml:"ComposeMail:SaveInSentItems,empty"`
	ReplaceMime     bool         `wbxml:"ComposeMail:ReplaceMime,empty"`
	Mime            []byte       `wbxml:"ComposeMail:Mime"`
	TemplateID      string       `wbxml:"RightsManagement:TemplateID,omitempty"`
	Forwardees      []Forwardee  `wbxml:"ComposeMail:Forwardees>Forwardee"`
	Body            *Body        `wbxml:"AirSyncBase:Body"`
}

// Forwardee is somebody a meeting is forwarded to (MS-ASCMD 2.2.3.76). The code
// page has no ForwardeeName and ForwardeeEmail, as the text calls them.
type Forwardee struct {
	Name  string `wbxml:"ComposeMail:Name,omitempty"`
	Email string `wbxml:"ComposeMail:Email,omitempty"`
}

// SmartForwardResponse is the response of the SmartForward command when it
// failed.
type SmartForwardResponse struct {
	_      struct{}          `wbxml:"ComposeMail:SmartForward"`
	Status ComposeMailStatus `wbxml:"ComposeMail:Status"`
}
