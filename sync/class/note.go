package class

import (
	"fmt"
	"strings"
	"time"

	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// noteClassProperty keeps a MessageClass that is more than a note's.
const noteClassProperty = "X-ACTIVESYNC-MESSAGECLASS"

// renderNote makes the ApplicationData of a note (MS-ASNOTE 2.2.2): a *eas.Note.
func renderNote(item *mail.Item, raw []byte, opt *Options) (any, error) {
	l, err := readListItem(raw, "VJOURNAL")
	if err != nil {
		return nil, err
	}
	subject, class, changed := l.c.Text("SUMMARY"), noteClass(l.c.Text(noteClassProperty)), l.lastChanged(item)
	n := &eas.Note{Subject: &subject, MessageClass: &class, LastModifiedDate: &changed}
	if opt.Viewer.Blank && hides(classOf(l.c.Value("CLASS"))) {
		subject, class = privateSubject, eas.NoteClass
		n.Body = &eas.Body{Type: eas.BodyPlain, Data: new(string)}
		return n, nil
	}
	n.Categories = firstEntries(l.c.Texts("CATEGORIES"))
	if n.Body = textOf(l.c).render(opt); n.Body.Data == nil { // MS-ASNOTE_R123
		n.Body.Data = new(string)
	}
	return n, nil
}

// lastChanged is when the item was last changed (MS-ASNOTE_R51): as it says
// itself, else when it came.
func (l *listItem) lastChanged(item *mail.Item) time.Time {
	if t := l.point("LAST-MODIFIED", "DTSTAMP", "CREATED"); !t.IsZero() {
		return t
	}
	if item == nil {
		return time.Time{}
	}
	return time.UnixMilli(item.Received).UTC().Truncate(time.Second)
}

// noteClass is a MessageClass that notes may have (MS-ASNOTE_R57), that of plain
// ones for any other.
func noteClass(class string) string {
	if class == eas.NoteClass || strings.HasPrefix(class, eas.NoteClass+".") {
		return class
	}
	return eas.NoteClass
}

// editNote makes the object of a note of what a client writes. Body and Subject
// stay if they are left out, Categories do not (MS-ASNOTE 3.2.5.3); when it was
// changed, the server knows (R84).
func editNote(old []byte, data wbxml.Raw, o *EditOptions) ([]byte, error) {
	var n eas.Note
	if err := wbxml.UnmarshalRaw(data, &n); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadValue, err)
	}
	w, err := openListItem(old, "VJOURNAL", o)
	if err != nil {
		return nil, err
	}
	if n.MessageClass != nil {
		class := strings.TrimSpace(*n.MessageClass)
		if noteClass(class) != class { // MS-ASNOTE_R119
			return nil, ErrBadValue
		}
		if class != noteClass(w.c.Text(noteClassProperty)) {
			if class == eas.NoteClass {
				class = ""
			}
			w.setText(noteClassProperty, class)
		}
	}
	if n.Subject != nil {
		w.setText("SUMMARY", strings.TrimSpace(*n.Subject))
	}
	if err := w.editCategories(n.Categories); err != nil {
		return nil, err
	}
	text, err := writtenText(n.Body, &legacyText{}, textOf(w.c))
	if err != nil {
		return nil, err
	}
	if err := w.editBody(text); err != nil {
		return nil, err
	}
	return w.finish(old), nil
}
