// Package calendar reads and writes iCalendar (RFC 5545) and the scheduling
// messages made of it (RFC 5546, 6047): events with their organizer, attendees,
// times, recurrence and alarms, as programs of thirty years have written them.
//
// It is pure. It must never refuse an event for what it does not know, never
// lose a property that it does not understand, and take bounded time and memory
// whatever the bytes or the rules are. It knows neither mailboxes nor protocols.
package calendar

//go:generate go run gen.go

import (
	"errors"

	_ "time/tzdata" // zones on machines without any
)

// Limits of what is read.
const (
	maxBytes      = 25 << 20 // of one calendar object, attachments and all
	maxDepth      = 8        // of components in one another
	maxComponents = 20_000   // of one object
	maxProperties = 200_000  // of one object
	maxParams     = 64       // of one property
	maxParamTexts = 500_000  // values of parameters of one object: each takes many times its length
	maxValue      = 24 << 20 // bytes of one property
	maxObjects    = 100_000  // of one file
	maxDates      = 5_000    // of RDATE or EXDATE
	maxText       = 32 << 10 // characters of a text that is handed out in a field of Event
	maxAttendees  = 5_000
	maxAlarms     = 100
	maxZones      = 100 // that one object defines, and names: to look for one that is none takes long
	maxZonePath   = 4   // steps of a path before a zone's name
	maxRules      = 10  // RRULEs and EXRULEs of one event
	maxList       = 400 // numbers in a part of a recurrence rule
)

// Errors.
var (
	ErrNotCalendar = errors.New("calendar: not a calendar object")
	ErrTooLarge    = errors.New("calendar: the calendar object is too large")
	ErrBadRule     = errors.New("calendar: not a recurrence rule that can be followed")
	ErrBadTime     = errors.New("calendar: not a date or time")
	ErrBadZone     = errors.New("calendar: not a time zone")
)
