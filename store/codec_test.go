package store_test

import (
	"bytes"
	"cmp"
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"martlet/store"
)

// TestKeysKeepTheOrderOfTheirValues is what every range scan relies on.
func TestKeysKeepTheOrderOfTheirValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type tuple struct {
			s string
			i int64
			u uint32
			v uint64
		}
		one := rapid.Custom(func(t *rapid.T) tuple {
			s := string(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 0xfe, 0xff}), 0, 4).Draw(t, "s"))
			return tuple{s, rapid.Int64().Draw(t, "i"), rapid.Uint32().Draw(t, "u"), rapid.Uint64().Draw(t, "v")}
		})
		encode := func(x tuple) []byte {
			return store.AppendUint64(store.AppendUint32(store.AppendInt64(store.AppendString(nil, x.s), x.i), x.u), x.v)
		}
		a, b := one.Draw(t, "a"), one.Draw(t, "b")
		if rapid.Bool().Draw(t, "same string") {
			b.s = a.s
		}
		want := cmp.Or(cmp.Compare(a.s, b.s), cmp.Compare(a.i, b.i), cmp.Compare(a.u, b.u), cmp.Compare(a.v, b.v))
		if got := bytes.Compare(encode(a), encode(b)); got != want {
			t.Fatalf("%+v against %+v: %d, want %d", a, b, got, want)
		}
		var back tuple
		var errs [4]error
		rest := encode(a)
		back.s, rest, errs[0] = store.ParseString(rest)
		back.i, rest, errs[1] = store.ParseInt64(rest)
		back.u, rest, errs[2] = store.ParseUint32(rest)
		back.v, rest, errs[3] = store.ParseUint64(rest)
		if err := errors.Join(append(errs[:], store.End(rest))...); back != a || err != nil {
			t.Fatalf("%+v came back as %+v, %v", a, back, err)
		}
	})
}

func TestCutKeysAreRefused(t *testing.T) {
	key := store.AppendUint64(store.AppendString(nil, "a\x00b"), 5)
	for n := range key {
		_, rest, err := store.ParseString(key[:n])
		if err == nil {
			_, _, err = store.ParseUint64(rest)
		}
		if !errors.Is(err, store.ErrBadKey) {
			t.Errorf("%x: %v", key[:n], err)
		}
	}
}

// sample has one field of each kind.
type sample struct {
	u    uint64
	i    int64
	b    bool
	f    float64
	s    string
	raw  []byte
	at   time.Time
	list []string
	sub  *sample
}

func (v *sample) encode(e *store.Encoder) {
	e.Uint(1, v.u)
	e.Int(2, v.i)
	e.Bool(3, v.b)
	e.Float(4, v.f)
	e.String(5, v.s)
	e.Bytes(6, v.raw)
	e.Time(7, v.at)
	for _, s := range v.list {
		e.Element(8, s)
	}
	if v.sub != nil {
		e.Message(9, v.sub.encode)
	}
}

func decodeSample(b []byte) (v sample, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case 1:
			v.u = f.Uint()
		case 2:
			v.i = f.Int()
		case 3:
			v.b = f.Bool()
		case 4:
			v.f = f.Float()
		case 5:
			v.s = f.String()
		case 6:
			v.raw = f.Bytes()
		case 7:
			v.at = f.Time()
		case 8:
			v.list = append(v.list, f.String())
		case 9:
			sub, err := decodeSample(f.Bytes())
			v.sub = &sub
			return err
		}
		return nil
	})
	return v, err
}

func samples() []sample {
	when := time.Date(2026, 11, 23, 1, 2, 3, 4e6, time.UTC)
	return []sample{
		{},
		{u: math.MaxUint64, i: math.MinInt64, b: true, f: -1.5, s: "Grüße", raw: []byte{0}, at: when},
		{at: time.Unix(0, 0).UTC(), list: []string{"", "a", ""}},
		{at: time.UnixMilli(-5).UTC(), sub: &sample{s: "inner", sub: &sample{}}},
	}
}

func TestRecordsRoundTrip(t *testing.T) {
	for _, v := range samples() {
		e := store.NewEncoder([]byte("before"))
		v.encode(e)
		out, ok := bytes.CutPrefix(e.Out(), []byte("before"))
		if !ok {
			t.Errorf("%+v: what stood before is gone", v)
		}
		back, err := decodeSample(out)
		e = store.NewEncoder(nil)
		back.encode(e)
		if err != nil || !back.at.Equal(v.at) || !bytes.Equal(e.Out(), out) {
			t.Errorf("%+v came back as %+v, %v", v, back, err)
		}
	}
	e := store.NewEncoder(nil)
	(&sample{}).encode(e)
	if len(e.Out()) != 0 {
		t.Errorf("zero values take %d bytes", len(e.Out()))
	}
}

func FuzzDecodeFields(f *testing.F) {
	for _, v := range samples() {
		e := store.NewEncoder(nil)
		v.encode(e)
		f.Add(e.Out())
	}
	f.Add([]byte{0x0b, 0x0c})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := decodeSample(b)
		if err != nil {
			return
		}
		e := store.NewEncoder(nil)
		v.encode(e)
		again, err := decodeSample(e.Out())
		if err != nil || again.s != v.s || again.u != v.u || !again.at.Equal(v.at) || len(again.list) != len(v.list) {
			t.Errorf("%+v became %+v, %v", v, again, err)
		}
	})
}

func FuzzParseString(f *testing.F) {
	f.Add([]byte("plain\x00\x01rest"))
	f.Add([]byte("a\x00\xffb\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, rest, err := store.ParseString(b)
		if err == nil && !bytes.Equal(append(store.AppendString(nil, s), rest...), b) {
			t.Errorf("%x parsed as %q and %x", b, s, rest)
		}
	})
}

func TestTableScansItsOwnRowsInOrder(t *testing.T) {
	s := open(t, store.Config{})
	text := store.Codec[string]{
		Append: func(dst []byte, v string) []byte { return append(dst, v...) },
		Parse:  func(b []byte) (string, error) { return string(b), nil },
	}
	table := store.NewTable("words", store.Prefix(0x80), store.StringKey[string](), text)
	other := store.NewTable("other", store.Prefix(0x81), store.StringKey[string](), text)
	update(t, s, func(tx *store.Tx) error {
		err := other.Set(tx, "a", "not mine")
		for _, w := range []string{"pear", "apple", "fig", ""} {
			err = errors.Join(err, table.Set(tx, w, "the "+w))
		}
		return errors.Join(err, table.Delete(tx, ""))
	})
	err := s.View(t.Context(), func(tx *store.Tx) error {
		if v, err := table.Get(tx, "fig"); v != "the fig" || err != nil {
			t.Errorf("Get: %q, %v", v, err)
		}
		if _, err := table.Get(tx, "plum"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get of a missing row: %v", err)
		}
		if ok, err := table.Has(tx, "pear"); !ok || err != nil {
			t.Errorf("Has: %v, %v", ok, err)
		}
		from, to := "b", "pear"
		for r, want := range map[*store.TableRange[string]]string{
			{}:                           "apple fig pear ",
			{Reverse: true}:              "pear fig apple ",
			{From: &from}:                "fig pear ",
			{From: &from, To: &to}:       "fig ",
			{To: &to, Reverse: true}:     "fig apple ",
			{Prefix: []byte("p")}:        "pear ",
			{Prefix: []byte("\xff\xff")}: "",
		} {
			got := ""
			for row, err := range table.Scan(tx, *r) {
				if err != nil {
					return err
				}
				if row.Value != "the "+row.Key {
					t.Errorf("row %+v", row)
				}
				got += row.Key + " "
			}
			keys := ""
			for k, err := range table.Keys(tx, *r) {
				if err != nil {
					return err
				}
				keys += k + " "
			}
			if got != want || keys != want {
				t.Errorf("%+v: %q, %q, want %q", *r, got, keys, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
