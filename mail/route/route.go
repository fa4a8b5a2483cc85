// Package route decides where a message goes: into the mailboxes of local
// recipients, into the queue for everyone else, and a copy into the sender's
// Sent folder. Whatever it does for one message it does at once and durably,
// or not at all. It must never speak a protocol or open a connection.
package route

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/oof"
	"martlet/mail/queue"
	"martlet/mail/trace"
	"martlet/store"
	"martlet/store/blob"
)

// Config holds what a Router needs.
type Config struct {
	Store     *store.Store
	Directory *directory.Directory
	Mailboxes *mailbox.Mailboxes
	Queue     *queue.Queue
	Hostname  string    // our name in Received, Message-ID and Authentication-Results
	Trusted   []string  // other servers whose Authentication-Results are believed: those that mail from outside comes through
	Sorter    Sorter    // rules of accounts; nil: nobody has any
	Encrypter Encrypter // of arriving mail; nil: nobody wants it encrypted
	// Sign returns the header fields that say that a message for other hosts is ours
	// (RFC 6376), to be put on top; nil: they say nothing.
	Sign func(ctx context.Context, from string, raw []byte) ([]byte, error)
	// Forward returns the sender under which a message from elsewhere is passed on to
	// other hosts by somebody in domain, so that SPF holds and reports come back; nil:
	// the sender stays.
	Forward func(sender, domain string) string
	// Back undoes Forward; an error: the address was not made by it. Nil: none was.
	Back   func(address string) (string, error)
	Trace  *trace.Log   // what became of messages; nil: nobody remembers
	Logger *slog.Logger // nil: slog.Default
}

// Router takes messages to their places. It is safe for concurrent use.
type Router struct {
	store     *store.Store
	directory *directory.Directory
	mailboxes *mailbox.Mailboxes
	queue     *queue.Queue
	absences  *oof.Absences
	hostname  string
	trusted   []string
	sorter    Sorter
	encrypter Encrypter
	sign      func(ctx context.Context, from string, raw []byte) ([]byte, error)
	forward   func(sender, domain string) string
	back      func(address string) (string, error)
	trace     *trace.Log
	log       *slog.Logger
	attend    func(*store.Tx, Arrival) error // nil: nobody asked

	sent    store.Table[Key, time.Time]
	sentAge store.Table[sentAge, struct{}]
	fanouts store.Table[uint64, fanout]

	// ctx ends with Close; what is not delivered by then waits for Recover.
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// New returns a Router. Call Recover once the mailboxes are open, and Close
// before the store is closed.
func New(cfg Config) *Router {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Hostname == "" {
		cfg.Hostname = "localhost"
	}
	r := &Router{
		store:     cfg.Store,
		directory: cfg.Directory,
		mailboxes: cfg.Mailboxes,
		queue:     cfg.Queue,
		absences:  oof.New(cfg.Store),
		hostname:  cfg.Hostname,
		trusted:   append([]string{cfg.Hostname}, cfg.Trusted...),
		sorter:    cfg.Sorter,
		encrypter: cfg.Encrypter,
		sign:      cfg.Sign,
		forward:   cfg.Forward,
		back:      cfg.Back,
		trace:     cfg.Trace,
		log:       cfg.Logger,
		sent:      store.NewTable("sent", store.PrefixSent, sentKeys, store.TimeValue()),
		sentAge:   store.NewTable("sent age", store.PrefixSentAge, sentAgeKeys, store.NoValue()),
		fanouts:   store.NewTable("fanout", store.PrefixFanout, store.Uint64Key[uint64](), fanouts),
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// Close ends what runs behind the callers' backs.
func (r *Router) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.running.Wait()
	return nil
}

// maxAttempts is how often a message is put into the blob store anew because
// it was collected before it was referred to. Once would do.
const maxAttempts = 3

// update runs fn durably; prepare, which makes blobs, runs before it, and
// again if one of them is gone by then.
func (r *Router) update(ctx context.Context, prepare func() error, fn func(*store.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := prepare()
		if err == nil {
			err = r.store.Update(ctx, fn)
		}
		if err == nil || attempt == maxAttempts || !errors.Is(err, blob.ErrGone) {
			return transportError(err)
		}
	}
}

// transportError adds the mail core's own word to an error of the store.
func transportError(err error) error {
	if errors.Is(err, store.ErrDiskFull) {
		return fmt.Errorf("route: %w: %w", mail.ErrNoSpace, err)
	}
	return err
}
