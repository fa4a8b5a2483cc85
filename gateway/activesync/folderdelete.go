package activesync

import (
	"context"

	"martlet/protocol/eas"
	"martlet/store"
)

// folderDelete deletes a folder with all that is below it (MS-ASCMD 2.2.1.4).
func (h *Handler) folderDelete(ctx context.Context, s *session, q *eas.FolderDelete) (*eas.FolderDeleteResponse, error) {
	refuse := func(status eas.FolderDeleteStatus) (*eas.FolderDeleteResponse, error) {
		return &eas.FolderDeleteResponse{Status: status}, nil
	}
	if q.ServerID == eas.RecipientInfoServerID {
		return refuse(eas.FolderDeleteStatusSystemFolder)
	}
	folder, err := parseFolderID(q.ServerID)
	if err != nil {
		return refuse(eas.FolderDeleteStatusNotFound)
	}
	key, err := h.c.Engine.DeleteFolder(store.WithReserve(ctx), s.id(), s.box, q.SyncKey, folder)
	if err != nil {
		if retryable(err) {
			return nil, err
		}
		status := folderDeleteStatus(err)
		h.logFailure(s, err, status == eas.FolderDeleteStatusServerError)
		return refuse(status)
	}
	return &eas.FolderDeleteResponse{Status: eas.FolderDeleteStatusSuccess, SyncKey: key}, nil
}
