package directory

import (
	"context"
	"errors"
	"testing"

	"martlet/store"
)

func TestEncryptionLastsAsLongAsItsAccount(t *testing.T) {
	ctx := context.Background()
	d, a := robin(t)
	want := Encryption{Method: EncryptOpenPGP, Key: []byte("key")}
	if err := d.SetEncryption(ctx, a.ID, want); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Encryption(ctx, a.ID); err != nil || got.Method != want.Method || string(got.Key) != "key" {
		t.Errorf("%+v, %v", got, err)
	}
	for name, bad := range map[string]Encryption{
		"no key": {Method: EncryptOpenPGP}, "too large": {EncryptOpenPGP, make([]byte, MaxEncryptionKey+1)}, "a key of S/MIME": {EncryptSMIME, []byte("x")}, "unknown": {Method: 9},
	} {
		if err := d.SetEncryption(ctx, a.ID, bad); !errors.Is(err, ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := d.SetEncryption(ctx, a.ID+1, want); !errors.Is(err, ErrNoAccount) {
		t.Errorf("of nobody: %v", err)
	}
	if err := d.RemoveUser(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Encrypting(ctx, []AccountID{a.ID}); err != nil || got != nil {
		t.Errorf("it outlives its account: %v, %v", got, err)
	}
	if err := d.Check(ctx, func(p store.Problem) { t.Errorf("%+v", p) }); err != nil {
		t.Error(err)
	}
}
