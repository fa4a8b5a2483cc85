package oof_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/mail/oof"
	"martlet/store"
)

func open(t testing.TB) (*store.Store, *oof.Absences) {
	t.Helper()
	s, err := store.Open(store.Config{Path: filepath.Join(t.TempDir(), "store"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	o := oof.New(s)
	t.Cleanup(func() {
		report := func(p store.Problem) { t.Errorf("%s %s: %s", p.Table, p.Key, p.Text) }
		if err := errors.Join(o.Check(context.Background(), report), s.Check(context.Background(), report), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return s, o
}

func update(t testing.TB, s *store.Store, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsSavedIsLoaded(t *testing.T) {
	s, o := open(t)
	start := time.Date(2026, 12, 20, 8, 0, 0, 123_456_789, time.FixedZone("x", 3600))
	a := oof.Absence{State: oof.Timed, Start: start, End: start.Add(time.Hour), Messages: [oof.Audiences]oof.Message{
		oof.Internal: {Enabled: true, Text: "weg"}, oof.Known: {Text: "<p>", HTML: true},
	}}
	update(t, s, func(tx *store.Tx) error { return o.Save(tx, 7, a) })
	a.Start = time.Date(2026, 12, 20, 7, 0, 0, 123_000_000, time.UTC)
	a.End = a.Start.Add(time.Hour)
	update(t, s, func(tx *store.Tx) error {
		got, err := o.Load(tx, 7)
		if d := cmp.Diff(a, got); d != "" {
			t.Error(d)
		}
		if other, _ := o.Load(tx, 8); other != (oof.Absence{}) {
			t.Errorf("%+v", other)
		}
		return err
	})
	// MS-ASCMD_R7544: times belong to a timed absence only.
	a.State = oof.On
	update(t, s, func(tx *store.Tx) error {
		if err := o.Save(tx, 7, a); err != nil {
			return err
		}
		got, err := o.Load(tx, 7)
		if !got.Start.IsZero() || !got.End.IsZero() {
			t.Errorf("%+v", got)
		}
		return err
	})
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	s, o := open(t)
	now := time.Now()
	for name, c := range map[string]struct {
		a    oof.Absence
		want error
	}{
		"no times":       {oof.Absence{State: oof.Timed}, oof.ErrBadTimes},
		"end is start":   {oof.Absence{State: oof.Timed, Start: now, End: now}, oof.ErrBadTimes},
		"end first":      {oof.Absence{State: oof.Timed, Start: now, End: now.Add(-time.Hour)}, oof.ErrBadTimes},
		"too long":       {oof.Absence{Messages: [oof.Audiences]oof.Message{{Text: strings.Repeat("x", oof.MaxText+1)}}}, oof.ErrTooLong},
		"no UTF-8":       {oof.Absence{Messages: [oof.Audiences]oof.Message{{Text: "\xff"}}}, oof.ErrTooLong},
		"just not":       {oof.Absence{Messages: [oof.Audiences]oof.Message{{Text: strings.Repeat("x", oof.MaxText)}}}, nil},
		"off with times": {oof.Absence{Start: now, End: now}, nil},
	} {
		if err := s.Update(context.Background(), func(tx *store.Tx) error { return o.Save(tx, 1, c.a) }); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFloodOfSendersIsToldNothingInTheEnd(t *testing.T) {
	s, o := open(t)
	now := time.Now()
	update(t, s, func(tx *store.Tx) error {
		if err := o.Save(tx, 1, oof.Absence{State: oof.On}); err != nil {
			return err
		}
		for i := range oof.MaxAnswered + 3 {
			first, err := o.Claim(tx, 1, fmt.Sprintf("x%d@y.example", i), now)
			if err != nil || first != (i < oof.MaxAnswered) {
				t.Fatalf("number %d: %v, %v", i, first, err)
			}
		}
		return nil
	})
	// Another absence begins anew, and removal leaves nothing.
	update(t, s, func(tx *store.Tx) error {
		if err := o.Save(tx, 1, oof.Absence{}); err != nil {
			return err
		}
		first, err := o.Claim(tx, 1, "x1@y.example", now)
		if err != nil || !first {
			t.Errorf("%v, %v", first, err)
		}
		if err := o.Remove(tx, 1); err != nil {
			return err
		}
		if told, err := o.Answered(tx, 1, "x1@y.example"); told || err != nil {
			t.Errorf("%v, %v", told, err)
		}
		all, err := o.Owners(tx)
		if len(all) != 0 {
			t.Errorf("%v", all)
		}
		return err
	})
}
