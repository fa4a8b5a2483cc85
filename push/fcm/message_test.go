package fcm

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"martlet/push"
)

// scripts are texts of one character each, whose bytes are counted differently.
var scripts = []struct{ name, text string }{
	{"Latin", "a"}, {"German", "ß"}, {"Greek", "Ω"}, {"Cyrillic", "Ж"}, {"Hebrew", "ש"}, {"Arabic", "ع"},
	{"Devanagari", "क्षि"}, {"Thai", "ที่"}, {"Chinese", "漢"}, {"Japanese", "が"}, {"Korean", "한"},
	{"accents of their own", "e\u0301"}, {"emoji", "😀"}, {"families", "👨‍👩‍👧‍👦"}, {"flags", "🇩🇪"},
	{"what HTML escapes", "<"}, {"what JSON escapes", "\""}, {"controls", "\x01"}, {"not UTF-8", "\xff"},
}

func TestEveryScriptFitsAndIsTaken(t *testing.T) {
	f, s := service(t)
	token := f.Register()
	for _, script := range scripts {
		for _, n := range []int{1, 10, 1000, 4000, 70_000} {
			text := strings.Repeat(script.text, n)
			m := &push.Notification{
				ID: "6d1f5e5e-7f1c-4c0e-9c1e-0c4a3c0b8f11", Collapse: strings.Repeat("c", 32), Mode: push.Alert,
				Title: text, Subtitle: text, Body: text, Account: strings.Repeat("a", 64), Message: strings.Repeat("m", 64), Thread: strings.Repeat("t", 64),
			}
			before := len(f.Deliveries())
			if o := s.Send(t.Context(), target(token), m); o.Result != push.Accepted {
				t.Fatalf("%s × %d: %+v", script.name, n, o)
			}
			d := f.Deliveries()[before].Data
			whole := strings.ToValidUTF8(text, "\ufffd")
			for _, key := range []string{"sender", "subject", "preview"} {
				kept, was := strings.CutSuffix(d[key], "…")
				if d[key] == "" || !strings.HasPrefix(whole, kept) || !was && d[key] != whole {
					t.Errorf("%s × %d: %s is %.40q", script.name, n, key, d[key])
				}
			}
			if len(whole) >= 4000 && weight(d) < maxPayload-100 {
				t.Errorf("%s × %d: only %d bytes are used", script.name, n, weight(d))
			}
		}
	}
}

func weight(d map[string]string) int {
	n := 0
	for k, v := range d {
		n += len(k) + len(v)
	}
	return n
}

func TestTheLimitIsTheServices(t *testing.T) {
	f, s := service(t)
	token := f.Register()
	// An envelope is the one thing that cannot be cut: the largest that is sent
	// has to be taken, and a byte more is not sent.
	largest := 0
	for size := 2800; size < 3100; size++ {
		m, _ := newMessage(token, &push.Notification{ID: "id", Mode: push.Sealed, Envelope: make([]byte, size)}, time.Now())
		if m == nil {
			break
		}
		largest = size
	}
	if largest < 2900 {
		t.Fatalf("an envelope may have %d bytes only", largest)
	}
	if o := s.Send(t.Context(), target(token), &push.Notification{ID: "id", Mode: push.Sealed, Envelope: make([]byte, largest)}); o.Result != push.Accepted {
		t.Errorf("%d bytes: %+v", largest, o)
	}
	if o := s.Send(t.Context(), target(token), &push.Notification{ID: "id", Mode: push.Sealed, Envelope: make([]byte, largest+1)}); o.Result != push.TooLarge {
		t.Errorf("%d bytes: %+v", largest+1, o)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add("Ada", "Engines", "On the analytical one", "id", "collapse", "account", []byte{1}, uint8(push.Alert), true, false, int64(60), 3)
	f.Add("\xff", "漢", "👨‍👩‍👧‍👦", "", "", "\x00", []byte(nil), uint8(push.Sealed), false, true, int64(-1), -1)
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, title, subtitle, body, id, collapse, account string, envelope []byte, mode uint8, high, withdrawn bool, life int64, unread int) {
		n := &push.Notification{
			ID: id, Collapse: collapse, Mode: push.Mode(mode), High: high, Withdrawn: withdrawn, Account: account, Message: account,
			Thread: collapse, Title: title, Subtitle: subtitle, Body: body, Envelope: envelope, Unread: &unread,
		}
		if life > 0 {
			n.Expires = now.Add(time.Duration(life))
		}
		m, o := newMessage("token", n, now)
		if m == nil {
			if o.Result != push.TooLarge && o.Result != push.Refused {
				t.Errorf("no message: %+v", o)
			}
			return
		}
		if w := weight(m.Data); w > maxPayload {
			t.Errorf("%d bytes", w)
		}
		if ttl := *m.Android.TTL; ttl < 0 || ttl > maxTTL || ttl%time.Second != 0 {
			t.Errorf("ttl %v", ttl)
		}
		if m.Notification != nil || m.Android.Notification != nil {
			t.Error("a notification message")
		}
		for k, v := range m.Data {
			if v == "" || !utf8.ValidString(v) {
				t.Errorf("%s is %q", k, v)
			}
		}
		if n.Mode == push.Sealed && !withdrawn {
			if b, err := base64.RawURLEncoding.DecodeString(m.Data["envelope"]); err != nil || string(b) != string(envelope) {
				t.Errorf("the envelope is %q", m.Data["envelope"])
			}
			if text := fmt.Sprint(m.Data["sender"], m.Data["subject"], m.Data["preview"]); text != "" {
				t.Errorf("%q is not sealed", text)
			}
		}
	})
}
