package message

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"
)

// header receives the fields of one part's header.
type header struct {
	ix          *Index // nil but for the whole message
	part        *Part
	boundary    []byte
	priority    int8 // the rank of the field that Importance came from
	typed       bool // a Content-Type was seen; the first one counts
	subjectOnly bool

	// What is neither ASCII nor UTF-8, as it stands; see finish.
	rawSubject   []byte
	rawAddresses []rawAddresses
}

type rawAddresses struct {
	list  *[]Address
	value []byte
}

// addresses takes a field of addresses.
func (h *header) addresses(list *[]Address, value []byte) {
	if !utf8.Valid(value) {
		h.rawAddresses = append(h.rawAddresses, rawAddresses{list, value})
		return
	}
	*list = appendAddresses(*list, value)
}

// fields reads the header at pos field by field and returns where the body
// begins. Lines that are no fields are skipped when a field follows them; else
// the blank line before the body is missing and the body begins there.
func (p *parser) fields(pos int, h *header) int {
	start, seen := pos, 0
	for pos < len(p.raw) {
		end, next := p.line(pos)
		line := p.raw[pos:end]
		if len(line) == 0 {
			return next
		}
		if len(line) >= 2 && line[0] == '-' && line[1] == '-' {
			return pos // a delimiter: the blank line is missing
		}
		colon := fieldName(line)
		if colon < 0 {
			switch blank := len(bytes.TrimSpace(line)) == 0; {
			case p.fieldAt(next):
			case blank:
				return next
			case h.part.Encoding == "base64": // letters would shift all that follows
			default:
				return pos
			}
			pos = next
			continue
		}
		for next < len(p.raw) && (p.raw[next] == ' ' || p.raw[next] == '\t') {
			e, after := p.line(next)
			if len(bytes.TrimSpace(p.raw[next:e])) == 0 && !p.fieldAt(after) {
				break // the blank line before the body, with blanks in it
			}
			end, next = e, after
		}
		if seen++; seen <= maxFields && pos-start <= maxHeaderBytes {
			value := p.raw[pos+colon+1 : end]
			h.field(line[:colon], value[:min(len(value), maxFieldBytes)])
		}
		pos = next
	}
	return len(p.raw)
}

// fieldAt tells whether a header field begins at pos.
func (p *parser) fieldAt(pos int) bool { return fieldName(p.raw[pos:]) > 0 }

// fieldName returns the place of the colon after a field's name, -1 if the
// line is no field. Blanks before the colon are let pass (RFC 5322 4.5).
func fieldName(line []byte) int {
	for i, c := range line[:min(len(line), maxFieldName)] {
		switch {
		case c == ':':
			if i == 0 {
				return -1
			}
			return i
		case c == ' ' || c == '\t':
			rest := bytes.TrimLeft(line[i:min(len(line), maxFieldName)], " \t")
			if i > 0 && len(rest) > 0 && rest[0] == ':' {
				return len(line[:min(len(line), maxFieldName)]) - len(rest)
			}
			return -1
		case c < 33 || c > 126:
			return -1
		}
	}
	return -1
}

// field takes one field.
func (h *header) field(name, value []byte) {
	var lower [32]byte
	name = bytes.TrimRight(name, " \t")
	if len(name) > len(lower) {
		return
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	key := lower[:len(name)]
	if h.subjectOnly {
		if string(key) == "subject" {
			h.ix.Subject = headerText(value, maxSubject)
		}
		return
	}
	if h.ix != nil {
		h.envelope(key, value)
	}
	if bytes.HasPrefix(key, []byte("content-")) {
		h.content(key, value)
	}
}

// finish reads the subject and names in the charset of the text, once that is
// known: old programs write them so, without encoded words.
func (h *header) finish() {
	known := charsetKind(h.part.Charset) == charsetASCIIBased
	if h.rawSubject != nil && known {
		h.ix.Subject = clip(tidy(decodeCharset(unfold(h.rawSubject), h.part.Charset)), maxSubject)
	}
	for _, raw := range h.rawAddresses {
		if known {
			raw.value = []byte(decodeCharset(raw.value, h.part.Charset))
		}
		*raw.list = appendAddresses(*raw.list, raw.value)
	}
}

// content takes a field that describes a part (RFC 2045, 2183, 2392, 2557).
func (h *header) content(key, value []byte) {
	pt := h.part
	switch string(key) {
	case "content-type":
		h.contentType(value)
	case "content-transfer-encoding":
		if pt.Encoding == "" {
			pt.Encoding = encodingName(value)
		}
	case "content-disposition":
		h.disposition(value)
	case "content-id":
		if pt.ContentID == "" {
			pt.ContentID = messageID(value)
		}
	case "content-location":
		if pt.Location == "" {
			pt.Location = clip(strings.Join(strings.Fields(headerText(value, 2048)), ""), 2048)
		}
	}
}

// encodingName reads a Content-Transfer-Encoding; those that leave the bytes
// alone are the empty string.
func encodingName(value []byte) string {
	v := strings.ToLower(strings.Trim(string(firstToken(unfold(value))), `"'`))
	switch v {
	case "base64", "quoted-printable":
		return v
	case "base-64", "b64":
		return "base64"
	case "quoted-printible", "quotedprintable", "qp":
		return "quoted-printable"
	case "x-uuencode", "x-uue", "uuencode", "uue":
		return "x-uuencode"
	}
	return ""
}

// firstToken cuts a value at the first blank, semicolon or comment.
func firstToken(v []byte) []byte {
	if i := bytes.IndexAny(v, "; \t(,"); i >= 0 {
		v = v[:i]
	}
	return v[:min(len(v), maxToken)]
}

// envelope takes a field of the message itself.
func (h *header) envelope(key, value []byte) {
	ix := h.ix
	switch string(key) {
	case "subject":
		if ix.Subject == "" {
			ix.Subject = headerText(value, maxSubject)
			if !utf8.Valid(value) && !bytes.Contains(value, []byte("=?")) {
				h.rawSubject = value
			}
		}
	case "from":
		h.addresses(&ix.From, value)
	case "sender":
		h.addresses(&ix.Sender, value)
	case "reply-to":
		h.addresses(&ix.ReplyTo, value)
	case "to":
		h.addresses(&ix.To, value)
	case "cc":
		h.addresses(&ix.Cc, value)
	case "bcc":
		h.addresses(&ix.Bcc, value)
	case "date":
		if ix.Date.IsZero() {
			ix.Date, _ = ParseDate(string(unfold(value[:min(len(value), 256)])))
		}
	case "message-id":
		if ix.MessageID == "" {
			ix.MessageID = messageID(value)
		}
	case "in-reply-to":
		if ix.InReplyTo == "" {
			ix.InReplyTo = messageID(value)
		}
	case "references":
		if ix.References == nil {
			ix.References = messageIDs(value)
		}
	case "thread-topic":
		if ix.ThreadTopic == "" {
			ix.ThreadTopic = headerText(value, maxSubject)
		}
	case "thread-index":
		ix.ThreadIndex = threadIndex(value)
	case "content-class":
		ix.ContentClass = strings.ToLower(string(firstToken(unfold(value))))
	case "importance", "x-priority", "x-msmail-priority", "priority":
		h.importance(string(key), unfold(value))
	case "sensitivity":
		ix.Sensitivity = sensitivity(unfold(value))
	case "auto-submitted":
		ix.AutoReply = ix.AutoReply || !bytes.EqualFold(firstToken(unfold(value)), []byte("no"))
	case "precedence":
		switch strings.ToLower(string(firstToken(unfold(value)))) {
		case "bulk", "list", "junk":
			ix.AutoReply = true
		}
	case "disposition-notification-to":
		ix.Receipt = headerText(value, maxAddress)
	case "x-callingtelephonenumber":
		ix.Voice.Caller = headerText(value, maxToken)
	case "x-voicemessageduration":
		n, err := strconv.ParseUint(string(unfold(value[:min(len(value), 32)])), 10, 32)
		if err == nil {
			ix.Voice.Duration = uint32(min(n, maxDuration))
		}
	case "x-attachmentorder":
		ix.Voice.Order = headerText(value, maxVoiceOrder)
	}
}

// importance prefers Importance (RFC 4021 2.1.56) to its forerunners.
func (h *header) importance(key string, value []byte) {
	rank := int8(1)
	switch key {
	case "importance":
		rank = 4
	case "x-priority":
		rank = 3
	case "x-msmail-priority":
		rank = 2
	}
	if rank <= h.priority {
		return
	}
	level := ImportanceNormal
	switch strings.ToLower(string(firstToken(value))) {
	case "high", "1", "2", "urgent", "highest":
		level = ImportanceHigh
	case "low", "4", "5", "non-urgent", "lowest":
		level = ImportanceLow
	}
	h.priority, h.ix.Importance = rank, level
}

// sensitivity reads RFC 4021 2.1.55 as MS-OXCMAIL 2.2.3.2.6 does.
func sensitivity(value []byte) int8 {
	switch strings.ToLower(string(value)) {
	case "personal":
		return 1
	case "private":
		return 2
	case "company-confidential", "confidential":
		return 3
	}
	return 0
}

func threadIndex(value []byte) []byte {
	v := unfold(value)
	v = bytes.Map(func(r rune) rune {
		if r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, v[:min(len(v), 2*maxThreadIndex)])
	out, err := base64.StdEncoding.DecodeString(string(v))
	if err != nil || len(out) < 22 || len(out) > maxThreadIndex {
		return nil
	}
	return out
}

// unfold joins the lines of a value, drops NUL and trims blanks. It returns a
// part of v where that is all there is to do.
func unfold(v []byte) []byte {
	v = bytes.TrimSpace(v)
	i := bytes.IndexAny(v, "\r\n\x00")
	if i < 0 {
		return v
	}
	out := make([]byte, i, len(v))
	copy(out, v)
	for i < len(v) {
		switch c := v[i]; c {
		case 0:
			i++
		case '\r', '\n':
			for i < len(v) && (v[i] == '\r' || v[i] == '\n' || v[i] == ' ' || v[i] == '\t') {
				i++
			}
			out = append(out, ' ')
		default:
			out = append(out, c)
			i++
		}
	}
	return bytes.TrimSpace(out)
}

// headerText decodes unstructured text for people: unfolded, encoded words
// decoded, control characters replaced by blanks, at most limit bytes.
func headerText(v []byte, limit int) string {
	return clip(tidy(decodeWords(unfold(v))), limit)
}

// tidy replaces control characters by blanks.
func tidy(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] < 32 || s[i] == 127 {
			return strings.TrimSpace(strings.Map(func(r rune) rune {
				if r < 32 || r == 127 {
					return ' '
				}
				return r
			}, s))
		}
	}
	return s
}

// clip cuts a string at a character, at most n bytes.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// messageID reads the first identifier of a field, without its brackets.
func messageID(v []byte) string {
	v = unfold(v)
	if i := bytes.IndexByte(v, '<'); i >= 0 {
		if j := bytes.IndexByte(v[i:], '>'); j > 0 {
			v = v[i+1 : i+j]
		} else {
			v = v[i+1:]
		}
	} else if i := bytes.IndexAny(v, " \t"); i > 0 {
		v = v[:i]
	}
	return cleanID(v)
}

func cleanID(v []byte) string {
	return clip(tidy(guessText(bytes.TrimSpace(v))), maxMessageID)
}

// messageIDs reads a list of identifiers: the first, which names the thread's
// root, and the last ones.
func messageIDs(v []byte) []string {
	v = unfold(v)
	var ids []string
	for len(v) > 0 {
		var id []byte
		v = bytes.TrimLeft(v, " \t,<")
		if i := bytes.IndexAny(v, " \t,<>"); i >= 0 {
			id, v = v[:i], v[i+1:]
		} else {
			id, v = v, nil
		}
		if bytes.IndexByte(id, '@') < 0 && len(id) < 8 {
			continue
		}
		if len(ids) == maxReferences {
			copy(ids[1:], ids[2:])
			ids = ids[:len(ids)-1]
		}
		ids = append(ids, cleanID(id))
	}
	return ids
}
