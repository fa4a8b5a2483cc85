package smtp

import (
	"errors"
	"strings"

	"martlet/mail"
)

var errSyntax = errors.New("smtp: bad syntax")

// cutPath splits "<path> parameters", or a path without brackets, which some
// clients send (RFC 5321 4.1.2). A source route is dropped (RFC 5321 F.2).
func cutPath(s string) (path, rest string, err error) {
	s = strings.TrimLeft(s, " \t")
	if s == "" || len(s) > maxCommandLine {
		return "", "", errSyntax
	}
	if s[0] != '<' {
		path, rest, _ = strings.Cut(s, " ")
		if strings.ContainsAny(path, "<>\"") {
			return "", "", errSyntax
		}
		return path, rest, nil
	}
	end := closingBracket(s)
	if end < 0 {
		return "", "", errSyntax
	}
	path, rest = s[1:end], s[end+1:]
	if rest != "" && rest[0] != ' ' {
		return "", "", errSyntax
	}
	if strings.HasPrefix(path, "@") {
		_, after, found := strings.Cut(path, ":")
		if !found {
			return "", "", errSyntax
		}
		path = after
	}
	return path, strings.TrimLeft(rest, " "), nil
}

// closingBracket finds the ">" that is not within a quoted local part.
func closingBracket(s string) int {
	quoted := false
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '>' && !quoted:
			return i
		}
	}
	return -1
}

// parseAddress checks the address in a path. A reply without a code means that
// all is well.
func (s *session) parseAddress(path string, utf8Allowed bool, enhanced string) (string, reply) {
	address, err := mail.ParseAddress(path)
	switch {
	case err != nil:
		return "", answer(501, enhanced, "Bad address")
	case !utf8Allowed && !mail.IsASCII(path): // RFC 6531 3.5
		return "", s.refusal(answer(553, "5.6.7", "This address needs SMTPUTF8"))
	}
	return address, reply{}
}
