package store

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
)

func discardLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestSealedValuesOpenOnlyInTheirOwnRow moves a sealed value to another row
// behind the store's back, and changes one.
func TestSealedValuesOpenOnlyInTheirOwnRow(t *testing.T) {
	s, err := Open(Config{Path: t.TempDir(), Key: bytes.Repeat([]byte{1}, KeySize), Logger: discardLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	key := []byte{byte(PrefixAccount), 1}
	err = s.Update(t.Context(), func(tx *Tx) error { return tx.Set(key, []byte("secret")) })
	if err != nil {
		t.Fatal(err)
	}
	item, err := s.snaps.newest().txn.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := item.ValueCopy(nil)
	if err != nil || bytes.Contains(sealed, []byte("secret")) {
		t.Fatalf("stored as %q, %v", sealed, err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	err = s.putRaw([]write{
		{key: []byte{byte(PrefixAccount), 2}, value: sealed},
		{key: []byte{byte(PrefixAccount), 3}, value: changed},
		{key: []byte{byte(PrefixAccount), 4}, value: sealed[:5]},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.View(t.Context(), func(tx *Tx) error {
		if v, err := tx.Get(key); string(v) != "secret" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
		for n := byte(2); n <= 4; n++ {
			if v, err := tx.Get([]byte{byte(PrefixAccount), n}); !errors.Is(err, errSeal) {
				t.Errorf("row %d: %q, %v", n, v, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	problems := 0
	if err := s.Check(t.Context(), func(Problem) { problems++ }); err != nil || problems != 3 {
		t.Errorf("Check found %d problems, %v", problems, err)
	}
}
