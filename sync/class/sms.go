package class

import (
	"io"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// Short messages (MS-ASMS). At rest they are messages like any other, so that
// every program can show them: a telephone number is the local part of an
// address, and what the phone wrote, which may name the number's owner, is the
// display name.

// smsDomain is where the numbers are: nowhere (RFC 6761 6.4).
const smsDomain = "sms.invalid"

// smsClass is the message class of a short message (MS-OXOSMMS 2.2.3.1).
const smsClass = "IPM.Note.Mobile.SMS"

// What a client may write into one short message.
const (
	maxSMSText   = 64 << 10 // bytes: far beyond what networks join
	maxSMSPeople = 500
)

// SMS is a short message that a client adds.
type SMS struct {
	From, To   string // address lists, as they are kept
	Subject    string
	Text       string
	Received   time.Time // zero: the client did not say
	Importance *uint8
}

// ReadSMS reads the ApplicationData of a short message that a client adds, and
// what it says of the item's state.
func ReadSMS(raw wbxml.Raw, v eas.Version) (*SMS, func(*mail.Item) error, error) {
	e, d, err := decodeWritten(raw)
	if err != nil {
		return nil, nil, err
	}
	state, err := editState(e, v)
	if err != nil {
		return nil, nil, err
	}
	m := &SMS{From: numberList(e.From), To: numberList(e.To), Received: e.DateReceived, Importance: e.Importance}
	if e.Subject != nil {
		m.Subject = *e.Subject
	}
	if b := d.Body; b != nil && b.Data != nil {
		if b.Type == nil || *b.Type != eas.BodyPlain || len(b.Data) > maxSMSText {
			return nil, nil, ErrBadValue
		}
		m.Text = string(b.Data)
	}
	if len(d.Attachments) > 0 || m.Importance != nil && *m.Importance > eas.ImportanceHigh {
		return nil, nil, ErrBadValue
	}
	return m, state, nil
}

// numberList writes what a client says of telephones as an address list.
func numberList(s string) string {
	var out []string
	for _, one := range splitNumbers(s) {
		if len(out) == maxSMSPeople {
			break
		}
		name := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(one)
		out = append(out, `"`+name+`" <`+number(one)+`@`+smsDomain+`>`)
	}
	return strings.Join(out, ", ")
}

// splitNumbers cuts a list at its separators, but not within quotes or brackets.
func splitNumbers(s string) (list []string) {
	quoted, depth, start := false, 0, 0
	take := func(end int) {
		if one := strings.TrimSpace(s[start:end]); one != "" {
			list = append(list, one)
		}
		start = end + 1
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '<' || c == '(':
			depth++
		case (c == ']' || c == '>' || c == ')') && depth > 0:
			depth--
		case (c == ';' || c == ',') && depth == 0:
			take(i)
		}
	}
	take(len(s))
	return list
}

// number is the telephone number in what a client wrote, as "Bob"
// [MOBILE:+49 30 1234], fit for a local part.
func number(s string) string {
	if _, inner, ok := strings.Cut(s, "["); ok {
		s, _, _ = strings.Cut(inner, "]")
	}
	var b strings.Builder
	for _, r := range s {
		if r >= '0' && r <= '9' || r == '+' && b.Len() == 0 {
			b.WriteRune(r)
		}
	}
	if b.Len() == 0 || b.String() == "+" {
		return "unknown"
	}
	return b.String()
}

// RenderSMS fills dst with a short message: an Email with fewer elements, and
// with telephone numbers as their client wrote them.
func RenderSMS(item *mail.Item, ix *message.Index, src io.ReaderAt, opt *Options, dst *eas.Email) error {
	var e eas.Email
	if err := RenderEmail(item, ix, src, opt, &e); err != nil {
		return err
	}
	*dst = eas.Email{
		To: numbers(ix.To), From: numbers(ix.From), DateReceived: e.DateReceived, Importance: e.Importance, Read: e.Read,
		Body: e.Body, MessageClass: smsClass, InternetCPID: e.InternetCPID, Flag: e.Flag, Categories: e.Categories, NativeBodyType: e.NativeBodyType,
	}
	if ix.Subject != "" {
		dst.Subject = e.Subject
	}
	return nil
}

// numbers is what numberList was made of.
func numbers(list []message.Address) string {
	var out []string
	for _, a := range list {
		if strings.HasSuffix(a.Address, "@"+smsDomain) && a.Name != "" {
			out = append(out, a.Name)
		} else {
			out = append(out, a.String())
		}
	}
	return strings.Join(out, "; ")
}
