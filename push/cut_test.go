package push

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTextIsCutBetweenCharactersOfAReader(t *testing.T) {
	for _, c := range []struct {
		name, in string
		n        int
		want     string
	}{
		{"short enough", "Grüße", 7, "Grüße"},
		{"one byte too long", "Grüße!", 7, "Grü…"},
		{"inside of UTF-8", "ääääää", 8, "ää…"},
		{"an accent of its own", "cafe\u0301 au lait", 8, "caf…"},
		{"a family", "ab👩‍👩‍👧‍👦cd", 20, "ab…"},
		{"a colour of skin", "ab👍🏽cdefg", 12, "ab…"},
		{"a heart that is to be red", "ab❤️cdefgh", 9, "ab…"},
		{"flags", "🇨🇭🇩🇪🇫🇷", 23, "🇨🇭🇩🇪…"},
		{"half a flag", "🇨🇭🇩🇪🇫🇷", 18, "🇨🇭…"},
		{"a vowel that stands before its letter", "अनिअनि", 11, "अ…"},
		{"the flag of a region", "ab🏴\U000e0067\U000e0062\U000e007fcd", 14, "ab…"},
		{"blanks before the cut", "one     two", 9, "one…"},
		{"no room", "hello", 3, ""},
		{"nothing", "hello", 0, ""},
		{"less than nothing", "hello", -1, ""},
		{"not UTF-8", "a\xff\xfeb", 10, "a\ufffdb"},
		{"only accents", "\u0301\u0301\u0301\u0301", 5, ""},
	} {
		if got := Cut(c.in, c.n); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTextsAreCutUntilTheWholeFitsTheFirstFirst(t *testing.T) {
	for _, c := range []struct {
		limit       int
		body, title string
		fits        bool
	}{
		{100, "abcdefghijklmnop", "title", true},
		{21, "abcdefghijklmnop", "title", true},
		{20, "abcdefghijkl…", "title", true},
		{9, "a…", "title", true},
		{8, "", "title", true},
		{4, "", "t…", true},
		{0, "", "", true},
		{-1, "", "", false},
	} {
		body, title := "abcdefghijklmnop", "title"
		fits := Fit(c.limit, func() int { return len(body) + len(title) }, &body, &title)
		if body != c.body || title != c.title || fits != c.fits {
			t.Errorf("limit %d: %q %q %v, want %q %q %v", c.limit, body, title, fits, c.body, c.title, c.fits)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("Grüße, 👩‍👩‍👧‍👦 🇨🇭", 10)
	f.Fuzz(func(t *testing.T, s string, n int) {
		got := Cut(s, n)
		if len(got) > max(n, 0) && s != "" || !utf8.ValidString(got) {
			t.Fatalf("%q of %q, %d", got, s, n)
		}
		whole := strings.ToValidUTF8(s, "\ufffd")
		if got != whole && got != "" && !strings.HasPrefix(whole, strings.TrimSuffix(got, "…")) {
			t.Fatalf("%q does not begin %q", got, whole)
		}
	})
}
