package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"martlet/store"
)

// TestTransactionsBehaveLikeASortedMap runs random updates, with scans in the
// middle and some that fail, and compares with a map.
func TestTransactionsBehaveLikeASortedMap(t *testing.T) {
	for _, key := range [][]byte{nil, sealKey} {
		s := open(t, store.Config{Key: key, MemTable: 1 << 20})
		rapid.Check(t, func(rt *rapid.T) { checkModel(rt, s) })
	}
}

var errUndo = errors.New("undo")

func checkModel(t *rapid.T, s *store.Store) {
	model := map[string]string{}
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		for kv, err := range tx.Scan(store.Range{Prefix: []byte("t")}) {
			if err == nil {
				err = tx.Delete(kv.Key)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	keys := rapid.Custom(func(t *rapid.T) string {
		return "t" + string(rapid.SliceOfN(rapid.SampledFrom([]byte("ab\xff\x00\x80\x81")), 0, 3).Draw(t, "key"))
	})
	ranges := rapid.Custom(func(t *rapid.T) store.Range {
		r := store.Range{
			Prefix:  []byte(rapid.SampledFrom([]string{"t", "ta", "tb\xff", "t\xff", "t\x80", "ta\x80\xff"}).Draw(t, "prefix")),
			Reverse: rapid.Bool().Draw(t, "reverse"),
		}
		if rapid.Bool().Draw(t, "has from") {
			r.From = []byte(keys.Draw(t, "from"))
		}
		if rapid.Bool().Draw(t, "has to") {
			r.To = []byte(keys.Draw(t, "to"))
		}
		return r
	})
	type step struct {
		do    int
		key   string
		value string
		r     store.Range
	}
	steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{rapid.IntRange(0, 4).Draw(t, "do"), keys.Draw(t, "key"), rapid.StringN(0, 5, -1).Draw(t, "value"), ranges.Draw(t, "range")}
	}), 0, 20)
	for n := range rapid.IntRange(1, 5).Draw(t, "updates") {
		todo, fail := steps.Draw(t, "steps"), rapid.IntRange(0, 3).Draw(t, "fail") == 0
		after := map[string]string{}
		err := s.Update(t.Context(), func(tx *store.Tx) error {
			after = maps.Clone(model)
			for _, st := range todo {
				var err error
				switch st.do {
				case 0, 1:
					after[st.key] = st.value
					err = tx.Set([]byte(st.key), []byte(st.value))
				case 2:
					delete(after, st.key)
					err = tx.Delete([]byte(st.key))
				case 3:
					err = sameRow(tx, after, st.key)
				case 4:
					err = sameRows(tx, after, st.r)
				}
				if err != nil {
					return err
				}
			}
			if fail {
				return errUndo
			}
			return nil
		})
		if fail && errors.Is(err, errUndo) {
			err = nil
		} else {
			model = after
		}
		if err != nil {
			t.Fatalf("update %d: %v", n, err)
		}
		r := ranges.Draw(t, "view")
		if err := s.View(t.Context(), func(tx *store.Tx) error { return sameRows(tx, model, r) }); err != nil {
			t.Fatal(err)
		}
	}
}

func sameRow(tx *store.Tx, model map[string]string, key string) error {
	got, err := tx.Get([]byte(key))
	want, ok := model[key]
	if errors.Is(err, store.ErrNotFound) && !ok {
		return nil
	}
	if err != nil || !ok || string(got) != want {
		return fmt.Errorf("Get %q = %q, %v; want %q, %v", key, got, err, want, ok)
	}
	return nil
}

func sameRows(tx *store.Tx, model map[string]string, r store.Range) error {
	var want []string
	for _, k := range slices.Sorted(maps.Keys(model)) {
		if strings.HasPrefix(k, string(r.Prefix)) && k >= string(r.From) && (r.To == nil || k < string(r.To)) {
			want = append(want, k+"="+model[k])
		}
	}
	if r.Reverse {
		slices.Reverse(want)
	}
	got, err := rows(tx, r)
	if err != nil || got != strings.Join(want, " ") {
		return fmt.Errorf("scan %+v: %q, %v; want %q", r, got, err, want)
	}
	return nil
}

// TestScanSeesWritesAhead deletes and adds rows while it scans them.
func TestScanSeesWritesAhead(t *testing.T) {
	for _, reverse := range []bool{false, true} {
		s := open(t, store.Config{})
		set(t, s, "ta", "", "tb", "", "tc", "", "te", "")
		update(t, s, func(tx *store.Tx) error {
			var seen []string
			for kv, err := range tx.Scan(store.Range{Prefix: []byte("t"), Reverse: reverse}) {
				if err != nil {
					return err
				}
				seen = append(seen, string(kv.Key))
				if string(kv.Key) == "tb" {
					for _, k := range []string{"ta", "tb", "tc"} {
						tx.Delete([]byte(k))
					}
					tx.Set([]byte("td"), nil)
					tx.Set([]byte("t"), nil)
				}
			}
			want := "[ta tb td te]"
			if reverse {
				want = "[te tc tb t]"
			}
			if got := fmt.Sprint(seen); got != want {
				t.Errorf("reverse %v: %s, want %s", reverse, got, want)
			}
			return nil
		})
	}
}

// Numbers in keys have bytes of every value: what one mailbox has written must
// not be seen by a scan of another's.
func TestScanInAnUpdateKeepsToItsPrefix(t *testing.T) {
	s := open(t, store.Config{})
	update(t, s, func(tx *store.Tx) error {
		for b := range 256 {
			tx.Set([]byte{'t', byte(b), 1}, nil)
			tx.Set([]byte{'t', byte(b), 2}, nil)
		}
		for b := range 256 {
			for _, reverse := range []bool{false, true} {
				n := 0
				for kv, err := range tx.Scan(store.Range{Prefix: []byte{'t', byte(b)}, Reverse: reverse}) {
					if err != nil {
						return err
					}
					if n++; kv.Key[1] != byte(b) {
						t.Errorf("prefix %x, reverse %t: found %x", b, reverse, kv.Key)
					}
				}
				if n != 2 {
					t.Errorf("prefix %x, reverse %t: found %d rows, want 2", b, reverse, n)
				}
			}
		}
		return nil
	})
}

func TestScannedBytesStayAsTheyWere(t *testing.T) {
	s := open(t, store.Config{})
	var kv []string
	for i := range 500 {
		kv = append(kv, fmt.Sprintf("t%03d", i), strings.Repeat("v", i))
	}
	set(t, s, kv...)
	var all []store.KV
	err := s.View(t.Context(), func(tx *store.Tx) error {
		for kv, err := range tx.Scan(store.Range{Prefix: []byte("t")}) {
			if err != nil {
				return err
			}
			all = append(all, kv)
		}
		for i, kv := range all {
			if string(kv.Key) != fmt.Sprintf("t%03d", i) || !bytes.Equal(kv.Value, bytes.Repeat([]byte("v"), i)) {
				t.Errorf("row %d became %s=%s", i, kv.Key, kv.Value)
			}
		}
		return nil
	})
	if err != nil || len(all) != 500 {
		t.Error(len(all), err)
	}
}
