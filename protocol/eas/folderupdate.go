package eas

// FolderUpdate is the request of the FolderUpdate command (MS-ASCMD 2.2.1.6).
type FolderUpdate struct {
	_           struct{} `wbxml:"FolderHierarchy:FolderUpdate"`
	SyncKey     string   `wbxml:"FolderHierarchy:SyncKey,required"`
	ServerID    string   `wbxml:"FolderHierarchy:ServerId,required"`
	ParentID    string   `wbxml:"FolderHierarchy:ParentId,required"`
	DisplayName string   `wbxml:"FolderHierarchy:DisplayName,required"`
}

// FolderUpdateResponse is the response of the FolderUpdate command; SyncKey
// only with success.
type FolderUpdateResponse struct {
	_       struct{}           `wbxml:"FolderHierarchy:FolderUpdate"`
	Status  FolderUpdateStatus `wbxml:"FolderHierarchy:Status"`
	SyncKey string             `wbxml:"FolderHierarchy:SyncKey,omitempty"`
}
