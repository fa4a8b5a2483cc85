package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func pair(t testing.TB) (private, public []byte) {
	t.Helper()
	private, public, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return private, public
}

func ptr(n int) *int { return &n }

func TestWhatIsSealedIsOpenedByItsOwnerOnly(t *testing.T) {
	private, public := pair(t)
	want := Content{
		Account: "work", Message: "m1", Thread: "t1", Unread: ptr(3),
		Sender: "Ada <ada@example.org>", Subject: "Grüße & Küsse", Preview: "Bis morgen 👩‍👩‍👧",
	}
	envelope, err := Seal(public, []byte("device 7"), &want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Open(private, []byte("device 7"), envelope)
	if err != nil {
		t.Fatal(err)
	}
	if got.Version != 1 || got.Account != want.Account || got.Message != want.Message || got.Thread != want.Thread ||
		got.Sender != want.Sender || got.Subject != want.Subject || got.Preview != want.Preview || *got.Unread != 3 {
		t.Errorf("%+v, want %+v", got, want)
	}
	if want.Version != 0 {
		t.Error("the caller's content was changed")
	}

	stranger, _ := pair(t)
	for name, open := range map[string]func() (*Content, error){
		"another key":     func() (*Content, error) { return Open(stranger, []byte("device 7"), envelope) },
		"another context": func() (*Content, error) { return Open(private, []byte("device 8"), envelope) },
		"no context":      func() (*Content, error) { return Open(private, nil, envelope) },
		"no key":          func() (*Content, error) { return Open(nil, []byte("device 7"), envelope) },
		"cut":             func() (*Content, error) { return Open(private, []byte("device 7"), envelope[:len(envelope)-1]) },
		"longer": func() (*Content, error) {
			return Open(private, []byte("device 7"), append(envelope[:len(envelope):len(envelope)], 0))
		},
		"empty": func() (*Content, error) { return Open(private, []byte("device 7"), nil) },
	} {
		if c, err := open(); !errors.Is(err, ErrEnvelope) || c != nil {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
	for i := range envelope {
		broken := bytes.Clone(envelope)
		broken[i] ^= 0x10
		if _, err := Open(private, []byte("device 7"), broken); !errors.Is(err, ErrEnvelope) {
			t.Errorf("byte %d may be changed: %v", i, err)
		}
	}
}

func TestTwoEnvelopesOfOneTextHaveNothingInCommon(t *testing.T) {
	_, public := pair(t)
	a, err := Seal(public, nil, &Content{Subject: "same"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Seal(public, nil, &Content{Subject: "same"})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a[1:33], b[1:33]) || bytes.Equal(a[33:65], b[33:65]) {
		t.Error("the same encapsulated key or ciphertext twice")
	}
}

func TestTheLengthTellsOnlyWhetherATextIsLong(t *testing.T) {
	_, public := pair(t)
	lengths := map[int]int{}
	for n := range 3000 {
		if n%50 != 0 {
			continue
		}
		envelope, err := Seal(public, nil, &Content{Preview: strings.Repeat("x", n)})
		if err != nil {
			t.Fatal(err)
		}
		lengths[len(envelope)]++
	}
	if len(lengths) != 2 || lengths[overhead+1024] == 0 || lengths[MaxEnvelope] == 0 {
		t.Errorf("lengths %v", lengths)
	}
	if n := base64.RawURLEncoding.EncodedLen(MaxEnvelope); n != 2796 {
		t.Errorf("the longest envelope has %d characters", n)
	}
}

func TestLongTextIsCutThePreviewFirst(t *testing.T) {
	private, public := pair(t)
	for _, unit := range []string{"x", "ü", "👩‍👩‍👧‍👦", "\"", "\x01", "<", "\xff"} {
		long := strings.Repeat(unit, 4000)
		envelope, err := Seal(public, nil, &Content{Message: "m", Sender: long, Subject: long, Preview: long})
		if err != nil {
			t.Fatalf("%q: %v", unit, err)
		}
		c, err := Open(private, nil, envelope)
		if err != nil {
			t.Fatalf("%q: %v", unit, err)
		}
		if c.Message != "m" || c.Sender == "" {
			t.Errorf("%q: message %q, sender %q", unit, c.Message, c.Sender)
		}
		if len(c.Sender) > maxSender || len(c.Subject) > maxSubject {
			t.Errorf("%q: sender of %d, subject of %d bytes", unit, len(c.Sender), len(c.Subject))
		}
	}
	long := strings.Repeat("x", 4000)
	envelope, err := Seal(public, nil, &Content{Subject: "kept", Preview: long})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(private, nil, envelope)
	if err != nil || c.Subject != "kept" || len(c.Preview) < 1900 || !strings.HasSuffix(c.Preview, "x…") {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestANameIsNotCut(t *testing.T) {
	_, public := pair(t)
	for _, c := range []*Content{
		{Account: strings.Repeat("a", 129)}, {Message: strings.Repeat("a", 129)}, {Thread: strings.Repeat("a", 129)},
	} {
		if _, err := Seal(public, nil, c); err == nil {
			t.Errorf("%+v was sealed", c)
		}
	}
	if _, err := Seal(public, make([]byte, 257), &Content{}); !errors.Is(err, ErrInfo) {
		t.Errorf("a context of 257 bytes: %v", err)
	}
}

func TestKeysThatAnybodyOrNobodyCouldOpenAreRefused(t *testing.T) {
	_, good := pair(t)
	if err := CheckKey(good); err != nil {
		t.Errorf("a good key: %v", err)
	}
	for _, s := range []string{
		"", "00", strings.Repeat("ab", 31), strings.Repeat("ab", 33),
		// The points of low order (RFC 7748 6.1; as listed at https://cr.yp.to/ecdh.html).
		strings.Repeat("00", 32),
		"01" + strings.Repeat("00", 31),
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		// Other writings of points: 2^255-19+9 is the base point, and the top bit does not count.
		"f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"09" + strings.Repeat("00", 30) + "80",
	} {
		key, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckKey(key); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", s, err)
		}
		if _, err := Seal(key, nil, &Content{}); !errors.Is(err, ErrKey) {
			t.Errorf("sealed to %s: %v", s, err)
		}
	}
	if err := CheckKey(append([]byte{9}, make([]byte, 31)...)); err != nil {
		t.Errorf("the base point: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	private, public := pair(f)
	envelope, err := Seal(public, nil, &Content{Subject: "s"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(envelope, []byte(`{"version":1}`))
	f.Add([]byte{1}, []byte(`{"version":1,"unread":1e999}   `))
	f.Fuzz(func(t *testing.T, envelope, plain []byte) {
		if c, err := Open(private, nil, envelope); err == nil && c.Version != 1 {
			t.Fatalf("%+v", c)
		}
		c, err := decode(plain)
		if err != nil {
			return
		}
		if _, err := json.Marshal(c); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	_, public := pair(b)
	c := &Content{Sender: "Ada", Subject: "Grüße", Preview: strings.Repeat("Bis morgen. ", 20)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Seal(public, nil, c); err != nil {
			b.Fatal(err)
		}
	}
}
