package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"martlet/directory"
	"martlet/gateway/dav"
	"martlet/mail/filter"
	"martlet/mail/imap"
	"martlet/store"
	"martlet/store/archive"
	"martlet/store/blob"
)

// Status is what a running server tells about itself.
type Status struct {
	Running bool              `json:"running"`
	Version string            `json:"version"`
	Held    int               `json:"held"`         // phones
	Apps    int               `json:"apps"`         // that are registered to be woken
	Waiting int               `json:"apps_waiting"` // notifications that are due and not sent yet
	Listen  map[string]string `json:"listen,omitempty"`
	PID     int               `json:"pid,omitempty"`
	Hashes  int64             `json:"password_hashes"` // computed since the start
	// UpgradeFailed is why the last upgrade did not come about, "" when none was
	// tried.
	UpgradeFailed string `json:"upgrade_failed,omitempty"`
}

func (a *Admin) status(context.Context, Nothing) (Status, error) {
	if a.c.Process.Status == nil {
		return Status{}, nil
	}
	return a.c.Process.Status(), nil
}

// FsckRequest asks for a check. Deep reads every body.
type FsckRequest struct {
	Deep bool `json:"deep,omitempty"`
}

// FsckEvent is one line of a check's output. The last one has Done.
type FsckEvent struct {
	Stage    string         `json:"stage,omitempty"`
	Problem  *store.Problem `json:"problem,omitempty"`
	Done     bool           `json:"done,omitempty"`
	Problems int            `json:"problems"` // so far
}

// fsck checks every invariant and writes an event a line.
func (a *Admin) fsck(ctx context.Context, in FsckRequest, w io.Writer) error {
	n := 0
	enc := json.NewEncoder(w)
	report := func(p store.Problem) {
		n++
		enc.Encode(FsckEvent{Problem: &p, Problems: n})
	}
	for _, stage := range a.stages(in.Deep) {
		if err := enc.Encode(FsckEvent{Stage: stage.name, Problems: n}); err != nil {
			return err
		}
		if err := stage.check(ctx, report); err != nil {
			if ctx.Err() != nil {
				return err
			}
			// What stops one check says little about the others.
			report(store.Problem{Table: stage.name, Text: "the check could not go on: " + err.Error()})
		}
	}
	return enc.Encode(FsckEvent{Done: true, Problems: n})
}

type stage struct {
	name  string
	check func(context.Context, func(store.Problem)) error
}

func (a *Admin) stages(deep bool) []stage {
	all := []stage{
		{"store", a.c.Store.Check},
		{"directory", a.c.Directory.Check},
		{"mailboxes", a.c.Mailboxes.Check},
		{"devices", a.c.Devices.Check},
		{"owners", a.checkOwners},
		{"queue", a.c.Queue.Check},
		{"routes", a.c.Router.Check},
		{"absences", a.away.Check},
		{"rules", a.c.Rules.Check},
		{"apps", a.c.Apps.Check},
		{"shares", a.c.Shares.Check},
		{"meetings", a.c.Schedule.Check},
		{"junk", a.c.Junk.Check},
		{"signing keys", a.c.Signer.Check},
		{"greylisting", func(ctx context.Context, report func(store.Problem)) error {
			return filter.Check(ctx, a.c.Store, report)
		}},
		{"DMARC reports", a.c.Feedback.Check},
		{"TLS policies", a.c.Policies.Check},
		{"subscriptions", func(ctx context.Context, report func(store.Problem)) error {
			return imap.Check(ctx, a.c.Store, a.c.Directory, report)
		}},
		{"calendar programs", func(ctx context.Context, report func(store.Problem)) error {
			return dav.Check(ctx, a.c.Store, a.c.Directory, report)
		}},
		{"bodies", func(ctx context.Context, report func(store.Problem)) error {
			return a.c.Blobs.Audit(ctx, blob.Audit{Deep: deep, References: a.references}, report)
		}},
	}
	all = append(all, a.accountStages()...)
	if deep {
		all = append(all, stage{"words", a.c.Mailboxes.CheckWords})
	}
	return all
}

// references counts every reference to a body that any table holds.
func (a *Admin) references(tx *store.Tx, count func(blob.Ref)) error {
	for _, of := range []func(*store.Tx, func(blob.Ref)) error{a.c.Mailboxes.References, a.c.Queue.References, a.c.Router.References, a.c.Schedule.References, a.c.Junk.References, dav.References} {
		if err := of(tx, count); err != nil {
			return err
		}
	}
	return nil
}

// checkOwners finds devices and mailboxes of accounts that are gone.
func (a *Admin) checkOwners(ctx context.Context, report func(store.Problem)) error {
	known := map[directory.AccountID]bool{}
	for acc, err := range a.c.Directory.Accounts(ctx) {
		if err != nil {
			return err
		}
		known[acc.ID] = true
	}
	return a.c.Store.View(ctx, func(tx *store.Tx) error {
		for dev, err := range a.c.Devices.List(tx, 0) {
			if err != nil {
				return err
			}
			if !known[dev.ID.Account] {
				report(store.Problem{Table: "device", Key: dev.ID.String(), Text: fmt.Sprintf("account %d is gone", dev.ID.Account)})
			}
		}
		absent, err := a.away.Owners(tx)
		if err != nil {
			return err
		}
		for _, id := range absent {
			if !known[id] {
				report(store.Problem{Table: "absence", Key: fmt.Sprint(id), Text: fmt.Sprintf("account %d is gone", id)})
			}
		}
		for box, err := range a.c.Mailboxes.List(tx) {
			if err != nil {
				return err
			}
			public, err := a.c.Shares.IsPublic(tx, box)
			if err != nil {
				return err
			}
			if !public && !known[directory.AccountID(box)] {
				report(store.Problem{Table: "mailbox", Key: fmt.Sprint(box), Text: fmt.Sprintf("account %d is gone", box)})
			}
		}
		return nil
	})
}

// backup writes an archive of everything.
func (a *Admin) backup(ctx context.Context, _ Nothing, w io.Writer) error {
	b := bufio.NewWriterSize(w, 256<<10)
	var last archive.Progress
	if err := archive.Write(ctx, b, a.c.Store, a.c.Blobs, func(p archive.Progress) { last = p }); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	a.log.Info("backup written", "rows", last.Rows, "bodies", last.Blobs, "bytes", last.Bytes)
	return nil
}
