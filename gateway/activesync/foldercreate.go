package activesync

import (
	"context"
	"errors"

	"martlet/mail"
	"martlet/protocol/eas"
)

// folderCreate makes a folder (MS-ASCMD 2.2.1.3).
func (h *Handler) folderCreate(ctx context.Context, s *session, q *eas.FolderCreate) (*eas.FolderCreateResponse, error) {
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
		return h.folderNotCreated(s, err)
	}
	return &eas.FolderCreateResponse{Status: eas.FolderCreateStatusSuccess, SyncKey: key, ServerID: folderServerID(folder.ID)}, nil
}

// folderNotCreated tells why in the words of the version.
func (h *Handler) folderNotCreated(s *session, err error) (*eas.FolderCreateResponse, error) {
	switch {
	case retryable(err):
		return nil, err
	case errors.Is(err, mail.ErrTooManyFolders) && s.version >= eas.V140: // MS-ASCMD_R4932
		return nil, statusError(eas.StatusTooManyFolders)
	}
	status := folderCreateStatus(err)
	h.logFailure(s, err, status == eas.FolderCreateStatusServerError)
	return &eas.FolderCreateResponse{Status: status}, nil
}
