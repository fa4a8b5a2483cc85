package activesync_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// MS-ASHTTP_R183, R285, R224: whoever has the mailbox on another server is sent
// there, in every version, and nothing is done here.
func TestAMailboxOnAnotherServerRedirects(t *testing.T) {
	h := build(t)
	if err := h.directory.SetServer(context.Background(), h.account.ID, "https://mail2.example.org"); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"2.5", "12.0", "12.1", "14.0", "14.1", "16.0", "16.1"} {
		p := newPhone(t, h, "iphone", version)
		for _, method := range []string{http.MethodPost, http.MethodOptions} {
			a := p.read(h.do(p.request(method, "FolderSync", nil)))
			wire := map[string][]string(a.header) // the name as it is on the wire
			if a.status != 451 || strings.Join(wire["X-MS-Location"], "") != "https://mail2.example.org/Microsoft-Server-ActiveSync" || len(a.body) > 0 {
				t.Errorf("%s %s: HTTP %d, %v", version, method, a.status, a.header)
			}
		}
		if a := p.read(h.do(p.request(http.MethodGet, "FolderSync", nil))); a.status != http.StatusMethodNotAllowed {
			t.Errorf("GET: HTTP %d", a.status)
		}
	}
	if err := h.directory.SetServer(context.Background(), h.account.ID, ""); err != nil {
		t.Fatal(err)
	}
	newPhone(t, h, "iphone", "16.1").provision()
}

// Clients ask for Autodiscover under the domain and under its autodiscover host,
// in any spelling of the path, with GET or POST, and with a body or none.
func TestAutodiscoverIsFoundUnderEveryHostAndSpelling(t *testing.T) {
	h := build(t)
	for _, host := range []string{"example.org", "autodiscover.example.org", "autodiscover.example.org:443"} {
		for _, path := range []string{"/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml", "/AutoDiscover/AutoDiscover.XML"} {
			for _, method := range []string{http.MethodPost, http.MethodGet} {
				r := httptest.NewRequest(method, path, nil)
				r.Host = host
				r.Header.Set("X-Forwarded-Proto", "https")
				r.SetBasicAuth(testLogin, testPassword)
				resp := h.do(r)
				b, err := io.ReadAll(resp.Body)
				want := strings.TrimSuffix("https://"+host, ":443") + "/Microsoft-Server-ActiveSync"
				if err != nil || resp.StatusCode != http.StatusOK || element(string(b), "Url") != want {
					t.Errorf("%s %s%s: HTTP %d, %v\n%s", method, host, path, resp.StatusCode, err, b)
				}
			}
		}
		for _, path := range []string{"/autodiscover/autodiscover.json?Email=anna@example.org&Protocol=ActiveSync", "/AutoDiscover/AutoDiscover.json/v1.0/anna@example.org?Protocol=activesync"} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Host = host
			if resp := h.do(r); resp.StatusCode != http.StatusOK {
				t.Errorf("%s%s: HTTP %d", host, path, resp.StatusCode)
			}
		}
	}
}
