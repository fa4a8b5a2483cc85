package activesync_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

// MS-ASCMD_R4828 and MS-ASCMD_R4830: what a request line must say of its device.
func TestTheDeviceMustBeNamed(t *testing.T) {
	h := build(t)
	body, err := fromXML(`<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, query, status string }{
		{"no id", "Cmd=FolderSync&User=anna&DeviceType=TestPhone", "108"},
		{"empty id", "Cmd=FolderSync&User=anna&DeviceId=&DeviceType=TestPhone", "108"},
		{"comma in id", "Cmd=FolderSync&User=anna&DeviceId=a%2cb&DeviceType=TestPhone", "108"},
		{"no type", "Cmd=FolderSync&User=anna&DeviceId=iphone", "109"},
		{"control character in type", "Cmd=FolderSync&User=anna&DeviceId=iphone&DeviceType=%07", "109"},
	} {
		for _, version := range []string{"2.5", "12.1", "14.0", "16.1"} {
			p := newPhone(t, h, "", version)
			r := p.request(http.MethodPost, "", body)
			r.URL.RawQuery = tt.query
			a := p.read(h.do(r))
			if strings.HasPrefix(version, "1") && version != "12.1" {
				if a.status != 200 || element(a.xml, "Status") != tt.status {
					t.Errorf("%s, %s: HTTP %d\n%s", tt.name, version, a.status, a.xml)
				}
			} else if a.status != 400 || len(a.body) > 0 {
				t.Errorf("%s, %s: HTTP %d\n%s", tt.name, version, a.status, a.xml)
			}
		}
	}
}

// A request line that cannot be read is no version's business: 400
// (MS-ASHTTP_R188), and what it asks for is not known, so never 500.
func TestRequestLinesThatCannotBeRead(t *testing.T) {
	h := build(t)
	encoded := func(b string) string { return base64.StdEncoding.EncodeToString([]byte(b)) }
	for name, tt := range map[string]struct {
		query string
		http  int
	}{
		"empty":                         {"", 400},
		"only a name":                   {"Cmd", 400},
		"no command":                    {"User=anna&DeviceId=a&DeviceType=b", 400},
		"an empty command":              {"Cmd=&DeviceId=a&DeviceType=b", 400},
		"a bad escape":                  {"Cmd=Sync&DeviceId=%zz&DeviceType=b", 400},
		"not base64":                    {"!!!!", 400},
		"cut in the version":            {encoded("\x8d"), 400},
		"cut in the device":             {encoded("\x8d\x09\x09\x04\x20abc"), 400},
		"cut in the key":                {encoded("\x8d\x09\x09\x04\x01a\x04ab"), 400},
		"a key of three bytes":          {encoded("\x8d\x09\x09\x04\x01a\x03abc\x01b"), 400},
		"cut in a parameter":            {encoded("\x8d\x09\x09\x04\x01a\x00\x01b\x01\xff"), 400},
		"a version that does not exist": {encoded("\x63\x09\x09\x04\x01a\x00\x01b"), 400},
		"a code that does not exist":    {encoded("\x8d\x63\x09\x04\x01a\x00\x01b"), 501},
		"a code of an old version":      {encoded("\x8d\x05\x09\x04\x01a\x00\x01b"), 501},
	} {
		p := newPhone(t, h, "", "16.1")
		r := p.request(http.MethodPost, "", nil)
		r.URL.RawQuery = tt.query
		if strings.HasSuffix(name, "exist") || strings.HasPrefix(name, "cut") {
			r.Header.Del("MS-ASProtocolVersion")
		}
		if a := p.read(h.do(r)); a.status != tt.http || len(a.body) > 0 {
			t.Errorf("%s: HTTP %d\n%s", name, a.status, a.xml)
		}
	}
}

// What is in the base64 form counts, whatever the headers say (MS-ASHTTP
// 2.2.1.1.1.1).
func TestTheBase64QueryPrevailsOverHeaders(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "tablet", "16.1")
	p.provision()
	body, err := fromXML(`<FolderSync xmlns="FolderHierarchy"><SyncKey>0</SyncKey></FolderSync>`)
	if err != nil {
		t.Fatal(err)
	}
	r := p.request(http.MethodPost, "", body)
	r.URL.RawQuery = base64.StdEncoding.EncodeToString([]byte("\x79\x09\x09\x04\x06tablet\x04\x01\x02\x03\x04\x01b"))
	if a := p.read(h.do(r)); a.status != 449 { // version 12.1 and another key
		t.Errorf("HTTP %d\n%s", a.status, a.xml)
	}
	// Without a key in it the header is looked at.
	r = p.request(http.MethodPost, "", body)
	r.URL.RawQuery = base64.StdEncoding.EncodeToString([]byte("\xa1\x09\x09\x04\x06tablet\x00\x01b"))
	if a := p.read(h.do(r)); a.status != 200 || element(a.xml, "Status") != "1" {
		t.Errorf("HTTP %d\n%s", a.status, a.xml)
	}
}

// MS-ASHTTP_R212, MS-ASHTTP_R219: the headers of an answer.
func TestHeadersOfAnswers(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "iphone", "14.1")
	key := p.ready()
	body, err := fromXML(syncRequest(key, ""))
	if err != nil {
		t.Fatal(err)
	}
	a := p.post("Sync", "application/vnd.ms-sync.wbxml", body)
	if a.status != 200 || len(a.body) > 0 || a.header.Get("Content-Length") != "0" || a.header["Content-Type"] != nil {
		t.Errorf("nothing new: HTTP %d, %v", a.status, a.header)
	}
	a = p.post("Ping", "application/vnd.ms-sync.wbxml", nil)
	if a.header.Get("Content-Type") != "application/vnd.ms-sync.wbxml" || exactly(a.header, "MS-Server-ActiveSync") == nil || a.header["Content-Encoding"] != nil {
		t.Errorf("an answer: %v", a.header)
	}
	for name, tt := range map[string]struct {
		contentType string
		status      string
	}{
		"the old type":      {"application/vnd.ms-sync", "3"},
		"with a parameter":  {"Application/vnd.MS-Sync.WBXML; charset=utf-8", "3"},
		"of another":        {"text/xml", "101"},
		"a message's":       {"message/rfc822", "101"},
		"one of two halves": {"application/", "101"},
	} {
		b, err := fromXML(`<Ping xmlns="Ping"/>`)
		if err != nil {
			t.Fatal(err)
		}
		if a := p.post("Ping", tt.contentType, b); element(a.xml, "Status") != tt.status {
			t.Errorf("%s: HTTP %d\n%s", name, a.status, a.xml)
		}
	}
}
