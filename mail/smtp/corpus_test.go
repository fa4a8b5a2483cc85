package smtp_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"martlet/internal/corpus"
	"martlet/mail"
	"martlet/mail/smtp"
)

// Real mail, however broken, arrives byte for byte by DATA and by BDAT.
func TestRealMailArrivesUnchanged(t *testing.T) {
	mails := corpus.Mail(t)
	h := newHouse(t)
	addr, _ := h.serve(smtp.Config{})
	cl := dial(t, addr)
	cl.say("HELO c")
	cl.hear("220", "250")
	lineEnd := regexp.MustCompile("\r\n|\r|\n")
	var want [][]byte
	for _, f := range mails {
		raw := lineEnd.ReplaceAll(f.Raw, []byte("\r\n")) // as every client does
		want = append(want, raw)
		cl.say("MAIL FROM:<a@b.example>", "RCPT TO:<bob@example.org>")
		cl.hear("250", "250")
		if len(want)%2 == 0 {
			cl.conn.Write(append(fmt.Appendf(nil, "BDAT %d LAST\r\n", len(raw)), raw...))
			cl.hear("250")
			continue
		}
		cl.say("DATA")
		cl.hear("354")
		if !bytes.HasSuffix(raw, []byte("\r\n")) {
			raw = append(raw, "\r\n"...)
			want[len(want)-1] = raw
		}
		stuffed := bytes.ReplaceAll(append([]byte("\r\n"), raw...), []byte("\r\n."), []byte("\r\n.."))[2:]
		cl.conn.Write(append(stuffed, ".\r\n"...))
		cl.hear("250")
	}
	got := h.messages("bob@example.org", mail.RoleInbox)
	if len(got) != len(want) || len(got) < 50 {
		t.Fatalf("%d messages arrived of %d", len(got), len(want))
	}
	for i := range want {
		if !strings.HasSuffix(got[i], " +0000\r\n"+string(want[i])) {
			t.Errorf("message %d was changed on its way", i)
		}
	}
}
