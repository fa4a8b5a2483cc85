package announce

import (
	"slices"
	"time"

	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/store"
)

// state is where a registration stands: how far the log was read for it, what
// is still to be told, and what was told and is still news. It is of bounded
// size however much happens.
type state struct {
	// Epoch goes up when what was planned before counts no more: the target is
	// another, or the registration began anew.
	Epoch uint64
	// Last are the mailbox's numbers when the log was read. An item with a higher
	// ModSeq was not looked at; one that enters a folder with an Object up to
	// Last.Object was somewhere else before, and is no news.
	Last mailbox.Last
	// Unread is the badge last told, one added; zero: nobody knows what the
	// device shows.
	Unread  uint64
	Waiting []entry   // news not told yet, in order of arrival
	Missed  uint64    // news before those in Waiting, of which there were too many
	Told    []entry   // told in alerts that are still on the screen, in order of telling
	Over    []entry   // of alerts all of whose messages were seen: to be withdrawn. At is when that was noticed
	Spent   time.Time // when all that was used of the background budget has come back
	Asked   time.Time // when the user asked for a test
	Failing time.Time // when the first attempt at what is still to be told failed
	Run     uint64    // the process that settled the last plan
	Noted   uint64    // how many outcomes were ever noted
	Marks   []mark    // of the folders watched that are links or not mail, in the watch's order
}

// Bounds of what a state holds. What does not fit into Waiting is only counted;
// what does not fit into Told or Over is not withdrawn.
const (
	maxWaiting = 64
	maxTold    = 64
	maxOver    = 32
)

// entry is one message that is news, or was.
type entry struct {
	Folder mail.FolderID
	Item   mail.ItemID
	Thread mail.ThreadID
	At     int64 // when it was received, in milliseconds
	High   bool  // of a VIP, or an invitation
	VIP    bool
	Held   bool // it came in quiet hours
	Sum    bool // it is told in a summary, not in its conversation's own alert
}

// slot is the alert that an entry was told in.
type slot struct {
	thread mail.ThreadID
	sum    bool
}

func (n *entry) slot() slot {
	if n.Sum {
		return slot{sum: true}
	}
	return slot{thread: n.Thread}
}

func (n *entry) place() mail.Place { return mail.Place{Folder: n.Folder, Item: n.Item} }

// clone copies the state so that the copy's lists may be changed in place.
func (s *state) clone() state {
	c := *s
	c.Waiting, c.Told, c.Over = slices.Clone(s.Waiting), slices.Clone(s.Told), slices.Clone(s.Over)
	c.Marks = slices.Clone(s.Marks)
	return c
}

// wait adds news.
func (s *state) wait(n entry) {
	s.Waiting = append(s.Waiting, n)
	if over := len(s.Waiting) - maxWaiting; over > 0 {
		s.Missed += uint64(over)
		s.Waiting = slices.Delete(s.Waiting, 0, over)
	}
}

// drop takes a message that is no news any more out of all lists, and tells
// whether it was in one. An alert whose last message that was is over. When
// unsure, what still waits may have been told.
func (s *state) drop(at mail.Place, now time.Time, unsure bool) bool {
	is := func(n entry) bool { return n.place() == at }
	if i := slices.IndexFunc(s.Waiting, is); i >= 0 {
		gone := s.Waiting[i]
		s.Waiting = slices.Delete(s.Waiting, i, i+1)
		if gone.Sum || unsure {
			s.end(gone, now)
		}
		return true
	}
	if i := slices.IndexFunc(s.Told, is); i >= 0 {
		gone := s.Told[i]
		s.Told = slices.Delete(s.Told, i, i+1)
		s.end(gone, now)
		return true
	}
	return false
}

// end has an alert withdrawn unless it has another message that is still news.
// One that waits takes its place if it is told first, and then nothing is
// withdrawn; in quiet hours it is not, or may be seen before it is.
func (s *state) end(gone entry, now time.Time) {
	at := gone.slot()
	is := func(n entry) bool { return n.slot() == at }
	if slices.ContainsFunc(s.Told, is) || slices.ContainsFunc(s.Over, is) {
		return
	}
	gone.At = now.UnixMilli()
	s.Over = append(s.Over, gone)
	s.Over = s.Over[max(len(s.Over)-maxOver, 0):]
}

// tell moves what was told from Waiting to Told. Its alert is on the screen.
func (s *state) tell(those []entry, sum bool) {
	for _, n := range those {
		s.Waiting = slices.DeleteFunc(s.Waiting, func(w entry) bool { return w.place() == n.place() })
		n.Sum, n.Held = sum, false
		s.Told = append(s.Told, n)
		s.settled(n.slot())
	}
	s.Told = s.Told[max(len(s.Told)-maxTold, 0):]
	if len(s.Waiting) == 0 {
		s.Missed = 0
	}
}

// settled says that the alert need not be withdrawn, or was.
func (s *state) settled(at slot) {
	s.Over = slices.DeleteFunc(s.Over, func(o entry) bool { return o.slot() == at })
}

// Field numbers of a state and of an entry.
const (
	stateEpoch = iota + 1
	stateModSeq
	stateItem
	stateObject
	stateUnread
	stateWaiting
	stateMissed
	stateTold
	stateOver
	stateSpent
	stateAsked
	stateFailing
	stateNoted
	stateRun
	stateMark
)

const (
	entryFolder = iota + 1
	entryItem
	entryThread
	entryAt
	entryHigh
	entryVIP
	entryHeld
	entrySum
)

func (n *entry) encode(e *store.Encoder) {
	e.Uint(entryFolder, uint64(n.Folder))
	e.Uint(entryItem, uint64(n.Item))
	e.Bytes(entryThread, n.Thread[:])
	e.Uint(entryAt, uint64(n.At))
	e.Bool(entryHigh, n.High)
	e.Bool(entryVIP, n.VIP)
	e.Bool(entryHeld, n.Held)
	e.Bool(entrySum, n.Sum)
}

func parseEntry(b []byte) (n entry, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		switch f.Number {
		case entryFolder:
			n.Folder = mail.FolderID(f.Uint())
		case entryItem:
			n.Item = mail.ItemID(f.Uint())
		case entryThread:
			if len(f.Bytes()) != len(n.Thread) {
				return store.ErrBadRecord
			}
			copy(n.Thread[:], f.Bytes())
		case entryAt:
			n.At = int64(f.Uint())
		case entryHigh:
			n.High = f.Bool()
		case entryVIP:
			n.VIP = f.Bool()
		case entryHeld:
			n.Held = f.Bool()
		case entrySum:
			n.Sum = f.Bool()
		}
		return nil
	})
	return n, err
}

func appendStateRow(dst []byte, s state) []byte {
	e := store.NewEncoder(dst)
	e.Uint(stateEpoch, s.Epoch)
	e.Uint(stateModSeq, uint64(s.Last.ModSeq))
	e.Uint(stateItem, uint64(s.Last.Item))
	e.Uint(stateObject, s.Last.Object)
	e.Uint(stateUnread, s.Unread)
	for _, list := range []struct {
		field   int
		entries []entry
	}{{stateWaiting, s.Waiting}, {stateTold, s.Told}, {stateOver, s.Over}} {
		for i := range list.entries {
			e.Message(list.field, list.entries[i].encode)
		}
	}
	e.Uint(stateMissed, s.Missed)
	e.Time(stateSpent, s.Spent)
	e.Time(stateAsked, s.Asked)
	e.Time(stateFailing, s.Failing)
	e.Uint(stateNoted, s.Noted)
	e.Uint(stateRun, s.Run)
	for i := range s.Marks {
		e.Message(stateMark, s.Marks[i].encode)
	}
	return e.Out()
}

func parseStateRow(b []byte) (s state, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		var list *[]entry
		switch f.Number {
		case stateEpoch:
			s.Epoch = f.Uint()
		case stateModSeq:
			s.Last.ModSeq = mail.ModSeq(f.Uint())
		case stateItem:
			s.Last.Item = mail.ItemID(f.Uint())
		case stateObject:
			s.Last.Object = f.Uint()
		case stateUnread:
			s.Unread = f.Uint()
		case stateWaiting:
			list = &s.Waiting
		case stateTold:
			list = &s.Told
		case stateOver:
			list = &s.Over
		case stateMissed:
			s.Missed = f.Uint()
		case stateSpent:
			s.Spent = f.Time()
		case stateAsked:
			s.Asked = f.Time()
		case stateFailing:
			s.Failing = f.Time()
		case stateNoted:
			s.Noted = f.Uint()
		case stateRun:
			s.Run = f.Uint()
		case stateMark:
			m, err := parseMark(f.Bytes())
			s.Marks = append(s.Marks, m)
			return err
		}
		if list == nil {
			return nil
		}
		n, err := parseEntry(f.Bytes())
		*list = append(*list, n)
		return err
	})
	return s, err
}
