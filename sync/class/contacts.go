package class

import (
	"strings"

	"martlet/mail"
	"martlet/mail/vcard"
	"martlet/protocol/eas"
)

// maxFileAs is how many characters FileAs has at most: what an address or a name
// of a message's header can have.
const maxFileAs = 512

// RenderRecipient is an item of the recipient information (MS-ASCNTC 3.2.4.4):
// its first address, its name, and its rank, of which the higher ones stand for
// those who are written to more (MS-ASCNTC_R414).
func RenderRecipient(item *mail.Item, card *vcard.Card) *eas.RecipientInfo {
	r := &eas.RecipientInfo{FileAs: oneLine(card.FormattedName())}
	if all := card.Emails(); len(all) > 0 {
		r.Email1Address = oneLine(all[0])
	}
	if !item.VerbTime.IsZero() {
		r.WeightedRank = int(item.VerbTime.Unix() / 3600)
	}
	return r
}

// oneLine makes a text fit for an element that is shown in one line.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxFileAs {
		return string(r[:maxFileAs])
	}
	return s
}
