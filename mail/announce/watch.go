package announce

import (
	"errors"
	"slices"

	"martlet/mail"
	"martlet/push"
	"martlet/store"
)

// watch is what a registration watches, as the folders are now.
type watch struct {
	folders   []mail.Folder // a link to mail has the role of the folder that it stands for
	unread    uint64
	highest   mail.ModSeq  // the last change in any of the mailbox's own mail folders
	elsewhere []push.Topic // where the links lead to
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
		if !f.Link.IsZero() && f.Class == mail.ClassEmail { // the role says what is news
			is, err := b.c.Mailboxes.Folder(tx, f.Link.Box, f.Link.Folder)
			if err != nil {
				return w, err
			}
			f.Role = is.Role
		}
		if r.watches(&f) {
			kept = append(kept, f)
		}
	}
	w.folders = kept
	w.bound()
	w.sum(r)
	return w, nil
}

// watches tells whether a folder among those asked for is watched. The badge is a
// number of messages, so of the others it says nothing, and with all folders it is
// that of the user's own.
func (r *Registration) watches(f *mail.Folder) bool {
	link := !f.Link.IsZero()
	switch {
	case link && f.Link.Rights&mail.MayRead == 0:
		return false
	case f.Class == mail.ClassEmail:
		return !r.All || announced(f.Role) && !(link && r.Mode == push.Badge)
	case f.Class < mail.ClassCalendar || f.Class > mail.ClassNotes || f.Role == mail.RoleRecipientInfo:
		return false
	}
	return (!r.All || r.Every) && r.Mode != push.Badge && r.Mode != push.AppleMail
}

// marked tells whether a folder has a mark of its own. The log of the user's own
// mail folders is read in one go.
func marked(f *mail.Folder) bool { return !f.Link.IsZero() || f.Class != mail.ClassEmail }

// bound leaves out what there is no room for marks for, the links first.
func (w *watch) bound() {
	if len(w.folders) <= maxMarks {
		return
	}
	n := 0
	drop := map[mail.FolderID]bool{}
	for _, link := range []bool{false, true} {
		for i := range w.folders {
			if f := &w.folders[i]; marked(f) && !f.Link.IsZero() == link {
				n++
				drop[f.ID] = n > maxMarks
			}
		}
	}
	w.folders = slices.DeleteFunc(w.folders, func(f mail.Folder) bool { return drop[f.ID] })
}

// sum adds up what the folders say.
func (w *watch) sum(r *Registration) {
	for i := range w.folders {
		f := &w.folders[i]
		if f.Class == mail.ClassEmail && (f.Link.IsZero() || !r.All) {
			w.unread += uint64(f.Unread)
		}
		if !marked(f) {
			w.highest = max(w.highest, f.Highest)
		}
		if f.Link.IsZero() {
			continue
		}
		at := slices.IndexFunc(w.elsewhere, func(t push.Topic) bool { return t.Mailbox == uint64(f.Link.Box) })
		if at < 0 {
			at = len(w.elsewhere)
			w.elsewhere = append(w.elsewhere, push.Topic{Mailbox: uint64(f.Link.Box)})
		}
		w.elsewhere[at].Folders |= push.FoldersOf(uint32(f.Link.Folder))
	}
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
