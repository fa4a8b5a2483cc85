package announce

import (
	"errors"
	"slices"

	"martlet/mail"
	"martlet/push"
	"martlet/store"
	"martlet/sync/device"
)

// mark is how far the log of a folder was read that is a link, or is not mail. Of
// mail it moves when the log is read; of the others when the app was woken, or
// need not be.
type mark struct {
	Folder mail.FolderID // as the registration's user has it
	ModSeq mail.ModSeq
	Since  int64 // when a change was noticed that is still to be told, in milliseconds; zero: there is none
}

// maxMarks bounds the marks of a registration.
const maxMarks = 100

// mark finds the mark of a folder; nil: it has none.
func (s *state) mark(f mail.FolderID) *mark {
	if i := slices.IndexFunc(s.Marks, func(m mark) bool { return m.Folder == f }); i >= 0 {
		return &s.Marks[i]
	}
	return nil
}

// caughtUp moves the marks of folders whose changes were told, or need not be.
func (s *state) caughtUp(those []stale) {
	for i := range those {
		if m := s.mark(those[i].folder); m != nil {
			m.ModSeq, m.Since = max(m.ModSeq, those[i].upto), 0
		}
	}
}

// ofSame tells whether two marks are of one folder.
func ofSame(a, b mark) bool { return a.Folder == b.Folder }

func hasMark(list []mark, m mark) bool {
	return slices.ContainsFunc(list, func(o mark) bool { return ofSame(o, m) })
}

// sameMarks compares all that is not to be found again from the log.
func sameMarks(a, b []mark) bool {
	return slices.EqualFunc(a, b, func(a, b mark) bool { return a.Folder == b.Folder && a.Since == b.Since })
}

// marks gives each folder that wants one its mark. What was in a folder before it
// was asked for or shared is no news; an own one that was made since the log was
// read has nothing else.
func (w *watch) marks(st *state, m push.Mode) (marks []mark) {
	if m == push.Badge { // it follows the counters
		return nil
	}
	for i := range w.folders {
		f := &w.folders[i]
		if !marked(f) {
			continue
		}
		at := mark{Folder: f.ID, ModSeq: f.Highest}
		if was := st.mark(f.ID); was != nil {
			at = *was
		} else if f.Link.IsZero() && f.Created > st.Last.ModSeq {
			at.ModSeq = 0
		}
		marks = append(marks, at)
	}
	return marks
}

// behindMarks tells whether something happened in a folder with a mark, or there
// is one without.
func (w *watch) behindMarks(st *state) bool {
	n := 0
	for i := range w.folders {
		f := &w.folders[i]
		if !marked(f) {
			continue
		}
		n++
		if m := st.mark(f.ID); m == nil || f.Highest > m.ModSeq {
			return true
		}
	}
	return n != len(st.Marks)
}

// stale is a folder that is not mail and that the app does not show as it is.
type stale struct {
	folder mail.FolderID
	upto   mail.ModSeq
	since  int64
}

// readOther finds out whether somebody else has changed a folder that is not
// mail. It reads up to the first change that says so.
func (p *planner) readOther(f *mail.Folder, m *mark) error {
	c, synced, err := p.b.collection(p.tx, p.reg, f.ID)
	if err != nil {
		return err
	}
	for change, err := range p.b.c.Mailboxes.Changes(p.tx, p.box, f.ID, m.ModSeq) {
		if err != nil {
			return err
		}
		p.read++
		if synced && knows(&c, &change) {
			continue
		}
		if m.Since == 0 {
			m.Since = p.now.UnixMilli()
		}
		m.ModSeq = change.ModSeq - 1 // the device's own need not be read again
		p.stale = append(p.stale, stale{f.ID, f.Highest, m.Since})
		return nil
	}
	m.ModSeq, m.Since = f.Highest, 0
	return nil
}

// knows tells whether a device has been sent a change, or made it.
func knows(c *device.Collection, change *mail.Change) bool {
	item, at := uint32(change.Item), uint64(change.ModSeq)
	for _, g := range []*device.Generation{&c.Confirmed, &c.Pending} {
		if at <= g.Cursor && item <= g.Top {
			return true
		}
	}
	return slices.ContainsFunc(c.Own, func(w device.OwnWrite) bool { return w.Item == item && w.ModSeq == at })
}

// collection is what the registration's device has of a folder, if it has the
// folder at all.
func (b *Book) collection(tx *store.Tx, r *Registration, f mail.FolderID) (c device.Collection, has bool, err error) {
	if r.Device == "" {
		return c, false, nil
	}
	c, err = b.c.Devices.Collection(tx, device.ID{Account: r.Account, Device: r.Device}, uint32(f))
	if errors.Is(err, device.ErrNoCollection) {
		return c, false, nil
	}
	return c, err == nil, err
}

// Field numbers of a mark.
const (
	markFolder = iota + 1
	markModSeq
	markSince
)

func (m *mark) encode(e *store.Encoder) {
	e.Uint(markFolder, uint64(m.Folder))
	e.Uint(markModSeq, uint64(m.ModSeq))
	e.Uint(markSince, uint64(m.Since))
}

func parseMark(b []byte) (m mark, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case markFolder:
			m.Folder = mail.FolderID(f.Uint())
		case markModSeq:
			m.ModSeq = mail.ModSeq(f.Uint())
		case markSince:
			m.Since = int64(f.Uint())
		}
		return nil
	})
	return m, err
}
