package dav

import (
	"errors"
	"net/http"

	"martlet/mail"
	"martlet/store"
	"martlet/store/blob"
)

// report answers what properties alone do not tell (RFC 3253 3.6).
func (q *request) report() error {
	doc, err := q.readDocument()
	if err != nil {
		return err
	}
	if doc == nil {
		return badXML("there is none")
	}
	reports := map[name]func(*element, *resource) error{
		cal("calendar-query"):                q.calendarQuery,
		cal("calendar-multiget"):             q.multiget,
		cal("free-busy-query"):               q.freeBusyQuery,
		card("addressbook-query"):            q.bookQuery,
		card("addressbook-multiget"):         q.multiget,
		dav("sync-collection"):               q.syncCollection,
		dav("expand-property"):               q.expandProperty,
		dav("principal-property-search"):     q.principalSearch,
		dav("principal-search-property-set"): q.principalSearchSet,
		dav("principal-match"):               q.principalMatch,
		dav("acl-principal-prop-set"):        q.aclPrincipals,
	}
	do := reports[doc.name]
	if do == nil {
		return unmet(dav("supported-report"), "no such report here")
	}
	var r *resource
	err = q.view(func(tx *store.Tx) (err error) {
		r, err = q.find(tx, &q.at)
		return err
	})
	if err != nil {
		return err
	}
	for _, n := range reportsOf(r.kind) {
		if n == doc.name {
			return do(doc, r)
		}
	}
	return unmet(dav("supported-report"), "no such report here")
}

// readReported reads which properties of each resource a report is to tell.
func readReported(doc *element, of *resource) (a *asked, err error) {
	a = &asked{whole: true}
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
		}
	}
	if a.data != nil && of.col != nil {
		a.data.zone, err = of.col.zone(doc.child(cal("timezone")))
	}
	return a, err
}

// depth1 tells whether a report is about what is in a collection, too.
func depth1(r *http.Request) bool {
	return r.Header.Get("Depth") == "1" || r.Header.Get("Depth") == "infinity"
}

// multiget tells of the resources that it names (RFC 4791 7.9, RFC 6352 8.7).
func (q *request) multiget(doc *element, r *resource) error {
	a, err := readReported(doc, r)
	if err != nil {
		return err
	}
	var hrefs []string
	named := map[string]bool{}
	for e := range doc.children {
		if e.name != dav("href") {
			continue
		}
		if len(hrefs) == maxHrefs {
			return &failure{status: http.StatusForbidden, condition: dav("number-of-matches-within-limits"), text: "too many resources at once"}
		}
		if href := e.word(); !named[href] {
			named[href], hrefs = true, append(hrefs, href)
		}
	}
	m := q.newMultistatus()
	for len(hrefs) > 0 {
		n := min(len(hrefs), rowsAtOnce)
		if err := q.named(m, a, r, hrefs[:n]); err != nil {
			return m.broken(err)
		}
		hrefs = hrefs[n:]
	}
	return m.end("")
}

// named writes what is asked of the resources with some hrefs, all of one
// collection.
func (q *request) named(m *multistatus, a *asked, in *resource, hrefs []string) error {
	if in.list != nil {
		return q.namedEntries(m, a, in, hrefs)
	}
	c := in.col
	found := make([]*resource, len(hrefs))
	err := q.view(func(tx *store.Tx) error {
		for i, href := range hrefs {
			found[i] = nil
			at, err := q.parseHref(href)
			if err != nil || at.kind&kindObject == 0 || !at.own || at.segment != c.segment || at.under != under(&c.folder) {
				continue
			}
			it, err := q.item(tx, c, at.name)
			if errors.Is(err, mail.ErrNoItem) {
				continue
			}
			if err != nil {
				return err
			}
			found[i] = c.object(&it)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, r := range found {
		if r == nil {
			err = m.status(hrefs[i], &failure{status: http.StatusNotFound})
		} else {
			r.href = hrefs[i] // as the client wrote it, so that it finds its own
			err = m.object(r, a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// namedEntries is named of the address list.
func (q *request) namedEntries(m *multistatus, a *asked, list *resource, hrefs []string) error {
	for _, href := range hrefs {
		f := &failure{status: http.StatusNotFound}
		at, err := q.parseHref(href)
		if err == nil && at.kind == kindEntry && at.own {
			r, err := q.findEntry(list, at.name)
			if err == nil {
				r.href = href
				if err := m.response(r, a); err != nil {
					return err
				}
				continue
			}
			f = failed(err)
		}
		if err := m.status(href, f); err != nil {
			return err
		}
	}
	return nil
}

// object is response for one whose body may have gone since its row was read, or
// that cannot be told.
func (m *multistatus) object(r *resource, a *asked) error {
	mark := len(m.d.b)
	err := m.response(r, a)
	a.body = nil
	var f *failure
	switch {
	case err == nil || errors.Is(err, errSent):
		return err
	case errors.Is(err, blob.ErrGone):
		f = &failure{status: http.StatusNotFound}
	case errors.Is(err, errTooMuch):
		f = errTooMuch
	default:
		return err
	}
	m.d.b = m.d.b[:mark]
	return m.status(r.href, f)
}
