package admin

import (
	"context"
	"encoding/json"
	"io"

	"martlet/mail"
	"martlet/mail/migrate"
)

// MailFolderRequest is a folder of mail elsewhere that comes to a user, and what is
// asked about it or put into it.
type MailFolderRequest struct {
	Login  string         `json:"login"`
	Source string         `json:"source"` // migrate.Source.ID
	Folder migrate.Folder `json:"folder"`
	Heads  []migrate.Head `json:"heads,omitempty"`
	Items  []migrate.Item `json:"items,omitempty"`
}

// MailImported says how messages are there already, or what was refused of those
// that came.
type MailImported struct {
	States  []migrate.State `json:"states,omitempty"` // of Heads
	Refused map[int]string  `json:"refused,omitempty"`
}

// Forgotten says of how many messages nobody knows any more that they were brought.
type Forgotten struct {
	Messages int `json:"messages"`
}

// ExportedMail is a line of an export: a folder, or a message of the folder before it.
type ExportedMail struct {
	Folder *migrate.Folder `json:"folder,omitempty"`
	Count  int             `json:"count,omitempty"` // messages in the folder
	Item   *migrate.Item   `json:"item,omitempty"`
}

func (a *Admin) compareMail(ctx context.Context, in MailFolderRequest) (MailImported, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return MailImported{}, err
	}
	states, err := a.transferer().CompareMail(ctx, mail.MailboxOf(acc.ID), in.Source, &in.Folder, in.Heads)
	return MailImported{States: states}, err
}

func (a *Admin) importMail(ctx context.Context, in MailFolderRequest) (MailImported, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return MailImported{}, err
	}
	refused, err := a.transferer().PutMail(ctx, mail.MailboxOf(acc.ID), in.Source, &in.Folder, in.Items)
	return MailImported{Refused: refused}, err
}

func (a *Admin) forgetMail(ctx context.Context, in UserRequest) (Forgotten, error) {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return Forgotten{}, err
	}
	n, err := a.transferer().ForgetMail(ctx, mail.MailboxOf(acc.ID))
	return Forgotten{n}, err
}

func (a *Admin) exportMail(ctx context.Context, in UserRequest, w io.Writer) error {
	acc, err := a.find(ctx, in.Login)
	if err != nil {
		return err
	}
	t, enc := a.transferer(), json.NewEncoder(w)
	folders, err := t.MailFolders(ctx, mail.MailboxOf(acc.ID))
	if err != nil {
		return err
	}
	for i := range folders {
		f := &folders[i]
		if err := enc.Encode(ExportedMail{Folder: &f.Folder, Count: f.Count}); err != nil {
			return err
		}
		if err := t.EachMail(ctx, f.Target, func(it *migrate.Item) error { return enc.Encode(ExportedMail{Item: it}) }); err != nil {
			return err
		}
	}
	return nil
}

// CompareMail asks how messages elsewhere are there already.
func (c Client) CompareMail(ctx context.Context, in MailFolderRequest) ([]migrate.State, error) {
	out, err := ask[MailImported](ctx, c, "import.mail.compare", in)
	return out.States, err
}

// ImportMail brings messages into a folder of a user.
func (c Client) ImportMail(ctx context.Context, in MailFolderRequest) (refused map[int]string, err error) {
	out, err := ask[MailImported](ctx, c, "import.mail", in)
	return out.Refused, err
}

// ForgetMail has mail that was brought once be brought again.
func (c Client) ForgetMail(ctx context.Context, login string) (Forgotten, error) {
	return ask[Forgotten](ctx, c, "import.mail.forget", UserRequest{Login: login})
}

// ExportMail writes a user's mail, a line of JSON for each folder and message.
func (c Client) ExportMail(ctx context.Context, login string, w io.Writer) error {
	return c.Transport.Stream(ctx, "export.mail", UserRequest{Login: login}, w)
}
