package simulation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"martlet/mail"
	"martlet/push"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// mobile is a phone and what it believes.
type mobile struct {
	w       *World
	id      device.ID
	keeps   bool   // it keeps items it moves, as Outlook does
	fails   uint32 // it fails at every item whose number leaves this over: see chokes
	anew    bool   // and starts anew then, as iOS does, and does not ask again
	key     string
	folders map[mail.FolderID]folderView
	synced  map[mail.FolderID]*collection
	clients int

	held     *push.Watch // an open Ping
	heldFor  []mail.FolderID
	stale    bool // a late request may have taken the hierarchy's key away
	lostLast bool // the last FolderSync's answer was lost
}

// collection is a folder as a phone has it.
type collection struct {
	id      mail.FolderID
	key     string
	filter  uint8
	told    uint8 // the filter of the last answer
	whole   bool  // conversations come whole
	turning bool  // it has changed its mind, and the server is at it
	wholly  bool  // so they did when the last answer was the end of what there was
	window  int
	items   map[mail.ItemID]copyOf
	queue   []engine.Command // what the user did and the server has not confirmed
	makes   map[string]copyOf

	choked bool // the phone could not take the last answer
	more   bool // the last answer was not the end of what there was

	lost  bool            // the last answer was lost
	late  *engine.Request // a request that is still under way somewhere
	stale bool            // a late request may have taken its key away

	// A late request that asks for less than the one after it makes the server
	// tell of changes which the phone knows as its own. That does no harm.
	muddled bool
	sent    engine.Request // the last one that arrived
}

func newMobile(w *World, n int) *mobile {
	return &mobile{
		w:       w,
		id:      device.ID{Account: 1, Device: fmt.Sprintf("phone%d", n)},
		keeps:   n == 2,
		fails:   uint32(w.rng.IntN(4 * failsAt)),
		anew:    w.one(2),
		key:     engine.NewKey,
		folders: map[mail.FolderID]folderView{},
		synced:  map[mail.FolderID]*collection{},
	}
}

func (p *mobile) log(format string, args ...any) {
	p.w.log("%s: %s", p.id.Device, fmt.Sprintf(format, args...))
}

// step lets the phone or its user do one thing.
func (p *mobile) step() error {
	if len(p.folders) == 0 || p.w.one(15) {
		return p.folderSync(true)
	}
	c := p.pick()
	switch n := p.w.rng.IntN(20); {
	case n < 9:
		return p.sync(c, true)
	case n < 12:
		p.touch(c)
		return nil
	case n == 12:
		p.undo(c)
		return nil
	case n == 13:
		return p.move(c)
	case n == 14:
		return p.folderCommand()
	case n == 15:
		return p.settings(c)
	case n == 16:
		return p.lateRequest(c)
	case n == 17:
		return p.estimate(c)
	default:
		return p.ping()
	}
}

// pick chooses one of the phone's folders, and begins to sync it if need be.
func (p *mobile) pick() *collection {
	ids := slices.Sorted(maps.Keys(p.folders))
	f := ids[0] // the Inbox is the first folder made
	if p.w.one(3) {
		f = ids[p.w.rng.IntN(len(ids))]
	}
	c := p.synced[f]
	if c == nil {
		c = &collection{
			id: f, key: engine.NewKey, whole: p.w.one(2), filter: uint8(p.w.rng.IntN(6)), window: 1 + p.w.rng.IntN(12),
			items: map[mail.ItemID]copyOf{}, makes: map[string]copyOf{},
		}
		p.synced[f] = c
	}
	return c
}

// touch is the user: it changes something on the phone.
func (p *mobile) touch(c *collection) {
	if c.key == engine.NewKey {
		return
	}
	if p.w.one(4) {
		p.clients++
		name := fmt.Sprint("c", p.clients)
		n := mail.NewItem{Class: mail.ClassEmail, Received: time.Now().UnixMilli(), Flags: mail.FlagDraft, Thread: p.w.thread()}
		if p.w.one(4) {
			n.Received -= int64(p.w.rng.IntN(30)) * 24 * time.Hour.Milliseconds()
		}
		c.makes[name] = copyOf{received: n.Received, flags: n.Flags, thread: n.Thread}
		c.queue = append(c.queue, engine.Command{Kind: engine.Add, ClientID: name, New: &n})
		return
	}
	var free []mail.ItemID // not yet in the queue
	for id := range c.items {
		if !slices.ContainsFunc(c.queue, func(q engine.Command) bool { return q.Item == id }) {
			free = append(free, id)
		}
	}
	if len(free) == 0 {
		return
	}
	slices.Sort(free)
	id := free[p.w.rng.IntN(len(free))]
	switch p.w.rng.IntN(5) {
	case 0:
		c.queue = append(c.queue, engine.Command{Kind: engine.Delete, Item: id})
	case 1:
		c.queue = append(c.queue, engine.Command{Kind: engine.Fetch, Item: id})
	default:
		edit := p.w.edit()
		c.queue = append(c.queue, engine.Command{Kind: engine.Change, Item: id, Edit: func(it *mail.Item) error {
			edit(it)
			return nil
		}})
	}
}

// undo is the user changing his mind before the server has confirmed: whatever
// the server did already must come back.
func (p *mobile) undo(c *collection) {
	if len(c.queue) > 0 {
		i := p.w.rng.IntN(len(c.queue))
		p.log("undoes a command in %d", c.id)
		c.queue = slices.Delete(slices.Clone(c.queue), i, i+1)
	}
}

// settings changes what the phone wants of a folder.
func (p *mobile) settings(c *collection) error {
	if p.w.one(4) {
		p.log("starts folder %d anew", c.id)
		c.reset()
		return nil
	}
	c.filter = uint8(p.w.rng.IntN(6))
	c.window = 1 + p.w.rng.IntN(12)
	if p.w.one(4) {
		c.whole = !c.whole
	}
	p.log("folder %d: filter %d, window %d, conversations %t", c.id, c.filter, c.window, c.whole)
	return nil
}

// reset forgets the folder's items and begins again.
func (c *collection) reset() {
	c.key, c.queue, c.lost, c.stale, c.muddled = engine.NewKey, nil, false, false, false
	clear(c.items)
	clear(c.makes)
}

func (c *collection) request(p *mobile) engine.Request {
	req := engine.Request{
		Box: box, Folder: c.id, Key: c.key, Window: c.window, Filter: c.filter, Conversations: c.whole,
		GetChanges: c.key != engine.NewKey && !p.w.one(10), ServerWins: !p.w.one(4), DeletesAsMoves: !p.w.one(4),
		Commands: slices.Clone(c.queue),
	}
	if p.w.one(3) {
		req.Weigh = func(it *mail.Item) int64 { return int64(it.ID % 4) }
		req.Room = int64(p.w.rng.IntN(12))
	}
	return req
}

// lateRequest lets a request that was thought lost arrive after all.
func (p *mobile) lateRequest(c *collection) error {
	if c.late == nil {
		return nil
	}
	p.log("a late request for folder %d with key %s arrives", c.id, c.late.Key)
	p.w.stats.Late++
	req := *c.late
	c.late = nil
	if req.Key == c.key || req.Key == engine.NewKey {
		c.lost = true // it has an answer that the phone does not get
	}
	c.stale = true
	c.muddled = c.muddled || !sameCommands(&req, &c.sent)
	_, err := p.w.eng.Sync(context.Background(), p.id, []engine.Request{req}, nil)
	return err
}

func sameCommands(a, b *engine.Request) bool {
	return a.Key != b.Key || slices.EqualFunc(a.Commands, b.Commands, func(x, y engine.Command) bool {
		return x.Kind == y.Kind && x.Item == y.Item && x.ClientID == y.ClientID
	})
}

// estimate asks how many changes there are: the Sync must agree.
func (p *mobile) estimate(c *collection) error {
	if c.lost || len(c.queue) > 0 || c.key == engine.NewKey {
		return nil
	}
	req := c.request(p)
	req.GetChanges, req.Window, req.Weigh = true, 1_000_000, nil
	n, err := p.w.eng.Estimate(context.Background(), p.id, req)
	if errors.Is(err, mail.ErrNoFolder) || errors.Is(err, engine.ErrStaleSyncKey) && c.stale ||
		errors.Is(err, engine.ErrNoState) {
		return nil
	}
	if err != nil {
		return err
	}
	window := c.window
	c.window = req.Window
	defer func() { c.window = window }()
	same := c.whole == c.wholly && !c.turning // else all comes anew, and the estimate is of what differs
	got, err := p.exchange(c, req)
	if err == nil && got != n && same && (!c.more || got > n) {
		return fmt.Errorf("%s: folder %d: the estimate was %d, the Sync brought %d", p.id.Device, c.id, n, got)
	}
	return err
}

// ping asks what changed, and holds when nothing did.
func (p *mobile) ping() error {
	folders := append(slices.Sorted(maps.Keys(p.synced)), mail.Hierarchy)
	p.w.stats.Pings++
	p.hangUp()
	topics := make([]uint32, len(folders))
	for i, f := range folders {
		topics[i] = uint32(f)
	}
	p.held, p.heldFor = p.w.hub.Watch(uint64(box), topics...), folders
	changed, err := p.w.eng.Changed(context.Background(), p.id, box, folders)
	if err != nil || len(changed) == 0 {
		return err
	}
	p.hangUp()
	for _, f := range changed {
		expect := func() error { return p.expectChange(p.synced[f]) }
		if f == mail.Hierarchy {
			expect = p.expectFolders
		}
		if err := expect(); err != nil {
			return err
		}
	}
	return nil
}

// expectFolders fetches the folders when Ping said that they changed.
func (p *mobile) expectFolders() error {
	if p.lostLast || p.stale || p.key == engine.NewKey {
		return nil
	}
	before := p.key
	err := p.folderSync(false)
	if err == nil && p.key == before {
		return fmt.Errorf("%s: Ping said that the folders changed, and FolderSync brought nothing", p.id.Device)
	}
	return err
}

func (p *mobile) hangUp() {
	if p.held != nil {
		p.held.Close()
		p.held = nil
	}
}

// expectChange syncs a folder of which Ping said that it changed: a phone backs
// off from a server that says so and then brings nothing.
func (p *mobile) expectChange(c *collection) error {
	if c == nil || c.lost || c.stale || c.key == engine.NewKey || len(c.queue) > 0 {
		return nil // or FolderSync has just taken the folder away
	}
	req := c.request(p)
	req.GetChanges = true
	told := c.told == c.filter && c.wholly == c.whole && !c.turning // else Ping knew another window
	got, err := p.exchange(c, req)
	if err == nil && got == 0 && told {
		return fmt.Errorf("%s: Ping said that folder %d changed, and the Sync brought nothing", p.id.Device, c.id)
	}
	return err
}
