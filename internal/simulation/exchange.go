package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"martlet/mail"
	"martlet/sync/engine"
)

// sync sends what the phone has for a folder and asks for changes. With faults,
// the request or its answer may be lost, doubled or late.
func (p *mobile) sync(c *collection, faults bool) error {
	p.hangUp() // a phone does one thing at a time
	req := c.request(p)
	if !faults {
		req.GetChanges = c.key != engine.NewKey
	}
	if faults {
		switch p.w.rng.IntN(8) {
		case 0:
			p.log("the request for folder %d with key %s gets stuck", c.id, req.Key)
			c.late = &req
			return nil
		case 1:
			p.log("the answer for folder %d to key %s with %d commands is lost", c.id, req.Key, len(req.Commands))
			p.w.stats.Lost++
			c.lost, c.sent = true, req
			_, err := p.w.eng.Sync(context.Background(), p.id, []engine.Request{req}, nil)
			return err
		case 2:
			p.log("the request for folder %d with key %s is doubled", c.id, req.Key)
			p.w.stats.Repeated++
			if _, err := p.w.eng.Sync(context.Background(), p.id, []engine.Request{req}, nil); err != nil {
				return err
			}
		case 3:
			late := req
			c.late = &late
		}
	}
	_, err := p.exchange(c, req)
	return err
}

// exchange sends one request and takes in its answer. It returns how many
// changes came.
func (p *mobile) exchange(c *collection, req engine.Request) (int, error) {
	p.w.stats.Syncs++
	c.sent = req
	results, err := p.w.eng.Sync(context.Background(), p.id, []engine.Request{req}, nil)
	if err != nil {
		return 0, err
	}
	res := &results[0]
	if !res.Unchanged {
		p.log("Sync %d: key %s filter %d whole %t window %d, %d commands -> key %s, %d responses,%s, more %t, %v",
			c.id, req.Key, req.Filter, req.Conversations, req.Window, len(req.Commands), res.Key, len(res.Responses), list(res.Changes), res.More, res.Err)
	}
	if c.choked = p.chokes(res.Changes); c.choked {
		p.choke(c)
		return len(res.Changes), nil
	}
	if err := p.takeIn(c, &req, res); err != nil {
		return 0, fmt.Errorf("%s: Sync of folder %d: %w", p.id.Device, c.id, err)
	}
	return len(res.Changes), nil
}

func (p *mobile) takeIn(c *collection, req *engine.Request, res *engine.Result) error {
	switch {
	case errors.Is(res.Err, mail.ErrNoFolder):
		c.reset()
		return nil
	case errors.Is(res.Err, engine.ErrStaleSyncKey):
		if !c.stale {
			return fmt.Errorf("key %s is refused, and no late request can be the cause", req.Key)
		}
		c.reset()
		return nil
	case res.Err != nil:
		return res.Err
	}
	if err := sane(req, res); err != nil {
		return err
	}
	c.key, c.lost, c.more = res.Key, false, res.More
	if req.Key == engine.NewKey || req.GetChanges {
		c.told = req.Filter
		if req.Key == engine.NewKey || !res.More {
			c.wholly, c.turning = req.Conversations, false
		} else if req.Conversations != c.wholly {
			c.turning = true
		}
	}
	for i := range res.Responses {
		if err := c.respond(req, &res.Responses[i]); err != nil {
			return err
		}
	}
	for i := range res.Changes {
		if err := p.apply(c, &res.Changes[i]); err != nil {
			return err
		}
	}
	return nil
}

// list shows changes in a few characters each.
func list(changes []engine.ItemChange) string {
	var b strings.Builder
	for _, ch := range changes {
		fmt.Fprintf(&b, " %c%d", " +~-x"[ch.Kind], ch.ID)
	}
	return b.String()
}

// sane checks an answer by itself.
func sane(req *engine.Request, res *engine.Result) error {
	switch {
	case res.Key == "" || res.Key == engine.NewKey:
		return fmt.Errorf("the answer has the key %q", res.Key)
	case res.Unchanged && (res.Key != req.Key || len(res.Changes)+len(res.Responses) > 0 || res.More):
		return errors.New("an answer that says it is unchanged is not")
	case len(res.Changes) > 0 && res.Key == req.Key:
		return errors.New("there are changes and the key stays")
	case len(res.Changes) > req.Window:
		return fmt.Errorf("%d changes in a window of %d", len(res.Changes), req.Window)
	case len(res.Changes) > 0 && !req.GetChanges:
		return errors.New("changes that were not asked for")
	case res.More && res.Key == req.Key:
		return errors.New("there is more, and the key stays: a phone would take it for a loop")
	case len(res.Responses) != len(req.Commands):
		return fmt.Errorf("%d responses to %d commands", len(res.Responses), len(req.Commands))
	}
	seen := map[mail.ItemID]bool{}
	for i := range res.Changes {
		id := res.Changes[i].ID
		if seen[id] {
			return fmt.Errorf("item %d is there twice in one answer", id)
		}
		seen[id] = true
	}
	return nil
}

// respond takes in the server's word on a command.
func (c *collection) respond(req *engine.Request, r *engine.Response) error {
	cmd := &req.Commands[r.Command]
	c.drop(cmd)
	if r.Err != nil {
		if !errors.Is(r.Err, mail.ErrNoItem) && !errors.Is(r.Err, engine.ErrConflict) {
			return fmt.Errorf("command %d failed: %w", r.Command, r.Err)
		}
		return nil // the server's own version comes as a change
	}
	switch cmd.Kind {
	case engine.Add:
		if _, there := c.items[r.Item.ID]; there {
			return fmt.Errorf("the added item %d is there already", r.Item.ID)
		}
		c.items[r.Item.ID] = c.makes[cmd.ClientID]
		delete(c.makes, cmd.ClientID)
	case engine.Change:
		was := c.items[cmd.Item]
		it := mail.Item{Flags: was.flags, Received: was.received, Thread: was.thread}
		if k := c.items[cmd.Item].keyword; k != "" {
			it.Keywords = []string{k}
		}
		if err := cmd.Edit(&it); err != nil {
			return err
		}
		c.items[cmd.Item] = show(&it)
	case engine.Delete:
		delete(c.items, cmd.Item)
	case engine.Fetch:
		if _, there := c.items[cmd.Item]; there && show(&r.Item).received != c.items[cmd.Item].received {
			return fmt.Errorf("fetched item %d is another", cmd.Item)
		}
	}
	return nil
}

// drop takes a command off the queue.
func (c *collection) drop(cmd *engine.Command) {
	c.queue = slices.DeleteFunc(slices.Clone(c.queue), func(q engine.Command) bool {
		return q.Kind == cmd.Kind && q.Item == cmd.Item && q.ClientID == cmd.ClientID
	})
}

// apply takes in one change of the server's.
func (p *mobile) apply(c *collection, ch *engine.ItemChange) error {
	_, there := c.items[ch.ID]
	switch ch.Kind {
	case engine.Added:
		p.w.stats.Adds++
		if there && !c.muddled {
			return fmt.Errorf("got an Add of item %d, which the phone has", ch.ID)
		}
		c.items[ch.ID] = show(&ch.Item)
		return nil
	case engine.Changed:
		p.w.stats.Changes++
		c.items[ch.ID] = show(&ch.Item)
	case engine.Deleted:
		p.w.stats.Deletes++
		delete(c.items, ch.ID)
	case engine.SoftDeleted:
		p.w.stats.SoftDeletes++
		delete(c.items, ch.ID)
	}
	// What the user did with an item that is gone cannot be done any more.
	if ch.Kind != engine.Changed {
		c.queue = slices.DeleteFunc(slices.Clone(c.queue), func(q engine.Command) bool {
			return q.Kind != engine.Add && q.Item == ch.ID
		})
	}
	if !there && !c.muddled {
		return fmt.Errorf("change of kind %d for item %d, which the phone does not have", ch.Kind, ch.ID)
	}
	return nil
}
