package dav

import (
	"net/http"
	"net/url"

	"martlet/mail"
	"martlet/store"
)

func (q *request) copy() error { return q.transfer(false) }
func (q *request) move() error { return q.transfer(true) }

// transfer copies or moves an object into another place, or a file (RFC 4918 9.8,
// 9.9).
func (q *request) transfer(move bool) error {
	dst, err := q.destination()
	if err != nil {
		return err
	}
	switch q.at.kind {
	case kindFile:
		return q.transferFile(dst, move)
	case kindEvent, kindCard:
	case kindCalendar, kindBook:
		return unmet(dav("need-privileges"), "a collection stays where it is")
	default:
		return fail(http.StatusMethodNotAllowed)
	}
	if dst.kind != q.at.kind {
		return unmet(q.misplaced(), "it can be in a collection of its kind only")
	}
	if !dst.own {
		return unmet(dav("need-privileges"), "somebody else's home")
	}
	return q.transferObject(dst, move)
}

// misplaced is the condition that an object in the wrong place does not meet.
func (q *request) misplaced() name {
	if q.at.kind == kindCard {
		return card("supported-address-data")
	}
	return cal("supported-calendar-data")
}

// destination reads where to (RFC 4918 10.3).
func (q *request) destination() (place, error) {
	hd := q.r.Header.Get("Destination")
	if hd == "" {
		return place{}, &failure{status: http.StatusBadRequest, text: "there is no Destination"}
	}
	if u, err := url.Parse(hd); err == nil && u.Host == q.r.Host {
		hd = u.EscapedPath()
	}
	return q.parseHref(hd)
}

// transferObject writes the object under its new name and deletes the old one, in
// one transaction. Where nothing but the folder changes it is a move for phones
// too.
func (q *request) transferObject(dst place, move bool) error {
	w := write{q: q, at: dst, name: dst.name, raw: []byte{}, src: &source{move: move}}
	if err := q.view(w.open); err != nil {
		return err
	}
	if err := w.run(); err != nil {
		return err
	}
	if w.old != nil {
		q.bare(http.StatusNoContent)
		return nil
	}
	q.w.Header().Set("Location", w.col.object(&w.item).href)
	q.bare(http.StatusCreated)
	return nil
}

// source is an object that is copied, or moved, to where a write puts it.
type source struct {
	*resource
	move bool
}

// open finds the object, and whether it may go.
func (s *source) open(q *request, tx *store.Tx) (err error) {
	if s.resource, err = q.find(tx, &q.at); err != nil {
		return err
	}
	if err := q.conditions(s.resource); err != nil {
		return err
	}
	if s.col.private(s.item) || s.move && !s.col.may(mail.MayWrite) {
		return mail.ErrReadOnly
	}
	return nil
}

// isIn tells whether the object is in a mailbox.
func (s *source) isIn(c *collection) bool { return s.col.box == c.box }

// fits tells whether the object may come to where it is to be.
func (s *source) fits(w *write) error {
	switch {
	case w.col.folder.Class != s.col.folder.Class:
		return unmet(cal("supported-calendar-component"), "the calendar holds something else")
	case w.old != nil && s.isIn(w.col) && w.old.ID == s.item.ID && w.col.real == s.col.real:
		return &failure{status: http.StatusForbidden, text: "it is there already"}
	case w.old != nil && w.q.r.Header.Get("Overwrite") == "F":
		return fail(http.StatusPreconditionFailed)
	}
	if _, meeting := w.q.scheduleTag(s.resource); !meeting {
		return nil
	}
	switch {
	case s.move && !s.isIn(w.col): // to whom it would be cancelled, or declined
		return unmet(name{}, "a meeting stays with who has it")
	case !s.move && s.isIn(w.col): // RFC 6638 3.2.4.1
		return &failure{status: http.StatusForbidden, condition: cal("unique-scheduling-object-resource"), href: s.href, text: "a meeting is in one calendar"}
	}
	return nil
}

// leave takes the object away from where it was. Where it only changes the folder
// it is moved: gone tells that nothing is left to be written.
func (s *source) leave(w *write, tx *store.Tx) (gone bool, err error) {
	boxes, from := w.q.h.c.Mailboxes, s.col.folder.ID
	if w.old == nil && s.item.Name == w.name && s.isIn(w.col) {
		w.item, err = boxes.Move(tx, w.q.box, from, s.item.ID, w.col.folder.ID)
		return true, err
	}
	_, err = boxes.Delete(tx, w.q.box, from, s.item.ID)
	return false, err
}
