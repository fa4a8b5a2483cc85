package activesync_test

import (
	"strings"
	"testing"

	"martlet/mail"
)

// iOS sends an empty Picture when it changes a contact, and means nothing by it.
// Of other phones it takes the photo away. MS-ASCNTC_R384: one that is too large is
// refused, and the photo stays.
func TestAnEmptyPictureMeansNothingOfAppleAlone(t *testing.T) {
	k := kinds()[1]
	const photo = `<Picture xmlns="Contacts">/9j/4AAQSkZJRgABAQAAAQABAAD/2Q==</Picture>`
	for kind, stays := range map[string]bool{"iPhone": true, "iPad": true, "SamsungDevice": false, "Android": false} {
		h := build(t)
		p := newCollector(t, h, "phone", "14.1", k.collection)
		p.kind = kind
		id := p.add("1", k.data("14.1", "a")+photo)
		if doc := p.do(changeItem(id, k.data("14.1", "b")+`<Picture xmlns="Contacts">`+strings.Repeat("A", 49_156)+`</Picture>`)); element(inner(doc, "Responses"), "Status") != "6" {
			t.Errorf("%s: a picture that is too large:\n%s", kind, doc)
		}
		if raw := h.kept(t, mail.RoleContacts)[0].raw; !strings.Contains(raw, "PHOTO") {
			t.Errorf("%s: the photo is gone:\n%s", kind, raw)
		}
		p.do(changeItem(id, k.data("14.1", "c")+`<Picture xmlns="Contacts"/>`))
		if raw := h.kept(t, mail.RoleContacts)[0].raw; strings.Contains(raw, "PHOTO") != stays || !strings.Contains(raw, "about c") {
			t.Errorf("%s: the photo stays: %t\n%s", kind, !stays, raw)
		}
	}
}
