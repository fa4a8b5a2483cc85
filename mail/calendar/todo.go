package calendar

import "time"

// Todo is a VTODO: what it has in common with an event, which has no End here, and
// when it is due.
type Todo struct {
	Event
	Due       Time // zero: none
	Completed time.Time
}

// Done tells whether the task needs nothing more: by its status, or where it has
// none by when it was completed.
func (t *Todo) Done() bool {
	return t.Status == "COMPLETED" || t.Status == "" && !t.Completed.IsZero()
}

func (z zones) readTodo(c *Component) *Todo {
	t := &Todo{Event: *z.readShared(c), Completed: z.point(c, "COMPLETED")}
	if due, ok := z.time(c, "DUE"); ok {
		t.Due = due
	} else if p := c.Prop("DURATION"); p != nil && !t.Start.IsZero() {
		if days, rest, err := parseDuration(p.Value); err == nil && days >= 0 && rest >= 0 {
			t.Due = t.Start
			t.Due.Time = t.Due.Time.AddDate(0, 0, days).Add(rest)
		}
	}
	return t
}
