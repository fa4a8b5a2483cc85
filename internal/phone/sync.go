package phone

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// SyncOptions say how to synchronize a collection. The zero value asks for the
// changes with HTML bodies of at most 50 KB.
type SyncOptions struct {
	Commands   []eas.SyncCommand
	Window     uint              // items; zero leaves it to the server
	NoChanges  bool              // send the commands, bring no changes
	All        bool              // go on while MoreAvailable says so
	Options    []eas.SyncOptions // nil: what the phone always sends
	Class      string            // the collection's; empty: that of its folder, or "Email"
	Supported  wbxml.Raw         // with the first key: what the phone keeps of an item (2.2.3.179)
	Permanent  bool              // deleted items are not moved to Deleted Items
	Heartbeat  uint              // seconds that the server may hold the request
	KeepNoMail bool              // leave Added and Changed of the result empty
}

// Message is an item as the server sent it.
type Message struct {
	ServerID string
	Email    *eas.Email // of a message
	Data     wbxml.Raw  // of an event, a contact, a task or a note: see Decode
}

// SyncResult is what a Sync brought, in the order it came. Bodies are as long
// as asked for.
type SyncResult struct {
	Added, Changed, Fetched []Message
	Deleted, SoftDeleted    []string
	Replies                 []eas.SyncReply
	More                    bool // there is more, which All would have brought
	Rounds                  int  // requests, without the one for the first key
	Adds                    int  // as Added, with KeepNoMail too
}

// maxRounds bounds the loop of a Sync with All: at 512 items a round, five
// million items.
const maxRounds = 10_000

// Sync synchronizes a collection (MS-ASCMD 2.2.1.21). The first time it gets a
// key with SyncKey 0 before. When the server does not know the key any more,
// the phone forgets the collection, as it must, and the error is a
// *StatusError; the next Sync starts anew. After an ErrLost the same call
// repeats the request with the same key.
func (p *Phone) Sync(ctx context.Context, collection string, opt SyncOptions) (*SyncResult, error) {
	out := &SyncResult{}
	if p.SyncKey(collection) == "" {
		if err := p.prime(ctx, collection, opt); err != nil {
			return out, err
		}
	}
	for {
		out.Rounds++
		out.More = false
		if err := p.round(ctx, collection, opt, out); err != nil {
			return out, err
		}
		if !opt.All || !out.More {
			return out, nil
		}
		if out.Rounds == maxRounds {
			return out, fmt.Errorf("phone: Sync: no end after %d rounds", maxRounds)
		}
		opt.Commands = nil
	}
}

// prime asks for the collection's first key.
func (p *Phone) prime(ctx context.Context, collection string, opt SyncOptions) error {
	req := p.syncRequest(collection, "0", opt)
	c := &req.Collections[0]
	c.Commands, c.GetChanges, c.WindowSize, c.Options = nil, nil, nil, nil
	c.Supported = opt.Supported
	req.HeartbeatInterval = nil
	var resp eas.SyncResponse
	if err := p.Call(ctx, "Sync", Params{}, req, &resp); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	got, err := p.collectionAnswerLocked(collection, &resp)
	if err != nil {
		return err
	}
	if got.SyncKey == "" || got.SyncKey == "0" || len(got.Commands) > 0 || got.MoreAvailable {
		p.oddLocked("Sync with key 0 of %s gave key %q and %d commands", collection, got.SyncKey, len(got.Commands))
	}
	p.collections[collection] = newFolderState(got.SyncKey)
	return nil
}

func (p *Phone) syncRequest(collection, key string, opt SyncOptions) *eas.Sync {
	c := eas.SyncCollection{SyncKey: key, CollectionID: collection, Commands: opt.Commands, Options: opt.Options}
	class := p.classOf(collection, opt.Class)
	if p.cfg.Version < eas.V140 {
		c.Class = class
	}
	if opt.Permanent {
		c.DeletesAsMoves = new(bool)
	}
	changes := !opt.NoChanges
	c.GetChanges = &changes
	if opt.Window > 0 {
		c.WindowSize = &opt.Window
	}
	if c.Options == nil {
		c.Options = p.usualOptions(class)
	}
	req := &eas.Sync{Collections: []eas.SyncCollection{c}}
	if opt.Heartbeat > 0 {
		req.HeartbeatInterval = &opt.Heartbeat
	}
	return req
}

// usualOptions are what a phone sends: HTML up to 50 KB, or in 2.5, which has
// only text, and of what is no message, text up to 50 KB.
func (p *Phone) usualOptions(class string) []eas.SyncOptions {
	if p.cfg.Version == eas.V25 {
		truncation := uint(7)
		return []eas.SyncOptions{{Truncation: &truncation}}
	}
	kind, size := uint(eas.BodyHTML), uint32(51200)
	if isObject(class) {
		kind = uint(eas.BodyPlain)
	}
	return []eas.SyncOptions{{BodyPreference: []eas.BodyPreference{{Type: &kind, TruncationSize: &size}}}}
}

// round sends one Sync and takes over what it brings.
func (p *Phone) round(ctx context.Context, collection string, opt SyncOptions, out *SyncResult) error {
	var resp eas.SyncResponse
	err := p.Call(ctx, "Sync", Params{}, p.syncRequest(collection, p.SyncKey(collection), opt), &resp)
	p.mu.Lock()
	defer p.mu.Unlock()
	if errors.Is(err, ErrEmpty) { // nothing changed (2.2.1.21)
		if len(opt.Commands) > 0 {
			p.oddLocked("Sync of %s answers %d commands with an empty body", collection, len(opt.Commands))
		}
		return nil
	}
	if err != nil {
		return err
	}
	got, err := p.collectionAnswerLocked(collection, &resp)
	if err != nil {
		return err
	}
	c := p.collectionLocked(collection)
	if got.SyncKey == "" || got.SyncKey == "0" {
		p.oddLocked("Sync of %s gave the key %q", collection, got.SyncKey)
	}
	if got.SyncKey == c.key && len(got.Commands) > 0 {
		p.oddLocked("Sync of %s brought changes without a new key", collection)
	}
	if opt.NoChanges && len(got.Commands) > conflicts(got.Responses) {
		p.oddLocked("Sync of %s brought %d changes that were not asked for", collection, len(got.Commands))
	}
	opt.Class = p.classOfLocked(collection, opt.Class)
	p.applyOwnLocked(c, opt, got.Responses)
	if err := p.applyRepliesLocked(c, got.Responses, opt, out); err != nil {
		return err
	}
	for i := range got.Commands {
		if err := p.applyLocked(collection, c, &got.Commands[i], opt, out); err != nil {
			return err
		}
	}
	c.key = got.SyncKey
	out.More = got.MoreAvailable
	return nil
}

// collectionAnswerLocked finds the collection in a response, or the error that
// the response is. With a stale key or a folder that is gone it forgets the
// collection.
func (p *Phone) collectionAnswerLocked(id string, resp *eas.SyncResponse) (*eas.SyncResponseCollection, error) {
	if resp.Status != 0 {
		if err := statusError("Sync", resp.Status, eas.SyncStatusSuccess); err != nil {
			return nil, err
		}
	}
	for i := range resp.Collections {
		got := &resp.Collections[i]
		if got.CollectionID != id {
			continue
		}
		if got.Status == eas.SyncStatusInvalidSyncKey || got.Status == eas.SyncStatusFolderHierarchyChanged {
			delete(p.collections, id)
		}
		return got, statusError("Sync", got.Status, eas.SyncStatusSuccess)
	}
	return nil, fmt.Errorf("phone: Sync: the answer lacks collection %s", id)
}

// conflicts counts the phone's changes in whose place the server sends what it
// keeps, whether the phone asks for changes or not.
func conflicts(replies []eas.SyncReply) (n int) {
	for _, r := range replies {
		if r.Change != nil && r.Change.Status == eas.SyncStatusConflict || r.Delete != nil && r.Delete.Status == eas.SyncStatusConflict {
			n++
		}
	}
	return n
}

// applyOwnLocked takes the phone's own changes into its view, unless the server
// refused them: those below 16.0 that went well are not answered.
func (p *Phone) applyOwnLocked(c *folderState, opt SyncOptions, replies []eas.SyncReply) {
	refused := map[string]bool{}
	for _, r := range replies {
		switch {
		case r.Change != nil:
			refused[r.Change.ServerID] = r.Change.Status != eas.SyncStatusSuccess
		case r.Delete != nil:
			refused[r.Delete.ServerID] = r.Delete.Status != eas.SyncStatusSuccess
		}
	}
	for _, command := range opt.Commands {
		switch {
		case command.Delete != nil && command.Delete.InstanceID == "" && !refused[command.Delete.ServerID]:
			delete(c.items, command.Delete.ServerID)
		case command.Change != nil && command.Change.InstanceID == "" && !refused[command.Change.ServerID]:
			var email eas.Email
			item, ok := c.items[command.Change.ServerID]
			if ok && isObject(opt.Class) {
				item.setObject(opt.Class, command.Change.ApplicationData)
				c.items[command.Change.ServerID] = item
			} else if ok && wbxml.UnmarshalRaw(command.Change.ApplicationData, &email) == nil {
				item.set(&email)
				c.items[command.Change.ServerID] = item
			}
		}
	}
}

func (p *Phone) applyRepliesLocked(c *folderState, replies []eas.SyncReply, opt SyncOptions, out *SyncResult) error {
	out.Replies = append(out.Replies, replies...)
	for _, r := range replies {
		switch {
		case r.Fetch != nil && r.Fetch.Status == eas.SyncStatusSuccess:
			m, err := readMessage(opt.Class, r.Fetch.ServerID, r.Fetch.ApplicationData)
			if err != nil {
				return err
			}
			out.Fetched = append(out.Fetched, m)
		case r.Add != nil && r.Add.Status == eas.SyncStatusSuccess:
			item := Item{ServerID: r.Add.ServerID}
			for _, command := range opt.Commands {
				if command.Add != nil && command.Add.ClientID == r.Add.ClientID && isObject(opt.Class) {
					item.setObject(opt.Class, command.Add.ApplicationData)
				} else if command.Add != nil && command.Add.ClientID == r.Add.ClientID {
					var email eas.Email
					if err := wbxml.UnmarshalRaw(command.Add.ApplicationData, &email); err != nil {
						return fmt.Errorf("phone: Sync: %w", err)
					}
					item.set(&email)
				}
			}
			c.items[item.ServerID] = item
		}
	}
	return nil
}

// applyLocked takes over one of the server's changes.
func (p *Phone) applyLocked(id string, c *folderState, command *eas.SyncResponseCommand, opt SyncOptions, out *SyncResult) error {
	switch {
	case command.Add != nil:
		m, err := readMessage(opt.Class, command.Add.ServerID, command.Add.ApplicationData)
		if err != nil {
			return err
		}
		sid := command.Add.ServerID
		deletes := func(own eas.SyncCommand) bool { return own.Delete != nil && own.Delete.ServerID == sid }
		if _, ok := c.items[sid]; ok && !slices.ContainsFunc(opt.Commands, deletes) { // what the phone may not delete comes again
			p.oddLocked("Sync of %s adds item %s twice", id, sid)
		}
		item := Item{ServerID: sid}
		item.take(opt.Class, &m)
		c.items[sid] = item
		delete(c.arriving, sid)
		out.Adds++
		if !opt.KeepNoMail {
			out.Added = append(out.Added, m)
		}
	case command.Change != nil:
		m, err := readMessage(opt.Class, command.Change.ServerID, command.Change.ApplicationData)
		if err != nil {
			return err
		}
		sid := command.Change.ServerID
		item, ok := c.items[sid]
		if !ok {
			item, ok = c.arriving[sid]
			delete(c.arriving, sid)
		}
		if !ok {
			p.oddLocked("Sync of %s changes item %s, which the phone does not have", id, sid)
			item.ServerID = sid
		}
		item.take(opt.Class, &m)
		c.items[sid] = item
		if !opt.KeepNoMail {
			out.Changed = append(out.Changed, m)
		}
	case command.Delete != nil:
		out.Deleted = append(out.Deleted, command.Delete.ServerID)
		p.removeLocked(id, c, command.Delete.ServerID)
	case command.SoftDelete != nil:
		out.SoftDeleted = append(out.SoftDeleted, command.SoftDelete.ServerID)
		p.removeLocked(id, c, command.SoftDelete.ServerID)
	}
	return nil
}

func (p *Phone) removeLocked(id string, c *folderState, sid string) {
	if _, ok := c.items[sid]; !ok && !c.leaving[sid] {
		p.oddLocked("Sync of %s deletes item %s, which the phone does not have", id, sid)
	}
	delete(c.items, sid)
	delete(c.leaving, sid)
	delete(c.arriving, sid)
}

func readEmail(data any) (*eas.Email, error) {
	raw, _ := data.(wbxml.Raw)
	d := wbxml.Decoder{MaxBytes: maxAnswer, MaxString: maxAnswer}
	var email eas.Email
	if err := d.UnmarshalRaw(raw, &email); err != nil {
		return nil, fmt.Errorf("phone: Sync: %w", err)
	}
	return &email, nil
}
