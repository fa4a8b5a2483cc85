package vcard

import (
	"strings"
	"testing"
)

func TestACardOfVersion4IsReadByProgramsThatKnow3(t *testing.T) {
	c, err := Parse([]byte(strings.Join([]string{
		"BEGIN:VCARD", "VERSION:4.0", "KIND:individual", "UID;VALUE=text:robin-1", "FN;PREF=1:Robin Swift", "TEL;VALUE=uri;TYPE=\"voice,home\";PREF=1:tel:+1-555-0100;ext=7",
		"BDAY:--0412", "ANNIVERSARY:20100615", "PHOTO:data:image/png;base64,iVBORw0=", "X-NEST;PID=1.1:eaves", "CLIENTPIDMAP:1;urn:uuid:x", "END:VCARD", "",
	}, "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	got := string(c.As30().Bytes())
	want := strings.Join([]string{
		"BEGIN:VCARD", "VERSION:3.0", "X-ADDRESSBOOKSERVER-KIND:individual", "UID:robin-1", "FN;TYPE=pref:Robin Swift", `TEL;TYPE=voice,home,pref:+1-555-0100`,
		"BDAY;X-APPLE-OMIT-YEAR=1604:1604-04-12", "X-ANNIVERSARY:2010-06-15", "PHOTO;ENCODING=b;TYPE=PNG:iVBORw0=", "X-NEST:eaves", "N:Robin Swift;;;;", "END:VCARD", "",
	}, "\r\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if c.Version != Version40 || c.Text("BDAY") != "--0412" {
		t.Error("the card itself has changed")
	}
}
