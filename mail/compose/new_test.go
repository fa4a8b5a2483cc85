package compose

import (
	"strings"
	"testing"

	"martlet/mail/message"
)

// A new message has the forms that were given, and its names cannot be taken
// for addresses.
func TestANewMessage(t *testing.T) {
	m := &Message{
		From: message.Address{Name: `Ash, "Anna"`, Address: "anna@example.org"}, Subject: "Größe\r\nBcc: x@example.org",
		To:   []message.Address{{Name: "Dörte, D. <x@example.com>", Address: "dora@example.com"}, {Address: "b@example.com"}, {Name: strings.Repeat("ö", 200), Address: "c@example.com"}},
		Text: "plain", HTML: "<p>rich</p>", Calendar: []byte("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"), Method: "REPLY",
	}
	raw := New(m, original([]byte("Message-ID: <1@x>\r\n\r\n")), now)
	ix := message.Parse(raw)
	if len(ix.From) != 1 || ix.From[0].Name != `Ash, "Anna"` || len(ix.To) != 3 || ix.To[0].Address != "dora@example.com" || len(ix.Bcc) != 0 {
		t.Errorf("%+v %+v in\n%s", ix.From, ix.To, raw)
	}
	if ix.To[0].Name != "Dörte, D. <x@example.com>" || ix.To[2].Name != strings.Repeat("ö", 200) {
		t.Errorf("%q", ix.To)
	}
	if ix.InReplyTo != "1@x" || !strings.HasPrefix(ix.Subject, "Größe") {
		t.Errorf("%q %q", ix.InReplyTo, ix.Subject)
	}
	var types []string
	for _, p := range ix.Parts {
		types = append(types, p.Type+" "+p.Method)
	}
	if got := strings.Join(types, ","); got != "multipart/alternative ,text/plain ,text/html ,text/calendar REPLY" {
		t.Error(got)
	}
	if raw := string(New(&Message{Subject: "x"}, nil, now)); !strings.Contains(raw, "Content-Type: text/plain") {
		t.Error(raw)
	}
}
