package message

import (
	"encoding/base64"
	"fmt"
	"mime/quotedprintable"
	"strings"
)

// sample builds a message as a phone gets them all day: text and HTML, both
// quoted-printable, and a PDF; size is about that of the whole.
func sample(size int) []byte {
	var plain, html strings.Builder
	html.WriteString("<html><head><meta charset=\"utf-8\"><style>" + strings.Repeat("p.x { margin: 0; font-family: Calibri }\r\n", 20) + "</style></head><body>\r\n")
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
	b.WriteString("Received: from mail.example.org (mail.example.org [192.0.2.1])\r\n\tby mx.example.com with ESMTPS id 4XyZ\r\n\tfor <bob@example.com>; Mon, 23 Nov 2026 09:00:00 +0000 (UTC)\r\n" +
		"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1;\r\n\th=from:to:subject:date; bh=abc=; b=" + strings.Repeat("QUJDRA", 40) + "\r\n" +
		"From: =?UTF-8?Q?J=C3=BCrgen_M=C3=BCller?= <juergen@example.org>\r\nTo: \"Bob Builder\" <bob@example.com>, carol@example.com\r\nCc: dave@example.com\r\n" +
		"Subject: Re: Quarterly figures =?UTF-8?Q?f=C3=BCr?= 2026\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\nMessage-ID: <1234.5678@example.org>\r\n" +
		"In-Reply-To: <1111.2222@example.com>\r\nReferences: <0000.1111@example.com>\r\n <1111.2222@example.com>\r\nX-Mailer: Test\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=\"----=_outer\"\r\n\r\nThis is a multi-part message.\r\n" +
		"------=_outer\r\nContent-Type: multipart/alternative; boundary=\"----=_inner\"\r\n\r\n" +
		"------=_inner\r\nContent-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + qp(plain.String()) +
		"\r\n------=_inner\r\nContent-Type: text/html; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + qp(html.String()) +
		"\r\n------=_inner--\r\n" +
		"------=_outer\r\nContent-Type: application/pdf; name=\"report.pdf\"\r\nContent-Disposition: attachment; filename=\"report.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	for b.Len() < size {
		b.WriteString(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("%PDF-1.7 ", 7)[:57])) + "\r\n")
	}
	b.WriteString("------=_outer--\r\n")
	return []byte(b.String())
}
