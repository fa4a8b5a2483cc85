package imap

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"martlet/mail"
	"martlet/mail/share"
	"martlet/store"
)

// The namespaces of what is not the user's own (RFC 2342 5).
const (
	otherUsers    = "Other Users"
	publicFolders = "Public Folders"
)

// reserved tells whether a name lies in one of these namespaces. Nothing is made
// there by a user.
func reserved(name string) bool {
	for _, root := range []string{otherUsers, publicFolders} {
		if name == root || strings.HasPrefix(name, root+delimiter) {
			return true
		}
	}
	return false
}

// addLinks gives the links that hold mail their names behind the user's own
// folders: "Other Users/Anna Example/Orders", "Public Folders/Company/News".
func addLinks(all []node, folders []mail.Folder, public mail.MailboxID) []node {
	at := map[string]int{} // names to places in all
	for i := range folders {
		f := &folders[i]
		if f.Link.IsZero() || f.Class != mail.ClassEmail {
			continue
		}
		if len(at) == 0 {
			for j := range all {
				if reserved(all[j].name) { // the user had such a folder before
					all[j].name += " " + strconv.Itoa(int(all[j].ID))
				}
				at[all[j].name] = j
			}
		}
		all = addLink(all, at, f, f.Link.Box == public)
	}
	return all
}

func addLink(all []node, at map[string]int, f *mail.Folder, public bool) []node {
	names := append([]string{otherUsers}, share.SplitName(f.Name, public)...)
	if public {
		names[0] = publicFolders
	}
	for i, n := range names {
		if names[i] = strings.ReplaceAll(n, delimiter, slashInName); n == "" {
			names[i] = "_"
		}
	}
	name := strings.Join(names, delimiter)
	if i, taken := at[name]; taken && all[i].ID != 0 {
		name += " " + strconv.Itoa(int(f.ID))
	}
	if len(name) > maxName {
		return all
	}
	for i := range names[:len(names)-1] {
		above := strings.Join(names[:i+1], delimiter)
		j, there := at[above]
		if !there {
			j = len(all)
			at[above] = j
			all = append(all, node{name: above, shown: true, noselect: true})
		}
		all[j].children = true
	}
	if i, there := at[name]; there { // it was there for what lies below it
		all[i].Folder, all[i].noselect = *f, false
		return all
	}
	at[name] = len(all)
	return append(all, node{Folder: *f, name: name, shown: true})
}

// tree reads the names of all folders.
func (s *session) tree(tx *store.Tx) ([]node, error) {
	folders, err := s.srv.cfg.Mailboxes.Folders(tx, s.box)
	if err != nil {
		return nil, err
	}
	public := mail.MailboxID(0)
	if s.linked {
		if public, err = s.srv.cfg.Shares.PublicMailbox(tx); err != nil && !errors.Is(err, share.ErrNoPublic) {
			return nil, err
		}
	}
	return tree(folders, public), nil
}

// refresh brings the links to folders of others up to what was granted. Where
// nothing may be written any more, the selected mailbox is read-only from now on.
func (s *session) refresh(ctx context.Context) (err error) {
	if s.srv.cfg.Shares == nil {
		return nil
	}
	if s.linked, err = s.srv.cfg.Shares.Refresh(ctx, s.account.ID); err != nil || s.view == nil || s.view.at.Box == s.box || s.view.readOnly {
		return err
	}
	return s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		f, err := s.srv.cfg.Mailboxes.Folder(tx, s.box, s.view.folder)
		if errors.Is(err, mail.ErrNoFolder) { // what looks into it says so
			return nil
		}
		s.view.readOnly = readOnlyFor(&f)
		return err
	})
}

// mayNotMake refuses names where the user makes nothing.
func (s *session) mayNotMake(name string) error {
	if s.srv.cfg.Shares != nil && reserved(name) {
		return no("NOPERM", "Nothing can be made among the folders of others")
	}
	return nil
}

// readOnlyFor tells whether nothing may be changed in a folder.
func readOnlyFor(f *mail.Folder) bool { return !f.Link.IsZero() && f.Link.Rights&mail.MayWrite == 0 }

// shares tells whether anything can be shared.
func (s *session) shares() bool { return s.srv.cfg.Shares != nil }
