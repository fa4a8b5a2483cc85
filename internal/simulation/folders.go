package simulation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"martlet/mail"
	"martlet/sync/engine"
)

// folderSync fetches the folders' changes.
func (p *mobile) folderSync(faults bool) error {
	p.hangUp()
	ctx := context.Background()
	if faults && p.w.one(5) {
		p.log("the answer to FolderSync %s is lost", p.key)
		p.lostLast = true
		_, err := p.w.eng.Hierarchy(ctx, p.id, box, p.key, nil)
		return unless(err, p.stalenessExpected()...)
	}
	if faults && p.w.one(20) {
		p.log("fetches the folders anew")
		p.key = engine.NewKey
	}
	res, err := p.w.eng.Hierarchy(ctx, p.id, box, p.key, nil)
	if errors.Is(err, engine.ErrStaleSyncKey) && p.stale {
		p.key, p.stale = engine.NewKey, false
		return p.folderSync(false)
	}
	if err != nil {
		return fmt.Errorf("%s: FolderSync %s: %w", p.id.Device, p.key, err)
	}
	if !res.Unchanged {
		p.log("FolderSync %s -> %s, %d adds, %d updates, %d deletes", p.key, res.Key, len(res.Adds), len(res.Updates), len(res.Deletes))
	}
	if res.Unchanged != (len(res.Adds)+len(res.Updates)+len(res.Deletes) == 0) {
		return errors.New("FolderSync: unchanged or not?")
	}
	return p.takeInFolders(&res)
}

func (p *mobile) stalenessExpected() []error {
	if p.stale {
		return []error{engine.ErrStaleSyncKey}
	}
	return nil
}

func (p *mobile) takeInFolders(res *engine.HierarchyResult) error {
	if p.key == engine.NewKey {
		clear(p.folders)
	}
	p.key, p.lostLast = res.Key, false
	for _, f := range res.Adds {
		if _, there := p.folders[f.ID]; there {
			return fmt.Errorf("%s: Add of folder %d, which the phone has", p.id.Device, f.ID)
		}
		p.folders[f.ID] = folderView{f.Parent, f.Name, f.Class}
	}
	for _, f := range res.Updates {
		if _, there := p.folders[f.ID]; !there {
			return fmt.Errorf("%s: Update of folder %d, which the phone does not have", p.id.Device, f.ID)
		}
		p.folders[f.ID] = folderView{f.Parent, f.Name, f.Class}
	}
	for _, f := range res.Deletes {
		if _, there := p.folders[f]; !there {
			return fmt.Errorf("%s: Delete of folder %d, which the phone does not have", p.id.Device, f)
		}
		delete(p.folders, f)
	}
	for f := range p.synced {
		if _, there := p.folders[f]; !there {
			delete(p.synced, f)
		}
	}
	return nil
}

// folderCommand makes, renames or deletes a folder from the phone. If the
// answer is lost the phone repeats the command.
func (p *mobile) folderCommand() error {
	if p.key == engine.NewKey {
		return nil
	}
	p.hangUp()
	own := slices.Sorted(maps.Keys(p.folders))
	f := own[p.w.rng.IntN(len(own))]
	p.w.names++
	name := fmt.Sprint("phone's ", p.w.names)
	ctx := context.Background()
	var send func() (string, error)
	var done func()
	switch p.w.rng.IntN(4) {
	case 0, 1:
		if len(own) > 20 {
			return nil
		}
		var made mail.Folder
		send = func() (key string, err error) {
			made, key, err = p.w.eng.CreateFolder(ctx, p.id, box, p.key, f, name, mail.ClassEmail)
			return key, err
		}
		done = func() { p.folders[made.ID] = folderView{f, name, mail.ClassEmail} }
	case 2:
		parent := p.folders[f].parent
		send = func() (string, error) { return p.w.eng.UpdateFolder(ctx, p.id, box, p.key, f, parent, name) }
		done = func() { p.folders[f] = folderView{parent, name, p.folders[f].class} }
	case 3:
		send = func() (string, error) { return p.w.eng.DeleteFolder(ctx, p.id, box, p.key, f) }
		done = func() {
			delete(p.folders, f)
			delete(p.synced, f)
		}
	}
	first := ""
	if p.w.one(3) {
		p.log("the answer to a folder command with key %s is lost", p.key)
		first, _ = send() // the second answer says whether it was refused
		p.lostLast = true
		if p.w.one(3) {
			return nil // and the user gives up
		}
	}
	key, err := send()
	if err == nil && first != "" && key != first {
		return fmt.Errorf("%s: a repeated folder command has the key %s, then %s", p.id.Device, first, key)
	}
	p.log("folder command on %d %q: %s -> %s, %v", f, name, p.key, key, err)
	if err != nil {
		return unless(err, append(p.stalenessExpected(), mail.ErrNoFolder, mail.ErrSystemFolder, mail.ErrBadParent)...)
	}
	p.key, p.lostLast = key, false
	done()
	return nil
}

// move moves an item to another folder.
func (p *mobile) move(c *collection) error {
	if len(c.items) == 0 || len(p.folders) < 2 {
		return nil
	}
	items := slices.Sorted(maps.Keys(c.items))
	m := engine.Move{Item: items[p.w.rng.IntN(len(items))], From: c.id, Keeps: p.keeps}
	if slices.ContainsFunc(c.queue, func(q engine.Command) bool { return q.Item == m.Item }) {
		return nil
	}
	folders := slices.Sorted(maps.Keys(p.folders))
	m.To = folders[p.w.rng.IntN(len(folders))]
	ctx := context.Background()
	first, err := p.w.eng.MoveAll(ctx, p.id, box, []engine.Move{m})
	if err != nil {
		return err
	}
	again, err := p.w.eng.MoveAll(ctx, p.id, box, []engine.Move{m})
	if err != nil {
		return err
	}
	p.log("moves %d:%d to %d:%d, %v", m.From, m.Item, m.To, first[0].Item, first[0].Err)
	if first[0].Err == nil && again[0] != first[0] {
		return fmt.Errorf("%s: a repeated move answers %v, then %v", p.id.Device, first[0], again[0])
	}
	if first[0].Err != nil {
		return unless(first[0].Err, mail.ErrNoItem, mail.ErrNoFolder, engine.ErrNoDestination, engine.ErrSameFolder)
	}
	if p.keeps {
		was := c.items[m.Item]
		delete(c.items, m.Item)
		if dst := p.synced[m.To]; dst != nil && dst.key != engine.NewKey {
			dst.items[first[0].Item] = was
		}
	}
	return nil
}
