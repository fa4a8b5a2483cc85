package activesync

import (
	"context"
	"errors"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/protocol/eas"
	"martlet/store"
	"martlet/store/blob"
	"martlet/sync/class"
	"martlet/sync/engine"
)

// renderCollection turns the engine's result into the client's answer.
func (h *Handler) renderCollection(ctx context.Context, s *session, c *syncCollection, res *engine.Result, room *room) (*eas.SyncResponseCollection, error) {
	indexes, err := h.loadIndexes(ctx, c, res)
	if err != nil {
		return nil, err
	}
	r := renderer{h: h, ctx: ctx, s: s, c: c, opt: class.OptionsOf(s.version, &c.options), indexes: indexes}
	if isObject(c.class) && c.role != mail.RoleRecipientInfo {
		who, err := h.ownerOf(ctx, s, c.link)
		if err != nil {
			return nil, err
		}
		r.opt.Viewer = who.viewer()
	}
	answer := &eas.SyncResponseCollection{
		Class: c.wireClass(s), SyncKey: res.Key, CollectionID: c.wire.CollectionID, Status: eas.SyncStatusSuccess,
		MoreAvailable: res.More,
		Responses:     r.replies(res.Responses),
		Commands:      r.changes(res.Changes),
	}
	answer.Commands = append(answer.Commands, r.restorations(res.Changes)...)
	room.bytes -= r.bytes
	if len(r.unfit) > 0 && ctx.Err() == nil {
		// Else the client would be told of changes of what it never got.
		if err := h.c.Engine.Withhold(ctx, s.id(), s.box, c.request.Folder, r.unfit); err != nil {
			h.logFailure(s, err, true)
		}
	}
	return answer, nil
}

// loadIndexes reads the indexes of all messages that are to be rendered, in one
// snapshot. A message that is gone since the answer was worked out has none.
func (h *Handler) loadIndexes(ctx context.Context, c *syncCollection, res *engine.Result) (map[blob.Ref]*message.Index, error) {
	all := make(map[blob.Ref]*message.Index, len(res.Changes))
	err := h.c.Store.View(ctx, func(tx *store.Tx) error {
		load := func(it *mail.Item) error {
			if it.Class != mail.ClassEmail && it.Class != mail.ClassSMS || it.Blob.IsZero() || all[it.Blob] != nil {
				return nil
			}
			ix, err := h.c.Mailboxes.Index(tx, it.Blob)
			if errors.Is(err, mail.ErrNoItem) {
				return nil
			}
			all[it.Blob] = ix
			return err
		}
		for i := range res.Changes {
			ch := &res.Changes[i]
			if ch.Kind == engine.Added || ch.Kind == engine.Changed && (rewritten(ch) || class.NeedsSubject(&ch.Item, ch.Parts)) {
				if err := load(&ch.Item); err != nil {
					return err
				}
			}
		}
		for i := range res.Responses {
			if resp := &res.Responses[i]; (resp.Kind == engine.Fetch || c.writerOf(resp.Command) != nil) && resp.Err == nil {
				if err := load(&resp.Item); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return all, err
}

// renderer makes one collection's answer.
type renderer struct {
	h       *Handler
	ctx     context.Context
	s       *session
	c       *syncCollection
	opt     *class.Options
	indexes map[blob.Ref]*message.Index
	bytes   int64 // of items, about
	unfit   []engine.Unfit
	restore []restored
}

// changes are the server's changes. An item that cannot be rendered must not
// block the folder: it is left out, and the log says so.
func (r *renderer) changes(changes []engine.ItemChange) []eas.SyncResponseCommand {
	if len(changes) == 0 {
		return nil
	}
	weight := itemWeight(&r.c.options, r.s.version)
	out := make([]eas.SyncResponseCommand, 0, len(changes))
	for i := range changes {
		ch := &changes[i]
		id := itemServerID(r.c.request.Folder, ch.ID)
		switch ch.Kind {
		case engine.Added:
			opt := r.optionsFor(&ch.Item)
			if ch.Outside {
				opt = withoutBody(r.opt)
			}
			data := r.item(&ch.Item, opt)
			if data == nil {
				r.unfit = append(r.unfit, engine.Unfit{Item: ch.ID})
				continue
			}
			r.bytes += weight(&ch.Item)
			out = append(out, eas.SyncResponseCommand{Add: &eas.SyncServerAdd{Class: r.smsClassOf(ch), ServerID: id, ApplicationData: data}})
		case engine.Changed:
			if rewritten(ch) || isObject(ch.Item.Class) && r.c.role != mail.RoleRecipientInfo {
				if ch.Parts == 0 { // nothing that a device is shown
					continue
				}
				if data := r.item(&ch.Item, r.opt); data != nil {
					r.bytes += weight(&ch.Item)
					out = append(out, eas.SyncResponseCommand{Change: &eas.SyncServerChange{ServerID: id, ApplicationData: data}})
				} else {
					r.unfit = append(r.unfit, engine.Unfit{Item: ch.ID, Had: true})
				}
				continue
			}
			if r.c.role == mail.RoleRecipientInfo {
				if data := r.recipient(&ch.Item); data != nil {
					out = append(out, eas.SyncResponseCommand{Change: &eas.SyncServerChange{ServerID: id, ApplicationData: data}})
				}
				continue
			}
			data := &eas.Email{}
			if ch.Item.Class != mail.ClassEmail && !ch.SMS || !class.RenderEmailChange(&ch.Item, ch.Parts, r.indexes[ch.Item.Blob], r.opt, data) {
				continue
			}
			out = append(out, eas.SyncResponseCommand{Change: &eas.SyncServerChange{Class: r.smsClassOf(ch), ServerID: id, ApplicationData: data}})
		case engine.Deleted:
			out = append(out, eas.SyncResponseCommand{Delete: &eas.SyncServerDelete{Class: r.smsClassOf(ch), ServerID: id}})
		case engine.SoftDeleted:
			if r.c.role == mail.RoleRecipientInfo { // it is not old, others are in its place
				out = append(out, eas.SyncResponseCommand{Delete: &eas.SyncServerDelete{ServerID: id}})
				continue
			}
			out = append(out, eas.SyncResponseCommand{SoftDelete: &eas.SyncSoftDelete{ServerID: id}})
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// shows tells which changes of mail a version can be told of.
func shows(v eas.Version) engine.Shows {
	opt := &class.Options{Version: v}
	return func(it *mail.Item, parts mail.Parts) bool {
		return isObject(it.Class) && parts != 0 || it.Class == mail.ClassSMS || rewritten(&engine.ItemChange{Item: *it, Parts: parts}) ||
			class.RenderEmailChange(it, parts, nil, opt, &eas.Email{})
	}
}

// item renders an item, or returns nil.
func (r *renderer) item(it *mail.Item, opt *class.Options) any {
	if r.c.role == mail.RoleRecipientInfo {
		return r.recipient(it)
	}
	if isObject(it.Class) {
		data, err := r.h.renderObject(r.ctx, it, opt)
		if err != nil {
			r.h.sessionLog(r.s).Error("item cannot be rendered", "folder", uint32(it.Folder), "item", uint32(it.ID), "error", err)
			return nil
		}
		return data
	}
	ix := r.indexes[it.Blob]
	if ix == nil {
		r.h.sessionLog(r.s).Warn("item has no index", "folder", uint32(it.Folder), "item", uint32(it.ID))
		return nil
	}
	e, err := r.h.renderItem(r.ctx, r.s, it, ix, opt)
	if err != nil {
		r.h.sessionLog(r.s).Error("item cannot be rendered", "folder", uint32(it.Folder), "item", uint32(it.ID), "error", err)
		return nil
	}
	return e
}

// replies answers the client's commands in their order: those that the engine
// took and those that it never saw. Changes and deletes that succeeded are not
// answered (MS-ASCMD_R759).
func (r *renderer) replies(done []engine.Response) []eas.SyncReply {
	var out []eas.SyncReply
	refused := r.c.refused
	for i := range done {
		place := r.c.places[done[i].Command]
		for len(refused) > 0 && refused[0].place < place {
			out = append(out, r.refusal(refused[0]))
			refused = refused[1:]
		}
		if reply, ok := r.reply(&done[i], &r.c.wire.Commands[place]); ok {
			out = append(out, reply)
		}
	}
	for _, f := range refused {
		out = append(out, r.refusal(f))
	}
	return out
}

func (r *renderer) reply(d *engine.Response, w *eas.SyncCommand) (eas.SyncReply, bool) {
	if d.Err != nil {
		status := syncStatus(d.Err)
		if w.Add != nil && errors.Is(d.Err, mail.ErrReadOnly) {
			status = eas.SyncStatusConversionError // there is nothing that it is in conflict with
		}
		r.restores(d, w)
		r.h.logFailure(r.s, d.Err, status == eas.SyncStatusServerError)
		return r.failedCommand(w, status), true
	}
	if writer := r.c.writerOf(d.Command); writer != nil {
		return writer.reply(r, d, w)
	}
	if d.Kind != engine.Fetch {
		return eas.SyncReply{}, false
	}
	if !isObject(d.Item.Class) && r.indexes[d.Item.Blob] == nil && r.c.role != mail.RoleRecipientInfo { // deleted meanwhile, or by this very request
		return r.failedCommand(w, eas.SyncStatusObjectNotFound), true
	}
	data := r.item(&d.Item, whole(r.optionsFor(&d.Item)))
	if data == nil {
		return r.failedCommand(w, eas.SyncStatusConversionError), true
	}
	r.bytes += d.Item.Blob.Size
	return eas.SyncReply{Fetch: &eas.SyncFetchReply{
		ServerID: w.Fetch.ServerID, Status: eas.SyncStatusSuccess, ApplicationData: data,
	}}, true
}

func (r *renderer) refusal(f refusedCommand) eas.SyncReply {
	return r.failedCommand(&r.c.wire.Commands[f.place], syncStatus(f.err))
}

// failedCommand answers a command that came to nothing.
func (r *renderer) failedCommand(w *eas.SyncCommand, status eas.SyncStatus) eas.SyncReply {
	switch {
	case w.Add != nil:
		return eas.SyncReply{Add: &eas.SyncAddReply{Class: r.otherClass(w.Add.Class), ClientID: w.Add.ClientID, Status: status}}
	case w.Change != nil:
		return eas.SyncReply{Change: &eas.SyncChangeReply{Class: r.otherClass(w.Change.Class), ServerID: w.Change.ServerID, InstanceID: r.occurrence(w.Change.InstanceID), Status: status}}
	case w.Delete != nil:
		return eas.SyncReply{Delete: &eas.SyncDeleteReply{Class: r.otherClass(w.Delete.Class), ServerID: w.Delete.ServerID, InstanceID: r.occurrence(w.Delete.InstanceID), Status: status}}
	case w.Fetch != nil:
		return eas.SyncReply{Fetch: &eas.SyncFetchReply{ServerID: w.Fetch.ServerID, Status: status}}
	}
	return eas.SyncReply{}
}

// occurrence is the occurrence that a command names; before 16.0 there is no
// element for it (MS-ASWBXML 2.1.2.1.18).
func (r *renderer) occurrence(id string) string {
	if r.s.version < eas.V160 {
		return ""
	}
	return id
}

// otherClass is the class of a command's item, unless it is that of the
// collection (MS-ASCMD_R942).
func (r *renderer) otherClass(name string) string {
	if name == className(r.c.class) {
		return ""
	}
	return name
}
