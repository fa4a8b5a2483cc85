package eas

// CollectionResponse is the response of CreateCollection, DeleteCollection and
// MoveCollection, whose requests have no body. No document describes the three;
// the elements are those that code page 7 keeps for 2.5 (MS-ASWBXML 2.1.2.1.8).
type CollectionResponse struct {
	_      struct{}           `wbxml:"FolderHierarchy:Response"`
	Status FolderCreateStatus `wbxml:"FolderHierarchy:Status"`
	Folder *CollectionFolder  `wbxml:"FolderHierarchy:Folder"`
}

// CollectionFolder is the folder that was made.
type CollectionFolder struct {
	ServerID string `wbxml:"FolderHierarchy:ServerId"`
}
