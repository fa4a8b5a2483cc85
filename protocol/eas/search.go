package eas

import "martlet/protocol/wbxml"

// Search is the request of the Search command (MS-ASCMD 2.2.1.16).
type Search struct {
	_     struct{}     `wbxml:"Search:Search"`
	Store *SearchStore `wbxml:"Search:Store"`
}

// SearchStore is where to search, and what for (MS-ASCMD 2.2.3.178.2).
type SearchStore struct {
	Name    string         `wbxml:"Search:Name"`
	Query   *SearchQuery   `wbxml:"Search:Query"`
	Options *SearchOptions `wbxml:"Search:Options"`
}

// SearchQuery is text for the address list and conditions for the other stores
// (MS-ASCMD 2.2.3.142.2).
type SearchQuery struct {
	Text string `wbxml:",text"`
	SearchConditions
}

// SearchConditions are what an item must meet: And joins all of them, Or any.
type SearchConditions struct {
	And            []SearchConditions `wbxml:"Search:And"`
	Or             []SearchConditions `wbxml:"Search:Or"`
	FreeText       []string           `wbxml:"Search:FreeText"`
	Classes        []string           `wbxml:"AirSync:Class"`
	CollectionIDs  []string           `wbxml:"AirSync:CollectionId"`
	ConversationID []byte             `wbxml:"Search:ConversationId"`
	EqualTo        []SearchComparison `wbxml:"Search:EqualTo"`
	GreaterThan    []SearchComparison `wbxml:"Search:GreaterThan"`
	LessThan       []SearchComparison `wbxml:"Search:LessThan"`
}

// Joined tells whether there are conditions here that have their place in an
// And only.
func (c *SearchConditions) Joined() bool {
	return len(c.Or) > 0 || len(c.FreeText) > 0 || len(c.Classes) > 0 || len(c.CollectionIDs) > 0 || c.ConversationID != nil ||
		len(c.GreaterThan) > 0 || len(c.LessThan) > 0
}

// SearchComparison compares the property named with Value.
type SearchComparison struct {
	LinkID       *string      `wbxml:"DocumentLibrary:LinkId"`
	DateReceived *wbxml.Empty `wbxml:"Email:DateReceived"`
	Value        string       `wbxml:"Search:Value"`
}

// SearchOptions are the options of a Search (MS-ASCMD 2.2.3.125.4).
type SearchOptions struct {
	MIMESupport             *uint                `wbxml:"AirSync:MIMESupport"`
	BodyPreference          []BodyPreference     `wbxml:"AirSyncBase:BodyPreference"`
	BodyPartPreference      []BodyPartPreference `wbxml:"AirSyncBase:BodyPartPreference"`
	RightsManagementSupport *bool                `wbxml:"RightsManagement:RightsManagementSupport"`
	Range                   string               `wbxml:"Search:Range,omitempty"` // "0-99"
	UserName                string               `wbxml:"Search:UserName,omitempty"`
	Password                string               `wbxml:"Search:Password,omitempty"`
	DeepTraversal           bool                 `wbxml:"Search:DeepTraversal,empty"`
	RebuildResults          bool                 `wbxml:"Search:RebuildResults,empty"`
	Picture                 *SearchPicture       `wbxml:"Search:Picture"`
}

// SearchPicture asks for pictures and bounds them (MS-ASCMD 2.2.3.135.2).
type SearchPicture struct {
	MaxSize     *uint32 `wbxml:"Search:MaxSize"` // bytes
	MaxPictures *uint32 `wbxml:"Search:MaxPictures"`
}

// SearchResponse is the response of the Search command.
type SearchResponse struct {
	_        struct{}            `wbxml:"Search:Search"`
	Status   SearchStatus        `wbxml:"Search:Status"`
	Response *SearchResponseBody `wbxml:"Search:Response"`
}

// SearchResponseBody holds the store's answer.
type SearchResponseBody struct {
	Store SearchResponseStore `wbxml:"Search:Store"`
}

// SearchResponseStore is what was found. Android needs Range and Total always,
// and one empty Result when nothing was found.
type SearchResponseStore struct {
	Status  SearchStatus   `wbxml:"Search:Status"`
	Results []SearchResult `wbxml:"Search:Result"`
	Range   string         `wbxml:"Search:Range,omitempty"`
	Total   *uint          `wbxml:"Search:Total"`
}

// SearchResult is one item found. Properties holds a pointer to its struct,
// such as *Email or *GALEntry; decoded it is a wbxml.Raw.
type SearchResult struct {
	Class        string `wbxml:"AirSync:Class,omitempty"`
	LongID       string `wbxml:"Search:LongId,omitempty"`
	CollectionID string `wbxml:"AirSync:CollectionId,omitempty"`
	Properties   any    `wbxml:"Search:Properties"`
}

// GALEntry is somebody in the address list (MS-ASCMD 2.2.3.139.2).
type GALEntry struct {
	DisplayName  string      `wbxml:"GAL:DisplayName,omitempty"`
	Phone        string      `wbxml:"GAL:Phone,omitempty"`
	Office       string      `wbxml:"GAL:Office,omitempty"`
	Title        string      `wbxml:"GAL:Title,omitempty"`
	Company      string      `wbxml:"GAL:Company,omitempty"`
	Alias        string      `wbxml:"GAL:Alias,omitempty"`
	FirstName    string      `wbxml:"GAL:FirstName,omitempty"`
	LastName     string      `wbxml:"GAL:LastName,omitempty"`
	HomePhone    string      `wbxml:"GAL:HomePhone,omitempty"`
	MobilePhone  string      `wbxml:"GAL:MobilePhone,omitempty"`
	EmailAddress string      `wbxml:"GAL:EmailAddress,omitempty"`
	Picture      *GALPicture `wbxml:"GAL:Picture"`
}

// GALPicture is somebody's picture, or why there is none: Status is 1 or one of
// StatusNoPicture, StatusPictureTooLarge and StatusPictureLimitReached.
type GALPicture struct {
	Status SearchStatus `wbxml:"GAL:Status"`
	Data   []byte       `wbxml:"GAL:Data"`
}
