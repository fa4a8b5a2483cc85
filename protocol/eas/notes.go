package eas

import "time"

// NoteClass is the MessageClass of a note, and what those of others begin with
// (MS-ASNOTE_R57).
const NoteClass = "IPM.StickyNote"

// Note is a note as ApplicationData or Properties carry it (MS-ASNOTE 2.2.2),
// in both directions, from 14.0 on. What is absent is nil.
type Note struct {
	Subject          *string    `wbxml:"Notes:Subject"`
	Body             *Body      `wbxml:"AirSyncBase:Body"`
	LastModifiedDate *time.Time `wbxml:"Notes:LastModifiedDate,compact"`
	MessageClass     *string    `wbxml:"Notes:MessageClass"`
	Categories       []string   `wbxml:"Notes:Categories>Category"` // up to 300
}
