package phone

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"

	"martlet/protocol/eas"
)

// GetItemEstimate asks how many changes a Sync would bring (MS-ASCMD 2.2.1.9).
func (p *Phone) GetItemEstimate(ctx context.Context, collection string) (uint, error) {
	c := eas.EstimateCollection{SyncKey: p.SyncKey(collection), CollectionID: collection}
	if p.cfg.Version < eas.V140 {
		c.Class = "Email"
	}
	var resp eas.GetItemEstimateResponse
	if err := p.Call(ctx, "GetItemEstimate", Params{}, &eas.GetItemEstimate{Collections: []eas.EstimateCollection{c}}, &resp); err != nil {
		return 0, err
	}
	if resp.Status != 0 {
		if err := statusError("GetItemEstimate", resp.Status, eas.GetItemEstimateStatusSuccess); err != nil {
			return 0, err
		}
	}
	if len(resp.Responses) != 1 {
		return 0, fmt.Errorf("phone: GetItemEstimate: %d answers", len(resp.Responses))
	}
	got := resp.Responses[0]
	if err := statusError("GetItemEstimate", got.Status, eas.GetItemEstimateStatusSuccess); err != nil {
		return 0, err
	}
	if got.Collection == nil || got.Collection.CollectionID != collection || got.Collection.Estimate == nil {
		return 0, fmt.Errorf("phone: GetItemEstimate: no estimate for %s", collection)
	}
	return *got.Collection.Estimate, nil
}

// MoveItems moves items from one folder to another (MS-ASCMD 2.2.1.12). What
// was moved leaves the view; it enters the other folder's with the next Sync.
func (p *Phone) MoveItems(ctx context.Context, from, to string, items ...string) ([]eas.MoveResponse, error) {
	req := &eas.MoveItems{}
	for _, id := range items {
		req.Moves = append(req.Moves, eas.Move{SrcMsgID: id, SrcFldID: from, DstFldID: to})
	}
	var resp eas.MoveItemsResponse
	if err := p.Call(ctx, "MoveItems", Params{}, req, &resp); err != nil {
		return nil, err
	}
	if resp.Status != 0 {
		if err := statusError("MoveItems", resp.Status, eas.MoveItemsStatusSuccess); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range resp.Responses {
		if r.Status == eas.MoveItemsStatusSuccess {
			p.movedLocked(from, to, r)
		}
	}
	return resp.Responses, nil
}

// movedLocked notes a move, which the Syncs of the two folders tell again.
func (p *Phone) movedLocked(from, to string, r eas.MoveResponse) {
	source := p.collections[from]
	if source == nil {
		return
	}
	item, ok := source.items[r.SrcMsgID]
	if !ok {
		return
	}
	delete(source.items, r.SrcMsgID)
	source.leaving[r.SrcMsgID] = true
	if target := p.collections[to]; target != nil && r.DstMsgID != "" {
		item.ServerID = r.DstMsgID
		target.arriving[r.DstMsgID] = item
	}
}

// SendMail sends a message (MS-ASCMD 2.2.1.17). The client id is what keeps a
// repeated request from sending it twice; an empty one is made up.
func (p *Phone) SendMail(ctx context.Context, clientID string, mime []byte, saveInSent bool) error {
	if p.cfg.Version < eas.V140 {
		return p.sendRaw(ctx, mime, saveInSent)
	}
	if clientID == "" {
		clientID = rand.Text()
	}
	var resp eas.SendMailResponse
	err := p.Call(ctx, "SendMail", Params{}, &eas.SendMail{ClientID: clientID, SaveInSentItems: saveInSent, Mime: mime}, &resp)
	if errors.Is(err, ErrEmpty) {
		return nil
	}
	if err != nil {
		return err
	}
	if uint16(resp.Status) == eas.StatusMessagePreviouslySent { // the first answer was lost
		return nil
	}
	return statusError("SendMail", resp.Status, eas.ComposeMailStatusSuccess)
}

// sendRaw is SendMail up to 12.1: the body is the message.
func (p *Phone) sendRaw(ctx context.Context, mime []byte, saveInSent bool) error {
	answer, err := p.Do(ctx, Request{Command: "SendMail", Params: Params{SaveInSent: saveInSent}, ContentType: typeMail, Body: mime})
	if err != nil {
		return err
	}
	if answer.Status != http.StatusOK {
		return &HTTPError{Command: "SendMail", Status: answer.Status, Header: answer.Header, Body: string(answer.Body[:min(len(answer.Body), 512)])}
	}
	return nil
}
