package announce

import (
	"time"

	"martlet/mail"
	"martlet/store"
)

// state is where a registration stands: how far the log was read for it, what
// is still to be told, and what was told and is still news. It is of bounded
// size however much happens.
type state struct {
	// Version goes up with every save, so that a plan made from an older state
	// does not undo what came in between.
	Version uint64
	// Cursor is the ModSeq up to which the log was read. Object is the highest
	// number of an object at that time: an item that enters a folder with a lower
	// one was somewhere else before, and is no news.
	Cursor mail.ModSeq
	Object uint64
	// Unread is the badge last told, one added; zero: nobody knows what the
	// device shows.
	Unread  uint64
	Waiting []entry   // news not told yet, in order of arrival
	Missed  uint64    // news beyond those listed in Waiting
	Told    []entry   // told in alerts that are still on the screen, in order of telling
	Spent   time.Time // the background budget: when all that was used of it has come back
	Asked   time.Time // the user wants to see a notification
	Noted   uint64    // how many outcomes were ever noted
}

// Bounds of what a state holds. What does not fit is counted, or is no longer
// withdrawn when it is seen.
const (
	maxWaiting = 64
	maxTold    = 64
)

// entry is one message that is news.
type entry struct {
	Folder mail.FolderID
	Item   mail.ItemID
	Thread mail.ThreadID
	At     int64 // when it was received, in milliseconds
	High   bool  // of a VIP, or an invitation
	VIP    bool
	Sum    bool // of Told: within a summary, not the conversation's own alert
}

func (e *entry) place() mail.Place { return mail.Place{Folder: e.Folder, Item: e.Item} }

// Field numbers of a state and of an entry.
const (
	stateVersion = iota + 1
	stateCursor
	stateObject
	stateUnread
	stateWaiting
	stateMissed
	stateTold
	stateSpent
	stateAsked
	stateNoted
)

const (
	entryFolder = iota + 1
	entryItem
	entryThread
	entryAt
	entryHigh
	entryVIP
	entrySum
)

func (n *entry) encode(e *store.Encoder) {
	e.Uint(entryFolder, uint64(n.Folder))
	e.Uint(entryItem, uint64(n.Item))
	e.Bytes(entryThread, n.Thread[:])
	e.Uint(entryAt, uint64(n.At))
	e.Bool(entryHigh, n.High)
	e.Bool(entryVIP, n.VIP)
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
			if copy(n.Thread[:], f.Bytes()) != len(n.Thread) {
				return store.ErrBadRecord
			}
		case entryAt:
			n.At = int64(f.Uint())
		case entryHigh:
			n.High = f.Bool()
		case entryVIP:
			n.VIP = f.Bool()
		case entrySum:
			n.Sum = f.Bool()
		}
		return nil
	})
	return n, err
}

func appendStateRow(dst []byte, s state) []byte {
	e := store.NewEncoder(dst)
	e.Uint(stateVersion, s.Version)
	e.Uint(stateCursor, uint64(s.Cursor))
	e.Uint(stateObject, s.Object)
	e.Uint(stateUnread, s.Unread)
	for i := range s.Waiting {
		e.Message(stateWaiting, s.Waiting[i].encode)
	}
	e.Uint(stateMissed, s.Missed)
	for i := range s.Told {
		e.Message(stateTold, s.Told[i].encode)
	}
	e.Time(stateSpent, s.Spent)
	e.Time(stateAsked, s.Asked)
	e.Uint(stateNoted, s.Noted)
	return e.Out()
}

func parseStateRow(b []byte) (s state, err error) {
	err = store.DecodeFields(b, func(f store.Field) error {
		var n entry
		switch f.Number {
		case stateVersion:
			s.Version = f.Uint()
		case stateCursor:
			s.Cursor = mail.ModSeq(f.Uint())
		case stateObject:
			s.Object = f.Uint()
		case stateUnread:
			s.Unread = f.Uint()
		case stateWaiting:
			n, err = parseEntry(f.Bytes())
			s.Waiting = append(s.Waiting, n)
			return err
		case stateMissed:
			s.Missed = f.Uint()
		case stateTold:
			n, err = parseEntry(f.Bytes())
			s.Told = append(s.Told, n)
			return err
		case stateSpent:
			s.Spent = f.Time()
		case stateAsked:
			s.Asked = f.Time()
		case stateNoted:
			s.Noted = f.Uint()
		}
		return nil
	})
	return s, err
}
