package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"martlet/directory"
	"martlet/gateway/dav"
	"martlet/mail"
	"martlet/mail/imap"
	"martlet/store"
)

// ErrNeedsYes tells that something would be lost and that nobody has said yes.
var ErrNeedsYes = errors.New("admin: this removes mailboxes; say yes to do it")

// User is a user as shown to an administrator.
type User struct {
	Login      string    `json:"login"`
	ID         uint64    `json:"id"`
	Name       string    `json:"name,omitempty"`
	Aliases    []string  `json:"aliases,omitempty"`
	Admin      bool      `json:"admin"`
	Disabled   bool      `json:"disabled"`
	ActiveSync bool      `json:"active_sync"`
	Server     string    `json:"server,omitempty"` // that has the mailbox; "": this one
	Password   bool      `json:"password"`         // has one
	Created    time.Time `json:"created"`
	Items      uint64    `json:"items"` // without the recipient information
	Bytes      uint64    `json:"bytes"`
	Devices    int       `json:"devices"`

	QuotaBytes int64    `json:"quota_bytes,omitempty"` // what counts; 0: any amount
	QuotaItems int64    `json:"quota_items,omitempty"`
	Forward    []string `json:"forward,omitempty"`
	KeepCopy   bool     `json:"keep_copy,omitempty"`
	TwoFactor  bool     `json:"two_factor,omitempty"`
}

// NewUser is a user to be added. Domain makes the login's domain ours if it is
// not yet.
type NewUser struct {
	Login        string   `json:"login"`
	Name         string   `json:"name,omitempty"`
	Aliases      []string `json:"aliases,omitempty"`
	Password     string   `json:"password,omitempty"`
	Admin        bool     `json:"admin,omitempty"`
	NoActiveSync bool     `json:"no_active_sync,omitempty"`
	Domain       bool     `json:"domain,omitempty"`
}

// UserRequest names a user, and what some operations want besides.
type UserRequest struct {
	Login    string `json:"login"`
	Password string `json:"password,omitempty"`
	Server   string `json:"server,omitempty"`
	Yes      bool   `json:"yes,omitempty"`
}

// Nothing is the empty request.
type Nothing struct{}

func (a *Admin) addUser(ctx context.Context, in NewUser) (User, error) {
	if in.Domain {
		if err := a.addDomain(ctx, in.Login); err != nil {
			return User{}, err
		}
	}
	acc, err := a.c.Directory.AddUser(ctx, directory.Account{
		Login: in.Login, Name: in.Name, Aliases: in.Aliases, Admin: in.Admin, ActiveSync: !in.NoActiveSync,
	}, in.Password)
	if err != nil {
		return User{}, err
	}
	a.log.Info("user added", "login", acc.Login, "account", acc.ID)
	return a.user(ctx, acc)
}

func (a *Admin) addDomain(ctx context.Context, login string) error {
	domain, err := directory.DomainOf(login)
	if err != nil {
		return err
	}
	err = a.c.Directory.AddDomain(ctx, directory.Domain{Name: domain, PlusAddressing: true})
	if errors.Is(err, directory.ErrExists) {
		return nil
	}
	return err
}

// user adds what the mailbox and the devices tell.
func (a *Admin) user(ctx context.Context, acc directory.Account) (User, error) {
	u := User{
		Login: acc.Login, ID: uint64(acc.ID), Name: acc.Name, Aliases: acc.Aliases, Admin: acc.Admin, Disabled: acc.Disabled,
		ActiveSync: acc.ActiveSync, Server: acc.Server, Password: acc.PasswordHash != "", Created: acc.Created,
		Forward: acc.Forward, KeepCopy: acc.KeepCopy, TwoFactor: acc.TwoFactor,
	}
	err := a.c.Store.View(ctx, func(tx *store.Tx) error {
		u.Items, u.Bytes, u.Devices = 0, 0, 0
		q, err := a.c.Directory.QuotaIn(tx, acc.ID)
		if err != nil && !errors.Is(err, directory.ErrNoAccount) { // it went a moment ago
			return err
		}
		u.QuotaBytes, u.QuotaItems = q.Bytes, q.Items
		folders, err := a.c.Mailboxes.Folders(tx, mail.MailboxOf(acc.ID))
		if err != nil && !errors.Is(err, mail.ErrNoFolder) {
			return err
		}
		for _, f := range folders {
			if !f.Link.IsZero() { // another's
				continue
			}
			u.Bytes += f.Bytes
			if f.Role != mail.RoleRecipientInfo { // the server's own notes
				u.Items += uint64(f.Items)
			}
		}
		for _, err := range a.c.Devices.List(tx, acc.ID) {
			if err != nil {
				return err
			}
			u.Devices++
		}
		return nil
	})
	return u, err
}

func (a *Admin) listUsers(ctx context.Context, _ Nothing) ([]User, error) {
	users := []User{}
	for acc, err := range a.c.Directory.Accounts(ctx) {
		if err != nil {
			return nil, err
		}
		if acc.IsResource() {
			continue
		}
		u, err := a.user(ctx, acc)
		if err != nil {
			return nil, err
		}
		users = append(users, u)
	}
	return users, nil
}

func (a *Admin) find(ctx context.Context, login string) (directory.Account, error) {
	acc, err := a.c.Directory.AccountByLogin(ctx, login)
	if errors.Is(err, directory.ErrNoAccount) {
		return acc, fmt.Errorf("%w: %s", err, login)
	}
	return acc, err
}

// change does something to a user and shows what came of it.
func (a *Admin) change(ctx context.Context, login, event string, do func(directory.AccountID) error) (User, error) {
	acc, err := a.find(ctx, login)
	if err != nil {
		return User{}, err
	}
	if err := do(acc.ID); err != nil {
		return User{}, err
	}
	a.log.Info("user changed", "login", acc.Login, "account", acc.ID, "change", event)
	if acc, err = a.c.Directory.Account(ctx, acc.ID); err != nil {
		return User{}, err
	}
	return a.user(ctx, acc)
}

func (a *Admin) setPassword(ctx context.Context, in UserRequest) (User, error) {
	return a.change(ctx, in.Login, "password", func(id directory.AccountID) error {
		return a.c.Directory.SetPassword(ctx, id, in.Password)
	})
}

func (a *Admin) disableUser(ctx context.Context, in UserRequest) (User, error) {
	return a.change(ctx, in.Login, "disabled", func(id directory.AccountID) error {
		return a.c.Directory.SetDisabled(ctx, id, true)
	})
}

func (a *Admin) enableUser(ctx context.Context, in UserRequest) (User, error) {
	return a.change(ctx, in.Login, "enabled", func(id directory.AccountID) error {
		return a.c.Directory.SetDisabled(ctx, id, false)
	})
}

// setServer says which server has the user's mailbox.
func (a *Admin) setServer(ctx context.Context, in UserRequest) (User, error) {
	return a.change(ctx, in.Login, "server", func(id directory.AccountID) error {
		return a.c.Directory.SetServer(ctx, id, in.Server)
	})
}

// removeUser shows the user, and with a yes removes it with mailbox and
// devices. A crash in between leaves a user that can be removed again.
func (a *Admin) removeUser(ctx context.Context, in UserRequest) (User, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return User{}, err
	}
	u, err := a.user(ctx, acc)
	if err != nil || !in.Yes {
		return u, err
	}
	if err := a.empty(ctx, acc.ID); err != nil {
		return u, err
	}
	if err := a.c.Directory.RemoveUser(ctx, acc.ID); err != nil {
		return u, err
	}
	a.log.Info("user removed", "login", acc.Login, "account", acc.ID)
	return u, a.afterRemoval(ctx, acc.ID)
}

// empty bars the account and takes away its devices and its mailbox.
func (a *Admin) empty(ctx context.Context, id directory.AccountID) error {
	if err := a.c.Directory.SetDisabled(ctx, id, true); err != nil {
		return err
	}
	if err := a.c.Mailboxes.Remove(ctx, mail.MailboxOf(id)); err != nil {
		return err
	}
	if _, err := a.transferer().ForgetMail(ctx, mail.MailboxOf(id)); err != nil {
		return err
	}
	return a.forget(ctx, id)
}

// afterRemoval takes away what was delivered or synchronised while the account
// was being removed, and frees the space.
func (a *Admin) afterRemoval(ctx context.Context, ids ...directory.AccountID) error {
	for _, id := range ids {
		if err := a.c.Mailboxes.Remove(ctx, mail.MailboxOf(id)); err != nil {
			return err
		}
		if err := a.forget(ctx, id); err != nil {
			return err
		}
	}
	return a.c.Mailboxes.Sweep(ctx)
}

// forget takes away what an account has besides its mailbox.
func (a *Admin) forget(ctx context.Context, id directory.AccountID) error {
	if err := a.forgetJunk(ctx, id); err != nil {
		return err
	}
	return a.c.Store.Update(store.WithReserve(ctx), func(tx *store.Tx) error {
		if err := a.away.Remove(tx, id); err != nil {
			return err
		}
		if err := a.c.Rules.Remove(tx, id); err != nil {
			return err
		}
		if err := a.c.Apps.RemoveAccount(tx, id); err != nil {
			return err
		}
		if err := imap.Forget(tx, id); err != nil {
			return err
		}
		if err := dav.Forget(tx, a.c.Blobs, id); err != nil {
			return err
		}
		return a.c.Devices.RemoveAccount(tx, id)
	})
}
