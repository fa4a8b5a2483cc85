package class

import (
	"slices"
	"strings"

	"martlet/mail/message"
)

// takeMeeting takes the part that is the message's meeting out of its files: it
// is shown as a meeting. Some programs send it alone; what it says of itself is
// the message's text then, as in Exchange.
func (b *bodyReader) takeMeeting(files []int) []int {
	part := b.ix.MeetingPart()
	if part < 0 {
		return files
	}
	if len(b.pieces) == 0 {
		if o := readCalendar(b.ix, part, b.src); o != nil {
			e := o.Master()
			if b.words, b.page = crlf(e.Description), e.HTML; b.words == "" { // what an attendee answers
				b.words = crlf(e.Comment)
			}
		}
	}
	return slices.DeleteFunc(files, func(i int) bool { return i == part })
}

// crlf ends lines as mail does.
func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// preview is the beginning of the text.
func (b *bodyReader) preview(n int) string {
	if b.alone() {
		return firstCharacters(strings.Join(strings.Fields(b.words), " "), n)
	}
	return firstCharacters(b.ix.Preview, n)
}

// alone tells whether the text is a meeting's own.
func (b *bodyReader) alone() bool { return len(b.pieces) == 0 && b.words != "" }

// readAlone returns the meeting's own text, at most limit bytes of it.
func (b *bodyReader) readAlone(html bool, limit int64) (text string, total int64, truncated bool, err error) {
	text = b.words
	switch {
	case html && b.page != "":
		text = b.page
	case html:
		text = message.TextToHTML(text)
	}
	total = int64(len(text))
	if limit >= 0 && total > limit {
		return cutAt(text, int(limit)), total, true, nil
	}
	return text, total, false, nil
}
