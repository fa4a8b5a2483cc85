package engine

import (
	"iter"
	"math"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// Short messages, said by marks.
//
// A mail folder holds two classes, and a device has each or not (MS-ASCMD
// 2.2.3.27.6). What it has of the short messages, its generation says by marks
// of their own, SMS, which mean the same as the others. An answer goes through
// the steps of marks.go for the mail first and for the short messages with what
// room is left; each of the two sees the folder as if it held nothing else. A
// class that is not wanted has a window in which nothing is: so it is taken back
// when it is no longer asked for (MS-ASCMD_R3968), and comes anew when it is.

// nowhere is where the window of a class begins that is not wanted.
const nowhere = int64(math.MaxInt64) - 1

// only shows a folder as if it held items of one class.
type only struct {
	Source
	sms    bool
	lookUp bool // positions do not say of which class they are
}

// mailOf shows a folder without its short messages.
func (e *Engine) mailOf(f *mail.Folder) Source {
	if f.Class != mail.ClassEmail {
		return e.source
	}
	return only{e.source, false, f.SMS > 0}
}

// shortOf shows the short messages of a folder.
func (e *Engine) shortOf() Source { return only{e.source, true, true} }

func (o only) Changes(tx *store.Tx, box mail.MailboxID, f mail.FolderID, since mail.ModSeq) iter.Seq2[mail.Change, error] {
	return picked(o.Source.Changes(tx, box, f, since), func(c mail.Change) (bool, error) { return c.SMS == o.sms, nil })
}

func (o only) Items(tx *store.Tx, box mail.MailboxID, f mail.FolderID, after mail.ItemID) iter.Seq2[mail.Item, error] {
	return picked(o.Source.Items(tx, box, f, after), func(it mail.Item) (bool, error) { return (it.Class == mail.ClassSMS) == o.sms, nil })
}

func (o only) Newest(tx *store.Tx, box mail.MailboxID, f mail.FolderID, below mail.Position, oldest int64) iter.Seq2[mail.Position, error] {
	return o.positions(tx, box, f, o.Source.Newest(tx, box, f, below, oldest))
}

func (o only) Between(tx *store.Tx, box mail.MailboxID, f mail.FolderID, from, to int64) iter.Seq2[mail.Position, error] {
	return o.positions(tx, box, f, o.Source.Between(tx, box, f, from, to))
}

func (o only) ThreadIn(tx *store.Tx, box mail.MailboxID, f mail.FolderID, t mail.ThreadID, from, to mail.ItemID, descending bool) iter.Seq2[mail.Position, error] {
	return o.positions(tx, box, f, o.Source.ThreadIn(tx, box, f, t, from, to, descending))
}

func (o only) positions(tx *store.Tx, box mail.MailboxID, f mail.FolderID, all iter.Seq2[mail.Position, error]) iter.Seq2[mail.Position, error] {
	if !o.lookUp {
		return all
	}
	return picked(all, func(at mail.Position) (bool, error) {
		it, err := o.Source.Item(tx, box, f, at.Item)
		return (it.Class == mail.ClassSMS) == o.sms, err
	})
}

// picked leaves out what is not wanted.
func picked[T any](all iter.Seq2[T, error], want func(T) (bool, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range all {
			ok := true
			if err == nil {
				ok, err = want(v)
			}
			if (ok || err != nil) && !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// shortCutoff is where the window of the short messages is to begin.
func (r *Request) shortCutoff(now time.Time) (filter uint8, cut int64) {
	if r.SMS == nil {
		return 0, nowhere
	}
	return *r.SMS, cutoff(now, mail.ClassSMS, *r.SMS)
}

// shortIdle tells that a glance shows nothing to tell of short messages.
func (r *reply) shortIdle(g *device.Generation) bool {
	if g.SMS == nil || r.req.SMS == nil {
		return g.SMS == nil && r.req.SMS == nil
	}
	filter, cut := r.req.shortCutoff(r.now)
	s := g.SMS
	return uint64(r.folder.Highest) <= s.Cursor && !s.More && s.Filter == filter && s.Cutoff == cut && s.Floor == device.Position{Received: cut}
}

// shortMarks are the marks from which the short messages of an answer start; nil
// if the device has none and wants none.
func (r *reply) shortMarks() (*device.Generation, error) {
	if r.turn.base.SMS != nil || r.req.SMS == nil || !r.req.GetChanges {
		return r.turn.base.SMS, nil
	}
	last, err := r.e.source.LastItem(r.tx, r.req.Box, r.req.Folder)
	if err != nil {
		return nil, err
	}
	if own := r.own.first(); own != 0 { // it has those that came with this request
		last = own - 1
	}
	filter, cut := r.req.shortCutoff(r.now)
	g := begin(&r.folder, last, filter, cut, false)
	return &g, nil
}

// short adds the short messages to what an answer tells of the mail, and tells
// whether they came to their end. lead is the answer that it repeats, or nil.
func (r *reply) short(cmds *commands, main *plan, lead *device.Generation) (done bool, err error) {
	from, err := r.shortMarks()
	if err != nil || from == nil {
		return true, err
	}
	p := &plan{source: r.e.shortOf(), tx: r.tx, box: r.req.Box, folder: r.folder, own: r.own, undone: cmds.undone, g: *from,
		window: main.window, weigh: main.weigh, room: main.room,
		broken: main.broken, key: main.g.Key, trouble: main.trouble, items: main.items, zoned: main.zoned}
	if r.req.GetChanges {
		filter, cut := r.req.shortCutoff(r.now)
		moveCutoff(&p.g, filter, cut)
	}
	if lead != nil && lead.SMS != nil {
		p.limit, p.g.Cutoff = lead.SMS, lead.SMS.Cutoff
	}
	if done, err = p.run(); err != nil {
		return false, err
	}
	main.g.SMS, main.short, main.over = &p.g, p.changes(), append(main.over, p.over...)
	for i := range main.short {
		main.short[i].SMS = true
	}
	main.counted += p.counted
	main.skipped += p.skipped
	if r.req.GetChanges && r.req.SMS == nil && done && p.limit == nil && p.g.Floor.Received == nowhere {
		main.g.SMS = nil // all taken back
	}
	return done, nil
}

// shortLead tells whether the short messages of a repeated answer can be led to
// the same end as before.
func (r *reply) shortLead(again *device.Generation) (bool, error) {
	from, err := r.shortMarks()
	if err != nil || from == nil || again.SMS == nil {
		return err == nil && from == nil && again.SMS == nil, err
	}
	filter, _ := r.req.shortCutoff(r.now)
	if again.SMS.Filter != filter {
		return false, nil
	}
	p := plan{source: r.e.shortOf(), tx: r.tx, box: r.req.Box, folder: r.folder, own: r.own, g: *from}
	lost, err := p.lostSince(again.SMS)
	return !lost, err
}

// shortLeft counts what there is of short messages behind a generation; with a
// window of one it looks for one only.
func (e *Engine) shortLeft(tx *store.Tx, box mail.MailboxID, f *mail.Folder, own *ownWrites, g *device.Generation, window int) (*plan, error) {
	if g.SMS == nil || uint64(f.Highest) <= g.SMS.Cursor && !g.SMS.More {
		return nil, nil
	}
	p := &plan{source: e.shortOf(), tx: tx, box: box, folder: *f, own: own, g: *g.SMS, window: window, count: true}
	_, err := p.run()
	return p, err
}

// baseOf are the marks by which the device has an item, or has not.
func (c *commands) baseOf(item *mail.Item) *device.Generation {
	switch {
	case item.Class != mail.ClassSMS:
		return c.base
	case c.base.SMS != nil:
		return c.base.SMS
	}
	return &device.Generation{Cursor: math.MaxUint64} // it has none
}

// fits tells whether a folder can hold an item of another folder.
func fits(folder *mail.Folder, item *mail.Item) bool {
	return folder.Class == item.Class || folder.Class == mail.ClassEmail && item.Class == mail.ClassSMS
}

// shortEstimate counts what a request would bring of short messages.
func (e *Engine) shortEstimate(tx *store.Tx, req *Request, f *mail.Folder, own *ownWrites, base *device.Generation, now time.Time) (int, error) {
	g := base.SMS
	filter, cut := req.shortCutoff(now)
	switch {
	case g == nil && req.SMS == nil:
		return 0, nil
	case g == nil:
		last, err := e.source.LastItem(tx, req.Box, req.Folder)
		if err != nil {
			return 0, err
		}
		fresh := begin(f, last, filter, cut, false)
		g = &fresh
	}
	p := &plan{source: e.shortOf(), tx: tx, box: req.Box, folder: *f, own: own, g: *g, window: -1, count: true}
	moveCutoff(&p.g, filter, cut)
	_, err := p.run()
	return p.counted, err
}
