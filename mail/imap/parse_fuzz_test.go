package imap

import (
	"testing"

	"martlet/mail"
	"martlet/mail/wire"
)

// FuzzParse gives bytes to everything that reads a command. It must end and must
// not panic; what is more, a set that is read is within the view.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		` 1:*,3,5:7 (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (a "b" {1+}` + "\r\n" + `c)]<0.5> BINARY.SIZE[1])`,
		` RETURN (MIN SAVE) CHARSET UTF-8 OR (NOT 1:3 UID 5) HEADER "a" "b" SINCE 1-Feb-2026 $`,
		` (SUBSCRIBED RECURSIVEMATCH) "" ("*" INBOX/%) RETURN (STATUS (MESSAGES) CHILDREN)`,
		` INBOX (\Seen x) "17-Jul-1996 02:44:25 -0700" {10+}` + "\r\n",
		` aps-version 2 aps-account-id a aps-device-token b aps-subtopic c mailboxes (INBOX "a b")`,
		` "M&APw-ll" (MESSAGES UIDNEXT)`,
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, utf8 bool) {
		if len(b) > maxCommand {
			return
		}
		fresh := func() *parser {
			p := &parser{b: b, utf8: utf8}
			p.try(' ')
			return p
		}
		v := &view{uids: []mail.ItemID{2, 3, 5, 8, 13}, saved: []mail.ItemID{3, 9}}
		for _, uid := range []bool{false, true} {
			p := fresh()
			set := p.seqSet()
			spans, err := v.spans(set, uid)
			last := 0
			for _, x := range spans {
				if err != nil || x.from < last || x.to <= x.from || x.to > len(v.uids) {
					t.Fatalf("%q: %v", b, spans)
				}
				last = x.to
			}
			p.sp()
			parseFetch(p)
		}
		_, _ = parseSearch(fresh(), v)
		parseList(&parser{b: b, utf8: utf8})
		endsInMessage(&parser{b: append([]byte("a APPEND"), b...), utf8: utf8})
		parseURL(string(b))
		parseApple(&parser{b: b, utf8: utf8})
		p := fresh()
		name := p.mailbox()
		p.sp()
		p.statusItems()
		p = fresh()
		flags := p.storeFlags()
		if c, err := newChange(0, flags); err == nil {
			c.apply(&mail.Item{Keywords: []string{"a b"}})
		}
		if decoded, ok := wire.DecodeUTF7(wire.EncodeUTF7(name)); name != "" && (!ok || decoded != name) {
			t.Errorf("%q becomes %q", name, decoded)
		}
		literalAt(b)
		if len(b) < 200 {
			match(string(b), string(b))
		}
		for range fields(b) {
		}
		parameters(string(b))
	})
}
