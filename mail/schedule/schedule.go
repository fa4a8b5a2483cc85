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
	"fmt"
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
	// ErrNotDelegate means that a change would send messages in the name of
	// somebody for whom its author does not act. Who may only write in a calendar
	// may not change what others must hear of.
	ErrNotDelegate = fmt.Errorf("schedule: only a delegate sends messages in another's name: %w", mail.ErrReadOnly)
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
	// Counts tells whether a calendar takes its owner's time; nil: all do.
	Counts func(tx *store.Tx, box mail.MailboxID, f mail.FolderID) (bool, error)
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
	counts    func(tx *store.Tx, box mail.MailboxID, f mail.FolderID) (bool, error)
	appointed func(ctx context.Context, account directory.AccountID) ([]directory.AccountID, error) // Config.Delegates
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

	rows store.Table[uint64, arrival]
	gone goneTables
}

// New returns a Scheduler, and has the router tell it of scheduling mail. Call
// Start once the mailboxes are open, and Close before the store is closed.
func New(c Config) *Scheduler {
	s := &Scheduler{
		store: c.Store, mailboxes: c.Mailboxes, directory: c.Directory, router: c.Router, appointed: c.Delegates, log: c.Logger,
		now: time.Now, wake: make(chan struct{}, 1),
	}
	s.delegates = s.resourceDelegates
	if s.counts = c.Counts; s.counts == nil {
		s.counts = func(*store.Tx, mail.MailboxID, mail.FolderID) (bool, error) { return true, nil }
	}
	s.rows, s.gone = newArrivals(), newGoneTables()
	if s.zone = c.Zone; s.zone == nil {
		s.zone = time.Local
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if s.router != nil {
		s.router.Attend(s.arrived)
	}
	return s
}

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
