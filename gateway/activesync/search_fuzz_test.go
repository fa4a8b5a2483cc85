package activesync_test

import (
	"net/http"
	"testing"
	"time"

	"martlet/mail"
	"martlet/protocol/wbxml"
	"martlet/store"
)

// fuzzCommand sends requests of one command, and of ItemOperations, to a house
// with mail, people and documents in it. Nothing may panic or fail on our side,
// and what is answered can be read.
func fuzzCommand(f *testing.F, command string) {
	h := build(f)
	h.apply(f, "[[user]]\nlogin='robin@example.org'\nname='Robin Roe'\nphoto_base64='/9j/4AAQSkZJRg=='\n[[group]]\naddress='board@example.org'\nmembers=['robin@example.org']\n")
	h.publish(f, "shelf/notes/a.txt", "hello documents", time.Now())
	h.publish(f, "board/b.txt", "minutes", time.Now())
	for i, raw := range []string{withFile, "Subject: budget\r\n\r\nroof", "Subject: =?utf-8?q?=FF?=\r\n\r\n\xff"} {
		h.deliver(f, 1, raw, int64(i+1)*1000)
	}
	h.update(f, func(tx *store.Tx) error {
		_, err := h.mailboxes.Move(tx, h.box, 1, 2, mail.FolderID(2))
		return err
	})
	phones := map[string]*phone{}
	for _, version := range []string{"2.5", "12.1", "14.1", "16.1"} {
		phones[version] = newPhone(f, h, "v"+version, version)
		phones[version].provision()
	}
	for _, r := range requestsOf(f) {
		if r[0] == command {
			for version := range phones {
				f.Add(version, []byte(r[1]))
			}
		}
	}
	f.Fuzz(func(t *testing.T, version string, body []byte) {
		p := phones[version]
		if p == nil {
			return
		}
		one := *p
		one.t = t
		a := one.post(command, "application/vnd.ms-sync.wbxml", body)
		if h.server.Panics() > 0 {
			t.Fatalf("panicked:\n%s", h.log)
		}
		switch a.status {
		case http.StatusOK, http.StatusBadRequest:
		default:
			t.Errorf("HTTP %d", a.status)
		}
		if status := element(a.xml, "Status"); status == "110" || status == "3" && command == "Search" {
			t.Errorf("our fault:\n%s\n%s", wbxml.Dump(body), h.log)
		}
	})
}

func FuzzSearch(f *testing.F) { fuzzCommand(f, "Search") }

func FuzzFind(f *testing.F) { fuzzCommand(f, "Find") }

func FuzzItemOperations(f *testing.F) { fuzzCommand(f, "ItemOperations") }
