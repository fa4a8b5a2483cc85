package eas

import (
	"time"

	"martlet/protocol/wbxml"
)

// The stores that Fetch and Search can name (MS-ASCMD 2.2.3.178.1).
const (
	StoreMailbox         = "Mailbox"
	StoreDocumentLibrary = "Document Library"
	StoreGAL             = "GAL"
)

// ItemOperations is the request of the ItemOperations command (MS-ASCMD
// 2.2.1.10). The order of operations of different kinds counts.
type ItemOperations struct {
	_          struct{}        `wbxml:"ItemOperations:ItemOperations"`
	Operations []ItemOperation `wbxml:",choice"`
}

// ItemOperation is one operation; exactly one field is set.
type ItemOperation struct {
	EmptyFolderContents *EmptyFolderContents `wbxml:"ItemOperations:EmptyFolderContents"`
	Fetch               *Fetch               `wbxml:"ItemOperations:Fetch"`
	Move                *ConversationMove    `wbxml:"ItemOperations:Move"`
}

// EmptyFolderContents deletes what is in a folder (MS-ASCMD 2.2.3.57).
type EmptyFolderContents struct {
	CollectionID string                      `wbxml:"AirSync:CollectionId,max=64"`
	Options      *EmptyFolderContentsOptions `wbxml:"ItemOperations:Options"`
}

// EmptyFolderContentsOptions tells whether the folders below go too (MS-ASCMD
// 2.2.3.44).
type EmptyFolderContentsOptions struct {
	DeleteSubFolders bool `wbxml:"ItemOperations:DeleteSubFolders,empty"`
}

// Fetch asks for an item by CollectionID and ServerID or by LongID, for an
// attachment by FileReference, for a document by LinkID (MS-ASCMD 2.2.3.67.1).
type Fetch struct {
	Store         string        `wbxml:"ItemOperations:Store"`
	ServerID      string        `wbxml:"AirSync:ServerId,omitempty,max=64"`
	CollectionID  string        `wbxml:"AirSync:CollectionId,omitempty,max=64"`
	LinkID        string        `wbxml:"DocumentLibrary:LinkId,omitempty"`
	LongID        string        `wbxml:"Search:LongId,omitempty"`
	FileReference *string       `wbxml:"AirSyncBase:FileReference"`
	Options       *FetchOptions `wbxml:"ItemOperations:Options"`

	RemoveRightsManagementProtection bool `wbxml:"RightsManagement:RemoveRightsManagementProtection,empty"`
}

// FetchOptions are the options of a Fetch (MS-ASCMD 2.2.3.125.2).
type FetchOptions struct {
	Schema                  wbxml.Raw            `wbxml:"ItemOperations:Schema"` // the elements wanted
	Range                   string               `wbxml:"ItemOperations:Range,omitempty"`
	UserName                string               `wbxml:"ItemOperations:UserName,omitempty"`
	Password                string               `wbxml:"ItemOperations:Password,omitempty"`
	MIMESupport             *uint                `wbxml:"AirSync:MIMESupport"`
	BodyPreference          []BodyPreference     `wbxml:"AirSyncBase:BodyPreference"`
	BodyPartPreference      []BodyPartPreference `wbxml:"AirSyncBase:BodyPartPreference"`
	RightsManagementSupport *bool                `wbxml:"RightsManagement:RightsManagementSupport"`
}

// ConversationMove moves a conversation, now and later (MS-ASCMD 2.2.3.113.2).
type ConversationMove struct {
	ConversationID []byte                   `wbxml:"ItemOperations:ConversationId"`
	DstFldID       string                   `wbxml:"ItemOperations:DstFldId,max=64"`
	Options        *ConversationMoveOptions `wbxml:"ItemOperations:Options"`
}

// ConversationMoveOptions holds the flag without which the move is refused.
type ConversationMoveOptions struct {
	MoveAlways bool `wbxml:"ItemOperations:MoveAlways,empty"`
}

// ItemOperationsResponse is the response of the ItemOperations command, in a
// multipart response its first part (MS-ASCMD 2.2.1.10.1).
type ItemOperationsResponse struct {
	_        struct{}             `wbxml:"ItemOperations:ItemOperations"`
	Status   ItemOperationsStatus `wbxml:"ItemOperations:Status"`
	Response []ItemOperationReply `wbxml:"ItemOperations:Response,choice"`
}

// ItemOperationReply answers one operation; exactly one field is set. The
// schema wants all Move before all EmptyFolderContents before all Fetch.
type ItemOperationReply struct {
	Move                *ConversationMoveReply    `wbxml:"ItemOperations:Move"`
	EmptyFolderContents *EmptyFolderContentsReply `wbxml:"ItemOperations:EmptyFolderContents"`
	Fetch               *FetchReply               `wbxml:"ItemOperations:Fetch"`
}

// ConversationMoveReply answers a ConversationMove.
type ConversationMoveReply struct {
	Status         ItemOperationsStatus `wbxml:"ItemOperations:Status"`
	ConversationID []byte               `wbxml:"ItemOperations:ConversationId"`
}

// EmptyFolderContentsReply answers an EmptyFolderContents.
type EmptyFolderContentsReply struct {
	Status       ItemOperationsStatus `wbxml:"ItemOperations:Status"`
	CollectionID string               `wbxml:"AirSync:CollectionId"`
}

// FetchReply answers a Fetch. Properties holds a pointer to the item's struct,
// such as *Email, or an *AttachmentProperties; decoded it is a wbxml.Raw.
type FetchReply struct {
	Status        ItemOperationsStatus `wbxml:"ItemOperations:Status"`
	CollectionID  string               `wbxml:"AirSync:CollectionId,omitempty"`
	ServerID      string               `wbxml:"AirSync:ServerId,omitempty"`
	LongID        string               `wbxml:"Search:LongId,omitempty"`
	Class         string               `wbxml:"AirSync:Class,omitempty"`
	LinkID        string               `wbxml:"DocumentLibrary:LinkId,omitempty"`
	FileReference string               `wbxml:"AirSyncBase:FileReference,omitempty"`
	Properties    any                  `wbxml:"ItemOperations:Properties"`
}

// AttachmentProperties bring an attachment or document (MS-ASCMD 2.2.3.139.1):
// its bytes as Data, or in a multipart response in the part that Part numbers.
type AttachmentProperties struct {
	ContentType string    `wbxml:"AirSyncBase:ContentType,omitempty"`
	Range       string    `wbxml:"ItemOperations:Range,omitempty"`
	Total       *uint64   `wbxml:"ItemOperations:Total"` // bytes of the whole
	Data        []byte    `wbxml:"ItemOperations:Data,base64"`
	Part        *uint     `wbxml:"ItemOperations:Part"`
	Version     time.Time `wbxml:"ItemOperations:Version,omitempty"`
}
