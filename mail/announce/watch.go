package announce

import (
	"errors"

	"martlet/mail"
	"martlet/store"
)

// watch is what a registration watches, as the folders are now.
type watch struct {
	folders []mail.Folder
	unread  uint64
	highest mail.ModSeq // the last change in any of them
}

// watch reads the folders of a registration. One that is gone by now is none.
func (b *Book) watch(tx *store.Tx, r *Registration) (w watch, err error) {
	box := mail.MailboxOf(r.Account)
	switch {
	case r.All:
		w.folders, err = b.c.Mailboxes.Folders(tx, box)
	case len(r.Folders) == 0:
		var inbox mail.Folder
		inbox, err = b.c.Mailboxes.FolderByRole(tx, box, mail.RoleInbox)
		w.folders = []mail.Folder{inbox}
	}
	if errors.Is(err, mail.ErrNoFolder) {
		return watch{}, nil
	}
	if err != nil {
		return w, err
	}
	for _, f := range r.Folders {
		folder, err := b.c.Mailboxes.Folder(tx, box, f)
		if errors.Is(err, mail.ErrNoFolder) {
			continue
		}
		if err != nil {
			return w, err
		}
		w.folders = append(w.folders, folder)
	}
	kept := w.folders[:0]
	for _, f := range w.folders {
		// A link is told of in another mailbox's log, in which nobody stands here.
		if f.Class != mail.ClassEmail || !f.Link.IsZero() || r.All && !announced(f.Role) {
			continue
		}
		w.unread += uint64(f.Unread)
		w.highest = max(w.highest, f.Highest)
		kept = append(kept, f)
	}
	w.folders = kept
	return w, nil
}

// announced tells whether mail in a folder of this role may be news: what is in
// Sent, Drafts and Outbox is the user's own, and nobody wants to hear of junk
// unless asked for by name.
func announced(role mail.Role) bool { return role == mail.RoleNone || role == mail.RoleInbox }

// own tells whether what is in a folder of this role is of the user's doing.
func own(role mail.Role) bool {
	switch role {
	case mail.RoleDrafts, mail.RoleSent, mail.RoleOutbox, mail.RoleDeletedItems:
		return true
	}
	return false
}

// has finds a folder among those watched.
func (w *watch) has(f mail.FolderID) bool {
	for i := range w.folders {
		if w.folders[i].ID == f {
			return true
		}
	}
	return false
}
