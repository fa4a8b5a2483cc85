package class

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"martlet/internal/corpus"
	"martlet/mail"
	"martlet/mail/object"
	"martlet/mail/vcard"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// Events, tasks, notes and contacts that real programs have written are shown at
// every version, and what is sent back changes nothing.
func TestRealObjectsAreShownAndKept(t *testing.T) {
	n := 0
	for _, f := range append(corpus.Calendars(t), corpus.Contacts(t)...) {
		for part, err := range object.Split(f.Raw) {
			if err != nil {
				continue
			}
			o, err := object.Read(part.Class, part.Raw)
			if err != nil {
				continue
			}
			n++
			for _, v := range eas.Versions() {
				shown, err := RenderObject(&mail.Item{Class: o.Class}, o.Raw, wholeBody(v))
				if err != nil {
					t.Errorf("%s: %v", f.Name, err)
					continue
				}
				data, err := wbxml.MarshalRaw(shown)
				if err != nil {
					t.Fatal(err)
				}
				out, err := EditObject(o.Class, o.Raw, data, editAt(v))
				if err != nil {
					t.Errorf("%s: %v\n%s", f.Name, err, o.Raw)
				} else if !bytes.Equal(out, o.Raw) {
					t.Errorf("%s, %s: %s", f.Name, v, cmp.Diff(string(o.Raw), string(out)))
				}
			}
		}
	}
	t.Log(n, "objects")
}

// A card with very many properties of one kind: all but a few stay unseen.
func TestCardsOfManyPropertiesAreShownAndChanged(t *testing.T) {
	for _, kind := range []string{"IMPP:xmpp:%d", "EMAIL:%d@example.org", "TEL;TYPE=CELL:%d", "ADR:;;%d;;;;", "X-SPOUSE:%d", "URL;TYPE=PREF:%d", "CATEGORIES:%d", "item%[1]d.X-ABRELATEDNAMES:%[1]d", "NOTE:%d", "PHOTO;ENCODING=b:AA%d"} {
		var lines []string
		for i := range 950 {
			lines = append(lines, fmt.Sprintf(kind, i))
		}
		raw := card30(lines...)
		if _, err := vcard.Parse(raw); err != nil {
			t.Fatal(err)
		}
		shown := contactOf(t, raw, wholeBody(eas.V141))
		for i := range contactElements {
			*contactElements[i].field(shown) = ptr("x")
		}
		out := editedContact(t, raw, shown, at141())
		if strings.Count(string(out), "\r\n") < 100 {
			t.Errorf("%s: %d bytes are left", kind, len(out))
		}
	}
}

func BenchmarkRenderObject(b *testing.B) {
	for name, o := range map[string]struct {
		class mail.Class
		raw   []byte
	}{
		"note": {mail.ClassNotes, wholeNote}, "task": {mail.ClassTasks, tasks["days"]}, "recurring": {mail.ClassTasks, tasks["weekly"]},
	} {
		b.Run(name, func(b *testing.B) {
			opt, item := wholeBody(eas.V161), &mail.Item{Class: o.class}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := RenderObject(item, o.raw, opt); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
