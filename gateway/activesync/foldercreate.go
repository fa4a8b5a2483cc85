package activesync

import (
	"context"
	"errors"

	"martlet/mail"
	"martlet/protocol/eas"
)

// folderCreate makes a folder (MS-ASCMD 2.2.1.3).
func (h *Handler) folderCreate(ctx context.Context, s *session, q *eas.FolderCreate) (*eas.FolderCreateResponse, error) {
	fail := func(err error) (*eas.FolderCreateResponse, error) {
		if retryable(err) {
			return nil, err
		}
		if errors.Is(err, mail.ErrTooManyFolders) && s.version >= eas.V140 {
			return nil, statusError(eas.StatusTooManyFolders)
		}
		status := folderCreateStatus(err)
		h.logFailure(s, err, status == eas.FolderCreateStatusServerError)
		return &eas.FolderCreateResponse{Status: status}, nil
	}
	class, ok := classOfType(q.Type)
	if !ok {
		return &eas.FolderCreateResponse{Status: eas.FolderCreateStatusBadRequest}, nil
	}
	if q.ParentID == eas.RecipientInfoServerID { // MS-ASCMD_R4016
		return &eas.FolderCreateResponse{Status: eas.FolderCreateStatusSystemFolder}, nil
	}
	parent, err := parseParentID(q.ParentID)
	if err != nil { // no folder of ours has such an id
		return &eas.FolderCreateResponse{Status: eas.FolderCreateStatusParentNotFound}, nil
	}
	folder, key, err := h.c.Engine.CreateFolder(ctx, s.id(), s.box, q.SyncKey, parent, q.DisplayName, class)
	if err != nil {
		return fail(err)
	}
	return &eas.FolderCreateResponse{Status: eas.FolderCreateStatusSuccess, SyncKey: key, ServerID: folderServerID(folder.ID)}, nil
}
