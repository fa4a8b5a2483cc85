package sieve

import (
	"io"
	"strings"

	"martlet/mail/message"
)

// bodyTexts are the texts of a message's body, read once they are wanted.
type bodyTexts struct {
	parts []bodyPart
}

// bodyPart is one part of a message that has no parts of its own.
type bodyPart struct {
	kind  string // its type, "text/plain"
	text  string
	shown bool // it is one of the texts that people see
}

// bodyTest is body (RFC 5173).
func bodyTest(a *arguments) (test, error) {
	how, err := a.only("raw", "content", "text")
	if err != nil {
		return nil, err
	}
	kinds, err := a.tagTexts("content")
	if err != nil {
		return nil, err
	}
	keys, err := a.keys(0)
	if err != nil {
		return nil, err
	}
	match := a.match
	match.captures = false // RFC 5173 6
	return func(m *machine) (bool, error) {
		if how == "raw" {
			return m.any(&match, []string{m.rawBody()}, keys)
		}
		wanted, err := m.texts(kinds)
		if err != nil {
			return false, err
		}
		if err := m.readBody(); err != nil {
			return false, err
		}
		var values []string
		for _, p := range m.body.parts {
			if how == "content" && wantsKind(wanted, p.kind) || how != "content" && p.shown {
				values = append(values, p.text)
			}
		}
		return m.any(&match, values, keys)
	}, nil
}

// rawBody is the body as it came, up to maxBodyText.
func (m *machine) rawBody() string {
	body := m.msg.Body()
	return string(body[:min(len(body), maxBodyText)])
}

// wantsKind tells whether a type is among those that are wanted (RFC 5173 5.2): a
// type and subtype, a type alone, or nothing for all.
func wantsKind(wanted []string, kind string) bool {
	for _, w := range wanted {
		w = strings.ToLower(w)
		switch {
		case strings.HasPrefix(w, "/") || strings.HasSuffix(w, "/") || strings.Count(w, "/") > 1: // says nothing
		case w == "" || w == kind || !strings.Contains(w, "/") && strings.HasPrefix(kind, w+"/"):
			return true
		}
	}
	return false
}

// readBody decodes the parts of the message, up to maxBodyText in all.
func (m *machine) readBody() error {
	if m.body != nil {
		return nil
	}
	m.body = &bodyTexts{}
	ix := m.msg.Index
	src := message.Bytes(m.msg.Raw)
	shown := map[int]bool{}
	bodies, _ := ix.Shape()
	for _, b := range bodies {
		shown[b.Plain], shown[b.HTML] = true, true
	}
	left := int64(maxBodyText)
	for i := range ix.Parts {
		if left <= 0 || len(m.body.parts) >= maxBodyParts {
			break
		}
		if ix.IsMultipart(i) {
			continue
		}
		p := bodyPart{kind: ix.Parts[i].Type, shown: shown[i]}
		if strings.HasPrefix(p.kind, "text/") {
			p.text, _, _, _ = ix.ReadText(i, src, left)
		} else {
			b, _ := io.ReadAll(io.LimitReader(ix.Open(i, src), left)) // what can be read
			p.text = string(b)
		}
		if err := m.look(2 * len(p.text)); err != nil {
			return err
		}
		left -= int64(len(p.text))
		m.body.parts = append(m.body.parts, p)
	}
	return nil
}
