package activesync

import (
	"context"
	"errors"
	"net/http"
)

// getAttachment answers with an attachment's bytes (MS-ASCMD 2.2.1.7). Its
// errors are HTTP statuses.
func (h *Handler) getAttachment(ctx context.Context, s *session) (reply, error) {
	if s.query.AttachmentName == "" {
		return reply{status: http.StatusBadRequest}, nil
	}
	a, err := h.openAttachment(ctx, s, s.query.AttachmentName)
	if errors.Is(err, errNoAttachment) { // MS-ASCMD_R166
		return reply{status: http.StatusInternalServerError}, nil
	}
	if err != nil {
		return reply{}, err
	}
	release, err := h.reserve(ctx, a.atMost)
	if err != nil {
		return reply{}, err
	}
	data, _, err := a.read(0, -1, maxAttachment)
	return reply{body: data, contentType: a.kind, free: release}, err
}
