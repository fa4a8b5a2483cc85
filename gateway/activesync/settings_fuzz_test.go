package activesync_test

import (
	"net/http"
	"testing"

	"martlet/gateway/activesync"
	"martlet/protocol/wbxml"
)

// FuzzSettings sends anything at all as Settings and Provision of a phone that
// is known. Every answer is one of the protocol's, and what was kept is sound:
// build checks it at the end.
func FuzzSettings(f *testing.F) {
	for _, r := range requestsOf(f) {
		if r[0] == "Settings" || r[0] == "Provision" {
			f.Add(r[0] == "Settings", uint8(len(r[1])), []byte(r[1]))
		}
	}
	h := build(f, activesync.Rules{PasswordRecovery: true})
	phones := map[uint8]*phone{}
	for i, version := range []string{"12.1", "14.1", "16.1"} {
		p := newPhone(f, h, "fuzz"+string(rune('0'+i)), version)
		p.provision()
		phones[uint8(i)] = p
	}
	f.Fuzz(func(t *testing.T, settings bool, which uint8, body []byte) {
		cmd := "Provision"
		if settings {
			cmd = "Settings"
		}
		p := *phones[which%3]
		p.t = t
		if settings && h.device(t, p.device).PolicyKey == 0 {
			p.provision()
			phones[which%3].policy = p.policy
		}
		a := p.post(cmd, wbxmlType, body)
		switch a.status {
		case http.StatusOK:
			if dump := wbxml.Dump(a.body); len(a.body) > 0 && element(dump, "Status") == "" {
				t.Errorf("no status:\n%s", dump)
			}
		case http.StatusBadRequest, http.StatusForbidden, 449:
		default:
			t.Errorf("HTTP %d\n%s", a.status, h.log)
		}
	})
}
