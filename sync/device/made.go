package device

import (
	"errors"
	"fmt"
	"time"

	"martlet/store"
)

// A device that loses its state begins again, and may add once more what it has
// added already. The generations of the old state, which would know, are gone;
// so for a day a device's additions of drafts are remembered by what they held.

const (
	// madeLife is how long an addition is remembered.
	madeLife = 24 * time.Hour
	// maxMade bounds a device's list; the oldest fall out.
	maxMade = 64
)

// Made is one addition.
type Made struct {
	Digest  string // of the command with its ClientId
	Folder  uint32
	Item    uint32 // zero: it was sent and left no item
	When    time.Time
	Earlier bool   // the state of the folder in which it was made is gone
	Content string // digest of what was added, under whatever ClientId
}

// FindMade finds what an Add with this digest has made in an earlier state of
// the folder. ok tells whether there was one.
func (d *Devices) FindMade(tx *store.Tx, id ID, folder uint32, digest string, now time.Time) (item uint32, ok bool, err error) {
	list, err := d.madeBy(tx, id)
	for _, m := range list {
		if m.Earlier && m.Folder == folder && m.Digest == digest && now.Sub(m.When) < madeLife {
			return m.Item, true, nil
		}
	}
	return 0, false, err
}

// Copies tells how often the device has added the same content to the folder of
// late, under whatever ClientId, and what it made the last time.
func (d *Devices) Copies(tx *store.Tx, id ID, folder uint32, content string, now time.Time) (n int, last uint32, err error) {
	list, err := d.madeBy(tx, id)
	for _, m := range list {
		if m.Folder == folder && m.Content == content && m.Item != 0 && now.Sub(m.When) < madeLife {
			n, last = n+1, m.Item
		}
	}
	return n, last, err
}

// NoteMade remembers an addition.
func (d *Devices) NoteMade(tx *store.Tx, id ID, m Made) error {
	list, err := d.madeBy(tx, id)
	if err != nil {
		return err
	}
	kept := list[:0]
	for _, old := range list {
		if m.When.Sub(old.When) < madeLife {
			kept = append(kept, old)
		}
	}
	kept = append(kept, m)
	return d.made.Set(tx, id, kept[max(0, len(kept)-maxMade):])
}

// AgeMade is told that a device begins a new state of a folder.
func (d *Devices) AgeMade(tx *store.Tx, id ID, folder uint32) error {
	list, err := d.madeBy(tx, id)
	if err != nil {
		return err
	}
	changed := false
	for i := range list {
		if m := &list[i]; m.Folder == folder && !m.Earlier {
			m.Earlier, changed = true, true
		}
	}
	if !changed {
		return nil
	}
	return d.made.Set(tx, id, list)
}

func (d *Devices) madeBy(tx *store.Tx, id ID) ([]Made, error) {
	list, err := d.made.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("device: made: %w", err)
	}
	return list, nil
}

func appendMade(dst []byte, list []Made) []byte {
	e := store.NewEncoder(dst)
	for _, m := range list {
		e.Message(1, func(e *store.Encoder) {
			e.String(1, m.Digest)
			e.Uint(2, uint64(m.Folder))
			e.Uint(3, uint64(m.Item))
			e.Time(4, m.When)
			e.Bool(5, m.Earlier)
			e.String(6, m.Content)
		})
	}
	return e.Out()
}

func parseMade(b []byte) (list []Made, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		if f.Number != 1 {
			return nil
		}
		var m Made
		err := store.DecodeFields(f.Bytes(), func(f store.Field) error {
			switch f.Number {
			case 1:
				m.Digest = f.String()
			case 2:
				m.Folder = uint32(f.Uint())
			case 3:
				m.Item = uint32(f.Uint())
			case 4:
				m.When = f.Time()
			case 5:
				m.Earlier = f.Bool()
			case 6:
				m.Content = f.String()
			}
			return nil
		})
		list = append(list, m)
		return err
	})
	return list, err
}
