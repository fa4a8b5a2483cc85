package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/store/blob"
)

// office is a queue that runs, with other hosts around it that do what a test says.
type office struct {
	*testing.T
	dir    string
	store  *store.Store
	blobs  *blob.Blobs
	queue  *Queue
	limits Limits
	stop   context.CancelFunc
	ended  chan struct{}

	// deliver says what other hosts do. It is called by many at once.
	deliver func(ctx context.Context, out *mail.Outgoing) mail.Attempt

	mu      sync.Mutex // guards the fields below
	tries   []try
	reports []string // what senders were told
}

// try is one attempt.
type try struct {
	at          time.Time
	destination string
	to          string
}

// notice is what the reporter of these tests sends.
type notice struct {
	Sender string
	About  []string
}

func newOffice(t *testing.T, limits Limits) *office {
	o := &office{T: t, dir: t.TempDir(), limits: limits}
	o.open()
	t.Cleanup(o.close)
	return o
}

func (o *office) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

func (o *office) open() {
	log := slog.New(slog.DiscardHandler)
	var err error
	o.store, err = store.Open(store.Config{Path: filepath.Join(o.dir, "store"), Logger: log, NoCompaction: true, Reserve: 1, MemTable: 4 << 20})
	o.must(err)
	o.blobs, err = blob.Open(blob.Config{Store: o.store, Path: filepath.Join(o.dir, "blobs"), Logger: log})
	o.must(err)
	o.queue = New(Config{Store: o.store, Blobs: o.blobs, Logger: log, Limits: o.limits})
	o.queue.TellSenders(o.report)
}

// report sends a message about a message, as mail/route does.
func (o *office) report(ctx context.Context, e *Entry, about []Told) (Report, error) {
	n := notice{Sender: e.Envelope.From}
	for _, t := range about {
		n.About = append(n.About, fmt.Sprintf("%s %d %s", t.To.Address, t.Action, t.Status))
	}
	text, err := json.Marshal(n)
	o.must(err)
	ref, err := o.blobs.Put(ctx, text)
	if err != nil {
		return Report{}, err
	}
	return Report{Commit: func(tx *store.Tx) error {
		_, err := o.queue.Add(tx, Entry{Envelope: mail.Envelope{To: []mail.Recipient{{Address: e.Envelope.From, Notify: mail.NotifyNever}}}, Blob: ref})
		return err
	}}, nil
}

// run has the queue send until the test ends or the office is closed.
func (o *office) run() {
	ctx, cancel := context.WithCancel(context.Background())
	o.stop, o.ended = cancel, make(chan struct{})
	q, ended := o.queue, o.ended
	go func() {
		defer close(ended)
		_ = q.Run(ctx, o)
	}()
}

func (o *office) halt() {
	if o.stop != nil {
		o.stop()
		<-o.ended
		o.stop = nil
	}
}

func (o *office) close() {
	o.halt()
	for _, p := range o.problems() {
		o.Errorf("at the end: %+v", p)
	}
	o.blobs.Close()
	o.store.Close()
}

func (o *office) problems() (found []store.Problem) {
	report := func(p store.Problem) { found = append(found, p) }
	o.must(o.queue.Check(context.Background(), report))
	o.must(o.blobs.Audit(context.Background(), blob.Audit{References: o.queue.References}, report))
	return found
}

// Deliver makes the office the queue's Carrier. What goes to our own people, as
// reports do, arrives.
func (o *office) Deliver(ctx context.Context, out *mail.Outgoing) mail.Attempt {
	var to []string
	for _, r := range out.Envelope.To {
		to = append(to, r.Address)
	}
	if out.Destination == "example.org" {
		b := make([]byte, out.Message.Size())
		_, _ = out.Message.ReadAt(b, 0)
		var n notice
		o.must(json.Unmarshal(b, &n))
		o.mu.Lock()
		o.reports = append(o.reports, n.About...)
		o.mu.Unlock()
		return all(out, mail.Outcome{Action: mail.Delivered, Status: "2.0.0"})
	}
	o.mu.Lock()
	o.tries = append(o.tries, try{time.Now(), out.Destination, strings.Join(to, " ")})
	o.mu.Unlock()
	return o.deliver(ctx, out)
}

func (o *office) tried() []try {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.tries)
}

func (o *office) told() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.reports)
}

// all is one outcome for all recipients.
func all(out *mail.Outgoing, what mail.Outcome) mail.Attempt {
	a := mail.Attempt{Outcomes: make([]mail.Outcome, len(out.Envelope.To))}
	for i := range a.Outcomes {
		a.Outcomes[i] = what
	}
	return a
}

var (
	arrives = mail.Outcome{Action: mail.Delivered, Status: "2.0.0"}
	waits   = mail.Outcome{Action: mail.Delayed, Status: "4.2.1", Reply: "450 4.2.1 full"}
	fails   = mail.Outcome{Action: mail.Failed, Status: "5.1.1", Reply: "550 5.1.1 nobody"}
	dead    = mail.Outcome{Action: mail.Delayed, Status: "4.4.1", Text: "the host did not answer"}
)

// always has every host do the same.
func (o *office) always(what mail.Outcome) {
	o.deliver = func(_ context.Context, out *mail.Outgoing) mail.Attempt { return all(out, what) }
}

// add queues a message.
func (o *office) add(from string, to ...mail.Recipient) (id ID) {
	o.Helper()
	ref, err := o.blobs.Put(context.Background(), []byte("text"))
	o.must(err)
	o.must(o.store.Update(context.Background(), func(tx *store.Tx) (err error) {
		id, err = o.queue.Add(tx, Entry{Envelope: mail.Envelope{From: from, To: to}, Blob: ref})
		return err
	}))
	return id
}

func rcpt(addresses ...string) (to []mail.Recipient) {
	for _, a := range addresses {
		to = append(to, mail.Recipient{Address: a})
	}
	return to
}

// left counts what is queued.
func (o *office) left() (n int) {
	for _, err := range o.queue.List(context.Background()) {
		o.must(err)
		n++
	}
	return n
}

// crash goes on with what a process finds that starts after this one was killed.
func (o *office) crash() {
	o.Helper()
	synctest.Wait()
	dir := o.TempDir()
	o.must(os.CopyFS(dir, os.DirFS(o.dir)))
	o.halt()
	o.blobs.Close()
	o.store.Close()
	o.dir = dir
	o.open()
}

func (o *office) expect(what string, got, want any) {
	o.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		o.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

func bubble(t *testing.T, fn func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, fn)
}

// pass lets time go by in a bubble.
func pass(d time.Duration) { time.Sleep(d) }
