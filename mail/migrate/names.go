package migrate

import (
	"strings"

	"martlet/mail"
)

// roleNames are what programs call the folders that every mailbox has, in lower
// case. A folder is known by them at the top alone, where the source does not say
// what it is for.
func roleNames() map[string]mail.Role {
	return map[string]mail.Role{
		"inbox": mail.RoleInbox,
		"sent":  mail.RoleSent, "sent items": mail.RoleSent, "sent mail": mail.RoleSent, "sent messages": mail.RoleSent, "sent-mail": mail.RoleSent,
		"gesendet": mail.RoleSent, "gesendete elemente": mail.RoleSent, "gesendete objekte": mail.RoleSent, "éléments envoyés": mail.RoleSent,
		"drafts": mail.RoleDrafts, "draft": mail.RoleDrafts, "entwürfe": mail.RoleDrafts, "brouillons": mail.RoleDrafts,
		"trash": mail.RoleDeletedItems, "deleted items": mail.RoleDeletedItems, "deleted messages": mail.RoleDeletedItems,
		"papierkorb": mail.RoleDeletedItems, "gelöschte elemente": mail.RoleDeletedItems, "corbeille": mail.RoleDeletedItems,
		"junk": mail.RoleJunk, "spam": mail.RoleJunk, "junk e-mail": mail.RoleJunk, "junk email": mail.RoleJunk, "bulk mail": mail.RoleJunk,
		"junk-e-mail": mail.RoleJunk, "indésirables": mail.RoleJunk,
	}
}

// roleOf is what a folder at a path is for, by its name.
func roleOf(path []string) mail.Role {
	if len(path) != 1 {
		return mail.RoleNone
	}
	return roleNames()[strings.ToLower(path[0])]
}

// settle gives each role to one folder: to that of which the source says so, else
// to the first that is called so.
func settle(folders []Folder) {
	taken := map[mail.Role]bool{}
	for i := range folders {
		if r := folders[i].Role; r != mail.RoleNone {
			if taken[r] {
				folders[i].Role = mail.RoleNone
			}
			taken[r] = true
		}
	}
	for i := range folders {
		if folders[i].Role == mail.RoleNone {
			if r := roleOf(folders[i].Path); !taken[r] {
				folders[i].Role = r
				taken[r] = r != mail.RoleNone
			}
		}
	}
}

// setFlag takes an IMAP flag or keyword over (RFC 9051 2.3.2).
func (h *Head) setFlag(name string) {
	switch strings.ToLower(name) {
	case `\seen`:
		h.Flags |= mail.FlagSeen
	case `\answered`:
		h.Flags |= mail.FlagAnswered
	case `\draft`:
		h.Flags |= mail.FlagDraft
	case `\deleted`:
		h.Flags |= mail.FlagDeleted
	case `\flagged`:
		h.Flagged = true
	case "$forwarded":
		h.Flags |= mail.FlagForwarded
	default:
		if !strings.HasPrefix(name, `\`) && name != "" {
			h.Keywords = append(h.Keywords, name)
		}
	}
}
