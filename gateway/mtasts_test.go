package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"martlet/directory"
	"martlet/store"
)

func TestOnlyOurDomainsHaveAPolicyOfMTASTS(t *testing.T) {
	st, err := store.Open(store.Config{Path: t.TempDir() + "/rows"})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	d, err := directory.New(directory.Config{Store: st})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.AddDomain(t.Context(), directory.Domain{Name: "example.org"}); err != nil {
		t.Fatal(err)
	}
	const text = "version: STSv1\r\nmode: testing\r\nmx: mail.example.org\r\nmax_age: 604800\r\n"
	for _, c := range []struct {
		method, host, policy string
		status               int
	}{
		{"GET", "mta-sts.example.org", text, 200},
		{"GET", "MTA-STS.Example.ORG:443", text, 200},
		{"HEAD", "mta-sts.example.org.", text, 200},
		{"GET", "mta-sts.example.com", text, 404},
		{"GET", "example.org", text, 404},
		{"GET", "mta-sts.", text, 404},
		{"GET", "mta-sts.mta-sts.example.org", text, 404},
		{"GET", "mta-sts.example.org", "", 404},
		{"POST", "mta-sts.example.org", text, 405},
	} {
		s := &Server{c: Config{Directory: d, STSPolicy: c.policy}}
		r := httptest.NewRequest(c.method, "https://x/.well-known/mta-sts.txt", http.NoBody)
		r.Host = c.host
		w := httptest.NewRecorder()
		s.mtaSTS(w, r)
		if w.Code != c.status {
			t.Errorf("%s %s: %d", c.method, c.host, w.Code)
		}
		if want := map[bool]string{true: text}[c.status == 200 && c.method == "GET"]; w.Body.String() != want {
			t.Errorf("%s %s: %q", c.method, c.host, w.Body)
		}
		if got := w.Header().Get("Content-Type"); c.status == 200 && got != "text/plain; charset=utf-8" {
			t.Errorf("%s %s is %q", c.method, c.host, got)
		}
	}
}
