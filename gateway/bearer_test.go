package gateway

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"martlet/directory"
)

// What iOS follows: a 401 that says where to get a token, beside what all others
// take.
func TestAPhoneWithoutATokenIsToldWhereToGetOne(t *testing.T) {
	s, h := door(t)
	s.c.Directory.ReadTokens(func(_ context.Context, token string) (directory.Identity, error) {
		if token == "good" {
			return directory.Identity{Login: "anna@example.org"}, nil
		}
		return directory.Identity{}, directory.ErrBadCredentials
	})
	challenge := `Bearer client_id="martlet", trusted_issuers="https://login.example.org", authorization_uri="https://login.example.org/authorize"`
	s.c.Bearer = func() string { return challenge }
	for _, c := range []struct {
		authorization string
		status        int
		want          string
	}{
		{"Bearer good", 200, ""},
		{"bearer  good", 200, ""},
		{"", 401, challenge},
		{"Bearer bad", 401, challenge + `, error="invalid_token"`},
		{"Negotiate x", 401, challenge},
	} {
		r := httptest.NewRequest(http.MethodOptions, "/Microsoft-Server-ActiveSync", nil)
		if c.authorization != "" {
			r.Header.Set("Authorization", c.authorization)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := w.Header().Values("WWW-Authenticate")
		if w.Code != c.status || c.status == 401 && (len(got) != 2 || !strings.HasPrefix(got[0], "Basic ") || got[1] != c.want) {
			t.Errorf("%q: HTTP %d, %q", c.authorization, w.Code, got)
		}
	}
	s.c.Bearer = nil
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodOptions, "/", nil))
	if got := w.Header().Values("WWW-Authenticate"); len(got) != 1 {
		t.Errorf("without issuers: %q", got)
	}
}
