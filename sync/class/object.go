package class

import (
	"errors"
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// Viewer is who looks at an item that may be another's.
type Viewer struct {
	Addresses []string // the mailbox owner's, in lower case, the primary one first
	Name      string   // the owner's
	Blank     bool     // private items are shown without their content
	Mark      string   // the name that stands on the item, as it is among those of others; empty: none
}

// EditOptions say how a client's ApplicationData is to be understood.
type EditOptions struct {
	Version   eas.Version
	Supported []wbxml.Tag // up to 14.1: the elements that the client keeps; of others what is there stays; nil: it said nothing and keeps all (MS-ASCMD 2.2.3.179)
	Instance  string      // InstanceId, since 16.0: the one occurrence that is meant
	Owner     calendar.Person
	Addresses []string // the owner's others, in lower case
	Now       time.Time
	Folder    mail.FolderID // of FileReferences in attachments to delete
	Item      mail.ItemID
	// An empty Picture takes a contact's photo away. Without it, it means nothing:
	// iOS sends one with its changes.
	DropPicture bool
	Mark        string // the Viewer's
}

// ErrNotFound means that an occurrence or an attachment is not in the item.
var ErrNotFound = errors.New("class: the item has no such part")

// errClass is a programmer's error.
var errClass = errors.New("class: not a class of objects")

// RenderObject makes the ApplicationData of an event, a contact, a task or a
// note. raw is its object as it is kept.
func RenderObject(item *mail.Item, raw []byte, opt *Options) (any, error) {
	v, err := renderObject(item, raw, opt)
	if err == nil && opt.Viewer.Mark != "" {
		mark(v, opt.Viewer.Mark)
	}
	return v, err
}

func renderObject(item *mail.Item, raw []byte, opt *Options) (any, error) {
	switch item.Class {
	case mail.ClassCalendar:
		return renderEvent(item, raw, opt)
	case mail.ClassContacts:
		return renderContact(item, raw, opt)
	case mail.ClassTasks:
		return renderTask(item, raw, opt)
	case mail.ClassNotes:
		return renderNote(item, raw, opt)
	}
	return nil, errClass
}

// EditObject makes the object that an item is to hold from what a client sends:
// of an Add with old nil, of a Change from what the item holds.
func EditObject(class mail.Class, old []byte, data wbxml.Raw, o *EditOptions) ([]byte, error) {
	switch class {
	case mail.ClassCalendar:
		return editEvent(old, data, o)
	case mail.ClassContacts:
		return editContact(old, data, o)
	case mail.ClassTasks:
		return editTask(old, data, o)
	case mail.ClassNotes:
		return editNote(old, data, o)
	}
	return nil, errClass
}
