package engine

import (
	"errors"
	"reflect"
	"slices"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// commands applies the commands of one request to the mailbox.
type commands struct {
	source Source
	tx     *store.Tx
	req    *Request
	folder *mail.Folder
	base   *device.Generation
	repeat *device.Generation
	own    *ownWrites

	added     []device.Added
	responses []Response
	undone    map[mail.ItemID]bool  // changes that lost against the server's
	refused   map[mail.ItemID]error // by the last refused change of each
	acted     bool                  // something was changed that a repeated answer had not changed
}

// refusals are errors that concern one command and leave the others alone.
// They come before the source writes anything.
var refusals = []error{mail.ErrNoItem, mail.ErrNoFolder, mail.ErrMailboxFull, mail.ErrOverQuota, mail.ErrItemTooLarge, mail.ErrReadOnly, mail.ErrNameTaken, ErrConflict, ErrTooManyOwn, ErrBadCommand}

// run applies all commands in their order. An error is one of the store or of
// the source, and undoes the request.
func (c *commands) run() error {
	c.responses = make([]Response, 0, len(c.req.Commands))
	for i := range c.req.Commands {
		cmd := &c.req.Commands[i]
		r := Response{Command: i, Kind: cmd.Kind, ClientID: cmd.ClientID, Item: mail.Item{ID: cmd.Item}}
		item, err := c.one(cmd)
		if err == nil {
			r.Item = item
		} else if r.Err = refused(err); r.Err == nil {
			return err
		} else if cmd.Kind == Change {
			if c.refused == nil {
				c.refused = map[mail.ItemID]error{}
			}
			c.refused[cmd.Item] = r.Err
		}
		c.responses = append(c.responses, r)
	}
	return nil
}

// refused returns the error if it concerns only one command.
func refused(err error) error {
	var bad *editError
	if errors.As(err, &bad) {
		return bad.err
	}
	for _, r := range refusals {
		if errors.Is(err, r) {
			return r
		}
	}
	return nil
}

// editError is what a Change's own Edit found wrong.
type editError struct{ err error }

func (e *editError) Error() string { return e.err.Error() }

func (c *commands) one(cmd *Command) (mail.Item, error) {
	if cmd.Refused != nil {
		return mail.Item{ID: cmd.Item}, &editError{cmd.Refused}
	}
	switch cmd.Kind {
	case Add:
		return c.add(cmd)
	case Change:
		return c.change(cmd)
	case Delete:
		return mail.Item{ID: cmd.Item}, c.delete(cmd)
	case Fetch:
		return c.source.Item(c.tx, c.req.Box, c.req.Folder, cmd.Item)
	}
	return mail.Item{}, ErrBadCommand
}

// add makes an item, once for each ClientId, however often the request comes.
func (c *commands) add(cmd *Command) (mail.Item, error) {
	if cmd.New == nil && cmd.Instead == nil || cmd.ClientID == "" {
		return mail.Item{}, ErrBadCommand
	}
	if id, ok := c.doneBefore(cmd.ClientID); ok {
		if id == 0 {
			return mail.Item{}, nil
		}
		c.own.restore(id)
		item, err := c.source.Item(c.tx, c.req.Box, c.req.Folder, id)
		if errors.Is(err, mail.ErrNoItem) { // deleted meanwhile: the log will tell
			return mail.Item{ID: id}, nil
		}
		return item, err
	}
	if cmd.Instead != nil {
		return mail.Item{}, c.instead(cmd, 0)
	}
	if item, err := c.madeEarlier(cmd); err != nil || item.ID != 0 {
		return item, err
	}
	if c.own.fullOfAdds() {
		return mail.Item{}, ErrTooManyOwn
	}
	if err := c.source.Room(c.tx, c.req.Box, c.req.Folder, cmd.New.Blob.Size, 1); err != nil {
		return mail.Item{}, err
	}
	item, err := c.source.Append(c.tx, c.req.Box, c.req.Folder, *cmd.New)
	if err != nil {
		return item, err
	}
	c.acted = true
	c.done(cmd.ClientID, item.ID)
	c.own.note(item.ID, item.ModSeq, true)
	if cmd.Then != nil {
		err = cmd.Then(c.tx, item.ID)
	}
	return item, err
}

// madeEarlier finds the item of an Add that the device has made before it lost
// its state. It is told of it like of any other.
func (c *commands) madeEarlier(cmd *Command) (mail.Item, error) {
	if cmd.Made == nil {
		return mail.Item{}, nil
	}
	id, err := cmd.Made(c.tx)
	if err != nil || id == 0 {
		return mail.Item{}, err
	}
	item, err := c.source.Item(c.tx, c.req.Box, c.req.Folder, id)
	if errors.Is(err, mail.ErrNoItem) {
		return mail.Item{}, nil
	}
	if err == nil {
		c.done(cmd.ClientID, id)
	}
	return item, err
}

// instead carries out a command in its own way.
func (c *commands) instead(cmd *Command, item mail.ItemID) error {
	if err := cmd.Instead(c.tx); err != nil {
		return err
	}
	c.acted = true
	c.done(cmd.ClientID, item)
	return nil
}

// done remembers a command in case the request is repeated. A sent Add has no
// item.
func (c *commands) done(clientID string, item mail.ItemID) {
	c.added = append(c.added, device.Added{ClientID: clientID, Item: uint32(item)})
}

// doneBefore finds what a ClientId stood for in this request or in the one that
// it repeats.
func (c *commands) doneBefore(clientID string) (mail.ItemID, bool) {
	same := func(a device.Added) bool { return a.ClientID == clientID }
	if i := slices.IndexFunc(c.added, same); i >= 0 {
		return mail.ItemID(c.added[i].Item), true
	}
	if c.repeat == nil {
		return 0, false
	}
	i := slices.IndexFunc(c.repeat.Added, same)
	if i < 0 {
		return 0, false
	}
	c.added = append(c.added, c.repeat.Added[i])
	return mail.ItemID(c.repeat.Added[i].Item), true
}

// change edits an item. When the server's copy changed in a way that the device
// does not know, one side wins (MS-ASCMD 2.2.3.34); changes of different parts
// and a change that both made alike are no conflict.
func (c *commands) change(cmd *Command) (mail.Item, error) {
	if cmd.Edit == nil && cmd.Body == nil && cmd.Instead == nil || cmd.Instead != nil && cmd.ClientID == "" {
		return mail.Item{}, ErrBadCommand
	}
	c.own.restore(cmd.Item)
	item, err := c.source.Item(c.tx, c.req.Box, c.req.Folder, cmd.Item)
	if cmd.ClientID != "" {
		if _, ok := c.doneBefore(cmd.ClientID); ok {
			if errors.Is(err, mail.ErrNoItem) { // sent, or deleted meanwhile: the log will tell
				return mail.Item{ID: cmd.Item}, nil
			}
			return item, err
		}
	}
	if err != nil {
		return item, err
	}
	if (cmd.Body != nil || cmd.Instead != nil) && item.Blob != cmd.From {
		if err := c.refused[cmd.Item]; err != nil { // made from what an earlier command was to make
			return item, err
		}
		return item, ErrOtherBody
	}
	if cmd.Instead != nil {
		return mail.Item{ID: cmd.Item}, c.changeInstead(cmd)
	}
	edited := item
	edited.Keywords = slices.Clone(item.Keywords)
	if cmd.Edit != nil {
		if err := cmd.Edit(&edited); err != nil {
			return item, &editError{err}
		}
	}
	if cmd.Body != nil {
		edited.Blob = cmd.Body.Blob
	}
	if reflect.DeepEqual(edited, item) {
		if cmd.ClientID != "" { // repeated, it might undo what came after it
			c.done(cmd.ClientID, item.ID)
		}
		return item, nil
	}
	unknown := c.unknown(&item)
	if unknown && c.req.ServerWins && mail.Differing(&item, &edited)&item.ChangedSince(mail.ModSeq(c.baseOf(&item).Cursor)) != 0 {
		if c.undone == nil {
			c.undone = map[mail.ItemID]bool{}
		}
		c.undone[item.ID] = true
		return item, ErrConflict
	}
	after, err := c.update(cmd)
	if err != nil {
		return after, err
	}
	if cmd.ClientID != "" {
		c.done(cmd.ClientID, after.ID)
	}
	if after.ModSeq == item.ModSeq {
		return after, nil
	}
	c.acted = true
	if !unknown { // else the device needs to see what came of both changes
		c.own.note(after.ID, after.ModSeq, false)
	}
	if cmd.Then != nil {
		err = cmd.Then(c.tx, after.ID)
	}
	return after, err
}

// update writes a Change that has been found good.
func (c *commands) update(cmd *Command) (mail.Item, error) {
	edit := func(it *mail.Item) {
		if cmd.Edit != nil {
			_ = cmd.Edit(it) // It returned no error for the same item a moment ago.
		}
	}
	if cmd.Body != nil {
		old, err := c.source.Item(c.tx, c.req.Box, c.req.Folder, cmd.Item)
		if err == nil {
			err = c.source.Room(c.tx, c.req.Box, c.req.Folder, cmd.Body.Blob.Size-old.Blob.Size, 0)
		}
		if err != nil {
			return old, err
		}
		return c.source.ReplaceBody(c.tx, c.req.Box, c.req.Folder, cmd.Item, *cmd.Body, edit)
	}
	return c.source.UpdateItem(c.tx, c.req.Box, c.req.Folder, cmd.Item, edit)
}

// changeInstead carries out a Change after which the item is gone. It wins over
// any change of the server's, as a Delete does. The tombstone is not the
// device's own: it may wait for word that the item is gone.
func (c *commands) changeInstead(cmd *Command) error {
	if err := c.instead(cmd, cmd.Item); err != nil {
		return err
	}
	_, err := c.source.Delete(c.tx, c.req.Box, c.req.Folder, cmd.Item)
	return err
}

// unknown tells whether the device has the item, but not its last change.
func (c *commands) unknown(item *mail.Item) bool {
	id := uint32(item.ID)
	if uint64(item.ModSeq) <= c.baseOf(item).Cursor || c.own.is(id, uint64(item.ModSeq)) {
		return false
	}
	has, err := c.holds(item)
	return has || err != nil // in doubt it has
}

// holds tells whether the device has the item.
func (c *commands) holds(item *mail.Item) (bool, error) {
	if base := c.baseOf(item); !base.Conversations {
		return holds(base, c.own, mark(item.PositionAt(mail.ModSeq(base.Cursor)))), nil
	}
	p := plan{source: c.source, tx: c.tx, box: c.req.Box, folder: *c.folder, own: c.own, g: *c.base}
	return p.holds(mark(item.Position()), item.Thread)
}

// delete takes an item away, into Deleted Items unless it is there already or
// the device says otherwise (MS-ASCMD 2.2.3.43). It wins over any change of the
// server's (MS-ASCMD 2.2.3.34), and an item that is gone is deleted as wanted.
func (c *commands) delete(cmd *Command) error {
	c.own.restore(cmd.Item)
	item, err := c.source.Item(c.tx, c.req.Box, c.req.Folder, cmd.Item)
	if err == nil && cmd.Then != nil && item.Blob != cmd.From {
		return ErrOtherBody
	}
	if err == nil {
		c.acted = true
		if err = c.remove(&item); err == nil && cmd.Then != nil {
			err = cmd.Then(c.tx, item.ID)
		}
	} else if errors.Is(err, mail.ErrNoItem) {
		err = nil
	}
	if err != nil {
		return err
	}
	gone, err := c.source.Tombstone(c.tx, c.req.Box, c.req.Folder, cmd.Item)
	if errors.Is(err, mail.ErrNoItem) {
		return nil // never in this folder: nothing to be told of
	}
	if err == nil && uint64(gone.ModSeq) > c.base.Cursor && !c.own.is(uint32(cmd.Item), uint64(gone.ModSeq)) {
		c.own.note(cmd.Item, gone.ModSeq, false)
	}
	return err
}

func (c *commands) remove(item *mail.Item) error {
	if c.req.DeletesAsMoves {
		bin, err := c.source.FolderByRole(c.tx, c.req.Box, mail.RoleDeletedItems)
		if err != nil {
			return err
		}
		// An item of another class could not be shown there.
		if bin.ID != c.folder.ID && fits(&bin, item) {
			_, err := c.source.Move(c.tx, c.req.Box, c.folder.ID, item.ID, bin.ID)
			return err
		}
	}
	_, err := c.source.Delete(c.tx, c.req.Box, c.folder.ID, item.ID)
	return err
}
