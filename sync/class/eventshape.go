package class

import (
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// shape is how a series is shown: ActiveSync knows fewer of them than iCalendar.
type shape uint8

const (
	shapeAlone shape = iota // one event: it does not recur, or cannot be told at all
	shapeRule               // by its rule
	shapeSteps              // each occurrence by itself, as an exception
)

// shapeOf chooses how the series is shown: so that no day is wrong, and as few
// as can be are missing.
func (r *eventReader) shapeOf() shape {
	e := r.series
	if e.RecurrenceID != nil {
		return shapeAlone
	}
	rules, dates := 0, false
	for i := range e.Component.Props {
		switch e.Component.Props[i].Name {
		case "RRULE":
			rules++
		case "EXRULE":
			rules += 2 // what it takes out no element can tell
		case "RDATE":
			dates = true
		}
	}
	if rules == 0 && !dates {
		return shapeAlone
	}
	_, told := r.pattern()
	if told && rules == 1 && !dates && !e.BadRule {
		return shapeRule
	}
	return shapeAlone
}

// steps shows a series whose rule cannot be told.
func (r *eventReader) steps(master *eventView) (*eas.CalendarRecurrence, []eas.CalendarException) {
	return nil, nil
}

// readShownID is the occurrence that a client means by the time under which it was
// shown to it.
func (r *eventReader) readShownID(t time.Time) calendar.Time { return r.readID(t) }
