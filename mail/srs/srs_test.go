package srs

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func rewriter(domain string, now *time.Time, keys ...string) *Rewriter {
	return New(Config{Domain: domain, Now: func() time.Time { return *now }, Keys: func() (all [][]byte) {
		for _, k := range keys {
			all = append(all, []byte(k))
		}
		return all
	}})
}

func TestWhatIsPassedOnComesBackToItsSender(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	w := rewriter("example.org", &now, "key")
	for _, sender := range []string{"dora@client.example.com", "a.b+c=d@x.example", "Dora@CLIENT.example", "grün@x.example"} {
		out := w.Forward(sender, "")
		if !strings.HasPrefix(out, "SRS0=") || !strings.HasSuffix(out, "@example.org") {
			t.Errorf("%s becomes %s", sender, out)
		}
		back, err := w.Back(out)
		if err != nil || back != sender {
			t.Errorf("%s comes back as %s, %v", out, back, err)
		}
		// Some change the case on the way.
		if back, err := w.Back(strings.ToLower(out)); err != nil || !strings.EqualFold(back, sender) {
			t.Errorf("in lower case it comes back as %s, %v", back, err)
		}
	}
}

func TestSomeSendersStay(t *testing.T) {
	now := time.Now()
	w := rewriter("example.org", &now, "key")
	for _, sender := range []string{"", "robin@example.org", "robin@EXAMPLE.ORG", `"a b"@x.example`, "nobody", strings.Repeat("x", 60) + "@x.example"} {
		if out := w.Forward(sender, ""); out != sender {
			t.Errorf("%s becomes %s", sender, out)
		}
	}
}

func TestAForgedAddressLeadsNowhere(t *testing.T) {
	now := time.Now()
	w := rewriter("example.org", &now, "key")
	right := w.Forward("dora@client.example.com", "")
	for _, c := range []struct {
		address string
		want    error
	}{
		{strings.Replace(right, "dora", "ella", 1), ErrForged},
		{strings.Replace(right, "client", "other", 1), ErrForged},
		{"SRS0=AAAAAAAA=AA=x.example=y@example.org", ErrForged},
		{"SRS0=AAAA@example.org", ErrForged}, {"SRS0==@example.org", ErrForged}, {"SRS1=AAAAAAAA=x@example.org", ErrForged},
		{"robin@example.org", ErrNotOurs}, {"srs@example.org", ErrNotOurs}, {"SRS2=x=y@example.org", ErrNotOurs}, {"", ErrNotOurs},
	} {
		if back, err := w.Back(c.address); !errors.Is(err, c.want) {
			t.Errorf("%s leads to %q, %v", c.address, back, err)
		}
	}
	if _, err := rewriter("example.org", &now, "another key").Back(right); !errors.Is(err, ErrForged) {
		t.Errorf("another's key does: %v", err)
	}
	if back, err := rewriter("example.org", &now, "new key", "key").Back(right); err != nil {
		t.Errorf("an older key does not: %s, %v", back, err)
	}
}

func TestAnOldAddressLeadsNowhere(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	w := rewriter("example.org", &now, "key")
	out := w.Forward("dora@client.example.com", "")
	now = now.Add(MaxAge)
	if _, err := w.Back(out); err != nil {
		t.Errorf("after %v: %v", MaxAge, err)
	}
	now = now.Add(day)
	if _, err := w.Back(out); !errors.Is(err, ErrOld) {
		t.Errorf("after more: %v", err)
	}
}

// However many pass it on, what comes back goes to the first of them.
func TestAChainOfServersLeadsBackInTwoSteps(t *testing.T) {
	now := time.Now()
	a, b, c := rewriter("a.example", &now, "a"), rewriter("b.example", &now, "b"), rewriter("c.example", &now, "c")
	atA := a.Forward("d@x.example", "")
	atB := b.Forward(atA, "")
	atC := c.Forward(atB, "")
	if !strings.HasPrefix(atB, "SRS1=") || !strings.HasPrefix(atC, "SRS1=") || len(atC) > len(atB) {
		t.Fatalf("%s, %s", atB, atC)
	}
	for _, step := range []struct {
		w       *Rewriter
		address string
	}{{b, atB}, {c, atC}} {
		back, err := step.w.Back(step.address)
		if err != nil || back != atA {
			t.Errorf("%s leads to %s, %v, want %s", step.address, back, err, atA)
		}
	}
	if back, err := a.Back(atA); err != nil || back != "d@x.example" {
		t.Errorf("%s, %v", back, err)
	}
}

func FuzzBack(f *testing.F) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	w := rewriter("example.org", &now, "key")
	f.Add(w.Forward("dora@client.example.com", ""))
	f.Add("SRS1=AAAAAAAA=a.example==b=c=d@example.org")
	f.Fuzz(func(t *testing.T, address string) {
		back, err := w.Back(address)
		if err == nil && !strings.Contains(back, "@") {
			t.Errorf("%q leads to %q", address, back)
		}
		out := w.Forward(address, "")
		if out == address || !strings.HasPrefix(out, "SRS0=") {
			return
		}
		if again, err := w.Back(out); err != nil || again != address {
			t.Errorf("%q becomes %q, which leads to %q, %v", address, out, again, err)
		}
	})
}
