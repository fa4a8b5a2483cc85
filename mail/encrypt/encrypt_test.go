package encrypt

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"mime/multipart"
	netmail "net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"github.com/smallstep/pkcs7"

	"martlet/directory"
	"martlet/store"
)

func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

const letter = `Return-Path: <x@y.example>
Received: from y.example
X-Martlet-Junk: no score=0.1
DKIM-Signature: v=1; b=abc
From: X <x@y.example>
To: alice@example.org,
 bob@example.org
Subject: plans
Message-ID: <1@y.example>
List-Id: <plans.y.example>
X-Mailer: quill
MIME-Version: 1.0
Content-Type: multipart/mixed;
	boundary=b
Content-Language: en

--b
Content-Type: text/plain; charset=utf-8

the füll plan
--b--
`

// insideOf is what letter has inside.
const insideOf = `DKIM-Signature: v=1; b=abc
X-Mailer: quill
MIME-Version: 1.0
Content-Type: multipart/mixed;
	boundary=b
Content-Language: en

--b
Content-Type: text/plain; charset=utf-8

the füll plan
--b--
`

// must stops the test at an error.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// newKey makes an OpenPGP key of alice's.
func newKey(t testing.TB, c *packet.Config) (e *openpgp.Entity, public []byte) {
	t.Helper()
	e = must[*openpgp.Entity](t)(openpgp.NewEntity("Alice", "", "alice@example.org", c))
	var b bytes.Buffer
	if err := e.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return e, b.Bytes()
}

func armored(t testing.TB, kind string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := must[io.WriteCloser](t)(armor.Encode(&b, kind, nil))
	must[int](t)(w.Write(data))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// newCertificate makes a certificate of alice's.
func newCertificate(t testing.TB, edit func(*x509.Certificate)) (key *rsa.PrivateKey, cert *x509.Certificate) {
	t.Helper()
	key = must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048))
	return key, certificateOf(t, &key.PublicKey, key, edit)
}

func certificateOf(t testing.TB, public, signer any, edit func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Alice"}, EmailAddresses: []string{"alice@example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageKeyEncipherment}
	if edit != nil {
		edit(c)
	}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, c, c, public, signer))
	return must[*x509.Certificate](t)(x509.ParseCertificate(der))
}

// checkOutside makes sure that only what may be is readable.
func checkOutside(t *testing.T, got []byte) *netmail.Message {
	t.Helper()
	m := must[*netmail.Message](t)(netmail.ReadMessage(bytes.NewReader(got)))
	for name, want := range map[string]string{
		"Return-Path": "<x@y.example>", "Received": "from y.example", "X-Martlet-Junk": "no score=0.1", "From": "X <x@y.example>",
		"To": "alice@example.org, bob@example.org", "Subject": "plans", "Message-Id": "<1@y.example>", "List-Id": "<plans.y.example>", "Mime-Version": "1.0",
		"Dkim-Signature": "", "X-Mailer": "", "Content-Language": "",
	} {
		if v := m.Header.Get(name); v != want || len(m.Header[name]) > 1 {
			t.Errorf("%s outside: %q, want %q", name, m.Header[name], want)
		}
	}
	if bytes.Contains(got, []byte("plan\r")) || bytes.Contains(bytes.ReplaceAll(got, []byte("\r\n"), nil), []byte("\n")) {
		t.Errorf("not as it should be: %q", got)
	}
	return m
}

// pgpText returns what of PGP/MIME is the message.
func pgpText(t *testing.T, got []byte) []byte {
	t.Helper()
	m := checkOutside(t, got)
	kind := m.Header.Get("Content-Type")
	_, boundary, _ := strings.Cut(kind, `boundary="`)
	if !strings.HasPrefix(kind, `multipart/encrypted; protocol="application/pgp-encrypted";`) {
		t.Fatalf("it is %q", kind)
	}
	r := multipart.NewReader(m.Body, strings.TrimSuffix(boundary, `"`))
	var all [][]byte
	for p, err := r.NextRawPart(); err == nil; p, err = r.NextRawPart() {
		want := []string{"application/pgp-encrypted", `application/octet-stream; name="encrypted.asc"`, "none"}[len(all)]
		if got := p.Header.Get("Content-Type"); got != want {
			t.Errorf("a part is %q, want %q", got, want)
		}
		all = append(all, must[[]byte](t)(io.ReadAll(p)))
	}
	if len(all) != 2 || strings.TrimSpace(string(all[0])) != "Version: 1" {
		t.Fatalf("parts: %q", all)
	}
	return all[1]
}

func TestOpenPGPMailIsReadByItsOwnerAlone(t *testing.T) {
	e, public := newKey(t, nil)
	got := must[[]byte](t)(split(crlf(letter)).openPGP(public, time.Now()))
	block := must[*armor.Block](t)(armor.Decode(bytes.NewReader(pgpText(t, got))))
	md := must[*openpgp.MessageDetails](t)(openpgp.ReadMessage(block.Body, openpgp.EntityList{e}, nil, nil))
	if plain := must[[]byte](t)(io.ReadAll(md.UnverifiedBody)); string(plain) != string(crlf(insideOf)) {
		t.Errorf("inside: %q", plain)
	}
}

func TestGnuPGReadsOurMail(t *testing.T) {
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Skip("gpg is not installed (Debian: gnupg)")
	}
	for _, kind := range []string{"ed25519 cv25519", "rsa2048 rsa2048"} {
		t.Run(kind, func(t *testing.T) {
			home := must[string](t)(os.MkdirTemp("", "gpg")) // a socket's path is short
			t.Cleanup(func() {
				exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
				os.RemoveAll(home)
			})
			gpg := func(in []byte, args ...string) []byte {
				t.Helper()
				c := exec.CommandContext(t.Context(), "gpg", append([]string{"--homedir", home, "--batch", "--quiet", "--no-auto-check-trustdb", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
				c.Stdin = bytes.NewReader(in)
				var told bytes.Buffer
				c.Stderr = &told
				out, err := c.Output()
				if err != nil {
					t.Fatalf("gpg %q: %v\n%s", args, err, told.Bytes())
				}
				return out
			}
			sign, seal, _ := strings.Cut(kind, " ")
			gpg(nil, "--quick-generate-key", "Alice <alice@example.org>", sign, "sign", "2d")
			print := fingerprintIn(gpg(nil, "--with-colons", "--list-keys"))
			gpg(nil, "--quick-add-key", print, seal, "encrypt", "1d")
			k := must[*Key](t)(ReadKey(gpg(nil, "--armor", "--export", print), time.Now()))
			if !strings.EqualFold(k.Fingerprint, print) || len(k.Addresses) != 1 || k.Addresses[0] != "alice@example.org" || time.Until(k.Expires) > 25*time.Hour || k.Expires.IsZero() {
				t.Errorf("the key is %+v", k)
			}
			got := must[[]byte](t)(split(crlf(letter)).openPGP(k.Data, time.Now()))
			if plain := gpg(pgpText(t, got), "--decrypt"); string(plain) != string(crlf(insideOf)) {
				t.Errorf("gpg reads %q", plain)
			}
			if _, err := ReadKey(gpg(nil, "--armor", "--export-secret-keys", print), time.Now()); !errors.Is(err, ErrBadKey) || !strings.Contains(err.Error(), "private key") {
				t.Errorf("its private key: %v", err)
			}
			// The part that is encrypted to expires first.
			if _, err := ReadKey(k.Data, time.Now().Add(30*time.Hour)); !errors.Is(err, ErrBadKey) || !strings.Contains(err.Error(), "expired") {
				t.Errorf("later: %v", err)
			}
		})
	}
}

func fingerprintIn(colons []byte) string {
	_, rest, _ := strings.Cut(string(colons), "\nfpr:")
	return strings.Trim(strings.SplitN(rest, "\n", 2)[0], ":")
}

// p7m returns the CMS that is a message's body.
func p7m(t *testing.T, got []byte) []byte {
	t.Helper()
	m := checkOutside(t, got)
	if kind := m.Header.Get("Content-Type"); kind != `application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"` {
		t.Errorf("it is %q", kind)
	}
	return must[[]byte](t)(io.ReadAll(base64.NewDecoder(base64.StdEncoding, m.Body)))
}

func TestSMIMEMailIsReadWithEachOfItsOwnersCertificates(t *testing.T) {
	key, cert := newCertificate(t, nil)
	other, second := newCertificate(t, func(c *x509.Certificate) { c.SerialNumber = big.NewInt(8) })
	got := must[[]byte](t)(split(crlf(letter)).smime([]*x509.Certificate{cert, second}))
	read := must[*pkcs7.PKCS7](t)(pkcs7.Parse(p7m(t, got)))
	for i, plain := range [][]byte{must[[]byte](t)(read.Decrypt(cert, key)), must[[]byte](t)(read.Decrypt(second, other))} {
		if string(plain) != string(crlf(insideOf)) {
			t.Errorf("inside for %d: %q", i, plain)
		}
	}
}

func TestOpenSSLReadsOurMail(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed (Debian: openssl)")
	}
	key, cert := newCertificate(t, nil)
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	keyFile := file("key.pem", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	certFile := file("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	for n := range 17 { // each length of the padding
		text := crlf(letter + strings.Repeat("x", n))
		in := file("in.eml", must[[]byte](t)(split(text).smime([]*x509.Certificate{cert})))
		for _, tool := range []string{"cms", "smime"} {
			c := exec.CommandContext(t.Context(), "openssl", tool, "-decrypt", "-in", in, "-inkey", keyFile, "-recip", certFile)
			if plain, err := c.Output(); err != nil || string(plain) != string(crlf(insideOf+strings.Repeat("x", n))) {
				t.Fatalf("openssl %s reads %q, %v", tool, plain, err)
			}
			if n > 0 {
				break
			}
		}
	}
}

func TestWhatIsEncryptedStaysAsItIs(t *testing.T) {
	_, public := newKey(t, nil)
	_, cert := newCertificate(t, nil)
	pgp := must[[]byte](t)(split(crlf(letter)).openPGP(public, time.Now()))
	cms := must[[]byte](t)(split(crlf(letter)).smime([]*x509.Certificate{cert}))
	bare := bytes.Replace(cms, []byte(" smime-type=enveloped-data;"), nil, 1)
	for name, raw := range map[string][]byte{
		"PGP/MIME": pgp, "S/MIME": cms, "S/MIME that does not say": bare,
		"an old type":    crlf("Content-Type: application/x-pkcs7-mime; smime-type=authEnveloped-data\n\nx"),
		"a text":         crlf("From: x@y.example\n\n\n-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n"),
		"bad parameters": crlf("Content-Type: multipart/encrypted; ;;=\n\nx"),
	} {
		if !split(raw).encrypted() {
			t.Errorf("%s is not seen", name)
		}
	}
	for name, raw := range map[string]string{
		"a signed message":   "Content-Type: application/pkcs7-mime; smime-type=signed-data\n\nMIAGCSqGSIb3DQEHAqCA\n",
		"one that is silent": "Content-Type: application/pkcs7-mime\n\nMIAGCSqGSIb3DQEHAqCA\n",
		"a text that quotes": "\nlook:\n-----BEGIN PGP MESSAGE-----\n-----END PGP MESSAGE-----\n",
		"a signed text":      "\n-----BEGIN PGP SIGNED MESSAGE-----\n-----END PGP SIGNATURE-----\n",
		"signed":             "Content-Type: multipart/signed; boundary=x\n\n",
		"nothing":            "",
	} {
		if split(crlf(raw)).encrypted() {
			t.Errorf("%s passes for encrypted", name)
		}
	}
}

func TestAMessageWithoutMIMEGetsATypeInside(t *testing.T) {
	m := split(crlf("From: x@y.example\nX-A: b\n\nhello\n"))
	if got := string(m.entity(0)); got != string(crlf("Content-Type: text/plain; charset=us-ascii\nX-A: b\n\nhello\n")) || string(m.outside) != "From: x@y.example\r\n" {
		t.Errorf("inside %q, outside %q", got, m.outside)
	}
	// A header that ends in rubbish loses none of it.
	m = split(crlf("From: x@y.example\nrubbish\nTo: y\n\nhello\n"))
	if got := string(m.body); got != string(crlf("rubbish\nTo: y\n\nhello\n")) {
		t.Errorf("behind the header: %q", got)
	}
}

func TestKeysThatCannotBeUsedAreRefusedWithTheReason(t *testing.T) {
	now := time.Now()
	e, public := newKey(t, nil)
	var private bytes.Buffer
	if err := e.SerializePrivate(&private, nil); err != nil {
		t.Fatal(err)
	}
	_, short := newKey(t, &packet.Config{KeyLifetimeSecs: 60, Time: func() time.Time { return now.Add(-time.Hour) }})
	gone, _ := newKey(t, nil)
	if err := gone.Revoke(packet.KeyCompromised, "lost", nil); err != nil {
		t.Fatal(err)
	}
	var revoked bytes.Buffer
	if err := gone.Serialize(&revoked); err != nil {
		t.Fatal(err)
	}
	signer, _ := newKey(t, nil)
	signer.Subkeys = nil
	var signing bytes.Buffer
	if err := signer.Serialize(&signing); err != nil {
		t.Fatal(err)
	}
	twice := append(bytes.Clone(public), short...)
	for name, tc := range map[string]struct {
		file []byte
		want string
	}{
		"private":           {private.Bytes(), "private key"},
		"private, armor":    {armored(t, "PGP PRIVATE KEY BLOCK", private.Bytes()), "private key"},
		"private as public": {armored(t, "PGP PUBLIC KEY BLOCK", private.Bytes()), "private key"},
		"expired":           {short, "expired"},
		"revoked":           {revoked.Bytes(), "revoked"},
		"signs only":        {signing.Bytes(), "no part to encrypt to"},
		"two":               {twice, "holds 2 keys"},
		"two blocks":        {append(armored(t, "PGP PUBLIC KEY BLOCK", public), armored(t, "PGP PUBLIC KEY BLOCK", short)...), "more than one block"},
		"a message":         {armored(t, "PGP MESSAGE", public), "not a public key"},
		"no key":            {[]byte("hello"), "not an OpenPGP key"},
		"nothing":           {nil, "not an OpenPGP key"},
		"cut off":           {public[:len(public)/2], "ErrBadKey"},
		"too large":         {make([]byte, maxKeyFile+1), "more than"},
	} {
		_, err := ReadKey(tc.file, now)
		if !errors.Is(err, ErrBadKey) || tc.want != "ErrBadKey" && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, file := range map[string][]byte{"bare": public, "armored": armored(t, "PGP PUBLIC KEY BLOCK", public)} {
		if k, err := ReadKey(file, now); err != nil || !bytes.Equal(k.Data, public) || !k.Expires.IsZero() {
			t.Errorf("%s: %+v, %v", name, k, err)
		}
	}
}

func TestCertificatesThatCannotBeUsedAreLeftOutWithTheReason(t *testing.T) {
	_, good := newCertificate(t, nil)
	_, old := newCertificate(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	_, early := newCertificate(t, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) })
	_, signs := newCertificate(t, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })
	curve := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	ec := certificateOf(t, &curve.PublicKey, curve, nil)
	weak := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 1024))
	short := certificateOf(t, &weak.PublicKey, weak, nil)
	for want, der := range map[string][]byte{"1024 bits": short.Raw, "expired": old.Raw, "not valid before": early.Raw, "not for encryption": signs.Raw, "only RSA": ec.Raw, "": {1, 2}} {
		if _, err := Usable([][]byte{der}, time.Now()); !errors.Is(err, ErrBadKey) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := Usable(nil, time.Now()); !errors.Is(err, ErrBadKey) {
		t.Errorf("none: %v", err)
	}
	got, err := Usable([][]byte{old.Raw, good.Raw, ec.Raw}, time.Now())
	if err != nil || len(got) != 1 || !got[0].Equal(good) {
		t.Errorf("%d usable, %v", len(got), err)
	}
}

func TestTheDirectorySaysToWhatMailIsEncrypted(t *testing.T) {
	ctx := context.Background()
	s := must[*store.Store](t)(store.Open(store.Config{Path: filepath.Join(t.TempDir(), "store"), Logger: slog.New(slog.DiscardHandler)}))
	defer s.Close()
	d := must[*directory.Directory](t)(directory.New(directory.Config{Store: s}))
	f := must[*directory.File](t)(directory.ParseFile(strings.NewReader("[[domain]]\nname = \"example.org\"\n[[user]]\nlogin = \"alice@example.org\"\n"), "x"))
	if _, err := d.Apply(ctx, f, false); err != nil {
		t.Fatal(err)
	}
	var id directory.AccountID
	for a, err := range d.Accounts(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		id = a.ID
	}
	e := New(d)
	set := func(w directory.Encryption) (map[directory.AccountID]directory.Encryption, []byte, error) {
		t.Helper()
		if err := d.SetEncryption(ctx, id, w); err != nil {
			t.Fatal(err)
		}
		want, err := e.Wanted(ctx, []directory.AccountID{id, id + 1})
		if err != nil {
			t.Fatal(err)
		}
		out, err := e.Encrypt(ctx, id, want[id], crlf(letter))
		return want, out, err
	}
	_, public := newKey(t, nil)
	if want, out, err := set(directory.Encryption{Method: directory.EncryptOpenPGP, Key: public}); err != nil || len(want) != 1 || !split(out).encrypted() {
		t.Errorf("OpenPGP: %v %v", want, err)
	}
	if _, _, err := set(directory.Encryption{Method: directory.EncryptSMIME}); !errors.Is(err, ErrBadKey) {
		t.Errorf("S/MIME without a certificate: %v", err)
	}
	_, cert := newCertificate(t, nil)
	if err := d.AddCertificates(ctx, id, [][]byte{cert.Raw}); err != nil {
		t.Fatal(err)
	}
	_, out, err := set(directory.Encryption{Method: directory.EncryptSMIME})
	if err != nil || !split(out).encrypted() {
		t.Errorf("S/MIME: %v", err)
	}
	if again, err := e.Encrypt(ctx, id, directory.Encryption{Method: directory.EncryptSMIME}, out); err != nil || again != nil {
		t.Errorf("encrypted twice: %q, %v", again, err)
	}
	if want, _, _ := set(directory.Encryption{}); want != nil {
		t.Errorf("off: %v", want)
	}
	if err := d.SetEncryption(ctx, id, directory.Encryption{Method: directory.EncryptOpenPGP}); !errors.Is(err, directory.ErrBadValue) {
		t.Errorf("without a key: %v", err)
	}
}

func FuzzReadKey(f *testing.F) {
	_, public := newKey(f, nil)
	f.Add(public)
	f.Add(armored(f, "PGP PUBLIC KEY BLOCK", public))
	now := time.Now()
	f.Fuzz(func(t *testing.T, file []byte) {
		k, err := ReadKey(file, now)
		if err != nil {
			if !errors.Is(err, ErrBadKey) {
				t.Fatal(err)
			}
			return
		}
		if again, err := ReadKey(k.Data, now); err != nil || again.Fingerprint != k.Fingerprint {
			t.Fatalf("what is kept cannot be read: %v", err)
		}
		if _, err := split([]byte(letter)).openPGP(k.Data, now); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte(letter))
	f.Add(crlf(letter))
	f.Add([]byte("Content-Type: application/pkcs7-mime\r\n\r\nMIAGCSqGSIb3DQEHA6CA"))
	f.Add([]byte("a :\n b"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := split(raw)
		m.encrypted()
		if n := len(m.outside) + len(m.inside) + len(m.body); n > len(raw)+2 || n+2 < len(raw) {
			t.Fatalf("%d bytes of %d", n, len(raw))
		}
		for _, part := range [][]byte{m.outside, m.inside} {
			if again := split(part); len(again.body) > 0 {
				t.Fatalf("fields that are none: %q", part)
			}
		}
	})
}
