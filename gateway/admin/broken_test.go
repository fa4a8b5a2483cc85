package admin

import (
	"context"
	"errors"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/sync/device"
)

// What is withheld from a phone is shown with what an administrator needs to
// find it, and offered again one by one or all at once.
func TestWhatPhonesCannotTakeIsListedAndOfferedAgain(t *testing.T) {
	bothWays(t, func(t *testing.T, c Config, client Client) {
		ctx := context.Background()
		if _, err := client.AddUser(ctx, NewUser{Login: "ada@example.org", Password: "correct horse", Domain: true}); err != nil {
			t.Fatal(err)
		}
		acc, err := c.Directory.AccountByLogin(ctx, "ada@example.org")
		if err != nil {
			t.Fatal(err)
		}
		box, phone := mail.MailboxOf(acc.ID), device.ID{Account: acc.ID, Device: "phone1"}
		body, err := c.Mailboxes.Prepare(ctx, []byte("Subject: lunch\r\nMessage-ID: <a@x>\r\n\r\nx"))
		if err != nil {
			t.Fatal(err)
		}
		err = c.Store.Update(ctx, func(tx *store.Tx) error {
			inbox, err := c.Mailboxes.FolderByRole(tx, box, mail.RoleInbox)
			if err != nil {
				return err
			}
			state := device.Collection{Folder: uint32(inbox.ID), Broken: true, Confirmed: device.Generation{Key: 5}}
			if err := errors.Join(c.Devices.Save(tx, device.Device{ID: phone}), c.Devices.SaveCollection(tx, phone, state)); err != nil {
				return err
			}
			for range 2 {
				it, err := c.Mailboxes.Append(tx, box, inbox.ID, mail.NewItem{Class: mail.ClassEmail, Body: body})
				if err != nil {
					return err
				}
				b := device.Broken{Device: phone, Folder: uint32(inbox.ID), Item: uint32(it.ID), Box: uint64(box), Object: it.Object, When: time.Now(), Why: "it loops"}
				if err := c.Devices.SaveBroken(tx, b); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		all, err := client.Broken(ctx, "")
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v, %v", all, err)
		}
		if b := all[0]; b.Login != "ada@example.org" || b.Device != "phone1" || b.Folder != "Inbox" || b.Item != "1:1" || b.Subject != "lunch" || b.Why != "it loops" || b.When.IsZero() {
			t.Errorf("it shows %+v", b)
		}
		for _, wrong := range []BrokenRequest{
			{Login: "ada@example.org", Device: "phone1", Item: "1:9"},
			{Login: "ada@example.org", Device: "phone2", All: true},
		} {
			if _, err := client.OfferAgain(ctx, wrong); !errors.Is(err, device.ErrNotBroken) {
				t.Errorf("%+v: %v", wrong, err)
			}
		}
		if got, err := client.OfferAgain(ctx, BrokenRequest{Login: "ada@example.org", Device: "phone1", Item: "1:2"}); err != nil || len(got) != 1 {
			t.Errorf("one is offered: %+v, %v", got, err)
		}
		if all, err := client.Broken(ctx, "ada@example.org"); err != nil || len(all) != 1 || all[0].Item != "1:1" {
			t.Errorf("then there is %+v, %v", all, err)
		}
		if got, err := client.OfferAgain(ctx, BrokenRequest{Login: "ada@example.org", Device: "phone1", All: true}); err != nil || len(got) != 1 {
			t.Errorf("all are offered: %+v, %v", got, err)
		}
	})
}
