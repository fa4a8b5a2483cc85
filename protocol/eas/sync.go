package eas

import "martlet/protocol/wbxml"

// Sync is the request of the Sync command (MS-ASCMD 2.2.1.21). A nil
// Collections is an absent container, which only a Partial request may lack.
type Sync struct {
	_                 struct{}         `wbxml:"AirSync:Sync"`
	Collections       []SyncCollection `wbxml:"AirSync:Collections>Collection"`
	Wait              *uint            `wbxml:"AirSync:Wait"`              // minutes, 1–59 (2.2.3.198)
	HeartbeatInterval *uint            `wbxml:"AirSync:HeartbeatInterval"` // seconds, 60–3540 (2.2.3.84.2)
	WindowSize        *uint            `wbxml:"AirSync:WindowSize"`        // items in the whole answer, 1–512 (2.2.3.199)
	Partial           bool             `wbxml:"AirSync:Partial,empty"`     // the rest as in the last request (2.2.3.130)
}

// SyncCollection is one collection of a Sync request (MS-ASCMD 2.2.3.29.2).
// Where Class stands differs between the versions; the rest is ordered.
type SyncCollection struct {
	Class            string        `wbxml:"AirSync:Class,omitempty,max=64"` // 2.5 to 12.1
	SyncKey          string        `wbxml:"AirSync:SyncKey,ordered,max=64"`
	NotifyGUID       string        `wbxml:"AirSync:NotifyGUID,omitempty"` // 2.5
	CollectionID     string        `wbxml:"AirSync:CollectionId,omitempty,ordered,max=64"`
	Supported        wbxml.Raw     `wbxml:"AirSync:Supported,ordered"`      // the elements the client does not ghost (2.2.3.179)
	DeletesAsMoves   *bool         `wbxml:"AirSync:DeletesAsMoves,ordered"` // absent and empty: true (2.2.3.43)
	GetChanges       *bool         `wbxml:"AirSync:GetChanges,ordered"`     // absent: true unless SyncKey is 0; empty: true (2.2.3.83)
	WindowSize       *uint         `wbxml:"AirSync:WindowSize,ordered"`     // items, 1–512; 0 and more are 512 (2.2.3.199)
	ConversationMode *bool         `wbxml:"AirSync:ConversationMode,ordered"`
	Options          []SyncOptions `wbxml:"AirSync:Options,ordered"` // one, or one each for Email and SMS
	Commands         []SyncCommand `wbxml:"AirSync:Commands,choice,ordered"`
}

// SyncOptions are the options of a collection (MS-ASCMD 2.2.3.125.5). A new
// block replaces the whole set; an empty one resets it.
type SyncOptions struct {
	FilterType              *uint                `wbxml:"AirSync:FilterType,repeats"` // how old items may be, 0–8 (2.2.3.68.2)
	Class                   string               `wbxml:"AirSync:Class,omitempty,repeats,max=64"`
	BodyPreference          []BodyPreference     `wbxml:"AirSyncBase:BodyPreference"`
	BodyPartPreference      []BodyPartPreference `wbxml:"AirSyncBase:BodyPartPreference"`
	Conflict                *uint                `wbxml:"AirSync:Conflict,repeats"`       // 0 the client wins, 1 the server (2.2.3.34)
	MIMESupport             *uint                `wbxml:"AirSync:MIMESupport,repeats"`    // 0 never, 1 S/MIME only, 2 all (2.2.3.110.3)
	MIMETruncation          *uint                `wbxml:"AirSync:MIMETruncation,repeats"` // 0–8 (2.2.3.111)
	Truncation              *uint                `wbxml:"AirSync:Truncation"`             // 2.5, 0–9 (2.2.3.186)
	RtfTruncation           *uint                `wbxml:"AirSync:RtfTruncation"`          // 2.5
	MaxItems                []uint               `wbxml:"AirSync:MaxItems"`               // of the recipient information cache; more than one is no error (MS-ASCMD_R3280)
	RightsManagementSupport *bool                `wbxml:"RightsManagement:RightsManagementSupport"`
}

// SyncCommand is one of the client's changes (MS-ASCMD 2.2.3.32); exactly one
// field is set. Their order counts.
type SyncCommand struct {
	Add    *SyncAdd    `wbxml:"AirSync:Add"`
	Change *SyncChange `wbxml:"AirSync:Change"`
	Delete *SyncDelete `wbxml:"AirSync:Delete"`
	Fetch  *SyncFetch  `wbxml:"AirSync:Fetch"`
}

// SyncAdd creates an item (MS-ASCMD 2.2.3.7.2).
type SyncAdd struct {
	Class           string    `wbxml:"AirSync:Class,omitempty"`
	ClientID        string    `wbxml:"AirSync:ClientId,omitempty"`
	Send            bool      `wbxml:"Email2:Send,empty"` // 16.x: send it (MS-ASEMAIL 2.2.2.69)
	ApplicationData wbxml.Raw `wbxml:"AirSync:ApplicationData"`
}

// SyncChange changes an item, or at 16.x one occurrence of it (MS-ASCMD
// 2.2.3.24).
type SyncChange struct {
	Class           string    `wbxml:"AirSync:Class,omitempty"`
	ServerID        string    `wbxml:"AirSync:ServerId,omitempty,max=64"`
	InstanceID      string    `wbxml:"AirSyncBase:InstanceId,omitempty"`
	Send            bool      `wbxml:"Email2:Send,empty"` // 16.x: send the draft
	ApplicationData wbxml.Raw `wbxml:"AirSync:ApplicationData"`
}

// SyncDelete deletes an item, or at 16.x one occurrence of it (MS-ASCMD
// 2.2.3.42.2).
type SyncDelete struct {
	Class      string `wbxml:"AirSync:Class,omitempty"`
	ServerID   string `wbxml:"AirSync:ServerId,omitempty,max=64"`
	InstanceID string `wbxml:"AirSyncBase:InstanceId,omitempty"`
}

// SyncFetch asks for a whole item (MS-ASCMD 2.2.3.67.2).
type SyncFetch struct {
	ServerID string `wbxml:"AirSync:ServerId,omitempty,max=64"`
}

// SyncResponse is the response of the Sync command. When nothing changed
// anywhere the response has no body at all.
type SyncResponse struct {
	_           struct{}                 `wbxml:"AirSync:Sync"`
	Status      SyncStatus               `wbxml:"AirSync:Status,omitempty"` // only for an error of the whole request
	Limit       *uint                    `wbxml:"AirSync:Limit"`            // with status 14 and 15 (2.2.3.94)
	Collections []SyncResponseCollection `wbxml:"AirSync:Collections>Collection"`
}

// SyncResponseCollection is one collection of a Sync response.
type SyncResponseCollection struct {
	Class         string                `wbxml:"AirSync:Class,omitempty"` // 2.5 to 12.1
	SyncKey       string                `wbxml:"AirSync:SyncKey"`
	CollectionID  string                `wbxml:"AirSync:CollectionId"`
	Status        SyncStatus            `wbxml:"AirSync:Status"`
	MoreAvailable bool                  `wbxml:"AirSync:MoreAvailable,empty"`
	Responses     []SyncReply           `wbxml:"AirSync:Responses,choice"`
	Commands      []SyncResponseCommand `wbxml:"AirSync:Commands,choice"`
}

// SyncResponseCommand is one change for the client; exactly one field is set.
type SyncResponseCommand struct {
	Add        *SyncServerAdd    `wbxml:"AirSync:Add"`
	Change     *SyncServerChange `wbxml:"AirSync:Change"`
	Delete     *SyncServerDelete `wbxml:"AirSync:Delete"`
	SoftDelete *SyncSoftDelete   `wbxml:"AirSync:SoftDelete"`
}

// SyncServerAdd brings a new item. ApplicationData holds a pointer to the
// item's struct, such as *Email; decoded it is a wbxml.Raw.
type SyncServerAdd struct {
	Class           string `wbxml:"AirSync:Class,omitempty"`
	ServerID        string `wbxml:"AirSync:ServerId"`
	ApplicationData any    `wbxml:"AirSync:ApplicationData"`
}

// SyncServerChange brings an item's new state; only what it names has changed.
type SyncServerChange struct {
	Class           string `wbxml:"AirSync:Class,omitempty"`
	ServerID        string `wbxml:"AirSync:ServerId"`
	ApplicationData any    `wbxml:"AirSync:ApplicationData"`
}

// SyncServerDelete tells that an item was deleted.
type SyncServerDelete struct {
	Class    string `wbxml:"AirSync:Class,omitempty"`
	ServerID string `wbxml:"AirSync:ServerId"`
}

// SyncSoftDelete tells that an item has left the filter (MS-ASCMD 2.2.3.173).
type SyncSoftDelete struct {
	ServerID string `wbxml:"AirSync:ServerId"`
}

// SyncReply answers one of the client's commands (MS-ASCMD 2.2.3.154); exactly
// one field is set. Successful changes and deletes are not answered below 16.0.
type SyncReply struct {
	Add    *SyncAddReply    `wbxml:"AirSync:Add"`
	Change *SyncChangeReply `wbxml:"AirSync:Change"`
	Delete *SyncDeleteReply `wbxml:"AirSync:Delete"`
	Fetch  *SyncFetchReply  `wbxml:"AirSync:Fetch"`
}

// SyncAddReply gives the new item's id.
type SyncAddReply struct {
	Class           string     `wbxml:"AirSync:Class,omitempty"`
	ClientID        string     `wbxml:"AirSync:ClientId"`
	ServerID        string     `wbxml:"AirSync:ServerId,omitempty"`
	Status          SyncStatus `wbxml:"AirSync:Status"`
	ApplicationData any        `wbxml:"AirSync:ApplicationData"` // 16.x: what the server filled in
}

// SyncChangeReply tells how a change went.
type SyncChangeReply struct {
	Class           string     `wbxml:"AirSync:Class,omitempty"`
	ServerID        string     `wbxml:"AirSync:ServerId"`
	InstanceID      string     `wbxml:"AirSyncBase:InstanceId,omitempty"`
	Status          SyncStatus `wbxml:"AirSync:Status"`
	ApplicationData any        `wbxml:"AirSync:ApplicationData"` // 16.x: new file references
}

// SyncDeleteReply tells how a deletion went.
type SyncDeleteReply struct {
	Class      string     `wbxml:"AirSync:Class,omitempty"`
	ServerID   string     `wbxml:"AirSync:ServerId"`
	InstanceID string     `wbxml:"AirSyncBase:InstanceId,omitempty"`
	Status     SyncStatus `wbxml:"AirSync:Status"`
}

// SyncFetchReply brings the item asked for.
type SyncFetchReply struct {
	ServerID        string     `wbxml:"AirSync:ServerId"`
	Status          SyncStatus `wbxml:"AirSync:Status"`
	ApplicationData any        `wbxml:"AirSync:ApplicationData"`
}
