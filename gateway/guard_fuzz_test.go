package gateway

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// FuzzRemote: whatever a request says of where it comes from, it comes from
// one address, and of a host that is far away only its own address counts.
func FuzzRemote(f *testing.F) {
	f.Add("198.51.100.7:1", "203.0.113.9")
	f.Add("127.0.0.1:1", "a, ,\x00,::ffff:10.0.0.1")
	f.Add("[fe80::1%eth0]:1", "2001:db8::1%25eth0")
	f.Add("10.0.0.2:99999", "203.0.113.9:443")
	f.Fuzz(func(t *testing.T, remote, forwarded string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = remote
		plain := remoteOf(r)
		r.Header["X-Forwarded-For"] = []string{forwarded}
		got := remoteOf(r)
		if got.IsValid() && (got.Is4In6() || got.Zone() != "") {
			t.Errorf("%q, %q: %v is not an address to count by", remote, forwarded, got)
		}
		if ap, err := netip.ParseAddrPort(remote); err == nil && !ap.Addr().Unmap().IsLoopback() && !ap.Addr().Unmap().IsPrivate() && got != plain {
			t.Errorf("%q may say that it is %v", remote, got)
		}
	})
}
