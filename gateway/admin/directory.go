package admin

import (
	"context"
	"fmt"
	"io"

	"martlet/directory"
)

// ApplyRequest asks for a directory file to be applied. Yes is needed when users
// go with their mailboxes.
type ApplyRequest struct {
	File   *directory.File `json:"file"`
	DryRun bool            `json:"dry_run,omitempty"`
	Prune  bool            `json:"prune,omitempty"`
	Yes    bool            `json:"yes,omitempty"`
}

func (a *Admin) applyDirectory(ctx context.Context, in ApplyRequest) ([]directory.Edit, error) {
	if in.File == nil {
		return nil, fmt.Errorf("%w: no file", ErrBadRequest)
	}
	var options []directory.Option
	var gone []directory.AccountID
	if in.Prune {
		options = append(options, directory.Prune)
		edits, err := a.c.Directory.Apply(ctx, in.File, true, options...)
		if err != nil {
			return nil, err
		}
		for _, e := range edits {
			if e.Kind == directory.RemoveUserEdit {
				gone = append(gone, e.Account)
			}
		}
		if len(gone) > 0 && !in.Yes && !in.DryRun {
			return nil, fmt.Errorf("%w: %d users are not in the file", ErrNeedsYes, len(gone))
		}
	}
	if in.DryRun {
		return listed(a.c.Directory.Apply(ctx, in.File, true, options...))
	}
	for _, id := range gone {
		if err := a.empty(ctx, id); err != nil {
			return nil, err
		}
	}
	edits, err := a.c.Directory.Apply(ctx, in.File, false, options...)
	if err != nil {
		return nil, err
	}
	a.log.Info("directory applied", "edits", len(edits))
	if len(gone) > 0 {
		err = a.afterRemoval(ctx, gone...)
	}
	return listed(edits, err)
}

// listed makes no edits an empty list in JSON.
func listed(edits []directory.Edit, err error) ([]directory.Edit, error) {
	if edits == nil {
		edits = []directory.Edit{}
	}
	return edits, err
}

func (a *Admin) exportDirectory(ctx context.Context, _ Nothing, w io.Writer) error {
	f, err := a.c.Directory.Export(ctx)
	if err != nil {
		return err
	}
	return f.WriteTOML(w)
}
