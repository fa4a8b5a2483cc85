package engine

import (
	"bytes"
	"maps"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// reply works out the answer to a request with a valid key.
type reply struct {
	e      *Engine
	tx     *store.Tx
	id     device.ID
	req    *Request
	folder mail.Folder
	c      *device.Collection
	turn   turn
	now    time.Time
	a      *answer

	own    *ownWrites
	cut    int64
	broken map[mail.ItemID]device.Broken // what the device is not given
	failed bool                          // the answer before was not confirmed
}

// work fills in the answer.
func (r *reply) work() error {
	r.cut = r.req.cutoff(r.now, r.folder.Class)
	if r.nothing() {
		r.a.result.Key = r.req.Key
		r.a.result.Unchanged = true
		return nil
	}
	r.own = newOwnWrites(r.c.Own, &r.turn.base)
	if r.turn.repeat != nil {
		r.own.recall(r.turn.repeat.Key)
	}
	if err := r.troubles(); err != nil {
		return err
	}
	cmds := commands{source: r.e.source, tx: r.tx, req: r.req, folder: &r.folder, base: &r.turn.base, repeat: r.turn.repeat, own: r.own}
	if len(r.req.Commands) > 0 {
		if err := r.apply(&cmds); err != nil {
			return err
		}
	}
	p, err := r.plan(&cmds, true)
	if err == nil && p.limit != nil && !r.same(&cmds, p) {
		p, err = r.plan(&cmds, false)
	}
	if err != nil {
		return err
	}
	r.a.result.Responses = cmds.responses
	r.a.result.Changes = p.changes()
	r.finish(&cmds, p)
	return nil
}

// nothing is the common case: an idle device looks in, and a glance at two rows
// shows that there is nothing to tell.
func (r *reply) nothing() bool {
	g := &r.turn.base
	if len(r.req.Commands) > 0 || r.turn.promote || r.turn.repeat != nil || r.newOptions() {
		return false
	}
	if !r.req.GetChanges {
		return true
	}
	return uint64(r.folder.Highest) <= g.Cursor && !g.More && g.Filter == r.req.Filter && g.Conversations == r.req.Conversations &&
		g.Cutoff == r.cut && g.Floor == device.Position{Received: r.cut} && r.shortIdle(g)
}

func (r *reply) newOptions() bool {
	return r.req.Options != nil && !bytes.Equal(r.req.Options, r.c.Options)
}

// apply runs the commands, and reads the folder again afterwards.
func (r *reply) apply(cmds *commands) error {
	err := cmds.run()
	if err == nil {
		r.folder, err = r.e.source.Folder(r.tx, r.req.Box, r.req.Folder)
	}
	return err
}

// newPlan starts from what the device has.
func (r *reply) newPlan(undone map[mail.ItemID]bool) *plan {
	return &plan{source: r.e.mailOf(&r.folder), tx: r.tx, box: r.req.Box, folder: r.folder, own: r.own, undone: undone, g: r.turn.base, broken: r.broken}
}

// plan works out the changes for the device. A repeated request is led to the
// same end as before where that is possible: then it has the same key, and it
// does not matter which of the two answers the device gets.
func (r *reply) plan(cmds *commands, lead bool) (*plan, error) {
	p := r.newPlan(cmds.undone)
	p.trouble = r.c.Trouble
	p.g.Added = nil
	if r.req.GetChanges {
		p.window, p.weigh, p.room = r.req.Window, r.req.Weigh, r.req.Room
		if p.window <= 0 {
			p.window = DefaultWindow
		}
		p.aim(r.req, r.cut, r.req.Conversations)
	}
	if lead {
		if err := r.lead(p); err != nil {
			return nil, err
		}
	}
	done, err := p.run()
	if err != nil {
		return nil, err
	}
	shortDone, err := r.short(cmds, p, p.limit)
	if err != nil {
		return nil, err
	}
	done = done && shortDone
	r.a.result.More = r.req.GetChanges && !done
	if done && p.limit != nil {
		p.g.More, err = r.left(p)
		r.a.result.More = r.req.GetChanges && p.g.More
	}
	return p, err
}

// lead limits the plan of a repeated request to what the answer before held.
func (r *reply) lead(p *plan) error {
	again := r.turn.repeat
	if again == nil || again.Filter != p.g.Filter || again.Conversations != p.g.Conversations || p.turning {
		return nil
	}
	lost, err := p.lostSince(again)
	if err == nil && !lost {
		var leads bool
		leads, err = r.shortLead(again)
		lost = !leads
	}
	if err == nil && !lost {
		p.limit = again
		p.g.Cutoff = again.Cutoff
	}
	return err
}

// left tells whether there is more behind the end of a repeated answer.
func (r *reply) left(after *plan) (bool, error) {
	broken := maps.Clone(r.broken)
	for _, item := range after.over {
		delete(broken, item)
	}
	probe := plan{broken: broken, source: r.e.mailOf(&r.folder), tx: r.tx, box: r.req.Box, folder: r.folder, own: r.own, g: after.g, window: 1, count: true}
	if _, err := probe.run(); err != nil || probe.counted > 0 {
		return probe.counted > 0, err
	}
	short, err := r.e.shortLeft(r.tx, r.req.Box, &r.folder, r.own, &after.g, 1)
	return short != nil && short.counted > 0, err
}

// same tells whether the plan leads to where the answer before led.
func (r *reply) same(cmds *commands, p *plan) bool {
	again := r.turn.repeat
	return again != nil && !cmds.acted && !r.own.grown && sameMarks(&p.g, again) && sameAdded(cmds.added, again.Added)
}

// finish gives the answer its key and says what is to be saved.
func (r *reply) finish(cmds *commands, p *plan) {
	res := &r.a.result
	switch {
	case r.same(cmds, p):
		// What was saved for the lost answer stands for this one too.
		res.Key = formatKey(r.turn.repeat.Key)
		// But what the device did not repeat it is to be told of. If it has the
		// lost answer after all, that does no harm.
		dropped := len(r.own.earlier) > 0
		if dropped {
			r.c.Own = r.own.keep(&r.c.Confirmed, r.turn.repeat.Key)
		}
		if dropped || r.failed || r.newOptions() {
			r.settleBroken(p, r.turn.repeat.Key)
			r.c.Sent = sentOf(res.Changes, &r.c.Trouble)
			r.save()
		}
	case r.req.acts() || p.counted > 0:
		next := p.g
		next.Key = nextKey(r.c)
		r.c.Sent = sentOf(r.a.result.Changes, &r.c.Trouble)
		next.Added = cmds.added
		r.turn.confirm(r.c)
		r.settleBroken(p, next.Key)
		r.c.Pending = next
		r.c.Own = r.own.keep(&r.c.Confirmed, next.Key)
		res.Key = formatKey(next.Key)
		r.save()
	default:
		res.Key = r.req.Key
		res.Unchanged = len(res.Responses) == 0
		if r.turn.promote || r.turn.repeat != nil || r.newOptions() || r.settles(p) {
			// The device's view is the same by the new marks as by the old.
			p.g.Key = r.turn.base.Key
			r.settleBroken(p, 0)
			r.c.Confirmed, r.c.Pending, r.c.Sent = p.g, device.Generation{}, device.Sent{}
			r.c.Own = r.own.keep(&r.c.Confirmed, 0)
			r.save()
		}
	}
}

// settles tells whether marks that moved without a change for the device are
// worth a write.
func (r *reply) settles(p *plan) bool {
	g, was := &p.g, &r.turn.base
	return p.skipped >= settleAfter || g.Filter != was.Filter || g.More != was.More || g.Floor != was.Floor ||
		(g.SMS == nil) != (was.SMS == nil) || g.SMS != nil && (g.SMS.Filter != was.SMS.Filter || g.SMS.More != was.SMS.More || g.SMS.Floor != was.SMS.Floor)
}

func (r *reply) save() {
	if r.newOptions() {
		r.c.Options = r.req.Options
	}
	r.a.save = r.c
}

func sameAdded(a, b []device.Added) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
