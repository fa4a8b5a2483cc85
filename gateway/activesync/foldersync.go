package activesync

import (
	"context"

	"martlet/mail"
	"martlet/protocol/eas"
)

// folderSync tells what happened to the folders (MS-ASCMD 2.2.1.5). With key 0,
// or when the client must start with it, it tells anew what we speak, too
// (MS-ASHTTP_R1202, MS-ASHTTP_R478).
func (h *Handler) folderSync(ctx context.Context, s *session) (reply, error) {
	var q eas.FolderSync
	if err := s.decode(&q); err != nil {
		return reply{}, err
	}
	resp, err := h.hierarchy(ctx, s, &q)
	if err != nil {
		return reply{}, err
	}
	again := q.SyncKey == eas.FolderSyncKeyInitial || resp.Status == eas.FolderSyncStatusInvalidSyncKey
	return reply{document: resp, resync: again}, nil
}

func (h *Handler) hierarchy(ctx context.Context, s *session, q *eas.FolderSync) (*eas.FolderSyncResponse, error) {
	if q.SyncKey == "" {
		return &eas.FolderSyncResponse{Status: eas.FolderSyncStatusBadRequest}, nil
	}
	res, err := h.c.Engine.Hierarchy(ctx, s.id(), s.box, q.SyncKey, nil)
	if retryable(err) { // ServerError would make the phone start anew
		return nil, err
	}
	if err != nil {
		h.logFailure(s, err, folderSyncStatus(err) == eas.FolderSyncStatusServerError)
		return &eas.FolderSyncResponse{Status: folderSyncStatus(err)}, nil
	}
	c := &eas.FolderChanges{}
	for i := range res.Adds {
		if s.knowsFolder(&res.Adds[i]) {
			c.Adds = append(c.Adds, wireFolder(&res.Adds[i]))
		}
	}
	for i := range res.Updates {
		if s.knowsFolder(&res.Updates[i]) {
			c.Updates = append(c.Updates, wireFolder(&res.Updates[i]))
		}
	}
	for _, id := range res.Deletes {
		c.Deletes = append(c.Deletes, eas.FolderGone{ServerID: folderServerID(id)})
	}
	c.Count = uint(len(c.Adds) + len(c.Updates) + len(c.Deletes))
	return &eas.FolderSyncResponse{Status: eas.FolderSyncStatusSuccess, SyncKey: res.Key, Changes: c}, nil
}

// knowsFolder keeps the recipient information cache from versions that have no
// such folder (MS-ASCMD 2.2.3.186.3), and from phones with one calendar those that
// are part of it.
func (s *session) knowsFolder(f *mail.Folder) bool {
	return !s.merged(f) && (f.Role != mail.RoleRecipientInfo || s.version >= eas.V140)
}

func wireFolder(f *mail.Folder) eas.Folder {
	w := eas.Folder{ServerID: folderServerID(f.ID), ParentID: folderServerID(f.Parent), DisplayName: f.Name, Type: folderType(f)}
	if f.Role == mail.RoleRecipientInfo {
		w.ServerID = eas.RecipientInfoServerID
	}
	return w
}
