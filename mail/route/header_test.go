package route

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"martlet/directory"
	"martlet/mail"
)

func TestAddressesInAList(t *testing.T) {
	for _, c := range []struct {
		list string
		want []string
	}{
		{"", nil},
		{"a@b", []string{"a@b"}},
		{"a@b, c@d ;e@f;", []string{"a@b", "c@d", "e@f"}},
		{`"Last, First; x" <a@b>, Plain Name <c@d>`, []string{"a@b", "c@d"}},
		{`a@b (Comment, with (nested; ones) and \) more), c@d`, []string{"a@b", "c@d"}},
		{"Friends: a@b, Two <c@d>; e@f", []string{"a@b", "c@d", "e@f"}},
		{"undisclosed-recipients:;", nil},
		{`"quoted \" @ x" <"a b"@c>`, []string{`"a b"@c`}},
		{"=?utf-8?q?a=2C_b?= <a@b>", []string{"a@b"}},
		{"x@[IPv6:2001:db8::1], y@z", []string{"x@[IPv6:2001:db8::1]", "y@z"}},
		{"<a@b> <c@d>", []string{"c@d"}},
		{`"never closed <a@b>, c@d`, []string{`"never closed <a@b>, c@d`}},
		{"no address", []string{"no address"}},
	} {
		if diff := cmp.Diff(c.want, addressesIn(c.list)); diff != "" {
			t.Errorf("%q: -want +got:\n%s", c.list, diff)
		}
	}
}

func TestScanHeaderTakesAnything(t *testing.T) {
	for _, c := range []struct {
		raw   string
		names []string
		end   int
	}{
		{"", nil, 0},
		{"\r\nbody", nil, 0},
		{"A: 1\r\n B: folded\r\nC : 2\r\n\r\nD: body", []string{"a", "c"}, 25},
		{"A: 1\nno field\nB:", []string{"a", "", "b"}, 16},
		{" begins folded\nA: 1\n\n", []string{"", "a"}, 20},
	} {
		fields, end := scanHeader([]byte(c.raw))
		var names []string
		for _, f := range fields {
			names = append(names, f.name)
		}
		if !slices.Equal(names, c.names) || end != c.end {
			t.Errorf("%q: %q, end %d; want %q, %d", c.raw, names, end, c.names, c.end)
		}
	}
}

// FuzzDraft gives submission anything for a message: it must not panic, keep
// no lone CR or LF, and show no Bcc.
func FuzzDraft(f *testing.F) {
	f.Add([]byte(letter))
	f.Add([]byte("Bcc:\r\n x\r\nbcc : y\r\n\r\n"))
	f.Add([]byte("\rBcc: a@b\r\r\n"))
	r := New(Config{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := parseDraft(raw)
		p := &Plan{env: mail.Envelope{To: []mail.Recipient{{}}}, accounts: []directory.AccountID{1}, remote: []mail.Recipient{{}}}
		public := r.compose(p, d, &directory.Account{Login: "a@b.example"}, false, true)
		report := r.newReport(&p.env, mail.Recipient{}, []outcome{{"a", "", true, "5.1.1", "is not"}}, public)
		for _, out := range [][]byte{p.inbound, p.outbound, p.kept, report.raw} {
			if bytes.ContainsAny(bytes.ReplaceAll(out, []byte("\r\n"), nil), "\r\n") {
				t.Errorf("a line end stands alone: %q", out)
			}
		}
		for _, out := range [][]byte{p.inbound, p.outbound} {
			fields, _ := scanHeader(out)
			if slices.ContainsFunc(fields, func(f field) bool { return f.name == "bcc" || f.name == "resent-bcc" }) && len(raw) < maxHeader/2 {
				t.Errorf("Bcc is shown: %q", out)
			}
		}
		if got := len(addressesIn(string(raw))); got > len(raw) {
			t.Errorf("%d addresses in %d bytes", got, len(raw))
		}
	})
}
