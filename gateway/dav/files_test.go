package dav

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"martlet/store"
)

const files = "/dav/files/robin@example.org/"

func TestFilesAreKeptAndMovedWithWhatIsInThem(t *testing.T) {
	h := newHouse(t, nil)
	h.want(http.StatusConflict, "PUT", files+"nowhere/a.txt", "a")
	h.want(http.StatusCreated, "MKCOL", files+"nest/", "")
	h.want(http.StatusMethodNotAllowed, "MKCOL", files+"nest/", "")
	put := h.want(http.StatusCreated, "PUT", files+"nest/a.txt", "twigs and moss", "Content-Type", "text/plain")
	h.want(http.StatusCreated, "PUT", files+"nest/empty", "")
	h.want(http.StatusPreconditionFailed, "PUT", files+"nest/a.txt", "mud", "If-None-Match", "*")
	h.want(http.StatusNotModified, "GET", files+"nest/a.txt", "", "If-None-Match", put.Header.Get("ETag"))
	if a := h.want(http.StatusPartialContent, "GET", files+"nest/a.txt", "", "Range", "bytes=6-8"); a.body != "and" {
		t.Errorf("%q", a.body)
	}
	if a := h.want(http.StatusOK, "GET", files+"nest/empty", ""); a.body != "" {
		t.Errorf("%q", a.body)
	}
	h.want(http.StatusMultiStatus, "PROPPATCH", files+"nest/a.txt", `<propertyupdate xmlns="DAV:" xmlns:x="urn:x"><set><prop><x:perch>high</x:perch></prop></set></propertyupdate>`).says(t, "200 OK")

	h.want(http.StatusCreated, "COPY", files+"nest/", "", "Destination", files+"copy/")
	h.want(http.StatusPreconditionFailed, "COPY", files+"nest/", "", "Destination", files+"copy/", "Overwrite", "F")
	h.want(http.StatusNoContent, "COPY", files+"nest/", "", "Destination", files+"copy/", "Depth", "0")
	h.want(http.StatusNotFound, "GET", files+"copy/a.txt", "")
	h.want(http.StatusForbidden, "MOVE", files+"nest/", "", "Destination", files+"nest/within/")
	h.want(http.StatusNoContent, "MOVE", files+"nest/", "", "Destination", files+"copy/")
	h.want(http.StatusNotFound, "GET", files+"nest/a.txt", "")
	if a := h.want(http.StatusOK, "GET", files+"copy/a.txt", ""); a.body != "twigs and moss" {
		t.Errorf("%q", a.body)
	}
	h.want(http.StatusMultiStatus, "PROPFIND", files+"copy/a.txt", `<propfind xmlns="DAV:" xmlns:x="urn:x"><prop><x:perch/></prop></propfind>`, "Depth", "0").says(t, ">high<")
	h.want(http.StatusNoContent, "DELETE", files+"copy/", "")
	h.want(http.StatusForbidden, "DELETE", files, "")
	h.want(http.StatusMultiStatus, "PROPFIND", files, `<propfind xmlns="DAV:"><prop><quota-used-bytes/><quota-available-bytes/></prop></propfind>`, "Depth", "1").
		says(t, "<D:quota-used-bytes>0<", "<D:quota-available-bytes>1048576<")
}

func TestFilesTakeNoMoreRoomThanIsAllowed(t *testing.T) {
	h := newHouse(t, nil)
	half := strings.Repeat("x", 600<<10)
	h.want(http.StatusCreated, "PUT", files+"a", half)
	h.want(http.StatusInsufficientStorage, "PUT", files+"b", half).says(t, "quota-not-exceeded")
	h.want(http.StatusNotFound, "GET", files+"b", "")
	h.want(http.StatusInsufficientStorage, "COPY", files+"a", "", "Destination", files+"b")
	h.want(http.StatusNoContent, "PUT", files+"a", half)
	h.want(http.StatusRequestEntityTooLarge, "PUT", files+"c", half+half)
}

// What programs say of files is not counted as their bytes: it has a bound of its
// own, and a listing holds a part of it only.
func TestPropertiesOfFilesAreBounded(t *testing.T) {
	h := newHouse(t, nil)
	at := files
	h.want(http.StatusCreated, "PUT", at+"f", "twigs", "Content-Type", "text/plain")
	set := func(n int) *answer {
		return h.want(http.StatusMultiStatus, "PROPPATCH", at+"f", `<propertyupdate xmlns="DAV:"><set><prop><x xmlns="urn:x">`+strings.Repeat("x", n)+`</x></prop></set></propertyupdate>`)
	}
	set(maxFileDead/2).says(t, "200 OK")
	set(maxFileDead).says(t, "507 ")
	many := ""
	for i := range maxDead + 1 {
		many += fmt.Sprintf(`<x%d xmlns="urn:x"/>`, i)
	}
	for _, path := range []string{at + "f", calendars + "calendar/", calendars} {
		h.want(http.StatusMultiStatus, "PROPPATCH", path, `<propertyupdate xmlns="DAV:"><set><prop>`+many+`</prop></set></propertyupdate>`).says(t, "507 ", "424 ")
	}
	h.must(h.store.Update(t.Context(), func(tx *store.Tx) error {
		for i := range rowsAtOnce + 20 {
			if err := h.handler.files.put(tx, h.blobs, h.box(robin), nil, &fileRow{path: fmt.Sprint("d", i), folder: true}); err != nil {
				return err
			}
		}
		return nil
	}))
	a := h.want(http.StatusMultiStatus, "PROPFIND", at, `<propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>`, "Depth", "1")
	if n := strings.Count(a.body, "<D:response>"); n != rowsAtOnce+22 {
		t.Errorf("%d responses", n)
	}
}

func TestThereAreNoFilesUnlessTheyAreAllowed(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.FileBytes = 0 })
	h.want(http.StatusNotFound, "PUT", files+"a", "a")
	h.want(http.StatusNotFound, "MKCOL", files+"d/", "")
	h.want(http.StatusNotFound, "PROPFIND", files, "", "Depth", "0")
	h.want(http.StatusNotFound, "PROPFIND", "/dav/files/", "", "Depth", "0")
	h.want(http.StatusMultiStatus, "PROPFIND", "/dav/", "", "Depth", "1").saysNothingOf(t, "files")
}

func TestAHomeKeepsWhatAProgramSaysOfIt(t *testing.T) {
	h := newHouse(t, nil)
	alarm := `<x:default-alarm xmlns:x="urn:x">-PT15M</x:default-alarm>`
	for _, at := range []string{calendars, books} {
		h.want(http.StatusMultiStatus, "PROPPATCH", at, `<propertyupdate xmlns="DAV:"><set><prop>`+alarm+`</prop></set></propertyupdate>`).says(t, "200 OK")
		h.want(http.StatusMultiStatus, "PROPFIND", at, `<propfind xmlns="DAV:"><prop>`+alarm+`</prop></propfind>`, "Depth", "0").says(t, "-PT15M")
		h.want(http.StatusMultiStatus, "PROPPATCH", at, `<propertyupdate xmlns="DAV:"><set><prop><displayname>x</displayname></prop></set></propertyupdate>`).says(t, "403 ")
	}
}
