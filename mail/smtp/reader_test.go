package smtp

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"martlet/mail/door"
)

func newLineReader(src io.Reader, size int) *lineReader {
	r := door.NewReader(src, size)
	return &lineReader{Reader: &r, size: size}
}

// sources give the same bytes in different portions.
func sources(input string) map[string]io.Reader {
	return map[string]io.Reader{
		"whole":     strings.NewReader(input),
		"bytewise":  iotest.OneByteReader(strings.NewReader(input)),
		"in halves": iotest.HalfReader(strings.NewReader(input)),
	}
}

func TestMessageEndsOnlyAtCRLFDotCRLF(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, c := range []struct {
		input, want, rest string
		bare              bool
	}{
		{".\r\n", "", "", false},
		{"a\r\n.\r\nQUIT\r\n", "a\r\n", "QUIT\r\n", false},
		{"..\r\n.a\r\n.\r\n", ".\r\na\r\n", "", false},
		{"a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", "", true},
		{"a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", "", true},
		{"a\r.\r\r\n.\r\n", "a\r.\r\r\n", "", true},
		{"\n\r\n.\r\n", "\n\r\n", "", true},
		{"a\r\r\n.\r\n", "a\r\r\n", "", true},
		{long + "\r\n" + long + ".\r\n.\r\n", long + "\r\n" + long + ".\r\n", "", false},
		{"." + long + "\r\n.\r\n", long + "\r\n", "", false},
		{long + "\r" + long + "\r\n.\r\n", long + "\r" + long + "\r\n", "", true},
		{long + "\n.\r\n" + long + "\r\n.\r\n", long + "\n.\r\n" + long + "\r\n", "", true},
	} {
		for how, src := range sources(c.input) {
			for size := 5; size < 40; size += 7 { // lines longer than the buffer too
				b := newLineReader(src, size)
				var got []byte
				bare, err := b.data(func(p []byte) error { got = append(got, p...); return nil })
				if err != nil || string(got) != c.want || bare != c.bare {
					t.Fatalf("%q %s, buffer %d: %q, bare %v, %v; want %q, %v", c.input, how, size, got, bare, err, c.want, c.bare)
				}
				rest, _ := io.ReadAll(src)
				if rest := string(b.Unread()) + string(rest); rest != c.rest {
					t.Fatalf("%q %s, buffer %d: %q is left, want %q", c.input, how, size, rest, c.rest)
				}
				src = sources(c.input)[how]
			}
		}
	}
}

func TestLinesEndOnlyAtCRLFAndAreLimited(t *testing.T) {
	for _, c := range []struct {
		input string
		want  string
		err   error
		next  string
	}{
		{"NOOP\r\nQUIT\r\n", "NOOP", nil, "QUIT"},
		{"\r\nQUIT\r\n", "", nil, "QUIT"},
		{"NOOP\nQUIT\r\n", "", door.ErrBareNewline, "QUIT"},
		{"NO\rOP\r\nQUIT\r\n", "", door.ErrBareNewline, "QUIT"},
		{"\nQUIT\r\n", "", door.ErrBareNewline, "QUIT"},
		{strings.Repeat("x", 14) + "\r\nQUIT\r\n", strings.Repeat("x", 14), nil, "QUIT"},
		{strings.Repeat("x", 15) + "\r\nQUIT\r\n", "", door.ErrLineTooLong, "QUIT"},
		{strings.Repeat("x", 5000) + "\r\nQUIT\r\n", "", door.ErrLineTooLong, "QUIT"},
		{strings.Repeat("x", maxSkippedLine+100), "", door.ErrEndless, ""},
		{"NOOP", "", io.EOF, ""},
	} {
		for how, src := range sources(c.input) {
			b := newLineReader(src, 32)
			line, err := b.line(16)
			if string(line) != c.want || !errors.Is(err, c.err) {
				t.Errorf("%.20q %s: %q, %v; want %q, %v", c.input, how, line, err, c.want, c.err)
				continue
			}
			if c.next == "" {
				continue
			}
			if line, err := b.line(16); string(line) != c.next || err != nil {
				t.Errorf("%.20q %s: then %q, %v; want %q", c.input, how, line, err, c.next)
			}
		}
	}
}

// FuzzData compares the reader with RFC 5321 4.5.2 in its plainest form, for
// any portions the bytes come in.
func FuzzData(f *testing.F) {
	f.Add("a\r\n..b\r\n.\r\nQUIT\r\n", uint8(9))
	f.Add("a\n.\r\n\r.\r\r\n.\r\n", uint8(0))
	f.Fuzz(func(t *testing.T, input string, size uint8) {
		var want string
		body, _, ended := strings.Cut("\r\n"+input, "\r\n.\r\n")
		if ended {
			want = strings.TrimPrefix(strings.ReplaceAll(body+"\r\n", "\r\n.", "\r\n"), "\r\n")
		}
		for how, src := range sources(input) {
			b := newLineReader(src, 5+int(size))
			var got []byte
			bare, err := b.data(func(p []byte) error { got = append(got, p...); return nil })
			if ended != (err == nil) {
				t.Fatalf("%q %s: %v", input, how, err)
			}
			if ended && (string(got) != want || bare != hasBareNewline(got)) {
				t.Fatalf("%q %s: %q, bare %v; want %q", input, how, got, bare, want)
			}
		}
	})
}

func TestHasBareNewline(t *testing.T) {
	for _, c := range []struct {
		text string
		want bool
	}{
		{"", false}, {"a", false}, {"a\r\nb\r\n", false}, {"\r\n", false},
		{"\n", true}, {"\r", true}, {"a\nb", true}, {"a\r\r\n", true}, {"a\r\n\n", true}, {"a\r\nb\r", true},
	} {
		if got := hasBareNewline([]byte(c.text)); got != c.want {
			t.Errorf("%q: %v", c.text, got)
		}
	}
}

func BenchmarkData(b *testing.B) {
	input := []byte(strings.Repeat(strings.Repeat("x", 76)+"\r\n", 130) + ".\r\n")
	b.SetBytes(int64(len(input)))
	b.ReportAllocs()
	src := bytes.NewReader(input)
	r := newLineReader(src, readBuffer)
	var out []byte
	for b.Loop() {
		src.Reset(input)
		r.Drop()
		out = out[:0]
		if _, err := r.data(func(p []byte) error { out = append(out, p...); return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
