package engine

import (
	"context"
	"errors"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// settleAfter is how many rows may be skipped again and again for a device that
// is told nothing, before it is worth a write to leave them behind.
const settleAfter = 256

// answer is a collection's result with what is to be written for it.
type answer struct {
	result Result
	save   *device.Collection // nil: nothing to write
	read   uint64             // the version of the state it was worked out from
	broken []device.Broken    // see trouble.go
	forget []uint32           // of those
	remove bool               // the folder is gone: forget its state
}

// Sync answers one Sync request: all its collections in one durable
// transaction, or in a read-only one when nothing is to be written. What also
// writes is committed with it; nil when there is nothing. The results are in
// the order of the requests; what is wrong with one collection is in its
// result's Err, and the error returned is of the request as a whole.
func (e *Engine) Sync(ctx context.Context, id device.ID, reqs []Request, also func(tx *store.Tx) error) ([]Result, error) {
	answers := make([]answer, len(reqs))
	planned := !writes(reqs)
	if planned {
		dirty := false
		err := e.store.View(ctx, func(tx *store.Tx) error {
			dirty = false
			return e.answerAll(tx, id, reqs, answers, func(a *answer) error {
				dirty = dirty || a.save != nil || a.remove
				return nil
			})
		})
		if err != nil {
			return nil, err
		}
		if !dirty && also == nil {
			return results(answers), nil
		}
	}
	err := e.store.Update(ctx, func(tx *store.Tx) error {
		if err := e.commit(tx, id, reqs, answers, planned); err != nil || also == nil {
			return err
		}
		return also(tx)
	})
	if err != nil {
		return nil, err
	}
	return results(answers), nil
}

// writes tells whether the requests cannot be answered by reading alone.
func writes(reqs []Request) bool {
	for i := range reqs {
		if reqs[i].Key == NewKey || reqs[i].acts() {
			return true
		}
	}
	return false
}

// acts tells whether a request has commands that change something.
func (r *Request) acts() bool {
	for i := range r.Commands {
		if r.Commands[i].Kind != Fetch {
			return true
		}
	}
	return false
}

func results(answers []answer) []Result {
	out := make([]Result, len(answers))
	for i := range answers {
		out[i] = answers[i].result
	}
	return out
}

// commit writes the answers. Those that were worked out on an earlier snapshot
// stand if their collections' states are still the same: an answer is true of
// the snapshot it names by its marks. If not, all are worked out anew.
func (e *Engine) commit(tx *store.Tx, id device.ID, reqs []Request, answers []answer, planned bool) error {
	if planned {
		still, err := e.unmoved(tx, id, reqs, answers)
		if err != nil {
			return err
		}
		if still {
			for i := range answers {
				if err := e.write(tx, id, &reqs[i], &answers[i]); err != nil {
					return err
				}
			}
			return nil
		}
	}
	i := 0
	return e.answerAll(tx, id, reqs, answers, func(a *answer) error {
		i++
		return e.write(tx, id, &reqs[i-1], a)
	})
}

func (e *Engine) unmoved(tx *store.Tx, id device.ID, reqs []Request, answers []answer) (bool, error) {
	seen := make(map[mail.FolderID]bool, len(answers))
	for i := range answers {
		a := &answers[i]
		if a.save == nil {
			continue
		}
		c, err := e.devices.Collection(tx, id, uint32(reqs[i].Folder))
		if err != nil && !errors.Is(err, device.ErrNoCollection) {
			return false, err
		}
		if err != nil || c.Version != a.read || seen[reqs[i].Folder] {
			return false, nil
		}
		seen[reqs[i].Folder] = true
	}
	return true, nil
}

func (e *Engine) write(tx *store.Tx, id device.ID, req *Request, a *answer) error {
	switch {
	case a.remove:
		return e.devices.RemoveCollection(tx, id, uint32(req.Folder))
	case a.save != nil:
		if err := e.writeBroken(tx, id, req.Folder, a); err != nil {
			return err
		}
		return e.devices.SaveCollection(tx, id, *a.save)
	}
	return nil
}

func (e *Engine) answerAll(tx *store.Tx, id device.ID, reqs []Request, answers []answer, then func(*answer) error) error {
	now := time.Now()
	for i := range reqs {
		var err error
		if answers[i], err = e.answer(tx, id, &reqs[i], now); err != nil {
			return err
		}
		if err := then(&answers[i]); err != nil {
			return err
		}
	}
	return nil
}

// answer works out one collection's result.
func (e *Engine) answer(tx *store.Tx, id device.ID, req *Request, now time.Time) (answer, error) {
	c, err := e.devices.Collection(tx, id, uint32(req.Folder))
	known := err == nil
	if err != nil && !errors.Is(err, device.ErrNoCollection) {
		return answer{}, err
	}
	folder, err := e.source.Folder(tx, req.Box, req.Folder)
	if errors.Is(err, mail.ErrNoFolder) {
		return answer{result: Result{Err: mail.ErrNoFolder}, remove: known}, nil
	}
	if err != nil {
		return answer{}, err
	}
	a := answer{result: Result{Class: folder.Class}, read: c.Version}
	if req.Key == NewKey {
		c.Folder = uint32(folder.ID)
		if err := e.restart(tx, id, req.Box, &c, &a); err != nil {
			return answer{}, err
		}
		err := e.start(tx, &c, req, &folder, now, &a)
		return a, err
	}
	t, err := resolve(&c, req.Key)
	if err != nil || !known {
		a.result.Err = ErrStaleSyncKey
		return a, nil
	}
	r := reply{e: e, tx: tx, id: id, req: req, folder: folder, c: &c, turn: t, now: now, a: &a}
	return a, r.work()
}

// start begins a new state. The answer brings no items: they come with the next
// request (MS-ASCMD 2.2.3.84: with the key 0, GetChanges is as good as 0).
func (e *Engine) start(tx *store.Tx, c *device.Collection, req *Request, folder *mail.Folder, now time.Time, a *answer) error {
	last, err := e.source.LastItem(tx, req.Box, req.Folder)
	if err != nil {
		return err
	}
	fresh := device.Collection{Folder: uint32(folder.ID), Class: uint8(folder.Class), Version: c.Version, Options: req.Options}
	fresh.Pending = begin(folder, last, req.Filter, req.cutoff(now, folder.Class), req.Conversations)
	if req.SMS != nil {
		filter, cut := req.shortCutoff(now)
		short := begin(folder, last, filter, cut, false)
		fresh.Pending.SMS = &short
	}
	fresh.Trouble, fresh.Broken = c.Trouble, c.Broken
	fresh.Pending.Key = firstKey()
	a.save = &fresh
	a.result.Key = formatKey(fresh.Pending.Key)
	for i := range req.Commands {
		cmd := &req.Commands[i]
		a.result.Responses = append(a.result.Responses,
			Response{Command: i, Kind: cmd.Kind, ClientID: cmd.ClientID, Item: mail.Item{ID: cmd.Item}, Err: ErrBadCommand})
	}
	return nil
}
