package eas

// FolderCreate is the request of the FolderCreate command (MS-ASCMD 2.2.1.3).
type FolderCreate struct {
	_           struct{}   `wbxml:"FolderHierarchy:FolderCreate"`
	SyncKey     string     `wbxml:"FolderHierarchy:SyncKey,required"`
	ParentID    string     `wbxml:"FolderHierarchy:ParentId,required"`
	DisplayName string     `wbxml:"FolderHierarchy:DisplayName,required"`
	Type        FolderType `wbxml:"FolderHierarchy:Type,required"`
}

// FolderCreateResponse is the response of the FolderCreate command; SyncKey and
// ServerID only with success.
type FolderCreateResponse struct {
	_        struct{}           `wbxml:"FolderHierarchy:FolderCreate"`
	Status   FolderCreateStatus `wbxml:"FolderHierarchy:Status"`
	SyncKey  string             `wbxml:"FolderHierarchy:SyncKey,omitempty"`
	ServerID string             `wbxml:"FolderHierarchy:ServerId,omitempty"`
}
