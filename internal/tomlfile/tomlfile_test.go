package tomlfile

import (
	"strings"
	"testing"
)

type sample struct {
	Top  string
	List []string
	HTTP struct{ Listen string }
	User []struct {
		Login  string
		Phones struct{ Office string }
		Size   int
	}
}

const good = `top = "x"
list = [
  "a",
  "b", # comment
]

[http]
listen = ":80"

[[user]]
login = "one"
[user.phones]
office = "1"

[[user]]
login = "two"
phones = { office = "2" }
`

func TestEveryKeyHasItsLine(t *testing.T) {
	var s sample
	l, err := Decode("f.toml", []byte(good), &s)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path []any
		line int
	}{
		{[]any{"top"}, 1},
		{[]any{"list", 1}, 4},
		{[]any{"http", "listen"}, 8},
		{[]any{"user", 0, "login"}, 11},
		{[]any{"user", 0, "phones", "office"}, 13},
		{[]any{"user", 1, "login"}, 16},
		{[]any{"user", 1, "phones", "office"}, 17},
		{[]any{"user", 1, "absent"}, 15},
		{[]any{"nowhere"}, 0},
	} {
		if got := l.Of(c.path...); got != c.line {
			t.Errorf("%v: line %d, want %d", c.path, got, c.line)
		}
	}
	if got := l.Errorf([]any{"user", 1, "login"}, "is %s", "odd").Error(); got != "f.toml:16: user.login: is odd" {
		t.Errorf("error text %q", got)
	}
}

func TestBadFilesAreRefusedWithLineAndKey(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown keys": {"top = \"x\"\n[http]\nlissen = 1\nlisten=\":1\"\n[odd]\na=1\n", "f.toml:3: http.lissen: unknown key\nf.toml:5: odd: unknown key"},
		"wrong kind":   {"\n\ntop = 5\n", "f.toml:3: top: "},
		"not toml":     {"top = \n", "f.toml:1: "},
		"twice":        {"top = \"a\"\ntop = \"b\"\n", "f.toml:2: top"},
	} {
		var s sample
		_, err := Decode("f.toml", []byte(c.text), &s)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %v, want prefix %q", name, err, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(good)
	f.Add("user = [{login='a'}, {login='b'}]\n")
	f.Add("a.b.c = 1\n[[a.b]]\n[a.b.c]\n")
	f.Fuzz(func(t *testing.T, text string) {
		var s sample
		l, err := Decode("f", []byte(text), &s)
		if err == nil && s.Top != "" && l.Of("top") == 0 {
			t.Error("a key that was decoded has no line")
		}
	})
}
