// Package trace remembers what became of messages: who brought each, to whom it
// went, and what other servers said of it. It answers where the mail from one to
// another is. It knows envelopes and outcomes, and must never keep a subject or
// anything else of what a message says.
package trace

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"martlet/store"
)

// Step is what happened to a message for one recipient.
type Step string

// The steps.
const (
	Delivered Step = "delivered" // it is in a folder of a mailbox here
	Junk      Step = "junk"      // it is in the junk folder
	Discarded Step = "discarded" // a filter or the recipient's rules drop it
	Refused   Step = "refused"   // the client was told no; it has the message
	Rejected  Step = "rejected"  // the recipient's rules gave it back
	Forwarded Step = "forwarded" // the recipient's rules passed it on
	Queued    Step = "queued"    // it waits for another host
	Sent      Step = "sent"      // another host has taken it
	Deferred  Step = "deferred"  // another host could not take it yet
	Failed    Step = "failed"    // it did not reach the recipient, and the sender is told
)

// Outcome is a step for one recipient.
type Outcome struct {
	To     string `json:"to"`
	Step   Step   `json:"step"`
	Detail string `json:"detail,omitempty"` // a host, what it said, a reason
}

// Event is something that happened to a message.
type Event struct {
	Time      time.Time  `json:"time"`
	ID        string     `json:"id"` // in our logs and in Received: the same for all events of a message
	MessageID string     `json:"message_id,omitempty"`
	From      string     `json:"from"` // of the envelope; empty: the null sender
	Remote    netip.Addr `json:"remote,omitzero"`
	Login     string     `json:"login,omitempty"` // of who sent it from here
	Size      int64      `json:"size,omitempty"`
	Outcomes  []Outcome  `json:"outcomes"`
}

const (
	// maxOutcomes bounds the recipients in one row; others are counted.
	maxOutcomes = 500
	// maxText bounds each text in bytes.
	maxText = 512
	// notesEach is how many events a second Note takes, with as many as notesBurst at
	// once: whoever knocks with thousands of messages that are refused does not fill
	// the disk.
	notesEach  = 50
	notesBurst = 500
	// DefaultKeep is how long events are kept where nobody says otherwise.
	DefaultKeep = 30 * 24 * time.Hour
)

// key orders events by time.
type key struct {
	at   int64 // milliseconds since 1970
	some uint64
}

var keys = store.Codec[key]{
	Append: func(dst []byte, k key) []byte {
		return store.AppendUint64(store.AppendUint64(dst, uint64(k.at)), k.some)
	},
	Parse: func(b []byte) (key, error) {
		if len(b) != 16 {
			return key{}, fmt.Errorf("trace: a key of %d bytes", len(b))
		}
		return key{int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint64(b[8:])}, nil
	},
}

// Config holds what a Log needs.
type Config struct {
	Store  *store.Store
	Keep   time.Duration // how long an event is remembered; zero: DefaultKeep, negative: nothing is remembered
	Logger *slog.Logger
}

// Log is the memory. It is safe for concurrent use; a nil Log remembers nothing.
type Log struct {
	store  *store.Store
	keep   time.Duration
	log    *slog.Logger
	events store.Table[key, Event]
	notes  *rate.Limiter
}

// New returns the log of a store.
func New(c Config) *Log {
	if c.Keep == 0 {
		c.Keep = DefaultKeep
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Log{c.Store, c.Keep, c.Logger, store.NewTable("trace", store.PrefixTrace, keys, events), rate.NewLimiter(notesEach, notesBurst)}
}

// Add remembers an event in the transaction of what it tells of.
func (l *Log) Add(tx *store.Tx, e Event) error {
	if l == nil || l.keep < 0 || len(e.Outcomes) == 0 {
		return nil
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	var some [8]byte
	rand.Read(some[:])
	return l.events.Set(tx, key{e.Time.UnixMilli(), binary.BigEndian.Uint64(some[:])}, e)
}

// Note remembers an event of which nothing else is written, unless there are very
// many. A full disk is no reason to stop: that is logged and no more.
func (l *Log) Note(ctx context.Context, e Event) {
	if l == nil || l.keep < 0 || !l.notes.Allow() {
		return
	}
	if err := l.store.Update(ctx, func(tx *store.Tx) error { return l.Add(tx, e) }); err != nil && ctx.Err() == nil {
		l.log.Warn("an event of a message is not remembered", "id", e.ID, "error", err)
	}
}

// sweepAtOnce is how many events one transaction forgets.
const sweepAtOnce = 1000

// Sweep forgets what is too old, and returns how much that was.
func (l *Log) Sweep(ctx context.Context) (n int, err error) {
	if l == nil {
		return 0, nil
	}
	end := key{at: time.Now().Add(-max(l.keep, 0)).UnixMilli()}
	for {
		var old []key
		err := l.store.Update(ctx, func(tx *store.Tx) error {
			old = old[:0]
			for k, err := range l.events.Keys(tx, store.TableRange[key]{To: &end}) {
				if err != nil {
					return err
				}
				if old = append(old, k); len(old) == sweepAtOnce {
					break
				}
			}
			for _, k := range old {
				if err := l.events.Delete(tx, k); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return n, fmt.Errorf("trace: %w", err)
		}
		if n += len(old); len(old) < sweepAtOnce {
			return n, nil
		}
	}
}

// Query says which events are wanted. Texts are found within addresses, whatever
// their case.
type Query struct {
	From, To     string // part of an address; "<>" as From is the null sender
	ID           string // the one in our logs
	MessageID    string // with or without its brackets
	Steps        []Step // one of these; none: any
	Since, Until time.Time
	Limit        int // events; zero: 1,000
}

const (
	defaultLimit = 1000
	// maxLooks bounds how many events one transaction looks at; the next goes on
	// where it stopped.
	maxLooks = 20_000
)

// Find returns the events that match, the newest first; more tells that there are
// others.
func (l *Log) Find(ctx context.Context, q Query) (found []Event, more bool, err error) {
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	m := q.matcher()
	from, to := key{at: q.Since.UnixMilli()}, key{at: 1<<63 - 1}
	if q.Since.IsZero() {
		from.at = 0
	}
	if !q.Until.IsZero() {
		to.at = q.Until.UnixMilli() + 1
	}
	for ended := false; !ended; {
		looks := 0
		ended = true
		err = l.store.View(ctx, func(tx *store.Tx) error {
			for row, err := range l.events.Scan(tx, store.TableRange[key]{From: &from, To: &to, Reverse: true}) {
				if err != nil {
					return err
				}
				to = row.Key
				if m.matches(&row.Value) {
					if len(found) == q.Limit {
						more = true
						return nil
					}
					row.Value.Time = time.UnixMilli(row.Key.at).UTC()
					found = append(found, row.Value)
				}
				if looks++; looks == maxLooks {
					ended = false
					return nil
				}
			}
			return nil
		})
		if err != nil {
			return nil, false, fmt.Errorf("trace: %w", err)
		}
	}
	return found, more, nil
}

// matcher is a query with its texts in lower case.
type matcher struct{ Query }

func (q Query) matcher() matcher {
	q.From, q.To = strings.ToLower(q.From), strings.ToLower(q.To)
	q.MessageID = strings.Trim(q.MessageID, "<>")
	return matcher{q}
}

func (m *matcher) matches(e *Event) bool {
	switch {
	case m.ID != "" && !strings.EqualFold(e.ID, m.ID), m.MessageID != "" && e.MessageID != m.MessageID:
		return false
	case m.From == "<>" && e.From != "", m.From != "<>" && !strings.Contains(strings.ToLower(e.From), m.From):
		return false
	}
	for i := range e.Outcomes {
		o := &e.Outcomes[i]
		if strings.Contains(strings.ToLower(o.To), m.To) && m.wants(o.Step) {
			return true
		}
	}
	return false
}

func (m *matcher) wants(s Step) bool {
	for _, want := range m.Steps {
		if s == want {
			return true
		}
	}
	return len(m.Steps) == 0
}
