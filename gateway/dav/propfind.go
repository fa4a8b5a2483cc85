package dav

import (
	"martlet/mail"
	"martlet/store"
)

// maxProps bounds how many properties one request names.
const maxProps = 200

// rowsAtOnce is how many items are read in one transaction: nothing is sent
// while one is open.
const rowsAtOnce = 500

// propfind tells properties of a resource, and with Depth 1 of what is in it
// (RFC 4918 9.1).
func (q *request) propfind() error {
	doc, err := q.readDocument()
	if err != nil {
		return err
	}
	a, err := q.readPropfind(doc)
	if err != nil {
		return err
	}
	deep := false
	switch q.r.Header.Get("Depth") {
	case "0":
	case "1":
		deep = true
	default: // RFC 4918 9.1: none is infinity
		return unmet(dav("propfind-finite-depth"), "Depth is 0 or 1 here")
	}
	var r *resource
	err = q.view(func(tx *store.Tx) (err error) {
		r, err = q.find(tx, &q.at)
		return err
	})
	if err != nil {
		return err
	}
	m := q.newMultistatus()
	if err := m.response(r, a); err != nil {
		return m.broken(err)
	}
	if deep {
		if err := q.within(r, func(r *resource) error { return m.response(r, a) }); err != nil {
			return m.broken(err)
		}
	}
	return m.end("")
}

// readPropfind reads what is wanted; without a document that is allprop.
func (q *request) readPropfind(doc *element) (*asked, error) {
	a := &asked{}
	if doc == nil {
		a.all = true
		return a, nil
	}
	if doc.name != dav("propfind") {
		return nil, badXML("it is not a DAV:propfind")
	}
	known := false
	for e := range doc.children {
		switch e.name {
		case dav("prop"):
			if err := a.read(e); err != nil {
				return nil, err
			}
		case dav("allprop"):
			a.all = true
		case dav("propname"):
			a.only = true
		case dav("include"):
			if err := a.read(e); err != nil {
				return nil, err
			}
			continue
		default:
			continue
		}
		if known {
			return nil, badXML("it asks in two ways")
		}
		known = true
	}
	if !known {
		return nil, badXML("it asks for nothing")
	}
	return a, nil
}

// read reads a DAV:prop.
func (a *asked) read(prop *element) error {
	for e := range prop.children {
		if len(a.names) == maxProps {
			return badXML("it asks for too many properties")
		}
		a.names = append(a.names, e.name)
		if e.name == cal("calendar-data") || e.name == card("address-data") {
			d, err := readDataAsked(e)
			if err != nil {
				return err
			}
			a.data = d
		}
	}
	return nil
}

// within visits what a collection holds.
func (q *request) within(r *resource, visit func(*resource) error) error {
	switch r.kind {
	case kindCalendar, kindBook:
		return q.objects(r.col, visit)
	case kindFolder:
		return q.filesWithin(r, visit)
	case kindDirectory:
		return q.entries(r, visit)
	}
	var found []*resource
	err := q.view(func(tx *store.Tx) (err error) {
		found, err = q.members(tx, r)
		return err
	})
	for _, k := range found {
		if err == nil {
			err = visit(k)
		}
	}
	return err
}

// members are what a collection that is not a folder holds.
func (q *request) members(tx *store.Tx, r *resource) ([]*resource, error) {
	var places []place
	switch r.kind {
	case kindRoot:
		places = []place{{kind: kindPrincipals}, {kind: kindHomes, under: atCalendars}, {kind: kindHomes, under: atBooks}}
		if q.h.c.FileBytes > 0 {
			places = append(places, place{kind: kindHomes, under: atFiles})
		}
	case kindPrincipals: // who else there is, a search tells
		places = []place{{kind: kindPrincipal, own: true}}
	case kindHomes:
		k := map[string]kind{atCalendars: kindCalendarHome, atBooks: kindBookHome, atFiles: kindFolder}[r.under]
		places = []place{{kind: k, under: r.under, own: true}}
	case kindCalendarHome:
		if q.h.c.Schedule != nil {
			places = []place{
				{kind: kindInbox, under: atCalendars, own: true, segment: inboxSegment},
				{kind: kindOutbox, under: atCalendars, own: true, segment: outboxSegment},
			}
		}
	}
	var found []*resource
	for i := range places {
		k, err := q.find(tx, &places[i])
		if err != nil {
			return nil, err
		}
		found = append(found, k)
	}
	if r.kind&kindHome == 0 {
		return found, nil
	}
	home := atCalendars
	if r.kind == kindBookHome {
		home = atBooks
	}
	all, err := q.collections(tx, home)
	for _, c := range all {
		found = append(found, &resource{kind: c.kind(), href: c.href, col: c})
	}
	if err == nil && r.kind == kindBookHome { // the last: some write into the first
		var list *resource
		list, err = q.findList(tx)
		found = append(found, list)
	}
	return found, err
}

// objects visits the items of a folder by their rows alone.
func (q *request) objects(c *collection, visit func(*resource) error) error {
	batch := make([]mail.Item, 0, min(rowsAtOnce, int(c.folder.Items)))
	for after := mail.ItemID(0); ; {
		batch = batch[:0]
		err := q.view(func(tx *store.Tx) error {
			batch = batch[:0]
			for it, err := range q.h.c.Mailboxes.Items(tx, q.box, c.folder.ID, after) {
				if err != nil {
					return err
				}
				batch = append(batch, it)
				if len(batch) == rowsAtOnce {
					break
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i := range batch {
			after = batch[i].ID
			if !c.shows(&batch[i]) {
				continue
			}
			if err := visit(c.object(&batch[i])); err != nil {
				return err
			}
		}
		if len(batch) < rowsAtOnce {
			return nil
		}
	}
}
