package imap

import (
	"context"
	"errors"
	"strings"

	"martlet/mail"
	"martlet/store"
)

// create answers CREATE (RFC 9051 6.3.4).
func (s *session) create(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	if err := p.end(); err != nil {
		return err
	}
	// A delimiter at the end says that others will be made below.
	name = canonical(strings.TrimSuffix(name, delimiter))
	if name == inbox {
		return mail.ErrFolderExists
	}
	if err := s.mayNotMake(name); err != nil {
		return err
	}
	var made mail.Folder
	err := s.srv.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		all, err := s.tree(tx)
		if err != nil {
			return err
		}
		if _, found := find(all, name); found {
			return mail.ErrFolderExists
		}
		parent, last := splitName(name)
		above, err := s.makeFolder(tx, all, parent)
		if err != nil {
			return err
		}
		made, err = s.srv.cfg.Mailboxes.CreateFolder(tx, s.box, above, folderName(last), mail.ClassEmail)
		return err
	})
	if err != nil {
		return err
	}
	return ok("MAILBOXID ("+s.mailboxID(&made)+")", "CREATE completed") // RFC 8474 4.1
}

// makeFolder returns the folder of a name and makes what is missing of it (RFC
// 9051 6.3.4). The empty name is the top.
func (s *session) makeFolder(tx *store.Tx, all []node, name string) (mail.FolderID, error) {
	if name == "" {
		return 0, nil
	}
	if n, found := find(all, name); found {
		if !n.shown || n.noselect {
			return 0, mail.ErrBadParent
		}
		return n.ID, nil
	}
	parent, last := splitName(name)
	above, err := s.makeFolder(tx, all, parent)
	if err != nil {
		return 0, err
	}
	f, err := s.srv.cfg.Mailboxes.CreateFolder(tx, s.box, above, folderName(last), mail.ClassEmail)
	return f.ID, err
}

// deleteCommand answers DELETE (RFC 9051 6.3.5). A mailbox with others below it
// stays: they would go too. A session that deletes the one it has selected goes
// on without.
func (s *session) deleteCommand(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	if err := p.end(); err != nil {
		return err
	}
	var gone mail.FolderID
	err := s.srv.cfg.Store.Update(store.WithReserve(ctx), func(tx *store.Tx) error {
		n, err := s.findFolder(tx, name)
		switch {
		case err != nil:
			return err
		case n.Role != mail.RoleNone:
			return mail.ErrSystemFolder
		}
		folders, err := s.srv.cfg.Mailboxes.Folders(tx, s.box)
		if err != nil {
			return err
		}
		for _, f := range folders { // those that are not shown too
			if f.Parent == n.ID {
				return no("HASCHILDREN", "There are mailboxes below it")
			}
		}
		gone = n.ID
		if err := s.srv.cfg.Mailboxes.DeleteFolder(tx, s.box, n.ID); err != nil {
			return err
		}
		return s.srv.notes.forget(tx, s.box, n.ID)
	})
	if err == nil && s.view != nil && s.view.folder == gone {
		s.leaveFolder()
	}
	return err
}

// rename answers RENAME (RFC 9051 6.3.6). What is below goes along.
func (s *session) rename(ctx context.Context, p *parser) error {
	p.sp()
	from := canonical(p.mailbox())
	p.sp()
	to := canonical(strings.TrimSuffix(p.mailbox(), delimiter))
	if err := p.end(); err != nil {
		return err
	}
	if err := s.mayNotMake(to); err != nil {
		return err
	}
	if from == inbox {
		return s.renameInbox(ctx, to)
	}
	return s.srv.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		all, err := s.tree(tx)
		if err != nil {
			return err
		}
		n, found := find(all, from)
		switch {
		case !found || !n.shown:
			return mail.ErrNoFolder
		case n.Role != mail.RoleNone, n.ID == 0:
			return mail.ErrSystemFolder
		case strings.HasPrefix(to, n.name+delimiter):
			return mail.ErrBadParent
		}
		if other, found := find(all, to); found && other.ID != n.ID {
			return mail.ErrFolderExists
		}
		parent, last := splitName(to)
		above, err := s.makeFolder(tx, all, parent)
		if err != nil {
			return err
		}
		_, err = s.srv.cfg.Mailboxes.UpdateFolder(tx, s.box, n.ID, above, folderName(last))
		return err
	})
}

// renameInbox moves all messages of INBOX to a new mailbox (RFC 9051 6.3.6).
func (s *session) renameInbox(ctx context.Context, to string) error {
	if to == "" {
		return mail.ErrBadName
	}
	var src, dst mail.FolderID
	err := s.srv.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		all, err := s.tree(tx)
		if err != nil {
			return err
		}
		in, _ := find(all, inbox)
		if _, found := find(all, to); found {
			return mail.ErrFolderExists
		}
		src = in.ID
		dst, err = s.makeFolder(tx, all, to)
		return err
	})
	if err != nil {
		return err
	}
	for more := true; more; {
		err := s.srv.cfg.Store.Update(ctx, func(tx *store.Tx) error {
			var ids []mail.ItemID
			more = false
			for id, err := range s.srv.cfg.Mailboxes.Numbers(tx, s.box, src) {
				if err != nil {
					return err
				}
				if len(ids) == chunk {
					more = true
					break
				}
				ids = append(ids, id)
			}
			for _, id := range ids {
				if _, err := s.srv.cfg.Mailboxes.Move(tx, s.box, src, id, dst); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// subscribe answers SUBSCRIBE (RFC 9051 6.3.7).
func (s *session) subscribe(ctx context.Context, p *parser) error { return s.say(ctx, p, subscribed) }

// unsubscribe answers UNSUBSCRIBE (RFC 9051 6.3.8).
func (s *session) unsubscribe(ctx context.Context, p *parser) error {
	return s.say(ctx, p, unsubscribed)
}

func (s *session) say(ctx context.Context, p *parser, v subscription) error {
	p.sp()
	name := canonical(p.mailbox())
	if err := p.end(); err != nil {
		return err
	}
	return s.srv.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		n, err := s.findFolder(tx, name)
		var r reply
		if err != nil && !errors.Is(err, mail.ErrNoFolder) && !errors.As(err, &r) {
			return err
		}
		return s.srv.names.say(tx, s.box, name, v, n.shown)
	})
}
