package activesync

import "martlet/protocol/eas"

// validate answers Android's connection test, which calls its device
// "validate": it may provision and look at the folders, and nothing of it is
// stored.
func (h *Handler) validate(s *session) (reply, error) {
	switch s.command.name {
	case "Provision":
		return decoded((*Handler).provision)(h, s.r.Context(), s)
	case "FolderSync":
		return reply{document: &eas.FolderSyncResponse{
			Status: eas.FolderSyncStatusSuccess, SyncKey: "1", Changes: &eas.FolderChanges{},
		}}, nil
	case "Settings":
		return decoded((*Handler).settings)(h, s.r.Context(), s)
	}
	return reply{}, errBadDeviceID
}
