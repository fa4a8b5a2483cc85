package activesync

import (
	"context"
	"net/http"

	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/store"
)

// The commands on folders from before there was a FolderSync: the request line
// says all, there is no SyncKey, and the device hears of the change in its next
// FolderSync, too. The documents name the commands (MS-ASHTTP_R702) and do not
// describe them; statuses are those of the folder commands that came after.

// createCollection makes a folder for mail.
func (h *Handler) createCollection(ctx context.Context, s *session) (reply, error) {
	if len(s.body) > 0 || s.query.CollectionName == "" || s.query.ParentID == "" {
		return reply{status: http.StatusBadRequest}, nil
	}
	parent, err := parseParentID(s.query.ParentID)
	if err != nil {
		return collection(eas.FolderCreateStatusParentNotFound), nil
	}
	var made mail.Folder
	err = h.changeFolders(ctx, s, func(tx *store.Tx) (err error) {
		made, err = h.c.Mailboxes.CreateFolder(tx, s.box, parent, s.query.CollectionName, mail.ClassEmail)
		return err
	})
	if err != nil {
		return h.collectionFailed(s, err, folderCreateStatus(err))
	}
	return reply{document: &eas.CollectionResponse{
		Status: eas.FolderCreateStatusSuccess,
		Folder: &eas.CollectionFolder{ServerID: folderServerID(made.ID)},
	}}, nil
}

// deleteCollection deletes a folder with all that is below it.
func (h *Handler) deleteCollection(ctx context.Context, s *session) (reply, error) {
	if len(s.body) > 0 || s.query.CollectionID == "" {
		return reply{status: http.StatusBadRequest}, nil
	}
	folder, err := parseFolderID(s.query.CollectionID)
	if err != nil {
		return collection(eas.FolderCreateStatus(eas.FolderDeleteStatusNotFound)), nil
	}
	err = h.changeFolders(store.WithReserve(ctx), s, func(tx *store.Tx) error { // on a full disk, too
		return h.c.Mailboxes.DeleteFolder(tx, s.box, folder)
	})
	if err != nil {
		return h.collectionFailed(s, err, eas.FolderCreateStatus(folderDeleteStatus(err)))
	}
	return collection(eas.FolderCreateStatusSuccess), nil
}

// moveCollection hangs a folder below another one, renames it, or both.
func (h *Handler) moveCollection(ctx context.Context, s *session) (reply, error) {
	q := &s.query
	if len(s.body) > 0 || q.CollectionID == "" || q.ParentID == "" && q.CollectionName == "" {
		return reply{status: http.StatusBadRequest}, nil
	}
	folder, err := parseFolderID(q.CollectionID)
	if err != nil {
		return collection(eas.FolderCreateStatus(eas.FolderUpdateStatusNotFound)), nil
	}
	err = h.changeFolders(ctx, s, func(tx *store.Tx) error {
		is, err := h.c.Mailboxes.Folder(tx, s.box, folder)
		if err != nil {
			return err
		}
		if q.ParentID != "" {
			if is.Parent, err = parseParentID(q.ParentID); err != nil {
				return mail.ErrBadParent
			}
		}
		if q.CollectionName != "" {
			is.Name = q.CollectionName
		}
		_, err = h.c.Mailboxes.UpdateFolder(tx, s.box, folder, is.Parent, is.Name)
		return err
	})
	if err != nil {
		return h.collectionFailed(s, err, eas.FolderCreateStatus(folderUpdateStatus(err)))
	}
	return collection(eas.FolderCreateStatusSuccess), nil
}

// changeFolders runs a change of the mailbox, which is made if it was never used.
func (h *Handler) changeFolders(ctx context.Context, s *session, change func(*store.Tx) error) error {
	return h.c.Store.Update(ctx, func(tx *store.Tx) error {
		if err := h.c.Mailboxes.Ensure(tx, s.box); err != nil {
			return err
		}
		return change(tx)
	})
}

func collection(status eas.FolderCreateStatus) reply {
	return reply{document: &eas.CollectionResponse{Status: status}}
}

// collectionFailed answers with the status of the folder command that came
// after: 6 is a failure of ours in each of them.
func (h *Handler) collectionFailed(s *session, err error, status eas.FolderCreateStatus) (reply, error) {
	if retryable(err) {
		return reply{}, err
	}
	h.logFailure(s, err, status == eas.FolderCreateStatusServerError)
	return collection(status), nil
}
