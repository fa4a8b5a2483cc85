package class

import (
	"bytes"
	"testing"

	"martlet/mail/message"
	"martlet/protocol/eas"
)

// MS-ASEMAIL_R496.
func TestTheCodePageIsThatOfTheMessage(t *testing.T) {
	for charset, want := range map[string]string{
		"utf-8": "65001", "UTF-8": "65001", "us-ascii": "20127", "iso-8859-1": "28591", "ISO-8859-15": "28605",
		"iso-8859-99": "65001", "windows-1252": "1252", "windows-31j": "65001", "cp1251": "1251", "Shift_JIS": "932",
		"iso-2022-jp": "50220", "gb2312": "936", "big5": "950", "euc-kr": "51949", "koi8-r": "20866", "x-unknown": "65001",
	} {
		raw := []byte("Content-Type: text/plain; charset=" + charset + "\r\n\r\nx\r\n")
		var e eas.Email
		if err := RenderEmail(itemOf(raw), message.Parse(raw), bytes.NewReader(raw), &Options{Version: eas.V161}, &e); err != nil {
			t.Fatal(err)
		}
		if e.InternetCPID != want {
			t.Errorf("%s: %s, want %s", charset, e.InternetCPID, want)
		}
	}
	raw := []byte("Subject: x\r\n\r\nx\r\n")
	var e eas.Email
	if err := RenderEmail(itemOf(raw), message.Parse(raw), bytes.NewReader(raw), &Options{Version: eas.V25}, &e); err != nil || e.InternetCPID != codePageUTF8 {
		t.Errorf("no charset: %s, %v", e.InternetCPID, err)
	}
}
