// Package transfer brings events, contacts, tasks and notes from files into
// mailboxes, and out of them into files. What it did once it does not do again:
// an object that is there already stays one object, so that an import that was
// cut short is simply repeated. It must never take an object away, nor put an
// older state of one in the place of a newer one.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/object"
	"martlet/store"
	"martlet/store/blob"
)

// Errors of this package.
var (
	ErrNoFolder = errors.New("transfer: no such folder")
	ErrClass    = errors.New("transfer: the folder holds items of another kind")
)

// Config is what a Transfer works on. Every field is needed.
type Config struct {
	Store     *store.Store
	Mailboxes *mailbox.Mailboxes
}

// Transfer carries objects in and out. It is safe for concurrent use.
type Transfer struct{ c Config }

// New returns a Transfer.
func New(c Config) *Transfer { return &Transfer{c: c} }

// Target is a folder of a mailbox.
type Target struct {
	Box    mail.MailboxID
	Folder mail.FolderID
	Class  mail.Class
	Name   string // of the folder
}

// Outcome is what became of an object.
type Outcome string

// The outcomes.
const (
	Added     Outcome = "added"
	Updated   Outcome = "updated"   // it was there in an older state
	Unchanged Outcome = "unchanged" // it was there as it is
	Kept      Outcome = "kept"      // it was there in a newer state, which stays
	Refused   Outcome = "refused"
)

// Result says what became of one object, and of a refused one why.
type Result struct {
	Outcome Outcome `json:"outcome"`
	UID     string  `json:"uid,omitempty"`
	Title   string  `json:"title,omitempty"`
	Reason  string  `json:"reason,omitempty"`
}

// Options say how objects are brought in.
type Options struct {
	DryRun  bool // tell what would be done, and do nothing
	Replace bool // what comes takes the place of what is there, even of a newer state
}

// Find finds a folder by its path, names parted by slashes, whatever their case.
// An empty path is the default folder of the class. ErrNoFolder, ErrClass.
func (t *Transfer) Find(ctx context.Context, box mail.MailboxID, path string, class mail.Class) (Target, error) {
	if err := t.c.Mailboxes.Create(ctx, box); err != nil {
		return Target{}, err
	}
	var found *mail.Folder
	err := t.c.Store.View(ctx, func(tx *store.Tx) error {
		folders, err := t.c.Mailboxes.Folders(tx, box)
		found = byPath(folders, path, class)
		return err
	})
	switch {
	case err != nil:
		return Target{}, fmt.Errorf("transfer: %w", err)
	case found == nil:
		return Target{}, fmt.Errorf("%w: %s", ErrNoFolder, path)
	case class != 0 && found.Class != class || found.Class == mail.ClassEmail || found.Class == 0 || found.Role == mail.RoleRecipientInfo:
		return Target{}, fmt.Errorf("%w: %s", ErrClass, found.Name)
	}
	return Target{box, found.ID, found.Class, found.Name}, nil
}

// FindOrCreate is Find that makes a folder which is not there, at the top or below
// one that is. For a look only it makes none: what it finds then has no number.
func (t *Transfer) FindOrCreate(ctx context.Context, box mail.MailboxID, path string, class mail.Class, look bool) (Target, error) {
	to, err := t.Find(ctx, box, path, class)
	above, name := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		above, name = path[:i], path[i+1:]
	}
	if !errors.Is(err, ErrNoFolder) || class == 0 || name == "" {
		return to, err
	}
	err = t.c.Store.Update(ctx, func(tx *store.Tx) error {
		parent := mail.FolderID(0)
		if name != path {
			folders, err := t.c.Mailboxes.Folders(tx, box)
			if err != nil {
				return err
			}
			f := byPath(folders, above, 0)
			if f == nil || above == "" {
				return fmt.Errorf("%w: %s", ErrNoFolder, above)
			}
			parent = f.ID
		}
		if look {
			return nil
		}
		_, err := t.c.Mailboxes.CreateFolder(tx, box, parent, name, class)
		return err
	})
	switch {
	case errors.Is(err, ErrNoFolder):
		return to, err
	case err != nil && !errors.Is(err, mail.ErrFolderExists):
		return to, fmt.Errorf("transfer: %w", err)
	case look:
		return Target{Box: box, Class: class, Name: name}, nil
	}
	return t.Find(ctx, box, path, class)
}

// defaultRole is the folder that a class of objects is at home in.
func defaultRole(c mail.Class) mail.Role {
	switch c {
	case mail.ClassContacts:
		return mail.RoleContacts
	case mail.ClassTasks:
		return mail.RoleTasks
	case mail.ClassNotes:
		return mail.RoleNotes
	}
	return mail.RoleCalendar
}

func byPath(folders []mail.Folder, path string, class mail.Class) *mail.Folder {
	if path == "" {
		for i := range folders {
			if folders[i].Role == defaultRole(class) {
				return &folders[i]
			}
		}
		return nil
	}
	var at *mail.Folder
	for name := range strings.SplitSeq(path, "/") {
		var next *mail.Folder
		for i := range folders {
			f := &folders[i]
			if strings.EqualFold(f.Name, name) && (at == nil && f.Parent == 0 || at != nil && f.Parent == at.ID) {
				next = f
			}
		}
		if at = next; at == nil {
			return nil
		}
	}
	return at
}

// maxAtOnce is how many objects Put writes in one transaction.
const maxAtOnce = 100

// attempts is how often a batch is prepared anew because somebody else wrote.
const attempts = 4

// Put brings objects into a folder. What cannot be read is refused, each for
// itself; an error is one that stops all: what was done before it stays.
func (t *Transfer) Put(ctx context.Context, to Target, raw [][]byte, o Options) ([]Result, error) {
	results := make([]Result, 0, len(raw))
	look := map[string]*object.Object{}
	for len(raw) > 0 {
		done, err := t.putSome(ctx, to, raw[:min(len(raw), maxAtOnce)], o, look)
		if err != nil {
			return results, fmt.Errorf("transfer: %w", err)
		}
		results, raw = append(results, done...), raw[len(done):]
	}
	return results, nil
}

// errMoved means that somebody else has changed an object meanwhile.
var errMoved = errors.New("transfer: changed meanwhile")

// putSome brings in one object at least, up to the first with the UID of one
// before it. look has those that a dry run would have brought in.
func (t *Transfer) putSome(ctx context.Context, to Target, raw [][]byte, o Options, look map[string]*object.Object) (results []Result, err error) {
	var plans []plan
	for range attempts {
		plans, err = t.plan(ctx, to, raw, o, look)
		if errors.Is(err, blob.ErrGone) {
			continue // replaced while it was looked at
		}
		if err != nil {
			return nil, err
		}
		results = results[:0]
		for i := range plans {
			results = append(results, plans[i].result)
		}
		if o.DryRun {
			return results, nil
		}
		err = t.c.Store.Update(ctx, func(tx *store.Tx) error {
			for i := range plans {
				if err := t.carryOut(tx, to, &plans[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if !errors.Is(err, errMoved) && !errors.Is(err, blob.ErrGone) {
			return results, err
		}
	}
	return nil, err
}

// plan is what is to be done with one object.
type plan struct {
	result Result
	object *object.Object
	body   mail.Body
	there  mail.Item // zero: it is not
}

func (t *Transfer) plan(ctx context.Context, to Target, raw [][]byte, o Options, look map[string]*object.Object) (plans []plan, err error) {
	plans = make([]plan, len(raw))
	seen := map[string]bool{}
	for i := range raw {
		p := &plans[i]
		obj, err := object.Read(to.Class, raw[i])
		if err != nil {
			p.result = Result{Outcome: Refused, Reason: Reason(err)}
			continue
		}
		p.object, p.result = obj, Result{UID: obj.Facts.UID, Title: title(obj)}
		if seen[obj.Facts.UID] { // to be compared with what becomes of that
			return plans[:i], nil
		}
		seen[obj.Facts.UID] = true
		if err := t.decide(ctx, to, p, o, look[obj.Facts.UID]); err != nil {
			return nil, err
		}
		if p.result.Outcome != Added && p.result.Outcome != Updated {
			continue
		}
		if o.DryRun {
			look[obj.Facts.UID] = obj
		} else if p.body, err = t.c.Mailboxes.KeepObject(ctx, obj); err != nil {
			return nil, err
		}
	}
	return plans, nil
}

// decide tells what is to become of an object that can be read. old is what would
// be there, if a dry run knows.
func (t *Transfer) decide(ctx context.Context, to Target, p *plan, o Options, old *object.Object) (err error) {
	there := old != nil
	if !there && to.Folder != 0 {
		if there, old, err = t.there(ctx, to, p); err != nil {
			return err
		}
	}
	switch {
	case !there:
		p.result.Outcome = Added
	case old != nil && string(old.Raw) == string(p.object.Raw):
		p.result.Outcome = Unchanged
	case old == nil || o.Replace || newer(p.object, old):
		p.result.Outcome = Updated
	default:
		p.result.Outcome = Kept
	}
	return nil
}

// there finds the object with the UID that the folder has; nil for one that
// cannot be read.
func (t *Transfer) there(ctx context.Context, to Target, p *plan) (there bool, old *object.Object, err error) {
	err = t.c.Store.View(ctx, func(tx *store.Tx) (err error) {
		p.there, err = t.find(tx, to, p.object.Facts.UID)
		return err
	})
	if err != nil || p.there.ID == 0 {
		return false, nil, err
	}
	raw, err := t.c.Mailboxes.Blobs().Read(ctx, p.there.Blob)
	if err != nil {
		return false, nil, err
	}
	if old, err = object.Read(to.Class, raw); err != nil {
		old = nil
	}
	return true, old, nil
}

// find returns the item of a folder that has a UID, or one without a number.
func (t *Transfer) find(tx *store.Tx, to Target, uid string) (mail.Item, error) {
	_, box, folder, err := t.c.Mailboxes.Resolve(tx, to.Box, to.Folder)
	if err != nil {
		return mail.Item{}, err
	}
	places, err := t.c.Mailboxes.ByUID(tx, box, to.Class, uid)
	if err != nil {
		return mail.Item{}, err
	}
	for _, p := range places {
		if p.Folder == folder {
			return t.c.Mailboxes.Item(tx, to.Box, to.Folder, p.Item)
		}
	}
	return mail.Item{}, nil
}

func (t *Transfer) carryOut(tx *store.Tx, to Target, p *plan) error {
	if p.result.Outcome != Added && p.result.Outcome != Updated {
		return nil
	}
	there, err := t.find(tx, to, p.object.Facts.UID)
	if err != nil {
		return err
	}
	if there.ID != p.there.ID || there.Blob != p.there.Blob {
		return errMoved
	}
	if p.result.Outcome == Updated {
		if err := t.c.Mailboxes.Room(tx, to.Box, to.Folder, p.body.Blob.Size-there.Blob.Size, 0); err != nil {
			return err
		}
		_, err = t.c.Mailboxes.ReplaceBody(tx, to.Box, to.Folder, there.ID, p.body, nil)
		return err
	}
	if err := t.c.Mailboxes.Room(tx, to.Box, to.Folder, p.body.Blob.Size, 1); err != nil {
		return err
	}
	_, err = t.c.Mailboxes.Append(tx, to.Box, to.Folder, mail.NewItem{Class: to.Class, Body: p.body, Own: true})
	return err
}

// Reason is what a person is told of an object that cannot be read.
func Reason(err error) string {
	text := err.Error()
	for _, prefix := range []string{"object: ", "calendar: ", "vcard: "} {
		text = strings.ReplaceAll(text, prefix, "")
	}
	return text
}
