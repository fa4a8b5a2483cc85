package class

import (
	"encoding/base64"
	"fmt"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/store/blob"
)

func ptr[T any](v T) *T { return &v }

// fixture returns a message that mail/message keeps for its own tests.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "mail", "message", "testdata", name+".eml"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func itemOf(raw []byte) *mail.Item {
	return &mail.Item{
		ID: 7, Folder: 5, Class: mail.ClassEmail, Object: 7, Blob: blob.Ref{Size: int64(len(raw))},
		Received: time.Date(2026, 11, 23, 9, 0, 1, 0, time.UTC).UnixMilli(),
	}
}

// render renders a message as a Sync response would carry it.
func render(t testing.TB, item *mail.Item, raw []byte, opt *Options) *eas.Email {
	t.Helper()
	var e eas.Email
	if err := RenderEmail(item, message.Parse(raw), message.Bytes(raw), opt, &e); err != nil {
		t.Fatal(err)
	}
	return &e
}

func dump(t testing.TB, e *eas.Email) string {
	t.Helper()
	b, err := wbxml.Marshal(&eas.SyncResponse{Collections: []eas.SyncResponseCollection{{SyncKey: "2", CollectionID: "5", Status: 1,
		Commands: []eas.SyncResponseCommand{{Add: &eas.SyncServerAdd{ServerID: "5:7", ApplicationData: e}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	return wbxml.Dump(b)
}

// sample builds a message as a phone gets them all day: text and HTML, both
// quoted-printable, and a PDF; size is about that of the whole.
func sample(size int) []byte {
	var plain, html strings.Builder
	html.WriteString("<html><head><meta charset=\"utf-8\"></head><body>\r\n")
	for i := 0; html.Len() < size/4; i++ {
		fmt.Fprintf(&plain, "Line %d: the quick brown fox jümps over the lazy dog, and back again.\r\n", i)
		fmt.Fprintf(&html, "<p class=\"x\">Line %d: the quick brown fox <b>jümps</b> over the <a href=\"https://example.org/dog?id=%d\">lazy dog</a>, and back&nbsp;again.</p>\r\n", i, i)
	}
	html.WriteString("</body></html>\r\n")
	qp := func(s string) string {
		var b strings.Builder
		w := quotedprintable.NewWriter(&b)
		_, _ = w.Write([]byte(s))
		_ = w.Close()
		return b.String()
	}
	var b strings.Builder
	b.WriteString("From: =?UTF-8?Q?J=C3=BCrgen_M=C3=BCller?= <juergen@example.org>\r\nTo: \"Bob Builder\" <bob@example.com>, carol@example.com\r\nCc: dave@example.com\r\n" +
		"Subject: Re: Quarterly figures\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\nMessage-ID: <1234.5678@example.org>\r\n" +
		"References: <0000.1111@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_outer\"\r\n\r\n" +
		"--=_outer\r\nContent-Type: multipart/alternative; boundary=\"=_inner\"\r\n\r\n" +
		"--=_inner\r\nContent-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + qp(plain.String()) +
		"\r\n--=_inner\r\nContent-Type: text/html; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + qp(html.String()) +
		"\r\n--=_inner--\r\n" +
		"--=_outer\r\nContent-Type: application/pdf; name=\"report.pdf\"\r\nContent-Disposition: attachment; filename=\"report.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	for b.Len() < size {
		b.WriteString(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("%PDF-1.7 ", 7)[:57])) + "\r\n")
	}
	b.WriteString("--=_outer--\r\n")
	return []byte(b.String())
}
