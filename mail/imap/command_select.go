package imap

import (
	"context"
	"errors"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// selectCommand answers SELECT (RFC 9051 6.3.2).
func (s *session) selectCommand(ctx context.Context, p *parser) error {
	return s.enterFolder(ctx, p, false)
}

// examine answers EXAMINE: nothing can be changed through it (RFC 9051 6.3.3).
func (s *session) examine(ctx context.Context, p *parser) error { return s.enterFolder(ctx, p, true) }

func (s *session) enterFolder(ctx context.Context, p *parser, readOnly bool) error {
	p.sp()
	name := p.mailbox()
	var known *resync
	if p.try(' ') {
		var condstore bool
		known, condstore = s.selectParams(p)
		s.condstore = s.condstore || condstore && p.err == nil
	}
	if err := p.end(); err != nil {
		return err
	}
	// Also when the new one cannot be had, the old one is left (RFC 9051 6.3.2).
	s.leaveFolder()
	var f mail.Folder
	var v *view
	var last mail.ItemID
	err := s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		n, err := s.findFolder(tx, name)
		if err != nil {
			return err
		}
		f, name = n.Folder, n.name
		if last, err = s.srv.cfg.Mailboxes.LastIn(tx, s.box, f.ID); err != nil {
			return err
		}
		v, err = s.open(tx, f, readOnly || readOnlyFor(&f))
		return err
	})
	if err != nil {
		return err
	}
	s.view, s.state = v, goimap.ConnStateSelected
	s.tellSelected(&f, name, last)
	if known != nil && known.validity == s.uidValidity(f.ID) {
		if err := s.resync(ctx, known); err != nil {
			s.unselect()
			return err
		}
	}
	switch {
	case readOnly:
		return ok("READ-ONLY", "EXAMINE completed")
	case v.readOnly:
		return ok("READ-ONLY", "SELECT completed, and nothing can be changed here")
	}
	return ok("READ-WRITE", "SELECT completed")
}

// tellSelected says what a client must know of the mailbox it has selected (RFC
// 9051 6.3.2). last is the highest UID that was ever in it: UIDNEXT must not
// change when something comes to another mailbox (RFC 9051 2.3.1.1).
func (s *session) tellSelected(f *mail.Folder, name string, last mail.ItemID) {
	s.out.rawf("* FLAGS (%s)\r\n", joinFlags(permanentFlags()))
	if s.view.readOnly {
		s.out.raw("* OK [PERMANENTFLAGS ()] Nothing can be changed\r\n")
	} else {
		s.out.rawf("* OK [PERMANENTFLAGS (%s \\*)] Others may be made\r\n", joinFlags(permanentFlags()))
	}
	s.out.rawf("* %d EXISTS\r\n", len(s.view.uids))
	if !s.rev2 {
		// Which session sees a message first is not kept; RFC 9051 has done away
		// with it.
		s.out.raw("* 0 RECENT\r\n")
	} else {
		s.out.raw("* LIST () ").rawf("%q ", delimiter).string(s.encodeName(name)).raw("\r\n")
	}
	s.out.rawf("* OK [UIDVALIDITY %d] UIDs are valid\r\n", s.uidValidity(f.ID))
	s.out.rawf("* OK [UIDNEXT %d] No UID is less\r\n", uint64(last)+1)
	s.out.rawf("* OK [HIGHESTMODSEQ %d] ModSeqs are kept\r\n", highest(f.Highest))
	s.out.rawf("* OK [MAILBOXID (%s)] Whatever its name\r\n", s.mailboxID(f))
}

// stillWelcome ends the session of an account that was removed or disabled since
// it logged in, and takes away what was granted to it and is not any more.
// Sessions last for days, so it is asked with every command and every wake.
func (s *session) stillWelcome(ctx context.Context) error {
	if s.state == goimap.ConnStateNotAuthenticated {
		return nil
	}
	a, err := s.srv.cfg.Directory.Account(ctx, s.account.ID)
	if errors.Is(err, directory.ErrNoAccount) || err == nil && (a.Disabled || a.Server != "") {
		s.bye("The account is not served here any more")
		return reply{}
	}
	if err != nil {
		return err
	}
	return s.refresh(ctx)
}

// uidValidity says which folder the UIDs are of (RFC 9051 2.3.1.1). Neither they
// nor folders' numbers are ever used again, but by a store that was restored from
// a backup: that counts from another beginning.
func (s *session) uidValidity(f mail.FolderID) uint32 { return s.restored + uint32(f) }

// findFolder returns a folder that can be selected.
func (s *session) findFolder(tx *store.Tx, name string) (node, error) {
	all, err := s.tree(tx)
	if err != nil {
		return node{}, err
	}
	n, found := find(all, name)
	switch {
	case !found || !n.shown:
		return n, mail.ErrNoFolder
	case n.noselect:
		return n, no("CANNOT", "This mailbox holds no messages")
	}
	return n, nil
}

// unselect leaves the selected mailbox.
func (s *session) unselect() {
	s.view = nil
	if s.state == goimap.ConnStateSelected {
		s.state = goimap.ConnStateAuthenticated
	}
}

// leaveFolder leaves the selected mailbox and says so to who knows what it means
// (RFC 9051 7.1, CLOSED).
func (s *session) leaveFolder() {
	if s.view != nil && (s.rev2 || s.qresync) { // RFC 7162 3.2.11
		s.out.raw("* OK [CLOSED] The mailbox before is left\r\n")
	}
	s.unselect()
}

// unselectCommand answers UNSELECT (RFC 9051 6.4.2).
func (s *session) unselectCommand(_ context.Context, p *parser) error {
	if err := p.end(); err != nil {
		return err
	}
	s.unselect()
	return nil
}

// closeCommand answers CLOSE: UNSELECT after a silent EXPUNGE (RFC 9051 6.4.1).
func (s *session) closeCommand(ctx context.Context, p *parser) error {
	if err := p.end(); err != nil {
		return err
	}
	defer s.unselect()
	if s.view.readOnly {
		return nil
	}
	return s.expungeDeleted(ctx, nil)
}
