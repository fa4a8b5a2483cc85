package webpush

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"martlet/push"
)

func full(mode push.Mode) *push.Notification {
	three := 3
	return &push.Notification{
		ID: "id", Collapse: "c", Mode: mode, High: true, Expires: time.Now().Add(time.Hour),
		Title: "T", Subtitle: "S", Body: "B", Unread: &three, Thread: "th", Account: "a", Message: "m",
		Envelope: []byte{0xfb, 0xff}, AppleAccount: "apple", AppleMailboxes: []string{"INBOX"},
	}
}

func TestEachModeTellsNoMoreThanItsName(t *testing.T) {
	for mode, want := range map[push.Mode][]string{
		push.Silent: {"account", "message", "thread"},
		push.Badge:  {"account", "message", "thread", "unread"},
		push.Alert:  {"account", "message", "thread", "unread", "sender", "subject", "preview"},
		push.Sealed: {"envelope"},
	} {
		var got map[string]any
		if err := json.Unmarshal(encode(full(mode)), &got); err != nil {
			t.Fatal(err)
		}
		want = append(want, "version", "mode", "id", "tag")
		if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, slices.Sorted(slices.Values(want))) {
			t.Errorf("%v: %v, want %v", mode, names, want)
		}
		if got["mode"] != mode.String() || got["version"] != 1.0 {
			t.Errorf("%v: %v", mode, got)
		}
		if e, ok := got["envelope"]; ok && e != "-_8" {
			t.Errorf("envelope %v", e)
		}
	}
	gone := full(push.Alert)
	gone.Withdrawn = true
	if got := string(encode(gone)); got != `{"version":1,"mode":"withdrawn","id":"id","account":"a","message":"m","thread":"th","tag":"c","unread":3}` {
		t.Errorf("withdrawn: %s", got)
	}
	if got := string(encode(&push.Notification{Mode: push.Silent})); got != `{"version":1,"mode":"silent"}` {
		t.Errorf("the least: %s", got)
	}
	zero := 0
	if got := string(encode(&push.Notification{Mode: push.Badge, Unread: &zero})); !strings.Contains(got, `"unread":0`) {
		t.Errorf("a badge of none: %s", got)
	}
}

func TestTheMailAppsWakeIsNotForWebPush(t *testing.T) {
	for _, mode := range []push.Mode{0, push.AppleMail, 99} {
		if body, o := message(push.Target{}, &push.Notification{Mode: mode}); body != nil || o.Result != push.Refused {
			t.Errorf("%v: %+v", mode, o)
		}
	}
}

func TestTextIsCutToWhatTheSmallestServiceTakesTheBodyFirst(t *testing.T) {
	for _, unit := range []string{"x", "ü", "👩‍👩‍👧‍👦", "\"", "\x01", "<", "a\xff"} {
		n := full(push.Alert)
		n.Body, n.Subtitle = strings.Repeat(unit, 5000), "kept "+unit
		plain := encode(n)
		var got payload
		if err := json.Unmarshal(plain, &got); err != nil {
			t.Fatalf("%q: %v", unit, err)
		}
		if len(plain) > maxText || len(plain) < maxText-60 {
			t.Errorf("%q: %d bytes of %d", unit, len(plain), maxText)
		}
		if got.Sender != "T" || got.Subject != strings.ToValidUTF8("kept "+unit, "\ufffd") || !strings.HasSuffix(got.Preview, "…") {
			t.Errorf("%q: title %q, subtitle %q, body ends %q", unit, got.Sender, got.Subject, got.Preview[max(0, len(got.Preview)-10):])
		}
		n.Title, n.Subtitle = n.Body, n.Body
		if plain := encode(n); plain == nil || len(plain) > maxText {
			t.Errorf("%q everywhere: %d bytes", unit, len(plain))
		}
	}
}

func TestWhatMustNotBeCutIsTooLarge(t *testing.T) {
	_, public, auth := agent(t)
	to := push.Target{PublicKey: public, Auth: auth}
	n := &push.Notification{Mode: push.Sealed}
	most := (maxPlain - len(encode(n)) - len(`,"envelope":""`)) * 3 / 4
	n.Envelope = make([]byte, most)
	body, o := message(to, n)
	if o.Result != 0 || len(body) != 4096 {
		t.Errorf("an envelope of %d bytes: %d, %+v", most, len(body), o)
	}
	n.Envelope = make([]byte, most+3)
	if _, o := message(to, n); o.Result != push.TooLarge || o.Status != 0 {
		t.Errorf("an envelope of %d bytes: %+v", most+3, o)
	}
	if _, o := message(to, &push.Notification{Mode: push.Silent, Account: strings.Repeat("x", 4096)}); o.Result != push.TooLarge {
		t.Errorf("an account's name of 4096 bytes: %+v", o)
	}
}

func TestTheLengthTellsLittle(t *testing.T) {
	_, public, auth := agent(t)
	to := push.Target{PublicKey: public, Auth: auth}
	lengths := map[int]bool{}
	for _, mode := range []push.Mode{push.Silent, push.Badge, push.Alert, push.Sealed} {
		for n := 0; n < 4000; n += 111 {
			m := full(mode)
			m.Body, m.Envelope = strings.Repeat("x", n), make([]byte, n/2)
			body, o := message(to, m)
			if o.Result != 0 {
				t.Fatalf("%+v", o)
			}
			lengths[len(body)] = true
		}
	}
	want := []int{1024 + overhead, 2048 + overhead, 3070}
	if got := slices.Sorted(maps.Keys(lengths)); !slices.Equal(got, want) {
		t.Errorf("lengths %v, want %v", got, want)
	}
}

func FuzzPayload(f *testing.F) {
	f.Add(uint8(push.Alert), "Ada", "Grüße", "Bis morgen 👩‍👩‍👧‍👦", "work", []byte("x"), 3)
	f.Add(uint8(push.Sealed), "\xff", "\x00", "<>&\u2028", "\"\\", make([]byte, 3000), -1)
	f.Fuzz(func(t *testing.T, mode uint8, title, subtitle, body, name string, envelope []byte, unread int) {
		n := &push.Notification{
			Mode: push.Mode(mode%4 + 1), Title: title, Subtitle: subtitle, Body: body,
			Account: name, Message: name, Thread: name, Collapse: name, Envelope: envelope, Unread: &unread,
		}
		plain := encode(n)
		if plain == nil {
			if len(name) < 100 && len(envelope) < 1000 {
				t.Fatal("too large without a reason")
			}
			return
		}
		var got payload
		if err := json.Unmarshal(plain, &got); err != nil || len(plain) > maxPlain || !utf8.Valid(plain) {
			t.Fatalf("%d bytes: %q, %v", len(plain), plain, err)
		}
		if n.Mode == push.Sealed {
			if e, err := base64.RawURLEncoding.DecodeString(got.Envelope); err != nil || string(e) != string(envelope) {
				t.Fatalf("envelope %q, %v", e, err)
			}
		} else if got.Envelope != "" {
			t.Fatal("an envelope")
		}
		if n.Mode != push.Alert && got.Sender+got.Subject+got.Preview != "" {
			t.Fatal("text")
		}
		topic := topic(push.Target{Endpoint: name, Auth: envelope}, name)
		if raw, err := base64.RawURLEncoding.DecodeString(topic); err != nil || len(raw) != 24 || len(topic) != 32 {
			t.Fatalf("topic %q", topic)
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	_, public, auth := agent(b)
	to := push.Target{PublicKey: public, Auth: auth}
	n := full(push.Alert)
	n.Body = strings.Repeat("Bis morgen. ", 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, o := message(to, n); o.Result != 0 {
			b.Fatal(o)
		}
	}
}
