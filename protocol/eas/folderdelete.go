package eas

// FolderDelete is the request of the FolderDelete command (MS-ASCMD 2.2.1.4).
type FolderDelete struct {
	_        struct{} `wbxml:"FolderHierarchy:FolderDelete"`
	SyncKey  string   `wbxml:"FolderHierarchy:SyncKey,required"`
	ServerID string   `wbxml:"FolderHierarchy:ServerId,required"`
}

// FolderDeleteResponse is the response of the FolderDelete command; SyncKey
// only with success.
type FolderDeleteResponse struct {
	_       struct{}           `wbxml:"FolderHierarchy:FolderDelete"`
	Status  FolderDeleteStatus `wbxml:"FolderHierarchy:Status"`
	SyncKey string             `wbxml:"FolderHierarchy:SyncKey,omitempty"`
}
