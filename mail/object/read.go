package object

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/vcard"
)

// maxUID bounds a UID, in bytes: it is part of keys and of answers.
const maxUID = 4096

// Read checks that raw is an object of a class and brings it into the form in
// which it is kept. Bytes that are fit stay as they are; what is mended: several
// calendars that hold one item, or an item outside of any, become one; a METHOD
// is taken away (RFC 4791 4.1); line ends and characters become what they ought
// to be; an object without a UID is given one; a vCard 2.1 becomes one of 3.0.
func Read(class mail.Class, raw []byte) (*Object, error) {
	if len(raw) > MaxBytes {
		return nil, ErrTooLarge
	}
	switch class {
	case mail.ClassCalendar:
		return readCalendar(class, "VEVENT", raw)
	case mail.ClassTasks:
		return readCalendar(class, "VTODO", raw)
	case mail.ClassNotes:
		return readCalendar(class, "VJOURNAL", raw)
	case mail.ClassContacts:
		return readCard(raw)
	}
	return nil, fmt.Errorf("%w: no class of objects", ErrMalformed)
}

// readCalendar reads the one item of its kind.
func readCalendar(class mail.Class, kind string, raw []byte) (*Object, error) {
	roots, mended, err := calendar.Components(raw)
	if err != nil {
		return nil, reason(err)
	}
	root := roots[0]
	if len(roots) > 1 {
		root, mended = merge(roots), true
	}
	uid, given, err := uidOf(root, kind)
	if err != nil {
		return nil, err
	}
	if scale := root.Value("CALSCALE"); scale != "" && scale != "GREGORIAN" {
		return nil, fmt.Errorf("%w: the calendar of %.20q", ErrMalformed, scale)
	}
	if root.Prop("METHOD") != nil {
		root.Remove("METHOD")
		mended = true
	}
	mended = complete(root) || mended
	o := &Object{Class: class, Raw: raw, Calendar: calendar.Of(root)}
	if given || mended {
		if o.Raw = o.Calendar.Encode(); len(o.Raw) > MaxBytes {
			return nil, ErrTooLarge
		}
	}
	if m := o.Calendar.Master(); class == mail.ClassCalendar && m.Start.IsZero() {
		return nil, fmt.Errorf("%w: an event without a start", ErrMalformed)
	}
	o.Facts.UID = uid
	o.sumUp()
	return o, nil
}

func reason(err error) error {
	if errors.Is(err, calendar.ErrTooLarge) {
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

// merge puts what several calendars hold into one.
func merge(roots []*calendar.Component) *calendar.Component {
	root := &calendar.Component{Name: "VCALENDAR", Props: roots[0].Props}
	var m calendar.Merger
	for _, r := range roots {
		root.Children = append(root.Children, m.Take(r)...)
	}
	return root
}

// uidOf tells which item a calendar holds. It must hold one, of one kind. An
// item without a UID is given one.
func uidOf(root *calendar.Component, kind string) (uid string, given bool, err error) {
	missing, masters := 0, 0
	var items []*calendar.Component
	for _, c := range root.Children {
		switch c.Name {
		case kind:
		case "VEVENT", "VTODO", "VJOURNAL":
			return "", false, fmt.Errorf("%w: a %s beside the %s", ErrTwo, c.Name, kind)
		default:
			continue
		}
		items = append(items, c)
		if c.Prop("RECURRENCE-ID") == nil {
			masters++
		}
		switch id := strings.TrimSpace(c.Text("UID")); {
		case id == "":
			missing++
		case uid == "":
			uid = id
		case uid != id:
			return "", false, ErrTwo
		}
	}
	switch {
	case len(items) == 0:
		return "", false, fmt.Errorf("%w: no %s in it", ErrMalformed, kind)
	case masters > 1:
		return "", false, fmt.Errorf("%w: one UID twice", ErrTwo)
	case len(uid) > maxUID:
		return "", false, fmt.Errorf("%w: a UID of %d bytes", ErrTooLarge, len(uid))
	case uid == "":
		var all []byte
		for _, c := range items {
			all = c.Append(all)
		}
		uid = madeUID(all)
	}
	if missing > 0 {
		for _, c := range items {
			c.SetText("UID", uid)
		}
	}
	return uid, missing > 0, nil
}

// complete adds what every calendar must have (RFC 5545 3.6, 3.7).
func complete(root *calendar.Component) (mended bool) {
	for _, p := range [...]calendar.Property{{Name: "PRODID", Value: calendar.ProductID}, {Name: "VERSION", Value: "2.0"}} {
		if root.Prop(p.Name) == nil {
			root.Props = slices.Insert(root.Props, 0, p)
			mended = true
		}
	}
	return mended
}

// madeUID makes a UID of what an object says, in the form of a UUID (RFC 9562
// 5.8), so that it is the same object when it comes again.
func madeUID(content []byte) string {
	b := sha256.Sum256(content)
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// readCard reads the one card.
func readCard(raw []byte) (*Object, error) {
	if len(raw) > vcard.MaxBytes {
		return nil, ErrTooLarge
	}
	card, rest, err := vcard.Next(raw)
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: nothing in it", ErrMalformed)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, ErrTwo
	}
	uid := strings.TrimSpace(card.Text("UID"))
	if len(uid) > maxUID {
		return nil, fmt.Errorf("%w: a UID of %d bytes", ErrTooLarge, len(uid))
	}
	o := &Object{Class: mail.ClassContacts, Raw: raw, Card: card}
	if given := uid == ""; given || !cardFit(raw, card) {
		if given {
			uid = madeUID(card.Bytes())
			card.Set(vcard.TextProperty("UID", uid))
		}
		if o.Raw = card.Bytes(); len(o.Raw) > MaxBytes {
			return nil, ErrTooLarge
		}
	}
	o.Facts.UID = uid
	o.Facts.Brief = cardBrief(card).Append(nil)
	return o, nil
}

// cardFit tells whether the bytes of a card are fit to be kept: they are of a
// version that we hand out, in UTF-8, in lines that end as they ought to, each a
// property's.
func cardFit(raw []byte, card *vcard.Card) bool {
	if !utf8.Valid(raw) || bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")) || !bytes.HasSuffix(raw, []byte("\r\n")) {
		return false
	}
	lines := 0
	for i, c := range raw {
		if c == '\n' && (i+1 == len(raw) || raw[i+1] != ' ' && raw[i+1] != '\t') {
			lines++
		}
		switch {
		case c == '\n' && (i == 0 || raw[i-1] != '\r'), c == '\r' && (i+1 == len(raw) || raw[i+1] != '\n'), c < ' ' && c != '\t' && c != '\r' && c != '\n', c == 0x7f:
			return false
		}
	}
	return lines == len(card.Properties)+3 && bytes.Contains(raw, []byte("\r\nVERSION:"+card.Version+"\r\n"))
}

func cardBrief(card *vcard.Card) *Brief {
	b := &Brief{}
	b.private(strings.ToUpper(strings.TrimSpace(card.Text("CLASS"))))
	return b
}
