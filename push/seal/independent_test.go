package seal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

// opener opens envelopes as somebody would who has the documents and neither
// this package nor an HPKE library: RFC 9180, step by step.
type opener struct{ private *ecdh.PrivateKey }

func expand(prk, info []byte, n int) []byte {
	var out, last []byte
	for i := byte(1); len(out) < n; i++ {
		h := hmac.New(sha256.New, prk)
		h.Write(slices.Concat(last, info, []byte{i}))
		last = h.Sum(nil)
		out = append(out, last...)
	}
	return out[:n]
}

// RFC 9180 4.
func labeledExtract(suite, salt []byte, label string, ikm []byte) []byte {
	h := hmac.New(sha256.New, salt)
	h.Write(slices.Concat([]byte("HPKE-v1"), suite, []byte(label), ikm))
	return h.Sum(nil)
}

func labeledExpand(suite, prk []byte, label string, info []byte, n int) []byte {
	return expand(prk, slices.Concat([]byte{0, byte(n)}, []byte("HPKE-v1"), suite, []byte(label), info), n)
}

func (o opener) open(t *testing.T, enc, info, aad, ciphertext []byte) []byte {
	t.Helper()
	ephemeral, err := ecdh.X25519().NewPublicKey(enc)
	if err != nil {
		t.Fatal(err)
	}
	dh, err := o.private.ECDH(ephemeral)
	if err != nil {
		t.Fatal(err)
	}
	// RFC 9180 4.1: Decap.
	kem := []byte("KEM\x00\x20")
	prk := labeledExtract(kem, nil, "eae_prk", dh)
	shared := labeledExpand(kem, prk, "shared_secret", slices.Concat(enc, o.private.PublicKey().Bytes()), 32)
	// RFC 9180 5.1: KeySchedule in base mode.
	suite := []byte("HPKE\x00\x20\x00\x01\x00\x03")
	context := slices.Concat([]byte{0}, labeledExtract(suite, nil, "psk_id_hash", nil), labeledExtract(suite, nil, "info_hash", info))
	secret := labeledExtract(suite, shared, "secret", nil)
	aead, err := chacha20poly1305.New(labeledExpand(suite, secret, "key", context, 32))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := aead.Open(nil, labeledExpand(suite, secret, "base_nonce", context, 12), ciphertext, aad)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newOpener(t *testing.T, private []byte) opener {
	t.Helper()
	key, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return opener{key}
}

// RFC 9180 A.2.1, sequence number 0.
func TestTheOpenerReadsTheExampleOfRFC9180(t *testing.T) {
	o := newOpener(t, unhex(t, "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"))
	got := o.open(t,
		unhex(t, "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"),
		unhex(t, "4f6465206f6e2061204772656369616e2055726e"),
		unhex(t, "436f756e742d30"),
		unhex(t, "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"))
	if string(got) != "Beauty is truth, truth beauty" {
		t.Errorf("%q", got)
	}
}

func TestAnEnvelopeIsWhatTheDocumentSaysAndOpensWithoutThisPackage(t *testing.T) {
	private, public := pair(t)
	envelope, err := Seal(public, []byte("device 7"), &Content{Sender: "Ada", Subject: "Grüße", Preview: "Bis morgen"})
	if err != nil {
		t.Fatal(err)
	}
	if envelope[0] != 1 {
		t.Fatalf("version %d", envelope[0])
	}
	plain := newOpener(t, private).open(t, envelope[1:33], []byte("martlet seal 1\x00device 7"), nil, envelope[33:])
	var got map[string]any
	if err := json.Unmarshal(plain, &got); err != nil {
		t.Fatal(err)
	}
	if len(plain) != 1024 || got["version"] != 1.0 || got["sender"] != "Ada" || got["subject"] != "Grüße" || got["preview"] != "Bis morgen" || len(got) != 4 {
		t.Errorf("%d bytes: %v", len(plain), got)
	}
	if rest := bytes.TrimRight(plain, " "); rest[len(rest)-1] != '}' {
		t.Errorf("padded with something else than blanks: %q", rest[len(rest)-10:])
	}
}

// testdata/another-library.txt was sealed by pyca/cryptography 48 on OpenSSL,
// to the private key 01 02 … 20.
func TestAnEnvelopeOfAnotherLibraryIsOpened(t *testing.T) {
	text, err := os.ReadFile("testdata/another-library.txt")
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := base64.RawURLEncoding.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	private := make([]byte, KeySize)
	for i := range private {
		private[i] = byte(i + 1)
	}
	c, err := Open(private, []byte("device 7"), envelope)
	if err != nil || c.Sender != "Ada" || c.Subject != "Grüße" || c.Preview != "from another library" {
		t.Errorf("%+v, %v", c, err)
	}
}
