package announce

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	mime "martlet/mail/message"
	"martlet/push"
)

func TestASenderIsAlwaysNamed(t *testing.T) {
	for _, c := range []struct {
		ix   mime.Index
		want string
	}{
		{mime.Index{}, "New message"},
		{mime.Index{From: []mime.Address{{Name: "Carol", Address: "c@example.net"}}}, "Carol"},
		{mime.Index{From: []mime.Address{{Address: "c@example.net"}}}, "c@example.net"},
		{mime.Index{From: []mime.Address{{Name: " \r\n\t"}, {Name: "Dave"}}}, "Dave"},
		{mime.Index{Sender: []mime.Address{{Name: "List"}}}, "List"},
		{mime.Index{From: []mime.Address{{Name: "\u200b\u2060\u00ad\U000e0041\ufe0f\u3164", Address: "c@example.net"}}}, "c@example.net"},
		{mime.Index{From: []mime.Address{{Name: "\u200bPay\u200bPal\u2060"}}}, "PayPal"},
		{mime.Index{From: []mime.Address{{Name: "👩\u200d👩\u200d👧 \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"}}}, "👩\u200d👩\u200d👧 \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"},
		{mime.Index{From: []mime.Address{{Name: strings.Repeat("ä", 1000)}}}, strings.Repeat("ä", 118) + "…"},
	} {
		if got := sender(&c.ix); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func FuzzOneLine(f *testing.F) {
	for _, s := range []string{"", "a", " a \r\n b\t", "\xff\xfe", "a\u202eb", "👩‍👩‍👧", "\u0000", "ä̈"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := oneLine(s)
		if !utf8.ValidString(got) || strings.TrimSpace(got) != got || strings.Contains(got, "  ") {
			t.Errorf("%q became %q", s, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.IsSpace(r) && r != ' ' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				t.Errorf("%q became %q", s, got)
			}
		}
		if again := oneLine(got); again != got {
			t.Errorf("%q became %q and then %q", s, got, again)
		}
	})
}

// What comes over the registration API is refused or kept as it is; nothing in
// between.
func FuzzRegistration(f *testing.F) {
	now := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	f.Add(uint8(1), "mail", strings.Repeat("ab", 32), "", "phone", "", uint8(3), "boss@example.net", "Europe/Berlin", 60)
	f.Add(uint8(3), "web", "", "https://push.example.net/x", "", "a", uint8(2), "example.net", "", 0)
	f.Add(uint8(2), "android", "abc:def-ghi_0123456789", "", "", "", uint8(1), "", "UTC", 1500)
	f.Fuzz(func(t *testing.T, kind uint8, app, token, endpoint, device, name string, mode uint8, vip, zone string, start int) {
		r := Registration{Account: 1, Kind: push.Kind(kind), App: app, Token: token, Endpoint: endpoint, Device: device, Name: name, Mode: push.Mode(mode)}
		if endpoint != "" {
			r.PublicKey, r.Auth = append([]byte{4}, make([]byte, 64)...), make([]byte, 16)
		}
		if vip != "" {
			r.VIPs = []string{vip}
		}
		if zone != "" {
			r.Quiet = Quiet{Start: start, End: 7, Zone: zone}
		}
		r.normalise()
		if r.check(now) != nil {
			return
		}
		again := r
		again.normalise()
		if err := again.check(now); err != nil {
			t.Errorf("%+v is refused the second time: %v", r, err)
		}
		back, err := parseRegistration(appendRegistration(nil, r))
		if err != nil || back.targetKey() != r.targetKey() || back.Quiet != r.Quiet || len(back.VIPs) != len(r.VIPs) || back.Device != r.Device {
			t.Errorf("%+v came back as %+v, %v", r, back, err)
		}
		r.Quiet.Until(now)
		_ = r.service()
	})
}
