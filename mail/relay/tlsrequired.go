package relay

import (
	"bufio"
	"io"
	"strings"

	"martlet/mail"
)

// maxHeaderLook is how much of a message is looked at for its TLS-Required field,
// in bytes.
const maxHeaderLook = 64 << 10

// waivesTLS tells whether the sender wants the message there rather than protected
// (RFC 8689 5): it has the field TLS-Required once, and that says no.
func waivesTLS(c mail.Content) bool {
	r := bufio.NewReaderSize(io.NewSectionReader(c, 0, min(c.Size(), maxHeaderLook)), 4<<10)
	times, says, inField := 0, "", false
	for {
		line, err := r.ReadString('\n')
		text := strings.TrimRight(line, "\r\n")
		if text == "" {
			break
		}
		name, value, found := strings.Cut(text, ":")
		switch {
		case text[0] == ' ' || text[0] == '\t': // folded (RFC 5322 2.2.3)
			if inField {
				says += text
			}
		default:
			inField = found && strings.EqualFold(strings.TrimRight(name, " \t"), "TLS-Required")
			if inField {
				times++
				says = value
			}
		}
		if err != nil {
			break
		}
	}
	return times == 1 && strings.EqualFold(strings.TrimSpace(says), "no")
}

// keepsSecret tells whether a server is known, spoken with in TLS, and promises to
// go on so.
func (s *session) keepsSecret() bool {
	return s.state != nil && s.policy.Verified && s.has("REQUIRETLS")
}
