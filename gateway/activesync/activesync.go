// Package activesync is the endpoint that phones speak to: it turns a request
// line into a session, finds the command's row in the table, lets it past the
// access and policy gates, and writes what the command answers (MS-ASHTTP,
// MS-ASCMD). Statuses are made here and nowhere below. It must never answer
// before what it tells is durable, and never log what a message says.
package activesync

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"martlet/directory"
	"martlet/documents"
	"martlet/gateway/hold"
	"martlet/gateway/revocation"
	"martlet/internal/tracing"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/oof"
	"martlet/mail/route"
	"martlet/mail/schedule"
	"martlet/mail/share"
	"martlet/protocol/eas"
	"martlet/push"
	"martlet/store"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// Config is what a Handler needs; everything down to Holder is required.
type Config struct {
	Store     *store.Store
	Directory *directory.Directory
	Devices   *device.Devices
	Engine    *engine.Engine
	Mailboxes *mailbox.Mailboxes
	Router    *route.Router
	Hub       *push.Hub
	Holder    *hold.Holder
	Logger    *slog.Logger   // nil: nothing is logged
	Tracer    tracing.Tracer // nil: nothing is traced

	// Schedule tells a meeting's people what becomes of it; nil: nobody is told.
	Schedule *schedule.Scheduler

	Documents *documents.Library // nil: no documents are published
	Shares    *share.Shares      // nil: nothing is shared
	// Authenticate tells whose credentials stand in a request's body, within the
	// door's limits of guessing; nil: the directory does, without those. Refused
	// are directory.ErrBadCredentials and directory.ErrDisabled.
	Authenticate func(r *http.Request, login, password string) (directory.Account, error)

	// Answered is told of each held request that is answered because something
	// changed, before the answer is written; nil: nobody is.
	Answered func(mailbox uint64, device string)

	MaxMessageBytes int64 // of a message that a phone sends; 0: 50 MiB
	Rules           Rules

	// Roots are the authorities that certificates of senders may come from; nil:
	// those of the system.
	Roots *x509.CertPool
	// Revocation tells which certificates were revoked; nil: lists in public
	// networks do.
	Revocation *revocation.Lists
}

// Handler answers phones. Between requests it keeps nothing but the last search
// of each device, which it can make again, and it is safe for
// concurrent use.
type Handler struct {
	c        Config
	log      *slog.Logger
	absences *oof.Absences
	commands table
	searches *searchMemory
	books    *contactBooks
	cuts     *cuts
	bodies   *semaphore.Weighted // bytes of large request bodies in memory
	answers  *semaphore.Weighted // bytes of large answers in memory
	live     atomic.Pointer[live]
	versions string // as the header MS-ASProtocolVersions has them
	names    string // as the header MS-ASProtocolCommands has them
}

// New makes a handler.
func New(c Config) (*Handler, error) {
	if c.Store == nil || c.Directory == nil || c.Devices == nil || c.Engine == nil || c.Mailboxes == nil || c.Router == nil || c.Hub == nil || c.Holder == nil {
		return nil, errors.New("activesync: something that is required is not configured")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Revocation == nil {
		c.Revocation = revocation.New(revocation.Config{Logger: c.Logger})
	}
	if c.MaxMessageBytes == 0 {
		c.MaxMessageBytes = 50 << 20
	}
	if c.Authenticate == nil {
		c.Authenticate = func(r *http.Request, login, password string) (directory.Account, error) {
			return c.Directory.Authenticate(r.Context(), login, password)
		}
	}
	t := newTable(c.MaxMessageBytes)
	h := &Handler{
		c: c, log: c.Logger, absences: oof.New(c.Store), commands: t,
		bodies:  semaphore.NewWeighted(max(maxBodyMemory, 2*c.MaxMessageBytes)),
		answers: newAnswerMemory(), searches: newSearchMemory(), books: newContactBooks(), cuts: newCuts(),
		versions: versionList(), names: t.names(),
	}
	h.Reconfigure(c.Rules, c.Documents)
	return h, nil
}

// Refuse answers one request of an account that may not synchronise: 403, and
// since 14.0 a status to a command (MS-ASHTTP_R180, MS-ASCMD_R4869, R7555).
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, a directory.Account) {
	if r.Method != http.MethodPost {
		h.writeStatus(w, http.StatusForbidden)
		return
	}
	s := &session{w: w, r: r, account: a, box: mail.MailboxOf(a.ID), start: time.Now(), gzip: acceptsGzip(r)}
	allowSlowWriting(w, 0)
	err := h.open(s)
	if err == nil {
		err = statusError(eas.StatusUserDisabledForSync)
	}
	h.write(w, s, h.refuse(s, err))
}

// Serve answers one request of an account that may synchronise.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, a directory.Account) {
	if a.Server != "" && (r.Method == http.MethodPost || r.Method == http.MethodOptions) {
		h.redirect(w, a)
		return
	}
	switch r.Method {
	case http.MethodPost:
		h.post(w, r, a)
	case http.MethodOptions:
		h.options(w)
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodTrace, http.MethodConnect:
		w.Header().Set("Allow", "OPTIONS, POST")
		h.writeStatus(w, http.StatusMethodNotAllowed)
	default: // MS-ASHTTP_R187
		h.writeStatus(w, http.StatusNotImplemented)
	}
}

// post answers a command.
func (h *Handler) post(w http.ResponseWriter, r *http.Request, a directory.Account) {
	s := &session{w: w, r: r, account: a, box: mail.MailboxOf(a.ID), start: time.Now(), gzip: acceptsGzip(r)}
	ctx, work := tracing.Start(r.Context(), h.c.Tracer, tracing.Server, "activesync")
	defer work.End()
	if s.span = work; work.Recorded() {
		s.r = r.WithContext(ctx)
	}
	allowSlowWriting(w, 0)
	rep, err := h.answer(w, s)
	if s.command != nil {
		work.Command("activesync", s.command.name)
		work.Text("version", s.version.String())
	}
	if err != nil {
		if errors.Is(err, hold.ErrParked) {
			work.Text("outcome", "parked")
			return
		}
		if errors.Is(err, hold.ErrGone) || errors.Is(err, context.Canceled) && r.Context().Err() != nil {
			work.Text("outcome", "gone")
			h.logGone(s)
			return
		}
		rep = h.refuse(s, err)
	}
	h.write(w, s, rep)
}

// answer is the way of a request: request line, command, gates, body, command.
func (h *Handler) answer(w http.ResponseWriter, s *session) (reply, error) {
	if err := h.open(s); err != nil {
		return reply{}, err
	}
	ctx := s.r.Context()
	if !s.validating {
		if err := h.admit(ctx, s); err != nil {
			return reply{}, err
		}
		if err := h.refresh(ctx, s); err != nil {
			return reply{}, err
		}
	}
	release, err := h.readBody(w, s)
	defer release()
	if err != nil {
		return reply{}, err
	}
	if s.validating {
		return h.validate(s)
	}
	return s.command.run(h, ctx, s)
}
