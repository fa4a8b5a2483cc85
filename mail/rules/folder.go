package rules

import (
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

const (
	delimiter = "/"
	inbox     = "INBOX"
	// A folder's own name may have the delimiter in it, which IMAP shows so.
	slashInName = "\u2215"
	// maxPath is how long the name of a mailbox is, in bytes.
	maxPath = 1000
)

// folders are those of an account that take mail. Links to folders of others are
// not among them.
type folders struct {
	all []mail.Folder
}

func (r *Rules) folders(tx *store.Tx, account directory.AccountID) (folders, error) {
	all, err := r.c.Mailboxes.Folders(tx, mail.MailboxOf(account))
	return folders{all}, err
}

// child finds a folder below another: by its name as it is, else without regard to
// case, as names differ in more than that.
func (f folders) child(parent mail.FolderID, name string) (found mail.Folder, ok bool) {
	name = strings.ReplaceAll(name, slashInName, delimiter)
	for _, one := range f.all {
		if one.Parent != parent || !one.Link.IsZero() {
			continue
		}
		if one.Name == name {
			return one, true
		}
		if strings.EqualFold(one.Name, name) {
			found, ok = one, true
		}
	}
	return found, ok
}

// byRole finds the folder of a role.
func (f folders) byRole(role mail.Role) (mail.Folder, bool) {
	for _, one := range f.all {
		if one.Role == role && one.Link.IsZero() {
			return one, true
		}
	}
	return mail.Folder{}, false
}

// find looks a path up as IMAP spells it. What is missing of it is in rest, below
// parent.
func (f folders) find(path string) (found mail.Folder, parent mail.FolderID, rest []string) {
	names := strings.Split(path, delimiter)
	if strings.EqualFold(names[0], inbox) {
		if in, ok := f.byRole(mail.RoleInbox); ok {
			found, parent, names = in, in.ID, names[1:]
		}
	}
	for i, name := range names {
		next, ok := f.child(parent, name)
		if !ok {
			return mail.Folder{}, parent, names[i:]
		}
		found, parent = next, next.ID
	}
	return found, parent, nil
}

// takesMail tells whether messages can be put into a folder.
func takesMail(f *mail.Folder) bool {
	return f.ID != 0 && f.Class == mail.ClassEmail && f.Role != mail.RoleOutbox
}

// roleOf is the role that an attribute of RFC 6154 stands for.
func roleOf(attribute string) mail.Role {
	switch strings.ToLower(attribute) {
	case `\inbox`: // RFC 8579 has none; some clients write it
		return mail.RoleInbox
	case `\drafts`:
		return mail.RoleDrafts
	case `\sent`:
		return mail.RoleSent
	case `\trash`:
		return mail.RoleDeletedItems
	case `\junk`:
		return mail.RoleJunk
	}
	return mail.RoleNone
}

// exists tells whether messages can be put into a mailbox (RFC 5490 3.1). One that
// was never used has an inbox all the same.
func (f folders) exists(path string) bool {
	if strings.EqualFold(path, inbox) {
		return true
	}
	found, _, rest := f.find(path)
	return len(rest) == 0 && takesMail(&found)
}

// hasUse tells whether a mailbox has an attribute (RFC 8579 3.1); no name: any.
func (f folders) hasUse(path, attribute string) bool {
	role := roleOf(attribute)
	if role == mail.RoleNone {
		return false
	}
	if path == "" {
		_, ok := f.byRole(role)
		return ok
	}
	found, _, rest := f.find(path)
	return len(rest) == 0 && found.Role == role
}
