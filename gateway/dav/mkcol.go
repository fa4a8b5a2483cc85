package dav

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"martlet/mail"
	"martlet/store"
)

// maxSuffix bounds how many names are tried for a collection whose name is taken.
const maxSuffix = 100

// mkcalendar makes a calendar (RFC 4791 5.3.1).
func (q *request) mkcalendar() error {
	doc, err := q.readDocument()
	if err != nil {
		return err
	}
	if doc != nil && doc.name != cal("mkcalendar") {
		return badXML("it is not a C:mkcalendar")
	}
	if q.at.kind != kindCalendar {
		return unmet(cal("calendar-collection-location-ok"), "calendars are made in a calendar home")
	}
	return q.makeCollection(doc, mail.ClassCalendar, cal("mkcalendar-response"))
}

// mkcol makes a collection: an address book or a calendar where the document says
// so (RFC 5689), in files a folder.
func (q *request) mkcol() error {
	doc, err := q.readDocument()
	if err != nil {
		return err
	}
	if q.at.kind == kindFile || q.at.kind == kindFolder {
		if doc != nil {
			return fail(http.StatusUnsupportedMediaType)
		}
		return q.makeFolder()
	}
	if doc != nil && doc.name != dav("mkcol") {
		return fail(http.StatusUnsupportedMediaType) // RFC 4918 9.3
	}
	class := mail.ClassContacts
	switch q.at.kind {
	case kindBook:
	case kindCalendar:
		class = mail.ClassCalendar
	case kindEvent, kindCard:
		return unmet(cal("calendar-collection-location-ok"), "no collections within a collection")
	default:
		return unmet(dav("need-privileges"), "no collections are made here")
	}
	if !saysType(doc) {
		return unmet(dav("valid-resourcetype"), "homes hold calendars and address books, and the request does not say that it wants one")
	}
	return q.makeCollection(doc, class, dav("mkcol-response"))
}

// makeCollection makes a folder, with the properties that the document sets.
func (q *request) makeCollection(doc *element, class mail.Class, answer name) error {
	var edits []edit
	if doc != nil {
		var err error
		if edits, err = readEdits(doc); err != nil {
			return err
		}
	}
	class, edits, err := classOf(class, edits)
	if err != nil {
		return err
	}
	var wrong []error
	err = q.update(func(tx *store.Tx) error {
		wrong, err = q.create(tx, class, edits)
		return err
	})
	if errors.Is(err, errWrongProperty) { // RFC 5689 3
		d := &document{}
		d.root(answer)
		d.outcomes(edits, wrong)
		d.close(answer)
		q.writeXML(http.StatusFailedDependency, d.b)
		return nil
	}
	if err != nil {
		return err
	}
	q.w.Header().Set("Cache-Control", "no-cache") // RFC 4791 5.3.1
	q.bare(http.StatusCreated)
	return nil
}

// saysType tells whether a request says what the collection is to be (RFC 5689 3).
func saysType(doc *element) bool {
	if doc == nil {
		return false
	}
	for set := range doc.children {
		if set.child(dav("prop")).child(dav("resourcetype")) != nil {
			return true
		}
	}
	return false
}

// classOf reads what the collection is to hold, and leaves the rest.
func classOf(class mail.Class, edits []edit) (mail.Class, []edit, error) {
	var rest []edit
	for _, e := range edits {
		switch e.prop.name {
		case dav("resourcetype"):
			isBook, isCalendar := e.prop.child(card("addressbook")) != nil, e.prop.child(cal("calendar")) != nil
			if isBook != (class == mail.ClassContacts) || isCalendar == isBook {
				return class, nil, unmet(dav("valid-resourcetype"), "calendars are made in a calendar home, address books in theirs")
			}
		case cal("supported-calendar-component-set"):
			var names []string
			for c := range e.prop.children {
				names = append(names, strings.ToUpper(c.attr("name")))
			}
			switch {
			case class == mail.ClassContacts:
				return class, nil, unmet(dav("cannot-modify-protected-property"), "")
			case slices.Contains(names, "VEVENT"): // one that may hold tasks, too, holds events
			case slices.Contains(names, "VTODO"):
				class = mail.ClassTasks
			case slices.Contains(names, "VJOURNAL"):
				class = mail.ClassNotes
			default:
				return class, nil, unmet(cal("supported-calendar-component"), "a calendar holds VEVENT, VTODO or VJOURNAL")
			}
		default:
			rest = append(rest, e)
		}
	}
	return class, rest, nil
}

// create makes the folder under the name that the client chose for its path.
func (q *request) create(tx *store.Tx, class mail.Class, edits []edit) ([]error, error) {
	switch {
	case !q.at.own:
		return nil, unmet(dav("need-privileges"), "somebody else's home")
	case reserved(q.at.segment):
		if _, err := q.collection(tx, &q.at); err != nil {
			return nil, unmet(name{}, "the name is not to be had; choose another one")
		}
		return nil, taken405()
	}
	if f, err := q.h.meta.named(tx, q.box, q.at.segment); err != nil {
		return nil, err
	} else if f != 0 {
		_, err := q.h.c.Mailboxes.Folder(tx, q.box, f)
		if err == nil {
			return nil, taken405()
		}
		if !errors.Is(err, mail.ErrNoFolder) {
			return nil, err
		}
	}
	c := &collection{folder: mail.Folder{Name: q.at.segment, Class: class}, own: true, rights: ownRights}
	wrong := make([]error, len(edits))
	for i, e := range edits {
		wrong[i] = c.patch(e, q)
	}
	if slices.ContainsFunc(wrong, func(err error) bool { return err != nil }) {
		return wrong, errWrongProperty
	}
	f, err := q.freeName(tx, c.folder.Name, class)
	if err != nil {
		return nil, err
	}
	c.meta.Segment = q.at.segment
	if err := q.h.meta.segments.Set(tx, segmentKey{q.box, q.at.segment}, f.ID); err != nil {
		return nil, err
	}
	return nil, q.h.meta.set(tx, q.box, f.ID, c.meta)
}

// taken405 is the answer where something is already (RFC 4918 9.3.1, RFC 4791
// 5.3.1.1).
func taken405() error {
	return &failure{status: http.StatusMethodNotAllowed, condition: dav("resource-must-be-null"), text: "there is something here already"}
}

// freeName makes a folder at the top of the hierarchy. Two calendars may be called
// the same, folders may not: the second one gets a number.
func (q *request) freeName(tx *store.Tx, base string, class mail.Class) (f mail.Folder, err error) {
	for n := 1; n <= maxSuffix; n++ {
		s := base
		if n > 1 {
			s += " " + strconv.Itoa(n)
		}
		f, err = q.h.c.Mailboxes.CreateFolder(tx, q.box, 0, s, class)
		if !errors.Is(err, mail.ErrFolderExists) {
			break
		}
	}
	return f, err
}

// deleteCollection deletes a folder with what is in it. A default folder stays,
// and what somebody else shares.
func (q *request) deleteCollection() error {
	return q.update(func(tx *store.Tx) error {
		c, err := q.collection(tx, &q.at)
		if err != nil {
			return err
		}
		if err := q.conditions(&resource{kind: c.kind(), href: c.href, col: c}); err != nil {
			return err
		}
		switch {
		case !c.own:
			return unmet(dav("need-privileges"), "it is somebody else's")
		case c.folder.Role != mail.RoleNone:
			return mail.ErrSystemFolder
		}
		if err := q.h.c.Mailboxes.DeleteFolder(tx, q.box, c.folder.ID); err != nil {
			return err
		}
		return q.h.meta.drop(tx, q.box, c.folder.ID)
	})
}
