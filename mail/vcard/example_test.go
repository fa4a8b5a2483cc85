package vcard_test

import (
	"fmt"
	"strings"

	"martlet/mail/vcard"
)

func Example() {
	c, err := vcard.Parse([]byte("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Robin\r\nX-NEST:under the eaves\r\nEND:VCARD\r\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	c.SetName(vcard.Name{Given: "Robin", Family: "Swift; the younger"})
	c.Set(vcard.TextProperty("EMAIL", "robin@example.org"))
	fmt.Print(strings.ReplaceAll(string(c.Bytes()), "\r\n", "\n"))
	// Output:
	// BEGIN:VCARD
	// VERSION:4.0
	// FN:Robin
	// X-NEST:under the eaves
	// N:Swift\; the younger;Robin;;;
	// EMAIL:robin@example.org
	// END:VCARD
}
