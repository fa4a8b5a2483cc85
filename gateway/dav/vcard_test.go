package dav

import (
	"net/http"
	"strings"
	"testing"
)

// Groups of contacts are written in two ways: Apple's in 3.0, and that of RFC 6350.
// Each program sees those that the other has made.
func TestAGroupIsOneInBothVersions(t *testing.T) {
	h := newHouse(t, nil)
	at := books + "contacts/"
	h.put(at+"new", strings.Join([]string{"BEGIN:VCARD", "VERSION:4.0", "UID:urn:uuid:1", "KIND:group", "FN:Flock", "MEMBER:urn:uuid:2", "MEMBER:urn:uuid:3", "END:VCARD", ""}, "\r\n"))
	h.put(at+"old", strings.Join([]string{"BEGIN:VCARD", "VERSION:3.0", "UID:4", "N:Nest;;;;", "FN:Nest", "X-ADDRESSBOOKSERVER-KIND:group", "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:2", "END:VCARD", ""}, "\r\n"))
	h.want(http.StatusOK, "GET", at+"new", "").says(t, "VERSION:3.0", "X-ADDRESSBOOKSERVER-KIND:group", "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:2", "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:3")
	h.want(http.StatusOK, "GET", at+"new", "", "Accept", "text/vcard; version=4.0").says(t, "VERSION:4.0", "MEMBER:urn:uuid:3")
	get := func(version string, props ...string) *answer {
		inner := ""
		for _, p := range props {
			inner += `<A:prop name="` + p + `"/>`
		}
		return h.want(http.StatusMultiStatus, "REPORT", at, `<A:addressbook-multiget xmlns="DAV:" xmlns:A="urn:ietf:params:xml:ns:carddav"><prop><A:address-data content-type="text/vcard" version="`+version+`">`+inner+`</A:address-data></prop><href>`+at+`new</href><href>`+at+`old</href></A:addressbook-multiget>`)
	}
	get("4.0").says(t, "KIND:group", "MEMBER:urn:uuid:2")
	get("3.0").says(t, "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:3")
	part := get("4.0", "KIND")
	part.says(t, "UID:urn:uuid:1", "FN:Flock", "KIND:group", "VERSION:4.0")
	part.saysNothingOf(t, "MEMBER:urn:uuid:3")
	h.want(http.StatusForbidden, "REPORT", at, `<A:addressbook-multiget xmlns="DAV:" xmlns:A="urn:ietf:params:xml:ns:carddav"><prop><A:address-data content-type="application/json"/></prop><href>`+at+`new</href></A:addressbook-multiget>`).says(t, "supported-address-data")
}
