package junk

import (
	"errors"
	"strings"

	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/store"
	"martlet/store/blob"
)

// maxPending is how many lessons of a mailbox wait. What is decided beyond that
// teaches nothing: who moves thousands at once has taught enough.
const maxPending = 2000

// itemChanged runs in the transaction in which something was done to an item, and
// notes what follows from that for the message.
func (f *Filter) itemChanged(tx *store.Tx, c *mailbox.ItemChange) error {
	if c.New.Class != mail.ClassEmail || c.New.Blob.IsZero() || c.To.Class != mail.ClassEmail {
		return nil
	}
	is, from, ok := f.follows(c)
	if !ok {
		return nil
	}
	return f.put(tx, letterOf(c.Box, c.New.Blob), lesson{is, from, c.New.Blob})
}

// follows is what somebody says of a message by what they do to it.
func (f *Filter) follows(c *mailbox.ItemChange) (is judgement, from source, ok bool) {
	opt := f.opts()
	switch {
	case c.Old == nil && c.From == nil && !c.New.Own: // delivered
		if c.To.Role == mail.RoleJunk {
			return isJunk, assumed, opt.AutoLearn
		}
		return isGood, assumed, opt.AutoLearn && c.To.Role == mail.RoleInbox
	case c.Old == nil && c.From == nil: // put there by the user's program
		if c.To.Role == mail.RoleJunk {
			return isJunk, decided, true
		}
		return saidBy(nil, c.New.Keywords)
	case c.Old != nil && c.From == c.To:
		if is, from, ok := saidBy(c.Old.Keywords, c.New.Keywords); ok {
			return is, from, ok
		}
		answered := c.New.Flags&^c.Old.Flags&mail.FlagAnswered != 0
		return isGood, implied, answered && !opt.Decided && ofOthers(c.To.Role) && c.To.Role != mail.RoleJunk
	}
	return moved(c.From.Role, c.To.Role, opt)
}

// moved is what follows from a message's being moved or copied from one folder to
// another.
func moved(from, to mail.Role, opt Options) (judgement, source, bool) {
	switch {
	case from == to && from != mail.RoleNone, !ofOthers(from):
		return neither, decided, false
	case to == mail.RoleJunk:
		return isJunk, decided, true
	case from == mail.RoleJunk: // to the trash it goes for being read, or for being junk
		return isGood, decided, to != mail.RoleDeletedItems && ofOthers(to)
	case from == mail.RoleInbox && to == mail.RoleNone: // it is worth to be kept
		return isGood, implied, !opt.Decided
	}
	return neither, decided, false
}

// ofOthers tells whether a folder holds what others wrote.
func ofOthers(r mail.Role) bool {
	return r != mail.RoleDrafts && r != mail.RoleSent && r != mail.RoleOutbox
}

// saidBy is what follows from keywords: the registered ones ($Junk, $NotJunk), and
// those that programs used before.
func saidBy(old, now []string) (judgement, source, bool) {
	had, has := spoken(old), spoken(now)
	if has == had {
		return neither, decided, false
	}
	return has, decided, true
}

func spoken(keywords []string) judgement {
	is := neither
	for _, k := range keywords {
		switch strings.ToLower(k) {
		case "$junk", "junk":
			is = isJunk
		case "$notjunk", "notjunk", "nonjunk":
			return isGood
		}
	}
	return is
}

// put notes a lesson. The last decision about a message counts; what only follows
// from something never stands against one.
func (f *Filter) put(tx *store.Tx, k letterKey, l lesson) error {
	waits, err := f.tables.lessons.Get(tx, k)
	waiting := err == nil
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	known, err := f.tables.learned.Get(tx, k)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	switch {
	case l.from != decided && (waiting || known.is != neither):
		return nil
	case waiting && waits.is == l.is && waits.from == l.from:
		return nil
	case known.is == l.is && known.from == l.from: // it is learned already, or never was
		if waiting {
			return f.strike(tx, k, waits.blob)
		}
		return nil
	case waiting:
		return f.tables.lessons.Set(tx, k, l)
	}
	s, err := f.tables.states.Get(tx, owner(k.box))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if s.Pending >= maxPending {
		return nil
	}
	if err := f.blobs.Retain(tx, l.blob); err != nil {
		return err
	}
	s.Pending++
	if err := f.tables.states.Set(tx, owner(k.box), s); err != nil {
		return err
	}
	tx.OnCommitOnce(f, f.rouse)
	return f.tables.lessons.Set(tx, k, l)
}

// strike ends a lesson.
func (f *Filter) strike(tx *store.Tx, k letterKey, ref blob.Ref) error {
	if err := f.tables.lessons.Delete(tx, k); err != nil {
		return err
	}
	s, err := f.tables.states.Get(tx, owner(k.box))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if s.Pending > 0 {
		s.Pending--
		if err := f.tables.states.Set(tx, owner(k.box), s); err != nil {
			return err
		}
	}
	if err := f.blobs.Release(tx, ref); err != nil && !errors.Is(err, blob.ErrGone) {
		return err
	}
	return nil
}

// rouse wakes Run.
func (f *Filter) rouse() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// References calls count once for each reference that a lesson holds to a blob, for
// blob.Audit.
func (f *Filter) References(tx *store.Tx, count func(blob.Ref)) error {
	for row, err := range f.tables.lessons.Scan(tx, store.TableRange[letterKey]{}) {
		if err != nil {
			return err
		}
		count(row.Value.blob)
	}
	return nil
}
