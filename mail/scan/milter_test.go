package scan

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	gomilter "github.com/emersion/go-milter"
)

// script is a milter, on somebody else's server, that does what a test says and
// notes what it is told.
type script struct {
	gomilter.NoOpMilter
	at   map[string]gomilter.Response
	end  func(m *gomilter.Modifier) (gomilter.Response, error)
	told *[]string
	body []byte
}

func (s *script) note(format string, args ...any) {
	*s.told = append(*s.told, fmt.Sprintf(format, args...))
}

func (s *script) answer(stage string) (gomilter.Response, error) {
	if r, ok := s.at[stage]; ok {
		return r, nil
	}
	return gomilter.RespContinue, nil
}

func (s *script) Connect(host, family string, port uint16, addr net.IP, m *gomilter.Modifier) (gomilter.Response, error) {
	s.note("connect %s %s %d %s j=%s client_addr=%s", host, family, port, addr, m.Macros["j"], m.Macros["{client_addr}"])
	return s.answer("connect")
}

func (s *script) Helo(name string, m *gomilter.Modifier) (gomilter.Response, error) {
	s.note("helo %s", name)
	return s.answer("helo")
}

func (s *script) MailFrom(from string, m *gomilter.Modifier) (gomilter.Response, error) {
	s.note("mail %s i=%s auth=%s", from, m.Macros["i"], m.Macros["{auth_authen}"])
	return s.answer("mail")
}

func (s *script) RcptTo(to string, m *gomilter.Modifier) (gomilter.Response, error) {
	s.note("rcpt %s", to)
	return s.answer("rcpt " + to)
}

func (s *script) Header(name, value string, m *gomilter.Modifier) (gomilter.Response, error) {
	s.note("%s=%q", name, value)
	return s.answer(name)
}

func (s *script) Headers(h textproto.MIMEHeader, m *gomilter.Modifier) (gomilter.Response, error) {
	return s.answer("headers")
}

func (s *script) BodyChunk(chunk []byte, m *gomilter.Modifier) (gomilter.Response, error) {
	s.body = append(s.body, chunk...)
	return s.answer("body")
}

func (s *script) Body(m *gomilter.Modifier) (gomilter.Response, error) {
	s.note("body %d", len(s.body))
	if s.end != nil {
		return s.end(m)
	}
	return s.answer("end")
}

// start serves a script and returns a Milter for it, and what it was told.
func start(t *testing.T, s script, actions gomilter.OptAction, steps gomilter.OptProtocol) (*Milter, *[]string) {
	t.Helper()
	told := &[]string{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &gomilter.Server{Actions: actions, Protocol: steps, NewMilter: func() gomilter.Milter {
		one := s
		one.told = told
		return &one
	}}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return NewMilter(MilterConfig{Address: l.Addr().String(), Hostname: "mx.example.org", Common: Common{Timeout: 5 * time.Second}}), told
}

const allOfThem = gomilter.OptAddHeader | gomilter.OptChangeHeader | gomilter.OptChangeBody | gomilter.OptQuarantine

func TestAMilterIsToldTheWholeConversation(t *testing.T) {
	f, heard := start(t, script{}, 0, 0)
	if got := told(f.Scan(t.Context(), asked(letterText))); got != "" {
		t.Errorf("found %q", got)
	}
	want := []string{
		"connect mx.example.com tcp4 0 192.0.2.7 j=mx.example.org client_addr=192.0.2.7", "helo mx.example.com",
		"mail a@example.com i=ABC123 auth=", "rcpt b@example.org", "rcpt c@example.org",
		`From="a@example.com"`, `To="b@example.org,\n c@example.org"`, `Subject="hello"`, "body 25",
	}
	if !slices.Equal(*heard, want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(*heard, "\n"), strings.Join(want, "\n"))
	}
	if err := f.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAMilterIsNotToldWhatItDoesNotWant(t *testing.T) {
	f, heard := start(t, script{}, 0, gomilter.OptNoConnect|gomilter.OptNoHelo|gomilter.OptNoRcptTo|gomilter.OptNoHeaders|gomilter.OptNoBody)
	if got := told(f.Scan(t.Context(), asked(letterText))); got != "" {
		t.Errorf("found %q", got)
	}
	if got := strings.Join(*heard, " "); got != "mail a@example.com i=ABC123 auth= body 0" {
		t.Error(got)
	}
}

func TestWhatAMilterDecidesIsDone(t *testing.T) {
	reply := gomilter.NewResponseStr('y', "554 5.7.9 Bad\r\n250 OK")
	for name, tc := range map[string]struct {
		at     map[string]gomilter.Response
		submit bool
		want   string
	}{
		"rejects at connect":    {map[string]gomilter.Response{"connect": gomilter.RespReject}, false, "550 5.7.1 The message is not wanted here"},
		"accepts at helo":       {map[string]gomilter.Response{"helo": gomilter.RespAccept, "end": gomilter.RespReject}, false, ""},
		"tempfails mail":        {map[string]gomilter.Response{"mail": gomilter.RespTempFail}, false, "451 4.7.1 Try again later"},
		"discards at a field":   {map[string]gomilter.Response{"Subject": gomilter.RespDiscard}, false, "discard"},
		"rejects at the header": {map[string]gomilter.Response{"headers": gomilter.RespReject}, false, "550 5.7.1 The message is not wanted here"},
		"rejects in the body":   {map[string]gomilter.Response{"body": reply}, false, "554 5.7.9 Bad"},
		"rejects at the end":    {map[string]gomilter.Response{"end": reply}, false, "554 5.7.9 Bad"},
		"one recipient":         {map[string]gomilter.Response{"rcpt c@example.org": gomilter.RespReject}, false, "2 true (not wanted for a recipient: The message is not wanted here)"},
		"all recipients":        {map[string]gomilter.Response{"rcpt b@example.org": reply, "rcpt c@example.org": gomilter.RespReject}, false, "554 5.7.9 Bad"},
		"one for now":           {map[string]gomilter.Response{"rcpt c@example.org": gomilter.RespTempFail}, false, "451 4.7.1 Try again later"},
		"one of a user's own":   {map[string]gomilter.Response{"rcpt c@example.org": gomilter.RespReject}, true, "550 5.7.1 The message is not wanted here"},
	} {
		f, _ := start(t, script{at: tc.at}, allOfThem, 0)
		m := asked(letterText)
		m.Auth.Submission = tc.submit
		if got := told(f.Scan(t.Context(), m)); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestWhatAMilterChangesIsChanged(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(m *gomilter.Modifier)
		want string
	}{
		"adds": {func(m *gomilter.Modifier) { m.AddHeader("X-Checked", "yes") },
			"From: a@example.com\r\nTo: b@example.org,\r\n c@example.org\r\nSubject: hello\r\nX-Checked: yes\r\n\r\nfirst line\r\nsecond line\r\n"},
		"inserts": {func(m *gomilter.Modifier) {
			m.InsertHeader(0, "A", "1")
			m.InsertHeader(2, "B", "2")
			m.InsertHeader(99, "C", "3")
		},
			"A: 1\r\nFrom: a@example.com\r\nB: 2\r\nTo: b@example.org,\r\n c@example.org\r\nSubject: hello\r\nC: 3\r\n\r\nfirst line\r\nsecond line\r\n"},
		"changes and takes away": {func(m *gomilter.Modifier) {
			m.ChangeHeader(1, "subject", "other")
			m.ChangeHeader(1, "TO", "")
			m.ChangeHeader(2, "From", "new")
		}, "From: a@example.com\r\nSubject: other\r\nFrom: new\r\n\r\nfirst line\r\nsecond line\r\n"},
		"replaces the body": {func(m *gomilter.Modifier) { m.ReplaceBody([]byte("one\r\nt")); m.ReplaceBody([]byte("wo\n")) },
			"From: a@example.com\r\nTo: b@example.org,\r\n c@example.org\r\nSubject: hello\r\n\r\none\r\ntwo\r\n"},
		"smuggles": {func(m *gomilter.Modifier) { m.AddHeader("X", "a\r\nBcc: b\r\n\r\nbody\rmore") },
			"From: a@example.com\r\nTo: b@example.org,\r\n c@example.org\r\nSubject: hello\r\nX: a\r\n\tBcc: b\r\n\tbody\r\n\tmore\r\n\r\nfirst line\r\nsecond line\r\n"},
	} {
		f, _ := start(t, script{end: func(m *gomilter.Modifier) (gomilter.Response, error) {
			tc.end(m)
			return gomilter.RespAccept, nil
		}}, allOfThem, 0)
		found, err := f.Scan(t.Context(), asked(letterText))
		if err != nil || string(found.Raw) != tc.want {
			t.Errorf("%s: %v\n got %q\nwant %q", name, err, found.Raw, tc.want)
		}
	}
	f, _ := start(t, script{end: func(m *gomilter.Modifier) (gomilter.Response, error) {
		m.Quarantine("looks\nodd")
		return gomilter.RespAccept, nil
	}}, allOfThem, 0)
	if got := told(f.Scan(t.Context(), asked(letterText))); got != "junk (looks odd)" {
		t.Error(got)
	}
}

// What a milter may not do, it does not do.
func TestAMilterThatDoesWhatItDidNotAskForIsNotHeeded(t *testing.T) {
	for name, end := range map[string]func(m *gomilter.Modifier) error{
		"a field":     func(m *gomilter.Modifier) error { return m.AddHeader("X", "y") },
		"the body":    func(m *gomilter.Modifier) error { return m.ReplaceBody([]byte("x")) },
		"a recipient": func(m *gomilter.Modifier) error { return m.AddRecipient("x@example.com") },
	} {
		f, _ := start(t, script{end: func(m *gomilter.Modifier) (gomilter.Response, error) { return gomilter.RespAccept, end(m) }}, gomilter.OptQuarantine, 0)
		if got := told(f.Scan(t.Context(), asked(letterText))); !strings.HasPrefix(got, "error: ") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// packet is one of a milter that lies.
func packet(code byte, data string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(data)+1))) + string(code) + data
}

func greeting(version, actions, steps uint32) string {
	b := binary.BigEndian.AppendUint32(nil, version)
	b = binary.BigEndian.AppendUint32(b, actions)
	return packet('O', string(binary.BigEndian.AppendUint32(b, steps)))
}

// liar answers with bytes, whatever it is told.
func liar(t testing.TB, says string) *Milter {
	address := serve(t, func(conn net.Conn) {
		io.WriteString(conn, says)
		io.Copy(io.Discard, conn)
	})
	return NewMilter(MilterConfig{Address: address, Common: Common{Timeout: 300 * time.Millisecond}})
}

func TestLiesOfMiltersAreErrors(t *testing.T) {
	quiet := greeting(6, allActions, noConnect|noHelo|noMail|noRcpt|noData|noHeader|noEndHeader|noBody)
	for name, says := range map[string]string{
		"nothing":                "",
		"another protocol":       "220 mx.example.org ESMTP\r\n",
		"no length":              "\x00\x00\x00\x00O",
		"a huge packet":          "\xff\xff\xff\xffO",
		"a short greeting":       packet('O', "\x00\x00\x00\x06"),
		"no greeting":            packet('c', ""),
		"a newer version":        greeting(7, 0, 0),
		"steps of its own":       greeting(6, 0, 1<<30),
		"an unknown answer":      quiet + packet('?', ""),
		"a field without end":    quiet + packet('h', "X"),
		"a field without value":  quiet + packet('h', "X\x00y"),
		"a field without name":   quiet + packet('h', "\x00y\x00") + packet('a', ""),
		"a field with two names": quiet + packet('h', "A: b\r\nC\x00y\x00") + packet('a', ""),
		"a field without place":  quiet + packet('m', "\x00") + packet('a', ""),
		"a reply that is none":   quiet + packet('y', "250 2.0.0 fine\x00"),
		"a reply of nothing":     quiet + packet('y', ""),
		"at work for ever":       quiet + strings.Repeat(packet('p', ""), maxProgress),
		"changes for ever":       quiet + strings.Repeat(packet('h', "X\x00y\x00"), maxChanges),
		"fields without measure": quiet + strings.Repeat(packet('h', "X\x00"+strings.Repeat("y", 500_000)+"\x00"), 3) + packet('a', ""),
		"hangs up":               quiet + packet('h', "X\x00y\x00"),
	} {
		f := liar(t, says)
		if got := told(f.Scan(t.Context(), asked(letterText))); !strings.HasPrefix(got, "error: ") {
			t.Errorf("%s: %q", name, got)
		}
	}
	for name, tc := range map[string][2]string{
		"a 421":         {packet('y', "421 4.3.0 bye\x00"), "450 4.3.0 bye"},
		"no code":       {packet('y', "550 just no\x00"), "550 5.7.1 just no"},
		"other class":   {packet('y', "550 4.1.1 no\x00"), "550 5.7.1 4.1.1 no"},
		"shutdown":      {packet('4', ""), "451 4.7.1 Try again later"},
		"progress":      {packet('p', "") + packet('r', ""), "550 5.7.1 The message is not wanted here"},
		"field and no":  {packet('h', "X\x00y\x00") + packet('t', ""), "451 4.7.1 Try again later"},
		"a place far":   {packet('i', "\xff\xff\xff\xffX\x00y\x00") + packet('c', ""), "changed"},
		"a silent body": {packet('b', "") + packet('c', ""), "changed"},
	} {
		if got := told(liar(t, quiet+tc[0]).Scan(t.Context(), asked(letterText))); got != tc[1] {
			t.Errorf("%s: %q, want %q", name, got, tc[1])
		}
	}
}

// Whatever a milter says, the message stays one, or it is an error.
func FuzzMilterAnswers(f *testing.F) {
	for _, s := range []string{packet('h', "X\x00y\x00"), packet('i', "\x00\x00\x00\x01X\x00y\n z\x00"), packet('m', "\x00\x00\x00\x01Subject\x00\x00"), packet('b', "x\ry\n"), packet('q', "z\x00")} {
		f.Add([]byte(s), []byte(letterText))
	}
	f.Fuzz(func(t *testing.T, says, raw []byte) {
		t1 := &talk{actions: allActions, letter: open(raw), c: &MilterConfig{}, m: asked("")}
		if got := string(t1.letter.bytes()); got != string(raw) && got != string(raw)+"\r\n" {
			t.Fatalf("taken apart and put together: %q of %q", got, raw)
		}
		for len(says) >= 5 {
			n := int(min(binary.BigEndian.Uint32(says), uint32(len(says)-4)))
			if n == 0 {
				return
			}
			if _, err := t1.change(says[4], says[5:4+n]); err != nil {
				return
			}
			says = says[4+n:]
		}
		before := len(t1.letter.fields)
		if after := len(open(t1.letter.bytes()).fields); before <= maxFields && after != before && !strings.HasPrefix(string(t1.letter.body), " ") && !strings.HasPrefix(string(t1.letter.body), "\t") {
			t.Fatalf("%d fields became %d", before, after)
		}
		for _, field := range t1.letter.fields {
			if field.raw == nil && (strings.Contains(string(field.value), "\r\n\r\n") || strings.Contains(strings.ReplaceAll(string(field.value), "\r\n", ""), "\n")) {
				t.Fatalf("%q", field.value)
			}
		}
	})
}
