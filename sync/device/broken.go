package device

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"martlet/directory"
	"martlet/store"
)

// ErrNotBroken means that no such item is withheld from the device.
var ErrNotBroken = errors.New("device: no such item is withheld from the device")

// MaxBroken bounds the items that are withheld in one collection. When there
// are more, the oldest is forgotten.
const MaxBroken = 64

// Broken is an item that a device is not given because it cannot take it.
type Broken struct {
	Device ID
	Folder uint32
	Item   uint32

	Box    uint64
	Object uint64 // the same when the item is moved
	ModSeq uint64 // of the item then: when it changes, it is offered again
	When   time.Time
	Why    string
	Had    bool // the device has an older copy of it

	Again   bool   // an administrator wants it to be offered again
	Offered uint64 // the key of the generation in which it was, or in which it went; zero: withheld
}

// Withheld tells whether the device is not given the item as it is.
func (b *Broken) Withheld() bool { return b.Offered == 0 && !b.Again }

type brokenKey struct {
	ID           ID
	Folder, Item uint32
}

func appendBrokenKey(dst []byte, k brokenKey) []byte {
	return store.AppendUint32(appendCollectionKey(dst, collectionKey{k.ID, k.Folder}), k.Item)
}

func parseBrokenKey(b []byte) (brokenKey, error) {
	id, rest, err := cutID(b)
	if err != nil {
		return brokenKey{}, err
	}
	folder, rest, err := store.ParseUint32(rest)
	if err != nil {
		return brokenKey{}, err
	}
	item, rest, err := store.ParseUint32(rest)
	if err == nil {
		err = store.End(rest)
	}
	return brokenKey{id, folder, item}, err
}

func appendBroken(dst []byte, b Broken) []byte {
	e := store.NewEncoder(dst)
	e.Uint(1, b.Box)
	e.Uint(2, b.Object)
	e.Uint(3, b.ModSeq)
	e.Time(4, b.When)
	e.String(5, b.Why)
	e.Bool(6, b.Had)
	e.Bool(7, b.Again)
	e.Uint(8, b.Offered)
	return e.Out()
}

func parseBroken(raw []byte) (Broken, error) {
	var b Broken
	err := store.DecodeFields(raw, func(f store.Field) error {
		switch f.Number {
		case 1:
			b.Box = f.Uint()
		case 2:
			b.Object = f.Uint()
		case 3:
			b.ModSeq = f.Uint()
		case 4:
			b.When = f.Time()
		case 5:
			b.Why = f.String()
		case 6:
			b.Had = f.Bool()
		case 7:
			b.Again = f.Bool()
		case 8:
			b.Offered = f.Uint()
		}
		return nil
	})
	return b, err
}

// BrokenIn returns what is withheld from a device in one collection, and what
// was and is not forgotten yet.
func (d *Devices) BrokenIn(tx *store.Tx, id ID, folder uint32) ([]Broken, error) {
	var all []Broken
	for b, err := range d.scanBroken(tx, appendCollectionKey(nil, collectionKey{id, folder})) {
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

// BrokenOf yields what is withheld from the devices of an account, or of all
// accounts when it is zero.
func (d *Devices) BrokenOf(tx *store.Tx, account directory.AccountID) iter.Seq2[Broken, error] {
	return func(yield func(Broken, error) bool) {
		var prefix []byte
		if account != 0 {
			prefix = store.AppendUint64(nil, uint64(account))
		}
		for b, err := range d.scanBroken(tx, prefix) {
			if err == nil && !b.Withheld() {
				continue
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

func (d *Devices) scanBroken(tx *store.Tx, prefix []byte) iter.Seq2[Broken, error] {
	return func(yield func(Broken, error) bool) {
		for row, err := range d.broken.Scan(tx, store.TableRange[brokenKey]{Prefix: prefix}) {
			if err != nil {
				yield(Broken{}, fmt.Errorf("device: broken: %w", err))
				return
			}
			b := row.Value
			b.Device, b.Folder, b.Item = row.Key.ID, row.Key.Folder, row.Key.Item
			if !yield(b, nil) {
				return
			}
		}
	}
}

// SaveBroken writes one item. The caller sets the collection's Broken. When the
// collection has too many, the oldest is forgotten: for the device it is one
// that it has.
func (d *Devices) SaveBroken(tx *store.Tx, b Broken) error {
	all, err := d.BrokenIn(tx, b.Device, b.Folder)
	if err != nil {
		return err
	}
	oldest, there := -1, false
	for i := range all {
		there = there || all[i].Item == b.Item
		if oldest < 0 || all[i].When.Before(all[oldest].When) {
			oldest = i
		}
	}
	if !there && len(all) >= MaxBroken {
		if err := d.RemoveBroken(tx, b.Device, b.Folder, all[oldest].Item); err != nil {
			return err
		}
	}
	return d.broken.Set(tx, brokenKey{b.Device, b.Folder, b.Item}, b)
}

// RemoveBroken forgets that an item was withheld.
func (d *Devices) RemoveBroken(tx *store.Tx, id ID, folder, item uint32) error {
	return d.broken.Delete(tx, brokenKey{id, folder, item})
}

// OfferAgain has an item that is withheld offered to the device with its next
// request: ErrNotBroken if it is not.
func (d *Devices) OfferAgain(tx *store.Tx, id ID, folder, item uint32) error {
	k := brokenKey{id, folder, item}
	b, err := d.broken.Get(tx, k)
	if errors.Is(err, store.ErrNotFound) || err == nil && !b.Withheld() {
		return ErrNotBroken
	}
	if err != nil {
		return fmt.Errorf("device: broken: %w", err)
	}
	b.Again = true
	if err := d.broken.Set(tx, k, b); err != nil {
		return err
	}
	c, err := d.Collection(tx, id, folder)
	if err != nil {
		return err
	}
	// So that the engine does not think at a glance that there is nothing.
	c.Confirmed.More = c.Confirmed.Key != 0
	c.Pending.More = c.Pending.Key != 0
	return d.SaveCollection(tx, id, c)
}

// forgetBroken removes all rows under a prefix.
func (d *Devices) forgetBroken(tx *store.Tx, prefix []byte) error {
	for k, err := range d.broken.Keys(tx, store.TableRange[brokenKey]{Prefix: prefix}) {
		if err != nil {
			return fmt.Errorf("device: broken: %w", err)
		}
		if err := d.broken.Delete(tx, k); err != nil {
			return err
		}
	}
	return nil
}

// checkBroken reports rows that no collection knows of.
func (d *Devices) checkBroken(tx *store.Tx, report func(store.Problem)) error {
	for b, err := range d.scanBroken(tx, nil) {
		if err != nil {
			return err
		}
		c, err := d.Collection(tx, b.Device, b.Folder)
		if err != nil && !errors.Is(err, ErrNoCollection) {
			return err
		}
		if err != nil || !c.Broken {
			key := fmt.Sprintf("%s folder %d item %d", b.Device, b.Folder, b.Item)
			report(store.Problem{Table: "broken", Key: key, Text: "the collection does not know of it"})
		}
	}
	return nil
}

func (s *Sent) encode(e *store.Encoder) {
	e.Uint(1, uint64(s.Items))
	e.Bytes(2, appendList(nil, s.List))
}

func parseSent(b []byte) (Sent, error) {
	var s Sent
	err := store.DecodeFields(b, func(f store.Field) (err error) {
		switch f.Number {
		case 1:
			s.Items = uint32(f.Uint())
		case 2:
			s.List, err = parseList(f.Bytes())
		}
		return err
	})
	return s, err
}

func (t *Trouble) encode(e *store.Encoder) {
	e.Uint(1, uint64(t.Failures))
	e.Uint(2, uint64(t.Singles))
	e.Uint(3, uint64(t.Limit))
	e.Bool(4, t.Anew)
	e.Bytes(5, appendList(nil, t.Zone))
}

func parseTrouble(b []byte) (Trouble, error) {
	var t Trouble
	err := store.DecodeFields(b, func(f store.Field) (err error) {
		switch f.Number {
		case 1:
			t.Failures = uint32(f.Uint())
		case 2:
			t.Singles = uint32(f.Uint())
		case 3:
			t.Limit = uint32(f.Uint())
		case 4:
			t.Anew = f.Bool()
		case 5:
			t.Zone, err = parseList(f.Bytes())
		}
		return err
	})
	return t, err
}

var errList = errors.New("device: malformed list")

// A list of ascending numbers is the differences between them.
func appendList(dst []byte, list []uint32) []byte {
	last := uint32(0)
	for _, n := range list {
		dst = binary.AppendUvarint(dst, uint64(n-last))
		last = n
	}
	return dst
}

func parseList(b []byte) ([]uint32, error) {
	var list []uint32
	for last := uint32(0); len(b) > 0; {
		n, used := binary.Uvarint(b)
		if used <= 0 || len(list) == MaxListed || n == 0 || n > uint64(^uint32(0)-last) {
			return nil, errList
		}
		last += uint32(n)
		list, b = append(list, last), b[used:]
	}
	return list, nil
}
