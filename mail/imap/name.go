package imap

import (
	"slices"
	"strconv"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"martlet/mail"
	"martlet/mail/wire"
)

const (
	delimiter = "/"
	inbox     = "INBOX"
	// A phone may give a folder a name with the delimiter in it. This looks like
	// one, and stands for it in both directions.
	slashInName = "\u2215"
)

// node is a folder with the name that IMAP knows it by.
type node struct {
	mail.Folder
	name     string
	children bool // it has some that are shown
	shown    bool
	noselect bool // only there because of what is below it
}

// tree gives all folders of a mailbox their names: parents first, siblings by
// their numbers. Folders that hold no mail are not shown, unless some that do
// are below them; nor is the Outbox, from which nothing would be sent, nor what
// lies so deep that no client could name it: phones may nest thousands of
// folders, whose names together would be gigabytes. Links are not the user's own
// and stand behind, in namespaces of theirs; public is the mailbox of the public
// folders, zero without any.
func tree(folders []mail.Folder, public mail.MailboxID) []node {
	below := map[mail.FolderID][]int{}
	for i := range folders {
		if folders[i].Link.IsZero() {
			below[folders[i].Parent] = append(below[folders[i].Parent], i)
		}
	}
	var all []node
	var walk func(parent mail.FolderID, prefix string) bool
	walk = func(parent mail.FolderID, prefix string) (any bool) {
		taken := map[string]bool{}
		for _, i := range below[parent] {
			f := folders[i]
			name := strings.ReplaceAll(f.Name, delimiter, slashInName)
			if f.Role == mail.RoleInbox {
				name = inbox
			}
			if taken[name] { // "a/b" beside its look-alike
				name += " " + strconv.Itoa(int(f.ID))
			}
			taken[name] = true
			if len(prefix)+len(name) > maxName {
				continue
			}
			at := len(all)
			all = append(all, node{Folder: f, name: prefix + name})
			n := walk(f.ID, prefix+name+delimiter)
			n0 := &all[at]
			n0.children = n
			holds := f.Class == mail.ClassEmail && f.Role != mail.RoleOutbox
			n0.shown, n0.noselect = holds || n, !holds
			any = any || n0.shown
		}
		return any
	}
	walk(0, "")
	return addLinks(all, folders, public)
}

// canonical gives INBOX its one spelling (RFC 9051 5.1).
func canonical(name string) string {
	if len(name) >= len(inbox) && strings.EqualFold(name[:len(inbox)], inbox) && (len(name) == len(inbox) || name[len(inbox):len(inbox)+1] == delimiter) {
		return inbox + name[len(inbox):]
	}
	return name
}

// find returns the folder of a name.
func find(all []node, name string) (node, bool) {
	name = canonical(name)
	i := slices.IndexFunc(all, func(n node) bool { return n.name == name })
	if i < 0 {
		return node{}, false
	}
	return all[i], true
}

// specialUse is what a folder is for (RFC 6154).
func specialUse(r mail.Role) goimap.MailboxAttr {
	switch r {
	case mail.RoleDrafts:
		return goimap.MailboxAttrDrafts
	case mail.RoleSent:
		return goimap.MailboxAttrSent
	case mail.RoleDeletedItems:
		return goimap.MailboxAttrTrash
	case mail.RoleJunk:
		return goimap.MailboxAttrJunk
	}
	return ""
}

// splitName cuts a name for its last folder off from that of its parent.
func splitName(name string) (parent, last string) {
	i := strings.LastIndex(name, delimiter)
	if i < 0 {
		return "", name
	}
	return name[:i], name[i+1:]
}

// folderName is how the last part of an IMAP name is kept.
func folderName(last string) string { return strings.ReplaceAll(last, slashInName, delimiter) }

// encodeName writes a mailbox name as the client understands it.
func (s *session) encodeName(name string) string {
	if s.utf8 {
		return name
	}
	return wire.EncodeUTF7(name)
}
