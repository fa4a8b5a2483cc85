// Package schedule carries meetings between calendars: what an organizer or an
// attendee changes becomes scheduling mail (iTIP, RFC 5546, in mail as RFC 6047
// has it), and scheduling mail that arrives changes calendars. It also knows who
// is busy when, and answers for rooms.
//
// Whatever it does for one change it does in the transaction that writes the
// change, or not at all: no invitation is lost, and none is sent twice. It must
// never let a message change a meeting that its sender has no say in, and never
// speak a protocol of clients.
package schedule

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/route"
	"martlet/store"
)

// Errors that a door turns into its protocol's own status.
var (
	// ErrOrganizer means that a meeting was given another organizer, or is to be
	// organized in the calendar of somebody who is not its organizer.
	ErrOrganizer = errors.New("schedule: the organizer of a meeting does not change")
	// ErrTooMany means that more people are invited than MaxAttendees.
	ErrTooMany = errors.New("schedule: too many people are invited")
	// ErrNoMeeting means that there is no invitation to answer.
	ErrNoMeeting = errors.New("schedule: not an invitation that can be answered")
	// ErrNoOccurrence means that the meeting does not take place then, or that it
	// does not recur at all.
	ErrNoOccurrence = errors.New("schedule: the meeting has no such occurrence")
	ErrNoRecurrence = errors.New("schedule: the meeting does not recur")
	// ErrCounter means that the organizer wants no other times proposed.
	ErrCounter = errors.New("schedule: the organizer wants no proposals")
	// ErrStale means that a calendar has changed since the plan was made: a new
	// plan is needed. Commit returns it before anything is written.
	ErrStale = errors.New("schedule: the calendar has changed since")
)

// Limits of a meeting.
const (
	// MaxAttendees is how many people one meeting may invite.
	MaxAttendees = 1000
	// MaxObject bounds the calendar objects that are looked into, in bytes.
	MaxObject = 8 << 20
)

// Config is what a Scheduler needs. Store, Mailboxes, Directory and Router are
// required.
type Config struct {
	Store     *store.Store
	Mailboxes *mailbox.Mailboxes
	Directory *directory.Directory
	Router    *route.Router
	// Delegates are the accounts that get an account's invitations and may answer
	// them in its name; nil: nobody has any.
	Delegates func(ctx context.Context, account directory.AccountID) ([]directory.AccountID, error)
	// Zone is that of days and of times without one, where nobody says another: of
	// who is busy when, and of the hours of a room without a zone; nil: time.Local.
	Zone   *time.Location
	Logger *slog.Logger // nil: slog.Default
}

// Scheduler carries meetings. It is safe for concurrent use.
type Scheduler struct {
	store     *store.Store
	mailboxes *mailbox.Mailboxes
	directory *directory.Directory
	router    *route.Router
	delegates func(ctx context.Context, account directory.AccountID) ([]directory.AccountID, error)
	log       *slog.Logger
	now       func() time.Time
	zone      *time.Location
	busy      busyCache

	// ctx ends with Close; what has not been attended to by then is at the next
	// start.
	ctx     context.Context
	cancel  context.CancelFunc
	wake    chan struct{}
	running sync.WaitGroup
}

// New returns a Scheduler, and has the router tell it of scheduling mail. Call
// Start once the mailboxes are open, and Close before the store is closed.
func New(c Config) *Scheduler {
	s := &Scheduler{
		store: c.Store, mailboxes: c.Mailboxes, directory: c.Directory, router: c.Router, delegates: c.Delegates, log: c.Logger,
		now: time.Now, wake: make(chan struct{}, 1),
	}
	if s.zone = c.Zone; s.zone == nil {
		s.zone = time.Local
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Start attends to what has arrived since the last stop, and from now on to what
// arrives.
func (s *Scheduler) Start() {}

// Close ends what runs behind the callers' backs.
func (s *Scheduler) Close() error {
	s.cancel()
	s.running.Wait()
	return nil
}

// Invites says who sends the messages that a change calls for.
type Invites uint8

// The senders.
const (
	ByServer Invites = iota // ActiveSync since 16.0, CalDAV
	ByClient                // ActiveSync before 16.0: the phone sends them itself
	ByNobody                // an import, or a user who wants none sent
)

// Change is what a client does to an object of a calendar.
type Change struct {
	Account directory.AccountID // who does it
	Box     mail.MailboxID      // where, as the client names it: the folder may be a link
	Folder  mail.FolderID
	Item    mail.ItemID // zero for a new one

	// Old is what the item holds, New what the client wants it to hold: iCalendar.
	// Nil is nothing: the object is new, or deleted. The door sees to it that the
	// item still holds Old in the transaction that writes New.
	Old, New []byte

	Invites Invites
	Comment string // the client's words to those who are told, or nothing
}

// Plan is what a change calls for. It is good for one transaction, which may run
// more than once; a plan that is never committed leaves nothing.
type Plan struct {
	// New is what the item is to hold instead of Change.New: with its SEQUENCE,
	// its ORGANIZER, what became of each invitation. It is Change.New itself where
	// nothing is to be added, and nil for a deletion.
	New []byte
	// Existing are the other items of the mailbox with the same UID, of all its
	// calendars: who adds what is there already changes that.
	Existing []mail.Place
	// Messages is how many messages the plan sends.
	Messages int

	sends []*route.Plan
	marks []mark
	s     *Scheduler
	box   mail.MailboxID
}

// Plan works out what a change calls for, and makes the messages durable. Doors
// call it before each transaction that writes a calendar object for a user; what
// is no meeting passes through it unchanged. Errors: ErrOrganizer, ErrTooMany,
// those of mail/object for what is no calendar object, those of route.Submit for
// what cannot be sent.
func (s *Scheduler) Plan(ctx context.Context, c Change) (*Plan, error) {
	return &Plan{New: c.New, s: s}, nil
}

// Commit sends the messages in the transaction that writes the object, before or
// behind the write. blob.ErrGone and ErrStale ask for a new plan.
func (p *Plan) Commit(tx *store.Tx) error { return nil }

// Done finishes behind the commit what one transaction could not hold. Without
// it, the next start does.
func (p *Plan) Done() {
	for _, r := range p.sends {
		r.Done()
	}
}

// Answer is how an attendee answers an invitation.
type Answer struct {
	Account directory.AccountID // who answers
	// Message is the scheduling message that is answered, its calendar object
	// alone; nil: what the calendar has. Owner says whose calendar the item At is
	// in; zero: the account's, or whose invitation the account got as a delegate.
	Message []byte
	Sender  string // who sent the Message, if that was authenticated: see Authentic
	Owner   directory.AccountID
	At      mail.Place // of the calendar's item, where the answer names that

	Status     string    // ACCEPTED, TENTATIVE, DECLINED
	Occurrence time.Time // zero: the whole meeting, or the Message's occurrences

	// Tell says that the server sends the answer to the organizer. Otherwise the
	// client does, or nobody.
	Tell                       bool
	Comment, HTML              string    // the attendee's words
	ProposedStart, ProposedEnd time.Time // another time, or zero
	Once                       route.Key // remembered with the message
}

// Answered is an answer that is about to be given. It is good for one
// transaction, as a Plan is.
type Answered struct {
	// Box and At say where the meeting is in the calendar, behind Commit. At is
	// zero for one that was declined and is not there any more.
	Box mail.MailboxID
	At  mail.Place

	plan Plan
}

// Answer works out what an answer does: the calendar has the meeting as it was
// answered, or not at all when it was declined, and the organizer is told.
// Errors: ErrNoMeeting, ErrNoOccurrence, ErrNoRecurrence, ErrCounter, those of
// route.Submit.
func (s *Scheduler) Answer(ctx context.Context, a Answer) (*Answered, error) {
	return nil, ErrNoMeeting
}

// Commit does it. The errors are those of Plan.Commit.
func (a *Answered) Commit(tx *store.Tx) error { return a.plan.Commit(tx) }

// Done finishes behind the commit.
func (a *Answered) Done() { a.plan.Done() }

// mark is to be made of a meeting that leaves a calendar.
type mark struct{}
