package dav

import (
	"net/http"
	"strings"
	"testing"

	"martlet/directory"
)

func TestTheAddressListIsAnAddressBookThatNobodyWrites(t *testing.T) {
	h := newHouse(t, nil)
	at := books + "directory/"
	h.want(http.StatusMultiStatus, "PROPFIND", books, `<propfind xmlns="DAV:"><prop><displayname/><current-user-privilege-set/></prop></propfind>`, "Depth", "1").says(t, "<D:displayname>Directory</D:displayname>")
	h.want(http.StatusMultiStatus, "PROPFIND", at, `<propfind xmlns="DAV:"><prop><current-user-privilege-set/></prop></propfind>`, "Depth", "0").saysNothingOf(t, "<D:write", "<D:bind")
	sync := func(token string) *answer {
		return h.do("REPORT", at, `<sync-collection xmlns="DAV:" xmlns:A="urn:ietf:params:xml:ns:carddav"><sync-token>`+token+`</sync-token><sync-level>1</sync-level><prop><getetag/><A:address-data/></prop></sync-collection>`)
	}
	first := sync("")
	first.says(t, "FN:Robin Swift", "FN:Kenji Martin")
	if a := sync(first.token()); len(a.found()) != 0 || a.token() != first.token() {
		t.Errorf("nothing has changed, and it tells of %v", a.found())
	}
	if _, err := h.people.AddUser(t.Context(), directory.Account{Login: "wren@example.org", Name: "Wren", Phone: "+1 555 0100"}, "a nest of twigs"); err != nil {
		t.Fatal(err)
	}
	second := sync(first.token())
	if got := second.found(); len(got) != 1 {
		t.Fatalf("one came, and it tells of %v", got)
	}
	second.says(t, "FN:Wren", "TEL;TYPE=VOICE,WORK:+1 555 0100")
	name := second.found()[0]
	h.want(http.StatusOK, "GET", at+name, "").says(t, "FN:Wren")
	h.want(http.StatusMultiStatus, "REPORT", at, `<A:addressbook-multiget xmlns="DAV:" xmlns:A="urn:ietf:params:xml:ns:carddav"><prop><A:address-data/></prop><href>`+at+name+`</href><href>`+at+`nobody.vcf</href></A:addressbook-multiget>`).says(t, "FN:Wren", "404 Not Found")
	h.want(http.StatusMultiStatus, "REPORT", at, `<A:addressbook-query xmlns="DAV:" xmlns:A="urn:ietf:params:xml:ns:carddav"><prop><getetag/></prop><A:filter><A:prop-filter name="EMAIL"><A:text-match>wren</A:text-match></A:prop-filter></A:filter></A:addressbook-query>`, "Depth", "1").says(t, name)

	a, err := h.people.AccountByLogin(t.Context(), "wren@example.org")
	h.must(err)
	h.must(h.people.SetDisabled(t.Context(), a.ID, true))
	third := sync(second.token())
	third.says(t, name, "404 Not Found")
	h.want(http.StatusNotFound, "GET", at+name, "")
	if a := sync("data:,d-0-ffff"); a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "valid-sync-token") {
		t.Errorf("a token of another time: %d %s", a.StatusCode, a.body)
	}

	h.want(http.StatusForbidden, "PUT", at+"x.vcf", contact("x", "FN:X"))
	h.want(http.StatusForbidden, "DELETE", at+name, "")
	h.want(http.StatusForbidden, "DELETE", at, "")
	h.want(http.StatusForbidden, "PROPPATCH", at, `<propertyupdate xmlns="DAV:"><set><prop><displayname>Mine</displayname></prop></set></propertyupdate>`)
}

func TestWhoIsHiddenIsNotFound(t *testing.T) {
	h := newHouse(t, nil)
	token := h.sync(books+"directory/", "", 0).token()
	if _, err := h.people.AddUser(t.Context(), directory.Account{Login: "owl@example.org", Name: "Owl", Hidden: true}, "a nest of twigs"); err != nil {
		t.Fatal(err)
	}
	if a := h.sync(books+"directory/", token, 0); strings.Contains(a.body, "<D:response>") {
		t.Errorf("that somebody came who is hidden is told: %s", a.body)
	}
	search := func(text string) *answer {
		return h.want(http.StatusMultiStatus, "REPORT", "/dav/principals/", `<principal-property-search xmlns="DAV:"><property-search><prop><displayname/></prop><match>`+text+`</match></property-search><prop><displayname/></prop></principal-property-search>`, "Depth", "0")
	}
	search("Kenji").says(t, "/dav/principals/kenji@example.org/", "Kenji Martin")
	search("Owl").saysNothingOf(t, "owl@")
	h.want(http.StatusNotFound, "PROPFIND", "/dav/principals/owl@example.org/", "", "Depth", "0")
	h.want(http.StatusMultiStatus, "PROPFIND", "/dav/principals/kenji@example.org/", `<propfind xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><displayname/><C:calendar-user-address-set/></prop></propfind>`, "Depth", "0").
		says(t, "mailto:kenji@example.org")
	h.want(http.StatusNotFound, "PROPFIND", "/dav/principals/nobody@example.org/", "", "Depth", "0")
}
