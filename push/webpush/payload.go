package webpush

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"martlet/push"
)

// payload is the form that the package's comment describes.
type payload struct {
	Version  int    `json:"version"`
	Mode     string `json:"mode"`
	ID       string `json:"id,omitempty"`
	Account  string `json:"account,omitempty"`
	Message  string `json:"message,omitempty"`
	Thread   string `json:"thread,omitempty"`
	Tag      string `json:"tag,omitempty"`
	Unread   *int   `json:"unread,omitempty"`
	Sender   string `json:"sender,omitempty"`
	Subject  string `json:"subject,omitempty"`
	Preview  string `json:"preview,omitempty"`
	Envelope string `json:"envelope,omitempty"`
}

// The lengths to which a message is padded, so that its own tells little. What
// is above the third does not reach Firefox on Android, whose service takes
// 3,070 bytes encrypted, so text is cut to fit; an envelope is not.
const (
	maxPlain = 4096 - overhead // RFC 8291 4: 3,993
	maxText  = 3070 - overhead
)

var paddings = [...]int{1024, 2048, maxText, maxPlain}

// encode is the message as JSON, at most maxPlain bytes. Nil: what must not be
// cut is longer.
func encode(n *push.Notification) []byte {
	p := payload{Version: 1, Mode: n.Mode.String(), ID: n.ID, Tag: n.Collapse}
	if n.Mode != push.Sealed || n.Withdrawn { // everything else is in the envelope
		p.Account, p.Message, p.Thread = n.Account, n.Message, n.Thread
	}
	// Each mode tells no more than its name says, whatever else is set.
	switch {
	case n.Withdrawn:
		p.Mode, p.Unread = "withdrawn", n.Unread
	case n.Mode == push.Badge:
		p.Unread = n.Unread
	case n.Mode == push.Alert:
		p.Unread = n.Unread
		p.Sender, p.Subject, p.Preview = push.Cut(n.Title, maxText), push.Cut(n.Subtitle, maxText), push.Cut(n.Body, maxText)
	case n.Mode == push.Sealed:
		p.Envelope = base64.RawURLEncoding.EncodeToString(n.Envelope)
	}
	plain := p.json()
	if p.Mode == push.Alert.String() {
		push.Fit(maxText, func() int {
			plain = p.json()
			return len(plain)
		}, &p.Preview, &p.Subject, &p.Sender)
	}
	if len(plain) > maxPlain {
		return nil
	}
	return plain
}

func (p *payload) json() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(p) // strings, a number and a bool: there is no error
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// message is the body of the request. The outcome is set if there is none.
func message(t push.Target, n *push.Notification) ([]byte, push.Outcome) {
	switch n.Mode {
	case push.Silent, push.Badge, push.Alert, push.Sealed:
	default:
		return nil, push.Outcome{Result: push.Refused, Reason: "no such mode in Web Push"}
	}
	if len(t.PublicKey) == 0 && len(t.Auth) == 0 && n.Mode == push.Silent {
		return nil, push.Outcome{}
	}
	plain := encode(n)
	if plain == nil {
		return nil, push.Outcome{Result: push.TooLarge, Reason: "longer than 4096 bytes"}
	}
	body, err := encrypt(t.PublicKey, t.Auth, plain, padding(len(plain)))
	if err != nil {
		return nil, push.Outcome{Result: push.BadTarget, Reason: "keys of the device are wrong"}
	}
	return body, push.Outcome{}
}

func padding(n int) int {
	for _, p := range paddings {
		if n <= p {
			return p - n
		}
	}
	return 0
}

// topic is the header of RFC 8030 5.4. The service sees that two messages have
// the same and nothing else, and it has always 32 characters: Apple decodes it
// and refuses lengths that base64 cannot have.
func topic(t push.Target, collapse string) string {
	key := t.Auth
	if len(key) == 0 {
		key = []byte(t.Endpoint)
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte("topic "))
	h.Write([]byte(collapse))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:24])
}
