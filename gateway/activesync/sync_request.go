package activesync

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"time"

	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/store"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// Limits of one Sync (MS-ASCMD 3.1.5.10, 2.2.3.94, 2.2.3.199).
const (
	maxCollections  = 300
	maxSyncCommands = 200
	maxWindow       = 512
	defaultWindow   = 100
)

// syncRequest is a Sync as it is to be done: complete, whatever the client left
// to the server's memory.
type syncRequest struct {
	collections []syncCollection
	window      int           // of all collections together
	wait        time.Duration // how long to wait for changes; zero: not at all
	memory      []byte        // what a later empty or partial request means, or nil
}

// refusal is a Sync refused as a whole.
type refusal struct {
	status eas.SyncStatus
	limit  uint // zero: none
}

func (r *refusal) reply(v eas.Version) reply {
	resp := &eas.SyncResponse{Status: r.status}
	if r.limit > 0 && v >= eas.V121 { // the first that has it

		resp.Limit = &r.limit
	}
	return reply{document: resp}
}

// readSync reads the request and completes it from the server's memory: an
// empty request is the last one again (MS-ASCMD 2.2.1.21.1), a partial one
// names only what differs (MS-ASCMD 2.2.3.130).
func (h *Handler) readSync(ctx context.Context, s *session) (*syncRequest, *refusal, error) {
	var q eas.Sync
	if len(s.body) > 0 {
		if err := s.decode(&q); err != nil {
			return nil, nil, err
		}
		if q.Wait != nil && s.version < eas.V121 || q.HeartbeatInterval != nil && s.version < eas.V140 { // they do not have it (MS-ASCMD_R6691)
			return nil, &refusal{status: eas.SyncStatusProtocolError}, nil
		}
	}
	named := len(q.Collections)
	if len(s.body) == 0 || q.Partial {
		if bad := recall(s, &q); bad != nil {
			return nil, bad, nil
		}
	}
	req := &syncRequest{window: window(q.WindowSize, maxWindow)}
	if bad := req.readLimits(&q, h.rules()); bad != nil {
		return nil, bad, nil
	}
	if s.version >= eas.V121 { // the first with empty requests
		req.memory = remember(&q)
	}
	req.collections = make([]syncCollection, len(q.Collections))
	seen := make(map[string]bool, len(q.Collections))
	for i := range q.Collections {
		c := &req.collections[i]
		c.wire, c.recalled = &q.Collections[i], i >= named
		if name := c.wire.Class + "\x00" + c.wire.CollectionID; seen[name] {
			return nil, &refusal{status: eas.SyncStatusProtocolError}, nil
		} else {
			seen[name] = true
		}
	}
	if err := h.prepare(ctx, s, req); err != nil {
		return nil, nil, err
	}
	for i := range req.collections {
		if errors.Is(req.collections[i].err, errReadOnlyCache) {
			return nil, &refusal{status: eas.SyncStatusProtocolError}, nil
		}
		if errors.Is(req.collections[i].err, errBodyPartType) {
			return nil, &refusal{status: eas.StatusBodyPartPreferenceTypeNotSupported}, nil
		}
	}
	return req, nil, nil
}

// window reads a WindowSize (MS-ASCMD_R4768).
func window(size *uint, absent int) int {
	switch {
	case size == nil:
		return absent
	case *size == 0 || *size > maxWindow:
		return maxWindow
	}
	return int(*size)
}

// readLimits checks what concerns the request as a whole.
func (req *syncRequest) readLimits(q *eas.Sync, rules *Rules) *refusal {
	if len(q.Collections) == 0 || q.Wait != nil && q.HeartbeatInterval != nil { // MS-ASCMD_R3162
		return &refusal{status: eas.SyncStatusProtocolError}
	}
	if len(q.Collections) > maxCollections {
		return &refusal{status: eas.SyncStatusTooManyCollections, limit: maxCollections}
	}
	commands := 0
	for i := range q.Collections {
		commands += len(q.Collections[i].Commands)
	}
	if commands > maxSyncCommands { // MS-ASCMD_R5659
		return &refusal{status: eas.SyncStatusProtocolError}
	}
	switch {
	case q.Wait != nil:
		if limit, ok := rules.waitLimit(*q.Wait); !ok { // MS-ASCMD_R3227, R3228
			return &refusal{status: eas.SyncStatusInvalidWait, limit: limit}
		}
		req.wait = time.Duration(*q.Wait) * time.Minute
	case q.HeartbeatInterval != nil:
		if limit, ok := rules.heartbeatLimit(*q.HeartbeatInterval); !ok { // MS-ASCMD_R3229, R3230
			return &refusal{status: eas.SyncStatusInvalidWait, limit: limit}
		}
		req.wait = time.Duration(*q.HeartbeatInterval) * time.Second
	}
	return nil
}

// remember is what a later empty or partial request means: everything but the
// changes, the keys, which the collections' states know, and the options, which
// they keep.
func remember(q *eas.Sync) []byte {
	m := eas.Sync{Wait: q.Wait, HeartbeatInterval: q.HeartbeatInterval, WindowSize: q.WindowSize}
	m.Collections = make([]eas.SyncCollection, len(q.Collections))
	for i := range q.Collections {
		c := &q.Collections[i]
		m.Collections[i] = eas.SyncCollection{Class: c.Class, CollectionID: c.CollectionID,
			DeletesAsMoves: c.DeletesAsMoves, WindowSize: c.WindowSize, ConversationMode: c.ConversationMode}
		if c.SyncKey != "0" { // with key 0 it means something else
			m.Collections[i].GetChanges = c.GetChanges
		}
	}
	b, err := wbxml.Marshal(&m)
	if err != nil {
		return nil // then an empty request is asked to be sent whole
	}
	return b
}

// recall completes a request from what was remembered.
func recall(s *session, q *eas.Sync) *refusal {
	var m eas.Sync
	if len(s.device.SyncCache) == 0 || wbxml.Unmarshal(s.device.SyncCache, &m) != nil {
		return &refusal{status: eas.SyncStatusIncomplete} // MS-ASCMD_R4456
	}
	if q.Partial && q.Collections == nil && q.Wait == nil && q.HeartbeatInterval == nil && q.WindowSize == nil {
		return &refusal{status: eas.SyncStatusProtocolError} // MS-ASCMD_R3642
	}
	if q.Wait == nil && q.HeartbeatInterval == nil {
		q.Wait, q.HeartbeatInterval = m.Wait, m.HeartbeatInterval
	}
	if q.WindowSize == nil {
		q.WindowSize = m.WindowSize
	}
	named := make(map[string]bool, len(q.Collections))
	for i := range q.Collections {
		named[q.Collections[i].CollectionID] = true
	}
	for _, c := range m.Collections {
		if !named[c.CollectionID] {
			q.Collections = append(q.Collections, c)
		}
	}
	return nil
}

// keepMemory stores what later requests mean, when it changed.
func (h *Handler) keepMemory(ctx context.Context, s *session, memory []byte) error {
	if memory == nil || bytes.Equal(memory, s.device.SyncCache) {
		return nil
	}
	return h.editDevice(ctx, s, func(d *device.Device) { d.SyncCache = memory })
}

// prepare looks up all collections of a request in one snapshot.
func (h *Handler) prepare(ctx context.Context, s *session, req *syncRequest) error {
	return h.c.Store.View(ctx, func(tx *store.Tx) error {
		for i := range req.collections {
			c := &req.collections[i]
			*c = syncCollection{wire: c.wire, recalled: c.recalled}
			if err := h.prepareCollection(tx, s, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// prepareCollection turns one collection of the request into the engine's. What
// is wrong with it is kept in err.
func (h *Handler) prepareCollection(tx *store.Tx, s *session, c *syncCollection) error {
	w := c.wire
	folder, err := h.collectionFolderTx(tx, s, w.CollectionID, w.Class)
	if err != nil {
		c.err = err
		if errors.Is(err, mail.ErrNoFolder) || errors.Is(err, errBadID) || errors.Is(err, errProtocol) {
			return nil
		}
		return err
	}
	if w.CollectionID == "" { // found by its class: the answer tells its id
		w.CollectionID = folderServerID(folder.ID)
	}
	if !c.part {
		if parts, err := h.partsOf(tx, s, &folder); err != nil {
			return err
		} else if len(parts) > 0 && (w.SyncKey != "" || c.recalled) {
			return h.prepareMerged(tx, s, c, &folder, parts)
		}
	}
	state, err := h.c.Devices.Collection(tx, s.id(), uint32(folder.ID))
	if err != nil && !errors.Is(err, device.ErrNoCollection) {
		return err
	}
	c.class, c.role, c.link = folder.Class, folder.Role, folder.Link
	r := &c.request
	r.Box, r.Folder, r.Key = s.box, folder.ID, w.SyncKey
	if c.recalled {
		r.Key = lastKey(&state)
	}
	if r.Key == "" {
		c.err = errProtocol
		return nil
	}
	r.Window = window(w.WindowSize, defaultWindow)
	r.DeletesAsMoves = w.DeletesAsMoves == nil || *w.DeletesAsMoves // MS-ASCMD_R2160
	if c.err = c.readGetChanges(r.Key == engine.NewKey); c.err != nil {
		return nil
	}
	if w.ConversationMode != nil && folder.Class != mail.ClassEmail { // MS-ASCMD_R2117, R2100
		c.err = errProtocol
		return nil
	}
	r.Conversations = c.conversationMode(&state)
	c.err = c.readOptions(s, state.Options)
	if c.err == nil {
		if c.err, err = h.readMaxItems(tx, s, c); err != nil {
			return err
		}
	}
	if c.err == nil {
		c.err = checkBodyParts(s.version, &c.options)
	}
	if c.err == nil {
		c.err = c.readCommands(s, folder)
	}
	return nil
}

// conversationMode tells whether conversations come whole (MS-ASCMD 2.2.3.36.2).
// A request that does not say goes on as before.
func (c *syncCollection) conversationMode(state *device.Collection) bool {
	switch {
	case c.wire.ConversationMode != nil:
		return *c.wire.ConversationMode
	case c.request.Key == engine.NewKey:
		return false
	case state.Pending.Key != 0:
		return state.Pending.Conversations
	}
	return state.Confirmed.Conversations
}

// lastKey is the key that the client was sent last. It has that one, or it would
// not send an empty request.
func lastKey(c *device.Collection) string {
	if c.Pending.Key != 0 {
		return strconv.FormatUint(c.Pending.Key, 10)
	}
	if c.Confirmed.Key != 0 {
		return strconv.FormatUint(c.Confirmed.Key, 10)
	}
	return "1" // of no use: the answer is to start anew
}

// readGetChanges decides whether the server's changes are wanted (MS-ASCMD
// 2.2.3.83).
func (c *syncCollection) readGetChanges(first bool) error {
	get := c.wire.GetChanges
	switch {
	case first && get != nil && *get:
		return errProtocol // MS-ASCMD_R3128
	case get != nil:
		c.request.GetChanges = *get
	default:
		c.request.GetChanges = !first
	}
	return nil
}

// collectionFolderTx finds a collection's folder: by its id, or in versions up
// to 12.1 by its class alone.
func (h *Handler) collectionFolderTx(tx *store.Tx, s *session, id, class string) (mail.Folder, error) {
	switch {
	case id == eas.RecipientInfoServerID && s.version >= eas.V140: // MS-ASCNTC_R2261
		return h.c.Mailboxes.FolderByRole(tx, s.box, mail.RoleRecipientInfo)
	case id == "" && s.version <= eas.V121:
		if role, ok := classRole(class); ok {
			return h.c.Mailboxes.FolderByRole(tx, s.box, role)
		}
	case id == "":
		return mail.Folder{}, errProtocol
	}
	f, err := parseFolderID(id)
	if err != nil {
		return mail.Folder{}, err
	}
	return h.c.Mailboxes.Folder(tx, s.box, f)
}
