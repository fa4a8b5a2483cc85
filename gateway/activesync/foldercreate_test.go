package activesync

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"

	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/store"
)

func TestWhyAFolderIsNotCreated(t *testing.T) {
	h := &Handler{log: slog.New(slog.DiscardHandler)}
	commands := newTable(1 << 20)
	for _, tt := range []struct {
		err     error
		version eas.Version
		status  eas.FolderCreateStatus // of the command, or
		common  uint16
	}{
		{mail.ErrTooManyFolders, eas.V161, 0, eas.StatusTooManyFolders}, // MS-ASCMD_R4932
		{mail.ErrTooManyFolders, eas.V140, 0, eas.StatusTooManyFolders},
		{mail.ErrTooManyFolders, eas.V121, eas.FolderCreateStatusServerError, 0},
		{mail.ErrFolderExists, eas.V25, eas.FolderCreateStatusNameExists, 0},
		{store.ErrDiskFull, eas.V161, 0, eas.StatusServerErrorRetryLater},
		{errors.New("no idea"), eas.V161, eas.FolderCreateStatusServerError, 0},
	} {
		s := &session{r: httptest.NewRequest("POST", "/", nil), version: tt.version, command: commands.find(query{Command: "FolderCreate"})}
		resp, err := h.folderNotCreated(s, fmt.Errorf("engine: %w", tt.err))
		switch {
		case tt.common != 0 && (err == nil || s.command.commonStatus(err) != tt.common):
			t.Errorf("%v at %v: %+v, %v", tt.err, tt.version, resp, err)
		case tt.common == 0 && (err != nil || resp.Status != tt.status || resp.SyncKey != ""):
			t.Errorf("%v at %v: %+v, %v", tt.err, tt.version, resp, err)
		}
	}
}
