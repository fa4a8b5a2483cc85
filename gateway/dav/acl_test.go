package dav

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
)

var privilege = regexp.MustCompile(`<D:privilege><([A-Z]:[a-z-]+)/></D:privilege>`)

// RFC 3744 5.3, 5.4: what a user may is of what there is, and it is so.
func TestPrivilegesAreThoseThatThereAre(t *testing.T) {
	h, _ := meeting(t)
	h.put(calendars+"calendar/a", simple("a"))
	h.put(books+"contacts/a", contact("a", "FN:A"))
	h.want(http.StatusCreated, "PUT", files+"f", "twigs")
	h.grantFrom(kenji, robin, mail.RoleCalendar, mail.MayRead)
	shared := h.sharedOf("Kenji", robin)
	for _, path := range []string{
		"/dav/", "/dav/principals/", "/dav/principals/robin@example.org/", "/dav/principals/kenji@example.org/", calendars, books, calendars + "calendar/", calendars + "calendar/a", calendars + "inbox/", calendars + "outbox/",
		books + "contacts/a", books + "directory/", files, files + "f", shared,
	} {
		a := h.want(http.StatusMultiStatus, "PROPFIND", path, `<propfind xmlns="DAV:"><prop><supported-privilege-set/></prop></propfind>`, "Depth", "0")
		there := map[string]bool{}
		for _, p := range privilege.FindAllStringSubmatch(a.body, -1) {
			if there[p[1]] {
				t.Errorf("%s has %s twice", path, p[1])
			}
			there[p[1]] = true
		}
		a = h.want(http.StatusMultiStatus, "PROPFIND", path, `<propfind xmlns="DAV:"><prop><current-user-privilege-set/></prop></propfind>`, "Depth", "0")
		may := map[string]bool{}
		for _, p := range privilege.FindAllStringSubmatch(a.body, -1) {
			if may[p[1]] = true; !there[p[1]] {
				t.Errorf("%s may not have %s", path, p[1])
			}
		}
		patch := h.do("PROPPATCH", path, `<propertyupdate xmlns="DAV:"><set><prop><perch xmlns="urn:x">high</perch></prop></set></propertyupdate>`)
		if can := patch.StatusCode == http.StatusMultiStatus && strings.Contains(patch.body, " 200 "); may["D:write-properties"] && !can && !strings.HasSuffix(path, "/a") {
			t.Errorf("%s: properties may be written, and cannot: %s", path, patch.body)
		}
	}
}

// A program that looks for a room knows it from people.
func TestRoomsAreNoPeople(t *testing.T) {
	h := newHouse(t, nil)
	for _, r := range []struct {
		login string
		kind  directory.Kind
		is    string
	}{{"oak@example.org", directory.KindRoom, "ROOM"}, {"beamer@example.org", directory.KindEquipment, "RESOURCE"}, {kenji, 0, "INDIVIDUAL"}} {
		if r.is != "INDIVIDUAL" {
			if _, err := h.people.AddUser(t.Context(), directory.Account{Login: r.login, Name: r.login, Kind: r.kind}, ""); err != nil {
				t.Fatal(err)
			}
		}
		h.want(http.StatusMultiStatus, "PROPFIND", fmt.Sprintf("/dav/principals/%s/", r.login), `<propfind xmlns="DAV:"><prop><calendar-user-type xmlns="urn:ietf:params:xml:ns:caldav"/></prop></propfind>`, "Depth", "0").
			says(t, ">"+r.is+"<")
	}
}
