package activesync_test

import (
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strconv"
	"testing"

	"martlet/mail"
)

// base64Query is a request line in the base64 form, of version 12.1, with the
// phone's policy key; params are pairs of a tag and a value.
func (p *phone) base64Query(code byte, params ...any) string {
	p.t.Helper()
	key, err := strconv.ParseUint(p.policy, 10, 32)
	if err != nil {
		p.t.Fatal(err)
	}
	b := append([]byte{121, code, 9, 4, byte(len(p.device))}, p.device...)
	b = binary.LittleEndian.AppendUint32(append(b, 4), uint32(key))
	b = append(append(b, 9), "TestPhone"...)
	for i := 0; i+1 < len(params); i += 2 {
		v := params[i+1].(string)
		b = append(append(b, byte(params[i].(int)), byte(len(v))), v...)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// postBase64 sends a command whose request line is in the base64 form alone.
func (p *phone) postBase64(contentType string, body []byte, code byte, params ...any) answer {
	p.t.Helper()
	r := p.request(http.MethodPost, "", body)
	r.Header.Del("MS-ASProtocolVersion")
	r.Header.Del("X-MS-PolicyKey")
	if len(body) > 0 {
		r.Header.Set("Content-Type", contentType)
	}
	r.URL.RawQuery = p.base64Query(code, params...)
	return p.read(p.house.do(r))
}

// The codes of commands and the tags of parameters (MS-ASHTTP 2.2.1.1.1.1.2 and
// 2.2.1.1.1.1.3).
const (
	codeSendMail, codeSmartForward, codeSmartReply, codeGetAttachment, codeItemOperations = 1, 2, 3, 4, 19

	tagAttachmentName, tagCollectionID, tagItemID, tagLongID, tagOptions = 0, 1, 3, 4, 7
)

// MS-ASHTTP_R88, R92, R93, R524, R525, R532, R533: the flag SaveInSent keeps
// what is sent, with each command that sends; without it nothing is kept.
func TestTheBase64QuerySaysWhatIsKept(t *testing.T) {
	h := build(t)
	it := h.deliver(t, 1, toAll, 0)
	p := newPhone(t, h, "tablet", "12.1")
	p.provision()
	original := []any{tagCollectionID, "1", tagItemID, serverID(it)}
	kept := uint32(0)
	for _, tt := range []struct {
		name   string
		code   byte
		params []any
		keeps  bool
		verb   uint8
	}{
		{"SendMail", codeSendMail, nil, false, 0},
		{"SendMail, none", codeSendMail, []any{tagOptions, "\x00"}, false, 0},
		{"SendMail, kept", codeSendMail, []any{tagOptions, "\x01"}, true, 0},
		{"SmartForward", codeSmartForward, original, false, 3},
		{"SmartForward, kept", codeSmartForward, append(original, tagOptions, "\x01"), true, 3},
		{"SmartReply", codeSmartReply, original, false, 1},
		{"SmartReply, kept", codeSmartReply, append(original, tagOptions, "\x01"), true, 1},
		{"SmartReply by its long id", codeSmartReply, []any{tagLongID, serverID(it) + ":" + strconv.FormatUint(it.Object, 10)}, false, 1},
	} {
		before := h.items(t, mail.RoleInbox)
		mime := "From: anna@example.org\r\nTo: anna@example.org\r\nSubject: " + tt.name + "\r\n\r\nMine\r\n"
		if a := p.postBase64("message/rfc822", []byte(mime), tt.code, tt.params...); a.status != http.StatusOK || len(a.body) != 0 {
			t.Errorf("%s: HTTP %d", tt.name, a.status)
		}
		if n := h.items(t, mail.RoleInbox); n != before+1 {
			t.Errorf("%s: not sent", tt.name)
		}
		if tt.keeps {
			kept++
		}
		if n := h.items(t, mail.RoleSent); n != kept {
			t.Errorf("%s: %d in Sent Items, want %d", tt.name, n, kept)
		}
		if tt.verb != 0 && h.item(t, it).LastVerb != tt.verb {
			t.Errorf("%s: the original tells verb %d", tt.name, h.item(t, it).LastVerb)
		}
	}
}

// MS-ASHTTP_R94, R95, R534: the flag AcceptMultiPart, as the header does; R155,
// R440: without either, or with F, the content stands in the document.
func TestContentInPartsIsAskedForInEitherWay(t *testing.T) {
	h := build(t)
	h.deliver(t, 1, withFile, 0)
	p := newPhone(t, h, "tablet", "12.1")
	p.provision()
	body, err := fromXML(`<ItemOperations xmlns="ItemOperations"><Fetch><Store>Mailbox</Store><FileReference xmlns="AirSyncBase">1:1:2</FileReference></Fetch></ItemOperations>`)
	if err != nil {
		t.Fatal(err)
	}
	const one, parts = "application/vnd.ms-sync.wbxml", "application/vnd.ms-sync.multipart"
	for _, tt := range []struct{ header, options, want string }{
		{"", "", one}, {"", "\x00", one}, {"", "\x01", one}, {"", "\x02", parts}, {"", "\x03", parts},
		{"T", "", parts}, {"F", "", one}, {"F", "\x00", one},
	} {
		p.header.Del("MS-ASAcceptMultiPart")
		if tt.header != "" {
			p.header.Set("MS-ASAcceptMultiPart", tt.header)
		}
		var params []any
		if tt.options != "" {
			params = []any{tagOptions, tt.options}
		}
		a := p.postBase64(one, body, codeItemOperations, params...)
		if got := a.header.Get("Content-Type"); a.status != http.StatusOK || got != tt.want {
			t.Errorf("header %q, options %q: HTTP %d, %q", tt.header, tt.options, a.status, got)
		}
		if tt.want == one && element(a.xml, "Data") != base64.StdEncoding.EncodeToString([]byte("hello terms")) {
			t.Errorf("header %q, options %q:\n%s", tt.header, tt.options, a.xml)
		}
	}
	if a := p.postBase64("", nil, codeGetAttachment, tagAttachmentName, "1:1:2"); a.status != http.StatusOK || string(a.body) != "hello terms" {
		t.Errorf("GetAttachment: HTTP %d, %q", a.status, a.body)
	}
}

// MS-ASHTTP_R120, R121, R122, R437, R530, R531: T in the request line keeps what
// is sent; F, and nothing at all, does not.
func TestTheRequestLineSaysWhatIsKept(t *testing.T) {
	h := build(t)
	it := h.deliver(t, 1, toAll, 0)
	kept := uint32(0)
	for _, version := range allVersions[:3] {
		p := newPhone(t, h, "old"+version, version)
		p.provision()
		for _, cmd := range []string{"SendMail", "SmartForward", "SmartReply"} {
			for _, save := range []string{"T", "F", ""} {
				var params []string
				if cmd != "SendMail" {
					params = []string{"CollectionId", "1", "ItemId", serverID(it)}
				}
				if save != "" {
					params = append(params, "SaveInSent", save)
				}
				before := h.items(t, mail.RoleInbox)
				mime := "From: anna@example.org\r\nTo: anna@example.org\r\nSubject: " + version + cmd + save + "\r\n\r\nMine\r\n"
				if a := p.post(cmd, "message/rfc822", []byte(mime), params...); a.status != http.StatusOK || len(a.body) != 0 {
					t.Errorf("%s %s %q: HTTP %d", version, cmd, save, a.status)
				}
				if save == "T" {
					kept++
				}
				if in, sent := h.items(t, mail.RoleInbox), h.items(t, mail.RoleSent); in != before+1 || sent != kept {
					t.Errorf("%s %s %q: %d came, %d of %d kept", version, cmd, save, in-before, sent, kept)
				}
			}
		}
	}
}
