package trace

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"martlet/store"
)

type fixture struct {
	*Log
	testing.TB
}

func open(t testing.TB, c Config) *fixture {
	t.Helper()
	st, err := store.Open(store.Config{Path: filepath.Join(t.TempDir(), "store")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	c.Store = st
	return &fixture{New(c), t}
}

func (f *fixture) add(e Event) {
	f.Helper()
	if err := f.store.Update(context.Background(), func(tx *store.Tx) error { return f.Add(tx, e) }); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) find(q Query) (ids []string, more bool) {
	f.Helper()
	found, more, err := f.Find(context.Background(), q)
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range found {
		ids = append(ids, e.ID)
	}
	return ids, more
}

var monday = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func TestWhatWasNotedIsFoundAsItWas(t *testing.T) {
	f := open(t, Config{})
	e := Event{
		Time: monday, ID: "ABC", MessageID: "1@x.example", From: "x@y.example", Remote: netip.MustParseAddr("2001:db8::1"), Login: "ada@example.org", Size: 4711,
		Outcomes: []Outcome{{"bob@example.org", Delivered, "Inbox"}, {"dora@example.com", Deferred, "mx.example.com: 451 4.7.1 later"}},
	}
	f.add(e)
	found, _, err := f.Find(t.Context(), Query{})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if diff := cmp.Diff(e, found[0], cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTheMailFromOneToAnotherIsFound(t *testing.T) {
	f := open(t, Config{})
	for i, e := range []Event{
		{ID: "1", From: "Ann@client.example", MessageID: "m1", Outcomes: []Outcome{{"bob@example.org", Delivered, ""}}},
		{ID: "2", From: "ann@client.example", Outcomes: []Outcome{{"eve@example.org", Delivered, ""}, {"bob@example.org", Junk, ""}}},
		{ID: "3", From: "", Outcomes: []Outcome{{"bob@example.org", Refused, ""}}},
		{ID: "4", From: "zoe@client.example", Outcomes: []Outcome{{"bob@example.org", Delivered, ""}}},
	} {
		e.Time = monday.Add(time.Duration(i) * time.Hour)
		f.add(e)
	}
	for _, c := range []struct {
		q    Query
		want string
	}{
		{Query{}, "4 3 2 1"},
		{Query{From: "ann@", To: "BOB"}, "2 1"},
		{Query{From: "ann@", To: "bob", Steps: []Step{Delivered}}, "1"},
		{Query{From: "<>"}, "3"},
		{Query{MessageID: "<m1>"}, "1"},
		{Query{ID: "4"}, "4"},
		{Query{Since: monday.Add(time.Hour), Until: monday.Add(2 * time.Hour)}, "3 2"},
		{Query{To: "nobody"}, ""},
	} {
		if got, more := f.find(c.q); strings.Join(got, " ") != c.want || more {
			t.Errorf("%+v: %v %v, want %s", c.q, got, more, c.want)
		}
	}
	if got, more := f.find(Query{Limit: 2}); !slices.Equal(got, []string{"4", "3"}) || !more {
		t.Errorf("two of four: %v %v", got, more)
	}
}

func TestWhatIsOldIsForgotten(t *testing.T) {
	f := open(t, Config{Keep: time.Hour})
	now := time.Now()
	if err := f.store.Update(t.Context(), func(tx *store.Tx) error {
		for i := range sweepAtOnce + 5 {
			if err := f.Add(tx, Event{Time: now.Add(-2 * time.Hour), ID: fmt.Sprint(i), Outcomes: []Outcome{{"a", Delivered, ""}}}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	f.add(Event{Time: now.Add(-time.Minute), ID: "new", Outcomes: []Outcome{{"a", Delivered, ""}}})
	if n, err := f.Sweep(t.Context()); n != sweepAtOnce+5 || err != nil {
		t.Errorf("forgot %d: %v", n, err)
	}
	if got, _ := f.find(Query{}); !slices.Equal(got, []string{"new"}) {
		t.Errorf("left: %v", got)
	}
}

func TestNothingIsKeptWhereNobodyWantsIt(t *testing.T) {
	f := open(t, Config{Keep: -1})
	e := Event{ID: "1", Outcomes: []Outcome{{"a", Delivered, ""}}}
	f.add(e)
	f.Note(t.Context(), e)
	var none *Log
	none.Note(t.Context(), e)
	if got, _ := f.find(Query{}); len(got) != 0 {
		t.Errorf("kept %v", got)
	}
}

func TestAFloodOfRefusalsIsBounded(t *testing.T) {
	f := open(t, Config{})
	for range notesBurst + 100 {
		f.Note(t.Context(), Event{ID: "x", Outcomes: []Outcome{{"a", Refused, ""}}})
	}
	if got, _ := f.find(Query{Limit: 10_000}); len(got) < notesBurst || len(got) > notesBurst+90 {
		t.Errorf("kept %d", len(got))
	}
}

func TestManyRecipientsAreCounted(t *testing.T) {
	f := open(t, Config{})
	e := Event{ID: "1", From: strings.Repeat("x", 10_000)}
	for range maxOutcomes + 7 {
		e.Outcomes = append(e.Outcomes, Outcome{"a", Delivered, ""})
	}
	f.add(e)
	found, _, err := f.Find(t.Context(), Query{})
	if err != nil || len(found) != 1 || len(found[0].Outcomes) != maxOutcomes+1 || found[0].Outcomes[maxOutcomes].Detail != "and 7 more recipients" || len(found[0].From) != maxText {
		t.Errorf("%v", err)
	}
}

func FuzzEvent(f *testing.F) {
	f.Add(events.Append(nil, Event{ID: "1", Outcomes: []Outcome{{"a", Sent, "b"}}}))
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = events.Parse(b) })
}
