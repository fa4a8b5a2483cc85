package dav

import (
	"encoding/hex"
	"fmt"
	"mime"
	"path"
	"strconv"

	"martlet/mail"
	"martlet/store/blob"
)

// property is a live property: one that the server knows (RFC 4918 4.2).
type property struct {
	kinds kind // of resources that can have it
	all   bool // DAV:allprop names it (RFC 4918 9.1: those of RFC 4918 itself)
	write func(*request, *resource, *asked, *document) (bool, error)
}

// liveProperties is the table of all of them.
func liveProperties() map[name]property {
	all := map[name]property{
		dav("resourcetype"):     {kindAll, true, writeResourceType},
		dav("displayname"):      {kindAll &^ kindObject &^ kindEntry, true, writeDisplayName},
		dav("getetag"):          {kindObject | kindFile | kindEntry, true, writeETag},
		dav("getcontenttype"):   {kindObject | kindFile | kindList | kindDirectory | kindEntry, true, writeContentType},
		dav("getcontentlength"): {kindObject | kindFile, true, writeContentLength},
		dav("getlastmodified"):  {kindFile | kindFolder, true, writeLastModified},
		dav("creationdate"):     {kindFile | kindFolder, true, writeCreationDate},
		dav("supportedlock"):    {kindAll, true, nothing},
		dav("lockdiscovery"):    {kindAll, true, nothing},

		dav("quota-available-bytes"): {kindFolder, false, writeQuotaAvailable},
		dav("quota-used-bytes"):      {kindFolder, false, writeQuotaUsed},

		dav("supported-report-set"): {kindAll, false, writeReportSet},
		dav("sync-token"):           {kindList | kindDirectory, false, writeSyncToken},
		server("getctag"):           {kindList | kindDirectory, false, writeSyncToken},
		dav("add-member"):           {kindList, false, writeSelf},
		server("updated-by"):        {kindObject, false, writeUpdatedBy},
	}
	for _, more := range []map[name]property{aclProperties(), calendarProperties(), principalProperties(), dataProperties()} {
		for n, p := range more {
			all[n] = p
		}
	}
	return all
}

func nothing(*request, *resource, *asked, *document) (bool, error) { return true, nil }

func writeSelf(_ *request, r *resource, _ *asked, d *document) (bool, error) {
	d.href(r.href)
	return true, nil
}

// writeResourceType says what kind of collection it is (RFC 4918 15.9, RFC 4791
// 4.2, RFC 6352 5.2, RFC 6638 2).
func writeResourceType(_ *request, r *resource, _ *asked, d *document) (bool, error) {
	if r.kind&kindCollection != 0 {
		d.empty(dav("collection"))
	}
	switch r.kind {
	case kindPrincipal:
		d.empty(dav("principal"))
	case kindCalendar:
		d.empty(cal("calendar"))
	case kindBook, kindDirectory:
		d.empty(card("addressbook"))
	case kindInbox:
		d.empty(cal("schedule-inbox"))
	case kindOutbox:
		d.empty(cal("schedule-outbox"))
	}
	return true, nil
}

func writeDisplayName(q *request, r *resource, _ *asked, d *document) (bool, error) {
	switch {
	case r.kind == kindPrincipal || r.kind&kindHome != 0:
		d.escape(accountName(r.account), false)
	case r.col != nil:
		d.escape(r.col.folder.Name, false)
	case r.kind == kindDirectory:
		d.escape(directoryName, false)
	case r.kind == kindInbox:
		d.escape("Inbox", false)
	case r.kind == kindOutbox:
		d.escape("Outbox", false)
	case r.file != nil && !r.file.named(dav("displayname")):
		d.escape(path.Base(r.file.path), false)
	default:
		return false, nil
	}
	return true, nil
}

// etag changes with every byte of the resource, and of a list with what is in it.
// Of a private event those who may
// not see it learn that it has changed: a hash of what they do not see would tell
// whoever guesses it that the guess is right.
func (r *resource) etag() string {
	switch {
	case r.entry != nil:
		return `"` + strconv.FormatUint(r.entry.Seq, 16) + `"`
	case r.item != nil && r.col.private(r.item):
		return fmt.Sprintf(`"b%x-%x-%x"`, r.col.store, uint32(r.item.ID), uint64(r.item.ModSeq))
	}
	var hash [blob.HashSize]byte
	switch {
	case r.item != nil:
		hash = r.item.Blob.Hash
	case r.file != nil:
		hash = r.file.Blob.Hash
	case r.col != nil || r.list != nil:
		return strconv.Quote(r.token())
	default:
		return ""
	}
	var b [34]byte
	b[0], b[33] = '"', '"'
	hex.Encode(b[1:], hash[:16])
	return string(b[:])
}

// writeUpdatedBy says who wrote an item last, as calendar programs show it of
// shared calendars: the owner, or who may write there.
func writeUpdatedBy(q *request, r *resource, _ *asked, d *document) (bool, error) {
	if r.item == nil || r.col == nil {
		return false, nil
	}
	box := r.col.box
	if r.item.By != 0 {
		box = r.item.By
	}
	a, err := q.accountOf(box)
	if err != nil || a == nil || a.Login == "" || a.Hidden {
		return false, err
	}
	d.text(server("first-name"), a.GivenName)
	d.text(server("last-name"), a.Surname)
	d.href(principalHref(a.Login))
	return true, nil
}

func writeETag(_ *request, r *resource, _ *asked, d *document) (bool, error) {
	if r.kind == kindFile && r.file.folder {
		return false, nil
	}
	d.escape(r.etag(), false)
	return true, nil
}

// contentType is the media type of a resource.
func (r *resource) contentType() string {
	switch {
	case r.file != nil:
		if r.file.Type != "" {
			return r.file.Type
		}
		if t := mime.TypeByExtension(path.Ext(r.file.path)); t != "" {
			return t
		}
		return "application/octet-stream"
	case r.list != nil:
		return "text/vcard; charset=utf-8"
	case r.col == nil:
		return ""
	case r.col.folder.Class == mail.ClassContacts:
		return "text/vcard; charset=utf-8"
	case r.item == nil:
		return "text/calendar; charset=utf-8"
	}
	return "text/calendar; charset=utf-8; component=" + component(r.item.Class)
}

func writeContentType(_ *request, r *resource, _ *asked, d *document) (bool, error) {
	d.escape(r.contentType(), false)
	return true, nil
}

func writeContentLength(_ *request, r *resource, _ *asked, d *document) (bool, error) {
	size := int64(0)
	switch {
	case r.file != nil && !r.file.folder:
		size = r.file.Blob.Size
	case r.item != nil && !r.col.private(r.item):
		size = r.item.Blob.Size
	default:
		return false, nil
	}
	d.b = strconv.AppendInt(d.b, size, 10)
	return true, nil
}

func writeLastModified(_ *request, r *resource, _ *asked, d *document) (bool, error) {
	if r.file == nil || r.file.Modified.IsZero() {
		return false, nil
	}
	d.b = r.file.Modified.UTC().AppendFormat(d.b, httpTime)
	return true, nil
}

func writeCreationDate(_ *request, r *resource, _ *asked, d *document) (bool, error) {
	if r.file == nil || r.file.Created.IsZero() {
		return false, nil
	}
	d.b = r.file.Created.UTC().AppendFormat(d.b, "2006-01-02T15:04:05Z")
	return true, nil
}

// httpTime is the form of dates in HTTP (RFC 9110 5.6.7).
const httpTime = "Mon, 02 Jan 2006 15:04:05 GMT"

func writeQuotaAvailable(q *request, r *resource, _ *asked, d *document) (bool, error) {
	used, err := q.fileBytes()
	if err != nil {
		return false, err
	}
	d.b = strconv.AppendInt(d.b, max(0, q.h.c.FileBytes-used), 10)
	return true, nil
}

func writeQuotaUsed(q *request, r *resource, _ *asked, d *document) (bool, error) {
	used, err := q.fileBytes()
	d.b = strconv.AppendInt(d.b, used, 10)
	return true, err
}

func writeSyncToken(_ *request, r *resource, _ *asked, d *document) (bool, error) {
	d.escape(r.token(), false)
	return true, nil
}

// token is where a synchronisation that has all of a collection goes on.
func (r *resource) token() string {
	if r.list != nil {
		return r.list.token(r.list.epoch)
	}
	return r.col.token(r.col.highest)
}

// reportsOf are the reports that a resource answers (RFC 3253 3.1.5).
func reportsOf(k kind) []name {
	reports := []name{dav("expand-property"), dav("acl-principal-prop-set")}
	switch k {
	case kindRoot, kindPrincipals, kindPrincipal, kindHomes, kindCalendarHome, kindBookHome:
		reports = append(reports, dav("principal-property-search"), dav("principal-search-property-set"), dav("principal-match"))
	case kindCalendar:
		reports = append(reports, cal("calendar-query"), cal("calendar-multiget"), cal("free-busy-query"))
	case kindEvent:
		reports = append(reports, cal("calendar-query"), cal("calendar-multiget"))
	case kindBook, kindCard, kindDirectory, kindEntry:
		reports = append(reports, card("addressbook-query"), card("addressbook-multiget"))
	}
	if k&(kindList|kindDirectory) != 0 {
		reports = append(reports, dav("sync-collection"))
	}
	return reports
}

func writeReportSet(_ *request, r *resource, _ *asked, d *document) (bool, error) {
	for _, n := range reportsOf(r.kind) {
		d.open(dav("supported-report"))
		d.open(dav("report"))
		d.empty(n)
		d.close(dav("report"))
		d.close(dav("supported-report"))
	}
	return true, nil
}
