package class

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"martlet/mail"
	"martlet/mail/vcard"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// anyCard draws a card of properties of which many fight for the same slots.
func anyCard(t *rapid.T) []byte {
	lines := []string{"FN:x", "UID:1"}
	for i := range rapid.IntRange(0, 14).Draw(t, "properties") {
		kind := rapid.SampledFrom([]string{
			"EMAIL", "EMAIL;TYPE=HOME", "EMAIL;TYPE=PREF", "TEL", "TEL;TYPE=CELL", "TEL;TYPE=HOME", "TEL;TYPE=WORK", "TEL;TYPE=WORK,FAX", "TEL;TYPE=FAX", "TEL;TYPE=MAIN",
			"TEL;TYPE=HOME,PREF", "ADR", "ADR;TYPE=HOME", "ADR;TYPE=WORK", "IMPP", "X-JABBER", "X-MS-IMADDRESS", "URL", "URL;TYPE=PREF", "NICKNAME",
			"X-SPOUSE", "X-EVOLUTION-SPOUSE", "RELATED;VALUE=text;TYPE=spouse", "X-MS-CHILD", "NOTE", "CATEGORIES", "TITLE", "ORG", "X-UNKNOWN", "item1.TEL", "item1.X-ABLABEL",
			"EMAIL;X-ACTIVESYNC=Email3Address", "TEL;X-ACTIVESYNC=none", "TEL;X-ACTIVESYNC=CarPhoneNumber",
		}).Draw(t, "kind")
		value := fmt.Sprint("v", rapid.IntRange(0, 5).Draw(t, "value"))
		switch {
		case strings.HasPrefix(kind, "ADR"):
			value = ";;" + value + ";c" + fmt.Sprint(i) + ";;;"
		case strings.HasPrefix(kind, "EMAIL"):
			value += "@example.org"
		case kind == "IMPP":
			value = "xmpp:" + value
		case kind == "X-UNKNOWN":
			value = fmt.Sprint("unknown", i)
		}
		lines = append(lines, kind+":"+value)
	}
	return card30(lines...)
}

// Whatever a card holds and whatever a client changes in it: afterwards it sees
// what it wrote, nothing else has come up or gone, and what it does not know is
// there.
func TestAClientSeesWhatItWroteIntoAnyCard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := anyCard(t)
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			shown, err := RenderObject(&mail.Item{Class: mail.ClassContacts}, raw, wholeBody(eas.V141))
			if err != nil {
				t.Fatal(err)
			}
			view := shown.(*eas.Contact)
			for range rapid.IntRange(0, 4).Draw(t, "elements") {
				e := &contactElements[rapid.IntRange(0, len(contactElements)-1).Draw(t, "element")]
				if e.slot == slotFileAs {
					continue
				}
				text := fmt.Sprint("v", rapid.IntRange(0, 5).Draw(t, "text"))
				if e.slot >= slotEmail1 && e.slot <= slotEmail3 {
					text += "@example.org"
				}
				*e.field(view) = &text
				if rapid.Bool().Draw(t, "gone") {
					*e.field(view) = nil
				}
			}
			data, err := wbxml.MarshalRaw(view)
			if err != nil {
				t.Fatal(err)
			}
			out, err := EditObject(mail.ClassContacts, raw, data, at141())
			if err != nil {
				t.Fatal(err)
			}
			again, err := RenderObject(&mail.Item{Class: mail.ClassContacts}, out, wholeBody(eas.V141))
			if err != nil {
				t.Fatal(err)
			}
			got := again.(*eas.Contact)
			got.FileAs = view.FileAs // which may be made of the others
			if d := cmp.Diff(view, got); d != "" {
				t.Fatalf("%s\n%s\n%s", d, raw, out)
			}
			before, _ := vcard.Parse(raw)
			after, _ := vcard.Parse(out)
			for _, p := range before.All("X-UNKNOWN") {
				if !slices.ContainsFunc(after.Properties, func(q vcard.Property) bool { return q.Value == p.Value }) {
					t.Fatalf("lost %s", p.Value)
				}
			}
			raw = out
		}
	})
}
