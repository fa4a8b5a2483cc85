package share

import (
	"bytes"
	"testing"

	"martlet/mail"
)

func someKeys() []grantKey {
	return []grantKey{
		{box: 1, folder: 2}, {box: 1, folder: 2, kind: toAccount, to: 3}, {box: 1 << 40, folder: 1<<32 - 1, kind: toGroup, group: "team@example.org"},
		{box: 1, folder: 2, kind: toGroup, group: "a\x00b"},
	}
}

func TestGrantsComeBackAsTheyWereWritten(t *testing.T) {
	for _, k := range someKeys() {
		if got, err := parseGrantKey(appendGrantKey(nil, k)); got != k || err != nil {
			t.Errorf("%+v is %+v, %v", k, got, err)
		}
		if got, err := parseGrantee(appendGrantee(nil, k)); got != k || err != nil {
			t.Errorf("the other way round %+v is %+v, %v", k, got, err)
		}
	}
	for r := mail.Rights(1); r < 16; r++ {
		if got, err := parseRights(appendRights(nil, r)); got != r || err != nil {
			t.Errorf("%d is %d, %v", r, got, err)
		}
	}
	if v, err := parseEpochs(appendEpochs(nil, epochs{7, 6})); v != (epochs{7, 6}) || err != nil {
		t.Errorf("%+v, %v", v, err)
	}
}

// What is read as a row is what would be written, or an error.
func FuzzRows(f *testing.F) {
	for _, k := range someKeys() {
		f.Add(appendGrantKey(nil, k))
		f.Add(appendGrantee(nil, k))
	}
	f.Add(appendRights(nil, delegate))
	f.Add(appendEpochs(nil, epochs{7, 6}))
	f.Add([]byte{9})
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := parseGrantKey(b); err == nil && !bytes.Equal(appendGrantKey(nil, k), b) {
			t.Errorf("%x is %+v", b, k)
		}
		if k, err := parseGrantee(b); err == nil && !bytes.Equal(appendGrantee(nil, k), b) {
			t.Errorf("the other way round %x is %+v", b, k)
		}
		if r, err := parseRights(b); err == nil && r == 0 {
			t.Errorf("%x are no rights", b)
		}
		_, _ = parseEpochs(b)
	})
}
