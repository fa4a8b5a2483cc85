package activesync

import (
	"context"
	"errors"

	"martlet/protocol/eas"
	"martlet/store"
	"martlet/sync/engine"
)

// maxEstimates is how many collections one request may ask about (MS-ASCMD
// 3.1.5.10).
const maxEstimates = 1000

// getItemEstimate counts what a Sync would bring (MS-ASCMD 2.2.1.9).
func (h *Handler) getItemEstimate(ctx context.Context, s *session, q *eas.GetItemEstimate) (*eas.GetItemEstimateResponse, error) {
	if len(q.Collections) == 0 || len(q.Collections) > maxEstimates {
		return nil, statusError(eas.StatusInvalidXML)
	}
	resp := &eas.GetItemEstimateResponse{Responses: make([]eas.EstimateResponse, 0, len(q.Collections))}
	for i := range q.Collections {
		c := &q.Collections[i]
		n, err := h.estimate(ctx, s, c)
		status, known := estimateStatus(err)
		if !known {
			return nil, err
		}
		r := eas.EstimateResponse{Status: status}
		// Collection stands in failures too, so that the client knows which.
		r.Collection = &eas.EstimatedCollection{CollectionID: c.CollectionID}
		if s.version < eas.V140 {
			r.Collection.Class = c.Class
		}
		if err == nil {
			count := uint(n)
			r.Collection.Estimate = &count
		}
		resp.Responses = append(resp.Responses, r)
	}
	return resp, nil
}

func (h *Handler) estimate(ctx context.Context, s *session, c *eas.EstimateCollection) (int, error) {
	if c.SyncKey == "" || c.SyncKey == "0" { // MS-ASCMD_R4140
		return 0, engine.ErrNoState
	}
	// To the engine it is a Sync; up to 12.1 the filter stands outside Options.
	w := &eas.SyncCollection{Class: c.Class, CollectionID: c.CollectionID, SyncKey: c.SyncKey, Options: c.Options}
	if c.FilterType != nil {
		w.Options = []eas.SyncOptions{{FilterType: c.FilterType}}
	}
	one := syncCollection{wire: w}
	err := h.c.Store.View(ctx, func(tx *store.Tx) error {
		one = syncCollection{wire: w}
		return h.prepareCollection(tx, s, &one)
	})
	if err = errors.Join(err, one.err); err != nil {
		return 0, err
	}
	one.request.Window = maxWindow
	return h.c.Engine.Estimate(ctx, s.id(), one.request)
}
