package activesync

import (
	"context"
	"slices"

	"martlet/gateway/hold"
	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/store"
)

// sync exchanges changes of collections with the client (MS-ASCMD 2.2.1.21),
// and may wait for some.
func (h *Handler) sync(ctx context.Context, s *session) (reply, error) {
	req, refused, err := h.readSync(ctx, s)
	switch {
	case err != nil:
		return reply{}, err
	case refused != nil:
		return refused.reply(s.version), nil
	}
	// What waits on a connection that the phone has left would take its next answer
	// for received, and confirm a key that the phone may not have.
	h.c.Holder.Supersede(uint64(s.box), s.query.DeviceID, s.command.code)
	var waiting *hold.Request
	if req.wait > 0 {
		waiting = h.expect(ctx, s, req.folders())
		defer waiting.Cancel()
	}
	out, err := h.syncOnce(ctx, s, req)
	if err != nil {
		return reply{}, err
	}
	writing := ctx
	if req.deletes() {
		writing = store.WithReserve(ctx)
	}
	if err := h.keepMemory(writing, s, req.memory); err != nil {
		return reply{}, err
	}
	if req.wait == 0 || !out.empty() {
		return out.reply(), nil
	}
	return h.hold(s, waiting, req.wait)
}

// syncLater answers a Sync that waited: as it had nothing to tell, it is what an
// empty request would be now. With nothing to tell in the end, the answer has no
// body (MS-ASCMD 2.2.1.21.2).
func (h *Handler) syncLater(ctx context.Context, s *session, why hold.Reason) (rep reply, done bool, err error) {
	if why != hold.Woken {
		return reply{}, true, nil
	}
	if err := h.loadAccount(ctx, s); err != nil {
		return reply{}, true, err
	}
	if a := &s.account; a.Disabled || !a.ActiveSync || a.Server != "" {
		return reply{}, true, statusError(eas.StatusUserDisabledForSync)
	}
	req, refused, err := h.readSync(ctx, s)
	switch {
	case err != nil:
		return reply{}, true, err
	case refused != nil:
		return refused.reply(s.version), true, nil
	}
	changed, err := h.c.Engine.ChangedFor(ctx, s.id(), s.box, append(req.folders(), mail.Hierarchy), shows(s.version))
	switch {
	case err != nil:
		return reply{}, true, err
	case len(changed) == 0:
		return reply{}, false, nil
	case slices.Contains(changed, mail.Hierarchy): // MS-ASCMD_R4452
		return reply{document: &eas.SyncResponse{Status: eas.SyncStatusFolderHierarchyChanged}}, true, nil
	}
	out, err := h.syncOnce(ctx, s, req)
	if err != nil {
		return reply{}, true, err
	}
	return out.reply(), !out.empty(), nil
}

// syncWatches are the folders of the device's last Sync.
func (h *Handler) syncWatches(ctx context.Context, s *session) ([]mail.FolderID, error) {
	req, _, err := h.readSync(ctx, s)
	if err != nil || req == nil { // refused: it is answered when it is asked
		return nil, err
	}
	return req.folders(), nil
}

func (req *syncRequest) folders() []mail.FolderID {
	f := make([]mail.FolderID, 0, len(req.collections)+1)
	for i := range req.collections {
		c := &req.collections[i]
		if c.err != nil {
			continue
		}
		f = append(f, c.request.Folder)
		for j := range c.parts {
			if part := c.parts[j].request.Folder; part != c.request.Folder {
				f = append(f, part)
			}
		}
	}
	return f
}

// synced is the answer to a Sync in the making.
type synced struct {
	version     eas.Version
	collections []eas.SyncResponseCollection
}

// empty tells that there is nothing to say.
func (out *synced) empty() bool { return len(out.collections) == 0 }

func (out *synced) document() any { return &eas.SyncResponse{Collections: out.collections} }

func (out *synced) reply() reply {
	if out.empty() { // iOS crashes on an empty Collections
		return reply{}
	}
	return reply{document: out.document()}
}

// syncOnce goes through the collections in their order until the window of the
// whole answer is full (MS-ASCMD_R4777); after that the client's changes are
// taken and the server's wait.
func (h *Handler) syncOnce(ctx context.Context, s *session, req *syncRequest) (*synced, error) {
	out := &synced{version: s.version}
	room := room{items: req.window, bytes: maxAnswer}
	for i := range req.collections {
		c := &req.collections[i]
		answer, err := h.syncCollection(ctx, s, c, &room)
		if err != nil {
			return nil, err
		}
		if answer != nil {
			out.collections = append(out.collections, *answer)
		}
	}
	return out, nil
}

// room is what is left of an answer.
type room struct {
	items int
	bytes int64
}

// maxAnswer is how many bytes of items an answer may hold; one item more than
// that goes alone. It bounds the memory that a request can take.
const maxAnswer = 16 << 20

// syncCollection answers one collection, or says nothing of it.
func (h *Handler) syncCollection(ctx context.Context, s *session, c *syncCollection, room *room) (*eas.SyncResponseCollection, error) {
	if c.err != nil {
		return c.failed(s, c.err), nil
	}
	if len(c.parts) > 0 {
		return h.syncMerged(ctx, s, c, room)
	}
	full := room.items <= 0 || room.bytes <= 0
	r := c.request
	r.Window = min(r.Window, room.items)
	r.Weigh, r.Room = itemWeight(&c.options, s.version), room.bytes
	if full {
		if len(r.Commands) == 0 && r.Key != "0" && len(c.refused) == 0 {
			return nil, nil // its changes come with the next answer (MS-ASCMD_R4783)
		}
		r.GetChanges, r.Window = false, 0
	}
	writing := ctx
	if c.deletes() {
		writing = store.WithReserve(ctx) // on a full disk, to make room
	}
	results, err := h.syncWrites(writing, s, c, r)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		h.logFailure(s, err, true)
		return c.failed(s, err), nil
	}
	res := &results[0]
	if res.Err != nil {
		h.logFailure(s, res.Err, syncStatus(res.Err) == eas.SyncStatusServerError)
		return c.failed(s, res.Err), nil
	}
	// Versions before empty responses want to hear of every collection.
	if res.Unchanged && len(c.refused) == 0 && s.version >= eas.V121 {
		return nil, nil
	}
	room.items -= len(res.Changes)
	return h.renderCollection(ctx, s, c, res, room)
}

// failed is a collection that could not be synchronised. The schema wants a key:
// the one of the request, or 0 where the client must start anew, since some
// clients look at nothing else.
func (c *syncCollection) failed(s *session, err error) *eas.SyncResponseCollection {
	r := &eas.SyncResponseCollection{
		Class: c.wireClass(s), SyncKey: c.wire.SyncKey, CollectionID: c.wire.CollectionID, Status: syncStatus(err),
	}
	if r.SyncKey == "" || r.Status == eas.SyncStatusInvalidSyncKey {
		r.SyncKey = "0"
	}
	return r
}

// wireClass is the collection's class for the versions that name it (MS-ASCMD
// 2.2.3.27.5).
func (c *syncCollection) wireClass(s *session) string {
	if s.version >= eas.V140 {
		return ""
	}
	if c.class != 0 {
		return className(c.class)
	}
	return knownClass(c.wire.Class)
}
