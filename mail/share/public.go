package share

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"martlet/mail"
	"martlet/store"
)

// Public folders lie in a mailbox that has no account, in a tree. Nobody sees one
// who was granted nothing there. A new folder below another has its grants, and
// is on its own from then on.

// counter is the one that accounts take their numbers from, too.
const counter = "mailbox"

// PublicMailbox is the mailbox of the public folders. ErrNoPublic when there are
// none yet.
func (s *Shares) PublicMailbox(tx *store.Tx) (mail.MailboxID, error) {
	for box, err := range publicTable.Keys(tx, store.TableRange[mail.MailboxID]{}) {
		return box, err
	}
	return 0, ErrNoPublic
}

// IsPublic tells whether a mailbox holds public folders.
func (s *Shares) IsPublic(tx *store.Tx, box mail.MailboxID) (bool, error) {
	return publicTable.Has(tx, box)
}

// makePublic makes the mailbox of the public folders unless it is there.
func (s *Shares) makePublic(tx *store.Tx) (mail.MailboxID, error) {
	box, err := s.PublicMailbox(tx)
	if !errors.Is(err, ErrNoPublic) {
		return box, err
	}
	n, err := tx.Next(counter)
	if err != nil {
		return 0, err
	}
	box = mail.MailboxID(n)
	if err := s.mailboxes.CreateBare(tx, box); err != nil {
		return 0, err
	}
	return box, publicTable.Set(tx, box, struct{}{})
}

// CreatePublic makes a public folder: the last name of the path, whose names are
// separated by /. The folders above it must be there (mail.ErrBadParent).
func (s *Shares) CreatePublic(ctx context.Context, path string, class mail.Class) (f mail.Folder, err error) {
	if class < mail.ClassEmail || class > mail.ClassNotes {
		return f, ErrNotShareable
	}
	above, name := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		above, name = path[:i], path[i+1:]
	}
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		box, err := s.makePublic(tx)
		if err != nil {
			return err
		}
		parent := mail.FolderID(0)
		if above != "" {
			if _, parent, err = s.FindPublic(tx, above); errors.Is(err, ErrNoPublic) {
				err = fmt.Errorf("%w: make %s first", mail.ErrBadParent, above)
			}
			if err != nil {
				return err
			}
		}
		if f, err = s.mailboxes.CreateFolder(tx, box, parent, name, class); err != nil || parent == 0 {
			return err
		}
		return s.inherit(tx, box, parent, f.ID)
	})
	if err != nil {
		return mail.Folder{}, fmt.Errorf("share: public folder: %w", err)
	}
	return f, nil
}

// inherit gives a new folder the grants of the one above it.
func (s *Shares) inherit(tx *store.Tx, box mail.MailboxID, from, to mail.FolderID) error {
	grants, err := s.Grants(tx, box, from)
	if err != nil || len(grants) == 0 {
		return err
	}
	for _, g := range grants {
		g.Folder = to
		if err := setGrant(tx, keyOf(&g), g.Rights); err != nil {
			return err
		}
	}
	return s.move(tx)
}

// FindPublic finds a public folder by its path, whatever its case. ErrNoPublic.
func (s *Shares) FindPublic(tx *store.Tx, path string) (mail.MailboxID, mail.FolderID, error) {
	box, err := s.PublicMailbox(tx)
	if err != nil {
		return 0, 0, err
	}
	folders, err := s.mailboxes.Folders(tx, box)
	if err != nil {
		return 0, 0, err
	}
	f, ok := Find(folders, path)
	if !ok {
		return box, 0, ErrNoPublic
	}
	return box, f.ID, nil
}

// PublicFolders lists the public folders. There may be none.
func (s *Shares) PublicFolders(tx *store.Tx) (mail.MailboxID, []mail.Folder, error) {
	box, err := s.PublicMailbox(tx)
	if errors.Is(err, ErrNoPublic) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, err
	}
	folders, err := s.mailboxes.Folders(tx, box)
	return box, folders, err
}

// RenamePublic gives a public folder another name or place: to is its whole new
// path. Who may open it keeps it.
func (s *Shares) RenamePublic(ctx context.Context, path, to string) (f mail.Folder, err error) {
	above, name := "", to
	if i := strings.LastIndexByte(to, '/'); i >= 0 {
		above, name = to[:i], to[i+1:]
	}
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		box, id, err := s.FindPublic(tx, path)
		if err != nil {
			return err
		}
		parent := mail.FolderID(0)
		if above != "" {
			if _, parent, err = s.FindPublic(tx, above); errors.Is(err, ErrNoPublic) {
				err = mail.ErrBadParent
			}
			if err != nil {
				return err
			}
		}
		f, err = s.mailboxes.UpdateFolder(tx, box, id, parent, name)
		return err
	})
	if err != nil {
		return mail.Folder{}, fmt.Errorf("share: public folder: %w", err)
	}
	return f, nil
}

// DeletePublic deletes a public folder with all below it and all that is in them.
// The caller should start a sweep afterwards.
func (s *Shares) DeletePublic(ctx context.Context, path string) error {
	err := s.store.Update(store.WithReserve(ctx), func(tx *store.Tx) error {
		box, id, err := s.FindPublic(tx, path)
		if err != nil {
			return err
		}
		return s.mailboxes.DeleteFolder(tx, box, id)
	})
	if err != nil {
		return fmt.Errorf("share: public folder: %w", err)
	}
	return nil
}
