package imap

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"martlet/mail"
	"martlet/store"
	"martlet/store/blob"
)

// messageURL is what a relative IMAP URL names: a message, or a part of one (RFC
// 5092 7).
type messageURL struct {
	mailbox  string
	validity uint32 // zero: not said
	uid      mail.ItemID
	section  section
}

// parseURL reads "/mailbox;UIDVALIDITY=1/;UID=2/;SECTION=1.2/;PARTIAL=0.10".
func parseURL(s string) (u messageURL, ok bool) {
	s, ok = strings.CutPrefix(s, "/")
	name, rest, found := strings.Cut(s, "/;")
	if !ok || !found {
		return u, false
	}
	name, validity, has := cutFold(name, ";UIDVALIDITY=")
	if has {
		n, err := strconv.ParseUint(validity, 10, 32)
		if err != nil || n == 0 {
			return u, false
		}
		u.validity = uint32(n)
	}
	var err error
	if u.mailbox, err = url.PathUnescape(name); err != nil || u.mailbox == "" {
		return u, false
	}
	sectionText, partialText := "", ""
	for i, part := range strings.Split(rest, "/;") {
		key, value, _ := strings.Cut(part, "=")
		if value, err = url.PathUnescape(value); err != nil {
			return u, false
		}
		switch key = strings.ToUpper(key); {
		case key == "UID" && i == 0:
			n, err := strconv.ParseUint(value, 10, 32)
			if err != nil || n == 0 {
				return u, false
			}
			u.uid = mail.ItemID(n)
		case key == "SECTION" && i == 1:
			sectionText = value
		case key == "PARTIAL" && partialText == "" && i > 0:
			partialText = "<" + value + ">"
			if !strings.Contains(value, ".") { // to the end
				partialText = "<" + value + "." + strconv.Itoa(1<<32-1) + ">"
			}
		default:
			return u, false
		}
	}
	p := &parser{b: []byte("[" + sectionText + "]" + partialText)}
	u.section = p.section(true)
	return u, p.end() == nil && u.uid != 0
}

// cutFold is strings.Cut whatever the case of the separator.
func cutFold(s, sep string) (before, after string, found bool) {
	if i := strings.Index(strings.ToUpper(s), sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// takeURL takes what a URL names into a message.
func (s *session) takeURL(text string, got *taken) error {
	badURL := no("BADURL "+quoteURL(text), "No such message or part")
	u, ok := parseURL(text)
	if !ok {
		return badURL
	}
	var f fetched
	err := s.srv.cfg.Store.View(got.ctx, func(tx *store.Tx) error {
		n, err := s.findFolder(tx, u.mailbox)
		if err != nil {
			return err
		}
		if u.validity != 0 && u.validity != s.uidValidity(n.ID) {
			return mail.ErrNoItem
		}
		if f.item, err = s.srv.cfg.Mailboxes.Item(tx, s.box, n.ID, u.uid); err != nil {
			return err
		}
		f.index, err = s.srv.cfg.Mailboxes.Index(tx, f.item.Blob)
		return err
	})
	var answered reply
	switch {
	case errors.Is(err, mail.ErrNoFolder), errors.Is(err, mail.ErrNoItem), errors.As(err, &answered):
		return badURL
	case err != nil:
		return err
	}
	m := s.look(got.ctx, &f)
	defer m.close()
	if err := m.open(); errors.Is(err, blob.ErrGone) {
		return badURL
	} else if err != nil {
		return err
	}
	return s.takePiece(got, m, &u.section, badURL)
}

func (s *session) takePiece(got *taken, m *look, x *section, badURL error) error {
	p, ok := m.locate(x)
	if !ok {
		return badURL
	}
	if x.HeaderFields != nil || x.HeaderFieldsNot != nil {
		return badURL // RFC 5092 does not forbid it; nobody asks
	}
	p.cut(x)
	if got.size+p.size > s.srv.cfg.MaxMessageBytes {
		return no("TOOBIG", "The message is too large")
	}
	got.size += p.size
	for p.size > 0 {
		raw, err := p.read(min(p.size, firstBuffer))
		if err != nil {
			return err
		}
		if err := got.take(raw); err != nil {
			return err
		}
		if got.refused {
			return errBusy
		}
		p.off, p.size = p.off+int64(len(raw)), p.size-int64(len(raw))
	}
	return context.Cause(got.ctx)
}

// quoteURL is a URL as a response code can have it (RFC 4469 4).
func quoteURL(s string) string {
	if len(s) > 200 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' || r == ']' }) {
		return `""`
	}
	return `"` + s + `"`
}
