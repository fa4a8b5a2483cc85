// Package eas holds the requests and responses of Exchange ActiveSync as Go
// structs, one file for each command, with the statuses they carry. It says
// what is on the wire (MS-ASCMD, MS-ASEMAIL, MS-ASAIRS, MS-ASPROV), for both
// sides. It must never decide what a request means, and no type of it may be
// stored or used below the door and the item classes.
//
// Numbers in requests are pointers: an absent element is nil, one that is no
// number fails to decode with a *wbxml.ValueError.
package eas

//go:generate go run gen.go
