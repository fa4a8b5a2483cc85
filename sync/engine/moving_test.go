package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
	"martlet/sync/engine"
)

// diary is a folder of events with phones that look at it, some through a
// filter.
type diary struct {
	*house
	rnd    *rand.Rand
	folder mail.FolderID
	now    time.Time
	bodies int
	phones []*reader
}

// reader is a phone with its copy of a folder.
type reader struct {
	d      *diary
	id     device.ID
	key    string
	filter uint8
	window int
	items  map[mail.ItemID]mail.ModSeq // the version that it has
	last   *engine.Request             // one whose answer was lost
	added  int
}

func openDiary(t *testing.T, seed uint64) *diary {
	d := &diary{house: open(t), rnd: rand.New(rand.NewPCG(seed, 7)), now: time.Now()}
	d.update(func(tx *store.Tx) error {
		f, err := d.boxes.FolderByRole(tx, box, mail.RoleCalendar)
		d.folder = f.ID
		return err
	})
	for i := range 3 {
		id := device.ID{Account: 1, Device: "phone" + strconv.Itoa(i)}
		d.phones = append(d.phones, &reader{d: d, id: id, filter: []uint8{0, 4, 5}[i], window: 1 + i*3, items: map[mail.ItemID]mail.ModSeq{}})
	}
	return d
}

// body is an event that ends some days from now, or has no end.
func (d *diary) body() mail.Body {
	d.bodies++
	ref, err := d.boxes.Blobs().Put(context.Background(), []byte(strconv.Itoa(d.bodies)))
	if err != nil {
		d.tb.Fatal(err)
	}
	at := d.now.AddDate(0, 0, d.rnd.IntN(80)-60).UnixMilli()
	if d.rnd.IntN(8) == 0 {
		at = mail.EndOfTime
	}
	return mail.Body{Blob: ref, Facts: mail.Facts{UID: strconv.Itoa(d.bodies), At: at}}
}

// some is an item of the folder, zero if it is empty.
func (d *diary) some() (found mail.Item) {
	d.view(func(tx *store.Tx) error {
		n := 0
		for it, err := range d.boxes.Items(tx, box, d.folder, 0) {
			if err != nil {
				return err
			}
			if n++; d.rnd.IntN(n) == 0 {
				found = it
			}
		}
		return nil
	})
	return found
}

func (d *diary) view(fn func(tx *store.Tx) error) {
	d.tb.Helper()
	if err := d.store.View(context.Background(), fn); err != nil {
		d.tb.Fatal(err)
	}
}

// happen does something to the folder that no phone did.
func (d *diary) happen() {
	it := d.some()
	body := d.body()
	d.update(func(tx *store.Tx) (err error) {
		switch r := d.rnd.IntN(10); {
		case it.ID == 0 || r < 3:
			_, err = d.boxes.Append(tx, box, d.folder, mail.NewItem{Class: mail.ClassCalendar, Body: body})
		case r < 9:
			_, err = d.boxes.ReplaceBody(tx, box, d.folder, it.ID, body, nil)
		default:
			_, err = d.boxes.Delete(tx, box, d.folder, it.ID)
		}
		return err
	})
}

// request is what the phone asks next.
func (p *reader) request() engine.Request {
	r := engine.Request{Box: box, Folder: p.d.folder, Key: p.key, Window: p.window, Filter: p.filter, GetChanges: true, ServerWins: p.d.rnd.IntN(2) == 0}
	if p.key == "" {
		r.Key, r.GetChanges = engine.NewKey, false
		return r
	}
	switch it := p.d.some(); p.d.rnd.IntN(6) {
	case 0:
		p.added++
		r.Commands = append(r.Commands, engine.Command{Kind: engine.Add, ClientID: strconv.Itoa(p.added), New: &mail.NewItem{Class: mail.ClassCalendar, Body: p.d.body()}})
	case 1:
		if _, has := p.items[it.ID]; has {
			body := p.d.body()
			r.Commands = append(r.Commands, engine.Command{Kind: engine.Change, ClientID: fmt.Sprint("c", p.d.bodies), Item: it.ID, Body: &body, From: it.Blob})
		}
	case 2:
		if _, has := p.items[it.ID]; has {
			r.Commands = append(r.Commands, engine.Command{Kind: engine.Delete, Item: it.ID})
		}
	}
	return r
}

// sync asks once; the answer may be lost.
func (p *reader) sync(reliable bool) (more bool) {
	tb := p.d.tb
	tb.Helper()
	r := p.last
	if r == nil {
		fresh := p.request()
		r = &fresh
	}
	results, err := p.d.eng.Sync(context.Background(), p.id, []engine.Request{*r}, nil)
	if err == engine.ErrOtherBody {
		p.last = nil // the door would prepare it anew
		return true
	}
	if err != nil {
		tb.Fatal(err)
	}
	if !reliable && p.d.rnd.IntN(4) == 0 {
		p.last = r
		return true
	}
	p.last = nil
	res := results[0]
	if res.Err != nil {
		tb.Fatalf("%s: key %s: %v", p.id.Device, r.Key, res.Err)
	}
	p.key = res.Key
	for _, done := range res.Responses {
		if done.Err != nil {
			continue
		}
		switch cmd := r.Commands[done.Command]; cmd.Kind {
		case engine.Add, engine.Change:
			p.items[done.Item.ID] = done.Item.ModSeq
		case engine.Delete:
			delete(p.items, cmd.Item)
		}
	}
	for _, c := range res.Changes {
		p.take(&c)
	}
	return res.More
}

func (p *reader) take(c *engine.ItemChange) {
	_, has := p.items[c.ID]
	switch c.Kind {
	case engine.Added:
		if has {
			p.d.tb.Fatalf("%s: an Add of %d, which it has", p.id.Device, c.ID)
		}
		p.items[c.ID] = c.Item.ModSeq
	case engine.Changed:
		if !has {
			p.d.tb.Fatalf("%s: a Change of %d, which it does not have", p.id.Device, c.ID)
		}
		p.items[c.ID] = c.Item.ModSeq
	default: // of what it does not have it does nothing
		delete(p.items, c.ID)
	}
}

// quiet lets the phone come to rest and holds it against the folder.
func (p *reader) quiet() {
	tb := p.d.tb
	tb.Helper()
	for range 2000 {
		r := p.last
		if r == nil && p.key == "" {
			r = &engine.Request{Box: box, Folder: p.d.folder, Key: engine.NewKey, Filter: p.filter}
			p.last = r
		}
		if r == nil {
			r = &engine.Request{Box: box, Folder: p.d.folder, Key: p.key, Window: p.window, Filter: p.filter, GetChanges: true}
			p.last = r
		}
		key := p.key
		if more := p.sync(true); !more && p.key == key {
			break
		}
	}
	cut := int64(0)
	year, month, day := time.Now().UTC().Date()
	switch p.filter {
	case 4:
		cut = time.Date(year, month, day-14, 0, 0, 0, 0, time.UTC).UnixMilli()
	case 5:
		cut = time.Date(year, month-1, day, 0, 0, 0, 0, time.UTC).UnixMilli()
	}
	want := 0
	p.d.view(func(tx *store.Tx) error {
		for it, err := range p.d.boxes.Items(tx, box, p.d.folder, 0) {
			if err != nil {
				return err
			}
			have, has := p.items[it.ID]
			if it.Received < cut {
				if has {
					tb.Errorf("%s has %d, which is outside of its window", p.id.Device, it.ID)
				}
				continue
			}
			want++
			if !has || have != it.ModSeq {
				tb.Errorf("%s: item %d: has it: %t, at %d; the folder has it at %d", p.id.Device, it.ID, has, have, it.ModSeq)
			}
		}
		return nil
	})
	if len(p.items) != want {
		tb.Errorf("%s has %d items, wants %d", p.id.Device, len(p.items), want)
	}
}

// Events move in and out of the phones' windows, phones change them and lose
// answers: at rest each has what its filter shows.
func TestPhonesFollowEventsThatMove(t *testing.T) {
	for seed := range uint64(15) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			d := openDiary(t, seed)
			for range 6 {
				for range 60 {
					if d.rnd.IntN(3) == 0 {
						d.phones[d.rnd.IntN(len(d.phones))].sync(false)
					} else {
						d.happen()
					}
				}
				for _, p := range d.phones {
					p.quiet()
				}
				if t.Failed() {
					return
				}
				if p := d.phones[d.rnd.IntN(len(d.phones))]; p.last == nil {
					p.filter = []uint8{0, 4, 5, 4}[d.rnd.IntN(4)]
				}
			}
		})
	}
}
