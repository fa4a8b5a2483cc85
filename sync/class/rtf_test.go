package class

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"martlet/mail/message"
	"martlet/mail/rtf"
	"martlet/protocol/eas"
)

func parse(raw []byte) *message.Index { return message.Parse(raw) }

// unpackRTF reads a body of type 3.
func unpackRTF(t testing.TB, b *eas.Body) []byte {
	t.Helper()
	if b.Data == nil {
		t.Fatalf("%+v", b)
	}
	packed, err := base64.StdEncoding.DecodeString(*b.Data)
	if err != nil {
		t.Fatal(err) // MS-ASAIRS_R179
	}
	doc, err := rtf.Decompress(packed)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// MS-ASAIRS_R179, R239, R306.
func TestABodyOfTypeThreeIsCompressedRTF(t *testing.T) {
	raw := fixture(t, "winmail-rtf")
	e := render(t, itemOf(raw), raw, &Options{Version: eas.V141, BodyPreferences: []eas.BodyPreference{pref(3, -1, false)}})
	if doc := unpackRTF(t, e.Body); e.NativeBodyType != eas.BodyRTF || !strings.Contains(string(doc), `Truly \b rich`) {
		t.Errorf("native %d: %s", e.NativeBodyType, doc)
	}
	if int(e.Body.EstimatedDataSize) != len(*e.Body.Data) {
		t.Errorf("size %d of %d", e.Body.EstimatedDataSize, len(*e.Body.Data))
	}
	for name, form := range map[string]rtf.Form{"alternative": rtf.HTML, "plain": rtf.Text} {
		raw := fixture(t, name)
		e := render(t, itemOf(raw), raw, &Options{Version: eas.V161, BodyPreferences: []eas.BodyPreference{pref(3, -1, false)}})
		if doc := unpackRTF(t, e.Body); rtf.FormOf(doc) != form || e.NativeBodyType == eas.BodyRTF {
			t.Errorf("%s: native %d, form %d", name, e.NativeBodyType, rtf.FormOf(doc))
		}
	}
}

// What is cut off is cut off the text: the rest is still a document.
func TestTruncatedRTFIsStillADocument(t *testing.T) {
	raw := []byte("Subject: x\r\nContent-Type: text/html\r\n\r\n<html><body>" + words(20<<10) + "</body></html>")
	for _, size := range []int{500, 2000, 10000} {
		e := render(t, itemOf(raw), raw, &Options{Version: eas.V141, BodyPreferences: []eas.BodyPreference{pref(3, size, false)}})
		if !e.Body.Truncated || len(*e.Body.Data) > size || int(e.Body.EstimatedDataSize) <= size {
			t.Errorf("%d: %d bytes of %d, %v", size, len(*e.Body.Data), e.Body.EstimatedDataSize, e.Body.Truncated)
		}
		if text := message.HTMLToText(rtf.ToHTML(unpackRTF(t, e.Body))); !strings.HasPrefix(text, "word0 word") {
			t.Errorf("%d: %.60q", size, text)
		}
	}
}

// words is text that hardly repeats itself.
func words(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "word%x ", i*7919*31337)
	}
	return b.String()
}

// MS-ASAIRS_R230: an OLE object; what stands in a winmail.dat is an attachment
// of its own.
func TestAttachmentsOfAWinmailAreListed(t *testing.T) {
	raw := fixture(t, "winmail-outlook")
	e := render(t, itemOf(raw), raw, &Options{Version: eas.V141, BodyPreferences: []eas.BodyPreference{pref(2, -1, false)}})
	var names []string
	for _, a := range e.Attachments {
		names = append(names, a.Attachment.DisplayName)
	}
	if strings.Join(names, ",") != "picture.png,Übersicht.txt,Inner.eml" {
		t.Fatalf("%q", names)
	}
	pic, file, inner := e.Attachments[0].Attachment, e.Attachments[1].Attachment, e.Attachments[2].Attachment
	if !pic.IsInline || pic.ContentID != "pic" || file.IsInline || file.Method != eas.AttachNormal || inner.Method != eas.AttachEmbedded || file.EstimatedDataSize != 19 {
		t.Errorf("%+v\n%+v\n%+v", pic, file, inner)
	}
	if e.Body.Data == nil || *e.Body.Data != `<p>Hello <img src="cid:pic"></p>` || e.NativeBodyType != eas.BodyHTML {
		t.Errorf("%+v", e.Body)
	}
	raw = fixture(t, "winmail-rtf")
	e = render(t, itemOf(raw), raw, &Options{Version: eas.V141})
	if len(e.Attachments) != 1 || e.Attachments[0].Attachment.Method != eas.AttachOLE {
		t.Errorf("%+v", e.Attachments)
	}
}
