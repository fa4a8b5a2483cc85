package activesync

import (
	"context"
	"errors"
	"fmt"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
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
	estimates := estimates{}
	resp := &eas.GetItemEstimateResponse{Responses: make([]eas.EstimateResponse, 0, len(q.Collections))}
	for i := range q.Collections {
		c := &q.Collections[i]
		n, err := estimates.once(c, func() (int, error) { return h.estimate(ctx, s, c) })
		status, known := estimateStatus(err)
		if errors.Is(err, errFilter) && s.version < eas.V140 {
			err = errProtocol // as a status of HTTP that does not blame the server
		}
		if !known {
			return nil, err
		}
		r := eas.EstimateResponse{Status: status}
		// Collection stands in failures too, so that the client knows which.
		r.Collection = &eas.EstimatedCollection{CollectionID: c.CollectionID}
		if s.version < eas.V140 {
			r.Collection.Class = knownClass(c.Class)
		}
		if err == nil {
			count := uint(n)
			r.Collection.Estimate = &count
		}
		resp.Responses = append(resp.Responses, r)
	}
	return resp, nil
}

// estimates are those of one request so far: a collection that stands in it a
// thousand times is counted once.
type estimates map[string]estimated

type estimated struct {
	n   int
	err error
}

func (e estimates) once(c *eas.EstimateCollection, count func() (int, error)) (int, error) {
	same, err := wbxml.MarshalRaw(c)
	if err != nil {
		return count()
	}
	was, ok := e[string(same)]
	if !ok {
		was.n, was.err = count()
		e[string(same)] = was
	}
	return was.n, was.err
}

// errMaxItems is a limit on the recipient information asked of another folder
// (MS-ASCMD_R3269).
var errMaxItems = fmt.Errorf("%w: only the recipient information has MaxItems", errProtocol)

// estimate counts for one collection. Only the filter in the request counts, not
// one that a Sync has left (MS-ASCMD_R2970, R3543).
func (h *Handler) estimate(ctx context.Context, s *session, c *eas.EstimateCollection) (int, error) {
	if c.SyncKey == "" || c.SyncKey == engine.NewKey { // MS-ASCMD_R4140
		return 0, engine.ErrNoState
	}
	// To the engine it is a Sync; up to 12.1 the filter stands outside Options.
	w := &eas.SyncCollection{Class: c.Class, CollectionID: c.CollectionID, SyncKey: c.SyncKey, Options: c.Options, ConversationMode: c.ConversationMode}
	if c.FilterType != nil {
		w.Options = []eas.SyncOptions{{FilterType: c.FilterType}}
	}
	one := syncCollection{wire: w, fresh: true}
	err := h.c.Store.View(ctx, func(tx *store.Tx) error {
		one = syncCollection{wire: w, fresh: true}
		return h.prepareCollection(tx, s, &one)
	})
	c.CollectionID = w.CollectionID
	if err = errors.Join(err, one.err); err != nil {
		return 0, err
	}
	if len(one.parts) > 0 {
		return h.estimateMerged(ctx, s, &one)
	}
	n, err := h.c.Engine.Estimate(ctx, s.id(), one.request)
	if w.Options == nil {
		n = min(n, maxWindow) // MS-ASCMD_R3543
	}
	return n, err
}
