package mailbox

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"martlet/mail"
	"martlet/mail/search"
)

// text is what the simplest search there could be knows of a message.
type text struct {
	item   mail.Item
	fields map[search.Field][][]string // the words of each text of a field
	files  bool
}

var vocabulary = []string{"alpha", "alps", "beta", "bet", "gamma", "käse", "kase", "delta"}

// compose draws a message.
func compose(t *rapid.T, serial int) (raw string, is *text) {
	words := func(label string, most int) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(vocabulary), 0, most).Draw(t, label), " ")
	}
	is = &text{fields: map[search.Field][][]string{}}
	note := func(f search.Field, s string) {
		folded := strings.NewReplacer("ä", "a").Replace(s)
		is.fields[f] = append(is.fields[f], strings.FieldsFunc(folded, func(r rune) bool { return strings.ContainsRune(" @.-", r) }))
	}
	from, to, subject, body := words("from", 2), words("to", 1), words("subject", 3), words("body", 6)
	note(search.From, from)
	note(search.From, "me@example.org")
	note(search.To, to)
	note(search.To, "you@example.com")
	note(search.Subject, subject)
	note(search.Body, body)
	raw = fmt.Sprintf("X-Serial: %d\r\nFrom: \"%s\" <me@example.org>\r\nTo: \"%s\" <you@example.com>\r\nSubject: %s\r\nMIME-Version: 1.0\r\n", serial, from, to, subject)
	if is.files = rapid.IntRange(0, 3).Draw(t, "file") == 0; is.files {
		name := rapid.SampledFrom(vocabulary).Draw(t, "name")
		note(search.Attachment, name+".pdf")
		return raw + "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + body +
			"\r\n--x\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"" + name + ".pdf\"\r\n\r\nfile\r\n--x--\r\n", is
	}
	return raw + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + body + "\r\n", is
}

// matches is what a query means, told as simply as can be.
func (is *text) matches(q search.Query) bool {
	it := &is.item
	switch q := q.(type) {
	case search.And:
		return !slices.ContainsFunc(q, func(q search.Query) bool { return !is.matches(q) })
	case search.Or:
		return slices.ContainsFunc(q, is.matches)
	case search.Not:
		return !is.matches(q.Query)
	case search.Words:
		words := wordsOf(q.Text)
		if q.Text == "me@example.org" { // a whole address, not its words
			return q.Fields == search.AnyField || q.Fields&search.From != 0
		}
		for i, w := range words {
			if !is.has(q.Fields, []string{w}, q.Prefix && i == len(words)-1) {
				return false
			}
		}
		return true
	case search.Phrase:
		return is.has(q.Fields, wordsOf(q.Text), q.Prefix)
	case search.Received:
		return it.Received >= q.Since.UnixMilli() && it.Received < q.Before.UnixMilli()
	case search.Folders:
		return slices.Contains(q, it.Folder)
	case search.HasAttachment:
		return is.files
	case search.Flags:
		return it.Flags&q.Set == q.Set && it.Flags&q.Clear == 0
	case search.FollowUp:
		return it.FollowUp.Status == mail.FollowUpStatus(q)
	case search.Category:
		return slices.ContainsFunc(it.Keywords, func(k string) bool { return strings.EqualFold(k, string(q)) })
	case search.Class:
		return it.Class == mail.Class(q)
	case search.Thread:
		return it.Thread == mail.ThreadID(q)
	}
	panic(fmt.Sprintf("%T", q))
}

func wordsOf(s string) []string {
	return strings.FieldsFunc(strings.ReplaceAll(s, "ä", "a"), func(r rune) bool { return strings.ContainsRune(" @.-", r) })
}

// has tells whether the words stand one after another in a text of the fields.
func (is *text) has(fields search.Field, words []string, prefix bool) bool {
	for f, texts := range is.fields {
		if fields != search.AnyField && f&fields == 0 {
			continue
		}
		for _, text := range texts {
			for i := 0; i+len(words) <= len(text); i++ {
				all := true
				for j, w := range words {
					last := j == len(words)-1 && prefix
					all = all && (text[i+j] == w || last && strings.HasPrefix(text[i+j], w))
				}
				if all {
					return true
				}
			}
		}
	}
	return false
}
