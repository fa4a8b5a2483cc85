package eas

import "time"

// Document is a file or a folder of the document library as Properties carry it
// (MS-ASDOC 2.2.2). ContentType is that of a file.
type Document struct {
	LinkID           string    `wbxml:"DocumentLibrary:LinkId"`
	DisplayName      string    `wbxml:"DocumentLibrary:DisplayName"`
	IsFolder         uint8     `wbxml:"DocumentLibrary:IsFolder"`
	CreationDate     time.Time `wbxml:"DocumentLibrary:CreationDate"`
	LastModifiedDate time.Time `wbxml:"DocumentLibrary:LastModifiedDate"`
	IsHidden         uint8     `wbxml:"DocumentLibrary:IsHidden"`
	ContentLength    uint64    `wbxml:"DocumentLibrary:ContentLength"` // bytes
	ContentType      string    `wbxml:"DocumentLibrary:ContentType,omitempty"`
}
