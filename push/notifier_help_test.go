package push_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"martlet/push"
)

// shelf is a book in memory: the log of each mailbox is a number, and a device
// that has been told less is told of the last change.
type shelf struct {
	mu      sync.Mutex
	entries map[uint64]*entry
	logs    map[uint64]uint64
	changed map[uint64]time.Time
	passes  int
	listed  func(pass int, id uint64) // as the notifier reads the list; may be nil
	life    time.Duration             // until a change expires; zero: never
	plan    func(id uint64, ask push.Ask, p *push.Plan) error
	settle  func(id uint64, p *push.Plan, o push.Outcome, again bool) error
	busy    map[uint64]bool // who is planned or settled just now
	overlap bool
}

type entry struct {
	sub      push.Subscription
	token    string
	mark     uint64
	outcomes []push.Outcome // settled
	noted    []push.Outcome // with again
}

func newShelf() *shelf {
	return &shelf{
		entries: map[uint64]*entry{}, logs: map[uint64]uint64{}, changed: map[uint64]time.Time{},
		busy: map[uint64]bool{},
	}
}

// register adds devices 1 to n, each alone on the mailbox of its number.
func (b *shelf) register(n int, kind push.Kind, app string) {
	for id := range uint64(n) {
		b.add(push.Subscription{ID: id + 1, Mailbox: id + 1, Folders: push.AllFolders, Kind: kind, App: app})
	}
}

func (b *shelf) add(sub push.Subscription) push.Subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.entries[sub.ID] = &entry{sub: sub, token: fmt.Sprint("token", sub.ID), mark: b.logs[sub.Mailbox]}
	return sub
}

func (b *shelf) remove(id uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.entries, id)
}

func (b *shelf) subscription(id uint64) push.Subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.entries[id].sub
}

// commit writes a change into the log without a word to the hub.
func (b *shelf) commit(mailbox uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.logs[mailbox]++
	b.changed[mailbox] = time.Now()
}

func (b *shelf) Subscriptions(context.Context) iter.Seq2[push.Subscription, error] {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.passes++
	pass := b.passes
	var subs []push.Subscription
	for _, id := range slices.Sorted(maps.Keys(b.entries)) {
		e := b.entries[id]
		sub := e.sub
		sub.Behind = b.logs[sub.Mailbox] > e.mark
		subs = append(subs, sub)
	}
	return func(yield func(push.Subscription, error) bool) {
		for _, s := range subs {
			if b.listed != nil {
				b.listed(pass, s.ID)
			}
			if !yield(s, nil) {
				return
			}
		}
	}
}

// enter finds two calls for one subscription at the same time.
func (b *shelf) enter(id uint64) {
	if b.busy[id] {
		b.overlap = true
	}
	b.busy[id] = true
}

func (b *shelf) Plan(_ context.Context, id uint64, ask push.Ask) (push.Plan, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.enter(id)
	defer delete(b.busy, id)
	e := b.entries[id]
	if e == nil {
		return push.Plan{}, push.ErrForgotten
	}
	seq := b.logs[e.sub.Mailbox]
	p := push.Plan{Mark: seq, Target: push.Target{Kind: e.sub.Kind, App: e.sub.App, Token: e.token}}
	if seq > e.mark {
		p.Notification = &push.Notification{Collapse: "news", Mode: push.Silent}
		if b.life > 0 {
			p.Notification.Expires = b.changed[e.sub.Mailbox].Add(b.life)
		}
	} else {
		p.Mark = 0
	}
	if b.plan != nil {
		if err := b.plan(id, ask, &p); err != nil {
			return push.Plan{}, err
		}
	}
	return p, nil
}

func (b *shelf) Settle(_ context.Context, id uint64, p *push.Plan, o push.Outcome, again bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.enter(id)
	defer delete(b.busy, id)
	if b.settle != nil {
		if err := b.settle(id, p, o, again); err != nil {
			return err
		}
	}
	e := b.entries[id]
	if e == nil {
		return nil
	}
	if again {
		e.noted = append(e.noted, o)
		return nil
	}
	e.mark = max(e.mark, p.Mark)
	e.outcomes = append(e.outcomes, o)
	if (o.Result == push.Gone || o.Result == push.BadTarget) && p.Target.Token == e.token {
		delete(b.entries, id)
	}
	return nil
}

// unsettled counts the devices that have not been told of the last change.
func (b *shelf) unsettled() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, e := range b.entries {
		if b.logs[e.sub.Mailbox] > e.mark {
			n++
		}
	}
	return n
}

func (b *shelf) outcomes(id uint64) []push.Result {
	b.mu.Lock()
	defer b.mu.Unlock()
	var rs []push.Result
	if e := b.entries[id]; e != nil {
		for _, o := range e.outcomes {
			rs = append(rs, o.Result)
		}
	}
	return rs
}

// sent is what reached a service.
type sent struct {
	at     time.Duration // since the test began
	token  string
	app    string
	id     string
	result push.Result
}

// service is the far side of the network.
type service struct {
	began  time.Time
	delay  time.Duration
	answer func(t push.Target, n *push.Notification) push.Outcome // nil: accepted

	mu     sync.Mutex
	sent   []sent
	flying int
	most   int // of flying
}

func newService() *service { return &service{began: time.Now()} }

func (s *service) Send(ctx context.Context, t push.Target, n *push.Notification) push.Outcome {
	s.mu.Lock()
	s.flying++
	s.most = max(s.most, s.flying)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.flying--
		s.mu.Unlock()
	}()
	o := push.Outcome{Result: push.Accepted, Status: 200}
	if s.delay > 0 {
		select {
		case <-time.After(s.delay):
		case <-ctx.Done():
			o = push.Outcome{Result: push.Retry, Reason: "timeout"}
		}
	}
	if s.answer != nil && o.Result == push.Accepted {
		o = s.answer(t, n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, sent{time.Since(s.began), t.Token, t.App, n.ID, o.Result})
	return o
}

func (s *service) log() []sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// highest is how many were under way at once.
func (s *service) highest() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

// accepted is what the service took.
func (s *service) accepted() []sent {
	return slices.DeleteFunc(s.log(), func(m sent) bool { return m.result != push.Accepted })
}

// lines is a log to look at.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.b.Bytes(), []byte(s))
}

// stage is a notifier that runs, with everything around it.
type stage struct {
	*push.Notifier
	hub    *push.Hub
	book   *shelf
	log    *lines
	cancel context.CancelFunc
	ended  chan error
}

// play runs a notifier over a book in a bubble, until stop or the test's end.
func play(t *testing.T, book *shelf, c push.NotifierConfig) *stage {
	t.Helper()
	st := &stage{hub: push.NewHub(), book: book, log: &lines{}, ended: make(chan error, 1)}
	if c.Hub != nil {
		st.hub = c.Hub
	}
	c.Hub, c.Book = st.hub, book
	c.Logger = slog.New(slog.NewTextHandler(st.log, nil))
	st.Notifier = push.NewNotifier(c)
	ctx, cancel := context.WithCancel(t.Context())
	st.cancel = cancel
	go func() { st.ended <- st.Run(ctx) }()
	t.Cleanup(func() {
		if book.overlap {
			t.Error("the book was asked about one subscription twice at the same time")
		}
	})
	synctest.Wait()
	return st
}

// change commits and publishes, as a delivery does.
func (st *stage) change(mailbox uint64) {
	st.book.commit(mailbox)
	st.hub.Publish(mailbox, 5)
}

// stop ends the notifier and waits for it.
func (st *stage) stop(t *testing.T) {
	t.Helper()
	st.cancel()
	if err := <-st.ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if n := st.hub.Waiting(); n != 0 {
		t.Errorf("%d still wait in the hub", n)
	}
}

// pass lets time go by, until everything is still.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

var errDisk = errors.New("no space left on device")
