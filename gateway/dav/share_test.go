package dav

import (
	"net/http"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/mail/share"
	"martlet/store"
)

// sharing is a house in which folders are shared.
func sharing(t *testing.T) (*house, *share.Shares) {
	t.Helper()
	var shares *share.Shares
	h := newHouse(t, func(c *Config) {
		shares = share.New(share.Config{Store: c.Store, Directory: c.Directory, Mailboxes: c.Mailboxes})
		c.Shares = shares
	})
	return h, shares
}

func (h *house) grant(_ *share.Shares, role mail.Role, rights mail.Rights) {
	h.t.Helper()
	h.grantFrom(robin, kenji, role, rights)
}

func (h *house) grantFrom(owner, to string, role mail.Role, rights mail.Rights) {
	h.t.Helper()
	var f mail.Folder
	h.must(h.store.View(h.t.Context(), func(tx *store.Tx) (err error) {
		f, err = h.boxes.FolderByRole(tx, h.box(owner), role)
		return err
	}))
	h.must(h.c.Shares.Grant(h.t.Context(), share.Grant{Box: h.box(owner), Folder: f.ID, To: share.Principal{Account: h.accounts[to].ID}, Rights: rights}))
}

// shared is the path of what Robin shares with Kenji.
func (h *house) shared(home string) string {
	h.t.Helper()
	return h.sharedIn("/dav/"+home+"/kenji@example.org/", "Robin")
}

// sharedOf is the path of the calendar that somebody shares with another.
func (h *house) sharedOf(owner, with string) string {
	h.t.Helper()
	return h.sharedIn("/dav/calendars/"+with+"/", owner)
}

func (h *house) sharedIn(home, owner string) string {
	h.t.Helper()
	a := h.want(http.StatusMultiStatus, "PROPFIND", home, `<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>`, "Depth", "1")
	for s := range strings.SplitSeq(a.body, "<D:response>") {
		if strings.Contains(s, owner) {
			href, _, _ := strings.Cut(s, "</D:href>")
			return strings.TrimPrefix(href, "<D:href>")
		}
	}
	h.t.Fatalf("nothing of theirs is there: %s", a.body)
	return ""
}

const privileges = `<propfind xmlns="DAV:"><prop><current-user-privilege-set/><owner/><acl/></prop></propfind>`

func TestASharedCalendarIsInTheOthersHome(t *testing.T) {
	h, shares := sharing(t)
	h.put(calendars+"calendar/open", event("open", "DTSTART:20260504T100000Z", "SUMMARY:Open"))
	h.put(calendars+"calendar/hidden", event("hidden", "DTSTART:20260505T100000Z", "DTEND:20260505T110000Z", "SUMMARY:Secret", "LOCATION:Nest", "CLASS:PRIVATE", "RRULE:FREQ=DAILY;COUNT=3", "ATTENDEE:mailto:owl@example.org"))
	h.grant(shares, mail.RoleCalendar, mail.MayRead)
	h.user = kenji
	at := h.shared("calendars")
	if strings.HasSuffix(at, "/calendar/") {
		t.Fatalf("it is Kenji's own: %s", at)
	}
	a := h.want(http.StatusMultiStatus, "PROPFIND", at, privileges, "Depth", "0")
	a.says(t, "<D:read/>", "<D:owner><D:href>/dav/principals/robin@example.org/</D:href></D:owner>")
	a.saysNothingOf(t, "<D:write", "<D:bind", "<D:read-acl/>")

	h.want(http.StatusOK, "GET", at+"open", "").says(t, "SUMMARY:Open")
	got := h.want(http.StatusOK, "GET", at+"hidden", "")
	got.says(t, "DTSTART:20260505T100000Z", "RRULE:FREQ=DAILY;COUNT=3", "UID:hidden")
	got.saysNothingOf(t, "Secret", "Nest", "owl@")
	every := h.want(http.StatusMultiStatus, "REPORT", at, `<C:calendar-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/><C:calendar-data/></prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`, "Depth", "1")
	every.saysNothingOf(t, "Secret", "Nest", "owl@")
	every.says(t, "SUMMARY:Busy")
	h.finds(at, `<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"><C:text-match>secret</C:text-match></C:prop-filter></C:comp-filter>`)
	h.finds(at, `<C:comp-filter name="VEVENT">`+span2("20260506T100000Z", "20260506T101000Z")+`</C:comp-filter>`, "hidden")
	h.want(http.StatusOK, "GET", at, "").saysNothingOf(t, "Secret", "Nest")
	token := h.sync(at, "", 0).token()

	for _, refused := range []func() *answer{
		func() *answer { return h.do("PUT", at+"x", simple("x")) },
		func() *answer { return h.do("PUT", at+"open", event("open", "DTSTART:20260504T110000Z")) },
		func() *answer { return h.do("DELETE", at+"open", "") },
		func() *answer { return h.do("DELETE", at, "") },
		func() *answer {
			return h.do("MOVE", at+"open", "", "Destination", "/dav/calendars/kenji@example.org/calendar/open")
		},
		func() *answer {
			return h.do("COPY", at+"hidden", "", "Destination", "/dav/calendars/kenji@example.org/calendar/hidden")
		},
	} {
		if a := refused(); a.StatusCode != http.StatusForbidden {
			t.Errorf("a reader may: %d %s", a.StatusCode, a.body)
		}
	}
	h.want(http.StatusCreated, "COPY", at+"open", "", "Destination", "/dav/calendars/kenji@example.org/calendar/open")

	h.grant(shares, mail.RoleCalendar, mail.MayRead|mail.MayWrite)
	h.want(http.StatusMultiStatus, "PROPFIND", at, privileges, "Depth", "0").says(t, "<D:write/>")
	h.want(http.StatusForbidden, "REPORT", at, `<sync-collection xmlns="DAV:"><sync-token>`+token+`</sync-token><sync-level>1</sync-level><prop/></sync-collection>`).says(t, "valid-sync-token")
	h.put(at+"new", event("new", "DTSTART:20260507T100000Z", "SUMMARY:Kenji's"))
	h.want(http.StatusForbidden, "PUT", at+"hidden", event("hidden", "DTSTART:20260505T100000Z"))
	h.want(http.StatusForbidden, "DELETE", at+"hidden", "")
	h.want(http.StatusMultiStatus, "PROPPATCH", at, `<propertyupdate xmlns="DAV:" xmlns:I="http://apple.com/ns/ical/"><set><prop><I:calendar-color>#00FF00FF</I:calendar-color></prop></set></propertyupdate>`).says(t, "200 OK")

	h.user = robin
	h.want(http.StatusOK, "GET", calendars+"calendar/new", "").says(t, "Kenji's")
	const who = `<propfind xmlns="DAV:"><prop><C:updated-by xmlns:C="http://calendarserver.org/ns/"/></prop></propfind>`
	h.want(http.StatusMultiStatus, "PROPFIND", calendars+"calendar/new", who, "Depth", "0").says(t, "/dav/principals/kenji@example.org/")
	h.want(http.StatusMultiStatus, "PROPFIND", calendars+"calendar/open", who, "Depth", "0").says(t, "/dav/principals/robin@example.org/")
	h.want(http.StatusOK, "GET", calendars+"calendar/hidden", "").says(t, "Secret")
	h.want(http.StatusMultiStatus, "PROPFIND", calendars+"calendar/", `<propfind xmlns="DAV:" xmlns:I="http://apple.com/ns/ical/"><prop><I:calendar-color/></prop></propfind>`, "Depth", "0").saysNothingOf(t, "#00FF00FF")
}

func TestPrivateContactsOfOthersAreNotThere(t *testing.T) {
	h, shares := sharing(t)
	h.put(books+"contacts/open", contact("open", "FN:Open"))
	h.put(books+"contacts/hidden", contact("hidden", "FN:Hidden", "CLASS:PRIVATE"))
	h.grant(shares, mail.RoleContacts, mail.MayRead)
	h.user = kenji
	at := h.shared("addressbooks")
	a := h.sync(at, "", 0)
	if got := a.found(); len(got) != 1 || got[0] != "open" {
		t.Errorf("%v", got)
	}
	h.want(http.StatusNotFound, "GET", at+"hidden", "")
	h.want(http.StatusOK, "GET", at, "").saysNothingOf(t, "Hidden")
	h.user = robin
	h.want(http.StatusNoContent, "PUT", books+"contacts/open", contact("open", "FN:Open", "CLASS:PRIVATE"))
	h.user = kenji
	h.sync(at, a.token(), 0).says(t, "open</D:href><D:status>HTTP/1.1 404")

	h.grant(shares, mail.RoleContacts, mail.MayRead|mail.MaySee)
	at = h.shared("addressbooks") // which may be another one: everything is seen anew
	h.want(http.StatusOK, "GET", at+"hidden", "").says(t, "FN:Hidden")
}

func TestWhatIsNoLongerSharedIsGone(t *testing.T) {
	h, shares := sharing(t)
	h.put(calendars+"calendar/a", simple("a"))
	h.grant(shares, mail.RoleCalendar, mail.MayRead)
	h.user = kenji
	at := h.shared("calendars")
	h.want(http.StatusOK, "GET", at+"a", "")
	f := h.folders(robin)["Calendar"]
	h.must(shares.Revoke(t.Context(), h.box(robin), f.ID, share.Principal{Account: h.accounts[kenji].ID}))
	h.want(http.StatusNotFound, "GET", at+"a", "")
	h.want(http.StatusNotFound, "PROPFIND", at, "", "Depth", "0")
}
