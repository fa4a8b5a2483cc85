package eas

// SmartReply is the request of the SmartReply command since 14.0 (MS-ASCMD
// 2.2.1.20).
type SmartReply struct {
	_               struct{}     `wbxml:"ComposeMail:SmartReply"`
	ClientID        string       `wbxml:"ComposeMail:ClientId,required"`
	Source          *SmartSource `wbxml:"ComposeMail:Source"`
	AccountID       string       `wbxml:"ComposeMail:AccountId,omitempty"`
	SaveInSentItems bool         `wbxml:"ComposeMail:SaveInSentItems,empty"`
	ReplaceMime     bool         `wbxml:"ComposeMail:ReplaceMime,empty"`
	Mime            []byte       `wbxml:"ComposeMail:Mime"`
	TemplateID      string       `wbxml:"RightsManagement:TemplateID,omitempty"`
}

// SmartSource names the message that is answered or forwarded, by FolderID and
// ItemID or by LongID (MS-ASCMD 2.2.3.175).
type SmartSource struct {
	FolderID   string `wbxml:"ComposeMail:FolderId,omitempty"`
	ItemID     string `wbxml:"ComposeMail:ItemId,omitempty"`
	LongID     string `wbxml:"ComposeMail:LongId,omitempty"`
	InstanceID string `wbxml:"ComposeMail:InstanceId,omitempty"` // one occurrence of a meeting
}

// SmartReplyResponse is the response of the SmartReply command when it failed.
type SmartReplyResponse struct {
	_      struct{}          `wbxml:"ComposeMail:SmartReply"`
	Status ComposeMailStatus `wbxml:"ComposeMail:Status"`
}
