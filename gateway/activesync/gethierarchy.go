package activesync

import (
	"context"
	"errors"
	"net/http"

	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/store"
)

// getHierarchy lists the folders for mail (MS-ASCMD 2.2.1.8). A request has no
// body; a failure is an HTTP status (MS-ASCMD_R6033).
func (h *Handler) getHierarchy(ctx context.Context, s *session) (reply, error) {
	if len(s.body) > 0 {
		return reply{status: http.StatusBadRequest}, nil
	}
	folders, err := h.allFolders(ctx, s.box)
	if err != nil {
		return reply{}, err
	}
	resp := &eas.GetHierarchyResponse{}
	for i := range folders {
		f := &folders[i]
		if f.Class != mail.ClassEmail { // MS-ASCMD_R6026
			continue
		}
		w := eas.HierarchyFolder{DisplayName: f.Name, ServerID: folderServerID(f.ID), ParentID: folderServerID(f.Parent), Type: folderType(f)}
		if w.Type == eas.FolderUserMail { // MS-ASCMD_R7388: the command knows the first six types
			w.Type = eas.FolderUserGeneric
		}
		resp.Folders = append(resp.Folders, w)
	}
	return reply{document: resp}, nil
}

// allFolders lists the folders of a mailbox, which it makes if it was never
// used.
func (h *Handler) allFolders(ctx context.Context, box mail.MailboxID) (all []mail.Folder, err error) {
	list := func(tx *store.Tx) error {
		all, err = h.c.Mailboxes.Folders(tx, box)
		return err
	}
	if err := h.c.Store.View(ctx, list); !errors.Is(err, mail.ErrNoMailbox) {
		return all, err
	}
	err = h.c.Store.Update(ctx, func(tx *store.Tx) error {
		if err := h.c.Mailboxes.Ensure(tx, box); err != nil {
			return err
		}
		return list(tx)
	})
	return all, err
}
