package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// Whoever points the phone at something else is told what it is not, whatever
// that answers.
func TestThePhoneKnowsWhatIsNoActiveSyncServer(t *testing.T) {
	t.Setenv(passwordVariable, "secret")
	page := func(status int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			w.Write([]byte("<html>Welcome to our web site!</html>"))
		}
	}
	const (
		noServer = "no ActiveSync server answers here"
		proxy    = "a proxy in front"
	)
	for _, test := range []struct {
		name, want string
		handler    http.HandlerFunc
	}{
		{"a web page", noServer, page(200, "Content-Type", "text/html")},
		{"a web page without a type", noServer, page(200)},
		{"a redirect to a login page", noServer, page(302, "Location", "/login")},
		{"POST is refused", noServer, page(405)},
		{"POST is unknown", noServer, page(501)},
		{"no such page", "no ActiveSync at this address", page(404)},
		{"no server behind a proxy", proxy, page(502)},
		{"a wrong password", "password are wrong", page(401, "WWW-Authenticate", `Basic realm="x"`)},
		{"no password is taken", "takes no passwords", page(401, "WWW-Authenticate", `Bearer authorization_uri="https://login.example"`)},
		{"a proxy without patience", proxy, page(504)},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := httptest.NewServer(test.handler)
			defer s.Close()
			for _, command := range [][]string{{"options"}, {"discover"}, {"folders"}, {"send", "--to", "a@b.example"}, {"send", "--to", "a@b.example", "--protocol", "12.1"}} {
				var out, errs bytes.Buffer
				root := newApp(os.Stdin, &out, &errs).root()
				root.SetArgs(append([]string{"phone", "--url", s.URL, "--user", "ada@example.org"}, command...))
				err := root.ExecuteContext(t.Context())
				if err == nil || !strings.Contains(err.Error(), test.want) || out.Len() > 0 {
					t.Errorf("%s: %v, %q; want %q", command, err, out.String(), test.want)
				}
			}
		})
	}
}
