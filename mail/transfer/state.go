package transfer

import (
	"strings"
	"time"

	"martlet/mail/object"
)

// title is what a person knows an object by.
func title(o *object.Object) string {
	if o.Card != nil {
		return o.Card.FormattedName()
	}
	for _, c := range o.Calendar.Root.Children {
		if s := c.Text("SUMMARY"); s != "" {
			return s
		}
	}
	return ""
}

// newer tells whether an object is of a later state than another: by SEQUENCE,
// then by when it was changed (RFC 5545 3.8.7.3, 3.8.7.4; RFC 6350 6.7.4). One
// that does not say is not newer.
func newer(o, than *object.Object) bool {
	if o.Card != nil && than.Card != nil {
		return revision(o.Card.Text("REV")).After(revision(than.Card.Text("REV")))
	}
	a, b := stateOf(o), stateOf(than)
	if a.sequence != b.sequence {
		return a.sequence > b.sequence
	}
	return a.changed.After(b.changed)
}

type stateOfObject struct {
	sequence int
	changed  time.Time
}

func stateOf(o *object.Object) (s stateOfObject) {
	if o.Calendar == nil {
		return s
	}
	for _, c := range o.Calendar.Root.Children {
		n := 0
		for _, d := range c.Value("SEQUENCE") {
			if d < '0' || d > '9' || n > 1<<30 {
				break
			}
			n = n*10 + int(d-'0')
		}
		s.sequence = max(s.sequence, n)
		at := revision(c.Value("LAST-MODIFIED"))
		if at.IsZero() {
			at = revision(c.Value("DTSTAMP"))
		}
		if c.Name != "VTIMEZONE" && at.After(s.changed) {
			s.changed = at
		}
	}
	return s
}

// revision reads a point in time in any of the forms that REV has had.
func revision(s string) time.Time {
	s = strings.TrimSpace(s)
	for _, form := range []string{"20060102T150405Z", "20060102T150405Z0700", "20060102T150405", time.RFC3339Nano, "2006-01-02T15:04:05", "20060102", "2006-01-02"} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
