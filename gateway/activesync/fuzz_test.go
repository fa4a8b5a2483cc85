package activesync_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"martlet/protocol/wbxml"
)

// requestsOf returns the requests of all transcripts as command and WBXML.
func requestsOf(t testing.TB) (all [][2]string) {
	t.Helper()
	for _, a := range transcripts(t) {
		for _, f := range a.Files {
			cmd, _, _ := strings.Cut(f.Name, " ")
			if cmd == "" || cmd[0] < 'A' || cmd[0] > 'Z' {
				continue
			}
			// A number and, for what is binary, four digits of base64.
			text := placeholder.ReplaceAllString(strings.TrimSpace(string(f.Data)), "1111")
			var body []byte
			if text != "" {
				var err error
				if body, err = fromXML(text); err != nil {
					t.Fatal(err)
				}
			}
			all = append(all, [2]string{cmd, string(body)})
		}
	}
	return all
}

// FuzzRequest sends anything at all through the whole door, as a phone that is
// known and provisioned. Nothing may panic (build looks for that at the end),
// every answer is one that HTTP and the protocol know, and WBXML that is
// answered can be read.
func FuzzRequest(f *testing.F) {
	for _, r := range requestsOf(f) {
		for _, version := range []string{"2.5", "12.1", "16.1"} {
			f.Add("Cmd="+r[0]+"&DeviceId=fuzz&DeviceType=x", version, "application/vnd.ms-sync.wbxml", []byte(r[1]))
		}
	}
	f.Add("jAAJBARmdXp6AAF4", "", "application/vnd.ms-sync.wbxml", []byte{3, 1, 0x6a, 0, 0x45, 1})
	f.Add("Cmd=SendMail&DeviceId=fuzz&DeviceType=x&SaveInSent=T", "12.1", "message/rfc822", []byte("To: anna@example.org\r\n\r\nx"))
	f.Add("Cmd=SmartReply&DeviceId=fuzz&DeviceType=x&CollectionId=1&ItemId=1:1", "12.1", "message/rfc822", []byte("To: anna@example.org\r\n\r\nx"))
	f.Add("Cmd=CreateCollection&DeviceId=fuzz&DeviceType=x&CollectionName=a&ParentId=1", "2.5", "", []byte(nil))
	f.Add("Cmd=MoveCollection&DeviceId=fuzz&DeviceType=x&CollectionId=13&ParentId=0&CollectionName=b", "2.5", "", []byte(nil))
	f.Add("Cmd=DeleteCollection&DeviceId=fuzz&DeviceType=x&CollectionId=13", "2.5", "", []byte(nil))
	f.Add("Cmd=GetAttachment&DeviceId=fuzz&DeviceType=x&AttachmentName=1:1:2", "12.1", "", []byte(nil))
	h := build(f)
	h.deliver(f, 1, withFile, 0)
	for _, version := range []string{"2.5", "12.1", "16.1"} {
		newPhone(f, h, "fuzz", version).provision()
	}
	p := newPhone(f, h, "fuzz", "16.1")
	p.provision()
	authorization := "Basic " + base64.StdEncoding.EncodeToString([]byte(testLogin+":"+testPassword))
	// Whoever would be held is sent away at once.
	if err := h.server.Shutdown(context.Background()); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query, version, contentType string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/Microsoft-Server-ActiveSync", strings.NewReader(string(body)))
		r.URL.RawQuery = query
		r.Header.Set("MS-ASProtocolVersion", version)
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("X-MS-PolicyKey", p.policy)
		r.Header.Set("Authorization", authorization)
		resp := h.do(r)
		if h.server.Panics() > 0 {
			t.Fatalf("panicked:\n%s", h.log)
		}
		switch resp.StatusCode {
		case 200, 400, 403, 413, 449, 501, 505:
		case 500: // as the protocol wants for some errors of these, and of no other command
			q := strings.ToLower(query)
			named := func(cmd string) bool { return strings.Contains(q, cmd) }
			if named("cmd=") && !named("%") && !named("getattachment") && !named("sendmail") && !named("smart") && !named("getitemestimate") {
				t.Errorf("HTTP %d", resp.StatusCode)
			}
		case 503: // only of what would be held
			if resp.Header.Get("Retry-After") == "" {
				t.Errorf("HTTP %d", resp.StatusCode)
			}
		default:
			t.Errorf("HTTP %d", resp.StatusCode)
		}
		if resp.Header.Get("Content-Type") == "application/vnd.ms-sync.wbxml" {
			one := *p
			one.t = t
			a := one.read(resp)
			if dump := wbxml.Dump(a.body); strings.Contains(dump, "<!--") {
				t.Errorf("unreadable answer:\n%s", dump)
			}
		}
	})
}
