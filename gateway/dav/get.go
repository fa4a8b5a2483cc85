package dav

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"martlet/mail/calendar"
	"martlet/mail/vcard"
	"martlet/store"
	"martlet/store/blob"
)

// compliance is what the door can do (RFC 4918 18, RFC 3744 7.2, RFC 4791 5.1, RFC
// 6638 2, RFC 6352 6.1, RFC 5689 3.1).
const compliance = "1, 3, extended-mkcol, access-control, calendar-access, addressbook, calendarserver-principal-property-search"

// options says what there is.
func (q *request) options() error {
	dav := compliance
	if q.h.c.Schedule != nil {
		dav += ", calendar-auto-schedule"
	}
	hd := q.w.Header()
	hd.Set("DAV", dav)
	hd.Set("Allow", q.allowed())
	q.bare(http.StatusOK)
	return nil
}

// allowed are the methods that the resource takes.
func (q *request) allowed() string {
	all := []string{"OPTIONS", "GET", "HEAD", "PROPFIND", "REPORT"}
	switch q.at.kind {
	case kindEvent, kindCard:
		all = append(all, "PUT", "DELETE", "COPY", "MOVE")
	case kindCalendar, kindBook:
		all = append(all, "PROPPATCH", "DELETE", "MKCOL", "POST")
		if q.at.kind == kindCalendar {
			all = append(all, "MKCALENDAR")
		}
	case kindOutbox:
		all = append(all, "POST")
	case kindCalendarHome, kindBookHome:
		all = append(all, "PROPPATCH")
	case kindFile, kindFolder:
		all = append(all, "PUT", "DELETE", "COPY", "MOVE", "MKCOL", "PROPPATCH")
	}
	return strings.Join(all, ", ")
}

// get answers with a resource: an object, a file, a whole calendar or address
// book, or a word about what this is to who looks with a browser.
func (q *request) get() error {
	var r *resource
	err := q.view(func(tx *store.Tx) (err error) {
		r, err = q.find(tx, &q.at)
		return err
	})
	if err != nil {
		return err
	}
	switch {
	case r.item != nil:
		return q.getObject(r)
	case r.entry != nil:
		return q.getEntry(r)
	case r.kind&(kindList|kindDirectory) != 0:
		return q.getList(r)
	case r.file != nil && !r.file.folder:
		return q.getFile(r)
	}
	return q.getPage()
}

func (q *request) getObject(r *resource) error {
	hd := q.w.Header()
	hd.Set("ETag", r.etag())
	if tag, ok := q.scheduleTag(r); ok {
		hd.Set("Schedule-Tag", tag)
	}
	if err := q.conditions(r); err != nil {
		return err
	}
	raw, err := q.body(r)
	if errors.Is(err, blob.ErrGone) {
		return fail(http.StatusNotFound)
	}
	if err != nil {
		return err
	}
	if r.kind == kindCard {
		if raw, err = cardIn(raw, !strings.Contains(q.r.Header.Get("Accept"), "version=4.0") && !strings.Contains(q.r.Header.Get("Accept"), `version="4.0"`)); err != nil {
			return err
		}
	}
	return q.write(r.contentType(), raw)
}

func (q *request) getEntry(r *resource) error {
	q.w.Header().Set("ETag", r.etag())
	if err := q.conditions(r); err != nil {
		return err
	}
	raw, err := q.entryCard(r.entry)
	if err != nil {
		return err
	}
	return q.write(r.contentType(), raw)
}

// write answers with a body.
func (q *request) write(contentType string, body []byte) error {
	hd := q.w.Header()
	hd.Set("Content-Type", contentType)
	hd.Set("Content-Length", strconv.Itoa(len(body)))
	hd.Set("X-Content-Type-Options", "nosniff")
	q.begin(http.StatusOK)
	if q.r.Method != http.MethodHead {
		_, _ = q.send(body)
	}
	return nil
}

// getList answers with all that is in a calendar or an address book, for programs
// that subscribe to one and for who wants a copy. It is written as it is read.
func (q *request) getList(r *resource) error {
	hd := q.w.Header()
	hd.Set("ETag", r.etag())
	if err := q.conditions(r); err != nil {
		return err
	}
	hd.Set("Content-Type", r.contentType())
	hd.Set("X-Content-Type-Options", "nosniff")
	q.begin(http.StatusOK)
	if q.r.Method == http.MethodHead {
		return nil
	}
	w := listWriter{q: q, zones: map[string]bool{}}
	if r.kind == kindCalendar {
		head := calendar.Component{Name: "VCALENDAR", Props: []calendar.Property{
			{Name: "VERSION", Value: "2.0"}, {Name: "PRODID", Value: calendar.ProductID}, {Name: "X-WR-CALNAME", Value: calendar.EscapeText(r.col.folder.Name)},
		}}
		text := head.Append(nil)
		w.b = append(w.b, text[:len(text)-len("END:VCALENDAR\r\n")]...)
	}
	if err := q.within(r, w.object); err != nil {
		return errors.Join(errSent, err)
	}
	if r.kind == kindCalendar {
		w.b = append(w.b, "END:VCALENDAR\r\n"...)
	}
	return w.flush()
}

// listWriter writes many objects as one.
type listWriter struct {
	q     *request
	b     []byte
	zones map[string]bool // that have been written
}

func (w *listWriter) object(r *resource) error {
	raw, err := w.q.body(r)
	if errors.Is(err, blob.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	if r.kind&kindCards != 0 {
		if raw, err = cardIn(raw, true); err != nil {
			if _, bad := vcard.Parse(raw); bad != nil {
				return nil
			}
			return err
		}
		w.b = append(w.b, raw...)
	} else {
		o, err := calendar.Parse(raw)
		if err != nil {
			return nil
		}
		for _, c := range o.Root.Children {
			if c.Name == "VTIMEZONE" {
				id := c.TZID()
				if w.zones[id] {
					continue
				}
				w.zones[id] = true
			}
			w.b = c.Append(w.b)
		}
	}
	if len(w.b) < flushAt {
		return nil
	}
	return w.flush()
}

func (w *listWriter) flush() error {
	_, err := w.q.send(w.b)
	w.b = w.b[:0]
	if err != nil {
		return errors.Join(errSent, err)
	}
	return nil
}

// getPage says to a person what this is.
func (q *request) getPage() error {
	return q.write("text/plain; charset=utf-8", []byte("This is for calendar and address book programs (CalDAV, CardDAV).\nGive them the address of this host and your login.\n"))
}

// conditions holds the request's conditions against a resource that is there
// (RFC 9110 13.2.2). A nil resource is not there.
func (q *request) conditions(r *resource) error {
	hd := q.r.Header
	list := func(name string) string { return strings.Join(hd.Values(name), ",") }
	there, etag := r != nil, ""
	if there {
		etag = r.etag()
	}
	if want := list("If-Match"); want != "" && !(there && matchesETag(want, etag)) {
		return fail(http.StatusPreconditionFailed)
	}
	if want := hd.Get("If-Schedule-Tag-Match"); want != "" { // RFC 6638 3.2.10
		if !there {
			return fail(http.StatusPreconditionFailed)
		}
		if tag, ok := q.scheduleTag(r); !ok || want != tag {
			return fail(http.StatusPreconditionFailed)
		}
	}
	if want := list("If-None-Match"); want != "" && there && matchesETag(want, etag) {
		if q.r.Method == http.MethodGet || q.r.Method == http.MethodHead {
			return fail(http.StatusNotModified)
		}
		return fail(http.StatusPreconditionFailed)
	}
	return nil
}

// matchesETag looks for an entity tag in a list of them. A weak one is compared
// as if it were strong: proxies that compress make tags weak.
func matchesETag(list, etag string) bool {
	if strings.TrimSpace(list) == "*" {
		return true
	}
	for t := range strings.SplitSeq(list, ",") {
		t = strings.TrimPrefix(strings.TrimSpace(t), "W/")
		t = strings.Replace(t, `-gzip"`, `"`, 1)
		if t == etag || t != "" && strconv.Quote(t) == etag { // some leave the quotes away
			return true
		}
	}
	return false
}
