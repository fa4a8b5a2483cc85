package smtp

import (
	"context"
	"errors"
	"strings"
)

// bdat answers BDAT (RFC 3030 2). The chunk follows the command whatever we
// think of it, so it is read before anything is said.
func (s *session) bdat(ctx context.Context, arg string) reply {
	word, rest, _ := strings.Cut(arg, " ")
	n, ok := parseNumber(word)
	last := strings.EqualFold(rest, "LAST")
	if !ok || rest != "" && !last {
		// Without its length the chunk cannot be told from commands.
		return goodbye(501, "5.5.4", "Syntax: BDAT length [LAST]")
	}
	var wrong reply
	switch {
	case !s.started:
		wrong = replyNeedMail
	case len(s.env.To) == 0:
		wrong = replyNeedRcpt
	}
	msg := s.chunks
	if wrong.code != 0 {
		msg = &message{limit: s.srv.cfg.MaxMessageBytes, budget: s.srv.inFlight, noRoom: true}
	} else if msg == nil {
		msg = s.srv.newMessage(ctx)
		s.chunks = msg
	}
	if rep, ok := s.readChunk(ctx, msg, n); !ok {
		return rep
	}
	switch {
	case wrong.code != 0:
		return wrong
	case msg.tooBig:
		s.reset()
		return replyTooBig
	case msg.noRoom:
		s.reset()
		return replyNoSpace
	case !last:
		return answer(250, "2.0.0", "Chunk received")
	}
	s.chunks = nil // the message now belongs to this call
	defer msg.free()
	return s.accept(ctx, msg, hasBareNewline)
}

// readChunk reads the chunk; when that fails it returns the session's last
// reply and false.
func (s *session) readChunk(ctx context.Context, msg *message, n int64) (reply, bool) {
	s.forMessage()
	err := s.conn.Exactly(n, func(p []byte) error { return msg.write(ctx, p) })
	s.forCommand()
	if errors.Is(err, errGiveUp) {
		return goodbye(552, "5.3.4", "The message is far too big"), false
	}
	if err != nil {
		s.end(err)
		return reply{}, false
	}
	return reply{}, true
}
