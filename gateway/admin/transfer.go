package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/transfer"
)

// Classes are the words by which the kinds of items are named.
func classes() map[string]mail.Class {
	return map[string]mail.Class{
		"": 0, "events": mail.ClassCalendar, "contacts": mail.ClassContacts, "tasks": mail.ClassTasks, "notes": mail.ClassNotes,
	}
}

// FolderRequest names a folder of a user by its path, or the default one of a
// kind: events, contacts, tasks, notes.
type FolderRequest struct {
	Login  string `json:"login"`
	Folder string `json:"folder,omitempty"`
	Kind   string `json:"kind,omitempty"`
}

// ImportRequest brings objects into a folder: iCalendar or vCards, each with one
// item. Create makes the folder at the top if it is not there.
type ImportRequest struct {
	FolderRequest
	Create  bool     `json:"create,omitempty"`
	Objects [][]byte `json:"objects"`
	DryRun  bool     `json:"dry_run,omitempty"`
	Replace bool     `json:"replace,omitempty"`
}

// Imported says what became of each object, in their order.
type Imported struct {
	Folder  string            `json:"folder"`
	Results []transfer.Result `json:"results"`
}

// ExportRequest asks for what a folder holds: as one file, or with Each as a
// line of JSON for each object.
type ExportRequest struct {
	FolderRequest
	Each bool `json:"each,omitempty"`
}

// ExportedObject is one object of an export.
type ExportedObject struct {
	Name string `json:"name"`
	Raw  []byte `json:"raw"`
}

func (a *Admin) transferer() *transfer.Transfer {
	return transfer.New(transfer.Config{Store: a.c.Store, Mailboxes: a.c.Mailboxes})
}

// target finds the folder that a request names, or makes it; to look only, it
// makes none.
func (a *Admin) target(ctx context.Context, in *FolderRequest, create, look bool) (transfer.Target, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return transfer.Target{}, err
	}
	class, ok := classes()[in.Kind]
	if !ok {
		return transfer.Target{}, fmt.Errorf("%w: %q is no kind of items: events, contacts, tasks, notes", directory.ErrBadValue, in.Kind)
	}
	if in.Folder == "" && class == 0 {
		return transfer.Target{}, fmt.Errorf("%w: name a folder, or a kind of items (--kind)", directory.ErrBadValue)
	}
	t := a.transferer()
	if create {
		return t.FindOrCreate(ctx, mail.MailboxOf(acc.ID), in.Folder, class, look)
	}
	return t.Find(ctx, mail.MailboxOf(acc.ID), in.Folder, class)
}

func (a *Admin) importObjects(ctx context.Context, in ImportRequest) (Imported, error) {
	to, err := a.target(ctx, &in.FolderRequest, in.Create, in.DryRun)
	if err != nil {
		return Imported{}, err
	}
	results, err := a.transferer().Put(ctx, to, in.Objects, transfer.Options{DryRun: in.DryRun, Replace: in.Replace})
	return Imported{Folder: to.Name, Results: results}, err
}

func (a *Admin) exportObjects(ctx context.Context, in ExportRequest, w io.Writer) error {
	from, err := a.target(ctx, &in.FolderRequest, false, false)
	if err != nil {
		return err
	}
	t := a.transferer()
	if !in.Each {
		_, err := t.Write(ctx, from, w)
		return err
	}
	enc := json.NewEncoder(w)
	for o, err := range t.Each(ctx, from) {
		if err != nil {
			return err
		}
		if err := enc.Encode(ExportedObject{o.Name, o.Raw}); err != nil {
			return err
		}
	}
	return nil
}
