package mailbox

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"martlet/mail"
	"martlet/store"
)

const (
	// maxFolders bounds a mailbox, and so what DeleteFolder and Remove write in
	// one transaction and what a FolderSync answers.
	maxFolders = 5000
	// maxFolderName is counted in characters (MS-ASCMD_R2194).
	maxFolderName = 256
)

// Folders returns all folders in the order of their numbers, without links that
// lead nowhere.
func (m *Mailboxes) Folders(tx *store.Tx, box mail.MailboxID) ([]mail.Folder, error) {
	folders, err := m.rows(tx, box)
	kept := folders[:0]
	for i := range folders {
		folder, err := m.through(tx, folders[i])
		switch {
		case err == nil:
			kept = append(kept, folder)
		case !errors.Is(err, mail.ErrNoFolder):
			return nil, err
		}
	}
	return kept, err
}

// rows returns the rows of all folders.
func (m *Mailboxes) rows(tx *store.Tx, box mail.MailboxID) ([]mail.Folder, error) {
	st, err := m.state(tx, box)
	if err != nil {
		return nil, err
	}
	folders := make([]mail.Folder, 0, st.Folders)
	for row, err := range folderTable.Scan(tx, store.TableRange[folderKey]{Prefix: appendBox(nil, box)}) {
		if err != nil {
			return nil, fmt.Errorf("mailbox: folders: %w", err)
		}
		row.Value.ID = row.Key.Folder
		folders = append(folders, row.Value)
	}
	return folders, nil
}

// Folder returns one folder, or mail.ErrNoFolder.
func (m *Mailboxes) Folder(tx *store.Tx, box mail.MailboxID, f mail.FolderID) (mail.Folder, error) {
	folder, err := m.folder(tx, folderKey{box, f})
	if err != nil {
		return folder, err
	}
	return m.through(tx, folder)
}

// FolderByRole returns the folder of a role, or mail.ErrNoFolder. It makes the
// mailbox if it may.
func (m *Mailboxes) FolderByRole(tx *store.Tx, box mail.MailboxID, role mail.Role) (mail.Folder, error) {
	f, err := roleTable.Get(tx, roleKey{box, role})
	if errors.Is(err, store.ErrNotFound) {
		if err := m.Ensure(tx, box); err != nil {
			return mail.Folder{}, err
		}
		f, err = roleTable.Get(tx, roleKey{box, role})
		if errors.Is(err, store.ErrNotFound) {
			return mail.Folder{}, mail.ErrNoFolder
		}
	}
	if err != nil {
		return mail.Folder{}, fmt.Errorf("mailbox: role: %w", err)
	}
	return m.Folder(tx, box, f)
}

// CreateFolder makes a folder below parent, zero for the top. Siblings differ
// in more than case (mail.ErrFolderExists).
func (m *Mailboxes) CreateFolder(tx *store.Tx, box mail.MailboxID, parent mail.FolderID, name string, class mail.Class) (mail.Folder, error) {
	folder := mail.Folder{Parent: parent, Name: name, Class: class}
	if class < mail.ClassEmail || class > mail.ClassSMS {
		return folder, fmt.Errorf("mailbox: a folder cannot have the class %d", class)
	}
	return folder, m.insertFolder(tx, box, &folder)
}

// insertFolder adds a folder that may be among the others.
func (m *Mailboxes) insertFolder(tx *store.Tx, box mail.MailboxID, folder *mail.Folder) error {
	st, err := m.state(tx, box)
	if err != nil {
		return err
	}
	folders, err := m.rows(tx, box)
	if err != nil {
		return err
	}
	if len(folders) >= maxFolders {
		return mail.ErrTooManyFolders
	}
	if err := fits(folders, folder); err != nil {
		return err
	}
	if err := m.addFolder(tx, box, &st, folder); err != nil {
		return err
	}
	return stateTable.Set(tx, box, st)
}

// UpdateFolder renames a folder, or hangs it below another parent, or both.
func (m *Mailboxes) UpdateFolder(tx *store.Tx, box mail.MailboxID, f, parent mail.FolderID, name string) (mail.Folder, error) {
	if _, err := m.state(tx, box); err != nil {
		return mail.Folder{}, err
	}
	folder, err := m.folder(tx, folderKey{box, f})
	if err != nil {
		return folder, err
	}
	if folder.Role != mail.RoleNone || !folder.Link.IsZero() {
		return folder, mail.ErrSystemFolder
	}
	if folder.Name == name && folder.Parent == parent {
		return folder, nil
	}
	edited := folder
	edited.Name, edited.Parent = name, parent
	return m.replaceFolder(tx, box, &folder, &edited)
}

// replaceFolder writes a folder anew that may be so among the others.
func (m *Mailboxes) replaceFolder(tx *store.Tx, box mail.MailboxID, folder, edited *mail.Folder) (mail.Folder, error) {
	st, err := m.state(tx, box)
	if err != nil {
		return *folder, err
	}
	folders, err := m.rows(tx, box)
	if err != nil {
		return *folder, err
	}
	if err := fits(folders, edited); err != nil {
		return *folder, err
	}
	if err := logTable.Delete(tx, logKey{box, mail.Hierarchy, folder.ModSeq}); err != nil {
		return *folder, err
	}
	if err := m.logFolder(tx, box, &st, edited); err != nil {
		return *folder, err
	}
	if err := stateTable.Set(tx, box, st); err != nil {
		return *folder, err
	}
	return *edited, m.tell(tx, box, edited, false)
}

// DeleteFolder deletes a folder with all folders below it. They are gone from
// the hierarchy with this transaction, however much is in them; what was in
// them goes when Sweep runs, which the caller should start afterwards.
func (m *Mailboxes) DeleteFolder(tx *store.Tx, box mail.MailboxID, f mail.FolderID) error {
	st, err := m.state(tx, box)
	if err != nil {
		return err
	}
	folders, err := m.rows(tx, box)
	if err != nil {
		return err
	}
	doomed := below(folders, f)
	if len(doomed) == 0 {
		return mail.ErrNoFolder
	}
	for _, d := range doomed {
		if d.Role != mail.RoleNone || !d.Link.IsZero() {
			return mail.ErrSystemFolder
		}
	}
	for _, d := range doomed {
		if err := m.dropFolder(tx, box, &st, &d); err != nil {
			return err
		}
	}
	return stateTable.Set(tx, box, st)
}

// addFolder gives the folder its number and writes it.
func (m *Mailboxes) addFolder(tx *store.Tx, box mail.MailboxID, st *state, folder *mail.Folder) error {
	if st.Folder == ^mail.FolderID(0) {
		return mail.ErrMailboxFull
	}
	st.Folder++
	st.Folders++
	folder.ID = st.Folder
	folder.Created = st.ModSeq + 1
	return m.logFolder(tx, box, st, folder)
}

// logFolder writes the folder and its entry in the hierarchy at the next
// ModSeq. The caller has removed an older entry, and writes st.
func (m *Mailboxes) logFolder(tx *store.Tx, box mail.MailboxID, st *state, folder *mail.Folder) error {
	st.ModSeq++
	st.Hierarchy = st.ModSeq
	folder.ModSeq = st.ModSeq
	if err := folderTable.Set(tx, folderKey{box, folder.ID}, *folder); err != nil {
		return err
	}
	m.changed(tx, box, mail.Hierarchy)
	return logTable.Set(tx, logKey{box, mail.Hierarchy, folder.ModSeq},
		mail.Change{Item: mail.ItemID(folder.ID), Created: folder.Created})
}

// dropFolder takes the folder out of the hierarchy and puts it on the list of
// what is to be swept.
func (m *Mailboxes) dropFolder(tx *store.Tx, box mail.MailboxID, st *state, folder *mail.Folder) error {
	st.ModSeq++
	st.Hierarchy = st.ModSeq
	st.Folders--
	st.dropped(folder)
	m.changed(tx, box, mail.Hierarchy)
	m.changed(tx, box, folder.ID)
	if folder.Role != mail.RoleNone {
		if err := roleTable.Delete(tx, roleKey{box, folder.Role}); err != nil {
			return err
		}
	}
	if err := folderTable.Delete(tx, folderKey{box, folder.ID}); err != nil {
		return err
	}
	if err := logTable.Delete(tx, logKey{box, mail.Hierarchy, folder.ModSeq}); err != nil {
		return err
	}
	tombstone := mail.Change{Item: mail.ItemID(folder.ID), Created: folder.Created, Deleted: true}
	if err := logTable.Set(tx, logKey{box, mail.Hierarchy, st.ModSeq}, tombstone); err != nil {
		return err
	}
	if err := sweepTable.Set(tx, folderKey{box, folder.ID}, struct{}{}); err != nil {
		return err
	}
	return m.tell(tx, box, folder, true)
}

// fits tells whether the folder may be among the folders as it is: its name,
// its parent, and that it does not lie below itself. The recipient information
// cache holds no folders (MS-ASCMD_R4016).
func fits(folders []mail.Folder, folder *mail.Folder) error {
	if !goodName(folder.Name) {
		return mail.ErrBadName
	}
	parentExists, taken := folder.Parent == 0, false
	for i := range folders {
		f := &folders[i]
		parentExists = parentExists || f.ID == folder.Parent && f.Role != mail.RoleRecipientInfo && (f.Link.IsZero() || !folder.Link.IsZero())
		taken = taken || f.Parent == folder.Parent && f.ID != folder.ID && strings.EqualFold(f.Name, folder.Name)
	}
	if !parentExists {
		return mail.ErrBadParent
	}
	if folder.ID != 0 {
		for _, f := range below(folders, folder.ID) {
			if f.ID == folder.Parent {
				return mail.ErrBadParent
			}
		}
	}
	if taken {
		return mail.ErrFolderExists
	}
	return nil
}

func goodName(name string) bool {
	n := utf8.RuneCountInString(name)
	return n > 0 && n <= maxFolderName && utf8.ValidString(name) && strings.TrimSpace(name) != "" &&
		strings.IndexFunc(name, unicode.IsControl) < 0
}

// below returns the folder f itself and all folders below it, parents first.
func below(folders []mail.Folder, f mail.FolderID) []mail.Folder {
	children := make(map[mail.FolderID][]int, len(folders))
	var found []mail.Folder
	for i := range folders {
		children[folders[i].Parent] = append(children[folders[i].Parent], i)
		if folders[i].ID == f {
			found = append(found, folders[i])
		}
	}
	for i := 0; i < len(found); i++ {
		for _, c := range children[found[i].ID] {
			found = append(found, folders[c])
		}
	}
	return found
}
