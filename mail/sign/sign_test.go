package sign

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail/dkim"
	"martlet/store"
)

// names is a DNS that people write into by hand.
type names struct {
	mu    sync.Mutex
	texts map[string]string
	down  bool
	asked int
}

func (n *names) lookup(_ context.Context, name string) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	if n.down {
		return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	}
	if t, ok := n.texts[name]; ok {
		return []string{t}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// publish does what an administrator does with the records.
func (n *names) publish(t *testing.T, keys ...Key) {
	t.Helper()
	for _, k := range keys {
		one, err := k.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := one.Record()
		if err != nil {
			t.Fatal(err)
		}
		n.mu.Lock()
		n.texts[one.Name()] = text
		n.mu.Unlock()
	}
}

type house struct {
	*Signer
	dns   *names
	store *store.Store
	dir   *directory.Directory
}

func newHouse(t *testing.T) *house {
	t.Helper()
	s, err := store.Open(store.Config{Path: t.TempDir(), NoCompaction: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	d, err := directory.New(directory.Config{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.AddDomain(t.Context(), directory.Domain{Name: "example.org"}); err != nil {
		t.Fatal(err)
	}
	h := &house{dns: &names{texts: map[string]string{}}, store: s, dir: d}
	h.Signer = h.again()
	t.Cleanup(func() {
		if err := h.Check(context.Background(), func(p store.Problem) { t.Error(p) }); err != nil {
			t.Error(err)
		}
	})
	return h
}

// again is the signer after a restart.
func (h *house) again() *Signer {
	return New(Config{Store: h.store, Directory: h.dir, Lookup: h.dns.lookup, Hostname: "mx.example.org"})
}

func letterFrom(from string) []byte {
	return []byte("From: " + from + "\r\nTo: robin@example.com\r\nSubject: Planning\r\n\r\nTomorrow at nine.\r\n")
}

func (h *house) verified(t *testing.T, from string) string {
	t.Helper()
	raw := letterFrom(from)
	header, err := h.Sign(t.Context(), "bounces@example.com", raw)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range dkim.Verify(t.Context(), append(header, raw...), h.dns.lookup, 9) {
		out = append(out, s.Selector[len(s.Selector)-1:]+" "+s.Domain+" "+s.Result)
	}
	return strings.Join(out, ", ")
}

// A key is made when it is needed first, and used when the DNS shows it.
func TestAKeyIsUsedWhenTheDNSShowsIt(t *testing.T) {
	h := newHouse(t)
	if got := h.verified(t, "anna@example.org"); got != "" {
		t.Errorf("it was signed with a key that nobody can see: %s", got)
	}
	keys, err := h.Keys(t.Context(), "example.org")
	if err != nil || len(keys) != 2 || keys[0].State != Waiting {
		t.Fatal(keys, err)
	}
	if err := h.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.verified(t, "anna@example.org"); got != "" {
		t.Errorf("it was signed with a key that the DNS does not have: %s", got)
	}
	h.dns.publish(t, keys...)
	h.Signer = h.again()
	if err := h.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.verified(t, "anna@example.org"); got != "e example.org pass, r example.org pass" {
		t.Error(got)
	}
	h.Signer = h.again()
	h.dns.down = true
	h.dns.asked = 0
	raw := letterFrom("anna@example.org")
	if header, err := h.Sign(t.Context(), "", raw); err != nil || len(header) == 0 || h.dns.asked != 0 {
		t.Errorf("what is in use asks the DNS %d times: %v", h.dns.asked, err)
	}
}

func TestWhoseNameIsSigned(t *testing.T) {
	h := newHouse(t)
	keys, err := h.Ensure(t.Context(), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	h.dns.publish(t, keys...)
	if err := h.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	both := "e example.org pass, r example.org pass"
	for from, want := range map[string]string{
		"anna@example.org":                        both,
		"Anna <Anna@EXAMPLE.org>":                 both,
		"MAILER-DAEMON@mx.example.org":            both,
		"eve@example.com":                         "",
		"eve@notexample.org":                      "",
		"eve@example.com, anna@example.org":       both,
		"\"anna@example.org\" <eve@example.com>":  "",
		"nobody":                                  "",
		"anna@example.org.example.com":            "",
		"=?utf-8?q?Zo=C3=AB?= <zoe@example.org>":  both,
		"anna@example.org\r\nFrom: eve@evil.test": both,
	} {
		if got := h.verified(t, from); got != want {
			t.Errorf("%s: %q", from, got)
		}
	}
	if header, err := h.Sign(t.Context(), "anna@example.org", []byte("Subject: x\r\n\r\nx\r\n")); err != nil || len(header) == 0 {
		t.Error("a message without From is not signed in its sender's name", err)
	}
}

// A new key is published first; then it takes the place of the old one, which stays
// in the DNS for a week.
func TestKeysAreRenewedWithoutAGap(t *testing.T) {
	h := newHouse(t)
	old, err := h.Ensure(t.Context(), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	h.dns.publish(t, old...)
	if err := h.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	renewed, err := h.Rotate(t.Context(), "example.org")
	if err != nil || len(renewed) != 2 || renewed[0].Selector == old[0].Selector {
		t.Fatal(renewed, err)
	}
	selectors := func() string {
		header, err := h.Sign(t.Context(), "", letterFrom("anna@example.org"))
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, s := range dkim.Verify(t.Context(), append(header, letterFrom("anna@example.org")...), h.dns.lookup, 9) {
			out = append(out, s.Selector)
		}
		return strings.Join(out, " ")
	}
	day := time.Now().UTC().Format("20060102")
	if got := selectors(); got != day+"e "+day+"r" {
		t.Errorf("before the DNS has it: %s", got)
	}
	h.dns.publish(t, renewed[0]) // of both, one
	if err := h.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := selectors(); got != day+"e "+day+"r2" {
		t.Errorf("when the DNS has one: %s", got)
	}
	h.dns.publish(t, renewed[1])
	if err := h.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := selectors(); got != day+"e2 "+day+"r2" {
		t.Errorf("when the DNS has both: %s", got)
	}
	if err := h.sweep(t.Context(), time.Now().Add(keepRetired-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if all, _ := h.Keys(t.Context(), "example.org"); len(all) != 4 {
		t.Errorf("an old key went too early: %v", all)
	}
	if err := h.sweep(t.Context(), time.Now().Add(keepRetired+time.Hour)); err != nil {
		t.Fatal(err)
	}
	if all, _ := h.Keys(t.Context(), "example.org"); len(all) != 2 {
		t.Errorf("an old key stays: %v", all)
	}
}

func TestWhatAnAdministratorMayDoWithKeys(t *testing.T) {
	h := newHouse(t)
	if _, err := h.Rotate(t.Context(), "example.com"); !errors.Is(err, ErrNoDomain) {
		t.Error(err)
	}
	keys, err := h.Ensure(t.Context(), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := h.Ensure(t.Context(), "example.org"); err != nil || len(again) != 2 {
		t.Error(again, err)
	}
	one := keys[0].Selector
	if err := h.Use(t.Context(), "example.org", "none"); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
	if err := h.Use(t.Context(), "example.org", one); err != nil {
		t.Error(err)
	}
	if header, _ := h.Sign(t.Context(), "", letterFrom("a@example.org")); !strings.Contains(string(header), "s="+one) {
		t.Errorf("%s", header)
	}
	if err := h.Retire(t.Context(), "example.org", one, false); !errors.Is(err, ErrLastKey) {
		t.Error(err)
	}
	if err := h.Retire(t.Context(), "example.org", one, true); err != nil {
		t.Error(err)
	}
	if header, err := h.Sign(t.Context(), "", letterFrom("a@example.org")); err != nil || len(header) > 0 {
		t.Errorf("%s %v", header, err)
	}
	for range maxKeys {
		_, err = h.Rotate(t.Context(), "example.org")
		if err != nil {
			break
		}
	}
	if !errors.Is(err, ErrTooMany) {
		t.Error(err)
	}
}

func TestWhatIsSentOnIsSealed(t *testing.T) {
	h := newHouse(t)
	raw := letterFrom("eve@example.com")
	results := "spf=pass smtp.mailfrom=example.com; dmarc=pass header.from=example.com"
	if set, err := h.Seal(t.Context(), results, raw); err != nil || set != nil {
		t.Errorf("%s %v", set, err)
	}
	keys, _ := h.Keys(t.Context(), "example.org")
	h.dns.publish(t, keys...)
	if err := h.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	set, err := h.Seal(t.Context(), results, raw)
	if err != nil {
		t.Fatal(err)
	}
	once := append(set, raw...)
	c := dkim.VerifyChain(t.Context(), once, h.dns.lookup)
	if c.Result != dkim.Pass || c.Sealers[0] != "example.org" || !strings.Contains(c.Results[0], "dmarc=pass header.from=example.com") {
		t.Errorf("%+v", c)
	}
	// It was good when it came, and was changed here.
	changed := []byte(strings.Replace(string(once), "nine", "ten", 1))
	if set, err = h.Seal(t.Context(), "arc=pass smtp.remote-ip=192.0.2.1; "+results, changed); err != nil {
		t.Fatal(err)
	}
	if c := dkim.VerifyChain(t.Context(), append(set, changed...), h.dns.lookup); c.Result != dkim.Pass || c.Sets != 2 {
		t.Errorf("%+v", c)
	}
	if set, err = h.Seal(t.Context(), results, changed); err != nil || !strings.Contains(string(set), "cv=fail") {
		t.Errorf("%s %v", set, err)
	}
}

// What is sent on for somebody else is sealed with what was found out when it came.
func TestAForwardedMessageIsSealedWithOurOwnResults(t *testing.T) {
	h := newHouse(t)
	keys, _ := h.Ensure(t.Context(), "example.org")
	h.dns.publish(t, keys...)
	if err := h.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	raw := append([]byte("Authentication-Results: other.example; dmarc=pass header.from=evil.example\r\nAuthentication-Results: mx.example.org; spf=pass\r\n smtp.mailfrom=example.com; dmarc=fail header.from=example.com\r\n"), letterFrom("eve@example.com")...)
	header, err := h.Sign(t.Context(), "srs0=x@example.org", raw)
	if err != nil {
		t.Fatal(err)
	}
	c := dkim.VerifyChain(t.Context(), append(header, raw...), h.dns.lookup)
	if c.Result != dkim.Pass || !strings.Contains(c.Results[0], "dmarc=fail header.from=example.com") || strings.Contains(c.Results[0], "evil") || strings.Contains(string(header), "DKIM-Signature") {
		t.Errorf("%+v\n%s", c, header)
	}
}
