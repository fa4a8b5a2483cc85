package imap

import (
	"context"
	"errors"
	"fmt"

	"martlet/mail"
	"martlet/mail/announce"
	"martlet/mail/search"
	"martlet/store"
	"martlet/store/blob"
)

// The kinds of tagged responses (RFC 9051 7.1).
const (
	kindOK  = "OK"
	kindNo  = "NO"
	kindBad = "BAD"
)

// reply is a tagged response. It is an error too, so that a command can end with
// it anywhere; one of kind OK says more than that the command is done.
type reply struct{ kind, code, text string }

// Error implements error.
func (r reply) Error() string { return r.kind + " " + r.text }

func ok(code, text string) reply { return reply{kindOK, code, text} }
func no(code, text string) reply { return reply{kindNo, code, text} }
func bad(text string) reply      { return reply{kindBad, "", text} }

// errSyntax is what a parser stops with.
var errSyntax = errors.New("imap: syntax")

// answer writes the reply to a command, if it was not answered otherwise.
func (s *session) answer(tag string, r reply) {
	if r.kind == "" {
		return
	}
	s.out.raw(tag).raw(" ").raw(r.kind).raw(" ")
	if r.code != "" {
		s.out.raw("[").raw(r.code).raw("] ")
	}
	s.out.raw(r.text).raw("\r\n")
}

// outcome turns what a command ended with into its reply (RFC 9051 7.1, RFC
// 5530).
func (s *session) outcome(verb string, err error) reply {
	var r reply
	switch {
	case err == nil:
		return ok("", verb+" completed")
	case errors.As(err, &r):
		return r
	case errors.Is(err, errSyntax):
		return bad("Syntax of " + verb)
	case errors.Is(err, mail.ErrNoMailbox), errors.Is(err, mail.ErrNoFolder):
		return no("NONEXISTENT", "No such mailbox")
	case errors.Is(err, mail.ErrNoItem):
		return no("EXPUNGEISSUED", "Some of the messages are gone")
	case errors.Is(err, mail.ErrFolderExists):
		return no("ALREADYEXISTS", "A mailbox of that name exists")
	case errors.Is(err, mail.ErrSystemFolder):
		return no("CANNOT", "This mailbox is needed as it is")
	case errors.Is(err, mail.ErrReadOnly):
		return no("NOPERM", "This mailbox is another's, and may only be read")
	case errors.Is(err, mail.ErrBadParent), errors.Is(err, mail.ErrBadName):
		return no("CANNOT", "Not a name that a mailbox can have")
	case errors.Is(err, mail.ErrTooManyFolders), errors.Is(err, mail.ErrMailboxFull), errors.Is(err, mail.ErrItemTooLarge), errors.Is(err, search.ErrTooComplex):
		return no("LIMIT", "More than the mailbox can hold")
	case errors.Is(err, mail.ErrOverQuota): // RFC 9208 4.3
		return no("OVERQUOTA", "The mailbox holds as much as it may")
	case errors.Is(err, mail.ErrNoSpace), errors.Is(err, store.ErrDiskFull):
		return no("OVERQUOTA", "No space left")
	case errors.Is(err, blob.ErrTooLarge):
		return no("TOOBIG", "The message is too large")
	case errors.Is(err, errMemory), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return no("UNAVAILABLE", "Not now, try again later")
	}
	s.srv.log.Error("imap command failed", "remote", s.who, "user", s.account.Login, "command", verb, "error", fmt.Sprint(err))
	return no("SERVERBUG", "Internal error")
}

// appleRefusal is the reply to a device that could not be registered.
func appleRefusal(err error) error {
	for _, theirs := range []error{announce.ErrBadToken, announce.ErrBadAppleMail, announce.ErrBadFolders} {
		if errors.Is(err, theirs) {
			return bad("Not what a device says of itself")
		}
	}
	if errors.Is(err, announce.ErrTooMany) {
		return no("LIMIT", "Too many devices are registered")
	}
	return err
}
