package imap

import (
	"context"
	"errors"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/share"
	"martlet/store"
)

// Rights as RFC 4314 writes them (2.1). What is granted are reading, and
// reading and writing; the letters of each go together. An owner has all but
// those to rename and delete folders that a mailbox needs.
//
// c and d are of an older standard and stand for k with x, and t with e: they are
// shown wherever one of these is (RFC 4314 2.1.1).
const (
	aclRead     = "lr"
	aclWrite    = "swite"
	aclDelegate = "p"
	aclOwner    = "lrswipkxteacd"
	aclSystem   = "lrswipkteacd"
	aclAnyone   = "anyone"
)

// aclOf writes rights that were granted.
func aclOf(r mail.Rights) string {
	switch {
	case r&mail.MayDelegate != 0:
		return "lrswipted"
	case r&mail.MayWrite != 0:
		return aclRead + aclWrite + "d"
	case r != 0:
		return aclRead
	}
	return ""
}

// myRights are the session's own in a folder.
func myRights(n *node) string {
	switch {
	case !n.Link.IsZero():
		return aclOf(n.Link.Rights)
	case n.Role != mail.RoleNone:
		return aclSystem
	}
	return aclOwner
}

// folderNamed takes the name of a mailbox that the session administers, or with
// mine only sees.
func (s *session) folderNamed(tx *store.Tx, name string, mine bool) (node, error) {
	n, err := s.findFolder(tx, name)
	if err == nil && !mine && !n.Link.IsZero() { // RFC 4314 4
		err = no("NOPERM", "Only its owner shares this mailbox")
	}
	return n, err
}

// myRightsCommand answers MYRIGHTS (RFC 4314 3.5).
func (s *session) myRightsCommand(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	if err := p.end(); err != nil {
		return err
	}
	return s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		n, err := s.folderNamed(tx, name, true)
		if err != nil {
			return err
		}
		s.out.raw("* MYRIGHTS ").string(s.encodeName(n.name)).rawf(" %s\r\n", myRights(&n))
		return nil
	})
}

// getACL answers GETACL (RFC 4314 3.3).
func (s *session) getACL(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	if err := p.end(); err != nil {
		return err
	}
	return s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		n, err := s.folderNamed(tx, name, false)
		if err != nil {
			return err
		}
		grants, err := s.srv.cfg.Shares.Grants(tx, s.box, n.ID)
		if err != nil {
			return err
		}
		s.out.raw("* ACL ").string(s.encodeName(n.name)).raw(" ").string(s.account.Login).rawf(" %s", myRights(&n))
		for _, g := range grants {
			who, err := s.identifier(tx, g.To)
			if err != nil {
				return err
			}
			s.out.raw(" ").string(who).rawf(" %s", aclOf(g.Rights))
		}
		s.out.raw("\r\n")
		return nil
	})
}

// identifier is how RFC 4314 names somebody: the address of a user or group.
func (s *session) identifier(tx *store.Tx, to share.Principal) (string, error) {
	switch {
	case to.IsEveryone():
		return aclAnyone, nil
	case to.Account == 0:
		return to.Group, nil
	}
	a, err := s.srv.cfg.Directory.AccountIn(tx, to.Account)
	return a.Login, err
}

// identified reads an identifier.
func (s *session) identified(tx *store.Tx, name string) (share.Principal, error) {
	if name == aclAnyone {
		return share.Principal{}, nil
	}
	to, err := s.srv.cfg.Shares.Principal(tx, name)
	if name == "" || errors.Is(err, directory.ErrNoAddress) || errors.Is(err, directory.ErrBadAddress) {
		return to, no("CANNOT", "There is nobody of this name")
	}
	return to, err
}

// listRights answers LISTRIGHTS: what can be granted, which letters go together
// (RFC 4314 3.4).
func (s *session) listRights(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	p.sp()
	who := p.astring()
	if err := p.end(); err != nil {
		return err
	}
	return s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		n, err := s.folderNamed(tx, name, false)
		if err != nil {
			return err
		}
		to, err := s.identified(tx, who)
		if err != nil {
			return err
		}
		s.out.raw("* LISTRIGHTS ").string(s.encodeName(n.name)).raw(" ").string(who)
		if to.Account == s.account.ID {
			s.out.rawf(" %s\r\n", myRights(&n))
			return nil
		}
		s.out.rawf(" \"\" %s %sd\r\n", aclRead, aclWrite)
		return nil
	})
}

// setACL answers SETACL (RFC 4314 3.1).
func (s *session) setACL(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	p.sp()
	who := p.astring()
	p.sp()
	letters := p.astring()
	if err := p.end(); err != nil {
		return err
	}
	return s.changeACL(ctx, name, who, func(old string) (string, error) { return newACL(old, letters) })
}

// deleteACL answers DELETEACL (RFC 4314 3.2).
func (s *session) deleteACL(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	p.sp()
	who := p.astring()
	if err := p.end(); err != nil {
		return err
	}
	return s.changeACL(ctx, name, who, func(string) (string, error) { return "", nil })
}

// newACL is what SETACL makes of the letters that somebody had. Letters that an
// owner alone has, or that nobody knows, are refused.
func newACL(old, letters string) (string, error) {
	sign := byte(0)
	if letters != "" && (letters[0] == '+' || letters[0] == '-') {
		sign, letters = letters[0], letters[1:]
	}
	for _, c := range letters {
		if !strings.ContainsRune(aclOwner, c) {
			return "", bad("Not a right")
		}
	}
	letters = strings.ReplaceAll(letters, "d", "te")
	old = strings.ReplaceAll(old, "d", "")
	switch sign {
	case '+':
		letters = old + letters
	case '-':
		letters = strings.Map(func(c rune) rune {
			if strings.ContainsRune(letters, c) {
				return -1
			}
			return c
		}, old)
	}
	return letters, nil
}

// grantable turns letters into rights. Those that go together are not granted in
// part: that would be less or more than was asked for.
func grantable(letters string, was mail.Rights) (mail.Rights, error) {
	has := func(all string) bool {
		for _, c := range all {
			if !strings.ContainsRune(letters, c) {
				return false
			}
		}
		return true
	}
	switch {
	case letters == "":
		return 0, nil
	case strings.ContainsAny(letters, "kxac"):
		return 0, no("CANNOT", "Only the owner has these rights")
	case has(aclRead + aclWrite + aclDelegate):
		if was&mail.MayDelegate == 0 {
			return 0, no("CANNOT", "Who may act for somebody is not said here")
		}
		return was, nil
	case has(aclRead+aclWrite) && !has(aclDelegate):
		return mail.MayWrite | was&mail.MaySee, nil
	// Reading and keeping what was seen is what programs offer as reading.
	case has(aclRead) && !strings.ContainsAny(letters, "witep"):
		return mail.MayRead | was&mail.MaySee, nil
	}
	return 0, no("CANNOT", "Rights go together here: lr, or lrswite")
}

// changeACL changes what somebody may do in a mailbox of the session's user.
func (s *session) changeACL(ctx context.Context, name, who string, edit func(old string) (string, error)) error {
	return s.srv.cfg.Store.Update(store.WithReserve(ctx), func(tx *store.Tx) error {
		n, err := s.folderNamed(tx, name, false)
		if err != nil {
			return err
		}
		if strings.HasPrefix(who, "-") {
			return no("CANNOT", "Nobody is refused rights that others have")
		}
		to, err := s.identified(tx, who)
		if err != nil {
			return err
		}
		grants, err := s.srv.cfg.Shares.Grants(tx, s.box, n.ID)
		if err != nil {
			return err
		}
		g := share.Grant{Box: s.box, Folder: n.ID, To: to}
		was := mail.Rights(0)
		for _, old := range grants {
			if old.To == to {
				was = old.Rights
			}
		}
		letters, err := edit(aclOf(was))
		if err != nil {
			return err
		}
		if g.Rights, err = grantable(letters, was); err != nil {
			return err
		}
		switch {
		case g.Rights != 0:
			err = s.srv.cfg.Shares.GrantIn(tx, g)
		case was != 0:
			err = s.srv.cfg.Shares.RevokeIn(tx, g.Box, g.Folder, g.To)
		}
		return aclRefusal(err)
	})
}

// aclRefusal is the reply to what cannot be granted.
func aclRefusal(err error) error {
	switch {
	case errors.Is(err, share.ErrOwner):
		return no("CANNOT", "The owner may do everything already")
	case errors.Is(err, share.ErrNotShareable), errors.Is(err, share.ErrBadRights):
		return no("CANNOT", "This cannot be granted")
	case errors.Is(err, share.ErrTooMany):
		return no("LIMIT", "It is shared with too many already; share it with a group")
	}
	return err
}
