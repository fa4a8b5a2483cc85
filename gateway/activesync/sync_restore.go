package activesync

import (
	"errors"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/protocol/eas"
	"martlet/store"
	"martlet/store/blob"
	"martlet/sync/class"
	"martlet/sync/engine"
)

// What a client may not write it has written all the same, on itself. It is told
// so with a conflict, and is given the item as it is: one that it changed as a
// Change, one that it deleted as an Add. That follows from the request alone, so
// a repeated one gets the same.

// restored is an item that the client is to have as it is here.
type restored struct {
	item  mail.ItemID
	added bool // the client has deleted it
}

// readOnly tells whether the folder is another's, and not to be written in.
func (c *syncCollection) readOnly() bool {
	return !c.link.IsZero() && c.link.Rights&mail.MayWrite == 0
}

// restores notes what a refused command has to be followed by.
func (r *renderer) restores(d *engine.Response, w *eas.SyncCommand) {
	switch {
	case !errors.Is(d.Err, mail.ErrReadOnly):
	case w.Change != nil:
		r.restore = append(r.restore, restored{item: d.Item.ID})
	case w.Delete != nil:
		r.restore = append(r.restore, restored{item: d.Item.ID, added: true})
	}
}

// restorations are the items of restore that the answer does not hold already.
func (r *renderer) restorations(told []engine.ItemChange) (out []eas.SyncResponseCommand) {
	seen := map[mail.ItemID]bool{}
	for i := range told {
		seen[told[i].ID] = true
	}
	for _, one := range r.restore {
		if seen[one.item] {
			continue
		}
		seen[one.item] = true
		it, ix, err := r.load(one.item)
		if err != nil { // it is gone, which the log tells
			continue
		}
		if ix != nil {
			r.indexes[it.Blob] = ix
		}
		id := itemServerID(r.c.request.Folder, one.item)
		data := r.item(&it, r.optionsFor(&it))
		switch {
		case data == nil:
		case one.added:
			out = append(out, eas.SyncResponseCommand{Add: &eas.SyncServerAdd{ServerID: id, ApplicationData: data}})
		case !isObject(it.Class):
			state := &eas.Email{}
			if class.RenderEmailChange(&it, mail.AllParts, ix, r.opt, state) {
				out = append(out, eas.SyncResponseCommand{Change: &eas.SyncServerChange{ServerID: id, ApplicationData: state}})
			}
		default:
			out = append(out, eas.SyncResponseCommand{Change: &eas.SyncServerChange{ServerID: id, ApplicationData: data}})
		}
	}
	return out
}

// load reads an item of the collection, of a message with its index.
func (r *renderer) load(id mail.ItemID) (it mail.Item, ix *message.Index, err error) {
	err = r.h.c.Store.View(r.ctx, func(tx *store.Tx) (err error) {
		if it, err = r.h.c.Mailboxes.Item(tx, r.s.box, r.c.request.Folder, id); err != nil || isObject(it.Class) || it.Blob == (blob.Ref{}) {
			return err
		}
		ix, err = r.h.c.Mailboxes.Index(tx, it.Blob)
		return err
	})
	return it, ix, err
}
