package class

import (
	"encoding/base64"
	"slices"
	"strings"

	"martlet/mail/vcard"
)

// maxSettle bounds how often a card is looked at again.
const maxSettle = 64

// settle sees to it that each slot shows what the client believes to be there.
// Where the types do not tell, a property says it itself: otherwise a fourth
// address would come up in the place of one that was taken away, and the client,
// which does not know it, would take it away too.
func (e *contactEdit) settle() {
	for range maxSettle {
		again := takeApart(e.card)
		done := true
		for s := slotOrg; s < slotCount; s++ {
			if again.at[s] != e.wantAt[s] {
				e.mark(s, again)
				done = false
				break
			}
		}
		if done {
			return
		}
	}
}

// mark says of each property of a slot's kind where it stands.
func (e *contactEdit) mark(s slot, again *contactCard) {
	first, last, all := s, s, []int{again.at[s]}
	switch {
	case s == slotOrg:
	case s <= slotEmail3:
		first, last, all = slotEmail1, slotEmail3, again.emails
	case s <= slotChat3:
		first, last, all = slotChat1, slotChat3, again.chats
	case s <= slotCompanyPhone:
		first, last, all = slotMobile, slotCompanyPhone, again.phones
	case s <= slotOtherAddress:
		first, last, all = slotHomeAddress, slotOtherAddress, again.addresses
	}
	for t := first; t <= last; t++ {
		if i := e.wantAt[t]; i != nowhere {
			e.property(i).SetParam(markParam, markOf(t))
		}
	}
	for _, i := range slices.Concat(all, again.at[first:last+1]) {
		if i != nowhere && !slices.Contains(e.wantAt[first:last+1], i) {
			e.property(i).SetParam(markParam, markNone)
		}
	}
}

// editPicture writes the photo. One that the client was sent, scaled or not, is
// no new one.
func (e *contactEdit) editPicture(sent *string, o *EditOptions) error {
	if sent == nil {
		return nil
	}
	text := strings.Join(strings.Fields(*sent), "")
	if len(text) > maxPicture { // MS-ASCNTC_R384
		return ErrBadValue
	}
	at := slices.IndexFunc(e.card.Properties, func(p vcard.Property) bool { return p.Name == "PHOTO" })
	if text == "" {
		if o.DropPicture {
			for i := range e.card.Properties {
				if e.property(i).Name == "PHOTO" {
					e.remove(i)
				}
			}
		}
		return nil
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		if data, err = base64.RawStdEncoding.DecodeString(text); err != nil {
			return ErrBadValue
		}
	}
	if at >= 0 && picture(e.card) == base64.StdEncoding.EncodeToString(data) {
		return nil
	}
	media, _ := isImage(data)
	if at < 0 {
		e.card.Add(vcard.Property{Name: "PHOTO"})
		at = len(e.card.Properties) - 1
	}
	for i := range e.card.Properties { // the one that was shown
		if _, _, ok := e.property(i).Binary(); ok && e.property(i).Name == "PHOTO" {
			at = i
			break
		}
	}
	e.property(at).SetBinary(data, media, e.card.Version)
	e.changed = true
	return nil
}
