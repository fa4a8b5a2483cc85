package admin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/share"
	"martlet/store"
)

// Folder is a folder as shown to an administrator.
type Folder struct {
	Owner  string `json:"owner,omitempty"` // login; "": it is public
	Path   string `json:"path"`            // names from the top down, separated by /
	Class  string `json:"class"`           // mail, calendar, contacts, tasks, notes
	Items  uint32 `json:"items"`
	Unread uint32 `json:"unread"`
	Bytes  uint64 `json:"bytes"`
	Grants int    `json:"grants"`         // to how many it is shared
	Link   bool   `json:"link,omitempty"` // another's, that was granted to the owner
}

// FolderEdit names a folder, and what some operations want besides.
type FolderEdit struct {
	Owner string `json:"owner,omitempty"` // login; "": a public folder
	Path  string `json:"path,omitempty"`
	Class string `json:"class,omitempty"` // of a new folder
	To    string `json:"to,omitempty"`    // its new path
	Yes   bool   `json:"yes,omitempty"`
}

// classNames are what folders hold, as an administrator writes it.
func classNames() map[mail.Class]string {
	return map[mail.Class]string{
		mail.ClassEmail: "mail", mail.ClassCalendar: "calendar", mail.ClassContacts: "contacts", mail.ClassTasks: "tasks", mail.ClassNotes: "notes",
	}
}

func classNamed(name string) (mail.Class, error) {
	for class, n := range classNames() {
		if n == name {
			return class, nil
		}
	}
	return 0, fmt.Errorf("%w: %q is none of mail, calendar, contacts, tasks, notes", directory.ErrBadValue, name)
}

// tree is the folders of a mailbox that an administrator named.
type tree struct {
	owner   string // login
	box     mail.MailboxID
	folders []mail.Folder
	paths   map[mail.FolderID]string
}

// tree reads the folders of an owner, or the public ones.
func (a *Admin) tree(ctx context.Context, owner string) (t tree, err error) {
	defer func() { t.paths = share.Paths(t.folders) }()
	if owner == "" {
		err = a.c.Store.View(ctx, func(tx *store.Tx) error {
			t.box, t.folders, err = a.c.Shares.PublicFolders(tx)
			return err
		})
		return t, err
	}
	acc, err := a.find(ctx, owner)
	if err != nil {
		return t, err
	}
	t.owner, t.box = acc.Login, mail.MailboxOf(acc.ID)
	if err := a.c.Mailboxes.Create(ctx, t.box); err != nil {
		return t, err
	}
	if _, err := a.c.Shares.Refresh(ctx, acc.ID); err != nil {
		return t, err
	}
	err = a.c.Store.View(ctx, func(tx *store.Tx) error {
		t.folders, err = a.c.Mailboxes.Folders(tx, t.box)
		return err
	})
	return t, err
}

// find finds a folder by its path.
func (t *tree) find(path string) (mail.Folder, error) {
	f, ok := share.Find(t.folders, strings.Trim(path, "/"))
	if !ok {
		return f, fmt.Errorf("%w: %s", mail.ErrNoFolder, path)
	}
	return f, nil
}

// shown is a folder with how many it is shared to.
func (a *Admin) shown(ctx context.Context, t *tree, f *mail.Folder) (Folder, error) {
	out := Folder{Owner: t.owner, Path: t.paths[f.ID], Class: classNames()[f.Class], Items: f.Items, Unread: f.Unread, Bytes: f.Bytes, Link: !f.Link.IsZero()}
	err := a.c.Store.View(ctx, func(tx *store.Tx) error {
		grants, err := a.c.Shares.Grants(tx, t.box, f.ID)
		out.Grants = len(grants)
		return err
	})
	return out, err
}

func (a *Admin) listFolders(ctx context.Context, in FolderEdit) ([]Folder, error) {
	t, err := a.tree(ctx, in.Owner)
	if err != nil {
		return nil, err
	}
	all := []Folder{}
	for i := range t.folders {
		f, err := a.shown(ctx, &t, &t.folders[i])
		if err != nil {
			return nil, err
		}
		if f.Class != "" { // nothing that anybody keeps something in
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b Folder) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

// split cuts a path into the folder above and the last name.
func split(path string) (above, name string) {
	path = strings.Trim(path, "/")
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

func (a *Admin) createFolder(ctx context.Context, in FolderEdit) (Folder, error) {
	class, err := classNamed(in.Class)
	if err != nil {
		return Folder{}, err
	}
	var made mail.Folder
	if in.Owner == "" {
		made, err = a.c.Shares.CreatePublic(ctx, strings.Trim(in.Path, "/"), class)
	} else {
		made, err = a.createOwned(ctx, &in, class)
	}
	if err != nil {
		return Folder{}, err
	}
	a.log.Info("folder made", "owner", in.Owner, "path", in.Path)
	return a.folderNow(ctx, in.Owner, made.ID)
}

func (a *Admin) createOwned(ctx context.Context, in *FolderEdit, class mail.Class) (made mail.Folder, err error) {
	t, err := a.tree(ctx, in.Owner)
	if err != nil {
		return made, err
	}
	above, name := split(in.Path)
	parent, err := t.above(above)
	if err != nil {
		return made, err
	}
	err = a.c.Store.Update(ctx, func(tx *store.Tx) error {
		made, err = a.c.Mailboxes.CreateFolder(tx, t.box, parent, name, class)
		return err
	})
	return made, err
}

// above is the number of the folder at a path, zero of the top.
func (t *tree) above(path string) (mail.FolderID, error) {
	if path == "" {
		return 0, nil
	}
	f, ok := share.Find(t.folders, path)
	if !ok {
		return 0, fmt.Errorf("%w: %s", mail.ErrBadParent, path)
	}
	return f.ID, nil
}

// folderNow shows a folder as it is after a change.
func (a *Admin) folderNow(ctx context.Context, owner string, id mail.FolderID) (Folder, error) {
	t, err := a.tree(ctx, owner)
	if err != nil {
		return Folder{}, err
	}
	i := slices.IndexFunc(t.folders, func(f mail.Folder) bool { return f.ID == id })
	if i < 0 {
		return Folder{}, mail.ErrNoFolder
	}
	return a.shown(ctx, &t, &t.folders[i])
}

func (a *Admin) renameFolder(ctx context.Context, in FolderEdit) (Folder, error) {
	t, err := a.tree(ctx, in.Owner)
	if err != nil {
		return Folder{}, err
	}
	f, err := t.find(in.Path)
	if err != nil {
		return Folder{}, err
	}
	above, name := split(in.To)
	parent, err := t.above(above)
	if err != nil {
		return Folder{}, err
	}
	err = a.c.Store.Update(ctx, func(tx *store.Tx) error {
		_, err := a.c.Mailboxes.UpdateFolder(tx, t.box, f.ID, parent, name)
		return err
	})
	if err != nil {
		return Folder{}, err
	}
	a.log.Info("folder renamed", "owner", in.Owner, "path", in.Path, "to", in.To)
	return a.folderNow(ctx, in.Owner, f.ID)
}

// deleteFolder shows what would go: the folder with all below it. With a yes it
// goes.
func (a *Admin) deleteFolder(ctx context.Context, in FolderEdit) ([]Folder, error) {
	t, err := a.tree(ctx, in.Owner)
	if err != nil {
		return nil, err
	}
	f, err := t.find(in.Path)
	if err != nil {
		return nil, err
	}
	doomed := []Folder{}
	for i := range t.folders {
		if !lies(t.folders, t.folders[i].ID, f.ID) {
			continue
		}
		if t.folders[i].Role != mail.RoleNone || !t.folders[i].Link.IsZero() {
			return nil, mail.ErrSystemFolder
		}
		shown, err := a.shown(ctx, &t, &t.folders[i])
		if err != nil {
			return nil, err
		}
		doomed = append(doomed, shown)
	}
	if !in.Yes {
		return doomed, nil
	}
	err = a.c.Store.Update(store.WithReserve(ctx), func(tx *store.Tx) error { return a.c.Mailboxes.DeleteFolder(tx, t.box, f.ID) })
	if err != nil {
		return nil, err
	}
	a.log.Info("folder deleted", "owner", in.Owner, "path", in.Path, "folders", len(doomed))
	return doomed, a.c.Mailboxes.Sweep(ctx)
}

// lies tells whether a folder is another, or lies below it.
func lies(folders []mail.Folder, f, at mail.FolderID) bool {
	for range len(folders) + 1 {
		if f == at {
			return true
		}
		i := slices.IndexFunc(folders, func(o mail.Folder) bool { return o.ID == f })
		if i < 0 || folders[i].Parent == 0 {
			return false
		}
		f = folders[i].Parent
	}
	return false
}
