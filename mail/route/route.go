// Package route decides where a message goes: into the mailboxes of local
// recipients, into the queue for everyone else, and a copy into the sender's
// Sent folder. Whatever it does for one message it does at once and durably,
// or not at all. It must never speak a protocol or open a connection.
package route

import (
	"context"
	"errors"
	"log/slog"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/queue"
	"martlet/store"
)

// ErrDuplicate tells that a message with this Key has been sent already. For
// the caller that is success: the first answer was lost on its way.
var ErrDuplicate = errors.New("route: already sent")

// Config holds what a Router needs.
type Config struct {
	Store     *store.Store
	Directory *directory.Directory
	Mailboxes *mailbox.Mailboxes
	Queue     *queue.Queue
	Hostname  string       // our name in Received and Message-ID
	Logger    *slog.Logger // nil: slog.Default
}

// Router takes messages to their places. It is safe for concurrent use.
type Router struct {
	cfg Config
	log *slog.Logger
}

// New returns a Router.
func New(cfg Config) *Router {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &Router{cfg: cfg, log: cfg.Logger}
}

// Key names one wish to send, so that a repeated request does not send twice
// (MS-ASCMD 2.2.3.28.2). The zero Key is never remembered.
type Key struct {
	Account  directory.AccountID
	Device   string
	ClientID string
}

// Submission is a message one of our users sends.
type Submission struct {
	Account    directory.AccountID
	Envelope   *mail.Envelope // nil: taken from the header fields From, To, Cc and Bcc
	Raw        []byte
	SaveInSent bool
	Once       Key                       // remembered for a day
	Then       func(tx *store.Tx) error // nil or more work for the same transaction; may run again
}

// Deliver puts a message into the mailboxes of its local recipients, whose
// accounts the caller has resolved. When it returns nil, the message is
// durable in all of them; otherwise it is in none.
// Errors: mail.ErrNoSpace, mail.ErrLoop, mail.ErrNoRecipients.
func (r *Router) Deliver(ctx context.Context, env mail.Envelope, raw []byte) error {
	return errors.ErrUnsupported
}

// Submit sends a user's message: local recipients get it, remote ones are
// queued, the Sent folder keeps a copy with Bcc, and the Key is remembered, all
// in one transaction.
// Errors: ErrDuplicate, mail.ErrNotSender, mail.ErrNoRecipients,
// mail.ErrBadAddress, mail.ErrTooManyTo, mail.ErrLoop, mail.ErrNoSpace.
func (r *Router) Submit(ctx context.Context, s Submission) error { return errors.ErrUnsupported }

// Relay is Submit for a client that keeps its own Sent folder, as those that
// speak SMTP do.
func (r *Router) Relay(ctx context.Context, account directory.AccountID, env mail.Envelope, raw []byte) error {
	return r.Submit(ctx, Submission{Account: account, Envelope: &env, Raw: raw})
}
