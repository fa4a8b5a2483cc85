package dkim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// seal has hosts send a message on, one after the other.
func seal(t testing.TB, dns texts, raw string, keys ...Key) string {
	t.Helper()
	for i, k := range keys {
		set, err := Seal([]byte(raw), VerifyChain(t.Context(), []byte(raw), dns.lookup), k.Domain, fmt.Sprintf("spf=pass smtp.mailfrom=example.com; dmarc=pass header.from=h%d.example", i), time.Now(), k)
		if err != nil || set == nil {
			t.Fatal("not sealed", err)
		}
		raw = string(set) + raw
	}
	return raw
}

func TestAChainHoldsWhileNothingIsChanged(t *testing.T) {
	a, _ := testKeys(t, "one.example")
	b, _ := testKeys(t, "two.example")
	_, c := testKeys(t, "three.example")
	dns := texts{}
	dns.publish(t, a, b, c)
	three := seal(t, dns, letter, a, b, c)
	got := VerifyChain(t.Context(), []byte(three), dns.lookup)
	if got.Result != Pass || got.Sets != 3 || !slices.Equal(got.Sealers, []string{"one.example", "two.example", "three.example"}) {
		t.Errorf("%+v", got)
	}
	if len(got.Results) != 3 || !strings.Contains(got.Results[0], "dmarc=pass header.from=h0.example") {
		t.Errorf("%q", got.Results)
	}
	for name, tc := range map[string]struct{ raw, want string }{
		"nothing sealed":        {letter, None},
		"the body":              {strings.Replace(three, "nine", "ten", 1), Fail},
		"what the first found":  {strings.Replace(three, "h0.example", "hx.example", 1), Fail},
		"a field in between":    {"X-List: y\r\n" + three, Pass},
		"a set less":            {strings.Replace(three, "ARC-Seal: i=2", "X-Seal: i=2", 1), Fail},
		"a seal twice":          {three[:strings.Index(three, "ARC-Message")] + three, Fail},
		"a number too high":     {strings.Replace(three, "ARC-Seal: i=3", "ARC-Seal: i=51", 1), Fail},
		"a number too low":      {strings.Replace(three, "ARC-Seal: i=3", "ARC-Seal: i=0", 1), Fail},
		"the first says pass":   {strings.Replace(three, "cv=none", "cv=pass", 1), Fail},
		"a later one says none": {strings.Replace(three, "cv=pass", "cv=none", 1), Fail},
		"a seal with fields":    {strings.Replace(three, "cv=pass;", "cv=pass; h=from;", 1), Fail},
		"a field alone":         {"ARC-Authentication-Results: i=1; x; none\r\n" + letter, Fail},
		"rubbish":               {"ARC-Seal: ;;;\r\n" + letter, Fail},
	} {
		if got := VerifyChain(t.Context(), []byte(tc.raw), dns.lookup); got.Result != tc.want {
			t.Errorf("%s: %+v, want %s", name, got, tc.want)
		}
	}
	dns[b.Name()] = "down"
	if got := VerifyChain(t.Context(), []byte(three), dns.lookup); got.Result != TempError {
		t.Errorf("the DNS is down: %+v", got)
	}
	delete(dns, b.Name())
	if got := VerifyChain(t.Context(), []byte(three), dns.lookup); got.Result != Fail {
		t.Errorf("no key: %+v", got)
	}
}

// A list changes what it sends on: the seals before stay good, and say what held
// when the message came to it.
func TestAListMayChangeAndSealAgain(t *testing.T) {
	a, _ := testKeys(t, "one.example")
	b, _ := testKeys(t, "two.example")
	dns := texts{}
	dns.publish(t, a, b)
	one := seal(t, dns, letter, a)
	before := VerifyChain(t.Context(), []byte(one), dns.lookup)
	changed := strings.Replace(one, "nine", "nine\r\n-- \r\nthe list", 1)
	set, err := Seal([]byte(changed), before, "two.example", "arc=pass", time.Now(), b)
	if err != nil {
		t.Fatal(err)
	}
	if got := VerifyChain(t.Context(), append(set, changed...), dns.lookup); got.Result != Pass || got.Sets != 2 {
		t.Errorf("%+v", got)
	}
}

// What is broken is sealed once as broken, and never again (RFC 8617 5.1.2).
func TestABrokenChainIsSaidToBeBrokenOnce(t *testing.T) {
	a, _ := testKeys(t, "one.example")
	b, _ := testKeys(t, "two.example")
	dns := texts{}
	dns.publish(t, a, b)
	broken := strings.Replace(seal(t, dns, letter, a), "nine", "ten", 1)
	told := seal(t, dns, broken, b)
	if !strings.Contains(told, "ARC-Seal: i=2; a=rsa-sha256; cv=fail;") {
		t.Errorf("%s", told)
	}
	c := VerifyChain(t.Context(), []byte(told), dns.lookup)
	if c.Result != Fail {
		t.Errorf("%+v", c)
	}
	if again, err := Seal([]byte(told), c, "a", "none", time.Now(), a); err != nil || again != nil {
		t.Errorf("sealed again: %s %v", again, err)
	}
}

// A message's signature in a set must not be over seals (RFC 8617 4.1.2).
func TestASignatureOverSealsIsNone(t *testing.T) {
	k, _ := testKeys(t, "one.example")
	dns := texts{}
	dns.publish(t, k)
	for names, want := range map[string]string{"from:subject": Pass, "from:arc-seal": Fail} {
		m, _ := open([]byte(letter))
		s := set{results: field{resultsField, []byte("ARC-Authentication-Results: i=1; one.example; none\r\n")}}
		raw, err := m.sign("ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=one.example; s=r;", strings.Split(names, ":"), k)
		if err != nil {
			t.Fatal(err)
		}
		s.message = field{messageField, raw}
		text := "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=one.example; s=r; b="
		s.seal = field{sealField, []byte(text)}
		seal, err := finish(text, k, sealInput([]set{s}))
		if err != nil {
			t.Fatal(err)
		}
		if c := VerifyChain(t.Context(), slices.Concat(seal, raw, s.results.raw, []byte(letter)), dns.lookup); c.Result != want {
			t.Errorf("%s: %+v", names, c)
		}
	}
}

func TestAChainHasItsEnd(t *testing.T) {
	_, e := testKeys(t, "one.example")
	dns := texts{}
	dns.publish(t, e)
	raw := letter
	for range maxSets {
		raw = seal(t, dns, raw, e)
	}
	c := VerifyChain(t.Context(), []byte(raw), dns.lookup)
	if c.Result != Pass || c.Sets != maxSets {
		t.Fatalf("%s %d", c.Result, c.Sets)
	}
	if more, err := Seal([]byte(raw), c, "a", "none", time.Now(), e); err != nil || more != nil {
		t.Errorf("one more was sealed: %v", err)
	}
}
