package activesync_test

import (
	"context"
	"net/http"
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
			if a.status != 451 || strings.Join(a.header["X-MS-Location"], "") != "https://mail2.example.org/Microsoft-Server-ActiveSync" || len(a.body) > 0 {
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
