package junk

import (
	"bytes"
	"strings"

	"martlet/mail/message"
	"martlet/mail/search"
)

// fields of a header that say something by being there, and whether what they say
// counts as well. What this server puts on top is not among them: it is not there
// yet when the message is judged.
var telling = map[string]bool{
	"x-mailer": true, "user-agent": true, "list-id": false, "list-unsubscribe": false, "list-unsubscribe-post": false,
	"precedence": true, "x-priority": true, "x-msmail-priority": true, "importance": true, "mime-version": false,
	"auto-submitted": true, "in-reply-to": false, "references": false, "reply-to": false, "sender": false,
	"feedback-id": false, "x-php-originating-script": false, "dkim-signature": false, "organization": false, "errors-to": false,
	"thread-index": false, "content-language": true,
}

// header adds what the header says of who wrote the message, and with what.
func (t *tokens) header(ix *message.Index, raw []byte) {
	if len(ix.From) == 1 {
		from := &ix.From[0]
		t.addString(kindFrom, clipped(domainOf(from.Address)))
		t.prose(kindName, kindName, clipped(from.Name), 0)
		if strings.Contains(from.Name, "@") && !strings.Contains(strings.ToLower(from.Name), strings.ToLower(from.Address)) {
			t.addString(kindName, "other address")
		}
	} else {
		t.addString(kindHeader, "from "+count(len(ix.From)))
	}
	if len(ix.ReplyTo) > 0 && len(ix.From) > 0 && domainOf(ix.ReplyTo[0].Address) != domainOf(ix.From[0].Address) {
		t.addString(kindHeader, "reply elsewhere")
		t.addString(kindFrom, clipped(domainOf(ix.ReplyTo[0].Address)))
	}
	t.addString(kindHeader, "to "+count(len(ix.To)+len(ix.Cc)))
	if ix.Date.IsZero() {
		t.addString(kindHeader, "no date")
	}
	t.messageID(ix)
	t.fields(raw)
}

func count(n int) string {
	switch {
	case n == 0:
		return "none"
	case n == 1:
		return "one"
	case n < 10:
		return "some"
	}
	return "many"
}

// messageID adds the form of the message's name: programs that send junk make
// them in ways of their own.
func (t *tokens) messageID(ix *message.Index) {
	left, host, ok := strings.Cut(ix.MessageID, "@")
	if !ok {
		t.addString(kindID, "none")
		return
	}
	host = strings.ToLower(host)
	if len(ix.From) == 1 && host == domainOf(ix.From[0].Address) {
		t.addString(kindID, "of From")
	} else {
		t.addString(kindID, clipped(host))
	}
	form := []byte{}
	for _, c := range []byte(left[:min(len(left), 64)]) {
		class := byte('.')
		switch {
		case c >= '0' && c <= '9':
			class = '9'
		case c >= 'a' && c <= 'z':
			class = 'a'
		case c >= 'A' && c <= 'Z':
			class = 'A'
		}
		if class == '.' || len(form) == 0 || form[len(form)-1] != class {
			form = append(form, class)
		}
	}
	t.add(kindID, form[:min(len(form), 16)])
}

// fields adds the header's telling fields.
func (t *tokens) fields(raw []byte) {
	n := 0
	for name, value := range headerFields(raw) {
		if n++; n > maxFields {
			return
		}
		says, ok := telling[name]
		if !ok {
			continue
		}
		t.addString(kindHeader, name)
		switch {
		case name == "x-mailer" || name == "user-agent":
			for w := range search.AllWords(string(value[:min(len(value), 128)])) {
				if !w.Address && (len(w.Text) > 1) {
					t.add(kindMailer, w.Text)
				}
			}
		case says:
			t.addString(kindHeader, name+" "+strings.ToLower(strings.TrimSpace(string(value[:min(len(value), 20)]))))
		}
	}
}

// headerFields visits the fields of a message's header: names in lower case, values
// with their folds.
func headerFields(raw []byte) func(yield func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		rest := raw[:min(len(raw), maxHeader)]
		for len(rest) > 0 {
			size := 0 // of the field with its folds
			for {
				i := bytes.IndexByte(rest[size:], '\n')
				if i < 0 {
					size = len(rest)
					break
				}
				size += i + 1
				if size == len(rest) || rest[size] != ' ' && rest[size] != '\t' {
					break
				}
			}
			one := rest[:size]
			rest = rest[size:]
			if len(bytes.TrimRight(one, "\r\n")) == 0 {
				return
			}
			name, value, ok := bytes.Cut(one, []byte(":"))
			if !ok || len(name) > 64 {
				continue
			}
			if !yield(strings.ToLower(string(bytes.TrimRight(name, " \t"))), value) {
				return
			}
		}
	}
}

// domainOf is the domain of an address in lower case, or nothing.
func domainOf(address string) string {
	i := strings.LastIndexByte(address, '@')
	return strings.ToLower(address[i+1:])
}
