package acceptance

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const wren = "wren@acceptance.example"

// deliverTo is deliver for somebody else than Robin.
func (h *house) deliverTo(to, subject string) {
	h.t.Helper()
	m := h.mailer()
	defer m.conn.Close()
	if err := m.send(to, []byte(letter(subject, "…"))); err != nil {
		h.t.Fatal(err)
	}
}

// importEvent has an event in somebody's calendar.
func (h *house) importEvent(login, summary string, lines ...string) {
	h.t.Helper()
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//EN\nBEGIN:VEVENT\nUID:" + strings.ReplaceAll(summary, " ", "-") +
		"\nDTSTAMP:20261101T000000Z\nDTSTART:20281103T100000Z\nDTEND:20281103T110000Z\nSUMMARY:" + summary + "\n" +
		strings.Join(append(lines, ""), "\n") + "END:VEVENT\nEND:VCALENDAR\n"
	file := filepath.Join(h.t.TempDir(), "event.ics")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "\n", "\r\n")), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.Run("", "import", login, file)
}

// What Wren shares wakes Robin's apps of each kind; a process that is killed in
// between tells it once; what was revoked is told no more.
func TestAppsAreWokenForWhatIsShared(t *testing.T) {
	s := newServices(t)
	h := newHouse(t, s.config)
	h.Run(password+"\n", "user", "add", wren, "--password-stdin", "--name", "Jenny Wren")
	for _, folder := range []string{"Inbox", "Calendar"} {
		h.Run("", "share", "grant", wren, folder, "--to", robin, "--rights", "read")
	}
	if out := h.Run("", "folder", "list", robin); !strings.Contains(out, "Jenny Wren: Inbox") {
		t.Fatalf("martlet folder list:\n%s", out)
	}
	apple := s.apns.Install("example.acceptance.mail")
	h.ask("POST", "/push/v1/registrations", map[string]any{"kind": "apns", "app": "ios", "device": "IPHONE", "token": apple, "mode": "alert", "folders": []string{"all"}}, nil)
	google := s.fcm.Register()
	h.ask("POST", "/push/v1/registrations", map[string]any{"kind": "fcm", "app": "android", "device": "PIXEL", "token": google, "mode": "silent", "folders": []string{"everything"}}, nil)
	browser := s.web.Subscribe(h.vapid())
	encode := base64.RawURLEncoding.EncodeToString
	h.ask("POST", "/push/v1/registrations", map[string]any{
		"kind": "webpush", "app": "web", "device": "browser", "mode": "alert", "folders": []string{"all"},
		"endpoint": browser.Endpoint, "keys": map[string]any{"p256dh": encode(browser.PublicKey), "auth": encode(browser.Auth)},
	}, nil)

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	android := 0
	woken := func(what string) {
		t.Helper()
		android++
		got, err := s.fcm.Wait(ctx, android)
		if err != nil || got[android-1].Data["mode"] != "silent" {
			t.Fatalf("the app on Android, %s: %+v, %v", what, got, err)
		}
		for _, word := range []string{"sender", "subject", "preview", "message", "thread"} {
			if said := got[android-1].Data[word]; said != "" {
				t.Errorf("the app on Android, %s: it is told %q", what, said)
			}
		}
	}
	h.deliverTo(wren, "to Wren alone")
	s.shows(ctx, apple, "to Wren alone")
	if d, err := browser.Wait(ctx); err != nil || d.Err != nil || !strings.Contains(string(d.Body), "to Wren alone") {
		t.Errorf("the browser: %s, %v, %v", d.Body, d.Err, err)
	}
	woken("mail")
	h.importEvent(wren, "A surgery", "CLASS:PRIVATE")
	woken("an event")
	if n := s.told(apple, "surgery"); n != 0 {
		t.Error("a private event is told")
	}

	s.must(s.apns.Down())
	h.deliverTo(wren, "before the kill")
	woken("mail before the kill")
	h.server.Kill()
	s.must(s.apns.Up())
	h.start()
	s.shows(ctx, apple, "before the kill")
	h.deliverTo(wren, "after the kill")
	s.shows(ctx, apple, "after the kill")
	for _, subject := range []string{"to Wren alone", "before the kill", "after the kill"} {
		if n := s.told(apple, subject); n != 1 {
			t.Errorf("%q is told %d times", subject, n)
		}
	}

	for _, folder := range []string{"Inbox", "Calendar"} {
		h.Run("", "share", "revoke", wren, folder, "--to", robin)
	}
	before := len(s.fcm.Deliveries())
	h.deliverTo(wren, "no more of this")
	h.importEvent(wren, "A secret")
	h.deliver(letter("to Robin", "…"))
	s.shows(ctx, apple, "to Robin")
	if n := s.told(apple, "no more of this"); n != 0 {
		t.Errorf("what was revoked is told %d times", n)
	}
	if got, err := s.fcm.Wait(ctx, before+1); err != nil {
		t.Errorf("the app on Android: %+v, %v", got, err)
	}
	for _, word := range []string{"to Wren alone", "surgery", fmt.Sprint(apple)} {
		if strings.Contains(h.log.text(), word) {
			t.Errorf("%q is in the log", word)
		}
	}
	h.fsck()
}
