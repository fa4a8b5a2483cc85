package activesync

import (
	"context"
	"strconv"
	"strings"

	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/store"
)

// On the wire a folder is its number and an item is "folder:item". Only the one
// spelling that we write is read, so that an id names one thing and one thing
// has one id.

func folderServerID(f mail.FolderID) string { return strconv.FormatUint(uint64(f), 10) }

func itemServerID(f mail.FolderID, it mail.ItemID) string {
	b := make([]byte, 0, 21)
	b = strconv.AppendUint(b, uint64(f), 10)
	b = append(b, ':')
	return string(strconv.AppendUint(b, uint64(it), 10))
}

// parseNumber reads a number above zero without sign or leading zeros.
func parseNumber(s string) (uint32, error) {
	if s == "" || s[0] < '1' || s[0] > '9' {
		return 0, errBadID
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, errBadID
	}
	return uint32(n), nil
}

func parseFolderID(s string) (mail.FolderID, error) {
	n, err := parseNumber(s)
	return mail.FolderID(n), err
}

// parseParentID reads a folder's parent, which may be the root (MS-ASCMD
// 2.2.3.127.1).
func parseParentID(s string) (mail.FolderID, error) {
	if s == eas.FolderTop {
		return 0, nil
	}
	return parseFolderID(s)
}

func parseItemID(s string) (mail.FolderID, mail.ItemID, error) {
	folder, item, ok := strings.Cut(s, ":")
	if !ok {
		return 0, 0, errBadID
	}
	f, err := parseFolderID(folder)
	if err != nil {
		return 0, 0, err
	}
	n, err := parseNumber(item)
	return f, mail.ItemID(n), err
}

// folder finds the folder a client names. "RI" is the recipient information
// cache (MS-ASCMD_R2037).
func (h *Handler) folder(ctx context.Context, s *session, id string) (mail.FolderID, error) {
	if id != eas.RecipientInfoServerID {
		return parseFolderID(id)
	}
	return h.folderByRole(ctx, s, mail.RoleRecipientInfo)
}

// haveFolders returns mail.ErrNoFolder unless all the folders are there.
func (h *Handler) haveFolders(ctx context.Context, s *session, folders []mail.FolderID) error {
	return h.c.Store.View(ctx, func(tx *store.Tx) error {
		for _, f := range folders {
			if _, err := h.c.Mailboxes.Folder(tx, s.box, f); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *Handler) folderByRole(ctx context.Context, s *session, role mail.Role) (f mail.FolderID, err error) {
	err = h.c.Store.View(ctx, func(tx *store.Tx) error {
		folder, err := h.c.Mailboxes.FolderByRole(tx, s.box, role)
		f = folder.ID
		return err
	})
	return f, err
}

// folderType is what a folder is to a phone (MS-ASCMD 2.2.3.186.3).
func folderType(f *mail.Folder) eas.FolderType {
	switch f.Role {
	case mail.RoleInbox:
		return eas.FolderInbox
	case mail.RoleDrafts:
		return eas.FolderDrafts
	case mail.RoleSent:
		return eas.FolderSentItems
	case mail.RoleDeletedItems:
		return eas.FolderDeletedItems
	case mail.RoleOutbox:
		return eas.FolderOutbox
	case mail.RoleCalendar:
		return eas.FolderCalendar
	case mail.RoleContacts:
		return eas.FolderContacts
	case mail.RoleTasks:
		return eas.FolderTasks
	case mail.RoleNotes:
		return eas.FolderNotes
	case mail.RoleJournal:
		return eas.FolderJournal
	case mail.RoleRecipientInfo:
		return eas.FolderRecipientInfo
	}
	switch f.Class { // Junk, too, is a mail folder to a phone
	case mail.ClassCalendar:
		return eas.FolderUserCalendar
	case mail.ClassContacts:
		return eas.FolderUserContacts
	case mail.ClassTasks:
		return eas.FolderUserTasks
	case mail.ClassNotes:
		return eas.FolderUserNotes
	}
	return eas.FolderUserMail
}

// classOfType is the class of a folder that a client creates (MS-ASCMD
// 2.2.3.186.2). Journals are not among our classes.
func classOfType(t eas.FolderType) (mail.Class, bool) {
	switch t {
	case eas.FolderUserGeneric, eas.FolderUserMail:
		return mail.ClassEmail, true
	case eas.FolderUserCalendar:
		return mail.ClassCalendar, true
	case eas.FolderUserContacts:
		return mail.ClassContacts, true
	case eas.FolderUserTasks:
		return mail.ClassTasks, true
	case eas.FolderUserNotes:
		return mail.ClassNotes, true
	}
	return 0, false
}

// className is a class on the wire (MS-ASCMD 2.2.3.27.5).
func className(c mail.Class) string {
	switch c {
	case mail.ClassCalendar:
		return "Calendar"
	case mail.ClassContacts:
		return "Contacts"
	case mail.ClassTasks:
		return "Tasks"
	case mail.ClassNotes:
		return "Notes"
	case mail.ClassSMS:
		return "SMS"
	}
	return "Email"
}

// classRole is the default folder of a class, which version 2.5 names instead
// of a folder.
func classRole(class string) (mail.Role, bool) {
	switch class {
	case "Email":
		return mail.RoleInbox, true
	case "Calendar":
		return mail.RoleCalendar, true
	case "Contacts":
		return mail.RoleContacts, true
	case "Tasks":
		return mail.RoleTasks, true
	}
	return 0, false
}

// knownClass is a class that a request before 14.0 names, or nothing where there
// is no such class: what it says instead is not said back.
func knownClass(class string) string {
	if _, ok := classRole(class); !ok {
		return ""
	}
	return class
}
