package imap

import (
	goimap "github.com/emersion/go-imap/v2"
)

// readCommand returns the next command, whole: its lines with their literals in
// place, each behind its announcement and a CRLF. The message of APPEND is left
// where it is, announced in s.message. A nil command was refused already.
func (s *session) readCommand() ([]byte, error) {
	s.wait(forCommand)
	limit := maxCommand
	if s.state == goimap.ConnStateNotAuthenticated {
		limit = maxEarly
	}
	var cmd []byte
	for literals := 0; ; literals++ {
		line, err := s.conn.Line(limit - len(cmd))
		if err != nil {
			return nil, err
		}
		s.heardNow()
		s.wait(forMore)
		cmd = append(cmd, line...)
		l, _, ok := literalAt(line)
		if !ok {
			return cmd, nil
		}
		cmd = append(cmd, "\r\n"...)
		switch {
		case l.nonSync && l.size > s.maxNonSync():
			return nil, errNonSync
		case s.isMessage(cmd):
			s.message = &l
			return cmd, nil
		case literals >= maxLiterals || int64(len(cmd))+l.size >= int64(limit):
			return nil, s.refuseLiteral(cmd, l)
		}
		if err := s.takeLiteral(&cmd, l); err != nil {
			return nil, err
		}
	}
}

// takeLiteral asks for a literal and appends it to the command.
func (s *session) takeLiteral(cmd *[]byte, l literal) error {
	if !l.nonSync {
		s.out.raw("+ Ready\r\n")
	}
	return s.conn.Exactly(l.size, func(piece []byte) error {
		*cmd = append(*cmd, piece...)
		return nil
	})
}

// refuseLiteral answers a command with a literal that is too much. One that the
// client asks leave for is not sent at all; of one that is on its way the bytes
// and the rest of the command are read and dropped.
func (s *session) refuseLiteral(cmd []byte, l literal) error {
	p := &parser{b: cmd}
	tag := p.tag()
	if p.err != nil {
		tag = "*"
	}
	for literals := 0; l.nonSync; literals++ {
		if l.size > s.maxNonSync() || literals > maxLiterals {
			return errNonSync
		}
		if err := s.conn.Exactly(l.size, drop); err != nil {
			return err
		}
		line, err := s.conn.Line(maxEarly)
		if err != nil {
			return err
		}
		var more bool
		if l, _, more = literalAt(line); !more {
			break
		}
	}
	s.answer(tag, s.mistake(reply{kind: kindBad, code: "TOOBIG", text: "Literals too long"}))
	return nil
}

// isMessage tells whether the literal that was announced last is the message of
// an APPEND, which is not kept with the command.
func (s *session) isMessage(cmd []byte) bool {
	if s.state == goimap.ConnStateNotAuthenticated {
		return false
	}
	return endsInMessage(&parser{b: cmd, utf8: s.utf8})
}

// leaveMessage gets rid of a message that nobody read. What a client sends
// without asking is on its way: it is read and dropped with the rest of its
// command. A client that asked for leave was told no.
func (s *session) leaveMessage() {
	l := s.message
	s.message = nil
	if l == nil || !l.nonSync || s.done {
		return
	}
	s.wait(forMore)
	for literals := 0; l.nonSync; literals++ {
		err := s.conn.Exactly(l.size, drop)
		var line []byte
		if err == nil {
			line, err = s.conn.Line(maxCommand)
		}
		next, _, more := literalAt(line)
		if err == nil && more && next.nonSync && (next.size > s.maxNonSync() || literals == maxLiterals) {
			err = errNonSync
		}
		if err != nil {
			s.end(err)
			return
		}
		if l = &next; !more {
			return
		}
	}
}

// maxNonSync is the longest literal that the client may send without asking. After a
// longer one the connection is closed: its bytes are on their way and must not be
// read as commands. Whoever has not logged in may send little.
func (s *session) maxNonSync() int64 {
	if s.state == goimap.ConnStateNotAuthenticated {
		return maxEarly
	}
	return max(2*s.srv.cfg.MaxMessageBytes, maxCommand)
}

func drop([]byte) error { return nil }
