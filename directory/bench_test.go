package directory

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"martlet/store"
)

func filled(b *testing.B, users int) *Directory {
	s, err := store.Open(store.Config{Path: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	d, err := New(Config{Store: s, HashCost: cheap})
	if err != nil {
		b.Fatal(err)
	}
	var t strings.Builder
	t.WriteString("[[domain]]\nname='example.org'\n")
	for i := range users {
		fmt.Fprintf(&t, "[[user]]\nlogin='user%d@example.org'\nname='User %d'\naliases=['alias%d@example.org']\n", i, i, i)
	}
	t.WriteString("[[user]]\nlogin='ada@example.org'\nname='Ada'\npassword='correct horse battery staple'\n")
	f, err := ParseFile(strings.NewReader(t.String()), "bench.toml")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := d.Apply(b.Context(), f, false); err != nil {
		b.Fatal(err)
	}
	return d
}

func BenchmarkAuthenticateCached(b *testing.B) {
	d := filled(b, 100)
	if _, err := d.Authenticate(b.Context(), `EXAMPLE\ada`, "correct horse battery staple"); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Authenticate(b.Context(), `EXAMPLE\ada`, "correct horse battery staple"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	d := filled(b, 10_000)
	for name, address := range map[string]string{"login": "user5000@example.org", "tagged": "Alias5000+news@Example.org", "elsewhere": "x@elsewhere.example", "unknown": "nobody@example.org"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Resolve(b.Context(), address); err != nil && !errors.Is(err, ErrNoAddress) {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHash(b *testing.B) {
	h, err := newHasher(HashCost{}, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.hash(b.Context(), "correct horse battery staple"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApplyNothingNew(b *testing.B) {
	d := filled(b, 10_000)
	f, err := d.Export(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if edits, err := d.Apply(b.Context(), f, false); err != nil || len(edits) != 0 {
			b.Fatal(edits, err)
		}
	}
}
