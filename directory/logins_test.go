package directory

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pquerna/otp/totp"
)

func TestAnAppPasswordLetsInWhereItMay(t *testing.T) {
	d := open(t)
	apply(t, d, house)
	ada, bob, _ := ids(t, d)
	_, everywhere, err := d.AddAppPassword(t.Context(), ada, "phone", 0)
	if err != nil {
		t.Fatal(err)
	}
	only, err := ParseProtocols([]string{"IMAP", "smtp"})
	if err != nil {
		t.Fatal(err)
	}
	limited, mail, err := d.AddAppPassword(t.Context(), ada, "laptop", only)
	if err != nil {
		t.Fatal(err)
	}
	hashes := d.Hashes()
	for _, c := range []struct {
		login, password string
		at              Protocol
		in              bool
	}{
		{"ada", everywhere, ProtocolActiveSync, true},
		{"ada", everywhere, ProtocolNone, true},
		{"ada", strings.ToUpper(strings.ReplaceAll(everywhere, "-", " ")), ProtocolDAV, true},
		{"ada", everywhere, ProtocolConsole, false},
		{"bob", everywhere, ProtocolActiveSync, false},
		{"ada", mail, ProtocolIMAP, true},
		{"ada", mail, ProtocolSMTP, true},
		{"ada", mail, ProtocolDiscovery, true},
		{"ada", mail, ProtocolActiveSync, false},
		{"ada", mail, ProtocolNone, false},
		{"ada", mail[:len(mail)-1], ProtocolIMAP, false},
		{"ada", "first programmer", ProtocolIMAP, true},
	} {
		a, err := d.AuthenticateAt(t.Context(), c.at, c.login, c.password)
		if c.in && (err != nil || a.ID != ada) || !c.in && !errors.Is(err, ErrBadCredentials) {
			t.Errorf("%s at %q: account %d, %v", c.login, c.at, a.ID, err)
		}
		// No answer of one door may be another's.
		d.cache.drop(ada, bob)
	}
	if d.Hashes() == hashes {
		t.Error("what is no app password was not looked at as a password")
	}
	if err := d.RemoveAppPassword(t.Context(), ada, limited.Number); err != nil {
		t.Fatal(err)
	}
	if _, err := d.AuthenticateAt(t.Context(), ProtocolIMAP, "ada", mail); !errors.Is(err, ErrBadCredentials) {
		t.Errorf("taken back, and yet: %v", err)
	}
	if err := d.RemoveAppPassword(t.Context(), ada, limited.Number); !errors.Is(err, ErrNoAppPassword) {
		t.Error(err)
	}
	all, err := d.AppPasswords(t.Context(), ada)
	if err != nil || len(all) != 1 || all[0].Used.IsZero() || all[0].Used != all[0].Used.Truncate(24*time.Hour) {
		t.Errorf("%+v, %v", all, err)
	}
	if err := d.SetDisabled(t.Context(), ada, true); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Authenticate(t.Context(), "ada", everywhere); !errors.Is(err, ErrDisabled) {
		t.Errorf("of a disabled account: %v", err)
	}
}

func TestASecondFactorTakesThePasswordsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t)
		apply(t, d, house)
		ada, _, _ := ids(t, d)
		ctx := t.Context()
		code := func(secret string) string {
			c, err := totp.GenerateCode(secret, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		if _, err := d.Authenticate(ctx, "ada", "first programmer"); err != nil {
			t.Fatal(err)
		}
		f, err := d.EnrolTOTP(ctx, ada, "example.org")
		if err != nil || !strings.HasPrefix(f.URI, "otpauth://totp/example.org:ada@example.org?") {
			t.Fatalf("%+v, %v", f, err)
		}
		if _, err := d.Authenticate(ctx, "ada", "first programmer"); err != nil {
			t.Errorf("before it is confirmed: %v", err)
		}
		if _, err := d.ConfirmTOTP(ctx, ada, "000000x"); !errors.Is(err, ErrBadCode) {
			t.Errorf("a wrong code confirms: %v", err)
		}
		recovery, err := d.ConfirmTOTP(ctx, ada, code(f.Secret))
		if err != nil || len(recovery) != recoveryCodes {
			t.Fatal(recovery, err)
		}
		for range 2 {
			if _, err := d.Authenticate(ctx, "ada", "first programmer"); !errors.Is(err, ErrSecondFactor) || !errors.Is(err, ErrBadCredentials) {
				t.Errorf("the password alone: %v", err)
			}
		}
		if _, err := d.ScramKeys(ctx, "ada"); !errors.Is(err, ErrNoKeys) {
			t.Errorf("keys of a password that does not suffice: %v", err)
		}
		_, app, err := d.AddAppPassword(ctx, ada, "phone", 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.AuthenticateAt(ctx, ProtocolActiveSync, "ada", app); err != nil {
			t.Errorf("an app password: %v", err)
		}
		with := func(password, code string) error {
			_, err := d.AuthenticateWithCode(ctx, "ada", password, code)
			return err
		}
		if err := with("first programmer", code(f.Secret)); !errors.Is(err, ErrBadCode) {
			t.Errorf("the code that confirmed is taken again: %v", err)
		}
		time.Sleep(totpPeriod * time.Second)
		now := code(f.Secret)
		if err := with("first programmer", now); err != nil {
			t.Errorf("password and code: %v", err)
		}
		if err := with("first programmer", now); !errors.Is(err, ErrBadCode) {
			t.Errorf("replayed: %v", err)
		}
		if err := with(app, now); !errors.Is(err, ErrBadCredentials) {
			t.Errorf("an app password and a code: %v", err)
		}
		time.Sleep(2 * totpPeriod * time.Second)
		late := code(f.Secret)
		time.Sleep(totpPeriod * time.Second)
		if err := with("first programmer", late); err != nil {
			t.Errorf("a code of half a minute ago: %v", err)
		}
		if err := with("first programmer", strings.ToUpper(recovery[3])); err != nil {
			t.Errorf("a code for a lost device: %v", err)
		}
		if err := with("first programmer", recovery[3]); !errors.Is(err, ErrBadCode) {
			t.Errorf("for the second time: %v", err)
		}
		if _, left, err := d.SecondFactor(ctx, ada); err != nil || left != recoveryCodes-1 {
			t.Errorf("%d left, %v", left, err)
		}
		for range maxWrongCodes {
			_ = with("first programmer", "000000x")
		}
		if err := with("first programmer", recovery[4]); !errors.Is(err, ErrTooManyCodes) {
			t.Errorf("after many wrong codes: %v", err)
		}
		time.Sleep(wrongCodesWait)
		if err := with("first programmer", recovery[4]); err != nil {
			t.Errorf("later: %v", err)
		}
		if err := d.RemoveTOTP(ctx, ada); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Authenticate(ctx, "ada", "first programmer"); err != nil {
			t.Errorf("without a second factor: %v", err)
		}
	})
}

// What a client computes from the password must be what the server has.
func TestKeysAreThoseOfThePassword(t *testing.T) {
	d := open(t)
	apply(t, d, house)
	ada, _, _ := ids(t, d)
	fits := func(password string) bool {
		t.Helper()
		k, err := d.ScramKeys(t.Context(), "ada")
		if errors.Is(err, ErrNoKeys) {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		salted, err := pbkdf2.Key(sha256.New, password, k.Salt, k.Iterations, 32)
		if err != nil {
			t.Fatal(err)
		}
		m := hmac.New(sha256.New, salted)
		m.Write([]byte("Client Key"))
		stored := sha256.Sum256(m.Sum(nil))
		return bytes.Equal(stored[:], k.StoredKey)
	}
	if err := d.SetPassword(t.Context(), ada, "another"); err != nil {
		t.Fatal(err)
	}
	if !fits("another") || fits("first programmer") {
		t.Error("the keys are not those of the password that was set")
	}
	// A hash that comes without keys has none until the password was seen.
	apply(t, d, "[[user]]\nlogin = \"ada@example.org\"\npassword_hash = \"$2a$04$Nyz4G7CYwYCWdoOkLlEvoeH7H8BjPx8R0RXbgxQr.uCVmBfRv0Dnm\"\n")
	if _, err := d.ScramKeys(t.Context(), "ada"); !errors.Is(err, ErrNoKeys) {
		t.Errorf("keys of another hash: %v", err)
	}
	if err := d.SetPassword(t.Context(), ada, "third"); err != nil {
		t.Fatal(err)
	}
	out, err := d.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := out.WriteTOML(&b); err != nil {
		t.Fatal(err)
	}
	other := open(t)
	apply(t, other, b.String())
	d = other
	if !fits("third") {
		t.Error("keys are lost on the way")
	}
	if edits := apply(t, d, b.String()); len(edits) != 0 {
		t.Errorf("the same file again: %+v", edits)
	}
}

func FuzzScramText(f *testing.F) {
	h := &hasher{cost: HashCost{Memory: 8}}
	k, err := h.newScramKeys("x")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(scramText(k))
	f.Add("SCRAM-SHA-256$4096:AAAA$:")
	f.Fuzz(func(t *testing.T, s string) {
		k, err := parseScram(s)
		if err != nil {
			return
		}
		again, err := parseScram(scramText(k))
		if err != nil || scramText(again) != scramText(k) {
			t.Errorf("%q: %v", s, err)
		}
	})
}

func selfSigned(t *testing.T, edit func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	edit(c)
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAClientCertificateNamesAnAccount(t *testing.T) {
	d := open(t)
	apply(t, d, house)
	ada, bob, _ := ids(t, d)
	named := func(names ...string) *x509.Certificate {
		return selfSigned(t, func(c *x509.Certificate) { c.EmailAddresses = names })
	}
	upn := selfSigned(t, func(c *x509.Certificate) {
		text, _ := asn1.MarshalWithParams("ada@example.org", "utf8")
		id, _ := asn1.Marshal(oidUPN)
		value, _ := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: text})
		name := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: append(id, value...)}
		san, err := asn1.Marshal([]asn1.RawValue{name})
		if err != nil {
			t.Fatal(err)
		}
		c.ExtraExtensions = []pkix.Extension{{Id: oidSubjectAltName, Value: san}}
	})
	pinned := named("nobody@elsewhere.example")
	sum := sha256.Sum256(pinned.Raw)
	print := strings.ToUpper(hex.EncodeToString(sum[:]))
	if _, err := d.AddPin(t.Context(), bob, print, "laptop"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.AddPin(t.Context(), ada, print, "laptop"); !errors.Is(err, ErrExists) {
		t.Errorf("a certificate of two: %v", err)
	}
	for _, c := range []struct {
		name    string
		cert    *x509.Certificate
		trusted bool
		login   string
		want    AccountID
	}{
		{"an address", named("ada@example.org"), true, "", ada},
		{"an alias", named("countess@example.org"), true, "", ada},
		{"a user principal name", upn, true, "", ada},
		{"the login agrees", named("ada@example.org"), true, "ada", ada},
		{"another login", named("ada@example.org"), true, "bob", 0},
		{"nobody vouches for it", named("ada@example.org"), false, "", 0},
		{"two people", named("ada@example.org", "bob@example.org"), true, "", 0},
		{"two people, one is meant", named("ada@example.org", "bob@example.org"), true, "bob", bob},
		{"nobody here", named("x@elsewhere.example"), true, "", 0},
		{"a group", named("all@example.org"), true, "", 0},
		{"pinned", pinned, false, "", bob},
		{"pinned, another login", pinned, false, "ada", 0},
		{"expired", selfSigned(t, func(c *x509.Certificate) {
			c.EmailAddresses, c.NotAfter = []string{"ada@example.org"}, time.Now().Add(-time.Minute)
		}), true, "", 0},
	} {
		a, err := d.AuthenticateCertificate(t.Context(), c.cert, c.trusted, c.login)
		if a.ID != c.want || (c.want == 0) != errors.Is(err, ErrBadCredentials) {
			t.Errorf("%s: account %d, %v", c.name, a.ID, err)
		}
	}
	if _, err := d.RemovePin(t.Context(), bob, print[:8]); err != nil {
		t.Error(err)
	}
	if _, err := d.AuthenticateCertificate(t.Context(), pinned, false, ""); !errors.Is(err, ErrBadCredentials) {
		t.Errorf("taken back, and yet: %v", err)
	}
}

func TestSizes(t *testing.T) {
	for s, want := range map[string]int64{
		"": 0, "0": 0, "5 GiB": 5 << 30, "5gib": 5 << 30, "10 KiB": 10 << 10, "1 TiB": 1 << 40, "7 B": 7, "unlimited": Unlimited,
	} {
		n, err := ParseSize(s)
		again, err2 := ParseSize(SizeText(n))
		if n != want || err != nil || again != n || err2 != nil {
			t.Errorf("%q: %d, %v; again %d, %v", s, n, err, again, err2)
		}
	}
	for _, s := range []string{"5", "5 GB", "-1 GiB", "much", "99999999999 TiB", "1.5 GiB"} {
		if n, err := ParseSize(s); !errors.Is(err, ErrBadValue) {
			t.Errorf("%q: %d, %v", s, n, err)
		}
	}
}

func TestQuotaOfTheAccountElseOfItsDomain(t *testing.T) {
	d := open(t)
	apply(t, d, house)
	ada, _, _ := ids(t, d)
	for _, c := range []struct {
		file string
		want Quota
	}{
		{"", Quota{}},
		{"[[domain]]\nname = \"example.org\"\nquota = \"1 GiB\"\nquota_items = 5\n", Quota{1 << 30, 5}},
		{"[[user]]\nlogin = \"ada@example.org\"\nquota = \"2 GiB\"\n", Quota{2 << 30, 5}},
		{"[[user]]\nlogin = \"ada@example.org\"\nquota = \"unlimited\"\nquota_items = -1\n", Quota{}},
		{"[[user]]\nlogin = \"ada@example.org\"\nquota = \"\"\nquota_items = 0\n", Quota{1 << 30, 5}},
	} {
		apply(t, d, c.file)
		if q, err := d.Quota(t.Context(), ada); q != c.want || err != nil {
			t.Errorf("%s: %+v, %v", c.file, q, err)
		}
	}
}

func TestForwardingKeepsCopiesUnlessToldOtherwise(t *testing.T) {
	d := open(t)
	apply(t, d, house)
	ada, _, _ := ids(t, d)
	user := "[[user]]\nlogin = \"ada@example.org\"\n"
	for _, c := range []struct {
		file string
		to   string
		keep bool
	}{
		{"forward = [\"X@Elsewhere.example\", \"x@elsewhere.example\"]", "x@elsewhere.example", true},
		{"keep_copy = false", "x@elsewhere.example", false},
		{"forward = [\"y@elsewhere.example\"]", "y@elsewhere.example", false},
		{"forward = []", "", false},
		{"forward = [\"y@elsewhere.example\"]\nkeep_copy = false", "y@elsewhere.example", false},
	} {
		apply(t, d, user+c.file+"\n")
		a, err := d.Account(t.Context(), ada)
		if err != nil || strings.Join(a.Forward, " ") != c.to || a.KeepCopy != c.keep {
			t.Errorf("%s: %q, %t, %v", c.file, a.Forward, a.KeepCopy, err)
		}
	}
	for _, to := range []string{"ada@example.org", "countess@example.org", "no address"} {
		f, err := ParseFile(strings.NewReader(user+"aliases = [\"countess@example.org\", \"straße@bücher.example\"]\nforward = [\""+to+"\"]\n"), "f.toml")
		if err == nil {
			t.Errorf("%s: %+v", to, f)
		}
	}
}
