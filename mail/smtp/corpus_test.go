package smtp_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/mail/smtp"
)

// Real mail, however broken, arrives byte for byte by DATA and by BDAT.
func TestRealMailArrivesUnchanged(t *testing.T) {
	root := filepath.Join("..", "..", "..", "shared", "corpus", "mail")
	if _, err := os.Stat(root); err != nil {
		t.Skip("the collection of real mail is not here:", err)
	}
	h := newHouse(t)
	addr, _ := h.serve(smtp.Config{})
	cl := dial(t, addr)
	cl.say("HELO c")
	cl.hear("220", "250")
	lineEnd := regexp.MustCompile("\r\n|\r|\n")
	var want [][]byte
	check(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		check(t, err)
		raw = lineEnd.ReplaceAll(raw, []byte("\r\n")) // as every client does
		want = append(want, raw)
		cl.say("MAIL FROM:<a@b.example>", "RCPT TO:<bob@example.org>")
		cl.hear("250", "250")
		if len(want)%2 == 0 {
			cl.conn.Write(append(fmt.Appendf(nil, "BDAT %d LAST\r\n", len(raw)), raw...))
			cl.hear("250")
			return nil
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
		return nil
	}))
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
