// Package object reads the items of a mailbox that are no mail: events, tasks
// and notes (iCalendar, RFC 5545), contacts (vCard, RFC 6350). It says whether
// bytes are such an object, brings them into the form in which they are kept,
// and sums up what others must know of it without opening it. It is pure: it
// must never refuse an object for a property that it does not know, nor lose one.
package object

import (
	"errors"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/vcard"
)

// Errors of Read. A door turns them into its protocol's own status.
var (
	ErrMalformed = errors.New("object: not a calendar or address object of its class")
	ErrTooLarge  = errors.New("object: the object is too large")
	ErrTwo       = errors.New("object: more than one object") // several UIDs in one resource (RFC 4791 4.1)
)

// MaxBytes bounds one object, its attachments and photos included.
const MaxBytes = 25 << 20

// Object is one item as it is kept.
type Object struct {
	Class mail.Class
	Raw   []byte // as it is kept; the same bytes as were read where they are fit to be
	Facts mail.Facts

	// What Raw says. The first is nil for a contact, the other for all else.
	Calendar *calendar.Object
	Card     *vcard.Card
}
