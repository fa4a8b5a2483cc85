package class

import (
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/vcard"
	"martlet/protocol/eas"
)

// maxEntries is how many categories a contact, a task or a note has, and how
// many children a contact (MS-ASCNTC_R183, R194, MS-ASTASK_R402).
const maxEntries = 300

// contactValues are what the pointers of one eas.Contact point to.
type contactValues struct {
	texts [len(contactElements)]string
	days  [2]time.Time
	photo string
	size  uint32
}

// renderContact makes the ApplicationData of a contact (MS-ASCNTC 2.2.2).
func renderContact(_ *mail.Item, raw []byte, opt *Options) (any, error) {
	card, err := vcard.Parse(raw)
	if err != nil {
		return nil, err
	}
	dst, v := &eas.Contact{}, &contactValues{}
	if opt.Viewer.Blank && hides(classOf(strings.ToUpper(strings.TrimSpace(card.Text("CLASS"))))) {
		v.texts[0] = privateSubject
		dst.FileAs = &v.texts[0]
		return dst, nil
	}
	c := contactTexts{contactCard: takeApart(card)}
	for i := range contactElements {
		e := &contactElements[i]
		if s := c.text(e); s != "" {
			v.texts[i] = s
			*e.field(dst) = &v.texts[i]
		}
	}
	for i, to := range [...]**time.Time{&dst.Birthday, &dst.Anniversary} {
		if d, ok := c.day(slotBirthday + slot(i)); ok {
			v.days[i] = contactTime(d)
			*to = &v.days[i]
		}
	}
	dst.Children = firstEntries(c.childNames())
	dst.Categories = firstEntries(c.categories())
	if v.photo = picture(card); v.photo != "" {
		dst.Picture = &v.photo
	}
	note := c.note()
	if opt.Version < eas.V120 {
		if dst.PlainBody, dst.BodyTruncated = note.legacy(opt); dst.PlainBody != nil {
			v.size = clampSize(int64(len(note.form(eas.BodyPlain))))
			dst.BodySize = &v.size
		}
		return dst, nil
	}
	dst.Body = note.render(opt)
	return dst, nil
}

// firstEntries is as much of a list as an element may hold; nil for none, since a
// list has at least one entry (MS-ASCNTC_R507).
func firstEntries(all []string) []string {
	if len(all) == 0 {
		return nil
	}
	return all[:min(len(all), maxEntries)]
}

// localName is a tag's name without its namespace.
func localName(tag string) string {
	_, name, _ := strings.Cut(tag, ":")
	return name
}
