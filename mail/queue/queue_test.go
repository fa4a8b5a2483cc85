package queue

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"martlet/mail"
	"martlet/store"
	"martlet/store/blob"
)

type fixture struct {
	*testing.T
	store *store.Store
	blobs *blob.Blobs
	queue *Queue
}

func open(t *testing.T) *fixture {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	st, err := store.Open(store.Config{Path: filepath.Join(dir, "store"), Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.Open(blob.Config{Store: st, Path: filepath.Join(dir, "blobs"), Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t, st, blobs, New(Config{Store: st, Blobs: blobs, Logger: log})}
	t.Cleanup(func() {
		for _, p := range f.problems() {
			t.Errorf("after the test: %+v", p)
		}
		blobs.Close()
		st.Close()
	})
	return f
}

// problems runs the queue's check and compares what the blobs count with what
// the queue holds.
func (f *fixture) problems() (found []store.Problem) {
	f.Helper()
	report := func(p store.Problem) { found = append(found, p) }
	f.must(f.queue.Check(context.Background(), report))
	f.must(f.blobs.Audit(context.Background(), blob.Audit{References: f.queue.References}, report))
	return found
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) update(fn func(tx *store.Tx) error) error {
	return f.store.Update(context.Background(), fn)
}

func (f *fixture) put(text string) blob.Ref {
	f.Helper()
	ref, err := f.blobs.Put(context.Background(), []byte(text))
	f.must(err)
	return ref
}

func (f *fixture) list() (all []Entry) {
	f.Helper()
	for e, err := range f.queue.List(context.Background()) {
		f.must(err)
		all = append(all, e)
	}
	return all
}

// sameTrace compares what the queue keeps of one.
var sameTrace = cmp.Comparer(func(a, b mail.Trace) bool { return a.ID == b.ID })

func TestEntryComesBackAsItWasAdded(t *testing.T) {
	f := open(t)
	want := Entry{
		Envelope: mail.Envelope{
			From: "bob@example.org",
			To: []mail.Recipient{
				{Address: "dora@client.example.com", Notify: mail.NotifyFailure | mail.NotifyDelay, ORcpt: "rfc822;dora@client.example.com"},
				{Address: "grün@elsewhere.example"},
			},
			SMTPUTF8: true, Body8Bit: true, Ret: "HDRS", EnvID: "QQ314159",
			Trace: mail.Trace{ID: "ABC"},
		},
		Blob: f.put("text"), Sender: 7,
		Created: time.Date(2026, 11, 23, 10, 0, 0, 5e6, time.UTC),
		Due:     time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC),
	}
	f.must(f.update(func(tx *store.Tx) (err error) {
		want.ID, err = f.queue.Add(tx, want)
		return err
	}))
	var got Entry
	f.must(f.store.View(context.Background(), func(tx *store.Tx) (err error) {
		got, err = f.queue.Get(tx, want.ID)
		return err
	}))
	if diff := cmp.Diff(want, got, sameTrace, cmpopts.IgnoreUnexported(Entry{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestListGivesWhatCameFirst(t *testing.T) {
	f := open(t)
	now, ref := time.Now(), f.put("text")
	for _, to := range []string{"a@x.example", "b@y.example", "c@z.example"} {
		f.must(f.update(func(tx *store.Tx) error {
			_, err := f.queue.Add(tx, Entry{Envelope: mail.Envelope{To: []mail.Recipient{{Address: to}}}, Blob: ref, Created: now})
			return err
		}))
	}
	var order []string
	for _, e := range f.list() {
		order = append(order, e.Envelope.To[0].Address)
	}
	if diff := cmp.Diff([]string{"a@x.example", "b@y.example", "c@z.example"}, order); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for e := range f.queue.List(context.Background()) {
		if e.Envelope.To[0].Address != "a@x.example" {
			t.Errorf("a walk that stops early begins with %v", e.Envelope.To)
		}
		break
	}
}

func TestRemoveGivesTheBlobBack(t *testing.T) {
	f := open(t)
	ref := f.put("text")
	var id ID
	f.must(f.update(func(tx *store.Tx) (err error) {
		id, err = f.queue.Add(tx, Entry{Envelope: mail.Envelope{To: []mail.Recipient{{Address: "a@b.example"}}}, Blob: ref})
		return err
	}))
	f.must(f.update(func(tx *store.Tx) error { return f.queue.Remove(tx, id) }))
	if left := f.list(); len(left) != 0 {
		t.Errorf("still there: %+v", left)
	}
	err := f.update(func(tx *store.Tx) error { return f.queue.Remove(tx, id) })
	if !errors.Is(err, ErrNoEntry) {
		t.Errorf("removed twice: %v", err)
	}
	// The audit at the end sees that no reference is left.
}

func TestAddThatFailsLeavesNothing(t *testing.T) {
	f := open(t)
	ref := f.put("text")
	undo := errors.New("undo")
	err := f.update(func(tx *store.Tx) error {
		if _, err := f.queue.Add(tx, Entry{Envelope: mail.Envelope{To: []mail.Recipient{{Address: "a@b.example"}}}, Blob: ref}); err != nil {
			return err
		}
		return undo
	})
	if !errors.Is(err, undo) {
		t.Fatal(err)
	}
	if err := f.update(func(tx *store.Tx) error { _, err := f.queue.Add(tx, Entry{Blob: ref}); return err }); !errors.Is(err, mail.ErrNoRecipients) {
		t.Errorf("an entry for nobody: %v", err)
	}
	gone := blob.Ref{Hash: [32]byte{1}, Size: 1}
	err = f.update(func(tx *store.Tx) error {
		_, err := f.queue.Add(tx, Entry{Envelope: mail.Envelope{To: []mail.Recipient{{Address: "a@b.example"}}}, Blob: gone})
		return err
	})
	if !errors.Is(err, blob.ErrGone) {
		t.Errorf("an entry without a message: %v", err)
	}
	if left := f.list(); len(left) != 0 {
		t.Errorf("there: %+v", left)
	}
}

func TestCheckFindsABrokenOrder(t *testing.T) {
	f := open(t)
	ref := f.put("text")
	var id ID
	f.must(f.update(func(tx *store.Tx) (err error) {
		id, err = f.queue.Add(tx, Entry{Envelope: mail.Envelope{To: []mail.Recipient{{Address: "a@b.example"}}}, Blob: ref})
		return err
	}))
	wrong := waitKey{"b.example", 1, id}
	f.must(f.update(func(tx *store.Tx) error { return f.queue.waiting.Set(tx, wrong, struct{}{}) }))
	if got := f.problems(); len(got) != 1 {
		t.Errorf("problems: %+v", got)
	}
	f.must(f.update(func(tx *store.Tx) error { return f.queue.waiting.Delete(tx, wrong) }))
}

func FuzzParseEntry(f *testing.F) {
	f.Add(appendEntry(nil, Entry{Envelope: mail.Envelope{From: "a@b", To: []mail.Recipient{{Address: "c@d", Notify: 3, ORcpt: "x;y"}}}, spread: 1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEntry(b)
		if err != nil {
			return
		}
		again, err := parseEntry(appendEntry(nil, e))
		if err != nil || !cmp.Equal(e, again, sameTrace, cmp.AllowUnexported(Entry{})) {
			t.Errorf("%+v is read back as %+v, %v", e, again, err)
		}
	})
}
