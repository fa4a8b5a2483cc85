package activesync_test

import (
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
)

// MS-ASEMAIL_R1070: a request after which a newer one of the same meeting came
// is outdated, wherever that one lies by now; the same request once more, one
// to another meeting and a cancellation change nothing.
func TestAnOlderRequestIsOutdated(t *testing.T) {
	request := func(sequence, stamp string) string {
		raw := strings.Replace(invitation, "SEQUENCE:0", "SEQUENCE:"+sequence, 1)
		return strings.Replace(raw, "DTSTAMP:20260601T095500Z", "DTSTAMP:"+stamp, 1)
	}
	first := request("0", "20260601T095500Z")
	occurrence := strings.Replace(request("1", "20260602T000000Z"), "SUMMARY:", "RECURRENCE-ID:20260610T100000Z\r\nSUMMARY:", 1)
	for _, tt := range []struct {
		name, other, want string
	}{
		{"an update", request("1", "20260602T000000Z"), "4"},
		{"a newer one of the same sequence", request("0", "20260602T000000Z"), "4"},
		{"the same, sent on", "Received: by x\r\n" + first, "1"},
		{"an older one, late", request("0", "20260531T000000Z"), "1"},
		{"a cancellation", strings.ReplaceAll(request("1", "20260602T000000Z"), "REQUEST", "CANCEL"), "1"},
		{"another meeting", strings.ReplaceAll(request("1", "20260602T000000Z"), "planning-1", "planning-2"), "1"},
		{"one occurrence", occurrence, "1"},
	} {
		h := build(t)
		day := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC).UnixMilli()
		h.deliver(t, 1, first, day)
		other := h.deliver(t, 1, tt.other, day+1000)
		trash := h.folder(t, mail.RoleDeletedItems)
		h.update(t, func(tx *store.Tx) error { // it has been answered
			_, err := h.mailboxes.Move(tx, h.box, other.Folder, other.ID, trash)
			return err
		})
		for _, version := range []string{"14.0", "14.1", "16.0", "16.1"} {
			p := newPhone(t, h, "phone"+strings.ReplaceAll(version, ".", ""), version)
			p.provision()
			want := tt.want
			if version == "14.0" { // MS-ASEMAIL_R1301
				want = ""
			}
			if doc := p.firstSync(""); element(doc, "MeetingMessageType") != want || !strings.Contains(doc, "<MeetingRequest") {
				t.Errorf("%s, %s: not %s:\n%s", tt.name, version, want, doc)
			}
		}
	}
}

// The newer of two is what it is by itself, also if both came in the same
// moment.
func TestTheNewestRequestIsNotOutdated(t *testing.T) {
	h := build(t)
	h.deliver(t, 1, invitation, 1000)
	h.deliver(t, 1, strings.Replace(invitation, "SEQUENCE:0", "SEQUENCE:1", 1), 1000)
	p := newPhone(t, h, "phone", "16.1")
	p.provision()
	if got := elements(p.firstSync(""), "MeetingMessageType"); len(got) != 2 || got[0]+got[1] != "24" && got[0]+got[1] != "42" {
		t.Error(got)
	}
}
