package class

import (
	"strings"
	"testing"

	"martlet/protocol/eas"
)

// MS-ASAIRS_R270: a text that is too large to tell what is new of it has status
// 176, its size, and nothing else.
func TestABodyPartOfATextThatIsTooLarge(t *testing.T) {
	kind := uint(eas.BodyHTML)
	opt := &Options{Version: eas.V161, BodyParts: []eas.BodyPartPreference{{Type: &kind}}}
	for size, status := range map[int]uint16{maxConvert - 100: 1, maxConvert + 100: 176} {
		for _, subtype := range []string{"html", "plain"} {
			raw := []byte("Subject: x\r\nContent-Type: text/" + subtype + "; charset=utf-8\r\n\r\n" + strings.Repeat("abcdefgh\r\n", size/10))
			p := render(t, itemOf(raw), raw, opt).BodyPart
			if p == nil || p.Status != status || (p.Data != nil) != (status == 1) || p.Preview != "" || p.Truncated || int(p.EstimatedDataSize) < size-20 {
				t.Errorf("%s of %d bytes: status %d, size %d, content %t", subtype, size, p.Status, p.EstimatedDataSize, p.Data != nil)
			}
		}
	}
}

// The preview of a body part is of what is new, as the part is (MS-ASAIRS
// 2.2.2.35.2).
func TestThePreviewOfABodyPartIsOfWhatIsNew(t *testing.T) {
	kind, preview := uint(eas.BodyHTML), uint(40)
	opt := &Options{Version: eas.V161, BodyParts: []eas.BodyPartPreference{{Type: &kind, Preview: &preview}}}
	for _, body := range []string{
		"Content-Type: text/plain\r\n\r\nNew.\r\n\r\n-----Original Message-----\r\nFrom: Ben\r\nSubject: x\r\n\r\nOld words.\r\n",
		"Content-Type: text/html\r\n\r\n<html><body><p>New.</p><blockquote type=\"cite\">Old words.</blockquote></body></html>",
		"Content-Type: text/html\r\n\r\n<html><body><p>New.</p><div class=\"gmail_quote\"><p>Old words.</p></div></body></html>",
	} {
		raw := []byte("Subject: Re: x\r\nIn-Reply-To: <a@example.org>\r\n" + body)
		p := render(t, itemOf(raw), raw, opt).BodyPart
		if p == nil || p.Data == nil || strings.Contains(*p.Data, "Old") || p.Preview != "New." {
			t.Errorf("%q: %+v", body, p)
		}
	}
}

// MS-ASAIRS_R180, R277: nothing is cut off a body that is empty, even if nothing
// of it is wanted.
func TestAnEmptyBodyIsNotTruncated(t *testing.T) {
	var none uint32
	for kind := range uint(eas.BodyMIME) {
		raw, kind := []byte("Subject: x\r\n\r\n"), kind+1
		opt := &Options{Version: eas.V141, BodyPreferences: []eas.BodyPreference{{Type: &kind, TruncationSize: &none}}}
		if b := render(t, itemOf(raw), raw, opt).Body; b.Truncated || b.Data != nil || b.EstimatedDataSize != 0 {
			t.Errorf("type %d: %+v", kind, b)
		}
	}
}
