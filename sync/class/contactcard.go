package class

import (
	"slices"
	"strings"

	"martlet/mail/vcard"
)

// maxChats bounds the chat addresses that are compared with each other.
const maxChats = 32

// nowhere is the place of a slot that no property fills.
const nowhere = -1

// contactCard is a card taken apart: which property fills each slot. Where more
// properties than slots are of a kind, the others stay in the card, unseen.
type contactCard struct {
	card     *vcard.Card
	at       [slotCount]int
	children []int
	notes    []int
	labels   []string // of the properties, where there are any

	emails, chats, phones, addresses []int // in the order in which they take their slots
	marked                           map[slot]int
	unseen                           map[int]bool
}

// takeApart finds the property of each slot.
func takeApart(card *vcard.Card) *contactCard {
	c := &contactCard{card: card}
	for i := range c.at {
		c.at[i] = nowhere
	}
	var room [24]int
	c.emails, c.chats, c.phones, c.addresses = room[0:0:4], room[4:4:8], room[8:8:16], room[16:16:20]
	for i := range card.Properties {
		c.readMark(i)
	}
	for i := range card.Properties {
		c.sort(i)
	}
	for s, i := range c.marked {
		c.at[s] = i
	}
	c.assignEmails()
	c.assignInOrder(c.chats, slotChat1, slotChat3)
	c.assignPhones()
	c.assignAddresses()
	return c
}

// readMark heeds what a property says of itself.
func (c *contactCard) readMark(i int) {
	p := &c.card.Properties[i]
	for j := range p.Params {
		if p.Params[j].Name != markParam || len(p.Params[j].Values) == 0 || p.Name == "" {
			continue
		}
		if c.unseen == nil {
			c.unseen, c.marked = map[int]bool{}, map[slot]int{}
		}
		c.unseen[i] = true // to those that look for what has no place yet
		if s, ok := slotOfMark(p.Params[j].Values[0]); ok && fitsSlot(s, p) {
			if _, taken := c.marked[s]; !taken {
				c.marked[s] = i
			}
		}
	}
}

// fitsSlot tells whether a property may stand in a slot at all.
func fitsSlot(s slot, p *vcard.Property) bool {
	switch {
	case s == slotName || s == slotOrg:
		return p.Name == "N" || p.Name == "ORG"
	case s >= slotEmail1 && s <= slotEmail3:
		return p.Name == "EMAIL"
	case s >= slotChat1 && s <= slotChat3:
		_, ok := chatText(p)
		return ok
	case s >= slotMobile && s <= slotCompanyPhone:
		return p.Name == "TEL" || p.Name == "X-MS-TEL"
	case s >= slotHomeAddress && s <= slotOtherAddress:
		return p.Name == "ADR"
	}
	return true
}

// sort puts a property where its name says.
func (c *contactCard) sort(i int) {
	p := &c.card.Properties[i]
	if c.unseen[i] {
		return
	}
	switch p.Name {
	case "N":
		c.take(slotName, i)
	case "ORG":
		c.take(slotOrg, i)
	case "EMAIL":
		if p.Value != "" {
			c.emails = append(c.emails, i)
		}
	case "TEL", "X-MS-TEL":
		if p.Value != "" {
			c.phones = append(c.phones, i)
		}
	case "ADR":
		c.addresses = append(c.addresses, i)
	case "NOTE":
		c.notes = append(c.notes, i)
	case "BDAY":
		if d, ok := p.Date(); ok && d.IsDay() {
			c.take(slotBirthday, i)
		}
	default:
		if text, ok := chatText(p); ok {
			if text != "" && len(c.chats) < maxChats && !c.hasChat(text) {
				c.chats = append(c.chats, i)
			}
			return
		}
		if s, child := c.single(i); child {
			c.children = append(c.children, i)
		} else if s < slotCount {
			c.takeFilled(s, i, p)
		}
	}
}

// take fills a slot unless it is filled.
func (c *contactCard) take(s slot, i int) {
	if _, taken := c.marked[s]; !taken && c.at[s] == nowhere {
		c.at[s] = i
	}
}

// takeFilled is take for what stands alone in its slot: what says nothing is
// passed over, and of web pages the preferred one is taken.
func (c *contactCard) takeFilled(s slot, i int, p *vcard.Property) {
	if strings.TrimSpace(p.Value) == "" {
		return
	}
	if s == slotAnniversary {
		if d, ok := dateOf(p); !ok || !d.IsDay() {
			return
		}
	}
	if _, marked := c.marked[s]; s == slotPage && !marked && c.at[s] != nowhere && p.Preference() < c.card.Properties[c.at[s]].Preference() {
		c.at[s] = i
		return
	}
	c.take(s, i)
}

// single is the slot of a property that stands alone in one; slotCount for none.
// A child is one of several.
func (c *contactCard) single(i int) (s slot, child bool) {
	p := &c.card.Properties[i]
	var kind string
	switch p.Name {
	case "RELATED":
		kind = relatedKind(p)
	case "X-ABRELATEDNAMES", "X-ABDATE":
		kind = c.label(i)
	case "X-MS-CHILD", "X-CHILD":
		kind = "child"
	case "X-ANDROID-CUSTOM":
		kind = androidKind(p)
	default:
		if s, ok := singleSlot(p.Name); ok {
			return s, false
		}
	}
	switch kind {
	case "nickname":
		return slotNickname, false
	case "spouse":
		return slotSpouse, false
	case "manager":
		return slotManager, false
	case "assistant":
		return slotAssistant, false
	case "anniversary":
		return slotAnniversary, false
	}
	return slotCount, kind == "child"
}

// singleSlot is the slot of a property that one name tells all about. Of what no
// standard has, the words of Evolution, Outlook, KDE and Thunderbird are known.
func singleSlot(name string) (slot, bool) {
	switch name {
	case "NICKNAME":
		return slotNickname, true
	case "TITLE":
		return slotTitle, true
	case "URL":
		return slotPage, true
	case "ANNIVERSARY", "X-ANNIVERSARY", "X-EVOLUTION-ANNIVERSARY", "X-MS-ANNIVERSARY", "X-KADDRESSBOOK-X-ANNIVERSARY":
		return slotAnniversary, true
	case "X-EVOLUTION-FILE-AS":
		return slotFileAs, true
	case "X-PHONETIC-FIRST-NAME":
		return slotYomiFirst, true
	case "X-PHONETIC-LAST-NAME":
		return slotYomiLast, true
	case "X-PHONETIC-ORG":
		return slotYomiCompany, true
	case "X-SPOUSE", "X-EVOLUTION-SPOUSE", "X-MS-SPOUSE", "X-KADDRESSBOOK-X-SPOUSESNAME":
		return slotSpouse, true
	case "X-MANAGER", "X-EVOLUTION-MANAGER", "X-MS-MANAGER", "X-KADDRESSBOOK-X-MANAGERSNAME":
		return slotManager, true
	case "X-ASSISTANT", "X-EVOLUTION-ASSISTANT", "X-MS-ASSISTANT", "X-KADDRESSBOOK-X-ASSISTANTSNAME":
		return slotAssistant, true
	case "X-ACTIVESYNC-OFFICELOCATION", "X-KADDRESSBOOK-X-OFFICE":
		return slotOffice, true
	case "X-ACTIVESYNC-CUSTOMERID":
		return slotCustomer, true
	case "X-ACTIVESYNC-GOVERNMENTID":
		return slotGovernment, true
	case "X-ACTIVESYNC-ACCOUNTNAME":
		return slotAccount, true
	case "X-ACTIVESYNC-MMS":
		return slotMMS, true
	}
	return 0, false
}

// relatedKind is what a RELATED is to the contact (RFC 6350 6.6.6).
func relatedKind(p *vcard.Property) string {
	if !isName(p) {
		return ""
	}
	for _, t := range [...]string{"spouse", "child", "manager", "assistant", "x-manager", "x-assistant"} {
		if p.HasType(t) {
			return strings.TrimPrefix(t, "x-")
		}
	}
	return ""
}

// isName tells whether a RELATED names somebody rather than pointing to them.
func isName(p *vcard.Property) bool {
	if v := p.Param("VALUE"); len(v) > 0 {
		return strings.EqualFold(v[0], "text")
	}
	scheme, _, ok := strings.Cut(p.Value, ":")
	return !ok || strings.ContainsAny(scheme, " .,")
}

// The kinds of Android's own properties, and its numbers for them.
const (
	androidNickname = "vnd.android.cursor.item/nickname"
	androidEvent    = "vnd.android.cursor.item/contact_event"
	androidRelation = "vnd.android.cursor.item/relation"
)

// androidKind reads what Android's address book exports in a way of its own: a
// kind, a value, a number of what it means.
func androidKind(p *vcard.Property) string {
	value, number := p.Component(1), p.Component(2)
	if value == "" {
		return ""
	}
	switch p.Component(0) {
	case androidNickname:
		return "nickname"
	case androidEvent:
		if number == "1" {
			return "anniversary"
		}
	case androidRelation:
		switch number {
		case "1":
			return "assistant"
		case "3":
			return "child"
		case "7":
			return "manager"
		case "14":
			return "spouse"
		}
	}
	return ""
}

// dateOf is the property's date, whoever wrote it.
func dateOf(p *vcard.Property) (vcard.Date, bool) {
	if p.Name == "X-ANDROID-CUSTOM" {
		return vcard.ParseDate(p.Component(1))
	}
	return p.Date()
}

// label is the label of a property's group.
func (c *contactCard) label(i int) string {
	if c.card.Properties[i].Group == "" {
		return ""
	}
	if c.labels == nil {
		c.labels = make([]string, len(c.card.Properties))
		for j := range c.card.Properties {
			c.labels[j] = unseenLabel
		}
	}
	if i >= len(c.labels) {
		return c.card.Label(&c.card.Properties[i])
	}
	if c.labels[i] == unseenLabel {
		c.labels[i] = c.card.Label(&c.card.Properties[i])
	}
	return c.labels[i]
}

// unseenLabel stands for a label that was not looked for yet.
const unseenLabel = "\x00"

func (c *contactCard) assignEmails() {
	c.byPreference(c.emails)
	c.assignInOrder(c.emails, slotEmail1, slotEmail3)
}

func (c *contactCard) byPreference(all []int) {
	if len(all) > 1 {
		slices.SortStableFunc(all, func(a, b int) int {
			return c.card.Properties[a].Preference() - c.card.Properties[b].Preference()
		})
	}
}

// assignInOrder fills the free slots from first to last.
func (c *contactCard) assignInOrder(all []int, first, last slot) {
	s := first
	for _, i := range all {
		for s <= last && c.at[s] != nowhere {
			s++
		}
		if s > last {
			return
		}
		c.at[s] = i
	}
}

// assignAddresses puts addresses by their types, and the first that has no place
// then beside them.
func (c *contactCard) assignAddresses() {
	c.byPreference(c.addresses)
	for _, rest := range [...]bool{false, true} {
		for _, i := range c.addresses {
			if slices.Contains(c.at[slotHomeAddress:slotOtherAddress+1], i) {
				continue
			}
			p, s := &c.card.Properties[i], slotOtherAddress
			switch {
			case rest:
			case p.HasType("home"):
				s = slotHomeAddress
			case p.HasType("work"):
				s = slotWorkAddress
			}
			if c.at[s] == nowhere {
				c.at[s] = i
			}
		}
	}
}
