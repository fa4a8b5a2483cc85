// Package dav is the door of calendar and address book programs: CalDAV (RFC
// 4791, 6638), CardDAV (RFC 6352) and as much of WebDAV (RFC 4918, classes 1
// and 3; 3744, 5397, 5689, 6578) as they need, below /dav. Its resources are the
// items of the mailboxes that phones synchronise. It must never keep a truth of
// its own beside them: what it stores is how a collection is called, coloured
// and described, and files for whom the administrator allows some.
package dav

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"martlet/directory"
	"martlet/internal/tracing"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/schedule"
	"martlet/mail/share"
	"martlet/store"
)

// Path is where everything is.
const Path = "/dav"

// Limits of what a client asks and sends.
const (
	maxXML       = 4 << 20  // bytes of a request's document: a multiget of 20,000 resources
	maxObject    = 20 << 20 // bytes of an event or a card
	maxHrefs     = 20_000   // resources that one multiget names
	maxSegment   = 512      // bytes of a resource's name
	maxPath      = 4096     // bytes of a path
	maxInstances = 5_000    // occurrences that one resource is expanded to
	maxAttendees = 1_000    // whose free time one request asks for
	maxSearched  = 200      // principals that one search finds
)

// Config is what the door stands on. Store, Directory and Mailboxes are needed.
type Config struct {
	Store     *store.Store
	Directory *directory.Directory
	Mailboxes *mailbox.Mailboxes
	Logger    *slog.Logger   // nil: nothing is logged
	Tracer    tracing.Tracer // nil: nothing is traced
	Shares    *share.Shares  // nil: nothing is shared
	// Schedule sends and takes invitations and knows who is busy; nil: no scheduling
	// is offered, and nobody is busy.
	Schedule *schedule.Scheduler
	// FileBytes is how much each user may keep in files; 0: there are no files.
	FileBytes int64
}

// Handler answers. Use New.
type Handler struct {
	c      Config
	log    *slog.Logger
	meta   metaTables
	files  fileTables
	bodies budget
	clock  func() time.Time
	origin *http.CrossOriginProtection

	properties map[name]property
	order      []name // of properties, in answers to allprop
}

// New makes the door.
func New(c Config) (*Handler, error) {
	if c.Store == nil || c.Directory == nil || c.Mailboxes == nil {
		return nil, errors.New("dav: store, directory and mailboxes are needed")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Handler{c: c, log: c.Logger, meta: newMetaTables(), files: newFileTables(), clock: time.Now, origin: http.NewCrossOriginProtection()}
	h.properties = liveProperties()
	h.order = slices.SortedFunc(maps.Keys(h.properties), func(a, b name) int {
		return cmp.Or(strings.Compare(a.space, b.space), strings.Compare(a.local, b.local))
	})
	return h, nil
}

// request is one request of a user.
type request struct {
	h       *Handler
	w       http.ResponseWriter
	r       *http.Request
	account directory.Account
	box     mail.MailboxID
	at      place
	start   time.Time
	free    []func() // when the request is over
	status  int      // answered so far; zero: nothing
	sent    int64    // bytes of the answer's body
}

// methods are all that there are; which of them a resource takes is in Allow.
var methods = map[string]func(*request) error{
	http.MethodOptions: (*request).options,
	http.MethodGet:     (*request).get,
	http.MethodHead:    (*request).get,
	http.MethodPut:     (*request).put,
	http.MethodDelete:  (*request).delete,
	http.MethodPost:    (*request).post,
	"PROPFIND":         (*request).propfind,
	"PROPPATCH":        (*request).proppatch,
	"MKCOL":            (*request).mkcol,
	"MKCALENDAR":       (*request).mkcalendar,
	"COPY":             (*request).copy,
	"MOVE":             (*request).move,
	"REPORT":           (*request).report,
}

// WellKnown leads clients that only know the host (RFC 6764 5).
func WellKnown(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Location", Path+"/")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusMovedPermanently)
}

// Serve answers one request of a user.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, a directory.Account) {
	q := &request{h: h, w: w, r: r, account: a, box: mail.MailboxOf(a.ID), start: h.clock()}
	defer func() {
		for _, free := range q.free {
			free()
		}
	}()
	ctx, work := tracing.Start(r.Context(), h.c.Tracer, tracing.Server, "dav")
	defer work.End()
	if work.Recorded() {
		q.r = r.WithContext(ctx)
	}
	q.mayWrite(0)
	err := error(&failure{status: http.StatusServiceUnavailable, text: "too many requests at once"})
	if h.bodies.enter(a.ID) {
		defer h.bodies.leave(a.ID)
		err = q.answer()
	}
	if err != nil {
		q.refuse(err)
	}
	if methods[r.Method] != nil {
		work.Command("dav", r.Method)
	}
	work.Number("http.response.status_code", q.status)
	if q.status >= http.StatusInternalServerError {
		work.Fail("server error")
	}
	q.logAnswer(err)
}

// answer is the way of a request: method, place, what is shared, method.
func (q *request) answer() error {
	// A browser that remembers a login sends it with what any page asks of it.
	if err := q.h.origin.Check(q.r); err != nil {
		return &failure{status: http.StatusForbidden, text: "pages of other sites change nothing here", cause: err}
	}
	if q.account.Server != "" {
		q.w.Header().Set("Location", strings.TrimSuffix(q.account.Server, "/")+q.r.URL.RequestURI())
		return fail(http.StatusTemporaryRedirect)
	}
	do := methods[q.r.Method]
	if do == nil {
		return fail(http.StatusMethodNotAllowed)
	}
	at, err := q.h.parsePath(q.r.URL.EscapedPath(), &q.account)
	if err != nil {
		return err
	}
	q.at = at
	if err := q.ready(); err != nil {
		return err
	}
	if err := q.view(q.ifHolds); err != nil {
		return err
	}
	return do(q)
}

// ready makes the mailbox on first use, and sees what others share with it.
func (q *request) ready() error {
	if err := q.h.c.Mailboxes.Create(q.r.Context(), q.box); err != nil {
		return err
	}
	if q.h.c.Shares == nil {
		return nil
	}
	_, err := q.h.c.Shares.Refresh(q.r.Context(), q.account.ID)
	return err
}

func (q *request) view(fn func(*store.Tx) error) error { return q.h.c.Store.View(q.r.Context(), fn) }

// update changes something, if the request's If header still holds: much may have
// happened while the body came.
func (q *request) update(fn func(*store.Tx) error) error {
	return q.h.c.Store.Update(q.r.Context(), func(tx *store.Tx) error {
		if err := q.ifHolds(tx); err != nil {
			return err
		}
		return fn(tx)
	})
}

// slowest is the line in bytes a second on which a request is still waited for.
const slowest = 8 << 10

// mayWrite gives the client time to take n more bytes.
func (q *request) mayWrite(n int) {
	// Who cannot set a deadline, as in some tests, has none.
	_ = http.NewResponseController(q.w).SetWriteDeadline(time.Now().Add(time.Minute + time.Duration(n/slowest)*time.Second))
}

// begin sends the status: what was read before may have taken its time.
func (q *request) begin(status int) {
	q.mayWrite(0)
	q.status = status
	q.w.WriteHeader(status)
}

// send sends a part of the answer's body.
func (q *request) send(p []byte) (int, error) {
	q.mayWrite(len(p))
	n, err := q.w.Write(p)
	q.sent += int64(n)
	return n, err
}

// logAnswer writes the request's line in the log: never what it says.
func (q *request) logAnswer(err error) {
	level := slog.LevelInfo
	if q.status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	ctx := context.Background()
	if !q.h.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("login", q.account.Login), slog.Uint64("account", uint64(q.account.ID)), slog.String("method", q.r.Method),
		slog.Int("http", q.status), slog.Int64("bytes_out", q.sent), slog.Duration("took", q.h.clock().Sub(q.start)),
	}
	if err != nil {
		attrs = append(attrs, slog.String("reason", err.Error()))
	}
	q.h.log.LogAttrs(ctx, level, "dav request", attrs...)
}
