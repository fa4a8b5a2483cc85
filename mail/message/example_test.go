package message_test

import (
	"fmt"

	"martlet/mail/message"
)

func Example() {
	raw := []byte("From: =?utf-8?Q?J=C3=BCrgen?= <juergen@example.org>\r\n" +
		"Subject: Lunch\r\n" +
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/html\r\n\r\n<p>At <b>noon</b>?</p>\r\n" +
		"--b\r\nContent-Type: text/plain; name=menu.txt\r\nContent-Disposition: attachment\r\n\r\nSoup\r\n" +
		"--b--\r\n")
	ix := message.Parse(raw)
	fmt.Println(ix.Subject, "from", ix.From[0])
	fmt.Println(ix.Preview)
	_, html := ix.Text()
	text, _, _, _ := ix.ReadText(html, message.Bytes(raw), -1)
	fmt.Println(text)
	for _, i := range ix.Attachments() {
		fmt.Println(ix.AttachmentName(i), ix.Parts[i].DecodedSize)
	}
	// Output:
	// Lunch from "Jürgen" <juergen@example.org>
	// At noon?
	// <p>At <b>noon</b>?</p>
	// menu.txt 4
}
