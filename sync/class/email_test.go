package class

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"martlet/internal/corpus"
	"martlet/mail"
	"martlet/mail/message"
	"martlet/protocol/eas"
)

var update = flag.Bool("update", false, "write the golden files")

// golden cases: which message, for whom, in which state.
var goldenCases = []struct {
	name, fixture string
	opt           Options
	item          func(*mail.Item)
}{
	{"plain-2.5", "plain", Options{Version: eas.V25}, nil},
	{"plain-12.0", "plain", Options{Version: eas.V120, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(1))}}}, nil},
	{"plain-as-html-14.1", "plain", Options{Version: eas.V141, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(2)), Preview: ptr(uint(20))}}}, nil},
	{"plain-mime-16.1", "plain", Options{Version: eas.V161, MIMESupport: 2, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(4))}}}, nil},
	{"alternative-2.5-truncated", "alternative", Options{Version: eas.V25, Truncation: ptr(uint(0))}, nil},
	{"alternative-12.1", "alternative", Options{Version: eas.V121, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(1))}, {Type: ptr(uint(2))}}}, nil},
	{"related-2.5", "related", Options{Version: eas.V25}, nil},
	{"related-16.1", "related", Options{Version: eas.V161, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(2)), TruncationSize: ptr(uint32(10))}}}, nil},
	{"attached-message-14.0", "attached-message", Options{Version: eas.V140, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(1))}}}, nil},
	{"mixed-texts-16.0", "mixed-texts", Options{Version: eas.V160, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(1))}}}, nil},
	{"newsletter-preview-16.1", "newsletter", Options{Version: eas.V161, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(1)), TruncationSize: ptr(uint32(30))}}}, nil},
	{"japanese-14.1", "japanese", Options{Version: eas.V141, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(1))}}}, nil},
	{"signed-1-14.1", "signed", Options{Version: eas.V141, MIMESupport: 1, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(1))}, {Type: ptr(uint(4))}}}, nil},
	{"encrypted-0-14.1", "encrypted", Options{Version: eas.V141, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(2))}, {Type: ptr(uint(4))}}}, nil},
	{"report-12.1", "report", Options{Version: eas.V121, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(1))}}}, nil},
	{"invitation-14.1", "invitation", Options{Version: eas.V141, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(1))}}}, nil},
	{"eight-bit-mime-16.1", "eight-bit", Options{Version: eas.V161, MIMESupport: 2, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(4))}}}, nil},
	{"no-header-16.1", "no-header", Options{Version: eas.V161, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(2))}}}, nil},
	{"state-14.1", "plain", Options{Version: eas.V141, BodyPreferences: []eas.BodyPreference{{Type: ptr(uint(1)), TruncationSize: ptr(uint32(0))}}}, func(it *mail.Item) {
		day := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
		it.Flags = mail.FlagSeen | mail.FlagAnswered
		it.Keywords = []string{"$MDNSent", "Red", "Travel"}
		it.LastVerb, it.VerbTime = 2, day
		it.FollowUp = mail.FollowUp{Status: mail.FollowUpActive, UTCStart: day, UTCDue: day.AddDate(0, 0, 1), ReminderSet: true, ReminderTime: day}
	}},
	{"draft-16.0", "plain", Options{Version: eas.V160}, func(it *mail.Item) {
		it.Flags = mail.FlagDraft | mail.FlagForwarded
		it.FollowUp = mail.FollowUp{Status: mail.FollowUpComplete, Completed: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}
	}},
}

func TestMessagesAreRenderedAsTheirGoldenFilesSay(t *testing.T) {
	for _, c := range goldenCases {
		t.Run(c.name, func(t *testing.T) {
			raw := fixture(t, c.fixture)
			item := itemOf(raw)
			if c.item != nil {
				c.item(item)
			}
			got := dump(t, render(t, item, raw, &c.opt))
			name := filepath.Join("testdata", c.name+".xml")
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// Every real mail reaches every version in every form, also cut, and what is
// read in pieces is what is read from memory.
func TestEveryRealMailIsRenderedInEachForm(t *testing.T) {
	for _, f := range corpus.Mail(t) {
		name, raw := f.Name, f.Raw
		ix := message.Parse(raw)
		item := itemOf(raw)
		for _, v := range eas.Versions() {
			for _, kind := range []uint{1, 2, 4} {
				for _, size := range []*uint32{nil, ptr(uint32(0)), ptr(uint32(500)), ptr(uint32(51200))} {
					opt := &Options{Version: v, BodyPreferences: []eas.BodyPreference{{Type: ptr(kind), TruncationSize: size, Preview: ptr(uint(100))}}}
					if kind == 4 {
						opt.MIMESupport = 2
					}
					var e eas.Email
					if err := RenderEmail(item, ix, bytes.NewReader(raw), opt, &e); err != nil {
						t.Fatalf("%s, %v, type %d: %v", name, v, kind, err)
					}
					checkEmail(t, name, &e, ix, kind, size, v)
					if doc := dump(t, &e); !utf8.ValidString(doc) || strings.Contains(doc, "\ufffd") != strings.Contains(dump(t, render(t, item, raw, opt)), "\ufffd") {
						t.Errorf("%s, %v, type %d: differs from what is in memory", name, v, kind)
					}
				}
			}
		}
	}
}

func checkEmail(t *testing.T, name string, e *eas.Email, ix *message.Index, kind uint, size *uint32, v eas.Version) {
	t.Helper()
	if v == eas.V25 {
		if kind == 4 && (e.MIMEData == nil || e.PlainBody != nil) || kind != 4 && (e.BodySize == nil || e.MIMEData != nil) || e.Body != nil {
			t.Errorf("%s: the body of 2.5: %+v", name, e.LegacyBody)
		}
		return
	}
	body := e.Body
	if body == nil || uint(body.Type) != kind {
		t.Fatalf("%s, %v, type %d: body %+v", name, v, kind, body)
	}
	data := ""
	if body.Data != nil {
		data = *body.Data
	}
	switch {
	case size != nil && len(data) > int(*size):
		t.Errorf("%s, %v, type %d: %d bytes for %d", name, v, kind, len(data), *size)
	case !utf8.ValidString(data):
		t.Errorf("%s, %v, type %d: not UTF-8", name, v, kind)
	case !body.Truncated && int(body.EstimatedDataSize) != len(data):
		t.Errorf("%s, %v, type %d: size %d of %d, though not truncated", name, v, kind, body.EstimatedDataSize, len(data))
	case size == nil && body.Truncated:
		t.Errorf("%s, %v, type %d: truncated without need", name, v, kind)
	}
	if _, files := ix.Shape(); len(files) != len(e.Attachments) {
		t.Errorf("%s, %v: %d attachments of %d", name, v, len(e.Attachments), len(files))
	}
	if (v >= eas.V140) != (e.ConversationID != nil) || (v >= eas.V160) != (e.IsDraft != nil) || v < eas.V140 && (body.Preview != "" || e.Categories != nil) {
		t.Errorf("%s, %v: elements of another version: %+v", name, v, e)
	}
}
