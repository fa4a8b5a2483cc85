package dav

import (
	"net/http"
	"strings"
	"testing"

	"martlet/directory"
)

func TestPropertiesAreFollowedToWhereTheyLead(t *testing.T) {
	h := newHouse(t, nil)
	h.want(http.StatusMultiStatus, "REPORT", "/dav/", `<expand-property xmlns="DAV:"><property name="current-user-principal"><property name="displayname"/><property name="calendar-home-set" namespace="urn:ietf:params:xml:ns:caldav"><property name="resourcetype"/></property></property></expand-property>`).
		says(t, "<D:displayname>Robin Swift</D:displayname>", "<D:href>"+calendars+"</D:href><D:propstat><D:prop><D:resourcetype><D:collection/>")
	h.want(http.StatusMultiStatus, "REPORT", calendars+"calendar/", `<acl-principal-prop-set xmlns="DAV:"><prop><displayname/></prop></acl-principal-prop-set>`, "Depth", "0").says(t, "Robin Swift")
	h.want(http.StatusMultiStatus, "REPORT", "/dav/principals/", `<principal-match xmlns="DAV:"><self/><prop><displayname/></prop></principal-match>`, "Depth", "0").says(t, "Robin Swift")
	h.want(http.StatusOK, "REPORT", "/dav/principals/", `<principal-search-property-set xmlns="DAV:"/>`, "Depth", "0").says(t, "<D:principal-search-property>", "<D:displayname/>")
	deep := `<property name="owner">`
	doc := `<expand-property xmlns="DAV:">`
	for range 20 {
		doc += deep
	}
	for range 20 {
		doc += "</property>"
	}
	h.want(http.StatusBadRequest, "REPORT", calendars+"calendar/", doc+"</expand-property>")
}

// RFC 4918 10.4, RFC 6578 5.
func TestAnIfHeaderHoldsOrNothingHappens(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/a"
	h.put(at, simple("a"))
	etag := h.want(http.StatusOK, "GET", at, "").Header.Get("ETag")
	token := h.sync(calendars+"calendar/", "", 0).token()
	for header, want := range map[string]int{
		`([` + etag + `])`:                                 http.StatusNoContent,
		`(["other"])`:                                      http.StatusPreconditionFailed,
		`(<opaquelocktoken:1>)`:                            http.StatusPreconditionFailed,
		`(Not <DAV:no-lock>)`:                              http.StatusNoContent,
		`(<opaquelocktoken:1>) ([` + etag + `])`:           http.StatusNoContent,
		`([` + etag + `] <opaquelocktoken:1>)`:             http.StatusPreconditionFailed,
		`<` + calendars + `calendar/> (<` + token + `>)`:   http.StatusNoContent,
		`<` + calendars + `calendar/> (<data:,0-1-7-f-0>)`: http.StatusPreconditionFailed,
		`<http://example.com/x> ([` + etag + `])`:          http.StatusPreconditionFailed,
		`(`:        http.StatusBadRequest,
		`()`:       http.StatusBadRequest,
		`nonsense`: http.StatusBadRequest,
	} {
		if a := h.do("PUT", at, simple("a"), "If", header); a.StatusCode != want {
			t.Errorf("If: %s answers %d, want %d", header, a.StatusCode, want)
		}
	}
}

// A principal is an account: a group has none, and is asked about as its members.
func TestAGroupIsNoPrincipal(t *testing.T) {
	h, _ := meeting(t)
	f, err := directory.ParseFile(strings.NewReader("[[group]]\naddress = \"flock@example.org\"\nmembers = [\"kenji@example.org\", \"robin@example.org\"]\n"), "directory.toml")
	h.must(err)
	_, err = h.people.Apply(t.Context(), f, false)
	h.must(err)
	h.want(http.StatusNotFound, "PROPFIND", "/dav/principals/flock@example.org/", "", "Depth", "0")
	h.user = kenji
	h.put("/dav/calendars/kenji@example.org/calendar/a", event("a", "DTSTART:20260504T100000Z", "DTEND:20260504T110000Z"))
	h.user = robin
	h.outbox("flock@example.org").says(t, "2.0;Success", "20260504T100000Z/20260504T110000Z")
}
