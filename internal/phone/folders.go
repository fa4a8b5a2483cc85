package phone

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"martlet/protocol/eas"
)

// FolderSync brings the hierarchy up to date (MS-ASCMD 2.2.1.5) and returns
// what changed. When the server does not know the key any more, the phone
// forgets the hierarchy, as it must, and the error is a *StatusError.
func (p *Phone) FolderSync(ctx context.Context) (*eas.FolderChanges, error) {
	key := p.FolderKey()
	var resp eas.FolderSyncResponse
	if err := p.Call(ctx, "FolderSync", Params{}, &eas.FolderSync{SyncKey: key}, &resp); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := statusError("FolderSync", resp.Status, eas.FolderSyncStatusSuccess); err != nil {
		if resp.Status == eas.FolderSyncStatusInvalidSyncKey {
			p.folderKey = eas.FolderSyncKeyInitial
			clear(p.folders)
		}
		return nil, err
	}
	changes := resp.Changes
	if changes == nil {
		changes = &eas.FolderChanges{}
	}
	if key == eas.FolderSyncKeyInitial {
		clear(p.folders)
	}
	p.applyFoldersLocked(changes)
	if resp.SyncKey == "" || resp.SyncKey == eas.FolderSyncKeyInitial {
		p.oddLocked("FolderSync gave the SyncKey %q", resp.SyncKey)
	}
	p.folderKey = resp.SyncKey
	return changes, nil
}

func (p *Phone) applyFoldersLocked(changes *eas.FolderChanges) {
	if n := len(changes.Adds) + len(changes.Updates) + len(changes.Deletes); int(changes.Count) != n {
		p.oddLocked("FolderSync counts %d changes and has %d", changes.Count, n)
	}
	for _, f := range changes.Deletes {
		if _, ok := p.folders[f.ServerID]; !ok {
			p.oddLocked("FolderSync deletes folder %s, which the phone does not have", f.ServerID)
		}
		delete(p.folders, f.ServerID)
		delete(p.collections, f.ServerID)
	}
	for _, f := range changes.Updates {
		if _, ok := p.folders[f.ServerID]; !ok {
			p.oddLocked("FolderSync updates folder %s, which the phone does not have", f.ServerID)
		}
		p.folders[f.ServerID] = f
	}
	for _, f := range changes.Adds {
		if _, ok := p.folders[f.ServerID]; ok {
			p.oddLocked("FolderSync adds folder %s twice", f.ServerID)
		}
		p.folders[f.ServerID] = f
	}
}

// FolderKey is the SyncKey of the hierarchy.
func (p *Phone) FolderKey() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.folderKey
}

// ForgetFolders makes the phone start the hierarchy anew, as after a reset.
func (p *Phone) ForgetFolders() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.folderKey = eas.FolderSyncKeyInitial
	clear(p.folders)
}

// Folders is the hierarchy as the phone knows it, by ServerID.
func (p *Phone) Folders() []eas.Folder {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.SortedFunc(maps.Values(p.folders), func(a, b eas.Folder) int {
		return cmp.Or(cmp.Compare(len(a.ServerID), len(b.ServerID)), cmp.Compare(a.ServerID, b.ServerID))
	})
}

// Folder finds the default folder of a type.
func (p *Phone) Folder(kind eas.FolderType) (eas.Folder, error) {
	for _, f := range p.Folders() {
		if f.Type == kind {
			return f, nil
		}
	}
	return eas.Folder{}, ErrNoFolder
}

// FolderCreate creates a folder and returns its ServerID (MS-ASCMD 2.2.1.3).
func (p *Phone) FolderCreate(ctx context.Context, parent, name string, kind eas.FolderType) (string, error) {
	var resp eas.FolderCreateResponse
	req := &eas.FolderCreate{SyncKey: p.FolderKey(), ParentID: parent, DisplayName: name, Type: kind}
	if err := p.Call(ctx, "FolderCreate", Params{}, req, &resp); err != nil {
		return "", err
	}
	if err := statusError("FolderCreate", resp.Status, eas.FolderCreateStatusSuccess); err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.folderKey = resp.SyncKey
	p.folders[resp.ServerID] = eas.Folder{ServerID: resp.ServerID, ParentID: parent, DisplayName: name, Type: kind}
	return resp.ServerID, nil
}

// FolderUpdate moves and renames a folder (MS-ASCMD 2.2.1.6).
func (p *Phone) FolderUpdate(ctx context.Context, id, parent, name string) error {
	var resp eas.FolderUpdateResponse
	req := &eas.FolderUpdate{SyncKey: p.FolderKey(), ServerID: id, ParentID: parent, DisplayName: name}
	if err := p.Call(ctx, "FolderUpdate", Params{}, req, &resp); err != nil {
		return err
	}
	if err := statusError("FolderUpdate", resp.Status, eas.FolderUpdateStatusSuccess); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.folderKey = resp.SyncKey
	f := p.folders[id]
	f.ServerID, f.ParentID, f.DisplayName = id, parent, name
	p.folders[id] = f
	return nil
}

// FolderDelete deletes a folder with everything below it (MS-ASCMD 2.2.1.4).
func (p *Phone) FolderDelete(ctx context.Context, id string) error {
	var resp eas.FolderDeleteResponse
	req := &eas.FolderDelete{SyncKey: p.FolderKey(), ServerID: id}
	if err := p.Call(ctx, "FolderDelete", Params{}, req, &resp); err != nil {
		return err
	}
	if err := statusError("FolderDelete", resp.Status, eas.FolderDeleteStatusSuccess); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.folderKey = resp.SyncKey
	p.dropFolderLocked(id)
	return nil
}

func (p *Phone) dropFolderLocked(id string) {
	delete(p.folders, id)
	delete(p.collections, id)
	for child, f := range p.folders {
		if f.ParentID == id {
			p.dropFolderLocked(child)
		}
	}
}
