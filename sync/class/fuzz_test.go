package class

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"martlet/mail/message"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// Whatever arrives is rendered in each form, and what is rendered can be sent.
func FuzzRenderEmail(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("..", "..", "mail", "message", "testdata", "*.eml"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no fixtures: %v", err)
	}
	for i, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint8(i), uint32(i*10))
	}
	f.Fuzz(func(t *testing.T, raw []byte, choice uint8, size uint32) {
		versions := eas.Versions()
		opt := &Options{Version: versions[int(choice)%len(versions)], MIMESupport: uint(choice) % 3}
		kind := uint(choice)%4 + 1
		p := pref(kind, int(size), choice%2 == 0)
		p.Preview = ptr(uint(100))
		opt.BodyPreferences = []eas.BodyPreference{p, pref(1, int(size)/2, false)}
		if choice%5 == 0 {
			opt.BodyParts = []eas.BodyPartPreference{{Type: ptr(uint(2)), TruncationSize: &size, AllOrNone: ptr(choice%2 == 0), Preview: ptr(uint(50))}}
		}
		var e eas.Email
		if err := RenderEmail(itemOf(raw), message.Parse(raw), bytes.NewReader(raw), opt, &e); err != nil {
			t.Fatal(err)
		}
		if e.Body != nil && e.Body.Data != nil && len(*e.Body.Data) > int(size) {
			t.Fatalf("%d bytes for %d", len(*e.Body.Data), size)
		}
		if e.BodyPart != nil && e.BodyPart.Data != nil && len(*e.BodyPart.Data) > int(size) {
			t.Fatalf("%d bytes of what is new for %d", len(*e.BodyPart.Data), size)
		}
		if _, err := wbxml.MarshalRaw(&e); err != nil {
			t.Fatal(err)
		}
	})
}
