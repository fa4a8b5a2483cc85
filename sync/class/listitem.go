package class

import (
	"fmt"
	"slices"
	"time"

	"martlet/mail/calendar"
)

// listItem is a task or a note: one component of its object.
type listItem struct {
	obj *calendar.Object
	c   *calendar.Component
}

// readListItem finds the component of a kind: of several that stand for
// occurrences, the one that recurs.
func readListItem(raw []byte, kind string) (listItem, error) {
	obj, err := calendar.Parse(raw)
	if err != nil {
		return listItem{}, fmt.Errorf("class: %s: %w", kind, err)
	}
	var first *calendar.Component
	for _, c := range obj.Root.Children {
		switch {
		case c.Name != kind:
		case c.Prop("RECURRENCE-ID") == nil:
			return listItem{obj, c}, nil
		case first == nil:
			first = c
		}
	}
	if first == nil {
		return listItem{}, fmt.Errorf("class: %s: %w", kind, calendar.ErrNotCalendar)
	}
	return listItem{obj, first}, nil
}

// point is a point in time that the item tells; zero for none.
func (l *listItem) point(names ...string) time.Time {
	for _, name := range names {
		if t, ok := l.obj.Time(l.c, name); ok && !t.IsZero() {
			return t.UTC()
		}
	}
	return time.Time{}
}

// listEdit is a task or a note while a client's elements are written into it.
type listEdit struct {
	listItem
	o       *EditOptions
	added   bool
	changed bool
}

// openListItem begins a change of what is kept, or a new item.
func openListItem(old []byte, kind string, o *EditOptions) (*listEdit, error) {
	if old != nil {
		l, err := readListItem(old, kind)
		return &listEdit{listItem: l, o: o}, err
	}
	c := &calendar.Component{Name: kind}
	obj := calendar.NewObject("")
	obj.Root.Children = append(obj.Root.Children, c)
	w := &listEdit{listItem: listItem{obj, c}, o: o, added: true, changed: true}
	c.Set(timeProperty("CREATED", w.now()))
	return w, nil
}

func (w *listEdit) now() calendar.Time { return calendar.UTC(w.o.Now.Truncate(time.Second)) }

// finish stamps what is changed and writes the object. What is not stays as it
// is, byte by byte.
func (w *listEdit) finish(old []byte) []byte {
	if !w.changed {
		return old
	}
	w.c.Set(timeProperty("DTSTAMP", w.now()))
	w.c.Set(timeProperty("LAST-MODIFIED", w.now()))
	if w.c.Prop("SEQUENCE") != nil {
		w.c.SetValue("SEQUENCE", fmt.Sprint(w.c.Number("SEQUENCE")+1))
	}
	return w.obj.Encode()
}

// setText writes a text; what is no other one stays as it was written.
func (w *listEdit) setText(name, text string) {
	if sameText(w.c.Text(name), text) {
		return
	}
	w.c.SetText(name, text)
	w.changed = true
}

// setValue writes what needs no escapes.
func (w *listEdit) setValue(name, value string) {
	if p := w.c.Prop(name); p != nil && p.Value == value || p == nil && value == "" {
		return
	}
	w.c.SetValue(name, value)
	w.changed = true
}

// editCategories writes the categories. None take them away (MS-ASNOTE_R112,
// MS-ASTASK_R436).
func (w *listEdit) editCategories(names []string) error {
	if len(names) > maxEntries {
		return ErrBadValue
	}
	now := w.c.Texts("CATEGORIES")
	names = trimmed(names)
	if slices.Equal(names, firstEntries(now)) {
		return nil
	}
	names = append(names, now[min(len(now), maxEntries):]...) // those that the client was not shown
	w.c.SetTexts("CATEGORIES", names...)
	w.changed = true
	return nil
}

// editBody writes the text. Its two forms go together.
func (w *listEdit) editBody(text objectText) error {
	if len(text.plain) > maxEventBody || len(text.html) > maxEventBody {
		return ErrBadValue
	}
	if text == textOf(w.c) {
		return nil
	}
	w.changed = true
	setText(w.c, text)
	return nil
}
