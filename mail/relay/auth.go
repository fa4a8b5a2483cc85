package relay

import (
	"encoding/base64"
	"strings"
)

// authenticate logs in at a relay of ours (RFC 4954), never in plain text but on
// this machine.
func (s *session) authenticate(h *Smarthost) *hostError {
	if h.User == "" {
		return nil
	}
	if s.state == nil && !s.target.addr.Addr().IsLoopback() {
		return s.failed("4.7.0", "the relay offers no TLS, and the password is not sent without", nil)
	}
	offered := strings.Fields(strings.ToUpper(s.ext["AUTH"]))
	for _, m := range []struct {
		name string
		run  func(*Smarthost) (reply, error)
	}{
		{"SCRAM-SHA-256", s.authScram},
		{"PLAIN", s.authPlain},
		{"LOGIN", s.authLogin},
	} {
		if !contains(offered, m.name) {
			continue
		}
		r, err := m.run(h)
		if err != nil {
			return s.broken("at AUTH", err)
		}
		if !r.good() { // our password is wrong, not the message
			return &hostError{temporary: true, status: "4.7.0", reply: r.text(), text: "the relay does not take our login", target: s.target}
		}
		return nil
	}
	return &hostError{temporary: true, status: "4.7.0", text: "the relay offers no way to log in that we know", target: s.target}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func encode64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// authPlain is RFC 4616.
func (s *session) authPlain(h *Smarthost) (reply, error) {
	return s.command(s.times.Command, "AUTH PLAIN "+encode64("\x00"+h.User+"\x00"+h.Password))
}

// authLogin asks for name and password one after the other.
func (s *session) authLogin(h *Smarthost) (reply, error) {
	r, err := s.command(s.times.Command, "AUTH LOGIN")
	for _, word := range []string{h.User, h.Password} {
		if err != nil || r.code != 334 {
			return r, err
		}
		r, err = s.command(s.times.Command, encode64(word))
	}
	return r, err
}

// authScram is RFC 7677.
func (s *session) authScram(h *Smarthost) (reply, error) {
	c, err := newScram(h.User, h.Password)
	if err != nil {
		return reply{}, err
	}
	r, err := s.command(s.times.Command, "AUTH SCRAM-SHA-256 "+encode64(c.first()))
	if err != nil || r.code != 334 {
		return r, err
	}
	final, err := c.final(decode64(r))
	if err != nil {
		s.put("*") // RFC 4954 4
		_ = s.w.Flush()
		return reply{}, err
	}
	if r, err = s.command(s.times.Command, encode64(final)); err != nil || r.code != 334 {
		return r, err
	}
	if err := c.verify(decode64(r)); err != nil {
		return reply{}, err
	}
	return s.command(s.times.Command, "")
}

// decode64 reads a challenge.
func decode64(r reply) string {
	if len(r.lines) == 0 {
		return ""
	}
	b, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(r.lines[0]))
	return string(b)
}
