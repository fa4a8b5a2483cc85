package object

import (
	"slices"
	"testing"

	"martlet/internal/corpus"
	"martlet/mail"
	"martlet/mail/vcard"
)

// Whatever real address books have written goes in and comes out: each card, and
// each property of it.
func TestRealCardsGoInAndComeOut(t *testing.T) {
	cards := 0
	for _, f := range corpus.Contacts(t) {
		var have []*vcard.Card
		for rest := f.Raw; ; {
			c, more, err := vcard.Next(rest)
			if err != nil {
				break
			}
			have, rest = append(have, c), more
		}
		n := 0
		for p, err := range Split(f.Raw) {
			if err != nil {
				t.Errorf("%s, line %d: %v", f.Name, p.Line, err)
				continue
			}
			if p.Class != mail.ClassContacts || n >= len(have) {
				t.Errorf("%s, line %d: class %d", f.Name, p.Line, p.Class)
				continue
			}
			checkObject(t, p.Class, p.Raw)
			got, err := vcard.Parse(p.Raw)
			if err != nil {
				t.Fatal(err)
			}
			if have[n].Get("UID") == nil {
				got.Remove("UID")
			}
			if a, b := have[n].Bytes(), got.Bytes(); !slices.Equal(a, b) {
				t.Errorf("%s, line %d: changed\n%s\n%s", f.Name, p.Line, a, b)
			}
			n++
		}
		if n != len(have) || n == 0 {
			t.Errorf("%s: %d of %d cards", f.Name, n, len(have))
		}
		cards += n
	}
	t.Logf("%d cards", cards)
}
