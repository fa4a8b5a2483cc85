package smtp

import "context"

func (s *session) rset(_ context.Context, arg string) reply {
	if arg != "" {
		return replyNoArgument
	}
	s.reset()
	return replyOK
}

func (s *session) noop(context.Context, string) reply { return replyOK }

// RFC 5321 3.5.3: a server that will not tell whether an address exists says
// so with 252.
func (s *session) vrfy(_ context.Context, arg string) reply {
	if arg == "" {
		return answer(501, "5.5.4", "VRFY needs an address")
	}
	return answer(252, "2.5.0", "Send some mail, and it will be tried")
}

func (s *session) expn(context.Context, string) reply {
	return answer(502, "5.7.0", "Lists are not shown")
}

func (s *session) help(context.Context, string) reply {
	hello := "EHLO HELO"
	if s.srv.cfg.Mode == LMTP {
		hello = "LHLO"
	}
	return reply{code: 214, enhanced: "2.0.0", lines: []string{
		"Commands: " + hello + " STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT",
		"See RFC 5321",
	}}
}

func (s *session) quit(_ context.Context, arg string) reply {
	if arg != "" {
		return replyNoArgument
	}
	return goodbye(221, "2.0.0", s.srv.cfg.Hostname+" closing the connection")
}
