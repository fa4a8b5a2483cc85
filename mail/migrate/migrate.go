// Package migrate brings mail from elsewhere: from a Maildir, from mbox files, from
// another IMAP server, folders, flags and dates included. It reads and does not
// write there, and what it has brought once it does not bring again: a run that
// was cut short is simply repeated. It knows nothing of the store: whoever calls
// it says what is there already and takes what is not.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"martlet/mail"
)

// Folder is a folder of mail elsewhere.
type Folder struct {
	Path  []string  `json:"path"` // names from the top, in UTF-8
	Role  mail.Role `json:"role,omitempty"`
	Count int       `json:"-"` // messages in it; negative: nobody knows

	at string // where the source has it
}

// String is the folder's path as people write it.
func (f *Folder) String() string { return strings.Join(f.Path, "/") }

// Head is what is known of a message before it is read.
type Head struct {
	Key      string     `json:"key"` // tells it from the others in its folder, now and at the next run
	Flags    mail.Flags `json:"flags,omitempty"`
	Flagged  bool       `json:"flagged,omitempty"` // IMAP's \Flagged
	Keywords []string   `json:"keywords,omitempty"`
	Received time.Time  `json:"received"` // zero: nobody knows
	Size     int64      `json:"-"`        // in bytes, or nearly

	at    string // where the source has it: a file,
	start int64  // or a place in one,
	uid   uint32 // or a number
}

// Source is where mail comes from.
type Source interface {
	// ID tells this source from others, now and at the next run.
	ID() string
	// Folders lists the folders that hold mail.
	Folders(ctx context.Context) ([]Folder, error)
	// Heads lists the messages of a folder. One that cannot be read is an error of
	// the type *MessageError, behind which the list goes on.
	Heads(ctx context.Context, f *Folder) iter.Seq2[Head, error]
	// Fetch reads messages, as many as there still are, and gives each with its place
	// in heads, or a *MessageError of it.
	Fetch(ctx context.Context, f *Folder, heads []Head, yield func(i int, raw []byte, err error) error) error
	Close() error
}

// MessageError is a message that could not be brought; the others can.
type MessageError struct {
	Folder string `json:"folder"`
	Key    string `json:"message"`
	Err    error  `json:"-"`
	Reason string `json:"reason"`
}

func (e *MessageError) Error() string { return fmt.Sprintf("%s: %s: %s", e.Folder, e.Key, e.Reason) }

// Unwrap is the cause.
func (e *MessageError) Unwrap() error { return e.Err }

func failed(f *Folder, key string, err error) *MessageError {
	return &MessageError{Folder: f.String(), Key: key, Err: err, Reason: err.Error()}
}

// State is how a message is there already.
type State uint8

// The states.
const (
	Missing State = iota // it never came
	Changed              // it came, and has had other flags since
	Present              // it came as it is; what became of it here is the user's
)

// Item is a message that comes, or with no Raw the flags of one that came before.
type Item struct {
	Head
	Raw []byte `json:"raw,omitempty"`
}

// Target takes what comes.
type Target struct {
	// Compare tells for each head how it is there.
	Compare func(ctx context.Context, source string, f *Folder, heads []Head) ([]State, error)
	// Put takes items in; what it refuses it names by its place, with a reason.
	Put func(ctx context.Context, source string, f *Folder, items []Item) (refused map[int]string, err error)
}

// Report says what became of everything.
type Report struct {
	Folders int             `json:"folders"`
	Added   int             `json:"added"`
	Updated int             `json:"updated"` // flags changed
	Present int             `json:"present"` // came at an earlier run
	Bytes   int64           `json:"bytes"`   // of what was added
	Refused []*MessageError `json:"refused"`
	More    int             `json:"more_refused,omitempty"` // that Refused has no room for
	DryRun  bool            `json:"dry_run,omitempty"`
}

// maxRefused is how many refused messages a report names.
const maxRefused = 1000

func (r *Report) refuse(e *MessageError) {
	if len(r.Refused) >= maxRefused {
		r.More++
		return
	}
	r.Refused = append(r.Refused, e)
}

// Options say what is brought.
type Options struct {
	DryRun  bool
	Only    []string // paths of folders, those below them included; none: all
	Without []string
	// Progress is told how far it has come: messages looked at, of how many (0: nobody
	// knows).
	Progress func(done, whole int, r *Report)
}

// wants tells whether a folder is to be brought.
func (o *Options) wants(f *Folder) bool {
	within := func(top string) bool {
		p, top := strings.ToLower(f.String()), strings.ToLower(strings.Trim(top, "/"))
		return p == top || strings.HasPrefix(p, top+"/")
	}
	if slices.ContainsFunc(o.Without, within) {
		return false
	}
	return len(o.Only) == 0 || slices.ContainsFunc(o.Only, within)
}

// Limits of what is asked and sent at once.
const (
	pageHeads = 1000
	putItems  = 200
	putBytes  = 8 << 20
)

// Run brings what is missing. What was brought before an error stays.
func Run(ctx context.Context, from Source, to Target, o Options) (*Report, error) {
	r := &run{from: from, to: to, o: o, report: &Report{Refused: []*MessageError{}, DryRun: o.DryRun}}
	folders, err := from.Folders(ctx)
	if err != nil {
		return r.report, err
	}
	folders = slices.DeleteFunc(folders, func(f Folder) bool { return !o.wants(&f) })
	for i := range folders {
		if folders[i].Count < 0 {
			r.whole = 0
			break
		}
		r.whole += folders[i].Count
	}
	for i := range folders {
		if err := r.folder(ctx, &folders[i]); err != nil {
			return r.report, fmt.Errorf("%s: %w", folders[i].String(), err)
		}
		r.report.Folders++
	}
	return r.report, nil
}

type run struct {
	from        Source
	to          Target
	o           Options
	report      *Report
	done, whole int
}

func (r *run) tell(n int) {
	r.done += n
	if r.o.Progress != nil {
		r.o.Progress(r.done, r.whole, r.report)
	}
}

func (r *run) folder(ctx context.Context, f *Folder) error {
	var page []Head
	if !r.o.DryRun { // so that an empty folder comes, too
		if _, err := r.to.Put(ctx, r.from.ID(), f, nil); err != nil {
			return err
		}
	}
	for h, err := range r.from.Heads(ctx, f) {
		var one *MessageError
		switch {
		case errors.As(err, &one):
			r.report.refuse(one)
			r.tell(1)
			continue
		case err != nil:
			return err
		}
		if page = append(page, h); len(page) == pageHeads {
			if err := r.page(ctx, f, page); err != nil {
				return err
			}
			page = page[:0]
		}
	}
	return r.page(ctx, f, page)
}

// page brings what is missing of some messages.
func (r *run) page(ctx context.Context, f *Folder, heads []Head) error {
	if len(heads) == 0 {
		return nil
	}
	states, err := r.to.Compare(ctx, r.from.ID(), f, heads)
	if err != nil {
		return err
	}
	if len(states) != len(heads) {
		return fmt.Errorf("migrate: %d answers about %d messages", len(states), len(heads))
	}
	var missing []Head
	b := batch{run: r, folder: f}
	for i, s := range states {
		switch s {
		case Missing:
			missing = append(missing, heads[i])
		case Changed:
			r.report.Updated++
			if err := b.add(ctx, Item{Head: heads[i]}); err != nil {
				return err
			}
		default:
			r.report.Present++
		}
	}
	r.tell(len(heads) - len(missing))
	if r.o.DryRun {
		for i := range missing {
			r.report.Added++
			r.report.Bytes += missing[i].Size
		}
		r.tell(len(missing))
		return nil
	}
	err = r.from.Fetch(ctx, f, missing, func(i int, raw []byte, err error) error {
		r.tell(1)
		var one *MessageError
		switch {
		case errors.As(err, &one):
			r.report.refuse(one)
			return nil
		case err != nil:
			return err
		}
		r.report.Added++
		r.report.Bytes += int64(len(raw))
		return b.add(ctx, Item{missing[i], raw})
	})
	return errors.Join(err, b.flush(ctx)) // what was read before the error is worth keeping
}

// batch is what waits to be put.
type batch struct {
	run    *run
	folder *Folder
	items  []Item
	size   int
}

func (b *batch) add(ctx context.Context, it Item) error {
	b.items, b.size = append(b.items, it), b.size+len(it.Raw)
	if len(b.items) < putItems && b.size < putBytes {
		return nil
	}
	return b.flush(ctx)
}

func (b *batch) flush(ctx context.Context) error {
	if len(b.items) == 0 || b.run.o.DryRun {
		return nil
	}
	refused, err := b.run.to.Put(ctx, b.run.from.ID(), b.folder, b.items)
	if err != nil {
		return err
	}
	r := b.run.report
	for i, reason := range refused {
		if b.items[i].Raw == nil {
			r.Updated--
		} else {
			r.Added--
			r.Bytes -= int64(len(b.items[i].Raw))
		}
		r.refuse(&MessageError{Folder: b.folder.String(), Key: b.items[i].Key, Err: errors.New(reason), Reason: reason})
	}
	b.items, b.size = nil, 0
	return nil
}
