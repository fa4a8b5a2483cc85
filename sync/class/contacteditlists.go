package class

import (
	"slices"
	"strings"

	"martlet/mail/vcard"
	"martlet/protocol/eas"
)

// editEmails writes the addresses. One that went to another slot takes what is
// known of it along, and so does one that was there and had no slot.
func (e *contactEdit) editEmails() {
	e.editFamily(slotEmail1, slotEmail3, e.emails, emailText, func(p *vcard.Property, text string) bool {
		p.Value = vcard.TextProperty("EMAIL", text).Value
		return true
	}, func(text string) vcard.Property {
		p := vcard.TextProperty("EMAIL", text)
		if e.card.Version != vcard.Version40 {
			p.SetParam("TYPE", "INTERNET")
		}
		return p
	})
}

func (e *contactEdit) editChats() {
	text := func(p *vcard.Property) string {
		s, _ := chatText(p)
		return s
	}
	e.editFamily(slotChat1, slotChat3, e.chats, text, setChat, newChat)
}

// editFamily writes slots whose properties are of one kind, so that a text may go
// from one to another. all are the properties of the kind, with a slot or without.
func (e *contactEdit) editFamily(first, last slot, all []int, text func(*vcard.Property) string, set func(*vcard.Property, string) bool, add func(string) vcard.Property) {
	var open []slot
	free := slices.Clone(all)
	for s := first; s <= last; s++ {
		now, want := e.texts(s)
		if now != want {
			open = append(open, s)
		} else {
			free = slices.DeleteFunc(free, func(i int) bool { return i == e.at[s] })
		}
		if e.at[s] != nowhere && now != want && !slices.Contains(free, e.at[s]) {
			free = append(free, e.at[s]) // one that is marked
		}
	}
	if len(open) == 0 {
		return
	}
	e.changed = true
	left := slices.Clone(open)
	for _, s := range open {
		e.wantAt[s] = nowhere
	}
	for _, s := range open {
		_, want := e.texts(s)
		at := slices.IndexFunc(free, func(i int) bool { return want != "" && strings.EqualFold(text(e.property(i)), want) })
		if at >= 0 {
			e.wantAt[s] = free[at]
			free = slices.Delete(free, at, at+1)
			left = slices.DeleteFunc(left, func(t slot) bool { return t == s })
		}
	}
	for _, s := range left {
		now, want := e.texts(s)
		i := e.at[s]
		own := i != nowhere && slices.Contains(free, i)
		if own {
			free = slices.DeleteFunc(free, func(j int) bool { return j == i })
			e.eachTwin(i, now, text, func(p *vcard.Property) bool { return want != "" && set(p, want) })
		}
		switch {
		case want == "" && own:
			e.remove(i)
		case want == "":
		case own && set(e.property(i), want):
			e.wantAt[s] = i
		default:
			if own {
				e.remove(i)
			}
			e.add(s, add(want))
		}
	}
}

// eachTwin changes the other properties that say the same, and takes those away
// that cannot be changed.
func (e *contactEdit) eachTwin(i int, now string, text func(*vcard.Property) string, set func(*vcard.Property) bool) {
	mine := e.property(i).Name
	if mine == "EMAIL" {
		return
	}
	for j := range e.card.Properties {
		p := e.property(j)
		if j != i && p.Name != "" && now != "" && !slices.Contains(e.wantAt[:], j) && strings.EqualFold(text(p), now) && !set(p) {
			e.remove(j)
		}
	}
}

func (e *contactEdit) editPhones() {
	for s := slotMobile; s <= slotCompanyPhone; s++ {
		now, want := e.texts(s)
		switch i := e.at[s]; {
		case now == want:
		case want == "":
			e.remove(i)
		case i != nowhere:
			setPhone(e.property(i), want)
			e.changed = true
		default:
			p := vcard.TextProperty("TEL", want)
			p.SetParam("TYPE", phoneTypes(s)...)
			e.add(s, p)
		}
	}
}

// editSingles writes what stands alone in its slot.
func (e *contactEdit) editSingles() {
	for s := slotNickname; s <= slotSpouse; s++ {
		now, want := e.texts(s)
		i := e.at[s]
		if now == want {
			continue
		}
		if i == nowhere {
			e.addSingle(s, want)
			continue
		}
		e.removeTwins(s, i)
		if want == "" {
			e.remove(i)
			continue
		}
		e.changed = true
		switch p := e.property(i); p.Name {
		case "NICKNAME":
			p.Value = nicknames(want).Value
		case "X-ANDROID-CUSTOM":
			setAndroid(p, want)
		case "RELATED":
			p.SetParam("VALUE", "text")
			p.Value = vcard.TextProperty(p.Name, want).Value
		default:
			p.Value = vcard.TextProperty(p.Name, want).Value
		}
	}
}

// removeTwins takes away what says the same as a property in another program's
// words, and would say something else from now on.
func (e *contactEdit) removeTwins(s slot, i int) {
	same := func(p *vcard.Property) bool {
		if s == slotBirthday || s == slotAnniversary {
			a, ok := dateOf(p)
			b, ok2 := dateOf(e.property(i))
			return ok && ok2 && a == b
		}
		return strings.EqualFold(relationText(p), relationText(e.property(i)))
	}
	for j := range e.card.Properties {
		p := e.property(j)
		if j == i || p.Name == "" || p.Name == "URL" || p.Name == "TITLE" {
			continue
		}
		if t, _ := e.single(j); t == s && same(p) {
			e.remove(j)
		}
	}
}

func nicknames(text string) vcard.Property {
	names := strings.Split(text, ", ")
	return vcard.ListProperty("NICKNAME", names...)
}

// addSingle gives a slot its property: the standard's where there is one, then
// that of the most programs.
func (e *contactEdit) addSingle(s slot, text string) {
	switch s {
	case slotNickname:
		e.add(s, nicknames(text))
	case slotSpouse:
		e.addRelation(s, "Spouse", text)
	case slotManager:
		e.addRelation(s, "Manager", text)
	case slotAssistant:
		e.addRelation(s, "Assistant", text)
	default:
		e.add(s, vcard.TextProperty(singleNames[s], text))
	}
}

// singleNames are the properties that slots are given.
var singleNames = map[slot]string{
	slotTitle: "TITLE", slotPage: "URL", slotYomiFirst: "X-PHONETIC-FIRST-NAME", slotYomiLast: "X-PHONETIC-LAST-NAME", slotYomiCompany: "X-PHONETIC-ORG",
	slotOffice: "X-ACTIVESYNC-OFFICELOCATION", slotCustomer: "X-ACTIVESYNC-CUSTOMERID", slotGovernment: "X-ACTIVESYNC-GOVERNMENTID",
	slotAccount: "X-ACTIVESYNC-ACCOUNTNAME", slotMMS: "X-ACTIVESYNC-MMS",
}

// addRelation adds somebody whom the contact knows: RELATED since 4.0, Apple's
// labelled name before.
func (e *contactEdit) addRelation(s slot, kind, text string) {
	if e.card.Version == vcard.Version40 {
		p := vcard.TextProperty("RELATED", text)
		p.SetParam("VALUE", "text")
		p.SetParam("TYPE", strings.ToLower(kind))
		e.card.Add(p)
		if s < slotCount {
			e.wantAt[s] = len(e.card.Properties) - 1
		}
	} else {
		at := e.card.AddLabelled(vcard.TextProperty("X-ABRELATEDNAMES", text), kind)
		if s < slotCount {
			e.wantAt[s] = at
		}
	}
	e.changed = true
}

// editChildren keeps the children that are still named, with what is known of
// them.
func (e *contactEdit) editChildren(names []string, ghosted func(string) bool) {
	now := e.childNames()
	if names == nil && ghosted("Contacts:Children") || slices.Equal(trimmed(names), firstEntries(now)) {
		return
	}
	left := trimmed(names)
	for n, i := range e.children {
		name := relationText(e.property(i))
		if at := slices.Index(left, name); at >= 0 {
			left = slices.Delete(left, at, at+1)
		} else if name != "" && n < maxEntries {
			e.remove(i)
		}
	}
	for _, name := range left {
		e.addRelation(slotCount, "Child", name)
	}
}

// editCategories writes the categories, as one property.
func (e *contactEdit) editCategories(names []string, ghosted func(string) bool) {
	now := e.categories()
	names = trimmed(names)
	if names == nil && ghosted("Contacts:Categories") || slices.Equal(names, firstEntries(now)) {
		return
	}
	names = append(names, now[min(len(now), maxEntries):]...) // those that the client was not shown
	e.changed = true
	written := len(names) == 0
	for i := range e.card.Properties {
		switch p := e.property(i); {
		case p.Name != "CATEGORIES":
		case written:
			e.remove(i)
		default:
			p.Value, written = vcard.ListProperty("CATEGORIES", names...).Value, true
		}
	}
	if !written {
		e.card.Add(vcard.ListProperty("CATEGORIES", names...))
	}
}

// trimmed are the texts that say something.
func trimmed(names []string) (out []string) {
	for _, n := range names {
		if n = strings.TrimSpace(newlines(n)); n != "" {
			out = append(out, n)
		}
	}
	return out
}

// editNote writes the notes, which stay if the client says nothing of them
// (MS-ASCNTC_R461).
func (e *contactEdit) editNote(d *eas.Contact) error {
	old := e.note()
	text, err := writtenText(d.Body, &legacyText{d.PlainBody, d.BodyTruncated, d.RTF}, old)
	if err != nil || text.plain == old.plain {
		return err
	}
	e.changed = true
	written := text.plain == ""
	for _, i := range e.notes {
		if written {
			e.remove(i)
			continue
		}
		e.property(i).Value, written = vcard.TextProperty("NOTE", text.plain).Value, true
	}
	if !written {
		e.card.Add(vcard.TextProperty("NOTE", text.plain))
	}
	return nil
}

// editNames writes how the contact is called and filed. FN follows the parts of
// the name, unless it was something else and they stayed. called is what they
// made before.
func (e *contactEdit) editNames(called string) {
	if !e.changed && e.now[0] == e.want[0] {
		return
	}
	i := e.at[slotFileAs]
	fn, composed := strings.TrimSpace(e.card.Text("FN")), e.card.ComposedName()
	if n := e.card.Name(); n == (vcard.Name{}) && e.card.Get("ORG") == nil && e.want[0] != "" {
		composed = e.want[0]
	}
	if composed == "" {
		composed = e.anything()
	}
	if fn == "" || fn == called && composed != called || e.nameChanged() {
		e.setFormattedName(composed)
	}
	switch file := e.want[0]; {
	case file == e.now[0]:
	case file == "" || file == oneLine(e.card.FormattedName()):
		if i != nowhere {
			e.remove(i)
		}
	case i != nowhere:
		e.property(i).Value, e.changed = vcard.TextProperty("X-EVOLUTION-FILE-AS", file).Value, true
	default:
		e.add(slotFileAs, vcard.TextProperty("X-EVOLUTION-FILE-AS", file))
	}
}

// nameChanged tells whether a part of the name did.
func (e *contactEdit) nameChanged() bool {
	for i := range contactElements {
		if contactElements[i].slot == slotName && e.now[i] != e.want[i] {
			return true
		}
	}
	return false
}

// anything is what a contact is called of whom nothing else is known: a card must
// have a name (RFC 6350 6.2.1).
func (e *contactEdit) anything() string {
	for i := range contactElements {
		if e.want[i] != "" {
			return oneLine(e.want[i])
		}
	}
	return ""
}

func (e *contactEdit) setFormattedName(name string) {
	if p := e.card.Get("FN"); p != nil {
		if p.Text() != name {
			p.Value, e.changed = vcard.TextProperty("FN", name).Value, true
		}
		return
	}
	e.card.Add(vcard.TextProperty("FN", name))
	e.changed = true
}
