package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"martlet/push"
)

// Content is the text of a notification. Of a JSON object with other names as
// well, an app passes over what it does not know.
type Content struct {
	Version int    `json:"version"`           // 1; Seal sets it
	Account string `json:"account,omitempty"` // as the app registered it
	Message string `json:"message,omitempty"` // what to open; opaque
	Thread  string `json:"thread,omitempty"`  // groups what is shown; opaque
	Sender  string `json:"sender,omitempty"`
	Subject string `json:"subject,omitempty"`
	Preview string `json:"preview,omitempty"`
	Unread  *int   `json:"unread,omitempty"` // the badge; absent: leave it
}

// The longest that goes in, in bytes. What names something is refused beyond
// that, since half a name is none; a text is cut.
const (
	maxName    = 128
	maxSender  = 200
	maxSubject = 400
)

var errName = fmt.Errorf("seal: a name is longer than %d bytes", maxName)

// encode returns the padded JSON.
func (c *Content) encode() ([]byte, error) {
	if len(c.Account) > maxName || len(c.Message) > maxName || len(c.Thread) > maxName {
		return nil, errName
	}
	v := *c
	v.Version = version
	v.Sender, v.Subject = push.Cut(v.Sender, maxSender), push.Cut(v.Subject, maxSubject)
	v.Preview = push.Cut(v.Preview, maxContent)
	var plain []byte
	var err error
	push.Fit(maxContent, func() int {
		plain, err = v.json()
		return len(plain)
	}, &v.Preview, &v.Subject, &v.Sender)
	if err != nil {
		return nil, err
	}
	for _, n := range padded {
		if len(plain) <= n {
			return append(plain, bytes.Repeat([]byte{' '}, n-len(plain))...), nil
		}
	}
	return nil, errName // names full of what JSON escapes
}

func (c *Content) json() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(c); err != nil {
		return nil, fmt.Errorf("seal: encode: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

func decode(plain []byte) (*Content, error) {
	c := new(Content)
	if err := json.Unmarshal(plain, c); err != nil {
		return nil, errors.Join(ErrEnvelope, err)
	}
	if c.Version != version {
		return nil, ErrEnvelope
	}
	return c, nil
}
