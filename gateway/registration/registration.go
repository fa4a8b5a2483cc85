// Package registration is the door by which apps register to be woken: a JSON
// API below /push/v1, described by openapi.json. It knows documents and HTTP;
// what a registration is and what it is told is mail/announce's. It must never
// give back a token, an endpoint or a key, nor write one into the log, and never
// tell one user that another's registration exists.
package registration

import (
	"context"
	_ "embed"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"martlet/directory"
	"martlet/mail/announce"
	"martlet/mail/mailbox"
	"martlet/push"
	"martlet/store"
)

// Path is where the API is.
const Path = "/push/v1"

// The description of the API, OpenAPI 3.1.
//
//go:embed openapi.json
var description []byte

// App is an app that an administrator has set up.
type App struct {
	Name    string
	Kind    push.Kind
	Topic   string // APNs
	Sandbox bool   // APNs: apps that are still being built may register too
	VAPID   string // Web Push: the public key, in URL-safe base64
}

// Config is what the API stands on. Store, Book and Mailboxes are required.
type Config struct {
	Store     *store.Store
	Book      *announce.Book
	Mailboxes *mailbox.Mailboxes
	Logger    *slog.Logger // nil: nothing is logged

	Settings
	Detail    announce.Detail // the most that alerts may say
	SealSuite string          // how sealed notifications are encrypted
	// TestPatience bounds how long an answer to a test waits; 0: 10 s.
	TestPatience time.Duration
}

// Settings are what can change while the API is in use.
type Settings struct {
	Apps    []App
	Origins []string // of web apps whose pages may register, "https://mail.example.org"
	// CheckEndpoint refuses Web Push endpoints that must not be talked to; nil:
	// none is refused.
	CheckEndpoint func(ctx context.Context, endpoint string) error
}

// Handler answers. Use New.
type Handler struct {
	c       Config
	now     atomic.Pointer[settings]
	log     *slog.Logger
	writes  *pace
	tests   *pace
	waiting waiting
	// patience is how long a document may take to arrive.
	patience time.Duration
}

// New makes the API.
func New(c Config) (*Handler, error) {
	if c.Store == nil || c.Book == nil || c.Mailboxes == nil {
		return nil, errors.New("registration: store, book and mailboxes are needed")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.TestPatience == 0 {
		c.TestPatience = 10 * time.Second
	}
	h := &Handler{c: c, log: c.Logger, writes: newPace(writeBurst, writeEvery), tests: newPace(testBurst, testEvery), patience: bodyPatience}
	h.Reconfigure(c.Settings)
	return h, nil
}

// settings are Settings as they are used.
type settings struct {
	Settings
	protection *http.CrossOriginProtection
}

// Reconfigure changes the settings. Registrations of apps that are gone stay,
// and wait for the app to come back.
func (h *Handler) Reconfigure(s Settings) {
	h.now.Store(&settings{s, protection(s.Origins)})
}

// AccountHandler is an endpoint that knows who asks.
type AccountHandler = func(http.ResponseWriter, *http.Request, directory.Account)

// Door is the whole API. Authenticated lets a user in to the first handler, and
// who may not synchronise to the second.
func (h *Handler) Door(authenticated func(next, refuse AccountHandler) http.Handler) http.Handler {
	inside := authenticated(h.serve, func(w http.ResponseWriter, _ *http.Request, _ directory.Account) {
		writeProblem(w, h.log, problemf(http.StatusForbidden, codeForbidden, "this account may not synchronise, so that its apps are not woken; an administrator can change it"))
	})
	return h.crossOrigin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if place(r) == "openapi.json" {
			h.describe(w, r)
			return
		}
		inside.ServeHTTP(&explaining{ResponseWriter: w, log: h.log}, r)
	}))
}

// place is the path below Path, without slashes around it.
func place(r *http.Request) string {
	p := strings.Trim(r.URL.Path, "/")
	return strings.Trim(p[min(len(Path)-1, len(p)):], "/")
}

// explaining gives refusals from outside of this package a body that says what
// to do.
type explaining struct {
	http.ResponseWriter
	log  *slog.Logger
	done bool
}

// WriteHeader writes the status and, where none comes, a problem.
func (e *explaining) WriteHeader(status int) {
	if status < http.StatusBadRequest || e.Header().Get("Content-Type") != "" || e.done {
		e.done = true
		e.ResponseWriter.WriteHeader(status)
		return
	}
	e.done = true
	p := problemf(status, codeServer, "the server failed; try again later")
	switch status {
	case http.StatusUnauthorized:
		p = problemf(status, codeUnauthorized, "log in with the user's address and password (HTTP Basic)")
	case http.StatusForbidden:
		p = problemf(status, codeForbidden, "this account is disabled; an administrator can change it")
	case http.StatusServiceUnavailable:
		p = problemf(status, codeSlowDown, "not now; try again when Retry-After says")
		p.cause = errors.New("registration: refused at the door")
	}
	writeProblem(e.ResponseWriter, slog.New(slog.DiscardHandler), p)
}

// Unwrap gives http.ResponseController what lies below.
func (e *explaining) Unwrap() http.ResponseWriter { return e.ResponseWriter }

func (h *Handler) describe(w http.ResponseWriter, r *http.Request) {
	if err := allow(r, http.MethodGet); err != nil {
		writeProblem(w, h.log, err)
		return
	}
	writeBody(w, http.StatusOK, kindJSON, description)
}

// asked is one request of a user.
type asked struct {
	w http.ResponseWriter
	r *http.Request
	a directory.Account
}

// allow refuses methods that a place does not have. HEAD goes with GET.
func allow(r *http.Request, methods ...string) error {
	var all []string
	for _, m := range methods {
		if m == r.Method || m == http.MethodGet && r.Method == http.MethodHead {
			return nil
		}
		all = append(all, m)
		if m == http.MethodGet {
			all = append(all, http.MethodHead)
		}
	}
	p := problemf(http.StatusMethodNotAllowed, codeMethod, "this place takes %s", strings.Join(all, ", "))
	p.allow = strings.Join(all, ", ")
	return p
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, a directory.Account) {
	err := h.route(&asked{w, r, a})
	var p *problem
	// A context that has ended says that nobody is left to answer, or that a
	// document did not come, of which there is something to say.
	if err != nil && (r.Context().Err() == nil || errors.As(err, &p)) {
		writeProblem(w, h.log, refused(err))
	}
}

// route finds the place and the method.
func (h *Handler) route(q *asked) error {
	parts := strings.Split(place(q.r), "/")
	switch {
	case len(parts) == 1 && parts[0] == "apps":
		return by(q, map[string]func(*asked) error{http.MethodGet: h.apps})
	case parts[0] != "registrations" || len(parts) > 3:
		return problemf(http.StatusNotFound, codeNotFound, "nothing is here; GET %s/openapi.json says what there is", Path)
	case len(parts) == 1:
		return by(q, map[string]func(*asked) error{http.MethodGet: h.list, http.MethodPost: h.create})
	}
	id, ok := parseID(parts[1])
	if !ok {
		return noRegistration()
	}
	with := func(do func(*asked, uint64) error) func(*asked) error {
		return func(q *asked) error { return do(q, id) }
	}
	switch {
	case len(parts) == 2:
		return by(q, map[string]func(*asked) error{
			http.MethodGet: with(h.get), http.MethodPatch: with(h.change), http.MethodDelete: with(h.remove),
		})
	case parts[2] == "test":
		return by(q, map[string]func(*asked) error{http.MethodPost: with(h.test)})
	case parts[2] == "outcomes":
		return by(q, map[string]func(*asked) error{http.MethodGet: with(h.outcomes)})
	}
	return problemf(http.StatusNotFound, codeNotFound, "nothing is here; GET %s/openapi.json says what there is", Path)
}

// by calls what the method asks for.
func by(q *asked, methods map[string]func(*asked) error) error {
	var names []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		if methods[m] != nil {
			names = append(names, m)
		}
	}
	if err := allow(q.r, names...); err != nil {
		return err
	}
	m := q.r.Method
	if m == http.MethodHead {
		m = http.MethodGet
	}
	return methods[m](q)
}

// app finds an app by its name.
func (h *Handler) app(name string) (App, bool) {
	for _, a := range h.now.Load().Apps {
		if a.Name == name {
			return a, true
		}
	}
	return App{}, false
}
