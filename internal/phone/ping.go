package phone

import (
	"context"
	"time"

	"martlet/protocol/eas"
)

// PingResult is why a Ping was answered.
type PingResult struct {
	Status    eas.PingStatus
	Folders   []string      // with changes
	Heartbeat time.Duration // the bound, with PingStatusHeartbeatOutOfRange
	Max       uint          // the bound, with PingStatusTooManyFolders
}

// Ping waits until one of the folders changes or the heartbeat is over
// (MS-ASCMD 2.2.1.13). Without folders and with a zero heartbeat it sends no
// body: as the last time. A status other than expiry and changes is both in the
// result and an error.
func (p *Phone) Ping(ctx context.Context, heartbeat time.Duration, folders ...string) (PingResult, error) {
	var req any
	if heartbeat > 0 || len(folders) > 0 {
		ping := &eas.Ping{}
		if heartbeat > 0 {
			seconds := uint(heartbeat / time.Second)
			ping.HeartbeatInterval = &seconds
		}
		for _, id := range folders {
			ping.Folders = append(ping.Folders, eas.PingFolder{ID: id, Class: p.classOf(id, "")})
		}
		req = ping
	}
	var resp eas.PingResponse
	if err := p.Call(ctx, "Ping", Params{}, req, &resp); err != nil {
		return PingResult{}, err
	}
	out := PingResult{Status: resp.Status, Folders: resp.Folders}
	if resp.HeartbeatInterval != nil {
		out.Heartbeat = time.Duration(*resp.HeartbeatInterval) * time.Second
	}
	if resp.MaxFolders != nil {
		out.Max = *resp.MaxFolders
	}
	if resp.Status == eas.PingStatusChanges {
		return out, nil
	}
	return out, statusError("Ping", resp.Status, eas.PingStatusExpired)
}
