package dav

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/object"
	"martlet/mail/schedule"
)

// scheduleTag is the Schedule-Tag of a meeting (RFC 6638 3.2.10). It changes with
// every change, which costs a client no more than another look.
func (q *request) scheduleTag(r *resource) (string, bool) {
	if q.h.c.Schedule == nil || r.item == nil || r.item.Class != mail.ClassCalendar || r.col.private(r.item) {
		return "", false
	}
	b, err := object.ParseBrief(r.item.Brief)
	if err != nil || !b.Attendees {
		return "", false
	}
	etag := r.etag()
	return `"s` + etag[1:], true
}

// plan works out what a change of an event calls for; nil: nothing ever does.
func (w *write) plan(ctx context.Context, o *object.Object) (*schedule.Plan, error) {
	q := w.q
	if q.h.c.Schedule == nil || w.col.folder.Class != mail.ClassCalendar {
		return nil, nil
	}
	if w.src != nil && w.src.move && w.old == nil { // the same bytes in another place
		return nil, nil
	}
	c := schedule.Change{Account: directory.AccountID(q.box), Box: q.box, Folder: w.col.folder.ID}
	if o != nil {
		c.New = o.Raw
	}
	if strings.EqualFold(q.r.Header.Get("Schedule-Reply"), "F") { // RFC 6638 8.1
		c.Invites = schedule.ByNobody
	}
	if w.old != nil {
		c.Item = w.old.ID
		var err error
		if c.Old, err = q.h.c.Mailboxes.Blobs().Read(ctx, w.old.Blob); err != nil {
			return nil, err
		}
	}
	if c.Old == nil && c.New == nil {
		return nil, nil
	}
	p, err := q.h.c.Schedule.Plan(ctx, c)
	return p, unscheduled(err)
}

// unscheduled is how a meeting that cannot be is answered (RFC 6638 3.2.4).
func unscheduled(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, schedule.ErrOrganizer):
		return &failure{status: http.StatusForbidden, condition: cal("allowed-organizer-scheduling-object-change"), text: "the organizer of a meeting stays", cause: err}
	case errors.Is(err, schedule.ErrTooMany):
		return &failure{status: http.StatusForbidden, condition: cal("max-attendees-per-instance"), text: "too many people are invited", cause: err}
	}
	return fmt.Errorf("dav: %w", err)
}
