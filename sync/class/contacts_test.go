package class

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/mail"
	"martlet/mail/vcard"
	"martlet/protocol/eas"
)

func TestRecipientsAreRendered(t *testing.T) {
	rank := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		card string
		item mail.Item
		want eas.RecipientInfo
	}{
		"as it should be":       {"FN:Robin Swift\nEMAIL:robin@example.org", mail.Item{VerbTime: rank}, eas.RecipientInfo{Email1Address: "robin@example.org", FileAs: "Robin Swift", WeightedRank: 494532}},
		"the preferred address": {"FN:R\nEMAIL:a@example.org\nEMAIL;PREF=1:b@example.org", mail.Item{}, eas.RecipientInfo{Email1Address: "b@example.org", FileAs: "R"}},
		"no name":               {"EMAIL:a@example.org", mail.Item{}, eas.RecipientInfo{Email1Address: "a@example.org", FileAs: "a@example.org"}},
		"no address":            {"FN:R", mail.Item{}, eas.RecipientInfo{FileAs: "R"}},
		"lines in a name":       {"FN:a\\nb  c\nEMAIL:x", mail.Item{}, eas.RecipientInfo{Email1Address: "x", FileAs: "a b c"}},
		"a long name":           {"FN:" + strings.Repeat("ß", 600), mail.Item{}, eas.RecipientInfo{FileAs: strings.Repeat("ß", maxFileAs)}},
	} {
		card, err := vcard.Parse([]byte("BEGIN:VCARD\nVERSION:4.0\n" + tc.card + "\nEND:VCARD\n"))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(&tc.want, RenderRecipient(&tc.item, card)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func BenchmarkRenderRecipient(b *testing.B) {
	card, err := vcard.Parse([]byte("BEGIN:VCARD\nVERSION:4.0\nFN:Robin Swift\nEMAIL:robin@example.org\nEND:VCARD\n"))
	if err != nil {
		b.Fatal(err)
	}
	item := mail.Item{VerbTime: time.Now()}
	b.ReportAllocs()
	for b.Loop() {
		RenderRecipient(&item, card)
	}
}
