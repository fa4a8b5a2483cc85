package search

import (
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestASignatureNeverDeniesWhatIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.String(), 1, 5).Draw(t, "texts")
		s := NewSigner()
		for _, text := range texts {
			s.Add(text)
		}
		g := s.Sign()
		if !g.Known() {
			t.Fatal("not a signature")
		}
		text := rapid.SampledFrom(texts).Draw(t, "text")
		from := rapid.IntRange(0, len(text)).Draw(t, "from")
		to := rapid.IntRange(from, len(text)).Draw(t, "to")
		if !g.May(text[from:to]) {
			t.Fatalf("%q is in %q", text[from:to], text)
		}
	})
}

func TestASignatureDeniesNearlyAllThatIsNotThere(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		b := make([]byte, 7)
		for i := range b {
			b[i] = 'a' + byte(random.IntN(26))
		}
		return string(b)
	}
	var text strings.Builder
	for text.Len() < 8000 {
		text.WriteString(word() + " ")
	}
	s := NewSigner()
	s.Add(text.String())
	g, wrong := s.Sign(), 0
	for range 1000 {
		if w := word(); g.May(w) && !strings.Contains(text.String(), w) {
			wrong++
		}
	}
	if wrong > 40 {
		t.Errorf("%d of 1000 words are said to be there", wrong)
	}
	if len(g) > 1+8000*2/2 {
		t.Errorf("the signature has %d bytes", len(g))
	}
}

func TestBytesThatAreNoSignatureSayNothing(t *testing.T) {
	for _, g := range []Signature{nil, {}, {1}, {2, 0, 0, 0, 0, 0, 0, 0, 0}, {1, 0, 0, 0}, make(Signature, 25)} {
		if g.Known() || !g.May("hello") {
			t.Errorf("%v is believed", g)
		}
	}
}
