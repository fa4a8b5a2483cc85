package announce

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/push"
	"martlet/push/seal"
)

// What an alert names at most.
const (
	maxSenders     = 3
	maxSenderRunes = 60
	maxSubject     = 200 // bytes
	maxSmaller     = 60  // bytes of a subject, when the service wants less
)

// text is what an alert says.
type text struct {
	title, subtitle, body string
	thread, message       string
	high                  bool
	newest                int64
}

// opaque is a name that says nothing to who does not know the registration.
func (r *Registration) opaque(what string, of []byte) string {
	h := hmac.New(sha256.New, r.secret)
	h.Write([]byte(what))
	h.Write([]byte{0})
	h.Write(of)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}

// collapse names the alert of a slot.
func (r *Registration) collapse(at slot) string {
	if at.sum {
		return r.opaque("summary", nil)
	}
	return r.opaque("conversation", at.thread[:])
}

// write says in words what several messages are, of which the newest counts
// most. more is how many others the same alert tells of.
func (p *planner) write(those []entry, sum bool, more uint64) (t text, err error) {
	detail := max(p.reg.Detail, p.b.c.Detail)
	newest := those[len(those)-1]
	for _, n := range those {
		t.high = t.high || n.High
		t.newest = max(t.newest, n.At)
	}
	if !sum {
		t.thread = p.reg.opaque("group", newest.Thread[:])
		t.message = serverID(newest.place())
	}
	ix, err := p.indexOf(&newest)
	if err != nil {
		return t, err
	}
	if ix == nil {
		ix = &message.Index{}
	}
	subject := push.Cut(oneLine(ix.Subject), maxSubject)
	if p.ask.Smaller {
		subject = push.Cut(subject, maxSmaller)
	}
	preview := oneLine(ix.Preview)
	if p.ask.Smaller || detail > DetailPreview {
		preview = ""
	}
	count := uint64(len(those)) + more
	switch {
	case count > 1:
		t.title = strconv.FormatUint(count, 10) + " new messages"
		if detail <= DetailSender {
			if t.subtitle, err = p.senders(those); err != nil {
				return t, err
			}
		}
		if detail <= DetailSubject {
			t.body = join(subject, preview)
		}
	case detail == DetailNone:
		t.title = "New message"
	default:
		t.title = sender(ix)
		if detail <= DetailSubject {
			t.subtitle = subject
		}
		t.body = preview
	}
	return t, nil
}

func join(subject, preview string) string {
	if subject == "" || preview == "" {
		return subject + preview
	}
	return subject + ": " + preview
}

// senders names who wrote, each once, the newest first.
func (p *planner) senders(those []entry) (string, error) {
	var names []string
	for i := len(those) - 1; i >= max(len(those)-2*maxSenders, 0); i-- {
		ix, err := p.indexOf(&those[i])
		if err != nil {
			return "", err
		}
		if ix == nil {
			continue
		}
		name := sender(ix)
		if slices.Contains(names, name) {
			continue
		}
		if len(names) == maxSenders {
			names = append(names, "…")
			break
		}
		names = append(names, name)
	}
	return strings.Join(names, ", "), nil
}

// sender is who a message is from, as people are shown.
func sender(ix *message.Index) string {
	for _, list := range [][]message.Address{ix.From, ix.Sender} {
		for _, a := range list {
			for _, s := range []string{a.Name, a.Address} {
				if s = oneLine(s); s != "" {
					return push.Cut(s, 4*maxSenderRunes)
				}
			}
		}
	}
	return "New message"
}

// oneLine makes one line of a text, without characters that turn what is beside
// them around or are none to be seen. What has none that can be seen is empty.
// Joiners and tags stay in the others: emoji, flags and some scripts need them.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c, r == 0xfeff,
			r == 0xad, r == 0x200b, r >= 0x2060 && r <= 0x2064:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	if !strings.ContainsFunc(s, visible) {
		return ""
	}
	return strings.Join(strings.Fields(s), " ")
}

// visible knows characters that leave a mark by themselves (Unicode,
// DerivedCoreProperties: what is not Default_Ignorable_Code_Point).
func visible(r rune) bool {
	return !unicode.IsSpace(r) && !unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// serverID is what ActiveSync calls the message; its second half is the IMAP UID.
func serverID(at mail.Place) string {
	return strconv.FormatUint(uint64(at.Folder), 10) + ":" + strconv.FormatUint(uint64(at.Item), 10)
}

// fill puts a text into a notification, in the clear or sealed.
func (p *planner) fill(n *push.Notification, t *text) error {
	// A phone that dozes gets what is not high from Google in its next maintenance
	// window, an hour later maybe; Apple delivers an alert soon in any case.
	n.Mode, n.High = p.reg.Mode, t.high || p.reg.Kind == push.FCM
	unread := int(p.watch.unread)
	if n.Mode != push.Sealed {
		n.Title, n.Subtitle, n.Body = t.title, t.subtitle, t.body
		n.Thread, n.Message, n.Unread = t.thread, t.message, &unread
		return nil
	}
	// The account's name too: outside it would tell which of them has mail.
	var err error
	n.Envelope, err = seal.Seal(p.reg.SealKey, nil, &seal.Content{
		Account: p.reg.Name, Message: t.message, Thread: t.thread,
		Sender: t.title, Subject: t.subtitle, Preview: t.body, Unread: &unread,
	})
	return err
}
