package engine

import (
	"context"
	"errors"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// Changed returns those of the folders for which a Sync would bring the device
// something new. A folder it never synced is not among them, whatever happened
// there: iOS pings such folders and would loop. Mail that leaves the filter's
// window as days pass is not worth a wake and comes with the next Sync.
// mail.Hierarchy asks for the folders themselves.
func (e *Engine) Changed(ctx context.Context, id device.ID, box mail.MailboxID, folders []mail.FolderID) ([]mail.FolderID, error) {
	return e.ChangedFor(ctx, id, box, folders, nil)
}

// Shows tells whether a change of an item's parts is anything to a device: old
// versions know nothing of flags or categories. It depends on nothing else.
type Shows func(it *mail.Item, parts mail.Parts) bool

// ChangedFor is Changed for a device that is not shown every change: Android
// asks less often once it was woken for a Sync that brings nothing.
func (e *Engine) ChangedFor(ctx context.Context, id device.ID, box mail.MailboxID, folders []mail.FolderID, shows Shows) ([]mail.FolderID, error) {
	var changed, idle []mail.FolderID
	err := e.store.View(ctx, func(tx *store.Tx) error {
		changed, idle = nil, nil
		now := time.Now()
		for _, f := range folders {
			if f == mail.Hierarchy {
				differs, err := e.hierarchyChanged(tx, id, box)
				if err != nil {
					return err
				}
				if differs {
					changed = append(changed, f)
				}
				continue
			}
			p, err := e.probe(tx, id, box, f, now, shows)
			if err != nil {
				return err
			}
			if p == nil {
				continue
			}
			if p.counted > 0 {
				changed = append(changed, f)
			} else if p.skipped >= settleAfter {
				idle = append(idle, f)
			}
		}
		return nil
	})
	if err == nil && len(idle) > 0 {
		err = e.settle(ctx, id, box, idle, shows)
	}
	return changed, err
}

// probe looks for one change that a Sync would bring. It returns nil when there
// is no state, no folder, or at a glance nothing.
func (e *Engine) probe(tx *store.Tx, id device.ID, box mail.MailboxID, f mail.FolderID, now time.Time, shows Shows) (*plan, error) {
	c, err := e.devices.Collection(tx, id, uint32(f))
	if errors.Is(err, device.ErrNoCollection) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	folder, err := e.source.Folder(tx, box, f)
	if errors.Is(err, mail.ErrNoFolder) {
		return nil, nil // the hierarchy tells of this
	}
	if err != nil {
		return nil, err
	}
	g := latest(&c)
	short, err := e.shortLeft(tx, box, &folder, newOwnWrites(c.Own, g), g, 1)
	if err != nil || short != nil && short.counted > 0 {
		return short, err
	}
	if uint64(folder.Highest) <= g.Cursor && !g.More {
		return short, nil
	}
	p := &plan{source: e.mailOf(&folder), tx: tx, box: box, folder: folder, own: newOwnWrites(c.Own, g), g: *g, window: 1, count: true,
		base: mail.ModSeq(g.Cursor), shows: shows}
	if p.broken, err = e.withheldFrom(tx, id, &c); err != nil {
		return nil, err
	}
	for _, step := range []func() (bool, error){p.log, p.again, p.soften} {
		if done, err := step(); err != nil || !done || p.counted > 0 {
			return p, err
		}
	}
	if p.g.Cutoff == everything { // the device is about to get all anew
		p.g.Cutoff = cutoff(now, folder.Class, p.g.Filter)
	}
	// A Sync would first let the window move on with the days.
	moved := p.g
	moveCutoff(&moved, p.g.Filter, cutoff(now, folder.Class, p.g.Filter))
	if to := (device.Position{Received: moved.Cutoff}); before(p.g.Floor, to) {
		p.g.Cutoff, p.g.Floor = moved.Cutoff, to
	}
	for _, step := range p.steps()[3:] {
		if done, err := step(); err != nil || !done || p.counted > 0 {
			return p, err
		}
	}
	return p, nil
}

// latest is the generation that the device has if it got the last answer. If it
// did not, it asks again of its own accord.
func latest(c *device.Collection) *device.Generation {
	if c.Pending.Key != 0 {
		return &c.Pending
	}
	return &c.Confirmed
}

// settle moves the cursors past changes that do not concern the device, so that
// they are not read again for every wake. The device's view, and so its key,
// stays as it is.
func (e *Engine) settle(ctx context.Context, id device.ID, box mail.MailboxID, folders []mail.FolderID, shows Shows) error {
	return e.store.Update(ctx, func(tx *store.Tx) error {
		for _, f := range folders {
			c, err := e.devices.Collection(tx, id, uint32(f))
			if errors.Is(err, device.ErrNoCollection) {
				continue
			}
			if err != nil {
				return err
			}
			folder, err := e.source.Folder(tx, box, f)
			if errors.Is(err, mail.ErrNoFolder) {
				continue
			}
			if err != nil {
				return err
			}
			g := latest(&c)
			p := plan{source: e.mailOf(&folder), tx: tx, box: box, folder: folder, own: newOwnWrites(c.Own, g), g: *g, count: true, shows: shows}
			if p.broken, err = e.withheldFrom(tx, id, &c); err != nil {
				return err
			}
			if _, err := p.run(); err != nil {
				return err
			}
			short, err := e.shortLeft(tx, box, &folder, p.own, g, 0)
			if err != nil {
				return err
			}
			*g = p.g
			if short != nil {
				g.SMS = &short.g
			}
			if err := e.devices.SaveCollection(tx, id, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// Estimate counts what a Sync with this request would bring (GetItemEstimate,
// MS-ASCMD 2.2.1.9). It changes nothing. ErrNoState when the collection was
// never synced or the key is 0.
func (e *Engine) Estimate(ctx context.Context, id device.ID, req Request) (int, error) {
	n := 0
	err := e.store.View(ctx, func(tx *store.Tx) error {
		folder, err := e.source.Folder(tx, req.Box, req.Folder)
		if err != nil {
			return err
		}
		c, err := e.devices.Collection(tx, id, uint32(req.Folder))
		if errors.Is(err, device.ErrNoCollection) || err == nil && req.Key == NewKey {
			return ErrNoState
		}
		if err != nil {
			return err
		}
		t, err := resolve(&c, req.Key)
		if err != nil {
			return err
		}
		short, err := e.shortEstimate(tx, &req, &folder, newOwnWrites(c.Own, &t.base), &t.base, time.Now())
		if err != nil {
			return err
		}
		p := plan{source: e.mailOf(&folder), tx: tx, box: req.Box, folder: folder, own: newOwnWrites(c.Own, &t.base), g: t.base, window: -1, count: true}
		if p.broken, err = e.withheldFrom(tx, id, &c); err != nil {
			return err
		}
		// With another mode the Sync would take everything back and begin anew; what
		// is asked is how much that mode has besides, or has not.
		other := p.g.Conversations != req.Conversations && !nothingYet(&p.g)
		p.aim(&req, req.cutoff(time.Now(), folder.Class), req.Conversations != other)
		if _, err := p.run(); err != nil || !other {
			n = p.counted + short
			return err
		}
		besides, err := p.besides()
		n = p.counted + besides + short
		return err
	})
	return n, err
}
