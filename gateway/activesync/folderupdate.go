package activesync

import (
	"context"

	"martlet/protocol/eas"
)

// folderUpdate renames or moves a folder (MS-ASCMD 2.2.1.6).
func (h *Handler) folderUpdate(ctx context.Context, s *session, q *eas.FolderUpdate) (*eas.FolderUpdateResponse, error) {
	refuse := func(status eas.FolderUpdateStatus) (*eas.FolderUpdateResponse, error) {
		return &eas.FolderUpdateResponse{Status: status}, nil
	}
	if q.ServerID == eas.RecipientInfoServerID || q.ParentID == eas.RecipientInfoServerID { // MS-ASCMD_R143
		return refuse(eas.FolderUpdateStatusSystemFolder)
	}
	folder, err := parseFolderID(q.ServerID)
	if err != nil {
		return refuse(eas.FolderUpdateStatusNotFound)
	}
	parent, err := parseParentID(q.ParentID)
	if err != nil {
		return refuse(eas.FolderUpdateStatusParentNotFound)
	}
	key, err := h.c.Engine.UpdateFolder(ctx, s.id(), s.box, q.SyncKey, folder, parent, q.DisplayName)
	if err != nil {
		if retryable(err) {
			return nil, err
		}
		status := folderUpdateStatus(err)
		h.logFailure(s, err, status == eas.FolderUpdateStatusServerError)
		return refuse(status)
	}
	return &eas.FolderUpdateResponse{Status: eas.FolderUpdateStatusSuccess, SyncKey: key}, nil
}
