package webpush

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"testing"

	"martlet/push/pushtest"
)

func raw(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 8291 5 and appendix A.
func TestTheExampleOfRFC8291IsWritten(t *testing.T) {
	private, err := ecdh.P256().NewPrivateKey(raw(t, "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := encryptWith(private, [16]byte(raw(t, "DGv6ra1nlYgDCS1FRnbzlw")),
		raw(t, "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
		raw(t, "BTBZMqHH6r4Tts7J_aSIgg"),
		[]byte("When I grow up, I want to be a watermelon"), 0)
	want := "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
	if err != nil || base64.RawURLEncoding.EncodeToString(got) != want {
		t.Errorf("%s, %v", base64.RawURLEncoding.EncodeToString(got), err)
	}
}

// agent is a user agent's keys.
func agent(t testing.TB) (private *ecdh.PrivateKey, public, auth []byte) {
	t.Helper()
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	auth = make([]byte, 16)
	_, _ = rand.Read(auth)
	return private, private.PublicKey().Bytes(), auth
}

func TestWhatIsEncryptedIsReadByTheUserAgentWithoutThePadding(t *testing.T) {
	private, public, auth := agent(t)
	for _, plain := range [][]byte{nil, {0}, {2}, []byte("x\x02\x00\x00"), bytes.Repeat([]byte{7}, maxPlain)} {
		for _, zeros := range []int{0, 1, 100} {
			if len(plain)+zeros > maxPlain {
				continue
			}
			body, err := encrypt(public, auth, plain, zeros)
			if err != nil {
				t.Fatal(err)
			}
			if len(body) != overhead+len(plain)+zeros || len(body) > 4096 {
				t.Errorf("%d bytes and %d zeros became %d", len(plain), zeros, len(body))
			}
			got, err := pushtest.DecryptWebPush(private, auth, body)
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%q with %d zeros: %q, %v", plain, zeros, got, err)
			}
		}
	}
}

func TestTheSameMessageIsNeverTheSameOnTheWire(t *testing.T) {
	_, public, auth := agent(t)
	a, err := encrypt(public, auth, []byte("same"), 0)
	if err != nil {
		t.Fatal(err)
	}
	b, err := encrypt(public, auth, []byte("same"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a[:16], b[:16]) || bytes.Equal(a[21:86], b[21:86]) || bytes.Equal(a[86:], b[86:]) {
		t.Error("salt, key or ciphertext came twice")
	}
}

func TestKeysThatAreNoneAreRefused(t *testing.T) {
	_, public, auth := agent(t)
	if err := CheckKeys(public, auth); err != nil {
		t.Fatal(err)
	}
	offCurve := slices.Clone(public)
	offCurve[64] ^= 1
	for name, c := range map[string]struct{ public, auth []byte }{
		"none":           {nil, nil},
		"no auth":        {public, nil},
		"short auth":     {public, auth[:15]},
		"long auth":      {public, append(slices.Clone(auth), 0)},
		"no public key":  {nil, auth},
		"compressed":     {append([]byte{2}, public[1:33]...), auth},
		"hybrid":         {append([]byte{6}, public[1:]...), auth},
		"infinity":       {[]byte{0}, auth},
		"off the curve":  {offCurve, auth},
		"zeros":          {append([]byte{4}, make([]byte, 64)...), auth},
		"a byte too few": {public[:64], auth},
	} {
		if err := CheckKeys(c.public, c.auth); !errors.Is(err, ErrKeys) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := encrypt(c.public, c.auth, []byte("x"), 0); !errors.Is(err, ErrKeys) {
			t.Errorf("%s encrypts: %v", name, err)
		}
	}
}

func FuzzKeys(f *testing.F) {
	_, public, auth := agent(f)
	f.Add(public, auth)
	f.Add([]byte{4}, []byte{})
	f.Fuzz(func(t *testing.T, public, auth []byte) {
		ok := CheckKeys(public, auth) == nil
		_, err := encrypt(public, auth, []byte("x"), 10)
		if ok != (err == nil) {
			t.Fatalf("checked %v, encrypted %v", ok, err)
		}
	})
}

func BenchmarkEncrypt(b *testing.B) {
	_, public, auth := agent(b)
	plain := bytes.Repeat([]byte{'x'}, 400)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := encrypt(public, auth, plain, padding(len(plain))); err != nil {
			b.Fatal(err)
		}
	}
}
