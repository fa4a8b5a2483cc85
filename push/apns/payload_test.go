package apns

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sideshow/apns2"

	"martlet/push"
)

// shown is what a device makes of a payload.
type shown struct {
	APS struct {
		Alert struct{ Title, Subtitle, Body string }
		Badge *int
	}
	Account, Tag, Message, Mode, Envelope string
}

func build(t testing.TB, n *push.Notification) shown {
	t.Helper()
	payload, form, ok := appendPayload(nil, n, "New message")
	if !ok {
		t.Fatal("too large")
	}
	check(t, payload, form)
	var s shown
	if err := json.Unmarshal(payload, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// check is what every payload must be: JSON in UTF-8 of at most 4,096 bytes,
// which apns2 sends as it is.
func check(t testing.TB, payload []byte, form form) {
	t.Helper()
	if len(payload) > 4096 {
		t.Fatalf("%d bytes", len(payload))
	}
	if !json.Valid(payload) || !utf8.Valid(payload) {
		t.Fatalf("not JSON in UTF-8: %q", payload)
	}
	sent, err := json.Marshal(&apns2.Notification{Payload: payload})
	if err != nil || !bytes.Equal(sent, payload) {
		t.Fatalf("apns2 sends %q for %q (%v)", sent, payload, err)
	}
	if form.pushType == apns2.PushTypeBackground && form.priority == apns2.PriorityHigh {
		t.Fatal("background at priority 10")
	}
}

func TestLongTextsOfEveryScriptFillThePayloadAndAreCutBetweenCharacters(t *testing.T) {
	for name, c := range map[string]struct {
		character string // as a reader sees it
		left      int    // bytes that may be left: a character, an ellipsis and the blank that was trimmed
	}{
		"Latin": {"a", 8}, "a letter and its accents": {"e\u0301\u0323", 16}, "Cyrillic": {"ж", 8}, "Arabic": {"م", 8},
		"Hebrew with vowels": {"שָׁ", 16}, "Devanagari": {"नि", 16}, "Thai": {"กี่", 16}, "Han": {"漢", 8}, "Kana": {"が", 8},
		"Hangul": {"한", 8}, "an emoji": {"🐦", 8}, "a hand with its colour": {"👋🏽", 16},
		"a family": {"👨‍👩‍👧‍👦", 40}, "a flag": {"🇨🇭", 16}, "a heart with its form": {"❤️", 16}, "a keycap": {"1️⃣", 16},
		"what JSON escapes": {"\"", 8}, "what HTML escapes": {"<", 16}, "line ends": {"x\u2028", 16}, "control characters": {"\x01", 16},
	} {
		t.Run(name, func(t *testing.T) {
			n := &push.Notification{
				Mode: push.Alert, Title: strings.Repeat(c.character, 2000), Subtitle: strings.Repeat(c.character, 2000),
				Body: strings.Repeat(c.character, 5000), Account: "a", Message: "m", Thread: "t", Collapse: "c",
			}
			payload, _, _ := appendPayload(nil, n, "New message")
			if left := 4096 - len(payload); left > 3*c.left {
				t.Errorf("%d bytes are left unused", left)
			}
			s := build(t, n)
			for part, text := range map[string]string{"title": s.APS.Alert.Title, "subtitle": s.APS.Alert.Subtitle, "body": s.APS.Alert.Body} {
				whole, cut := strings.CutSuffix(text, "…")
				if !cut || whole == "" {
					t.Errorf("the %s is not cut, or to nothing: %.40q", part, text)
				}
				if rest := strings.ReplaceAll(whole, c.character, ""); strings.TrimSpace(strings.TrimSuffix(c.character, "\u2028")) != "" && rest != "" && rest != "x" {
					t.Errorf("the %s ends within a character: %q is left", part, rest)
				}
			}
			if s.Account != "a" || s.Message != "m" || s.Tag != "c" {
				t.Errorf("keys %+v", s)
			}
		})
	}
}

func TestShortTextsAreLeftAsTheyAre(t *testing.T) {
	n := &push.Notification{
		Mode: push.Alert, Title: `Ada "the" <Countess> & Co`, Subtitle: "Grüße\tan\nalle \\o/", Body: "\u2028\u2029 🐦\x00 \x7f",
	}
	s := build(t, n)
	if a := s.APS.Alert; a.Title != n.Title || a.Subtitle != n.Subtitle || a.Body != n.Body {
		t.Errorf("alert %+q", a)
	}
}

// A long subject must not cost the sender's name, nor a long name the subject.
func TestTheLongestTextGivesWayFirst(t *testing.T) {
	long := strings.Repeat("x", 5000)
	s := build(t, &push.Notification{Mode: push.Alert, Title: "Ada", Subtitle: "Engine", Body: long})
	if a := s.APS.Alert; a.Title != "Ada" || a.Subtitle != "Engine" || len(a.Body) < 3500 {
		t.Errorf("a long body: %d bytes, %q %q", len(a.Body), a.Title, a.Subtitle)
	}
	s = build(t, &push.Notification{Mode: push.Alert, Title: long, Subtitle: "Engine", Body: "It runs"})
	if a := s.APS.Alert; a.Subtitle != "Engine" || a.Body != "It runs" || len(a.Title) < 900 {
		t.Errorf("a long title: %d bytes, %q %q", len(a.Title), a.Subtitle, a.Body)
	}
}

func TestWhatIsNoTextStillMakesAnAlert(t *testing.T) {
	for name, body := range map[string]string{
		"not UTF-8": strings.Repeat("\xff\xfe", 4000), "accents without a letter": strings.Repeat("\u0301", 4000), "half a character": "a\xf0\x9f\x90",
	} {
		s := build(t, &push.Notification{Mode: push.Alert, Body: body})
		if s.APS.Alert.Body == "" {
			t.Errorf("%s: nothing is shown", name)
		}
	}
}

func TestEnvelopesFitUpToTheLastByte(t *testing.T) {
	fits := 0
	for size := 2800; size < 3200; size++ {
		payload, form, ok := appendPayload(nil, &push.Notification{Mode: push.Sealed, Envelope: make([]byte, size)}, "New message")
		if ok != (len(payload) <= 4096) {
			t.Fatalf("an envelope of %d bytes makes %d: fits %t", size, len(payload), ok)
		}
		if ok {
			check(t, payload, form)
			fits = size
		}
	}
	if fits < 2900 {
		t.Errorf("no more than %d bytes fit", fits)
	}
}

func TestMailboxesThatDoNotFitAreLeftOutAltogether(t *testing.T) {
	n := &push.Notification{Mode: push.AppleMail, AppleAccount: "A"}
	for i := range 200 {
		n.AppleMailboxes = append(n.AppleMailboxes, fmt.Sprint(i))
		payload, form, ok := appendPayload(nil, n, "")
		if !ok {
			t.Fatal("too large")
		}
		check(t, payload, form)
		var got struct{ APS struct{ M []string } }
		if err := json.Unmarshal(payload, &got); err != nil {
			t.Fatal(err)
		}
		if m := len(got.APS.M); m != i+1 && (m != 0 || i < 100) {
			t.Fatalf("%d of %d mailboxes are named: Mail would not look into the others", m, i+1)
		}
	}
}

func FuzzPayload(f *testing.F) {
	f.Add(uint8(push.Alert), "Ada", "Engine", "It runs", "a", "m", "t", []byte{1}, 3, true)
	f.Add(uint8(push.Alert), strings.Repeat("👨‍👩‍👧‍👦", 200), "\xff\"\\<\u2028", strings.Repeat("e\u0301", 3000), "", "", "", []byte(nil), -1, false)
	f.Add(uint8(push.Sealed), "", "", "", "a", "m", "t", bytes.Repeat([]byte{7}, 3000), 0, false)
	f.Add(uint8(push.AppleMail), "INBOX", "Notes", "", "A-B", "", "", []byte(nil), 0, true)
	f.Add(uint8(push.Badge), "", "", "", "", "", "", []byte(nil), 1<<40, true)
	f.Fuzz(func(t *testing.T, mode uint8, title, subtitle, body, account, message, thread string, envelope []byte, unread int, flag bool) {
		n := &push.Notification{
			Mode: push.Mode(mode), Title: title, Subtitle: subtitle, Body: body, Account: account, Message: message,
			Thread: thread, Collapse: message, Envelope: envelope, High: flag, Withdrawn: unread%7 == 1,
			AppleAccount: account, AppleMailboxes: []string{title, subtitle},
		}
		if flag {
			n.Unread = &unread
		}
		head := []byte("what was there")
		out, form, ok := appendPayload(head, n, "New message")
		if !ok {
			if len(account)+len(message)*2+len(thread) < 300 && len(envelope) < 2500 {
				t.Fatal("small, and yet too large")
			}
			return
		}
		payload, kept := bytes.CutPrefix(out, head)
		if !kept {
			t.Fatal("wrote over what was there")
		}
		check(t, payload, form)
	})
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		`{"reason":"Unregistered","timestamp":1700000000123}`, `{"reason":"BadDeviceToken"}`, `{"reason":"x y"}`, `[]`, `null`, ``, `<html>`,
		`{"reason":"ExpiredToken","timestamp":"1700000000123"}`, `{"reason":"ExpiredToken","timestamp":{}}`, `{"reason":"ExpiredToken","timestamp":-1e99}`,
	} {
		f.Add(410, []byte(s))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		x := &exchange{}
		x.reason, x.timestamp = parseAnswer(body)
		o := judge(status, x)
		if o.Result == 0 || o.Result > push.BadApp {
			t.Fatalf("no result: %+v", o)
		}
		if o.Result == push.Accepted && status != 200 {
			t.Fatalf("accepted with %d", status)
		}
		if (o.Result == push.Gone || o.Result == push.BadTarget || o.Result == push.BadApp) && x.reason == "" {
			t.Fatalf("%s without a reason from Apple", o.Result)
		}
		if strings.Trim(o.Reason, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ") != "" || len(o.Reason) > 64 {
			t.Fatalf("reason %q", o.Reason)
		}
		if y := o.Since.Year(); !o.Since.IsZero() && (y < 1970 || y > 3000) {
			t.Fatalf("since %v", o.Since)
		}
	})
}

func TestTimesOfAGoneTokenAreReadOrLeftOut(t *testing.T) {
	for body, want := range map[string]int64{
		`{"reason":"Unregistered","timestamp":1700000000123}`:      1700000000123,
		`{"reason":"Unregistered","timestamp":"1700000000123"}`:    1700000000123,
		`{"reason":"Unregistered","timestamp":"soon"}`:             0,
		`{"reason":"Unregistered","timestamp":170000000012345678}`: 0,
		`{"reason":"Unregistered"}`:                                0,
	} {
		reason, at := parseAnswer([]byte(body))
		if reason != "Unregistered" {
			t.Errorf("%s: the reason is lost", body)
		}
		if want == 0 != at.IsZero() || want != 0 && at.UnixMilli() != want {
			t.Errorf("%s: %v", body, at)
		}
	}
}

func BenchmarkPayload(b *testing.B) {
	unread := 3
	short := &push.Notification{
		Mode: push.Alert, Title: "Ada Lovelace", Subtitle: "The engine", Body: "It runs, and does what we tell it.",
		Account: "a1", Message: "m1", Thread: "t1", Collapse: "c1", Unread: &unread, Expires: time.Now(),
	}
	long := *short
	long.Body = strings.Repeat("Grüße aus Zürich 🐦 ", 400)
	sealed := &push.Notification{Mode: push.Sealed, Envelope: make([]byte, 2048), Account: "a1"}
	for name, n := range map[string]*push.Notification{
		"silent": {Mode: push.Silent}, "alert": short, "alert-cut": &long, "sealed": sealed,
	} {
		b.Run(name, func(b *testing.B) {
			buffer := make([]byte, 0, 2*maxPayload)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, ok := appendPayload(buffer, n, "New message"); !ok {
					b.Fatal("too large")
				}
			}
		})
	}
}
