package calendar

// Object is a calendar object: events, tasks or notes with the zones that they
// refer to.
type Object struct {
	Method string   // of a scheduling message, upper case: REQUEST, REPLY, CANCEL, COUNTER …
	Events []*Event // in their order
	Todos  []*Todo
	Notes  []*Event // of VJOURNAL
	Root   *Component
	// Mended tells that the bytes were not what they ought to be, however little:
	// line ends, characters, lines that are none, ends that are missing.
	Mended bool
	zones  zones
}

// Parse reads the first calendar object of b. An event is taken as far as it
// can be understood.
func Parse(b []byte) (*Object, error) {
	d, err := newDecoder(b)
	if err != nil {
		return nil, err
	}
	root, err := d.next(false)
	if err != nil {
		return nil, err
	}
	if root == nil {
		return nil, ErrNotCalendar
	}
	o := newObject(root)
	o.Mended = d.odd
	return o, nil
}

// Components reads all calendar objects of b, as trees. An event, a task or a
// note that stands outside of any is in an object of its own. mended tells what
// Object.Mended does.
func Components(b []byte) (roots []*Component, mended bool, err error) {
	d, err := newDecoder(b)
	if err != nil {
		return nil, false, err
	}
	for {
		root, err := d.next(true)
		if err != nil {
			return nil, false, err
		}
		if root == nil {
			break
		}
		if roots = append(roots, root); len(roots) > maxObjects {
			return nil, false, ErrTooLarge
		}
	}
	if len(roots) == 0 {
		return nil, false, ErrNotCalendar
	}
	return roots, d.odd, nil
}

// ParseComponent reads one component that stands alone.
func ParseComponent(b []byte) (*Component, error) {
	d, err := newDecoder(append([]byte("BEGIN:VCALENDAR\r\n"), b...))
	if err != nil {
		return nil, err
	}
	root, err := d.next(false)
	if err != nil {
		return nil, err
	}
	if root == nil || len(root.Children) == 0 {
		return nil, ErrNotCalendar
	}
	return root.Children[0], nil
}

// Of makes an object of a tree.
func Of(root *Component) *Object { return newObject(root) }

func newObject(root *Component) *Object {
	o := &Object{Method: root.Value("METHOD"), Root: root, zones: readZones(root)}
	for _, c := range root.Children {
		switch c.Name {
		case "VEVENT":
			o.Events = append(o.Events, o.zones.readEvent(c))
		case "VTODO":
			o.Todos = append(o.Todos, o.zones.readTodo(c))
		case "VJOURNAL":
			o.Notes = append(o.Notes, o.zones.readShared(c))
		}
	}
	return o
}

// Encode writes the object as it is in its components.
func (o *Object) Encode() []byte { return o.Root.Append(nil) }

// Master returns the event that recurs or stands alone: the first without a
// RECURRENCE-ID, even one that cannot be read, else the first; nil if there is
// none.
func (o *Object) Master() *Event {
	for _, e := range o.Events {
		if e.RecurrenceID == nil && (e.Component == nil || e.Component.Prop("RECURRENCE-ID") == nil) {
			return e
		}
	}
	if len(o.Events) > 0 {
		return o.Events[0]
	}
	return nil
}
