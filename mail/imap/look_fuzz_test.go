package imap

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/mail/message"
)

// FuzzLook looks into any bytes as into a message: what is said of its structure
// has the form of it, and every section lies within the message.
func FuzzLook(f *testing.F) {
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoKeQo="))
	f.Add([]byte("Content-Type: text/plain; a=\"\\\"\"; b=\x80\nContent-Disposition: ;;x=\"\n\n\x00"))
	srv := New(Config{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 64<<10 {
			return
		}
		ix := message.Parse(raw)
		m := &look{ctx: context.Background(), srv: srv, src: message.Bytes(raw), size: int64(len(raw)), index: ix}
		defer m.close()
		for _, extended := range []bool{false, true} {
			if got := said(func(out *writer) { m.structure(out, extended) }); !isStructure(got) {
				t.Fatalf("not a structure: %q", got)
			}
		}
		if got := said(func(out *writer) { out.envelope(ix) }); !isStructure(got) {
			t.Fatalf("not an envelope: %q", got)
		}
		for _, path := range [][]int{nil, {1}, {2}, {1, 1}, {2, 1}, {1, 2, 1}, {9}} {
			for _, what := range []goimap.PartSpecifier{goimap.PartSpecifierNone, goimap.PartSpecifierHeader, goimap.PartSpecifierText, goimap.PartSpecifierMIME} {
				x := &section{FetchItemBodySection: goimap.FetchItemBodySection{Part: path, Specifier: what, Partial: &goimap.SectionPartial{Offset: 3, Size: 1 << 20}}}
				p, ok := m.locate(x)
				if !ok {
					continue
				}
				p.cut(x)
				b, err := p.read(p.size)
				if err != nil || p.off < 0 || p.size < 0 || int64(len(b)) != p.size {
					t.Fatalf("%v %s: %d bytes of %+v: %v", path, what, len(b), p, err)
				}
				if _, err := pickFields(p, []string{"subject"}, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		m.texts(m.root(), true, func(text string) bool { return strings.Contains(text, "needle") })
		if m.err != nil {
			t.Fatal(m.err)
		}
	})
}

// heard keeps what is written to it.
type heard struct {
	net.Conn
	strings.Builder
}

func (h *heard) Write(b []byte) (int, error)      { return h.Builder.Write(b) }
func (h *heard) SetWriteDeadline(time.Time) error { return nil }

func said(write func(*writer)) string {
	h := &heard{}
	out := &writer{conn: h}
	write(out)
	_ = out.flush()
	return h.String()
}

func isStructure(s string) bool {
	rest, ok := list(s, 0)
	return ok && rest == ""
}

// list reads a parenthesized list of strings, numbers, NIL and lists.
func list(s string, depth int) (rest string, ok bool) {
	if depth > 500 || !strings.HasPrefix(s, "(") {
		return s, false
	}
	s = s[1:]
	for {
		s = strings.TrimPrefix(s, " ")
		switch {
		case strings.HasPrefix(s, ")"):
			return s[1:], true
		case strings.HasPrefix(s, "("):
			if s, ok = list(s, depth+1); !ok {
				return s, false
			}
		case strings.HasPrefix(s, "NIL"):
			s = s[3:]
		default:
			p := &parser{b: []byte(s)}
			switch c := p.peek(); {
			case c == '"' || c == '{':
				p.string()
			default:
				p.digits(1 << 40)
			}
			if p.err != nil {
				return s, false
			}
			s = s[p.pos:]
		}
	}
}
