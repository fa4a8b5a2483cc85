package mailbox

import (
	"errors"
	"fmt"

	"martlet/mail"
	"martlet/store"
)

// A link is a folder without items of its own: it stands for a folder of another
// mailbox, and who may open it has it among their folders. Everything that is
// done to its items is done there: numbers, ModSeqs, the log and the hub's
// topics are the other folder's. A link never leads to a link.

// locate finds where a folder really is, for who needs some rights there.
// The folder returned has the number that it has there. Errors: mail.ErrNoFolder,
// mail.ErrReadOnly.
func (m *Mailboxes) locate(tx *store.Tx, box mail.MailboxID, f mail.FolderID, need mail.Rights) (folderKey, mail.Folder, error) {
	at := folderKey{box, f}
	folder, err := m.folder(tx, at)
	if err != nil || folder.Link.IsZero() {
		return at, folder, err
	}
	if need&^folder.Link.Rights != 0 {
		return at, folder, mail.ErrReadOnly
	}
	at = folderKey{folder.Link.Box, folder.Link.Folder}
	if folder, err = m.folder(tx, at); err == nil && !folder.Link.IsZero() {
		err = mail.ErrNoFolder
	}
	return at, folder, err
}

// linkTo is the folder of a mailbox that stands for one of another, zero if none
// does.
func (m *Mailboxes) linkTo(tx *store.Tx, box mail.MailboxID, at folderKey) (mail.FolderID, error) {
	folders, err := m.rows(tx, box)
	for i := range folders {
		if l := folders[i].Link; l.Box == at.Box && l.Folder == at.Folder {
			return folders[i].ID, nil
		}
	}
	return 0, err
}

// folder reads a folder's own row.
func (m *Mailboxes) folder(tx *store.Tx, k folderKey) (mail.Folder, error) {
	folder, err := folderTable.Get(tx, k)
	if err == nil {
		folder.ID = k.Folder
		return folder, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return folder, fmt.Errorf("mailbox: folder: %w", err)
	}
	return mail.Folder{}, mail.ErrNoFolder
}

// through shows a link with what is in the folder that it stands for.
func (m *Mailboxes) through(tx *store.Tx, link mail.Folder) (mail.Folder, error) {
	if link.Link.IsZero() {
		return link, nil
	}
	_, is, err := m.locate(tx, link.Link.Box, link.Link.Folder, 0)
	if err == nil && !is.Link.IsZero() {
		err = mail.ErrNoFolder
	}
	link.Class, link.Highest, link.Items, link.Unread, link.Bytes, link.SMS = is.Class, is.Highest, is.Items, is.Unread, is.Bytes, is.SMS
	return link, err
}

// Resolve returns a folder and where its items really are: elsewhere if it is a
// link.
func (m *Mailboxes) Resolve(tx *store.Tx, box mail.MailboxID, f mail.FolderID) (folder mail.Folder, there mail.MailboxID, as mail.FolderID, err error) {
	if folder, err = m.Folder(tx, box, f); err != nil {
		return folder, 0, 0, err
	}
	if folder.Link.IsZero() {
		return folder, box, f, nil
	}
	return folder, folder.Link.Box, folder.Link.Folder, nil
}

// CreateLink makes a folder that stands for a folder of another mailbox. It is
// for who keeps the grants.
func (m *Mailboxes) CreateLink(tx *store.Tx, box mail.MailboxID, parent mail.FolderID, name string, link mail.Link) (mail.Folder, error) {
	at, is, err := m.locate(tx, link.Box, link.Folder, 0)
	if err != nil {
		return mail.Folder{}, err
	}
	if at != (folderKey{link.Box, link.Folder}) || link.Box == box {
		return mail.Folder{}, mail.ErrNoFolder
	}
	folder := mail.Folder{Parent: parent, Name: name, Class: is.Class, Link: link}
	return folder, m.insertFolder(tx, box, &folder)
}

// UpdateLink renames a link, gives it other rights, or hangs it below another
// folder. With other rights it is told anew to who has it, under its old number.
func (m *Mailboxes) UpdateLink(tx *store.Tx, box mail.MailboxID, f, parent mail.FolderID, name string, rights mail.Rights) (mail.Folder, error) {
	folder, err := m.folder(tx, folderKey{box, f})
	if err != nil {
		return folder, err
	}
	if folder.Link.IsZero() {
		return folder, mail.ErrNoFolder
	}
	edited := folder
	edited.Name, edited.Parent, edited.Link.Rights = name, parent, rights
	if edited == folder {
		return folder, nil
	}
	return m.replaceFolder(tx, box, &folder, &edited)
}

// DropLink takes a link away. What it stood for stays. Who waits there for the
// link's sake waits for the hierarchy of box, too.
func (m *Mailboxes) DropLink(tx *store.Tx, box mail.MailboxID, f mail.FolderID) error {
	st, err := m.state(tx, box)
	if err != nil {
		return err
	}
	folder, err := m.folder(tx, folderKey{box, f})
	if err != nil {
		return err
	}
	if folder.Link.IsZero() {
		return mail.ErrNoFolder
	}
	if err := m.dropFolder(tx, box, &st, &folder); err != nil {
		return err
	}
	return stateTable.Set(tx, box, st)
}
