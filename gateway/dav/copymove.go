package dav

import (
	"errors"
	"net/http"
	"net/url"

	"martlet/mail"
	"martlet/mail/object"
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
	var src *resource
	err := q.view(func(tx *store.Tx) (err error) {
		src, err = q.find(tx, &q.at)
		return err
	})
	if err != nil {
		return err
	}
	if err := q.conditions(src); err != nil {
		return err
	}
	if src.col.private(src.item) || move && !src.col.may(mail.MayWrite) {
		return mail.ErrReadOnly
	}
	raw, err := q.body(src)
	if err != nil {
		return err
	}
	o, err := object.Read(src.col.folder.Class, raw)
	if err != nil {
		return unfit(src.col.folder.Class, err)
	}
	body, err := q.h.c.Mailboxes.KeepObject(q.r.Context(), o)
	if err != nil {
		return err
	}
	t := transfer{q: q, src: src, dst: dst, body: body, move: move}
	if err := q.update(t.run); err != nil {
		return err
	}
	if t.replaced {
		q.bare(http.StatusNoContent)
		return nil
	}
	q.w.Header().Set("Location", t.href)
	q.bare(http.StatusCreated)
	return nil
}

// transfer is an object on its way.
type transfer struct {
	q        *request
	src      *resource
	dst      place
	body     mail.Body
	move     bool
	replaced bool
	href     string
}

func (t *transfer) run(tx *store.Tx) error {
	q, boxes := t.q, t.q.h.c.Mailboxes
	w := write{q: q, at: t.dst, name: t.dst.name, free: true, raw: []byte{}}
	if err := w.open(tx); err != nil {
		return err
	}
	from := t.src.col.folder.ID
	now, err := boxes.Item(tx, q.box, from, t.src.item.ID)
	if err != nil {
		return err
	}
	class := t.src.col.folder.Class
	switch {
	case now.Blob != t.src.item.Blob:
		return fail(http.StatusConflict) // it has changed at this moment
	case w.col.folder.Class != class:
		return unmet(cal("supported-calendar-component"), "the calendar holds something else")
	case w.old != nil && w.old.ID == now.ID && w.col.real == t.src.col.real && w.col.box == t.src.col.box:
		return &failure{status: http.StatusForbidden, text: "it is there already"}
	case w.old != nil && q.r.Header.Get("Overwrite") == "F":
		return fail(http.StatusPreconditionFailed)
	}
	t.replaced = w.old != nil
	if w.old != nil {
		if _, err := boxes.Delete(tx, q.box, w.col.folder.ID, w.old.ID); err != nil {
			return err
		}
		w.old = nil
	}
	if t.move && now.Name == w.name && w.col.box == t.src.col.box {
		it, err := boxes.Move(tx, q.box, from, now.ID, w.col.folder.ID)
		t.href = w.col.object(&it).href
		return err
	}
	if t.move {
		if _, err := boxes.Delete(tx, q.box, from, now.ID); err != nil {
			return err
		}
	}
	if err := w.unique(tx, class, t.body.Facts.UID); err != nil {
		return err
	}
	it, err := boxes.Append(tx, q.box, w.col.folder.ID, mail.NewItem{Class: class, Body: t.body, Name: w.name})
	if errors.Is(err, mail.ErrNameTaken) {
		return fail(http.StatusPreconditionFailed)
	}
	t.href = w.col.object(&it).href
	return err
}
