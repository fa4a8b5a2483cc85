package acceptance

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"martlet/internal/corpus"
	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// realMail is real mail from many programs, as a client sends it, or the test is
// skipped.
func realMail(t *testing.T) (names []string, raws [][]byte) {
	t.Helper()
	lineEnd := regexp.MustCompile("\r\n|\r|\n")
	for _, f := range corpus.Mail(t) {
		raw := lineEnd.ReplaceAll(f.Raw, []byte("\r\n"))
		if !bytes.HasSuffix(raw, []byte("\r\n")) {
			raw = append(raw, "\r\n"...)
		}
		names, raws = append(names, f.Name), append(raws, raw)
	}
	if len(raws) < 50 {
		t.Fatalf("only %d messages", len(raws))
	}
	return names, raws
}

// sent is what of a message as it came out was sent: what follows the trace
// headers of a delivery.
func sent(mime string) string {
	at := regexp.MustCompile(`(?s)^Return-Path: [^\r]*\r\nReceived: .*?;\r\n\t[A-Z][a-z]{2}, [^\r]* \+0000\r\n(?:X-Martlet-[^\r]*\r\n(?:[ \t][^\r]*\r\n)*)*`).FindStringIndex(mime)
	if at == nil {
		return "no trace headers: " + mime
	}
	return mime[at[1]:]
}

// Every message of the corpus goes in by SMTP and comes out in each form that a
// version has, by Sync and by Fetch, with its attachments.
func TestRealMailComesOutInEveryForm(t *testing.T) {
	names, raws := realMail(t)
	h := newHouse(t, "")
	m := h.mailer()
	for i, raw := range raws {
		if err := m.send(robin, raw); err != nil {
			t.Fatalf("%s: %v", names[i], err)
		}
	}
	for _, version := range []eas.Version{eas.V25, eas.V121, eas.V141, eas.V161} {
		for _, kind := range []uint8{eas.BodyPlain, eas.BodyHTML, eas.BodyMIME} {
			if version == eas.V25 && kind == eas.BodyHTML {
				continue // 2.5 has no such body
			}
			t.Run(fmt.Sprintf("%s/%d", version, kind), func(t *testing.T) {
				c := corpusRun{t: t, h: h, names: names, raws: raws, kind: kind}
				c.phone, c.inbox = h.settled(fmt.Sprintf("FORM%d%d", version, kind), version)
				c.run()
			})
		}
	}
	h.fsck()
}

type corpusRun struct {
	t     *testing.T
	h     *house
	names []string
	raws  [][]byte
	kind  uint8
	phone *phone.Phone
	inbox string
}

func (c *corpusRun) run() {
	t := c.t
	got := c.h.sync(c.phone, c.inbox, phone.SyncOptions{Options: []eas.SyncOptions{c.options()}}).Added
	if len(got) != len(c.raws) {
		t.Fatalf("%d messages came of %d", len(got), len(c.raws))
	}
	// The newest comes first.
	for i, msg := range got {
		n := len(got) - 1 - i
		if c.kind == eas.BodyMIME {
			c.mime(n, "Sync", mimeOf(msg.Email))
		} else {
			c.text(n, msg.Email)
		}
		if c.phone.Version() >= eas.V120 {
			c.fetch(n, msg)
		}
		c.attachments(n, msg.Email)
	}
}

func (c *corpusRun) options() eas.SyncOptions {
	kind, all := uint(c.kind), uint(2)
	var opt eas.SyncOptions
	if c.phone.Version() == eas.V25 {
		whole := uint(9)
		opt.Truncation, opt.MIMETruncation = &whole, nil
	} else {
		opt.BodyPreference = []eas.BodyPreference{{Type: &kind}}
	}
	if c.kind == eas.BodyMIME {
		opt.MIMESupport = &all
	}
	return opt
}

func mimeOf(e *eas.Email) string {
	switch {
	case e.Body != nil && e.Body.Type == eas.BodyMIME && e.Body.Data != nil:
		return *e.Body.Data
	case e.MIMEData != nil:
		return *e.MIMEData
	}
	return ""
}

// mime compares a message as it came out with what was sent. WBXML carries
// text, so a message of other bytes comes encoded anew.
func (c *corpusRun) mime(n int, how, got string) {
	c.t.Helper()
	want := string(c.raws[n])
	switch {
	case strings.HasPrefix(sent(got), "no trace headers"):
		c.t.Errorf("%s: %s: no trace headers: %.200q", c.names[n], how, got)
	case !utf8.ValidString(want) || strings.Contains(want, "\x00"):
		if !utf8.ValidString(got) || len(got) < len(want)/2 {
			c.t.Errorf("%s: %s: %d bytes of %d, or not text", c.names[n], how, len(got), len(want))
		}
	case sent(got) != want:
		c.t.Errorf("%s: %s: changed on its way:\n%s", c.names[n], how, firstDifference(sent(got), want))
	}
}

func firstDifference(got, want string) string {
	n := 0
	for n < len(got) && n < len(want) && got[n] == want[n] {
		n++
	}
	from := max(0, n-60)
	return fmt.Sprintf("at %d got %.160q\nwant %.160q", n, got[from:], want[from:])
}

// text looks at a body of type 1 or 2.
func (c *corpusRun) text(n int, e *eas.Email) {
	c.t.Helper()
	if c.phone.Version() == eas.V25 {
		if e.PlainBody != nil && !utf8.ValidString(*e.PlainBody) {
			c.t.Errorf("%s: the body is no text", c.names[n])
		}
		return
	}
	b := e.Body
	if b == nil || b.Type != c.kind || b.Truncated {
		c.t.Errorf("%s: body %+v, want a whole one of type %d", c.names[n], b, c.kind)
		return
	}
	text := ""
	if b.Data != nil {
		text = *b.Data
	}
	if int(b.EstimatedDataSize) != len(text) {
		c.t.Errorf("%s: %d bytes of type %d announced, %d came", c.names[n], b.EstimatedDataSize, c.kind, len(text))
	}
	if text == "" && len(e.Attachments) == 0 && bodyOf(c.raws[n]) != "" {
		c.t.Errorf("%s: neither text nor attachment came of it", c.names[n])
	}
}

// bodyOf is what follows a message's header, without the frames of parts.
func bodyOf(raw []byte) string {
	_, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	frames := regexp.MustCompile(`(?m)^(--|[\w-]+:).*$`)
	return string(bytes.TrimSpace(frames.ReplaceAll(body, nil)))
}

// fetch brings the same message with ItemOperations, inline and as a part: what
// comes is what Sync brought.
func (c *corpusRun) fetch(n int, msg phone.Message) {
	c.t.Helper()
	kind := uint(c.kind)
	for _, multipart := range []bool{false, true} {
		e, err := c.phone.Fetch(c.t.Context(), c.inbox, msg.ServerID, phone.FetchOptions{
			Bodies: []eas.BodyPreference{{Type: &kind}}, MIME: c.kind == eas.BodyMIME, Multipart: multipart,
		})
		if err != nil {
			c.t.Errorf("%s: fetch: %v", c.names[n], err)
			continue
		}
		if e.Body == nil || e.Body.Type != c.kind {
			c.t.Errorf("%s: fetch brings body %+v", c.names[n], e.Body)
			continue
		}
		got, want := "", ""
		if e.Body.Data != nil {
			got = *e.Body.Data
		}
		if msg.Email.Body.Data != nil {
			want = *msg.Email.Body.Data
		}
		if multipart && c.kind == eas.BodyMIME {
			c.exact(n, got)
		} else if strings.ReplaceAll(got, "\x00", "") != want {
			c.t.Errorf("%s: fetch (multipart %v) differs from Sync:\n%s", c.names[n], multipart, firstDifference(got, want))
		}
	}
}

// exact holds a message that came as a part of its own, where any byte can go,
// to what was sent or, encoded anew, to text.
func (c *corpusRun) exact(n int, got string) {
	c.t.Helper()
	if sent(got) == string(c.raws[n]) {
		return
	}
	c.mime(n, "multipart", got)
}

// attachments fetches each file: it is as large as announced.
func (c *corpusRun) attachments(n int, e *eas.Email) {
	c.t.Helper()
	type file struct {
		name, reference string
		size            uint32
	}
	var files []file
	for _, a := range e.Attachments {
		files = append(files, file{a.Attachment.DisplayName, a.Attachment.FileReference, a.Attachment.EstimatedDataSize})
	}
	for _, a := range e.LegacyAttachments {
		files = append(files, file{a.DisplayName, a.AttName, a.AttSize})
	}
	for _, f := range files {
		if f.name == "" {
			c.t.Errorf("%s: an attachment without a name", c.names[n])
		}
		data, err := c.download(f.reference)
		if err != nil {
			c.t.Errorf("%s: %s: %v", c.names[n], f.name, err)
			continue
		}
		// The size is an estimate where encodings vary, never too low.
		if len(data) > int(f.size) || int(f.size) > 2*len(data)+16 {
			c.t.Errorf("%s: %s has %d bytes, announced were %d", c.names[n], f.name, len(data), f.size)
		}
	}
}

func (c *corpusRun) download(reference string) ([]byte, error) {
	if c.phone.Version() < eas.V120 {
		_, data, err := c.phone.GetAttachment(c.t.Context(), reference)
		return data, err
	}
	a, err := c.phone.FetchAttachment(c.t.Context(), reference, phone.FetchOptions{})
	if err != nil {
		return nil, err
	}
	return a.Data, nil
}
