package simulation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"martlet/mail"
	"martlet/sync/engine"
)

// maxRounds bounds how long a phone may need to come to rest.
const maxRounds = 2000

// quiet lets all phones finish, without faults, and compares what they have
// with the server.
func (w *World) quiet() error {
	w.log("quiet")
	// A phone's commands are another's changes, so all send theirs first.
	for _, p := range w.phones {
		if err := p.rest(); err != nil {
			return err
		}
	}
	for _, p := range w.phones {
		if err := p.rest(); err != nil {
			return err
		}
	}
	server, err := w.server()
	if err != nil {
		return err
	}
	for _, p := range w.phones {
		if err := p.compare(&server); err != nil {
			return fmt.Errorf("%s: %w", p.id.Device, err)
		}
	}
	return w.check()
}

// rest syncs until nothing comes any more.
func (p *mobile) rest() error {
	p.hangUp()
	for range maxRounds {
		before := p.key
		if err := p.folderSync(false); err != nil {
			return err
		}
		if p.key == before {
			break
		}
	}
	for _, f := range slices.Sorted(maps.Keys(p.synced)) {
		c := p.synced[f]
		c.late = nil
		for round := 0; ; round++ {
			before, queued := c.key, len(c.queue)
			if err := p.sync(c, false); err != nil {
				return err
			}
			if c.key == before && queued == 0 && !c.choked {
				break
			}
			if round == maxRounds {
				return fmt.Errorf("%s: folder %d does not come to rest", p.id.Device, c.id)
			}
		}
		c.stale, c.muddled = false, false
	}
	return nil
}

// compare holds what the phone has against the server.
func (p *mobile) compare(server *content) error {
	if len(p.folders) != len(server.folders) {
		return fmt.Errorf("%d folders, the server has %d", len(p.folders), len(server.folders))
	}
	for f, view := range server.folders {
		if p.folders[f] != view {
			return fmt.Errorf("folder %d is %v, on the server %v", f, p.folders[f], view)
		}
	}
	folders := slices.Sorted(maps.Keys(p.synced))
	for _, f := range folders {
		c := p.synced[f]
		want := map[mail.ItemID]copyOf{}
		since := window(server.folders[f].class, c.filter)
		recent := map[mail.ThreadID]bool{}
		for _, it := range server.items[f] {
			if c.whole && it.received >= since && !it.thread.IsZero() {
				recent[it.thread] = true
			}
		}
		for id, it := range server.items[f] {
			if it.received >= since || recent[it.thread] {
				want[id] = it
			}
		}
		if err := p.withheld(c, want); err != nil {
			return err
		}
		if d := diffItems(want, c.items); d != "" {
			return fmt.Errorf("folder %d with filter %d: %s", f, c.filter, d)
		}
	}
	changed, err := p.w.eng.Changed(context.Background(), p.id, box, append(folders, mail.Hierarchy))
	if err == nil && len(changed) > 0 {
		err = fmt.Errorf("at rest, and Ping says that %v changed", changed)
	}
	return err
}

// window is where a filter's window begins, said in another way than the
// engine's.
func window(class mail.Class, filter uint8) int64 {
	if class != mail.ClassEmail {
		return 0
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	switch filter {
	case 1:
		return today.Add(-24 * time.Hour).UnixMilli()
	case 2:
		return today.Add(-3 * 24 * time.Hour).UnixMilli()
	case 3:
		return today.Add(-7 * 24 * time.Hour).UnixMilli()
	case 4:
		return today.Add(-14 * 24 * time.Hour).UnixMilli()
	case 5:
		return today.AddDate(0, -1, 0).UnixMilli()
	}
	return 0
}

// noLostWake checks every held Ping: if a Sync would bring something, the
// watch must have fired. What fired ends the Ping.
func (w *World) noLostWake() error {
	for _, p := range w.phones {
		if p.held == nil {
			continue
		}
		select {
		case <-p.held.C():
			p.hangUp()
			continue
		default:
		}
		changed, err := w.eng.Changed(context.Background(), p.id, box, p.heldFor)
		if err != nil {
			return err
		}
		if len(changed) > 0 && !p.disturbed(changed) {
			return fmt.Errorf("%s: folders %v changed and the held Ping was not woken", p.id.Device, changed)
		}
	}
	return nil
}

// disturbed tells whether the phone itself did something since its Ping that
// changes what a Sync would bring: it no longer waits for the answer.
func (p *mobile) disturbed(folders []mail.FolderID) bool {
	for _, f := range folders {
		if f == mail.Hierarchy && (p.lostLast || p.stale || p.key == engine.NewKey) {
			return true
		}
		if f == mail.Hierarchy {
			continue
		}
		if c := p.synced[f]; c == nil || c.key == engine.NewKey || c.lost || c.stale {
			return true
		}
	}
	return false
}
