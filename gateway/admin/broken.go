package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// Broken is an item that a phone is not given because it cannot take it.
type Broken struct {
	Login   string    `json:"login"`
	Device  string    `json:"device"`
	Folder  string    `json:"folder"`
	Item    string    `json:"item"` // as phones name it
	Object  uint64    `json:"object"`
	Subject string    `json:"subject,omitempty"`
	When    time.Time `json:"when"`
	Why     string    `json:"why"`
}

// BrokenRequest names an item that is withheld, or with All every one of the
// device.
type BrokenRequest struct {
	Login  string `json:"login"`
	Device string `json:"device"`
	Item   string `json:"item,omitempty"`
	All    bool   `json:"all,omitempty"`
}

// itemName is how phones name an item.
func itemName(b *device.Broken) string { return fmt.Sprintf("%d:%d", b.Folder, b.Item) }

// listBroken lists what is withheld from the devices of a user, or of all users
// when no login is given.
func (a *Admin) listBroken(ctx context.Context, in UserRequest) ([]Broken, error) {
	var account directory.AccountID
	if in.Login != "" {
		acc, err := a.find(ctx, in.Login)
		if err != nil {
			return nil, err
		}
		account = acc.ID
	}
	logins := map[directory.AccountID]string{}
	for acc, err := range a.c.Directory.Accounts(ctx) {
		if err != nil {
			return nil, err
		}
		logins[acc.ID] = acc.Login
	}
	var all []Broken
	err := a.c.Store.View(ctx, func(tx *store.Tx) error {
		all = []Broken{}
		for b, err := range a.c.Devices.BrokenOf(tx, account) {
			if err != nil {
				return err
			}
			shown, err := a.shownBroken(tx, &b)
			if err != nil {
				return err
			}
			shown.Login = logins[b.Device.Account]
			all = append(all, shown)
		}
		return nil
	})
	return all, err
}

func (a *Admin) shownBroken(tx *store.Tx, b *device.Broken) (Broken, error) {
	shown := Broken{Device: b.Device.Device, Object: b.Object, When: b.When, Why: b.Why, Item: itemName(b)}
	box, f := mail.MailboxID(b.Box), mail.FolderID(b.Folder)
	folder, err := a.c.Mailboxes.Folder(tx, box, f)
	if errors.Is(err, mail.ErrNoFolder) {
		return shown, nil
	}
	if err != nil {
		return shown, err
	}
	shown.Folder = folder.Name
	it, err := a.c.Mailboxes.Item(tx, box, f, mail.ItemID(b.Item))
	if errors.Is(err, mail.ErrNoItem) {
		return shown, nil
	}
	if err != nil || it.Blob.IsZero() {
		return shown, err
	}
	ix, err := a.c.Mailboxes.Index(tx, it.Blob)
	if errors.Is(err, mail.ErrNoItem) {
		return shown, nil
	}
	if err == nil {
		shown.Subject = ix.Subject
	}
	return shown, err
}

// offerAgain has items offered to the device with its next request.
func (a *Admin) offerAgain(ctx context.Context, in BrokenRequest) ([]Broken, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return nil, err
	}
	var offered []Broken
	err = a.c.Store.Update(ctx, func(tx *store.Tx) error {
		offered = []Broken{}
		var chosen []device.Broken
		for b, err := range a.c.Devices.BrokenOf(tx, acc.ID) {
			if err != nil {
				return err
			}
			if b.Device.Device == in.Device && (in.All || itemName(&b) == in.Item) {
				chosen = append(chosen, b)
			}
		}
		if len(chosen) == 0 {
			return device.ErrNotBroken
		}
		for _, b := range chosen {
			if err := a.c.Devices.OfferAgain(tx, b.Device, b.Folder, b.Item); err != nil {
				return err
			}
			a.c.Mailboxes.Wake(tx, mail.MailboxID(b.Box), mail.FolderID(b.Folder))
			shown, err := a.shownBroken(tx, &b)
			if err != nil {
				return err
			}
			shown.Login = acc.Login
			offered = append(offered, shown)
		}
		return nil
	})
	if err == nil {
		a.log.Info("items offered again", "login", acc.Login, "account", acc.ID, "device", in.Device, "items", len(offered))
	}
	return offered, err
}
