package eas

import "time"

// Find is the request of the Find command of 16.1 (MS-ASCMD 2.2.1.2).
type Find struct {
	_             struct{}     `wbxml:"Find:Find"`
	SearchID      string       `wbxml:"Find:SearchId"`
	ExecuteSearch *FindExecute `wbxml:"Find:ExecuteSearch"`
}

// FindExecute is what to search (MS-ASCMD 2.2.3.66); exactly one field is set.
type FindExecute struct {
	Mailbox *FindCriterion `wbxml:"Find:MailBoxSearchCriterion"`
	GAL     *FindCriterion `wbxml:"Find:GalSearchCriterion"`
}

// FindCriterion is a query and its options.
type FindCriterion struct {
	Query   *FindQuery   `wbxml:"Find:Query"`
	Options *FindOptions `wbxml:"Find:Options"`
}

// FindQuery is text for the address list and conditions for the mailbox
// (MS-ASCMD 2.2.3.142.1).
type FindQuery struct {
	Text         string `wbxml:",text"`
	FreeText     string `wbxml:"Find:FreeText,omitempty"`
	Class        string `wbxml:"AirSync:Class,omitempty"`
	CollectionID string `wbxml:"AirSync:CollectionId,omitempty"`
}

// FindOptions are the options of a Find (MS-ASCMD 2.2.3.125.1).
type FindOptions struct {
	Range         string       `wbxml:"Find:Range,omitempty"`
	DeepTraversal bool         `wbxml:"Find:DeepTraversal,empty"`
	Picture       *FindPicture `wbxml:"Find:Picture"`
}

// FindPicture asks for pictures and bounds them.
type FindPicture struct {
	MaxSize     *uint32 `wbxml:"Find:MaxSize"`
	MaxPictures *uint32 `wbxml:"Find:MaxPictures"`
}

// FindResponse is the response of the Find command.
type FindResponse struct {
	_        struct{}          `wbxml:"Find:Find"`
	Status   FindStatus        `wbxml:"Find:Status"`
	Response *FindResponseBody `wbxml:"Find:Response"`
}

// FindResponseBody is what was found (MS-ASCMD 2.2.3.153.2).
type FindResponseBody struct {
	Store   string       `wbxml:"ItemOperations:Store,omitempty"`
	Status  FindStatus   `wbxml:"Find:Status"`
	Results []FindResult `wbxml:"Find:Result"`
	Range   string       `wbxml:"Find:Range,omitempty"`
	Total   *uint        `wbxml:"Find:Total"`
}

// FindResult is one item found. Properties holds a *FindEmail or a *GALEntry;
// decoded it is a wbxml.Raw.
type FindResult struct {
	Class        string `wbxml:"AirSync:Class,omitempty"`
	ServerID     string `wbxml:"AirSync:ServerId,omitempty"`
	CollectionID string `wbxml:"AirSync:CollectionId,omitempty"`
	Properties   any    `wbxml:"Find:Properties"`
}

// FindEmail is a message found (MS-ASCMD 2.2.3.139.3).
type FindEmail struct {
	Subject        string    `wbxml:"Email:Subject"`
	DateReceived   time.Time `wbxml:"Email:DateReceived,omitempty"`
	DisplayTo      string    `wbxml:"Email:DisplayTo,omitempty"`
	DisplayCc      string    `wbxml:"Find:DisplayCc,omitempty"`
	DisplayBcc     string    `wbxml:"Find:DisplayBcc,omitempty"`
	Importance     *uint8    `wbxml:"Email:Importance"`
	Read           *bool     `wbxml:"Email:Read"`
	IsDraft        *bool     `wbxml:"Email2:IsDraft"`
	Preview        string    `wbxml:"Find:Preview,omitempty"`
	HasAttachments *bool     `wbxml:"Find:HasAttachments"`
	From           string    `wbxml:"Email:From,omitempty"`
}
