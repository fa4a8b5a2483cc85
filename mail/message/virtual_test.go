package message

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"martlet/mail/rtf"
)

func winmail(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "winmail-"+name+".eml"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What stands in a winmail.dat is read like any part, from memory and in
// pieces, also after its index was stored.
func TestPartsOfWinmailAreRead(t *testing.T) {
	raw := winmail(t, "outlook")
	ix, err := Decode(Parse(raw).Append(nil))
	if err != nil || !reflect.DeepEqual(ix, Parse(raw)) {
		t.Fatalf("the stored index differs: %v", err)
	}
	for part, want := range map[int]string{3: `<p>Hello <img src="cid:pic"></p>`, 4: "\x89PNG", 5: "content of the file"} {
		for _, src := range []io.ReaderAt{Bytes(raw), bytes.NewReader(raw)} {
			got, err := io.ReadAll(ix.Open(part, src))
			if err != nil || string(got) != want || ix.Parts[part].DecodedSize != int64(len(got)) || !ix.Virtual(part) {
				t.Errorf("part %d: %q, %v, want %q; %+v", part, got, err, want, ix.Parts[part])
			}
		}
	}
	inner, err := io.ReadAll(ix.Open(6, bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if in := Parse(inner); in.Subject != "Inner" || in.Preview != "Inner text" || len(in.Attachments()) != 1 {
		t.Errorf("the message within: %+v", in)
	}
	text, total, cut, err := ix.ReadText(3, bytes.NewReader(raw), 10)
	if err != nil || text != "<p>Hello <" || total != 32 || !cut {
		t.Errorf("%q of %d, %v, %v", text, total, cut, err)
	}
	if ix.Virtual(0) || ix.Virtual(2) || ix.Virtual(99) {
		t.Error("a part of the message itself is taken for a virtual one")
	}
}

func TestTheMeetingOfAWinmailIsACalendar(t *testing.T) {
	raw := winmail(t, "meeting")
	ix := Parse(raw)
	if ix.Parts[2].Method != "IPM.Schedule.Meeting.Request" || ix.Parts[3].Method != "REQUEST" {
		t.Fatalf("%+v", ix.Parts)
	}
	cal, err := io.ReadAll(ix.Open(3, Bytes(raw)))
	if err != nil || !bytes.HasPrefix(cal, []byte("BEGIN:VCALENDAR\r\n")) || !bytes.Contains(cal, []byte("METHOD:REQUEST")) {
		t.Errorf("%v\n%s", err, cal)
	}
}

func TestTrueRTFIsKept(t *testing.T) {
	raw := winmail(t, "rtf")
	ix := Parse(raw)
	packed, err := ix.ReadRTF(1, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := rtf.Decompress(packed)
	if err != nil || !strings.Contains(string(doc), `Truly \b rich`) {
		t.Errorf("%q, %v", doc, err)
	}
	if _, err := ix.ReadRTF(0, Bytes(raw)); err != ErrNoPart {
		t.Error(err)
	}
}

// Whatever a winmail.dat says, offsets stay within the message.
func FuzzWinmail(f *testing.F) {
	for _, name := range []string{"outlook", "meeting", "rtf"} {
		raw := winmail(f, name)
		ix := Parse(raw)
		for i := range ix.Parts {
			if isTNEF(&ix.Parts[i]) {
				b, err := io.ReadAll(ix.Open(i, Bytes(raw)))
				if err != nil {
					f.Fatal(err)
				}
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		raw := append([]byte("Content-Type: application/ms-tnef\r\n\r\n"), b...)
		ix := Parse(raw)
		again, err := Decode(ix.Append(nil))
		if err != nil || !reflect.DeepEqual(again, ix) {
			t.Fatalf("the stored index differs: %v", err)
		}
		for i := range ix.Parts {
			got, err := io.ReadAll(ix.Open(i, Bytes(raw)))
			if err != nil || ix.Virtual(i) && int64(len(got)) != ix.Parts[i].DecodedSize {
				t.Fatalf("part %d: %d bytes, %v: %+v", i, len(got), err, ix.Parts[i])
			}
		}
		if out, err := ix.Unwrap(raw); err != nil || Parse(out).HasWinmail() && !bytes.Contains(out, []byte("message/rfc822")) {
			t.Fatalf("%v: %q", err, out)
		}
	})
}

// Rows stored before parts could be virtual are still read.
func TestOldIndexesAreStillRead(t *testing.T) {
	old := "\n\x05Hello\x88\x01\x40\x92\x01\x10\x12\ntext/plain\x60\x10\x68\x30"
	ix, err := Decode([]byte(old))
	if err != nil || ix.Subject != "Hello" || len(ix.Parts) != 1 || ix.Parts[0].Type != "text/plain" || ix.Parts[0].Body != 16 || ix.Parts[0].End != 64 {
		t.Errorf("%+v, %v", ix, err)
	}
}

func TestVoiceMailSaysWhoCalled(t *testing.T) {
	ix := Parse([]byte("Content-Class: voice-ca\r\nX-CallingTelephoneNumber: +49301234\r\nX-VoiceMessageDuration: 42\r\nX-AttachmentOrder: b.wma; a.wma\r\n\r\nx"))
	want := Voice{Caller: "+49301234", Duration: 42, Order: "b.wma; a.wma"}
	again, err := Decode(ix.Append(nil))
	if ix.Voice != want || err != nil || again.Voice != want {
		t.Errorf("%+v, %+v, %v", ix.Voice, again.Voice, err)
	}
}

func BenchmarkParseWinmail(b *testing.B) {
	raw := winmail(b, "outlook")
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		Parse(raw)
	}
}

// A message is written without its winmail.dat, and reads as the one with it.
func TestAMessageIsUnwrapped(t *testing.T) {
	for _, name := range []string{"outlook", "meeting", "rtf"} {
		raw := winmail(t, name)
		ix := Parse(raw)
		out, err := ix.Unwrap(raw)
		if err != nil || !ix.HasWinmail() {
			t.Fatal(err)
		}
		un := Parse(out)
		if un.HasWinmail() || bytes.Contains(out, []byte("winmail.dat")) || un.Subject != ix.Subject || un.MessageID != ix.MessageID || un.Preview != ix.Preview {
			t.Errorf("%s: %q, %q in\n%s", name, un.Subject, un.Preview, out)
		}
		was, files := ix.Shape()
		is, unFiles := un.Shape()
		if len(was) != len(is) || len(files) != len(unFiles) {
			t.Fatalf("%s: %d texts of %d, %d files of %d in\n%s", name, len(is), len(was), len(unFiles), len(files), out)
		}
		for i := range was {
			for _, p := range [][2]int{{was[i].Plain, is[i].Plain}, {was[i].HTML, is[i].HTML}} {
				if (p[0] < 0) != (p[1] < 0) {
					t.Fatalf("%s: %v, want %v", name, is[i], was[i])
				}
				if p[0] < 0 {
					continue
				}
				want, _, _, _ := ix.ReadText(p[0], Bytes(raw), -1)
				got, _, _, _ := un.ReadText(p[1], Bytes(out), -1)
				if got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		}
		names := map[string]string{}
		for _, f := range unFiles {
			b, _ := io.ReadAll(un.Open(f, Bytes(out)))
			names[un.AttachmentName(f)+"|"+un.Parts[f].ContentID] = strings.TrimSuffix(string(b), "\r\n")
		}
		for _, f := range files {
			b, _ := io.ReadAll(ix.Open(f, Bytes(raw)))
			if got, ok := names[ix.AttachmentName(f)+"|"+ix.Parts[f].ContentID]; !ok || got != strings.TrimSuffix(string(b), "\r\n") {
				t.Errorf("%s: %s is %q, want %q", name, ix.AttachmentName(f), got, b)
			}
		}
		if name == "meeting" && (&unwrapped{ix: un}).meeting() < 0 {
			t.Errorf("the meeting is gone:\n%s", out)
		}
	}
	signed, err := os.ReadFile(filepath.Join("testdata", "signed.eml"))
	if err != nil || Parse(signed).HasWinmail() {
		t.Error("a signed message has none")
	}
}
