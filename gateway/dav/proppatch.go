package dav

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/store"
)

// edit is one instruction of a PROPPATCH, MKCOL or MKCALENDAR.
type edit struct {
	prop   *element
	remove bool
}

// readEdits reads the instructions in their order (RFC 4918 14.19, RFC 5689 5).
func readEdits(doc *element) ([]edit, error) {
	var all []edit
	for e := range doc.children {
		if e.name != dav("set") && e.name != dav("remove") {
			continue
		}
		for prop := range e.child(dav("prop")).children {
			if len(all) == maxProps {
				return nil, badXML("it changes too many properties")
			}
			if prop.lang == "" {
				prop.lang = e.lang
			}
			all = append(all, edit{prop, e.name == dav("remove")})
		}
	}
	return all, nil
}

// proppatch changes properties, all of them or none (RFC 4918 9.2).
func (q *request) proppatch() error {
	doc, err := q.readDocument()
	if err != nil {
		return err
	}
	if doc == nil || doc.name != dav("propertyupdate") {
		return badXML("it is not a DAV:propertyupdate")
	}
	edits, err := readEdits(doc)
	if err != nil {
		return err
	}
	if len(edits) == 0 {
		return badXML("it changes nothing")
	}
	if q.at.kind&(kindDirectory|kindEntry) != 0 {
		return mail.ErrReadOnly
	}
	var wrong []error
	var r *resource
	err = q.update(func(tx *store.Tx) (err error) {
		if r, err = q.find(tx, &q.at); err != nil {
			return err
		}
		if err := q.conditions(r); err != nil {
			return err
		}
		if r.file != nil {
			wrong, err = q.patchFile(tx, r, edits)
		} else {
			wrong, err = q.patchCollection(tx, r, edits)
		}
		if err == nil && slices.ContainsFunc(wrong, func(err error) bool { return err != nil }) {
			return errWrongProperty // so that nothing is written
		}
		return err
	})
	if err != nil && !errors.Is(err, errWrongProperty) {
		return err
	}
	m := q.newMultistatus()
	m.d.open(dav("response"))
	m.d.href(r.href)
	m.d.outcomes(edits, wrong)
	m.d.close(dav("response"))
	return m.end("")
}

// errWrongProperty breaks a transaction off.
var errWrongProperty = errors.New("dav: a property cannot be changed")

// outcomes writes what became of each property: if one could not be changed, none
// was (RFC 4918 9.2.1).
func (d *document) outcomes(edits []edit, wrong []error) {
	bad := slices.ContainsFunc(wrong, func(err error) bool { return err != nil })
	for i, e := range edits {
		f := &failure{status: http.StatusOK}
		if bad {
			f.status = http.StatusFailedDependency
			if wrong[i] != nil {
				f = failed(wrong[i])
			}
		}
		d.open(dav("propstat"))
		d.open(dav("prop"))
		d.empty(e.prop.name)
		d.close(dav("prop"))
		d.statusLine(f.status)
		if f.condition.local != "" {
			d.open(dav("error"))
			d.conditionOf(f)
			d.close(dav("error"))
		}
		d.close(dav("propstat"))
	}
}

// patchCollection changes the properties of a calendar or an address book. What
// it gives back says for each instruction why it cannot be followed.
func (q *request) patchCollection(tx *store.Tx, r *resource, edits []edit) ([]error, error) {
	wrong := make([]error, len(edits))
	if r.home != nil {
		return q.patchHome(tx, r, edits)
	}
	if r.col == nil || r.item != nil {
		for i := range edits {
			wrong[i] = unmet(dav("cannot-modify-protected-property"), "")
		}
		return wrong, nil
	}
	c := r.col
	before := c.folder.Name
	for i, e := range edits {
		wrong[i] = c.patch(e, q)
	}
	if slices.ContainsFunc(wrong, func(err error) bool { return err != nil }) {
		return wrong, nil
	}
	if c.folder.Name != before {
		if _, err := q.h.c.Mailboxes.UpdateFolder(tx, q.box, c.folder.ID, c.folder.Parent, c.folder.Name); err != nil {
			for i, e := range edits {
				if e.prop.name == dav("displayname") {
					wrong[i] = err
				}
			}
			return wrong, nil
		}
	}
	return wrong, q.h.meta.set(tx, q.box, c.folder.ID, c.meta)
}

// patchHome changes the properties of a home: what a client sets is only kept.
// Apple's calendar keeps its default alarms there.
func (q *request) patchHome(tx *store.Tx, r *resource, edits []edit) ([]error, error) {
	wrong := make([]error, len(edits))
	for i, e := range edits {
		if _, live := q.h.properties[e.prop.name]; live {
			wrong[i] = unmet(dav("cannot-modify-protected-property"), "")
		} else {
			wrong[i] = keep(&r.home.Dead, e, maxDeadBytes)
		}
	}
	if slices.ContainsFunc(wrong, func(err error) bool { return err != nil }) {
		return wrong, nil
	}
	return wrong, q.h.meta.set(tx, q.box, homeOf(r.kind), *r.home)
}

// patch follows one instruction.
func (c *collection) patch(e edit, q *request) error {
	value := e.prop.text()
	if e.remove {
		value = ""
	}
	if len(value) > maxText {
		return &failure{status: http.StatusInsufficientStorage}
	}
	switch n := e.prop.name; n {
	case dav("displayname"):
		return c.rename(strings.TrimSpace(value))
	case apple("calendar-color"):
		c.meta.Color = strings.TrimSpace(value)
	case apple("calendar-order"):
		c.meta.Order = strings.TrimSpace(value)
	case cal("calendar-description"), card("addressbook-description"):
		c.meta.Description = value
	case cal("calendar-timezone"):
		if value != "" {
			if o, err := calendar.Parse([]byte(value)); err != nil || !slices.ContainsFunc(o.Root.Children, func(k *calendar.Component) bool { return k.Name == "VTIMEZONE" }) {
				return unmet(cal("valid-calendar-data"), "")
			}
		}
		c.meta.Timezone = value
	case cal("schedule-calendar-transp"):
		c.meta.Transparent = !e.remove && e.prop.child(cal("transparent")) != nil
	default:
		if _, live := q.h.properties[n]; live {
			return unmet(dav("cannot-modify-protected-property"), "")
		}
		return keep(&c.meta.Dead, e, maxDeadBytes)
	}
	return nil
}

// rename gives the folder another name, which shows on phones too. A default
// folder keeps its own, and so does one of somebody else.
func (c *collection) rename(to string) error {
	switch {
	case to == c.folder.Name:
		return nil
	case to == "" || !utf8.ValidString(to):
		return &failure{status: http.StatusConflict}
	case c.folder.Role != mail.RoleNone || !c.own:
		return unmet(dav("cannot-modify-protected-property"), "")
	}
	c.folder.Name = to
	return nil
}

// keep sets or removes a property that is only kept, of all of which there are
// most bytes.
func keep(list *[]dead, e edit, most int) error {
	rest := slices.DeleteFunc(slices.Clone(*list), func(d dead) bool { return d.name == e.prop.name })
	if !e.remove {
		var d document
		d.element(e.prop)
		rest = append(rest, dead{e.prop.name, string(d.b)})
	}
	size := 0
	for i := range rest {
		size += len(rest[i].xml)
	}
	if len(rest) > maxDead || size > most {
		return &failure{status: http.StatusInsufficientStorage}
	}
	*list = rest
	return nil
}
