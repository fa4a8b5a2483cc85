package eas

// FolderType is what a folder is for (MS-ASCMD 2.2.3.186.3).
type FolderType uint8

// The folder types. The user's own folders can be created by a client, the
// default ones cannot.
const (
	FolderUserGeneric     FolderType = 1
	FolderInbox           FolderType = 2
	FolderDrafts          FolderType = 3
	FolderDeletedItems    FolderType = 4
	FolderSentItems       FolderType = 5
	FolderOutbox          FolderType = 6
	FolderTasks           FolderType = 7
	FolderCalendar        FolderType = 8
	FolderContacts        FolderType = 9
	FolderNotes           FolderType = 10
	FolderJournal         FolderType = 11
	FolderUserMail        FolderType = 12
	FolderUserCalendar    FolderType = 13
	FolderUserContacts    FolderType = 14
	FolderUserTasks       FolderType = 15
	FolderUserJournal     FolderType = 16
	FolderUserNotes       FolderType = 17
	FolderUnknown         FolderType = 18
	FolderRecipientInfo   FolderType = 19
	FolderTop                        = "0" // the ParentId of a folder at the top
	FolderSyncKeyInitial             = "0"
	RecipientInfoServerID            = "RI" // MS-ASCMD 2.2.3.166.2
)

// FolderSync is the request of the FolderSync command (MS-ASCMD 2.2.1.5).
type FolderSync struct {
	_       struct{} `wbxml:"FolderHierarchy:FolderSync"`
	SyncKey string   `wbxml:"FolderHierarchy:SyncKey,required"`
}

// FolderSyncResponse is the response of the FolderSync command.
type FolderSyncResponse struct {
	_       struct{}         `wbxml:"FolderHierarchy:FolderSync"`
	Status  FolderSyncStatus `wbxml:"FolderHierarchy:Status"`
	SyncKey string           `wbxml:"FolderHierarchy:SyncKey,omitempty"`
	Changes *FolderChanges   `wbxml:"FolderHierarchy:Changes"` // present with success, even when there are none
}

// FolderChanges are the changes of the hierarchy (MS-ASCMD 2.2.3.25).
type FolderChanges struct {
	Count   uint         `wbxml:"FolderHierarchy:Count"`
	Updates []Folder     `wbxml:"FolderHierarchy:Update"`
	Deletes []FolderGone `wbxml:"FolderHierarchy:Delete"`
	Adds    []Folder     `wbxml:"FolderHierarchy:Add"`
}

// Folder is a folder of the hierarchy (MS-ASCMD 2.2.3.7.1).
type Folder struct {
	ServerID    string     `wbxml:"FolderHierarchy:ServerId"`
	ParentID    string     `wbxml:"FolderHierarchy:ParentId"`
	DisplayName string     `wbxml:"FolderHierarchy:DisplayName"`
	Type        FolderType `wbxml:"FolderHierarchy:Type"`
}

// FolderGone names a folder that is no more (MS-ASCMD 2.2.3.42.1).
type FolderGone struct {
	ServerID string `wbxml:"FolderHierarchy:ServerId"`
}
