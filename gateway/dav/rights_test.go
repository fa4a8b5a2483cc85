package dav

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"martlet/mail"
)

// No method and no spelling of a path lets anybody see or change what is
// another's.
func TestNoMethodReachesWhatIsAnothers(t *testing.T) {
	h, _ := meeting(t)
	h.put(calendars+"calendar/one", event("one", "DTSTART:20260504T100000Z", "SUMMARY:Mistletoe"))
	h.put(books+"contacts/one", contact("one", "FN:Mistletoe"))
	h.want(http.StatusCreated, "PUT", files+"one", "Mistletoe")
	list := func() string {
		h.user = robin
		all := ""
		for _, at := range []string{calendars, calendars + "calendar/", books, books + "contacts/", files} {
			all += h.want(http.StatusMultiStatus, "PROPFIND", at, `<propfind xmlns="DAV:"><prop><getetag/><sync-token/><displayname/></prop></propfind>`, "Depth", "1").body
		}
		return all
	}
	before := list()
	mine := "/dav/calendars/kenji@example.org/calendar/"
	h.user = kenji
	h.put(mine+"own", simple("own"))
	for _, path := range []string{
		calendars, calendars + "calendar/", calendars + "calendar/one", calendars + "calendar/one/", calendars + "inbox/", calendars + "outbox/", calendars + "new/", books, books + "contacts/", books + "contacts/one", books + "directory/",
		files, files + "one", files + "new/", "//dav//calendars//robin@example.org//calendar//one", "/DAV/calendars/ROBIN@EXAMPLE.ORG/calendar/one", "/dav/calendars/robin%40example.org/calendar/one",
		"/dav/calendars/robin/calendar/one", "/dav/calendars/kenji@example.org/../robin@example.org/calendar/one", "/dav/calendars/kenji@example.org/%2e%2e/robin@example.org/calendar/one",
		"/dav/calendars/kenji@example.org%2f..%2frobin@example.org/calendar/one", "/dav/calendars/robin@example.org%00/calendar/one", "/dav/calendars/robin@example.org./calendar/one",
	} {
		for method := range methods {
			if method == http.MethodOptions {
				continue
			}
			for _, body := range []string{"", event("one", "DTSTART:20990504T100000Z"), `<propertyupdate xmlns="DAV:"><set><prop><displayname>Kenji</displayname></prop></set></propertyupdate>`,
				query(""), `<sync-collection xmlns="DAV:"><sync-token/><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`,
				`<C:calendar-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><C:calendar-data/></prop><href>` + calendars + `calendar/one</href></C:calendar-multiget>`,
			} {
				a := h.do(method, path, body, "Depth", "0", "Destination", mine+"stolen", "Overwrite", "T")
				if a.StatusCode < 400 || a.StatusCode >= 500 || strings.Contains(a.body, "Mistletoe") {
					t.Errorf("%s %s answers %d: %.200s", method, path, a.StatusCode, a.body)
				}
				if !strings.Contains(path, "/robin@") || strings.Contains(path, "//") || strings.Contains(path, "..") {
					continue
				}
				for _, give := range []string{"MOVE", "COPY"} {
					if a := h.do(give, mine+"own", "", "Destination", path); a.StatusCode < 400 || a.StatusCode >= 500 {
						t.Errorf("%s to %s answers %d", give, path, a.StatusCode)
					}
				}
			}
		}
	}
	// From one's own collection, what it does not hold.
	h.want(http.StatusMultiStatus, "REPORT", mine, `<C:calendar-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><C:calendar-data/></prop><href>`+calendars+`calendar/one</href><href>`+books+`contacts/one</href></C:calendar-multiget>`).
		saysNothingOf(t, "Mistletoe", "200 OK")
	if got := h.sync(mine, "", 0).found(); !slices.Equal(got, []string{"own"}) {
		t.Errorf("Kenji has %v", got)
	}
	if list() != before {
		t.Error("something of Robin's has changed")
	}
}

// Who may read may read, and nothing else.
func TestAReaderOnlyReads(t *testing.T) {
	h, _ := sharing(t)
	h.put(calendars+"calendar/one", simple("one"))
	h.put(books+"contacts/one", contact("one", "FN:One"))
	h.grant(nil, mail.RoleCalendar, mail.MayRead)
	h.grant(nil, mail.RoleContacts, mail.MayRead)
	token := h.sync(calendars+"calendar/", "", 0).token() + h.sync(books+"contacts/", "", 0).token()
	h.user = kenji
	own := map[string]string{"calendars": "/dav/calendars/kenji@example.org/calendar/", "addressbooks": "/dav/addressbooks/kenji@example.org/contacts/"}
	for home, mine := range own {
		at, body, other := h.shared(home), simple("x"), simple("one")
		if home == "addressbooks" {
			body, other = contact("x", "FN:X"), contact("one", "FN:Other")
		}
		h.put(mine+"x", body)
		for _, try := range [][]string{
			{"PUT", at + "x", body}, {"PUT", at + "one", other}, {"POST", at, body}, {"DELETE", at + "one", ""}, {"DELETE", at, ""}, {"MOVE", at + "one", "", "Destination", mine + "one"},
			{"MOVE", mine + "x", "", "Destination", at + "x"}, {"COPY", mine + "x", "", "Destination", at + "x"}, {"MOVE", mine + "x", "", "Destination", at + "one"}, {"COPY", at + "one", "", "Destination", at + "two"}, {"MOVE", at, "", "Destination", mine + "all/"},
		} {
			if a := h.do(try[0], try[1], try[2], try[3:]...); a.StatusCode != http.StatusForbidden {
				t.Errorf("%v answers %d", try[:2], a.StatusCode)
			}
		}
		for _, try := range [][]string{{"MKCOL", at + "sub/", ""}, {"MKCALENDAR", at, ""}, {"MKCOL", at, ""}, {"PROPPATCH", at + "one", `<propertyupdate xmlns="DAV:"><set><prop><x/></prop></set></propertyupdate>`}} {
			if a := h.do(try[0], try[1], try[2]); a.StatusCode < 400 && !strings.Contains(a.body, "403 ") {
				t.Errorf("%v answers %d", try[:2], a.StatusCode)
			}
		}
		h.want(http.StatusMultiStatus, "PROPPATCH", at, `<propertyupdate xmlns="DAV:"><set><prop><displayname>Mine</displayname></prop></set></propertyupdate>`).says(t, "403 ")
	}
	h.user = robin
	if h.sync(calendars+"calendar/", "", 0).token()+h.sync(books+"contacts/", "", 0).token() != token {
		t.Error("something of Robin's has changed")
	}
}
