package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/store"
	"martlet/store/blob"
)

// Exported is one object of a folder.
type Exported struct {
	Name string // of the resource: what a file of its own may be called
	UID  mail.UIDHash
	Raw  []byte
}

// Each visits the objects of a folder in the order in which they came. One that
// is deleted meanwhile is left out.
func (t *Transfer) Each(ctx context.Context, from Target) iter.Seq2[Exported, error] {
	return func(yield func(Exported, error) bool) {
		for last := mail.ItemID(0); ; {
			some, err := t.some(ctx, from, last)
			if err != nil {
				yield(Exported{}, fmt.Errorf("transfer: %w", err))
				return
			}
			for i := range some {
				it := &some[i]
				last = it.ID
				raw, err := t.c.Mailboxes.Blobs().Read(ctx, it.Blob)
				if errors.Is(err, blob.ErrGone) {
					continue
				}
				if err != nil {
					err = fmt.Errorf("transfer: %s: %w", it.Name, err)
				}
				if !yield(Exported{it.Name, it.UID, raw}, err) || err != nil {
					return
				}
			}
			if len(some) < maxAtOnce {
				return
			}
		}
	}
}

func (t *Transfer) some(ctx context.Context, from Target, after mail.ItemID) (some []mail.Item, err error) {
	err = t.c.Store.View(ctx, func(tx *store.Tx) error {
		some = some[:0]
		for it, err := range t.c.Mailboxes.Items(tx, from.Box, from.Folder, after) {
			if err != nil {
				return err
			}
			if some = append(some, it); len(some) == maxAtOnce {
				return nil
			}
		}
		return nil
	})
	return some, err
}

// Write writes the objects of a folder as one file: a calendar that holds them
// all, each time zone once, or cards one after another. It returns how many
// there were.
func (t *Transfer) Write(ctx context.Context, from Target, w io.Writer) (n int, err error) {
	if from.Class == mail.ClassContacts {
		for o, err := range t.Each(ctx, from) {
			if err != nil {
				return n, err
			}
			n++
			if _, err := w.Write(o.Raw); err != nil {
				return n, err
			}
		}
		return n, nil
	}
	m := &merger{zones: map[string][]byte{}}
	if _, err := io.WriteString(w, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//martlet//martlet//EN\r\n"); err != nil {
		return 0, err
	}
	for o, err := range t.Each(ctx, from) {
		if err != nil {
			return n, err
		}
		text, err := m.take(o.Raw)
		if err != nil {
			return n, fmt.Errorf("transfer: %s: %w", o.Name, err)
		}
		n++
		if _, err := w.Write(text); err != nil {
			return n, err
		}
	}
	_, err = io.WriteString(w, "END:VCALENDAR\r\n")
	return n, err
}

// merger puts calendars into one. Two of them may mean different things by one
// name of a time zone: then the second gets another name.
type merger struct {
	zones map[string][]byte // as they were written, by name
}

// take returns what of a calendar is to be written.
func (m *merger) take(raw []byte) ([]byte, error) {
	o, err := calendar.Parse(raw)
	if err != nil {
		return nil, err
	}
	var out []byte
	renamed := map[string]string{}
	for _, c := range o.Root.Children {
		if c.Name != "VTIMEZONE" {
			continue
		}
		id := c.Text("TZID")
		name, known := m.nameFor(id, c)
		if name != id {
			renamed[id] = name
			c.SetText("TZID", name)
		}
		if !known {
			out = c.Append(out)
		}
	}
	for _, c := range o.Root.Children {
		if c.Name != "VTIMEZONE" {
			rename(c, renamed)
			out = c.Append(out)
		}
	}
	return out, nil
}

// nameFor returns the name under which a zone stands in the file, and whether
// it is there already.
func (m *merger) nameFor(id string, zone *calendar.Component) (name string, known bool) {
	text := zone.Append(nil)
	name = id
	for n := 2; ; n++ {
		there, taken := m.zones[name]
		if !taken {
			m.zones[name] = text
			return name, false
		}
		if slices.Equal(there, text) {
			return name, true
		}
		name = id + " (" + strconv.Itoa(n) + ")"
	}
}

// rename has a component refer to its zones by other names.
func rename(c *calendar.Component, names map[string]string) {
	if len(names) == 0 {
		return
	}
	for i := range c.Props {
		if name, ok := names[c.Props[i].Param("TZID")]; ok {
			c.Props[i].SetParam("TZID", name)
		}
	}
	for _, k := range c.Children {
		rename(k, names)
	}
}
