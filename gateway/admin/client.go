package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"martlet/directory"
)

// Client asks for operations over any Transport.
type Client struct{ Transport Transport }

func ask[Out any](ctx context.Context, c Client, name string, in any) (out Out, err error) {
	err = c.Transport.Call(ctx, name, in, &out)
	return out, err
}

// Status asks the server about itself. Running is false in a process of its own.
func (c Client) Status(ctx context.Context) (Status, error) {
	return ask[Status](ctx, c, "status", Nothing{})
}

// AddUser adds a user.
func (c Client) AddUser(ctx context.Context, in NewUser) (User, error) {
	return ask[User](ctx, c, "user.add", in)
}

// ListUsers lists all users in order of their numbers.
func (c Client) ListUsers(ctx context.Context) ([]User, error) {
	return ask[[]User](ctx, c, "user.list", Nothing{})
}

// SetPassword gives a user a new password.
func (c Client) SetPassword(ctx context.Context, login, password string) (User, error) {
	return ask[User](ctx, c, "user.password", UserRequest{Login: login, Password: password})
}

// SetDisabled bars a user from logging in, or lets it in again.
func (c Client) SetDisabled(ctx context.Context, login string, disabled bool) (User, error) {
	name := "user.enable"
	if disabled {
		name = "user.disable"
	}
	return ask[User](ctx, c, name, UserRequest{Login: login})
}

// RemoveUser shows what a removal takes away, and with yes takes it away.
func (c Client) RemoveUser(ctx context.Context, login string, yes bool) (User, error) {
	return ask[User](ctx, c, "user.remove", UserRequest{Login: login, Yes: yes})
}

// AddCertificates gives a user the certificates in a file.
func (c Client) AddCertificates(ctx context.Context, login string, file []byte) ([]Certificate, error) {
	return ask[[]Certificate](ctx, c, "user.certificate.add", CertificateRequest{Login: login, File: file})
}

// ListCertificates lists a user's certificates.
func (c Client) ListCertificates(ctx context.Context, login string) ([]Certificate, error) {
	return ask[[]Certificate](ctx, c, "user.certificate.list", CertificateRequest{Login: login})
}

// RemoveCertificate takes away the one whose fingerprint begins so.
func (c Client) RemoveCertificate(ctx context.Context, login, fingerprint string) ([]Certificate, error) {
	return ask[[]Certificate](ctx, c, "user.certificate.remove", CertificateRequest{Login: login, Fingerprint: fingerprint})
}

// SetPhoto gives a user a photo; an empty one takes it away.
func (c Client) SetPhoto(ctx context.Context, login string, photo []byte) (User, error) {
	return ask[User](ctx, c, "user.photo", PhotoRequest{Login: login, Photo: photo})
}

// SetServer says which server has a user's mailbox; "" is this one.
func (c Client) SetServer(ctx context.Context, login, server string) (User, error) {
	return ask[User](ctx, c, "user.server", UserRequest{Login: login, Server: server})
}

// Oof tells what a user says while away.
func (c Client) Oof(ctx context.Context, login string) (Oof, error) {
	return ask[Oof](ctx, c, "user.oof", UserRequest{Login: login})
}

// SetOof changes what is named of what a user says while away.
func (c Client) SetOof(ctx context.Context, in OofRequest) (Oof, error) {
	return ask[Oof](ctx, c, "user.oof.set", in)
}

// Apply applies a directory file.
func (c Client) Apply(ctx context.Context, in ApplyRequest) ([]directory.Edit, error) {
	return ask[[]directory.Edit](ctx, c, "directory.apply", in)
}

// Export writes the directory as a file.
func (c Client) Export(ctx context.Context, w io.Writer) error {
	return c.Transport.Stream(ctx, "directory.export", Nothing{}, w)
}

// Backup writes an archive. Only after a nil error is it whole.
func (c Client) Backup(ctx context.Context, w io.Writer) error {
	return c.Transport.Stream(ctx, "backup", Nothing{}, w)
}

// ImportObjects brings objects into a folder of a user.
func (c Client) ImportObjects(ctx context.Context, in ImportRequest) (Imported, error) {
	return ask[Imported](ctx, c, "import", in)
}

// ExportObjects writes what a folder holds.
func (c Client) ExportObjects(ctx context.Context, in ExportRequest, w io.Writer) error {
	return c.Transport.Stream(ctx, "export", in, w)
}

// Fsck checks everything and calls event as it goes.
func (c Client) Fsck(ctx context.Context, in FsckRequest, event func(FsckEvent)) error {
	l := &lines{event: event}
	if err := c.Transport.Stream(ctx, "fsck", in, l); err != nil {
		return err
	}
	if !l.done {
		return errors.New("admin: the check broke off")
	}
	return nil
}

// lines takes a stream of JSON lines apart, however it is cut.
type lines struct {
	event func(FsckEvent)
	rest  []byte
	done  bool
}

func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte{'\n'})
		if !ok {
			return len(p), nil
		}
		var e FsckEvent
		if err := json.Unmarshal(line, &e); err != nil {
			return 0, fmt.Errorf("admin: the check's output: %w", err)
		}
		l.rest = rest
		l.done = e.Done
		l.event(e)
	}
}

// Devices lists a user's devices.
func (c Client) Devices(ctx context.Context, login string) ([]Device, error) {
	return ask[[]Device](ctx, c, "device.list", UserRequest{Login: login})
}

// DevicePassword tells the recovery password of a user's device.
func (c Client) DevicePassword(ctx context.Context, login, id string) (Device, error) {
	return ask[Device](ctx, c, "device.password", DeviceRequest{Login: login, Device: id})
}

// Broken lists what is withheld from a user's devices because they cannot take
// it; without a login from all devices.
func (c Client) Broken(ctx context.Context, login string) ([]Broken, error) {
	return ask[[]Broken](ctx, c, "device.broken", UserRequest{Login: login})
}

// OfferAgain has items that are withheld offered to the device again.
func (c Client) OfferAgain(ctx context.Context, in BrokenRequest) ([]Broken, error) {
	return ask[[]Broken](ctx, c, "device.offer", in)
}

// Folders lists the folders of a user, or the public ones without an owner.
func (c Client) Folders(ctx context.Context, owner string) ([]Folder, error) {
	return ask[[]Folder](ctx, c, "folder.list", FolderEdit{Owner: owner})
}

// CreateFolder makes a folder of a class.
func (c Client) CreateFolder(ctx context.Context, in FolderEdit) (Folder, error) {
	return ask[Folder](ctx, c, "folder.create", in)
}

// RenameFolder gives a folder another name or place.
func (c Client) RenameFolder(ctx context.Context, in FolderEdit) (Folder, error) {
	return ask[Folder](ctx, c, "folder.rename", in)
}

// DeleteFolder shows what goes with a folder, and with a yes deletes it.
func (c Client) DeleteFolder(ctx context.Context, in FolderEdit) ([]Folder, error) {
	return ask[[]Folder](ctx, c, "folder.delete", in)
}

// Grant shares a folder, and lists what is granted there by now.
func (c Client) Grant(ctx context.Context, in ShareRequest) ([]Share, error) {
	return ask[[]Share](ctx, c, "share.grant", in)
}

// Revoke takes back what was granted, and lists what is left.
func (c Client) Revoke(ctx context.Context, in ShareRequest) ([]Share, error) {
	return ask[[]Share](ctx, c, "share.revoke", in)
}

// Shares lists what was granted.
func (c Client) Shares(ctx context.Context, in ShareRequest) ([]Share, error) {
	return ask[[]Share](ctx, c, "share.list", in)
}
