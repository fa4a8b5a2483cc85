package dav

import (
	"bytes"
	"context"
	"errors"
	"mime"
	"net/http"
	"strings"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/object"
	"martlet/mail/schedule"
	"martlet/store"
	"martlet/store/blob"
)

// maxTries bounds how often a change is planned anew because others changed what
// it stands on meanwhile.
const maxTries = 8

// put writes an object or a file (RFC 4791 5.3.2, RFC 6352 6.3.2).
func (q *request) put() error {
	switch {
	case q.at.kind == kindFile && !q.at.slash:
		return q.putFile()
	case q.at.kind == kindEntry:
		return mail.ErrReadOnly
	case q.at.kind&kindObject == 0 || q.at.slash:
		return fail(http.StatusMethodNotAllowed)
	case q.r.Header.Get("Content-Range") != "": // RFC 9110 14.5
		return &failure{status: http.StatusBadRequest, text: "an object is written whole"}
	}
	w := write{q: q, at: q.at, name: q.at.name}
	if err := q.view(w.open); err != nil { // before the body is looked at
		return err
	}
	release, err := w.receive()
	defer release()
	if err != nil {
		return err
	}
	if err := w.run(); err != nil {
		return err
	}
	hd := q.w.Header()
	r := w.col.object(&w.item)
	if w.asSent && !w.col.private(&w.item) { // RFC 4791 5.3.4
		hd.Set("ETag", r.etag())
	}
	if tag, ok := q.scheduleTag(r); ok {
		hd.Set("Schedule-Tag", tag)
	}
	status := http.StatusCreated
	if w.old != nil {
		status = http.StatusNoContent
	}
	if prefers(q.r, "return", "representation") && w.col.shows(&w.item) {
		return q.representation(r, status)
	}
	q.bare(status)
	return nil
}

// receive reads what the client sends. The returned function must be called when
// it is no longer used.
func (w *write) receive() (release func(), err error) {
	class, limit := w.col.folder.Class, int64(maxObject)
	if class == mail.ClassContacts {
		limit = maxCard
	}
	w.raw, release, err = w.q.readBody(limit)
	if f := (*failure)(nil); errors.As(err, &f) && f.status == http.StatusRequestEntityTooLarge {
		return release, unfit(class, object.ErrTooLarge)
	}
	if err != nil {
		return release, err
	}
	if err := w.q.costs(objectCost * int64(len(w.raw))); err != nil {
		return release, err
	}
	if w.raw == nil {
		w.raw = []byte{} // which is no object, and not a deletion
	}
	return release, checkType(w.q.r.Header.Get("Content-Type"), class)
}

// representation answers with what is kept now (RFC 8144 3).
func (q *request) representation(r *resource, status int) error {
	raw, err := q.body(r)
	if err != nil {
		return err
	}
	hd := q.w.Header()
	hd.Set("ETag", r.etag())
	hd.Set("Preference-Applied", "return=representation")
	hd.Set("Content-Location", r.href)
	hd.Set("Content-Type", r.contentType())
	if status == http.StatusNoContent {
		status = http.StatusOK
	}
	q.begin(status)
	_, _ = q.send(raw)
	return nil
}

// checkType refuses what says of itself that it is something else. Some say that
// an object is just bytes.
func checkType(contentType string, class mail.Class) error {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil || t == "application/octet-stream" || t == "text/plain" {
		return nil
	}
	if class == mail.ClassContacts {
		switch t {
		case "text/vcard", "text/x-vcard", "text/directory", "application/vcard":
			return nil
		}
		return unmet(card("supported-address-data"), "an address book holds text/vcard")
	}
	if t == "text/calendar" || t == "text/x-vcalendar" {
		return nil
	}
	return unmet(cal("supported-calendar-data"), "a calendar holds text/calendar")
}

// write is one object that is being written, or deleted.
type write struct {
	q      *request
	at     place
	name   string // empty: one that the mailbox makes
	raw    []byte // what the client wants; nil: it is to be deleted
	col    *collection
	old    *mail.Item // what is there; nil: nothing
	item   mail.Item  // what is there afterwards
	asSent bool       // it is kept byte for byte
	src    *source    // it comes from there; nil: with the request
}

// open finds the collection and what is there, and whether it may be changed.
func (w *write) open(tx *store.Tx) (err error) {
	q := w.q
	if w.src != nil {
		if err := w.src.open(q, tx); err != nil {
			return err
		}
	}
	if w.col, err = q.collection(tx, &w.at); err != nil {
		if errors.Is(err, mail.ErrNoFolder) && w.raw == nil && q.r.Method == http.MethodDelete {
			return fail(http.StatusNotFound)
		}
		if errors.Is(err, mail.ErrNoFolder) { // RFC 4918 9.7.1
			return &failure{status: http.StatusConflict, text: "there is no such collection"}
		}
		return err
	}
	w.old = nil
	if w.name != "" {
		it, err := q.item(tx, w.col, w.name)
		switch {
		case err == nil:
			w.old = &it
		case !errors.Is(err, mail.ErrNoItem):
			return err
		}
	}
	var r *resource
	if w.old != nil {
		r = w.col.object(w.old)
	}
	if w.src == nil {
		if err := q.conditions(r); err != nil {
			return err
		}
	}
	if !w.col.may(mail.MayWrite) || w.old != nil && w.col.private(w.old) {
		return mail.ErrReadOnly
	}
	if w.src != nil {
		return w.src.fits(w)
	}
	return nil
}

// run writes. What the change calls for (invitations) is worked out outside of the
// transaction and holds for what is there now: if that has changed, it is worked
// out again.
func (w *write) run() error {
	ctx := w.q.r.Context()
	for try := 1; ; try++ {
		err := w.once(ctx)
		if try < maxTries && (errors.Is(err, errAgain) || errors.Is(err, schedule.ErrStale) || errors.Is(err, blob.ErrGone)) {
			if err := w.q.view(w.open); err != nil {
				return err
			}
			continue
		}
		return err
	}
}

// errAgain means that what a change stands on has changed.
var errAgain = errors.New("dav: it has changed meanwhile")

func (w *write) once(ctx context.Context) error {
	q, class := w.q, w.col.folder.Class
	var from *mail.Item
	if w.src != nil {
		var err error
		if w.raw, err = q.body(w.src.resource); err != nil {
			return err
		}
		from = w.src.item
	}
	o, err := w.read(class, w.raw)
	if err != nil {
		return err
	}
	plan, err := w.plan(ctx, o)
	if err != nil {
		return err
	}
	if plan != nil && o != nil && !bytes.Equal(plan.New, o.Raw) {
		if o, err = w.read(class, plan.New); err != nil {
			return err
		}
	}
	var body mail.Body
	if o != nil {
		w.asSent = bytes.Equal(o.Raw, w.raw)
		if body, err = q.h.c.Mailboxes.KeepObject(ctx, o); err != nil {
			return err
		}
	}
	planned := w.old
	err = q.update(func(tx *store.Tx) error {
		if err := w.open(tx); err != nil {
			return err
		}
		if (plan != nil || from != nil) && !sameItem(planned, w.old) || from != nil && !sameItem(from, w.src.item) {
			return errAgain
		}
		if w.raw != nil {
			if err := w.unique(tx, class, body.Facts.UID); err != nil {
				return err
			}
		}
		if plan != nil {
			if err := plan.Commit(tx); err != nil {
				return err
			}
		}
		return w.commit(tx, class, body)
	})
	if err == nil && plan != nil {
		plan.Done()
	}
	return err
}

// read reads what is to be kept; nil: nothing is.
func (w *write) read(class mail.Class, raw []byte) (*object.Object, error) {
	if w.raw == nil {
		return nil, nil
	}
	o, err := object.Read(class, raw)
	if err != nil {
		return nil, unfit(class, misfit(class, raw, err))
	}
	return o, nil
}

// errComponent means that an object is of another class than its collection.
var errComponent = errors.New("dav: the collection holds other components")

// misfit tells an object of another class from one that is none.
func misfit(class mail.Class, raw []byte, err error) error {
	o, bad := calendar.Parse(raw)
	if class == mail.ClassContacts || bad != nil {
		return err
	}
	other := false
	for _, c := range o.Root.Children {
		switch c.Name {
		case component(class):
			return err
		case "VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY":
			other = true
		}
	}
	if other {
		return errComponent
	}
	return err
}

// commit is the change itself.
func (w *write) commit(tx *store.Tx, class mail.Class, body mail.Body) (err error) {
	boxes, f := w.q.h.c.Mailboxes, w.col.folder.ID
	if w.src != nil && w.src.move {
		if done, err := w.src.leave(w, tx); done || err != nil {
			return err
		}
	}
	switch {
	case w.raw == nil:
		if w.old == nil {
			return mail.ErrNoItem
		}
		_, err = boxes.Delete(tx, w.q.box, f, w.old.ID)
	case w.old != nil:
		if err := boxes.Room(tx, w.q.box, f, body.Blob.Size-w.old.Blob.Size, 0); err != nil {
			return err
		}
		w.item, err = boxes.ReplaceBody(tx, w.q.box, f, w.old.ID, body, nil)
	default:
		if err := boxes.Room(tx, w.q.box, f, body.Blob.Size, 1); err != nil {
			return err
		}
		w.item, err = boxes.Append(tx, w.q.box, f, mail.NewItem{Class: class, Body: body, Name: w.name})
	}
	return err
}

func sameItem(a, b *mail.Item) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.ID == b.ID && a.Blob == b.Blob
}

// unique refuses a second resource with a UID, and another UID for a resource
// (RFC 4791 5.3.2.1, RFC 6352 6.3.2.1).
func (w *write) unique(tx *store.Tx, class mail.Class, uid string) error {
	condition := cal("no-uid-conflict")
	if class == mail.ClassContacts {
		condition = card("no-uid-conflict")
	}
	if w.old != nil && w.old.UID != 0 && w.old.UID != mail.HashUID(class, uid) {
		return &failure{status: http.StatusForbidden, condition: condition, href: w.col.object(w.old).href, text: "the UID of a resource stays"}
	}
	places, err := w.q.h.c.Mailboxes.ByUID(tx, w.col.box, class, uid)
	if err != nil {
		return err
	}
	for _, p := range places {
		if p.Folder != w.col.real || w.old != nil && p.Item == w.old.ID || w.src != nil && w.src.move && w.src.isIn(w.col) && p.Item == w.src.item.ID {
			continue
		}
		f := &failure{status: http.StatusForbidden, condition: condition, text: "another resource has this UID"}
		if it, err := w.q.h.c.Mailboxes.Item(tx, w.q.box, w.col.folder.ID, p.Item); err == nil && w.col.shows(&it) {
			f.href = w.col.object(&it).href
		}
		return f
	}
	return nil
}

// delete deletes an object, a collection or a file (RFC 4918 9.6).
func (q *request) delete() error {
	if d := q.r.Header.Get("Depth"); d != "" && !strings.EqualFold(d, "infinity") && q.at.kind&kindCollection != 0 {
		return &failure{status: http.StatusBadRequest, text: "a collection goes with all that is in it"}
	}
	switch q.at.kind {
	case kindEvent, kindCard:
		w := write{q: q, at: q.at, name: q.at.name}
		if err := q.view(w.open); err != nil {
			return err
		}
		if w.old == nil {
			return fail(http.StatusNotFound)
		}
		if err := w.run(); err != nil {
			return err
		}
	case kindCalendar, kindBook:
		if err := q.deleteCollection(); err != nil {
			return err
		}
	case kindFile:
		if err := q.deleteFile(); err != nil {
			return err
		}
	case kindEntry:
		return mail.ErrReadOnly
	default:
		return unmet(dav("need-privileges"), "this stays")
	}
	q.bare(http.StatusNoContent)
	return nil
}
