package class

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"martlet/mail/message"
	"martlet/protocol/eas"
)

func pref(kind uint, size int, allOrNone bool) eas.BodyPreference {
	p := eas.BodyPreference{Type: ptr(kind)}
	if size >= 0 {
		p.TruncationSize = ptr(uint32(size))
	}
	if allOrNone {
		p.AllOrNone = ptr(true)
	}
	return p
}

// MS-ASAIRS 2.2.2.3.2, 2.2.2.12; MS-ASCMD 2.2.3.110.3.
func TestTheBodyIsChosenAmongThePreferences(t *testing.T) {
	type prefs = []eas.BodyPreference
	for _, c := range []struct {
		name, fixture string
		mime          uint
		prefs         prefs
		kind          uint8
		truncated     bool
		empty         bool
	}{
		{"native HTML before the order", "alternative", 0, prefs{pref(1, -1, false), pref(2, -1, false)}, 2, false, false},
		{"native plain before the order", "plain", 0, prefs{pref(2, -1, false), pref(1, -1, false)}, 1, false, false},
		{"HTML from plain", "plain", 0, prefs{pref(2, -1, false)}, 2, false, false},
		{"plain from HTML", "newsletter", 0, prefs{pref(1, -1, false)}, 1, false, false},
		{"RTF made of HTML", "alternative", 0, prefs{pref(3, -1, false)}, 3, false, false},
		{"RTF in the client's order", "alternative", 0, prefs{pref(3, -1, false), pref(1, -1, false)}, 3, false, false},
		{"native HTML before RTF", "alternative", 0, prefs{pref(3, -1, false), pref(2, -1, false)}, 2, false, false},
		{"native RTF before the order", "winmail-rtf", 0, prefs{pref(2, -1, false), pref(3, -1, false)}, 3, false, false},
		{"HTML from RTF", "winmail-rtf", 0, prefs{pref(2, -1, false)}, 2, false, false},
		{"MIME not allowed, native RTF: HTML", "winmail-rtf", 0, prefs{pref(4, -1, false)}, 2, false, false},
		{"RTF all or none (MS-ASAIRS_R64)", "winmail-rtf", 0, prefs{pref(3, 20, true), pref(1, -1, false)}, 1, false, false},
		{"truncated", "alternative", 0, prefs{pref(2, 20, false)}, 2, true, false},
		{"all or none falls through (MS-ASAIRS_R78)", "alternative", 0, prefs{pref(2, 50, true), pref(1, 50, false)}, 1, true, false},
		{"all or none that fits", "alternative", 0, prefs{pref(2, 5000, true), pref(1, 50, false)}, 2, false, false},
		{"all or none of nothing", "alternative", 0, prefs{pref(2, 50, true)}, 2, true, true},
		{"all or none everywhere: the first form's size", "alternative", 0, prefs{pref(1, 5, true), pref(2, 50, true)}, 2, true, true},
		{"nothing asked: no body", "alternative", 0, nil, 2, true, true},
		{"size 0", "plain", 0, prefs{pref(1, 0, false)}, 1, true, true},
		{"MIME for all", "plain", 2, prefs{pref(1, -1, false), pref(4, -1, false)}, 4, false, false},
		{"MIME for S/MIME only, this is none", "plain", 1, prefs{pref(1, -1, false), pref(4, -1, false)}, 1, false, false},
		{"MIME for S/MIME only, this is", "signed", 1, prefs{pref(1, -1, false), pref(4, -1, false)}, 4, false, false},
		{"MIME never", "signed", 0, prefs{pref(4, -1, false)}, 1, false, false},
		{"MIME not taken", "signed", 1, prefs{pref(2, -1, false)}, 2, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := fixture(t, c.fixture)
			e := render(t, itemOf(raw), raw, &Options{Version: eas.V141, MIMESupport: c.mime, BodyPreferences: c.prefs})
			if e.Body.Type != c.kind || e.Body.Truncated != c.truncated || (e.Body.Data == nil) != c.empty {
				t.Errorf("%+v", *e.Body)
			}
			if e.Body.Truncated && e.Body.EstimatedDataSize == 0 {
				t.Error("truncated, and no size (MS-ASAIRS_R202)")
			}
			if c.kind == 4 && !bytes.Equal([]byte(*e.Body.Data), raw) {
				t.Error("the MIME is not the message as it came")
			}
		})
	}
}

func TestAFetchWithoutPreferencesBringsTheWholeBody(t *testing.T) {
	raw := fixture(t, "alternative")
	e := render(t, itemOf(raw), raw, &Options{Version: eas.V141, Fetch: true})
	if e.Body.Type != eas.BodyHTML || e.Body.Truncated || e.Body.Data == nil {
		t.Errorf("%+v", *e.Body)
	}
}

func TestTruncationNeverCutsACharacter(t *testing.T) {
	raw := []byte("Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + strings.Repeat("日本", 50))
	for size := range 30 {
		for _, kind := range []uint{1, 2} {
			e := render(t, itemOf(raw), raw, &Options{Version: eas.V161, BodyPreferences: []eas.BodyPreference{pref(kind, size, false)}})
			if d := e.Body.Data; d != nil && (len(*d) > size || len(*d) < size-2 || strings.Contains(*d, "\ufffd")) {
				t.Errorf("%d bytes for %d: %q", len(*d), size, *d)
			}
		}
	}
}

// The truncated plain text is what phones show in their list.
func TestATruncatedPlainTextHasNoLinksAndNoImages(t *testing.T) {
	html := []byte("Content-Type: text/html\r\n\r\n<img src=\"https://example.org/x.png\" alt=\"Logo\"><p>Read <a href=\"https://example.org/long\">this</a>.</p>" + strings.Repeat("<p>more</p>", 200))
	plain := []byte("Content-Type: text/plain\r\n\r\n[image: Logo]\r\nRead this <https://example.org/long>.\r\n" + strings.Repeat("more\r\n", 200))
	for _, raw := range [][]byte{html, plain} {
		e := render(t, itemOf(raw), raw, &Options{Version: eas.V161, BodyPreferences: []eas.BodyPreference{pref(1, 500, false)}})
		if d := *e.Body.Data; strings.Contains(d, "example.org") || strings.Contains(d, "Logo") || !strings.Contains(d, "Read this.") || !e.Body.Truncated {
			t.Errorf("%q", d)
		}
		e = render(t, itemOf(raw), raw, &Options{Version: eas.V161, BodyPreferences: []eas.BodyPreference{pref(1, -1, false)}})
		if d := *e.Body.Data; !strings.Contains(d, "example.org/long") || e.Body.Truncated {
			t.Errorf("the whole text has lost its link: %q", d)
		}
	}
}

// MS-ASAIRS 2.2.2.35.1.
func TestPreviewIsForThoseWhoAskAndGetNoPlainText(t *testing.T) {
	raw := fixture(t, "alternative")
	withPreview := func(kind uint, size int, n uint) []eas.BodyPreference {
		p := pref(kind, size, false)
		p.Preview = ptr(n)
		return []eas.BodyPreference{p}
	}
	for _, c := range []struct {
		version eas.Version
		prefs   []eas.BodyPreference
		want    string
	}{
		{eas.V140, withPreview(2, -1, 11), "See you at "},
		{eas.V140, withPreview(2, -1, 15), "See you at the "},
		{eas.V161, withPreview(1, -1, 11), ""}, // MS-ASAIRS_R1001036
		{eas.V161, withPreview(1, 0, 11), "See you at "},
		{eas.V121, withPreview(2, -1, 11), ""},
		{eas.V161, withPreview(2, -1, 0), ""},
	} {
		e := render(t, itemOf(raw), raw, &Options{Version: c.version, BodyPreferences: c.prefs})
		if e.Body.Preview != c.want {
			t.Errorf("%v: %q, want %q", c.version, e.Body.Preview, c.want)
		}
	}
}

// MS-ASCMD 2.2.3.111, 2.2.3.185.
func TestTruncationTables(t *testing.T) {
	raw := sample(200 << 10)
	for value, want := range []int{0, 4096, 5120, 7168, 10240, 20480, 51200, 102400, len(raw)} {
		opt := &Options{Version: eas.V141, MIMESupport: 2, MIMETruncation: ptr(uint(value)), BodyPreferences: []eas.BodyPreference{pref(4, -1, false)}}
		got := 0
		if d := render(t, itemOf(raw), raw, opt).Body.Data; d != nil {
			got = len(*d)
		}
		if got != want {
			t.Errorf("MIMETruncation %d: %d bytes, want %d", value, got, want)
		}
		opt.Version = eas.V25
		if e := render(t, itemOf(raw), raw, opt); len(*e.MIMEData) != want || *e.MIMESize != uint32(len(raw)) || *e.MIMETruncated != (want < len(raw)) {
			t.Errorf("2.5, MIMETruncation %d: %d bytes, want %d", value, len(*e.MIMEData), want)
		}
	}
	plain := []byte("Subject: x\r\n\r\n" + strings.Repeat("x", 200<<10))
	for value, want := range []int{0, 512, 1024, 2048, 5120, 10240, 20480, 51200, 102400, 200 << 10} {
		e := render(t, itemOf(plain), plain, &Options{Version: eas.V25, Truncation: ptr(uint(value))})
		got := 0
		if e.PlainBody != nil {
			got = len(*e.PlainBody)
		}
		if got != want || *e.BodySize != 200<<10 || *e.BodyTruncated != (want < 200<<10) {
			t.Errorf("Truncation %d: %d bytes of %d, want %d", value, got, *e.BodySize, want)
		}
	}
}

type failingReader struct{}

var errDisk = errors.New("disk gone")

func (failingReader) ReadAt([]byte, int64) (int, error) { return 0, errDisk }

func TestAReadErrorIsReported(t *testing.T) {
	raw := fixture(t, "alternative")
	for _, kind := range []uint{1, 2, 4} {
		opt := &Options{Version: eas.V161, MIMESupport: 2, BodyPreferences: []eas.BodyPreference{pref(kind, -1, false)}}
		if err := RenderEmail(itemOf(raw), message.Parse(raw), failingReader{}, opt, &eas.Email{}); !errors.Is(err, errDisk) {
			t.Errorf("type %d: %v", kind, err)
		}
	}
}

func BenchmarkRenderEmail(b *testing.B) {
	raw := sample(30 << 10)
	ix, item := message.Parse(raw), itemOf(raw)
	opt := &Options{Version: eas.V161, BodyPreferences: []eas.BodyPreference{pref(2, 51200, false)}}
	b.ReportAllocs()
	for b.Loop() {
		var e eas.Email
		if err := RenderEmail(item, ix, message.Bytes(raw), opt, &e); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRenderPreview is the list of a phone that reads plain text: 500
// bytes of it, made from HTML.
func BenchmarkRenderPreview(b *testing.B) {
	raw := sample(30 << 10)
	ix, item := message.Parse(raw), itemOf(raw)
	opt := &Options{Version: eas.V161, BodyPreferences: []eas.BodyPreference{pref(1, 500, false)}}
	b.ReportAllocs()
	for b.Loop() {
		var e eas.Email
		if err := RenderEmail(item, ix, message.Bytes(raw), opt, &e); err != nil {
			b.Fatal(err)
		}
	}
}
