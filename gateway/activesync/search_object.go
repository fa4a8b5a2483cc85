package activesync

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"
	"strings"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/message"
	"martlet/mail/search"
	"martlet/mail/vcard"
	"martlet/store"
)

// The mailbox's index has the words of messages. Of events, contacts, tasks and
// notes, which are few, a search looks at each one: its words are those of a
// message that says the same, so the same query means the same of both.

// Limits of one look.
const (
	// maxLooked is how many objects a search looks at, of each folder its part,
	// the last ones before the first ones.
	maxLooked = 20_000
	// maxObjectText bounds what is read of one object.
	maxObjectText = 64 << 10
	maxCategories = 100 // of one object
)

// lookedAt is an object on its way through a search.
type lookedAt struct {
	item mail.Item
	who  *owner
}

// findObjects appends to a result what a search finds that is no message.
func (h *Handler) findObjects(ctx context.Context, s *session, q search.Query, limit int) ([]mail.Place, int, error) {
	if q, ok := q.(search.And); ok && slices.ContainsFunc(q, neverObject) {
		return nil, 0, nil
	}
	items, err := h.objectsToLookAt(ctx, s, q)
	if err != nil || len(items) == 0 {
		return nil, 0, err
	}
	plan, err := search.Compile(q, 1, search.Doc(len(items)))
	if err != nil || plan.Nothing() {
		return nil, 0, err
	}
	var places []mail.Place
	total := 0
	for i := range items {
		if err := ctx.Err(); err != nil {
			return nil, 0, context.Cause(ctx)
		}
		is, err := h.looksAt(ctx, plan, search.Doc(i+1), &items[i])
		if err != nil {
			return nil, 0, err
		}
		if !is {
			continue
		}
		if total++; len(places) < limit {
			places = append(places, mail.Place{Folder: items[i].item.Folder, Item: items[i].item.ID})
		}
	}
	return places, total, nil
}

// neverObject tells whether a condition is one of messages alone.
func neverObject(q search.Query) bool {
	switch q := q.(type) {
	case search.Class:
		return !isObject(mail.Class(q))
	case search.Thread:
		return true
	case search.Or:
		return len(q) > 0 && !slices.ContainsFunc(q, func(q search.Query) bool { return !neverObject(q) })
	}
	return false
}

// objectsToLookAt are the objects in the folders that a query names, newest first
// in each folder.
func (h *Handler) objectsToLookAt(ctx context.Context, s *session, q search.Query) (items []lookedAt, err error) {
	type folderOf struct {
		mail.Folder
		who owner
	}
	var folders []folderOf
	err = h.c.Store.View(ctx, func(tx *store.Tx) error {
		all, err := h.c.Mailboxes.Folders(tx, s.box)
		folders = folders[:0]
		for _, f := range all {
			if isObject(f.Class) && f.Role != mail.RoleRecipientInfo && mayBeIn(q, &f) {
				folders = append(folders, folderOf{Folder: f})
			}
		}
		return err
	})
	for i := range folders {
		if err == nil {
			folders[i].who, err = h.ownerOf(ctx, s, folders[i].Link)
		}
	}
	if err != nil || len(folders) == 0 {
		return nil, err
	}
	err = h.c.Store.View(ctx, func(tx *store.Tx) error {
		items = items[:0]
		most := make([]int, len(folders))
		for i := range folders {
			most[i] = int(folders[i].Items)
		}
		most = divide(maxLooked, most)
		for i := range folders {
			f, left := &folders[i], most[i]
			for at, err := range h.c.Mailboxes.Newest(tx, s.box, f.ID, mail.Position{}, 0) {
				if err != nil {
					return err
				}
				if left--; left < 0 {
					break
				}
				it, err := h.c.Mailboxes.Item(tx, s.box, f.ID, at.Item)
				if err != nil {
					return err
				}
				if !hidden(&f.who, &it) {
					items = append(items, lookedAt{it, &f.who})
				}
			}
		}
		return nil
	})
	return items, err
}

// divide gives each of some the same part of a number, but no more than it wants:
// what small ones leave is for the large ones.
func divide(room int, wanted []int) []int {
	out := make([]int, len(wanted))
	order := make([]int, len(wanted))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(wanted[a], wanted[b]) })
	for n, i := range order {
		out[i] = min(wanted[i], room/(len(order)-n))
		room -= out[i]
	}
	return out
}

// mayBeIn tells whether what a query finds may be in a folder, by what stands in
// its first level.
func mayBeIn(q search.Query, f *mail.Folder) bool {
	switch q := q.(type) {
	case search.And:
		return !slices.ContainsFunc(q, func(q search.Query) bool { return !mayBeIn(q, f) })
	case search.Or:
		return slices.ContainsFunc(q, func(q search.Query) bool { return mayBeIn(q, f) })
	case search.Class:
		return mail.Class(q) == f.Class
	case search.Folders:
		return slices.Contains(q, f.ID)
	}
	return true
}

// looksAt tells whether one object is what the plan looks for. One that cannot be
// read has no words.
func (h *Handler) looksAt(ctx context.Context, plan *search.Plan, doc search.Doc, at *lookedAt) (bool, error) {
	it := &at.item
	raw, err := h.readObject(ctx, it)
	if err != nil && ctx.Err() != nil {
		return false, err
	}
	text, categories := inWords(it.Class, raw)
	said := []byte(text)
	ix := message.Parse(said)
	terms, err := search.Extract(ix, bytes.NewReader(said))
	if err != nil {
		return false, err
	}
	plan.AddTerms(doc, terms)
	known := *it
	known.Keywords = categories
	answer, err := plan.Match(&search.Candidate{
		Doc: doc, Folder: it.Folder, Received: it.Received, Class: it.Class, Flags: it.Flags, FollowUp: it.FollowUp.Status,
		Item: func() (*mail.Item, error) { return &known, nil },
		Open: func() (*message.Index, io.ReaderAt, error) { return ix, bytes.NewReader(said), nil },
	})
	return answer == search.Yes, err
}

// inWords is a message that says what an object does: its name is the subject,
// its people are those of the message, and the rest is text. Beside it stand its
// categories.
func inWords(class mail.Class, raw []byte) (text string, categories []string) {
	w := &words{}
	if class == mail.ClassContacts {
		if card, err := vcard.Parse(raw); err == nil {
			w.card(card)
		}
	} else if roots, _, err := calendar.Components(raw); err == nil {
		for _, root := range roots {
			w.component(root, 0)
		}
	}
	return w.header.String() + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + w.text.String(), w.categories
}

// words gathers them.
type words struct {
	header, text strings.Builder
	categories   []string
}

// category notes categories, which stand in the text, too.
func (w *words) category(list string) {
	w.say("", list)
	for _, c := range strings.Split(list, ",") {
		if c = strings.TrimSpace(c); c != "" && len(w.categories) < maxCategories {
			w.categories = append(w.categories, c)
		}
	}
}

// say adds a text, in a header field or, without a name, in the body.
func (w *words) say(field, value string) {
	value = strings.ToValidUTF8(value, " ")
	if room := maxObjectText - w.header.Len() - w.text.Len(); len(value) > room {
		value = strings.ToValidUTF8(value[:max(room, 0)], "")
	}
	if field == "" {
		w.text.WriteString(value + "\r\n")
		return
	}
	w.header.WriteString(field + ": " + strings.Join(strings.Fields(value), " ") + "\r\n")
}

// maxWordDepth bounds how deep components are followed.
const maxWordDepth = 4

// component says what stands in a calendar component and in those within it.
func (w *words) component(c *calendar.Component, depth int) {
	for i := range c.Props {
		p := &c.Props[i]
		switch p.Name {
		case "SUMMARY":
			w.say("Subject", p.Text())
		case "ORGANIZER":
			w.say("From", person(p))
		case "ATTENDEE":
			w.say("To", person(p))
		case "CATEGORIES":
			w.category(p.Text())
		case "DESCRIPTION", "LOCATION", "COMMENT", "CONTACT":
			w.say("", p.Text())
		}
	}
	if depth == maxWordDepth {
		return
	}
	for _, sub := range c.Children {
		if sub.Name != "VTIMEZONE" && sub.Name != "VALARM" {
			w.component(sub, depth+1)
		}
	}
}

// person is a calendar user as an address of a message.
func person(p *calendar.Property) string {
	address := p.Value
	if len(address) > 7 && strings.EqualFold(address[:7], "mailto:") {
		address = address[7:]
	}
	a := message.Address{Name: p.Param("CN"), Address: address}
	return a.String()
}

// card says what stands in a vCard.
func (w *words) card(c *vcard.Card) {
	w.say("Subject", c.FormattedName())
	for _, address := range c.Emails() {
		w.say("From", (&message.Address{Name: c.FormattedName(), Address: address}).String())
	}
	for i := range c.Properties {
		p := &c.Properties[i]
		switch p.Name {
		case "CATEGORIES":
			w.category(p.Text())
		case "N", "NICKNAME", "ORG", "TITLE", "ROLE", "NOTE", "ADR", "RELATED", "EMAIL":
			w.say("", strings.ReplaceAll(p.Text(), ";", " "))
		case "TEL":
			w.say("", p.Text()+" "+digits(p.Text()))
		}
	}
}

// digits are those of a telephone number, which is written in many ways.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}
