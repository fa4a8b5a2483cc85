package dav

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"martlet/mail"
	"martlet/mail/object"
	"martlet/mail/schedule"
	"martlet/store"
	"martlet/store/blob"
)

// failure is an error with the status that it is answered with, and the
// condition that was not met (RFC 4918 16).
type failure struct {
	status    int
	condition name
	href      string // what stands in the way, in the condition
	text      string // for people
	allow     string // Allow of a 405
	cause     error  // for the log
}

// Error says what was wrong.
func (f *failure) Error() string {
	s := strconv.Itoa(f.status)
	if f.condition.local != "" {
		s += " " + f.condition.local
	}
	if f.text != "" {
		s += ": " + f.text
	}
	if f.cause != nil {
		s += ": " + f.cause.Error()
	}
	return s
}

// Unwrap is the error below it.
func (f *failure) Unwrap() error { return f.cause }

// fail is a failure that says no more than its status.
func fail(status int) error { return &failure{status: status} }

// unmet is the failure of a condition: what the client wants cannot be (RFC 4918
// 16: 403 where asking again does not help).
func unmet(condition name, text string) error {
	return &failure{status: http.StatusForbidden, condition: condition, text: text}
}

// errSent means that the answer had begun when something failed.
var errSent = errors.New("dav: the answer broke off")

// failed is how an error of the rooms below is answered.
func failed(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	say := func(status int, condition name, text string) *failure {
		return &failure{status: status, condition: condition, text: text, cause: err}
	}
	switch {
	case errors.Is(err, mail.ErrNoItem), errors.Is(err, mail.ErrNoFolder):
		return &failure{status: http.StatusNotFound}
	case errors.Is(err, mail.ErrReadOnly):
		return say(http.StatusForbidden, dav("need-privileges"), "you may only read here")
	case errors.Is(err, mail.ErrSystemFolder):
		return say(http.StatusForbidden, name{}, "a default folder stays as it is")
	case errors.Is(err, mail.ErrBadName), errors.Is(err, mail.ErrFolderExists), errors.Is(err, mail.ErrBadParent):
		return say(http.StatusConflict, name{}, "another folder has this name, or no folder can have it")
	case errors.Is(err, mail.ErrTooManyFolders), errors.Is(err, mail.ErrMailboxFull), errors.Is(err, store.ErrDiskFull):
		return say(http.StatusInsufficientStorage, dav("quota-not-exceeded"), "there is no more room")
	case errors.Is(err, mail.ErrOverQuota): // RFC 4331 6
		return say(http.StatusInsufficientStorage, dav("quota-not-exceeded"), "the mailbox holds as much as it may")
	case errors.Is(err, mail.ErrNoSpace):
		return say(http.StatusInsufficientStorage, dav("quota-not-exceeded"), "there is no more room for messages")
	case errors.Is(err, mail.ErrNotSender):
		return say(http.StatusForbidden, dav("need-privileges"), "you may not send in this name")
	case errors.Is(err, mail.ErrTooManyTo):
		return say(http.StatusForbidden, cal("max-attendees-per-instance"), "too many people are invited")
	case errors.Is(err, errAgain), errors.Is(err, schedule.ErrStale):
		return say(http.StatusServiceUnavailable, name{}, "others are changing it, too; try again")
	case errors.Is(err, blob.ErrGone): // a body that was collected before it was used
		return say(http.StatusServiceUnavailable, name{}, "try again")
	case errors.Is(err, mail.ErrNameTaken):
		return say(http.StatusConflict, name{}, "the name is taken")
	case errors.Is(err, mail.ErrItemTooLarge), errors.Is(err, store.ErrTooLarge):
		return say(http.StatusRequestEntityTooLarge, name{}, "too large")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return say(http.StatusServiceUnavailable, name{}, "broken off")
	}
	return say(http.StatusInternalServerError, name{}, "")
}

// unfit is how an object that cannot be kept is answered (RFC 4791 5.3.2.1, RFC
// 6352 6.3.2.1).
func unfit(class mail.Class, err error) error {
	space, what := nsCal, "calendar"
	if class == mail.ClassContacts {
		space, what = nsCard, "address"
	}
	f := &failure{status: http.StatusForbidden, cause: err}
	switch {
	case errors.Is(err, errComponent):
		f.condition, f.text = cal("supported-calendar-component"), "the calendar holds something else"
	case errors.Is(err, object.ErrTooLarge):
		f.condition, f.text = name{space, "max-resource-size"}, "the object is too large"
	case errors.Is(err, object.ErrTwo) && class == mail.ClassContacts:
		f.condition, f.text = card("valid-address-data"), "a resource holds one card"
	case errors.Is(err, object.ErrTwo):
		f.condition, f.text = cal("valid-calendar-object-resource"), "a resource holds what has one UID"
	case errors.Is(err, object.ErrMalformed):
		f.condition, f.text = name{space, "valid-" + what + "-data"}, "the object cannot be read"
	default:
		return err
	}
	return f
}

// refuse answers with an error: a status, and where there is something to say a
// DAV:error.
func (q *request) refuse(err error) {
	if errors.Is(err, errSent) {
		// Half an answer must not be taken for a whole one.
		q.h.log.Warn("dav answer broke off", "login", q.account.Login, "error", err)
		panic(http.ErrAbortHandler)
	}
	f := failed(err)
	if f.status == http.StatusInternalServerError {
		if q.r.Context().Err() != nil {
			q.status = 499 // nobody is left to answer
			return
		}
		q.h.log.Error("dav request failed", "login", q.account.Login, "method", q.r.Method, "error", err)
	}
	hd := q.w.Header()
	if f.status == http.StatusMethodNotAllowed {
		allow := f.allow
		if allow == "" {
			allow = q.allowed()
		}
		hd.Set("Allow", allow)
	}
	if f.status == http.StatusServiceUnavailable {
		hd.Set("Retry-After", "10")
	}
	if f.condition.local == "" && f.text == "" || q.r.Method == http.MethodHead {
		q.bare(f.status)
		return
	}
	q.writeXML(f.status, f.document().b)
}

// document is the DAV:error element (RFC 4918 14.5), with a text for people as
// others write it, too.
func (f *failure) document() *document {
	d := &document{}
	d.root(dav("error"))
	d.conditionOf(f)
	if f.text != "" {
		d.text(server("error-description"), f.text)
	}
	d.close(dav("error"))
	return d
}

func (d *document) conditionOf(f *failure) {
	switch {
	case f.condition.local == "":
	case f.href != "":
		d.open(f.condition)
		d.href(f.href)
		d.close(f.condition)
	default:
		d.empty(f.condition)
	}
}

// bare answers with a status alone.
func (q *request) bare(status int) {
	if status != http.StatusNoContent && status != http.StatusNotModified {
		q.w.Header().Set("Content-Length", "0")
	}
	q.begin(status)
}

func (q *request) writeXML(status int, body []byte) {
	hd := q.w.Header()
	hd.Set("Content-Type", "application/xml; charset=utf-8")
	hd.Set("Content-Length", strconv.Itoa(len(body)))
	q.begin(status)
	_, _ = q.send(body) // nobody is left to hear of an error
}
