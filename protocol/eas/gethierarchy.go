package eas

// GetHierarchyResponse is the response of the GetHierarchy command, whose
// request has no body (MS-ASCMD 2.2.1.8). Only clients up to 12.1 send it.
type GetHierarchyResponse struct {
	_       struct{}          `wbxml:"FolderHierarchy:Folders"`
	Folders []HierarchyFolder `wbxml:"FolderHierarchy:Folder"`
}

// HierarchyFolder is a folder that takes mail.
type HierarchyFolder struct {
	DisplayName string     `wbxml:"FolderHierarchy:DisplayName"`
	ServerID    string     `wbxml:"FolderHierarchy:ServerId"`
	Type        FolderType `wbxml:"FolderHierarchy:Type"`
	ParentID    string     `wbxml:"FolderHierarchy:ParentId"`
}
