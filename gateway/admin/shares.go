package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/share"
	"martlet/store"
)

// Share is what somebody may do in a folder of another's.
type Share struct {
	Owner      string `json:"owner,omitempty"` // login; "": it is public
	Folder     string `json:"folder"`          // its path
	To         string `json:"to"`              // address of a user or a group, or "everyone"
	Rights     string `json:"rights"`          // read, write, delegate
	SeePrivate bool   `json:"see_private"`
}

// ShareRequest says what shall be granted or taken back, or which grants are
// asked for.
type ShareRequest struct {
	Owner      string `json:"owner,omitempty"` // login; "": public folders
	Folder     string `json:"folder,omitempty"`
	To         string `json:"to,omitempty"`
	Rights     string `json:"rights,omitempty"`
	SeePrivate bool   `json:"see_private,omitempty"`
	Below      bool   `json:"below,omitempty"` // the folders below it, too
	All        bool   `json:"all,omitempty"`   // of everybody
}

// everyone is how all users are named.
const everyone = "everyone"

func rightsNamed(name string, seePrivate bool) (r mail.Rights, err error) {
	switch name {
	case "read":
		r = mail.MayRead
	case "write":
		r = mail.MayWrite
	case "delegate":
		r = mail.MayDelegate
	default:
		return 0, fmt.Errorf("%w: %q is none of read, write, delegate", directory.ErrBadValue, name)
	}
	if seePrivate {
		r |= mail.MaySee
	}
	return share.Whole(r), nil
}

func rightsName(r mail.Rights) string {
	switch {
	case r&mail.MayDelegate != 0:
		return "delegate"
	case r&mail.MayWrite != 0:
		return "write"
	}
	return "read"
}

// grantee reads to whom something is granted.
func (a *Admin) grantee(ctx context.Context, to string) (p share.Principal, err error) {
	switch to {
	case "":
		return p, fmt.Errorf("%w: to whom?", directory.ErrBadValue)
	case everyone:
		return p, nil
	}
	err = a.c.Store.View(ctx, func(tx *store.Tx) error {
		p, err = a.c.Shares.Principal(tx, to)
		return err
	})
	if errors.Is(err, directory.ErrBadAddress) { // a login without its domain
		acc, err := a.find(ctx, to)
		return share.Principal{Account: acc.ID}, err
	}
	return p, err
}

// named are the folders of a request.
func (a *Admin) named(ctx context.Context, in *ShareRequest) (t tree, ids []mail.FolderID, err error) {
	if t, err = a.tree(ctx, in.Owner); err != nil {
		return t, nil, err
	}
	f, err := t.find(in.Folder)
	if err != nil {
		return t, nil, err
	}
	ids = []mail.FolderID{f.ID}
	for i := range t.folders {
		if id := t.folders[i].ID; in.Below && id != f.ID && lies(t.folders, id, f.ID) {
			ids = append(ids, id)
		}
	}
	return t, ids, nil
}

func (a *Admin) grantShare(ctx context.Context, in ShareRequest) ([]Share, error) {
	rights, err := rightsNamed(in.Rights, in.SeePrivate)
	if err != nil {
		return nil, err
	}
	return a.changeShare(ctx, &in, "granted", func(tx *store.Tx, g share.Grant) error {
		g.Rights = rights
		return a.c.Shares.GrantIn(tx, g)
	})
}

func (a *Admin) revokeShare(ctx context.Context, in ShareRequest) ([]Share, error) {
	return a.changeShare(ctx, &in, "revoked", func(tx *store.Tx, g share.Grant) error {
		err := a.c.Shares.RevokeIn(tx, g.Box, g.Folder, g.To)
		if in.Below && errors.Is(err, share.ErrNoGrant) {
			return nil
		}
		return err
	})
}

// changeShare does something to the grants of folders, all or none, and shows what
// is granted there afterwards.
func (a *Admin) changeShare(ctx context.Context, in *ShareRequest, event string, do func(*store.Tx, share.Grant) error) ([]Share, error) {
	to, err := a.grantee(ctx, in.To)
	if err != nil {
		return nil, err
	}
	t, ids, err := a.named(ctx, in)
	if err != nil {
		return nil, err
	}
	err = a.c.Store.Update(store.WithReserve(ctx), func(tx *store.Tx) error {
		for _, id := range ids {
			if err := do(tx, share.Grant{Box: t.box, Folder: id, To: to}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.log.Info("share "+event, "owner", t.owner, "folder", in.Folder, "to", in.To, "rights", in.Rights)
	all := []Share{}
	for _, id := range ids {
		some, err := a.sharesOf(ctx, &t, id)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// sharesOf shows the grants of a folder.
func (a *Admin) sharesOf(ctx context.Context, t *tree, id mail.FolderID) (all []Share, err error) {
	err = a.c.Store.View(ctx, func(tx *store.Tx) error {
		all = nil
		grants, err := a.c.Shares.Grants(tx, t.box, id)
		for _, g := range grants {
			s := Share{Owner: t.owner, Folder: t.paths[g.Folder], To: g.To.Group, Rights: rightsName(g.Rights), SeePrivate: g.Rights&mail.MaySee != 0}
			switch {
			case g.To.IsEveryone():
				s.To = everyone
			case g.To.Account != 0:
				acc, err := a.c.Directory.AccountIn(tx, g.To.Account)
				if err != nil {
					return err
				}
				s.To = acc.Login
			}
			all = append(all, s)
		}
		return err
	})
	return all, err
}

// listShares lists the grants of a folder, of all folders of an owner, of all
// public folders, or of everybody.
func (a *Admin) listShares(ctx context.Context, in ShareRequest) ([]Share, error) {
	all := []Share{}
	if in.Folder != "" {
		t, ids, err := a.named(ctx, &in)
		for _, id := range ids {
			some, err := a.sharesOf(ctx, &t, id)
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
		return all, err
	}
	owners := []string{in.Owner}
	if in.All {
		owners = []string{""}
		sharing, err := a.sharing(ctx)
		if err != nil {
			return nil, err
		}
		owners = append(owners, sharing...)
	}
	for _, owner := range owners {
		t, err := a.tree(ctx, owner)
		if err != nil {
			return nil, err
		}
		if t.box == 0 { // no public folders yet
			continue
		}
		some, err := a.sharesOf(ctx, &t, 0)
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(some, func(a, b Share) int { return strings.Compare(a.Folder, b.Folder) })
		all = append(all, some...)
	}
	return all, nil
}

// sharing are the logins of those who share something, in order.
func (a *Admin) sharing(ctx context.Context) (logins []string, err error) {
	err = a.c.Store.View(ctx, func(tx *store.Tx) error {
		logins = nil
		grants, err := a.c.Shares.Grants(tx, 0, 0)
		if err != nil {
			return err
		}
		seen := map[mail.MailboxID]bool{}
		for _, g := range grants {
			if seen[g.Box] {
				continue
			}
			seen[g.Box] = true
			acc, err := a.c.Directory.AccountIn(tx, directory.AccountID(g.Box))
			if errors.Is(err, directory.ErrNoAccount) { // public
				continue
			}
			if err != nil {
				return err
			}
			logins = append(logins, acc.Login)
		}
		return nil
	})
	slices.Sort(logins)
	return logins, err
}
