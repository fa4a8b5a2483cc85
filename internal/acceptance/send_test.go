package acceptance

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// What a phone sends reaches everyone it names once; who was in Bcc is known to
// the sender alone.
func TestWhatAPhoneSends(t *testing.T) {
	h := newHouse(t, "")
	const wren, crew = "wren@acceptance.example", "crew@acceptance.example"
	h.Run("secret\n", "user", "add", wren, "--password-stdin", "--alias", "w@acceptance.example")
	h.Run("[[group]]\naddress = \""+crew+"\"\nmembers = [\""+robin+"\", \""+wren+"\"]\n", "directory", "apply", "-")
	for _, version := range []eas.Version{eas.V25, eas.V121, eas.V161} {
		device := fmt.Sprintf("SEND%d", version)
		p, inbox := h.settled(device, version)
		sentItems := h.folder(p, eas.FolderSentItems)
		h.sync(p, inbox, phone.SyncOptions{})
		h.sync(p, sentItems, phone.SyncOptions{})
		to := h.newPhone(device+"W", func(c *phone.Config) { c.User, c.Password, c.Version = wren, "secret", version })
		theirs := h.settle(to)
		h.sync(to, theirs, phone.SyncOptions{})

		raw := "From: " + robin + "\r\nTo: " + crew + ", someone@elsewhere.example\r\nCc: w@acceptance.example\r\nBcc: " + wren + ", secret@elsewhere.example\r\nSubject: " + device + "\r\nMessage-ID: <" + device + "@phone>\r\n\r\nHello\r\n"
		if err := p.SendMail(t.Context(), "once", []byte(raw), true); err != nil {
			t.Fatalf("%s: %v", version, err)
		}
		if err := p.SendMail(t.Context(), "once", []byte(raw), true); err != nil {
			t.Fatalf("%s: repeated: %v", version, err)
		}
		whole := phone.SyncOptions{Options: []eas.SyncOptions{mimeOptions(version)}}
		for what, one := range map[string]struct {
			p      *phone.Phone
			folder string
			bcc    bool
		}{"Inbox": {p, inbox, false}, "Sent Items": {p, sentItems, true}, "Wren's Inbox": {to, theirs, false}} {
			got := h.sync(one.p, one.folder, whole).Added
			if len(got) != 1 {
				t.Errorf("%s: %s gets %d messages, want 1", version, what, len(got))
				continue
			}
			if text := mimeOf(got[0].Email); strings.Contains(text, "secret@elsewhere.example") != one.bcc || !strings.Contains(text, "Hello") {
				t.Errorf("%s: %s holds %q", version, what, text)
			}
		}
		sendingRefused(h, p, inbox)
	}
	h.fsck()
}

func mimeOptions(version eas.Version) eas.SyncOptions {
	kind, all := uint(eas.BodyMIME), uint(2)
	out := eas.SyncOptions{MIMESupport: &all}
	if version > eas.V25 {
		out.BodyPreference = []eas.BodyPreference{{Type: &kind}}
	}
	return out
}

// sendingRefused sends what nobody may send, or to nobody.
func sendingRefused(h *house, p *phone.Phone, inbox string) {
	h.t.Helper()
	for what, raw := range map[string]string{
		"no recipient": "From: " + robin + "\r\nSubject: to nobody\r\n\r\n…\r\n",
		"no header":    "\r\n\r\n",
	} {
		err := p.SendMail(h.t.Context(), "", []byte(raw), true)
		var status *phone.StatusError
		var answer *phone.HTTPError
		if !errors.As(err, &status) && !errors.As(err, &answer) {
			h.t.Errorf("%s: a message with %s is answered %v", p.Version(), what, err)
		}
	}

	// Nobody sends under another's name, and of an address that is not there
	// comes a report.
	h.sync(p, inbox, phone.SyncOptions{})
	forged := strings.Replace(letter("forged", "…"), "wren@elsewhere.example", "wren@acceptance.example", 1)
	lost := strings.Replace(own("to nobody"), "To: "+robin, "To: nobody@acceptance.example", 1)
	for _, raw := range []string{forged, lost} {
		if err := p.SendMail(h.t.Context(), "", []byte(raw), false); err != nil {
			h.t.Errorf("%s: %v", p.Version(), err)
		}
	}
	got := h.sync(p, inbox, phone.SyncOptions{}).Added
	if len(got) != 2 {
		h.t.Errorf("%s: %d messages, want the one that went to oneself and a report", p.Version(), len(got))
	}
	for _, m := range got {
		if from := m.Email.From; !strings.Contains(from, robin) && !strings.Contains(from, "MAILER-DAEMON@") {
			h.t.Errorf("%s: sent as %s", p.Version(), from)
		}
	}
}

// A newer Ping of a device takes the place of the older one, which a phone that
// changed networks no longer listens to.
func TestANewerPingReplacesTheOlder(t *testing.T) {
	h := newHouse(t, "")
	p, inbox := h.settled("ROAMING", eas.V161)
	h.sync(p, inbox, phone.SyncOptions{})
	older := h.pinging(t.Context(), p, inbox)
	h.held(1)
	newer := h.pinging(t.Context(), p, inbox)
	<-older
	h.held(1)
	h.deliver(letter("to the newer", "…"))
	if got, want := <-newer, fmt.Sprint(eas.PingStatusChanges, []string{inbox}, nil); got != want {
		t.Errorf("the newer Ping is answered %s, want %s", got, want)
	}
	h.held(0)
}
