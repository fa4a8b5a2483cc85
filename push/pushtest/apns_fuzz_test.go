package pushtest

import (
	"encoding/base64"
	"strings"
	"testing"
)

// Whatever is sent for a provider token, only what our keys signed is one.
func FuzzAPNsProviderToken(f *testing.F) {
	a, err := newAPNs()
	if err != nil {
		f.Fatal(err)
	}
	key, err := a.NewKey("TEAM123456", "com.example.mail")
	if err != nil {
		f.Fatal(err)
	}
	head := `{"alg":"ES256","kid":"` + key.KeyID + `"}`
	part := base64.RawURLEncoding.EncodeToString
	f.Add(head, `{"iss":"TEAM123456","iat":1700000000}`, strings.Repeat("A", 86))
	f.Add(`{"alg":"none"}`, `{}`, "")
	f.Add("", "[", ".")
	f.Fuzz(func(t *testing.T, head, claims, signature string) {
		for _, bearer := range []string{head + "." + claims + "." + signature, part([]byte(head)) + "." + part([]byte(claims)) + "." + signature} {
			if _, _, _, ok := a.verify(bearer); ok {
				t.Fatalf("taken: %q", bearer)
			}
		}
	})
}
