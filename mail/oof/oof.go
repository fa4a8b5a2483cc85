// Package oof keeps what people want said while they are away, decides who is
// told so (RFC 3834), and writes the answer. It remembers whom vacations of
// scripts have answered, too, so that nobody is told twice. Whoever delivers a
// message asks it and sends what it says in the same transaction. It must never answer a
// list, a machine or another automatic answer, nor anybody twice in one
// absence, and it must never send anything itself.
package oof

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"martlet/directory"
	"martlet/store"
)

// State is whether somebody is away.
type State uint8

// The states.
const (
	Off   State = iota
	On          // until further notice
	Timed       // from Start to End
)

// Audience is who writes, as seen from the one who is away.
type Audience uint8

// The audiences.
const (
	Internal Audience = iota // an address of this server
	Known                    // elsewhere, but somebody the user knows
	Unknown                  // anybody else
	Audiences
)

// Message is what an audience is told.
type Message struct {
	Enabled bool
	Text    string
	HTML    bool // Text is HTML
}

// Absence is all that somebody has said about being away.
type Absence struct {
	State      State
	Start, End time.Time // of Timed, else zero; End is outside
	Messages   [Audiences]Message
}

// Away tells whether the absence is under way.
func (a *Absence) Away(now time.Time) bool {
	switch a.State {
	case On:
		return true
	case Timed:
		return !now.Before(a.Start) && now.Before(a.End)
	}
	return false
}

// period is what makes an absence a new one: everybody may be told again.
type period struct {
	state      State
	start, end time.Time
}

func (a *Absence) period() period { return period{a.State, a.Start, a.End} }

// Limits of what is kept.
const (
	// MaxText bounds one message in bytes: Exchange takes 128 KiB.
	MaxText = 128 << 10
	// MaxAnswered bounds how many senders are told of one absence. Whoever
	// writes after them hears nothing, so that a flood of invented senders makes
	// no flood of answers.
	MaxAnswered = 5000
	// maxSender bounds a sender's address, which becomes part of a key.
	maxSender = 320
)

// Errors of Save.
var (
	ErrBadTimes = errors.New("oof: a timed absence needs a start and a later end")
	ErrTooLong  = fmt.Errorf("oof: a message has at most %d bytes of UTF-8", MaxText)
)

// check refuses what cannot be kept.
func (a *Absence) check() error {
	if a.State == Timed && (a.Start.IsZero() || !a.End.After(a.Start)) {
		return ErrBadTimes
	}
	for _, m := range a.Messages {
		if len(m.Text) > MaxText || !utf8.ValidString(m.Text) {
			return ErrTooLong
		}
	}
	return nil
}

// Absences is the table of who is away. It is safe for concurrent use.
type Absences struct {
	store     *store.Store
	absences  store.Table[directory.AccountID, Absence]
	answered  store.Table[answeredKey, time.Time]
	tally     store.Table[directory.AccountID, uint64] // rows of answered
	vacations store.Table[vacationKey, time.Time]      // until when scripts do not say it again
}

// New returns the absences of a store.
func New(s *store.Store) *Absences {
	id := store.Uint64Key[directory.AccountID]()
	return &Absences{
		store:     s,
		absences:  store.NewTable("absence", store.PrefixAbsence, id, absences),
		answered:  store.NewTable("absence answered", store.PrefixAnswered, answeredKeys, store.TimeValue()),
		tally:     store.NewTable("absence tally", store.PrefixAnsweredCount, id, counts),
		vacations: store.NewTable("vacation", store.PrefixVacation, vacationKeys, store.TimeValue()),
	}
}

// Load returns what the account has said: the zero Absence when it never did.
func (o *Absences) Load(tx *store.Tx, id directory.AccountID) (Absence, error) {
	a, err := o.absences.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Absence{}, nil
	}
	if err != nil {
		return Absence{}, fmt.Errorf("oof: %w", err)
	}
	return a, nil
}

// Save replaces what the account has said. Times count to the millisecond, and
// only for a timed absence. When state or times change it is another absence,
// and everybody may be told anew. Errors: ErrBadTimes, ErrTooLong.
func (o *Absences) Save(tx *store.Tx, id directory.AccountID, a Absence) error {
	if a.State != Timed {
		a.Start, a.End = time.Time{}, time.Time{}
	}
	a.Start, a.End = inMilliseconds(a.Start), inMilliseconds(a.End)
	if err := a.check(); err != nil {
		return err
	}
	old, err := o.Load(tx, id)
	if err != nil || old == a {
		return err
	}
	if old.period() != a.period() {
		if err := o.forget(tx, id); err != nil {
			return fmt.Errorf("oof: %w", err)
		}
	}
	if err := o.absences.Set(tx, id, a); err != nil {
		return fmt.Errorf("oof: %w", err)
	}
	return nil
}

// Remove forgets everything about an account.
func (o *Absences) Remove(tx *store.Tx, id directory.AccountID) error {
	if err := errors.Join(o.forget(tx, id), o.forgetVacations(tx, id), o.absences.Delete(tx, id)); err != nil {
		return fmt.Errorf("oof: %w", err)
	}
	return nil
}

// forget lets everybody be told again.
func (o *Absences) forget(tx *store.Tx, id directory.AccountID) error {
	n, err := o.count(tx, id)
	if err != nil || n == 0 {
		return err
	}
	var all []answeredKey
	for k, err := range o.answered.Keys(tx, store.TableRange[answeredKey]{Prefix: store.AppendUint64(nil, uint64(id))}) {
		if err != nil {
			return err
		}
		all = append(all, k)
	}
	for _, k := range all {
		if err := o.answered.Delete(tx, k); err != nil {
			return err
		}
	}
	return o.tally.Delete(tx, id)
}

func (o *Absences) count(tx *store.Tx, id directory.AccountID) (uint64, error) {
	n, err := o.tally.Get(tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return n, err
}

func inMilliseconds(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}
