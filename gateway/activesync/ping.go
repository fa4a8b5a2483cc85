package activesync

import (
	"context"
	"errors"
	"slices"
	"time"

	"martlet/gateway/hold"
	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/sync/device"
)

// maxPingFolders bounds the folders that one Ping may name.
const maxPingFolders = 300

// ping is held until a folder changes (MS-ASCMD 2.2.1.13).
func (h *Handler) ping(ctx context.Context, s *session) (reply, error) {
	q := eas.Ping{}
	if len(s.body) > 0 { // without a body it means the same as the last one
		if err := wbxml.Unmarshal(s.body, &q); err != nil {
			return pingReply(&eas.PingResponse{Status: eas.PingStatusSyntaxError}), nil // MS-ASCMD_R4244
		}
	}
	p, refused, err := h.pingParameters(ctx, s, &q)
	if err != nil || refused != nil {
		return pingReply(refused), err
	}
	waiting := h.expect(ctx, s, p.folders)
	defer waiting.Cancel()
	resp, err := h.pingChanges(ctx, s, p)
	if err != nil || resp != nil {
		return pingReply(resp), err
	}
	return h.hold(s, waiting, p.heartbeat)
}

// pingLater answers a Ping that waited.
func (h *Handler) pingLater(ctx context.Context, s *session, why hold.Reason) (rep reply, done bool, err error) {
	if why != hold.Woken {
		return pingReply(&eas.PingResponse{Status: eas.PingStatusExpired}), true, nil
	}
	// That a folder is gone shows in the hierarchy.
	p, refused, err := h.named(ctx, s, s.device.PingHeartbeat, s.device.PingFolders)
	if err != nil || refused != 0 {
		return pingReply(refusedPing(refused)), true, err
	}
	resp, err := h.pingChanges(ctx, s, p)
	return pingReply(resp), resp != nil || err != nil, err
}

// pingWatches are the folders of the device's last Ping.
func (h *Handler) pingWatches(ctx context.Context, s *session) ([]mail.FolderID, error) {
	p, _, err := h.pinged(ctx, s, s.device.PingHeartbeat, s.device.PingFolders)
	if err != nil || p == nil { // refused: it is answered when it is asked
		return nil, err
	}
	return p.folders, nil
}

func pingReply(resp *eas.PingResponse) reply {
	if resp == nil {
		return reply{}
	}
	return reply{document: resp}
}

// pinged is what one Ping watches.
type pinged struct {
	heartbeat time.Duration
	names     []string // as the client wrote them
	folders   []mail.FolderID
	regrouped []string // those of the names that take in others than before
}

// pingParameters completes a request from the device's last one, and keeps it
// for the next one when it differs (MS-ASCMD_R5836, MS-ASCMD_R3152).
func (h *Handler) pingParameters(ctx context.Context, s *session, q *eas.Ping) (*pinged, *eas.PingResponse, error) {
	asked, folders := uint(s.device.PingHeartbeat), s.device.PingFolders
	if q.HeartbeatInterval != nil {
		asked = *q.HeartbeatInterval
	}
	// The range may be another than when the last one was kept.
	if limit, ok := h.rules().heartbeatLimit(asked); !ok && (q.HeartbeatInterval != nil || asked != 0) {
		return nil, &eas.PingResponse{Status: eas.PingStatusHeartbeatOutOfRange, HeartbeatInterval: &limit}, nil
	}
	heartbeat := uint32(asked)
	if len(q.Folders) > maxPingFolders {
		limit := uint(maxPingFolders)
		return nil, &eas.PingResponse{Status: eas.PingStatusTooManyFolders, MaxFolders: &limit}, nil
	}
	if len(q.Folders) > 0 {
		folders = make([]device.PingFolder, 0, len(q.Folders))
		for _, f := range q.Folders {
			folders = append(folders, device.PingFolder{ID: f.ID, Class: f.Class})
		}
	}
	if heartbeat == 0 || len(folders) == 0 {
		return nil, &eas.PingResponse{Status: eas.PingStatusMissingParameters}, nil
	}
	p, refused, err := h.pinged(ctx, s, heartbeat, folders)
	if err != nil || refused != 0 {
		return nil, refusedPing(refused), err
	}
	if heartbeat != s.device.PingHeartbeat || !slices.Equal(folders, s.device.PingFolders) {
		err := h.editDevice(ctx, s, func(d *device.Device) { d.PingHeartbeat, d.PingFolders = heartbeat, folders })
		if err != nil {
			return nil, nil, err
		}
	}
	return p, nil, nil
}

// pinged finds the folders that a Ping names.
func (h *Handler) pinged(ctx context.Context, s *session, heartbeat uint32, folders []device.PingFolder) (*pinged, eas.PingStatus, error) {
	p, refused, err := h.named(ctx, s, heartbeat, folders)
	if err != nil || refused != 0 {
		return nil, refused, err
	}
	// A folder that is gone would never change again (MS-ASCMD_R4257).
	err = h.haveFolders(ctx, s, p.folders)
	if errors.Is(err, mail.ErrNoFolder) {
		return nil, eas.PingStatusFolderSyncRequired, nil
	}
	return p, 0, err
}

// named reads the folders that a Ping names.
func (h *Handler) named(ctx context.Context, s *session, heartbeat uint32, folders []device.PingFolder) (*pinged, eas.PingStatus, error) {
	p := &pinged{heartbeat: time.Duration(heartbeat) * time.Second}
	for _, f := range folders {
		if f.ID == "" || slices.Contains(p.names, f.ID) { // MS-ASCMD_R6699
			return nil, eas.PingStatusSyntaxError, nil
		}
		id, err := h.folder(ctx, s, f.ID)
		if errors.Is(err, errBadID) || errors.Is(err, mail.ErrNoFolder) {
			return nil, eas.PingStatusFolderSyncRequired, nil
		}
		if err != nil {
			return nil, 0, err
		}
		p.names, p.folders = append(p.names, f.ID), append(p.folders, id)
	}
	return p, 0, h.takeIn(ctx, s, p)
}

func refusedPing(status eas.PingStatus) *eas.PingResponse {
	if status == 0 {
		return nil
	}
	return &eas.PingResponse{Status: status}
}

// pingChanges answers when something is to be told, and nil otherwise.
func (h *Handler) pingChanges(ctx context.Context, s *session, p *pinged) (*eas.PingResponse, error) {
	changed, err := h.c.Engine.ChangedFor(ctx, s.id(), s.box, append(p.folders[:len(p.folders):len(p.folders)], mail.Hierarchy), shows(s.version))
	switch {
	case errors.Is(err, mail.ErrNoFolder):
		return &eas.PingResponse{Status: eas.PingStatusFolderSyncRequired}, nil
	case err != nil:
		h.logFailure(s, err, ctx.Err() == nil)
		return &eas.PingResponse{Status: eas.PingStatusServerError}, nil
	case len(changed)+len(p.regrouped) == 0:
		return nil, nil
	case slices.Contains(changed, mail.Hierarchy): // MS-ASCMD_R4256
		return &eas.PingResponse{Status: eas.PingStatusFolderSyncRequired}, nil
	}
	resp := &eas.PingResponse{Status: eas.PingStatusChanges, Folders: p.regrouped}
	for i, f := range p.folders {
		if slices.Contains(changed, f) && !slices.Contains(resp.Folders, p.names[i]) {
			resp.Folders = append(resp.Folders, p.names[i])
		}
	}
	return resp, nil
}
